/* What crosses on the wire, case by case as RFC 5407 numbers them; the rest of its cases: worker_cancel
 * (3.1.2, 3.1.3), worker_calls (3.2.1, 3.2.4), worker_offer (3.3.1). */
#include <stdio.h>
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_crossing, .init = rig_begin, .fini = rig_end);

#define SDP_A2	SDP("192.0.2.1", "4100", "")
#define SDP_B2	SDP("192.0.2.2", "4200", "")
#define UPDATES "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, REFER, NOTIFY\r\n"

static void
is_answered(const char *offer)
{
	dials(alice, "bob", UPDATES, offer);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, UPDATES, SDP_B);
	if (offer[0] != '\0')
		hears(bob, "ACK");
	hears(alice, "200 INVITE");
}

static void
is_released(struct phone *p)
{
	hears(p, "BYE");
	replies(p, "BYE", 200, "", "");
}

/* An INVITE that comes again when it is answered is absorbed; the 2xx has a timer of its own. */
Test(worker_crossing, RFC5407_3_1_1_invite_again_after_the_answer)
{
	is_answered(SDP_A);
	sends(alice,
	    "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\nMax-Forwards: 70\r\n"
	    "From: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\nContact: <%s>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    alice->invite_uri, alice->host, alice->invite_branch, alice->local, alice->local_tag,
	    alice->remote, alice->call_id, alice->invite_cseq, alice->contact);
	hears_nothing(alice);
	hears_nothing(bob);
	rig_wait_ms(500);
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 500);
}

/* Her ACK is lost, and she changes something: offer and answer are complete, so it is as good as an ACK. */
Test(worker_crossing, RFC5407_3_1_4_reinvite_before_the_ack)
{
	is_answered(SDP_A);
	says(alice, "INVITE", UPDATES, SDP_A2);
	hears(alice, "100");
	expect_has(hears(bob, "INVITE"), "m=audio 4100");
	replies(bob, "INVITE", 200, UPDATES, SDP_B2);
	hears(bob, "ACK");
	expect_has(hears(alice, "200 INVITE"), "m=audio 4200");
	acks(alice, "");
	rig_wait_ms(5000);
	hears_nothing(alice);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 5000);
}

Test(worker_crossing, RFC5407_3_1_4_update_before_the_ack)
{
	is_answered(SDP_A);
	says(alice, "UPDATE", UPDATES, SDP_A2);
	expect_has(hears(bob, "UPDATE"), "m=audio 4100");
	replies(bob, "UPDATE", 200, UPDATES, SDP_B2);
	expect_has(hears(alice, "200 UPDATE"), "m=audio 4200");
	acks(alice, "");
	hears_nothing(bob);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* The same when the ACK bears the answer: two offers at once are refused. */
Test(worker_crossing, RFC5407_3_1_5_offer_before_the_answer_in_ack)
{
	unsigned cseq;
	char branch[64];

	is_answered("");
	cseq = alice->invite_cseq;
	snprintf(branch, sizeof(branch), "%s", alice->invite_branch);
	says(alice, "INVITE", UPDATES, SDP_A2);
	hears(alice, "491");
	hears_nothing(bob);
	says(alice, "UPDATE", UPDATES, SDP_A2);
	hears(alice, "491");
	alice->invite_cseq = cseq;
	snprintf(alice->invite_branch, sizeof(branch), "%s", branch);
	acks(alice, SDP_A);
	expect_has(hears(bob, "ACK"), "m=audio 4000");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* She hangs up, and her ACK is late: it is for nothing then. */
Test(worker_crossing, RFC5407_3_1_6_bye_before_the_ack)
{
	is_answered(SDP_A);
	rig_wait_ms(100);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	is_released(bob);
	acks(alice, "");
	rig_wait_ms(5000);
	hears_nothing(alice);
	hears_nothing(bob);
	rig_ends_clean("answered 200 16 caller normal", 100);
}

/* Our BYE and a re-INVITE cross: 481, and nothing of it reaches the other side. */
Test(worker_crossing, RFC5407_3_2_2_reinvite_crosses_our_bye)
{
	talk(alice, bob);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	says(bob, "INVITE", UPDATES, SDP_B2);
	hears(bob, "BYE");
	hears(bob, "481");
	replies(bob, "BYE", 200, "", "");
	hears_nothing(alice);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_crossing, RFC5407_3_2_2_update_crosses_our_bye)
{
	talk(alice, bob);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	says(bob, "UPDATE", UPDATES, SDP_B2);
	hears(bob, "BYE");
	hears(bob, "481");
	replies(bob, "BYE", 200, "", "");
	hears_nothing(alice);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* She is asked, hangs up and then answers: the 2xx gets its ACK. */
Test(worker_crossing, RFC5407_3_2_3_answer_to_our_reinvite_after_the_bye)
{
	talk(alice, bob);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	replies(alice, "INVITE", 200, "", SDP_A2);
	hears(alice, "ACK");
	hears(bob, "487");
	is_released(bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Our UPDATE and her re-INVITE: each refuses the other's. */
Test(worker_crossing, RFC5407_3_3_2_our_update_and_a_reinvite)
{
	is_answered(SDP_A);
	acks(alice, "");
	says(bob, "UPDATE", UPDATES, SDP_B2);
	hears(alice, "UPDATE");
	says(alice, "INVITE", UPDATES, SDP_A2);
	hears(alice, "491");
	replies(alice, "UPDATE", 491, "", "");
	hears(bob, "491");
	passes(alice, bob, SDP_A2, SDP_B, "m=audio 4100", "m=audio 4002");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

Test(worker_crossing, RFC5407_3_3_2_our_reinvite_and_an_update)
{
	is_answered(SDP_A);
	acks(alice, "");
	says(bob, "INVITE", UPDATES, SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	says(alice, "UPDATE", UPDATES, SDP_A2);
	hears(alice, "491");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* RFC 3311 5.2: her own waits for its answer. Without an offer an UPDATE disturbs nothing. */
Test(worker_crossing, update_beside_an_offer_of_the_same_side)
{
	const char *m;

	is_answered(SDP_A);
	acks(alice, "");
	says(alice, "UPDATE", UPDATES, SDP_A2);
	hears(bob, "UPDATE");
	says(alice, "UPDATE", UPDATES, SDP_A);
	m = hears(alice, "500");
	cr_expect_eq(headers(m, "Retry-After"), 1);
	replies(bob, "UPDATE", 200, "", SDP_B);
	hears(alice, "200 UPDATE");
	says(bob, "INVITE", UPDATES, SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	says(alice, "UPDATE", UPDATES, "");
	hears(alice, "200 UPDATE");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* A REFER and our BYE cross: nobody is called. */
Test(worker_crossing, RFC5407_3_3_3_refer_crosses_our_bye)
{
	struct phone *carol = phone_new("carol", "192.0.2.3");

	talk(alice, bob);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	says(bob, "REFER", "Refer-To: <sip:carol@example.com>\r\n", "");
	hears(bob, "BYE");
	hears(bob, "481");
	replies(bob, "BYE", 200, "", "");
	hears_nothing(carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}
