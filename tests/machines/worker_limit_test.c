/* Call waiting and the call limit, message by message (FLOWS.md S1-13, S2-16g; SERVICES.md 8). */
#include <stdio.h>
#include <string.h>

#include "worker_phone.h"

#define carol (rig->phones[2])
#define dave  (rig->phones[3])

#define WAITING "<urn:alert:service:call-waiting>"

static void
more_phones(void)
{
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
}

static void
begin(void)
{
	rig_begin();
	more_phones();
}

TestSuite(worker_limit, .init = begin, .fini = rig_end);

/* The subscriber anew. */
static void
has(const char *user, const char *number, unsigned limit, bool waiting, const char *cfb)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING,
		.tenant = 1,
		.call_limit = (uint16_t)limit,
		.call_waiting = waiting };
	struct dir_subscriber_text text = {
		.user = span_str(user), .number = span_str(number), .cfb = span_str(cfb)
	};
	static uint64_t ids = 2000;

	s.id = ++ids;
	digest_ha1(DIGEST_MD5, span_str(user), SPAN("example.com"), SPAN("secret"), s.ha1.md5);
	s.ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
is_busy_for(struct phone *caller)
{
	dials(caller, "bob", "", SDP_A);
	hears(caller, "100");
	hears(caller, "486");
	hears_nothing(bob);
}

/* He is in a call already: his phone is told so, and the first call is not touched. */
Test(worker_limit, S1_13_S2_16g_the_second_call_waits)
{
	struct phone *second = phone_at("bob", "192.0.2.2");

	has("bob", "1002", 0, true, "");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	cr_expect_eq(headers(hears(bob, "INVITE"), "Alert-Info"), 0);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "200 INVITE");
	hears(bob, "ACK");
	acks(alice, "");
	dials(carol, "bob", "", SDP_A);
	hears(carol, "100");
	cr_expect_str_eq(header(hears(second, "INVITE"), "Alert-Info"), WAITING);
	replies(second, "INVITE", 180, "", "");
	hears(carol, "180");
	hears_nothing(alice);
	replies(second, "INVITE", 486, "", "");
	hears(second, "ACK");
	hears(carol, "486");
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

Test(worker_limit, S1_13_call_waiting_off)
{
	has("bob", "1002", 0, false, "");
	talk(alice, bob);
	is_busy_for(carol);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "busy");
	hangs_up(alice, bob);
	talk(carol, bob); /* free again */
	hangs_up(carol, bob);
	rig_ends_empty(3);
}

/* It rings at his: that is a call too. */
Test(worker_limit, call_waiting_off_while_it_rings)
{
	has("bob", "1002", 0, false, "");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	is_busy_for(carol);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	talk(carol, bob);
	hangs_up(carol, bob);
	rig_ends_empty(3);
}

/* What he placed himself counts. */
Test(worker_limit, both_directions_count)
{
	has("bob", "1002", 1, true, "");
	talk(bob, alice);
	is_busy_for(carol);
	hangs_up(bob, alice);
	talk(carol, bob);
	hangs_up(carol, bob);
	rig_ends_empty(3);
}

Test(worker_limit, who_is_at_his_limit_may_not_dial)
{
	has("bob", "1002", 1, true, "");
	talk(alice, bob);
	dials(bob, "carol", "", SDP_B);
	hears(bob, "100");
	expect_has(hears(bob, "403"), "Call limit reached");
	hears_nothing(carol);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "barred");
	cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0");
}

/* With limit x cfb: busy is forwarded, and what he sends on is no call of his. */
Test(worker_limit, busy_by_limit_is_forwarded_and_not_counted)
{
	has("bob", "1002", 1, true, "carol");
	talk(alice, bob);
	dials(dave, "bob", "", SDP_A);
	hears(dave, "100");
	expect_has(header(hears(carol, "INVITE"), "Diversion"), "reason=user-busy");
	replies(carol, "INVITE", 200, "", SDP_B);
	hears(carol, "ACK");
	hears(dave, "200 INVITE");
	acks(dave, "");
	hangs_up(alice, bob);
	talk(alice, bob); /* dave and carol are still talking at his cost */
	hangs_up(alice, bob);
	hangs_up(dave, carol);
	rig_ends_empty(3);
}

/* The count is of calls that exist: what died with the worker is counted from what it left. */
Test(worker_limit, worker_dies)
{
	has("bob", "1002", 0, false, "");
	talk(alice, bob);
	rig_restart(0);
	is_busy_for(carol);
	hangs_up(alice, bob);
	talk(carol, bob);
	hangs_up(carol, bob);
	rig_ends_empty(3);
}

static void
begin_two(void)
{
	rig_new(2);
	phones_begin();
	more_phones();
	for (unsigned i = 0; i < 2; i++)
		rig->w[i]->views_of[1 - i] =
		    (const struct call_views *)(const void *)rig->w[1 - i]->views - 1;
}

TestSuite(worker_limit_two, .init = begin_two, .fini = rig_end);

/* Two workers count together. */
Test(worker_limit_two, a_call_of_the_other_worker_counts)
{
	has("bob", "1002", 0, false, "");
	talk(alice, bob);
	carol->worker = 1;
	is_busy_for(carol);
	hangs_up(alice, bob);
	bob->worker = 1;
	talk(carol, bob);
	alice->worker = 0;
	is_busy_for(alice);
	hangs_up(carol, bob);
}
