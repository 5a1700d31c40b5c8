/* refer, replaces: RFC 3515, 3891, 3892, 4488; S2-02r, THREATS D2. */
#include "sip/refer.h"

#include "sip_message.h"

static char kept[SIP_REPLACES_MAX];

static enum err
read(const char *value, struct sip_refer_to *to)
{
	struct buf text = buf_on(kept, sizeof(kept));

	return sip_refer_to_parse(span_str(value), &text, to);
}

static void
expect_target(const struct sip_refer_to *to, const char *want)
{
	char text[200];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_request_uri(&b, &to->uri);
	expect_span(buf_span(&b), want);
}

Test(sip_refer, to)
{
	static const struct {
		const char *value, *target;
	} row[] = {
		{ "<sip:c@h>", "sip:c@h" },
		{ "sip:c@h", "sip:c@h" },
		{ "sip:c@h;user=phone", "sip:c@h" }, /* without <> the parameter is the header's */
		{ " \"C \\\" c\" <sips:c@h:5061;transport=tcp;method=INVITE>;x=y ",
		    "sips:c@h:5061;transport=tcp" },
		{ "<sip:c@h?Subject=x&Route=%3Csip:evil%3E>", "sip:c@h" },
		{ "sip:c@h?Subject=x", "sip:c@h" },
		{ "<tel:+12015550123;ext=5>", "tel:+12015550123;ext=5" },
		{ "<sip:%2A97@h>", "sip:%2A97@h" },
		{ "<sip:c@h?>", "sip:c@h" },
	};
	struct sip_refer_to to;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		cr_assert_eq(read(row[i].value, &to), ERR_NONE, "%s", row[i].value);
		expect_target(&to, row[i].target);
		cr_expect_not(to.has_replaces);
	}
	cr_assert_eq(read("Carol <sip:c@h>", &to), ERR_NONE);
	expect_span(to.display, "Carol");
}

Test(sip_refer, to_with_replaces)
{
	static const char *const values[] = {
		"<sip:c@h?Replaces=12%40h%3Bto-tag%3Dt1%3Bfrom-tag%3Df1>",
		"<sip:c@h;method=INVITE?a=b&replaces=12%40h%3bfrom-tag%3df1%3bto-tag%3dt1>",
		"sip:c@h?Replaces=12%40h%3Bto-tag%3Dt1%3Bfrom-tag%3Df1",
		"sip:c@h;user=phone?Replaces=12%40h%3Bto-tag%3Dt1%3Bfrom-tag%3Df1",
		"<sip:c@h?%52%65places=%31%32%40%68%20%3B%20to-tag%20=%20t1%3Bfrom-tag%3Df1%3Bx>",
	};
	struct sip_refer_to to;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		cr_assert_eq(read(values[i], &to), ERR_NONE, "%s", values[i]);
		cr_expect(to.has_replaces);
		expect_span(to.replaces.call_id, "12@h");
		expect_span(to.replaces.to_tag, "t1");
		expect_span(to.replaces.from_tag, "f1");
		cr_expect_not(to.replaces.early_only);
	}
	cr_assert_eq(
	    read("<sip:c@h?Replaces=1%3Bto-tag%3Da%3Bfrom-tag%3Db%3Bearly-only>", &to), ERR_NONE);
	cr_expect(to.replaces.early_only);
}

Test(sip_refer, to_refused)
{
	static const struct {
		const char *value;
		enum err e;
	} row[] = {
		{ "", ERR_SYNTAX },
		{ "*", ERR_SYNTAX },
		{ "<>", ERR_SYNTAX },
		{ "c", ERR_SYNTAX },
		{ "<sip:>", ERR_SYNTAX },
		{ "<sip:c@h", ERR_SYNTAX },
		{ "<sip:c@h>, <sip:d@h>", ERR_SYNTAX },
		{ "sip:c@h?Replaces=x;y", ERR_SYNTAX },
		{ "<sip:c@h?Replaces=>", ERR_SYNTAX },
		{ "<sip:c@h?Replaces=12%40h>", ERR_SYNTAX },
		{ "<sip:c@h?Replaces=12%40h%3Bto-tag%3Dt1>", ERR_SYNTAX },
		{ "<sip:c@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&"
		  "Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>",
		    ERR_SYNTAX },
		{ "<sip:c@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%0D%0AVia:%20x>", ERR_SYNTAX },
		{ "<sip:c@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%00>", ERR_SYNTAX },
		{ "<http://example.com/>", ERR_DENIED },
		{ "<mailto:c@h>", ERR_DENIED },
		{ "<urn:service:sos>", ERR_DENIED },
		{ "<sip:c@h;method=BYE>", ERR_DENIED },
		{ "<sip:c@h;method=SUBSCRIBE?Event=dialog>", ERR_DENIED },
		{ "<sip:c@h;method=invite>", ERR_DENIED },
		{ "sip:c@h;method=BYE", ERR_DENIED },
	};
	struct sip_refer_to to = { .has_replaces = true };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		cr_expect_eq(read(row[i].value, &to), row[i].e, "%s", row[i].value);
	cr_expect(to.has_replaces, "untouched by what is refused");
	cr_expect_eq(sip_refer_to_parse(SPAN_NONE, &(struct buf){ .cap = 0 }, &to), ERR_SYNTAX);
}

/* No room is made for what nobody sends. */
Test(sip_refer, replaces_too_long)
{
	static char value[4000];
	struct buf b = buf_on(value, sizeof(value) - 1);
	struct sip_refer_to to;

	buf_lit(&b, "<sip:c@h?Replaces=");
	for (unsigned i = 0; i < SIP_CALL_ID_MAX + 1; i++)
		buf_char(&b, 'a');
	buf_lit(&b, "%3Bto-tag%3D1%3Bfrom-tag%3D2>");
	cr_expect_eq(read(value, &to), ERR_RANGE);
	b = buf_on(value, sizeof(value) - 1);
	buf_lit(&b, "<sip:c@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%3Bx%3D");
	for (unsigned i = 0; i < SIP_REPLACES_MAX; i++)
		buf_char(&b, 'a');
	buf_char(&b, '>');
	value[b.len] = '\0';
	cr_expect_eq(read(value, &to), ERR_RANGE);
}

Test(sip_refer, to_written)
{
	const struct sip_replaces r = { SPAN("a(b)@h"), SPAN("t;1"), SPAN_NONE, true };
	char text[300];
	struct buf b = buf_on(text, sizeof(text));
	struct sip_uri u;

	cr_assert_eq(sip_uri_parse(SPAN("sip:c@h;method=BYE;lr?Subject=x"), &u), ERR_NONE);
	sip_put_refer_to(&b, &u, NULL);
	expect_span(buf_span(&b), "Refer-To: <sip:c@h;lr>\r\n");
	b.len = 0;
	sip_put_refer_to(&b, &u, &r);
	cr_assert(buf_ok(&b));
	expect_span(buf_span(&b),
	    "Refer-To: <sip:c@h;lr?Replaces=a(b)%40h%3Bto-tag%3Dt%3B1%3Bfrom-tag%3D0%3Bearly-only"
	    "&Require=replaces>\r\n");
}

Test(sip_refer, by)
{
	struct sip_referred_by by;

	cr_assert_eq(
	    sip_referred_by_parse(SPAN("\"A\" <sip:a@h;x>;cid=\"20398823.2UWQFN309shb3@h\""), &by),
	    ERR_NONE);
	expect_span(by.addr.uri, "sip:a@h;x");
	expect_span(by.addr.display, "\"A\"");
	expect_span(by.cid, "\"20398823.2UWQFN309shb3@h\"");
	cr_assert_eq(sip_referred_by_parse(SPAN("sip:a@h;y"), &by), ERR_NONE);
	expect_span(by.addr.uri, "sip:a@h");
	cr_expect_eq(by.cid.len, 0);
	cr_expect_eq(sip_referred_by_parse(SPAN("*"), &by), ERR_SYNTAX);
	cr_expect_eq(sip_referred_by_parse(SPAN("<a>"), &by), ERR_SYNTAX);
	cr_expect_eq(sip_referred_by_parse(SPAN_NONE, &by), ERR_SYNTAX);
}

Test(sip_refer, by_and_sub_written)
{
	char text[100];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_referred_by(&b, SPAN("sip:a@h"));
	sip_put_refer_sub(&b, false);
	sip_put_refer_sub(&b, true);
	expect_span(
	    buf_span(&b), "Referred-By: <sip:a@h>\r\nRefer-Sub: false\r\nRefer-Sub: true\r\n");
	sip_put_referred_by(&b, SPAN("sip:a@h>\r\nX: <y"));
	cr_expect_not(buf_ok(&b));
}

Test(sip_refer, sub)
{
	bool wanted = true;

	cr_expect_eq(sip_refer_sub_parse(SPAN(" False ;x=y"), &wanted), ERR_NONE);
	cr_expect_not(wanted);
	cr_expect_eq(sip_refer_sub_parse(SPAN("true"), &wanted), ERR_NONE);
	cr_expect(wanted);
	cr_expect_eq(sip_refer_sub_parse(SPAN("0"), &wanted), ERR_SYNTAX);
	cr_expect_eq(sip_refer_sub_parse(SPAN_NONE, &wanted), ERR_SYNTAX);
}

Test(sip_replaces, read)
{
	struct sip_replaces r;

	cr_assert_eq(sip_replaces_parse(SPAN("98732@sip.example.com ;from-tag=r33th4x0r "
					     ";TO-TAG=ff87ff;early-only;x=\"a,b\""),
			 &r),
	    ERR_NONE);
	expect_span(r.call_id, "98732@sip.example.com");
	expect_span(r.to_tag, "ff87ff");
	expect_span(r.from_tag, "r33th4x0r");
	cr_expect(r.early_only);
	cr_expect(
	    sip_replaces_is(&r, SPAN("98732@sip.example.com"), SPAN("ff87ff"), SPAN("r33th4x0r")));
	cr_expect_not(
	    sip_replaces_is(&r, SPAN("98732@sip.example.com"), SPAN("r33th4x0r"), SPAN("ff87ff")));
	cr_expect_not(sip_replaces_is(&r, SPAN("98732"), SPAN("ff87ff"), SPAN("r33th4x0r")));
	cr_assert_eq(sip_replaces_parse(SPAN("x;to-tag=1;from-tag=0"), &r), ERR_NONE);
	cr_expect(sip_replaces_is(&r, SPAN("x"), SPAN("1"), SPAN_NONE));
	cr_expect(sip_replaces_is(&r, SPAN("x"), SPAN("1"), SPAN("0")));
	cr_expect_not(sip_replaces_is(&r, SPAN("x"), SPAN_NONE, SPAN("0")));
}

Test(sip_replaces, refused)
{
	static const char *const bad[] = { "", "x", "x;to-tag=1", "x;from-tag=1",
		";to-tag=1;from-tag=2", "x;to-tag;from-tag=2", "x;to-tag=1;from-tag=\"2\"",
		"x;to-tag=1;from-tag=2;to-tag=3", "x y;to-tag=1;from-tag=2",
		"x;to-tag=1;from-tag=2, y;to-tag=1;from-tag=2", "x,y;to-tag=1;from-tag=2",
		"x;to-tag=1;from-tag=2;=", "x\x01;to-tag=1;from-tag=2" };
	struct sip_replaces r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sip_replaces_parse(span_str(bad[i]), &r), ERR_SYNTAX, "%s", bad[i]);
	cr_expect_eq(sip_replaces_parse(SPAN("x\0;to-tag=1;from-tag=2"), &r), ERR_SYNTAX);
	cr_expect_eq(sip_replaces_parse(SPAN_NONE, &r), ERR_SYNTAX);
}

Test(sip_replaces, limits)
{
	static char text[1000];
	struct buf b = buf_on(text, sizeof(text));
	struct sip_replaces r;

	buf_lit(&b, "x;from-tag=1;to-tag=");
	for (unsigned i = 0; i < SIP_TAG_MAX; i++)
		buf_char(&b, 't');
	cr_expect_eq(sip_replaces_parse(buf_span(&b), &r), ERR_NONE);
	buf_char(&b, 't');
	cr_expect_eq(sip_replaces_parse(buf_span(&b), &r), ERR_RANGE);
}

Test(sip_replaces, written)
{
	struct sip_replaces r = { SPAN("x@h"), SPAN("1"), SPAN("2"), false };
	char text[100];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_replaces(&b, &r);
	r.early_only = true;
	r.to_tag = SPAN_NONE;
	sip_put_replaces(&b, &r);
	expect_span(buf_span(&b), "Replaces: x@h;to-tag=1;from-tag=2\r\n"
				  "Replaces: x@h;to-tag=0;from-tag=2;early-only\r\n");
	r.call_id = SPAN("x\r\nY: z");
	sip_put_replaces(&b, &r);
	cr_expect_not(buf_ok(&b));
}
