/* The o= line of a leg: INV-8, RFC 3264 8. */
#include "sip/offer.h"

#include "sip_message.h"

static struct span
put(struct offer *o, const char *body)
{
	static char text[2048];
	struct buf b = buf_on(text, sizeof(text));
	struct netaddr ours;
	struct sdp s;

	netaddr_ip(SPAN("192.0.2.1"), &ours);
	cr_assert_eq(sdp_parse(span_str(body), &s), ERR_NONE);
	offer_put(&b, o, &s, &ours);
	cr_assert(buf_ok(&b));
	return buf_span(&b);
}

Test(offer_body, version_is_raised_exactly_when_the_body_changes)
{
	struct offer o;

	offer_init(&o, 5);
	expect_span(put(&o, "v=0\r\no=x 9 9 IN IP4 h\r\nm=audio 1 RTP/AVP 0\r\n"),
	    "v=0\r\no=- 5 1 IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n");
	expect_span(put(&o, "v=0\no=y 8 8 IN IP4 other\nm=audio 1 RTP/AVP 0\n"),
	    "v=0\r\no=- 5 1 IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n");
	expect_span(put(&o, "v=0\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\n"),
	    "v=0\r\no=- 5 2 IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\n");
	expect_span(put(&o, "v=0\r\nm=audio 1 RTP/AVP 0\r\n"),
	    "v=0\r\no=- 5 3 IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n");
}

/* A peer that is put through to another party sees the streams it had, refused. */
Test(offer_body, media_lines_never_shrink)
{
	struct offer o;

	offer_init(&o, 5);
	put(&o, "v=0\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/SAVP 31\r\nm=text 3 RTP/AVP 98 0\r\n");
	expect_span(put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\n"),
	    "v=0\r\no=- 5 2 IN IP4 192.0.2.1\r\nm=audio 7 RTP/AVP 8\r\n"
	    "m=video 0 RTP/SAVP 31\r\nm=text 0 RTP/AVP 98\r\n");
	cr_expect_eq(o.n_media, 3);
	put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\n");
	cr_expect_eq(o.sess_version, 2);
}

/* The body alone is as before, but now there are lines to fill up. */
Test(offer_body, filling_up_is_a_change)
{
	struct offer o;

	offer_init(&o, 5);
	put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\n");
	put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\nm=video 2 RTP/AVP 31\r\n");
	put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\n");
	cr_expect_eq(o.sess_version, 3);
}

static void
heard(struct offer *o, const char *body)
{
	struct sdp s;

	cr_assert_eq(sdp_parse(span_str(body), &s), ERR_NONE);
	offer_heard(o, &s);
}

/* S2-30: each line keeps its own kind, proto and format, whatever the media. */
Test(offer_body, refused_lines_keep_their_kind)
{
	static const char *const lines[][2] = {
		{ "image 4500 udptl t38", "image 0 udptl t38" },
		{ "image 4500 UDPTL T38", "image 0 UDPTL t38" },
		{ "message 7394 TCP/TLS/MSRP *", "message 0 TCP/TLS/MSRP *" },
		{ "application 9 UDP/DTLS/SCTP webrtc-datachannel",
		    "application 0 UDP/DTLS/SCTP webrtc-datachannel" },
		{ "application 9 DTLS/SCTP 5000", "application 0 DTLS/SCTP 5000" },
		{ "video 9/2 udp/tls/rtp/savpf 127 96", "video 0 UDP/TLS/RTP/SAVPF 127" },
		{ "Audio 9 RTP/AVP 128", "audio 0 RTP/AVP 0" },
		{ "audio 9 RTP/AVP", "audio 0 RTP/AVP 0" },
		{ "hologram 9 x/y z", "application 0 RTP/AVP 0" },
		{ "application 9 UDP/BFCP", "application 0 UDP/BFCP *" },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char body[200], want[200];
		struct offer o;

		offer_init(&o, 5);
		snprintf(body, sizeof(body), "v=0\r\nm=audio 1 RTP/AVP 0\r\nm=%s\r\n", lines[i][0]);
		snprintf(want, sizeof(want),
		    "v=0\r\no=- 5 2 IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\nm=%s\r\n",
		    lines[i][1]);
		put(&o, body);
		expect_span(put(&o, "v=0\r\nm=audio 1 RTP/AVP 0\r\n"), want);
	}
}

/* Who offered two streams is answered two, though the other side knows of one. */
Test(offer_body, what_the_peer_offers_is_answered_line_for_line)
{
	struct offer o;

	offer_init(&o, 5);
	heard(&o, "v=0\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 31\r\n");
	expect_span(put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\n"),
	    "v=0\r\no=- 5 1 IN IP4 192.0.2.1\r\nm=audio 7 RTP/AVP 8\r\nm=video 0 RTP/AVP 31\r\n");
	heard(&o, "v=0\r\nm=audio 1 RTP/AVP 0\r\n");
	cr_expect_eq(o.n_media, 2);
	put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\n");
	cr_expect_eq(o.sess_version, 1);
	/* The stream's place is taken by another one (RFC 3264 8.2): the refusal is another body. */
	heard(&o, "v=0\r\nm=audio 1 RTP/AVP 0\r\nm=text 2 RTP/AVP 98\r\n");
	expect_span(put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\n"),
	    "v=0\r\no=- 5 2 IN IP4 192.0.2.1\r\nm=audio 7 RTP/AVP 8\r\nm=text 0 RTP/AVP 98\r\n");
}

/* A leg stands in memory that another process may have left. */
Test(offer_body, numbers_of_no_table_write_a_line_all_the_same)
{
	char text[MEDIA_LINE_MAX];
	struct buf b = buf_on(text, sizeof(text));

	media_line_put_refused(&b, (struct media_line){ 255, 255, 255 });
	expect_span(buf_span(&b), "m=application 0 RTP/AVP *\r\n");
}

/* OFFER_ROOM: bare line ends, and as many lines as can be. */
Test(offer_body, room)
{
	static char many[4096], out[4096 + OFFER_ROOM];
	struct buf b = buf_on(many, sizeof(many));
	struct netaddr ours;
	struct offer o;
	struct sdp s;

	netaddr_ip(SPAN("2001:db8::1"), &ours);
	buf_lit(&b, "v=0\n");
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		buf_lit(&b, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n");
	offer_init(&o, UINT64_MAX);
	o.sess_version = UINT64_MAX - 9;
	cr_assert_eq(sdp_parse(buf_span(&b), &s), ERR_NONE);
	offer_heard(&o, &s);
	b = buf_on(many, sizeof(many));
	buf_lit(&b, "v=0\n");
	for (unsigned i = 1; i < SDP_LINES_MAX; i++)
		buf_lit(&b, "a=x\n");
	cr_assert_eq(sdp_parse(buf_span(&b), &s), ERR_NONE);
	b = buf_on(out, s.text.len + OFFER_ROOM);
	offer_put(&b, &o, &s, &ours);
	cr_expect(buf_ok(&b));
}
