/* fields: the smaller headers, one value each. */
#include "sip/fields.h"
#include "sip_message.h"

#define HEAD                                                                                       \
	"OPTIONS sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\nt: <sip:b@c>\r\ni: "     \
	"1\r\n"                                                                                    \
	"CSeq: 1 OPTIONS\r\n"

static struct message
with(const char *headers)
{
	static char text[1000];
	struct buf b = buf_on(text, sizeof(text));

	buf_lit(&b, HEAD);
	buf_str(&b, headers);
	buf_lit(&b, "\r\n");
	return message_of(buf_span(&b));
}

Test(sip_fields, options)
{
	struct message x = with("Require: 100REL, foo\r\nRequire: timer,bar\r\nk:\r\n");
	char text[32];
	struct buf unknown = buf_on(text, sizeof(text));

	cr_expect_eq(
	    sip_option_set(x.m, SIP_H_REQUIRE, &unknown), 1u << SIP_O_100REL | 1u << SIP_O_TIMER);
	expect_span(buf_span(&unknown), "foo, bar");
	cr_expect_eq(sip_option_set(x.m, SIP_H_SUPPORTED, NULL), 0);
	cr_expect_eq(sip_option_set(x.m, SIP_H_PROXY_REQUIRE, NULL), 0);
	message_done(&x);
}

/* Each option tag is found by its own name. */
Test(sip_fields, option_names)
{
	for (unsigned o = 0; o < SIP_N_OPTIONS; o++) {
		char text[64];
		struct buf b = buf_on(text, sizeof(text));
		struct message x;

		buf_lit(&b, "Supported: ");
		buf_put(&b, sip_option_name(o));
		buf_lit(&b, "\r\n");
		text[b.len] = '\0';
		x = with(text);
		cr_expect_eq(sip_option_set(x.m, SIP_H_SUPPORTED, NULL), 1u << o, "%s", text);
		message_done(&x);
	}
	cr_expect_null(sip_option_name(SIP_N_OPTIONS).p);
	cr_assert(SIP_N_OPTIONS <= 32);
}

Test(sip_fields, allows)
{
	struct message x = with("Allow: INVITE, ACK\r\n"), y = with("");

	cr_expect(sip_method_set(x.m, SIP_H_ALLOW) >> SIP_ACK & 1);
	cr_expect_not(sip_method_set(x.m, SIP_H_ALLOW) >> SIP_UPDATE & 1);
	cr_expect_eq(sip_method_set(y.m, SIP_H_ALLOW), 0);
	message_done(&x);
	message_done(&y);
}

Test(sip_fields, delta)
{
	uint32_t n = 7;

	cr_expect_eq(sip_delta(SPAN("4294967295"), &n), ERR_NONE);
	cr_expect_eq(n, UINT32_MAX);
	cr_expect_eq(sip_delta(SPAN("99999999999999999999999"), &n), ERR_NONE);
	cr_expect_eq(n, UINT32_MAX);
	cr_expect_eq(sip_delta(SPAN("-1"), &n), ERR_SYNTAX);
	cr_expect_eq(sip_delta(SPAN(""), &n), ERR_SYNTAX);
	cr_expect_eq(sip_delta(SPAN("3600 s"), &n), ERR_SYNTAX);
}

Test(sip_fields, q)
{
	cr_expect_eq(sip_q(SPAN("q=0.7")), 700);
	cr_expect_eq(sip_q(SPAN("x; q = 0.05")), 50);
	cr_expect_eq(sip_q(SPAN("Q=1.000")), 1000);
	cr_expect_eq(sip_q(SPAN("q=.5")), 500);
	cr_expect_eq(sip_q(SPAN("q=0")), 0);
	cr_expect_eq(sip_q(SPAN("q=0.")), 0);
	cr_expect_eq(sip_q(SPAN("q=1.5")), 1000);
	cr_expect_eq(sip_q(SPAN("q=2")), 1000);
	cr_expect_eq(sip_q(SPAN("q=0.1234")), 1000);
	cr_expect_eq(sip_q(SPAN("q=high")), 1000);
	cr_expect_eq(sip_q(SPAN_NONE), 1000);
}

Test(sip_fields, types)
{
	struct message x = with("Accept: text/plain, application/*;q=0.5\r\n"),
		       y = with("Accept:\r\n");
	struct message z = with("");

	cr_expect(sip_type_is(SPAN("Application / SDP ;charset=x"), SPAN("application/sdp")));
	cr_expect_not(sip_type_is(SPAN("application/sdpx"), SPAN("application/sdp")));
	cr_expect_not(sip_type_is(SPAN_NONE, SPAN("application/sdp")));
	cr_expect_not(sip_type_is(SPAN(""), SPAN("")));
	cr_expect(sip_accepts(x.m, SPAN("application/sdp")));
	cr_expect_not(sip_accepts(x.m, SPAN("image/png")));
	cr_expect_not(sip_accepts(y.m, SPAN("application/sdp")));
	cr_expect(sip_accepts(z.m, SPAN("application/sdp")));
	message_done(&x);
	message_done(&y);
	message_done(&z);
}

Test(sip_fields, reason_and_retry_after)
{
	struct message x = with("Reason: SIP ;cause=200 ;text=\"a, b\", Q.850;cause=16\r\n"
				"Retry-After: 18000 (in a meeting);duration=3600\r\n");
	struct message y = with("Reason: Q.850;cause=9999\r\nRetry-After: soon\r\n");

	cr_expect_eq(sip_reason_cause(x.m, SPAN("sip")), 200);
	cr_expect_eq(sip_reason_cause(x.m, SPAN("Q.850")), 16);
	cr_expect_eq(sip_reason_cause(x.m, SPAN("X")), 0);
	cr_expect_eq(sip_retry_after(x.m), 18000);
	cr_expect_eq(sip_reason_cause(y.m, SPAN("Q.850")), 0);
	cr_expect_eq(sip_retry_after(y.m), 0);
	message_done(&x);
	message_done(&y);
}
