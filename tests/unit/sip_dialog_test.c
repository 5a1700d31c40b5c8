/* Dialogs: RFC 3261 12, 13.2.2.4; FLOWS S2-13, S0-01, S0-02, S0-24, S0-25, S4-08. */
#include "sip/dialog.h"

#include <stdarg.h>
#include <stdio.h>

#include "sip_message.h"

static const uint32_t blocks[HEAP_CLASSES] = { 8, 8, 8, 8, 8, 8, 4, 2 };

struct bench {
	void *memory;
	struct heap heap;
	struct arena arena;
	struct dialog_memory mem;
};

static struct bench *
bench_new(void)
{
	struct bench *x = calloc(1, sizeof(*x));

	x->memory = calloc(1, heap_bytes(blocks));
	heap_init(&x->heap, x->memory, blocks);
	x->mem = (struct dialog_memory){ &x->heap, &x->arena, 5 };
	return x;
}

static void
bench_drop(struct bench *x)
{
	heap_done(&x->heap);
	free(x->memory);
	free(x);
}

__attribute__((format(printf, 1, 2))) static struct sip_msg *
msg(const char *fmt, ...)
{
	struct message x;
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	x = message_of(span_of(text, (size_t)n));
	cr_assert_eq(x.verdict.status, 0, "%s: %s", x.verdict.reason, text);
	return x.m;
}

static struct sip_msg *
invite(const char *more)
{
	return msg("INVITE sip:bob@example.com SIP/2.0\r\n"
		   "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
		   "%s"
		   "From: \"Alice, A.\" <sip:alice@example.com;x=1>;tag=A1;epid=77\r\n"
		   "To: <sip:bob@example.com>;foo=bar\r\n"
		   "Call-ID: call1\r\nCSeq: 5 INVITE\r\n"
		   "Contact: <sip:alice@192.0.2.7:5070;transport=udp>\r\n"
		   "Content-Length: 0\r\n\r\n",
	    more);
}

static struct sip_msg *
response(unsigned status, const char *tag, const char *contact, const char *more)
{
	return msg("SIP/2.0 %u X\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\n%s"
		   "From: <sip:alice@example.com>;tag=our\r\n"
		   "To: <sip:bob@example.com>%s%s\r\n"
		   "Call-ID: call2\r\nCSeq: 1 INVITE\r\n%s%s%s"
		   "Content-Length: 0\r\n\r\n",
	    status, more, tag[0] ? ";tag=" : "", tag, contact[0] ? "Contact: <" : "", contact,
	    contact[0] ? ">\r\n" : "");
}

static struct sip_msg *
in_dialog(const char *method, unsigned cseq, const char *from_tag, const char *to_tag)
{
	return msg("%s sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK3\r\n"
		   "From: <sip:alice@example.com>;tag=%s\r\nTo: <sip:bob@example.com>;tag=%s\r\n"
		   "Call-ID: call1\r\nCSeq: %u %s\r\nContact: <sip:alice@192.0.2.99>\r\n"
		   "Content-Length: 0\r\n\r\n",
	    method, from_tag, to_tag, cseq, method);
}

static enum err
start(struct bench *x, struct dialog *d, const char *routes)
{
	return dialog_start(d, &x->mem, SPAN("call2"), SPAN("<sip:alice@example.com>"), SPAN("our"),
	    SPAN("<sip:bob@example.com>"), SPAN("sip:bob@example.com"), span_str(routes), 1);
}

static const char *
request_text(struct bench *x, const struct dialog *d, const char *method, uint32_t cseq)
{
	static char text[2048];
	struct buf b = buf_on(text, sizeof(text) - 1);

	dialog_put_request(&b, d, &x->heap,
	    &(struct dialog_request){ .method = span_str(method),
		.via = SPAN("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx"),
		.cseq = cseq,
		.max_forwards = 70 });
	cr_assert(buf_ok(&b));
	text[b.len] = '\0';
	return text;
}

Test(dialog, S0_01_as_uas)
{
	struct bench *x = bench_new();
	struct dialog d;
	struct sip_msg *m =
	    invite("Record-Route: <sip:p3.example.com;lr>, <sip:p2.example.com;lr>\r\n"
		   "Record-Route: <sip:p1.example.com;lr>\r\n");

	cr_assert_eq(dialog_of_request(&d, &x->mem, m, SPAN("B1")), ERR_NONE);
	cr_expect_eq(d.state, DIALOG_NONE);
	cr_expect_eq(d.remote_cseq, 5);
	cr_expect_eq(d.local_cseq, 0);
	expect_span(dialog_next_hop(&d, &x->heap), "sip:p3.example.com;lr");
	cr_expect_str_eq(request_text(x, &d, "BYE", 1),
	    "BYE sip:alice@192.0.2.7:5070;transport=udp SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: <sip:bob@example.com>;foo=bar;tag=B1\r\n"
	    "To: \"Alice, A.\" <sip:alice@example.com;x=1>;epid=77;tag=A1\r\n"
	    "Call-ID: call1\r\n"
	    "CSeq: 1 BYE\r\n"
	    "Route: <sip:p3.example.com;lr>, <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\r\n");
	free(m);
	bench_drop(x);
}

Test(dialog, no_contact_no_dialog)
{
	struct bench *x = bench_new();
	struct dialog d;
	struct sip_msg *m = msg("SUBSCRIBE sip:bob@example.com SIP/2.0\r\n"
				"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
				"From: sip:alice@example.com;tag=A1\r\nTo: sip:bob@example.com\r\n"
				"Call-ID: call1\r\nCSeq: 5 SUBSCRIBE\r\nContent-Length: 0\r\n\r\n");

	cr_expect_eq(dialog_of_request(&d, &x->mem, m, SPAN("B1")), ERR_ABSENT);
	free(m);
	bench_drop(x);
}

/* A header parameter of a bare addr-spec; no From tag (RFC 2543). */
Test(dialog, bare_from)
{
	struct bench *x = bench_new();
	struct dialog d;
	struct sip_msg *m = msg("INVITE sip:bob@example.com SIP/2.0\r\n"
				"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
				"From: sip:alice@example.com ;tag=A1\r\nTo: sip:bob@example.com\r\n"
				"Contact: sip:alice@192.0.2.7\r\n"
				"Call-ID: call1\r\nCSeq: 5 INVITE\r\nContent-Length: 0\r\n\r\n");

	cr_assert_eq(dialog_of_request(&d, &x->mem, m, SPAN("B1")), ERR_NONE);
	cr_expect_not_null(strstr(request_text(x, &d, "BYE", 1),
	    "From: sip:bob@example.com;tag=B1\r\nTo: sip:alice@example.com;tag=A1\r\n"));
	cr_expect_null(strstr(request_text(x, &d, "BYE", 1), "Route"));
	free(m);
	bench_drop(x);
}

Test(dialog, S0_01_as_uac)
{
	struct bench *x = bench_new();
	struct dialog d;
	struct sip_msg *m;

	cr_assert_eq(start(x, &d, "<sip:out.example.com;lr>"), ERR_NONE);
	expect_span(dialog_next_hop(&d, &x->heap), "sip:out.example.com;lr");
	m = response(100, "", "", "");
	cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_ABSENT);
	free(m);
	m = response(180, "", "", "");
	cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_ABSENT);
	free(m);
	cr_expect_eq(d.state, DIALOG_NONE);
	m = response(180, "b1", "sip:bob@192.0.2.8",
	    "Record-Route: <sip:p3;lr>\r\nRecord-Route: <sip:p2;lr>, <sip:p1;lr>\r\n");
	cr_expect_not(dialog_matches(&d, &x->heap, m));
	cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_NONE);
	cr_expect(dialog_matches(&d, &x->heap, m));
	free(m);
	cr_expect_eq(d.state, DIALOG_EARLY);
	cr_expect_not_null(strstr(
	    request_text(x, &d, "PRACK", 2), "Route: <sip:p1;lr>, <sip:p2;lr>, <sip:p3;lr>\r\n"));
	/* 13.2.2.4: the 2xx sets the route set anew. */
	m = response(200, "b1", "sip:bob@192.0.2.9", "Record-Route: <sip:p3;lr>\r\n");
	cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_NONE);
	cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_NONE, "its retransmission");
	free(m);
	cr_expect_eq(d.state, DIALOG_CONFIRMED);
	cr_expect_str_eq(request_text(x, &d, "ACK", 1),
	    "ACK sip:bob@192.0.2.9 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: <sip:alice@example.com>;tag=our\r\n"
	    "To: <sip:bob@example.com>;tag=b1\r\n"
	    "Call-ID: call2\r\n"
	    "CSeq: 1 ACK\r\n"
	    "Route: <sip:p3;lr>\r\n");
	m = response(200, "b2", "sip:bob@192.0.2.10", "");
	cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_EXISTS, "another fork's");
	free(m);
	m = response(486, "b1", "", "");
	cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_ABSENT);
	free(m);
	bench_drop(x);
}

Test(dialog, forks)
{
	struct bench *x = bench_new();
	struct dialog d;
	struct sip_msg *m;

	start(x, &d, "");
	m = response(180, "b1", "sip:bob@192.0.2.8", "Record-Route: <sip:p3;lr>\r\n");
	dialog_of_response(&d, &x->mem, m);
	free(m);
	m = response(200, "b2", "sip:bob@192.0.2.9", "");
	cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_NONE);
	free(m);
	expect_span(kept_span(&x->heap, d.remote_tag), "b2");
	expect_span(dialog_next_hop(&d, &x->heap), "sip:bob@192.0.2.9");
	bench_drop(x);
}

/* 12.2.1.1 */
Test(dialog, S0_02_strict_router)
{
	struct bench *x = bench_new();
	struct dialog d;
	struct sip_msg *m = invite("Record-Route: <sip:p1.example.com;method=INVITE;x=1?h=v>, "
				   "<sip:p2.example.com;lr>\r\n");
	const char *text;

	cr_assert_eq(dialog_of_request(&d, &x->mem, m, SPAN("B1")), ERR_NONE);
	text = request_text(x, &d, "BYE", 1);
	cr_expect(strncmp(text, "BYE sip:p1.example.com;x=1 SIP/2.0\r\n", 36) == 0, "%s", text);
	cr_expect_not_null(strstr(text, "Route: <sip:p2.example.com;lr>, "
					"<sip:alice@192.0.2.7:5070;transport=udp>\r\n"));
	free(m);
	m = invite("Record-Route: <sip:p1.example.com>\r\n");
	cr_assert_eq(dialog_of_request(&d, &x->mem, m, SPAN("B1")), ERR_NONE);
	text = request_text(x, &d, "BYE", 1);
	cr_expect(strncmp(text, "BYE sip:p1.example.com SIP/2.0\r\n", 32) == 0, "%s", text);
	cr_expect_not_null(strstr(text, "\r\nRoute: <sip:alice@192.0.2.7:5070;transport=udp>\r\n"));
	free(m);
	bench_drop(x);
}

/* S0-24, S0-25, S2-13. */
Test(dialog, S2_13_check)
{
	struct bench *x = bench_new();
	struct sip_msg *m = invite("");
	struct dialog d;
	static const struct {
		const char *method;
		unsigned cseq;
		const char *from, *to;
		unsigned status;
	} row[] = {
		{ "BYE", 4, "A1", "B1", 500 },
		{ "BYE", 6, "A1", "wrong", 481 },
		{ "BYE", 6, "wrong", "B1", 481 },
		{ "BYE", 6, "B1", "A1", 481 },
		{ "ACK", 5, "A1", "B1", 0 },
		{ "INFO", 9, "a1", "b1", 0 },
		{ "ACK", 5, "A1", "B1", 0 },
		{ "BYE", 8, "A1", "B1", 500 },
		{ "BYE", 10, "A1", "B1", 0 },
	};

	dialog_of_request(&d, &x->mem, m, SPAN("B1"));
	free(m);
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		m = in_dialog(row[i].method, row[i].cseq, row[i].from, row[i].to);
		cr_expect_eq(dialog_check(&d, &x->heap, m), row[i].status, "row %u", i);
		free(m);
	}
	cr_expect_eq(d.remote_cseq, 10);
	start(x, &d, "");
	m = response(200, "b1", "sip:b@192.0.2.8", "");
	dialog_of_response(&d, &x->mem, m);
	free(m);
	/* The peer's first number is its own: 1 is as good as any. */
	m = msg("BYE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK3\r\n"
		"From: <sip:b@example.com>;tag=b1\r\nTo: <sip:a@example.com>;tag=our\r\n"
		"Call-ID: call2\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n");
	cr_expect_eq(dialog_check(&d, &x->heap, m), 0);
	free(m);
	bench_drop(x);
}

/* A target refresh every minute, of changing length, does not grow the call; nor do tags of forks. */
Test(dialog, refresh_does_not_grow)
{
	struct bench *x = bench_new();
	struct sip_msg *m = invite("");
	struct dialog d;
	size_t before = 0;

	dialog_of_request(&d, &x->mem, m, SPAN("B1"));
	free(m);
	for (unsigned i = 0; i < 500; i++) {
		m = msg("UPDATE sip:x@192.0.2.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK3\r\n"
			"From: <sip:alice@example.com>;tag=A1\r\n"
			"To: <sip:bob@example.com>;tag=B1\r\n"
			"Call-ID: call1\r\nCSeq: %u UPDATE\r\n"
			"Contact: <sip:%0*u@192.0.2.99>\r\nContent-Length: 0\r\n\r\n",
		    i + 10, (int)(i * 37 % 200 + 1), i);
		cr_expect_eq(dialog_retarget(&d, &x->mem, m), ERR_NONE);
		cr_expect(span_eq(kept_span(&x->heap, d.target), sip_span(m, m->contact_uri)));
		free(m);
		if (i == 250)
			before = heap_in_use(&x->heap);
	}
	cr_expect_eq(heap_in_use(&x->heap), before);
	start(x, &d, "");
	for (unsigned i = 0; i < 1000; i++) {
		char tag[128];

		snprintf(tag, sizeof(tag), "%0*u", (int)(i % 90 + 1), i);
		m = response(
		    180, tag, "sip:b@192.0.2.8", i % 2 ? "Record-Route: <sip:p;lr>\r\n" : "");
		cr_expect_eq(dialog_of_response(&d, &x->mem, m), ERR_NONE);
		free(m);
		if (i == 500)
			before = heap_in_use(&x->heap);
	}
	cr_expect_eq(heap_in_use(&x->heap), before);
	m = response(200, "x", "", "");
	cr_expect_eq(dialog_retarget(&d, &x->mem, m), ERR_ABSENT);
	free(m);
	bench_drop(x);
}

Test(dialog, limits)
{
	struct bench *x = bench_new();
	struct arena other = { 0 };
	struct dialog d;
	struct sip_msg *m;
	char routes[2048];
	size_t len = 0;

	len += (size_t)snprintf(routes, sizeof(routes), "Record-Route: <sip:p0;lr>");
	for (unsigned i = 1; i < 40; i++)
		len += (size_t)snprintf(routes + len, sizeof(routes) - len, ", <sip:p%u;lr>", i);
	snprintf(routes + len, sizeof(routes) - len, "\r\n");
	m = invite(routes);
	cr_expect_eq(dialog_of_request(&d, &x->mem, m, SPAN("B1")), ERR_RANGE);
	free(m);
	while (arena_take(&x->heap, &other, 6, 900) != NULL)
		;
	while (arena_take(&x->heap, &x->arena, 5, 8) != NULL)
		;
	m = invite("");
	cr_expect_eq(dialog_of_request(&d, &x->mem, m, SPAN("B1")), ERR_FULL);
	free(m);
	bench_drop(x);
}
