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
	put(&o, "v=0\r\nm=audio 1 RTP/AVP 0\r\nm=video 2 RTP/AVP 31\r\nm=text 3 RTP/AVP 98\r\n");
	expect_span(put(&o, "v=0\r\nm=audio 7 RTP/AVP 8\r\n"),
	    "v=0\r\no=- 5 2 IN IP4 192.0.2.1\r\nm=audio 7 RTP/AVP 8\r\n"
	    "m=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n");
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
