/* Attended and semi-attended transfer (RFC 3515, 3891, 5589; BILLING.md R13): alice talks with bob, who calls
 * carol and brings them together. Both calls in one worker, and each in its own. */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

static void
begin_one(void)
{
	attended_begin(1);
}

static void
begin_two(void)
{
	attended_begin(2);
}

TestSuite(worker_attended, .init = begin_one, .fini = rig_end);
TestSuite(worker_attended_two, .init = begin_two, .fini = rig_end);

/* --- words --------------------------------------------------------------------------------------*/

/* Carol is asked for an offer, alice for the answer. */
static void
are_brought_together(void)
{
	cr_expect_str_eq(body_of(hears(carol, "INVITE")), "");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	expect_has(hears(alice, "INVITE"), "m=audio 4006");
	replies(alice, "INVITE", 200, "", SDP_A);
	rig_wait_ms(1);
	hears(alice, "ACK");
	expect_has(hears(carol, "ACK"), "m=audio 4000");
	ENDS(bob, "200 OK");
	is_released(bob);
	is_released(bob2);
}

/* Bob and carol go on, and so do alice and bob. */
static void
nothing_has_changed(void)
{
	offers_pass(alice, bob);
	offers_pass(carol, bob2);
	hangs_up(bob, alice);
	hangs_up(carol, bob2);
	rig_ends_empty(2);
}

/* What the network said of the one call's end is no matter of the other, which went on. */
static void
expect_causes(const char *first, const char *second)
{
	cr_expect_str_eq(rig_cdr_of(0, "segment.1.q850_cause"), first);
	cr_expect_str_eq(rig_cdr_of(1, "segment.1.q850_cause"), second);
}

/* --- both talk ----------------------------------------------------------------------------------*/

static void
attended(void)
{
	both_talk();
	transfer_is_tried();
	are_brought_together();
	offers_pass(alice, carol);
	offers_pass(carol, alice);
	rig_wait_ms(2000);
	hangs_up_across(alice, carol);
	rig_ends_empty(2);
}

Test(worker_attended, joins)
{
	attended();
}

Test(worker_attended_two, joins)
{
	attended();
	expect_segment(1, "answered", "1002", "3007");
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "transfer_consult");
	cr_expect_str_neq(rig_cdr("call.merged_into"), "");
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

/* Carol had called bob: he is the one who is called in both. */
Test(worker_attended_two, transferor_was_called)
{
	rig_forget_bindings();
	rig_bind("bob", bob2->contact, bob2->host, 1000, 0);
	talk(carol, bob2);
	rig_forget_bindings();
	rig_bind("bob", bob->contact, bob->host, 1000, 0);
	talk(alice, bob);
	transfer_is_tried();
	are_brought_together();
	offers_pass(carol, alice);
	hangs_up_across(carol, alice);
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
}

/* The transferor hangs up both at once. */
Test(worker_attended_two, early_byes)
{
	both_talk();
	transfer_is_tried();
	says_bye(bob);
	says_bye(bob2);
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	rig_wait_ms(1);
	hears(alice, "ACK");
	hears(carol, "ACK");
	ENDS(bob, "200 OK");
	offers_pass(alice, carol);
	hangs_up_across(carol, alice);
	rig_ends_empty(2);
}

/* Carol is being held when the REFER comes: her new offer waits for that. */
Test(worker_attended_two, amid_an_offer)
{
	both_talk();
	says(bob2, "INVITE", "", SDP("192.0.2.22", "4010", "a=sendonly\r\n"));
	hears(bob2, "100");
	hears(carol, "INVITE");
	transfer_is_tried();
	hears_nothing(carol);
	replies(carol, "INVITE", 200, "", SDP("192.0.2.3", "4006", "a=recvonly\r\n"));
	hears(carol, "ACK");
	hears(bob2, "200 INVITE");
	acks(bob2, "");
	rig_wait_ms(100);
	are_brought_together();
	rig_wait_ms(5000);
	hangs_up_across(alice, carol);
	rig_ends_empty(2);
	cr_expect_lt(strlen(rig_cdr("segment.1.hold_ms")), 4, "%s", rig_cdr("segment.1.hold_ms"));
}

/* Then alice and carol are both transferred again, each by the other way. */
Test(worker_attended_two, and_again)
{
	both_talk();
	transfer_is_tried();
	are_brought_together();
	transfers(carol, "dave");
	dave->worker = 1;
	expect_has(header(hears(dave, "INVITE"), "From"), "<sip:alice@example.com>");
	replies(dave, "INVITE", 180, "", "");
	RINGING(carol);
	replies(dave, "INVITE", 200, "", SDP_D);
	rig_wait_ms(1);
	expect_has(hears(alice, "INVITE"), "m=audio 4008");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	rig_wait_ms(1);
	hears(dave, "ACK");
	ENDS(carol, "200 OK");
	is_released(carol);
	offers_pass(alice, dave);
	hangs_up_across(alice, dave);
	rig_ends_empty(2);
}

/* --- it comes to nothing ------------------------------------------------------------------------*/

Test(worker_attended_two, no_such_dialog)
{
	both_talk();
	snprintf(bob2->local_tag + strlen(bob2->local_tag), 8, "x");
	transfer_is_tried();
	ENDS(bob, "481 Call/Transaction Does Not Exist");
	bob2->local_tag[strlen(bob2->local_tag) - 1] = '\0';
	nothing_has_changed();
}

Test(worker_attended_two, foreign_tag)
{
	both_talk();
	says(bob, "REFER",
	    "Refer-To: <sip:x@example.com?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n", "");
	hears(bob, "202 REFER");
	TRYING(bob);
	ENDS(bob, "481 Call/Transaction Does Not Exist");
	says(bob, "REFER", "Refer-To: <sip:x@example.com?Replaces=a%3Bto-tag%3Db>\r\n", "");
	hears(bob, "400 REFER");
	nothing_has_changed();
}

/* Another's dialog, be it known. */
Test(worker_attended_two, not_his)
{
	char lines[1024];

	both_talk();
	snprintf(lines, sizeof(lines),
	    "Refer-To: <sip:x@example.com?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>\r\n",
	    bob2->call_id, bob2->remote_tag, bob2->local_tag);
	says(alice, "REFER", lines, "");
	hears(alice, "202 REFER");
	TRYING(alice);
	rig_wait_ms(1);
	ENDS(alice, "403 Forbidden");
	nothing_has_changed();
}

/* Carol refuses to make an offer. */
Test(worker_attended_two, target_refuses)
{
	both_talk();
	transfer_is_tried();
	hears(carol, "INVITE");
	replies(carol, "INVITE", 488, "", "");
	hears(carol, "ACK");
	rig_wait_ms(1);
	ENDS(bob, "488 Not Acceptable Here");
	nothing_has_changed();
}

/* Alice refuses carol's offer: carol and bob are brought together again. */
Test(worker_attended_two, transferee_refuses)
{
	both_talk();
	transfer_is_tried();
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	ENDS(bob, "488 Not Acceptable Here");
	rig_wait_ms(10);
	hears(carol, "ACK");
	phones_serve(3000);
	nothing_has_changed();
}

Test(worker_attended_two, transferee_hangs_up)
{
	both_talk();
	transfer_is_tried();
	hears(carol, "INVITE");
	says_bye(alice);
	ENDS(bob, "487 Request Terminated");
	is_released(bob);
	rig_wait_ms(1);
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(carol, "ACK");
	phones_serve(5000);
	offers_pass(carol, bob2);
	hangs_up(bob2, carol);
	rig_ends_empty(2);
}

Test(worker_attended_two, target_hangs_up)
{
	both_talk();
	transfer_is_tried();
	hears(carol, "INVITE");
	says(carol, "BYE", "Reason: Q.850;cause=31\r\n", "");
	hears(carol, "200 BYE");
	replies(carol, "INVITE", 487, "", "");
	hears(carol, "ACK");
	is_released(bob2);
	rig_wait_ms(1);
	ENDS(bob, "480 Temporarily Unavailable");
	offers_pass(alice, bob);
	hangs_up(bob, alice);
	rig_ends_empty(2);
	expect_causes("16", "31");
}

/* --- carol still rings --------------------------------------------------------------------------*/

static void
bob2_calls(void)
{
	talk(alice, bob);
	bob2_is_bobs();
	dials(bob2, "carol", "", SDP("192.0.2.22", "4010", ""));
	hears(bob2, "100");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 180, "", "");
	hears(bob2, "180");
}

static void
semi_is_tried(void)
{
	transfer_is_tried();
	hears(bob2, "487");
	RINGING(bob);
}

Test(worker_attended_two, semi)
{
	bob2_calls();
	semi_is_tried();
	says_bye(bob);
	rig_wait_ms(3000);
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(carol, "ACK");
	cr_expect_str_eq(body_of(hears(carol, "INVITE")), "", "she had bob's offer");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	expect_has(hears(alice, "INVITE"), "m=audio 4006");
	replies(alice, "INVITE", 200, "", SDP_A);
	rig_wait_ms(1);
	hears(alice, "ACK");
	expect_has(hears(carol, "ACK"), "m=audio 4000");
	ENDS(bob, "200 OK");
	offers_pass(carol, alice);
	rig_wait_ms(1000);
	hangs_up_across(carol, alice);
	rig_ends_empty(2);
}

Test(worker_attended_two, semi_busy)
{
	bob2_calls();
	semi_is_tried();
	replies(carol, "INVITE", 486, "Reason: Q.850;cause=34\r\n", "");
	hears(carol, "ACK");
	rig_wait_ms(1);
	ENDS(bob, "486 Busy Here");
	offers_pass(alice, bob);
	hangs_up(bob, alice);
	rig_ends_empty(2);
	expect_causes("16", "34");
}

/* Busy, and bob has hung up: he is called back. */
Test(worker_attended_two, semi_recall)
{
	bob2_calls();
	semi_is_tried();
	says_bye(bob);
	rig_forget_bindings();
	rig_bind("bob", bob->contact, bob->host, 1000, 0);
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	rig_wait_ms(1);
	ENDS(bob, "486 Busy Here");
	rings(bob);
	are_joined(alice, bob);
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

Test(worker_attended_two, S2_29_semi_transferee_hangs_up)
{
	bob2_calls();
	semi_is_tried();
	says(alice, "BYE", "Reason: Q.850;cause=31\r\n", "");
	hears(alice, "200 BYE");
	ENDS(bob, "487 Request Terminated");
	is_released(bob);
	rig_wait_ms(1);
	expect_has(header(hears(carol, "CANCEL"), "Reason"), "Q.850;cause=31");
	replies(carol, "CANCEL", 200, "", "");
	replies(carol, "INVITE", 487, "", "");
	hears(carol, "ACK");
	rig_ends_empty(2);
}
