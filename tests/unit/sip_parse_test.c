/* parse: what is mandatory (FLOWS S2-09), what is strict, what is tolerated, every limit. */
#include <stdio.h>

#include "sip/build.h"
#include "sip_message.h"

static const char *const lines[] = {
	"Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds\r\n", "Max-Forwards: 70\r\n",
	"To: Bob <sip:bob@biloxi.com>\r\n",
	"From: Alice <sip:alice@atlanta.com>;tag=1928301774\r\n", "Call-ID: a84b4c76e66710\r\n",
	"CSeq: 314159 INVITE\r\n", "Contact: <sip:alice@pc33.atlanta.com>\r\n",
	"Content-Type: application/sdp\r\n", "Content-Length: 5\r\n"
};
enum {
	LINES = sizeof(lines) / sizeof(lines[0]),
	VIA = 0,
	MAX_FORWARDS,
	TO,
	FROM,
	CALL_ID,
	CSEQ,
	CONTACT,
	CONTENT_TYPE,
	CONTENT_LENGTH,
	NOTHING
};

/* The sample INVITE (S2-05), one line of it replaced. */
static struct message
with_start(const char *start, unsigned line, const char *instead)
{
	static char text[SIP_RAW_MAX + 1000];
	struct buf b = buf_on(text, sizeof(text));

	buf_str(&b, start);
	for (unsigned i = 0; i < LINES; i++)
		buf_str(&b, i == line ? instead : lines[i]);
	if (line == NOTHING)
		buf_str(&b, instead);
	buf_lit(&b, "\r\nv=0\r\n");
	cr_assert(buf_ok(&b));
	return message_of(buf_span(&b));
}

static struct message
with(unsigned line, const char *instead)
{
	return with_start("INVITE sip:bob@biloxi.com SIP/2.0\r\n", line, instead);
}

static void
expect(struct message x, unsigned status, const char *reason)
{
	cr_expect_eq(x.verdict.status, status, "%u %s, not %u %s", x.verdict.status,
	    x.verdict.reason == NULL ? "" : x.verdict.reason, status, reason);
	if (status != 0)
		cr_expect_str_eq(x.verdict.reason, reason);
	else
		cr_expect(sip_msg_valid(x.m, x.m->size));
	message_done(&x);
}

Test(sip_parse, S2_05_sample)
{
	struct message x = with(NOTHING, "");

	cr_expect_eq(x.verdict.status, 0);
	cr_expect_eq(x.m->request, 1);
	cr_expect_eq(x.m->method, SIP_INVITE);
	expect_slice(x.m, uri, "sip:bob@biloxi.com");
	expect_slice(x.m, call_id, "a84b4c76e66710");
	expect_slice(x.m, from, "Alice <sip:alice@atlanta.com>;tag=1928301774");
	expect_slice(x.m, from_uri, "sip:alice@atlanta.com");
	expect_slice(x.m, from_tag, "1928301774");
	expect_slice(x.m, to_uri, "sip:bob@biloxi.com");
	cr_expect_null(sip_span(x.m, x.m->to_tag).p);
	cr_expect_eq(x.m->cseq, 314159);
	expect_slice(x.m, cseq_method, "INVITE");
	expect_slice(x.m, via_host, "pc33.atlanta.com");
	expect_slice(x.m, via_branch, "z9hG4bK776asdhds");
	cr_expect_eq(x.m->via_transport, SIP_T_UDP);
	cr_expect_eq(x.m->via_rport, 0);
	cr_expect_eq(x.m->max_forwards, 70);
	cr_expect_eq(x.m->expires, UINT32_MAX);
	expect_slice(x.m, contact_uri, "sip:alice@pc33.atlanta.com");
	expect_slice(x.m, content_type, "application/sdp");
	expect_slice(x.m, body, "v=0\r\n");
	cr_expect_eq(x.m->n_headers, LINES);
	message_done(&x);
}

Test(sip_parse, each_mandatory_header_is_named)
{
	expect(with(FROM, ""), 400, "Missing From header");
	expect(with(TO, ""), 400, "Missing To header");
	expect(with(CALL_ID, ""), 400, "Missing Call-ID header");
	expect(with(CSEQ, ""), 400, "Missing CSeq header");
	expect(with(VIA, ""), VERDICT_DROP, "Missing Via header");
	expect(with(MAX_FORWARDS, ""), 0, NULL);
	expect(with(CONTENT_LENGTH, ""), 0, NULL);
}

Test(sip_parse, each_single_header_only_once)
{
	expect(with(NOTHING, "f: <sip:x@y>\r\n"), 400, "Repeated From header");
	expect(with(NOTHING, "T: <sip:x@y>\r\n"), 400, "Repeated To header");
	expect(with(NOTHING, "i: x\r\n"), 400, "Repeated Call-ID header");
	expect(with(NOTHING, "CSEQ: 314159 INVITE\r\n"), 400, "Repeated CSeq header");
	expect(with(NOTHING, "l: 5\r\n"), 400, "Repeated Content-Length header");
	expect(with(NOTHING, "max-forwards: 70\r\n"), 400, "Repeated Max-Forwards header");
	expect(with(NOTHING, "Contact: <sip:x@y>\r\nSubject: a\r\nEncryption: x\r\n"), 0, NULL);
}

Test(sip_parse, start_line)
{
	static const struct {
		const char *line;
		unsigned status;
		const char *reason;
	} starts[] = {
		{ "\r\n\r\nINVITE sip:b@c SIP/2.0\r\n", 0, NULL },
		{ "INVITE SIP:b@c sip/2.0\r\n", 0, NULL },
		{ "INVITE tel:+123 SIP/2.0\n", 0, NULL },
		{ "INVITE sip:b@c SIP/3.0\r\n", 505, "Version Not Supported" },
		{ "INVITE sip:b@c SIP/2.0.1\r\n", 400, "Malformed request line" },
		{ "INVITE sip:b@c HTTP/1.1\r\n", 400, "Malformed request line" },
		{ "INVITE sip:b@c\r\n", 400, "Malformed request line" },
		{ "INVITE\r\n", 400, "Malformed request line" },
		{ " INVITE sip:b@c SIP/2.0\r\n", 400, "Malformed request line" },
		{ "INV@ITE sip:b@c SIP/2.0\r\n", 400, "Malformed request line" },
		{ "INVITE sip:b@c SIP/2.0\r\r\n", 400, "Malformed request line" },
		{ "INVITE sip: SIP/2.0\r\n", 400, "Malformed Request-URI" },
		{ "INVITE sip:b@ SIP/2.0\r\n", 400, "Malformed Request-URI" },
		{ "INVITE bob SIP/2.0\r\n", 400, "Malformed Request-URI" },
		{ "INVITE mailto:b@c SIP/2.0\r\n", 416, "Unsupported URI Scheme" },
		{ "invite sip:b@c SIP/2.0\r\n", 400, "CSeq method differs" },
		{ "SIP/2.0 200 OK\r\n", 0, NULL },
		{ "SIP/2.0 200\r\n", 0, NULL },
		{ "SIP/2.0 200 \r\n", 0, NULL },
		{ "SIP/2.0 099 x\r\n", VERDICT_DROP, "Malformed status line" },
		{ "SIP/2.0 700 x\r\n", VERDICT_DROP, "Malformed status line" },
		{ "SIP/2.0 2000 x\r\n", VERDICT_DROP, "Malformed status line" },
		{ "SIP/2.0 20 x\r\n", VERDICT_DROP, "Malformed status line" },
		{ "SIP/1.0 200 OK\r\n", VERDICT_DROP, "Malformed status line" },
		{ "SIP/2.0 200 a\rb\r\n", VERDICT_DROP, "Malformed status line" },
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		expect(with_start(starts[i].line, NOTHING, ""), starts[i].status, starts[i].reason);
}

Test(sip_parse, lower_case_method_is_another_method)
{
	struct message x = with_start("invite sip:b@c SIP/2.0\r\n", CSEQ, "CSeq: 1 invite\r\n");

	cr_expect_eq(x.verdict.status, 0);
	cr_expect_eq(x.m->method, SIP_UNKNOWN);
	message_done(&x);
}

Test(sip_parse, header_name_is_a_token)
{
	expect(with(NOTHING, "Contact\001: <sip:x@y>\r\n"), 400, "Malformed header");
	expect(with(NOTHING, "Con tact: <sip:x@y>\r\n"), 400, "Malformed header");
	expect(with(NOTHING, ": x\r\n"), 400, "Malformed header");
	expect(with(NOTHING, "No colon\r\n"), 400, "Malformed header");
	expect(with(NOTHING, "X: a\rb\r\n"), 400, "Malformed header");
	expect(with(NOTHING, "X: a\r\r\n"), 400, "Malformed header");
	expect(with(NOTHING, "X\t :\r\n"), 0, NULL);
}

Test(sip_parse, values_that_are_refused)
{
	expect(with(CSEQ, "CSeq: 2147483647 INVITE\r\n"), 0, NULL);
	expect(with(CSEQ, "CSeq: 2147483648 INVITE\r\n"), 400, "Malformed CSeq header");
	expect(with(CSEQ, "CSeq: 4294967297 INVITE\r\n"), 400, "Malformed CSeq header");
	expect(with(CSEQ, "CSeq: 18446744073709551617 INVITE\r\n"), 400, "Malformed CSeq header");
	expect(with(CSEQ, "CSeq: 1INVITE\r\n"), 400, "Malformed CSeq header");
	expect(with(CSEQ, "CSeq: INVITE\r\n"), 400, "Malformed CSeq header");
	expect(with(CSEQ, "CSeq: 1 IN VITE\r\n"), 400, "Malformed CSeq header");
	expect(with(CSEQ, "CSeq: 1 BYE\r\n"), 400, "CSeq method differs");
	expect(with(CALL_ID, "Call-ID: a b\r\n"), 400, "Malformed Call-ID header");
	expect(with(CALL_ID, "Call-ID:\r\n"), 400, "Malformed Call-ID header");
	expect(with(MAX_FORWARDS, "Max-Forwards: 256\r\n"), 400, "Malformed Max-Forwards header");
	expect(
	    with(CONTENT_LENGTH, "Content-Length: 6\r\n"), 400, "Body shorter than Content-Length");
	expect(with(CONTENT_LENGTH, "Content-Length: 4294967301\r\n"), 400,
	    "Malformed Content-Length header");
	expect(with(CONTACT, "Contact: *, <sip:a@b>\r\n"), 400, "Malformed Contact header");
	expect(with(CONTACT, "Contact: <sip:a@b>, <sip:>\r\n"), 400, "Malformed Contact header");
	expect(with(NOTHING, "Route: sip:a@b\r\n"), 400, "Malformed Route header");
	expect(with(NOTHING, "Record-Route: <sip:a@b>, <x>\r\n"), 400,
	    "Malformed Record-Route header");
	expect(with(FROM, "From: <sip:a@b>;tag=\r\n"), 400, "Malformed From header");
	expect(with(FROM, "From: <sip:a@b>;tag=1, <sip:c@d>\r\n"), 400, "Malformed From header");
	expect(with(TO, "To: *\r\n"), 400, "Malformed To header");
	expect(with(VIA, "Via: SIP/2.0/UDP\r\n"), VERDICT_DROP, "Malformed Via header");
	expect(with(VIA, "Via:\r\n"), VERDICT_DROP, "Missing Via header");
}

Test(sip_parse, what_is_tolerated)
{
	struct message x = with(VIA, "v: SIP/2.0/UDP server.work.com;\r\n");

	cr_expect_eq(x.verdict.status, 0);
	expect_slice(x.m, via_host, "server.work.com");
	message_done(&x);
	expect(with(FROM, "From: <sip:a@b>\r\n"), 0, NULL);
	expect(with(VIA, "Via: SIP/2.0/TCP h ;branch = z9hG4bK1 ;received=1.2.3.4\r\n"), 0, NULL);
	expect(with(CONTACT, "Contact: *\r\n"), 0, NULL);
	expect(with(CONTACT, "Contact: ,<sip:a@b>,\r\n"), 0, NULL);
	expect(with(NOTHING, "Expires: soon\r\n"), 0, NULL);
	expect(with(NOTHING, "Supported:\r\n"), 0, NULL);
}

Test(sip_parse, rport_is_asked_for_only_without_a_value)
{
	struct message x = with(VIA, "Via: SIP/2.0/UDP h:5070;RPORT\r\n");
	struct message y = with(VIA, "Via: SIP/2.0/UDP h;rport=5\r\n");

	cr_expect_eq(x.m->via_rport, 1);
	cr_expect_eq(x.m->via_port, 5070);
	cr_expect_eq(y.m->via_rport, 0);
	message_done(&x);
	message_done(&y);
}

Test(sip_parse, expires)
{
	struct message x = with(NOTHING, "Expires: 0\r\n");
	struct message y = with(NOTHING, "Expires: 99999999999\r\n");

	cr_expect_eq(x.m->expires, 0);
	cr_expect_eq(y.m->expires, UINT32_MAX - 1);
	message_done(&x);
	message_done(&y);
}

/* S3-09: a datagram longer than its Content-Length is cut. */
Test(sip_parse, S3_09_body_is_cut)
{
	struct message x = with(CONTENT_LENGTH, "l: 3\r\n");

	cr_expect_eq(x.verdict.status, 0);
	expect_slice(x.m, body, "v=0");
	message_done(&x);
}

/* Content-Length counts bytes: U+2019 is three of them (S4-14b). */
Test(sip_parse, length_is_in_bytes)
{
	struct message x =
	    message_of(SPAN("MESSAGE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\n"
			    "t: <sip:a@b>\r\ni: 1\r\nCSeq: 1101 MESSAGE\r\nl: 24\r\n\r\n"
			    "I\342\200\231m fine. How are you?"));

	cr_expect_eq(x.verdict.status, 0);
	cr_expect_eq(x.m->body.len, 24);
	message_done(&x);
}

Test(sip_parse, lf_only)
{
	struct message x =
	    message_of(SPAN("BYE sip:a@b SIP/2.0\nv: SIP/2.0/UDP\n h\nf: <sip:a@b>\nt: <sip:a@b>\n"
			    "i: 1\nCSeq: 1 BYE\n\nbody"));

	cr_expect_eq(x.verdict.status, 0, "%s", x.verdict.reason);
	expect_slice(x.m, via_host, "h");
	expect_slice(x.m, body, "body");
	message_done(&x);
}

Test(sip_parse, cut_off_anywhere)
{
	struct message whole = with(NOTHING, "");
	const struct span text = span_of(sip_raw(whole.m), whole.m->raw_len);

	for (size_t n = 0; n < text.len; n++) {
		struct message x = message_of(span_first(text, n));

		cr_expect_neq(x.verdict.status, 0, "%zu", n);
		message_done(&x);
	}
	message_done(&whole);
}

Test(sip_parse, an_ack_is_never_answered)
{
	struct message x = with_start("ACK sip:b@c SIP/2.0\r\n", CSEQ, "CSeq: 1 BYE\r\n");

	cr_expect_eq(x.verdict.status, VERDICT_DROP);
	cr_expect_str_eq(x.verdict.reason, "CSeq method differs");
	message_done(&x);
}

static const char *
filled(const char *before, size_t n, const char *after)
{
	static char text[4096];

	cr_assert_lt(strlen(before) + n + strlen(after), sizeof(text));
	snprintf(text, sizeof(text), "%s", before);
	memset(text + strlen(before), 'x', n);
	snprintf(text + strlen(before) + n, sizeof(text) - strlen(before) - n, "%s", after);
	return text;
}

Test(sip_parse, limits)
{
	expect(with(CALL_ID, filled("i: ", SIP_CALL_ID_MAX, "\r\n")), 0, NULL);
	expect(with(CALL_ID, filled("i: ", SIP_CALL_ID_MAX + 1, "\r\n")), 400,
	    "Malformed Call-ID header");
	expect(with(FROM, filled("f: <sip:a@b>;tag=", SIP_TAG_MAX, "\r\n")), 0, NULL);
	expect(with(FROM, filled("f: <sip:a@b>;tag=", SIP_TAG_MAX + 1, "\r\n")), 400,
	    "Malformed From header");
	expect(with(VIA, filled("v: SIP/2.0/UDP h;branch=", SIP_BRANCH_MAX, "\r\n")), 0, NULL);
	expect(with(VIA, filled("v: SIP/2.0/UDP h;branch=", SIP_BRANCH_MAX + 1, "\r\n")),
	    VERDICT_DROP, "Malformed Via header");
	expect(with_start(filled("INVITE sip:", SIP_URI_MAX - 4, " SIP/2.0\r\n"), NOTHING, ""), 0,
	    NULL);
	expect(with_start(filled("INVITE sip:", SIP_URI_MAX - 3, " SIP/2.0\r\n"), NOTHING, ""), 414,
	    "Request-URI Too Long");
}

static struct message
with_lines(const char *line, unsigned n)
{
	static char text[SIP_RAW_MAX + 500];
	struct buf b = buf_on(text, sizeof(text));

	for (unsigned i = 0; i < n; i++)
		buf_str(&b, line);
	buf_char(&b, '\0');
	return with(NOTHING, text);
}

Test(sip_parse, counts)
{
	expect(with_lines("Via: SIP/2.0/UDP h\r\n", SIP_VIAS_MAX - 1), 0, NULL);
	expect(with_lines("Via: SIP/2.0/UDP h\r\n", SIP_VIAS_MAX), 400, "Too many Via headers");
	expect(with_lines("v: SIP/2.0/UDP h,SIP/2.0/UDP i\r\n", SIP_VIAS_MAX / 2), 400,
	    "Too many Via headers");
	expect(with_lines("Y: y\r\n", SIP_HEADERS_MAX - LINES), 0, NULL);
	expect(with_lines("Y: y\r\n", SIP_HEADERS_MAX - LINES + 1), 400, "Too many headers");
	expect(with_lines("Y: 5678901234567890\r\n", SIP_RAW_MAX / 21), 513, "Message Too Large");
}

Test(sip_parse, no_room_for_the_record)
{
	struct message x = with(NOTHING, "");
	const size_t fixed = sizeof(struct sip_msg) + ((x.m->raw_len + 7u) & ~7u);

	cr_expect_eq(sip_parse(x.m, fixed - 1).status, VERDICT_DROP);
	cr_expect_eq(sip_parse(x.m, fixed + 8 * sizeof(struct sip_header)).status, 400);
	cr_expect_eq(x.m->n_headers, 8);
	message_done(&x);
}
