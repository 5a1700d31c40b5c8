/* Requests of the peer inside a leg's dialog, by method (RFC 3261 12.2.2). */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/fields.h"

/* A re-INVITE waits for the other side's answer. */
static void
offer(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct txn *t = txn_server_new(&w->txns, m, true);
	struct span lines;
	struct verdict v;

	if (t == NULL) {
		answer_stateless(w, m, 503, NULL, SPAN("Retry-After: 5\r\n"));
		return;
	}
	t->user = pool_handle(&w->legs, l);
	leg_learn(l, m);
	v = body_check(m, &lines);
	if (v.status == 0)
		v = leg_timer_check(w, m, &lines);
	/* The ACK of our 2xx was lost; offer and answer are complete, so this stands for it (RFC 5407
	 * 3.1.4). */
	if (v.status == 0 && l->call != 0 && l->offer.state == OFFER_STABLE) {
		leg_forgets_offer(w, l, 491); /* theirs is here */
		if (l->inv == INV_IN_2XX)
			leg_step(w, l, LE_GOT_ACK, &(struct leg_input){ .m = m });
	}
	if (v.status != 0)
		answer_txn(w, t, v.status, v.reason, SPAN_NONE, lines);
	else if (l->call != 0 && l->upd == UPD_OUT)
		answer_txn(w, t, 491, NULL, SPAN_NONE, SPAN_NONE); /* our offer is out (14.2) */
	else if (l->call == 0 ||
		 !leg_step(w, l, LE_GOT_INVITE, &(struct leg_input){ .m = m, .t = t }))
		answer_txn(w, t, 481, NULL, SPAN_NONE, SPAN_NONE);
}

static struct span
allow_line(struct worker *w)
{
	struct buf b = scratch_buf(w, 512);

	sip_put_allow(&b);
	scratch_end(w, &b);
	return buf_span(&b);
}

static bool
requires_more(struct worker *w, const struct sip_msg *m)
{
	struct span unsupported = options_unsupported(w, m);

	if (unsupported.len > 0)
		answer_request(w, m, 420, NULL, unsupported);
	return unsupported.len > 0;
}

static void
by_method(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	switch ((enum sip_method)m->method) {
	case SIP_BYE:
		leg_got_bye(w, l, m);
		break;
	case SIP_INVITE:
		offer(w, l, m);
		break;
	case SIP_UPDATE:
		leg_got_update(w, l, m);
		break;
	case SIP_OPTIONS:
		answer_request(w, m, 200, NULL, allow_line(w));
		break;
	case SIP_UNKNOWN:
		if (w->settings->pass_unknown)
			leg_pass_request(w, l, m);
		else
			answer_request(w, m, 501, NULL, allow_line(w));
		break;
	case SIP_PRACK:
		leg_got_prack(w, l, m);
		break;
	case SIP_INFO:
	case SIP_MESSAGE:
		leg_pass_request(w, l, m);
		break;
	case SIP_REFER:
		leg_got_refer(w, l, m);
		break;
	case SIP_SUBSCRIBE:
		leg_got_subscribe(w, l, m);
		break;
	case SIP_NOTIFY: /* we subscribe to nothing */
		answer_request(w, m, 481, NULL, SPAN_NONE);
		break;
	case SIP_ACK:
	case SIP_CANCEL:
	case SIP_REGISTER:
	case SIP_PUBLISH:
	case SIP_N_METHODS:
		answer_request(w, m, 405, NULL, allow_line(w));
		break;
	}
}

void
leg_on_request(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	unsigned status = dialog_check(&l->dialog, &w->heap, m);

	/* A branch that is not heard may offer again when it has won (RFC 3311 5.2). */
	if (status == 481 && m->method == SIP_UPDATE && leg_knows_fork(w, l, m)) {
		answer_request(w, m, 500, NULL, SPAN("Retry-After: 10\r\n"));
		return;
	}
	if (status != 0) {
		answer_request(w, m, status, NULL, SPAN_NONE);
		return;
	}
	leg_hears_session(l, m);
	if (m->method != SIP_BYE && requires_more(w, m))
		return;
	/* The peer has hung up; only the subscription of his REFER is left. */
	if (l->dialog.state == DIALOG_ENDED && l->bye == 0 && m->method != SIP_SUBSCRIBE) {
		answer_request(w, m, 481, NULL, SPAN_NONE);
		return;
	}
	by_method(w, l, m);
}
