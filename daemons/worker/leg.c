/*
 * A leg: one user agent of ours. It has three small machines: its dialog (sip/dialog.h), its offer
 * and answer (sip/offer.h), and the INVITE in flight, which is this one:
 *
 *              GOT_INVITE                                   DO_INVITE
 *      +--------------------------- INV_IDLE ----------------------------------+
 *      v                          ^   ^  ^   ^                                 v
 *   INV_IN --DO_REFUSE,CANCEL-----+   |  |   +----GOT_FAILURE-------------- INV_OUT --DO_CANCEL--+
 *      |                              |  |                                     |                 v
 *      | DO_ANSWER            GOT_ACK,|  |DO_ACK                       GOT_2XX |          INV_OUT_CANCEL
 *      v                      GIVE_UP |  |                                     v  GOT_2XX (late) |  |
 *   INV_IN_2XX -----------------------+  +--------------------------------- INV_OUT_2XX <--------+  |
 *      | DO_BYE                       ^                                                             |
 *      v              GOT_ACK,GIVE_UP |                                                  GOT_FAILURE|
 *   INV_IN_BYE -----------------------+<------------------------------------------------------------+
 *
 * A 2xx that crossed our CANCEL is an answer like any other: whether it comes too late, its call knows.
 *
 * The same states serve the first INVITE and every re-INVITE; which one it is, the dialog's state
 * tells. INV_REFRESH is a re-INVITE of the leg's own (leg_timer.c): T_REFRESH leads to it from
 * INV_IDLE, GOT_2XX and GOT_FAILURE back. An UPDATE has a machine of its own (leg_update.c).
 */
#include "worker/worker.h"

#include "base/rand.h"
#include "sip/capability.h"
#include "sip/fields.h"

/* clang-format off */
static const struct fsm_row rows[] = {
	FSM_ROW(INV_IDLE,       LE_GOT_INVITE,       INV_IN,         leg_in_invite),
	FSM_ROW(INV_IDLE,       LE_DO_INVITE,        INV_OUT,        leg_send_invite),
	FSM_ROW(INV_IDLE,       LE_GOT_2XX,          INV_IDLE,       leg_answered_again),
	FSM_ROW(INV_IDLE,       LE_DO_BYE,           INV_IDLE,       leg_send_bye),
	FSM_ROW(INV_IDLE,       LE_T_REFRESH,        INV_REFRESH,    leg_refresh_by_invite),
	FSM_ROW(INV_IDLE,       LE_T_OFFER,          INV_IDLE,       leg_held_too_long),
	/* to an offer that the peer did not make as one: leg_timer.c, pass_news */
	FSM_ROW(INV_IDLE,       LE_DO_ANSWER,        INV_IDLE,       NULL),
	FSM_ROW(INV_IDLE,       LE_DO_REFUSE,        INV_IDLE,       NULL),

	FSM_ROW(INV_IN,         LE_GOT_INVITE,       INV_IN,         leg_in_again),
	FSM_ROW(INV_IN,         LE_GOT_CANCEL,       INV_IDLE,       leg_in_cancel),
	FSM_ROW(INV_IN,         LE_GOT_CANCEL_OFFER, INV_IN,         leg_in_cancel_offer),
	FSM_ROW(INV_IN,         LE_DO_PROGRESS,      INV_IN,         leg_send_progress),
	FSM_ROW(INV_IN,         LE_DO_ANSWER,        INV_IN_2XX,     leg_send_answer),
	FSM_ROW(INV_IN,         LE_DO_REFUSE,        INV_IDLE,       leg_send_refusal),
	FSM_ROW(INV_IN,         LE_DO_BYE,           INV_IDLE,       leg_refuse_then_bye),
	FSM_ROW(INV_IN,         LE_T_RESEND,         INV_IN,         leg_resend_progress),
	FSM_ROW(INV_IN,         LE_T_GIVE_UP,        INV_IDLE,       leg_no_prack),

	FSM_ROW(INV_IN_2XX,     LE_GOT_ACK,          INV_IDLE,       leg_acked),
	FSM_ROW(INV_IN_2XX,     LE_T_RESEND,         INV_IN_2XX,     leg_resend),
	FSM_ROW(INV_IN_2XX,     LE_T_GIVE_UP,        INV_IDLE,       leg_no_ack),
	FSM_ROW(INV_IN_2XX,     LE_GOT_INVITE,       INV_IN_2XX,     leg_in_glare),
	FSM_ROW(INV_IN_2XX,     LE_T_OFFER,          INV_IN_2XX,     leg_held_too_long),
	FSM_ROW(INV_IN_2XX,     LE_DO_BYE,           INV_IN_BYE,     leg_bye_later),

	FSM_ROW(INV_IN_BYE,     LE_GOT_ACK,          INV_IDLE,       leg_send_bye),
	FSM_ROW(INV_IN_BYE,     LE_T_RESEND,         INV_IN_BYE,     leg_resend),
	FSM_ROW(INV_IN_BYE,     LE_T_GIVE_UP,        INV_IDLE,       leg_send_bye),

	FSM_ROW(INV_OUT,        LE_GOT_1XX,          INV_OUT,        leg_progress),
	FSM_ROW(INV_OUT,        LE_GOT_2XX,          INV_OUT_2XX,    leg_answered),
	FSM_ROW(INV_OUT,        LE_GOT_FAILURE,      INV_IDLE,       leg_failed),
	FSM_ROW(INV_OUT,        LE_GOT_AGAIN,          INV_OUT,        leg_invite_again),
	FSM_ROW(INV_OUT,        LE_GOT_INVITE,       INV_OUT,        leg_in_glare),
	FSM_ROW(INV_OUT,        LE_DO_CANCEL,        INV_OUT_CANCEL, leg_send_cancel),
	FSM_ROW(INV_OUT,        LE_DO_CANCEL_OFFER,  INV_OUT,        leg_send_cancel),
	FSM_ROW(INV_OUT,        LE_T_OFFER,          INV_OUT,        leg_send_cancel),
	FSM_ROW(INV_OUT,        LE_T_RING,           INV_OUT_CANCEL, leg_ring_over),
	FSM_ROW(INV_OUT,        LE_DO_BYE,           INV_IDLE,       leg_send_bye),

	FSM_ROW(INV_OUT_CANCEL, LE_GOT_2XX,          INV_OUT_2XX,    leg_answered),
	FSM_ROW(INV_OUT_CANCEL, LE_GOT_FAILURE,      INV_IDLE,       leg_cancelled_over),
	FSM_ROW(INV_OUT_CANCEL, LE_GOT_INVITE,       INV_OUT_CANCEL, leg_in_glare),
	FSM_ROW(INV_OUT_CANCEL, LE_DO_BYE,           INV_IDLE,       leg_send_bye),

	FSM_ROW(INV_OUT_2XX,    LE_GOT_2XX,          INV_OUT_2XX,    leg_another_answers),
	FSM_ROW(INV_OUT_2XX,    LE_DO_ACK,           INV_IDLE,       leg_send_ack),
	FSM_ROW(INV_OUT_2XX,    LE_GOT_INVITE,       INV_OUT_2XX,    leg_in_glare),
	FSM_ROW(INV_OUT_2XX,    LE_DO_BYE,           INV_IDLE,       leg_ack_then_bye),

	FSM_ROW(INV_REFRESH,    LE_GOT_1XX,          INV_REFRESH,    NULL),
	FSM_ROW(INV_REFRESH,    LE_GOT_2XX,          INV_IDLE,       leg_invite_refreshed),
	FSM_ROW(INV_REFRESH,    LE_GOT_FAILURE,      INV_IDLE,       leg_refresh_failed),
	FSM_ROW(INV_REFRESH,    LE_GOT_AGAIN,          INV_REFRESH,    leg_invite_again),
	FSM_ROW(INV_REFRESH,    LE_GOT_INVITE,       INV_REFRESH,    leg_in_glare),
	FSM_ROW(INV_REFRESH,    LE_T_OFFER,          INV_REFRESH,    leg_send_cancel),
	FSM_ROW(INV_REFRESH,    LE_DO_BYE,           INV_IDLE,       leg_send_bye),
};

static const char *const states[INV_N_STATES] = {
	"IDLE", "IN", "IN_2XX", "IN_BYE", "OUT", "OUT_CANCEL", "OUT_2XX", "REFRESH",
};
static const char *const events[LE_N_EVENTS] = {
	"GOT_INVITE", "GOT_CANCEL", "GOT_CANCEL_OFFER", "GOT_ACK", "GOT_1XX", "GOT_2XX", "GOT_FAILURE",
	"GOT_AGAIN",
	"DO_INVITE", "DO_PROGRESS", "DO_ANSWER", "DO_REFUSE", "DO_ACK", "DO_CANCEL",
	"DO_CANCEL_OFFER", "DO_BYE", "T_RESEND", "T_GIVE_UP", "T_RING", "T_OFFER", "T_REFRESH",
};
/* clang-format on */

const struct fsm leg_fsm = { "leg", states, events, INV_N_STATES, LE_N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), NULL, 0 };

bool
leg_step(struct worker *w, struct leg *l, enum leg_event e, const struct leg_input *in)
{
	struct leg_step s = { w, l };

	call_mark(w, l->call);
	if (fsm_step(&leg_fsm, &l->inv, e, &s, in, pool_handle(&w->legs, l)))
		return true;
	count(w->child.self, COUNT_IGNORED_EVENTS, 1);
	return false;
}

/* --- a leg's life -------------------------------------------------------------------------------*/

struct leg *
leg_at(struct worker *w, handle h)
{
	return pool_find(&w->legs, h);
}

struct leg *
leg_new(struct worker *w, handle call)
{
	struct leg *l = pool_take(&w->legs, true);

	if (l == NULL)
		return NULL;
	l->call = call;
	ladder_join(w, l);
	l->max_forwards = 70;
	offer_init(&l->offer, rand_u64() >> 2);
	return l;
}

void
leg_of_gateway(struct worker *w, struct leg *l, uint64_t id)
{
	struct dir_buf *rec = id == 0 ? NULL : scratch_take(w, sizeof(*rec));
	const struct dir_gateway *g =
	    rec == NULL ? NULL : directory_gateway(&w->directory, id, rec);

	l->gateway = (uint32_t)id; /* an int in SQL */
	l->isup = g != NULL && g->isup;
}

void
leg_learn(struct leg *l, const struct sip_msg *m)
{
	if (sip_has(m, SIP_H_ALLOW))
		l->allows = sip_method_set(m, SIP_H_ALLOW);
	if (sip_has(m, SIP_H_SUPPORTED))
		l->supports = sip_option_set(m, SIP_H_SUPPORTED, NULL);
	if (sip_has(m, SIP_H_CONTACT))
		l->capable = sip_capabilities(m);
}

/* What its BYE came to is noted by now: a call that waits for that with its record hears so. */
static void
tell_quiet(struct worker *w, struct leg *l)
{
	const struct call *c = call_at(w, l->ladder);
	struct note n = { .what = EV_QUIET,
		.leg = pool_handle(&w->legs, l),
		.call = l->ladder,
		.retransmissions = l->retransmissions,
		.session = l->end,
		.capable = l->capable };

	if (l->bye == 0 || c == NULL || c->state != CALL_ENDING)
		return;
	call_mark(w, l->ladder);
	note_up(w, &n);
}

void
leg_drop(struct worker *w, struct leg *l)
{
	struct txn *t = txn_at(&w->txns, l->invite);

	tell_quiet(w, l);
	leg_drop_update(w, l);
	leg_drop_passed(w, l);
	/* A BYE came first: a peer that never answers our re-INVITE holds nothing. */
	if (t != NULL && t->kind == TXN_ICT)
		txn_let_go(&w->txns, t);
	wheel_set(w->wheel, &w->leg_timers[pool_index(&w->legs, l)], 0);
	arena_drop(&w->heap, &l->arena);
	pool_drop(&w->legs, l);
}

struct dialog_memory
leg_memory(struct worker *w, struct leg *l)
{
	return (struct dialog_memory){ &w->heap, &l->arena, pool_handle(&w->legs, l) };
}

/* Each protocol may have a line of its own (RFC 3326 2). */
static struct span
reasons(struct worker *w, const struct sip_msg *m)
{
	struct sip_values v = sip_values(m, SIP_H_REASON);
	struct span value;
	struct buf b;

	if (!sip_has(m, SIP_H_REASON))
		return SPAN_NONE;
	b = scratch_buf(w, 512);
	while (sip_values_next(&v, &value)) {
		buf_str(&b, b.len > 0 ? ", " : "");
		buf_put(&b, value);
	}
	if (!buf_ok(&b))
		return sip_header_get(m, SIP_H_REASON);
	scratch_end(w, &b);
	return buf_span(&b);
}

/* For the record (FLOWS.md S2-10). */
static struct span
why_refused(struct worker *w, const struct sip_msg *m)
{
	return sip_has(m, SIP_H_WARNING) ? sip_header_get(m, SIP_H_WARNING) : reasons(w, m);
}

void
leg_last_word(struct worker *w, struct leg *l, enum note_what what, unsigned status, unsigned flags,
    const struct sip_msg *m)
{
	struct note n = {
		.what = (uint16_t)what, .status = (uint16_t)status, .flags = (uint16_t)flags
	};

	leg_facts(w, l, &n);
	if (m != NULL) {
		n.text[T_HEADERS] = headers_through(w, m);
		n.text[T_CONTACTS] = contacts_named(w, m);
		n.text[T_REASON] = m->request ? reasons(w, m) : why_refused(w, m);
		n.cause = sip_reason_cause(m, SPAN("Q.850"));
		if (!m->request)
			n.text[T_PHRASE] = sip_span(m, m->reason);
	}
	note_up(w, &n);
	l->call = 0;
}

static bool
is_contact_token(struct worker *w, struct span uri, handle *h_r)
{
	struct sip_uri u;

	return sip_uri_parse(uri, &u) == ERR_NONE &&
	       token_read(&w->key, TOKEN_CONTACT, u.user, h_r) == ERR_NONE;
}

struct leg *
leg_of_request(struct worker *w, const struct sip_msg *m)
{
	handle h;

	/* A phone that does not send to our Contact still names us by our tag. */
	if (is_contact_token(w, sip_span(m, m->uri), &h) ||
	    token_read(&w->key, TOKEN_TAG, sip_span(m, m->to_tag), &h) == ERR_NONE)
		return leg_at(w, h);
	return NULL;
}

struct span
leg_tag_of_txn(struct worker *w, const struct txn *ist)
{
	struct leg *l = leg_at(w, ist->user);

	return l == NULL ? SPAN_NONE : kept_span(&w->heap, l->dialog.local_tag);
}

/* --- what reaches it ----------------------------------------------------------------------------*/

static void
client_news(
    struct worker *w, struct leg *l, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	struct leg_input in = { .m = m, .t = t, .status = m == NULL ? 408 : m->status };

	/* An earlier INVITE's, whose ACK was lost or whose other fork answers: it moves nothing. */
	if (l->invite != pool_handle(&w->txn_pool, t)) {
		if (news == TXN_SUCCESS)
			leg_ack_again(w, l, t, m);
		return;
	}
	switch (news) {
	case TXN_PROVISIONAL:
		leg_step(w, l, LE_GOT_1XX, &in);
		break;
	case TXN_SUCCESS:
		leg_step(w, l, LE_GOT_2XX, &in);
		break;
	case TXN_UNREACHABLE:
		in.status = 503;
		leg_step(w, l, LE_GOT_FAILURE, &in);
		break;
	case TXN_FAILURE:
	case TXN_TIMEOUT:
		leg_step(w, l, leg_goes_again(w, l, t, m) ? LE_GOT_AGAIN : LE_GOT_FAILURE, &in);
		break;
	case TXN_ENDED: /* without a final answer that it heard of: lost by a kill (recover.c) */
		if (l->inv == INV_OUT || l->inv == INV_OUT_CANCEL || l->inv == INV_REFRESH)
			leg_step(w, l, LE_GOT_FAILURE, &in);
		break;
	case TXN_REQUEST:
	case TXN_ACKED:
		break;
	}
}

/* A request of ours other than INVITE is over. */
static void
request_news(
    struct worker *w, struct leg *l, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	bool is_own = t->method == SIP_BYE || t->method == SIP_PRACK || t->method == SIP_NOTIFY;

	if (is_own && leg_is_asked(w, l, t, m) && leg_request_again(w, l, t))
		return;
	if (t->method == SIP_BYE)
		leg_drop(w, l); /* whatever came of it */
	else if (t->method == SIP_UPDATE)
		leg_on_update_txn(w, l, t, news, m);
	else if (t->method == SIP_NOTIFY)
		leg_on_notify_txn(w, l, t, news);
	else if (t->method != SIP_PRACK) /* the INVITE goes on whatever came of that */
		leg_pass_response(w, l, t, news, m);
}

void
leg_on_txn(struct worker *w, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	struct leg *l = leg_at(w, t->user);
	bool answered = t->kind == TXN_ICT && news == TXN_SUCCESS;

	if (l == NULL && answered)
		leg_end_fork(w, NULL, t, m);
	if (l == NULL)
		return;
	if (m != NULL)
		leg_hears_session(l, m);
	if (t->kind == TXN_ICT)
		client_news(w, l, t, news, m);
	if (answered)
		leg_fork_answered(t, m);
	else if (t->kind == TXN_NICT && news != TXN_PROVISIONAL)
		request_news(w, l, t, news, m);
	/* An ACK of a refusal, or the end of waiting for it; else a server transaction tells nothing new. */
	if (t->kind == TXN_IST && l->invite == pool_handle(&w->txn_pool, t))
		leg_refusal_acked(w, l);
}

static enum leg_event
release_event(const struct leg *l)
{
	if (l->dialog.state == DIALOG_CONFIRMED)
		return LE_DO_BYE;
	return l->dialog.uac ? LE_DO_CANCEL : LE_DO_REFUSE; /* an answer was lost by a kill: 500 */
}

void
leg_release(struct worker *w, struct leg *l, const struct leg_input *in)
{
	leg_step(w, l, release_event(l), in);
}

static enum leg_event
event_of_command(const struct leg *l, enum note_what what)
{
	switch (what) {
	case CMD_PROGRESS:
		return LE_DO_PROGRESS;
	case CMD_ANSWER:
		return LE_DO_ANSWER;
	case CMD_OFFER_ANSWER:
		return LE_DO_ANSWER;
	case CMD_REFUSE:
	case CMD_OFFER_REFUSE:
		return LE_DO_REFUSE;
	case CMD_ACK:
		return LE_DO_ACK;
	case CMD_OFFER:
		return LE_DO_INVITE;
	case CMD_OFFER_CANCEL:
		return LE_DO_CANCEL_OFFER;
	case CMD_RELEASE:
		return release_event(l);
	case NOTE_NONE:
	case EV_PROGRESS:
	case EV_ANSWER:
	case EV_TOLD:
	case EV_ACKED:
	case EV_PRACKED:
	case EV_OFFER:
	case EV_OFFER_ANSWERED:
	case EV_OFFER_REFUSED:
	case EV_OFFER_CANCELLED:
	case EV_REQUEST:
	case EV_RESPONSE:
	case EV_REPLACE:
	case EV_REPLACED:
	case EV_FAILED:
	case EV_CANCELLED:
	case EV_RELEASED:
	case EV_GONE:
	case EV_QUIET:
	case CMD_DIAL:
	case CMD_REQUEST:
	case CMD_RESPONSE:
	case CMD_NOTIFY:
	case N_NOTES:
		break;
	}
	return LE_N_EVENTS;
}

/* The commands that concern an UPDATE go to its machine; UE_N_EVENTS: this one does not. */
static enum leg_update_event
update_event_of_command(const struct leg *l, const struct note *n)
{
	/* An UPDATE cannot ask for an offer. */
	if (n->what == CMD_OFFER && leg_peer_allows(l, SIP_UPDATE) && n->text[T_BODY].len > 0 &&
	    (n->flags & NOTE_UPDATE || l->dialog.state == DIALOG_EARLY))
		return UE_DO_UPDATE;
	if (l->upd == UPD_IN && n->what == CMD_OFFER_ANSWER)
		return UE_DO_ANSWER;
	if (l->upd == UPD_IN && n->what == CMD_OFFER_REFUSE)
		return UE_DO_REFUSE;
	return UE_N_EVENTS;
}

static bool
obey(struct worker *w, struct leg *l, const struct note *n)
{
	struct leg_input in = { .n = n, .status = n->what == CMD_RELEASE ? 500 : n->status };
	enum leg_update_event u = update_event_of_command(l, n);
	enum leg_event e = event_of_command(l, n->what);

	/* One offer at a time (RFC 3264 4, RFC 3311 5.1): the first INVITE's has no answer yet, or the
	 * PRACK is on its way that would be taken for an old request if it came after this one. */
	if (n->what == CMD_OFFER && (l->offer.state != OFFER_STABLE || leg_waits_for_prack(w, l)))
		return false;
	if (u == UE_N_EVENTS && leg_holds_back(w, l, n))
		return true;
	if (n->what == CMD_OFFER_CANCEL && leg_forgets_offer(w, l, 487))
		return true;
	if (n->what == CMD_ACK && l->prack_rseq != 0)
		leg_send_prack(w, l, l->prack_rseq, n);
	else if (n->what == CMD_REQUEST)
		leg_do_request(w, l, n);
	else if (n->what == CMD_RESPONSE)
		leg_do_response(w, l, n);
	else if (n->what == CMD_NOTIFY)
		leg_refer_tell(w, l, n->status);
	else if (u != UE_N_EVENTS)
		return leg_update_step(w, l, u, &in);
	else
		return e == LE_N_EVENTS || leg_step(w, l, e, &in);
	return true;
}

void
leg_command(struct worker *w, const struct note *n)
{
	struct leg *l = leg_at(w, n->leg);
	struct note refused = { .what = EV_OFFER_REFUSED, .status = 491 };

	if (l == NULL)
		return; /* it said its last word, which is on its way */
	leg_knows_other(l, &n->session);
	l->shows = n->capable;
	if (obey(w, l, n) || n->what != CMD_OFFER)
		return;
	/* Glare: something of its own is in flight. */
	refused.flags = l->dialog.uac ? NOTE_OWNER : 0;
	leg_facts(w, l, &refused);
	note_up(w, &refused);
}
