/* Reliable provisional responses and early media (RFC 3262, 3960; FLOWS.md S2-14), and UPDATE before the
 * answer (RFC 3311): on one leg, on both, and when one of several early dialogs loses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_prack.h"

TestSuite(worker_reliable, .init = rig_begin, .fini = rig_end);

static void
bob_answers(void)
{
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
}

/* The called phone alone knows them. */
Test(worker_reliable, S2_14_called_leg_only)
{
	const char *m;

	rings_first("", SDP_A);
	replies(bob, "INVITE", 183, REL(1), SDP_B);
	m = hears(bob, "PRACK");
	cr_expect_str_eq(header(m, "RAck"), "1 1 INVITE");
	cr_expect_str_eq(header(m, "CSeq"), "2 PRACK");
	replies(bob, "PRACK", 200, "", "");
	m = hears(alice, "183");
	expect_has(m, "m=audio 4002");
	expect_lacks(m, "RSeq");
	expect_lacks(m, "Require");
	bob_answers();
	ends();
}

/* The same one again is acknowledged once and passed once; one too early is neither. */
Test(worker_reliable, repeated_and_out_of_order)
{
	rings_first("", SDP_A);
	replies(bob, "INVITE", 183, REL(1), SDP_B);
	hears(bob, "PRACK");
	replies(bob, "PRACK", 200, "", "");
	hears(alice, "183");
	replies(bob, "INVITE", 183, REL(1), SDP_B);
	replies(bob, "INVITE", 180, REL(3), "");
	hears_nothing(bob);
	hears_nothing(alice);
	replies(bob, "INVITE", 180, REL(2), "");
	cr_expect_str_eq(header(hears(bob, "PRACK"), "RAck"), "2 1 INVITE");
	replies(bob, "PRACK", 200, "", "");
	hears(alice, "180");
	bob_answers();
	ends();
}

/* The caller alone asks for them: each is made reliable, one after the other, repeated until its PRACK. */
Test(worker_reliable, S2_14_callers_leg_only)
{
	const char *ringing;
	unsigned long rseq;

	rings_first(MUST, SDP_A);
	replies(bob, "INVITE", 180, "", "");
	ringing = hears(alice, "180");
	rseq = strtoul(header(ringing, "RSeq"), NULL, 10);
	expect_has(ringing, "Require: 100rel");
	hears_nothing(bob); /* no PRACK to him, who did not ask */
	rig_wait_ms(500);
	hears(alice, "180");
	rig_wait_ms(1000);
	hears(alice, "180");
	replies(bob, "INVITE", 183, "", SDP_B); /* waits for the PRACK of the first */
	hears_nothing(alice);
	pracks(alice, ringing, "");
	hears(alice, "200 PRACK");
	ringing = hears(alice, "183");
	cr_expect_eq(strtoul(header(ringing, "RSeq"), NULL, 10), rseq + 1);
	expect_has(ringing, "m=audio 4002");
	/* A 2xx waits as well: the 183 had a description (RFC 3262 3). */
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears_nothing(alice);
	pracks(alice, ringing, "");
	hears(alice, "200 PRACK");
	cr_expect_str_eq(body_of(hears(alice, "200 INVITE")), "", "she has her answer");
	acks(alice, "");
	ends();
}

/* A caller who can, but need not, gets those reliably that bear a description. */
Test(worker_reliable, only_what_needs_it)
{
	const char *m;

	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 180, "", "");
	expect_lacks(hears(alice, "180"), "RSeq");
	replies(bob, "INVITE", 183, "", SDP_B);
	m = hears(alice, "183");
	expect_has(m, "RSeq");
	pracks(alice, m, "");
	hears(alice, "200 PRACK");
	bob_answers();
	ends();
}

/* A PRACK for nothing, and one that comes twice. */
Test(worker_reliable, prack_matches_nothing)
{
	const char *m;

	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 183, "", SDP_B);
	m = hears(alice, "183");
	says(alice, "PRACK", "RAck: 77 1 INVITE\r\n", "");
	hears(alice, "481");
	says(alice, "PRACK", "RAck: nonsense\r\n", "");
	hears(alice, "481");
	pracks(alice, m, "");
	hears(alice, "200 PRACK");
	pracks(alice, m, "");
	hears(alice, "481");
	bob_answers();
	ends();
}

/* It never comes: the INVITE is refused (RFC 3262 3). */
Test(worker_reliable, no_prack)
{
	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 183, "", SDP_B);
	hears(alice, "183");
	for (unsigned i = 0; i < 6; i++) {
		rig_wait_ms(500u << i);
		hears(alice, "183");
	}
	rig_wait_ms(500);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	hears(alice, "504");
	rig_ends_clean("failed 504 102 timeout normal", 0);
}

/* No offer in the INVITE: the called phone's reliable one bears it, her PRACK the answer, which goes
 * into his. */
Test(worker_reliable, offer_in_183_answer_in_prack)
{
	const char *m;

	rings_first(CAN, "");
	expect_has(bob->got[0], "Supported: 100rel");
	replies(bob, "INVITE", 183, REL(5), SDP_B);
	hears_nothing(bob);
	m = hears(alice, "183");
	expect_has(m, "m=audio 4002");
	expect_has(m, "RSeq");
	pracks(alice, m, SDP_A);
	hears(alice, "200 PRACK");
	m = hears(bob, "PRACK");
	expect_has(m, "m=audio 4000");
	replies(bob, "PRACK", 200, "", "");
	replies(bob, "INVITE", 200, "", "");
	hears(bob, "ACK");
	cr_expect_str_eq(body_of(hears(alice, "200 INVITE")), "");
	acks(alice, "");
	ends();
}

/* She could not answer it: then it is not asked for. */
Test(worker_reliable, no_offer_is_asked_for_that_nobody_answers)
{
	rings_first("", "");
	expect_lacks(bob->got[0], "100rel");
	replies(bob, "INVITE", 183, "", SDP_B); /* an offer that may not be */
	cr_expect_str_eq(body_of(hears(alice, "183")), "");
	replies(bob, "INVITE", 200, "", SDP_B);
	expect_has(hears(alice, "200 INVITE"), "m=audio 4002");
	acks(alice, SDP_A);
	expect_has(hears(bob, "ACK"), "m=audio 4000");
	ends();
}

/* UPDATE before the answer, both ways (RFC 3311 5.1). */
Test(worker_reliable, update_before_answer)
{
	const char *m;

	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 183, REL(1), SDP_B);
	hears(bob, "PRACK");
	replies(bob, "PRACK", 200, "", "");
	m = hears(alice, "183");
	says(alice, "UPDATE", "", SDP_A2); /* her offer is answered, the PRACK is still owed */
	expect_has(hears(bob, "UPDATE"), "m=audio 4100");
	replies(bob, "UPDATE", 200, "", SDP_B2);
	expect_has(hears(alice, "200 UPDATE"), "m=audio 4200");
	pracks(alice, m, "");
	hears(alice, "200 PRACK");
	says(bob, "UPDATE", "", SDP_B);
	expect_has(hears(alice, "UPDATE"), "m=audio 4002");
	replies(alice, "UPDATE", 488, "", "");
	hears(bob, "488");
	replies(bob, "INVITE", 200, "", "");
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	ends();
}

/* Before there is an answer there is nothing to change: 500 to who has offered, 491 to who was. */
Test(worker_reliable, update_too_early)
{
	const char *m;

	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	says(alice, "UPDATE", "", SDP_A2);
	m = hears(alice, "500");
	cr_expect_str_neq(header(m, "Retry-After"), "");
	bob_answers();
	ends();
}

/* A new offer in her PRACK goes on as an UPDATE; his answer is in the 200 of her PRACK (RFC 3262 5). */
Test(worker_reliable, offer_in_prack)
{
	const char *m;

	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 183, REL(1), SDP_B);
	hears(bob, "PRACK");
	replies(bob, "PRACK", 200, "", "");
	m = hears(alice, "183");
	pracks(alice, m, SDP_A2);
	expect_has(hears(bob, "UPDATE"), "m=audio 4100");
	replies(bob, "UPDATE", 200, "", SDP_B2);
	expect_has(hears(alice, "200 PRACK"), "m=audio 4200");
	replies(bob, "INVITE", 200, "", "");
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	ends();
}

/* A proxy behind the called side forks: reliable ones in two early dialogs are acknowledged each in its
 * own; the second answers with another session than she was given, and is asked for it anew. */
Test(worker_reliable, S3_04b_other_early_dialog_answers)
{
	const char *m;

	rings_first(CAN, SDP_A);
	sends(bob,
	    "SIP/2.0 183 x\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=one\r\nCall-ID: %s\r\n"
	    "CSeq: 1 INVITE\r\nContact: <%s>\r\n" REL(1) "Content-Type: application/sdp\r\n"
							 "Content-Length: %zu\r\n\r\n%s",
	    header(bob->got[0], "Via"), header(bob->got[0], "From"), header(bob->got[0], "To"),
	    header(bob->got[0], "Call-ID"), bob->contact, strlen(SDP_B), SDP_B);
	m = hears(bob, "PRACK");
	expect_has(header(m, "To"), ";tag=one");
	replies(bob, "PRACK", 200, "", "");
	m = hears(alice, "183");
	expect_has(m, "m=audio 4002");
	pracks(alice, m, "");
	hears(alice, "200 PRACK");
	sends(bob,
	    "SIP/2.0 180 x\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=two\r\nCall-ID: %s\r\n"
	    "CSeq: 1 INVITE\r\nContact: <%s>\r\n" REL(9) "Content-Length: 0\r\n\r\n",
	    header(bob->got[0], "Via"), header(bob->got[0], "From"), header(bob->got[0], "To"),
	    header(bob->got[0], "Call-ID"), bob->contact);
	m = hears(bob, "PRACK");
	expect_has(header(m, "To"), ";tag=two");
	cr_expect_str_eq(header(m, "RAck"), "9 1 INVITE");
	replies(bob, "PRACK", 200, "", "");
	hears(alice, "180");
	replies_as(bob, "two", "INVITE", 200, SDP_B2);
	hears(bob, "ACK");
	cr_expect_str_eq(body_of(hears(alice, "200 INVITE")), "");
	acks(alice, "");
	snprintf(bob->local_tag, sizeof(bob->local_tag), "two");
	/* RFC 3725 flow I: his offer, her answer. */
	cr_expect_str_eq(body_of(hears(bob, "INVITE")), "");
	replies(bob, "INVITE", 200, "", SDP_B2);
	expect_has(hears(alice, "INVITE"), "m=audio 4200");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	expect_has(hears(bob, "ACK"), "m=audio 4000");
	ends();
}

/* 183, announcement, failure; and 180 after 183 (RFC 3960). Billing has not begun. */
Test(worker_reliable, S4_11_announcement_then_failure)
{
	const char *m;

	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 183, "", SDP_B);
	m = hears(alice, "183");
	pracks(alice, m, "");
	hears(alice, "200 PRACK");
	replies(bob, "INVITE", 180, "", "");
	expect_lacks(hears(alice, "180"), "m=audio");
	rig_wait_ms(4000);
	replies(bob, "INVITE", 404, "", "");
	hears(bob, "ACK");
	hears(alice, "404");
	rig_ends_clean("failed 404 1 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.early_media_ms"), "4000");
}

/* She cancels while her PRACK is owed, and while a 2xx waits for it. */
Test(worker_reliable, cancelled_before_prack)
{
	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 183, "", SDP_B);
	hears(alice, "183");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

Test(worker_reliable, worker_dies_before_prack)
{
	const char *m;

	rings_first(CAN, SDP_A);
	replies(bob, "INVITE", 183, "", SDP_B);
	m = hears(alice, "183");
	rig_restart(0);
	rig_wait_ms(500);
	cr_expect_str_eq(header(hears(alice, "183"), "RSeq"), header(m, "RSeq"));
	pracks(alice, m, "");
	hears(alice, "200 PRACK");
	bob_answers();
	ends();
}

/* --- an answer that waits for a PRACK is none yet ------------------------------------------------*/

static const char *
answer_waits(void)
{
	const char *ringing;

	rings_first(MUST, SDP_A);
	replies(bob, "INVITE", 183, "", SDP_B);
	ringing = hears(alice, "183");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears_nothing(alice);
	return ringing;
}

static void
bob_is_released(void)
{
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
}

/* FLOWS.md 1.12 (8): it counts from when the caller was told. */
Test(worker_reliable, billed_from_when_the_caller_was_told)
{
	const char *ringing = answer_waits();

	rig_wait_ms(400);
	pracks(alice, ringing, "");
	hears(alice, "200 PRACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 1000);
}

Test(worker_reliable, S1_08a_cancelled_while_the_answer_waits)
{
	answer_waits();
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	bob_is_released();
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

Test(worker_reliable, no_prack_while_the_answer_waits)
{
	answer_waits();
	for (unsigned i = 0; i < 6; i++) {
		rig_wait_ms(500u << i);
		hears(alice, "183");
	}
	rig_wait_ms(600);
	hears(alice, "504");
	bob_is_released();
	rig_ends_clean("failed 504 102 timeout normal", 0);
}

Test(worker_reliable, released_while_the_answer_waits)
{
	answer_waits();
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	hears(alice, "480");
	rig_ends_clean("noanswer 480 18 callee normal", 0);
}

/* Of two that ring, the one that answered had its answer in a reliable response, which the caller has
 * not heard. */
Test(worker_reliable, S3_04b_the_answer_of_a_fork_is_kept)
{
	struct phone *desk = phone_at("bob", "192.0.2.12");

	rig_bind("bob", "sip:bob@192.0.2.12", "192.0.2.12", 1000, 0);
	rings_first("", SDP_A);
	replies(bob, "INVITE", 100, "", "");
	hears(desk, "INVITE");
	replies(desk, "INVITE", 183, REL(1), SDP_B);
	hears(desk, "PRACK");
	replies(desk, "PRACK", 200, "", "");
	expect_lacks(hears(alice, "183"), "m=audio");
	replies(desk, "INVITE", 200, "", "");
	hears(desk, "ACK");
	expect_has(hears(alice, "200 INVITE"), "m=audio 4002");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	acks(alice, "");
	hangs_up(alice, desk);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* RFC 3311 5.1: the caller's first offer has no answer that is sure. */
Test(worker_reliable, update_beside_an_open_offer)
{
	rings_first("", SDP_A);
	replies(bob, "INVITE", 183, REL(1), SDP_B);
	hears(bob, "PRACK");
	replies(bob, "PRACK", 200, "", "");
	hears(alice, "183");
	says(bob, "UPDATE", "", SDP_B2);
	hears(bob, "491");
	hears_nothing(alice);
	bob_answers();
	ends();
}
