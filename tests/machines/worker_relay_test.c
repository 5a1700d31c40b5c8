/* Requests that pass through a call (INFO: FLOWS.md S4-12; MESSAGE: RFC 3428 7), and answers that come late. */
#include "worker_refer.h"

static void
begin_two(void)
{
	attended_begin(2);
}

TestSuite(worker_relay, .init = refer_begin, .fini = rig_end);
TestSuite(worker_relay_two, .init = begin_two, .fini = rig_end);

/* A message in a call goes to whom one talks with, and only to him. */
Test(worker_relay, message_in_a_call)
{
	const char *m;

	talk(alice, bob);
	says(alice, "MESSAGE", "Content-Type: text/plain;charset=UTF-8\r\n",
	    "gr\xc3\xbc\xc3\x9f dich");
	m = hears(bob, "MESSAGE");
	cr_expect_str_eq(body_of(m), "gr\xc3\xbc\xc3\x9f dich");
	cr_expect_str_eq(header(m, "Content-Type"), "text/plain;charset=UTF-8");
	cr_expect_eq(headers(m, "Contact"), 0, "RFC 3428 4");
	hears_nothing(alice);
	replies(bob, "MESSAGE", 200, "", "");
	hears(alice, "200 MESSAGE");
	says(bob, "MESSAGE", "Content-Type: image/png\r\n", "x");
	hears(alice, "MESSAGE");
	replies(alice, "MESSAGE", 415, "Accept: text/plain\r\n", "");
	hears(bob, "415 MESSAGE");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* A challenge to us is none to her, and says nothing without what it asks; what we take says a 405. */
Test(worker_relay, refused_for_our_own_sake)
{
	const char *m;

	talk(alice, bob);
	for (unsigned i = 0; i < 2; i++) {
		says(alice, "INFO", "Content-Type: application/dtmf\r\n", "5");
		hears(bob, "INFO");
		replies(bob, "INFO", i == 0 ? 401 : 407, "", "");
		m = hears(alice, "488 INFO");
		expect_lacks(m, "nauthori");
		expect_lacks(m, "roxy");
	}
	says(alice, "INFO", "Content-Type: application/dtmf\r\n", "5");
	hears(bob, "INFO");
	replies(bob, "INFO", 405, "Allow: INVITE, ACK, BYE, CANCEL\r\n", "");
	expect_has(header(hears(alice, "405 INFO"), "Allow"), "INVITE, ACK");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* Race seed 521620: who is to answer is put out of the call meanwhile. */
Test(worker_relay, answerer_is_replaced)
{
	talk(alice, bob);
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	says(alice, "INFO", "Content-Type: application/dtmf\r\n", "5");
	hears(bob, "INFO");
	are_joined(alice, carol);
	hears(alice, "480 INFO");
	ENDS(bob, "200 OK");
	is_released(bob);
	replies(bob, "INFO", 200, "", "");
	offers_pass(alice, carol);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* The same where he is another worker's. */
Test(worker_relay_two, answerer_is_replaced)
{
	both_talk();
	transfer_is_tried();
	says(carol, "INFO", "Content-Type: application/dtmf\r\n", "5");
	hears(bob2, "INFO");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	rig_wait_ms(1);
	hears(alice, "ACK");
	hears(carol, "ACK");
	hears(carol, "480 INFO");
	ENDS(bob, "200 OK");
	is_released(bob);
	is_released(bob2);
	replies(bob2, "INFO", 481, "", "");
	says(alice, "INFO", "Content-Type: application/dtmf\r\n", "6");
	rig_wait_ms(1);
	hears(carol, "INFO");
	transfers(alice, "dave");
	dave->worker = 0;
	hears(dave, "INVITE");
	replies(dave, "INVITE", 200, "", SDP_D);
	rig_wait_ms(1);
	waits(carol);
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	hears(carol, "ACK");
	hears(dave, "ACK");
	ENDS(alice, "200 OK");
	hears(alice, "487 INFO"); /* it is she who leaves */
	is_released(alice);
	replies(carol, "INFO", 200, "", "");
	hangs_up_across(dave, carol);
	rig_ends_empty(2);
}

/* The 2xx of a re-INVITE crosses our BYE, and comes when the dialog is over: it is ACKed (RFC 3261
 * 13.2.2.4), as often as it comes. */
Test(worker_relay, late_2xx)
{
	const char *ack;

	talk(alice, bob);
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 100, "", "");
	says_bye(alice);
	hears(alice, "487 INVITE");
	is_released(bob);
	for (unsigned i = 0; i < 2; i++) {
		rig_wait_ms(500);
		replies(bob, "INVITE", 200, "", SDP_B);
		ack = hears(bob, "ACK");
		cr_expect_str_eq(header(ack, "CSeq"), "2 ACK");
	}
	rig_ends_clean("answered 200 16 caller normal", 0);
}
