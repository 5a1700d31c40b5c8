/* The messages of RFC 5118, one test for each section. */
#include "base/netaddr.h"
#include "sip/uri.h"
#include "sip/via.h"
#include "sip_torture.h"

Test(rfc5118, ipv6_good_4_1)
{
	struct message x = accepted("ipv6_good");
	struct sip_uri uri;

	cr_expect_eq(sip_uri_parse(sip_span(x.m, x.m->uri), &uri), ERR_NONE);
	expect_span(uri.host, "[2001:db8::10]");
	expect_slice(x.m, via_host, "[2001:db8::9:1]");
	message_done(&x);
}

Test(rfc5118, ipv6_bad_4_2)
{
	refused("ipv6_bad", 400, "Malformed Request-URI");
}

Test(rfc5118, port_ambiguous_4_3)
{
	struct message x = accepted("port_ambiguous");
	struct sip_uri uri;

	cr_expect_eq(sip_uri_parse(sip_span(x.m, x.m->uri), &uri), ERR_NONE);
	expect_span(uri.host, "[2001:db8::10:5070]");
	cr_expect_eq(uri.port, 0);
	message_done(&x);
}

Test(rfc5118, port_unambiguous_4_4)
{
	struct message x = accepted("port_unambiguous");
	struct sip_uri uri;

	cr_expect_eq(sip_uri_parse(sip_span(x.m, x.m->uri), &uri), ERR_NONE);
	expect_span(uri.host, "[2001:db8::10]");
	cr_expect_eq(uri.port, 5070);
	message_done(&x);
}

/* Both forms are read; we write the one without brackets. */
Test(rfc5118, via_received_param_4_5)
{
	struct message with = accepted("via_received_param_with_delim");
	struct message without = accepted("via_received_param_no_delim");
	struct sip_via via;
	char text[256];
	struct buf b = buf_on(text, sizeof(text));

	cr_expect_eq(sip_via_parse(sip_span(with.m, with.m->via), &via), ERR_NONE);
	expect_span(via.received, "[2001:db8::9:255]");
	cr_expect_eq(sip_via_parse(sip_span(without.m, without.m->via), &via), ERR_NONE);
	expect_span(via.received, "2001:db8::9:255");
	cr_expect_eq(netaddr_ip(SPAN("2001:db8::9:42"), &with.m->flow.peer), ERR_NONE);
	sip_put_vias(&b, with.m);
	expect_span(buf_span(&b), "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"
				  ";received=2001:db8::9:42\r\n");
	message_done(&with);
	message_done(&without);
}

Test(rfc5118, ipv6_in_sdp_4_6)
{
	struct message x = accepted("ipv6_in_sdp");

	cr_expect_eq(x.m->body.len, 251);
	message_done(&x);
}

Test(rfc5118, mult_ip_in_header_4_7)
{
	struct message x = accepted("mult_ip_in_header");
	char text[400];
	struct buf b = buf_on(text, sizeof(text));

	cr_expect_eq(x.m->via_port, 6050);
	sip_put_vias(&b, x.m);
	expect_span(buf_span(&b),
	    "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144\r\n"
	    "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200\r\n");
	message_done(&x);
}

Test(rfc5118, mult_ip_in_sdp_4_8)
{
	struct message x = accepted("mult_ip_in_sdp");

	cr_expect_eq(x.m->body.len, 189);
	message_done(&x);
}

Test(rfc5118, ipv4_mapped_ipv6_4_9)
{
	struct message x = accepted("ipv4_mapped_ipv6");

	expect_slice(x.m, via_host, "[::ffff:192.0.2.10]");
	cr_expect_eq(x.m->via_port, 19823);
	message_done(&x);
}

/* What RFC 3261's grammar let through; who looks the address up finds that it is none. */
Test(rfc5118, ipv6_bug_abnf_3_colons_4_10)
{
	struct message x = accepted("ipv6_bug_abnf_3_colons");
	struct sip_uri uri;
	struct netaddr a;

	cr_expect_eq(sip_uri_parse(sip_span(x.m, x.m->uri), &uri), ERR_NONE);
	cr_expect_neq(netaddr_ip(uri.host, &a), ERR_NONE);
	message_done(&x);
}
