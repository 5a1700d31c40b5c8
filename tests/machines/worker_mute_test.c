/* Those who are brought together hear each other, though both were held before (RFC 3264 6.1, 8.4;
 * FLOWS.md S1-12): both calls of an attended transfer in one worker, and each in its own. */
#include "worker_refer.h"

static void
begin_one(void)
{
	attended_begin(1);
}

static void
begin_two(void)
{
	attended_begin(2);
}

TestSuite(worker_mute, .init = begin_one, .fini = rig_end);
TestSuite(worker_mute_two, .init = begin_two, .fini = rig_end);

#define A_IS(direction) SDP("192.0.2.1", "4000", "a=" direction "\r\n")
#define C_IS(direction) SDP("192.0.2.3", "4006", "a=" direction "\r\n")
#define A_HEARS		"m=audio 4000 RTP/AVP 0 8\r\na="
#define C_HEARS		"m=audio 4006 RTP/AVP 0 8\r\na="

/* --- words --------------------------------------------------------------------------------------*/

/* Bob holds both before he brings them together. */
static void
both_are_held(void)
{
	both_talk();
	passes(bob, alice, SDP("192.0.2.2", "4002", "a=sendonly\r\n"), A_IS("recvonly"), "sendonly",
	    "recvonly");
	passes(bob2, carol, SDP("192.0.2.22", "4010", "a=sendonly\r\n"), C_IS("recvonly"),
	    "sendonly", "recvonly");
	transfer_is_tried();
}

/* p is asked for an offer, q for the answer. */
static void
one_offers(struct phone *p, const char *offer, struct phone *q, const char *answer,
    const char *q_hears, const char *p_hears)
{
	cr_expect_str_eq(body_of(hears(p, "INVITE")), "");
	replies(p, "INVITE", 200, "", offer);
	rig_wait_ms(1);
	expect_has(hears(q, "INVITE"), q_hears);
	replies(q, "INVITE", 200, "", answer);
	hears(q, "ACK");
	rig_wait_ms(1);
	expect_has(hears(p, "ACK"), p_hears);
}

static void
bob_is_gone(void)
{
	ENDS(bob, "200 OK");
	is_released(bob);
	is_released(bob2);
}

static void
all_is_well(void)
{
	rig_wait_ms(5000);
	hears_nothing(alice);
	hears_nothing(carol);
	offers_pass(alice, carol);
	hangs_up_across(carol, alice);
	rig_ends_empty(2);
}

/* --- who answers --------------------------------------------------------------------------------*/

static void
answers(const char *direction)
{
	char as[512], hears_as[64];

	snprintf(as, sizeof(as), SDP("192.0.2.1", "4000", "a=%s\r\n"), direction);
	snprintf(hears_as, sizeof(hears_as), A_HEARS "%s\r\n", direction);
	both_are_held();
	one_offers(carol, SDP_C, alice, as, "m=audio 4006 RTP/AVP 0 8\r\n", hears_as);
	rig_wait_ms(10);
	waits(carol);
	one_offers(carol, SDP_C, alice, SDP_A, "m=audio 4006 RTP/AVP 0 8\r\n", "m=audio 4000");
	bob_is_gone();
	all_is_well();
}

Test(worker_mute, S1_12_answers_recvonly)
{
	answers("recvonly");
}

Test(worker_mute_two, S1_12_answers_recvonly)
{
	answers("recvonly");
}

Test(worker_mute_two, S1_12_answers_inactive)
{
	answers("inactive");
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

/* She says so again: it is hers to say. */
Test(worker_mute_two, asked_once)
{
	both_are_held();
	one_offers(carol, SDP_C, alice, A_IS("recvonly"), "m=audio 4006", A_HEARS "recvonly");
	waits(carol);
	one_offers(carol, SDP_C, alice, A_IS("recvonly"), "m=audio 4006", A_HEARS "recvonly");
	bob_is_gone();
	all_is_well();
}

/* She holds. */
Test(worker_mute_two, sendonly_is_meant)
{
	both_are_held();
	one_offers(carol, SDP_C, alice, A_IS("sendonly"), "m=audio 4006", A_HEARS "sendonly");
	bob_is_gone();
	all_is_well();
}

/* --- who offers ---------------------------------------------------------------------------------*/

/* Carol is offered what alice said, alice what carol says to that. */
static void
both_are_opened(void)
{
	waits(carol);
	expect_has(hears(carol, "INVITE"), A_HEARS "sendrecv\r\n");
	replies(carol, "INVITE", 200, "", C_IS("sendrecv"));
	hears(carol, "ACK");
	rig_wait_ms(1);
	expect_has(hears(alice, "INVITE"), C_HEARS "sendrecv\r\n");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	rig_wait_ms(1);
}

static void
offers(void)
{
	both_are_held();
	one_offers(carol, C_IS("recvonly"), alice, A_IS("sendonly"), C_HEARS "recvonly\r\n",
	    A_HEARS "sendonly\r\n");
	both_are_opened();
	bob_is_gone();
	all_is_well();
}

Test(worker_mute, S1_12_offers_recvonly)
{
	offers();
}

Test(worker_mute_two, S1_12_offers_recvonly)
{
	offers();
}

Test(worker_mute_two, S1_12_offers_inactive)
{
	both_are_held();
	one_offers(carol, C_IS("inactive"), alice, A_IS("inactive"), C_HEARS "inactive\r\n",
	    A_HEARS "inactive\r\n");
	both_are_opened();
	bob_is_gone();
	all_is_well();
	cr_expect_lt(atol(rig_cdr("segment.1.hold_ms")), 100, "%s", rig_cdr("segment.1.hold_ms"));
}

/* She had held bob herself, too: until she resumes, nothing is said. */
Test(worker_mute_two, her_own_hold_is_meant)
{
	both_talk();
	passes(carol, bob2, C_IS("sendonly"), SDP("192.0.2.22", "4010", "a=recvonly\r\n"),
	    "sendonly", "recvonly");
	transfer_is_tried();
	one_offers(carol, C_IS("inactive"), alice, A_IS("inactive"), C_HEARS "inactive\r\n",
	    A_HEARS "inactive\r\n");
	bob_is_gone();
	all_is_well();
}

/* --- in vain ------------------------------------------------------------------------------------*/

Test(worker_mute_two, second_refused)
{
	both_are_held();
	one_offers(carol, C_IS("recvonly"), alice, A_IS("sendonly"), C_HEARS "recvonly\r\n",
	    A_HEARS "sendonly\r\n");
	waits(carol);
	hears(carol, "INVITE");
	replies(carol, "INVITE", 488, "", "");
	hears(carol, "ACK");
	bob_is_gone();
	all_is_well();
}

/* She resumes by herself at that moment: it is tried again after her own. */
Test(worker_mute_two, second_meets_hers)
{
	both_are_held();
	one_offers(carol, C_IS("recvonly"), alice, A_IS("sendonly"), C_HEARS "recvonly\r\n",
	    A_HEARS "sendonly\r\n");
	bob_is_gone();
	waits(carol);
	hears(carol, "INVITE");
	says(carol, "INVITE", "", SDP_C);
	hears(carol, "491 INVITE");
	replies(carol, "INVITE", 491, "", "");
	hears(carol, "ACK");
	both_are_opened();
	all_is_well();
}

Test(worker_mute_two, hangs_up_amid_it)
{
	both_are_held();
	one_offers(carol, C_IS("recvonly"), alice, A_IS("sendonly"), C_HEARS "recvonly\r\n",
	    A_HEARS "sendonly\r\n");
	waits(carol);
	hears(carol, "INVITE");
	says_bye(alice);
	bob_is_gone();
	phones_serve(5000);
	rig_ends_empty(2);
}

/* A blind transfer: who was held is the one who answers. */
Test(worker_mute, blind)
{
	talk(alice, bob);
	passes(bob, alice, SDP("192.0.2.2", "4002", "a=sendonly\r\n"), A_IS("recvonly"), "sendonly",
	    "recvonly");
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 200, "", SDP_C);
	expect_has(hears(alice, "INVITE"), "m=audio 4006");
	replies(alice, "INVITE", 200, "", A_IS("recvonly"));
	hears(alice, "ACK");
	hears(carol, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	waits(carol);
	one_offers(carol, SDP_C, alice, SDP_A, "m=audio 4006 RTP/AVP 0 8\r\n", "m=audio 4000");
	offers_pass(carol, alice);
	hangs_up(carol, alice);
	rig_ends_empty(1);
}
