/* xml: nothing that others wrote becomes markup, and what comes out is UTF-8. */
#include <criterion/criterion.h>

#include "base/xml.h"

static void
expect(struct span in, const char *out)
{
	char text[256];
	struct buf b = buf_on(text, sizeof(text));

	xml_put(&b, in);
	cr_expect(span_eq(buf_span(&b), span_str(out)), "\"%.*s\" is not \"%s\"",
	    SPAN_F(buf_span(&b)), out);
}

Test(base_xml, markup_is_escaped)
{
	expect(SPAN("bob"), "bob");
	expect(SPAN("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
	expect(SPAN("]]>"), "]]&gt;");
	expect(SPAN("a\r\n\tb"), "a   b");
	expect(SPAN("a\0b\001c\033d"), "abcd");
	expect(SPAN(""), "");
}

Test(base_xml, utf8_stays_and_what_is_none_does_not)
{
	expect(SPAN("J\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x93\x9e"),
	    "J\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x93\x9e");
	expect(SPAN("\xff\xfe"), "??");
	expect(SPAN("\xc0\xbc"), "??");		  /* '<', overlong */
	expect(SPAN("\xe0\x80\xbc"), "???");	  /* the same in three */
	expect(SPAN("\xed\xa0\x80"), "???");	  /* a surrogate */
	expect(SPAN("\xef\xbf\xbf"), "???");	  /* U+FFFF */
	expect(SPAN("\xf4\x90\x80\x80"), "????"); /* above U+10FFFF */
	expect(SPAN("\xe2\x82"), "??");
	expect(SPAN("\xc3"), "?");
	expect(SPAN("\xc3<"), "?&lt;");
}

Test(base_xml, attribute)
{
	char text[64], little[8];
	struct buf b = buf_on(text, sizeof(text)), full = buf_on(little, sizeof(little));

	xml_put_attribute(&b, "aor", SPAN("sip:\"x\"@y"));
	cr_expect(span_eq(buf_span(&b), SPAN(" aor=\"sip:&quot;x&quot;@y\"")));
	xml_put_attribute(&full, "aor", SPAN("sip:x"));
	cr_expect_not(buf_ok(&full));
}
