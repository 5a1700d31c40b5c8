/* One user with several phones, and one number with several gateways (FLOWS.md S4-09, S2-26, S2-27,
 * S0-05, S0-10; BILLING.md R4, R20). */
#include <string.h>

#include "worker_phone.h"

#define two   (rig->phones[2])
#define three (rig->phones[3])

/* bob at three places, each with its q and how long it wishes to ring. */
static void
bob_has(unsigned q2, unsigned q3, uint32_t ring3)
{
	phone_at("bob", "192.0.2.22");
	phone_at("bob", "192.0.2.33");
	rig_bind("bob", two->contact, two->host, q2, 0);
	rig_bind("bob", three->contact, three->host, q3, ring3);
}

static void
all_ring(void)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	hears(two, "INVITE");
	hears(three, "INVITE");
}

static void
is_cancelled(struct phone *p, const char *reason)
{
	const char *m = hears(p, "CANCEL");

	cr_expect_str_eq(header(m, "Reason"), reason);
	replies(p, "CANCEL", 200, "", "");
	replies(p, "INVITE", 487, "", "");
	hears(p, "ACK");
}

static void
hears_one_request(struct phone *p, const char *what)
{
	hears(p, what);
	hears_nothing(p);
}

#define ELSEWHERE "SIP;cause=200;text=\"Call completed elsewhere\""

TestSuite(worker_fork, .init = rig_begin, .fini = rig_end);

/* S4-09, S2-27, R4. */
Test(worker_fork, first_answer_wins)
{
	const char *i1, *i2;

	bob_has(1000, 1000, 0);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	i1 = hears(bob, "INVITE");
	i2 = hears(two, "INVITE");
	hears(three, "INVITE");
	cr_expect_str_eq(header(i1, "Call-ID"), header(i2, "Call-ID"), "S2-27");
	cr_expect_str_eq(header(i1, "From"), header(i2, "From"), "S2-27");
	cr_expect_str_eq(header(i1, "CSeq"), header(i2, "CSeq"), "S2-27");
	cr_expect_str_neq(header(i1, "Via"), header(i2, "Via"), "S2-27");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(two, "INVITE", 180, "", "");
	replies(three, "INVITE", 180, "", "");
	hears_nothing(alice); /* once is enough */
	replies(three, "INVITE", 200, "", SDP_B);
	hears(three, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	is_cancelled(bob, ELSEWHERE);
	is_cancelled(two, ELSEWHERE);
	rig_wait_ms(7000);
	hangs_up(three, alice);
	rig_ends_clean("answered 200 16 callee normal", 7000);
	cr_expect_str_eq(rig_cdr("leg.2.cancelled_elsewhere"), "true");
	cr_expect_str_eq(rig_cdr("leg.2.sip_code"), "487");
	cr_expect_str_eq(rig_cdr("leg.3.cancelled_elsewhere"), "true");
	cr_expect_str_eq(rig_cdr("leg.4.cancelled_elsewhere"), "false");
	cr_expect_str_eq(rig_cdr("leg.4.sip_code"), "200");
	cr_expect_str_eq(rig_cdr("leg.5.direction"), "");
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

/* S3-04b: no branch's media before one has won. */
Test(worker_fork, media_of_the_winner_only)
{
	bob_has(1000, 1000, 0);
	all_ring();
	replies(two, "INVITE", 183, "", SDP("192.0.2.22", "6000", ""));
	expect_lacks(hears(alice, "183"), "6000");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	expect_has(hears(alice, "200 INVITE"), "m=audio 4002");
	acks(alice, "");
	is_cancelled(two, ELSEWHERE);
	replies(three, "INVITE", 486, "", "");
	hears(three, "ACK");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* A second 200 gets ACK and BYE. */
Test(worker_fork, two_answer)
{
	bob_has(1000, 1000, 0);
	all_ring();
	replies(two, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(two, "CANCEL");
	replies(two, "INVITE", 200, "", SDP_B);
	hears(two, "ACK");
	hears(two, "BYE");
	replies(two, "CANCEL", 200, "", "");
	replies(two, "BYE", 200, "", "");
	replies(three, "INVITE", 100, "", "");
	is_cancelled(three, ELSEWHERE);
	rig_wait_ms(1000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 1000);
	cr_expect_str_eq(rig_cdr("leg.3.sip_code"), "200");
}

/* RFC 3261 16.7: 4xx before 5xx, 415 and its like before other 4xx, 482 last (S2-27). */
Test(worker_fork, best_refusal)
{
	static const struct {
		unsigned codes[3];
		const char *best;
	} cases[] = { { { 486, 503, 500 }, "486" }, { { 480, 415, 486 }, "415" },
		{ { 482, 482, 500 }, "500" }, { { 404, 302, 482 }, "404" },
		{ { 408, 486, 482 }, "486" }, { { 482, 408, 482 }, "408" } };

	bob_has(1000, 1000, 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		all_ring();
		replies(bob, "INVITE", cases[i].codes[0], "", "");
		hears(bob, "ACK");
		replies(two, "INVITE", cases[i].codes[1], "", "");
		hears(two, "ACK");
		hears_nothing(alice);
		replies(three, "INVITE", cases[i].codes[2], "", "");
		hears(three, "ACK");
		hears(alice, cases[i].best);
		rig_wait_ms(40000);
	}
	rig_ends_empty(6);
}

/* 16.7 step 5: a 6xx speaks for the user everywhere. */
Test(worker_fork, rejected_by_one)
{
	bob_has(1000, 1000, 0);
	all_ring();
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(two, "INVITE", 603, "", "");
	hears(two, "ACK");
	hears(alice, "603");
	is_cancelled(bob, "SIP;cause=603");
	replies(three, "INVITE", 180, "", "");
	hears(three, "CANCEL");
	replies(three, "CANCEL", 200, "", "");
	replies(three, "INVITE", 487, "", "");
	hears(three, "ACK");
	rig_ends_clean("rejected 603 21 callee normal", 0);
	cr_expect_str_eq(rig_cdr("leg.2.cancelled_elsewhere"), "false", "nobody answered");
	cr_expect_str_eq(rig_cdr("leg.4.cancelled_elsewhere"), "false");
}

/* Who is busy has refused, though another one's silence was the last that was waited for. */
Test(worker_fork, busy_and_silent)
{
	bob_has(1000, 1000, 0);
	all_ring();
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	rig_wait_ms(32100);
	for (unsigned i = 0; i < 6; i++) {
		hears(two, "INVITE");
		hears(three, "INVITE");
	}
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* S0-10: by q, one after the other. */
Test(worker_fork, in_order_of_q)
{
	bob_has(500, 200, 0);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears_one_request(bob, "INVITE");
	hears_nothing(two);
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears_one_request(two, "INVITE");
	replies(two, "INVITE", 180, "", "");
	hears(alice, "180"); /* it rings alone: each thing it says is heard */
	rig_wait_ms(19900);
	hears_nothing(two);
	rig_wait_ms(200); /* no_answer_s: on to the next */
	hears(two, "CANCEL");
	replies(two, "CANCEL", 200, "", "");
	hears_nothing(three);
	replies(two, "INVITE", 487, "", "");
	hears(two, "ACK");
	hears(three, "INVITE");
	replies(three, "INVITE", 200, "", SDP_B);
	hears(three, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1000);
	hangs_up(alice, three);
	rig_ends_clean("answered 200 16 caller normal", 1000);
}

/* S1-09a: one that says nothing at all does not hold the others up. */
Test(worker_fork, silent_one_is_passed_over)
{
	bob_has(500, 200, 0);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	rig_wait_ms(5100);
	for (unsigned i = 0; i < 4; i++)
		hears(bob, "INVITE");
	hears(two, "INVITE");
	replies(two, "INVITE", 200, "", SDP_B);
	hears(two, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	replies(bob, "INVITE", 100, "", ""); /* it wakes up: the CANCEL was waiting for it */
	is_cancelled(bob, "");
	rig_wait_ms(1000);
	hangs_up(alice, two);
	rig_ends_clean("answered 200 16 caller normal", 1000);
}

/* S0-05: a contact may say how long it rings; the others go on. */
Test(worker_fork, contact_with_its_own_time)
{
	bob_has(1000, 1000, 5);
	all_ring();
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(three, "INVITE", 180, "", "");
	replies(two, "INVITE", 486, "", "");
	hears(two, "ACK");
	rig_wait_ms(4900);
	hears_nothing(three);
	rig_wait_ms(200);
	hears(three, "CANCEL");
	replies(three, "CANCEL", 200, "", "");
	replies(three, "INVITE", 487, "", "");
	hears(three, "ACK");
	hears_nothing(bob);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(2000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 2000);
}

Test(worker_fork, caller_cancels)
{
	bob_has(1000, 1000, 0);
	all_ring();
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	replies(two, "INVITE", 486, "", "");
	hears(two, "ACK");
	replies(three, "INVITE", 200, "", SDP_B);
	hears(three, "ACK");
	hears(three, "BYE");
	replies(three, "BYE", 200, "", "");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* --- gateways -----------------------------------------------------------------------------------*/

#define gw1 two
#define gw2 three

static void
dials_out(void)
{
	const uint64_t ids[] = { 11, 12 };
	const char *invite;

	phone_at("gw1", "192.0.2.101");
	phone_at("gw2", "192.0.2.102");
	rig_gateway(11, gw1->host, true);
	rig_gateway(12, gw2->host, true);
	rig_route("+1", 2, ids);
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	invite = hears(gw1, "INVITE");
	expect_has(invite, "INVITE sip:+12125551234@192.0.2.101:5060");
	expect_has(invite, "user=phone");
	hears_nothing(gw2);
}

/* To a number: the ring tone of the telephone network is heard before the answer, and costs nothing. */
Test(worker_fork, S2_24_ring_tone_from_a_gateway)
{
	dials_out();
	replies(gw1, "INVITE", 183, "", SDP_B);
	expect_has(hears(alice, "183"), "m=audio 4002");
	replies(gw1, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(7000);
	replies(gw1, "INVITE", 200, "", SDP_B);
	hears(gw1, "ACK");
	expect_has(hears(alice, "200 INVITE"), "m=audio 4002");
	acks(alice, "");
	rig_wait_ms(3000);
	hangs_up(alice, gw1);
	rig_ends_clean("answered 200 16 caller normal", 3000);
	cr_expect_str_eq(rig_cdr("segment.1.ring_ms"), "7000");
}

/* R20: trunk 1 fails, trunk 2 answers. */
Test(worker_fork, second_gateway)
{
	dials_out();
	replies(gw1, "INVITE", 503, "", "");
	hears(gw1, "ACK");
	hears(gw2, "INVITE");
	replies(gw2, "INVITE", 183, "", SDP_B);
	hears(alice, "183");
	replies(gw2, "INVITE", 200, "", SDP_B);
	hears(gw2, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(60000);
	hangs_up(gw2, alice);
	rig_ends_clean("answered 200 16 callee normal", 60000);
	cr_expect_str_eq(rig_cdr("call.direction"), "outbound");
	cr_expect_str_eq(rig_cdr("segment.1.out_trunk_id"), "12");
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "+12125551234");
	cr_expect_str_eq(rig_cdr("leg.2.kind"), "trunk");
	cr_expect_str_eq(rig_cdr("leg.2.sip_code"), "503");
	cr_expect_str_eq(rig_cdr("leg.3.sip_code"), "200");
}

Test(worker_fork, silent_gateway)
{
	dials_out();
	rig_wait_ms(5100);
	for (unsigned i = 0; i < 3; i++)
		hears(gw1, "INVITE");
	hears(gw2, "INVITE");
	replies(gw2, "INVITE", 486, "", "");
	hears(gw2, "ACK");
	hears(alice, "486");
	rig_wait_ms(40000);
	while (obliges(gw1))
		;
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* One that said 100 has the call. What it plays meanwhile is heard: it is alone. */
Test(worker_fork, slow_gateway)
{
	dials_out();
	replies(gw1, "INVITE", 100, "", "");
	rig_wait_ms(60000);
	hears_nothing(gw2);
	replies(gw1, "INVITE", 183, "", SDP_B);
	expect_has(hears(alice, "183"), "m=audio 4002");
	rig_wait_ms(30000);
	replies(gw1, "INVITE", 200, "", SDP_B);
	hears(gw1, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, gw1);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.out_trunk_id"), "11");
}

/* What a gateway says of the number is final. */
Test(worker_fork, busy_at_the_first_gateway)
{
	dials_out();
	replies(gw1, "INVITE", 486, "", "");
	hears(gw1, "ACK");
	hears_nothing(gw2);
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* To a gateway that is marked so a call that was declined is busy; the record says what was. */
Test(worker_fork, S2_16c_declined_is_busy_to_a_gateway)
{
	struct dir_gateway g = {
		.id = 11, .tenant = 1, .transport = SIP_T_UDP, .trusted = 1, .decline_as_busy = 1
	};

	phone_at("gw1", "192.0.2.101");
	cr_assert_eq(netaddr_ip(span_str(gw1->host), &g.address), ERR_NONE);
	cr_assert_eq(
	    directory_put_gateway(&rig->directory, &g,
		&(struct dir_gateway_text){ .name = SPAN("gw1"), .host = span_str(gw1->host) }),
	    ERR_NONE);
	dials(gw1, "1002", "", SDP_A);
	hears(gw1, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 603, "", "");
	hears(bob, "ACK");
	expect_has(hears(gw1, "486"), "486 Busy Here");
	rig_ends_clean("rejected 603 21 callee normal", 0);
	cr_expect_str_eq(rig_cdr("leg.1.sip_code"), "486");
}

/* S2-25: from a trusted gateway, without a challenge, to a subscriber; not out again. */
Test(worker_fork, S2_25_from_a_gateway)
{
	phone_at("gw1", "192.0.2.101");
	rig_gateway(11, gw1->host, true);
	dials(gw1, "1002", "", SDP_A);
	hears(gw1, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	expect_lacks(hears(gw1, "180"), "v=0");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(gw1, "200 INVITE");
	acks(gw1, "");
	rig_wait_ms(1000);
	hangs_up(gw1, bob);
	cr_expect_str_eq(rig_cdr("call.direction"), "inbound");
	cr_expect_str_eq(rig_cdr("segment.1.in_trunk_id"), "11");
	cr_expect_str_eq(rig_cdr("segment.1.payer_kind"), "trunk_customer");
	dials(gw1, "+12125551234", "", SDP_A);
	hears(gw1, "100");
	hears(gw1, "404");
	rig_wait_ms(1000);
	cr_expect_str_eq(rig_cdr("call.direction"), "inbound", "also when it is refused");
	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	dials(gw1, "1009", "", SDP_A);
	hears(gw1, "100");
	hears(gw1, "480");
	rig_wait_ms(1000);
	cr_expect_str_eq(rig_cdr("call.direction"), "inbound");
	rig_ends_empty(3);
}
