/* MESSAGE outside any dialog, relayed (RFC 3428; FLOWS.md S4-14, S4-14b). */
#include <stdlib.h>
#include <string.h>

#include "worker_texts.h"

TestSuite(worker_message, .init = rig_begin, .fini = rig_end);

static void
ends(void)
{
	rig_ends_empty(0);
}

/* S4-14 a to d: the Request-URI is the contact, Max-Forwards one less, the rest as it was. */
Test(worker_message, S4_14_relayed)
{
	const char *m;

	texts(alice,
	    PLAIN
	    "Content-Disposition: render\r\nSubject: lunch\r\nPriority: urgent\r\n"
	    "Contact: <sip:alice@192.0.2.1>\r\nP-Asserted-Identity: <sip:boss@example.com>\r\n",
	    HELLO);
	hears_nothing(alice); /* no answer before the phone's, no 100 */
	m = hears(bob, "MESSAGE");
	expect_has(m, "MESSAGE sip:bob@192.0.2.2 SIP/2.0\r\n");
	cr_expect_str_eq(header(m, "Max-Forwards"), "69");
	cr_expect_str_eq(header(m, "From"), "\"Collins\" <sip:alice@example.com>;tag=49583");
	cr_expect_str_eq(header(m, "To"), "<sip:bob@example.com>");
	expect_has(header(m, "Call-ID"), "asd88asd77a-");
	expect_has(header(m, "CSeq"), " MESSAGE");
	cr_expect_eq(strtoul(header(m, "CSeq"), NULL, 10), alice->cseq);
	cr_expect_str_eq(header(m, "Content-Type"), "text/plain");
	cr_expect_str_eq(header(m, "Content-Disposition"), "render");
	cr_expect_str_eq(header(m, "Subject"), "lunch");
	cr_expect_str_eq(header(m, "Priority"), "urgent");
	cr_expect_eq(headers(m, "Contact") + headers(m, "P-Asserted-Identity"), 0);
	cr_expect_str_eq(header(m, "Content-Length"), "22");
	cr_expect_str_eq(body_of(m), HELLO);
	answers(bob, 200, "Contact: <sip:bob@192.0.2.2>\r\n");
	m = hears(alice, "200");
	cr_expect_eq(headers(m, "Contact"), 0);
	ends();
}

/* S4-14b e to h: the answer is a MESSAGE of its own; U+2019 is three bytes. */
Test(worker_message, S4_14b_bytes)
{
	const char *m;

	texts_as(bob, "sip:alice@example.com", "<sip:bob@example.com>", PLAIN,
	    "I\xe2\x80\x99m fine. How are you?");
	m = hears(alice, "MESSAGE");
	cr_expect_str_eq(header(m, "Content-Length"), "24");
	cr_expect_str_eq(body_of(m), "I\xe2\x80\x99m fine. How are you?");
	answers(alice, 200, "");
	hears(bob, "200");
	ends();
}

/* The phrase goes back too; a retransmission gets the same answer and goes nowhere. */
Test(worker_message, answer_again)
{
	char first[RIG_TEXT];

	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	sends(bob,
	    "SIP/2.0 202 Will read it\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=b\r\nCall-ID: %s\r\n"
	    "CSeq: %s\r\nContent-Length: 0\r\n\r\n",
	    header(rig->log[0].text, "Via"), header(rig->log[0].text, "From"),
	    header(rig->log[0].text, "To"), header(rig->log[0].text, "Call-ID"),
	    header(rig->log[0].text, "CSeq"));
	snprintf(first, sizeof(first), "%s", hears(alice, "202"));
	expect_has(first, "SIP/2.0 202 Will read it\r\n");
	sends(alice, "%s", last);
	cr_expect_str_eq(hears(alice, "202"), first);
	hears_nothing(bob);
	ends();
}

/* All bindings get it; the first 2xx is the answer. */
Test(worker_message, S4_14_all_contacts)
{
	struct phone *desk = phone_at("bob", "192.0.2.7");

	rig_bind("bob", desk->contact, desk->host, 500, 0);
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	hears(desk, "MESSAGE");
	answers(desk, 415, "Accept: image/png\r\n");
	hears_nothing(alice);
	answers(bob, 200, "");
	hears(alice, "200");
	ends();
}

/* 16.7: a refusal that says what to change goes before one that does not; its headers with it. */
Test(worker_message, best_refusal)
{
	struct phone *desk = phone_at("bob", "192.0.2.7");
	const char *m;

	rig_bind("bob", desk->contact, desk->host, 500, 0);
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	hears(desk, "MESSAGE");
	answers(bob, 486, "");
	answers(desk, 415, "Accept: image/png\r\n");
	m = hears(alice, "415");
	cr_expect_str_eq(header(m, "Accept"), "image/png");
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	hears(desk, "MESSAGE");
	answers(bob, 603, "");
	answers(desk, 404, "");
	hears(alice, "603");
	ends();
}

/* A9: a phone's challenge is none to the sender. */
Test(worker_message, challenge_of_a_phone)
{
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	answers(bob, 401, "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n");
	cr_expect_eq(headers(hears(alice, "480"), "WWW-Authenticate"), 0);
	ends();
}

/* A2: who he is says the digest, not the From. */
Test(worker_message, A2_speaks_as_himself)
{
	const char *m;

	texts_as(alice, "sip:bob@example.com", "\"The boss\" <sip:boss@example.com>", PLAIN, HELLO);
	m = hears(alice, "407"); /* nobody is trusted for the mere From */
	texts_as(alice, "sip:bob@example.com", "\"A\" <sip:alice@elsewhere.example>", PLAIN, HELLO);
	m = hears(bob, "MESSAGE");
	cr_expect_str_eq(header(m, "From"), "\"A\" <sip:alice@example.com>;tag=49583");
	answers(bob, 200, "");
	hears(alice, "200");
	ends();
}

Test(worker_message, nobody_of_this_name)
{
	texts_as(alice, "sip:nobody@example.com", "<sip:alice@example.com>", PLAIN, HELLO);
	hears(alice, "404");
	texts_as(alice, "sip:bob@elsewhere.example", "<sip:alice@example.com>", PLAIN, HELLO);
	hears(alice, "404");
	ends();
}

Test(worker_message, disabled)
{
	struct dir_subscriber s = { .disabled = 1 };

	rig_subscriber_put(&s, "gone", "1077");
	texts_as(alice, "sip:gone@example.com", "<sip:alice@example.com>", PLAIN, HELLO);
	hears(alice, "480");
	cr_expect_eq(rig->kept, 0);
	ends();
}

/* Any type passes; a body without one does not. */
Test(worker_message, types)
{
	const char *m;

	texts(alice, "", HELLO);
	hears(alice, "400");
	texts(alice, "Content-Type: multipart/mixed;boundary=x\r\nContent-Encoding: gzip\r\n",
	    "--x\r\n\r\nhello\r\n--x--\r\n");
	m = hears(bob, "MESSAGE");
	cr_expect_str_eq(header(m, "Content-Type"), "multipart/mixed;boundary=x");
	cr_expect_str_eq(header(m, "Content-Encoding"), "gzip");
	answers(bob, 200, "");
	hears(alice, "200");
	ends();
}

/* RFC 3428 8: not over UDP. */
Test(worker_message, too_large_for_udp)
{
	char body[1400];

	memset(body, 'x', sizeof(body));
	body[sizeof(body) - 1] = '\0';
	texts(alice, PLAIN, body);
	hears(alice, "413");
	hears_nothing(bob);
	body[900] = '\0';
	texts(alice, PLAIN, body);
	cr_expect_str_eq(body_of(hears(bob, "MESSAGE")), body);
	answers(bob, 200, "");
	hears(alice, "200");
	ends();
}

/* The phone says nothing: it is repeated, and given up before the sender's own timer ends. Never 408
 * (RFC 4320). */
Test(worker_message, silent_phone)
{
	rig->settings.messages.store = 0;
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	rig_wait_ms(600);
	hears(bob, "MESSAGE");
	rig_wait_ms(27500);
	while (has_mail(bob))
		hears(bob, "MESSAGE");
	hears(alice, "480");
	rig_wait_ms(5000);
	while (has_mail(bob))
		hears(bob, "MESSAGE");
	ends();
}

Test(worker_message, unreachable_phone)
{
	rig->settings.messages.store = 0;
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	rig_unreachable(bob);
	hears(alice, "500");
	ends();
}

/* --- gateways -----------------------------------------------------------------------------------*/

Test(worker_message, to_a_gateway)
{
	static const uint64_t gateways[] = { 7, 8 };
	struct phone *first = phone_at("gw7", "192.0.2.70"),
		     *second = phone_at("gw8", "192.0.2.80");
	const char *m;

	rig_gateway(7, first->host, true);
	rig_gateway(8, second->host, true);
	rig_route("00", 2, gateways);
	texts_as(alice, "sip:0049123@example.com", "<sip:alice@example.com>", PLAIN, HELLO);
	m = hears(first, "MESSAGE");
	expect_has(m, "MESSAGE sip:0049123@192.0.2.70:5060;user=phone SIP/2.0");
	hears_nothing(second);
	answers(first, 503, "");
	hears(second, "MESSAGE");
	answers(second, 404, "");
	hears(alice, "404");
	cr_expect_eq(rig->kept, 0);
	/* What comes in from one reaches a subscriber, and does not go out again. */
	texts_as(first, "sip:bob@example.com", "<sip:+49123@192.0.2.70>", PLAIN, HELLO);
	m = hears(bob, "MESSAGE");
	cr_expect_str_eq(header(m, "From"), "<sip:+49123@192.0.2.70>;tag=49583");
	answers(bob, 200, "");
	hears(first, "200");
	texts_as(first, "sip:0049123@example.com", "<sip:+49123@192.0.2.70>", PLAIN, HELLO);
	hears(first, "404");
	ends();
}

/* --- kill -9 ------------------------------------------------------------------------------------*/

/* The state stands in shared memory: the new worker passes the answer back. */
Test(worker_message, killed_while_it_is_out)
{
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	rig_restart(0);
	hears_nothing(alice);
	rig_wait_ms(600);
	hears(bob, "MESSAGE");
	answers(bob, 200, "");
	hears(alice, "200");
	rig_restart(0);
	ends();
}

/* At each message that is written, before and after it leaves: the sender, who repeats what is not
 * answered, is told the same, and bob has it. */
Test(worker_message, killed_at_any_moment)
{
	for (unsigned n = 0; n < 4; n++) {
		unsigned got = 0, heard = 0;

		rig->die_at = n / 2 + 1;
		rig->die_before = n % 2;
		texts(alice, PLAIN, HELLO);
		for (unsigned i = 0; i < 20 && heard == 0; i++) {
			while (has_mail(bob)) {
				hears(bob, "MESSAGE");
				got++;
				answers(bob, 200, "");
			}
			for (; has_mail(alice); heard++)
				hears(alice, "200");
			if (heard == 0)
				sends(alice, "%s", last);
			rig_wait_ms(1000);
		}
		cr_expect_eq(rig->deaths, n + 1);
		cr_expect_geq(got, 1);
		cr_expect_geq(heard, 1);
		for (rig_wait_ms(70000); has_mail(bob);)
			hears(bob, "MESSAGE");
	}
	cr_expect_eq(rig->kept, 0);
	ends();
}
