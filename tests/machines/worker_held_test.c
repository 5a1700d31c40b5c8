/* What waits for an ACK: a re-INVITE of ours, while an INVITE of its peer was answered or refused and not
 * acknowledged (RFC 3261 14.1; FLOWS.md S3-20; leg_held.c). */
#include <stdio.h>
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_held, .init = rig_begin, .fini = rig_end);

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

/* The other way: he moves his media before her ACK is here. He waits with it until it is (RFC 3261 14.1). */
Test(worker_held, S3_20_reinvite_of_the_called_before_the_ack)
{
	is_answered(SDP_A);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears_nothing(alice);
	rig_wait_ms(100);
	acks(alice, "");
	expect_has(hears(alice, "INVITE"), "m=audio 4200");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	expect_has(hears(bob, "200 INVITE"), "m=audio 4000");
	acks(bob, "");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 100);
}

/* Her own comes in the place of that ACK: it passes, and his is refused. */
Test(worker_held, S3_20_and_she_moves_hers)
{
	is_answered(SDP_A);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	says(alice, "INVITE", UPDATES, SDP_A2);
	hears(alice, "100");
	hears(bob, "491");
	expect_has(hears(bob, "INVITE"), "m=audio 4100");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	passes(bob, alice, SDP_B2, SDP_A2, "m=audio 4200", "m=audio 4100");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* The same while he has not ACKed that refusal: ours to him waits until he has (RFC 3261 14.1). */
static void
she_moves_hers_before_his_ack(void)
{
	is_answered(SDP_A);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	says(alice, "INVITE", UPDATES, SDP_A2);
	hears(alice, "100");
	bob->does_not_ack = true;
	hears(bob, "491");
	hears_nothing(bob);
}

static void
his_ack_comes(void)
{
	rig_wait_ms(500);
	bob->does_not_ack = false;
	hears(bob, "491");
	expect_has(hears(bob, "INVITE"), "m=audio 4100");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(bob, alice);
	rig_ends_empty(1);
}

Test(worker_held, S3_20_and_his_refusal_waits_for_its_ack)
{
	she_moves_hers_before_his_ack();
	his_ack_comes();
}

Test(worker_held, S3_20_and_the_worker_is_killed_before_that_ack)
{
	she_moves_hers_before_his_ack();
	rig_restart(0);
	hears_nothing(bob);
	his_ack_comes();
}

/* It is lost for good: when the transaction is over, nothing keeps hers. */
Test(worker_held, S3_20_and_that_ack_never_comes)
{
	she_moves_hers_before_his_ack();
	for (unsigned ms = 0; ms < 31900; ms += 100) {
		rig_wait_ms(100);
		if (has_mail(bob))
			hears(bob, "491");
	}
	rig_wait_ms(200);
	expect_has(hears(bob, "INVITE"), "m=audio 4100");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(bob, alice);
	rig_ends_empty(1);
}

/* He asks again instead, which says that he has heard it: hers is refused in turn. */
Test(worker_held, S3_20_and_he_asks_again)
{
	char branch[64];
	unsigned cseq;

	she_moves_hers_before_his_ack();
	bob->does_not_ack = false;
	cseq = bob->invite_cseq;
	snprintf(branch, sizeof(branch), "%s", bob->invite_branch);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	sends(bob,
	    "ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\nMax-Forwards: 70\r\n"
	    "From: %s;tag=%s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %u ACK\r\n"
	    "Content-Length: 0\r\n\r\n",
	    bob->invite_uri, bob->host, branch, bob->local, bob->local_tag, bob->remote,
	    bob->remote_tag, bob->call_id, cseq);
	hears(alice, "491");
	expect_has(hears(alice, "INVITE"), "m=audio 4200");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

/* He asks by UPDATE, of which she takes none: it waits as well, but not so long that he would give it up
 * (RFC 3311). */
static void
he_updates_before_her_ack(void)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, UPDATES, SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	says(bob, "UPDATE", "", SDP_B2);
	hears_nothing(bob);
	hears_nothing(alice);
}

Test(worker_held, S3_20_an_update_waits_for_her_ack)
{
	he_updates_before_her_ack();
	rig_wait_ms(100);
	acks(alice, "");
	expect_has(hears(alice, "INVITE"), "m=audio 4200");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	expect_has(hears(bob, "200 UPDATE"), "m=audio 4000");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 100);
}

Test(worker_held, S3_20_but_not_for_ever)
{
	he_updates_before_her_ack();
	for (unsigned ms = 0; ms < 7900; ms += 100) {
		rig_wait_ms(100);
		if (has_mail(alice))
			hears(alice, "200 INVITE");
	}
	hears_nothing(bob);
	rig_wait_ms(100);
	hears(bob, "491");
	acks(alice, "");
	hears_nothing(alice);
	passes(bob, alice, SDP_B2, SDP_A, "m=audio 4200", "m=audio 4000");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 8000);
}

/* And the other way: his re-INVITE was refused, and he has not ACKed that when she asks by UPDATE. */
static void
she_updates_before_his_ack(void)
{
	dials(alice, "bob", UPDATES, SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	bob->does_not_ack = true;
	hears(bob, "488");
	says(alice, "UPDATE", UPDATES, SDP_A2);
	hears_nothing(bob);
	hears_nothing(alice);
}

static void
his_ack_comes_for_the_update(void)
{
	rig_wait_ms(500);
	bob->does_not_ack = false;
	hears(bob, "488");
	expect_has(hears(bob, "INVITE"), "m=audio 4100");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	expect_has(hears(alice, "200 UPDATE"), "m=audio 4002");
	rig_wait_ms(30000); /* nothing of that time is left */
	hears_nothing(alice);
	hears_nothing(bob);
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

Test(worker_held, S3_20_an_update_waits_for_the_ack_of_his_refusal)
{
	she_updates_before_his_ack();
	his_ack_comes_for_the_update();
}

Test(worker_held, S3_20_and_the_worker_is_killed_while_it_waits)
{
	she_updates_before_his_ack();
	rig_restart(0);
	hears_nothing(bob);
	his_ack_comes_for_the_update();
}

Test(worker_held, S3_20_nor_that_for_ever)
{
	she_updates_before_his_ack();
	for (unsigned ms = 0; ms < 7900; ms += 100) {
		rig_wait_ms(100);
		if (has_mail(bob))
			hears(bob, "488");
	}
	hears_nothing(alice);
	rig_wait_ms(100);
	hears(alice, "491");
	bob->does_not_ack = false;
	while (!has_mail(bob))
		rig_wait_ms(100);
	hears(bob, "488");
	hears_nothing(bob);
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

/* He gives it up before that. */
Test(worker_held, S3_20_and_cancels_it)
{
	is_answered(SDP_A);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	cancels(bob, "");
	hears(bob, "200 CANCEL");
	hears(bob, "487");
	acks(alice, "");
	hears_nothing(alice);
	passes(bob, alice, SDP_B2, SDP_A, "m=audio 4200", "m=audio 4000");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* The worker is killed in between. */
Test(worker_held, S3_20_and_the_worker_is_killed)
{
	is_answered(SDP_A);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	rig_restart(0);
	hears_nothing(alice);
	acks(alice, "");
	expect_has(hears(alice, "INVITE"), "m=audio 4200");
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	hears(bob, "488");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Her ACK never comes: the call ends, and so does what he asked for. */
Test(worker_held, S3_20_R24_and_the_ack_never_comes)
{
	is_answered(SDP_A);
	says(bob, "INVITE", "", SDP_B2);
	hears(bob, "100");
	for (unsigned ms = 0; ms < 32000; ms += 500) {
		rig_wait_ms(500);
		if (has_mail(alice) && ms < 31500)
			hears(alice, "200 INVITE");
	}
	is_released(alice);
	hears(bob, "487");
	is_released(bob);
	rig_wait_ms(500);
	hears_nothing(alice);
	rig_ends_clean("failed 408 102 timeout no_ack", 0);
}
