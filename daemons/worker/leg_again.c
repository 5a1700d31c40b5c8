/*
 * Our INVITE or UPDATE once more after a 422 (RFC 4028 7.3): the same request but for its CSeq and the
 * interval it asks for. What it said is read from the text that its transaction kept, so nothing else
 * need be kept of it. Its call does not hear of it.
 */
#include "worker/worker.h"

#include <string.h>

#include "sip/build.h"
#include "sip/parse.h"

/* Our own text, parsed; NULL: no room. */
static struct sip_msg *
sent(struct worker *w, const struct txn *t)
{
	struct span text = kept_span(&w->heap, t->request);
	size_t room = SIP_MSG_ROOM(text.len);
	struct sip_msg *m = scratch_take(w, room);

	if (m == NULL || text.len == 0)
		return NULL;
	*m = (struct sip_msg){ .raw_len = (uint16_t)text.len };
	memcpy(sip_raw(m), text.p, text.len);
	return sip_parse(m, room).status == 0 ? m : NULL;
}

struct span
leg_sdp_sent(struct worker *w, const struct txn *t)
{
	const struct sip_msg *m = sent(w, t);

	if (m == NULL)
		return SPAN_NONE;
	return body_sdp(w, sip_span(m, m->content_type), sip_span(m, m->body));
}

/* Does leg_send_request write it anew? */
static bool
is_written(uint8_t id)
{
	static const uint8_t ids[] = { SIP_H_VIA, SIP_H_MAX_FORWARDS, SIP_H_FROM, SIP_H_TO,
		SIP_H_CALL_ID, SIP_H_CSEQ, SIP_H_ROUTE, SIP_H_CONTACT, SIP_H_ALLOW, SIP_H_SUPPORTED,
		SIP_H_SESSION_EXPIRES, SIP_H_MIN_SE, SIP_H_SESSION_ID, SIP_H_CONTENT_TYPE,
		SIP_H_CONTENT_LENGTH };

	return memchr(ids, id, sizeof(ids)) != NULL;
}

/* The lines that were its sender's own. */
static struct span
own_lines(struct worker *w, const struct sip_msg *m)
{
	const struct sip_header *h = sip_headers(m);
	struct buf b = scratch_buf(w, m->raw_len);

	for (unsigned i = 0; i < m->n_headers; i++)
		if (!is_written(h[i].id))
			sip_put_header(&b, sip_span(m, h[i].name), sip_span(m, h[i].value));
	scratch_end(w, &b);
	return buf_span(&b);
}

static handle
send_again(struct worker *w, struct leg *l, const struct txn *t)
{
	const struct sip_msg *m = sent(w, t);

	if (m == NULL)
		return 0;
	if (m->method == SIP_INVITE)
		l->invite_cseq = l->dialog.local_cseq + 1;
	return leg_send_request(w, l,
	    &(struct leg_request){ .method = m->method,
		.cseq = ++l->dialog.local_cseq,
		.max_forwards = (uint32_t)m->max_forwards,
		.headers = own_lines(w, m),
		.content_type = sip_span(m, m->content_type),
		.body = sip_span(m, m->body) });
}

void
leg_invite_again(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;

	if (send_again(s->w, s->l, in->t) == 0)
		leg_step(s->w, s->l, LE_GOT_FAILURE, in);
}

void
leg_update_again(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;

	if (send_again(s->w, s->l, in->t) == 0)
		leg_update_step(s->w, s->l, UE_GOT_FAILURE, in);
}
