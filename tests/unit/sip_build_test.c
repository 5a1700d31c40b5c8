/* build: responses as 8.2.6 wants them; nothing that is written can become another header. */
#include "sip/build.h"
#include "sip_message.h"

#define START "INVITE sip:b@c SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
#define REQUEST                                                                                    \
	START "f: <sip:a@b>;tag=1\r\nt: B <sip:b@c>\r\ni: 1@h\r\nCSeq: 007  INVITE\r\n"            \
	      "Timestamp: 5\r\nRoute: <sip:r>\r\nROUTE: <sip:s>\r\n\r\n"

static char text[4096];
static struct buf b;

static void
setup(void)
{
	b = buf_on(text, sizeof(text));
}
TestSuite(sip_build, .init = setup);

Test(sip_build, response)
{
	struct message x = message_of(SPAN(REQUEST));

	sip_put_response(&b, x.m, 180, NULL, SPAN("ours"));
	expect_span(buf_span(&b),
	    "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: B <sip:b@c>;tag=ours\r\nCall-ID: 1@h\r\n"
	    "CSeq: 007  INVITE\r\n");
	message_done(&x);
}

Test(sip_build, trying_has_the_timestamp_and_no_tag)
{
	struct message x = message_of(SPAN(REQUEST));

	sip_put_response(&b, x.m, 100, NULL, SPAN("ours"));
	expect_span(buf_span(&b),
	    "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
	    "From: <sip:a@b>;tag=1\r\nTo: B <sip:b@c>\r\nCall-ID: 1@h\r\n"
	    "CSeq: 007  INVITE\r\nTimestamp: 5\r\n");
	message_done(&x);
}

/* What could not be read goes back as it came, what is missing stays missing. */
Test(sip_build, refusal_of_half_a_request)
{
	struct message x = message_of(SPAN(START "t: \"open <sip:b@c>\r\nCSeq: 1 INVITE\r\n\r\n"));

	sip_put_refusal(
	    &b, x.m, 400, "Malformed To header", SPAN("ours"), SPAN("Warning: 399 h \"x\"\r\n"));
	cr_expect(buf_ok(&b));
	expect_span(buf_span(&b),
	    "SIP/2.0 400 Malformed To header\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nTo: \"open <sip:b@c>\r\n"
	    "CSeq: 1 INVITE\r\nWarning: 399 h \"x\"\r\nContent-Length: 0\r\n\r\n");
	message_done(&x);
}

Test(sip_build, tag_after_a_tolerated_semicolon)
{
	struct message x = message_of(
	    SPAN(START "f: <sip:a@b>\r\nt: <sip:b@c>;\r\ni: 1\r\nCSeq: 1 INVITE\r\n\r\n"));
	struct message back;

	cr_assert_eq(x.verdict.status, 0);
	sip_put_refusal(&b, x.m, 404, NULL, SPAN("ours"), SPAN_NONE);
	back = message_of(buf_span(&b));
	cr_expect_eq(back.verdict.status, 0);
	expect_slice(back.m, to_tag, "ours");
	message_done(&back);
	message_done(&x);
}

Test(sip_build, copy)
{
	struct message x = message_of(SPAN(REQUEST));

	sip_put_copy(&b, x.m, SIP_H_ROUTE);
	sip_put_copy(&b, x.m, SIP_H_CONTACT);
	expect_span(buf_span(&b), "Route: <sip:r>\r\nRoute: <sip:s>\r\n");
	message_done(&x);
}

Test(sip_build, request)
{
	sip_put_request_line(&b, SPAN("BYE"), SPAN("sip:a@b"));
	sip_put_header(&b, SPAN("Subject"), SPAN("x"));
	sip_put_header_u32(&b, SPAN("RSeq"), UINT32_MAX);
	sip_put_body(&b, SPAN("text/plain"), SPAN("ab"));
	expect_span(buf_span(&b), "BYE sip:a@b SIP/2.0\r\nSubject: x\r\nRSeq: 4294967295\r\n"
				  "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nab");
}

Test(sip_build, no_second_header)
{
	static const struct span bad[] = { { "a\r\nX: y", 7 }, { "a\rb", 3 }, { "a\nb", 3 },
		{ "a\0b", 3 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup();
		sip_put_header(&b, SPAN("Subject"), bad[i]);
		cr_expect_not(buf_ok(&b));
		setup();
		sip_put_header(&b, bad[i], SPAN("x"));
		cr_expect_not(buf_ok(&b));
		setup();
		sip_put_request_line(&b, SPAN("BYE"), bad[i]);
		cr_expect_not(buf_ok(&b));
		setup();
		sip_put_body(&b, bad[i], SPAN("x"));
		cr_expect_not(buf_ok(&b));
	}
	setup();
	sip_put_request_line(&b, SPAN("BYE"), SPAN("sip:a b"));
	cr_expect_not(buf_ok(&b));
}

Test(sip_build, phrase_from_the_network)
{
	struct message x = message_of(SPAN(REQUEST));

	sip_put_response_as(&b, x.m, 486, SPAN("Occup\303\251"), SPAN("t"));
	cr_expect(buf_ok(&b));
	sip_put_response_as(&b, x.m, 486, SPAN("Busy\r\nX: y"), SPAN("t"));
	cr_expect_not(buf_ok(&b));
	message_done(&x);
}

Test(sip_build, allow)
{
	sip_put_allow(&b);
	cr_expect(span_starts(buf_span(&b), SPAN("Allow: INVITE, ACK, BYE, ")));
}

Test(sip_build, a_copied_nul_goes_nowhere)
{
	struct message x = message_of(SPAN(
	    START "f: <sip:a@b>\r\nt: <sip:b@c>\r\ni: 1\r\nCSeq: 1 INVITE\r\ns: a\0b\r\n\r\n"));

	cr_expect_eq(x.verdict.status, 0);
	sip_put_copy(&b, x.m, SIP_H_SUBJECT);
	cr_expect_not(buf_ok(&b));
	message_done(&x);
}
