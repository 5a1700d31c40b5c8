/* The end of a leg: BYE in both directions, and what must come before it (RFC 3261 15). */
#include "worker/worker.h"

#include "sip/build.h"

void
leg_send_bye(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct leg_request r = { .method = SIP_BYE, .max_forwards = 70 };

	if (l->dialog.state == DIALOG_ENDED && l->bye == 0) { /* theirs came before */
		leg_drop(s->w, l);
		return;
	}
	l->resend_ns = 0;
	l->give_up_ns = 0;
	leg_timer_stop(s->w, l);
	leg_drop_update(s->w, l);
	leg_drop_passed(s->w, l);
	if (l->call != 0)
		leg_last_word(s->w, l, EV_GONE, 0, 0, NULL);
	if (in != NULL && in->n != NULL)
		r.headers = reason_line(s->w, in->n);
	leg_refer_flush(s->w, l);
	/* One that was on its way when the worker was killed is on its way still. */
	if (txn_at(&s->w->txns, l->bye) == NULL) {
		r.cseq = ++l->dialog.local_cseq;
		l->bye = leg_send_request(s->w, l, &r);
	}
	l->dialog.state = DIALOG_ENDED; /* now: confirmed without a BYE means that one is owed */
	if (l->bye == 0)
		leg_drop(s->w, l);
}

/* A UAS that has sent a 2xx waits for its ACK first. The call need not. */
void
leg_bye_later(void *step, const void *input)
{
	struct leg_step *s = step;

	(void)input;
	leg_timer_stop(s->w, s->l);
	if (s->l->call != 0)
		leg_last_word(s->w, s->l, EV_GONE, 0, 0, NULL);
}

void
leg_refuse_then_bye(void *step, const void *input)
{
	struct leg_step *s = step;
	struct note refusal = { .what = CMD_REFUSE, .status = 487 };

	leg_respond(s->w, s->l, 487, &refusal);
	leg_send_bye(step, input);
}

void
leg_ack_then_bye(void *step, const void *input)
{
	struct leg_step *s = step;

	leg_write_ack(s->w, s->l, &s->l->dialog, s->l->invite_cseq, SPAN_NONE, SPAN_NONE);
	leg_send_bye(step, input);
}

/* --- the peer's BYE -----------------------------------------------------------------------------*/

/* He hung up and still wants to hear what comes of his REFER. */
static void
linger(struct worker *w, struct leg *l)
{
	struct txn *t = txn_at(&w->txns, l->invite);

	if (t != NULL && t->kind == TXN_ICT)
		txn_let_go(&w->txns, t);
	l->invite = 0;
	l->inv = INV_IDLE;
	l->resend_ns = l->give_up_ns = l->ring_until_ns = 0;
	leg_arm(w, l);
}

static void
release_confirmed(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct note refusal = { .what = CMD_REFUSE, .status = 487 };

	if (l->inv == INV_IN)
		leg_respond(w, l, 487, &refusal);
	if (l->inv == INV_OUT_2XX)
		leg_write_ack(w, l, &l->dialog, l->invite_cseq, SPAN_NONE, SPAN_NONE);
	leg_timer_stop(w, l); /* it may linger, and refreshes nothing then */
	leg_drop_update(w, l);
	leg_drop_passed(w, l);
	l->dialog.state = DIALOG_ENDED;
	if (l->call != 0)
		leg_last_word(w, l, EV_RELEASED, 0, 0, m);
	/* Their BYE may have crossed our 2xx, and that been lost: who has not heard it hears it again,
	 * until the ACK (13.3.1.4). */
	if (leg_refer_lingers(l))
		linger(w, l);
	else if (l->inv == INV_IN_2XX || l->inv == INV_IN_BYE)
		l->inv = INV_IN_BYE;
	else
		leg_drop(w, l);
}

void
leg_got_bye(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	bool confirmed = l->dialog.state >= DIALOG_CONFIRMED;

	call_mark(w, l->call);
	/* A called side may not end an early dialog by BYE (15.1.1); a caller may. */
	if (!confirmed && l->dialog.uac) {
		answer_request(w, m, 481, NULL, SPAN_NONE);
		return;
	}
	answer_request(w, m, 200, NULL, SPAN_NONE);
	if (confirmed)
		release_confirmed(w, l, m);
	else
		leg_step(w, l, LE_GOT_CANCEL, &(struct leg_input){ .m = m });
}
