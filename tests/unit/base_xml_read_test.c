/* xml_read: the items of a document, and that nothing broken is read beyond its end. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/xml_read.h"

/* "+a +b t -b -a" for a document; "!" where it is broken. */
static void
expect(const char *document, const char *items)
{
	char text[512];
	struct buf b = buf_on(text, sizeof(text));
	size_t len = strlen(document);
	char *copy = malloc(len + 1); /* of just this size */
	struct xml_reader x;
	enum xml_item item;
	struct span r;

	memcpy(copy, document, len);
	xml_read(&x, span_of(copy, len));
	while ((item = xml_next(&x, &r)) != XML_END_OF_TEXT && item != XML_BROKEN) {
		buf_char(&b, item == XML_START ? '+' : item == XML_END ? '-' : '=');
		buf_put(&b, r);
	}
	if (item == XML_BROKEN)
		buf_char(&b, '!');
	cr_expect(span_eq(buf_span(&b), span_str(items)), "%s: %.*s is not %s", document,
	    SPAN_F(buf_span(&b)), items);
	cr_expect_neq(xml_next(&x, &r), XML_START, "nothing follows");
	free(copy);
}

Test(base_xml_read, items)
{
	expect("<a/>", "+a-a");
	expect("<a></a>", "+a-a");
	expect("<?xml version='1.0'?>\n<a><!-- <b> --><n:c x=\"1>2\" y='/'>t</n:c ></a>\n",
	    "+a+c=t-c-a");
	expect("<a>\r\n <b/>x</a>", "+a=\r\n +b-b=x-a");
	expect("\xef\xbb\xbf<a/>", "+a-a");
}

Test(base_xml_read, broken)
{
	expect("", "!");
	expect("text", "!");
	expect("<a>", "+a!");
	expect("<a", "!");
	expect("<", "!");
	expect("<a></b>", "+a!");
	expect("<a><b></a></b>", "+a+b!");
	expect("<a/><b/>", "+a-a!");
	expect("<a/>x", "+a-a!");
	expect("</a>", "!");
	expect("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "!");
	expect("<a><![CDATA[x]]></a>", "+a!");
	expect("<a b='<'/>", "!");
	expect("<a b='x/>", "!");
	expect("<!-- <a/>", "!");
	expect("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
	    "+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a!");
}

Test(base_xml_read, decoded)
{
	static const struct {
		const char *in, *out;
	} rows[] = { { "a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'" }, { "&#65;&#x42;", "AB" },
		{ "&#xe4;&#x20ac;&#x1f4de;", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\x9e" },
		{ "&#0;&#xd800;&#x110000;", "???" }, { "&nbsp;", "?" }, { "a & b", "a ? b" },
		{ "&#10;", " " }, { "&#xzz;", "?" }, { "&#99999999999;", "?" }, { "&", "?" } };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];
		struct buf b = buf_on(text, sizeof(text));

		xml_decode(&b, span_str(rows[i].in));
		cr_expect(span_eq(buf_span(&b), span_str(rows[i].out)), "%s: %.*s", rows[i].in,
		    SPAN_F(buf_span(&b)));
	}
}
