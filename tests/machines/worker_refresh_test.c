/* A session that we refresh (RFC 4028; THREATS.md F16): how, when it fails, and what comes between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"

#define TIMER	  "Supported: timer\r\n"
#define UPDATES	  "Allow: INVITE, ACK, CANCEL, BYE, UPDATE\r\n"
#define REINVITES "Allow: INVITE, ACK, CANCEL, BYE\r\n"
#define SE(value) "Session-Expires: " value "\r\n"
#define OURS	  SE("1800;refresher=uac") "Require: timer\r\n"
#define SDP_A2	  SDP("192.0.2.1", "4100", "")
#define SDP_B2	  SDP("192.0.2.2", "4200", "")
#define SDP_HOLD  SDP("192.0.2.1", "4000", "a=sendonly\r\n")
#define S	  1000ull

static void
begin(void)
{
	rig_begin();
	rig->settings.timers.session_s = 1800;
}

TestSuite(worker_refresh, .init = begin, .fini = rig_end);

/* Alice's leg is quiet for a day; bob's is what a test is about. */
#define ALICE TIMER UPDATES SE("86400;refresher=uac") "Min-SE: 86400\r\n"

static void
is_answered(const char *more)
{
	replies(bob, "INVITE", 200, more, SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
}

static const char *
talks(const char *from_bob)
{
	const char *m;

	dials(alice, "bob", ALICE, SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	is_answered(from_bob);
	return m;
}

static void
ends(uint64_t after_ms)
{
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", (long)after_ms);
}

/* Until it hears something, and no longer: nothing is sent twice. */
static void
awaits(struct phone *p, uint64_t ms)
{
	for (uint64_t waited = 0; waited < ms && !has_mail(p); waited += 100)
		rig_wait_ms(100);
}

static void
is_over_for(struct phone *p)
{
	expect_has(header(hears(p, "BYE"), "Reason"), "Session timer expired");
	replies(p, "BYE", 200, "", "");
}

/* --- by re-INVITE -------------------------------------------------------------------------------*/

/* 7.4: to a peer that takes no UPDATE and does no timers: what it was told last, unchanged. */
Test(worker_refresh, S7_4_by_reinvite)
{
	const char *first = talks(REINVITES), *m;

	rig_wait_ms(900 * S + 10);
	m = hears(bob, "INVITE");
	cr_expect_str_eq(header(m, "CSeq"), "2 INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "1800;refresher=uac");
	cr_expect_str_eq(body_of(m), body_of(first));
	replies(bob, "INVITE", 100, "", "");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	replies(bob, "INVITE", 200, "", SDP_B); /* its ACK was lost */
	hears(bob, "ACK");
	hears_nothing(alice);
	rig_wait_ms(900 * S + 10);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	ends(1800020);
}

/* What was agreed on since: by his re-INVITE, by hers, by one without an offer; not what he refused. */
Test(worker_refresh, S7_4_the_last_description)
{
	const char *m, *told;

	talks(REINVITES);
	says(bob, "INVITE", REINVITES, SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, ALICE, SDP_A2);
	hears(alice, "ACK");
	told = hears(bob, "200 INVITE");
	acks(bob, "");
	rig_wait_ms(900 * S + 10);
	m = hears(bob, "INVITE");
	cr_expect_str_eq(body_of(m), body_of(told));
	replies(bob, "INVITE", 200, "", SDP_B2);
	hears(bob, "ACK");

	says(alice, "INVITE", ALICE, SDP_HOLD);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 488, "", "");
	hears(bob, "ACK");
	hears(alice, "488");
	rig_wait_ms(900 * S + 10);
	m = hears(bob, "INVITE");
	expect_has(m, "m=audio 4100");
	expect_lacks(m, "sendonly");
	replies(bob, "INVITE", 200, "", SDP_B2);
	hears(bob, "ACK");

	says(bob, "INVITE", REINVITES, "");
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, ALICE, SDP_A);
	told = hears(bob, "200 INVITE");
	acks(bob, SDP_B);
	hears(alice, "ACK");
	rig_wait_ms(900 * S + 10);
	m = hears(bob, "INVITE");
	cr_expect_str_eq(body_of(m), body_of(told));
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	ends(2700030);
}

/* The same when our description went in an ACK. */
Test(worker_refresh, S7_4_the_last_was_in_an_ack)
{
	const char *m, *told;

	dials(alice, "bob", ALICE, "");
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, REINVITES, SDP_B);
	hears(alice, "200 INVITE");
	acks(alice, SDP_A);
	told = hears(bob, "ACK");
	rig_wait_ms(900 * S + 10);
	m = hears(bob, "INVITE");
	cr_expect_str_eq(body_of(m), body_of(told));
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	ends(900010);
}

/* He moves his media in the answer to a refresh: she hears of it; he had her answer before. */
Test(worker_refresh, moved_media)
{
	talks(REINVITES);
	for (unsigned i = 0; i < 2; i++) {
		rig_wait_ms(900 * S + 10);
		hears(bob, "INVITE");
		replies(bob, "INVITE", 200, "", SDP_B2);
		hears(bob, "ACK");
		if (i == 0) {
			expect_has(hears(alice, "UPDATE"), "m=audio 4200");
			replies(alice, "UPDATE", 200, ALICE, SDP_A);
		}
		hears_nothing(alice);
		hears_nothing(bob);
	}
	rig_wait_ms(900 * S + 10);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "UPDATE");
	replies(alice, "UPDATE", 488, "", "");
	ends(2700030);
}

/* Nothing is kept for a peer that takes UPDATE, and nothing grows (DESIGN.md rule 7). */
Test(worker_refresh, memory)
{
	size_t bytes = 0;

	talks(REINVITES);
	for (unsigned i = 0; i < 60; i++) {
		rig_wait_ms(900 * S + 10);
		hears(bob, "INVITE");
		replies(bob, "INVITE", 200, "", SDP_B);
		hears(bob, "ACK");
		if (i == 40) /* the ladder is full by then */
			bytes = heap_in_use(&rig->w[0]->heap);
	}
	cr_expect_eq(heap_in_use(&rig->w[0]->heap), bytes);
	ends(54000600);
}

/* --- when it fails ------------------------------------------------------------------------------*/

/* 7.4, 10: no answer, in 64 T1. */
Test(worker_refresh, S10_no_answer)
{
	talks(TIMER UPDATES OURS);
	rig_wait_ms(932 * S + 10);
	for (unsigned i = 0; i < 11; i++)
		hears(bob, "UPDATE");
	is_over_for(bob);
	is_over_for(alice);
	rig_ends_clean("answered 200 16 timeout session_timer", 932000);
}

Test(worker_refresh, S10_no_answer_to_reinvite)
{
	talks(REINVITES);
	rig_wait_ms(932 * S + 10);
	for (unsigned i = 0; i < 7; i++)
		hears(bob, "INVITE");
	is_over_for(bob);
	is_over_for(alice);
	rig_ends_clean("answered 200 16 timeout session_timer", 932000);
}

/* It restarted meanwhile and knows of no call. */
Test(worker_refresh, S7_4_unknown_there)
{
	talks(TIMER UPDATES OURS);
	rig_wait_ms(900 * S + 10);
	hears(bob, "UPDATE");
	replies(bob, "UPDATE", 481, "", "");
	is_over_for(bob);
	is_over_for(alice);
	rig_ends_clean("answered 200 16 timeout session_timer", 900010);
}

/* Any other refusal: not again and again, and not longer than the session lasts. */
Test(worker_refresh, S7_4_refused)
{
	unsigned tries = 0;

	talks(TIMER UPDATES OURS);
	for (unsigned i = 0; i < 1767; i++) {
		rig_wait_ms(S);
		if (!has_mail(bob))
			continue;
		hears(bob, "UPDATE");
		replies(bob, "UPDATE", 503, "", "");
		tries++;
	}
	cr_expect(tries > 3 && tries < 14, "%u tries", tries);
	rig_wait_ms(1010);
	is_over_for(bob);
	is_over_for(alice);
	rig_ends_clean("answered 200 16 timeout session_timer", 1768000);
}

/* A peer that does no timers, and UPDATE only in word, lives as long as it says anything. */
Test(worker_refresh, any_answer_is_life)
{
	talks(UPDATES);
	for (unsigned i = 0; i < 4; i++) {
		rig_wait_ms(900 * S + 10);
		hears(bob, "UPDATE");
		replies(bob, "UPDATE", 405, "", "");
	}
	ends(3600040);
}

/* --- what comes between -------------------------------------------------------------------------*/

/* 3261 14.1: an offer is on its way; when it is refused, we come back to it. */
Test(worker_refresh, while_an_offer_waits)
{
	talks(REINVITES);
	rig_wait_ms(895 * S);
	says(bob, "INVITE", REINVITES, SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 100, "", "");
	rig_wait_ms(8 * S);
	hears_nothing(bob);
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	hears(bob, "488");
	awaits(bob, 5 * S);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	ends(rig_now_ms());
}

/* Both at once: he hears 491, we hear 491 and wait 2.1 to 4 s, the Call-ID is ours. */
Test(worker_refresh, glare)
{
	talks(TIMER REINVITES OURS);
	rig_wait_ms(900 * S + 10);
	hears(bob, "INVITE");
	says(bob, "INVITE", REINVITES, SDP_B2);
	hears(bob, "491");
	says(alice, "INVITE", ALICE, SDP_A2); /* nor can hers pass now */
	hears(alice, "100");
	hears(alice, "491");
	replies(bob, "INVITE", 491, "", "");
	hears(bob, "ACK");
	rig_wait_ms(2090);
	hears_nothing(bob);
	awaits(bob, 2 * S);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	ends(rig_now_ms());
}

/* An UPDATE without an offer is in nobody's way. */
Test(worker_refresh, no_glare)
{
	talks(TIMER UPDATES OURS);
	rig_wait_ms(900 * S + 10);
	hears(bob, "UPDATE");
	says(bob, "UPDATE", TIMER SE("1800;refresher=uac"), "");
	hears(bob, "200 UPDATE");
	says(bob, "INVITE", UPDATES TIMER SE("1800;refresher=uac"), SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(bob, "UPDATE", 200, TIMER OURS, "");
	replies(alice, "INVITE", 200, ALICE, SDP_A);
	hears(alice, "ACK");
	cr_expect_str_eq(header(hears(bob, "200 INVITE"), "Session-Expires"), "1800;refresher=uac");
	acks(bob, "");
	rig_wait_ms(1700 * S);
	hears_nothing(bob);
	ends(2600010);
}

/* The other side hangs up meanwhile. */
Test(worker_refresh, bye_meanwhile)
{
	talks(REINVITES);
	rig_wait_ms(900 * S + 10);
	hears(bob, "INVITE");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("answered 200 16 caller normal", 900010);
}

/* It said 100 and then no more: cancelled after 40 T1, tried again. */
Test(worker_refresh, answered_never)
{
	talks(REINVITES);
	rig_wait_ms(900 * S + 10);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 100, "", "");
	rig_wait_ms(20 * S);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	hears_nothing(alice);
	ends(920010);
}

/* Behind a NAT: what he answers names an address that nobody can reach, and moves nothing. */
Test(worker_refresh, behind_a_nat)
{
	struct phone *carol = phone_at("carol", "192.0.2.9");

	rig_subscriber("carol", "1009", DIR_TRUST_ADDRESS);
	rig_bind("carol", "sip:carol@10.0.0.9", "192.0.2.9", 1000, 0);
	snprintf(carol->contact, sizeof(carol->contact), "sip:carol@10.0.0.9");
	dials(alice, "carol", ALICE, SDP_A);
	hears(alice, "100");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, TIMER UPDATES OURS, SDP_B);
	hears(carol, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	for (unsigned i = 0; i < 3; i++) {
		rig_wait_ms(900 * S + 10);
		hears(carol, "UPDATE");
		replies(carol, "UPDATE", 200, TIMER OURS, "");
	}
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 2700030);
}

/* --- kill -9 ------------------------------------------------------------------------------------*/

/* The clock goes on where it was, with a refresh in flight or without. */
Test(worker_refresh, after_a_kill)
{
	talks(REINVITES);
	rig_wait_ms(500 * S);
	rig_restart(0);
	rig_wait_ms(400 * S + 12);
	hears(bob, "INVITE");
	rig_restart(0);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	rig_wait_ms(900 * S + 12);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, TIMER UPDATES OURS, SDP_B);
	hears(bob, "ACK");
	rig_wait_ms(900 * S + 12);
	hears(bob, "UPDATE");
	rig_restart(0);
	replies(bob, "UPDATE", 200, TIMER SE("1800;refresher=uas"), "");
	rig_wait_ms(1700 * S);
	rig_restart(0);
	rig_wait_ms(68 * S + 12);
	is_over_for(bob);
	is_over_for(alice);
	rig_ends_clean("answered 200 16 timeout session_timer", 4468036);
}

/* Killed while it wrote the refresh: the call was being changed, and ends with its record. */
Test(worker_refresh, killed_while_refreshing)
{
	talks(UPDATES TIMER OURS);
	rig_wait_ms(899 * S);
	rig->die_at = 1;
	rig_wait_ms(1100);
	cr_expect_eq(rig->deaths, 1);
	hears(bob, "UPDATE");
	replies(bob, "UPDATE", 200, TIMER OURS, "");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 system system_failure", 900000);
}

/* RFC 3261 14.1: he has not ACKed the refusal of his own re-INVITE when ours is due. */
Test(worker_refresh, S3_20_not_before_the_ack_of_a_refusal)
{
	uint64_t began;

	talks(REINVITES);
	began = rig_now_ms();
	rig_wait_ms(900 * S - 400);
	says(bob, "INVITE", REINVITES, SDP_B2);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	bob->does_not_ack = true;
	hears(bob, "488");
	rig_wait_ms(500);
	hears(bob, "488");
	hears_nothing(bob);
	bob->does_not_ack = false;
	awaits(bob, 2 * S);
	hears(bob, "488");
	awaits(bob, 5 * S);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	ends(rig_now_ms() - began);
}
