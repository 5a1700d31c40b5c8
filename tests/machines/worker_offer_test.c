/* Offers while a call is up: re-INVITE and UPDATE, hold, refusal, glare (FLOWS.md S1-06, S1-12, S3-20;
 * INV-8). */
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_offer, .init = rig_begin, .fini = rig_end);

#define SDP_A2	  SDP("192.0.2.1", "4100", "")
#define SDP_B2	  SDP("192.0.2.2", "4200", "")
#define SDP_HOLD  SDP("0.0.0.0", "4002", "")
#define SDP_VIDEO SDP("192.0.2.2", "4002", "m=video 5000 RTP/AVP 96\r\n")

struct origin_line {
	char head[128];
	unsigned long long id, version;
	char tail[64];
};

static struct origin_line
origin_of(const char *text)
{
	struct origin_line o = { .head = "" };
	const char *p = strstr(text, "\r\no=");

	cr_assert_not_null(p);
	cr_assert_eq(
	    sscanf(p, "\r\no=%127s %llu %llu %63[^\r]", o.head, &o.id, &o.version, o.tail), 4);
	return o;
}

/* INV-8: what one side was told before and now. */
static void
expect_origin(const char *before, const char *now, unsigned raised)
{
	struct origin_line b = origin_of(before), n = origin_of(now);

	cr_expect_str_eq(n.head, b.head);
	cr_expect_str_eq(n.tail, b.tail);
	cr_expect_eq(n.id, b.id);
	cr_expect_eq(n.version, b.version + raised, "INV-8: %llu after %llu", n.version, b.version);
}

Test(worker_offer, both_ways)
{
	const char *first, *again, *ok;

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	first = hears(alice, "200 INVITE");
	acks(alice, "");

	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	again = hears(alice, "INVITE");
	expect_has(again, "m=audio 4200");
	expect_origin(first, again, 1);
	cr_expect_str_eq(header(again, "CSeq"), "1 INVITE", "our own count on this leg");
	replies(alice, "INVITE", 200, "", SDP_A2);
	hears(alice, "ACK");
	ok = hears(bob, "200 INVITE");
	expect_has(ok, "m=audio 4100");
	acks(bob, "");

	says(alice, "INVITE", "", SDP_A2);
	hears(alice, "100");
	again = hears(bob, "INVITE");
	expect_origin(ok, again, 0); /* the same body as before */
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 1000);
}

/* S0-14; INV-8: m-lines never become fewer. */
Test(worker_offer, video_comes_and_goes)
{
	const char *m;

	talk(alice, bob);
	passes(bob, alice, SDP_VIDEO, SDP_A, "m=video 5000", "m=audio 4000");
	says(bob, "INVITE", "", SDP_B);
	hears(bob, "100");
	m = hears(alice, "INVITE");
	expect_has(m, "m=audio 4002");
	expect_has(strstr(m, "m=audio 4002") + 2, "m="); /* still two, the second refused */
	expect_has(strstr(m, "m=audio 4002") + 2, " 0 RTP/AVP");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* S3-20: refused, and the session goes on. */
Test(worker_offer, refused)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 488, "Warning: 304 a \"no\"\r\n", "");
	hears(alice, "ACK");
	expect_has(hears(bob, "488"), "Warning: 304");
	passes(alice, bob, SDP_A2, SDP_B, "m=audio 4100", "m=audio 4002");
	rig_wait_ms(2000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 2000);
}

/* 12.2.1.2: 481 to a re-INVITE ends it. */
Test(worker_offer, dialog_is_gone)
{
	talk(alice, bob);
	rig_wait_ms(3000);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 481, "", "");
	hears(alice, "ACK");
	hears(alice, "BYE");
	replies(alice, "BYE", 481, "", "");
	hears(bob, "487");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 network normal", 3000);
}

/* Nor does one that gets no answer at all. */
Test(worker_offer, unanswered)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	rig_wait_ms(32100);
	for (unsigned i = 0; i < 7; i++)
		hears(alice, "INVITE");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	hears(bob, "487");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 network normal", 32000);
}

/* 14.2: both ask at once. */
Test(worker_offer, glare)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	says(alice, "INVITE", "", SDP_A2);
	hears(alice, "INVITE");
	hears(alice, "491");
	replies(alice, "INVITE", 491, "", "");
	hears(alice, "ACK");
	hears(bob, "491");
	passes(alice, bob, SDP_A2, SDP_B, "m=audio 4100", "m=audio 4002");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* 14.2: a second one before the first is answered. */
Test(worker_offer, twice_at_once)
{
	char branch[64];
	const char *m;

	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	snprintf(branch, sizeof(branch), "%s", bob->invite_branch);
	says(bob, "INVITE", "", SDP_B);
	m = hears(bob, "500");
	cr_expect_leq(strtoul(header(m, "Retry-After"), NULL, 10), 10);
	cr_expect_eq(headers(m, "Retry-After"), 1);
	snprintf(bob->invite_branch, sizeof(branch), "%s", branch);
	bob->invite_cseq--;
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

Test(worker_offer, cancelled)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 100, "", "");
	cancels(bob, "");
	hears(bob, "200 CANCEL");
	hears(alice, "CANCEL");
	hears_nothing(bob);
	replies(alice, "CANCEL", 200, "", "");
	replies(alice, "INVITE", 487, "", "");
	hears(alice, "ACK");
	hears(bob, "487");
	passes(alice, bob, SDP_A2, SDP_B, "m=audio 4100", "m=audio 4002");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* The 2xx crosses the CANCEL: the other side has changed, so the asker hears the 2xx, and both have the
 * same session. */
Test(worker_offer, cancelled_too_late)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	cancels(bob, "");
	hears(bob, "200 CANCEL");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	passes(alice, bob, SDP_A2, SDP_B, "m=audio 4100", "m=audio 4002");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* A re-INVITE without a body asks for an offer. */
Test(worker_offer, asked_for)
{
	talk(alice, bob);
	says(bob, "INVITE", "", "");
	hears(bob, "100");
	expect_lacks(hears(alice, "INVITE"), "v=0");
	replies(alice, "INVITE", 200, "", SDP_A2);
	hears_nothing(alice);
	expect_has(hears(bob, "200 INVITE"), "m=audio 4100");
	acks(bob, SDP_B2);
	expect_has(hears(alice, "ACK"), "m=audio 4200");
	passes(alice, bob, SDP_A2, SDP_B, "m=audio 4100", "m=audio 4002");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* RFC 3311: by UPDATE; it is no INVITE to its sender. */
Test(worker_offer, by_update)
{
	const char *ok;

	talk(alice, bob);
	says(bob, "UPDATE", "", SDP_B2);
	expect_has(hears(alice, "INVITE"), "m=audio 4200");
	replies(alice, "INVITE", 200, "", SDP_A2);
	hears(alice, "ACK");
	ok = hears(bob, "200 UPDATE");
	expect_has(ok, "m=audio 4100");
	hears_nothing(bob);
	says(bob, "UPDATE", "", ""); /* a refresh: nobody else hears of it */
	hears(bob, "200 UPDATE");
	hears_nothing(alice);
	says(alice, "UPDATE", "", SDP_A);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 488, "", "");
	hears(bob, "ACK");
	hears(alice, "488 UPDATE");
	rig_wait_ms(40000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 40000);
}

/* The phone moves: its requests go to the new Contact (12.2 target refresh). */
Test(worker_offer, new_contact)
{
	talk(alice, bob);
	snprintf(bob->contact, sizeof(bob->contact), "sip:bob@192.0.2.77:5070");
	passes(bob, alice, SDP_B, SDP_A, "m=audio 4002", "m=audio 4000");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	netaddr_ip(SPAN("192.0.2.77"), &bob->address);
	bob->address.port = 5070;
	cr_expect_eq(strncmp(hears(bob, "BYE"), "BYE sip:bob@192.0.2.77:5070 SIP/2.0", 35), 0);
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* The asker hangs up before the other side has answered. */
Test(worker_offer, bye_meanwhile)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	hears(bob, "487");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	replies(alice, "INVITE", 487, "", "");
	hears(alice, "ACK");
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* 13.3.1.4: the ACK to the answer of a re-INVITE never comes. What was talked until then is charged: R24
 * is for a call whose very answer was never confirmed. */
Test(worker_offer, answer_never_acked)
{
	talk(alice, bob);
	rig_wait_ms(3000);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A2);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	rig_wait_ms(32100);
	for (unsigned i = 0; i < 10; i++)
		hears(bob, "200 INVITE");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 timeout no_ack", 35000);
}

/* Our ACK was lost, and the next re-INVITE is on its way, when the old 200 comes again: it is ACKed
 * again and is no answer to the new one. */
Test(worker_offer, old_answer_comes_again)
{
	struct phone was;

	talk(alice, bob);
	was = *bob;
	says(alice, "INVITE", "", SDP_A2);
	hears(alice, "100");
	cr_expect_str_eq(header(hears(bob, "INVITE"), "CSeq"), "2 INVITE");
	replies(&was, "INVITE", 200, "", SDP_B);
	cr_expect_str_eq(header(hears(bob, "ACK"), "CSeq"), "1 ACK");
	hears_nothing(alice);
	replies(bob, "INVITE", 200, "", SDP_B2);
	cr_expect_str_eq(header(hears(bob, "ACK"), "CSeq"), "2 ACK");
	expect_has(hears(alice, "200 INVITE"), "m=audio 4200");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* The same while the called side's own re-INVITE waits. */
Test(worker_offer, old_answer_while_it_asks)
{
	struct phone was;

	talk(alice, bob);
	was = *bob;
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(&was, "INVITE", 200, "", SDP_B);
	cr_expect_str_eq(header(hears(bob, "ACK"), "CSeq"), "1 ACK");
	replies(alice, "INVITE", 200, "", SDP_A2);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Who was asked hangs up instead of answering, and never answers: nothing waits for that. */
Test(worker_offer, bye_instead_of_an_answer)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 100, "", "");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "487");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_offer, bye_of_the_asker_and_no_answer)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 100, "", "");
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	hears(bob, "487");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* It said that it is at it, and then no more: after 40 T1 it is cancelled, so that the asker is told
 * before an UPDATE of his would have ended his dialog, and the call stays as it was. */
Test(worker_offer, answered_never)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 180, "", "");
	rig_wait_ms(20010);
	hears(alice, "CANCEL");
	hears_nothing(bob);
	replies(alice, "CANCEL", 200, "", "");
	replies(alice, "INVITE", 487, "", "");
	hears(alice, "ACK");
	hears(bob, "487");
	passes(bob, alice, SDP_B2, SDP_A2, "m=audio 4200", "m=audio 4100");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 20010);
}

/* A long call with many changes does not grow (DESIGN.md rule 7). */
Test(worker_offer, does_not_grow)
{
	size_t bytes = 0;

	talk(alice, bob);
	for (unsigned i = 0; i < 40; i++) {
		passes(bob, alice, i % 2 ? SDP_HOLD : SDP_B2, SDP_A, "m=audio 4", "m=audio 4000");
		rig_wait_ms(40000);
		if (i == 15) /* the ladder is full */
			bytes = heap_in_use(&rig->w[0]->heap);
	}
	cr_expect_eq(heap_in_use(&rig->w[0]->heap), bytes);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 1600000);
}

/* He answers two streams with one: she gets a line for each that she offered, in its place and of its
 * kind (RFC 3264 6). */
Test(worker_offer, answer_has_a_line_for_each_stream)
{
	const char *m;

	talk(alice, bob);
	says(alice, "INVITE", "", SDP("192.0.2.1", "4000", "m=video 5000 RTP/AVP 96\r\n"));
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	m = hears(alice, "200 INVITE");
	expect_has(m, "m=audio 4002");
	expect_has(m, "m=video 0 RTP/AVP");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}
