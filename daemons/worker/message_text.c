/* What is written for a MESSAGE or REFER that is relayed: the request to a phone or gateway, and the answer to its
 * sender. */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/via.h"

/* What passes on (DESIGN.md: by an allow-list). No Contact (RFC 3428 4), no Record-Route. */
static const uint8_t through[] = { SIP_H_DATE, SIP_H_EXPIRES, SIP_H_SUBJECT, SIP_H_PRIORITY,
	SIP_H_IN_REPLY_TO, SIP_H_ORGANIZATION, SIP_H_CALL_INFO, SIP_H_ACCEPT_LANGUAGE,
	SIP_H_CONTENT_DISPOSITION, SIP_H_CONTENT_ENCODING, SIP_H_CONTENT_LANGUAGE,
	SIP_H_MIME_VERSION, SIP_H_SESSION_ID };
static const uint8_t back[] = { SIP_H_ACCEPT, SIP_H_ACCEPT_ENCODING, SIP_H_ACCEPT_LANGUAGE,
	SIP_H_REASON, SIP_H_RETRY_AFTER, SIP_H_UNSUPPORTED, SIP_H_WARNING, SIP_H_SESSION_ID };

bool
message_headers(struct worker *w, const struct sip_msg *m, struct span *lines_r)
{
	struct buf b = scratch_buf(w, MESSAGE_HEADERS);

	for (unsigned i = 0; i < sizeof(through); i++)
		sip_put_copy(&b, m, through[i]);
	*lines_r = buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
	scratch_end(w, &b);
	return buf_ok(&b);
}

struct span
message_refusal_headers(struct worker *w, const struct sip_msg *m)
{
	struct buf b = scratch_buf(w, 1024);

	for (unsigned i = 0; i < sizeof(back); i++)
		sip_put_copy(&b, m, back[i]);
	return buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
}

static void
put_request(struct worker *w, struct buf *b, const struct txn *t, const struct message_text *x)
{
	char host_text[192], via_text[256];
	struct buf host = buf_on(host_text, sizeof(host_text));
	struct buf via = buf_on(via_text, sizeof(via_text));
	/* Its way is the directory's, or DNS's: no answer changes it. */
	struct login_party p = { x->branch.gateway, &t->flow.peer, &t->flow.peer };

	flow_put_host(w, &host, &t->flow);
	txn_put_via(&via, &w->txns, t, buf_span(&host), x->loop);
	sip_put_request_line(b, sip_method_name(x->method), x->uri);
	sip_put_header(b, SPAN("Via"), buf_span(&via));
	sip_put_header_u32(b, SPAN("Max-Forwards"), x->max_forwards);
	if (x->routes.len > 0)
		sip_put_header(b, SPAN("Route"), x->routes);
	sip_put_header(b, SPAN("From"), x->from);
	sip_put_header(b, SPAN("To"), x->to);
	sip_put_header(b, SPAN("Call-ID"), x->call_id);
	buf_lit(b, "CSeq: ");
	buf_u64(b, x->cseq);
	buf_char(b, ' ');
	buf_put(b, sip_method_name(x->method));
	buf_lit(b, "\r\n");
	login_put(w, b, &p, sip_method_name(x->method));
	buf_put(b, x->headers);
	sip_put_body(b, x->content_type, x->body);
	if (!buf_ok(&host) || !buf_ok(&via))
		b->overrun = true;
}

unsigned
message_send(struct worker *w, const struct message_text *x, const struct sip_flow *flow,
    handle user, handle *h_r)
{
	struct txn *t = txn_client_new(&w->txns, x->method, flow, user, false);
	struct buf b = buf_on(w->text, OUT_TEXT);
	struct message_branch *branch;
	unsigned status = 0;

	if (t == NULL)
		return 503;
	*h_r = pool_handle(&w->txn_pool, t);
	branch = arena_take(&w->heap, &t->arena, *h_r, sizeof(*branch));
	if (branch != NULL) {
		*branch = x->branch;
		t->user_data = heap_offset(&w->heap, branch);
		t->user = user != 0 ? user : *h_r;
		put_request(w, &b, t, x);
		if (!buf_ok(&b))
			status = 513;
		else if (!t->reliable && b.len > MESSAGE_UDP_MAX)
			status = 413;
	}
	if (branch == NULL || status != 0) {
		txn_drop(&w->txns, t);
		return status != 0 ? status : 503;
	}
	count(w->child.self, COUNT_MESSAGES, x->method == SIP_MESSAGE);
	return txn_client_send(&w->txns, t, buf_span(&b)) == ERR_NONE ? 0 : 503;
}

void
message_answer(
    struct worker *w, struct txn *t, unsigned status, struct span phrase, struct span headers)
{
	const struct sip_msg *m = txn_request(&w->txns, t);
	struct buf b = buf_on(w->text, OUT_TEXT);
	char text[64];
	struct buf tag = buf_on(text, sizeof(text));

	challenge_put_tag(&tag, &w->key, m);
	if (phrase.len > 0)
		sip_put_response_as(&b, m, status, phrase, buf_span(&tag));
	else
		sip_put_response(&b, m, status, NULL, buf_span(&tag));
	buf_put(&b, headers);
	sip_put_body(&b, SPAN_NONE, SPAN_NONE);
	if (buf_ok(&b))
		txn_respond(&w->txns, t, status, buf_span(&b));
	else /* a NUL in a phone's phrase, or its headers are too long beside the sender's Vias */
		answer_txn(w, t, status, NULL, SPAN_NONE, SPAN_NONE);
}
