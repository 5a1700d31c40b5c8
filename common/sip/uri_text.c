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

void
sip_put_user(struct buf *b, struct span s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		const unsigned char c = (unsigned char)s.p[i];

		/* '#' is taken but never written: it is none of the grammar's characters. */
		if (sip_char_is(s.p[i], SIP_C_USER) && c != '#') {
			buf_char(b, s.p[i]);
			continue;
		}
		buf_char(b, '%');
		buf_char(b, digits[c >> 4]);
		buf_char(b, digits[c & 15]);
	}
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
