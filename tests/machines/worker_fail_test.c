/* Calls that are not answered (FLOWS.md 1.4), and those that end at the gate or in the route. */
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_fail, .init = rig_begin, .fini = rig_end);

static void
rings(struct phone *a, struct phone *b)
{
	dials(a, b->user, "", SDP_A);
	hears(a, "100");
	hears(b, "INVITE");
	replies(b, "INVITE", 180, "", "");
	hears(a, "180");
}

/* S1-07: what goes with a refusal goes through. */
Test(worker_fail, busy)
{
	const char *busy, *ack, *invite;

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	invite = hears(bob, "INVITE");
	replies(bob, "INVITE", 486,
	    "Retry-After: 60\r\nReason: Q.850;cause=17\r\nWarning: 399 b \"no\"\r\n", "");
	ack = hears(bob, "ACK");
	cr_expect_str_eq(header(ack, "Via"), header(invite, "Via"), "INV-6");
	cr_expect_str_eq(header(ack, "From"), header(invite, "From"), "INV-6");
	cr_expect_str_eq(header(ack, "Call-ID"), header(invite, "Call-ID"), "INV-6");
	expect_has(header(ack, "To"), bob->local_tag);
	busy = hears(alice, "486");
	cr_expect_str_eq(header(busy, "Retry-After"), "60");
	cr_expect_str_eq(header(busy, "Reason"), "Q.850;cause=17");
	cr_expect_str_eq(header(busy, "Warning"), "399 b \"no\"");
	rig_ends_clean("busy 486 17 callee normal", 0);
	cr_expect_str_eq(rig_cdr("leg.2.sip_code"), "486");
	cr_expect_str_eq(rig_cdr("leg.1.sip_code"), "486");
}

/* The refusal is repeated until the caller's ACK. */
Test(worker_fail, busy_acked_late)
{
	alice->does_not_ack = true;
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_wait_ms(600);
	alice->does_not_ack = false;
	hears(alice, "486");
	rig_wait_ms(9000);
	hears_nothing(alice);
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* S2-16c. */
Test(worker_fail, rejected)
{
	rings(alice, bob);
	replies(bob, "INVITE", 603, "", "");
	hears(bob, "ACK");
	hears(alice, "603");
	rig_ends_clean("rejected 603 21 callee normal", 0);
}

/* S1-09: the callee's phone gives up by itself. */
Test(worker_fail, callee_times_out)
{
	rings(alice, bob);
	replies(bob, "INVITE", 408, "", "");
	hears(bob, "ACK");
	hears(alice, "408");
	rig_ends_clean("noanswer 408 19 timeout normal", 0);
}

/* S1-09a: timer B. */
Test(worker_fail, callee_is_silent)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	rig_wait_ms(31900);
	for (unsigned i = 0; i < 7; i++)
		hears(bob, "INVITE");
	hears_nothing(bob);
	hears_nothing(alice);
	rig_wait_ms(200);
	hears(alice, "408");
	rig_ends_clean("noanswer 408 19 timeout normal", 0);
}

Test(worker_fail, callee_is_unreachable)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	rig_unreachable(bob);
	hears(alice, "500");
	rig_ends_clean("failed 500 41 callee normal", 0);
}

/* Nobody answers: the exchange's own limit (ring_s). */
Test(worker_fail, rings_too_long)
{
	rings(alice, bob);
	rig_wait_ms(180100);
	hears(alice, "408");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("noanswer 408 19 timeout normal", 0);
	cr_expect_str_eq(rig_cdr("leg.2.sip_code"), "487");
}

/* RFC 3261 13.3.1: the caller says how long his INVITE is good. */
Test(worker_fail, expires_of_the_invite)
{
	dials(alice, "bob", "Expires: 7\r\n", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(6900);
	hears_nothing(bob);
	rig_wait_ms(200);
	hears(alice, "408");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("noanswer 408 19 timeout normal", 0);
}

/* A phone that answers neither CANCEL nor INVITE: the record does not wait for it. */
Test(worker_fail, callee_dies_while_ringing)
{
	rings(alice, bob);
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	rig_wait_ms(1100);
	cr_expect_eq(rig->closed, 1);
	rig_wait_ms(40000);
	for (unsigned i = 0; i < 11; i++)
		hears(bob, "CANCEL");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* S2-03: local answers. */
Test(worker_fail, unknown_number)
{
	dials(alice, "nobody", "", SDP_A);
	hears(alice, "100");
	hears(alice, "404");
	rig_ends_clean("failed 404 1 system normal", 0);
	cr_expect_str_eq(rig_cdr("call.to_number"), "nobody");
	cr_expect_str_eq(rig_cdr("leg.2.direction"), "");
	cr_expect_str_eq(rig_cdr("segment.1.out_sip_call_id"), "", "nothing was dialled");
	cr_expect_eq(rig->opened, 0, "one record is enough");
}

Test(worker_fail, unregistered)
{
	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	dials(alice, "1009", "", SDP_A);
	hears(alice, "100");
	hears(alice, "480");
	rig_ends_clean("unreachable 480 18 system normal", 0);
}

Test(worker_fail, do_not_disturb)
{
	struct dir_subscriber s = { .dnd = 1 };

	rig_subscriber_put(&s, "erin", "1010");
	rig_bind("erin", "sip:erin@192.0.2.9", "192.0.2.9", 1000, 0);
	dials(alice, "erin", "", SDP_A);
	hears(alice, "100");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 system normal", 0);
}

Test(worker_fail, unreadable_session_description)
{
	dials(alice, "bob", "", "v=0\r\nthis is none\r\n");
	hears(alice, "100");
	hears(alice, "488");
	rig_ends_clean("failed 488 88 system normal", 0);
}

/* A challenge that the called side sent us is none to the caller, and a 503 of theirs is not ours. */
Test(worker_fail, refusals_that_are_not_the_callers_affair)
{
	static const unsigned theirs[] = { 401, 407, 302, 503 };
	static const char *const ours[] = { "480", "480", "480", "500" };

	for (unsigned i = 0; i < 4; i++) {
		const char *m;

		dials(alice, "bob", "", SDP_A);
		hears(alice, "100");
		hears(bob, "INVITE");
		replies(bob, "INVITE", theirs[i],
		    theirs[i] < 500 ? "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n" : "",
		    "");
		hears(bob, "ACK");
		m = hears(alice, ours[i]);
		cr_expect_eq(headers(m, "WWW-Authenticate"), 0);
		rig_wait_ms(40000);
	}
	rig_ends_empty(4);
}

/* S2-03, S2-16b: any code, known or not, passes with its phrase. */
Test(worker_fail, other_refusals_pass)
{
	static const char *const codes[] = { "404", "483", "488", "499", "500", "504", "606",
		"699" };

	for (unsigned i = 0; i < 8; i++) {
		dials(alice, "bob", "", SDP_A);
		hears(alice, "100");
		hears(bob, "INVITE");
		replies(bob, "INVITE", (unsigned)strtoul(codes[i], NULL, 10), "", "");
		hears(bob, "ACK");
		expect_has(hears(alice, codes[i]), " Whatever\r\n");
		rig_wait_ms(40000);
	}
	rig_ends_empty(8);
}

/* S4-04: the same Call-ID and From tag with the next CSeq is a new call. */
Test(worker_fail, same_call_id_again_is_a_new_call)
{
	dials(alice, "nobody", "", SDP_A);
	hears(alice, "100");
	hears(alice, "404");
	dials_again(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* S2-10: a Warning is relayed, and stands in the leg's row. */
Test(worker_fail, S2_10_warning)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 488, "Warning: 305 bob \"Incompatible media format\"\r\n", "");
	hears(bob, "ACK");
	cr_expect_str_eq(
	    header(hears(alice, "488"), "Warning"), "305 bob \"Incompatible media format\"");
	rig_ends_clean("failed 488 88 callee normal", 0);
	expect_has(rig_cdr("leg.2.reason"), "Incompatible media format");
}

/* --- gateways -----------------------------------------------------------------------------------*/

static struct phone *first_gw, *second_gw;

static void
gateways_begin(void)
{
	static const uint64_t ids[] = { 11, 12 };

	first_gw = phone_at("gw", "192.0.2.101");
	second_gw = phone_at("gw", "192.0.2.102");
	rig_gateway(11, first_gw->host, false);
	rig_gateway(12, second_gw->host, false);
	rig_route("+1", 2, ids);
	rig_route("112", 1, ids);
}

static void
calls_the_world(const char *number)
{
	dials(alice, number, "", SDP_A);
	hears(alice, "100");
}

static void
gw_says(struct phone *gw, unsigned status, const char *lines)
{
	hears(gw, "INVITE");
	replies(gw, "INVITE", status, lines, "");
	hears(gw, "ACK");
}

/* S2-10: Retry-After of a gateway's 503 is heeded; when all wish to be left alone, so is the caller. */
Test(worker_fail, S2_10_retry_after)
{
	gateways_begin();
	calls_the_world("+12125551234");
	gw_says(first_gw, 503, "Retry-After: 30 (overload);duration=9\r\n");
	gw_says(second_gw, 486, "");
	hears(alice, "486");
	calls_the_world("+12125551234");
	hears_nothing(first_gw);
	gw_says(second_gw, 503, "Retry-After: 60\r\n");
	hears(alice, "503");
	calls_the_world("+12125551234");
	cr_expect_str_eq(header(hears(alice, "503"), "Retry-After"), "30");
	calls_the_world("112"); /* not by those in need */
	gw_says(first_gw, 486, "");
	hears(alice, "486");
	rig_wait_ms(30000);
	calls_the_world("+12125551234");
	gw_says(first_gw, 486, "");
	hears(alice, "486");
	rig_ends_empty(5);
}
