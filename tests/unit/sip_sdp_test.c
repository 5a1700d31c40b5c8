/* SDP: RFC 8866 with the tolerance that FLOWS S0-29 and S2-11 ask for; THREATS B5. */
#include "sip/sdp.h"

#include "sip_message.h"

static struct sdp_origin
ours(void)
{
	struct sdp_origin o = { .id = 77, .version = 3 };

	netaddr_ip(SPAN("192.0.2.1"), &o.address);
	return o;
}

static void
expect_put(const char *body, const char *want)
{
	struct sdp_origin o = ours();
	char text[4096];
	struct buf b = buf_on(text, sizeof(text));
	struct sdp s;

	cr_assert_eq(sdp_parse(span_str(body), &s), ERR_NONE, "%s", body);
	sdp_put(&b, &s, &o);
	cr_assert(buf_ok(&b));
	expect_span(buf_span(&b), want);
}

#define OURS "o=- 77 3 IN IP4 192.0.2.1\r\n"
#define OFFER                                                                                      \
	"v=0\r\no=alice 2890844526 2890844526 IN IP4 host.example.com\r\ns=-\r\n"                  \
	"c=IN IP4 198.51.100.1\r\nt=0 0\r\n"                                                       \
	"m=audio 49170/2 RTP/AVP 0 8 97\r\na=rtpmap:97 iLBC/8000\r\na=sendonly\r\n"                \
	"m=video 51372 RTP/AVP 31\r\nc=IN IP4 198.51.100.2\r\n"

Test(sdp, read)
{
	struct sdp s;

	cr_assert_eq(sdp_parse(SPAN(OFFER), &s), ERR_NONE);
	expect_span(s.origin_user, "alice");
	expect_span(s.origin_id, "2890844526");
	expect_span(s.origin_version, "2890844526");
	expect_span(s.connection, "IN IP4 198.51.100.1");
	cr_assert_eq(s.n_media, 2);
	expect_span(s.media[0].kind, "audio");
	expect_span(s.media[0].proto, "RTP/AVP");
	expect_span(s.media[0].formats, "0 8 97");
	cr_expect_eq(s.media[0].port, 49170);
	cr_expect_eq(s.media[0].n_ports, 2);
	cr_expect_eq(s.media[0].direction, SDP_SENDONLY);
	cr_expect_eq(s.media[0].connection.len, 0);
	expect_span(s.media[1].line, "video 51372 RTP/AVP 31");
	expect_span(s.media[1].connection, "IN IP4 198.51.100.2");
	cr_expect_eq(s.media[1].direction, SDP_SENDRECV);
	cr_expect_not(s.media[1].has_direction);
}

Test(sdp, direction_of_the_session)
{
	struct sdp s;

	cr_assert_eq(sdp_parse(SPAN("v=0\r\na=recvonly\r\nm=audio 1 RTP/AVP 0\r\na=inactive\r\n"
				    "m=video 2 RTP/AVP 31\r\n"),
			 &s),
	    ERR_NONE);
	cr_expect_eq(s.media[0].direction, SDP_INACTIVE);
	cr_expect_eq(s.media[1].direction, SDP_RECVONLY);
}

/* Bodies as a desk phone, a soft phone, a gateway, a browser and a fax adapter write them: all but o=
 * goes through byte for byte. */
Test(sdp, S3_10_written_again)
{
	expect_put("v=0\r\no=- 20518 20518 IN IP4 192.168.1.20\r\ns=SDP data\r\n"
		   "c=IN IP4 192.168.1.20\r\nt=0 0\r\nm=audio 11780 RTP/AVP 9 0 8 18 101\r\n"
		   "a=rtpmap:9 G722/8000\r\na=fmtp:18 annexb=no\r\na=ptime:20\r\na=sendrecv\r\n"
		   "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
	    "v=0\r\n" OURS "s=SDP data\r\n"
	    "c=IN IP4 192.168.1.20\r\nt=0 0\r\nm=audio 11780 RTP/AVP 9 0 8 18 101\r\n"
	    "a=rtpmap:9 G722/8000\r\na=fmtp:18 annexb=no\r\na=ptime:20\r\na=sendrecv\r\n"
	    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n");
	expect_put("v=0\no=phone 1 2 IN IP6 2001:db8::1\ns=Talk \nc=IN IP6 2001:db8::1\nb=AS:380\n"
		   "t=0 0\na=rtcp-xr:rcvr-rtt=all:10000\nm=audio 7078 RTP/AVPF 96\n"
		   "a=rtpmap:96 opus/48000/2\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:aGk=|2^20",
	    "v=0\r\n" OURS "s=Talk \r\nc=IN IP6 2001:db8::1\r\nb=AS:380\r\n"
	    "t=0 0\r\na=rtcp-xr:rcvr-rtt=all:10000\r\nm=audio 7078 RTP/AVPF 96\r\n"
	    "a=rtpmap:96 opus/48000/2\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:aGk=|2^20\r\n");
	expect_put("v=0\r\no=GW 7121 9 IN IP4 198.51.100.9\r\ns=SIP Call\r\n"
		   "c=IN IP4 198.51.100.9\r\nt=0 0\r\nm=audio 16478 RTP/AVP 8 19\r\n"
		   "c=IN IP4 198.51.100.9\r\na=rtpmap:19 CN/8000\r\n\r\n",
	    "v=0\r\n" OURS "s=SIP Call\r\n"
	    "c=IN IP4 198.51.100.9\r\nt=0 0\r\nm=audio 16478 RTP/AVP 8 19\r\n"
	    "c=IN IP4 198.51.100.9\r\na=rtpmap:19 CN/8000\r\n");
	expect_put(
	    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
	    "a=group:BUNDLE 0\r\na=msid-semantic: WMS\r\n"
	    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\n"
	    "a=ice-ufrag:abcd\r\na=fingerprint:sha-256 00:11\r\na=setup:actpass\r\na=mid:0\r\n",
	    "v=0\r\n" OURS "s=-\r\nt=0 0\r\n"
	    "a=group:BUNDLE 0\r\na=msid-semantic: WMS\r\n"
	    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\n"
	    "a=ice-ufrag:abcd\r\na=fingerprint:sha-256 00:11\r\na=setup:actpass\r\na=mid:0\r\n");
	expect_put("v=0\r\no=fax 5 6 IN IP4 203.0.113.4\r\ns=-\r\nc=IN IP4 203.0.113.4\r\nt=0 0\r\n"
		   "m=image 4500 udptl t38\r\na=T38FaxVersion:0\r\n",
	    "v=0\r\n" OURS "s=-\r\nc=IN IP4 203.0.113.4\r\nt=0 0\r\n"
	    "m=image 4500 udptl t38\r\na=T38FaxVersion:0\r\n");
}

/* S2-11: no sess-version, t= before c=. S0-29: o= and s= run together. No o= at all; two of them. */
Test(sdp, S2_11_c_damaged)
{
	struct sdp s;

	cr_assert_eq(sdp_parse(SPAN("v=0\r\no=bob 515369 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\n"
				    "c=IN IP4 192.0.2.9\r\nm=audio 3456 RTP/AVP 0\r\n"),
			 &s),
	    ERR_NONE);
	expect_span(s.origin_id, "515369");
	cr_expect_null(s.origin_version.p);
	expect_span(s.connection, "IN IP4 192.0.2.9");
	expect_put("v=0\r\no=bob 515369 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nc=IN IP4 192.0.2.9\r\n",
	    "v=0\r\n" OURS "s=-\r\nt=0 0\r\nc=IN IP4 192.0.2.9\r\n");
	expect_put("v=0\r\no=alice 53655765 2353687637 IN IP4 pc33.example.com s=-\r\nt=0 0\r\n"
		   "c=IN IP4 pc33.example.com\r\nm=audio 3456 RTP/AVP 0 1 3 99\r\n",
	    "v=0\r\n" OURS
	    "t=0 0\r\nc=IN IP4 pc33.example.com\r\nm=audio 3456 RTP/AVP 0 1 3 99\r\n");
	expect_put("v=0\r\ns=-\r\n", "v=0\r\n" OURS "s=-\r\n");
	expect_put("o=a 1 1 IN IP4 x\r\nv=0\r\no=b 2 2 IN IP4 y\r\n", "v=0\r\n" OURS);
	expect_put("v=0\r\r\n\r\no=\r\ns=\r\n", "v=0\r\n" OURS "s=\r\n");
}

Test(sdp, refused)
{
	static const struct {
		const char *body;
		enum err e;
	} row[] = {
		{ "", ERR_SYNTAX },
		{ "hello", ERR_SYNTAX },
		{ "s=-\r\n", ERR_SYNTAX },
		{ "v=0\r\nhello\r\n", ERR_SYNTAX },
		{ "v=0\r\n folded\r\n", ERR_SYNTAX },
		{ "v=0\r\n=x\r\n", ERR_SYNTAX },
		{ "m=audio 1 RTP/AVP 0\r\nv=0\r\n", ERR_SYNTAX },
		{ "v=0\r\nm=audio\r\n", ERR_SYNTAX },
		{ "v=0\r\nm=\r\n", ERR_SYNTAX },
		{ "v=0\r\nm=audio 1\r\n", ERR_SYNTAX },
		{ "v=0\r\nm=audio 65536 RTP/AVP 0\r\n", ERR_RANGE },
		{ "v=0\r\nm=audio -1 RTP/AVP 0\r\n", ERR_RANGE },
		{ "v=0\r\nm=audio 4294967296 RTP/AVP 0\r\n", ERR_RANGE },
		{ "v=0\r\nm=audio 1/ RTP/AVP 0\r\n", ERR_RANGE },
		{ "v=0\r\nm=audio 1/99999 RTP/AVP 0\r\n", ERR_RANGE },
		{ "v=0\r\nm=audio 1 RTP/AVP\r\n", ERR_NONE },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sdp s;

		cr_expect_eq(sdp_parse(span_str(row[i].body), &s), row[i].e, "%s", row[i].body);
	}
}

Test(sdp, limits)
{
	char text[32 * 1024];
	struct buf b = buf_on(text, sizeof(text));
	struct sdp s;

	buf_lit(&b, "v=0\r\n");
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		buf_lit(&b, "m=audio 1 RTP/AVP 0\r\n");
	cr_expect_eq(sdp_parse(buf_span(&b), &s), ERR_NONE);
	buf_lit(&b, "m=audio 1 RTP/AVP 0\r\n");
	cr_expect_eq(sdp_parse(buf_span(&b), &s), ERR_RANGE);
	b = buf_on(text, sizeof(text));
	buf_lit(&b, "v=0\r\n");
	for (unsigned i = 1; i < SDP_LINES_MAX; i++)
		buf_lit(&b, "a=x\r\n");
	cr_expect_eq(sdp_parse(buf_span(&b), &s), ERR_NONE);
	buf_lit(&b, "a=x\r\n");
	cr_expect_eq(sdp_parse(buf_span(&b), &s), ERR_RANGE);
}

/* S1-12: both ways to say it. */
Test(sdp, held)
{
	static const struct {
		const char *body;
		bool held;
	} row[] = {
		{ "v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 1 RTP/AVP 0\r\n", true },
		{ "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0/127\r\n",
		    true },
		{ "v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n",
		    false },
		{ "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n", false },
		{ "v=0\r\nc=IN IP6 ::\r\nm=audio 1 RTP/AVP 0\r\n", true },
		{ "v=0\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\n", true },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\na=inactive\r\n", true },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\na=recvonly\r\n", false },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendrecv\r\n", false },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\n", false },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 31\r\na=inactive\r\n", false },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\n", true },
		{ "v=0\r\nm=audio 0 RTP/AVP 0\r\na=inactive\r\n", false },
		{ "v=0\r\n", false },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sdp s;

		cr_assert_eq(sdp_parse(span_str(row[i].body), &s), ERR_NONE);
		cr_expect_eq(sdp_held(&s), row[i].held, "%s", row[i].body);
	}
}

Test(sip_sdp, silent)
{
	static const struct {
		const char *body;
		bool silent;
	} row[] = {
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\na=recvonly\r\n", true },
		{ "v=0\r\na=inactive\r\nm=audio 1 RTP/AVP 0\r\n", true },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\n", false },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\n", false },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 31\r\na=recvonly\r\n", false },
		{ "v=0\r\nm=audio 1 RTP/AVP 0\r\na=recvonly\r\nm=video 0 RTP/AVP 31\r\n", true },
		{ "v=0\r\nm=audio 0 RTP/AVP 0\r\na=recvonly\r\n", false },
		{ "v=0\r\n", false },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sdp s;

		cr_assert_eq(sdp_parse(span_str(row[i].body), &s), ERR_NONE);
		cr_expect_eq(sdp_silent(&s), row[i].silent, "%s", row[i].body);
	}
}

static uint64_t
hash(const char *body)
{
	struct sdp s;

	cr_assert_eq(sdp_parse(span_str(body), &s), ERR_NONE);
	return sdp_hash(&s);
}

Test(sdp, hash)
{
	uint64_t h = hash("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nt=0 0\r\n");

	cr_expect_eq(hash("v=0\no=b 2 9 IN IP4 y\ns=-\nt=0 0"), h);
	cr_expect_neq(hash("v=0\r\ns=-\r\nt=0 1\r\n"), h);
	cr_expect_neq(hash("v=0\r\nt=0 0\r\ns=-\r\n"), h, "the order counts");
	cr_expect_neq(hash("v=0\r\ns=-t=0 0\r\n"), h);
}

Test(sdp, origin_of_ipv6)
{
	struct sdp_origin o = { .id = 1, .version = 2 };
	char text[256];
	struct buf b = buf_on(text, sizeof(text));
	struct sdp s;

	netaddr_ip(SPAN("2001:db8::7"), &o.address);
	sdp_parse(SPAN("v=0\r\n"), &s);
	sdp_put(&b, &s, &o);
	expect_span(buf_span(&b), "v=0\r\no=- 1 2 IN IP6 2001:db8::7\r\n");
}

static void
expect_directed(const char *body, enum sdp_direction d, const char *want)
{
	static char text[4096];
	struct buf b = buf_on(text, sizeof(text));
	struct sdp s;

	cr_assert_eq(sdp_parse(span_str(body), &s), ERR_NONE, "%s", body);
	sdp_put_directed(&b, &s, d);
	expect_span(buf_span(&b), want);
}

/* S1-12 from our side: the attribute of each stream, wherever it was said before. */
Test(sdp, directed)
{
	expect_directed("v=0\no=a 1 1 IN IP4 h\nm=audio 1 RTP/AVP 0", SDP_SENDONLY,
	    "v=0\r\no=a 1 1 IN IP4 h\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\n");
	expect_directed(
	    "v=0\r\na=inactive\r\na=x\r\nm=audio 1 RTP/AVP 0\r\na=ptime:20\r\n"
	    "m=video 2 RTP/AVP 31\r\na=recvonly \r\na=fmtp:31 sendrecv\r\na=sendonly\r\n"
	    "m=text 0 RTP/AVP 98\r\na=sendonly\r\nc=IN IP4 h\r\n",
	    SDP_SENDRECV,
	    "v=0\r\na=x\r\nm=audio 1 RTP/AVP 0\r\na=ptime:20\r\na=sendrecv\r\n"
	    "m=video 2 RTP/AVP 31\r\na=sendrecv\r\na=fmtp:31 sendrecv\r\n"
	    "m=text 0 RTP/AVP 98\r\nc=IN IP4 h\r\n");
	expect_directed("v=0\r\na=sendonly\r\n", SDP_INACTIVE, "v=0\r\n");
	expect_directed("v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\na=sendonlyx\r\n", SDP_RECVONLY,
	    "v=0\r\nm=audio 1 RTP/AVP 0\r\na=recvonly\r\na=sendonlyx\r\n");
}

static bool
same(const char *x, const char *y)
{
	struct sdp a, b;

	cr_assert_eq(sdp_parse(span_str(x), &a), ERR_NONE);
	cr_assert_eq(sdp_parse(span_str(y), &b), ERR_NONE);
	cr_expect_eq(sdp_same(&a, &b), sdp_same(&b, &a));
	cr_expect_eq(sdp_same(&a, &b), sdp_hash(&a) == sdp_hash(&b));
	return sdp_same(&a, &b);
}

Test(sdp, same)
{
	cr_expect(same("v=0\r\no=a 1 1 IN IP4 h\r\ns=-\r\n", "v=0\n\ns=-\no=b 2 2 IN IP4 i\n"));
	cr_expect_not(same("v=0\r\ns=-\r\n", "v=0\r\ns=- \r\n"));
	cr_expect_not(same("v=0\r\ns=-\r\n", "v=0\r\n"));
	cr_expect_not(same("v=0\r\na=x\r\na=y\r\n", "v=0\r\na=y\r\na=x\r\n"));
}
