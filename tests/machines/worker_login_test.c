/* A gateway asks who calls (RFC 3261 22, RFC 7616; FLOWS.md S2-17). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/digest.h"
#include "worker_texts.h"

TestSuite(worker_login, .init = rig_begin, .fini = rig_end);

static struct phone *gw, *other;

#define ASKS(nonce)                                                                                \
	"Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"" nonce "\", qop=\"auth\", "        \
	"algorithm=SHA-256\r\n"

static void
gateway(uint64_t id, const char *host, struct span user)
{
	struct dir_gateway g = { .id = id, .tenant = 1, .transport = SIP_T_UDP, .port = 5060 };
	struct dir_gateway_text text = { .name = SPAN("carrier"),
		.host = span_str(host),
		.user = user,
		.secret = SPAN("s3cr3t") };

	cr_assert_eq(netaddr_ip(text.host, &g.address), ERR_NONE);
	cr_assert_eq(directory_put_gateway(&rig->directory, &g, &text), ERR_NONE);
}

static void
carrier(void)
{
	static const uint64_t ids[] = { 11, 12 };

	gw = phone_at("gw", "192.0.2.101");
	other = phone_at("gw", "192.0.2.102");
	gateway(11, gw->host, SPAN("pbx"));
	gateway(12, other->host, SPAN_NONE);
	rig_route("+1", 2, ids);
}

static void
calls_out(void)
{
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
}

static void
refuses(const char *method, unsigned status, const char *lines)
{
	replies(gw, method, status, lines, "");
	if (strcmp(method, "INVITE") == 0)
		hears(gw, "ACK");
}

/* As a gateway would: with this nonce, counted so. */
static void
proves(const char *text, const char *method, const char *nonce, unsigned nc)
{
	struct span value = span_str(header(text, "Proxy-Authorization")), uri;
	const size_t room = SIP_MSG_ROOM(strlen(text));
	struct sip_msg *m = calloc(1, room);
	struct digest_credentials c;
	struct digest_ha1 ha1 = { .has = 1u << DIGEST_SHA256 };

	m->raw_len = (uint16_t)strlen(text);
	memcpy(sip_raw(m), text, m->raw_len);
	cr_assert_eq(sip_parse(m, room).status, 0);
	uri = sip_span(m, m->uri);
	cr_assert_eq(
	    digest_find(m, SIP_H_PROXY_AUTHORIZATION, SPAN("carrier"), &c), ERR_NONE, "%s", text);
	digest_ha1(DIGEST_SHA256, SPAN("pbx"), SPAN("carrier"), SPAN("s3cr3t"), ha1.sha256);
	cr_expect(span_eq(c.nonce, span_str(nonce)), "%.*s", SPAN_F(value));
	cr_expect_eq(c.nc, nc, "nc %u", c.nc);
	cr_expect(span_eq(c.uri, uri));
	cr_expect(digest_response_right(&c, span_str(method), uri, &ha1), "%.*s", SPAN_F(value));
	free(m);
}

static void
is_answered(void)
{
	char proof[512];
	const char *ack;

	snprintf(proof, sizeof(proof), "%s",
	    header(rig->log[rig->n_log - 1].text, "Proxy-Authorization"));
	replies(gw, "INVITE", 200, "", SDP_B);
	ack = hears(gw, "ACK");
	cr_expect_str_eq(header(ack, "Proxy-Authorization"), proof, "RFC 3261 22.1: %s", ack);
	hears(alice, "200 INVITE");
	acks(alice, "");
}

/* Asked once; from then on each request proves itself, also that of the next call, and the caller's leg
 * shows nothing of it. */
Test(worker_login, S2_17_asked_once)
{
	const char *m;

	carrier();
	calls_out();
	m = hears(gw, "INVITE");
	cr_expect_eq(headers(m, "Proxy-Authorization"), 0);
	refuses("INVITE", 407, ASKS("N1"));
	m = hears(gw, "INVITE");
	proves(m, "INVITE", "N1", 1);
	cr_expect_str_eq(header(m, "CSeq"), "2 INVITE");
	expect_has(m, "m=audio 4000");
	is_answered();
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "100");
	proves(hears(gw, "INVITE"), "INVITE", "N1", 2);
	replies(gw, "INVITE", 200, "", SDP_B);
	hears(gw, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	says(alice, "INFO", "", "");
	proves(hears(gw, "INFO"), "INFO", "N1", 3);
	replies(gw, "INFO", 200, "", "");
	hears(alice, "200 INFO");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	proves(hears(gw, "BYE"), "BYE", "N1", 4);
	replies(gw, "BYE", 200, "", "");
	calls_out();
	proves(hears(gw, "INVITE"), "INVITE", "N1", 5);
	refuses("INVITE", 486, "");
	hears(alice, "486");
	rig_ends_empty(2);
	for (unsigned i = 0; i < rig->n_log; i++)
		expect_lacks(rig->log[i].text, "s3cr3t");
	expect_lacks(rig->cdr, "s3cr3t");
}

/* The nonce is too old, in whatever is asked: the request goes again with the new one. */
Test(worker_login, S2_17_stale_nonce)
{
	carrier();
	calls_out();
	hears(gw, "INVITE");
	refuses("INVITE", 407, ASKS("N1"));
	proves(hears(gw, "INVITE"), "INVITE", "N1", 1);
	refuses("INVITE", 407,
	    "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"N2\", "
	    "qop=\"auth\", algorithm=SHA-256, stale=true\r\n");
	proves(hears(gw, "INVITE"), "INVITE", "N2", 1);
	is_answered();
	says(alice, "INFO", "Content-Type: application/dtmf\r\n", "5");
	proves(hears(gw, "INFO"), "INFO", "N2", 2);
	refuses("INFO", 407, ASKS("N3"));
	proves(hears(gw, "INFO"), "INFO", "N3", 1);
	replies(gw, "INFO", 200, "", "");
	hears(alice, "200 INFO");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	proves(hears(gw, "BYE"), "BYE", "N3", 2);
	refuses("BYE", 407, ASKS("N4"));
	proves(hears(gw, "BYE"), "BYE", "N4", 1);
	replies(gw, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* The same of a PRACK: whose response it is for went on to the caller before. */
Test(worker_login, S2_17_prack)
{
	const char *m;

	carrier();
	calls_out();
	hears(gw, "INVITE");
	refuses("INVITE", 407, ASKS("N1"));
	proves(hears(gw, "INVITE"), "INVITE", "N1", 1);
	replies(gw, "INVITE", 183, "Require: 100rel\r\nRSeq: 1\r\n", SDP_B);
	proves(hears(gw, "PRACK"), "PRACK", "N1", 2);
	hears(alice, "183");
	refuses("PRACK", 407, ASKS("N2"));
	m = hears(gw, "PRACK");
	proves(m, "PRACK", "N2", 1);
	cr_expect_str_eq(header(m, "RAck"), "1 2 INVITE");
	cr_expect_str_eq(header(m, "CSeq"), "4 PRACK");
	replies(gw, "PRACK", 200, "", "");
	replies(gw, "INVITE", 200, "", SDP_B);
	expect_has(hears(gw, "ACK"), "nonce=\"N1\"");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, gw);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* And of a NOTIFY: the subscription of its REFER goes on. */
Test(worker_login, S2_17_notify)
{
	const char *m;

	carrier();
	calls_out();
	hears(gw, "INVITE");
	refuses("INVITE", 407, ASKS("N1"));
	hears(gw, "INVITE");
	is_answered();
	says(gw, "REFER", "Refer-To: <sip:bob@example.com>\r\n", "");
	hears(gw, "202 REFER");
	proves(hears(gw, "NOTIFY"), "NOTIFY", "N1", 2);
	refuses("NOTIFY", 401,
	    "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"W1\", qop=\"auth\"\r\n");
	m = hears(gw, "NOTIFY");
	expect_has(m, "SIP/2.0 100 Trying");
	expect_has(header(m, "Authorization"), "nonce=\"W1\"");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears_nothing(gw); /* one at a time */
	replies(gw, "NOTIFY", 200, "", "");
	expect_has(hears(gw, "NOTIFY"), "SIP/2.0 486");
	refuses("NOTIFY", 481, "");
	hangs_up(alice, gw);
	rig_ends_empty(1);
}

/* A MESSAGE is asked as well: the sender hears what comes of the second one. Toward a gateway it has a
 * Call-ID and a count of its own: his next MESSAGE may have the number that the second one would take. */
Test(worker_login, S2_17_message)
{
	char call_id[128];
	const char *m;

	carrier();
	texts_as(alice, "sip:+12125551234@example.com", "<sip:alice@example.com>", PLAIN, HELLO);
	m = hears(gw, "MESSAGE");
	snprintf(call_id, sizeof(call_id), "%s", header(m, "Call-ID"));
	expect_lacks(call_id, "asd88asd77a");
	cr_expect_str_eq(header(m, "CSeq"), "1 MESSAGE");
	cr_expect_eq(headers(m, "Proxy-Authorization"), 0);
	answers(gw, 407, ASKS("N1"));
	m = hears(gw, "MESSAGE");
	proves(m, "MESSAGE", "N1", 1);
	cr_expect_str_eq(header(m, "CSeq"), "2 MESSAGE");
	cr_expect_str_eq(header(m, "Call-ID"), call_id);
	cr_expect_str_eq(body_of(m), HELLO);
	hears_nothing(alice);
	rig_restart(0);
	answers(gw, 200, "");
	hears(alice, "200");
	hears_nothing(other);
	/* The worker that was killed is asked anew; what is refused again is refused. */
	texts_as(alice, "sip:+12125551234@example.com", "<sip:alice@example.com>", PLAIN, HELLO);
	m = hears(gw, "MESSAGE");
	cr_expect_str_neq(header(m, "Call-ID"), call_id);
	answers(gw, 407, ASKS("N2"));
	proves(hears(gw, "MESSAGE"), "MESSAGE", "N2", 1);
	answers(gw, 407, ASKS("N3"));
	hears_nothing(gw);
	hears(other, "MESSAGE");
	answers(other, 407, ASKS("N4"));
	hears(alice, "480");
	hears_nothing(other);
	/* A phone is never told (A9). */
	texts(alice, PLAIN, HELLO);
	hears(bob, "MESSAGE");
	answers(bob, 407, ASKS("N5"));
	hears_nothing(bob);
	hears(alice, "480");
	rig_ends_empty(0);
}

/* It does not take our password: it is not tried again and again, and the next route has a try. */
Test(worker_login, S2_17_wrong_password)
{
	carrier();
	calls_out();
	hears(gw, "INVITE");
	refuses("INVITE", 407, ASKS("N1"));
	hears(gw, "INVITE");
	refuses("INVITE", 407, ASKS("N2"));
	hears_nothing(gw);
	hears(other, "INVITE");
	replies(other, "INVITE", 407, ASKS("N3"), "");
	hears(other, "ACK");
	hears_nothing(other); /* nothing is known that could be told */
	hears(alice, "480");
	rig_ends_empty(1);
}

/* What cannot be answered is a refusal; the worker that was killed is asked anew. */
Test(worker_login, S2_17_no_such_algorithm_and_killed)
{
	carrier();
	calls_out();
	hears(gw, "INVITE");
	refuses("INVITE", 407,
	    "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"N\", algorithm=NEW\r\n");
	hears(other, "INVITE");
	replies(other, "INVITE", 486, "", "");
	hears(other, "ACK");
	hears(alice, "480");
	calls_out();
	hears(gw, "INVITE");
	refuses("INVITE", 407, ASKS("N1"));
	proves(hears(gw, "INVITE"), "INVITE", "N1", 1);
	is_answered();
	rig_restart(0);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	cr_expect_eq(headers(hears(gw, "BYE"), "Proxy-Authorization"), 0);
	refuses("BYE", 407, ASKS("N5"));
	proves(hears(gw, "BYE"), "BYE", "N5", 1);
	replies(gw, "BYE", 200, "", "");
	rig_ends_empty(2);
}
