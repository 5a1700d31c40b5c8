/* A leg that asks: our INVITE, its provisional and final responses, its ACK and its CANCEL (RFC 3261
 * 13.2, 14.1, 9.1). */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/fields.h"

/* How many T1 a re-INVITE may wait before it is cancelled: less than the 64 after which somebody who
 * asked for it by UPDATE takes his dialog for lost. */
enum { OFFER_T1S = 40 };

static enum err
start_dialog(struct worker *w, struct leg *l, const struct note *n)
{
	struct dialog_memory mem = leg_memory(w, l);
	char tag[TOKEN_LEN + 8];
	struct buf b = buf_on(tag, sizeof(tag));

	/* The contacts of one user share Call-ID and tag (FLOWS.md 1.12 (1)): the first makes it. */
	if (n->text[T_TAG].len > 0)
		buf_put(&b, n->text[T_TAG]);
	else
		token_put(&b, &w->key, TOKEN_TAG, mem.owner);
	return dialog_start(&l->dialog, &mem, n->text[T_CALL_ID], n->text[T_FROM], buf_span(&b),
	    n->text[T_TO], n->text[T_TARGET], n->text[T_ROUTES], n->cseq);
}

handle
leg_dial(struct worker *w, const struct note *n)
{
	struct leg *l = leg_new(w, n->call);
	handle h;

	if (l == NULL)
		return 0;
	h = pool_handle(&w->legs, l);
	l->flow = n->flow;
	l->loop = n->loop;
	l->max_forwards = n->max_forwards;
	l->other = n->session;
	l->shows = n->capable;
	l->no_100rel = (n->flags & NOTE_NO_100REL) != 0;
	leg_of_gateway(w, l, n->gateway);
	if (n->gateway != 0)
		l->home = n->flow.peer;
	if (n->ring_s > 0)
		l->ring_until_ns = worker_now(w) + n->ring_s * NS_PER_S;
	if (start_dialog(w, l, n) != ERR_NONE) {
		leg_drop(w, l);
		return 0;
	}
	leg_step(w, l, LE_DO_INVITE, &(struct leg_input){ .n = n });
	if (leg_at(w, h) != l)
		return 0;
	leg_arm(w, l);
	return h;
}

void
leg_send_invite(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	bool first = l->dialog.state != DIALOG_CONFIRMED;
	struct leg_request r = { .method = SIP_INVITE,
		.max_forwards = first ? l->max_forwards : 70,
		.headers = in->n->text[T_HEADERS],
		.content_type = in->n->text[T_CONTENT_TYPE] };

	if (!first) {
		leg_rename(s->w, l, in->n->text[T_FROM]);
		l->dialog.local_cseq++;
		l->ring_until_ns =
		    worker_now(s->w) + OFFER_T1S * s->w->settings->timers.t1_ms * NS_PER_MS;
		leg_arm(s->w, l);
	}
	l->invite_cseq = r.cseq = l->dialog.local_cseq;
	r.body = body_toward(s->w, l, &r.content_type, in->n->text[T_BODY]);
	l->offered = note_has_sdp(s->w, in->n);
	l->session = 0;
	leg_timer_ask(s->w, l);
	if (l->offered)
		offer_step(&l->offer, OFFER_E_SEND_OFFER, pool_handle(&s->w->legs, l));
	l->invite = leg_send_request(s->w, l, &r);
	if (l->invite != 0)
		return;
	if (first) { /* leg_dial says so to the call: nothing was sent, nobody is to be told */
		l->inv = INV_IDLE;
		leg_drop(s->w, l);
		return;
	}
	leg_step(s->w, l, LE_GOT_FAILURE, &(struct leg_input){ .status = 500 });
}

/* --- provisional --------------------------------------------------------------------------------*/

static void
acknowledge_progress(
    struct worker *w, struct leg *l, const struct sip_msg *m, uint32_t rseq, struct note *n)
{
	handle h = pool_handle(&w->legs, l);

	if (m->body.len > 0)
		leg_fork_agrees(w, l);
	if (m->body.len > 0 && !l->offered && l->offer.state == OFFER_STABLE) {
		offer_step(&l->offer, OFFER_E_RECV_OFFER, h);
		l->session = 1;
		l->prack_rseq = rseq;
		n->flags = NOTE_DELAYED_OFFER;
		return;
	}
	if (m->body.len > 0 && offer_step(&l->offer, OFFER_E_RECV_ANSWER, h))
		leg_keep(w, l, &l->answer,
		    body_sdp(w, sip_span(m, m->content_type), sip_span(m, m->body)));
	leg_send_prack(w, l, rseq, NULL);
}

/* A Contact that is where it was is reached by the flow that reached it (it may be behind a NAT). */
static bool
is_elsewhere(struct worker *w, const struct leg *l, const struct sip_msg *m)
{
	struct sip_uri was, is;

	return sip_uri_parse(kept_span(&w->heap, l->dialog.target), &was) != ERR_NONE ||
	       sip_uri_parse(sip_span(m, m->contact_uri), &is) != ERR_NONE ||
	       !span_ieq(was.host, is.host) || was.port != is.port;
}

void
leg_progress(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct dialog_memory mem = leg_memory(s->w, l);
	struct note n = { .what = EV_PROGRESS, .status = (uint16_t)in->status };
	uint32_t rseq;
	bool elsewhere;

	if (l->dialog.state == DIALOG_CONFIRMED || !leg_takes_progress(s->w, l, in->m, &rseq))
		return;
	leg_learn(l, in->m);
	if (leg_is_beside(s->w, l, in->m)) {
		leg_fork_progress(s->w, l, in->m, rseq);
		leg_facts(s->w, l, &n);
		note_up(s->w, &n);
		return;
	}
	elsewhere = is_elsewhere(s->w, l, in->m);
	if (in->status > 100 && in->m->to_tag.len > 0)
		dialog_of_response(&l->dialog, &mem, in->m);
	if (rseq != 0 && (elsewhere || l->dialog.routes.len > 0))
		leg_aim(s->w, l, in->m); /* PRACK and UPDATE go where the dialog does */
	body_heard(s->w, l, in->m);
	if (rseq != 0)
		acknowledge_progress(s->w, l, in->m, rseq, &n);
	leg_facts(s->w, l, &n);
	n.text[T_PHRASE] = sip_span(in->m, in->m->reason);
	n.text[T_HEADERS] = headers_through(s->w, in->m);
	if (l->offered || rseq != 0) { /* an offer can only come reliably */
		n.text[T_CONTENT_TYPE] = sip_span(in->m, in->m->content_type);
		n.text[T_BODY] = sip_span(in->m, in->m->body);
	}
	note_up(s->w, &n);
}

/* --- answered -----------------------------------------------------------------------------------*/

void
leg_retarget(struct worker *w, struct leg *l, const struct sip_msg *response)
{
	struct dialog_memory mem = leg_memory(w, l);
	bool elsewhere = is_elsewhere(w, l, response);

	if (dialog_retarget(&l->dialog, &mem, response) == ERR_NONE && elsewhere)
		leg_aim(w, l, response);
}

static void
establish(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct dialog_memory mem = leg_memory(w, l);
	bool elsewhere = is_elsewhere(w, l, m);

	if (l->dialog.state == DIALOG_CONFIRMED)
		dialog_retarget(&l->dialog, &mem, m);
	else
		dialog_of_response(&l->dialog, &mem, m);
	l->dialog.state = DIALOG_CONFIRMED;
	if (elsewhere || l->dialog.routes.len > 0)
		leg_aim(w, l, m);
	if (l->user_agent.len == 0)
		arena_keep(&w->heap, &l->arena, mem.owner, sip_header_get(m, SIP_H_USER_AGENT),
		    &l->user_agent);
}

/* The answer came reliably before the 2xx; of several that rang, the other side has heard none. */
static void
answered_before(struct worker *w, struct leg *l, struct note *n)
{
	n->text[T_BODY] = scratch_keep(w, kept_span(&w->heap, l->answer.text));
	if (n->text[T_BODY].len > 0)
		n->text[T_CONTENT_TYPE] = SPAN("application/sdp");
}

void
leg_answered(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	handle h = pool_handle(&s->w->legs, l);
	bool first = l->dialog.state != DIALOG_CONFIRMED;
	struct note n = { .what = first ? EV_ANSWER : EV_OFFER_ANSWERED,
		.status = (uint16_t)in->status };

	if (leg_fork_wins(s->w, l, in->m))
		n.flags = NOTE_STALE;
	establish(s->w, l, in->m);
	body_heard(s->w, l, in->m);
	leg_learn(l, in->m);
	l->ring_until_ns = 0;
	leg_timer_agreed(s->w, l, in->m);
	if (l->offered)
		leg_timer_sdp(
		    s->w, l, leg_refreshes_by_invite(l) ? leg_sdp_sent(s->w, in->t) : SPAN_NONE);
	leg_facts(s->w, l, &n);
	n.text[T_PHRASE] = sip_span(in->m, in->m->reason);
	n.text[T_HEADERS] = headers_through(s->w, in->m);
	n.text[T_CONTENT_TYPE] = sip_span(in->m, in->m->content_type);
	n.text[T_BODY] = sip_span(in->m, in->m->body);
	if (first && n.text[T_BODY].len == 0)
		answered_before(s->w, l, &n);
	if (l->offer.state == OFFER_SENT) {
		offer_step(
		    &l->offer, note_has_sdp(s->w, &n) ? OFFER_E_RECV_ANSWER : OFFER_E_REFUSED, h);
	} else if (!l->offered && !l->session && note_has_sdp(s->w, &n)) {
		offer_step(&l->offer, OFFER_E_RECV_OFFER, h);
		n.flags |= NOTE_DELAYED_OFFER;
	}
	/* A re-INVITE's text stays: it makes the ACK when the leg is gone (ict.c); and where it bears
	 * credentials, for those of the ACK. */
	if (first && in->t != NULL && !login_known(s->w, l->gateway))
		txn_forget(&s->w->txns, in->t);
	/* The answer is known: the ACK goes at once (FLOWS.md 1.12 (2)). An offer in the 2xx waits for
	 * the other side's answer, which the ACK carries. */
	if (!(n.flags & NOTE_DELAYED_OFFER))
		leg_step(s->w, l, LE_DO_ACK, &(struct leg_input){ .m = in->m });
	if (l->call ==
	    0) /* cancelled, and nobody waits for it any more (FLOWS.md S1-08a (b), (c)) */
		leg_step(s->w, l, LE_DO_BYE, &(struct leg_input){ .m = in->m });
	else
		note_up(s->w, &n);
}

void
leg_send_ack(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct span type = SPAN("application/sdp"), body = SPAN_NONE;

	if (in->n != NULL && note_has_sdp(s->w, in->n)) { /* nothing else goes in an ACK */
		body = body_toward(s->w, l, &type,
		    body_sdp(s->w, in->n->text[T_CONTENT_TYPE], in->n->text[T_BODY]));
	}
	if (l->offer.state == OFFER_RCVD)
		offer_step(&l->offer, body.len > 0 ? OFFER_E_SEND_ANSWER : OFFER_E_REFUSED,
		    pool_handle(&s->w->legs, l));
	leg_write_ack(s->w, l, &l->dialog, l->invite_cseq, type, body);
	l->ack_sdp = body.len > 0 && leg_keep(s->w, l, &l->sdp, body);
	l->ack_cseq = l->invite_cseq;
}

/* A 2xx that comes again wants its ACK again; one with another tag is a fork's, which is ended. */
void
leg_ack_again(struct worker *w, struct leg *l, struct txn *invite, const struct sip_msg *m)
{
	struct span body = SPAN_NONE;

	if (!span_eq(sip_span(m, m->to_tag), kept_span(&w->heap, l->dialog.remote_tag))) {
		leg_end_fork(w, l, invite, m);
		return;
	}
	if (m->cseq == l->ack_cseq && l->ack_sdp)
		body = kept_span(&w->heap, l->sdp.text);
	leg_write_ack(w, l, &l->dialog, m->cseq, SPAN("application/sdp"), body);
}

void
leg_answered_again(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;

	leg_ack_again(s->w, s->l, in->t, in->m);
}

/* Our ACK still waits for the other side's answer: the same 2xx again changes nothing. */
void
leg_another_answers(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;

	if (!span_eq(
		sip_span(in->m, in->m->to_tag), kept_span(&s->w->heap, s->l->dialog.remote_tag)))
		leg_end_fork(s->w, s->l, in->t, in->m);
}

/* --- refused, cancelled -------------------------------------------------------------------------*/

void
leg_failed(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct note n = { .what = EV_OFFER_REFUSED, .status = (uint16_t)in->status };

	offer_step(&l->offer, OFFER_E_REFUSED, pool_handle(&s->w->legs, l));
	if (l->dialog.state != DIALOG_CONFIRMED) {
		if (in->status == 503 && in->m != NULL)
			rest_learn(s->w, &l->flow, sip_retry_after(in->m));
		l->dialog.state = DIALOG_ENDED;
		leg_last_word(s->w, l, EV_FAILED, in->status, 0, in->m);
		leg_drop(s->w, l);
		return;
	}
	/* 408 and 481 to a request in a dialog end it (12.2.1.2); anything else leaves the call as it
	 * was (14.1). */
	if (in->status == 408 || in->status == 481) {
		leg_last_word(s->w, l, EV_RELEASED, in->status, 0, NULL);
		leg_send_bye(step, input);
		return;
	}
	l->ring_until_ns = 0;
	leg_arm(s->w, l);
	leg_facts(s->w, l, &n);
	if (in->m != NULL) {
		n.text[T_PHRASE] = sip_span(in->m, in->m->reason);
		n.text[T_HEADERS] = headers_through(s->w, in->m);
	}
	note_up(s->w, &n);
}

static void
cancel_invite(struct worker *w, struct leg *l, struct span reason)
{
	struct txn *t = txn_at(&w->txns, l->invite);

	l->ring_until_ns = 0;
	leg_arm(w, l);
	if (t == NULL)
		return;
	txn_cancel(&w->txns, t, reason);
	ladder_cancels(w, l, t);
}

void
leg_send_cancel(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;

	cancel_invite(s->w, s->l, in->n == NULL ? SPAN_NONE : in->n->text[T_REASON]);
	/* Killed before it was sent: no answer can come. */
	if (txn_at(&s->w->txns, s->l->invite) == NULL)
		leg_step(s->w, s->l, LE_GOT_FAILURE, &(struct leg_input){ .status = 487 });
}

/* This contact rang as long as it wished to (FLOWS.md S0-05): what is left of the leg ends alone. */
void
leg_ring_over(void *step, const void *input)
{
	struct leg_step *s = step;

	(void)input;
	leg_last_word(s->w, s->l, EV_FAILED, 408, 0, NULL);
	cancel_invite(s->w, s->l, SPAN_NONE);
}

void
leg_cancelled_over(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;

	l->dialog.state = DIALOG_ENDED;
	leg_last_word(s->w, l, EV_GONE, in->status, 0, NULL);
	leg_drop(s->w, l);
}
