/* Whom a hunt group rings, passes over and remembers (SERVICES.md C31, C32, C6; BILLING.md R5). */
#include <stdio.h>
#include <string.h>

#include "worker_several.h"

static void
more_phones(void)
{
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
}

static void
begin(void)
{
	rig_begin();
	more_phones();
}

TestSuite(worker_members, .init = begin, .fini = rig_end);

struct wish {
	const char *overflow;
	unsigned follow;
	const char *third;
	unsigned weights[3];
};

/* Group `number` of bob, carol and a third. */
static void
group(uint32_t id, const char *number, enum dir_group_mode mode, struct wish x)
{
	struct dir_group g = { .tenant = 1,
		.id = id,
		.mode = (uint8_t)mode,
		.follow = (uint8_t)x.follow,
		.ring_s = 20,
		.n = x.third == NULL ? 2 : 3 };
	struct dir_group_text text = { span_str(number), span_str(number),
		span_str(x.overflow == NULL ? "" : x.overflow),
		{ SPAN("bob"), SPAN("carol"), span_str(x.third == NULL ? "" : x.third) } };

	for (unsigned i = 0; i < g.n; i++) {
		g.members[i].weight = (uint16_t)(x.weights[i] == 0 ? 1 : x.weights[i]);
		g.members[i].logged_in = 1;
	}
	cr_assert_eq(directory_put_group(&rig->directory, &g, &text), ERR_NONE);
	cr_assert_eq(directory_put_number(
			 &rig->directory, 1, span_str(number), DIR_NUMBER_GROUP, span_str(number)),
	    ERR_NONE);
}

static void
dials_group(struct phone *p, const char *number)
{
	dials(p, number, "", SDP_A);
	hears(p, "100");
}

static void
is_called_and_takes(struct phone *p)
{
	hears(p, "INVITE");
	takes(p);
}

static void
first_is(struct phone *p)
{
	dials_group(alice, "2000");
	is_called_and_takes(p);
	hangs_up(alice, p);
	rig_wait_ms(60000);
}

/* C31: four calls in five ring first who has four times the weight. (By chance fewer than 56 of a hundred
 * or all of them less often than once in ten million runs.) */
Test(worker_members, weighted_by_its_weights)
{
	unsigned bobs = 0;

	group(7, "2000", DIR_WEIGHTED, (struct wish){ .weights = { 4, 1 } });
	for (unsigned i = 0; i < 100; i++) {
		struct phone *first;

		dials_group(alice, "2000");
		first = has_mail(bob) ? bob : carol;
		bobs += first == bob;
		hears(first, "INVITE");
		replies(first, "INVITE", 180, "", "");
		hears(alice, "180");
		cancels(alice, "");
		hears(alice, "200 CANCEL");
		hears(alice, "487");
		is_cancelled(first);
		rig_wait_ms(40000);
	}
	cr_expect(bobs >= 56, "%u of 100", bobs);
	cr_expect(bobs <= 99, "%u of 100", bobs);
	rig_ends_empty(100);
}

/* SERVICES.md 8: who talks and wants no other call is passed over. */
Test(worker_members, C32_busy_is_passed_over)
{
	wishes("bob", "1002", (struct wishes){ .no_waiting = 1 });
	group(7, "2000", DIR_LINEAR, (struct wish){ 0 });
	talk(dave, bob);
	dials_group(alice, "2000");
	hears_nothing(bob);
	is_called_and_takes(carol);
	hangs_up(alice, carol);
	hangs_up(dave, bob);
	rig_ends_empty(2);
}

/* S1-13: who lets calls wait is told that this one does, though it comes by a group; the other is not. */
Test(worker_members, S1_13_a_call_by_a_group_waits)
{
	struct phone *second = phone_at("bob", "192.0.2.2");

	wishes("bob", "1002", (struct wishes){ 0 });
	group(7, "2000", DIR_RING_ALL, (struct wish){ 0 });
	talk(dave, bob);
	dials_group(alice, "2000");
	cr_expect_str_eq(
	    header(hears(second, "INVITE"), "Alert-Info"), "<urn:alert:service:call-waiting>");
	replies(second, "INVITE", 180, "", "");
	hears(alice, "180");
	cr_expect_eq(headers(hears(carol, "INVITE"), "Alert-Info"), 0);
	replies(carol, "INVITE", 200, "", SDP_B);
	hears(carol, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	is_cancelled(second);
	hangs_up(alice, carol);
	hangs_up(dave, bob);
	rig_ends_empty(2);
}

/* SERVICES.md 7: DND is passed over whatever he wishes when he is busy, in either setting. */
Test(worker_members, C32_do_not_disturb_is_not_forwarded)
{
	wishes("bob", "1002", (struct wishes){ .cfb = "dave", .dnd = 1 });
	group(7, "2000", DIR_LINEAR, (struct wish){ .follow = 1 });
	dials_group(alice, "2000");
	hears_nothing(bob);
	hears_nothing(dave);
	is_called_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* SERVICES.md 9: a member without a phone is passed over; where the group follows, he is sent on. */
Test(worker_members, C32_not_registered_is_passed_over)
{
	wishes("erin", "1005", (struct wishes){ .cfnrc = "dave" });
	group(7, "2000", DIR_LINEAR, (struct wish){ .third = "erin" });
	dials_group(alice, "2000");
	for (unsigned i = 0; i < 2; i++) {
		hears(rig->phones[1 + i], "INVITE");
		replies(rig->phones[1 + i], "INVITE", 486, "", "");
		hears(rig->phones[1 + i], "ACK");
	}
	hears_nothing(dave);
	hears(alice, "486");
	rig_ends_empty(1);
}

Test(worker_members, C6_not_registered_is_followed)
{
	wishes("erin", "1005", (struct wishes){ .cfnrc = "dave" });
	group(7, "2000", DIR_RING_ALL, (struct wish){ .third = "erin", .follow = 1 });
	dials_group(alice, "2000");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 180, "", "");
	expect_has(header(hears(dave, "INVITE"), "Diversion"), "reason=unavailable");
	replies(dave, "INVITE", 200, "", SDP_B);
	hears(dave, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	is_cancelled(bob);
	is_cancelled(carol);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1005");
}

/* A phone rings, and is given up. */
static void
rings_for(struct phone *p, uint64_t ms)
{
	hears(p, "INVITE");
	replies(p, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(ms);
	is_cancelled(p);
}

/* A member who does not answer in his own time: another phone takes his turn, at his cost, before the next. */
Test(worker_members, C6_no_answer_is_followed)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "dave", .cfnr_s = 5 });
	group(7, "2000", DIR_LINEAR, (struct wish){ .follow = 1 });
	dials_group(alice, "2000");
	rings_for(bob, 5100);
	hears_nothing(carol);
	expect_has(header(hears(dave, "INVITE"), "Diversion"), "reason=no-answer");
	replies(dave, "INVITE", 200, "", SDP_B);
	hears(dave, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1000);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 1000);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "2000");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.2.redirect_reason"), "no_answer");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "1000");
}

/* And does not answer either: the next member, after the group's time. */
Test(worker_members, C6_nor_the_other_phone)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "dave", .cfnr_s = 5 });
	group(7, "2000", DIR_LINEAR, (struct wish){ .follow = 1 });
	dials_group(alice, "2000");
	rings_for(bob, 5100);
	hears(dave, "INVITE");
	replies(dave, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(19000);
	hears_nothing(carol);
	rig_wait_ms(1100);
	is_cancelled(dave);
	is_called_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "cancelled");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "0");
}

/* Where all ring at once it rings beside the others. */
Test(worker_members, C6_no_answer_beside_the_others)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "dave", .cfnr_s = 5 });
	group(7, "2000", DIR_RING_ALL, (struct wish){ .follow = 1 });
	dials_group(alice, "2000");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 180, "", "");
	rig_wait_ms(5100);
	is_cancelled(bob);
	hears(dave, "INVITE");
	replies(dave, "INVITE", 180, "", "");
	takes(carol);
	is_cancelled(dave);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "1003");
}

/* SERVICES.md, steps 7 and 8: who is busy is passed over; who declines has not failed to answer; and a group that
 * ignores what its members set rings for its own time. */
Test(worker_members, C6_what_is_not_followed)
{
	static const struct {
		unsigned follow, status;
	} rows[] = { { 1, 486 }, { 1, 603 }, { 0, 0 } };

	for (unsigned i = 0; i < 3; i++) {
		wishes(
		    "bob", "1002", (struct wishes){ .cfb = "dave", .cfnr = "dave", .cfnr_s = 5 });
		group(7, "2000", DIR_LINEAR, (struct wish){ .follow = rows[i].follow });
		dials_group(alice, "2000");
		if (rows[i].status == 0) {
			rings_for(bob, 20100);
		} else {
			hears(bob, "INVITE");
			replies(bob, "INVITE", rows[i].status, "", "");
			hears(bob, "ACK");
		}
		hears_nothing(dave);
		is_called_and_takes(carol);
		hangs_up(alice, carol);
		rig_wait_ms(60000);
	}
	rig_ends_empty(3);
}

/* Killed between the two. */
Test(worker_members, C6_no_answer_survives_a_kill)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "dave", .cfnr_s = 5 });
	group(7, "2000", DIR_LINEAR, (struct wish){ .follow = 1 });
	dials_group(alice, "2000");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_restart(0);
	rig_wait_ms(5100);
	is_cancelled(bob);
	hears(dave, "INVITE");
	rig_restart(0);
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_empty(1);
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
}

/* C6, where SQL put it in anyway: a member who is the group, and two who are one phone. */
Test(worker_members, a_group_that_contains_itself)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "2000" });
	group(7, "2000", DIR_LINEAR, (struct wish){ .follow = 1 });
	dials_group(alice, "2000");
	hears_nothing(bob);
	is_called_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "0");
}

Test(worker_members, two_members_of_one_phone)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "dave" });
	wishes("carol", "1003", (struct wishes){ .cfu = "dave" });
	group(7, "2000", DIR_RING_ALL, (struct wish){ .follow = 1 });
	dials_group(alice, "2000");
	is_called_and_takes(dave);
	hears_nothing(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.3.bill_ms"), "0");
}

/* Two groups, each the other's overflow. */
Test(worker_members, S1_11a_a_circle_of_overflows)
{
	group(7, "2000", DIR_RING_ALL, (struct wish){ .overflow = "2100" });
	group(8, "2100", DIR_RING_ALL, (struct wish){ .overflow = "2000" });
	wishes("bob", "1002", (struct wishes){ .dnd = 1 });
	wishes("carol", "1003", (struct wishes){ .dnd = 1 });
	dials_group(alice, "2000");
	hears(alice, "482");
	rig_ends_clean("failed 482 25 system normal", 0);
}

/* The circle goes on behind a member whose calls somebody else takes. */
Test(worker_members, circular_behind_one_who_is_sent_on)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "dave" });
	group(7, "2000", DIR_CIRCULAR, (struct wish){ .follow = 1 });
	first_is(dave);
	first_is(carol);
	first_is(dave);
	rig_ends_empty(3);
}

/* Who talks is not idle, however long ago his last call ended. */
Test(worker_members, longest_idle_is_not_who_talks)
{
	wishes("bob", "1002", (struct wishes){ 0 });
	group(7, "2000", DIR_LONGEST_IDLE, (struct wish){ 0 });
	first_is(bob);
	first_is(carol);
	talk(dave, bob);
	first_is(carol);
	hangs_up(dave, bob);
	rig_ends_empty(4);
}

/* --- two workers --------------------------------------------------------------------------------*/

static void
see_each_other(unsigned i)
{
	rig->w[i]->views_of[1 - i] =
	    (const struct call_views *)(const void *)rig->w[1 - i]->views - 1;
	rig->w[i]->words_of[1 - i] = rig->w[1 - i]->group_words;
}

static void
begin_two(void)
{
	rig_new(2);
	phones_begin();
	more_phones();
	see_each_other(0);
	see_each_other(1);
}

TestSuite(worker_members_two, .init = begin_two, .fini = rig_end);

static void
first_in(unsigned worker, struct phone *p)
{
	alice->worker = p->worker = worker;
	first_is(p);
}

Test(worker_members_two, longest_idle_over_all_workers)
{
	group(7, "2000", DIR_LONGEST_IDLE, (struct wish){ 0 });
	first_in(0, bob);
	first_in(1, carol);
	first_in(0, bob);
	first_in(0, carol);
	first_in(1, bob);
}

Test(worker_members_two, circular_over_all_workers)
{
	group(7, "2000", DIR_CIRCULAR, (struct wish){ .third = "dave" });
	first_in(0, bob);
	first_in(1, carol);
	first_in(1, dave);
	first_in(0, bob);
	first_in(0, carol);
}

/* Kill -9 of the one that knows: what it remembered is still there for both. */
Test(worker_members_two, longest_idle_after_a_death)
{
	group(7, "2000", DIR_LONGEST_IDLE, (struct wish){ 0 });
	first_in(0, bob);
	first_in(0, carol);
	rig_restart(0);
	see_each_other(0);
	see_each_other(1);
	first_in(1, bob);
	first_in(0, carol);
}
