/* Blind transfer that comes to nothing (FLOWS.md S2-02r; SERVICES.md C27; BILLING.md R14), is refused, or in
 * which somebody hangs up or a worker dies. */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

TestSuite(worker_transfer, .init = refer_begin, .fini = rig_end);

/* --- it fails -----------------------------------------------------------------------------------*/

Test(worker_transfer, busy)
{
	talk(alice, bob);
	transfers(bob, "carol");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	ENDS(bob, "486 Busy Here");
	hears_nothing(alice);
	rig_wait_ms(1000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 1000);
	expect_segment(2, "busy", "1002", "0");
	cr_expect_str_eq(rig_cdr("segment.2.sip_code"), "486");
}

Test(worker_transfer, unknown_number)
{
	talk(alice, bob);
	transfers(bob, "nobody");
	ENDS(bob, "404 Not Found");
	hangs_up(bob, alice);
	rig_ends_empty(1);
	expect_segment(2, "failed", "1002", "0");
	cr_expect_str_eq(rig_cdr("segment.2.called_number"), "nobody");
}

/* R14, C27: bob is called back. */
Test(worker_transfer, recall)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says_bye(bob);
	rig_wait_ms(60000);
	hears(carol, "CANCEL");
	replies(carol, "CANCEL", 200, "", "");
	replies(carol, "INVITE", 487, "", "");
	hears(carol, "ACK");
	ENDS(bob, "408 Request Timeout");
	expect_has(header(hears(bob, "INVITE"), "From"), "<sip:alice@example.com>");
	replies(bob, "INVITE", 180, "", "");
	hears_nothing(alice);
	are_joined(alice, bob);
	rig_wait_ms(1000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 61000);
	expect_segment(2, "noanswer", "1002", "0");
}

Test(worker_transfer, recall_not_answered)
{
	const char *bye;

	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says_bye(bob);
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	ENDS(bob, "486 Busy Here");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	rig_wait_ms(20000);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	bye = hears(alice, "BYE");
	cr_expect_str_eq(header(bye, "Reason"), "Q.850;cause=19");
	replies(alice, "BYE", 200, "", "");
	rig_ends_empty(1);
	cr_expect_str_eq(rig_cdr("segment.1.released_by"), "system");
}

/* What carol offers is nothing to alice: she goes on talking with bob. */
Test(worker_transfer, transferee_refuses)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	hears(carol, "ACK");
	is_released(carol);
	ENDS(bob, "488 Not Acceptable Here");
	rig_wait_ms(1000);
	hangs_up(bob, alice);
	rig_ends_empty(1);
	expect_segment(2, "failed", "1002", "0");
}

/* Carol answers and hangs up before alice does: alice has carol's offer, and is given bob's again. */
Test(worker_transfer, target_vanishes_amid_the_join)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(alice, "INVITE");
	says(carol, "BYE", "", "");
	hears(carol, "200 BYE");
	hears(carol, "ACK");
	ENDS(bob, "480 Temporarily Unavailable");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	rig_wait_ms(4000);
	phones_serve(1000);
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

/* --- somebody hangs up --------------------------------------------------------------------------*/

/* The two talk of something else when the target answers, and the transferor hangs up amid that: what
 * waited for it goes on. */
Test(worker_transfer, transferor_hangs_up_amid_an_offer)
{
	talk(alice, bob);
	transfers(bob, "carol");
	hears(carol, "INVITE");
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	says_bye(bob);
	hears(alice, "500");
	rig_wait_ms(100);
	expect_has(hears(alice, "INVITE"), "m=audio 4006");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	expect_has(hears(carol, "ACK"), "m=audio 4000");
	ENDS(bob, "200 OK");
	replies(bob, "INVITE", 481, "", "");
	hears(bob, "ACK");
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

Test(worker_transfer, transferee_hangs_up)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says_bye(alice);
	ENDS(bob, "487 Request Terminated");
	is_released(bob);
	hears(carol, "CANCEL");
	replies(carol, "CANCEL", 200, "", "");
	replies(carol, "INVITE", 487, "", "");
	hears(carol, "ACK");
	rig_ends_empty(1);
	expect_segment(2, "cancelled", "1002", "0");
}

/* Her BYE crosses carol's 200. */
Test(worker_transfer, transferee_hangs_up_amid_the_join)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(alice, "INVITE");
	says_bye(alice);
	replies(alice, "INVITE", 487, "", "");
	hears(alice, "ACK");
	ENDS(bob, "487 Request Terminated");
	is_released(bob);
	hears(carol, "ACK");
	is_released(carol);
	rig_ends_empty(1);
	expect_segment(1, "answered", "1001", "0");
	expect_segment(2, "cancelled", "1002", "0");
}

/* Both BYEs cross after the end. */
Test(worker_transfer, byes_cross)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	hears(bob, "BYE");
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	replies(bob, "BYE", 481, "", "");
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

Test(worker_transfer, recalled_transferee_hangs_up)
{
	talk(alice, bob);
	transfers(bob, "carol");
	hears(carol, "INVITE");
	says_bye(bob);
	replies(carol, "INVITE", 603, "", "");
	hears(carol, "ACK");
	ENDS(bob, "603 Decline");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	says_bye(alice);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_empty(1);
}

/* --- refused ------------------------------------------------------------------------------------*/

Test(worker_transfer, refused)
{
	talk(alice, bob);
	says(bob, "REFER", "", "");
	hears(bob, "400 REFER");
	says(bob, "REFER", "Refer-To: <sip:>\r\n", "");
	hears(bob, "400 REFER");
	says(bob, "REFER", "Refer-To: <sip:carol@example.com;method=BYE>\r\n", "");
	hears(bob, "403 REFER");
	says(bob, "REFER", "Refer-To: <http://example.com/>\r\n", "");
	hears(bob, "403 REFER");
	refers(bob, "carol", "Require: precondition\r\n");
	hears(bob, "420 REFER");
	refers(bob, "carol", "Refer-Sub: perhaps\r\n");
	hears(bob, "400 REFER");
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

/* One at a time; and nobody is transferred before he talks. */
Test(worker_transfer, untimely)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	refers(alice, "carol", "");
	hears(alice, "491 REFER");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	refers(bob, "dave", "");
	hears(bob, "491 REFER");
	refers(alice, "dave", "");
	hears(alice, "491 REFER");
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	ENDS(bob, "486 Busy Here");
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

/* A1: no REFER outside of a dialog to somebody else's phone (referral.c). */
Test(worker_transfer, out_of_dialog)
{
	snprintf(bob->call_id, sizeof(bob->call_id), "cid-x");
	snprintf(bob->local_tag, sizeof(bob->local_tag), "tag-x");
	snprintf(bob->local, sizeof(bob->local), "<sip:bob@example.com>");
	snprintf(bob->remote, sizeof(bob->remote), "<sip:alice@example.com>");
	snprintf(bob->target, sizeof(bob->target), "sip:alice@example.com");
	refers(bob, "carol", "");
	hears(bob, "403 REFER");
	rig_ends_empty(0);
}

/* Many transfers in one call: its record fits, and there is an end. */
Test(worker_transfer, many)
{
	static const char quiet[] = "Refer-Sub: false\r\n";
	char long_name[250] = "";

	memset(long_name, 'x', sizeof(long_name) - 1);
	talk(alice, bob);
	for (unsigned i = 0; i < 15; i++) {
		refers(bob, long_name, quiet);
		hears(bob, "202 REFER");
	}
	refers(bob, "carol", quiet);
	hears(bob, "403 REFER");
	hangs_up(bob, alice);
	rig_ends_empty(1);
	expect_segment(16, "failed", "1002", "0");
	cr_expect_str_neq(rig_cdr("leg.2.sip_call_id"), "");
}

/* A13: a gateway has no more rights by REFER than by a call: to users of ours, and not out again. */
Test(worker_transfer, A13_by_a_gateway)
{
	struct phone *gateway = phone_at("0012345", "192.0.2.99");

	rig_gateway(7, "192.0.2.99", true);
	rig_route("00", 1, &(uint64_t){ 7 });
	talk(alice, gateway);
	refers(gateway, "0099999", "");
	hears(gateway, "202 REFER");
	TRYING(gateway);
	ENDS(gateway, "404 Not Found");
	transfers(gateway, "carol");
	rings(carol);
	RINGING(gateway);
	are_joined(alice, carol);
	ENDS(gateway, "200 OK");
	is_released(gateway);
	hangs_up(alice, carol);
	rig_ends_empty(1);
	cr_expect_str_eq(rig_cdr("segment.3.payer_kind"), "trunk_customer");
}

/* --- kills --------------------------------------------------------------------------------------*/

Test(worker_transfer, worker_dies_while_it_rings)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	rig_restart(0);
	says_bye(bob);
	rig_restart(0);
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	rig_restart(0);
	hangs_up(alice, carol);
	rig_ends_empty(1);
	expect_segment(2, "answered", "1002", "0");
}

Test(worker_transfer, worker_dies_amid_the_join)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(alice, "INVITE");
	rig_restart(0);
	replies(alice, "INVITE", 200, "", SDP_A);
	expect_has(hears(carol, "ACK"), "m=audio 4000");
	hears(alice, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* Killed at every message that it sends. True: it was, meanwhile. */
static bool
lives(bool early_bye)
{
	talk(alice, bob);
	if (rig->deaths == 0)
		refers(bob, "carol", "");
	if (early_bye && bob->target[0] != '\0')
		says(bob, "BYE", "", "");
	phones_serve(30000);
	for (unsigned i = 0; i < 3; i++)
		if (rig->phones[i]->target[0] != '\0')
			says(rig->phones[i], "BYE", "", "");
	phones_serve(200000);
	return rig->deaths > 0;
}

static void
dies_everywhere(bool early_bye, bool before)
{
	bool died = true;
	unsigned n;

	for (n = 6; died; n++) { /* the 202 */
		refer_begin();
		rig->die_at = n;
		rig->die_before = before;
		died = lives(early_bye);
		rig_expect_empty();
		rig_expect_all_closed();
		cr_expect_leq(rig->closed, 1, "killed at message %u", n);
		rig_end();
	}
	cr_expect_gt(n, 15);
}

Test(worker_transfer_killed, after_each_message, .timeout = 120)
{
	dies_everywhere(false, false);
}

Test(worker_transfer_killed, before_each_message, .timeout = 120)
{
	dies_everywhere(false, true);
}

Test(worker_transfer_killed, after_each_message_and_early_bye, .timeout = 120)
{
	dies_everywhere(true, false);
}

Test(worker_transfer_killed, before_each_message_and_early_bye, .timeout = 120)
{
	dies_everywhere(true, true);
}
