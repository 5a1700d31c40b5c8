/* Pickup by code (SERVICES.md C29, BILLING.md R15): dave, whose calls the other worker has, takes the call
 * that rings at bob's. */
#include <string.h>

#include "worker_refer.h"

static void
in_group(const char *user, const char *number, const char *group)
{
	static uint64_t id = 900;
	struct dir_subscriber s = {
		.id = id++, .tenant = 1, .call_waiting = 1, .trust = DIR_TRUST_ADDRESS
	};
	struct dir_subscriber_text text = {
		.user = span_str(user), .number = span_str(number), .pickup_group = span_str(group)
	};

	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
begin(void)
{
	across_begin();
	directory_put_code(&rig->directory, 0, SPAN("**N"), SPAN("pickup.directed"));
	directory_put_code(&rig->directory, 0, SPAN("*8"), SPAN("pickup.group"));
	in_group("bob", "1002", "sales");
	in_group("dave", "1004", "sales");
}

TestSuite(worker_pickup, .init = begin, .fini = rig_end);

static void
bob_rings(void)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(1000);
}

/* alice has dave in bob's place. */
static void
has_dave(void)
{
	const char *answer = hears(alice, "200 INVITE");

	expect_has(answer, "m=audio 4008");
	expect_has(header(answer, "P-Asserted-Identity"), "dave");
	acks(alice, "");
	is_passed_over(bob);
	rig_wait_ms(1);
	expect_has(hears(dave, "200 INVITE"), "m=audio 4000");
	acks(dave, "");
}

static void
talk_and_end(void)
{
	rig_wait_ms(2000);
	says_bye(alice);
	rig_wait_ms(1);
	is_released(dave);
}

/* R15: alice's record says who answered; dave's own costs nothing (R28) and belongs to hers. */
Test(worker_pickup, R15_directed)
{
	bob_rings();
	dials_across(dave, "**1002", SDP_D);
	has_dave();
	rig_wait_ms(2000);
	says_bye(dave);
	rig_wait_ms(1);
	is_released(alice);
	rig_ends_empty(2);
	expect_segment(1, "answered", "1001", "2002");
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "dave");
	cr_expect_str_eq(rig_cdr("segment.1.connected_reason"), "pickup");
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

Test(worker_pickup, R28_the_code_costs_nothing)
{
	bob_rings();
	dials_across(dave, "*8", SDP_D);
	has_dave();
	talk_and_end();
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "feature_code");
	cr_expect_str_eq(rig_cdr("segment.1.payer_kind"), "nobody");
	cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0");
	cr_expect_str_neq(rig_cdr("call.merged_into"), "");
}

/* Whoever is in no group or in another; nobody of ours; nobody rings. */
Test(worker_pickup, refused)
{
	dials_across(dave, "**1002", SDP_D);
	expect_has(hears(dave, "403"), "There is no call to pick up");
	dials_across(dave, "*8", SDP_D);
	hears(dave, "403");
	dials_across(dave, "**1999", SDP_D);
	hears(dave, "404");
	bob_rings();
	dials_across(carol, "*8", SDP_C);
	expect_has(hears(carol, "403"), "In no pickup group");
	in_group("carol", "1003", "support");
	dials_across(carol, "*8", SDP_C);
	hears(carol, "403");
	dials_across(dave, "**1001", SDP_D); /* alice calls, nobody calls her */
	hears(dave, "403");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	dials_across(dave, "**1002", SDP_D); /* he talks */
	hears(dave, "403");
	hangs_up(alice, bob);
	rig_ends_empty(8);
}

/* Two at once, each in his own worker: one has it. */
Test(worker_pickup, two_at_once)
{
	bob_rings();
	two_dial("**1002");
	expect_has(hears(alice, "200 INVITE"), "m=audio 4006");
	acks(alice, "");
	is_passed_over(bob);
	hears(carol, "200 INVITE");
	acks(carol, "");
	rig->apart = false;
	rig_wait_ms(1);
	hears(dave, "403");
	hangs_up(alice, carol);
	rig_ends_empty(3);
}

/* bob answers while dave's wish is on its way. */
Test(worker_pickup, crosses_the_answer)
{
	bob_rings();
	rig->apart = true;
	dials(dave, "**1002", "", SDP_D);
	hears(dave, "100");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig->apart = false;
	rig_wait_ms(1);
	hears(dave, "403");
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* And the other way: bob's answer comes after. R23 */
Test(worker_pickup, crosses_a_late_answer)
{
	bob_rings();
	dials_across(dave, "**1002", SDP_D);
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(bob, "CANCEL");
	replies(bob, "INVITE", 200, "", SDP_B);
	replies(bob, "CANCEL", 200, "", "");
	hears(bob, "ACK");
	is_released(bob);
	rig_wait_ms(1);
	hears(dave, "200 INVITE");
	acks(dave, "");
	talk_and_end();
	rig_ends_empty(2);
}

Test(worker_pickup, crosses_a_cancel)
{
	bob_rings();
	rig->apart = true;
	dials(dave, "**1002", "", SDP_D);
	hears(dave, "100");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	rig->apart = false;
	rig_wait_ms(1);
	hears(dave, "403");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_empty(2);
}

/* dave gives up before he has heard that it is his: alice is let go. */
Test(worker_pickup, given_up)
{
	bob_rings();
	rig->apart = true;
	dials(dave, "**1002", "", SDP_D);
	hears(dave, "100");
	cancels(dave, "");
	hears(dave, "200 CANCEL");
	hears(dave, "487");
	rig->apart = false;
	rig_wait_ms(1);
	hears(alice, "200 INVITE");
	acks(alice, "");
	is_passed_over(bob);
	rig_wait_ms(1);
	is_released(alice);
	rig_ends_empty(2);
}

/* Of two calls that ring in the group the older one, and then the other. */
Test(worker_pickup, the_one_that_rings_longest)
{
	struct phone *eve = phone_new("eve", "192.0.2.5");

	in_group("eve", "1005", "sales");
	bob_rings();
	dials(carol, "eve", "", SDP_C);
	hears(carol, "100");
	hears(eve, "INVITE");
	replies(eve, "INVITE", 180, "", "");
	hears(carol, "180");
	dials_across(dave, "*8", SDP_D);
	has_dave();
	talk_and_end();
	dials_across(dave, "*8", SDP_D);
	hears(carol, "200 INVITE");
	acks(carol, "");
	is_passed_over(eve);
	rig_wait_ms(1);
	hears(dave, "200 INVITE");
	acks(dave, "");
	says_bye(dave);
	rig_wait_ms(1);
	is_released(carol);
	rig_ends_empty(4);
}

/* Killed right after, each of the two workers: the call goes on. */
Test(worker_pickup, survives_a_kill)
{
	bob_rings();
	dials_across(dave, "**1002", SDP_D);
	has_dave();
	rig_restart(0);
	rig_restart(1);
	passes(alice, dave, SDP("192.0.2.1", "4100", ""), SDP_D, "m=audio 4100", "m=audio 4008");
	talk_and_end();
	rig_ends_empty(2);
}

/* The wish kills who is to hear of it: who rings and who calls have nothing to do with that. */
Test(worker_pickup, a_wish_that_kills)
{
	bob_rings();
	rig->apart = true;
	dials(dave, "**1002", "", SDP_D);
	hears(dave, "100");
	dies_of_a_note(0, 1);
	hears(dave, "500");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_empty(2);
}
