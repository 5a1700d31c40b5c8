/* The text of URIs: escapes, the user part as a name or number, the transport it asks for. */
#include <string.h>

#include "sip/chars.h"
#include "sip/uri.h"

static unsigned
hex_of(char c)
{
	return (unsigned)(sip_char_is(c, SIP_C_DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* One character, decoded, off the front of *s. */
static char
cut_char(struct span *s)
{
	const char *p = s->p;
	bool escaped = s->len >= 3 && p[0] == '%' && sip_char_is(p[1], SIP_C_HEX) &&
		       sip_char_is(p[2], SIP_C_HEX);

	*s = span_from(*s, escaped ? 3 : 1);
	return escaped ? (char)(hex_of(p[1]) * 16 + hex_of(p[2])) : p[0];
}

void
sip_unescape(struct buf *b, struct span s)
{
	while (s.len > 0)
		buf_char(b, cut_char(&s));
}

static void
put_escaped(struct buf *b, char c)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_char(b, '%');
	buf_char(b, digits[(unsigned char)c >> 4]);
	buf_char(b, digits[(unsigned char)c & 15]);
}

void
sip_put_user(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		/* '#' is taken but never written: it is none of the grammar's characters. */
		if (sip_char_is(s.p[i], SIP_C_USER) && s.p[i] != '#')
			buf_char(b, s.p[i]);
		else
			put_escaped(b, s.p[i]);
	}
}

bool
sip_uri_header_cut(struct span *rest, struct span *name_r, struct span *value_r)
{
	struct span one;

	while (rest->len > 0) {
		*rest = span_cut(*rest, '&', &one);
		*value_r = span_cut(one, '=', name_r);
		if (name_r->len > 0)
			return true;
	}
	return false;
}

/* A header's name may be escaped too. */
static bool
name_is(struct span escaped, struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c;

		if (escaped.len == 0)
			return false;
		c = cut_char(&escaped);
		if (!span_ieq(span_of(&c, 1), span_of(name.p + i, 1)))
			return false;
	}
	return escaped.len == 0;
}

enum err
sip_uri_header(struct span headers, struct span name, struct buf *value)
{
	struct span one, escaped, found = SPAN_NONE;
	const size_t from = value->len;
	bool is_there = false;

	while (sip_uri_header_cut(&headers, &one, &escaped)) {
		if (!name_is(one, name))
			continue;
		if (is_there)
			return ERR_EXISTS;
		is_there = true;
		found = escaped;
	}
	if (!is_there)
		return ERR_ABSENT;
	sip_unescape(value, found);
	if (!buf_ok(value))
		return ERR_FULL;
	for (size_t i = from; i < value->len; i++)
		if (value->p[i] == '\r' || value->p[i] == '\n' || value->p[i] == '\0')
			return ERR_SYNTAX;
	return ERR_NONE;
}

/* '&' and '=' part the headers, so they are escaped inside one. */
static void
put_header_text(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (sip_char_is(s.p[i], SIP_C_HEADERS) && s.p[i] != '&' && s.p[i] != '=')
			buf_char(b, s.p[i]);
		else
			put_escaped(b, s.p[i]);
	}
}

void
sip_put_uri_header(struct buf *b, struct span name, struct span value)
{
	put_header_text(b, name);
	buf_char(b, '=');
	put_header_text(b, value);
}

void
sip_put_uri_without(struct buf *b, const struct sip_uri *uri, struct span param)
{
	struct span head = uri->text, rest = uri->params, one, name;

	if (uri->params.p != NULL)
		head.len = (size_t)(uri->params.p - 1 - head.p);
	else if (uri->headers.p != NULL)
		head.len = (size_t)(uri->headers.p - 1 - head.p);
	buf_put(b, head);
	while (rest.len > 0) {
		rest = span_cut(rest, ';', &one);
		span_cut(one, '=', &name);
		if (one.len == 0 || span_ieq(name, param))
			continue;
		buf_char(b, ';');
		buf_put(b, one);
	}
}

void
sip_put_request_uri(struct buf *b, const struct sip_uri *uri)
{
	sip_put_uri_without(b, uri, SPAN("method"));
}

enum sip_transport
sip_uri_transport(const struct sip_uri *uri)
{
	struct span value;

	if (sip_param(uri->params, SPAN("transport"), &value)) {
		enum sip_transport t = sip_transport_of(value);

		/* sips:...;transport=tcp is TLS over TCP (26.2.2), and so for WebSocket (RFC 7118). */
		if (uri->scheme == SIP_S_SIPS)
			return t == SIP_T_WS || t == SIP_T_WSS ? SIP_T_WSS : SIP_T_TLS;
		return t;
	}
	return uri->scheme == SIP_S_SIPS ? SIP_T_TLS : SIP_T_NONE;
}

static bool
is_number(const struct sip_uri *uri)
{
	struct span value;

	if (uri->scheme == SIP_S_TEL)
		return true;
	if (sip_param(uri->params, SPAN("user"), &value) && span_ieq(value, SPAN("phone")))
		return true;
	/* "+" and then nothing but digits, separators and parameters. */
	if (uri->user.len < 2 || uri->user.p[0] != '+')
		return false;
	for (size_t i = 1; i < uri->user.len && uri->user.p[i] != ';'; i++)
		if (!sip_char_is(uri->user.p[i], SIP_C_DIGIT) &&
		    memchr("-.()", uri->user.p[i], 4) == NULL)
			return false;
	return true;
}

bool
sip_uri_user(const struct sip_uri *uri, struct buf *b)
{
	struct span rest = uri->user;

	if (!is_number(uri)) {
		sip_unescape(b, rest);
		return buf_ok(b);
	}
	span_cut(rest, ';', &rest);
	while (rest.len > 0) {
		const char c = cut_char(&rest);

		if (memchr("-.()", c, 4) == NULL)
			buf_char(b, c);
	}
	return buf_ok(b);
}
