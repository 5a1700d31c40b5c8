/* guard: rate and burst per source, who is exempt, and that forged sources gain nothing. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "front/front.h"

static struct guard *g;
static struct settings settings;

static struct netaddr
address(const char *text)
{
	struct netaddr a;

	cr_assert_eq(netaddr_ip(span_str(text), &a), ERR_NONE);
	return a;
}

static unsigned
pass(const char *from, unsigned n, uint64_t now_ns)
{
	struct netaddr a = address(from);
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++)
		passed += guard_pass(g, &a, now_ns);
	return passed;
}

static void
setup(void)
{
	settings.limits.rate_per_source = 100;
	settings.limits.burst_per_source = 50;
	g = guard_new();
	guard_set(g, &settings);
}

static void
teardown(void)
{
	guard_drop(g);
}

TestSuite(front_guard, .init = setup, .fini = teardown);

Test(front_guard, a_burst_then_the_rate)
{
	cr_expect_eq(pass("192.0.2.1", 200, NS_PER_S), 50);
	cr_expect_eq(pass("192.0.2.2", 200, NS_PER_S), 50);
	cr_expect_eq(pass("192.0.2.1", 200, NS_PER_S + NS_PER_S / 10), 10);
	cr_expect_eq(pass("192.0.2.1", 200, 10 * NS_PER_S), 50);
}

Test(front_guard, a_steady_source_below_its_rate_is_never_stopped)
{
	for (uint64_t i = 0; i < 1000; i++)
		cr_expect_eq(pass("192.0.2.1", 1, NS_PER_S + i * (NS_PER_S / 100)), 1);
}

Test(front_guard, loopback_and_trusted_are_exempt)
{
	settings.trusted[0] = address("203.0.113.9");
	settings.n_trusted = 1;
	guard_set(g, &settings);
	cr_expect_eq(pass("127.0.0.1", 1000, NS_PER_S), 1000);
	cr_expect_eq(pass("127.9.9.9", 1000, NS_PER_S), 1000);
	cr_expect_eq(pass("::1", 1000, NS_PER_S), 1000);
	cr_expect_eq(pass("203.0.113.9", 1000, NS_PER_S), 1000);
	cr_expect_eq(pass("203.0.113.8", 1000, NS_PER_S), 50);
}

Test(front_guard, a_network_of_ipv6_is_one_source)
{
	cr_expect_eq(pass("2001:db8::1", 30, NS_PER_S), 30);
	cr_expect_eq(pass("2001:db8::2", 30, NS_PER_S), 20);
	cr_expect_eq(pass("2001:db8:0:1::2", 30, NS_PER_S), 30);
}

Test(front_guard, rate_0_is_no_limit)
{
	settings.limits.rate_per_source = 0;
	guard_set(g, &settings);
	cr_expect_eq(pass("192.0.2.1", 5000, NS_PER_S), 5000);
}

/* What a flood from ever new sources can pass at one moment is bounded by the table: a new source
 * takes over a debt, it does not begin with a full bucket for ever. */
Test(front_guard, forged_sources_do_not_win)
{
	enum { PLACES = 65536, BURST = 2 };
	struct netaddr a = address("198.51.100.1");
	uint64_t passed = 0;

	settings.limits.burst_per_source = BURST;
	guard_set(g, &settings);
	for (uint32_t i = 0; i < 1000000; i++) {
		a.ip[1] = (uint8_t)(i >> 16);
		a.ip[2] = (uint8_t)(i >> 8);
		a.ip[3] = (uint8_t)i;
		passed += guard_pass(g, &a, NS_PER_S);
	}
	cr_expect_leq(passed, PLACES * BURST);
	cr_expect_eq(pass("198.51.100.1", 100, 60 * NS_PER_S), BURST);
}
