/* Find-me/follow-me and simultaneous ring, message by message (SERVICES.md C33; BILLING.md R6). */
#include <stdio.h>
#include <string.h>

#include "worker_several.h"

TestSuite(worker_follow_me, .init = several_begin, .fini = rig_end);

static void
bob_follows(enum dir_follow_me how, const char *numbers)
{
	wishes("bob", "1002", (struct wishes){ .follow_me = how, .follow_me_numbers = numbers });
}

/* Eight numbers at once, each registered: what is read for one leaves room for the INVITEs of all. */
Test(worker_follow_me, C33_eight_registered_numbers)
{
	struct phone *they[8];
	char number[16], host[16];
	struct buf list;
	char text[160];

	list = buf_on(text, sizeof(text));
	for (unsigned i = 0; i < 8; i++) {
		snprintf(number, sizeof(number), "200%u", i);
		snprintf(host, sizeof(host), "192.0.2.3%u", i);
		they[i] = phone_new(number, host);
		rig_subscriber(number, number, DIR_TRUST_BINDING);
		buf_lit(&list, "0 0 ");
		buf_str(&list, number);
		buf_lit(&list, "\n");
	}
	buf_char(&list, '\0');
	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, text);
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	for (unsigned i = 0; i < 8; i++)
		is_rung(they[i]);
	takes(they[7]);
	is_cancelled(bob);
	for (unsigned i = 0; i < 7; i++)
		is_cancelled(they[i]);
	hangs_up(alice, they[7]);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Both ring at once; who answers elsewhere is paid by him who is followed. */
Test(worker_follow_me, C33_R6_simultaneous)
{
	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "0 0 1003");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	expect_has(header(hears(carol, "INVITE"), "Diversion"), "<sip:1002@example.com>");
	replies(carol, "INVITE", 180, "", "");
	takes(carol);
	expect_has(hears(bob, "CANCEL"), "cause=200");
	replies(bob, "CANCEL", 200, "", "");
	refuses(bob, 487);
	rig_wait_ms(2000);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 2000);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "2000");
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "forward");
	cr_expect_str_eq(rig_cdr("segment.2.connected_number"), "1003");
}

/* He answers himself: nothing is to be paid for the others. */
Test(worker_follow_me, C33_he_answers_himself)
{
	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "10 0 1003\n20 0 1004");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	rig_wait_ms(9999);
	hears_nothing(carol);
	rig_wait_ms(1);
	is_rung(carol);
	takes(bob);
	is_cancelled(carol);
	rig_wait_ms(30000);
	hears_nothing(dave);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 30000);
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "0");
	cr_expect_str_eq(rig_cdr("segment.3.bill_ms"), "0");
}

Test(worker_follow_me, C33_sequential)
{
	bob_follows(DIR_FOLLOW_ME_SEQUENTIAL, "10 0 1003\n25 0 1004");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	rig_wait_ms(10000);
	is_cancelled(bob);
	expect_has(header(hears(carol, "INVITE"), "Diversion"), "reason=no-answer");
	replies(carol, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(15000);
	is_cancelled(carol);
	is_rung(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "0");
	cr_expect_str_eq(rig_cdr("segment.3.payer_number"), "1002");
}

/* S1-11: his answer crosses the CANCEL: he has the call, the next is let go. */
Test(worker_follow_me, S1_11_answer_crosses_the_next)
{
	bob_follows(DIR_FOLLOW_ME_SEQUENTIAL, "10 0 1003");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	rig_wait_ms(10000);
	is_rung(carol);
	hears(alice, "180");
	hears(bob, "CANCEL");
	replies(bob, "INVITE", 200, "", SDP_B);
	replies(bob, "CANCEL", 481, "", "");
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	is_cancelled(carol);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Nobody rings any more: the next does not wait for its time. A decline is one number's alone. */
Test(worker_follow_me, C33_the_next_at_once)
{
	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "10 0 1003\n20 0 1004");
	alice_dials("bob");
	hears(bob, "INVITE");
	refuses(bob, 486);
	is_rung(carol);
	hears(alice, "180");
	refuses(carol, 603);
	is_rung(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* 603 of his own phone speaks for him everywhere. */
Test(worker_follow_me, S2_16c_he_declines)
{
	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "0 0 1003");
	alice_dials("bob");
	is_rung(carol);
	hears(alice, "180");
	hears(bob, "INVITE");
	refuses(bob, 603);
	is_cancelled(carol);
	hears(alice, "603");
	rig_ends_clean("rejected 603 21 callee normal", 0);
}

/* He has no phone registered. */
Test(worker_follow_me, C33_not_registered)
{
	wishes("erin", "1005",
	    (struct wishes){
		.follow_me = DIR_FOLLOW_ME_SEQUENTIAL, .follow_me_numbers = "15 0 1003" });
	dials(alice, "erin", "", SDP_A);
	hears(alice, "100");
	is_rung(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1005");
}

/* A number rings no longer than it may; he goes on ringing. */
Test(worker_follow_me, C33_a_number_rings_for_its_time)
{
	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "0 15 1003");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	is_rung(carol);
	rig_wait_ms(15000);
	is_cancelled(carol);
	hears_nothing(bob);
	takes(bob);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* SERVICES.md 11: no answer is counted from the last number. */
Test(worker_follow_me, C33_C3_then_no_answer)
{
	wishes("bob", "1002",
	    (struct wishes){ .follow_me = DIR_FOLLOW_ME_SIMULTANEOUS,
		.follow_me_numbers = "10 0 1003",
		.cfnr = "1004",
		.cfnr_s = 5 });
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	rig_wait_ms(10000);
	hears_nothing(bob);
	is_rung(carol);
	rig_wait_ms(4999);
	hears_nothing(bob);
	hears_nothing(carol);
	rig_wait_ms(1);
	is_cancelled(bob);
	is_cancelled(carol);
	is_rung(dave);
	hears(alice, "180");
	takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.3.redirect_reason"), "no_answer");
}

/* SERVICES.md 7: busy is busy everywhere. */
Test(worker_follow_me, C33_do_not_disturb)
{
	wishes("bob", "1002",
	    (struct wishes){ .follow_me = DIR_FOLLOW_ME_SIMULTANEOUS,
		.follow_me_numbers = "0 0 1003",
		.dnd = 1 });
	alice_dials("bob");
	hears(alice, "486");
	hears_nothing(carol);
	rig_ends_clean("busy 486 17 system normal", 0);
}

/* S1-11a, C40: what leads back to him, is barred to him or no number at all is passed over. */
Test(worker_follow_me, S1_11a_what_may_not_be_is_passed_over)
{
	wishes("bob", "1002",
	    (struct wishes){ .follow_me = DIR_FOLLOW_ME_SIMULTANEOUS,
		.follow_me_numbers = "0 0 1002\n0 0 112\nx 0 1003\n0 0 0305551",
		.barring = BAR_OUTGOING });
	rig_gateway(9, "203.0.113.9", true);
	rig_route("0", 1, (uint64_t[]){ 9 });
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	hears_nothing(bob);
	hears_nothing(carol);
	takes(bob);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

static struct phone *
gateways(struct phone **second_r)
{
	rig_gateway(9, "203.0.113.9", true);
	rig_gateway(10, "203.0.113.10", true);
	rig_route("0", 2, (uint64_t[]){ 9, 10 });
	*second_r = phone_at("gw2", "203.0.113.10");
	return phone_at("gw1", "203.0.113.9");
}

/* R20: of two gateways to one number the second is tried when the first fails, and not beside it. */
Test(worker_follow_me, R20_two_gateways_to_a_number)
{
	struct phone *second, *first = gateways(&second);

	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "0 0 0305551");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	hears(first, "INVITE");
	hears_nothing(second);
	refuses(first, 503);
	is_rung(second);
	takes(second);
	is_cancelled(bob);
	hangs_up(alice, second);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.out_trunk_id"), "10");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
}

/* The mobile is busy: that is final for it, and only for it. */
Test(worker_follow_me, a_busy_number_by_a_gateway)
{
	struct phone *second, *first = gateways(&second);

	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "0 0 0305551");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	hears(first, "INVITE");
	refuses(first, 486);
	hears_nothing(second);
	takes(bob);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "busy");
}

Test(worker_follow_me, cancelled_before_the_next)
{
	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "0 0 1003\n10 0 1004");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	is_rung(carol);
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	is_cancelled(bob);
	is_cancelled(carol);
	rig_wait_ms(10000);
	hears_nothing(dave);
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* The worker dies before the next begins: it does, in time. */
Test(worker_follow_me, worker_dies)
{
	bob_follows(DIR_FOLLOW_ME_SEQUENTIAL, "10 0 1003");
	alice_dials("bob");
	is_rung(bob);
	hears(alice, "180");
	rig_restart(0);
	rig_wait_ms(10000);
	is_cancelled(bob);
	is_rung(carol);
	hears(alice, "180");
	takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* In a group it does not act. */
Test(worker_follow_me, C33_not_of_a_member)
{
	struct dir_group g = { .tenant = 1, .id = 7, .ring_s = 20, .n = 1 };
	struct dir_group_text text = { SPAN("sales"), SPAN("2000"), SPAN_NONE, { SPAN("bob") } };

	bob_follows(DIR_FOLLOW_ME_SIMULTANEOUS, "0 0 1003");
	g.members[0].logged_in = 1;
	cr_assert_eq(directory_put_group(&rig->directory, &g, &text), ERR_NONE);
	cr_assert_eq(
	    directory_put_number(&rig->directory, 1, SPAN("2000"), DIR_NUMBER_GROUP, SPAN("sales")),
	    ERR_NONE);
	dials(alice, "2000", "", SDP_A);
	hears(alice, "100");
	is_rung(bob);
	hears(alice, "180");
	hears_nothing(carol);
	takes(bob);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}
