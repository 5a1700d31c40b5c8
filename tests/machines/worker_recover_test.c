/* A worker dies and another takes its memory over (DESIGN.md, first prototypes; BILLING.md R26). */
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_recover, .init = rig_begin, .fini = rig_end);

static void
rings(void)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
}

Test(worker_recover, call_stays_up)
{
	talk(alice, bob);
	rig_wait_ms(10000);
	rig_restart(0);
	hears_nothing(alice);
	hears_nothing(bob);
	rig_wait_ms(10000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 20000);
	cr_expect_str_eq(rig_cdr("segment.1.in_sip_call_id"), alice->call_id);
	cr_expect_str_eq(rig_cdr("leg.2.remote_tag"), bob->local_tag);
}

/* What must not be sent twice is stored before it is sent: CSeq, o= version. */
Test(worker_recover, offer_after_the_restart)
{
	talk(alice, bob);
	for (unsigned i = 1; i <= 3; i++) {
		char cseq[16];

		says(bob, "INVITE", "", i % 2 ? SDP("192.0.2.2", "4300", "") : SDP_B);
		hears(bob, "100");
		snprintf(cseq, sizeof(cseq), "%u INVITE", i);
		cr_expect_str_eq(header(hears(alice, "INVITE"), "CSeq"), cseq);
		rig_restart(0);
		replies(alice, "INVITE", 200, "", SDP_A);
		hears(alice, "ACK");
		hears(bob, "200 INVITE");
		rig_restart(0);
		acks(bob, "");
	}
	rig_restart(0);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_recover, while_it_rings)
{
	rings();
	rig_restart(0);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 1000);
}

Test(worker_recover, cancelled_after_the_restart)
{
	rings();
	rig_restart(0);
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	rig_restart(0);
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* Timers stand in the structs: ring limit, our 2xx's repetition, the retransmissions. */
Test(worker_recover, timers_go_on)
{
	rings();
	rig_wait_ms(100000);
	rig_restart(0);
	rig_wait_ms(79900);
	hears_nothing(alice);
	rig_wait_ms(200);
	hears(alice, "408");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("noanswer 408 19 timeout normal", 0);
}

Test(worker_recover, answer_is_still_repeated)
{
	rings();
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	rig_restart(0);
	rig_wait_ms(600);
	hears(alice, "200 INVITE");
	rig_restart(0);
	acks(alice, "");
	rig_wait_ms(10000);
	hears_nothing(alice);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 10600);
}

/* Rule 3: the call that was being changed ends cleanly, with its record. */
Test(worker_recover, marked_call_is_ended)
{
	struct call *c;

	talk(alice, bob);
	rig_wait_ms(4000);
	c = pool_next(&rig->w[0]->calls, NULL);
	cr_assert_eq(c->marked, 0);
	c->marked = 1;
	rig_restart(0);
	hears(alice, "BYE");
	hears(bob, "BYE");
	replies(alice, "BYE", 200, "", "");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 system system_failure", 4000);
}

/* Killed at a cold start, before the others have made their tables: what would be looked up is absent. */
Test(worker_recover, marked_call_without_tables)
{
	rings();
	((struct call *)pool_next(&rig->w[0]->calls, NULL))->marked = 1;
	rig->no_tables = true;
	rig_restart(0);
	rig->no_tables = false;
	hears(alice, "480");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	talk(alice, bob);
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* Nor is it sent on then: whom it was for cannot be asked. */
Test(worker_recover, missed_answer_without_tables)
{
	rings();
	for (struct leg *l = pool_next(&rig->w[0]->legs, NULL); l != NULL;
	     l = pool_next(&rig->w[0]->legs, l))
		if (l->inv == INV_OUT)
			l->invite = 0;
	rig->no_tables = true;
	rig_restart(0);
	rig->no_tables = false;
	hears(alice, "408");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_empty(1);
}

/* The tables are open when a call is taken up: 144 is an emergency number in Austria alone (BILLING.md R22). */
Test(worker_recover, R22_marked_emergency_call)
{
	struct phone *trunk = phone_at("trunk", "203.0.113.7");
	struct dir_tenant t = {
		.tenant = 1, .name = "office", .realm = "example.com", .country = "AT"
	};

	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
	cr_assert_eq(directory_put_emergency(&rig->directory, SPAN("AT144")), ERR_NONE);
	rig_gateway(7, "203.0.113.7", true);
	rig_route("144", 1, &(uint64_t){ 7 });
	dials(alice, "144", "", SDP_A);
	hears(alice, "100");
	hears(trunk, "INVITE");
	replies(trunk, "INVITE", 180, "", "");
	hears(alice, "180");
	((struct call *)pool_next(&rig->w[0]->calls, NULL))->marked = 1;
	rig_restart(0);
	hears(alice, "480");
	hears(trunk, "CANCEL");
	replies(trunk, "CANCEL", 200, "", "");
	replies(trunk, "INVITE", 487, "", "");
	hears(trunk, "ACK");
	cr_expect_str_eq(rig_cdr("segment.1.call_class"), "emergency");
	rig_ends_empty(1);
}

Test(worker_recover, marked_while_it_rings)
{
	rings();
	((struct call *)pool_next(&rig->w[0]->calls, NULL))->marked = 1;
	rig_restart(0);
	hears(alice, "480");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("noanswer 480 18 system system_failure", 0);
}

/* The callee had answered, the caller was not told: he is refused, and the record says what he heard. */
Test(worker_recover, marked_before_the_answer_left)
{
	struct call *c;

	rings();
	c = pool_next(&rig->w[0]->calls, NULL);
	c->marked = 1;
	c->state = CALL_UP;
	rig_restart(0);
	hears(alice, "500");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("failed 500 41 system system_failure", 0);
}

/* Others are not touched. */
Test(worker_recover, only_the_marked_one)
{
	struct phone *carol = phone_new("carol", "192.0.2.3"),
		     *dave = phone_new("dave", "192.0.2.4");

	talk(alice, bob);
	((struct call *)pool_next(&rig->w[0]->calls, NULL))->marked = 1;
	talk(carol, dave);
	((struct call *)pool_next(&rig->w[0]->calls, NULL))->marked = 1;
	rig_restart(0);
	hears(alice, "BYE");
	hears(bob, "BYE");
	replies(alice, "BYE", 200, "", "");
	replies(bob, "BYE", 200, "", "");
	hears_nothing(carol);
	hears_nothing(dave);
	hangs_up(dave, carol);
	rig_ends_empty(2);
	rig_expect_all_closed();
}

/* Records that the store did not take yet outlive the worker. */
Test(worker_recover, record_waits)
{
	rig->store_is_stuck = true;
	for (unsigned i = 0; i < 9; i++) {
		talk(alice, bob);
		hangs_up(alice, bob);
		rig_wait_ms(40000);
		rig_restart(0);
	}
	rig->store_is_stuck = false;
	rig_restart(0);
	for (unsigned i = 0; i < 10; i++)
		rig_wait_ms(1000);
	rig_ends_empty(9);
	rig_expect_all_closed();
}

/* --- killed at every message it writes ----------------------------------------------------------*/

/* A whole life, on phones that do what they are told. True: the worker died meanwhile. */
static bool
live(bool alice_cancels)
{
	dials(alice, "bob", "", SDP_A);
	if (alice_cancels) {
		if (has_mail(bob)) {
			hears(bob, "INVITE");
			replies(bob, "INVITE", 180, "", "");
		}
		cancels(alice, "");
	}
	phones_serve(2000);
	if (bob->n_got > 0 && !alice_cancels)
		says(bob, "INVITE", "", SDP("192.0.2.2", "4300", ""));
	phones_serve(2000);
	if (alice->target[0] != '\0')
		says(alice, "BYE", "", "");
	phones_serve(70000);
	return rig->deaths > 0;
}

static void
dies_everywhere(bool alice_cancels, bool before)
{
	bool died = true;
	unsigned n;

	for (n = 1; died; n++) {
		rig_begin();
		rig->die_at = n;
		rig->die_before = before;
		died = live(alice_cancels);
		rig_expect_empty();
		rig_expect_all_closed();
		cr_expect_leq(rig->closed, 1, "killed at message %u", n);
		rig_end();
	}
	cr_expect_gt(n, 5);
}

/* Twice: the next dies at each message that it writes while it takes up what was left. */
Test(worker_killed, again_at_each_message, .timeout = 120)
{
	bool died = true, again = true;
	unsigned n, m;

	for (n = 1; died; n++) {
		for (again = true, m = 1; died && again; m++) {
			rig_begin();
			rig->die_at = n;
			rig->die_again = m;
			rig->die_before = m % 2 != 0;
			died = live(n % 2 != 0);
			again = rig->deaths > 1;
			rig_expect_empty();
			rig_expect_all_closed();
			rig_end();
		}
	}
	cr_expect_gt(n, 5);
}

Test(worker_killed, after_each_message, .timeout = 120)
{
	dies_everywhere(false, false);
}

Test(worker_killed, before_each_message, .timeout = 120)
{
	dies_everywhere(false, true);
}

Test(worker_killed, after_each_message_of_a_cancelled_call, .timeout = 120)
{
	dies_everywhere(true, false);
}

Test(worker_killed, before_each_message_of_a_cancelled_call, .timeout = 120)
{
	dies_everywhere(true, true);
}
