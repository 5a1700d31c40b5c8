/* Session timers (RFC 4028) on each leg by itself; THREATS.md F16. Each test names the section that its
 * ladder is about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"

#define TIMER	    "Supported: timer\r\n"
#define UPDATES	    "Allow: INVITE, ACK, CANCEL, BYE, UPDATE\r\n"
#define REINVITES   "Allow: INVITE, ACK, CANCEL, BYE\r\n"
#define SE(value)   "Session-Expires: " value "\r\n"
#define MIN_SE(n)   "Min-SE: " n "\r\n"
#define AGREED(who) SE("1800;refresher=" who) "Require: timer\r\n" TIMER
#define SDP_A2	    SDP("192.0.2.1", "4100", "")
#define SDP_B2	    SDP("192.0.2.2", "4200", "")
#define IS_OVER	    "SIP;cause=408;text=\"Session timer expired\""
#define S	    1000ull

static void
begin(void)
{
	rig_begin();
	rig->settings.timers.session_s = 1800;
}

TestSuite(worker_session, .init = begin, .fini = rig_end);

/* What alice hears as her 200. */
static const char *
is_answered(const char *from_bob)
{
	const char *m;

	replies(bob, "INVITE", 200, from_bob, SDP_B);
	hears(bob, "ACK");
	m = hears(alice, "200 INVITE");
	acks(alice, "");
	return m;
}

static const char *
talks(const char *from_alice, const char *from_bob)
{
	dials(alice, "bob", from_alice, SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	return is_answered(from_bob);
}

/* A caller whose leg is quiet for a day. */
#define QUIET TIMER UPDATES SE("86400;refresher=uac") MIN_SE("86400")

/* Both refresh by themselves: nothing is to be expected of us. */
static void
talks_quietly(void)
{
	talks(TIMER UPDATES SE("1800;refresher=uac"), UPDATES AGREED("uas"));
}

static void
refreshes(struct phone *p)
{
	const char *m;

	says(p, "UPDATE", TIMER SE("1800;refresher=uac"), "");
	m = hears(p, "200 UPDATE");
	cr_expect_str_eq(header(m, "Session-Expires"), "1800;refresher=uac");
}

static void
is_over_for(struct phone *p)
{
	cr_expect_str_eq(header(hears(p, "BYE"), "Reason"), IS_OVER);
	replies(p, "BYE", 200, "", "");
}

static void
ends(uint64_t after_ms)
{
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", (long)after_ms);
}

/* --- asked --------------------------------------------------------------------------------------*/

/* 9, 6: too small; the caller asks again. */
Test(worker_session, S9_too_small)
{
	dials(alice, "bob", TIMER SE("60"), SDP_A);
	cr_expect_str_eq(header(hears(alice, "422"), "Min-SE"), "90");
	hears_nothing(bob);
	dials_again(alice, "bob", TIMER SE("90") MIN_SE("90"), SDP_A);
	hears(alice, "100");
	cr_expect_str_eq(header(hears(bob, "INVITE"), "Session-Expires"), "1800");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	cr_expect_str_eq(header(hears(alice, "200 INVITE"), "Session-Expires"), "90;refresher=uas");
	acks(alice, "");
	ends(0);
}

Test(worker_session, S9_too_small_later)
{
	talks_quietly();
	says(alice, "INVITE", TIMER SE("89"), SDP_A2);
	cr_expect_str_eq(header(hears(alice, "422"), "Min-SE"), "90");
	says(bob, "UPDATE", TIMER SE("1"), SDP_B2);
	cr_expect_str_eq(header(hears(bob, "422 UPDATE"), "Min-SE"), "90");
	says(bob, "UPDATE", TIMER SE("1"), "");
	hears(bob, "422 UPDATE");
	hears_nothing(alice);
	ends(0);
}

/* 9: who does no timers gets no 422, and no Require. */
Test(worker_session, S9_caller_knows_nothing)
{
	const char *m = talks(SE("60"), AGREED("uas"));

	cr_expect_str_eq(header(m, "Session-Expires"), "90;refresher=uas");
	cr_expect_str_eq(header(m, "Require"), "");
	ends(0);
}

Test(worker_session, malformed)
{
	dials(alice, "bob", TIMER SE("soon"), SDP_A);
	expect_has(hears(alice, "400"), "Malformed Session-Expires");
	dials(alice, "bob", TIMER MIN_SE("-1"), SDP_A);
	hears(alice, "400");
	hears_nothing(bob);
	rig_ends_empty(0);
}

/* 9, 10: the caller leaves it to us: we refresh, by UPDATE without a body. */
Test(worker_session, S10_we_refresh_the_caller)
{
	const char *m = talks("Require: timer\r\n" UPDATES SE("1800"), UPDATES AGREED("uas"));

	cr_expect_str_eq(header(m, "Session-Expires"), "1800;refresher=uas");
	cr_expect_str_eq(header(m, "Require"), "timer");
	for (unsigned i = 0; i < 3; i++) {
		rig_wait_ms(899 * S);
		hears_nothing(alice);
		refreshes(bob);
		rig_wait_ms(1010);
		m = hears(alice, "UPDATE");
		cr_expect_str_eq(header(m, "Session-Expires"), "1800;refresher=uac");
		cr_expect_str_eq(header(m, "Content-Length"), "0");
		replies(alice, "UPDATE", 200, AGREED("uac"), "");
		hears_nothing(bob);
	}
	ends(2700030);
}

/* 7.4, 9: he wants to do it himself, and does; then he no longer does. */
Test(worker_session, S10_caller_refreshes)
{
	const char *m = talks(TIMER UPDATES SE("600;refresher=uac"), UPDATES AGREED("uas"));

	cr_expect_str_eq(header(m, "Session-Expires"), "600;refresher=uac");
	cr_expect_str_eq(header(m, "Require"), "timer");
	for (unsigned i = 0; i < 5; i++) {
		rig_wait_ms(300 * S);
		says(alice, "UPDATE", TIMER SE("600;refresher=uac"), "");
		m = hears(alice, "200 UPDATE");
		cr_expect_str_eq(header(m, "Session-Expires"), "600;refresher=uac");
		cr_expect_str_eq(header(m, "Require"), "timer");
		hears_nothing(bob);
	}
	rig_wait_ms(267 * S);
	hears_nothing(alice);
	rig_wait_ms(1010);
	is_over_for(alice); /* 32 s before the end */
	is_over_for(bob);
	rig_ends_clean("answered 200 16 timeout session_timer", 1768000);
}

/* The called phone wanted to refresh, and is gone. */
Test(worker_session, F16_S10_called_side_is_gone)
{
	talks(TIMER UPDATES SE("3600;refresher=uac"), UPDATES AGREED("uas"));
	rig_wait_ms(900 * S);
	refreshes(alice);
	rig_wait_ms(868 * S + 10);
	is_over_for(bob);
	is_over_for(alice);
	rig_ends_clean("answered 200 16 timeout session_timer", 1768000);
}

/* A short interval: a third of it before the end. */
Test(worker_session, S10_a_third_before)
{
	rig->settings.timers.session_s = 0;
	talks(TIMER SE("90;refresher=uac"), "");
	rig_wait_ms(59990);
	hears_nothing(alice);
	rig_wait_ms(20);
	is_over_for(alice);
	is_over_for(bob);
	rig_ends_clean("answered 200 16 timeout session_timer", 60000);
}

/* 7.4: each 2xx to a re-INVITE or UPDATE begins anew; what one leg agrees on is none of the other's. */
Test(worker_session, S7_4_each_exchange_counts)
{
	const char *m;

	talks_quietly();
	rig_wait_ms(800 * S);
	says(alice, "INVITE", TIMER UPDATES SE("400;refresher=uas") MIN_SE("200"), SDP_A2);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "1800;refresher=uas");
	cr_expect_str_eq(header(m, "Min-SE"), "");
	replies(bob, "INVITE", 200, UPDATES AGREED("uas"), SDP_B);
	hears(bob, "ACK");
	m = hears(alice, "200 INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "400;refresher=uas");
	acks(alice, "");
	rig_wait_ms(200 * S + 10);
	m = hears(alice, "UPDATE");
	cr_expect_str_eq(header(m, "Session-Expires"), "400;refresher=uac");
	cr_expect_str_eq(header(m, "Min-SE"), "200");
	replies(alice, "UPDATE", 200, TIMER SE("300;refresher=uas"), "");
	rig_wait_ms(268 * S + 10);
	is_over_for(alice);
	is_over_for(bob);
	rig_ends_clean("answered 200 16 timeout session_timer", 1268012);
}

/* An UPDATE before the answer, of either side, says nothing of a session that is not there yet. */
Test(worker_session, S7_not_before_the_answer)
{
	const char *m;
	char rack[64];

	dials(alice, "bob", "Supported: timer, 100rel\r\n" UPDATES, SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 183, "Require: 100rel\r\nRSeq: 1\r\n" UPDATES, SDP_B);
	hears(bob, "PRACK");
	replies(bob, "PRACK", 200, "", "");
	m = hears(alice, "183");
	snprintf(
	    rack, sizeof(rack), "RAck: %s %u INVITE\r\n", header(m, "RSeq"), alice->invite_cseq);
	says(alice, "PRACK", rack, "");
	hears(alice, "200 PRACK");
	says(alice, "UPDATE", TIMER SE("100"), SDP_A2);
	cr_expect_str_eq(header(hears(bob, "UPDATE"), "Session-Expires"), "");
	replies(bob, "UPDATE", 200, "", SDP_B2);
	m = hears(alice, "200 UPDATE");
	cr_expect_str_eq(header(m, "Session-Expires"), "");
	says(bob, "UPDATE", "", "");
	cr_expect_str_eq(header(hears(bob, "200 UPDATE"), "Session-Expires"), "");
	replies(bob, "INVITE", 200, AGREED("uas"), "");
	hears(bob, "ACK");
	m = hears(alice, "200 INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "1800;refresher=uas");
	acks(alice, "");
	ends(0);
}

/* --- asking -------------------------------------------------------------------------------------*/

/* 7.1, 7.2: what we ask for, and a peer that agrees. */
Test(worker_session, S7_1_we_ask)
{
	const char *m;

	dials(alice, "bob", QUIET, SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "1800");
	expect_has(header(m, "Supported"), "timer");
	is_answered(UPDATES AGREED("uac"));
	rig_wait_ms(899 * S);
	hears_nothing(bob);
	rig_wait_ms(1010);
	m = hears(bob, "UPDATE");
	cr_expect_str_eq(header(m, "Session-Expires"), "1800;refresher=uac");
	expect_has(header(m, "Supported"), "timer");
	replies(bob, "UPDATE", 200, AGREED("uac"), "");
	rig_wait_ms(900 * S + 10);
	hears(bob, "UPDATE");
	replies(bob, "UPDATE", 200, TIMER SE("1000;refresher=uas"), "");
	rig_wait_ms(967 * S);
	hears_nothing(bob);
	rig_wait_ms(1010);
	is_over_for(bob);
	is_over_for(alice);
	rig_ends_clean("answered 200 16 timeout session_timer", 2768020);
}

/* 7.3: the caller hears nothing of it; all that was said is said again. */
Test(worker_session, S7_3_asked_for_more)
{
	const char *m;
	char call_id[128], via[256];

	dials(alice, "bob", QUIET "Subject: tea\r\n", SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	snprintf(call_id, sizeof(call_id), "%s", header(m, "Call-ID"));
	snprintf(via, sizeof(via), "%s", header(m, "Via"));
	replies(bob, "INVITE", 422, "Min-SE: 2000\r\n", "");
	hears(bob, "ACK");
	m = hears(bob, "INVITE");
	hears_nothing(alice);
	cr_expect_str_eq(header(m, "Call-ID"), call_id);
	cr_expect_str_neq(header(m, "Via"), via);
	cr_expect_str_eq(header(m, "CSeq"), "2 INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "2000");
	cr_expect_str_eq(header(m, "Min-SE"), "2000");
	cr_expect_str_eq(header(m, "Subject"), "tea");
	cr_expect_eq(headers(m, "Supported"), 1);
	cr_expect_eq(headers(m, "Contact"), 1);
	expect_has(m, "m=audio 4000");
	replies(bob, "INVITE", 422, "Min-SE: 3000\r\n", "");
	hears(bob, "ACK");
	cr_expect_str_eq(header(hears(bob, "INVITE"), "Session-Expires"), "3000");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	is_answered(TIMER UPDATES SE("3000;refresher=uac"));
	rig_wait_ms(1500 * S + 10);
	m = hears(bob, "UPDATE");
	cr_expect_str_eq(header(m, "Min-SE"), "3000");
	replies(bob, "UPDATE", 422, "Min-SE: 4000\r\n", "");
	m = hears(bob, "UPDATE");
	cr_expect_str_eq(header(m, "Session-Expires"), "4000;refresher=uac");
	cr_expect_str_eq(header(m, "CSeq"), "5 UPDATE");
	replies(bob, "UPDATE", 200, TIMER SE("4000;refresher=uac"), "");
	rig_wait_ms(1990 * S);
	hears_nothing(bob);
	ends(3490010);
}

/* Not for ever, and not at anybody's word; 422 is nothing to the caller. */
Test(worker_session, S7_3_asked_too_often)
{
	dials(alice, "bob", QUIET, SDP_A);
	hears(alice, "100");
	for (unsigned i = 0; i < 4; i++) {
		char line[32];

		hears(bob, "INVITE");
		snprintf(line, sizeof(line), "Min-SE: %u\r\n", 2000 + i);
		replies(bob, "INVITE", 422, line, "");
		hears(bob, "ACK");
	}
	hears_nothing(bob);
	hears(alice, "480");
	dials(alice, "bob", QUIET, SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 422, "", "");
	hears(bob, "ACK");
	hears(alice, "480");
	rig_ends_empty(2);
}

/* The caller gives up meanwhile. */
Test(worker_session, S7_3_cancelled_meanwhile)
{
	dials(alice, "bob", QUIET, SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 422, "Min-SE: 2000\r\n", "");
	hears(bob, "ACK");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 100, "", "");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 422, "Min-SE: 3000\r\n", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* A re-INVITE and an UPDATE that pass through: the same. */
Test(worker_session, S7_3_offers)
{
	const char *m;

	talks(QUIET, UPDATES AGREED("uac"));
	says(alice, "INVITE", TIMER, SDP_A2);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 422, "Min-SE: 2000\r\n", "");
	hears(bob, "ACK");
	m = hears(bob, "INVITE");
	expect_has(m, "m=audio 4100");
	cr_expect_str_eq(header(m, "CSeq"), "3 INVITE");
	is_answered(TIMER UPDATES SE("2000;refresher=uac"));
	says(alice, "UPDATE", TIMER, SDP_A);
	hears(bob, "UPDATE");
	replies(bob, "UPDATE", 422, "Min-SE: 2200\r\n", "");
	m = hears(bob, "UPDATE");
	cr_expect_str_eq(header(m, "Session-Expires"), "2200;refresher=uac");
	expect_has(m, "m=audio 4000");
	replies(bob, "UPDATE", 422, "", "");
	hears(alice, "488 UPDATE");
	ends(0);
}

/* --- settings -----------------------------------------------------------------------------------*/

/* session_s = 0: we ask nobody; who asks us is heard, in the request and in the answer. */
Test(worker_session, no_wish_of_ours)
{
	const char *m;

	rig->settings.timers.session_s = 0;
	dials(alice, "bob", TIMER, SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "");
	expect_has(header(m, "Supported"), "timer");
	replies(bob, "INVITE", 200, SE("400;refresher=uac") TIMER, SDP_B);
	hears(bob, "ACK");
	m = hears(alice, "200 INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "");
	cr_expect_str_eq(header(m, "Require"), "");
	acks(alice, "");
	rig_wait_ms(200 * S + 10);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	ends(200010);
}

/* min_se_s: what is asked of us, and what we ask for. */
Test(worker_session, a_longer_minimum)
{
	const char *m;

	rig->settings.timers.min_se_s = 600;
	dials(alice, "bob", TIMER SE("599"), SDP_A);
	cr_expect_str_eq(header(hears(alice, "422"), "Min-SE"), "600");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	cr_expect_str_eq(header(m, "Session-Expires"), "1800");
	cr_expect_str_eq(header(m, "Min-SE"), "600");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}
