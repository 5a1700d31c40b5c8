/* multipart: RFC 2046 5.1, RFC 5621; S2-11 (a), THREATS B6. */
#include "sip/multipart.h"

#include "sip_message.h"

#define SDP   "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\n"
#define MIXED "multipart/mixed;boundary=b"

static struct multipart m;

static enum err
parse(const char *type, const char *body)
{
	return multipart_parse(span_str(type), span_str(body), &m);
}

static const char *
found(void)
{
	static char text[500];
	const struct body_part *part = multipart_find(&m, SPAN("application/sdp"));

	if (part == NULL)
		return "none";
	span_cstr(part->content, text, sizeof(text));
	return text;
}

/* With other content for the session description. */
static const char *
put(const char *content)
{
	static char text[2000];
	struct buf b = buf_on(text, sizeof(text) - 1);
	const struct body_part *part = multipart_find(&m, SPAN("application/sdp"));

	cr_assert_not_null(part);
	multipart_put(&b, &m, part, span_str(content));
	cr_assert(buf_ok(&b));
	text[b.len] = '\0';
	return text;
}

/* SDP and ISUP, as a trunk of SIP-I sends them. */
#define ISUP(sdp, end)                                                                             \
	"a preamble\r\n--b\r\nContent-Type: application/sdp\r\n\r\n" sdp                           \
	"\r\n--b\r\nContent-Type: application/ISUP;version=itu-t92+;base=itu-t92+\r\n"             \
	"Content-Disposition: signal;handling=optional\r\n\r\n\x01\x02--b\r\n\r\n--bc\r\n" end     \
	"\r\n--b--\r\nan epilogue\r\n--b\r\n\r\nno part\r\n"

Test(sip_multipart, mixed)
{
	cr_assert_eq(parse(MIXED, ISUP(SDP, "\n")), ERR_NONE);
	cr_assert_eq(m.n, 2);
	expect_span(m.part[0].type, "application/sdp");
	expect_span(m.part[0].content, SDP);
	cr_expect_eq(m.part[0].disposition.handling, SIP_HANDLING_UNSAID);
	expect_span(m.part[1].content, "\x01\x02--b\r\n\r\n--bc\r\n\n");
	expect_span(m.part[1].disposition.type, "signal");
	cr_expect_eq(m.part[1].disposition.handling, SIP_HANDLING_OPTIONAL);
	cr_expect_str_eq(found(), SDP);
	cr_expect_str_eq(put("v=1\r\n"), ISUP("v=1\r\n", "\n"));
	cr_expect_str_eq(put(""), ISUP("", "\n"));
	cr_expect_str_eq(put(SDP), ISUP(SDP, "\n"));
}

Test(sip_multipart, boundaries)
{
	static const struct {
		const char *type, *body;
		const char *content;
	} row[] = {
		{ "Multipart/Mixed ; charset=x; Boundary = \"b c\" ;y",
		    "--b c\r\nA: b\r\n\r\n1\r\n--b c--", "1" },
		{ "multipart/mixed;boundary=b", "--b  \t\r\n\r\n1\r\n--b-- \r\n", "1" },
		{ "multipart/mixed;boundary=b", "--b\n\n1\n--b--\n", "1" },
		{ "multipart/mixed;boundary=b", "--b\r\n\r\n--b--\r\n", "" },
		{ "multipart/mixed;boundary=b", "--b\r\n--b--\r\n", "" },
		{ "multipart/mixed;boundary=b", "--b\r\nContent-Type: x/y\r\n--b--\r\n", "" },
		{ "multipart/mixed;boundary=b",
		    "--b\r\n\r\n1\r\n--bb\r\n2\r\n --b\r\n--b--x\r\n--b--",
		    "1\r\n--bb\r\n2\r\n --b\r\n--b--x" },
		{ "multipart/mixed;boundary=b", "--b\r\n\r\n1\r\n2\r\n", "1\r\n2\r\n" },
		{ "multipart/mixed;boundary=b", "--b\r\n\r\n\r\n\r\n--b--", "\r\n" },
		{ "multipart/mixed;x=\";boundary=c\";boundary=\"b\"", "--b\r\n\r\n1\r\n--b--",
		    "1" },
		{ "multipart/x-own;boundary==", "--=\r\n\r\n1\r\n--=--", "1" },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		cr_assert_eq(parse(row[i].type, row[i].body), ERR_NONE, "row %zu", i);
		cr_assert_eq(m.n, 1, "row %zu", i);
		expect_span(m.part[0].content, row[i].content);
	}
}

Test(sip_multipart, refused)
{
	static const struct {
		const char *type, *body;
		enum err e;
	} row[] = {
		{ "application/sdp", "--b\r\n\r\n1\r\n--b--", ERR_ABSENT },
		{ "multipart", "--b\r\n\r\n1\r\n--b--", ERR_ABSENT },
		{ "", "", ERR_ABSENT },
		{ "multipart/mixed", "--b\r\n\r\n1\r\n--b--", ERR_SYNTAX },
		{ "multipart/mixed;boundary", "--\r\n\r\n1\r\n----", ERR_SYNTAX },
		{ "multipart/mixed;boundary=\"\"", "--\r\n\r\n1\r\n----", ERR_SYNTAX },
		{ "multipart/mixed;boundary=\"b \"", "--b \r\n\r\n1\r\n--b --", ERR_SYNTAX },
		{ "multipart/mixed;boundary=\"b\x01\"", "--b\r\n\r\n1\r\n--b--", ERR_SYNTAX },
		{ "multipart/mixed;boundary=b", "", ERR_SYNTAX },
		{ "multipart/mixed;boundary=b", "v=0\r\n", ERR_SYNTAX },
		{ "multipart/mixed;boundary=b", "--b--\r\n", ERR_SYNTAX },
		{ "multipart/mixed;boundary=b", "--b\r\n", ERR_SYNTAX },
		{ "multipart/mixed;boundary=b", " --b\r\n\r\n1\r\n --b--", ERR_SYNTAX },
		{ "multipart/mixed;boundary="
		  "12345678901234567890123456789012345678901234567890123456789012345678901",
		    "", ERR_RANGE },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		cr_expect_eq(parse(row[i].type, row[i].body), row[i].e, "row %zu", i);
	cr_expect_eq(multipart_parse(SPAN_NONE, SPAN_NONE, &m), ERR_ABSENT);
	cr_expect_eq(multipart_parse(SPAN(MIXED), SPAN_NONE, &m), ERR_SYNTAX);
}

/* B6: a multipart in a multipart, its Content-Type folded as mail programs do. */
#define NESTED(n, k, sdp)                                                                          \
	"--b\r\ncontent-length: " n " \r\nContent-Type: multipart/alternative;\r\n"                \
	"\tboundary=\"--b\"\r\n\r\n----b\r\nContent-Type: text/plain\r\n\r\nx\r\n"                 \
	"----b\r\nContent-Length: " k "\r\nContent-ID: <1@h>\r\nContent-Type: application/sdp\r\n" \
	"\r\n" sdp "\r\n----b--\r\n--b\r\nContent-Type: text/plain\r\n\r\ny\r\n--b--\r\n"

Test(sip_multipart, nested)
{
	char longer[500];

	cr_assert_eq(parse(MIXED, NESTED("138", "5", "v=0\r\n")), ERR_NONE);
	cr_assert_eq(m.n, 3);
	expect_span(m.part[0].content, "x");
	expect_span(m.part[1].content, "v=0\r\n");
	expect_span(m.part[1].id, "<1@h>");
	expect_span(m.part[2].content, "y");
	cr_expect(m.part[0].alternative && !m.part[2].alternative);
	cr_expect_neq(m.part[0].group, m.part[2].group);
	cr_expect_str_eq(put("v=0\r\ns=longer\r\n"), NESTED("141", "15", "v=0\r\ns=longer\r\n"));
	span_cstr(span_str(put("v=0\r\ns=longer\r\n")), longer, sizeof(longer));
	cr_assert_eq(parse(MIXED, longer), ERR_NONE);
	cr_expect_str_eq(
	    put("v=0\r\n"), NESTED("130", "5", "v=0\r\n"), "a number that was wrong is right then");
}

/* Too deep, and one that only says it were one: a part like another. */
Test(sip_multipart, nested_not)
{
	cr_assert_eq(parse("multipart/mixed;boundary=1",
			 "--1\r\nContent-Type: multipart/mixed;boundary=2\r\n\r\n"
			 "--2\r\nContent-Type: multipart/mixed;boundary=3\r\n\r\n"
			 "--3\r\nContent-Type: multipart/mixed;boundary=4\r\n\r\n"
			 "--4\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--4--\r\n"
			 "--3--\r\n--2--\r\n--1--\r\n"),
	    ERR_NONE);
	cr_assert_eq(m.n, 1);
	expect_span(m.part[0].type, "multipart/mixed;boundary=4");
	cr_expect_str_eq(found(), "none");
	cr_assert_eq(parse(MIXED, "--b\r\nContent-Type: multipart/mixed\r\n\r\nx\r\n--b\r\n"
				  "Content-Type: multipart/mixed;boundary=c\r\n\r\n--c--\r\n--b--"),
	    ERR_NONE);
	cr_assert_eq(m.n, 2);
	expect_span(m.part[1].content, "--c--");
}

Test(sip_multipart, which_one)
{
#define PART(headers, content) "--b\r\n" headers "\r\n" content "\r\n"
#define T		       "Content-Type: application/sdp\r\n"
	/* The best alternative stands last (5.1.4); else the first is it. */
	cr_assert_eq(
	    parse("multipart/alternative;boundary=b", PART(T, "1") PART(T, "2") "--b--"), ERR_NONE);
	cr_expect_str_eq(found(), "2");
	cr_assert_eq(parse(MIXED, PART(T, "1") PART(T, "2") "--b--"), ERR_NONE);
	cr_expect_str_eq(found(), "1");
	/* Not what belongs to an early session (RFC 3959), is encoded, or is no SDP. */
	cr_assert_eq(parse("multipart/related;boundary=b",
			 PART(T "Content-Disposition: early-session\r\n", "1")
			     PART(T "Content-Transfer-Encoding: base64\r\n", "2")
				 PART("Content-Type: application/sdpng\r\n", "3") PART(T
				     "content-transfer-encoding: 8BIT\r\n"
				     "CONTENT-DISPOSITION : Session ; handling=\"required\"\r\n",
				     "4") PART(T, "5") "--b--"),
	    ERR_NONE);
	cr_expect_str_eq(found(), "4");
	cr_expect_eq(m.part[3].disposition.handling, SIP_HANDLING_REQUIRED);
	cr_expect(m.part[1].encoded && !m.part[3].encoded);
	/* Nor one without content: there may be no empty line to put any behind. */
	cr_assert_eq(
	    parse(MIXED, "--b\r\n" T "--b\r\n" T "\r\n--b\r\n" T "\r\n\r\n--b--"), ERR_NONE);
	cr_expect_eq(m.n, 3);
	cr_expect_str_eq(found(), "none");
	/* Without a type it is text/plain. */
	cr_assert_eq(parse(MIXED, PART("", "v=0") "--b--"), ERR_NONE);
	cr_expect_str_eq(found(), "none");
}

Test(sip_multipart, odd_headers)
{
	cr_assert_eq(
	    parse(MIXED,
		"--b\r\n folded into nothing\r\nno colon\r\n: x\r\nContent-Length: many\r\n"
		"Content-Type:\r\n application/sdp\r\n\r\nv=0\r\n--b--"),
	    ERR_NONE);
	cr_expect_str_eq(found(), "v=0");
	cr_expect_eq(m.part[0].n_lengths, 0);
}

Test(sip_multipart, too_many_parts)
{
	char body[1000];
	struct buf b = buf_on(body, sizeof(body));

	for (unsigned i = 0; i < MULTIPART_PARTS_MAX; i++)
		buf_lit(&b, "--b\r\n\r\n1\r\n");
	buf_lit(&b, "--b--\r\n");
	cr_expect_eq(multipart_parse(SPAN(MIXED), buf_span(&b), &m), ERR_NONE);
	b.len -= 7;
	buf_lit(&b, "--b\r\n\r\n1\r\n--b--");
	cr_expect_eq(multipart_parse(SPAN(MIXED), buf_span(&b), &m), ERR_RANGE);
}

Test(sip_multipart, binary)
{
	cr_assert_eq(multipart_parse(SPAN(MIXED),
			 SPAN("--b\r\nContent-Type: a/b\r\n\r\n\0\r\n\0--b\r\n\xff\r\n--b\r\n" T
			      "\r\nv=0\r\n--b--\0"),
			 &m),
	    ERR_NONE);
	cr_expect_eq(m.n, 2);
	cr_expect(span_eq(m.part[0].content, SPAN("\0\r\n\0--b\r\n\xff")));
}

/* What is put in cannot end its own part. */
Test(sip_multipart, no_delimiter_is_put_in)
{
	char text[200];
	struct buf b = buf_on(text, sizeof(text));

	cr_assert_eq(parse(MIXED, "--b\r\n" T "\r\nv=0\r\n--b--"), ERR_NONE);
	multipart_put(&b, &m, &m.part[0], SPAN("v=0\r\n--b\r\n"));
	cr_expect_not(buf_ok(&b));
	b = buf_on(text, sizeof(text));
	multipart_put(&b, &m, &m.part[0], SPAN("--"));
	cr_expect_not(buf_ok(&b));
	b = buf_on(text, sizeof(text));
	cr_assert_eq(parse(MIXED, "--b\r\n" T "--b--"), ERR_NONE);
	multipart_put(&b, &m, &m.part[0], SPAN("v=0\r\n"));
	cr_expect_not(buf_ok(&b));
}

Test(sip_multipart, disposition)
{
	struct sip_disposition d =
	    sip_disposition(SPAN(" Session ; x=\"a;b\" ;Handling = OPTIONAL "));

	expect_span(d.type, "Session");
	cr_expect_eq(d.handling, SIP_HANDLING_OPTIONAL);
	d = sip_disposition(SPAN("render;handling=maybe"));
	cr_expect_eq(d.handling, SIP_HANDLING_UNSAID);
	d = sip_disposition(SPAN(";handling=required"));
	cr_expect_eq(d.type.len, 0);
	cr_expect_eq(d.handling, SIP_HANDLING_REQUIRED);
	d = sip_disposition(SPAN("a;\"b\\"));
	expect_span(d.type, "a");
	d = sip_disposition(SPAN_NONE);
	cr_expect_eq(d.type.len, 0);
}
