/*
 * PIDF (RFC 3863) with the person of RFC 4479 and the activities of RFC 4480: of what a device publishes we
 * keep whether it is open, which known activities it names and its first note, and write a document of our
 * own from that. So nothing of the device's text is repeated as markup, and it takes no more room than
 * this.
 */
#include "registrar/registrar.h"

#include "base/xml.h"
#include "base/xml_read.h"

static const char *const names[N_ACTIVITIES] = {
#define X(id, name) [ACTIVITY_##id] = name,
	ACTIVITIES(X)
#undef X
};

struct reading {
	struct pidf *p;
	struct span in[XML_DEPTH_MAX + 1]; /* names of the elements we are in, without prefix */
	unsigned depth, statuses;
};

static bool
is_in(const struct reading *x, unsigned up, const char *name)
{
	return x->depth > up && span_eq(x->in[x->depth - 1 - up], span_str(name));
}

static void
begin(struct reading *x)
{
	if (!is_in(x, 1, "activities"))
		return;
	for (unsigned i = 0; i < N_ACTIVITIES; i++)
		if (is_in(x, 0, names[i]))
			x->p->activities |= 1u << i;
}

static void
text(struct reading *x, struct span s)
{
	struct buf note = buf_on(x->p->note, NOTE_MAX);

	s = span_trim(s);
	if (s.len == 0)
		return;
	if (is_in(x, 0, "basic") && is_in(x, 1, "status")) {
		x->statuses++;
		x->p->open = x->p->open || span_ieq(s, SPAN("open"));
	} else if (is_in(x, 0, "note") && x->p->note_len == 0) {
		/* What does not fit is cut, at the worst in a letter, which is then shown as '?'. */
		xml_decode(&note, span_first(s, NOTE_MAX));
		x->p->note_len = (uint8_t)note.len;
	}
}

enum err
pidf_read(struct span document, struct pidf *p_r)
{
	struct reading x = { .p = p_r };
	struct xml_reader xml;
	enum xml_item item;
	struct span s;

	*p_r = (struct pidf){ 0 };
	xml_read(&xml, document);
	while ((item = xml_next(&xml, &s)) != XML_END_OF_TEXT) {
		switch (item) {
		case XML_START:
			x.in[x.depth++] = s;
			if (!span_eq(x.in[0], SPAN("presence")))
				return ERR_SYNTAX;
			begin(&x);
			break;
		case XML_END:
			x.depth--;
			break;
		case XML_TEXT:
			text(&x, s);
			break;
		case XML_BROKEN:
		case XML_END_OF_TEXT:
			return ERR_SYNTAX;
		}
	}
	if (x.statuses == 0)
		p_r->open = true;
	return ERR_NONE;
}

static void
put_person(struct buf *b, const struct pidf *p)
{
	buf_lit(b, "<dm:person id=\"p1\"><rpid:activities>");
	for (unsigned i = 0; i < N_ACTIVITIES; i++) {
		if ((p->activities >> i & 1) == 0)
			continue;
		buf_lit(b, "<rpid:");
		buf_str(b, names[i]);
		buf_lit(b, "/>");
	}
	buf_lit(b, "</rpid:activities></dm:person>");
}

void
pidf_put(struct buf *b, struct span entity, const struct pidf *p)
{
	buf_lit(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		   "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\""
		   " xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\""
		   " xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\"");
	xml_put_attribute(b, "entity", entity);
	buf_lit(b, "><tuple id=\"t1\"><status><basic>");
	buf_str(b, p->open ? "open" : "closed");
	buf_lit(b, "</basic></status><contact>");
	xml_put(b, entity);
	buf_lit(b, "</contact>");
	if (p->note_len > 0) {
		buf_lit(b, "<note>");
		xml_put(b, span_of(p->note, p->note_len));
		buf_lit(b, "</note>");
	}
	buf_lit(b, "</tuple>");
	if (p->activities != 0)
		put_person(b, p);
	buf_lit(b, "</presence>\r\n");
}
