/* Writes messages. What would let one header become two never gets out. */
#include <string.h>

#include "sip/build.h"
#include "sip/fields.h"
#include "sip/via.h"

static bool
has_byte(struct span s, char c)
{
	return s.len > 0 && memchr(s.p, c, s.len) != NULL;
}

void
sip_put_text(struct buf *b, struct span s)
{
	if (has_byte(s, '\r') || has_byte(s, '\n') || has_byte(s, '\0'))
		b->overrun = true;
	buf_put(b, s);
}

/* In a response, a value goes back to its sender as it came: a quoted NUL is of the grammar (RFC 4475
 * 3.1.1.2), a line end is not. */
static void
put_back(struct buf *b, struct span name, struct span value)
{
	if (has_byte(value, '\r') || has_byte(value, '\n'))
		b->overrun = true;
	buf_put(b, name);
	buf_lit(b, ": ");
	buf_put(b, value);
	buf_lit(b, "\r\n");
}

static void
put_status_line(struct buf *b, unsigned status, struct span phrase)
{
	buf_lit(b, "SIP/2.0 ");
	buf_u64(b, status);
	buf_char(b, ' ');
	sip_put_text(b, phrase);
	buf_lit(b, "\r\n");
}

/* To, with our tag when it has none. A To that could not be read goes back without. */
static void
put_to(struct buf *b, const struct sip_msg *request, unsigned status, struct span to_tag)
{
	const struct span to = sip_span(request, request->to);

	if (status == 100 || to_tag.len == 0 || request->to_uri.len == 0 ||
	    request->to_tag.len > 0) {
		put_back(b, SPAN("To"), to);
		return;
	}
	if (has_byte(to, '\r') || has_byte(to, '\n'))
		b->overrun = true;
	buf_lit(b, "To: ");
	buf_put(b, to);
	/* A tolerated ';' at its end may not become two. */
	buf_str(b, to.p[to.len - 1] == ';' ? "tag=" : ";tag=");
	sip_put_text(b, to_tag);
	buf_lit(b, "\r\n");
}

void
sip_put_response_as(struct buf *b, const struct sip_msg *request, unsigned status,
    struct span phrase, struct span to_tag)
{
	put_status_line(b, status, phrase);
	sip_put_vias(b, request);
	if (sip_has(request, SIP_H_FROM))
		put_back(b, SPAN("From"), sip_span(request, request->from));
	if (sip_has(request, SIP_H_TO))
		put_to(b, request, status, to_tag);
	if (sip_has(request, SIP_H_CALL_ID))
		put_back(b, SPAN("Call-ID"), sip_span(request, request->call_id));
	if (sip_has(request, SIP_H_CSEQ))
		put_back(b, SPAN("CSeq"), sip_header_get(request, SIP_H_CSEQ));
	if (status == 100 && sip_has(request, SIP_H_TIMESTAMP))
		put_back(b, SPAN("Timestamp"), sip_header_get(request, SIP_H_TIMESTAMP));
}

void
sip_put_response(struct buf *b, const struct sip_msg *request, unsigned status, const char *reason,
    struct span to_tag)
{
	if (reason == NULL)
		reason = sip_reason(status);
	sip_put_response_as(b, request, status, span_str(reason), to_tag);
}

void
sip_put_request_line(struct buf *b, struct span method, struct span uri)
{
	sip_put_text(b, method);
	buf_char(b, ' ');
	sip_put_text(b, uri);
	/* A space would end the URI before its time. */
	if (has_byte(method, ' ') || has_byte(uri, ' '))
		b->overrun = true;
	buf_lit(b, " SIP/2.0\r\n");
}

void
sip_put_header(struct buf *b, struct span name, struct span value)
{
	sip_put_text(b, name);
	buf_lit(b, ": ");
	sip_put_text(b, value);
	buf_lit(b, "\r\n");
}

void
sip_put_header_u32(struct buf *b, struct span name, uint32_t value)
{
	sip_put_text(b, name);
	buf_lit(b, ": ");
	buf_u64(b, value);
	buf_lit(b, "\r\n");
}

void
sip_put_copy(struct buf *b, const struct sip_msg *from, enum sip_header_id id)
{
	if (id == SIP_H_OTHER || !sip_has(from, id))
		return;
	for (unsigned i = 0; i < from->n_headers; i++)
		if (sip_headers(from)[i].id == id)
			sip_put_header(
			    b, sip_header_name(id), sip_span(from, sip_headers(from)[i].value));
}

void
sip_put_body(struct buf *b, struct span content_type, struct span body)
{
	if (body.len > 0)
		sip_put_header(b, SPAN("Content-Type"), content_type);
	buf_lit(b, "Content-Length: ");
	buf_u64(b, body.len);
	buf_lit(b, "\r\n\r\n");
	buf_put(b, body);
}

void
sip_put_allow_but(struct buf *b, enum sip_method refused)
{
	static const enum sip_method methods[] = { SIP_INVITE, SIP_ACK, SIP_BYE, SIP_CANCEL,
		SIP_OPTIONS, SIP_REGISTER, SIP_UPDATE, SIP_PRACK, SIP_INFO, SIP_REFER,
		SIP_SUBSCRIBE, SIP_NOTIFY, SIP_PUBLISH, SIP_MESSAGE };

	const char *between = "";

	buf_lit(b, "Allow: ");
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (methods[i] == refused)
			continue;
		buf_str(b, between);
		buf_put(b, sip_method_name(methods[i]));
		between = ", ";
	}
	buf_lit(b, "\r\n");
}

void
sip_put_allow(struct buf *b)
{
	sip_put_allow_but(b, SIP_UNKNOWN);
}

void
sip_put_refusal(struct buf *b, const struct sip_msg *request, unsigned status, const char *reason,
    struct span to_tag, struct span headers)
{
	sip_put_response(b, request, status, reason, to_tag);
	buf_put(b, headers);
	sip_put_body(b, SPAN_NONE, SPAN_NONE);
}
