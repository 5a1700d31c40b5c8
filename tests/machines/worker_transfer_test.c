/* Blind transfer (FLOWS.md S2-02r; RFC 3515, 4488, 5589; BILLING.md R11, R12): alice talks with bob, one of
 * them is referred to carol, who answers. What fails: worker_transfer_fail_test.c. */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

TestSuite(worker_transfer, .init = refer_begin, .fini = rig_end);

/* --- it succeeds --------------------------------------------------------------------------------*/

Test(worker_transfer, S2_02r_blind)
{
	const char *invite;

	talk(alice, bob);
	rig_wait_ms(3000);
	refers(bob, "carol", "Referred-By: <sip:bob@example.com>\r\n");
	expect_has(hears(bob, "202 REFER"), "Contact: <sip:");
	expect_has(TRYING(bob), "Event: refer\r\n");
	invite = hears(carol, "INVITE");
	expect_has(header(invite, "From"), "<sip:alice@example.com>");
	expect_has(header(invite, "To"), "<sip:carol@example.com>");
	cr_expect_str_eq(header(invite, "Referred-By"), "<sip:bob@example.com>");
	cr_expect_str_eq(body_of(invite), "");
	replies(carol, "INVITE", 180, "", "");
	RINGING(bob);
	rig_wait_ms(2000);
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	is_released(bob);
	cr_expect_str_eq(rig->w[0]->views[0].connected, "carol");
	rig_wait_ms(4000);
	hangs_up(alice, carol);
	rig_ends_empty(1);
	expect_segment(1, "answered", "1001", "9000");
	expect_segment(2, "answered", "1002", "4000");
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "transfer_blind");
	cr_expect_str_eq(rig_cdr("segment.2.parent_seq"), "1");
	cr_expect_str_eq(rig_cdr("segment.2.called_number"), "carol");
	cr_expect_str_eq(rig_cdr("segment.2.released_by"), "caller");
}

/* R12: bob had called. */
Test(worker_transfer, by_the_caller)
{
	talk(bob, alice);
	transfers(bob, "carol");
	expect_has(header(hears(carol, "INVITE"), "From"), "<sip:alice@example.com>");
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	is_released(bob);
	rig_wait_ms(1000);
	hangs_up(carol, alice);
	rig_ends_empty(1);
	expect_segment(1, "answered", "1002", "1000");
	expect_segment(2, "answered", "1002", "1000");
	cr_expect_str_eq(rig_cdr("segment.1.released_by"), "caller", "carol has bob's place");
}

/* The transferor hangs up right after the 202: nobody else does, and he still hears how it ends. */
Test(worker_transfer, S2_02r_early_bye)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says_bye(bob);
	hears_nothing(alice);
	rig_wait_ms(3000);
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	hangs_up(carol, alice);
	rig_ends_empty(1);
	expect_segment(2, "answered", "1002", "0");
}

/* The same without a word more to him: his phone has forgotten the dialog with its BYE. */
Test(worker_transfer, early_bye_and_481)
{
	talk(alice, bob);
	refers(bob, "carol", "");
	hears(bob, "202 REFER");
	hears(bob, "NOTIFY");
	says_bye(bob);
	replies(bob, "NOTIFY", 481, "", "");
	rings(carol);
	are_joined(alice, carol);
	hears_nothing(bob);
	hangs_up(carol, alice);
	rig_ends_empty(1);
}

/* A NOTIFY that is refused ends the subscription, not the call. */
Test(worker_transfer, notify_481)
{
	talk(alice, bob);
	refers(bob, "carol", "");
	hears(bob, "202 REFER");
	hears(bob, "NOTIFY");
	replies(bob, "NOTIFY", 481, "", "");
	rings(carol);
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	hears_nothing(bob);
	hangs_up(bob, alice);
	rig_ends_empty(1);
}

/* One NOTIFY at a time; of what came meanwhile the newest is told. */
Test(worker_transfer, notify_coalesced)
{
	talk(alice, bob);
	refers(bob, "carol", "");
	hears(bob, "202 REFER");
	hears(bob, "NOTIFY");
	rings(carol);
	replies(carol, "INVITE", 183, "", "");
	hears_nothing(bob);
	replies(bob, "NOTIFY", 200, "", "");
	is_notified(bob, "SIP/2.0 183 Session Progress\r\n", "active");
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	ENDS(bob, "486 Busy Here");
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

/* The last NOTIFY is told before the BYE, though another waits for its answer. */
Test(worker_transfer, last_notify_before_bye)
{
	talk(alice, bob);
	refers(bob, "carol", "");
	hears(bob, "202 REFER");
	hears(bob, "NOTIFY");
	rings(carol);
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	is_released(bob);
	hangs_up(alice, carol);
	phones_serve(1000); /* the first is repeated */
	rig_ends_empty(1);
}

/* RFC 4488: he does not want to know. */
Test(worker_transfer, S2_02r_refer_sub_false)
{
	talk(alice, bob);
	refers(bob, "carol", "Refer-Sub: false\r\n");
	cr_expect_str_eq(header(hears(bob, "202 REFER"), "Refer-Sub"), "false");
	rings(carol);
	are_joined(alice, carol);
	is_released(bob);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* The hold that precedes most transfers, and a re-INVITE while it rings. */
Test(worker_transfer, offers_before_and_after)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP("192.0.2.2", "4002", "a=sendonly\r\n"));
	hears(bob, "100");
	expect_has(hears(alice, "INVITE"), "a=sendonly");
	replies(alice, "INVITE", 200, "", SDP("192.0.2.1", "4000", "a=recvonly\r\n"));
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	rig_wait_ms(2000);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says_bye(bob);
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "100");
	hears(alice, "491");
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	says(alice, "INVITE", "", SDP("192.0.2.1", "4100", ""));
	hears(alice, "100");
	expect_has(hears(carol, "INVITE"), "m=audio 4100");
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(carol, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(5000);
	hangs_up(alice, carol);
	rig_ends_empty(1);
	cr_expect_str_eq(rig_cdr("segment.1.hold_ms"), "2000", "until she talked with carol");
	cr_expect_str_eq(rig_cdr("segment.2.hold_ms"), "");
}

/* A re-INVITE of bob's is with alice when carol answers: carol's offer waits until it is over. */
Test(worker_transfer, target_answers_amid_an_offer)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says(bob, "INVITE", "", SDP_B);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	hears_nothing(alice);
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	rig_wait_ms(100);
	expect_has(hears(alice, "INVITE"), "m=audio 4006");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(carol, "ACK");
	hears(alice, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* The transferor's own offer dies with his BYE; so does alice's to him. */
Test(worker_transfer, bye_amid_an_offer)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	says_bye(bob);
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	hears(alice, "500");
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* Glare at the transferee: tried again, carol's offer is kept. */
Test(worker_transfer, transferee_glare)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 491, "", "");
	hears(alice, "ACK");
	waits(alice);
	expect_has(hears(alice, "INVITE"), "m=audio 4006");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(carol, "ACK");
	hears(alice, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* Carol gives her answer without an offer (she ought not to): both are asked again. */
Test(worker_transfer, target_offers_nothing)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 200, "", "");
	hears(carol, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	expect_has(hears(carol, "INVITE"), "m=audio 4000");
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(carol, "ACK");
	expect_has(hears(alice, "ACK"), "m=audio 4006");
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* Two after each other, by whoever talks then; the second REFER of a dialog bears an id. */
Test(worker_transfer, again)
{
	char id[64];

	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	ENDS(bob, "486 Busy Here");
	refers(bob, "carol", "");
	snprintf(id, sizeof(id), "Event: refer;id=%u\r\n", bob->cseq);
	hears(bob, "202 REFER");
	expect_has(TRYING(bob), id);
	rings(carol);
	RINGING(bob);
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	is_released(bob);
	transfers(carol, "dave");
	rings(dave);
	RINGING(carol);
	are_joined(alice, dave);
	ENDS(carol, "200 OK");
	is_released(carol);
	rig_wait_ms(1000);
	hangs_up(dave, alice);
	rig_ends_empty(1);
	expect_segment(1, "answered", "1001", "1000");
	expect_segment(2, "busy", "1002", "0");
	expect_segment(3, "answered", "1002", "1000");
	expect_segment(4, "answered", "1003", "1000");
	cr_expect_str_eq(rig_cdr("segment.4.parent_seq"), "3");
}

/* --- the subscription ---------------------------------------------------------------------------*/

Test(worker_transfer, unsubscribes)
{
	const char *last;

	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says(bob, "SUBSCRIBE", "Event: presence\r\nExpires: 0\r\n", "");
	hears(bob, "489 SUBSCRIBE");
	says(bob, "SUBSCRIBE", "Event: refer\r\nExpires: 100\r\n", "");
	hears(bob, "200 SUBSCRIBE");
	expect_has(RINGING(bob), "active;expires=100");
	says(bob, "SUBSCRIBE", "Event: refer\r\nExpires: 0\r\n", "");
	hears(bob, "200 SUBSCRIBE");
	last = hears(bob, "NOTIFY");
	expect_has(last, "Subscription-State: terminated;reason=timeout");
	replies(bob, "NOTIFY", 200, "", "");
	says(bob, "SUBSCRIBE", "Event: refer\r\nExpires: 60\r\n", "");
	hears(bob, "481 SUBSCRIBE");
	are_joined(alice, carol);
	is_released(bob);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* He hung up, and nothing is ever told: the leg does not stay for ever. */
Test(worker_transfer, subscription_expires)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says(bob, "SUBSCRIBE", "Event: refer\r\nExpires: 5\r\n", "");
	hears(bob, "200 SUBSCRIBE");
	RINGING(bob);
	says_bye(bob);
	says(bob, "INFO", "", "");
	hears(bob, "481 INFO");
	waits(bob);
	is_notified(bob, "SIP/2.0 180", "terminated;reason=timeout");
	are_joined(alice, carol);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* He has not ACKed what he asked before, and asks again when he is to hear of carol: his Call-ID is ours,
 * so we wait longer than he (RFC 3261 14.1). */
Test(worker_transfer, S3_20_transferee_asks_again)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	transfers(alice, "carol");
	rings(carol);
	RINGING(alice);
	replies(carol, "INVITE", 200, "", SDP_C);
	hears_nothing(bob);
	says(bob, "INVITE", "", SDP_B);
	hears(bob, "100");
	hears(bob, "491");
	for (unsigned ms = 0; ms < 2090; ms += 10) {
		rig_wait_ms(10);
		hears_nothing(bob);
	}
	waits(bob);
	expect_has(hears(bob, "INVITE"), "m=audio 4006");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(carol, "ACK");
	hears(bob, "ACK");
	ENDS(alice, "200 OK");
	is_released(alice);
	hangs_up(bob, carol);
	rig_ends_empty(1);
}

/* C11 x transfer: who wants nobody shown is not shown who takes the other's place. */
Test(worker_transfer, C11_nobody_is_shown)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING, .identity = DIR_NO_CLIP };
	const char *last = "";

	rig_subscriber_put(&s, "bob", "1002");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "Supported: from-change\r\n", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	transfers(alice, "carol");
	hears(carol, "INVITE");
	are_joined(bob, carol);
	for (unsigned i = 0; i < rig->n_log; i++)
		if (netaddr_eq(&rig->log[i].to, &bob->address) &&
		    strncmp(rig->log[i].text, "INVITE ", 7) == 0)
			last = rig->log[i].text;
	expect_has(header(last, "From"), "anonymous@anonymous.invalid");
	expect_lacks(last, "carol");
	ENDS(alice, "200 OK");
	is_released(alice);
	hangs_up(carol, bob);
	rig_ends_empty(1);
}
