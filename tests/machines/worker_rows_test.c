/* Rules of FLOWS.md that are short to say: what decides, what is copied, what passes, what does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_rows, .init = rig_begin, .fini = rig_end);

static void
bob_is_busy(void)
{
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

static const char *
bob_hears(const char *more)
{
	dials(alice, "bob", more, SDP_A);
	hears(alice, "100");
	return hears(bob, "INVITE");
}

/* The Request-URI decides; what To says is data (S1's "callee of the To field" is to be read so). */
Test(worker_rows, S3_01_S3_03_request_uri_routes_and_To_does_not)
{
	sends(alice,
	    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-to\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=to-1\r\n"
	    "To: <sip:carol@elsewhere.example>\r\nCall-ID: cid-alice-to\r\nCSeq: 1 INVITE\r\n"
	    "Contact: <%s>\r\nContent-Length: 0\r\n\r\n",
	    alice->host, alice->contact);
	snprintf(alice->invite_branch, sizeof(alice->invite_branch), "z9hG4bK-to");
	snprintf(alice->branch, sizeof(alice->branch), "z9hG4bK-to");
	snprintf(alice->call_id, sizeof(alice->call_id), "cid-alice-to");
	snprintf(alice->local_tag, sizeof(alice->local_tag), "to-1");
	snprintf(alice->local, sizeof(alice->local), "<sip:alice@example.com>");
	snprintf(alice->invite_uri, sizeof(alice->invite_uri), "sip:bob@example.com");
	alice->invite_cseq = 1;
	hears(alice, "100");
	hears(bob, "INVITE");
	bob_is_busy();
}

/* ACK and CANCEL bear the number of their INVITE; every other request the next. */
Test(worker_rows, S3_06_cseq)
{
	char invite[32];

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	snprintf(invite, sizeof(invite), "%s", header(hears(bob, "INVITE"), "CSeq"));
	replies(bob, "INVITE", 200, "", SDP_B);
	cr_expect_eq(atoi(header(hears(bob, "ACK"), "CSeq")), atoi(invite));
	hears(alice, "200 INVITE");
	acks(alice, "");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	cr_expect_eq(atoi(header(hears(bob, "BYE"), "CSeq")), atoi(invite) + 1);
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Our Contact names a leg and nobody's number. */
Test(worker_rows, S3_07_contact_tells_nothing)
{
	const char *contact = header(bob_hears(""), "Contact");

	expect_has(contact, "@" RIG_HOST);
	expect_lacks(contact, "alice");
	expect_lacks(contact, "1001");
	bob_is_busy();
}

Test(worker_rows, S3_08_max_forwards)
{
	cr_expect_str_eq(header(bob_hears(""), "Max-Forwards"), "69");
	bob_is_busy();
}

/* UTF-8 in names, subjects and phrases is nobody's business. */
Test(worker_rows, S2_01_utf8)
{
	expect_has(bob_hears("Subject: \xe6\xb5\x8b\xe8\xaf\x95\r\n"), "\xe6\xb5\x8b\xe8\xaf\x95");
	sends(bob,
	    "SIP/2.0 486 B\xc3\xa9t\xc3\xa4tigt\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=x\r\n"
	    "Call-ID: %s\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
	    header(bob->got[0], "Via"), header(bob->got[0], "From"), header(bob->got[0], "To"),
	    header(bob->got[0], "Call-ID"));
	hears(bob, "ACK");
	expect_has(hears(alice, "486"), "B\xc3\xa9t\xc3\xa4tigt");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* What a callee selects calls by. */
Test(worker_rows, S2_16f_priority_and_subject_pass)
{
	const char *m = bob_hears("Priority: urgent\r\nSubject: lunch\r\n");

	cr_expect_str_eq(header(m, "Priority"), "urgent");
	cr_expect_str_eq(header(m, "Subject"), "lunch");
	bob_is_busy();
}

Test(worker_rows, S2_16a_answer_is_200)
{
	talk(alice, bob);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* 181 and 182 of a called side pass as they are: code, phrase and what goes with them, in one dialog; a queue
 * says so again each minute, until somebody has time. */
Test(worker_rows, S2_16h_queued_and_forwarded_pass)
{
	char tag[64], again[64];
	const char *m;

	bob_hears("");
	for (unsigned minute = 0; minute < 3; minute++) {
		replies(bob, "INVITE", 182, "Call-Info: <http://example.com/q>\r\n", "");
		m = hears(alice, "182");
		expect_has(m, "SIP/2.0 182 Whatever\r\n");
		cr_expect_str_eq(header(m, "Call-Info"), "<http://example.com/q>");
		tag_of(header(m, "To"), minute == 0 ? tag : again, sizeof(tag));
		cr_expect(minute == 0 || strcmp(tag, again) == 0, "INV-5");
		cr_expect_str_eq(body_of(m), "");
		rig_wait_ms(55000);
		hears_nothing(alice);
	}
	replies(bob, "INVITE", 181, "", "");
	expect_has(hears(alice, "181"), "SIP/2.0 181 Whatever\r\n");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* An announcement and then no: she hears both, and pays for neither; also where nobody asks for a PRACK. */
Test(worker_rows, S4_11_announcement_then_failure)
{
	bob_hears("");
	rig_wait_ms(300);
	replies(bob, "INVITE", 183, "", SDP_B);
	expect_has(hears(alice, "183"), "m=audio 4002");
	rig_wait_ms(4000);
	replies(bob, "INVITE", 480, "Reason: Q.850;cause=20\r\n", "");
	hears(bob, "ACK");
	expect_has(header(hears(alice, "480"), "Reason"), "Q.850;cause=20");
	rig_ends_clean("noanswer 480 20 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.early_media_ms"), "4000");
	cr_expect_str_eq(rig_cdr("segment.1.answer_at"), "");
}

/* THREATS.md F14: the clock is set back in mid-call. The record has its beginning; the rest is durations. */
Test(worker_rows, F14_wall_clock_set_back)
{
	talk(alice, bob);
	rig->clock.wall_ms -= 3600000;
	rig_wait_ms(5000);
	hangs_up(alice, bob);
	rig_read_store(0);
	cr_expect_str_eq(rig_cdr("segment.1.answer_at"), "2023-11-14T22:13:20.000Z");
	cr_expect_str_eq(rig_cdr("segment.1.end_at"), "2023-11-14T22:13:25.000Z");
	cr_expect_str_eq(rig_cdr("leg.1.end_at"), rig_cdr("segment.1.end_at"));
	rig_ends_clean("answered 200 16 caller normal", 5000);
}

/* Where RTCP goes is said by the two, whatever of the ways they choose. */
Test(worker_rows, S2_29_rtcp)
{
	static const char sdp[] = SDP("192.0.2.1", "4000",
	    "a=rtcp:4101 IN IP4 192.0.2.9\r\na=rtcp-mux\r\na=rtcp-fb:0 nack\r\n");
	const char *m;

	dials(alice, "bob", "", sdp);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	cr_expect_str_eq(strstr(body_of(m), "c="), strstr(sdp, "c="));
	replies(bob, "INVITE", 200, "", SDP("192.0.2.2", "4002", "a=rtcp-mux\r\n"));
	hears(bob, "ACK");
	expect_has(hears(alice, "200 INVITE"), "a=rtcp-mux\r\n");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Obsolete, and ours to drop. */
Test(worker_rows, S2_10_encryption_is_dropped)
{
	expect_lacks(bob_hears("Encryption: PGP version=2.6.2,encoding=ascii\r\n"), "Encryption");
	bob_is_busy();
}

/* Q.850 beside the code, both ways. */
Test(worker_rows, S2_29_q850)
{
	bob_hears("");
	replies(bob, "INVITE", 486, "Reason: Q.850;cause=17;text=\"User busy\"\r\n", "");
	hears(bob, "ACK");
	expect_has(header(hears(alice, "486"), "Reason"), "Q.850;cause=17");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* What the network behind a gateway says stands in the record, not what the code alone would mean. */
Test(worker_rows, S2_29_q850_given)
{
	bob_hears("");
	replies(bob, "INVITE", 503, "Reason: Q.850;cause=34;text=\"No circuit\"\r\n", "");
	hears(bob, "ACK");
	hears(alice, "503");
	rig_wait_ms(40000);
	cr_expect_str_eq(rig_cdr("segment.1.sip_code"), "503");
	cr_expect_str_eq(rig_cdr("segment.1.q850_cause"), "34");
	talk(alice, bob);
	says(bob, "BYE", "Reason: Q.850;cause=31\r\n", "");
	hears(bob, "200 BYE");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	rig_wait_ms(40000);
	cr_expect_str_eq(rig_cdr("segment.1.sip_code"), "200");
	cr_expect_str_eq(rig_cdr("segment.1.q850_cause"), "31");
	rig_ends_empty(2);
}

/* RFC 3398 8.2.6.1: what a refusal is called in the telephone network. */
Test(worker_rows, S2_29_q850_of_a_code)
{
	static const struct {
		unsigned status;
		const char *cause;
	} codes[] = { { 404, "1" }, { 405, "63" }, { 406, "79" }, { 410, "22" }, { 414, "127" },
		{ 415, "79" }, { 420, "127" }, { 480, "18" }, { 484, "28" }, { 485, "1" },
		{ 486, "17" }, { 500, "41" }, { 501, "79" }, { 502, "38" }, { 504, "102" },
		{ 505, "127" }, { 513, "127" }, { 600, "17" }, { 603, "21" }, { 604, "1" } };
	enum { N = sizeof(codes) / sizeof(codes[0]) };
	char status[8];

	for (unsigned i = 0; i < N; i++) {
		snprintf(status, sizeof(status), "%u", codes[i].status);
		bob_hears("");
		replies(bob, "INVITE", codes[i].status, "", "");
		hears(bob, "ACK");
		hears(alice, status);
		rig_wait_ms(40000);
		cr_expect_str_eq(rig_cdr("segment.1.sip_code"), status);
		cr_expect_str_eq(rig_cdr("segment.1.q850_cause"), codes[i].cause, "of %s", status);
	}
	rig_ends_empty(N);
}

Test(worker_rows, S2_29_q850_in_bye)
{
	talk(alice, bob);
	says(bob, "BYE", "Reason: Q.850;cause=16\r\n", "");
	hears(bob, "200 BYE");
	expect_has(header(hears(alice, "BYE"), "Reason"), "Q.850;cause=16");
	replies(alice, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* Digits as either side says them, and while it rings; several at once keep their order. No feature of ours
 * takes one: there are none that listen in a call. */
Test(worker_rows, S4_12_digits_both_ways_and_early)
{
	const char *m;

	bob_hears("");
	replies(bob, "INVITE", 183, "", SDP_B);
	hears(alice, "183");
	says(alice, "INFO", "Content-Type: application/dtmf\r\n", "7");
	m = hears(bob, "INFO");
	cr_expect_str_eq(header(m, "Content-Type"), "application/dtmf");
	cr_expect_str_eq(body_of(m), "7");
	replies(bob, "INFO", 200, "", "");
	hears(alice, "200 INFO");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	says(
	    bob, "INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=#\r\nDuration=80\r\n");
	m = hears(alice, "INFO");
	cr_expect_str_eq(body_of(m), "Signal=#\r\nDuration=80\r\n");
	replies(alice, "INFO", 200, "", "");
	hears(bob, "200 INFO");
	says(alice, "INFO", "Content-Type: application/dtmf\r\n", "1");
	says(alice, "INFO", "Content-Type: application/dtmf\r\n", "2");
	cr_expect_str_eq(body_of(hears(bob, "INFO")), "1");
	replies(bob, "INFO", 200, "", "");
	hears(alice, "200 INFO");
	cr_expect_str_eq(body_of(hears(bob, "INFO")), "2");
	replies(bob, "INFO", 200, "", "");
	hears(alice, "200 INFO");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* A digit passes, and so does its answer; each waits for its own. */
Test(worker_rows, S4_12_info_in_a_call)
{
	const char *m;

	talk(alice, bob);
	says(alice, "INFO", "Content-Type: application/dtmf-relay\r\n",
	    "Signal=5\r\nDuration=160\r\n");
	m = hears(bob, "INFO");
	expect_has(m, "Signal=5\r\nDuration=160\r\n");
	cr_expect_str_eq(header(m, "Content-Type"), "application/dtmf-relay");
	cr_expect_eq(headers(m, "Contact"), 0);
	hears_nothing(alice);
	replies(bob, "INFO", 200, "", "");
	hears(alice, "200 INFO");
	says(bob, "INFO", "Info-Package: strange\r\nContent-Type: text/plain\r\n", "x");
	cr_expect_str_eq(header(hears(alice, "INFO"), "Info-Package"), "strange");
	replies(alice, "INFO", 469, "", "");
	hears(bob, "469");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_rows, S4_12_info_outside_a_call)
{
	sends(alice,
	    "INFO sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-i\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=i\r\nTo: "
	    "<sip:bob@example.com>\r\n"
	    "Call-ID: cid-i\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n",
	    alice->host);
	hears(alice, "481");
	rig_ends_empty(0);
}

/* It is not answered: she hears so; what waits when the call ends is answered then. */
Test(worker_rows, S4_12_info_and_the_end_of_the_call)
{
	talk(alice, bob);
	says(alice, "INFO", "", "");
	hears(bob, "INFO");
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	replies(bob, "INFO", 487, "", "");
	hears(alice, "487 INFO");
	hears(alice, "BYE");
	replies(alice, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* A method that was never standardised, and one we do not do without a dialog. */
Test(worker_rows, S2_02_methods)
{
	static const char *const methods[] = { "COMET", "UNSUBSCRIBE" };

	for (unsigned i = 0; i < 2; i++) {
		sends(alice,
		    "%s sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "%s:5060;branch=z9hG4bK-%u\r\n"
		    "Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=i\r\n"
		    "To: <sip:bob@example.com>\r\nCall-ID: cid-%u\r\nCSeq: 1 %s\r\n"
		    "Content-Length: 0\r\n\r\n",
		    methods[i], alice->host, i, i, methods[i]);
		cr_expect_str_eq(header(hears(alice, "501"), "Allow"),
		    "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, UPDATE, PRACK, INFO, REFER, "
		    "SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE");
	}
	rig_ends_empty(0);
}

/* What is not known passes in a call where that is set, with its own name, and its answer back. */
Test(worker_rows, S2_02_unknown_in_a_call)
{
	const char *m;

	talk(alice, bob);
	says(alice, "FROBNICATE", "", "");
	expect_has(header(hears(alice, "501"), "Allow"), "INVITE, ACK");
	hears_nothing(bob);
	rig->settings.pass_unknown = true;
	says(alice, "FROBNICATE", "Content-Type: text/plain\r\nSubject: x\r\n", "so");
	m = hears(bob, "FROBNICATE");
	expect_has(header(m, "CSeq"), " FROBNICATE");
	cr_expect_str_eq(body_of(m), "so");
	rig_wait_ms(500);
	hears(bob, "FROBNICATE"); /* timer E */
	replies(bob, "FROBNICATE", 202, "", "");
	hears(alice, "202 FROBNICATE");
	says(bob, "frobnicate", "", "");
	hears(alice, "frobnicate");
	replies(alice, "frobnicate", 501, "", "");
	hears(bob, "501 frobnicate");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 500);
}

/* Another Call-ID, or a top Via that is not ours: none of our business. */
Test(worker_rows, S2_06_response_of_somebody_else)
{
	const char *m = bob_hears("");
	const uint64_t *counters = rig->w[0]->child.self->counters;

	sends(bob,
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP elsewhere.example;branch=z9hG4bK-no\r\nVia: %s\r\n"
	    "From: %s\r\nTo: %s;tag=x\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContent-Length: "
	    "0\r\n\r\n",
	    header(m, "Via"), header(m, "From"), header(m, "To"), header(m, "Call-ID"));
	hears_nothing(bob);
	hears_nothing(alice);
	cr_expect_eq(counters[COUNT_UNMATCHED], 1);
	bob_is_busy();
}

/* Ours are at least 32 bits, and a caller of 1999 has none. */
Test(worker_rows, S2_07_tags)
{
	char first[160], second[160];

	tag_of(header(bob_hears(""), "From"), first, sizeof(first));
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	tag_of(header(bob_hears(""), "From"), second, sizeof(second));
	cr_expect_geq(strlen(first), 8);
	cr_expect_str_neq(first, second);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_empty(2);
}
