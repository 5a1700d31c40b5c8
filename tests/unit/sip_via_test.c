/* via: read, written as a response has it, and where that response goes. */
#include "sip/via.h"
#include "sip_message.h"

#define REQUEST(via)                                                                               \
	"OPTIONS sip:a@b SIP/2.0\r\n" via "From: <sip:x@y>;tag=1\r\nTo: <sip:a@b>\r\n"             \
	"Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"

static struct message
from(struct span text, const char *ip, uint16_t port)
{
	struct message x = message_of(text);

	cr_assert_eq(x.verdict.status, 0, "%s", x.verdict.reason);
	cr_assert_eq(netaddr_ip(span_str(ip), &x.m->flow.peer), ERR_NONE);
	x.m->flow.peer.port = port;
	x.m->flow.transport = SIP_T_UDP;
	return x;
}

static void
expect_vias(const struct sip_msg *m, const char *text)
{
	char out[512];
	struct buf b = buf_on(out, sizeof(out));

	sip_put_vias(&b, m);
	expect_span(buf_span(&b), text);
}

Test(sip_via, all_its_parts)
{
	struct sip_via v;

	cr_assert_eq(
	    sip_via_parse(SPAN("SIP / 2.0 / tls  h.example.com : 5061 ; branch = z9hG4bK1;rport=9"
			       ";received=1.2.3.4;maddr=h;ttl=16"),
		&v),
	    ERR_NONE);
	cr_expect_eq(v.transport, SIP_T_TLS);
	expect_span(v.host, "h.example.com");
	cr_expect_eq(v.port, 5061);
	expect_span(v.branch, "z9hG4bK1");
	cr_expect(v.has_rport);
	cr_expect_eq(v.rport, 9);
	expect_span(v.received, "1.2.3.4");
	expect_span(v.maddr, "h");
	cr_expect_eq(v.ttl, 16);
}

/* S4-14b: one ';' at the end. */
Test(sip_via, trailing_semicolon)
{
	struct sip_via v;

	cr_expect_eq(sip_via_parse(SPAN("SIP/2.0/UDP server.work.com;"), &v), ERR_NONE);
	expect_span(v.host, "server.work.com");
}

Test(sip_via, refused)
{
	static const char *const bad[] = { "", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 h",
		"HTTP/2.0/UDP h", "SIP//UDP h", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:0",
		"SIP/2.0/UDP h:65536", "SIP/2.0/UDP [::1", "SIP/2.0/UDP h;;",
		"SIP/2.0/UDP h;ttl=256", "SIP/2.0/UDP h;rport=x", "SIP/2.0/UDP h x",
		"SIP/2.0/UDP ::1" };
	struct sip_via v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sip_via_parse(span_str(bad[i]), &v), ERR_SYNTAX, "%s", bad[i]);
}

Test(sip_via, received_only_when_it_differs)
{
	struct message x = from(
	    SPAN(REQUEST("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n")), "192.0.2.1", 5060);

	expect_vias(x.m, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n");
	netaddr_ip(SPAN("192.0.2.9"), &x.m->flow.peer);
	expect_vias(x.m, "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;received=192.0.2.9\r\n");
	message_done(&x);
}

Test(sip_via, rport_and_a_forged_received)
{
	struct message x =
	    from(SPAN(REQUEST("v: SIP/2.0/UDP h:5070;received=6.6.6.6;rport;x=\"a;b\",\r\n"
			      " SIP/2.0/TCP lower;branch=z9hG4bK2\r\nVia: SIP/2.0/UDP last\r\n")),
		"192.0.2.1", 1234);

	expect_vias(x.m, "Via: SIP/2.0/UDP h:5070;rport=1234;x=\"a;b\";received=192.0.2.1"
			 ",   SIP/2.0/TCP lower;branch=z9hG4bK2\r\nVia: SIP/2.0/UDP last\r\n");
	message_done(&x);
}

Test(sip_via, response_goes_to_the_source)
{
	struct message x = from(
	    SPAN(REQUEST("Via: SIP/2.0/UDP h:5070;maddr=255.255.255.255\r\n")), "192.0.2.1", 1234);
	struct message y = from(SPAN(REQUEST("Via: SIP/2.0/UDP h;rport\r\n")), "192.0.2.1", 1234);
	struct message z = from(SPAN(REQUEST("Via: SIP/2.0/UDP h\r\n")), "192.0.2.1", 1234);

	cr_expect(netaddr_eq_ip(
	    &x.m->flow.peer, &(struct netaddr){ .ip = { 192, 0, 2, 1 }, .family = 4 }));
	cr_expect_eq(sip_response_flow(x.m).peer.port, 5070);
	cr_expect_eq(sip_response_flow(y.m).peer.port, 1234);
	cr_expect_eq(sip_response_flow(z.m).peer.port, 5060);
	z.m->flow.transport = SIP_T_TCP;
	cr_expect_eq(sip_response_flow(z.m).peer.port, 1234);
	message_done(&x);
	message_done(&y);
	message_done(&z);
}
