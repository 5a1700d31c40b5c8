/* Hunt groups, message by message (FLOWS.md 1.12 (1), (9), S2-16c, S2-27; BILLING.md R5; SERVICES.md C31, C32). */
#include <stdio.h>
#include <string.h>

#include "worker_phone.h"

#define carol (rig->phones[2])
#define dave  (rig->phones[3])

static void
begin(void)
{
	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	rig_subscriber("dave", "1004", DIR_TRUST_BINDING);
}

TestSuite(worker_group, .init = begin, .fini = rig_end);

struct wish {
	const char *overflow;
	unsigned overflow_s, follow, out; /* out: bits of members who are logged out */
	unsigned weight;		  /* of the second */
};

/* Group 2000 of bob and carol. */
static void
group(enum dir_group_mode mode, struct wish x)
{
	struct dir_group g = { .tenant = 1,
		.id = 7,
		.mode = (uint8_t)mode,
		.follow = (uint8_t)x.follow,
		.ring_s = 20,
		.overflow_s = (uint16_t)x.overflow_s,
		.n = 2 };
	struct dir_group_text text = { SPAN("sales"), SPAN("2000"),
		span_str(x.overflow == NULL ? "" : x.overflow), { SPAN("bob"), SPAN("carol") } };

	for (unsigned i = 0; i < 2; i++) {
		g.members[i].weight = 1;
		g.members[i].logged_in = !(x.out & 1u << i);
	}
	if (x.weight != 0)
		g.members[1].weight = (uint16_t)x.weight;
	cr_assert_eq(directory_put_group(&rig->directory, &g, &text), ERR_NONE);
	cr_assert_eq(
	    directory_put_number(&rig->directory, 1, SPAN("2000"), DIR_NUMBER_GROUP, SPAN("sales")),
	    ERR_NONE);
}

static void
bob_wishes(struct dir_subscriber s, const char *cfu)
{
	struct dir_subscriber_text text = {
		.user = SPAN("bob"), .number = SPAN("1002"), .cfu = span_str(cfu)
	};

	s.id = 1002;
	s.tenant = 1;
	s.trust = DIR_TRUST_BINDING;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
alice_dials(void)
{
	dials(alice, "2000", "", SDP_A);
	hears(alice, "100");
}

static void
rings(struct phone *p)
{
	hears(p, "INVITE");
	replies(p, "INVITE", 180, "", "");
}

static void
takes(struct phone *p)
{
	replies(p, "INVITE", 200, "", SDP_B);
	hears(p, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
}

static void
is_cancelled(struct phone *p)
{
	hears(p, "CANCEL");
	replies(p, "CANCEL", 200, "", "");
	replies(p, "INVITE", 487, "", "");
	hears(p, "ACK");
}

static void
refuses(struct phone *p, unsigned status)
{
	hears(p, "INVITE");
	replies(p, "INVITE", status, "", "");
	hears(p, "ACK");
}

/* One segment, which she pays for; the member's number is what she reached. */
static void
expect_r5(const char *number)
{
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "2000");
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), number);
	cr_expect_str_eq(rig_cdr("segment.1.connected_reason"), "group");
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "");
}

Test(worker_group, R5_S2_27_ring_all)
{
	group(DIR_RING_ALL, (struct wish){ 0 });
	alice_dials();
	rings(bob);
	hears(alice, "180");
	rings(carol);
	cr_expect_str_neq(header(bob->got[0], "Call-ID"), header(carol->got[0], "Call-ID"));
	takes(carol);
	is_cancelled(bob);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1003");
	cr_expect_str_eq(rig_cdr("leg.2.kind"), "group_member");
}

/* Both answer: the first wins. */
Test(worker_group, ring_all_both_answer)
{
	group(DIR_RING_ALL, (struct wish){ 0 });
	alice_dials();
	hears(bob, "INVITE");
	hears(carol, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	replies(carol, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(carol, "ACK");
	hears(carol, "BYE");
	replies(carol, "BYE", 200, "", "");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1002");
}

Test(worker_group, linear)
{
	group(DIR_LINEAR, (struct wish){ 0 });
	alice_dials();
	rings(bob);
	hears(alice, "180");
	rig_wait_ms(19999);
	hears_nothing(bob);
	hears_nothing(carol);
	rig_wait_ms(1);
	is_cancelled(bob);
	rings(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1003");
}

/* 1.12 (9): what a member refuses is his refusal alone. */
Test(worker_group, S2_16c_decline_of_a_member)
{
	group(DIR_LINEAR, (struct wish){ 0 });
	alice_dials();
	refuses(bob, 603);
	rings(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1003");
}

Test(worker_group, decline_while_others_ring)
{
	group(DIR_RING_ALL, (struct wish){ 0 });
	alice_dials();
	refuses(bob, 603);
	hears_nothing(alice);
	rings(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_group, all_refuse)
{
	group(DIR_RING_ALL, (struct wish){ 0 });
	alice_dials();
	refuses(bob, 603);
	refuses(carol, 603);
	hears(alice, "480");
	rig_ends_clean("unreachable 480 18 callee normal", 0);
}

static void
first_is(struct phone *p)
{
	alice_dials();
	rings(p);
	hears(alice, "180");
	takes(p);
	hangs_up(alice, p);
	rig_wait_ms(60000);
}

Test(worker_group, circular)
{
	group(DIR_CIRCULAR, (struct wish){ 0 });
	first_is(bob);
	first_is(carol);
	rig_restart(0);
	first_is(bob);
	rig_ends_empty(3);
}

Test(worker_group, longest_idle)
{
	group(DIR_LONGEST_IDLE, (struct wish){ 0 });
	first_is(bob);
	first_is(carol);
	rig_restart(0);
	first_is(bob);
	first_is(carol);
	rig_ends_empty(4);
}

Test(worker_group, weighted)
{
	group(DIR_WEIGHTED, (struct wish){ .out = 1 });
	first_is(carol);
	rig_ends_empty(1);
}

Test(worker_group, logged_out)
{
	group(DIR_LINEAR, (struct wish){ .out = 1 });
	alice_dials();
	hears_nothing(bob);
	rings(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_group, nobody_logged_in)
{
	group(DIR_LINEAR, (struct wish){ .out = 3 });
	alice_dials();
	hears(alice, "480");
	rig_ends_clean("unreachable 480 18 system normal", 0);
}

Test(worker_group, do_not_disturb_and_disabled)
{
	group(DIR_LINEAR, (struct wish){ .out = 2 });
	bob_wishes((struct dir_subscriber){ .dnd = 1 }, "");
	alice_dials();
	hears(alice, "486");
	rig_ends_clean("busy 486 17 system normal", 0);
}

/* SERVICES.md: 6, 9, 11 of a member are ignored. */
Test(worker_group, forwards_are_ignored)
{
	group(DIR_LINEAR, (struct wish){ 0 });
	bob_wishes((struct dir_subscriber){ 0 }, "dave");
	alice_dials();
	rings(bob);
	hears(alice, "180");
	takes(bob);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1002");
}

Test(worker_group, forwards_are_followed)
{
	group(DIR_LINEAR, (struct wish){ .follow = 1 });
	bob_wishes((struct dir_subscriber){ 0 }, "dave");
	alice_dials();
	hears_nothing(bob);
	rings(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
}

/* The time is over while a member rings. */
Test(worker_group, overflow_after_a_time)
{
	group(DIR_RING_ALL, (struct wish){ .overflow = "1004", .overflow_s = 10 });
	alice_dials();
	rings(bob);
	hears(alice, "180");
	rings(carol);
	rig_wait_ms(10000);
	is_cancelled(bob);
	is_cancelled(carol);
	rings(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "1004");
	cr_expect_str_eq(rig_cdr("segment.2.payer_kind"), "tenant");
	cr_expect_str_eq(rig_cdr("segment.2.redirect_reason"), "group");
	cr_expect_str_eq(rig_cdr("segment.2.redirecting_number"), "2000");
}

Test(worker_group, overflow_when_all_refuse)
{
	group(DIR_RING_ALL, (struct wish){ .overflow = "1004" });
	alice_dials();
	refuses(bob, 486);
	refuses(carol, 603);
	rings(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_group, overflow_when_there_is_nobody)
{
	group(DIR_RING_ALL, (struct wish){ .overflow = "1004", .out = 3 });
	alice_dials();
	rings(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* The group's own number as its overflow, where SQL put it in anyway. */
Test(worker_group, overflow_to_itself)
{
	group(DIR_RING_ALL, (struct wish){ .overflow = "2000", .out = 3 });
	alice_dials();
	hears(alice, "482");
	rig_ends_clean("failed 482 25 system normal", 0);
}

Test(worker_group, cancelled_while_two_ring)
{
	group(DIR_RING_ALL, (struct wish){ .overflow = "1004", .overflow_s = 10 });
	alice_dials();
	rings(bob);
	hears(alice, "180");
	rings(carol);
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	is_cancelled(bob);
	is_cancelled(carol);
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* The worker dies while the first rings: the hunt goes on. */
Test(worker_group, worker_dies)
{
	group(DIR_LINEAR, (struct wish){ 0 });
	alice_dials();
	rings(bob);
	hears(alice, "180");
	rig_restart(0);
	rig_wait_ms(20000);
	is_cancelled(bob);
	rings(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1003");
}
