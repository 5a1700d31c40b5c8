/*
 * The requests that an INVITE client transaction makes by itself, the ACK (to a 2xx only when nobody is
 * left to do it) and the CANCEL, from the text of the INVITE that it kept. That text is ours: well formed, with one Via.
 */
#include <string.h>

#include "base/rand.h"
#include "sip/addr.h"
#include "sip/build.h"
#include "sip/txn_machine.h"
#include "sip/via.h"

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

/* What an ACK or CANCEL has from elsewhere than the INVITE; what is empty is the INVITE's. */
struct differs {
	struct span uri, branch, to;
};

static void
put_via(struct buf *b, struct span value, struct span branch)
{
	const char *old = memmem(value.p, value.len, ";branch=", 8);

	if (branch.len == 0 || old == NULL) {
		put_header(b, SIP_H_VIA, value);
		return;
	}
	buf_lit(b, "Via: ");
	buf_put(b, span_first(value, (size_t)(old - value.p)));
	buf_lit(b, ";branch=" SIP_COOKIE);
	buf_put(b, branch);
	buf_lit(b, "\r\n");
}

/* What ACK and CANCEL have in common: Request-URI, Via, Max-Forwards, Route, From, To, Call-ID and
 * the CSeq number of the INVITE. */
static void
put_derived(struct buf *b, struct span method, struct span invite, const struct differs *d)
{
	struct span rest = invite, line, uri, number;
	struct line h;
	bool via = false;

	if (!cut_line(&rest, &line))
		return;
	line = span_cut(line, ' ', &uri);
	span_cut(line, ' ', &uri);
	sip_put_request_line(b, method, d->uri.len > 0 ? d->uri : uri);
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
			put_header(b, id, d->to.len > 0 ? d->to : h.value);
		} else if (id == SIP_H_VIA && !via) {
			put_via(b, h.value, d->branch);
			via = true;
		} else if (id == SIP_H_MAX_FORWARDS || id == SIP_H_ROUTE || id == SIP_H_FROM ||
			   id == SIP_H_CALL_ID || id == SIP_H_SESSION_ID) {
			put_header(b, id, h.value);
		}
	}
}

void
txn_text_ack(struct buf *b, struct span invite, struct span to)
{
	put_derived(b, SPAN("ACK"), invite, &(struct differs){ .to = to });
	buf_lit(b, "Content-Length: 0\r\n\r\n");
}

void
txn_text_ack_2xx(struct buf *b, struct span invite, struct span contact)
{
	uint64_t random[2] = { rand_u64(), rand_u64() };
	char text[2 * sizeof(random)];
	struct buf branch = buf_on(text, sizeof(text));

	buf_hex(&branch, random, sizeof(random));
	put_derived(b, SPAN("ACK"), invite,
	    &(struct differs){ .uri = contact, .branch = buf_span(&branch) });
	buf_lit(b, "Content-Length: 0\r\n\r\n");
}

void
txn_text_cancel(struct buf *b, struct span invite, struct span reason)
{
	put_derived(b, SPAN("CANCEL"), invite, &(struct differs){ 0 });
	if (reason.len > 0)
		sip_put_header(b, SPAN("Reason"), reason);
	buf_lit(b, "Content-Length: 0\r\n\r\n");
}
