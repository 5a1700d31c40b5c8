/* Requests outside a dialog, and what no call comes of (FLOWS.md S2-28, S4-06; RFC 3261 8.2). */
#include <stdlib.h>
#include <string.h>

#include "model/directory_key.h"
#include "worker_phone.h"

TestSuite(worker_gate, .init = rig_begin, .fini = rig_end);

/* A request of alice outside any dialog; `head` is the start line, `more` ends with what it has. */
static void
asks(const char *method, const char *uri, const char *more)
{
	static unsigned n;

	snprintf(alice->branch, sizeof(alice->branch), "z9hG4bK-gate-%u", ++n);
	alice->remote_tag[0] = '\0';
	snprintf(alice->invite_branch, sizeof(alice->invite_branch), "%s", alice->branch);
	snprintf(alice->invite_uri, sizeof(alice->invite_uri), "%s", uri);
	snprintf(alice->local, sizeof(alice->local), "<sip:alice@example.com>");
	snprintf(alice->local_tag, sizeof(alice->local_tag), "gate");
	snprintf(alice->call_id, sizeof(alice->call_id), "cid-gate-%u", n);
	alice->invite_cseq = 7;
	sends(alice,
	    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"
	    "From: <sip:alice@example.com>;tag=gate\r\nTo: <%s>\r\nCall-ID: %s\r\n"
	    "CSeq: 7 %s\r\nContact: <sip:alice@192.0.2.1>\r\n%s",
	    method, uri, alice->branch, uri, alice->call_id, method, more);
}

#define NO_BODY "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

Test(worker_gate, max_forwards)
{
	dials(alice, "bob", "Max-Forwards: 0\r\n", SDP_A);
	hears(alice, "483");
	hears_nothing(bob);
	rig_ends_empty(0);
}

/* INV-3: absent means 70. */
Test(worker_gate, max_forwards_absent)
{
	asks("INVITE", "sip:bob@example.com", "Content-Length: 0\r\n\r\n");
	hears(alice, "100");
	cr_expect_str_eq(header(hears(bob, "INVITE"), "Max-Forwards"), "70");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* Our own INVITE comes back with the Request-URI that made it: 482. */
Test(worker_gate, S0_15_S4_06_loop)
{
	const char *invite;
	char via[256];

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	invite = hears(bob, "INVITE");
	snprintf(via, sizeof(via), "%s", header(invite, "Via"));
	sends(bob,
	    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKp\r\n"
	    "Via: %s\r\nMax-Forwards: 60\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
	    "Contact: <sip:x@192.0.2.2>\r\nContent-Length: 0\r\n\r\n",
	    via, header(invite, "From"), header(invite, "To"), header(invite, "Call-ID"),
	    header(invite, "CSeq"));
	cr_expect_eq(strncmp(rig->log[rig->n_log - 1].text, "SIP/2.0 482", 11), 0, "%s",
	    rig->log[rig->n_log - 1].text);
	cr_expect_eq(headers(rig->log[rig->n_log - 1].text, "Via"), 2, "INV-2");
	rig->log[rig->n_log - 1].heard = true;
	replies(bob, "INVITE", 482, "", "");
	hears(bob, "ACK");
	hears(alice, "482");
	rig_ends_clean("failed 482 25 callee normal", 0);
}

/* With another Request-URI it is a spiral, which is none of the loop's business. */
Test(worker_gate, S0_15_S4_06_spiral)
{
	struct phone *carol = phone_new("carol", "192.0.2.3");
	const char *invite;

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	invite = hears(bob, "INVITE");
	sends(bob,
	    "INVITE sip:carol@example.com SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKp\r\n"
	    "Via: %s\r\nMax-Forwards: 60\r\nFrom: <sip:bob@example.com>;tag=sp\r\nTo: %s\r\n"
	    "Call-ID: %s\r\nCSeq: %s\r\nContact: <sip:x@192.0.2.2>\r\nContent-Length: 0\r\n\r\n",
	    header(invite, "Via"), header(invite, "To"), header(invite, "Call-ID"),
	    header(invite, "CSeq"));
	cr_expect_str_eq(header(hears(carol, "INVITE"), "Max-Forwards"), "59");
	rig->log[rig->n_log - 2].heard = true; /* the 100 to bob's address */
	cr_expect_eq(strncmp(rig->log[rig->n_log - 2].text, "SIP/2.0 100", 11), 0);
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	cr_expect_eq(strncmp(rig->log[rig->n_log - 1].text, "SIP/2.0 486", 11), 0);
	sends(bob,
	    "ACK sip:carol@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKp\r\n"
	    "From: <sip:bob@example.com>;tag=sp\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 ACK\r\n"
	    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
	    header(rig->log[rig->n_log - 1].text, "To"), header(invite, "Call-ID"));
	rig->log[rig->n_log - 1].heard = true;
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_empty(2);
}

/* 8.2.2.2: the same request by another way. */
Test(worker_gate, merged)
{
	char branch[64];

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	snprintf(branch, sizeof(branch), "%s", alice->invite_branch);
	alice->cseq--;
	dials_again(alice, "bob", "", SDP_A);
	hears(alice, "482");
	alice->remote_tag[0] = '\0';
	snprintf(alice->invite_branch, sizeof(alice->invite_branch), "%s", branch);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* A retransmission is absorbed: the last response again. */
Test(worker_gate, invite_again)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	sends(alice,
	    "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"
	    "Max-Forwards: 70\r\nFrom: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\n"
	    "Contact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n",
	    alice->invite_uri, alice->invite_branch, alice->local, alice->local_tag, alice->remote,
	    alice->call_id, alice->invite_cseq);
	hears(alice, "100");
	hears_nothing(bob);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

Test(worker_gate, required_extension)
{
	asks("INVITE", "sip:bob@example.com",
	    "Require: 100rel, teleport\r\nProxy-Require: beam\r\n" NO_BODY);
	cr_expect_str_eq(header(hears(alice, "420"), "Unsupported"), "teleport, beam");
	rig_ends_empty(0);
}

Test(worker_gate, body_that_nobody_understands)
{
	const char *m;

	asks("INVITE", "sip:bob@example.com",
	    "Max-Forwards: 70\r\nContent-Type: text/poem\r\nContent-Length: 4\r\n\r\nroses");
	m = hears(alice, "415");
	expect_has(header(m, "Accept"), "application/sdp");
	asks("INVITE", "sip:bob@example.com",
	    "Max-Forwards: 70\r\nContent-Type: text/poem\r\n"
	    "Content-Disposition: render;handling=optional\r\nContent-Length: 4\r\n\r\nrose");
	hears(alice, "100");
	expect_has(hears(bob, "INVITE"), "text/poem");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* S2-10: who takes no session description is told that there is nothing else; in a call, too. */
Test(worker_gate, S2_10_accept)
{
	dials(alice, "bob", "Accept: application/json\r\n", SDP_A);
	hears(alice, "406");
	dials(alice, "bob", "Accept:\r\n", "");
	hears(alice, "406");
	dials(alice, "bob", "Content-Encoding: gzip\r\n", SDP_A);
	cr_expect_str_eq(header(hears(alice, "415"), "Accept-Encoding"), "identity");
	hears_nothing(bob);
	dials(alice, "bob", "Accept: text/plain, application/*;q=0.5\r\n", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	says(alice, "INVITE", "Accept: application/json\r\n", SDP_A);
	hears(alice, "406");
	says(bob, "UPDATE", "Accept: text/plain\r\n", SDP_B);
	hears(bob, "406");
	says(bob, "INVITE", "Content-Encoding: gzip\r\n", SDP_B);
	hears(bob, "415");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_gate, invite_without_contact)
{
	sends(alice,
	    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnc\r\n"
	    "From: <sip:alice@example.com>;tag=nc\r\nTo: <sip:bob@example.com>\r\n"
	    "Call-ID: cid-nc\r\nCSeq: 1 INVITE\r\n" NO_BODY);
	snprintf(alice->invite_branch, sizeof(alice->invite_branch), "z9hG4bKnc");
	cr_expect_eq(strncmp(rig->log[0].text, "SIP/2.0 400", 11), 0);
	rig->log[0].heard = true;
	rig_ends_empty(0);
}

Test(worker_gate, methods)
{
	static const struct {
		const char *method, *status;
	} cases[] = { { "BYE", "481" }, { "UPDATE", "481" }, { "INFO", "481" }, { "PRACK", "481" },
		{ "NOTIFY", "481" }, { "PUBLISH", "405" }, { "SUBSCRIBE", "405" },
		{ "TELEPORT", "501" } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *m;

		asks(cases[i].method, "sip:bob@example.com", NO_BODY);
		m = hears(alice, cases[i].status);
		cr_expect_eq(
		    headers(m, "Allow"), cases[i].status[2] == '1' && i < 5 ? 0 : 1, "%s", m);
	}
	cr_expect_eq(rig->w[0]->txn_pool.live, 0, "nothing is remembered of them");
	rig_ends_empty(0);
}

/* In a dialog. */
Test(worker_gate, methods_in_a_dialog)
{
	static const struct {
		const char *method, *status;
	} cases[] = { { "OPTIONS", "200" }, { "PUBLISH", "405" }, { "TELEPORT", "501" } };

	talk(alice, bob);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		says(bob, cases[i].method, "", "");
		cr_expect_eq(headers(hears(bob, cases[i].status), "Allow"), 1);
	}
	says(bob, "INVITE", "Require: teleport\r\n", SDP_B);
	cr_expect_str_eq(header(hears(bob, "420"), "Unsupported"), "teleport");
	hears_nothing(alice);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* S2-28, 11.1. */
Test(worker_gate, options)
{
	const char *m;

	rig_subscriber("dave", "1009", DIR_TRUST_CHALLENGE);
	asks("OPTIONS", "sip:example.com", "Max-Forwards: 0\r\nContent-Length: 0\r\n\r\n");
	m = hears(alice, "200");
	cr_expect_eq(headers(m, "Allow"), 1);
	cr_expect_eq(headers(m, "Accept"), 1);
	asks("OPTIONS", "sip:bob@example.com", NO_BODY);
	hears(alice, "200");
	asks("OPTIONS", "sip:dave@example.com", NO_BODY);
	hears(alice, "480");
	asks("OPTIONS", "sip:nobody@example.com", NO_BODY);
	hears(alice, "404");
	rig_ends_empty(0);
}

static void
bob_is(struct dir_subscriber s, const char *cfu, const char *cfb)
{
	struct dir_subscriber_text text = { .user = SPAN("bob"),
		.number = SPAN("1002"),
		.cfu = span_str(cfu),
		.cfb = span_str(cfb) };

	s.id = 102;
	s.tenant = 1;
	s.trust = DIR_TRUST_BINDING;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
asks_for_bob(const char *status)
{
	asks("OPTIONS", "sip:bob@example.com", NO_BODY);
	hears(alice, status);
}

/* S2-28: what an INVITE would meet, that of one who talks or is somebody else's to answer. */
Test(worker_gate, S2_28_options_to_one_who_is_busy)
{
	struct phone *carol = phone_new("carol", "192.0.2.3");

	bob_is((struct dir_subscriber){ .dnd = 1, .call_waiting = 1 }, "", "");
	asks_for_bob("486");
	bob_is((struct dir_subscriber){ .call_waiting = 1 }, "", "");
	talk(carol, bob);
	asks_for_bob("200");
	bob_is((struct dir_subscriber){ .call_waiting = 1, .call_limit = 1 }, "", "");
	asks_for_bob("486");
	bob_is((struct dir_subscriber){ .call_waiting = 0 }, "", "");
	asks_for_bob("486");
	bob_is((struct dir_subscriber){ .call_waiting = 0 }, "", "1003");
	asks_for_bob("200");
	hangs_up(carol, bob);
	bob_is((struct dir_subscriber){ .call_waiting = 0 }, "", "");
	asks_for_bob("200");
	bob_is((struct dir_subscriber){ .dnd = 1 }, "1003", "");
	asks_for_bob("200");
	rig_ends_empty(1);
}

/* S3-19, S3-15: an ACK is never answered; a response that is none of ours goes nowhere. */
Test(worker_gate, strays)
{
	asks("ACK", "sip:bob@example.com", NO_BODY);
	sends(alice, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKforged\r\n"
		     "From: <sip:alice@example.com>;tag=x\r\nTo: <sip:bob@example.com>;tag=y\r\n"
		     "Call-ID: cid-x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
	hears_nothing(alice);
	hears_nothing(bob);
	rig_ends_empty(0);
}

/* Nobody's domain: the exchange is no relay. */
Test(worker_gate, S4_05_strange_domain)
{
	asks("INVITE", "sip:bob@elsewhere.example", NO_BODY);
	hears(alice, "100");
	hears(alice, "404");
	rig_ends_clean("failed 404 1 system normal", 0);
}

/* The directory is not there yet. */
Test(worker_gate, directory_empty)
{
	struct directory was = rig->w[0]->directory;
	struct dir_head none = { 0 };

	rig->w[0]->directory.head = &none;
	asks("INVITE", "sip:bob@example.com", NO_BODY);
	cr_expect_eq(headers(hears(alice, "503"), "Retry-After"), 1);
	rig->w[0]->directory = was;
	rig_ends_empty(0);
}
