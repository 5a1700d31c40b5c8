/* uri: what is read, what is refused, what is equal (RFC 3261 19.1), numbers. */
#include <criterion/criterion.h>

#include "sip/uri.h"
#include "sip_message.h"

static enum err
read(const char *text, struct sip_uri *u)
{
	return sip_uri_parse(span_str(text), u);
}

Test(sip_uri, all_its_parts)
{
	struct sip_uri u;

	cr_assert_eq(
	    read("SIPS:alice:pw@[2001:db8::1]:5061;transport=tcp;lr?subject=a&x=y", &u), ERR_NONE);
	cr_expect_eq(u.scheme, SIP_S_SIPS);
	expect_span(u.user, "alice");
	expect_span(u.password, "pw");
	expect_span(u.host, "[2001:db8::1]");
	cr_expect_eq(u.port, 5061);
	expect_span(u.params, "transport=tcp;lr");
	expect_span(u.headers, "subject=a&x=y");
}

Test(sip_uri, host_alone)
{
	struct sip_uri u;

	cr_assert_eq(read("sip:example.com", &u), ERR_NONE);
	cr_expect_null(u.user.p);
	expect_span(u.host, "example.com");
	cr_expect_eq(u.port, 0);
}

Test(sip_uri, refused)
{
	static const char *const bad[] = { "", "sip", "sip:", "sip:@h", "sip:a@",
		"sip:a@b:", "sip:a@b:0", "sip:a@b:65536", "sip:a@b:99999999999999999999",
		"sip:a@b c", "sip:a b@c", " sip:a@b", "sip:a@b\r\n", "sip:a@[::1", "sip:a@[]",
		"sip:a@[x]", "sip:a@b@c", "sip:%zz@h", "sip:a%4@h", "<sip:a@b>", "sip:2001:db8::10",
		"1sip:a@b", "tel:", "tel:+", "tel:.", "tel:12 3", "x:\"", "sip:a@b?\"" };
	struct sip_uri u;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(read(bad[i], &u), ERR_SYNTAX, "%s", bad[i]);
	cr_expect_eq(sip_uri_parse(SPAN("sip:a\0b@h"), &u), ERR_SYNTAX);
	cr_expect_eq(sip_uri_parse(SPAN_NONE, &u), ERR_SYNTAX);
}

Test(sip_uri, tolerated)
{
	static const char *const good[] = { "sip:*21#@h", "sip:a@under_score", "sip:a@b;",
		"sip:a@b:5060" };
	struct sip_uri u;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect_eq(read(good[i], &u), ERR_NONE, "%s", good[i]);
}

Test(sip_uri, other_schemes_are_told_not_refused)
{
	struct sip_uri u;

	cr_assert_eq(read("http://www.example.com", &u), ERR_NONE);
	cr_expect_eq(u.scheme, SIP_S_OTHER);
	cr_expect_null(u.host.p);
}

static bool
equal(const char *a, const char *b)
{
	struct sip_uri x, y;

	cr_assert_eq(read(a, &x), ERR_NONE, "%s", a);
	cr_assert_eq(read(b, &y), ERR_NONE, "%s", b);
	cr_expect_eq(sip_uri_equal(&x, &y), sip_uri_equal(&y, &x), "%s %s", a, b);
	return sip_uri_equal(&x, &y);
}

/* The RFC's own list (19.1.4). */
Test(sip_uri, equal)
{
	cr_expect(
	    equal("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"));
	cr_expect(equal("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
	cr_expect(equal("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"));
	cr_expect(equal("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
	    "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
	cr_expect(equal("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
	    "sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
	cr_expect(equal("tel:+1-201-555-0123", "TEL:+12015550123"));
}

Test(sip_uri, not_equal)
{
	cr_expect_not(
	    equal("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
	cr_expect_not(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
	cr_expect_not(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
	cr_expect_not(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
	cr_expect_not(
	    equal("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
	cr_expect_not(
	    equal("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
	cr_expect_not(equal("sip:a@h", "sips:a@h"));
	cr_expect_not(equal("sip:a@h", "sip:h"));
	cr_expect_not(equal("sip:a%3Bb@h", "sip:a;b@h"));
	cr_expect_not(equal("tel:+1201", "tel:+1201;ext=5"));
}

/* S0-04: the binding is found again without the parameter inside the brackets. */
Test(sip_uri, expires_inside_is_the_uris)
{
	cr_expect(equal(
	    "sip:contact13@regtest.pingtel.com;Expires=1800", "sip:contact13@regtest.pingtel.com"));
}

static void
expect_user(const char *uri, const char *user)
{
	char text[64];
	struct buf b = buf_on(text, sizeof(text));
	struct sip_uri u;

	cr_assert_eq(read(uri, &u), ERR_NONE, "%s", uri);
	cr_expect(sip_uri_user(&u, &b));
	expect_span(buf_span(&b), user);
}

Test(sip_uri, user)
{
	expect_user("sip:alice@h", "alice");
	expect_user("sip:al%69ce@h", "alice");
	expect_user("sip:+1-555-(123)4567@h", "+15551234567");
	expect_user("sip:1.555.1234;ext=3@h;user=phone", "15551234");
	expect_user("tel:555-1234;phone-context=x", "5551234");
	expect_user("sip:a-b.c@h", "a-b.c");
	expect_user("sip:300&Zap/g1/1@h", "300&Zap/g1/1");
	expect_user("sip:h", "");
}

Test(sip_uri, user_is_cut_and_says_so)
{
	char text[3];
	struct buf b = buf_on(text, sizeof(text));
	struct sip_uri u;

	cr_assert_eq(read("sip:alice@h", &u), ERR_NONE);
	cr_expect_not(sip_uri_user(&u, &b));
}

Test(sip_uri, put_user_escapes)
{
	char text[64];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_user(&b, SPAN("a b@c#%\0"));
	expect_span(buf_span(&b), "a%20b%40c%23%25%00");
}

Test(sip_uri, transport)
{
	struct sip_uri u;

	cr_assert_eq(read("sip:a@h;Transport=WS", &u), ERR_NONE);
	cr_expect_eq(sip_uri_transport(&u), SIP_T_WS);
	cr_assert_eq(read("sips:a@h;transport=tcp", &u), ERR_NONE);
	cr_expect_eq(sip_uri_transport(&u), SIP_T_TLS);
	cr_assert_eq(read("sip:a@h", &u), ERR_NONE);
	cr_expect_eq(sip_uri_transport(&u), SIP_T_NONE);
}

Test(sip_uri, params)
{
	struct span rest = SPAN("a=b ; c ;\td = \"x;\\\"y\" ;"), name, value;

	cr_expect(sip_param_cut(&rest, &name, &value));
	expect_span(value, "b");
	cr_expect(sip_param_cut(&rest, &name, &value));
	expect_span(name, "c");
	cr_expect_eq(value.len, 0);
	cr_expect(sip_param_cut(&rest, &name, &value));
	expect_span(value, "\"x;\\\"y\"");
	cr_expect_not(sip_param_cut(&rest, &name, &value));
	cr_expect_eq(rest.len, 0);
	rest = SPAN("a;;b");
	cr_expect(sip_param_cut(&rest, &name, &value));
	cr_expect_not(sip_param_cut(&rest, &name, &value));
	cr_expect_neq(rest.len, 0, "what is malformed stays");
	cr_expect(sip_param(SPAN("x=1;EXPIRES=2970"), SPAN("expires"), &value));
	expect_span(value, "2970");
	cr_expect_not(sip_param(SPAN_NONE, SPAN("x"), &value));
}

static const char *
header(const char *headers, const char *name, enum err want)
{
	static char text[33];
	struct buf b = buf_on(text, sizeof(text) - 1);

	cr_expect_eq(sip_uri_header(span_str(headers), span_str(name), &b), want, "%s", headers);
	text[b.len] = '\0';
	return text;
}

/* D2: by name only, and never a second line. */
Test(sip_uri, header)
{
	cr_expect_str_eq(
	    header("Subject=return%20my%20call&x=", "subject", ERR_NONE), "return my call");
	cr_expect_str_eq(header("a=1&&%52eplaces=q%3Bx%3dy&b", "Replaces", ERR_NONE), "q;x=y");
	cr_expect_str_eq(header("a=b=c", "a", ERR_NONE), "b=c");
	cr_expect_str_eq(header("a=%4", "a", ERR_NONE), "%4");
	cr_expect_str_eq(header("a", "a", ERR_NONE), "");
	header("a=1", "aa", ERR_ABSENT);
	header("aa=1", "a", ERR_ABSENT);
	header("=1&&", "a", ERR_ABSENT);
	header("", "a", ERR_ABSENT);
	header("a=1&b=2&A=3", "a", ERR_EXISTS);
	header("a=1%0d%0aVia:x", "a", ERR_SYNTAX);
	header("a=1%0Ab", "a", ERR_SYNTAX);
	header("a=%00", "a", ERR_SYNTAX);
	header("a=12345678901234567890123456789012", "a", ERR_NONE);
	header("a=123456789012345678901234567890123", "a", ERR_FULL);
}

Test(sip_uri, D2_header_written)
{
	char text[100];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_uri_header(&b, SPAN("Replaces"), SPAN("a@b;to-tag=1&2 \r\n\"<>\xc3"));
	expect_span(buf_span(&b), "Replaces=a%40b%3Bto-tag%3D1%262%20%0D%0A%22%3C%3E%C3");
}

/* 19.1.5: what belongs to the request line, and what to the one who writes it. */
Test(sip_uri, request_uri)
{
	static const struct {
		const char *uri, *want;
	} row[] = {
		{ "sip:a@b", "sip:a@b" },
		{ "sip:a@b:5070;lr;method=BYE;x=y?Subject=z", "sip:a@b:5070;lr;x=y" },
		{ "sip:a@b;METHOD=INVITE", "sip:a@b" },
		{ "sip:a@b;method", "sip:a@b" },
		{ "sip:a@b;methods=x;;y", "sip:a@b;methods=x;y" },
		{ "sips:[2001:db8::1]?Route=%3Csip:c%3E&b=c", "sips:[2001:db8::1]" },
		{ "sip:voicemail@siteA.com?subject=returnmycall", "sip:voicemail@siteA.com" },
		{ "tel:+1-201;ext=5", "tel:+1-201;ext=5" },
		{ "urn:service:sos", "urn:service:sos" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[100];
		struct buf b = buf_on(text, sizeof(text));
		struct sip_uri u;

		cr_assert_eq(sip_uri_parse(span_str(row[i].uri), &u), ERR_NONE);
		sip_put_request_uri(&b, &u);
		expect_span(buf_span(&b), row[i].want);
	}
}
