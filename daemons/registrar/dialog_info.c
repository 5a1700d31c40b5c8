/*
 * The calls of a subscriber, application/dialog-info+xml (RFC 4235): what a lamp for him shows. Full state
 * each time, one <dialog> for each call of his, however many of his phones ring. A call that is over is
 * shown once more, as terminated: phones are known that do not notice what is no longer there.
 *
 * Identities are addresses-of-record, never where a phone is.
 */
#include "registrar/registrar.h"

#include "base/xml.h"

static const char *const states[] = { [CALL_USER_NONE] = "terminated",
	[CALL_USER_TRYING] = "trying",
	[CALL_USER_EARLY] = "early",
	[CALL_USER_CONFIRMED] = "confirmed" };

static void
put_attribute(struct buf *b, const char *name, struct span value)
{
	if (value.len > 0)
		xml_put_attribute(b, name, value);
}

static void
begin_dialog(struct buf *b, uint64_t id)
{
	buf_lit(b, "<dialog id=\"");
	buf_hex(b, &id, sizeof(id));
	buf_char(b, '"');
}

static void
put_state(struct buf *b, enum call_user_state s)
{
	buf_lit(b, "<state>");
	buf_str(b, states[s <= CALL_USER_CONFIRMED ? s : CALL_USER_NONE]);
	buf_lit(b, "</state>");
}

/* <local> or <remote>: who it is, and where he is reached, which is the same to others. */
static void
put_party(struct buf *b, const char *which, struct span name, struct span uri)
{
	buf_char(b, '<');
	buf_str(b, which);
	buf_lit(b, "><identity");
	put_attribute(b, "display", name);
	buf_char(b, '>');
	xml_put(b, uri);
	buf_lit(b, "</identity><target");
	xml_put_attribute(b, "uri", uri);
	buf_lit(b, "/></");
	buf_str(b, which);
	buf_char(b, '>');
}

static void
put_remote(struct buf *b, const struct seen_call *c, const char *realm)
{
	char text[1024];
	struct buf uri = buf_on(text, sizeof(text));

	if (c->remote.len == 0)
		return;
	buf_lit(&uri, "sip:");
	sip_put_user(&uri, c->remote);
	buf_char(&uri, '@');
	/* RFC 3323 4.1.1.3 */
	buf_str(&uri, span_eq(c->remote, SPAN("anonymous")) ? "anonymous.invalid" : realm);
	if (buf_ok(&uri))
		put_party(b, "remote", c->remote_name, buf_span(&uri));
}

static void
put_dialog(struct buf *b, const struct seen_call *c, const struct subject *of, const char *realm)
{
	begin_dialog(b, c->id);
	put_attribute(b, "call-id", c->call_id);
	put_attribute(b, "local-tag", c->local_tag);
	put_attribute(b, "remote-tag", c->remote_tag);
	xml_put_attribute(b, "direction", c->initiator ? SPAN("initiator") : SPAN("recipient"));
	buf_char(b, '>');
	put_state(b, c->state);
	put_party(b, "local", SPAN_NONE, of->entity);
	put_remote(b, c, realm);
	buf_lit(b, "</dialog>");
}

/* Those that were shown and are no more. */
static void
put_gone(struct buf *b, const struct subject *of, const struct seen_call *calls, unsigned n)
{
	for (unsigned i = 0; i < SHOWN_MAX; i++) {
		unsigned k = 0;

		while (k < n && calls[k].id != of->before.of[i])
			k++;
		if (of->before.of[i] == 0 || k < n)
			continue;
		begin_dialog(b, of->before.of[i]);
		buf_char(b, '>');
		put_state(b, CALL_USER_NONE);
		buf_lit(b, "</dialog>");
	}
}

size_t
dialog_info_put(struct registrar *r, struct subject *of, struct buf *b)
{
	struct seen_call calls[CALLS_SEEN];
	unsigned n = calls_of(r, call_user_hash(&r->challenge.key, of->tenant, of->user), calls);
	char realm[128] = "";
	size_t facts;

	challenge_realm(&r->challenge, of->tenant, realm);
	buf_lit(b,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
	    "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" state=\"full\" version=\"");
	buf_u64(b, of->version);
	buf_char(b, '"');
	xml_put_attribute(b, "entity", of->entity);
	buf_char(b, '>');
	put_gone(b, of, calls, n);
	facts = b->len;
	for (unsigned i = 0; i < n; i++) {
		put_dialog(b, &calls[i], of, realm);
		if (i < SHOWN_MAX)
			of->now.of[i] = calls[i].id;
	}
	buf_lit(b, "</dialog-info>\r\n");
	return facts;
}
