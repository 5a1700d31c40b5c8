/* A REFER outside any dialog (RFC 3515, RFC 5359 2.18): alice's computer has her phone call bob. */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

#define computer (rig->phones[2])
#define TO_BOB	 "Refer-To: <sip:bob@example.com>\r\n"

static char call_id
    [32]; /* passes on purpose, as that of a MESSAGE does: it is no phone's dialog of a call */

static void
begin(void)
{
	rig_begin();
	phone_at("alice", "192.0.2.11");
	strcpy(alice->local_tag, "p");
	rig_bind("alice", computer->contact, computer->host, 500, 0);
}

TestSuite(worker_referral, .init = begin, .fini = rig_end);

static void
refers_to(struct phone *p, const char *user, const char *more)
{
	static unsigned n;

	snprintf(p->branch, sizeof(p->branch), "z9hG4bK-refer-%u", ++n);
	snprintf(call_id, sizeof(call_id), "cid-refer-%u", n);
	sends(p,
	    "REFER sip:%s@example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:%s@example.com>;tag=c\r\nTo: <sip:%s@example.com>\r\n"
	    "Call-ID: %s\r\nCSeq: 7 REFER\r\nContact: <sip:%s@%s>\r\n%sContent-Length: 0\r\n\r\n",
	    user, p->host, p->branch, p->user, user, call_id, p->user, p->host, more);
}

/* To where its Contact says, in this dialog. */
static void
notifies(const char *contact, const char *dialog, const char *state, const char *text)
{
	static unsigned n;

	sends(alice,
	    "NOTIFY %.*s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-notify-%u\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=p\r\n"
	    "To: <sip:alice@example.com>;tag=c\r\nCall-ID: %s\r\nCSeq: %u NOTIFY\r\n"
	    "Contact: <sip:alice@192.0.2.1>\r\nEvent: refer\r\nSubscription-State: %s\r\n"
	    "Content-Type: message/sipfrag\r\nContent-Length: %zu\r\n\r\n%s",
	    (int)strcspn(contact + 1, ">"), contact + 1, n, dialog, n + 1, state, strlen(text),
	    text);
	n++;
}

/* RFC 5359 2.18: it is the phone's REFER, but for who stands behind the Contact. */
Test(worker_referral, relayed)
{
	char contact[256];
	const char *text;

	refers_to(
	    computer, "alice", TO_BOB "Referred-By: <sip:boss@example.com>\r\nRefer-Sub: true\r\n");
	text = hears(alice, "REFER");
	cr_expect_str_eq(header(text, "Call-ID"), call_id);
	cr_expect_str_eq(header(text, "CSeq"), "7 REFER");
	cr_expect_str_eq(header(text, "Max-Forwards"), "69");
	cr_expect_str_eq(header(text, "Refer-To"), "<sip:bob@example.com>");
	cr_expect_str_eq(header(text, "Referred-By"), "<sip:alice@example.com>");
	cr_expect_str_eq(header(text, "Refer-Sub"), "true");
	expect_has(header(text, "From"), ";tag=c");
	expect_has(header(text, "Contact"), "<sip:alice@" RIG_HOST);
	snprintf(contact, sizeof(contact), "%s", header(text, "Contact"));
	replies(alice, "REFER", 202, "", "");
	text = hears(computer, "202");
	expect_has(header(text, "To"), ";tag=p");
	expect_has(header(text, "Contact"), "<sip:alice@" RIG_HOST);
	notifies(contact, call_id, "active;expires=60", "SIP/2.0 100 Trying\r\n");
	text = hears(computer, "NOTIFY");
	cr_expect_str_eq(header(text, "Subscription-State"), "active;expires=60");
	cr_expect_str_eq(header(text, "Event"), "refer");
	expect_has(header(text, "From"), ";tag=p");
	expect_has(header(text, "To"), ";tag=c");
	cr_expect_str_eq(header(text, "Content-Type"), "message/sipfrag");
	cr_expect_str_eq(body_of(text), "SIP/2.0 100 Trying\r\n");
	replies(computer, "NOTIFY", 200, "", "");
	hears(alice, "200 NOTIFY");
	/* It has not been kept anywhere: the worker may be another by now. */
	rig_restart(0);
	notifies(contact, call_id, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n");
	hears(computer, "NOTIFY");
	replies(computer, "NOTIFY", 481, "", "");
	hears(alice, "481");
	rig_ends_empty(0);
}

/* Only for who was told where, and in that dialog alone. */
Test(worker_referral, notifies_nobody_else)
{
	char contact[256], other[256];

	refers_to(computer, "alice", TO_BOB);
	snprintf(contact, sizeof(contact), "%s", header(hears(alice, "REFER"), "Contact"));
	notifies(contact, "cid-other", "active", "SIP/2.0 100 Trying\r\n");
	hears(alice, "481");
	snprintf(other, sizeof(other), "<sip:bob%s", strchr(contact, '@'));
	notifies(other, call_id, "active", "SIP/2.0 100 Trying\r\n");
	hears(alice, "481");
	notifies("<sip:alice@" RIG_HOST ";referral=1->", call_id, "active", "x");
	hears(alice, "481");
	hears_nothing(computer);
	replies(alice, "REFER", 603, "", "");
	hears(computer, "603");
	rig_ends_empty(0);
}

static void
in_group(const char *user, const char *number)
{
	struct dir_subscriber s = {
		.id = 900, .tenant = 1, .call_waiting = 1, .trust = DIR_TRUST_ADDRESS
	};
	struct dir_subscriber_text text = {
		.user = span_str(user), .number = span_str(number), .pickup_group = SPAN("sales")
	};

	s.id += (unsigned)number[3];
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

/* A colleague of the same group may; one of her two phones is asked, the one with the better q. */
Test(worker_referral, by_a_colleague)
{
	refers_to(bob, "alice", TO_BOB);
	hears(bob, "403");
	in_group("alice", "1001");
	in_group("bob", "1002");
	refers_to(bob, "alice", TO_BOB);
	hears(alice, "REFER");
	hears_nothing(computer);
	replies(alice, "REFER", 202, "", "");
	hears(bob, "202");
	rig_ends_empty(0);
}

Test(worker_referral, refused)
{
	static const struct {
		const char *more, *status;
	} cases[] = { { "", "400" }, { "Refer-To: \r\n", "400" },
		{ "Refer-To: <sip:bob@example.com;method=BYE>\r\n", "403" },
		{ "Refer-To: <http://example.com/>\r\n", "403" } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		refers_to(computer, "alice", cases[i].more);
		hears(computer, cases[i].status);
	}
	refers_to(computer, "nobody", TO_BOB);
	hears(computer, "404");
	hears_nothing(alice);
	/* Of what a Refer-To can carry nothing passes that would write the phone's INVITE (THREATS.md D2). */
	refers_to(computer, "alice", "Refer-To: <sip:bob@example.com?Route=sip%3Aevil.test>\r\n");
	cr_expect_str_eq(header(hears(alice, "REFER"), "Refer-To"), "<sip:bob@example.com>");
	replies(alice, "REFER", 405, "", "");
	hears(computer, "405");
	rig_ends_empty(0);
}
