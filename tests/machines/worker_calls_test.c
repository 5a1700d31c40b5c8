/* Calls of two phones, message by message (FLOWS.md 1.1, 1.3). */
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_calls, .init = rig_begin, .fini = rig_end);

/* S1-03, S1-05, S0-12, S0-23 to S0-27, R1. */
Test(worker_calls, M_03_S1_03_callee_hangs_up)
{
	talk(alice, bob);
	cr_expect_eq(rig->opened, 1);
	cr_expect_eq(rig->answered, 1);
	rig_wait_ms(30000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 30000);
	cr_expect_str_eq(rig_cdr("call.direction"), "internal");
	cr_expect_str_eq(rig_cdr("call.from_number"), "1001");
	cr_expect_str_eq(rig_cdr("call.to_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.1.payer_kind"), "subscriber");
	cr_expect_str_eq(rig_cdr("segment.1.in_ip"), "192.0.2.1");
	cr_expect_str_eq(rig_cdr("segment.1.out_ip"), "192.0.2.2");
	cr_expect_str_eq(rig_cdr("segment.1.in_sip_call_id"), alice->call_id);
	cr_expect_str_eq(rig_cdr("segment.1.out_sip_call_id"), bob->call_id);
	cr_expect_str_eq(rig_cdr("segment.1.user_agent_a"), "phone of alice");
	cr_expect_str_eq(rig_cdr("segment.1.user_agent_b"), "phone of bob");
	cr_expect_str_eq(rig_cdr("leg.1.direction"), "in");
	cr_expect_str_eq(rig_cdr("leg.1.sip_code"), "200");
	cr_expect_str_eq(rig_cdr("leg.2.direction"), "out");
	cr_expect_str_eq(rig_cdr("leg.2.sip_code"), "200");
	cr_expect_str_eq(rig_cdr("leg.2.remote_tag"), bob->local_tag);
	cr_expect_str_eq(rig_cdr("leg.3.sip_code"), "");
}

Test(worker_calls, caller_hangs_up)
{
	talk(alice, bob);
	rig_wait_ms(1500);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 1500);
}

/* INV-2, INV-3, INV-4, S3-12, S3-18, S4-02. */
Test(worker_calls, headers_of_a_call)
{
	const char *trying, *invite, *ok, *ack;

	dials(alice, "1002",
	    "Max-Forwards: 12\r\nSubject: lunch\r\nPriority: urgent\r\nX-Own: secret\r\n", SDP_A);
	trying = hears(alice, "100");
	cr_expect_str_eq(header(trying, "From"), "<sip:alice@example.com>;tag=tag-alice-1");
	cr_expect_str_eq(header(trying, "To"), "<sip:1002@example.com>");
	cr_expect_str_eq(header(trying, "Call-ID"), "cid-alice-1");
	cr_expect_str_eq(header(trying, "CSeq"), "11 INVITE");
	cr_expect_eq(headers(trying, "Record-Route"), 0);
	invite = hears(bob, "INVITE");
	cr_expect_eq(strncmp(invite, "INVITE sip:bob@192.0.2.2 SIP/2.0", 32), 0, "%s", invite);
	cr_expect_str_eq(header(invite, "Max-Forwards"), "11");
	cr_expect_str_eq(header(invite, "Subject"), "lunch");
	cr_expect_str_eq(header(invite, "Priority"), "urgent");
	cr_expect_eq(headers(invite, "X-Own"), 0, "headers pass by an allow-list");
	cr_expect_eq(headers(invite, "Contact"), 1);
	expect_has(header(invite, "Contact"), "@" RIG_HOST);
	expect_has(header(invite, "From"), "<sip:alice@example.com>");
	expect_has(invite, "Content-Type: application/sdp");
	expect_has(invite, "m=audio 4000 RTP/AVP 0 8");
	expect_has(invite, "c=IN IP4 192.0.2.1");
	replies(bob, "INVITE", 200, "", SDP_B);
	ack = hears(bob, "ACK");
	cr_expect_eq(strncmp(ack, "ACK sip:bob@192.0.2.2 SIP/2.0", 29), 0, "INV-6: %s", ack);
	cr_expect_str_neq(header(ack, "Via"), header(invite, "Via"), "INV-6");
	cr_expect_eq(strtoul(header(ack, "CSeq"), NULL, 10),
	    strtoul(header(invite, "CSeq"), NULL, 10), "INV-6");
	ok = hears(alice, "200 INVITE"); /* S2-20: no 180 is invented */
	expect_has(ok, "m=audio 4002");
	expect_has(header(ok, "Contact"), "@" RIG_HOST);
	cr_expect_str_eq(header(ok, "Allow"), header(invite, "Allow"), "S2-02");
	expect_has(header(ok, "Allow"), "UPDATE, PRACK, INFO, REFER");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* S1-05, S3-19, S3-21, S0-25, S0-13: what comes twice, late or wrong. */
Test(worker_calls, retransmissions_and_strays)
{
	talk(alice, bob);
	acks(alice, ""); /* again */
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	hears(alice, "BYE");
	rig_wait_ms(600);
	hears(alice, "BYE"); /* timer E */
	replies(alice, "BYE", 200, "", "");
	acks(alice, "");
	says(bob, "BYE", "", "");
	hears(bob, "481");
	rig_ends_clean("answered 200 16 callee normal", 0);
}

Test(worker_calls, wrong_tag_is_481)
{
	char tag[64];

	talk(alice, bob);
	snprintf(tag, sizeof(tag), "%s", bob->local_tag);
	snprintf(bob->local_tag, sizeof(bob->local_tag), "somebody-else");
	says(bob, "BYE", "", "");
	hears(bob, "481");
	snprintf(bob->local_tag, sizeof(bob->local_tag), "%s", tag);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

Test(worker_calls, S2_13_old_cseq_is_500)
{
	talk(alice, bob);
	alice->cseq -= 5;
	says(alice, "OPTIONS", "", "");
	hears(alice, "500");
	alice->cseq += 10;
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* S0-13: both hang up at once. */
Test(worker_calls, bye_glare)
{
	talk(alice, bob);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	says(bob, "BYE", "", ""); /* crossed ours, which is on its way */
	hears(bob, "BYE");
	hears(bob, "200 BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* The other side's phone is dead: the record does not wait for it. */
Test(worker_calls, bye_unanswered)
{
	talk(alice, bob);
	rig_wait_ms(5000);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "BYE");
	rig_wait_ms(1000);
	cr_expect_eq(rig->closed, 1);
	rig_wait_ms(39000);
	for (unsigned i = 0; i < 10; i++)
		hears(bob, "BYE");
	rig_ends_clean("answered 200 16 caller normal", 5000);
}

/* INV-7: our 2xx is repeated until the ACK; theirs is ACKed each time. */
Test(worker_calls, answer_is_repeated)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	rig_wait_ms(1600);
	hears(alice, "200 INVITE"); /* 500 */
	hears(alice, "200 INVITE"); /* 1500 */
	hears_nothing(alice);
	acks(alice, "");
	rig_wait_ms(10000);
	hears_nothing(alice);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 11600);
	cr_expect_str_eq(rig_cdr("leg.1.retransmissions"), "2");
}

Test(worker_calls, INV_7_R24_answer_never_acked)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	rig_wait_ms(32100);
	for (unsigned i = 0; i < 11; i++)
		hears(alice, "200 INVITE");
	hears(alice, "BYE");
	hears(bob, "BYE");
	replies(alice, "BYE", 200, "", "");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("failed 408 102 timeout no_ack", 0);
	cr_expect_str_eq(rig_cdr("segment.1.answer_at"), "");
}

/* The same where the carrier that answered charges for it. */
Test(worker_calls, INV_7_R24_a_carrier_that_charges)
{
	struct phone *gw = phone_at("gw", "192.0.2.101");
	const uint64_t id = 11;
	struct dir_gateway g = { .id = id, .tenant = 1, .port = 5060, .bill_unacked = 1 };
	struct dir_gateway_text text = { .name = SPAN("carrier"), .host = span_str(gw->host) };

	g.transport = SIP_T_UDP;
	cr_assert_eq(netaddr_ip(text.host, &g.address), ERR_NONE);
	cr_assert_eq(directory_put_gateway(&rig->directory, &g, &text), ERR_NONE);
	rig_route("+1", 1, &id);
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	hears(gw, "INVITE");
	replies(gw, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(1000);
	replies(gw, "INVITE", 200, "", SDP_B);
	hears(gw, "ACK");
	rig_wait_ms(32100);
	for (unsigned i = 0; i < 11; i++)
		hears(alice, "200 INVITE");
	hears(alice, "BYE");
	hears(gw, "BYE");
	replies(alice, "BYE", 200, "", "");
	replies(gw, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 timeout no_ack", 32000);
	cr_expect_str_eq(rig_cdr("segment.1.out_trunk_id"), "11");
}

/* RFC 3261 15: a BYE of ours waits for the ACK of our 2xx. */
Test(worker_calls, callee_hangs_up_before_the_ack)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	hears_nothing(alice);
	cr_expect_eq(rig->closed, 1);
	acks(alice, "");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* S0-12: the offer comes in the 2xx, the answer in the ACK. */
Test(worker_calls, delayed_offer)
{
	const char *ack;

	dials(alice, "bob", "", "");
	hears(alice, "100");
	expect_lacks(hears(bob, "INVITE"), "v=0");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears_nothing(bob);
	expect_has(hears(alice, "200 INVITE"), "m=audio 4002");
	acks(alice, SDP_A);
	ack = hears(bob, "ACK");
	expect_has(ack, "m=audio 4000");
	replies(bob, "INVITE", 200, "", SDP_B); /* the ACK was lost: it comes again, whole */
	ack = hears(bob, "ACK");
	expect_has(ack, "m=audio 4000");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* S2-24, S3-16: early media passes; nothing is added to a 180. */
Test(worker_calls, S2_24_S3_16_early_media)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 183, "", SDP_B);
	expect_has(hears(alice, "183"), "m=audio 4002");
	replies(bob, "INVITE", 180, "", "");
	expect_lacks(hears(alice, "180"), "v=0");
	rig_wait_ms(4000);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 1000);
	cr_expect_str_eq(rig_cdr("segment.1.ring_ms"), "4000");
	cr_expect_str_eq(rig_cdr("segment.1.duration_ms"), "5000");
}

/* The operator ends it. */
Test(worker_calls, operator_hangs_up)
{
	talk(alice, bob);
	rig_wait_ms(2000);
	rig_operator_hangup(0);
	hears(alice, "BYE");
	hears(bob, "BYE");
	replies(alice, "BYE", 200, "", "");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 system admin", 2000);
}

Test(worker_calls, operator_hangs_up_while_it_rings)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_operator_hangup(0);
	hears(alice, "480");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("noanswer 480 18 system admin", 0);
}

/* The store does not read: the records wait, none is lost, none is written twice. */
Test(worker_calls, store_is_stuck)
{
	rig->store_is_stuck = true;
	for (unsigned i = 0; i < 9; i++) {
		talk(alice, bob);
		hangs_up(alice, bob);
		rig_wait_ms(40000);
	}
	rig->store_is_stuck = false;
	for (unsigned i = 0; i < 10; i++)
		rig_wait_ms(1000);
	rig_ends_empty(9);
}

/* Where an INVITE came from, or went to, is a fact; what the Contact says is its sender's word. */
Test(worker_calls, contact_is_elsewhere)
{
	snprintf(alice->contact, sizeof(alice->contact), "sip:alice@203.0.113.9");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.in_ip"), "192.0.2.1");
	cr_expect_str_eq(rig_cdr("leg.1.remote_address"), "192.0.2.1:5060");
	cr_expect_str_eq(rig_cdr("leg.2.remote_address"), "192.0.2.2:5060");
}

static unsigned
fill_store(void)
{
	struct ring *out = child_out(&rig->w[0]->child, ROLE_STORE, 0);
	unsigned n = 0;

	for (; ring_reserve(out, WIRE_CDR, CDR_RECORD_MAX) != NULL; n++)
		ring_commit(out, CDR_RECORD_MAX);
	ring_publish(out);
	return n;
}

static void
skip_junk(unsigned n)
{
	while (n-- > 0) {
		cr_assert_not_null(ring_peek(&rig->store[0]));
		ring_next(&rig->store[0]);
	}
}

/* The record of a call cannot be written when its time is over, nor when its last leg ends: it waits
 * once. */
Test(worker_calls, store_is_stuck_while_a_leg_lingers)
{
	unsigned junk;

	rig->store_is_stuck = true;
	junk = fill_store();
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	rig_wait_ms(2000);
	cr_expect(rig->w[0]->cdrs_waiting);
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	skip_junk(junk);
	rig->store_is_stuck = false;
	rig_wait_ms(1000);
	cr_expect_not(rig->w[0]->cdrs_waiting);
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* THREATS.md B1: the longest name and user that a gateway can give, each character to be escaped. */
Test(worker_calls, B1_longest_names_of_a_gateway)
{
	struct phone *gw = phone_at("gw", "192.0.2.101");
	char name[513] = "", user[721] = "";
	const char *from;

	for (unsigned i = 0; i < 256; i++)
		memcpy(name + 2 * i, "\\\"", 2);
	for (unsigned i = 0; i < 240; i++)
		memcpy(user + 3 * i, "%20", 3);
	rig_gateway(11, gw->host, true);
	sends(gw,
	    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.101;branch=z9hG4bKn\r\n"
	    "From: \"%s\" <sip:%s@192.0.2.101>;tag=n\r\nTo: <sip:bob@example.com>\r\n"
	    "Call-ID: names\r\nCSeq: 1 INVITE\r\nContact: <sip:gw@192.0.2.101>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    name, user);
	from = header(hears(bob, "INVITE"), "From");
	cr_expect_neq(strstr(from, name), NULL, "%s", from);
	cr_expect_neq(strstr(from, user), NULL, "%s", from);
	cr_expect_neq(strstr(from, "@example.com>;tag="), NULL, "%s", from);
	rig_operator_hangup(0);
}
