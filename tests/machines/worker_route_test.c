/* Routes: Record-Route and Route on both legs, Path, outbound proxies, numbers that lead elsewhere, other
 * domains (FLOWS.md S0-01, S0-02, S4-08, S3-11, S0-11, S2-22, S4-05; BILLING.md R29). */
#include <stdio.h>
#include <string.h>

#include "worker_phone.h"
#include "worker_resolver.h"

TestSuite(worker_route, .init = rig_begin, .fini = rig_end);

/* A proxy: what goes to it is heard there. The dialog is the phone's. */
static struct phone *
proxy(const char *host)
{
	return phone_at("proxy", host);
}

/* A proxy hears what is for the phone behind it. */
static const char *
stands_for(struct phone *at, const struct phone *p, const char *what)
{
	snprintf(at->call_id, sizeof(at->call_id), "%s", p->call_id);
	snprintf(at->local_tag, sizeof(at->local_tag), "%s", p->local_tag);
	return hears(at, what);
}

/* --- the set of a dialog ------------------------------------------------------------------------*/

/* S0-01, S4-08: in order into 1xx and 2xx; S0-02: the caller's later requests come as they come, ours go
 * to the first that stayed. */
Test(worker_route, S0_01_caller_behind_proxies)
{
	struct phone *p3 = proxy("192.0.2.53");
	const char *routes = "<sip:192.0.2.53;lr>, <sip:192.0.2.51;lr>", *m;

	dials(alice, "bob",
	    "Record-Route: <sip:192.0.2.53;lr>\r\nRecord-Route: <sip:192.0.2.51;lr>\r\n", SDP_A);
	m = hears(alice, "100");
	cr_expect_eq(headers(m, "Record-Route"), 0, "INV-4");
	m = hears(bob, "INVITE");
	cr_expect_eq(headers(m, "Record-Route"), 0, "INV-1");
	cr_expect_eq(headers(m, "Route"), 0);
	replies(bob, "INVITE", 180, "", "");
	m = hears(alice, "180");
	cr_expect_eq(headers(m, "Record-Route"), 2);
	cr_expect_str_eq(header(m, "Record-Route"), "<sip:192.0.2.53;lr>", "in order");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	m = hears(alice, "200 INVITE");
	cr_expect_eq(headers(m, "Record-Route"), 2);
	acks(alice, "");
	says(bob, "BYE", "", "");
	hears(bob, "200 BYE");
	hears_nothing(alice);
	m = stands_for(p3, alice, "BYE");
	expect_has(m, "BYE sip:alice@192.0.2.1 SIP/2.0");
	cr_expect_str_eq(header(m, "Route"), routes);
	replies(p3, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 callee normal", 0);
}

/* S0-02, the mirror: only the third of three proxies stays; ACK and BYE go to it. In reverse order. */
Test(worker_route, S0_01_called_behind_proxies)
{
	struct phone *p3 = proxy("192.0.2.53");
	const char *m;

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200,
	    "Record-Route: <sip:192.0.2.51;lr>\r\nRecord-Route: <sip:192.0.2.53;lr>\r\n", SDP_B);
	hears(alice, "200 INVITE");
	hears_nothing(bob);
	m = stands_for(p3, bob, "ACK");
	expect_has(m, "ACK sip:bob@192.0.2.2 SIP/2.0");
	cr_expect_str_eq(header(m, "Route"), "<sip:192.0.2.53;lr>, <sip:192.0.2.51;lr>");
	acks(alice, "");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	m = stands_for(p3, bob, "BYE");
	cr_expect_str_eq(header(m, "Route"), "<sip:192.0.2.53;lr>, <sip:192.0.2.51;lr>");
	replies(p3, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* A strict router gets the request as its own, the target is the last route (12.2.1.1). */
Test(worker_route, S0_02_strict_router)
{
	struct phone *strict = proxy("192.0.2.53");
	const char *m;

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200,
	    "Record-Route: <sip:192.0.2.51;lr>, <sip:192.0.2.53;x=1?h=1>\r\n", SDP_B);
	hears(alice, "200 INVITE");
	m = stands_for(strict, bob, "ACK");
	expect_has(m, "ACK sip:192.0.2.53;x=1 SIP/2.0");
	cr_expect_str_eq(header(m, "Route"), "<sip:192.0.2.51;lr>, <sip:bob@192.0.2.2>");
	acks(alice, "");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	m = stands_for(strict, bob, "BYE");
	expect_has(m, "BYE sip:192.0.2.53;x=1 SIP/2.0");
	replies(strict, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* A reliable 183 makes the route set, and its PRACK goes by it (RFC 3262 4). */
Test(worker_route, prack_by_the_route)
{
	struct phone *p3 = proxy("192.0.2.53");

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 183,
	    "Require: 100rel\r\nRSeq: 1\r\nRecord-Route: <sip:192.0.2.53;lr>\r\n", "");
	hears(alice, "183");
	cr_expect_str_eq(header(stands_for(p3, bob, "PRACK"), "Route"), "<sip:192.0.2.53;lr>");
	replies(p3, "PRACK", 200, "", "");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL"); /* it follows its INVITE (9.1) */
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

Test(worker_route, too_many)
{
	char lines[2048];
	size_t len = 0;

	for (unsigned i = 0; i < 33; i++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len,
		    "Record-Route: <sip:192.0.2.%u;lr>\r\n", i + 1);
	dials(alice, "bob", lines, SDP_A);
	hears(alice, "400");
	lines[len - strlen("Record-Route: <sip:192.0.2.33;lr>\r\n")] = '\0';
	dials(alice, "1009", lines, SDP_A); /* 32 are taken */
	hears(alice, "100");
	hears(alice, "404");
	rig_ends_empty(1);
}

/* --- a request's own ----------------------------------------------------------------------------*/

/* A route ends at us, whomever it names: nobody is sent through us (THREATS.md A13). */
Test(worker_route, of_the_caller)
{
	struct phone *elsewhere = proxy("192.0.2.53");
	const char *m;

	dials(alice, "bob", "Route: <sip:" RIG_HOST ":5060;lr>, <sip:192.0.2.53;lr>\r\n", SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	cr_expect_eq(headers(m, "Route"), 0);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	hears_nothing(elsewhere);
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* RFC 3327: the Path of a binding is the route of the INVITE, which goes where the REGISTER came from. */
Test(worker_route, path)
{
	struct phone *edge = proxy("192.0.2.53"), *carol;
	const char *m;

	carol = phone_at("carol", "10.0.0.5");
	rig_subscriber("carol", "1003", DIR_TRUST_CHALLENGE);
	rig_bind_path(
	    "carol", carol->contact, edge->host, "<sip:192.0.2.53;lr>, <sip:10.0.0.1;lr>");
	dials(alice, "1003", "", SDP_A);
	hears(alice, "100");
	m = stands_for(edge, carol, "INVITE");
	expect_has(m, "INVITE sip:carol@10.0.0.5 SIP/2.0");
	cr_expect_str_eq(header(m, "Route"), "<sip:192.0.2.53;lr>, <sip:10.0.0.1;lr>");
	replies(edge, "INVITE", 486, "", "");
	m = hears(edge, "ACK");
	cr_expect_str_eq(header(m, "Route"), "<sip:192.0.2.53;lr>, <sip:10.0.0.1;lr>", "17.1.1.3");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* --- outbound proxies ---------------------------------------------------------------------------*/

/* S3-11: the INVITE goes to the proxy with a loose route; the dialog goes as its Record-Route says. */
Test(worker_route, S3_11_outbound_proxy)
{
	static const struct {
		const char *proxy, *route;
	} cases[] = { { "192.0.2.53", "<sip:192.0.2.53;lr>" },
		{ "192.0.2.53:5060", "<sip:192.0.2.53:5060;lr>" },
		{ "sip:192.0.2.53;lr=on", "<sip:192.0.2.53;lr=on>" } };
	struct phone *edge = proxy("192.0.2.53");
	const uint64_t ids[] = { 11 };
	const char *m;

	rig_route("+1", 1, ids);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rig_gateway_behind(11, "192.0.2.101", cases[i].proxy);
		dials(alice, "+12125551234", "", SDP_A);
		hears(alice, "100");
		m = hears(edge, "INVITE");
		expect_has(m, "INVITE sip:+12125551234@192.0.2.101:5060;user=phone SIP/2.0");
		cr_expect_str_eq(header(m, "Route"), cases[i].route);
		replies(edge, "INVITE", 486, "", "");
		hears(edge, "ACK");
		hears(alice, "486");
		rig_wait_ms(40000);
	}
	rig_ends_empty(3);
}

/* Its name is looked up, not the gateway's. A redirection to the gateway's number goes the same way. */
Test(worker_route, outbound_proxy_by_name)
{
	struct phone *edge = proxy("192.0.2.53");
	const uint64_t ids[] = { 11 };
	const char *m;

	resolver_begin();
	rig_route("+1", 1, ids);
	rig_gateway_behind(11, "gw.test", "edge.test");
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	resolver_hears("edge.test");
	resolver_says("edge.test", 60, "udp/192.0.2.53:5060");
	m = hears(edge, "INVITE");
	expect_has(m, "INVITE sip:+12125551234@gw.test");
	cr_expect_str_eq(header(m, "Route"), "<sip:edge.test;lr>");
	replies(edge, "INVITE", 302, "Contact: <sip:+13@gw.test>\r\n", "");
	hears(edge, "ACK");
	m = hears(edge, "INVITE");
	expect_has(m, "INVITE sip:+13@gw.test SIP/2.0");
	cr_expect_str_eq(header(m, "Route"), "<sip:edge.test;lr>");
	replies(edge, "INVITE", 486, "", "");
	hears(edge, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	resolver_end();
}

/* --- elsewhere ----------------------------------------------------------------------------------*/

/* S0-11, S2-22, R29: nothing goes out. */
Test(worker_route, number_that_leads_elsewhere)
{
	const char *m;

	cr_assert_eq(directory_put_number(&rig->directory, 1, SPAN("1099"), DIR_NUMBER_REDIRECT,
			 SPAN("<sip:help@other.test>;q=0.7;expires=60 sip:help@192.0.2.99")),
	    ERR_NONE);
	dials(alice, "1099", "", SDP_A);
	hears(alice, "100");
	m = hears(alice, "302");
	cr_expect_eq(headers(m, "Contact"), 2);
	cr_expect_str_eq(header(m, "Contact"), "<sip:help@other.test>;q=0.7;expires=60");
	expect_has(m, "Contact: <sip:help@192.0.2.99>\r\n");
	hears_nothing(bob);
	rig_ends_clean("redirected 302 23 system normal", 0);
	cr_expect_str_eq(rig_cdr("leg.2.leg_no"), "");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1099");
}

static void
dials_uri(struct phone *p, const char *uri)
{
	dials(p, "1009", "", SDP_A); /* to be in a dialog */
	hears(p, "100");
	hears(p, "404");
	rig_wait_ms(40000);
	p->remote_tag[0] = '\0';
	p->cseq++;
	snprintf(p->branch, sizeof(p->branch), "z9hG4bK-uri-%u", p->cseq);
	snprintf(p->invite_branch, sizeof(p->invite_branch), "%s", p->branch);
	snprintf(p->invite_uri, sizeof(p->invite_uri), "%s", uri);
	p->invite_cseq = p->cseq;
	sends(p,
	    "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\nMax-Forwards: 70\r\n"
	    "From: %s;tag=%s\r\nTo: <%s>\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\nContact: <%s>\r\n"
	    "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
	    uri, p->host, p->branch, p->local, p->local_tag, uri, p->call_id, p->cseq, p->contact,
	    strlen(SDP_A), SDP_A);
}

/* S4-05: 404 by default; with allow_foreign by address or DNS, for subscribers, and never to a gateway. */
Test(worker_route, S4_05_other_domains)
{
	struct phone *far = phone_at("zoe", "203.0.113.7");
	const char *m;

	dials_uri(alice, "sip:zoe@203.0.113.7");
	hears(alice, "100");
	hears(alice, "404");
	rig->settings.allow_foreign = true;
	dials_uri(alice, "sip:zoe@203.0.113.7;x=1?Subject=hi");
	hears(alice, "100");
	m = hears(far, "INVITE");
	expect_has(m, "INVITE sip:zoe@203.0.113.7;x=1 SIP/2.0");
	cr_expect_str_eq(header(m, "To"), "<sip:zoe@203.0.113.7;x=1>");
	cr_expect_eq(headers(m, "Subject"), 0);
	cr_expect_eq(headers(m, "P-Asserted-Identity"), 0);
	replies(far, "INVITE", 486, "", "");
	hears(far, "ACK");
	hears(alice, "486");
	rig_wait_ms(2000);
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "zoe@203.0.113.7");
	cr_expect_str_eq(rig_cdr("call.direction"), "outbound");
	rig_gateway(11, "203.0.113.7", true);
	dials_uri(alice, "sip:+19005551234@203.0.113.7");
	hears(alice, "100");
	hears(alice, "403");
	dials_uri(far, "sip:zoe@203.0.113.8"); /* a gateway's call does not leave */
	hears(far, "100");
	hears(far, "404");
	rig_ends_empty(8);
}

Test(worker_route, other_domain_by_name)
{
	struct phone *far = phone_at("zoe", "203.0.113.7");

	resolver_begin();
	rig->settings.allow_foreign = true;
	rig_gateway(11, "203.0.113.9", true);
	dials_uri(alice, "sip:zoe@other.test");
	hears(alice, "100");
	resolver_hears("other.test");
	resolver_says("other.test", 60, "udp/203.0.113.9:5060 udp/203.0.113.7:5060");
	hears(far, "INVITE"); /* not the gateway */
	replies(far, "INVITE", 486, "", "");
	hears(far, "ACK");
	hears(alice, "486");
	rig_ends_empty(2);
	resolver_end();
}

/* --- what is too large for a datagram -----------------------------------------------------------*/

#define GW_HOST "192.0.2.101"

static void
calls_with(size_t bytes)
{
	char sdp[4096];
	size_t len = (size_t)snprintf(sdp, sizeof(sdp), "%s", SDP_A);

	while (len + 40 < bytes)
		len +=
		    (size_t)snprintf(sdp + len, sizeof(sdp) - len, "a=x-padding:%022zu\r\n", len);
	dials(alice, "+12125551234", "", sdp);
	hears(alice, "100");
}

static void
gateway_by(enum sip_transport t)
{
	struct dir_gateway g = { .id = 11, .tenant = 1, .trusted = 1, .transport = (uint8_t)t };
	const uint64_t ids[] = { 11 };

	cr_assert_eq(netaddr_ip(SPAN(GW_HOST), &g.address), ERR_NONE);
	cr_assert_eq(directory_put_gateway(&rig->directory, &g,
			 &(struct dir_gateway_text){ .name = SPAN("gw"), .host = SPAN(GW_HOST) }),
	    ERR_NONE);
	rig_route("+1", 1, ids);
	rig->settings.listeners[1] = rig->settings.listeners[0];
	rig->settings.listeners[1].transport = SIP_T_TCP;
	rig->settings.n_listeners = 2;
}

static void
refuses(struct phone *gw, const char *transport)
{
	char via[32];

	snprintf(via, sizeof(via), "SIP/2.0/%s ", transport);
	expect_has(header(hears(gw, "INVITE"), "Via"), via);
	replies(gw, "INVITE", 486, "", "");
	hears(gw, "ACK");
	hears(alice, "486");
	rig_wait_ms(40000);
}

/* S2-14, RFC 3261 18.1.1: to a gateway that does TCP, as its messages show. */
Test(worker_route, large_invites)
{
	struct phone *gw = phone_at("gw", GW_HOST);
	struct sip_flow came = { .transport = SIP_T_TCP, .peer = gw->address };

	gateway_by(SIP_T_NONE);
	calls_with(2000); /* nothing is known of it: in fragments */
	refuses(gw, "UDP");
	came.peer.port = 40000;
	large_learn(rig->w[0], &came);
	calls_with(2000);
	refuses(gw, "TCP");
	calls_with(200);
	refuses(gw, "UDP");
	calls_with(2000); /* no connection can be had: as a datagram */
	expect_has(header(hears(gw, "INVITE"), "Via"), "SIP/2.0/TCP");
	rig_unreachable(gw);
	refuses(gw, "UDP");
	gateway_by(SIP_T_UDP); /* as it is configured */
	calls_with(2000);
	refuses(gw, "UDP");
	gateway_by(SIP_T_NONE);
	rig_wait_ms(3600000); /* it was long ago */
	calls_with(2000);
	refuses(gw, "UDP");
	rig_ends_empty(6);
}

/* Where DNS has a place for TCP. */
Test(worker_route, large_invites_by_name)
{
	struct dir_gateway g = { .id = 11, .tenant = 1, .trusted = 1 };
	struct phone *gw = phone_at("gw", GW_HOST);

	gateway_by(SIP_T_NONE);
	resolver_begin();
	cr_assert_eq(directory_put_gateway(&rig->directory, &g,
			 &(struct dir_gateway_text){ .name = SPAN("gw"), .host = SPAN("gw.test") }),
	    ERR_NONE);
	calls_with(2000);
	resolver_hears("gw.test");
	resolver_says("gw.test", 600, "udp/" GW_HOST ":5060 tcp/" GW_HOST ":5060");
	refuses(gw, "TCP");
	calls_with(200);
	refuses(gw, "UDP");
	rig_ends_empty(2);
	resolver_end();
}
