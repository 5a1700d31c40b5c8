/* frame: messages out of a stream, however it is cut; pings; what breaks the connection. */
#include <stdio.h>

#include "sip/frame.h"
#include "sip_message.h"

#define ONE "OPTIONS sip:a@b SIP/2.0\r\nl: 3\r\n\r\nabc"
#define TWO "OPTIONS sip:c@d SIP/2.0\nContent-Length :\n 0\n\n"

static struct sip_frame frame;
static struct verdict why;
static uint32_t len;

static enum sip_framed
feed(struct span s)
{
	return sip_frame(&frame, s, &len, &why);
}

Test(sip_frame, one_message_at_a_time)
{
	cr_expect_eq(feed(SPAN(ONE TWO)), SIP_FRAME_MESSAGE);
	cr_expect_eq(len, sizeof(ONE) - 1);
	cr_expect_eq(feed(SPAN(TWO)), SIP_FRAME_MESSAGE);
	cr_expect_eq(len, sizeof(TWO) - 1);
	cr_expect_eq(feed(SPAN_NONE), SIP_FRAME_MORE);
}

Test(sip_frame, byte_by_byte)
{
	for (size_t n = 0; n < sizeof(ONE) - 1; n++)
		cr_expect_eq(feed(span_of(ONE, n)), SIP_FRAME_MORE, "%zu", n);
	cr_expect_eq(feed(SPAN(ONE)), SIP_FRAME_MESSAGE);
}

Test(sip_frame, keep_alives)
{
	cr_expect_eq(feed(SPAN("\r\n\r\n\r\n")), SIP_FRAME_PING);
	cr_expect_eq(len, 4);
	cr_expect_eq(feed(SPAN("\r\n")), SIP_FRAME_MORE);
	cr_expect_eq(feed(SPAN("\r\n\r")), SIP_FRAME_MORE);
	cr_expect_eq(feed(SPAN("\r\n" ONE)), SIP_FRAME_CRLF);
	cr_expect_eq(len, 2);
	cr_expect_eq(feed(SPAN("\n")), SIP_FRAME_CRLF);
	cr_expect_eq(len, 1);
}

static void
expect_broken(struct span s, unsigned status, const char *reason)
{
	frame = (struct sip_frame){ 0 };
	cr_expect_eq(feed(s), SIP_FRAME_BROKEN, "%.*s", SPAN_F(s));
	cr_expect_eq(why.status, status);
	cr_expect_str_eq(why.reason, reason);
}

Test(sip_frame, broken)
{
	expect_broken(SPAN("A b SIP/2.0\r\nX: y\r\n\r\n"), 400, "Missing Content-Length header");
	expect_broken(SPAN("A b SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\n"), 400,
	    "Repeated Content-Length header");
	expect_broken(SPAN("A b SIP/2.0\r\nl: -1\r\n\r\n"), 400, "Malformed Content-Length header");
	expect_broken(
	    SPAN("A b SIP/2.0\r\nl: 1 1\r\n\r\n"), 400, "Malformed Content-Length header");
	expect_broken(SPAN("A b SIP/2.0\r\nl: 4294967328\r\n\r\n"), 513, "Message Too Large");
	expect_broken(SPAN("A b SIP/2.0\r\nl: 65000\r\n\r\n"), 513, "Message Too Large");
	/* A name that is not Content-Length to the letter is not Content-Length. */
	expect_broken(
	    SPAN("A b SIP/2.0\r\nl\001: 1\r\n\r\n"), 400, "Missing Content-Length header");
}

Test(sip_frame, endless_head)
{
	static char text[SIP_RAW_MAX];

	memset(text, 'a', sizeof(text));
	cr_expect_eq(feed(span_of(text, sizeof(text) - 1)), SIP_FRAME_MORE);
	cr_expect_eq(feed(span_of(text, sizeof(text))), SIP_FRAME_BROKEN);
	cr_expect_eq(why.status, 513);
	cr_expect_eq(len, SIP_RAW_MAX);
}

Test(sip_frame, largest)
{
	static char text[SIP_RAW_MAX];
	const size_t head = (size_t)snprintf(
	    text, sizeof(text), "A b SIP/2.0\r\nl: %05d\r\n\r\n", SIP_RAW_MAX - 25);

	cr_assert_eq(head, 25);
	cr_expect_eq(feed(span_of(text, sizeof(text))), SIP_FRAME_MESSAGE);
	cr_expect_eq(len, SIP_RAW_MAX);
}
