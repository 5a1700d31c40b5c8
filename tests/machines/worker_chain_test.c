/* Chains of forwards, their clocks, and what the caller is told (FLOWS.md S1-10, S1-11, S1-11a; SERVICES.md C3, C7, C8). */
#include <stdio.h>
#include <string.h>

#include "worker_several.h"

TestSuite(worker_chain, .init = several_begin, .fini = rig_end);

/* --- the caller is told -------------------------------------------------------------------------*/

/* S1-10 with its 181: once, before the other rings; not to whom, and no header of ours to guess it from. */
Test(worker_chain, S1_10_C8_the_caller_is_told)
{
	const char *m;

	wishes("bob", "1002", (struct wishes){ .cfb = "1003", .notify = DIR_NOTIFY_YES });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	m = hears(alice, "181");
	expect_lacks(m, "1003");
	expect_lacks(m, "History-Info");
	hears(carol, "INVITE");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* And to whom: by the number, never by where the phone is. */
Test(worker_chain, C8_the_caller_is_told_the_number)
{
	const char *m;

	wishes("bob", "1002", (struct wishes){ .cfu = "1003", .notify = DIR_NOTIFY_NUMBER });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	m = hears(alice, "181");
	expect_has(m, "History-Info: <sip:1002@example.com>;index=1");
	expect_has(m, "<sip:1003@example.com");
	expect_lacks(m, "192.0.2.3");
	hears(carol, "INVITE");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* R9: also when his phone sends it on, once however many it names. */
Test(worker_chain, C7_C8_a_deflection_is_told)
{
	wishes("bob", "1002", (struct wishes){ .notify = DIR_NOTIFY_YES });
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(
	    bob, "INVITE", 302, "Contact: <sip:carol@example.com>, <sip:dave@example.com>\r\n", "");
	hears(bob, "ACK");
	hears(alice, "181");
	hears(carol, "INVITE");
	hears(dave, "INVITE");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	for (unsigned i = 2; i < 4; i++) {
		replies(rig->phones[i], "INVITE", 180, "", "");
		hears(rig->phones[i], "CANCEL");
		replies(rig->phones[i], "CANCEL", 200, "", "");
		replies(rig->phones[i], "INVITE", 487, "", "");
		hears(rig->phones[i], "ACK");
	}
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* --- chains and their clocks --------------------------------------------------------------------*/

/* S1-11: each has a time of his own, counted from when his own phone rings. */
Test(worker_chain, S1_11_R7_each_has_his_own_time)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "carol", .cfnr_s = 5 });
	wishes("carol", "1003", (struct wishes){ .cfnr = "dave", .cfnr_s = 15 });
	alice_dials("bob");
	hears(bob, "INVITE");
	rig_wait_ms(3000);
	hears(bob, "INVITE");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(5000);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(14999);
	hears_nothing(carol);
	rig_wait_ms(1);
	hears(carol, "CANCEL");
	replies(carol, "CANCEL", 200, "", "");
	replies(carol, "INVITE", 487, "", "");
	hears(carol, "ACK");
	expect_has(header(hears(dave, "INVITE"), "Diversion"), "reason=no-answer");
	rings_and_takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.3.payer_number"), "1003");
}

/* S1-11a: B to C to B by no answer and by always: C is not rung again, she hears how it stands. */
Test(worker_chain, S1_11a_loop_by_no_answer)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "carol", .cfnr_s = 5 });
	wishes("carol", "1003", (struct wishes){ .cfu = "bob" });
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(5000);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	hears(alice, "482");
	hears_nothing(bob);
	hears_nothing(carol);
	rig_ends_clean("failed 482 25 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "0");
}

/* S1-11a: a chain of one more than may be. */
Test(worker_chain, S1_11a_history_limit)
{
	static const char *const users[] = { "bob", "carol", "dave", "x1", "x2", "x3" };

	for (unsigned i = 0; i < 6; i++) {
		char number[8];

		snprintf(number, sizeof(number), "%u", 1002 + i);
		wishes(users[i], number, (struct wishes){ .cfu = i < 5 ? users[i + 1] : "alice" });
	}
	alice_dials("bob");
	hears(alice, "482");
	rig_ends_clean("failed 482 25 system normal", 0);
	cr_expect_str_eq(rig_cdr("segment.6.redirect_count"), "5");
	cr_expect_str_eq(rig_cdr("segment.7.segment_kind"), "");
}

/* S1-10: who withholds his number does so where he sends a call on; who is trusted to keep it is told. */
static const char *
carol_hears_of_one_who_hides(void)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "1003", .clir = 1 });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	return hears(carol, "INVITE");
}

static void
carol_is_busy(void)
{
	refuses(carol, 486);
	hears(alice, "486");
	rig_ends_empty(1);
}

Test(worker_chain, S1_10_C12_who_sent_it_on_hides)
{
	const char *m = carol_hears_of_one_who_hides();

	cr_expect_str_eq(header(m, "Diversion"),
	    "<sip:anonymous@anonymous.invalid>;reason=unconditional;counter=1;privacy=full");
	expect_has(header(m, "History-Info"), "anonymous.invalid");
	expect_lacks(m, "1002");
	expect_has(header(m, "From"), "alice@example.com");
	carol_is_busy();
	cr_expect_str_eq(rig_cdr("segment.2.redirecting_number"), "1002");
}

Test(worker_chain, S1_10_C12_but_not_from_who_is_trusted)
{
	const char *m;

	cr_assert_eq(netaddr_ip(SPAN("192.0.2.3"), &rig->settings.trusted[0]), ERR_NONE);
	rig->settings.n_trusted = 1;
	m = carol_hears_of_one_who_hides();
	expect_has(header(m, "Diversion"), "<sip:1002@example.com>;reason=unconditional");
	expect_has(header(m, "Diversion"), ";privacy=full");
	expect_has(header(m, "History-Info"), "<sip:1002@example.com?Privacy=history>;index=1");
	carol_is_busy();
}
