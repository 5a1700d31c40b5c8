/* While it rings: what the branches say, and what the caller is told. */
#include "worker/worker.h"

#include <string.h>

#include "sip/fields.h"

enum { CANCEL_S = 2 }; /* for the answer to a CANCEL, before the next round */

/* Of the present attempt: one that lost an earlier one may still be ending. */
static bool
is_of_attempt(const struct call *c, const struct party *p)
{
	return p->role == PARTY_BRANCH && p->round >= c->attempt.first;
}

static bool
is_ringing(const struct call *c, const struct party *p)
{
	return is_of_attempt(c, p) && !p->gone;
}

/* And those that will be, when it is known where they are. */
static unsigned
branches_alive(struct worker *w, struct call *c)
{
	unsigned n = targets_pending(w, c);

	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next))
		n += is_ringing(c, p) && !p->passed_over;
	return n;
}

static bool
has_more_targets(struct worker *w, struct call *c)
{
	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (!t->tried && t->begins_ns == 0)
			return true;
	return false;
}

/* --- provisional --------------------------------------------------------------------------------*/

/* Somebody is there: he may ring as long as no_answer_s when there are others to try after him, or as
 * long as he wishes to before it is sent on; a gateway that has the call keeps it. */
static void
extend_round(struct worker *w, struct call *c, const struct party *p)
{
	struct attempt *a = &c->attempt;
	uint32_t s = a->later_ns != 0 ? 0 : a->no_answer_s;

	if (p->beside && has_more_targets(w, c))
		return;
	if (s == 0 && has_more_targets(w, c))
		s = w->settings->timers.no_answer_s;
	if (a->round_until_ns == 0 && a->no_answer_s == 0)
		return;
	a->round_until_ns =
	    s == 0 || (p->kind == TARGET_GATEWAY && !p->beside) ? 0 : worker_now(w) + s * NS_PER_S;
}

void
branch_rings(struct worker *w, struct call *c, struct party *p, unsigned status)
{
	if (p->ring_ms != 0)
		return;
	extend_round(w, c, p);
	if (status == 100)
		return;
	p->ring_ms = call_wall_ms(w, c);
	if (!recall_rings(w, c)) /* whom it is for does not ring yet */
		segment_ringing(w, c, segment_of(w, c, p));
}

void
call_progress(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct party *waits = party_waiting(w, c);
	struct note n = party_note(c, w, CMD_PROGRESS, waits);
	bool alone = branches_alive(w, c) == 1;

	if (s->p->role != PARTY_BRANCH)
		return;
	branch_rings(w, c, s->p, in->status);
	if (in->status == 100)
		return;
	/* Of several that ring at once the caller hears each thing once, and no branch's media: it
	 * may lose (FLOWS.md S3-04b). */
	if (!alone && in->status == c->attempt.progress)
		return;
	c->attempt.progress = in->status;
	if (recall_rings(w, c))
		return; /* nobody waits to be told */
	if (alone)
		party_pair(w, waits, s->p);
	n.status = in->status;
	n.session = in->session;
	n.capable = in->capable;
	n.text[T_PHRASE] = in->text[T_PHRASE];
	n.text[T_HEADERS] = in->text[T_HEADERS];
	if (alone) {
		n.text[T_CONTENT_TYPE] = in->text[T_CONTENT_TYPE];
		n.text[T_BODY] = in->text[T_BODY];
		if (n.text[T_BODY].len > 0 && segment_of(w, c, s->p)->early_ns == 0)
			segment_of(w, c, s->p)->early_ns = worker_now(w);
	}
	if (in->flags & NOTE_DELAYED_OFFER)
		negotiation_owe(w, c, waits, s->p);
	note_down(w, &n);
}

/* --- answered -----------------------------------------------------------------------------------*/

/* One branch has decided for all: by a 2xx or, as no other can do better, by a 6xx (16.7 step 5). The
 * others are told which it was: a phone lists no missed call when another answered (RFC 3326). */
void
branches_release(struct worker *w, struct call *c, const struct party *by, unsigned status)
{
	char text[64];
	struct buf reason = buf_on(text, sizeof(text));

	buf_lit(&reason, "SIP;cause=");
	buf_u64(&reason, status);
	if (status < 300)
		buf_lit(&reason, ";text=\"Call completed elsewhere\"");
	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next)) {
		if (!is_ringing(c, p) || p == by)
			continue;
		p->elsewhere = status < 300;
		party_release(w, c, p, buf_span(&reason));
	}
}

/* Who waited is answered, by this party. */
static void
told(struct call_step *s, struct party *waited, struct party *by)
{
	s->c->final = waited->status = 200;
	waited->answer_ms = call_wall_ms(s->w, s->c);
	segment_answered(s->w, s->c, segment_of(s->w, s->c, by), by);
	segments_lost(s->w, s->c);
	count(s->w->child.self, COUNT_CALLS_ANSWERED, 1);
	cdr_send(s->w, s->c, CDR_ANSWERED);
}

/* The caller's 200 is on its way, which may have waited for a PRACK: now it is answered (FLOWS.md 1.12
 * (8)). */
void
call_told(void *step, const void *note)
{
	struct call_step *s = step;
	struct party *by = party_peer(s->w, s->p);

	(void)note;
	if (by != NULL && s->c->final != 200)
		told(s, s->p, by);
}

void
call_answer(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct party *waits = party_waiting(w, c);
	struct note n = party_note(c, w, CMD_ANSWER, waits);

	if (recall_answered(s, in))
		return;
	c->attempt.waiting = 0;
	c->attempt.ring_until_ns = c->attempt.round_until_ns = c->attempt.silent_until_ns = 0;
	c->attempt.later_ns = 0;
	s->p->role = party_is_bridge(s->p) ? PARTY_BRIDGE : PARTY_CALLED;
	party_pair(w, waits, s->p);
	if (in->flags & NOTE_DELAYED_OFFER)
		negotiation_owe(w, c, waits, s->p);
	s->p->answer_ms = call_wall_ms(w, c);
	n.session = in->session;
	n.capable = in->capable;
	n.text[T_HEADERS] = connected_headers(w, c, waits, s->p, in->text[T_HEADERS]);
	n.text[T_CONTENT_TYPE] = in->text[T_CONTENT_TYPE];
	n.text[T_BODY] = in->text[T_BODY];
	n.flags = in->flags & (NOTE_DELAYED_OFFER | NOTE_STALE);
	if (party_is_bridge(waits))
		told(s, waits, s->p);
	if (!replace_answered(s, in, waits))
		note_down(w, &n);
	branches_release(w, c, s->p, 200);
}

/* Another answered first, or the caller is gone: ACK and BYE. R23: answered and released at once. */
void
call_late_answer(void *step, const void *note)
{
	struct call_step *s = step;

	(void)note;
	s->p->answer_ms = call_wall_ms(s->w, s->c);
	party_release(s->w, s->c, s->p, SPAN_NONE);
}

/* --- refused ------------------------------------------------------------------------------------*/

/* What a refusal of a called side means to the caller. */
static unsigned
refusal_for_caller(const struct note *in)
{
	unsigned status = in->status;

	if (status < 300)
		return 408; /* cancelled by us after the round, or answered too late */
	if (status == 487)
		return 408;
	/* A challenge to us is none to the caller, nor is an interval of ours too small for his; and a
	 * redirection that was not followed leads nowhere. */
	if (status < 400 || status == 401 || status == 407 || status == 422)
		return 480;
	/* 503 speaks of a server of theirs (RFC 3261 16.7 step 6). */
	if (status == 503 && in->text[T_HEADERS].len == 0)
		return 500;
	return status;
}

/* RFC 3261 16.7 step 6: a 6xx before all, else the lowest class; in 4xx those first that tell the
 * caller what to change. 482 comes last: a device that is registered twice says it (S2-27). */
static unsigned
rank(unsigned status)
{
	if (status >= 600)
		return 0;
	if (status == 415 || status == 420 || status == 484)
		return 400;
	if (status == 482)
		return 699;
	return (status / 100) * 100 + (status == 408 ? 2 : 1);
}

void
attempt_keep_best(struct worker *w, struct call *c, const struct note *in)
{
	unsigned status = refusal_for_caller(in);
	bool as_it_came = status == in->status;

	if (c->attempt.best != 0 && rank(c->attempt.best) <= rank(status))
		return;
	c->attempt.best = (uint16_t)status;
	c->attempt.best_phrase = call_keep(w, c, as_it_came ? in->text[T_PHRASE] : SPAN_NONE);
	c->attempt.best_headers = call_keep(w, c, as_it_came ? in->text[T_HEADERS] : SPAN_NONE);
}

/* Did a redirection name others who were not rung yet? */
static bool
has_more_named(struct worker *w, struct call *c)
{
	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (!t->tried && t->depth > 0)
			return true;
	return false;
}

/* Does another way help after this refusal? 6xx speaks for the user everywhere; what a gateway says
 * of the number is final, what it says of itself is not (R20). */
static bool
may_go_on(struct worker *w, struct call *c, const struct party *p, unsigned status)
{
	if (status >= 600)
		return false;
	return p->passed_over || p->beside || p->kind != TARGET_GATEWAY || status >= 500 ||
	       status == 408 || status == 401 || status == 407 || status < 300 ||
	       has_more_named(w, c);
}

/* Nobody answered: the caller is refused; who is being transferred need not hear of it. */
static void
attempt_over(struct worker *w, struct call *c, enum released_by by)
{
	const struct attempt *a = &c->attempt;
	unsigned status = a->best != 0 ? a->best : 408;

	if (c->state == CALL_UP) {
		transfer_failed(w, c, by, status);
		return;
	}
	call_because(c, by, END_NORMAL);
	call_refuse(w, c, status, kept_span(&w->heap, a->best_phrase),
	    kept_span(&w->heap, a->best_headers));
}

/* Another call waited for an answer (call_replace.c) and does no longer. */
static void
waiting_gone(struct call_step *s, const struct note *in)
{
	s->c->final = 487;
	call_hears_why(s->w, s->c, in);
	call_because(s->c, BY_CALLER, END_NORMAL);
	call_end(s->w, s->c);
}

void
call_branch_failed(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct note named;
	struct worker *w = s->w;
	struct call *c = s->c;

	if (c->state == CALL_RINGING && s->p == party_at(w, c->attempt.waiting)) {
		waiting_gone(s, in);
		return;
	}
	if (!is_of_attempt(c, s->p) || c->attempt.waiting == 0)
		return;
	party_part(w, c, s->p);
	if (in->text[T_CONTACTS].len > 0 && !recall_rings(w, c)) {
		named = (struct note){ .status = (uint16_t)call_redirect(w, c, s->p, in) };
		if (named.status == 0)
			return;
		in = &named;
	}
	if (target_try_next(w, c, s->p, in))
		return;
	if (later_try_way(w, c, s->p, in->status) || group_member_onward(w, c, s->p, in->status))
		return;
	if (in->status >= 600 &&
	    (group_refused(w, c, s->p) || s->p->beside)) { /* he speaks for himself alone */
		named = (struct note){ .status = in->status == 600 ? 486 : 480 };
		in = &named;
	}
	attempt_keep_best(w, c, in);
	if (in->status >= 600)
		branches_release(w, c, s->p, in->status);
	else if (branches_alive(w, c) > 0)
		return;
	else if (may_go_on(w, c, s->p, in->status) && call_dial_next(w, c))
		return;
	if (attempt_forward(w, c))
		return;
	attempt_over(w, c, c->attempt.best == 408 ? BY_TIMEOUT : BY_CALLEE);
}

void
attempt_go_on(struct worker *w, struct call *c)
{
	if (branches_alive(w, c) > 0 || call_dial_next(w, c) || attempt_forward(w, c))
		return;
	attempt_over(w, c, BY_NETWORK);
}

/* --- the caller gives up; time is over ----------------------------------------------------------*/

void
call_caller_cancelled(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;

	s->c->final = in->status; /* 487; 504: it answers, but no PRACK of it ever comes */
	call_hears_why(s->w, s->c, in);
	call_because(s->c, in->status == 487 ? BY_CALLER : BY_TIMEOUT, END_NORMAL);
	call_end(s->w, s->c);
}

void
call_ring_over(void *step, const void *note)
{
	struct call_step *s = step;

	if (code_over(s) || park_time_over(s))
		return;
	if (group_time_over(s->w, s->c)) {
		call_round_over(step, note);
		return;
	}
	s->c->attempt.best = 408;
	s->c->attempt.best_phrase = s->c->attempt.best_headers = (struct kept){ 0 };
	attempt_over(s->w, s->c, BY_TIMEOUT);
}

/* A phone that rings answers its CANCEL at once; one that has said nothing so far is not waited for
 * (FLOWS.md S1-09a, S1-11). True: there is one to wait for. */
bool
branches_pass_over(struct worker *w, struct call *c, bool all)
{
	bool rings = false;

	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next)) {
		if (!is_ringing(c, p) || p->passed_over || (p->beside && !all))
			continue;
		p->passed_over = 1;
		party_part(w, c, p);
		rings = rings || p->ring_ms != 0;
		party_release(w, c, p, SPAN_NONE);
	}
	return rings;
}

/* This round rang long enough and there is another: its branches end, the last of them leads on, or
 * the time that they are given for it. */
void
call_round_over(void *step, const void *note)
{
	struct call_step *s = step;
	struct call *c = s->c;

	(void)note;
	if (!has_more_targets(s->w, c) && !c->attempt.no_answer_s && !c->attempt.silent)
		return;
	if (branches_pass_over(s->w, c, !has_more_targets(s->w, c))) {
		c->attempt.round_until_ns = worker_now(s->w) + CANCEL_S * NS_PER_S;
		return;
	}
	if (call_dial_next(s->w, c) || attempt_forward(s->w, c))
		return;
	attempt_over(s->w, c, BY_TIMEOUT);
}
