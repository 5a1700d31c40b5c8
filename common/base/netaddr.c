/* Addresses as plain bytes. */
#include "base/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static size_t
ip_len(const struct netaddr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

static void
of_in6(struct netaddr *a, const struct in6_addr *in6)
{
	if (IN6_IS_ADDR_V4MAPPED(in6)) {
		a->family = 4;
		memcpy(a->ip, in6->s6_addr + 12, 4);
	} else {
		a->family = 6;
		memcpy(a->ip, in6->s6_addr, 16);
	}
}

/* Four numbers of one to three digits, none with a zero before it, as inet_pton() reads them, in a fifth of
 * its instructions: every message has some. */
static enum err
read_ip4(struct span text, uint8_t ip_r[4])
{
	const char *p = text.p, *end = p + text.len;

	for (unsigned i = 0; i < 4; i++) {
		const char *first = p;
		unsigned n = 0;

		if (i > 0 && (p == end || *first++ != '.'))
			return ERR_SYNTAX;
		for (p = first; p < end && *p >= '0' && *p <= '9' && n <= UINT8_MAX; p++)
			n = n * 10 + (unsigned)(*p - '0');
		if (p == first || n > UINT8_MAX || (*first == '0' && p > first + 1))
			return ERR_SYNTAX;
		ip_r[i] = (uint8_t)n;
	}
	return p == end ? ERR_NONE : ERR_SYNTAX;
}

enum err
netaddr_ip(struct span text, struct netaddr *a_r)
{
	bool brackets = text.len >= 2 && text.p[0] == '[' && text.p[text.len - 1] == ']';
	char copy[INET6_ADDRSTRLEN];
	struct netaddr a = { 0 };
	struct in6_addr in6;

	if (brackets)
		text = span_of(text.p + 1, text.len - 2);
	if (text.len == 0)
		return ERR_SYNTAX;
	if (!brackets && read_ip4(text, a.ip) == ERR_NONE) {
		a.family = 4;
		*a_r = a;
		return ERR_NONE;
	}
	if (span_index(text, ':') < 0 || span_index(text, '\0') >= 0 ||
	    !span_cstr(text, copy, sizeof(copy)) || inet_pton(AF_INET6, copy, &in6) != 1)
		return ERR_SYNTAX;
	of_in6(&a, &in6);
	*a_r = a;
	return ERR_NONE;
}

enum err
netaddr_read(struct span text, uint16_t port, struct netaddr *a_r)
{
	const char *colon = text.len == 0 ? NULL : memrchr(text.p, ':', text.len);
	struct span ip;
	uint32_t n = port;
	bool bare; /* IPv6 without brackets: where would its port begin? */

	if (netaddr_ip(text, a_r) != ERR_NONE) {
		if (colon == NULL)
			return ERR_SYNTAX;
		ip = span_first(text, (size_t)(colon - text.p));
		bare = ip.len > 0 && ip.p[0] != '[' && span_index(ip, ':') >= 0;
		if (bare || netaddr_ip(ip, a_r) != ERR_NONE ||
		    span_u32(span_from(text, ip.len + 1), 65535, &n) != ERR_NONE || n == 0)
			return ERR_SYNTAX;
	}
	a_r->port = (uint16_t)n;
	return ERR_NONE;
}

static void
put_ip4(struct buf *b, const uint8_t ip[4])
{
	char text[4 * sizeof("255")], *at = text;

	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			*at++ = '.';
		if (ip[i] >= 100)
			*at++ = (char)('0' + ip[i] / 100);
		if (ip[i] >= 10)
			*at++ = (char)('0' + ip[i] / 10 % 10);
		*at++ = (char)('0' + ip[i] % 10);
	}
	buf_put(b, span_of(text, (size_t)(at - text)));
}

void
netaddr_put_ip(struct buf *b, const struct netaddr *a)
{
	char text[INET6_ADDRSTRLEN];

	switch (a->family) {
	case 4: /* every message has some: inet_ntop would cost two thousand instructions */
		put_ip4(b, a->ip);
		break;
	case 6:
		inet_ntop(AF_INET6, a->ip, text, sizeof(text));
		buf_char(b, '[');
		buf_str(b, text);
		buf_char(b, ']');
		break;
	default:
		buf_char(b, '-');
	}
}

void
netaddr_put(struct buf *b, const struct netaddr *a)
{
	netaddr_put_ip(b, a);
	if (a->port == 0)
		return;
	buf_char(b, ':');
	buf_u64(b, a->port);
}

bool
netaddr_eq(const struct netaddr *a, const struct netaddr *b)
{
	return a->port == b->port && netaddr_eq_ip(a, b);
}

bool
netaddr_eq_ip(const struct netaddr *a, const struct netaddr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool
netaddr_is_any(const struct netaddr *a)
{
	static const uint8_t any[16];

	return a->family != 0 && memcmp(a->ip, any, ip_len(a)) == 0;
}

bool
netaddr_is_unicast(const struct netaddr *a)
{
	if (a->family == 0 || netaddr_is_any(a))
		return false;
	/* 224.0.0.0/4 is multicast, 240.0.0.0/4 nobody's, its last one everybody's; ff00::/8. */
	return a->family == 4 ? a->ip[0] < 224 : a->ip[0] != 0xff;
}

socklen_t
netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *ss_r)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope
	};

	memset(ss_r, 0, sizeof(*ss_r));
	switch (a->family) {
	case 4:
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(ss_r, &in, sizeof(in));
		return sizeof(in);
	case 6:
		memcpy(&in6.sin6_addr, a->ip, 16);
		memcpy(ss_r, &in6, sizeof(in6));
		return sizeof(in6);
	default:
		return 0;
	}
}

enum err
netaddr_of_sockaddr(const struct sockaddr_storage *ss, struct netaddr *a_r)
{
	struct netaddr a = { 0 };
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	switch (ss->ss_family) {
	case AF_INET:
		memcpy(&in, ss, sizeof(in));
		a.family = 4;
		a.port = ntohs(in.sin_port);
		memcpy(a.ip, &in.sin_addr, 4);
		break;
	case AF_INET6:
		memcpy(&in6, ss, sizeof(in6));
		of_in6(&a, &in6.sin6_addr);
		a.port = ntohs(in6.sin6_port);
		if (a.family == 6)
			a.scope = in6.sin6_scope_id;
		break;
	default:
		return ERR_RANGE;
	}
	*a_r = a;
	return ERR_NONE;
}
