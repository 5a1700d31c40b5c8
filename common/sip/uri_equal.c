/*
 * Do two URIs name the same? RFC 3261 19.1.4, for tel RFC 3966 4. Not transitive, as the RFC's own
 * rules are not: a parameter that only one of the two has is ignored, but for those listed here.
 */
#include <string.h>

#include "sip/chars.h"
#include "sip/uri.h"

/* "A parameter appearing in only one URI never matches": these. */
static const struct span telling[] = { { "user", 4 }, { "ttl", 3 }, { "method", 6 }, { "maddr", 5 },
	{ "transport", 9 } };

static int
hex_of(char c)
{
	return sip_char_is(c, SIP_C_DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The next character, decoded; -1 at the end. An escaped reserved character is not the same as the
 * character itself: it has bit 8 set. */
static int
next_char(struct span *s)
{
	int c;

	if (s->len == 0)
		return -1;
	c = (unsigned char)s->p[0];
	if (c == '%' && s->len >= 3 && sip_char_is(s->p[1], SIP_C_HEX) &&
	    sip_char_is(s->p[2], SIP_C_HEX)) {
		c = hex_of(s->p[1]) * 16 + hex_of(s->p[2]);
		*s = span_from(*s, 3);
		return c != 0 && strchr(";/?:@&=+$,", c) != NULL ? c | 0x100 : c;
	}
	*s = span_from(*s, 1);
	return c;
}

static int
fold_case(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool
text_equal(struct span a, struct span b, bool with_case)
{
	int x, y;

	do {
		x = next_char(&a);
		y = next_char(&b);
		if (with_case ? x != y : fold_case(x) != fold_case(y))
			return false;
	} while (x != -1);
	return true;
}

static bool
find_param(struct span params, struct span name, struct span *value_r)
{
	struct span word;

	while (sip_param_cut(&params, &word, value_r))
		if (text_equal(word, name, false))
			return true;
	return false;
}

/* Each parameter of a that b has too is equal; with `all`, b has each. */
static bool
params_agree(struct span a, struct span b, bool all)
{
	struct span name, value, other;

	while (sip_param_cut(&a, &name, &value)) {
		if (!find_param(b, name, &other)) {
			if (all)
				return false;
		} else if (!text_equal(value, other, false)) {
			return false;
		}
	}
	return true;
}

static bool
telling_agree(struct span a, struct span b)
{
	struct span value;

	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++)
		if (find_param(a, telling[i], &value) != find_param(b, telling[i], &value))
			return false;
	return true;
}

static bool
has_header(struct span headers, struct span name, struct span value)
{
	struct span one, key;

	while (headers.len > 0) {
		headers = span_cut(headers, '&', &one);
		one = span_cut(one, '=', &key);
		if (text_equal(key, name, false) && text_equal(one, value, true))
			return true;
	}
	return false;
}

/* Every header of a stands in b: headers are never ignored. */
static bool
headers_within(struct span a, struct span b)
{
	struct span one, name;

	while (a.len > 0) {
		a = span_cut(a, '&', &one);
		one = span_cut(one, '=', &name);
		if (!has_header(b, name, one))
			return false;
	}
	return true;
}

static bool
number_equal(struct span a, struct span b)
{
	size_t i = 0, k = 0;

	for (;; i++, k++) {
		while (i < a.len && memchr("-.()", a.p[i], 4) != NULL)
			i++;
		while (k < b.len && memchr("-.()", b.p[k], 4) != NULL)
			k++;
		if (i == a.len || k == b.len)
			return i == a.len && k == b.len;
		if (fold_case(a.p[i]) != fold_case(b.p[k]))
			return false;
	}
}

bool
sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (span_eq(a->text, b->text))
		return true;
	if (a->scheme != b->scheme || a->scheme == SIP_S_OTHER)
		return false;
	if (a->scheme == SIP_S_TEL)
		return number_equal(a->user, b->user) && params_agree(a->params, b->params, true) &&
		       params_agree(b->params, a->params, true);
	return (a->user.p == NULL) == (b->user.p == NULL) && text_equal(a->user, b->user, true) &&
	       text_equal(a->password, b->password, true) && span_ieq(a->host, b->host) &&
	       a->port == b->port && params_agree(a->params, b->params, false) &&
	       params_agree(b->params, a->params, false) && telling_agree(a->params, b->params) &&
	       headers_within(a->headers, b->headers) && headers_within(b->headers, a->headers);
}
