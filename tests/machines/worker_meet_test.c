/*
 * Two features that meet in one call, message by message (SERVICES.md C60): pickup, park, call completion,
 * follow-me and what is shown, each with what else its users may have set. dave's calls are the other
 * worker's. What is decided before a phone rings stands in worker_pairs_test.c.
 */
#include <string.h>

#include "worker_refer.h"

enum { ALICE = 9001, BOB, CAROL, DAVE };

struct set {
	struct dir_subscriber s;
	const char *cfu, *cfnr, *rings, *hotline, *group;
};

static const struct who {
	const char *user, *number;
	uint64_t id;
} people[] = { { "alice", "1001", ALICE }, { "bob", "1002", BOB }, { "carol", "1003", CAROL },
	{ "dave", "1004", DAVE } };

static struct span
text_of(const char *s)
{
	return span_str(s == NULL ? "" : s);
}

/* The subscriber anew, with these settings. */
static void
sets(unsigned who, struct set x)
{
	const struct who *p = &people[who - ALICE];
	struct dir_subscriber_text text = { .user = span_str(p->user),
		.number = span_str(p->number),
		.cfu = text_of(x.cfu),
		.cfnr = text_of(x.cfnr),
		.hotline = text_of(x.hotline),
		.pickup_group = text_of(x.group),
		.follow_me_numbers = text_of(x.rings) };

	x.s.id = p->id;
	x.s.tenant = 1;
	x.s.trust = DIR_TRUST_BINDING;
	x.s.call_waiting = 1;
	x.s.follow_me = x.rings != NULL ? DIR_FOLLOW_ME_SIMULTANEOUS : DIR_FOLLOW_ME_OFF;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &x.s, &text), ERR_NONE);
}

static void
code(const char *pattern, const char *action)
{
	cr_assert_eq(
	    directory_put_code(&rig->directory, 0, span_str(pattern), span_str(action)), ERR_NONE);
}

static void
begin(void)
{
	across_begin();
	code("**N", "pickup.directed");
	code("*8", "pickup.group");
	code("*59N", "park");
	code("*66", "ccbs.set");
	directory_put_number(&rig->directory, 1, SPAN("701"), DIR_NUMBER_PARK, SPAN("60"));
	for (unsigned who = ALICE; who <= DAVE; who++)
		sets(who, (struct set){ .group = "sales" });
}

TestSuite(worker_meet, .init = begin, .fini = rig_end);

static void
is_told(struct phone *p, const char *number, const char *status)
{
	dials_across(p, number, SDP_D);
	hears(p, status);
}

static void
called_rings(struct phone *p)
{
	hears(p, "INVITE");
	replies(p, "INVITE", 180, "", "");
}

static void
alice_calls_bob(void)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	called_rings(bob);
	hears(alice, "180");
	rig_wait_ms(1000);
}

/* --- pickup -------------------------------------------------------------------------------------*/

/* dave has taken it from whom it rang at. */
static const char *
dave_has_it(struct phone *of)
{
	static char answer[4096];

	snprintf(answer, sizeof(answer), "%s", hears(alice, "200 INVITE"));
	acks(alice, "");
	is_passed_over(of);
	rig_wait_ms(1);
	hears(dave, "200 INVITE");
	acks(dave, "");
	return answer;
}

static void
they_end(unsigned records)
{
	rig_wait_ms(2000);
	says_bye(dave);
	rig_wait_ms(1);
	is_released(alice);
	rig_ends_empty(records);
}

/* colr x pickup: who does not want to be shown to whom he talks with is not when he picks up. */
Test(worker_meet, C14_C29_who_picks_up_is_not_shown)
{
	const char *answer;

	sets(DAVE, (struct set){ .s.identity = DIR_COLR, .group = "sales" });
	alice_calls_bob();
	dials_across(dave, "**1002", SDP_D);
	answer = dave_has_it(bob);
	expect_lacks(answer, "P-Asserted-Identity");
	they_end(2);
	expect_segment(1, "answered", "1001", "2002");
}

/* clir x pickup: the same. */
Test(worker_meet, C12_C29_who_hides_and_picks_up)
{
	const char *answer;

	sets(DAVE, (struct set){ .s.clir = 1, .group = "sales" });
	alice_calls_bob();
	dials_across(dave, "*8", SDP_D);
	answer = dave_has_it(bob);
	expect_lacks(answer, "P-Asserted-Identity");
	they_end(2);
}

/* barring, dnd and cfu of who picks up: it is no call of his, and none to him. */
Test(worker_meet, C29_C40_C9_what_he_has_set_for_himself)
{
	sets(DAVE, (struct set){
		       .s = { .barring = BAR_OUTGOING | BAR_INCOMING, .dnd = 1, .call_limit = 1 },
		       .cfu = "carol",
		       .group = "sales" });
	alice_calls_bob();
	dials_across(dave, "*8", SDP_D);
	dave_has_it(bob);
	they_end(2);
}

/* cfnr x pickup: it rings at carol's now, at bob's nobody has it any more. */
Test(worker_meet, C3_C29_after_no_answer)
{
	sets(BOB, (struct set){ .s.cfnr_timeout_s = 5, .cfnr = "carol", .group = "sales" });
	alice_calls_bob();
	waits(bob);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	called_rings(carol);
	hears(alice, "180");
	is_told(dave, "**1002", "403");
	dials_across(dave, "**1003", SDP_D);
	dave_has_it(carol);
	they_end(3);
	expect_segment(1, "answered", "1001", "2002");
	expect_segment(2, "answered", "1002", "2002");
	cr_expect_str_eq(rig_cdr("segment.2.connected_number"), "dave");
}

/* follow-me x pickup: taken from bob's own phone it is a call to him, which nobody forwarded. */
Test(worker_meet, C29_C33_from_who_is_followed)
{
	sets(BOB, (struct set){ .rings = "0 0 1003", .group = "sales" });
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	called_rings(bob);
	hears(alice, "180");
	called_rings(carol);
	dials_across(dave, "**1002", SDP_D);
	hears(alice, "200 INVITE");
	acks(alice, "");
	is_passed_over(bob);
	is_passed_over(carol);
	rig_wait_ms(1);
	hears(dave, "200 INVITE");
	acks(dave, "");
	they_end(2);
	expect_segment(1, "answered", "1001", "2002");
	cr_expect_str_eq(rig_cdr("segment.1.connected_reason"), "pickup");
	cr_expect_str_neq(rig_cdr("segment.2.disposition"), "answered");
}

/* --- park ---------------------------------------------------------------------------------------*/

static void
bob_parks_alice(void)
{
	talk(alice, bob);
	rig_wait_ms(1000);
	transfers(bob, "701");
	ENDS(bob, "200 OK");
	is_released(bob);
	cr_expect_str_eq(body_of(hears(alice, "INVITE")), "");
	replies(alice, "INVITE", 200, "", SDP_A);
	expect_has(hears(alice, "ACK"), "a=inactive");
	rig_wait_ms(1000);
}

/* dnd, cfu and follow-me x recall: it is the parker's own call that comes back, to his phone alone. */
Test(worker_meet, C28_C1_C9_C33_the_parker_is_rung_all_the_same)
{
	bob_parks_alice();
	sets(BOB, (struct set){ .s.dnd = 1, .cfu = "carol", .rings = "0 0 1004" });
	waits(bob);
	rings(bob);
	hears_nothing(carol);
	hears_nothing(dave);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "ACK");
	hangs_up(alice, bob);
	rig_ends_empty(1);
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

/* The call limit x park: who parked it has one call less, who waits has it still. */
Test(worker_meet, C20_C28_whose_call_it_is)
{
	sets(ALICE, (struct set){ .s.call_limit = 1 });
	sets(BOB, (struct set){ .s.call_limit = 1 });
	bob_parks_alice();
	talk(carol, bob);
	hangs_up(carol, bob);
	dials(carol, "alice", "", SDP_C);
	hears(carol, "100");
	hears(carol, "486");
	dials_across(dave, "701", SDP_D);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	rig_wait_ms(1);
	hears(dave, "200 INVITE");
	acks(dave, "");
	they_end(4);
}

/* --- call completion ----------------------------------------------------------------------------*/

static void
asks_to_be_called(void)
{
	hears(alice, "100");
	hears(alice, "486");
	dials(alice, "*66", "", SDP_A);
	hears(alice, "100");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1100);
	is_released(alice);
}

/* Bob talked with carol, who dialled `number` and found him busy; now he is free and her phone rings. */
static void
is_called_back(const char *number)
{
	talk(carol, bob);
	dials(alice, number, "", SDP_A);
	asks_to_be_called();
	hangs_up(carol, bob);
	waits(alice);
	rings(alice);
}

static void
she_answers(void)
{
	replies(alice, "INVITE", 200, "", SDP_A);
	expect_has(hears(alice, "ACK"), "a=inactive");
}

static void
they_talk_and_end(struct phone *other, unsigned records)
{
	are_joined(alice, other);
	rig_wait_ms(1000);
	hangs_up(alice, other);
	rig_ends_empty(records);
}

static void
bob_has_one_call_at_most(void)
{
	sets(BOB, (struct set){ .s.call_limit = 1 });
}

/* pickup x completion: what rings at her phone is her own call to be, which nobody takes from her. */
Test(worker_meet, C29_C37_a_recall_is_not_picked_up)
{
	bob_has_one_call_at_most();
	is_called_back("bob");
	is_told(dave, "**1001", "403");
	is_told(dave, "*8", "403");
	she_answers();
	rings(bob);
	they_talk_and_end(bob, 6);
	expect_segment(1, "answered", "1001", "1000");
}

/* The call limit x completion: the call that she is rung for is her only one. */
Test(worker_meet, C20_C37_at_her_limit_of_one)
{
	bob_has_one_call_at_most();
	sets(ALICE, (struct set){ .s.call_limit = 1 });
	is_called_back("bob");
	she_answers();
	rings(bob);
	they_talk_and_end(bob, 4);
}

/* dnd and cfu x completion: while she wants no calls, or elsewhere, her phone is not rung; it waits. */
Test(worker_meet, C1_C9_C37_when_she_wants_calls)
{
	bob_has_one_call_at_most();
	sets(ALICE, (struct set){ .s.dnd = 1 });
	talk(carol, bob);
	dials(alice, "bob", "", SDP_A);
	asks_to_be_called();
	hangs_up(carol, bob);
	rig_wait_ms(10000);
	hears_nothing(alice);
	sets(ALICE, (struct set){ .cfu = "dave" });
	rig_wait_ms(10000);
	hears_nothing(alice);
	hears_nothing(dave);
	sets(ALICE, (struct set){ .s.dnd = 0 });
	waits(alice);
	rings(alice);
	she_answers();
	rings(bob);
	they_talk_and_end(bob, 4);
}

/* speed dial x completion: it is about whom the place stood for when it was dialled. */
Test(worker_meet, C36_C37_what_the_place_stood_for)
{
	bob_has_one_call_at_most();
	directory_put_speed(&rig->directory, ALICE, 3, SPAN("1002"));
	talk(carol, bob);
	dials(alice, "3", "", SDP_A);
	asks_to_be_called();
	directory_put_speed(&rig->directory, ALICE, 3, SPAN("1004"));
	hangs_up(carol, bob);
	waits(alice);
	rings(alice);
	she_answers();
	rings(bob);
	they_talk_and_end(bob, 4);
}

/* hotline x completion: about whom the phone called by itself; the recall calls him, whatever it calls. */
Test(worker_meet, C37_C43_whom_the_phone_called)
{
	bob_has_one_call_at_most();
	sets(ALICE, (struct set){ .s.hotline_immediate = 1, .hotline = "1002" });
	talk(carol, bob);
	dials(alice, "5551234", "", SDP_A);
	asks_to_be_called();
	sets(ALICE, (struct set){ .s.hotline_immediate = 1, .hotline = "1004" });
	hangs_up(carol, bob);
	waits(alice);
	rings(alice);
	she_answers();
	rings(bob);
	they_talk_and_end(bob, 4);
}

/* follow-me x completion: bob's other number rings as well, and what it costs is bob's. */
Test(worker_meet, C33_C37_where_he_is)
{
	bob_has_one_call_at_most();
	is_called_back("bob");
	sets(BOB, (struct set){ .rings = "0 0 1004" });
	dave->worker = 0;
	she_answers();
	rings(bob);
	rings(dave);
	replies(dave, "INVITE", 200, "", SDP_C);
	is_passed_over(bob);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(dave, "ACK");
	hears(alice, "ACK");
	rig_wait_ms(1000);
	hangs_up(alice, dave);
	rig_ends_empty(4);
	expect_segment(1, "answered", "1001", "1000");
	expect_segment(2, "answered", "1002", "1000");
}

/* --- who answered -------------------------------------------------------------------------------*/

static void
bob_goes_on_to_carol(unsigned identity)
{
	sets(ALICE, (struct set){ .s.identity = DIR_COLP });
	sets(CAROL, (struct set){ .s.identity = (uint8_t)identity });
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(carol, "ACK");
}

static void
she_has_carol(void)
{
	acks(alice, "");
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* colp x forwarding: who answered is shown, not who was called; colr is hers who did. */
Test(worker_meet, C1_C14_who_answered_is_shown)
{
	sets(BOB, (struct set){ .s.identity = DIR_COLR, .cfu = "carol" });
	bob_goes_on_to_carol(0);
	expect_has(header(hears(alice, "200 INVITE"), "P-Asserted-Identity"), "sip:1003@");
	she_has_carol();
}

Test(worker_meet, C1_C14_who_answered_hides)
{
	sets(BOB, (struct set){ .cfu = "carol" });
	bob_goes_on_to_carol(DIR_COLR);
	expect_lacks(hears(alice, "200 INVITE"), "P-Asserted-Identity");
	she_has_carol();
}

/* colp x follow-me: the same. */
Test(worker_meet, C14_C33_where_he_answered)
{
	sets(BOB, (struct set){ .rings = "0 0 1003" });
	sets(ALICE, (struct set){ .s.identity = DIR_COLP });
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	called_rings(bob);
	hears(alice, "180");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	hears(carol, "ACK");
	is_passed_over(bob);
	expect_has(header(hears(alice, "200 INVITE"), "P-Asserted-Identity"), "sip:1003@");
	she_has_carol();
}
