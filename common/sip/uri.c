/* SIP, SIPS and tel URIs, read. Comparing and writing them: uri_equal.c, uri_text.c. */
#include <string.h>

#include "sip/chars.h"
#include "sip/uri.h"

static struct span
between(const char *p, const char *end)
{
	return span_of(p, (size_t)(end - p));
}

/* The colon behind the scheme, or NULL. */
static const char *
scheme_end(struct span text)
{
	const char *p = text.p, *end = text.p + text.len;

	if (p == end || !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
		return NULL;
	while (p < end && (sip_char_is(*p, SIP_C_HOST) || *p == '+') && *p != '_')
		p++;
	return p < end && *p == ':' ? p : NULL;
}

static enum sip_scheme
scheme_of(struct span word)
{
	if (span_ieq(word, SPAN("sip")))
		return SIP_S_SIP;
	if (span_ieq(word, SPAN("sips")))
		return SIP_S_SIPS;
	if (span_ieq(word, SPAN("tel")))
		return SIP_S_TEL;
	return SIP_S_OTHER;
}

static bool
read_userinfo(const char *p, const char *at, struct sip_uri *u)
{
	const char *q = sip_skip_escaped(p, at, SIP_C_USER);

	if (q == p)
		return false;
	u->user = between(p, q);
	if (q < at && *q == ':') {
		p = q + 1;
		q = sip_skip_escaped(p, at, SIP_C_PASSWORD);
		u->password = between(p, q);
	}
	return q == at;
}

/* Host and port; NULL: malformed. An IPv6 address without brackets fails at its second colon. */
static const char *
read_hostport(const char *p, const char *end, struct sip_uri *u)
{
	const char *q;
	uint32_t port;

	if (p < end && *p == '[') {
		q = sip_skip(p + 1, end, SIP_C_IPV6);
		if (q == p + 1 || q == end || *q != ']')
			return NULL;
		q++;
	} else {
		q = sip_skip(p, end, SIP_C_HOST);
		if (q == p)
			return NULL;
	}
	u->host = between(p, q);
	if (q == end || *q != ':')
		return q;
	p = q + 1;
	q = sip_skip(p, end, SIP_C_DIGIT);
	if (span_u32(between(p, q), UINT16_MAX, &port) != ERR_NONE || port == 0)
		return NULL;
	u->port = (uint16_t)port;
	return q;
}

/* Parameters and headers up to the end of the text. */
static bool
read_tail(const char *p, const char *end, struct sip_uri *u)
{
	const char *q;

	if (p < end && *p == ';') {
		q = sip_skip_escaped(++p, end, SIP_C_PARAM);
		u->params = between(p, q);
		p = q;
	}
	if (p < end && *p == '?') {
		q = sip_skip_escaped(++p, end, SIP_C_HEADERS);
		u->headers = between(p, q);
		p = q;
	}
	return p == end;
}

static bool
read_sip(const char *p, const char *end, struct sip_uri *u)
{
	const char *at = memchr(p, '@', (size_t)(end - p));

	if (at != NULL) {
		if (!read_userinfo(p, at, u))
			return false;
		p = at + 1;
	}
	p = read_hostport(p, end, u);
	return p != NULL && read_tail(p, end, u);
}

/* RFC 3966 3: digits, visual separators, and for local numbers hex digits, '*' and '#'. There is one
 * that is no separator. */
static bool
read_tel(const char *p, const char *end, struct sip_uri *u)
{
	const char *q = p;
	unsigned digits = 0;

	if (q < end && *q == '+')
		q++;
	for (; q < end; q++) {
		if (sip_char_is(*q, SIP_C_HEX) || *q == '*' || *q == '#')
			digits++;
		else if (memchr("-.()", *q, 4) == NULL)
			break;
	}
	u->user = between(p, q);
	return digits > 0 && read_tail(q, end, u) && u->headers.p == NULL;
}

enum err
sip_uri_parse(struct span text, struct sip_uri *uri_r)
{
	const char *colon, *end;
	bool good = false;

	*uri_r = (struct sip_uri){ .scheme = SIP_S_OTHER, .text = text };
	if (text.len == 0)
		return ERR_SYNTAX;
	colon = scheme_end(text);
	end = text.p + text.len;
	if (colon == NULL || colon + 1 == end)
		return ERR_SYNTAX;
	uri_r->scheme = scheme_of(between(text.p, colon));
	switch (uri_r->scheme) {
	case SIP_S_SIP:
	case SIP_S_SIPS:
		good = read_sip(colon + 1, end, uri_r);
		break;
	case SIP_S_TEL:
		good = read_tel(colon + 1, end, uri_r);
		break;
	case SIP_S_OTHER:
		good = sip_skip(colon, end, SIP_C_URI) == end;
		break;
	}
	return good ? ERR_NONE : ERR_SYNTAX;
}

/* What is malformed stays in *rest, so that who wants to know can tell it from the end. One ';' at
 * the very end is tolerated; spaces around ';' and '=' are grammar in headers (25.1 SEMI, EQUAL). */
bool
sip_param_cut(struct span *rest, struct span *name_r, struct span *value_r)
{
	const char *end, *name, *p, *value;

	if (rest->len == 0)
		return false;
	end = rest->p + rest->len;
	name = sip_skip(rest->p, end, SIP_C_SPACE);
	if (name == end) {
		*rest = SPAN_NONE;
		return false;
	}
	p = sip_skip(name, end, SIP_C_NAME);
	if (p == name)
		return false;
	*name_r = between(name, p);
	*value_r = between(p, p);
	p = sip_skip(p, end, SIP_C_SPACE);
	if (p < end && *p == '=') {
		value = sip_skip(p + 1, end, SIP_C_SPACE);
		p = value < end && *value == '"' ? sip_skip_quoted(value, end)
						 : sip_skip(value, end, SIP_C_VALUE);
		if (p == NULL)
			return false;
		*value_r = between(value, p);
		p = sip_skip(p, end, SIP_C_SPACE);
	}
	if (p < end && *p != ';')
		return false;
	*rest = p < end ? between(p + 1, end) : SPAN_NONE;
	return true;
}

bool
sip_param(struct span params, struct span name, struct span *value_r)
{
	struct span word, value;

	while (sip_param_cut(&params, &word, &value)) {
		if (span_ieq(word, name)) {
			*value_r = value;
			return true;
		}
	}
	return false;
}
