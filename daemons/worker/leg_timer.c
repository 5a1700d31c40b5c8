/*
 * The session timer of a leg (RFC 4028), each leg by itself: it finds out that a peer is gone though
 * nobody hung up. The two sides agree in each INVITE and UPDATE that is answered by 2xx
 * (sip/session_timer.h) on an interval and on who refreshes:
 *
 *     ours      at half the interval an UPDATE without a body; to a peer that takes none, a re-INVITE
 *               with our last description unchanged. Neither concerns the other leg.
 *     theirs    an UPDATE without a body is answered here; a re-INVITE passes through, as any other.
 *
 * A peer that does no timers is refreshed all the same; any answer shows that it lives. When the time
 * is over, or a refresh is answered by 408, 481 or not at all, the session ends: BYE to both sides.
 *
 * State: struct leg_timer. Settings: timers.session_s (0: no wish of ours), timers.min_se_s.
 */
#include "worker/worker.h"

#include "base/rand.h"
#include "sip/build.h"
#include "sip/fields.h"

enum { AGAIN_S = 5 }; /* before a refresh that failed is tried again, at least */

static struct session_limits
limits_of(const struct worker *w)
{
	return (struct session_limits){ .min_se = w->settings->timers.min_se_s,
		.session_s = w->settings->timers.session_s };
}

/* --- time ---------------------------------------------------------------------------------------*/

static void
start(struct worker *w, struct leg *l)
{
	const struct session_timer *t = &l->timer.agreed;
	uint64_t now = worker_now(w);

	l->timer.refresh_ns = l->timer.expire_ns = 0;
	if (t->interval_s != 0) {
		l->timer.expire_ns = now + session_expire_s(t->interval_s) * NS_PER_S;
		if (t->ours)
			l->timer.refresh_ns = now + session_refresh_s(t->interval_s) * NS_PER_S;
	}
	leg_arm(w, l);
}

void
leg_timer_stop(struct worker *w, struct leg *l)
{
	l->timer.refresh_ns = l->timer.expire_ns = 0;
	leg_arm(w, l);
}

/* 10: the session is given up, whatever is in flight. */
static void
give_up(struct worker *w, struct leg *l)
{
	struct note n = { .what = EV_RELEASED, .status = 408, .flags = NOTE_SESSION_TIMER };

	call_mark(w, l->call);
	leg_timer_stop(w, l);
	n.text[T_REASON] = SPAN("SIP;cause=408;text=\"Session timer expired\"");
	if (l->call != 0) {
		leg_facts(w, l, &n);
		note_up(w, &n);
		l->call = 0;
	}
	leg_release(w, l, &(struct leg_input){ .n = &n, .status = 408 });
}

static void
refresh_in(struct worker *w, struct leg *l, uint64_t ns)
{
	l->timer.refresh_ns = worker_now(w) + ns;
	leg_arm(w, l);
}

/* While an offer is on its way, in either direction, none of ours may be (3261 14.1); when it is
 * answered, the session is refreshed by that. */
static void
refresh(struct worker *w, struct leg *l)
{
	bool by_update = leg_peer_allows(l, SIP_UPDATE) || l->sdp.text.len == 0;

	if (l->inv != INV_IDLE || l->upd != UPD_IDLE || l->offer.state != OFFER_STABLE ||
	    (!by_update && leg_awaits_ack(w, l)))
		refresh_in(w, l, glare_ms(l->dialog.uac) * NS_PER_MS);
	else if (by_update)
		leg_update_step(w, l, UE_T_REFRESH, &(struct leg_input){ 0 });
	else
		leg_step(w, l, LE_T_REFRESH, &(struct leg_input){ 0 });
}

void
leg_timer_fire(struct worker *w, struct leg *l)
{
	uint64_t now = worker_now(w);

	if (l->timer.expire_ns != 0 && l->timer.expire_ns <= now) {
		give_up(w, l);
	} else if (l->timer.refresh_ns != 0 && l->timer.refresh_ns <= now) {
		l->timer.refresh_ns = 0;
		refresh(w, l);
	}
}

/* --- asked --------------------------------------------------------------------------------------*/

struct verdict
leg_timer_check(struct worker *w, const struct sip_msg *m, struct span *lines_r)
{
	const struct session_limits limits = limits_of(w);
	struct session_said said;
	struct session_answer a;
	struct buf b;

	*lines_r = SPAN_NONE;
	if (session_said(m, &said) != ERR_NONE)
		return (struct verdict){ 400, "Malformed Session-Expires or Min-SE" };
	a = session_uas(&said, &limits, &(struct session_timer){ 0 });
	if (a.status == 0)
		return (struct verdict){ 0 };
	b = scratch_buf(w, 64);
	session_put_answer(&b, &a);
	scratch_end(w, &b);
	*lines_r = buf_span(&b);
	return (struct verdict){ a.status, NULL };
}

static struct session_answer
answer_to(struct worker *w, const struct leg *l, const struct sip_msg *request)
{
	const struct session_limits limits = limits_of(w);
	struct session_said said;

	session_said(request, &said);
	return session_uas(&said, &limits, &l->timer.agreed);
}

/* Before the session is up there is nothing to refresh (an UPDATE of the early dialog). */
void
leg_timer_put_answer(
    struct worker *w, struct buf *b, const struct leg *l, const struct sip_msg *request)
{
	struct session_answer a;

	if (l->dialog.state != DIALOG_CONFIRMED)
		return;
	a = answer_to(w, l, request);
	if (a.status == 0)
		session_put_answer(b, &a);
}

void
leg_timer_accepted(struct worker *w, struct leg *l, const struct sip_msg *request)
{
	struct session_answer a;

	if (l->dialog.state != DIALOG_CONFIRMED)
		return;
	a = answer_to(w, l, request);
	if (a.status != 0) /* the settings changed meanwhile: none of them is refused now */
		return;
	l->timer.agreed = a.timer;
	l->timer.alone = !a.require;
	start(w, l);
}

/* --- asking -------------------------------------------------------------------------------------*/

void
leg_timer_ask(struct worker *w, struct leg *l)
{
	const struct session_limits limits = limits_of(w);

	l->timer.ask = session_ask_again(&limits, &l->timer.agreed);
}

void
leg_timer_put_ask(struct buf *b, const struct leg *l)
{
	const struct session_timer *t = &l->timer.agreed;

	session_put_ask(b, &l->timer.ask,
	    t->interval_s == 0 ? SIP_REFRESHER_NONE
	    : t->ours	       ? SIP_REFRESHER_UAC
			       : SIP_REFRESHER_UAS);
}

/* Of the first INVITE, after ringing, it makes no sense: that dialog is another's by then. */
bool
leg_may_go_again(const struct leg *l, enum sip_method m)
{
	if (m == SIP_UPDATE)
		return l->dialog.state == DIALOG_CONFIRMED;
	return (l->inv == INV_OUT || l->inv == INV_REFRESH) &&
	       (l->dialog.state == DIALOG_NONE || l->dialog.state == DIALOG_CONFIRMED);
}

bool
leg_timer_follows(struct leg *l, const struct sip_msg *m)
{
	struct session_said said;

	if (m == NULL || m->status != 422 || !leg_may_go_again(l, m->method))
		return false;
	session_said(m, &said);
	return session_refused(&l->timer.ask, said.min_se);
}

void
leg_timer_agreed(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	const struct session_limits limits = limits_of(w);
	struct session_said said;

	session_said(m, &said);
	l->timer.agreed = session_uac(&said, &l->timer.ask, &limits);
	l->timer.alone = !said.expires;
	start(w, l);
}

/* Only for a refresh by re-INVITE: most calls never need it. */
void
leg_timer_sdp(struct worker *w, struct leg *l, struct span text)
{
	bool needed = text.len > 0 && leg_refreshes_by_invite(l);
	struct sdp *sdp = needed ? scratch_take(w, sizeof(*sdp)) : NULL;

	if (sdp == NULL || sdp_parse(text, sdp) != ERR_NONE || !offer_is_last(&l->offer, sdp))
		text = SPAN_NONE;
	leg_keep(w, l, &l->sdp, text);
	l->ack_sdp = 0;
}

/* --- refreshing ---------------------------------------------------------------------------------*/

void
leg_refresh_by_invite(void *step, const void *input)
{
	struct leg_step *s = step;
	struct note n = { .what = CMD_OFFER };

	(void)input;
	n.text[T_CONTENT_TYPE] = SPAN("application/sdp");
	n.text[T_BODY] = scratch_keep(s->w, kept_span(&s->w->heap, s->l->sdp.text));
	leg_send_invite(step, &(struct leg_input){ .n = &n });
}

void
leg_refresh_by_update(void *step, const void *input)
{
	struct note n = { .what = CMD_OFFER };

	(void)input;
	leg_send_update(step, &(struct leg_input){ .n = &n });
}

static void
refreshed(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	leg_learn(l, m);
	leg_retarget(w, l, m);
	leg_timer_agreed(w, l, m);
}

/* The peer took the occasion and moved its media: the other side is offered that as if it had come in
 * an UPDATE. The answer to it is the description that the peer has already, and goes nowhere. */
static void
pass_news(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct note n = { .what = EV_OFFER, .flags = NOTE_UPDATE };

	leg_facts(w, l, &n);
	n.text[T_CONTENT_TYPE] = sip_span(m, m->content_type);
	n.text[T_BODY] = sip_span(m, m->body);
	note_up(w, &n);
}

void
leg_invite_refreshed(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;
	struct span sdp =
	    body_sdp(s->w, sip_span(in->m, in->m->content_type), sip_span(in->m, in->m->body));
	bool news = body_heard(s->w, l, in->m);

	l->ring_until_ns = 0;
	offer_step(&l->offer, sdp.len > 0 ? OFFER_E_RECV_ANSWER : OFFER_E_REFUSED,
	    pool_handle(&s->w->legs, l));
	refreshed(s->w, l, in->m);
	leg_write_ack(s->w, l, &l->dialog, l->invite_cseq, SPAN_NONE, SPAN_NONE);
	l->ack_cseq = l->invite_cseq;
	l->ack_sdp = 0;
	if (news)
		pass_news(s->w, l, in->m);
}

void
leg_update_refreshed(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;

	refreshed(s->w, s->l, in->m);
}

/* 7.4: not again and again what is refused in the same way. */
static uint64_t
pause_ns(struct worker *w, const struct leg *l, unsigned status)
{
	uint64_t left = l->timer.expire_ns - worker_now(w);

	if (status == 491)
		return glare_ms(l->dialog.uac) * NS_PER_MS;
	return left / 2 > AGAIN_S * NS_PER_S ? left / 2 : AGAIN_S * NS_PER_S;
}

void
leg_refresh_failed(void *step, const void *input)
{
	struct leg_step *s = step;
	const struct leg_input *in = input;
	struct leg *l = s->l;

	l->ring_until_ns = 0;
	offer_step(&l->offer, OFFER_E_REFUSED, pool_handle(&s->w->legs, l));
	if (in->status == 408 || in->status == 481)
		give_up(s->w, l);
	else if (l->timer.alone && in->m != NULL)
		start(s->w, l); /* it lives, and no timer of its own runs out */
	else
		refresh_in(s->w, l, pause_ns(s->w, l, in->status));
}
