/*
 * The two requests that an INVITE client transaction makes by itself, the ACK to a non-2xx and the
 * CANCEL, from the text of the INVITE that it kept. That text is ours: well formed, with one Via.
 */
#include <string.h>

#include "sip/addr.h"
#include "sip/build.h"
#include "sip/txn_machine.h"

struct line {
	struct span name, value;
};

/* The next line, without its CRLF, off *rest; false at the empty line that ends the head. */
static bool
cut_line(struct span *rest, struct span *line_r)
{
	const char *end = rest->len == 0 ? NULL : memmem(rest->p, rest->len, "\r\n", 2);

	if (end == NULL || end == rest->p)
		return false;
	*line_r = span_first(*rest, (size_t)(end - rest->p));
	*rest = span_from(*rest, line_r->len + 2);
	return true;
}

static bool
cut_header(struct span *rest, struct line *h_r)
{
	struct span line;

	if (!cut_line(rest, &line))
		return false;
	h_r->value = span_trim(span_cut(line, ':', &h_r->name));
	h_r->name = span_trim(h_r->name);
	return true;
}

size_t
txn_text_head(struct span text)
{
	const char *end = text.len == 0 ? NULL : memmem(text.p, text.len, "\r\n\r\n", 4);

	return end == NULL ? text.len : (size_t)(end - text.p) + 4;
}

struct span
txn_text_to_tag(struct span text)
{
	struct span rest = text, line, tag = SPAN_NONE;
	struct sip_addr addr;
	struct line h;

	if (!cut_line(&rest, &line))
		return SPAN_NONE;
	while (cut_header(&rest, &h))
		if (sip_header_of(h.name) == SIP_H_TO && sip_addr_parse(h.value, &addr) == ERR_NONE)
			sip_param(addr.params, SPAN("tag"), &tag);
	return tag;
}

/* As it stands in the INVITE or its response, a quoted NUL too (RFC 4475 3.1.1.2): neither value can
 * hold a line end. */
static void
put_header(struct buf *b, enum sip_header_id id, struct span value)
{
	buf_put(b, sip_header_name(id));
	buf_lit(b, ": ");
	buf_put(b, value);
	buf_lit(b, "\r\n");
}

/* What ACK and CANCEL have in common: Request-URI, Via, Max-Forwards, Route, From, To, Call-ID and
 * the CSeq number of the INVITE. `to` replaces its To when not empty. */
static void
put_derived(struct buf *b, struct span method, struct span invite, struct span to)
{
	struct span rest = invite, line, uri, number;
	struct line h;
	bool via = false;

	if (!cut_line(&rest, &line))
		return;
	line = span_cut(line, ' ', &uri);
	span_cut(line, ' ', &uri);
	sip_put_request_line(b, method, uri);
	while (cut_header(&rest, &h)) {
		enum sip_header_id id = sip_header_of(h.name);

		if (id == SIP_H_CSEQ) {
			span_cut(h.value, ' ', &number);
			buf_lit(b, "CSeq: ");
			buf_put(b, number);
			buf_char(b, ' ');
			buf_put(b, method);
			buf_lit(b, "\r\n");
		} else if (id == SIP_H_TO) {
			put_header(b, id, to.len > 0 ? to : h.value);
		} else if ((id == SIP_H_VIA && !via) || id == SIP_H_MAX_FORWARDS ||
			   id == SIP_H_ROUTE || id == SIP_H_FROM || id == SIP_H_CALL_ID ||
			   id == SIP_H_SESSION_ID) {
			put_header(b, id, h.value);
			via = via || id == SIP_H_VIA;
		}
	}
}

void
txn_text_ack(struct buf *b, struct span invite, struct span to)
{
	put_derived(b, SPAN("ACK"), invite, to);
	buf_lit(b, "Content-Length: 0\r\n\r\n");
}

void
txn_text_cancel(struct buf *b, struct span invite, struct span reason)
{
	put_derived(b, SPAN("CANCEL"), invite, SPAN_NONE);
	if (reason.len > 0)
		sip_put_header(b, SPAN("Reason"), reason);
	buf_lit(b, "Content-Length: 0\r\n\r\n");
}
