/* Answers that no leg gives: stateless ones, and those of a transaction that needs nothing else. */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/via.h"

static struct span
tag_of(struct worker *w, const struct sip_msg *m, struct buf *b)
{
	if (m->to_tag.len == 0)
		challenge_put_tag(b, &w->key, m);
	return buf_span(b);
}

/* The text in w->text; false: nothing fits beside its Vias. */
static bool
put_answer(struct worker *w, struct buf *b, const struct sip_msg *m, unsigned status,
    const char *reason, struct span headers)
{
	char text[64];
	struct buf tag = buf_on(text, sizeof(text));

	*b = buf_on(w->text, OUT_TEXT);
	sip_put_refusal(b, m, status, reason, tag_of(w, m, &tag), headers);
	return buf_ok(b);
}

static void
send_stateless(struct worker *w, const struct sip_msg *m, struct span text)
{
	struct sip_flow back = sip_response_flow(m);

	outbox_put(w->outbox, &back, text, 0);
}

void
answer_stateless(struct worker *w, const struct sip_msg *m, unsigned status, const char *reason,
    struct span headers)
{
	struct buf b;

	if (m->method == SIP_ACK || !put_answer(w, &b, m, status, reason, headers))
		return;
	send_stateless(w, m, buf_span(&b));
	ladder_answers(w, 0, m, status, false);
}

void
answer_txn(struct worker *w, struct txn *t, unsigned status, const char *reason, struct span to_tag,
    struct span headers)
{
	struct buf b = buf_on(w->text, OUT_TEXT);
	const struct sip_msg *m = txn_request(&w->txns, t);
	char text[64];
	struct buf tag = buf_on(text, sizeof(text));

	if (to_tag.len == 0 && status > 100)
		to_tag = tag_of(w, m, &tag);
	sip_put_refusal(&b, m, status, reason, to_tag, headers);
	if (buf_ok(&b))
		ladder_answers(w, t->user, m, status, false);
	if (buf_ok(&b))
		txn_respond(&w->txns, t, status, buf_span(&b));
	else if (status >= 200)
		txn_drop(&w->txns, t); /* nothing fits beside its Vias: no timer would end it */
}

void
answer_request(struct worker *w, const struct sip_msg *m, unsigned status, const char *reason,
    struct span headers)
{
	struct buf b;

	if (m->method == SIP_ACK || !put_answer(w, &b, m, status, reason, headers))
		return;
	ladder_answers(w, 0, m, status, false);
	if (!txn_server_answer(&w->txns, m, true, status, buf_span(&b)))
		send_stateless(w, m, buf_span(&b));
}
