/* MESSAGE for who is absent: handed to the store, delivered later (FLOWS.md S4-14). */
#include <stdlib.h>
#include <string.h>

#include "worker_texts.h"

TestSuite(worker_kept, .init = rig_begin, .fini = rig_end);

static void
ends(void)
{
	rig_ends_empty(0);
}

static void
texts_dave(const char *more, const char *body)
{
	texts_as(alice, "sip:dave@example.com", "<sip:alice@example.com>", more, body);
}

Test(worker_kept, S4_14_kept_for_the_absent)
{
	rig->kept_status = 202;
	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	texts_dave(PLAIN "Subject: lunch\r\nExpires: 3600\r\n", HELLO);
	hears(alice, "202");
	cr_expect_eq(rig->kept, 1);
	cr_expect_str_eq(rig_message("to_user"), "dave");
	cr_expect_str_eq(rig_message("from_user"), "alice");
	cr_expect_str_eq(rig_message("from_uri"), "sip:alice@example.com");
	cr_expect_str_eq(rig_message("content_type"), "text/plain");
	cr_expect_str_eq(rig_message("created_at"), "2023-11-14T22:13:20.000Z");
	cr_expect_str_eq(rig_message("expires_at"), "2023-11-14T23:13:20.000Z");
	texts_dave(PLAIN, HELLO);
	hears(alice, "202");
	cr_expect_str_eq(rig_message("expires_at"), "2023-11-21T22:13:20.000Z");
	ends();
}

Test(worker_kept, box_is_full)
{
	rig->kept_status = 480;
	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	texts_dave(PLAIN, HELLO);
	expect_has(hears(alice, "480"), "Too many messages");
	ends();
}

/* Nothing is promised that is not on disk. */
Test(worker_kept, store_says_nothing)
{
	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	texts_dave(PLAIN, HELLO);
	rig_wait_ms(30900);
	hears_nothing(alice);
	rig_wait_ms(200);
	hears(alice, "503");
	cr_expect_eq(rig->kept, 1);
	ends();
}

Test(worker_kept, what_is_not_kept)
{
	char body[1000];

	rig->kept_status = 202;
	rig->settings.messages.max_bytes = 500;
	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	memset(body, 'x', sizeof(body));
	body[sizeof(body) - 1] = '\0';
	texts_dave(PLAIN, body);
	hears(alice, "413");
	texts_dave(PLAIN "Expires: 0\r\n", HELLO);
	hears(alice, "480");
	texts_dave("Content-Type: application/im-iscomposing+xml\r\n", HELLO);
	hears(alice, "480");
	rig->settings.messages.store = 0;
	texts_dave(PLAIN, HELLO);
	hears(alice, "480");
	cr_expect_eq(rig->kept, 0);
	ends();
}

/* All phones are out of reach: kept; a refusal of one that is there is passed on instead. */
Test(worker_kept, absent_phones)
{
	struct phone *desk = phone_at("bob", "192.0.2.7");

	rig->kept_status = 202;
	rig_bind("bob", desk->contact, desk->host, 500, 0);
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	hears(desk, "MESSAGE");
	answers(bob, 480, "");
	answers(desk, 486, "");
	hears(alice, "486");
	cr_expect_eq(rig->kept, 0);
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	hears(desk, "MESSAGE");
	answers(bob, 480, "");
	rig_unreachable(desk);
	hears(alice, "202");
	cr_expect_eq(rig->kept, 1);
	cr_expect_eq(rig->told, 0);
	ends();
}

/* Given up, kept, and taken by the slow phone after all: the store hears of it. */
Test(worker_kept, taken_after_all)
{
	rig->kept_status = 202;
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	rig_wait_ms(28100);
	while (has_mail(bob))
		hears(bob, "MESSAGE");
	hears(alice, "202");
	answers(bob, 200, "");
	cr_expect_eq(rig->told, 1);
	cr_expect_eq(rig->told_status, 200);
	ends();
}

static void
keep_one(void)
{
	rig->kept_status = 202;
	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	texts_dave(PLAIN "Subject: lunch\r\n", HELLO);
	hears(alice, "202");
}

Test(worker_kept, S4_14_delivered_later)
{
	struct phone *dave = phone_at("dave", "192.0.2.9"), *desk = phone_at("dave", "192.0.2.10");
	const char *m;
	char call_id[160];

	keep_one();
	rig_bind("dave", dave->contact, dave->host, 1000, 0);
	rig_bind("dave", desk->contact, desk->host, 1000, 0);
	rig_due(0);
	m = hears(dave, "MESSAGE");
	cr_expect_str_eq(header(m, "Date"), "Tue, 14 Nov 2023 22:13:20 GMT");
	cr_expect_str_eq(header(m, "Subject"), "lunch");
	cr_expect_str_eq(header(m, "Content-Type"), "text/plain");
	cr_expect_str_eq(header(m, "To"), "<sip:dave@example.com>");
	cr_expect_eq(strncmp(header(m, "From"), "<sip:alice@example.com>;tag=", 28), 0);
	cr_expect_str_eq(body_of(m), HELLO);
	snprintf(call_id, sizeof(call_id), "%s", header(m, "Call-ID"));
	hears(desk, "MESSAGE");
	answers(desk, 480, "");
	cr_expect(rig->told == 1 && rig->told_status == 480 && rig->told_of == 2);
	answers(dave, 200, "");
	cr_expect(rig->told == 2 && rig->told_status == 200 && rig->told_of == 2);
	/* Once more, as a store would that was killed meanwhile: the phone can tell. */
	rig_due(0);
	cr_expect_str_eq(header(hears(dave, "MESSAGE"), "Call-ID"), call_id);
	hears(desk, "MESSAGE");
	rig_unreachable(desk);
	rig_unreachable(dave);
	cr_expect(rig->told == 4 && rig->told_status == 503);
	ends();
}

/* A worker that was there before the registrar had made its table, and has had nothing to look up since. */
Test(worker_kept, S4_14_due_to_one_that_started_first)
{
	struct phone *dave = phone_at("dave", "192.0.2.9");

	keep_one();
	rig->no_tables = true;
	rig_restart(0);
	rig->no_tables = false;
	rig_bind("dave", dave->contact, dave->host, 1000, 0);
	rig_due(0);
	hears(dave, "MESSAGE");
	answers(dave, 200, "");
	cr_expect(rig->told == 1 && rig->told_status == 200);
	ends();
}

Test(worker_kept, due_and_gone_again)
{
	keep_one();
	rig_due(0);
	cr_expect(rig->told == 1 && rig->told_status == 480 && rig->told_of == 1);
	ends();
}

Test(worker_kept, killed_while_it_is_silent)
{
	rig->kept_status = 202;
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	rig_wait_ms(20000);
	rig_restart(0);
	rig_wait_ms(8200);
	while (has_mail(bob))
		hears(bob, "MESSAGE");
	hears(alice, "202");
	rig_restart(0);
	rig_wait_ms(6000);
	while (has_mail(bob))
		hears(bob, "MESSAGE");
	cr_expect_eq(rig->kept, 1);
	ends();
}

/* As the store is asked: it is asked again, for the same. */
Test(worker_kept, killed_while_it_is_kept)
{
	uint8_t id[16];

	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	texts_dave(PLAIN, HELLO);
	memcpy(id, rig->message_id, 16);
	rig->kept_status = 202;
	rig_restart(0);
	cr_expect_eq(memcmp(id, rig->message_id, 16), 0);
	hears(alice, "202");
	ends();
}

/* The report of a delivery is made by the successor. */
Test(worker_kept, killed_while_it_is_delivered)
{
	struct phone *dave = phone_at("dave", "192.0.2.9");

	keep_one();
	rig_bind("dave", dave->contact, dave->host, 1000, 0);
	rig_due(0);
	hears(dave, "MESSAGE");
	rig_restart(0);
	answers(dave, 200, "");
	cr_expect(rig->told == 1 && rig->told_status == 200);
	rig_restart(0);
	cr_expect_eq(rig->told, 1);
	ends();
}
