/* Hunt groups, message by message (FLOWS.md 1.12 (1), (9), S2-16c, S2-27; BILLING.md R5; SERVICES.md C31, C32). */
#include <stdio.h>
#include <string.h>

#include "worker_several.h"

TestSuite(worker_group, .init = several_begin, .fini = rig_end);

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
	alice_dials("2000");
	is_rung(bob);
	hears(alice, "180");
	is_rung(carol);
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
	alice_dials("2000");
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
	alice_dials("2000");
	is_rung(bob);
	hears(alice, "180");
	rig_wait_ms(19999);
	hears_nothing(bob);
	hears_nothing(carol);
	rig_wait_ms(1);
	is_cancelled(bob);
	is_rung(carol);
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
	alice_dials("2000");
	hears(bob, "INVITE");
	refuses(bob, 603);
	is_rung(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1003");
}

Test(worker_group, decline_while_others_ring)
{
	group(DIR_RING_ALL, (struct wish){ 0 });
	alice_dials("2000");
	hears(bob, "INVITE");
	refuses(bob, 603);
	hears_nothing(alice);
	is_rung(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_group, all_refuse)
{
	group(DIR_RING_ALL, (struct wish){ 0 });
	alice_dials("2000");
	hears(bob, "INVITE");
	refuses(bob, 603);
	hears(carol, "INVITE");
	refuses(carol, 603);
	hears(alice, "480");
	rig_ends_clean("unreachable 480 18 callee normal", 0);
}

static void
first_is(struct phone *p)
{
	alice_dials("2000");
	is_rung(p);
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
	alice_dials("2000");
	hears_nothing(bob);
	is_rung(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_group, nobody_logged_in)
{
	group(DIR_LINEAR, (struct wish){ .out = 3 });
	alice_dials("2000");
	hears(alice, "480");
	rig_ends_clean("unreachable 480 18 system normal", 0);
}

Test(worker_group, do_not_disturb_and_disabled)
{
	group(DIR_LINEAR, (struct wish){ .out = 2 });
	wishes("bob", "1002", (struct wishes){ .dnd = 1 });
	alice_dials("2000");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 system normal", 0);
}

/* SERVICES.md: 6, 9, 11 of a member are ignored. */
Test(worker_group, forwards_are_ignored)
{
	group(DIR_LINEAR, (struct wish){ 0 });
	wishes("bob", "1002", (struct wishes){ .cfu = "dave" });
	alice_dials("2000");
	is_rung(bob);
	hears(alice, "180");
	takes(bob);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1002");
}

Test(worker_group, forwards_are_followed)
{
	group(DIR_LINEAR, (struct wish){ .follow = 1 });
	wishes("bob", "1002", (struct wishes){ .cfu = "dave" });
	alice_dials("2000");
	hears_nothing(bob);
	is_rung(dave);
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
	alice_dials("2000");
	is_rung(bob);
	hears(alice, "180");
	is_rung(carol);
	rig_wait_ms(10000);
	is_cancelled(bob);
	is_cancelled(carol);
	is_rung(dave);
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
	alice_dials("2000");
	hears(bob, "INVITE");
	refuses(bob, 486);
	hears(carol, "INVITE");
	refuses(carol, 603);
	is_rung(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_group, overflow_when_there_is_nobody)
{
	group(DIR_RING_ALL, (struct wish){ .overflow = "1004", .out = 3 });
	alice_dials("2000");
	is_rung(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* C42: 1004 has become an emergency number since: a group calls nobody for help. */
Test(worker_group, C42_overflow_to_what_became_an_emergency_number)
{
	struct dir_tenant t = {
		.tenant = 1, .name = "office", .realm = "example.com", .country = "AT"
	};

	cr_assert_eq(directory_put_emergency(&rig->directory, SPAN("AT1004")), ERR_NONE);
	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
	group(DIR_RING_ALL, (struct wish){ .overflow = "1004", .out = 3 });
	alice_dials("2000");
	hears(alice, "403");
	hears_nothing(dave);
	rig_ends_empty(1);
}

/* The group's own number as its overflow, where SQL put it in anyway. */
Test(worker_group, overflow_to_itself)
{
	group(DIR_RING_ALL, (struct wish){ .overflow = "2000", .out = 3 });
	alice_dials("2000");
	hears(alice, "482");
	rig_ends_clean("failed 482 25 system normal", 0);
}

Test(worker_group, cancelled_while_two_ring)
{
	group(DIR_RING_ALL, (struct wish){ .overflow = "1004", .overflow_s = 10 });
	alice_dials("2000");
	is_rung(bob);
	hears(alice, "180");
	is_rung(carol);
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
	alice_dials("2000");
	is_rung(bob);
	hears(alice, "180");
	rig_restart(0);
	rig_wait_ms(20000);
	is_cancelled(bob);
	is_rung(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_r5("1003");
}
