/* Several dialogs of one INVITE: a proxy behind a contact forks (RFC 3261 13.2.2.4, 12.1.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_dialogs, .init = rig_begin, .fini = rig_end);

/* A proxy behind one contact forks, and two of its phones answer: two dialogs of one INVITE. */
Test(worker_dialogs, two_answer_behind_a_proxy)
{
	const char *ack, *bye;

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies_as(bob, "fork-1", "INVITE", 180, "");
	replies_as(bob, "fork-2", "INVITE", 180, "");
	hears(alice, "180");
	hears(alice, "180");
	replies_as(bob, "fork-1", "INVITE", 200, SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	replies_as(bob, "fork-2", "INVITE", 200, SDP_B);
	ack = hears(bob, "ACK");
	expect_has(header(ack, "To"), "tag=fork-2");
	bye = hears(bob, "BYE");
	expect_has(header(bye, "To"), "tag=fork-2");
	replies(bob, "BYE", 200, "", "");
	replies_as(bob, "fork-1", "INVITE", 200, SDP_B);
	expect_has(header(hears(bob, "ACK"), "To"), "tag=fork-1");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	expect_has(header(hears(bob, "BYE"), "To"), "tag=fork-1");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* The record names the fork that answered, not the first that rang. */
Test(worker_dialogs, second_fork_answers)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies_as(bob, "fork-1", "INVITE", 180, "");
	hears(alice, "180");
	snprintf(bob->local_tag, sizeof(bob->local_tag), "fork-2");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
	cr_expect_str_eq(rig_cdr("leg.2.remote_tag"), "fork-2");
}

/* A peer can invent forks; each costs a leg until its BYE is answered. */
Test(worker_dialogs, forks_without_end)
{
	char tag[16];
	unsigned live;

	talk(alice, bob);
	live = rig->w[0]->legs.live;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(tag, sizeof(tag), "fork-%u", i);
		replies_as(bob, tag, "INVITE", 200, SDP_B);
	}
	cr_expect_leq(rig->w[0]->legs.live, live + 16);
	while (has_mail(bob))
		obliges(bob);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* A fork's 2xx without Contact: its ACK and BYE go where the INVITE went. */
Test(worker_dialogs, fork_without_contact)
{
	const char *m;

	talk(alice, bob);
	m = bob->got[0];
	sends(bob,
	    "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=fork-2\r\nCall-ID: %s\r\n"
	    "CSeq: %s\r\nContent-Length: 0\r\n\r\n",
	    header(m, "Via"), header(m, "From"), header(m, "To"), header(m, "Call-ID"),
	    header(m, "CSeq"));
	expect_has(hears(bob, "ACK"), "ACK sip:bob@192.0.2.2 SIP/2.0\r\n");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Its ACK was lost: the 2xx comes again, and gets an ACK, not a second BYE. */
Test(worker_dialogs, fork_answers_again)
{
	talk(alice, bob);
	replies_as(bob, "fork-2", "INVITE", 200, SDP_B);
	hears(bob, "ACK");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	replies_as(bob, "fork-2", "INVITE", 200, SDP_B);
	expect_has(header(hears(bob, "ACK"), "To"), "tag=fork-2");
	hears_nothing(bob);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* The call is over and its leg gone: who answers the same INVITE now is not left alone (13.2.2.4). */
Test(worker_dialogs, fork_answers_after_the_end)
{
	talk(alice, bob);
	hangs_up(alice, bob);
	replies_as(bob, "fork-2", "INVITE", 200, SDP_B);
	expect_has(header(hears(bob, "ACK"), "To"), "tag=fork-2");
	expect_has(header(hears(bob, "BYE"), "To"), "tag=fork-2");
	replies(bob, "BYE", 200, "", "");
	replies_as(bob, "fork-2", "INVITE", 200, SDP_B);
	expect_has(header(hears(bob, "ACK"), "To"), "tag=fork-2");
	hears_nothing(bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Delayed offer: the caller's ACK, which brings the answer, is still awaited. */
Test(worker_dialogs, fork_answers_before_our_ack)
{
	const char *ack;

	dials(alice, "bob", "", "");
	hears(alice, "100");
	hears(bob, "INVITE");
	snprintf(bob->local_tag, sizeof(bob->local_tag), "fork-1");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "200 INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears_nothing(bob);
	replies_as(bob, "fork-2", "INVITE", 200, SDP_B);
	expect_has(header(hears(bob, "ACK"), "To"), "tag=fork-2");
	expect_has(header(hears(bob, "BYE"), "To"), "tag=fork-2");
	replies(bob, "BYE", 200, "", "");
	acks(alice, SDP_A);
	ack = hears(bob, "ACK");
	expect_has(header(ack, "To"), "tag=fork-1");
	expect_has(ack, "m=audio 4000");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* --- a phone of 1999 ----------------------------------------------------------------------------*/

/* RFC 2543: no cookie in the branch, no tag in From, no Max-Forwards, hold by 0.0.0.0. */
static void
says_1999(struct phone *p, const char *method, const char *uri, const char *body)
{
	static unsigned branch;

	p->cseq += strcmp(method, "ACK") != 0;
	snprintf(p->branch, sizeof(p->branch), "%u", ++branch);
	if (strcmp(method, "INVITE") == 0)
		snprintf(p->invite_branch, sizeof(p->invite_branch), "%s", p->branch);
	sends(p,
	    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\nFrom: "
	    "<sip:alice@example.com>\r\n"
	    "To: <sip:bob@example.com>%s%s\r\nCall-ID: cid-old\r\nCSeq: %u %s\r\nContact: <%s>\r\n"
	    "%sContent-Length: %zu\r\n\r\n%s",
	    method, uri, p->host, p->branch, p->remote_tag[0] == '\0' ? "" : ";tag=", p->remote_tag,
	    p->cseq, method, p->contact, body[0] == '\0' ? "" : "Content-Type: application/sdp\r\n",
	    strlen(body), body);
}

Test(worker_dialogs, S4_10_rfc2543)
{
	const char *m;

	snprintf(alice->call_id, sizeof(alice->call_id), "cid-old");
	snprintf(alice->local_tag, sizeof(alice->local_tag), "none");
	says_1999(alice, "INVITE", "sip:bob@example.com", SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	cr_expect_str_eq(header(m, "Max-Forwards"), "70");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	says_1999(alice, "ACK", alice->target, "");
	says_1999(alice, "INVITE", alice->target, SDP("0.0.0.0", "4000", ""));
	hears(alice, "100");
	expect_has(hears(bob, "INVITE"), "c=IN IP4 0.0.0.0");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	says_1999(alice, "ACK", alice->target, "");
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	m = hears(alice, "BYE");
	cr_expect_str_eq(header(m, "To"), "<sip:alice@example.com>", "no tag of theirs");
	replies(alice, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* --- peers that are gone, and calls without end -------------------------------------------------*/

/* Whoever hangs up is not made to wait for a peer that has vanished: its BYE is repeated behind him for 64*T1
 * (17.1.2.2). */
Test(worker_dialogs, F16_a_vanished_peer_delays_nobody)
{
	static const unsigned repeats_ms[] = { 500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000,
		4000 };

	talk(alice, bob);
	rig_wait_ms(5000);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "BYE");
	for (unsigned i = 0; i < sizeof(repeats_ms) / sizeof(repeats_ms[0]); i++) {
		rig_wait_ms(repeats_ms[i]);
		hears(bob, "BYE");
		cr_expect_eq(rig->closed, i > 0, "the record waits a second, and no longer");
	}
	hears_nothing(alice);
	rig_ends_clean("answered 200 16 caller normal", 5000);
}

/* What the worker's pools and heap have ever needed. */
static uint64_t
touched(void)
{
	const struct worker *w = rig->w[0];
	uint64_t n = (uint64_t)w->calls.touched + w->legs.touched + w->txn_pool.touched;

	for (unsigned i = 0; i < HEAP_CLASSES; i++)
		n += w->heap.class[i].touched;
	return n;
}

static void
forget_the_past(void)
{
	for (unsigned i = 0; i < rig->n_log; i++)
		free(rig->log[i].text);
	for (unsigned i = 0; i < rig->n_calls; i++)
		free(rig->calls[i].cdr);
	memset(rig->calls, 0, sizeof(rig->calls));
	rig->n_log = rig->n_calls = 0;
}

Test(worker_dialogs, F17_thousands_of_calls_leave_nothing, .timeout = 120)
{
	uint64_t needed = 0;

	for (unsigned i = 0; i < 3000; i++) {
		talk(alice, bob);
		hangs_up(i % 2 ? alice : bob, i % 2 ? bob : alice);
		rig_wait_ms(40000); /* transactions linger for 32 s */
		forget_the_past();
		if (i == 10)
			needed = touched();
	}
	rig_expect_empty();
	cr_expect_eq(rig->closed, 3000);
	cr_expect_eq(touched(), needed);
}
