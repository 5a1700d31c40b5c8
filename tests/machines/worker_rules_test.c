/*
 * Selective forwarding by rules (SERVICES.md C5): by time, by Priority, by who calls, and by several of them at
 * once; which of two rules acts, and what a rule goes before.
 */
#include <string.h>

#include "worker_phone.h"

#define carol (rig->phones[2])
#define dave  (rig->phones[3])
#define trunk (rig->phones[4])

enum { BOB = 77, TUE = 1 << 1, WED = 1 << 2 };

/* The rig's wall clock: Tuesday, 14 November 2023, 22:13:20 UTC. */
enum { TODAY = 19675, NOW_MIN = 22 * 60 + 13 };

static struct dir_rules rules;
static struct dir_rules_text texts;

static void
begin(void)
{
	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	phone_at("trunk", "203.0.113.7");
	rig_gateway(7, "203.0.113.7", true);
	memset(&rules, 0, sizeof(rules));
}

TestSuite(worker_rules, .init = begin, .fini = rig_end);

/* Bob anew. */
static void
bob_has(struct dir_subscriber s, const char *cfs, const char *cfu)
{
	struct dir_subscriber_text text = { .user = SPAN("bob"),
		.number = SPAN("1002"),
		.cfs = span_str(cfs),
		.cfu = span_str(cfu) };

	s.id = BOB;
	s.tenant = 1;
	s.call_waiting = 1;
	s.rules = 1;
	s.trust = DIR_TRUST_BINDING;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

/* One rule more; the first makes bob's. */
static void
rule(struct dir_rule r, const char *callers, const char *to)
{
	if (rules.n == 0)
		bob_has((struct dir_subscriber){ 0 }, "", "");
	if (r.hours.to_day == 0)
		r.hours.to_day = HOURS_ANY_DAY;
	r.position = (uint8_t)(rules.n + 1);
	texts.to[rules.n] = span_str(to);
	texts.callers[rules.n] = span_str(callers);
	rules.rules[rules.n++] = r;
	cr_assert_eq(directory_put_rules(&rig->directory, BOB, &rules, &texts), ERR_NONE);
}

#define TIMED(...) ((struct dir_rule){ .timed = 1, .hours = { __VA_ARGS__ } })
#define ANYWAY	   ((struct dir_rule){ .priorities = 0xf })

static void
zone_is(const char *words)
{
	struct dir_tenant t = { .tenant = 1, .name = "office", .realm = "example.com" };

	cr_assert_eq(zone_read(span_str(words), &t.zone), ERR_NONE);
	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
}

/* What the phone hears, which then is busy. */
static const char *
rings(struct phone *caller, struct phone *called, const char *more)
{
	const char *m;

	dials(caller, "bob", more, SDP_A);
	hears(caller, "100");
	m = hears(called, "INVITE");
	replies(called, "INVITE", 486, "", "");
	hears(called, "ACK");
	hears(caller, "486");
	return m;
}

static const char *
explained(struct explain_asked x)
{
	static char text[EXPLAIN_MAX];
	struct buf b = buf_on(text, sizeof(text) - 1);

	x.from = SPAN("alice");
	x.to = SPAN("bob");
	explain_asked(rig->w[0], &x, &b);
	text[b.len] = '\0';
	worker_drain(rig->w[0]);
	return text;
}

/* --- by time ------------------------------------------------------------------------------------*/

Test(worker_rules, C5_R6_by_time)
{
	const char *m;

	rule(TIMED(.days = TUE, .from_min = NOW_MIN, .to_min = 6 * 60), "", "carol");
	m = rings(alice, carol, "");
	expect_has(header(m, "Diversion"), "reason=unconditional");
	expect_has(header(m, "History-Info"), "cause=302");
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "forward");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	expect_has(rig_cdr("call.decisions"), "\"reason\":\"rule 1, tue 22:13: goes on to carol\"");
	rig_ends_empty(1);
}

/* The clock goes on; the rule ends by it, in the middle of the night. */
Test(worker_rules, C5_until_its_end)
{
	rule(TIMED(.days = TUE, .from_min = 22 * 60, .to_min = 30), "", "carol");
	rings(alice, carol, "");
	rig_wait_ms(2 * 3600 * 1000ull); /* 00:13 on Wednesday */
	rings(alice, carol, "");
	rig_wait_ms(20 * 60 * 1000ull);
	rings(alice, bob, "");
	rig_ends_empty(3);
}

Test(worker_rules, C5_by_the_clock_of_the_tenant)
{
	rule(TIMED(.days = WED, .from_min = 3 * 60, .to_min = 5 * 60), "", "carol");
	rings(alice, bob, "");
	zone_is("20700"); /* 03:58 in Kathmandu */
	rings(alice, carol, "");
	zone_is("-36000 1699999000 20700"); /* and since a quarter of an hour */
	rings(alice, carol, "");
	zone_is("20700 1700000000 -36000"); /* and not any more */
	rings(alice, bob, "");
	rig_ends_empty(4);
}

Test(worker_rules, C5_on_a_date)
{
	rule(TIMED(.from_day = TODAY + 1, .to_day = TODAY + 2), "", "carol");
	rule(TIMED(.from_day = TODAY - 1, .to_day = TODAY), "", "dave");
	rings(alice, dave, "");
	zone_is("7200"); /* 00:13 on the next day */
	rings(alice, carol, "");
	rig_ends_empty(2);
}

/* --- by Priority (RFC 3261 20.26) ---------------------------------------------------------------*/

Test(worker_rules, C5_by_priority)
{
	rule((struct dir_rule){ .priorities =
				    1 << DIR_PRIORITY_URGENT | 1 << DIR_PRIORITY_EMERGENCY },
	    "", "carol");
	rule((struct dir_rule){ .priorities = 1 << DIR_PRIORITY_NON_URGENT }, "", "dave");
	expect_has(rings(alice, carol, "Priority: Urgent\r\n"), "Priority: Urgent");
	rings(alice, carol, "Priority: emergency\r\n");
	rings(alice, dave, "Priority: non-urgent\r\n");
	rings(alice, bob, "Priority: normal\r\n");
	rings(alice, bob, "Priority: psap-callback\r\n"); /* one that is not known is normal */
	rings(alice, bob, "");
	rig_ends_empty(6);
}

Test(worker_rules, C5_without_a_priority_it_is_normal)
{
	rule((struct dir_rule){ .priorities = 1 << DIR_PRIORITY_NORMAL }, "", "carol");
	rings(alice, carol, "");
	rings(alice, bob, "Priority: urgent\r\n");
	rig_ends_empty(2);
}

/* --- by who calls -------------------------------------------------------------------------------*/

Test(worker_rules, C5_by_caller)
{
#define FROM(number) "P-Asserted-Identity: <sip:" number "@203.0.113.7>\r\n"
	rule(ANYWAY, "zoe,0044*,1001", "carol");
	rule(ANYWAY, "anonymous", "dave");
	rings(alice, carol, "");
	rings(trunk, carol, FROM("+442079460000"));
	rings(trunk, bob, FROM("+49301234"));
	rings(alice, dave, "Privacy: id\r\n"); /* he is not found by what he hides */
	rig_ends_empty(4);
}

/* --- several at once ----------------------------------------------------------------------------*/

Test(worker_rules, C5_all_conditions_hold_or_none_acts)
{
	struct dir_rule r = TIMED(.days = TUE, .from_min = 22 * 60, .to_min = 23 * 60);

	r.priorities = 1 << DIR_PRIORITY_URGENT;
	rule(r, "alice", "carol");
	rings(alice, carol, "Priority: urgent\r\n");
	rings(alice, bob, "");
	rings(dave, bob, "Priority: urgent\r\n");
	rig_wait_ms(3600 * 1000ull);
	rings(alice, bob, "Priority: urgent\r\n");
	rig_ends_empty(4);
}

Test(worker_rules, C5_the_first_rule_acts_and_the_list_after_all)
{
	rule(TIMED(.days = WED), "", "alice");
	rule(ANYWAY, "alice", "carol");
	rule(ANYWAY, "alice", "alice");
	bob_has((struct dir_subscriber){ .lists = 1 << DIR_LIST_FORWARD }, "dave", "");
	cr_assert_eq(
	    directory_put_listed(&rig->directory, BOB, DIR_LIST_FORWARD, SPAN("*")), ERR_NONE);
	rings(alice, carol, "");
	expect_has(rig_cdr("call.decisions"), "\"rule 2: goes on to carol\"");
	rings(carol, dave, "");
	rig_ends_empty(2);
}

/* --- with the others ----------------------------------------------------------------------------*/

/* rule x cfu, dnd: it goes before; rule x block, acr: they do. */
Test(worker_rules, C5_C1_C9_C16_C17_which_goes_before)
{
	rule(ANYWAY, "", "carol");
	bob_has((struct dir_subscriber){ .dnd = 1, .acr = 1, .lists = 1 << DIR_LIST_BLOCK }, "",
	    "dave");
	cr_assert_eq(
	    directory_put_listed(&rig->directory, BOB, DIR_LIST_BLOCK, SPAN("dave")), ERR_NONE);
	rings(alice, carol, "");
	dials(alice, "bob", "Privacy: id\r\n", SDP_A);
	hears(alice, "100");
	hears(alice, "433");
	dials(dave, "bob", "", SDP_A);
	hears(dave, "100");
	hears(dave, "603");
	rig_ends_empty(3);
}

/* Switched off they stay and do not act. */
Test(worker_rules, C5_off)
{
	struct dir_subscriber s = { .id = BOB, .tenant = 1, .trust = DIR_TRUST_BINDING };
	struct dir_subscriber_text text = { .user = SPAN("bob") };

	rule(ANYWAY, "", "carol");
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
	rings(alice, bob, "");
	rig_ends_empty(1);
}

/* To oneself, by SQL: harmless. */
Test(worker_rules, C5_to_oneself)
{
	rule(ANYWAY, "", "bob");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(alice, "482");
	hears_nothing(bob);
	rig_ends_empty(1);
}

/* --- explained ----------------------------------------------------------------------------------*/

Test(worker_rules, C5_explained_at_another_time)
{
	rule(TIMED(.days = WED, .from_min = 20 * 60, .to_min = 6 * 60), "", "carol");
	rule((struct dir_rule){ .priorities = 1 << DIR_PRIORITY_URGENT }, "", "dave");
	zone_is("3600");
	expect_lacks(explained((struct explain_asked){ 0 }), "selective");
	expect_has(explained((struct explain_asked){ .at = SPAN("2026-12-24 05:59") }),
	    "selective: rule 1, thu 05:59: goes on to carol\n");
	expect_lacks(
	    explained((struct explain_asked){ .at = SPAN("2026-12-24T06:00") }), "selective");
	expect_has(explained((struct explain_asked){ .priority = SPAN("urgent") }),
	    "selective: rule 2: goes on to dave\n");
	cr_expect_str_eq(explained((struct explain_asked){ .at = SPAN("tomorrow") }),
	    "no time as \"2026-12-24 18:30\": tomorrow");
	cr_expect_str_eq(explained((struct explain_asked){ .priority = SPAN("high") }),
	    "none of non-urgent, normal, urgent, emergency: high");
	rig_expect_empty();
}
