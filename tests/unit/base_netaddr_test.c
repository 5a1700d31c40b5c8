/* netaddr: what is a literal and what is not, and the way to sockaddr and back. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/netaddr.h"

static void
reads(const char *text, const char *as, uint8_t family)
{
	struct netaddr a;
	char out[64];
	struct buf b = buf_on(out, sizeof(out));

	memset(&a, 0xff, sizeof(a));
	cr_assert_eq(netaddr_ip(span_str(text), &a), ERR_NONE, "%s", text);
	netaddr_put_ip(&b, &a);
	cr_expect(span_eq(buf_span(&b), span_str(as)), "%s: %.*s", text, SPAN_F(buf_span(&b)));
	cr_expect_eq(a.family, family, "%s", text);
	cr_expect_eq(a.port, 0);
	cr_expect_eq(a.pad, 0);
	cr_expect_eq(a.scope, 0);
}

Test(base_netaddr, literals)
{
	reads("192.0.2.1", "192.0.2.1", 4);
	reads("0.0.0.0", "0.0.0.0", 4);
	reads("255.255.255.255", "255.255.255.255", 4);
	reads("2001:DB8:0:0::1", "[2001:db8::1]", 6);
	reads("[2001:db8::1]", "[2001:db8::1]", 6);
	reads("::", "[::]", 6);
	reads("::ffff:192.0.2.1", "192.0.2.1", 4);
	reads("[::ffff:192.0.2.1]", "192.0.2.1", 4);
	reads("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", 6);
}

Test(base_netaddr, not_literals)
{
	static const struct span no[] = { SPAN(""), SPAN("[]"), SPAN("["), SPAN("]"), SPAN("a.b"),
		SPAN("192.0.2"), SPAN("192.0.2.256"), SPAN("192.0.2.01"), SPAN("192.0.2.1 "),
		SPAN("[192.0.2.1]"), SPAN("192.0.2.1:5060"), SPAN("[::1]:5060"), SPAN("[::1"),
		SPAN("::1]"), SPAN(":::"), SPAN("fe80::1%lo"), SPAN("192.0.2.1\0"),
		SPAN("0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"), SPAN("0x7f.1") };
	struct netaddr a = { .family = 9 };

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_expect_eq(netaddr_ip(no[i], &a), ERR_SYNTAX, "%.*s", SPAN_F(no[i]));
	cr_expect_eq(a.family, 9, "a refused text must leave the result alone");
}

static struct netaddr
address(const char *ip, uint16_t port)
{
	struct netaddr a = { 0 };

	cr_assert_eq(netaddr_ip(span_str(ip), &a), ERR_NONE);
	a.port = port;
	return a;
}

static void
written(struct netaddr a, const char *as)
{
	char out[64];
	struct buf b = buf_on(out, sizeof(out) - 1);

	netaddr_put(&b, &a);
	out[b.len] = '\0';
	cr_expect_str_eq(out, as);
}

Test(base_netaddr, put_with_port)
{
	written(address("192.0.2.1", 65535), "192.0.2.1:65535");
	written(address("::1", 5060), "[::1]:5060");
	written(address("::1", 0), "[::1]");
	written((struct netaddr){ 0 }, "-");
}

Test(base_netaddr, equality)
{
	struct netaddr a = address("192.0.2.1", 1), b = address("192.0.2.1", 2);
	struct netaddr c = address("c000:201::", 1), d = address("fe80::1", 1), e = d;

	cr_expect(netaddr_eq_ip(&a, &b));
	cr_expect_not(netaddr_eq(&a, &b));
	cr_expect_not(netaddr_eq_ip(&a, &c), "the same bytes in another family");
	e.scope = 2;
	cr_expect_not(netaddr_eq_ip(&d, &e));
}

Test(base_netaddr, any)
{
	struct netaddr none = { 0 }, a = address("0.0.0.0", 5), b = address("::", 5);
	struct netaddr c = address("0.0.0.1", 0), d = address("::1", 0);

	cr_expect(netaddr_is_any(&a));
	cr_expect(netaddr_is_any(&b));
	cr_expect_not(netaddr_is_any(&c));
	cr_expect_not(netaddr_is_any(&d));
	cr_expect_not(netaddr_is_any(&none));
}

Test(base_netaddr, unicast)
{
	static const char *const one[] = { "127.0.0.1", "192.0.2.1", "223.255.255.255", "::1",
		"fe80::1", "2001:db8::1" };
	static const char *const none[] = { "0.0.0.0", "224.0.0.1", "239.1.2.3", "240.0.0.1",
		"255.255.255.255", "::", "ff02::1" };
	struct netaddr a = { 0 };

	cr_expect_not(netaddr_is_unicast(&a));
	for (unsigned i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		a = address(one[i], 5060);
		cr_expect(netaddr_is_unicast(&a), "%s", one[i]);
	}
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		a = address(none[i], 5060);
		cr_expect_not(netaddr_is_unicast(&a), "%s", none[i]);
	}
}

static void
reads_with_port(const char *text, const char *want)
{
	struct netaddr a;
	enum err e = netaddr_read(span_str(text), 53, &a);

	if (want == NULL)
		cr_expect_eq(e, ERR_SYNTAX, "%s", text);
	else
		written(a, want);
}

Test(base_netaddr, with_a_port_or_without)
{
	reads_with_port("192.0.2.1", "192.0.2.1:53");
	reads_with_port("192.0.2.1:5353", "192.0.2.1:5353");
	reads_with_port("2001:db8::1", "[2001:db8::1]:53");
	reads_with_port("[2001:db8::1]", "[2001:db8::1]:53");
	reads_with_port("[2001:db8::1]:5353", "[2001:db8::1]:5353");
	reads_with_port("2001:db8:0:0:0:0:0:1:53", NULL);
	reads_with_port("::ffff:192.0.2.1:53", NULL);
	reads_with_port("192.0.2.1:", NULL);
	reads_with_port("192.0.2.1:0", NULL);
	reads_with_port("192.0.2.1:65536", NULL);
	reads_with_port("ns.test:53", NULL);
	reads_with_port(":53", NULL);
	reads_with_port("", NULL);
}

static void
round_trip(struct netaddr a, socklen_t len)
{
	struct sockaddr_storage ss;
	struct netaddr back;

	memset(&ss, 0xff, sizeof(ss));
	memset(&back, 0xff, sizeof(back));
	cr_expect_eq(netaddr_to_sockaddr(&a, &ss), len);
	cr_expect_eq(netaddr_of_sockaddr(&ss, &back), ERR_NONE);
	cr_expect_arr_eq(&a, &back, sizeof(a));
}

Test(base_netaddr, sockaddr)
{
	struct netaddr scoped = address("fe80::1", 5061), none = { 0 };
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct sockaddr_in6 mapped = {
		.sin6_family = AF_INET6, .sin6_port = htons(7), .sin6_scope_id = 3
	};

	scoped.scope = 3;
	round_trip(scoped, sizeof(struct sockaddr_in6));
	round_trip(address("192.0.2.1", 5060), sizeof(struct sockaddr_in));
	cr_expect_eq(netaddr_of_sockaddr(&ss, &none), ERR_RANGE);
	cr_expect_eq(netaddr_to_sockaddr(&none, &ss), 0);
	inet_pton(AF_INET6, "::ffff:192.0.2.9", &mapped.sin6_addr);
	memcpy(&ss, &mapped, sizeof(mapped));
	cr_expect_eq(netaddr_of_sockaddr(&ss, &none), ERR_NONE);
	written(none, "192.0.2.9:7");
	cr_expect_eq(none.scope, 0);
}
