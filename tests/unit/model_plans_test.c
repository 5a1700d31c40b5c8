/* plans: good until they expire, of use while DNS is away, bounded, checked. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/clock.h"
#include "model/plans.h"

static void *memory;
static struct plans own, reader;

static void
begin(void)
{
	memory = calloc(1, plans_bytes());
	cr_assert_eq(plans_open(&reader, memory, plans_bytes()), ERR_AGAIN);
	cr_assert_eq(plans_own(&own, memory, plans_bytes()), ERR_NONE);
	cr_assert_eq(plans_open(&reader, memory, plans_bytes()), ERR_NONE);
}

static void
end(void)
{
	records_close(&own.records);
	free(memory);
}

TestSuite(model_plans, .init = begin, .fini = end);

static struct locate_question
question(unsigned n)
{
	struct locate_question q = { .ways = 1, .transport = SIP_T_UDP };

	snprintf(q.name, sizeof(q.name), "h%u.test", n);
	return q;
}

static struct locate_plan
plan(uint32_t ttl_s, unsigned n)
{
	struct locate_plan p = { .status = n > 0 ? LOCATE_FOUND : LOCATE_NONE, ttl_s, n, 0 };

	for (unsigned i = 0; i < n; i++) {
		netaddr_ip(SPAN("192.0.2.1"), &p.places[i].address);
		p.places[i].address.port = (uint16_t)(5060 + i);
		p.places[i].transport = SIP_T_UDP;
	}
	return p;
}

Test(model_plans, good_then_old_then_gone)
{
	struct locate_question q = question(1), other = q;
	struct locate_plan p = plan(60, 2), got;
	uint64_t day = PLANS_STALE_S * NS_PER_S;

	cr_expect_eq(plans_find(&reader, &q, 0, &got), ERR_ABSENT);
	plans_put(&own, &q, &p, 1000);
	cr_assert_eq(plans_find(&reader, &q, 1000 + 59 * NS_PER_S, &got), ERR_NONE);
	cr_expect_eq(got.n, 2);
	cr_expect_eq(got.places[1].address.port, 5061);
	cr_expect_eq(plans_find(&reader, &q, 1000 + 60 * NS_PER_S, &got), ERR_AGAIN);
	cr_expect_eq(got.n, 2);
	cr_expect_eq(plans_find(&reader, &q, 1000 + 60 * NS_PER_S + day, &got), ERR_ABSENT);
	other.port = 5061;
	cr_expect_eq(plans_find(&reader, &other, 1000, &got), ERR_ABSENT);
}

Test(model_plans, an_absence_is_not_of_use_afterwards)
{
	struct locate_question q = question(1);
	struct locate_plan p = plan(60, 0), got;

	plans_put(&own, &q, &p, 0);
	cr_expect_eq(plans_find(&reader, &q, 1, &got), ERR_NONE);
	cr_expect_eq(got.status, LOCATE_NONE);
	cr_expect_eq(plans_find(&reader, &q, 60 * NS_PER_S, &got), ERR_ABSENT);
	cr_expect_not(plans_extend(&own, &q, 60 * NS_PER_S, 30, &got));
}

/* While DNS is away what it said goes on, a day and no more. */
Test(model_plans, extended_while_dns_is_away)
{
	struct locate_question q = question(1);
	struct locate_plan p = plan(60, 1), got;
	uint64_t now = 100 * NS_PER_S, last = (60 + PLANS_STALE_S) * NS_PER_S;

	plans_put(&own, &q, &p, 0);
	for (; now < last; now += 3600 * NS_PER_S) {
		cr_assert(plans_extend(&own, &q, now, 30, &got));
		cr_expect_eq(plans_find(&reader, &q, now + 29 * NS_PER_S, &got), ERR_NONE);
	}
	cr_expect_not(plans_extend(&own, &q, now, 30, &got));
}

Test(model_plans, full_makes_room)
{
	struct locate_plan p = plan(60, LOCATE_PLACES), got;
	struct locate_question q = question(0);

	for (unsigned i = 0; i < 3 * PLANS; i++) {
		q = question(i);
		plans_put(&own, &q, &p, 0);
		cr_assert_eq(plans_find(&reader, &q, 1, &got), ERR_NONE, "%u", i);
		cr_assert_leq(records_count(&own.records), PLANS);
	}
	plans_sweep(&own, 59 * NS_PER_S);
	cr_expect_gt(records_count(&own.records), 0);
	plans_sweep(&own, (61 + (uint64_t)PLANS_STALE_S) * NS_PER_S);
	cr_expect_eq(records_count(&own.records), 0);
}

Test(model_plans, only_sound_ones_are_read)
{
	struct locate_plan p = plan(60, 3), got, bad;
	size_t len = plan_bytes(&p);

	cr_expect(plan_read(&p, len, &got));
	cr_expect_not(plan_read(&p, len - 1, &got));
	cr_expect_not(plan_read(&p, sizeof(p) + 8, &got));
	cr_expect_not(plan_read(&p, 3, &got));
	bad = p;
	bad.n = 17;
	cr_expect_not(plan_read(&bad, sizeof(bad), &got));
	bad = p;
	bad.status = LOCATE_NONE;
	cr_expect_not(plan_read(&bad, len, &got));
	bad = p;
	bad.places[2].transport = SIP_N_TRANSPORTS;
	cr_expect_not(plan_read(&bad, len, &got));
	bad = p;
	bad.places[0].address.family = 7;
	cr_expect_not(plan_read(&bad, len, &got));
	bad = p;
	bad.places[0].address.port = 0;
	cr_expect_not(plan_read(&bad, len, &got));
}

Test(model_plans, ways_are_those_of_the_listeners)
{
	struct settings s = { .n_listeners = 2 };
	struct locate_place p = { .transport = SIP_T_TCP };

	s.listeners[0].transport = SIP_T_UDP;
	netaddr_ip(SPAN("0.0.0.0"), &s.listeners[0].address);
	s.listeners[1].transport = SIP_T_TCP;
	netaddr_ip(SPAN("::"), &s.listeners[1].address);
	cr_expect_eq(plan_ways(&s), locate_way(SIP_T_UDP, 4) | locate_way(SIP_T_TCP, 6));
	netaddr_ip(SPAN("2001:db8::1"), &p.address);
	cr_expect_eq(plan_listener(&s, &p), 1);
	netaddr_ip(SPAN("192.0.2.1"), &p.address);
	cr_expect_eq(plan_listener(&s, &p), 2);
}
