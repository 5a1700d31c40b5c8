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

struct notify { /* what is not set is as alice's phone has it */
	const char *contact, *call_id, *from, *from_tag, *to_tag, *event, *type, *state, *text;
	struct phone *by;
};

static const char * or (const char *value, const char *otherwise)
{
	return value == NULL ? otherwise : value;
}

/* To where its Contact says, in this dialog. */
static void
notifies_as(struct notify x)
{
	struct phone *by = x.by == NULL ? alice : x.by;
	const char *text = or (x.text, "SIP/2.0 100 Trying\r\n");
	static unsigned n;

	snprintf(by->branch, sizeof(by->branch), "z9hG4bK-notify-%u", n++);
	sends(by,
	    "NOTIFY %.*s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:%s@example.com>%s\r\n"
	    "To: <sip:alice@example.com>%s\r\nCall-ID: %s\r\nCSeq: %u NOTIFY\r\n"
	    "Contact: <sip:%s@%s>\r\nEvent: %s\r\nSubscription-State: %s\r\n"
	    "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
	    (int)strcspn(x.contact + 1, ">"), x.contact + 1, by->host, by->branch,
	    or (x.from, "alice"), or (x.from_tag, ";tag=p"), or (x.to_tag, ";tag=c"),
	    or (x.call_id, call_id), n, by->user, by->host, or (x.event, "refer"),
	    or (x.state, "active;expires=60"), or (x.type, "message/sipfrag"), strlen(text), text);
}

static void
notifies(const char *contact, const char *dialog, const char *state, const char *text)
{
	notifies_as(
	    (struct notify){ .contact = contact, .call_id = dialog, .state = state, .text = text });
}

/* The phone has been asked and has taken it; what each was told of the other. */
static void
is_taken(char to_controller[256], char to_phone[256])
{
	refers_to(computer, "alice", TO_BOB);
	snprintf(to_controller, 256, "%s", header(hears(alice, "REFER"), "Contact"));
	replies(alice, "REFER", 202, "", "");
	snprintf(to_phone, 256, "%s", header(hears(computer, "202"), "Contact"));
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

/* Whatever it says that it is, it is the phone that was asked; and nobody is told where more may be sent. */
Test(worker_referral, notifies_as_who_was_asked)
{
	char contact[256], back[256];
	const char *text;

	is_taken(contact, back);
	expect_lacks(back, "referral");
	notifies_as((struct notify){ .contact = contact, .from = "bob" });
	text = hears(computer, "NOTIFY");
	cr_expect_str_eq(header(text, "From"), "<sip:alice@example.com>;tag=p");
	expect_has(header(text, "Contact"), "<sip:alice@" RIG_HOST);
	expect_lacks(header(text, "Contact"), "referral");
	replies(computer, "NOTIFY", 200, "", "");
	hears(alice, "200 NOTIFY");
	rig_ends_empty(0);
}

/* Nothing but how the call goes, and only from the phone to the controller (THREATS.md A1). */
Test(worker_referral, notifies_nothing_else)
{
	static const struct {
		struct notify x;
		const char *status;
	} cases[] = { { { .event = "check-sync;reboot=true" }, "489" },
		{ { .event = "message-summary" }, "489" }, { { .type = "text/plain" }, "415" },
		{ { .state = ";" }, "400" }, { { .to_tag = "" }, "481" },
		{ { .from_tag = "" }, "481" }, { { .to_tag = ";tag=other" }, "481" } };
	char contact[256], back[256];
	struct notify x;

	is_taken(contact, back);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		x = cases[i].x;
		x.contact = contact;
		notifies_as(x);
		hears(alice, cases[i].status);
	}
	notifies_as((struct notify){ .contact = back, .by = computer });
	hears(computer, "481");
	notifies_as((struct notify){
	    .contact = back, .by = computer, .from_tag = ";tag=c", .to_tag = ";tag=p" });
	hears(computer, "481");
	notifies_as((struct notify){ .contact = contact, .by = bob });
	hears(bob, "403");
	hears_nothing(computer);
	hears_nothing(alice);
	notifies_as((struct notify){ .contact = contact, .event = "refer;id=7" });
	hears(computer, "NOTIFY");
	replies(computer, "NOTIFY", 200, "", "");
	hears(alice, "200 NOTIFY");
	rig_wait_ms(3601 * 1000);
	notifies_as((struct notify){ .contact = contact });
	hears(alice, "481");
	rig_ends_empty(0);
}

/* It ends with what it was for. */
Test(worker_referral, notifies_no_more_when_disabled_or_suspended)
{
	struct dir_subscriber off = { .disabled = 1, .trust = DIR_TRUST_ADDRESS };
	struct dir_subscriber on = { .trust = DIR_TRUST_ADDRESS };
	struct dir_tenant tenant = {
		.tenant = 1, .suspended = 1, .name = "office", .realm = "example.com"
	};
	char contact[256], back[256];

	is_taken(contact, back);
	rig_subscriber_put(&off, "alice", "1001");
	notifies_as((struct notify){ .contact = contact });
	hears(alice, "403");
	rig_subscriber_put(&on, "alice", "1001");
	cr_assert_eq(directory_put_tenant(&rig->directory, &tenant), ERR_NONE);
	notifies_as((struct notify){ .contact = contact });
	hears(alice, "403");
	hears_nothing(computer);
	rig_ends_empty(0);
}

/* Each is told how he reaches us, not how the other does. */
Test(worker_referral, contact_is_of_the_way_to_who_gets_it)
{
	const char *text;

	rig->tcp = true;
	refers_to(computer, "alice", TO_BOB);
	rig->tcp = false;
	text = header(hears(alice, "REFER"), "Contact");
	expect_lacks(text, "transport=");
	replies(alice, "REFER", 202, "", "");
	expect_has(header(hears(computer, "202"), "Contact"), ";transport=tcp");
	rig_ends_empty(0);
}

/* By another connection than the one it registered by. */
Test(worker_referral, never_to_who_asks)
{
	alice->address.port = 5070;
	strcpy(computer->local_tag, "q");
	refers_to(alice, "alice", TO_BOB);
	alice->address.port = 5060;
	hears(computer, "REFER");
	replies(computer, "REFER", 603, "", "");
	hears(alice, "603");
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
