/* reliable: RSeq and RAck (RFC 3262), S2-14. */
#include "sip/reliable.h"

#include "sip_message.h"

Test(sip_reliable, rseq)
{
	uint32_t n = 7;

	cr_expect_eq(sip_rseq_parse(SPAN("1"), &n), ERR_NONE);
	cr_expect_eq(n, 1);
	cr_expect_eq(sip_rseq_parse(SPAN(" 4294967295 "), &n), ERR_NONE);
	cr_expect_eq(n, UINT32_MAX);
	cr_expect_eq(sip_rseq_parse(SPAN("0000009"), &n), ERR_NONE);
	cr_expect_eq(n, 9);
	cr_expect_eq(sip_rseq_parse(SPAN("0"), &n), ERR_RANGE);
	cr_expect_eq(sip_rseq_parse(SPAN("4294967296"), &n), ERR_RANGE);
	cr_expect_eq(sip_rseq_parse(SPAN("99999999999999999999999999"), &n), ERR_RANGE);
	cr_expect_eq(sip_rseq_parse(SPAN("-1"), &n), ERR_SYNTAX);
	cr_expect_eq(sip_rseq_parse(SPAN("1 2"), &n), ERR_SYNTAX);
	cr_expect_eq(sip_rseq_parse(SPAN("1;x"), &n), ERR_SYNTAX);
	cr_expect_eq(sip_rseq_parse(SPAN(""), &n), ERR_SYNTAX);
	cr_expect_eq(sip_rseq_parse(SPAN_NONE, &n), ERR_SYNTAX);
	cr_expect_eq(n, 9, "untouched by what is refused");
}

Test(sip_reliable, rack)
{
	struct sip_rack r;

	cr_assert_eq(sip_rack_parse(SPAN("776656 1 INVITE"), &r), ERR_NONE);
	cr_expect_eq(r.rseq, 776656);
	cr_expect_eq(r.cseq, 1);
	expect_span(r.method, "INVITE");
	cr_assert_eq(sip_rack_parse(SPAN("\t1 \t 0\t\tX-y.z  "), &r), ERR_NONE);
	expect_span(r.method, "X-y.z");
	cr_expect_eq(sip_rack_parse(SPAN("4294967295 2147483647 INVITE"), &r), ERR_NONE);
}

Test(sip_reliable, rack_refused)
{
	static const struct {
		const char *value;
		enum err e;
	} row[] = {
		{ "", ERR_SYNTAX },
		{ "1", ERR_SYNTAX },
		{ "1 1", ERR_SYNTAX },
		{ "1 1 ", ERR_SYNTAX },
		{ "1 INVITE 1", ERR_SYNTAX },
		{ "1 1 INVITE 1", ERR_SYNTAX },
		{ "1 1 INVITE, 2 1 INVITE", ERR_SYNTAX },
		{ "1 1 <INVITE>", ERR_SYNTAX },
		{ "1 1 INV\x80TE", ERR_SYNTAX },
		{ "1,1,INVITE", ERR_SYNTAX },
		{ "+1 1 INVITE", ERR_SYNTAX },
		{ "0 1 INVITE", ERR_RANGE },
		{ "4294967296 1 INVITE", ERR_RANGE },
		{ "1 2147483648 INVITE", ERR_RANGE },
		{ "1 4294967297 INVITE", ERR_RANGE },
	};
	struct sip_rack r;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		cr_expect_eq(
		    sip_rack_parse(span_str(row[i].value), &r), row[i].e, "%s", row[i].value);
	cr_expect_eq(sip_rack_parse(SPAN_NONE, &r), ERR_SYNTAX);
	cr_expect_eq(sip_rack_parse(SPAN("1 1 INV\0TE"), &r), ERR_SYNTAX);
}

/* All three must be ours, or a PRACK gets 481 (3). */
Test(sip_reliable, rack_names_a_response)
{
	struct sip_rack r;

	cr_assert_eq(sip_rack_parse(SPAN("9 2 INVITE"), &r), ERR_NONE);
	cr_expect(sip_rack_is(&r, 9, 2, SPAN("INVITE")));
	cr_expect_not(sip_rack_is(&r, 8, 2, SPAN("INVITE")));
	cr_expect_not(sip_rack_is(&r, 9, 3, SPAN("INVITE")));
	cr_expect_not(sip_rack_is(&r, 9, 2, SPAN("invite")));
}

Test(sip_reliable, written_and_read)
{
	char text[128];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_rseq(&b, UINT32_MAX);
	sip_put_rack(&b, 7001, 12, SPAN("INVITE"));
	cr_assert(buf_ok(&b));
	expect_span(buf_span(&b), "RSeq: 4294967295\r\nRAck: 7001 12 INVITE\r\n");
	sip_put_rack(&b, 1, 1, SPAN("INVITE\r\nX: y"));
	cr_expect_not(buf_ok(&b));
	b = buf_on(text, 8);
	sip_put_rseq(&b, 7001);
	cr_expect_not(buf_ok(&b));
}

static bool
reliable(const char *start, const char *cseq, const char *headers, uint32_t *rseq_r)
{
	char text[1000];
	struct buf b = buf_on(text, sizeof(text));
	struct message x;
	bool is;

	buf_str(&b, start);
	buf_lit(&b, "\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\n"
		    "t: <sip:b@c>;tag=2\r\ni: 1\r\nCSeq: 1 ");
	buf_str(&b, cseq);
	buf_lit(&b, "\r\n");
	buf_str(&b, headers);
	buf_lit(&b, "\r\n");
	x = message_of(buf_span(&b));
	is = sip_reliable(x.m, rseq_r);
	message_done(&x);
	return is;
}

Test(sip_reliable, response)
{
	uint32_t n = 0;

	cr_expect(reliable("SIP/2.0 183 x", "INVITE", "Require: 100REL, a\r\nRSeq: 5\r\n", &n));
	cr_expect_eq(n, 5);
	cr_expect(reliable("SIP/2.0 199 x", "INVITE", "RSeq: 5\r\nRequire:100rel\r\n", &n));
	cr_expect_not(reliable("SIP/2.0 100 x", "INVITE", "Require: 100rel\r\nRSeq: 5\r\n", &n));
	cr_expect_not(reliable("SIP/2.0 200 x", "INVITE", "Require: 100rel\r\nRSeq: 5\r\n", &n));
	cr_expect_not(reliable("SIP/2.0 183 x", "OPTIONS", "Require: 100rel\r\nRSeq: 5\r\n", &n));
	cr_expect_not(reliable("SIP/2.0 183 x", "INVITE", "Supported: 100rel\r\nRSeq: 5\r\n", &n));
	cr_expect_not(reliable("SIP/2.0 183 x", "INVITE", "Require: 100rel\r\n", &n));
	cr_expect_not(reliable("SIP/2.0 183 x", "INVITE", "Require: 100rel\r\nRSeq: 0\r\n", &n));
	cr_expect_not(
	    reliable("INVITE sip:b@c SIP/2.0", "INVITE", "Require: 100rel\r\nRSeq: 5\r\n", &n));
}

Test(sip_reliable, first_number)
{
	cr_expect_eq(sip_rseq_first(0), 1);
	cr_expect_eq(sip_rseq_first(0x80000000), 1);
	cr_expect_eq(sip_rseq_first(UINT32_MAX), INT32_MAX);
	cr_expect_eq(sip_rseq_first(7), 7);
}

Test(sip_reliable, order)
{
	cr_expect_eq(sip_rseq_order(0, 1), SIP_RSEQ_NEXT);
	cr_expect_eq(sip_rseq_order(0, UINT32_MAX), SIP_RSEQ_NEXT);
	cr_expect_eq(sip_rseq_order(5, 6), SIP_RSEQ_NEXT);
	cr_expect_eq(sip_rseq_order(5, 5), SIP_RSEQ_AGAIN);
	cr_expect_eq(sip_rseq_order(5, 4), SIP_RSEQ_AGAIN);
	cr_expect_eq(sip_rseq_order(5, 7), SIP_RSEQ_OUT);
	cr_expect_eq(sip_rseq_order(UINT32_MAX, 1), SIP_RSEQ_AGAIN, "it does not begin anew");
}
