/* A leg that is asked: the peer's INVITE, its answer, the answer's ACK (RFC 3261 13.3, 14.2). */
#include "worker/worker.h"

#include "base/rand.h"
#include "sip/build.h"
#include "sip/fields.h"

bool
leg_accept(struct worker *w, struct leg *l, struct txn *ist, const struct sip_msg *invite)
{
	struct dialog_memory mem = leg_memory(w, l);
	char tag[TOKEN_LEN + 8];
	struct buf b = buf_on(tag, sizeof(tag));

	token_put(&b, &w->key, TOKEN_TAG, mem.owner);
	if (dialog_of_request(&l->dialog, &mem, invite, buf_span(&b)) != ERR_NONE ||
	    arena_keep(&w->heap, &l->arena, mem.owner, sip_header_get(invite, SIP_H_USER_AGENT),
		&l->user_agent) != ERR_NONE)
		return false;
	leg_aim(w, l, invite);
	leg_learn(l, invite);
	leg_hears_session(l, invite);
	ist->user = mem.owner;
	ladder_asked(w, l, invite);
	leg_step(w, l, LE_GOT_INVITE, &(struct leg_input){ .m = invite, .t = ist });
	return true;
}

/* An INVITE begins to wait for its answer. The first INVITE of a leg is made known by the
 * gate, which made the call; any later one is an offer to the other side. */
void
leg_in_invite(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct dialog_memory mem = leg_memory(s->w, l);
	struct note n = { .what = EV_OFFER };

	l->invite = pool_handle(&s->w->txn_pool, in->t);
	l->invite_cseq = in->m->cseq;
	answer_txn(s->w, in->t, 100, NULL, SPAN_NONE, SPAN_NONE);
	l->offered =
	    body_sdp(s->w, sip_span(in->m, in->m->content_type), sip_span(in->m, in->m->body)).len >
	    0;
	l->session = l->stale = 0;
	body_heard(s->w, l, in->m);
	if (l->offered)
		offer_step(&l->offer, OFFER_E_RECV_OFFER, mem.owner);
	if (l->dialog.state != DIALOG_CONFIRMED)
		return;
	if (dialog_retarget(&l->dialog, &mem, in->m) == ERR_NONE)
		leg_aim(s->w, l, in->m);
	leg_facts(s->w, l, &n);
	n.text[T_HEADERS] = headers_through(s->w, in->m);
	n.text[T_CONTENT_TYPE] = sip_span(in->m, in->m->content_type);
	n.text[T_BODY] = sip_span(in->m, in->m->body);
	note_up(s->w, &n);
}

/* A second one before the first was answered (14.2): 500 with a Retry-After of 0 to 10 s. */
void
leg_in_again(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	char line[32];
	struct buf b = buf_on(line, sizeof(line));

	sip_put_header_u32(&b, SPAN("Retry-After"), rand_below(11));
	answer_txn(s->w, in->t, 500, NULL, SPAN_NONE, buf_span(&b));
}

/* Ours is in flight: 491 (14.2). */
void
leg_in_glare(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;

	answer_txn(s->w, in->t, 491, NULL, SPAN_NONE, SPAN_NONE);
}

void
leg_on_cancel(struct worker *w, struct txn *ist, const struct sip_msg *m)
{
	struct leg *l = leg_at(w, ist->user);

	if (l != NULL && l->invite == pool_handle(&w->txn_pool, ist))
		leg_step(w, l,
		    l->dialog.state == DIALOG_CONFIRMED ? LE_GOT_CANCEL_OFFER : LE_GOT_CANCEL,
		    &(struct leg_input){ .m = m, .t = ist });
}

void
leg_in_cancel(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct note n = { .what = EV_CANCELLED, .status = 487 };

	leg_respond(s->w, l, 487, &n);
	l->dialog.state = DIALOG_ENDED;
	leg_last_word(s->w, l, EV_CANCELLED, 487, 0, in->m);
	leg_drop(s->w, l);
}

/* What was offered is with the other side already, whose answer decides: 487 when our CANCEL reached it
 * in time, else its 2xx, and both sides have the same session either way (a CANCEL asks, RFC 3261 9). */
void
leg_in_cancel_offer(void *step, const void *input)
{
	struct leg_step *s = step;
	struct note n = { .what = EV_OFFER_CANCELLED, .status = 487 };

	(void)input;
	leg_facts(s->w, s->l, &n);
	note_up(s->w, &n);
}

/* --- what we answer -----------------------------------------------------------------------------*/

void
leg_send_progress(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct note n = *in->n;

	if (l->dialog.state == DIALOG_NONE)
		l->dialog.state = DIALOG_EARLY;
	/* One description a dialog; an offer may only go reliably. */
	if (l->session || (!l->offered && !leg_goes_reliably(s->w, l, &n)))
		n.text[T_BODY] = SPAN_NONE;
	if (leg_goes_reliably(s->w, l, &n))
		leg_send_reliably(s->w, l, &n);
	else
		leg_respond(s->w, l, in->status, &n);
}

/* Whatever the transport: it is end to end (13.3.1.4). */
static void
resend_until_acked(struct worker *w, struct leg *l)
{
	l->resend_ms = w->settings->timers.t1_ms;
	l->resend_ns = worker_now(w) + l->resend_ms * NS_PER_MS;
	l->give_up_ns = worker_now(w) + 64 * l->resend_ms * NS_PER_MS;
	leg_arm(w, l);
}

static void
stop_resending(struct worker *w, struct leg *l)
{
	l->resend_ns = 0;
	l->give_up_ns = 0;
	leg_arm(w, l);
}

/* The peer was refused instead: the other side, in a session with nobody, is let go. */
static void
answer_lost(struct leg_step *s, bool first)
{
	struct leg *l = s->l;

	l->inv = INV_IDLE;
	stop_resending(s->w, l);
	leg_last_word(s->w, l, EV_RELEASED, 500, NOTE_NO_ACK, NULL);
	if (!first) {
		leg_send_bye(s, NULL);
		return;
	}
	l->dialog.state = DIALOG_ENDED;
	leg_drop(s->w, l);
}

static bool
is_last_body(struct worker *w, const struct leg *l, struct span body)
{
	struct sdp *sdp = scratch_take(w, sizeof(*sdp));

	return sdp == NULL || sdp_parse(body, sdp) != ERR_NONE || offer_is_last(&l->offer, sdp);
}

void
leg_send_answer(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	bool offered = l->offer.state == OFFER_RCVD, first = l->dialog.state != DIALOG_CONFIRMED;
	struct note n = *in->n, told = { .what = EV_TOLD };

	l->dialog.state = DIALOG_CONFIRMED;
	l->held.text.len = 0; /* a provisional response: it comes too late */
	resend_until_acked(s->w, l);
	if (l->session && note_has_sdp(s->w, &n)) { /* it has its session: no second one here */
		l->stale =
		    !is_last_body(s->w, l, body_sdp(s->w, n.text[T_CONTENT_TYPE], n.text[T_BODY]));
		n.text[T_BODY] = SPAN_NONE;
	}
	if (l->session && n.flags & NOTE_STALE)
		l->stale = 1;
	if (!leg_respond(s->w, l, 200, &n)) {
		answer_lost(s, first);
		return;
	}
	if (first) {
		leg_facts(s->w, l, &told);
		note_up(s->w, &told);
	}
	leg_timer_sdp(s->w, l, body_sdp(s->w, in->n->text[T_CONTENT_TYPE], in->n->text[T_BODY]));
	if (note_has_sdp(s->w, &n))
		offer_step(&l->offer, offered ? OFFER_E_SEND_ANSWER : OFFER_E_SEND_OFFER,
		    pool_handle(&s->w->legs, l));
	else if (offered)
		offer_step(&l->offer, OFFER_E_REFUSED, pool_handle(&s->w->legs, l));
}

void
leg_send_refusal(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;

	leg_respond(s->w, l, in->status, in->n);
	offer_step(&l->offer, OFFER_E_REFUSED, pool_handle(&s->w->legs, l));
	if (l->dialog.state == DIALOG_CONFIRMED)
		return;
	l->dialog.state = DIALOG_ENDED;
	leg_last_word(s->w, l, EV_GONE, in->status, 0, NULL);
	leg_drop(s->w, l);
}

/* --- until its ACK ------------------------------------------------------------------------------*/

void
leg_resend(void *step, const void *input)
{
	struct leg_step *s = step;
	struct leg *l = s->l;
	struct txn *t = txn_at(&s->w->txns, l->invite);
	uint32_t t2 = s->w->settings->timers.t2_ms;

	(void)input;
	if (t == NULL)
		return;
	/* The next time first: a kill while it is sent does not end the series. */
	l->retransmissions++;
	l->resend_ms = l->resend_ms * 2 > t2 ? t2 : l->resend_ms * 2;
	l->resend_ns = worker_now(s->w) + l->resend_ms * NS_PER_MS;
	outbox_put(s->w->outbox, &t->flow, txn_last(&s->w->txns, t), 0);
}

void
leg_on_ack(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	if (m->cseq == l->invite_cseq && dialog_matches(&l->dialog, &w->heap, m))
		leg_step(w, l, LE_GOT_ACK, &(struct leg_input){ .m = m });
}

void
leg_acked(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct note n = { .what = EV_ACKED, .flags = l->stale ? NOTE_STALE : 0 };
	struct txn *t = txn_at(&s->w->txns, l->invite);

	l->stale = 0;
	stop_resending(s->w, l);
	if (t != NULL)
		txn_forget(&s->w->txns, t);
	if (in->m->method == SIP_ACK) /* not a request that stands for it */
		body_heard(s->w, l, in->m);
	if (l->offer.state == OFFER_SENT) {
		n.text[T_CONTENT_TYPE] = sip_span(in->m, in->m->content_type);
		n.text[T_BODY] = sip_span(in->m, in->m->body);
		offer_step(&l->offer,
		    note_has_sdp(s->w, &n) ? OFFER_E_RECV_ANSWER : OFFER_E_REFUSED,
		    pool_handle(&s->w->legs, l));
	}
	leg_facts(s->w, l, &n);
	note_up(s->w, &n);
	leg_goes_on(s->w, l);
}

/* 64*T1 without an ACK (13.3.1.4): the session is ended. */
void
leg_no_ack(void *step, const void *input)
{
	struct leg_step *s = step;

	stop_resending(s->w, s->l);
	leg_last_word(s->w, s->l, EV_RELEASED, 408, NOTE_NO_ACK, NULL);
	leg_send_bye(step, input);
}
