/*
 * Our INVITE or UPDATE once more after a 422 (RFC 4028 7.3), or any request after a 401 or 407 (login.c):
 * the same but for its CSeq and the interval that it asks for, or its credentials. What it said is read
 * from the text that its transaction kept, so nothing else need be kept of it. Its call does not hear of
 * it.
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
		SIP_H_AUTHORIZATION, SIP_H_PROXY_AUTHORIZATION, SIP_H_SESSION_EXPIRES, SIP_H_MIN_SE,
		SIP_H_SESSION_ID, SIP_H_CONTENT_TYPE, SIP_H_CONTENT_LENGTH };

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
	struct leg_request r = { .ref = t->ref, .again = t->user_data + 1 };

	if (m == NULL)
		return 0;
	r.method = m->method;
	r.name = sip_span(m, m->method_text);
	r.cseq = ++l->dialog.local_cseq;
	r.max_forwards = (uint32_t)m->max_forwards;
	r.headers = own_lines(w, m);
	r.content_type = sip_span(m, m->content_type);
	r.body = sip_span(m, m->body);
	if (leg_is_of_another(w, l, m))
		return leg_fork_again(w, l, t, m, &r);
	if (m->method == SIP_INVITE)
		l->invite_cseq = r.cseq;
	return leg_send_request(w, l, &r);
}

struct login_party
leg_login_party(const struct leg *l)
{
	return (struct login_party){ l->gateway, &l->home, &l->flow.peer };
}

bool
leg_is_asked(struct worker *w, const struct leg *l, const struct txn *t, const struct sip_msg *m)
{
	struct login_party p = leg_login_party(l);

	return login_follows(w, &p, t->user_data, m);
}

bool
leg_goes_again(struct worker *w, struct leg *l, const struct txn *t, const struct sip_msg *m)
{
	return leg_timer_follows(l, m) ||
	       (m != NULL && leg_may_go_again(l, (enum sip_method)t->method) &&
		   leg_is_asked(w, l, t, m));
}

bool
leg_request_again(struct worker *w, struct leg *l, struct txn *t)
{
	handle notify = l->refer.notify;

	if (send_again(w, l, t) != 0)
		return true;
	l->refer.notify = notify; /* it is still the one whose answer counts */
	return false;
}

void
leg_put_invites_credentials(struct worker *w, struct buf *b, const struct leg *l)
{
	struct login_party p = leg_login_party(l);
	bool may = login_known(w, l->gateway) && login_may(w, &p);
	const struct txn *t = may ? txn_at(&w->txns, l->invite) : NULL;
	size_t used = w->scratch_used;
	const struct sip_msg *m = t == NULL || t->kind != TXN_ICT ? NULL : sent(w, t);

	if (m != NULL) {
		sip_put_copy(b, m, SIP_H_AUTHORIZATION);
		sip_put_copy(b, m, SIP_H_PROXY_AUTHORIZATION);
	}
	w->scratch_used = used;
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
