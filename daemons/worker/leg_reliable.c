/*
 * Reliable provisional responses (RFC 3262) of a leg, each leg by itself: what one side asks for binds
 * the other to nothing.
 *
 * Asked (the caller's leg): a 101-199 goes reliably when the caller requires it, or supports it and it
 * bears a session description. It is repeated until its PRACK; meanwhile what would follow it is held
 * (leg_held.c): the next provisional one, and a 2xx when the first bore a description (3, 5).
 *
 *     none --reliable 1xx--> waits --PRACK--> none, what is held goes on
 *                              |--T1, 2*T1 ...: again
 *                              |--64*T1: the INVITE is refused with 504 (3)
 *                              |--final answer: no longer repeated
 *
 * Asking (a called leg): each reliable one is acknowledged at once, in the early dialog it came in; one
 * that bears an offer when the other side has answered it. Where a proxy forked the INVITE there are
 * several such dialogs (leg_fork.c).
 */
#include "worker/worker.h"

#include "base/rand.h"
#include "sip/build.h"
#include "sip/fields.h"
#include "sip/reliable.h"

/* --- asked --------------------------------------------------------------------------------------*/

bool
leg_goes_reliably(struct worker *w, const struct leg *l, const struct note *n)
{
	const struct txn *t = txn_at(&w->txns, l->invite);

	if (t == NULL || t->method != SIP_INVITE || l->dialog.state == DIALOG_CONFIRMED ||
	    n->status <= 100)
		return false;
	if (sip_option_set(txn_request(&w->txns, t), SIP_H_REQUIRE, NULL) & 1u << SIP_O_100REL)
		return true;
	return note_has_sdp(w, n) && l->supports & 1u << SIP_O_100REL;
}

static struct span
reliable_lines(struct worker *w, const struct leg *l, struct span more)
{
	struct buf b = scratch_buf(w, more.len + 64);

	buf_lit(&b, "Require: 100rel\r\n");
	sip_put_rseq(&b, l->rseq);
	buf_put(&b, more);
	scratch_end(w, &b);
	return buf_span(&b);
}

void
leg_send_reliably(struct worker *w, struct leg *l, const struct note *n)
{
	struct note out = *n;

	/* Stored before it is sent: no number is used twice. */
	l->rseq = l->rseq == 0 ? sip_rseq_first(rand_u32()) : l->rseq + 1;
	l->unpracked = note_has_sdp(w, n) ? UNPRACKED_SDP : UNPRACKED;
	out.text[T_HEADERS] = reliable_lines(w, l, n->text[T_HEADERS]);
	if (l->unpracked == UNPRACKED_SDP) {
		l->session = 1;
		offer_step(&l->offer,
		    l->offer.state == OFFER_RCVD ? OFFER_E_SEND_ANSWER : OFFER_E_SEND_OFFER,
		    pool_handle(&w->legs, l));
	}
	leg_respond(w, l, n->status, &out);
	l->resend_ms = w->settings->timers.t1_ms;
	l->resend_ns = worker_now(w) + l->resend_ms * NS_PER_MS;
	l->give_up_ns = worker_now(w) + 64 * l->resend_ms * NS_PER_MS;
	leg_arm(w, l);
}

/* Its next: the answer to our offer, an offer of its own, or nothing. */
static void
take_body(struct worker *w, struct leg *l, const struct sip_msg *m, struct txn *t)
{
	struct note n = { .what = EV_PRACKED };

	if (m->body.len > 0 && l->offer.state == OFFER_STABLE) {
		/* It waits for the other side's answer as an UPDATE does (3262 5). */
		t->user = pool_handle(&w->legs, l);
		leg_update_step(w, l, UE_GOT_UPDATE, &(struct leg_input){ .m = m, .t = t });
		return;
	}
	answer_txn(w, t, 200, NULL, SPAN_NONE, SPAN_NONE);
	if (l->offer.state != OFFER_SENT)
		return;
	body_heard(w, l, m);
	offer_step(&l->offer, m->body.len > 0 ? OFFER_E_RECV_ANSWER : OFFER_E_REFUSED,
	    pool_handle(&w->legs, l));
	leg_facts(w, l, &n);
	n.text[T_CONTENT_TYPE] = sip_span(m, m->content_type);
	n.text[T_BODY] = sip_span(m, m->body);
	note_up(w, &n);
}

void
leg_got_prack(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct sip_rack rack;
	struct txn *t;

	if (l->unpracked == PRACKED || l->dialog.uac ||
	    sip_rack_parse(sip_header_get(m, SIP_H_RACK), &rack) != ERR_NONE ||
	    !sip_rack_is(&rack, l->rseq, l->invite_cseq, SPAN("INVITE"))) {
		answer_request(w, m, 481, NULL, SPAN_NONE);
		return;
	}
	t = txn_server_new(&w->txns, m, true);
	if (t == NULL) {
		answer_stateless(w, m, 503, NULL, SPAN("Retry-After: 5\r\n"));
		return;
	}
	call_mark(w, l->call);
	l->unpracked = PRACKED;
	if (l->inv == INV_IN)
		l->resend_ns = l->give_up_ns = 0;
	leg_arm(w, l);
	take_body(w, l, m, t);
	leg_goes_on(w, l);
}

void
leg_resend_progress(void *step, const void *input)
{
	struct leg_step *s = step;
	struct leg *l = s->l;
	struct txn *t = txn_at(&s->w->txns, l->invite);

	(void)input;
	if (t == NULL)
		return;
	l->retransmissions++;
	l->resend_ms *= 2;
	l->resend_ns = worker_now(s->w) + l->resend_ms * NS_PER_MS;
	outbox_put(s->w->outbox, &t->flow, txn_last(&s->w->txns, t), 0);
}

void
leg_no_prack(void *step, const void *input)
{
	struct leg_step *s = step;
	struct note n = { .what = CMD_REFUSE, .status = 504 };

	(void)input;
	s->l->unpracked = PRACKED;
	leg_respond(s->w, s->l, 504, &n);
	s->l->dialog.state = DIALOG_ENDED;
	leg_last_word(s->w, s->l, EV_CANCELLED, 504, 0, NULL);
	leg_drop(s->w, s->l);
}

/* --- asking -------------------------------------------------------------------------------------*/

void
leg_send_prack(struct worker *w, struct leg *l, uint32_t rseq, const struct note *n)
{
	char line[64];
	struct buf rack = buf_on(line, sizeof(line));
	struct leg_request r = { .method = SIP_PRACK, .max_forwards = 70 };

	sip_put_rack(&rack, rseq, l->invite_cseq, SPAN("INVITE"));
	r.headers = buf_span(&rack);
	r.cseq = ++l->dialog.local_cseq;
	if (n != NULL && n->text[T_BODY].len > 0) {
		r.content_type = n->text[T_CONTENT_TYPE];
		r.body = body_toward(w, l, &r.content_type, n->text[T_BODY]);
	}
	if (l->offer.state == OFFER_RCVD)
		offer_step(&l->offer, r.body.len > 0 ? OFFER_E_SEND_ANSWER : OFFER_E_REFUSED,
		    pool_handle(&w->legs, l));
	l->prack_rseq = 0;
	leg_send_request(w, l, &r);
}

bool
leg_waits_for_prack(struct worker *w, const struct leg *l)
{
	const struct txn *t = txn_at(&w->txns, l->prack);

	return t != NULL && t->state < TXN_COMPLETED;
}
