/* Call completion (SERVICES.md C37, BILLING.md R21): alice finds bob busy, gone or not answering, dials *66, and
 * is rung when he is free. Carol's calls are the other worker's. */
#include <stdlib.h>
#include <string.h>

#include "worker_refer.h"

static struct dir_subscriber of_bob;

static void
put_bob(const char *cfu)
{
	struct dir_subscriber_text text = {
		.user = SPAN("bob"), .number = SPAN("1002"), .cfu = span_str(cfu)
	};

	of_bob.trust = DIR_TRUST_BINDING;
	of_bob.tenant = 1;
	of_bob.id = 4242;
	digest_ha1(DIGEST_MD5, SPAN("bob"), SPAN("example.com"), SPAN("secret"), of_bob.ha1.md5);
	of_bob.ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &of_bob, &text), ERR_NONE);
}

static void
begin(void)
{
	rig_new(2);
	phones_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	directory_put_code(&rig->directory, 0, SPAN("*66"), SPAN("ccbs.set"));
	directory_put_code(&rig->directory, 0, SPAN("*86"), SPAN("ccbs.clear"));
	directory_put_code(&rig->directory, 0, SPAN("*#37#"), SPAN("ccbs.query"));
	of_bob = (struct dir_subscriber){ 0 }; /* no call waits for him */
	put_bob("");
}

TestSuite(worker_completion, .init = begin, .fini = rig_end);

/* Bob talks with carol, and alice wants to be rung. */
static void
alice_waits(void)
{
	talk(carol, bob);
	finds_busy(alice, "bob");
	asks(alice, "*66", "completion bob");
}

static void
nobody_is_rung(uint64_t ms)
{
	rig_wait_ms(ms);
	hears_nothing(alice);
	hears_nothing(bob);
}

/* Bob's phone and hers stay; she is rung without an offer, and hears who it is about. */
static const char *
is_rung(struct phone *p)
{
	const char *invite;

	waits(p);
	invite = hears(p, "INVITE");
	cr_expect_str_eq(body_of(invite), "");
	expect_has(header(invite, "Alert-Info"), "urn:alert:service:recall:callback");
	replies(p, "INVITE", 180, "", "");
	hears_nothing(bob);
	return invite;
}

static void
answers_recall(struct phone *p)
{
	replies(p, "INVITE", 200, "", SDP_A);
	expect_has(hears(p, "ACK"), "a=inactive");
}

static void
bob_answers(void)
{
	cr_expect_str_eq(body_of(hears(bob, "INVITE")), "");
	replies(bob, "INVITE", 180, "", "");
	rig_wait_ms(2000);
	replies(bob, "INVITE", 200, "", SDP_B);
	expect_has(hears(alice, "INVITE"), "m=audio 4002");
	replies(alice, "INVITE", 200, "", SDP_A);
	expect_has(hears(bob, "ACK"), "m=audio 4000");
	hears(alice, "ACK");
	rig_wait_ms(5000);
}

/* Alice is rung, and talks with bob. */
static void
is_completed(void)
{
	is_rung(alice);
	answers_recall(alice);
	bob_answers();
	hangs_up(alice, bob);
}

/* R21: one segment, of who asked, from the answer on; ringing him is free. */
Test(worker_completion, R21_busy)
{
	alice_waits();
	nobody_is_rung(10000);
	hangs_up(bob, carol);
	expect_has(header(is_rung(alice), "From"), "bob@example.com");
	rig_wait_ms(3000);
	answers_recall(alice);
	bob_answers();
	hangs_up(bob, alice);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "callback");
	cr_expect_str_eq(rig_cdr("segment.1.payer_kind"), "subscriber");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "bob");
	expect_segment(1, "answered", "1001", "5000");
	cr_expect_geq(atoi(rig_cdr("segment.1.ring_ms")), 2000);
	cr_expect_lt(atoi(rig_cdr("segment.1.ring_ms")), 3000);
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
	cr_expect_str_eq(rig_cdr("leg.1.direction"), "out");
	cr_expect_str_eq(rig_cdr("leg.1.party"), "alice");
	cr_expect_str_eq(rig_cdr("leg.3.party"), "");
}

/* He is free for two seconds first: he may want to call somebody himself. */
Test(worker_completion, not_in_the_first_two_seconds)
{
	alice_waits();
	hangs_up(bob, carol);
	nobody_is_rung(1900);
	talk(bob, carol);
	nobody_is_rung(5000);
	hangs_up(bob, carol);
	is_rung(alice);
	replies(alice, "INVITE", 603, "", "");
	hears(alice, "ACK");
	nobody_is_rung(3000000);
	rig_ends_empty(5);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "cancelled");
	cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0");
}

/* Who did not answer has to be seen first: in a call, however short. */
Test(worker_completion, no_answer)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	asks(alice, "*66", "completion bob");
	nobody_is_rung(60000);
	talk(bob, carol);
	hangs_up(bob, carol);
	is_completed();
	rig_ends_empty(4);
}

/* He is in no call, and says that he is busy: he is not rung again at once. */
Test(worker_completion, declined_as_busy)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	asks(alice, "*66", "completion bob");
	nobody_is_rung(60000);
	asks(alice, "*86", "completion off");
	rig_ends_empty(3);
}

/* Who was not there has come. */
Test(worker_completion, absent)
{
	struct phone *erin = phone_at("erin", "192.0.2.5");

	rig_subscriber("erin", "1005", DIR_TRUST_BINDING);
	dials(alice, "1005", "", SDP_A);
	hears(alice, "100");
	hears(alice, "480");
	asks(alice, "*66", "completion 1005");
	nobody_is_rung(60000);
	rig_bind("erin", erin->contact, erin->host, 1, 0);
	is_rung(alice);
	answers_recall(alice);
	hears(erin, "INVITE");
	are_joined(alice, erin);
	hangs_up(alice, erin);
	rig_ends_empty(3);
}

/* She is in a call herself: her turn waits until she is not. */
Test(worker_completion, suspended_while_the_caller_talks)
{
	alice_waits();
	talk(alice, dave);
	hangs_up(bob, carol);
	nobody_is_rung(30000);
	hangs_up(alice, dave);
	is_completed();
	rig_ends_empty(5);
}

/* Her phone says that it is busy, with what we do not know of: once more, half a minute later. */
Test(worker_completion, busy_at_the_recall)
{
	alice_waits();
	hangs_up(bob, carol);
	is_rung(alice);
	replies(alice, "INVITE", 486, "", "");
	hears(alice, "ACK");
	nobody_is_rung(29000);
	is_completed();
	rig_ends_empty(5);
}

/* Bob is faster: busy again, and she keeps her place. */
Test(worker_completion, busy_again)
{
	alice_waits();
	hangs_up(bob, carol);
	is_rung(alice);
	talk(bob, carol);
	answers_recall(alice);
	expect_has(header(hears(alice, "BYE"), "Reason"), "cause=17");
	replies(alice, "BYE", 200, "", "");
	rig_read_store(0);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "busy");
	hangs_up(bob, carol);
	is_completed();
	rig_ends_empty(6);
}

/* Nobody answers at hers: it is over. */
Test(worker_completion, the_recall_is_not_answered)
{
	alice_waits();
	hangs_up(bob, carol);
	is_rung(alice);
	waits(alice);
	hears(alice, "CANCEL");
	replies(alice, "CANCEL", 200, "", "");
	replies(alice, "INVITE", 487, "", "");
	hears(alice, "ACK");
	nobody_is_rung(3000000);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "cancelled");
	cr_expect_str_eq(rig_cdr("segment.1.ring_at"), "");
}

/* She hangs up while bob rings. */
Test(worker_completion, given_up_while_the_other_rings)
{
	alice_waits();
	hangs_up(bob, carol);
	is_rung(alice);
	answers_recall(alice);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	says_bye(alice);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	nobody_is_rung(60000);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "cancelled");
	cr_expect_str_eq(rig_cdr("segment.1.released_by"), "caller");
}

/* Bob declines, or does not answer. */
Test(worker_completion, the_other_declines)
{
	alice_waits();
	hangs_up(bob, carol);
	is_rung(alice);
	answers_recall(alice);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 603, "", "");
	hears(bob, "ACK");
	is_released(alice);
	nobody_is_rung(60000);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "rejected");
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
}

/* Cancelled by code, which another worker hears; and what is asked for is told. */
Test(worker_completion, cancelled_in_another_worker)
{
	alice_waits();
	alice->worker = 1;
	asks(alice, "*%2337%23", "completion bob");
	asks(alice, "*86", "completion off");
	asks(alice, "*%2337%23", "completion off");
	hangs_up(bob, carol);
	nobody_is_rung(3000000);
	rig_ends_empty(6);
}

/* After three quarters of an hour it is over. */
Test(worker_completion, expires)
{
	alice_waits();
	nobody_is_rung(2600000);
	asks(alice, "*%2337%23", "completion bob");
	nobody_is_rung(100000);
	asks(alice, "*%2337%23", "completion off");
	hangs_up(bob, carol);
	nobody_is_rung(60000);
	rig_ends_empty(5);
}

/* Two wait: who asked first is rung first, whichever worker has them; the other after that. */
Test(worker_completion, in_the_order_of_asking)
{
	alice_waits();
	dave->worker = 1;
	rig_wait_ms(10);
	finds_busy(dave, "1002");
	asks(dave, "*66", "completion 1002");
	hangs_up(bob, carol);
	is_rung(alice);
	hears_nothing(dave);
	answers_recall(alice);
	bob_answers();
	hears_nothing(dave);
	hangs_up(alice, bob);
	bob->worker = 1;
	is_rung(dave);
	answers_recall(dave);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 480, "", "");
	hears(bob, "ACK");
	is_released(dave);
	rig_ends_empty(7);
}

Test(worker_completion, refused)
{
	is_refused(alice, "*66", "Nobody was called in vain");
	talk(alice, dave);
	hangs_up(alice, dave);
	is_refused(alice, "*66", "Nobody was called in vain");
	rig_ends_empty(3);
}

/* In DND, or sent on always: he is not free. */
Test(worker_completion, not_while_he_does_not_want_to_be_disturbed)
{
	of_bob.dnd = 1;
	put_bob("");
	finds_busy(alice, "bob");
	asks(alice, "*66", "completion bob");
	nobody_is_rung(60000);
	of_bob.dnd = 0;
	put_bob("dave");
	nobody_is_rung(60000);
	put_bob("");
	is_completed();
	rig_ends_empty(3);
}

/* The number was withheld when the code was dialled, and is again. */
Test(worker_completion, the_number_stays_withheld)
{
	talk(carol, bob);
	finds_busy(alice, "bob");
	dials(alice, "*66", "Privacy: id\r\n", SDP_A);
	hears(alice, "100");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1100);
	is_released(alice);
	hangs_up(bob, carol);
	is_rung(alice);
	answers_recall(alice);
	expect_lacks(hears(bob, "INVITE"), "alice");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	is_released(alice);
	asks(alice, "*86", "completion off");
	rig_ends_empty(5);
	cr_expect_str_eq(rig_cdr_of(3, "segment.1.calling_presentation"), "restricted");
}

/* Killed between each two steps. */
Test(worker_completion, survives_kills)
{
	alice_waits();
	rig_restart(0);
	hangs_up(bob, carol);
	rig_restart(0);
	is_rung(alice);
	rig_restart(0);
	answers_recall(alice);
	rig_restart(0);
	cr_expect_str_eq(body_of(hears(bob, "INVITE")), "");
	replies(bob, "INVITE", 180, "", "");
	rig_restart(0);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "INVITE");
	rig_restart(0);
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(bob, "ACK");
	hears(alice, "ACK");
	rig_restart(0);
	hangs_up(alice, bob);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "answered");
}

/* The worker dies in the middle of writing its n-th message: nothing stays, every call has its record. */
static unsigned
runs_with_a_death(unsigned at, bool before)
{
	rig_end();
	begin();
	alice_waits();
	hangs_up(bob, carol);
	rig->die_at = at;
	rig->die_before = before;
	phones_serve(120000);
	while (pool_next(&rig->w[0]->calls, NULL) != NULL) {
		rig_operator_hangup(0);
		phones_serve(2000);
	}
	phones_serve(240000);
	rig_wait_ms(3000000);
	rig_expect_empty();
	rig_expect_all_closed();
	return rig->deaths;
}

Test(worker_completion, killed_at_each_message, .timeout = 120)
{
	unsigned at = 1;

	while (runs_with_a_death(at, false) + runs_with_a_death(at, true) > 0)
		at++;
	cr_expect_gt(at, 8, "it does not come so far");
}
