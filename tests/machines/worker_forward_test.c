/* Call forwarding, message by message (FLOWS.md S1-10, S1-11, S1-11a, M-04; BILLING.md R6 to R8, R10). */
#include <stdio.h>
#include <string.h>

#include "worker_several.h"

TestSuite(worker_forward, .init = several_begin, .fini = rig_end);

/* Two segments with one answer and one end: she pays for the first, he who sent it on for the other. */
static void
expect_two(const char *reason, const char *number)
{
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "direct");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), number);
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "forward");
	cr_expect_str_eq(rig_cdr("segment.2.parent_seq"), "1");
	cr_expect_str_eq(rig_cdr("segment.2.calling_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.2.redirecting_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.2.original_called_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.2.redirect_reason"), reason);
	cr_expect_str_eq(rig_cdr("segment.2.redirect_count"), "1");
	cr_expect_str_eq(rig_cdr("segment.2.answer_at"), rig_cdr("segment.1.answer_at"));
	cr_expect_str_eq(rig_cdr("segment.2.end_at"), rig_cdr("segment.1.end_at"));
}

Test(worker_forward, S1_10_M_04_busy)
{
	const char *m;

	wishes("bob", "1002", (struct wishes){ .cfb = "1003" });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	m = hears(carol, "INVITE");
	expect_has(header(m, "From"), "alice@example.com");
	expect_has(header(m, "Diversion"), "<sip:1002@example.com>;reason=user-busy;counter=1");
	expect_has(header(m, "Diversion"), ";privacy=off");
	expect_has(header(m, "History-Info"), "1002");
	cr_expect_str_eq(header(m, "Max-Forwards"), "69");
	cr_expect_str_neq(header(m, "Call-ID"), header(bob->got[0], "Call-ID"));
	hears_nothing(alice); /* she never sees his 486 */
	rings_and_takes(carol);
	rig_wait_ms(3000);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 3000);
	expect_two("busy", "1003");
}

/* R6: one answer and one end, also when the second part began in the middle of a millisecond. */
Test(worker_forward, R6_one_answer_to_the_millisecond)
{
	wishes("bob", "1002", (struct wishes){ .cfb = "1003" });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	hears(bob, "INVITE");
	rig_wait_ns(700000);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(carol, "INVITE");
	rig_wait_ns(400000);
	rings_and_takes(carol);
	rig_wait_ns(100000);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_two("busy", "1003");
}

Test(worker_forward, S1_11_no_answer)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "1003", .cfnr_s = 10 });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(9999);
	hears_nothing(bob);
	rig_wait_ms(1);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	hears_nothing(carol); /* not before his final answer */
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	expect_has(header(hears(carol, "INVITE"), "Diversion"), "reason=no-answer");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_two("no_answer", "1003");
}

/* His time begins when his phone first rings, however late that is, and not again when it says so once more. */
Test(worker_forward, S1_11_counted_from_the_first_18x)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "1003", .cfnr_s = 10 });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 100, "", "");
	rig_wait_ms(4000);
	replies(bob, "INVITE", 183, "", "");
	hears(alice, "183");
	rig_wait_ms(6000);
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(3999);
	hears_nothing(bob);
	rig_wait_ms(1);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	hears(carol, "INVITE");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_two("no_answer", "1003");
}

/* He says nothing to the CANCEL: two seconds, not more. */
Test(worker_forward, S1_11_silent_after_cancel)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "1003", .cfnr_s = 10 });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(10000);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	rig_wait_ms(2000);
	hears(carol, "INVITE");
	rings_and_takes(carol);
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* His 200 crosses the CANCEL: before the other was dialled he wins, after that he is too late. */
Test(worker_forward, S1_11_answer_crosses_the_cancel)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "1003", .cfnr_s = 10 });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(10000);
	hears(bob, "CANCEL");
	replies(bob, "INVITE", 200, "", SDP_B);
	replies(bob, "CANCEL", 481, "", "");
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears_nothing(carol);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "");
}

Test(worker_forward, S1_11_answer_too_late)
{
	wishes("bob", "1002", (struct wishes){ .cfnr = "1003", .cfnr_s = 10 });
	rig_subscriber("carol", "1003", DIR_TRUST_BINDING);
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(10000);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	rig_wait_ms(2000);
	hears(carol, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_forward, R6_unconditional)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "carol" });
	alice_dials("bob");
	hears_nothing(bob);
	expect_has(header(hears(carol, "INVITE"), "Diversion"), "reason=unconditional");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_two("unconditional", "carol");
}

/* Nothing comes back. */
Test(worker_forward, S1_09a_unreachable)
{
	wishes("bob", "1002", (struct wishes){ .cfnrc = "carol" });
	alice_dials("bob");
	hears(bob, "INVITE");
	for (unsigned i = 0; i < 3; i++) {
		rig_wait_ms(500u << i);
		hears(bob, "INVITE");
	}
	rig_wait_ms(1500);
	expect_has(header(hears(carol, "INVITE"), "Diversion"), "reason=unavailable");
	replies(bob, "INVITE", 480, "", ""); /* he is there after all, too late */
	hears(bob, "ACK");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_two("unreachable", "carol");
}

/* He has no phone registered. */
Test(worker_forward, C4_not_registered)
{
	rig_subscriber("erin", "1005", DIR_TRUST_BINDING);
	wishes("erin", "1005", (struct wishes){ .cfnrc = "carol" });
	dials(alice, "erin", "", SDP_A);
	hears(alice, "100");
	hears(carol, "INVITE");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.redirect_reason"), "unreachable");
}

/* SERVICES.md 7: DND is busy, and who wishes so is sent on then. */
Test(worker_forward, do_not_disturb_is_busy)
{
	wishes("bob", "1002", (struct wishes){ .cfb = "carol", .dnd = 1 });
	alice_dials("bob");
	hears_nothing(bob);
	expect_has(header(hears(carol, "INVITE"), "Diversion"), "reason=user-busy");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_two("busy", "carol");
}

/* SERVICES.md 6 before 7: forwarded always, disturbed or not. */
Test(worker_forward, always_goes_before_do_not_disturb)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "carol", .cfb = "dave", .dnd = 1 });
	alice_dials("bob");
	hears(carol, "INVITE");
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_two("unconditional", "carol");
}

/* SERVICES.md 5 before 6: who hides is refused, not sent on. */
Test(worker_forward, anonymous_is_refused_before_all)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "carol", .acr = 1 });
	dials(alice, "bob", "Privacy: id\r\n", SDP_A);
	hears(alice, "100");
	hears(alice, "433");
	rig_ends_clean("failed 433 127 system normal", 0);
}

/* 603 is a refusal of the person, not of the line: no forwarding. */
Test(worker_forward, S2_16c_decline_is_not_busy)
{
	wishes("bob", "1002", (struct wishes){ .cfb = "carol" });
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 603, "", "");
	hears(bob, "ACK");
	hears(alice, "603");
	rig_ends_clean("rejected 603 21 callee normal", 0);
}

/* S2-16b: 483 is a fault of the way, never busy. */
Test(worker_forward, S2_16b_too_many_hops_is_not_busy)
{
	wishes("bob", "1002", (struct wishes){ .cfb = "carol" });
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 483, "", "");
	hears(bob, "ACK");
	hears(alice, "483");
	rig_ends_clean("failed 483 25 callee normal", 0);
}

/* R8: the one it was sent to is busy too. She hears that; both segments say so. */
Test(worker_forward, R8_forward_fails)
{
	wishes("bob", "1002", (struct wishes){ .cfb = "carol" });
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "busy");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "0");
}

/* R7: each pays for what he sent on. */
Test(worker_forward, R7_chain)
{
	const char *m;

	wishes("bob", "1002", (struct wishes){ .cfu = "carol" });
	wishes("carol", "1003", (struct wishes){ .cfb = "dave" });
	alice_dials("bob");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	m = hears(dave, "INVITE");
	expect_has(m, "Diversion: <sip:1003@example.com>;reason=user-busy;counter=1");
	expect_has(m, "<sip:1002@example.com>;reason=unconditional;counter=1");
	rings_and_takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.3.payer_number"), "1003");
	cr_expect_str_eq(rig_cdr("segment.3.parent_seq"), "2");
	cr_expect_str_eq(rig_cdr("segment.3.redirect_count"), "2");
	cr_expect_str_eq(rig_cdr("segment.3.original_called_number"), "bob");
}

/* B sends always to C, who is busy and sends to B: nobody is rung twice. */
Test(worker_forward, S1_11a_loop)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "carol" });
	wishes("carol", "1003", (struct wishes){ .cfb = "bob" });
	alice_dials("bob");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	hears(alice, "482");
	hears_nothing(bob);
	rig_ends_clean("failed 482 25 callee normal", 0);
}

Test(worker_forward, S1_11a_to_himself)
{
	wishes("bob", "1002", (struct wishes){ .cfu = "bob" });
	alice_dials("bob");
	hears(alice, "482");
	hears_nothing(bob);
	rig_ends_clean("failed 482 25 system normal", 0);
}

/* She gives up while the second rings. */
Test(worker_forward, cancelled_after_forwarding)
{
	wishes("bob", "1002", (struct wishes){ .cfb = "carol" });
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 180, "", "");
	hears(alice, "180");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(carol, "CANCEL");
	replies(carol, "CANCEL", 200, "", "");
	replies(carol, "INVITE", 487, "", "");
	hears(carol, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "cancelled");
}

/* The worker dies while the second rings: the call goes on. */
Test(worker_forward, worker_dies)
{
	wishes("bob", "1002", (struct wishes){ .cfb = "carol" });
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(carol, "INVITE");
	rig_restart(0);
	rings_and_takes(carol);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_two("busy", "carol");
}

/* --- voicemail ----------------------------------------------------------------------------------*/

static void
voicemail_is(const char *number)
{
	struct dir_tenant t = { .tenant = 1, .name = "office", .realm = "example.com" };

	snprintf(t.voicemail, sizeof(t.voicemail), "%s", number);
	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
	directory_put_code(&rig->directory, 0, SPAN("*97"), SPAN("vm.own"));
}

static void
expect_deposit(void)
{
	rings_and_takes(dave);
	rig_wait_ms(3000);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 3000);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "direct");
	cr_expect_str_eq(rig_cdr("segment.1.connected_reason"), "voicemail");
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "voicemail");
	cr_expect_str_eq(rig_cdr("segment.2.payer_kind"), "nobody");
	cr_expect_str_eq(rig_cdr("segment.2.payer_account_id"), "0");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "");
	cr_expect_str_eq(rig_cdr("segment.2.redirecting_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.2.connected_reason"), "voicemail");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "3000");
}

/* R19: nobody pays for what is sent on to the tenant's voicemail, by a setting or by the phone; whose mailbox
 * it is stands in Diversion. */
Test(worker_forward, R19_to_the_voicemail)
{
	voicemail_is("+1004");
	wishes("bob", "1002", (struct wishes){ .cfb = "1004" });
	alice_dials("bob");
	hears(bob, "INVITE");
	refuses(bob, 486);
	expect_has(header(hears(dave, "INVITE"), "Diversion"), "<sip:1002@example.com>");
	expect_deposit();
}

Test(worker_forward, R19_by_the_phone)
{
	voicemail_is("1004");
	alice_dials("bob");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 302, "Contact: <sip:1004@example.com>\r\n", "");
	hears(bob, "ACK");
	hears(dave, "INVITE");
	expect_deposit();
}

/* *97 is its number, dialled; where there is none it is refused. */
Test(worker_forward, C45_called_by_code)
{
	voicemail_is("1004");
	alice_dials("*97");
	hears(dave, "INVITE");
	rings_and_takes(dave);
	hangs_up(alice, dave);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "direct");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "*97");
	voicemail_is("");
	alice_dials("*97");
	expect_has(hears(alice, "403"), "There is no voicemail");
	rig_ends_empty(2);
}
