/*
 * A REFER in a leg's dialog (RFC 3515): the call decides what comes of it; the subscription that it
 * makes, by which the referrer hears how it goes, is the leg's (RFC 6665, RFC 4488).
 *
 *              ACCEPTED               GOT_2XX
 *     NONE -----------------> SENT ------------> IDLE
 *      ^                     ^ |  ^                | | TELL, GOT_SUBSCRIBE
 *      |          ACCEPTED --+ |  +----------------|-+
 *      |                       | FLUSH             | END
 *      |    GOT_2XX, FAILURE   v                   v
 *      +--------------------- LAST <---------------+
 *
 * One NOTIFY is on its way at a time; of what happens meanwhile only the newest is told after it. The
 * subscription outlives the peer's BYE (RFC 5057 4.2): a transferor may hang up at once. Then the leg
 * stays until its last NOTIFY is answered.
 */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/event.h"
#include "sip/refer.h"
#include "sip/sipfrag.h"

/* How long a subscription lasts beyond what may ring: nobody is left waiting. */
enum { MARGIN_S = 60 };

static uint32_t
lifetime_s(struct worker *w)
{
	return w->settings->timers.ring_s + MARGIN_S;
}

static uint32_t
left_s(struct worker *w, const struct leg *l)
{
	uint64_t until = l->refer.until_ns, now = worker_now(w);

	return until <= now ? 0 : (uint32_t)((until - now + NS_PER_S - 1) / NS_PER_S);
}

/* --- NOTIFY -------------------------------------------------------------------------------------*/

static void
put_event(struct buf *b, const struct leg *l)
{
	char text[16];
	struct buf id = buf_on(text, sizeof(text));

	if (l->refer.id != 0)
		buf_u64(&id, l->refer.id);
	sip_put_event(b, SPAN("refer"), buf_span(&id));
}

static void
send_notify(struct worker *w, struct leg *l, const struct sip_subscription_state *state)
{
	struct buf lines = scratch_buf(w, 256), body = scratch_buf(w, 128);
	struct leg_request r = {
		.method = SIP_NOTIFY, .max_forwards = 70, .content_type = SPAN(SIP_SIPFRAG_TYPE)
	};

	put_event(&lines, l);
	sip_put_subscription_state(&lines, state);
	sip_put_sipfrag(&body, l->refer.status, SPAN_NONE);
	l->refer.told = l->refer.status;
	r.headers = buf_span(&lines);
	r.body = buf_span(&body);
	r.cseq = ++l->dialog.local_cseq;
	if (leg_send_request(w, l, &r) == 0)
		leg_refer_step(w, l, RF_GOT_FAILURE);
}

static void
tell(void *step, const void *input)
{
	struct leg_step *s = step;
	struct sip_subscription_state state = { .state = SIP_SUB_ACTIVE, .has_expires = true };

	(void)input;
	state.expires = left_s(s->w, s->l);
	send_notify(s->w, s->l, &state);
}

static void
begin(void *step, const void *input)
{
	struct leg_step *s = step;
	struct leg *l = s->l;

	l->refer.status = 100;
	l->refer.until_ns = worker_now(s->w) + lifetime_s(s->w) * NS_PER_S;
	leg_arm(s->w, l);
	tell(step, input);
}

static void
tell_last(void *step, const void *input)
{
	struct leg_step *s = step;
	struct leg *l = s->l;
	struct sip_subscription_state state = { .state = SIP_SUB_TERMINATED };

	(void)input;
	state.reason = l->refer.status >= 200 ? SIP_SUB_NORESOURCE : SIP_SUB_TIMEOUT;
	l->refer.until_ns = 0;
	leg_arm(s->w, l);
	send_notify(s->w, l, &state);
}

/* What happened while the last NOTIFY was on its way. */
static void
go_on(void *step, const void *input)
{
	struct leg_step *s = step;
	struct leg *l = s->l;

	(void)input;
	if (l->refer.status >= 200)
		leg_refer_step(s->w, l, RF_END);
	else if (l->refer.status != l->refer.told)
		leg_refer_step(s->w, l, RF_TELL);
}

/* A NOTIFY that fails ends the subscription, and nothing else (RFC 6665 4.2.2, RFC 5057 5.1). */
static void
end(void *step, const void *input)
{
	struct leg_step *s = step;
	struct leg *l = s->l;

	(void)input;
	l->refer.until_ns = 0;
	if (l->dialog.state == DIALOG_ENDED && l->bye == 0)
		leg_drop(s->w, l);
	else
		leg_arm(s->w, l);
}

/* --- the machine --------------------------------------------------------------------------------*/

/* clang-format off */
static const struct fsm_row rows[] = {
	FSM_ROW(REFER_NONE, RF_ACCEPTED,      REFER_SENT, begin),

	FSM_ROW(REFER_SENT, RF_ACCEPTED,      REFER_SENT, begin),
	FSM_ROW(REFER_SENT, RF_GOT_2XX,       REFER_IDLE, go_on),
	FSM_ROW(REFER_SENT, RF_GOT_FAILURE,   REFER_NONE, end),
	FSM_ROW(REFER_SENT, RF_GOT_SUBSCRIBE, REFER_SENT, tell),
	FSM_ROW(REFER_SENT, RF_FLUSH,         REFER_LAST, tell_last),

	FSM_ROW(REFER_IDLE, RF_ACCEPTED,      REFER_SENT, begin),
	FSM_ROW(REFER_IDLE, RF_TELL,          REFER_SENT, tell),
	FSM_ROW(REFER_IDLE, RF_GOT_SUBSCRIBE, REFER_SENT, tell),
	FSM_ROW(REFER_IDLE, RF_END,           REFER_LAST, tell_last),
	FSM_ROW(REFER_IDLE, RF_FLUSH,         REFER_LAST, tell_last),

	FSM_ROW(REFER_LAST, RF_ACCEPTED,      REFER_SENT, begin),
	FSM_ROW(REFER_LAST, RF_GOT_2XX,       REFER_NONE, end),
	FSM_ROW(REFER_LAST, RF_GOT_FAILURE,   REFER_NONE, end),
};

static const char *const states[REFER_N_STATES] = { "NONE", "SENT", "IDLE", "LAST" };
static const char *const events[RF_N_EVENTS] = {
	"ACCEPTED", "TELL", "END", "FLUSH", "GOT_2XX", "GOT_FAILURE", "GOT_SUBSCRIBE",
};
/* clang-format on */

const struct fsm refer_fsm = { "refer", states, events, REFER_N_STATES, RF_N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), NULL, 0 };

bool
leg_refer_step(struct worker *w, struct leg *l, enum leg_refer_event e)
{
	struct leg_step s = { w, l };

	call_mark(w, l->call);
	return fsm_step(&refer_fsm, &l->refer.state, e, &s, NULL, pool_handle(&w->legs, l));
}

/* --- REFER --------------------------------------------------------------------------------------*/

static bool
wants_news(const struct sip_msg *m)
{
	bool wanted = true;

	if (sip_has(m, SIP_H_REFER_SUB))
		sip_refer_sub_parse(sip_header_get(m, SIP_H_REFER_SUB), &wanted);
	return wanted;
}

void
leg_got_refer(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct sip_referred_by by;
	bool wanted;

	if (!sip_has(m, SIP_H_REFER_TO))
		answer_request(w, m, 400, "Missing Refer-To header", SPAN_NONE);
	else if (sip_has(m, SIP_H_REFERRED_BY) &&
		 sip_referred_by_parse(sip_header_get(m, SIP_H_REFERRED_BY), &by) != ERR_NONE)
		answer_request(w, m, 400, "Malformed Referred-By header", SPAN_NONE);
	else if (sip_has(m, SIP_H_REFER_SUB) &&
		 sip_refer_sub_parse(sip_header_get(m, SIP_H_REFER_SUB), &wanted) != ERR_NONE)
		answer_request(w, m, 400, "Malformed Refer-Sub header", SPAN_NONE);
	else
		leg_pass_request(w, l, m);
}

/* The first of a dialog bears no id, any later one must (RFC 3515 2.4.6). */
void
leg_refer_answer(struct worker *w, struct leg *l, struct txn *t, const struct note *n)
{
	const struct sip_msg *m = txn_request(&w->txns, t);
	handle h = pool_handle(&w->txn_pool, t);
	bool wanted = wants_news(m);
	uint32_t cseq = m->cseq;
	char text[64];
	struct buf lines = buf_on(text, sizeof(text));
	struct note with = *n;

	if (n->status >= 300) {
		leg_respond_in(w, l, h, n->status, n);
		return;
	}
	if (!wanted) {
		sip_put_refer_sub(&lines, false);
		with.text[T_HEADERS] = buf_span(&lines);
	}
	leg_respond_in(w, l, h, n->status, &with);
	l->refer.id = l->refer.referred ? cseq : 0;
	l->refer.referred = 1;
	if (wanted)
		leg_refer_step(w, l, RF_ACCEPTED);
}

void
leg_refer_tell(struct worker *w, struct leg *l, unsigned status)
{
	if (l->refer.state == REFER_NONE || l->refer.state == REFER_LAST)
		return; /* he does not want to know */
	l->refer.status = (uint16_t)status;
	if (l->refer.state == REFER_IDLE)
		leg_refer_step(w, l, status >= 200 ? RF_END : RF_TELL);
}

void
leg_refer_flush(struct worker *w, struct leg *l)
{
	if (l->refer.state == REFER_SENT || l->refer.state == REFER_IDLE)
		leg_refer_step(w, l, RF_FLUSH);
}

bool
leg_refer_lingers(const struct leg *l)
{
	return l->refer.state == REFER_SENT || l->refer.state == REFER_IDLE;
}

void
leg_refer_expired(struct worker *w, struct leg *l)
{
	leg_refer_step(w, l, RF_FLUSH);
}

void
leg_on_notify_txn(struct worker *w, struct leg *l, struct txn *t, enum txn_news news)
{
	if (l->refer.notify != pool_handle(&w->txn_pool, t))
		return;
	l->refer.notify = 0;
	leg_refer_step(w, l, news == TXN_SUCCESS ? RF_GOT_2XX : RF_GOT_FAILURE);
}

/* A kill may have been between a state and its NOTIFY, or have lost the NOTIFY's answer. */
void
leg_refer_take_up(struct worker *w, struct leg *l)
{
	const struct txn *t = txn_at(&w->txns, l->refer.notify);

	if (l->refer.state != REFER_SENT && l->refer.state != REFER_LAST)
		return;
	if (t != NULL && t->state < TXN_COMPLETED)
		return;
	leg_refer_step(w, l, RF_GOT_2XX);
}

/* --- SUBSCRIBE ----------------------------------------------------------------------------------*/

static bool
is_ours(const struct leg *l, const struct sip_event *e)
{
	char text[16];
	struct buf id = buf_on(text, sizeof(text));

	if (l->refer.id != 0)
		buf_u64(&id, l->refer.id);
	return span_eq(e->id, buf_span(&id));
}

/* In the dialog a referrer may prolong the subscription, or end it (RFC 3515 2.4.4). */
void
leg_got_subscribe(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct sip_event e;
	uint32_t s = m->expires == UINT32_MAX ? lifetime_s(w) : m->expires;
	struct buf lines = scratch_buf(w, 512);

	if (!sip_has(m, SIP_H_EVENT) ||
	    sip_event_parse(sip_header_get(m, SIP_H_EVENT), &e) != ERR_NONE) {
		answer_request(w, m, 400, "Missing or malformed Event header", SPAN_NONE);
		return;
	}
	if (!span_eq(e.package, SPAN("refer"))) {
		answer_request(w, m, 489, NULL, SPAN("Allow-Events: refer\r\n"));
		return;
	}
	if (!leg_refer_lingers(l) || !is_ours(l, &e)) {
		answer_request(w, m, 481, NULL, SPAN_NONE);
		return;
	}
	if (s > lifetime_s(w))
		s = lifetime_s(w);
	leg_put_contact(w, &lines, l);
	sip_put_header_u32(&lines, SPAN("Expires"), s);
	answer_request(w, m, 200, NULL, buf_span(&lines));
	l->refer.until_ns = worker_now(w) + s * NS_PER_S;
	leg_arm(w, l);
	leg_refer_step(w, l, s == 0 ? RF_FLUSH : RF_GOT_SUBSCRIBE);
}
