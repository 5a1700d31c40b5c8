/*
 * UPDATE (RFC 3311), both ways. It needs no ACK and no ringing, and may stand beside an INVITE.
 *
 *               GOT_UPDATE                       DO_UPDATE
 *     UPD_IN <-------------- UPD_IDLE ---------------------------> UPD_OUT
 *        |  --------------->  |    ^   <-----------------------------  |
 *           DO_ANSWER,        |    |           GOT_2XX, GOT_FAILURE
 *           DO_REFUSE         |    +------ GOT_2XX, GOT_FAILURE ----+
 *                             +-- T_REFRESH --> UPD_REFRESH --------+
 *
 * UPD_REFRESH is one of the leg's own, without a body (leg_timer.c). After a 422 it goes again, in
 * the same state.
 */
#include "worker/worker.h"

#include "base/rand.h"
#include "sip/build.h"

/* --- the peer's ---------------------------------------------------------------------------------*/

static void
got_update(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct dialog_memory mem = leg_memory(s->w, l);
	struct note n = { .what = EV_OFFER, .flags = NOTE_UPDATE };

	l->update = pool_handle(&s->w->txn_pool, in->t);
	body_heard(s->w, l, in->m);
	offer_step(&l->offer, OFFER_E_RECV_OFFER, mem.owner);
	if (dialog_retarget(&l->dialog, &mem, in->m) == ERR_NONE)
		leg_aim(s->w, l, in->m);
	leg_facts(s->w, l, &n);
	n.text[T_HEADERS] = headers_through(s->w, in->m);
	n.text[T_CONTENT_TYPE] = sip_span(in->m, in->m->content_type);
	n.text[T_BODY] = sip_span(in->m, in->m->body);
	note_up(s->w, &n);
}

static void
send_answer(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;

	l->answer.text.len = 0; /* it is the session's no longer */
	leg_respond_in(s->w, l, l->update, 200, in->n);
	leg_timer_sdp(s->w, l, body_sdp(s->w, in->n->text[T_CONTENT_TYPE], in->n->text[T_BODY]));
	offer_step(&l->offer, note_has_sdp(s->w, in->n) ? OFFER_E_SEND_ANSWER : OFFER_E_REFUSED,
	    pool_handle(&s->w->legs, l));
}

static void
send_refusal(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;

	leg_respond_in(s->w, l, l->update, in->status, in->n);
	offer_step(&l->offer, OFFER_E_REFUSED, pool_handle(&s->w->legs, l));
}

/* --- ours ---------------------------------------------------------------------------------------*/

void
leg_send_update(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct leg_request r = { .method = SIP_UPDATE,
		.max_forwards = 70,
		.headers = in->n->text[T_HEADERS],
		.content_type = in->n->text[T_CONTENT_TYPE] };

	if (l->dialog.state == DIALOG_CONFIRMED)
		leg_timer_ask(s->w, l);
	leg_rename(s->w, l, in->n->text[T_FROM]);
	r.cseq = ++l->dialog.local_cseq;
	r.body = body_toward(s->w, l, &r.content_type, in->n->text[T_BODY]);
	if (r.body.len > 0)
		offer_step(&l->offer, OFFER_E_SEND_OFFER, pool_handle(&s->w->legs, l));
	l->update = leg_send_request(s->w, l, &r);
	if (l->update == 0)
		leg_update_step(s->w, l, UE_GOT_FAILURE, &(struct leg_input){ .status = 500 });
}

static void
pass_text(struct worker *w, struct note *n, const struct sip_msg *m)
{
	n->text[T_PHRASE] = sip_span(m, m->reason);
	n->text[T_HEADERS] = headers_through(w, m);
	n->text[T_CONTENT_TYPE] = sip_span(m, m->content_type);
	n->text[T_BODY] = sip_span(m, m->body);
}

static void
answered(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct note n = {
		.what = EV_OFFER_ANSWERED, .status = (uint16_t)in->status, .flags = NOTE_UPDATE
	};

	leg_retarget(s->w, l, in->m);
	if (l->dialog.state == DIALOG_CONFIRMED) {
		leg_timer_agreed(s->w, l, in->m);
		leg_timer_sdp(s->w, l, SPAN_NONE); /* it takes UPDATE */
	}
	l->answer.text.len = 0;
	body_heard(s->w, l, in->m);
	offer_step(&l->offer, in->m->body.len > 0 ? OFFER_E_RECV_ANSWER : OFFER_E_REFUSED,
	    pool_handle(&s->w->legs, l));
	leg_facts(s->w, l, &n);
	pass_text(s->w, &n, in->m);
	note_up(s->w, &n);
}

/* 408 and 481 end the dialog (RFC 3261 12.2.1.2), anything else leaves the session as it was. */
static void
refused(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct note n = { .what = EV_OFFER_REFUSED,
		.status = (uint16_t)in->status,
		.flags = NOTE_UPDATE | (l->dialog.uac ? NOTE_OWNER : 0) };

	offer_step(&l->offer, OFFER_E_REFUSED, pool_handle(&s->w->legs, l));
	if (in->status == 408 || in->status == 481) {
		leg_last_word(s->w, l, EV_RELEASED, in->status, 0, NULL);
		leg_release(s->w, l, &(struct leg_input){ .status = 500 });
		return;
	}
	leg_facts(s->w, l, &n);
	if (in->m != NULL)
		pass_text(s->w, &n, in->m);
	note_up(s->w, &n);
}

/* --- the machine --------------------------------------------------------------------------------*/

/* clang-format off */
static const struct fsm_row rows[] = {
	FSM_ROW(UPD_IDLE,    UE_GOT_UPDATE,  UPD_IN,      got_update),
	FSM_ROW(UPD_IDLE,    UE_DO_UPDATE,   UPD_OUT,     leg_send_update),
	FSM_ROW(UPD_IDLE,    UE_T_REFRESH,   UPD_REFRESH, leg_refresh_by_update),

	FSM_ROW(UPD_IN,      UE_DO_ANSWER,   UPD_IDLE,    send_answer),
	FSM_ROW(UPD_IN,      UE_DO_REFUSE,   UPD_IDLE,    send_refusal),

	FSM_ROW(UPD_OUT,     UE_GOT_2XX,     UPD_IDLE,    answered),
	FSM_ROW(UPD_OUT,     UE_GOT_FAILURE, UPD_IDLE,    refused),
	FSM_ROW(UPD_OUT,     UE_GOT_AGAIN,     UPD_OUT,     leg_update_again),

	FSM_ROW(UPD_REFRESH, UE_GOT_2XX,     UPD_IDLE,    leg_update_refreshed),
	FSM_ROW(UPD_REFRESH, UE_GOT_FAILURE, UPD_IDLE,    leg_refresh_failed),
	FSM_ROW(UPD_REFRESH, UE_GOT_AGAIN,     UPD_REFRESH, leg_update_again),
};

static const char *const states[UPD_N_STATES] = { "IDLE", "IN", "OUT", "REFRESH" };
static const char *const events[UE_N_EVENTS] = {
	"GOT_UPDATE", "DO_ANSWER", "DO_REFUSE", "DO_UPDATE", "GOT_2XX", "GOT_FAILURE", "GOT_AGAIN",
	"T_REFRESH",
};
/* clang-format on */

const struct fsm update_fsm = { "update", states, events, UPD_N_STATES, UE_N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), NULL, 0 };

bool
leg_update_step(
    struct worker *w, struct leg *l, enum leg_update_event e, const struct leg_input *in)
{
	struct leg_step s = { w, l };

	call_mark(w, l->call);
	if (fsm_step(&update_fsm, &l->upd, e, &s, in, pool_handle(&w->legs, l)))
		return true;
	count(w->child.self, COUNT_IGNORED_EVENTS, 1);
	return false;
}

/* --- what reaches it ----------------------------------------------------------------------------*/

/* RFC 3311 5.2: 491 when our offer is out, 500 with a Retry-After of 0 to 10 s when theirs waits, or
 * another UPDATE of theirs does. 0: it may be taken. */
static unsigned
untimely(const struct leg *l)
{
	if (l->call == 0)
		return 481;
	if (l->dialog.state < DIALOG_EARLY || l->upd == UPD_IN || l->offer.state == OFFER_RCVD)
		return 500;
	if (l->offer.state == OFFER_SENT || l->upd != UPD_IDLE)
		return 491;
	/* Our 2xx has completed offer and answer: its ACK may be late (RFC 5407 3.1.4). */
	if (l->inv == INV_IN_2XX)
		return 0;
	/* A re-INVITE is on its way, which may bring an offer or did not bring one. */
	return l->dialog.state == DIALOG_CONFIRMED && l->inv != INV_IDLE ? 491 : 0;
}

/* Without a body it refreshes the session and its target; nothing passes to the other side. */
static void
refresh(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct dialog_memory mem = leg_memory(w, l);
	struct buf b;

	if (dialog_retarget(&l->dialog, &mem, m) == ERR_NONE)
		leg_aim(w, l, m);
	b = scratch_buf(w, 512);
	call_mark(w, l->call);
	leg_timer_accepted(w, l, m);
	leg_put_contact(w, &b, l);
	options_put_supported(&b, 0);
	leg_timer_put_answer(w, &b, l, m);
	answer_request(w, m, 200, NULL, buf_span(&b));
}

void
leg_got_update(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	unsigned status = untimely(l);
	struct verdict v;
	char line[32];
	struct buf retry = buf_on(line, sizeof(line));
	struct span lines;
	struct txn *t;

	leg_learn(l, m);
	v = body_check(m, &lines);
	if (v.status == 0)
		v = leg_timer_check(w, m, &lines);
	if (v.status != 0) {
		answer_request(w, m, v.status, v.reason, lines);
		return;
	}
	if (m->body.len == 0 && l->dialog.state >= DIALOG_EARLY && l->upd != UPD_IN) {
		refresh(w, l, m);
		return;
	}
	if (status == 500)
		sip_put_header_u32(&retry, SPAN("Retry-After"), rand_below(11));
	if (status != 0) {
		answer_request(w, m, status, NULL, buf_span(&retry));
		return;
	}
	t = txn_server_new(&w->txns, m, true);
	if (t == NULL) {
		answer_stateless(w, m, 503, NULL, SPAN("Retry-After: 5\r\n"));
		return;
	}
	t->user = pool_handle(&w->legs, l);
	leg_update_step(w, l, UE_GOT_UPDATE, &(struct leg_input){ .m = m, .t = t });
}

void
leg_on_update_txn(
    struct worker *w, struct leg *l, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	struct leg_input in = { .m = m, .t = t, .status = m == NULL ? 408 : m->status };

	if (l->update != pool_handle(&w->txn_pool, t))
		return;
	if (news == TXN_UNREACHABLE)
		in.status = 503;
	if (news == TXN_ENDED && l->upd != UPD_OUT && l->upd != UPD_REFRESH)
		return; /* else its answer was lost by a kill */
	leg_update_step(w, l,
	    news == TXN_SUCCESS		 ? UE_GOT_2XX
	    : leg_goes_again(w, l, t, m) ? UE_GOT_AGAIN
					 : UE_GOT_FAILURE,
	    &in);
}

void
leg_drop_update(struct worker *w, struct leg *l)
{
	struct note refusal = { .what = CMD_OFFER_REFUSE, .status = 487 };

	if (l->upd == UPD_IN)
		leg_respond_in(w, l, l->update, 487, &refusal);
	l->upd = UPD_IDLE;
}
