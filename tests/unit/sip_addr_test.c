/* addr: name-addr and addr-spec, display names in and out. */
#include "sip/addr.h"
#include "sip_message.h"

static enum err
read(const char *text, struct sip_addr *a)
{
	return sip_addr_parse(span_str(text), a);
}

Test(sip_addr, quoted)
{
	struct sip_addr a;

	cr_assert_eq(read("\"J \\\\\\\"\"  <sip:j@example.com;x> ; tag = 7 ", &a), ERR_NONE);
	expect_span(a.display, "\"J \\\\\\\"\"");
	expect_span(a.uri, "sip:j@example.com;x");
	expect_span(a.params, " tag = 7");
	cr_expect(a.bracketed);
}

Test(sip_addr, tokens_and_utf8)
{
	struct sip_addr a;

	cr_assert_eq(read("Jürgen von Ä <sip:j@h>", &a), ERR_NONE);
	expect_span(a.display, "Jürgen von Ä");
	cr_assert_eq(read("caller<sip:c@h>", &a), ERR_NONE);
	expect_span(a.display, "caller");
	cr_assert_eq(read("<sip:c@h>", &a), ERR_NONE);
	cr_expect_null(a.display.p);
}

/* S0-04: outside <>, the parameter is the header's. */
Test(sip_addr, bare)
{
	struct sip_addr a;
	struct span v;

	cr_assert_eq(read("sip:a@b ;expires=5", &a), ERR_NONE);
	expect_span(a.uri, "sip:a@b");
	cr_expect_not(a.bracketed);
	cr_assert_eq(
	    read("<sip:contact13@regtest.pingtel.com;Expires=1800>;EXPIRES=2970", &a), ERR_NONE);
	cr_expect(sip_param(a.params, SPAN("expires"), &v));
	expect_span(v, "2970");
	cr_assert_eq(read("<sip:contact13@regtest.pingtel.com;Expires=1800>", &a), ERR_NONE);
	cr_expect_not(sip_param(a.params, SPAN("expires"), &v));
}

Test(sip_addr, star)
{
	struct sip_addr a;

	cr_assert_eq(read(" * ", &a), ERR_NONE);
	cr_expect(a.star);
	cr_expect_eq(a.uri.len, 0);
}

Test(sip_addr, refused)
{
	static const char *const bad[] = { "", " ", "<>", "<sip:a@b", "\"x <sip:a@b>",
		"\"x\" sip:a@b", "< sip:a@b>", "<sip:a@b >", "A, B <sip:a@b>", "sip:a@b?x=y",
		"sip:a@b,c", "<sip:a@b> x", "<sip:a@b>;;a", "<sip:a@b>;a=\"", "<sip:a@b>;=x",
		"\"x\"", "a\r<sip:a@b>", "\"\r\n\"<sip:a@b>" };
	struct sip_addr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(read(bad[i], &a), ERR_SYNTAX, "%s", bad[i]);
}

Test(sip_addr, display_out_and_in)
{
	char quoted[64], plain[64];
	struct buf q = buf_on(quoted, sizeof(quoted)), p = buf_on(plain, sizeof(plain));

	sip_put_quoted(&q, SPAN("a\"b\\c\r\n\0d"));
	expect_span(buf_span(&q), "\"a\\\"b\\\\cd\"");
	sip_put_display_text(&p, buf_span(&q));
	expect_span(buf_span(&p), "a\"b\\cd");
	p.len = 0;
	sip_put_display_text(&p, SPAN("plain words"));
	expect_span(buf_span(&p), "plain words");
}
