/*
 * The registrations of an address-of-record, application/reginfo+xml (RFC 3680). A subscriber sees by it
 * where else he is registered, and that he no longer is. Full state each time; a contact that is gone is
 * not there any more. How long each still lasts is left out: it would be another document each second.
 */
#include "registrar/registrar.h"

#include "base/xml.h"

static void
put_id(struct registrar *r, struct buf *b, char kind, struct span of)
{
	uint64_t hash = hash_span(&r->challenge.key, of);

	buf_lit(b, " id=\"");
	buf_char(b, kind);
	buf_hex(b, &hash, sizeof(hash));
	buf_char(b, '"');
}

static void
put_contact(
    struct registrar *r, struct buf *b, const struct location *loc, const struct binding *of)
{
	buf_lit(b, "<contact");
	put_id(r, b, 'c', loc_text(loc, of->contact));
	buf_lit(b, " state=\"active\" event=\"created\"");
	if (of->q < 1000)
		buf_printf(b, " q=\"0.%03u\"", of->q);
	xml_put_attribute(b, "callid", loc_text(loc, of->call_id));
	buf_lit(b, "><uri>");
	xml_put(b, loc_text(loc, of->contact));
	buf_lit(b, "</uri></contact>");
}

size_t
reg_put(struct registrar *r, struct subject *of, struct buf *b)
{
	struct loc_buf room;
	const struct location *loc =
	    locations_find(&r->locations, of->tenant, of->user, registrar_steady_ms(r), &room);
	size_t facts;

	buf_lit(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		   "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" state=\"full\" version=\"");
	buf_u64(b, of->version);
	buf_lit(b, "\">");
	facts = b->len;
	buf_lit(b, "<registration");
	xml_put_attribute(b, "aor", of->entity);
	put_id(r, b, 'a', of->entity);
	xml_put_attribute(b, "state", loc == NULL ? SPAN("terminated") : SPAN("active"));
	buf_char(b, '>');
	for (unsigned i = 0; loc != NULL && i < loc->n; i++)
		put_contact(r, b, loc, &loc->bindings[i]);
	buf_lit(b, "</registration></reginfo>\r\n");
	return facts;
}
