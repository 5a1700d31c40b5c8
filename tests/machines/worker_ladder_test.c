/* The ladder of a call (ladder.h): what stands in its record of what was said on its legs. */
#include <stdio.h>
#include <string.h>

#include "model/ladder.h"
#include "worker_phone.h"

#define two (rig->phones[2])

TestSuite(worker_ladder, .init = rig_begin, .fini = rig_end);

/* A value of the entry, without its quotes; "" when it is not there. */
static const char *
value(const char *entry, const char *name, char to[16])
{
	const char *end = strchr(entry, '}'), *at;
	char quoted[16];

	snprintf(quoted, sizeof(quoted), "\"%s\":", name);
	at = strstr(entry, quoted);
	to[0] = '\0';
	if (at != NULL && at < end)
		sscanf(at + strlen(quoted), "%*[\"]%15[A-Za-z]", to);
	if (at != NULL && at < end && to[0] == '\0')
		sscanf(at + strlen(quoted), "%15[a-z0-9]", to);
	return to;
}

static void
put_entry(struct buf *b, const char *e)
{
	char leg[16], fork[16], sent[16], method[16], status[16], sdp[16], more[16];
	bool invite = strcmp(value(e, "method", method), "INVITE") == 0;

	if (*value(e, "more", more) != '\0') {
		buf_printf(b, "..%s", more);
		return;
	}
	buf_str(b, value(e, "leg", leg));
	buf_str(b, *value(e, "fork", fork) == '\0' ? "" : "f");
	buf_str(b, fork);
	buf_str(b, *value(e, "sent", sent) == 't' ? ">" : "<");
	buf_str(b, value(e, "status", status));
	if (*status != '\0' && !invite)
		buf_char(b, '/');
	if (*status == '\0' || !invite)
		buf_str(b, method);
	if (*value(e, "sdp", sdp) != '\0')
		buf_char(b, '+');
}

/* "1<INVITE+ 1>100 2>INVITE+ ...": leg, heard (<) or sent (>), the method or "STATUS" (of an INVITE) or
 * "STATUS/METHOD", + with a description, f1 of a fork; "..12" for as many that are missing. */
static const char *
ladder(const char *json)
{
	static char text[8192];
	struct buf b = buf_on(text, sizeof(text) - 1);

	for (const char *e = strchr(json, '{'); e != NULL; e = strchr(e + 1, '{')) {
		if (b.len > 0)
			buf_char(&b, ' ');
		put_entry(&b, e);
	}
	text[b.len] = '\0';
	return text;
}

/* Of the record that was closed last. */
static void
expect_ladder(const char *expected)
{
	cr_expect_str_eq(ladder(rig_cdr("call.ladder")), expected);
}

static void
rings(void)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 100, "", "");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
}

#define RINGS "1<INVITE+ 1>100 2>INVITE+ 2<100 2<180 1>180"

static void
answers(void)
{
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
}

#define ANSWERS "2<200+ 2>ACK 1>200+ 1<ACK"

Test(worker_ladder, basic_call)
{
	rings();
	rig_wait_ms(2000);
	answers();
	rig_wait_ms(5000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 5000);
	expect_ladder(RINGS " " ANSWERS " 1<BYE 1>200/BYE 2>BYE 2<200/BYE");
	expect_has(rig_cdr("call.ladder"),
	    "{\"ms\":2000,\"leg\":2,\"sent\":false,\"method\":\"INVITE\",\"cseq\":1,\"status\":200,"
	    "\"sdp\":true}");
	expect_has(
	    rig_cdr("call.ladder"), "{\"ms\":7000,\"leg\":1,\"sent\":false,\"method\":\"BYE\"");
	cr_expect_str_eq(rig_cdr("leg.1.party"), "alice");
	cr_expect_str_eq(rig_cdr("leg.2.party"), "bob");
}

/* The record waits for what our BYE comes to, but not for long. */
Test(worker_ladder, bye_that_nobody_answers)
{
	rings();
	answers();
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "BYE");
	cr_expect_eq(rig->closed, 0);
	rig_wait_ms(1000);
	hears(bob, "BYE"); /* once more */
	cr_expect_eq(rig->closed, 1);
	expect_ladder(RINGS " " ANSWERS " 1<BYE 1>200/BYE 2>BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Nor does a kill while it waits make it two. */
Test(worker_ladder, killed_before_the_bye_is_answered)
{
	rings();
	answers();
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "BYE");
	rig_restart(0);
	cr_expect_eq(rig->closed, 0);
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_ladder(RINGS " " ANSWERS " 1<BYE 1>200/BYE 2>BYE 2<200/BYE");
}

/* Both hang up: theirs ends the leg, whose own BYE nobody has to answer any more. */
Test(worker_ladder, byes_cross)
{
	rings();
	answers();
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "BYE");
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_ladder(RINGS " " ANSWERS " 1<BYE 1>200/BYE 2>BYE 2<BYE 2>200/BYE");
}

/* S1-03: what belongs to the INVITE's own transaction is there too. */
Test(worker_ladder, cancelled)
{
	rings();
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487 INVITE");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
	expect_ladder(RINGS " 1<CANCEL 1>200/CANCEL 1>487 2>CANCEL 2<200/CANCEL 2<487 2>ACK");
}

/* A CANCEL goes when the first provisional answer has come (9.1). */
Test(worker_ladder, cancel_is_held_back)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487 INVITE");
	hears_nothing(bob);
	replies(bob, "INVITE", 180, "", "");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
	expect_ladder("1<INVITE+ 1>100 2>INVITE+ 1<CANCEL 1>200/CANCEL 1>487 2<180 2>CANCEL "
		      "2<200/CANCEL 2<487 2>ACK");
}

Test(worker_ladder, refused)
{
	rings();
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	expect_ladder(RINGS " 2<486 2>ACK 1>486");
}

/* S4-09: every phone of the called user is a leg of its own. */
Test(worker_ladder, fork)
{
	phone_at("bob", "192.0.2.22");
	rig_bind("bob", two->contact, two->host, 1000, 0);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	hears(two, "INVITE");
	replies(two, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(bob, "INVITE", 180, "", "");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(two, "CANCEL");
	replies(two, "CANCEL", 200, "", "");
	replies(two, "INVITE", 487, "", "");
	hears(two, "ACK");
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 0);
	cr_expect_str_eq(rig_cdr("leg.2.party"), "bob");
	cr_expect_str_eq(rig_cdr("leg.3.party"), "bob");
	expect_has(ladder(rig_cdr("call.ladder")), " 3<487 3>ACK ");
	expect_has(ladder(rig_cdr("call.ladder")), " 2<BYE 2>200/BYE 1>BYE 1<200/BYE");
}

/* S4-09 (a): a fork of the leg that lost gets ACK and BYE, in the same ladder. */
Test(worker_ladder, late_fork)
{
	rings();
	replies_as(bob, "one", "INVITE", 200, SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	replies_as(bob, "two", "INVITE", 200, SDP_B);
	hears(bob, "ACK");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	replies_as(bob, "one", "INVITE", 200, SDP_B);
	hears(bob, "ACK");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_ladder(
	    RINGS " " ANSWERS " 2f1>ACK 2f1>BYE 2f1<200/BYE 1<BYE 1>200/BYE 2>BYE 2<200/BYE");
}

Test(worker_ladder, offers)
{
	talk(alice, bob);
	passes(bob, alice, SDP_B, SDP_A, "m=audio 4002", "m=audio 4000");
	says(alice, "INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=1\r\n");
	hears(bob, "INFO");
	replies(bob, "INFO", 200, "", "");
	hears(alice, "200 INFO");
	says(alice, "OPTIONS", "", "");
	hears(alice, "200 OPTIONS");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
	expect_has(ladder(rig_cdr("call.ladder")),
	    " 2<INVITE+ 2>100 1>INVITE+ 1<200+ 1>ACK 2>200+ 2<ACK "
	    "1<INFO 2>INFO 2<200/INFO 1>200/INFO 1<OPTIONS 1>200/OPTIONS 1<BYE");
}

/* What comes twice, or goes twice, stands there once. */
Test(worker_ladder, retransmissions)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	rig_wait_ms(500);
	hears(bob, "INVITE");
	replies(bob, "INVITE", 100, "", "");
	replies(bob, "INVITE", 180, "", "");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	hears(alice, "180"); /* it rings again, or UDP says it twice: nobody can tell */
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	rig_wait_ms(500);
	hears(alice, "200 INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	acks(alice, "");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 500);
	expect_ladder(RINGS " " ANSWERS " 1<BYE 1>200/BYE 2>BYE 2<200/BYE");
}

/* Of a long call there are the beginning and the end, and how much is missing between them. */
Test(worker_ladder, full)
{
	char more[32];
	unsigned said = 14;

	rings();
	answers();
	for (unsigned i = 0; i < 40; i++) {
		passes(bob, alice, SDP_B, SDP_A, "m=audio 4002", "m=audio 4000");
		rig_wait_ms(40000);
		said += 7;
	}
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 1600000);
	snprintf(more, sizeof(more), " ..%u ", said - LADDER_MAX);
	expect_has(ladder(rig_cdr("call.ladder")), RINGS " " ANSWERS " 2<INVITE+");
	expect_has(ladder(rig_cdr("call.ladder")), more);
	expect_has(ladder(rig_cdr("call.ladder")), " 1<BYE 1>200/BYE 2>BYE 2<200/BYE");
	expect_has(
	    rig_cdr("call.ladder"), "{\"ms\":1600000,\"leg\":2,\"sent\":true,\"method\":\"BYE\"");
}

/* A kill loses nothing of it. */
Test(worker_ladder, killed)
{
	rings();
	rig_restart(0);
	answers();
	rig_wait_ms(1000);
	rig_restart(0);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 1000);
	expect_ladder(RINGS " " ANSWERS " 1<BYE 1>200/BYE 2>BYE 2<200/BYE");
	expect_has(
	    rig_cdr("call.ladder"), "{\"ms\":1000,\"leg\":2,\"sent\":true,\"method\":\"BYE\"");
}

/* What a journal brings is not trusted. */
Test(worker_ladder, wire_form)
{
	char bytes[64], json[512];
	struct buf b = buf_on(bytes, sizeof(bytes)), out = buf_on(json, sizeof(json) - 1);
	struct ladder_entry e = { 0x01020304, 513, 7, 0, SIP_N_METHODS, LADDER_SENT };

	ladder_put(&b, &e);
	cr_expect_eq(b.len, LADDER_ENTRY);
	ladder_put_json(&out, buf_span(&b));
	json[out.len] = '\0';
	cr_expect_str_eq(json, "[{\"ms\":16909060,\"leg\":513,\"sent\":true,\"method\":\"unknown\","
			       "\"cseq\":7}]");
	out = buf_on(json, sizeof(json) - 1);
	ladder_put_json(&out, span_of(bytes, LADDER_ENTRY - 1));
	json[out.len] = '\0';
	cr_expect_str_eq(json, "null");
}
