/* The end of a call: every leg is told, the record is made, what is left is given back. */
#include "worker/worker.h"

/* A leg that was told to end says so within the same turn, but for a CANCEL, whose INVITE must first
 * be answered; and the answer to its BYE belongs to the ladder. The record waits for neither longer
 * than this. */
#define LINGER_NS NS_PER_S

struct note
party_note(const struct call *c, struct worker *w, enum note_what what, const struct party *p)
{
	const struct party *peer = party_peer(w, p);
	struct note n = {
		.what = (uint16_t)what, .leg = p->leg, .call = pool_handle(&w->calls, c)
	};

	if (peer == NULL)
		return n;
	n.session = peer->session;
	n.capable = peer->capable;
	return n;
}

void
party_release(struct worker *w, struct call *c, struct party *p, struct span reason)
{
	struct note n = party_note(c, w, CMD_RELEASE, p);

	n.text[T_REASON] = reason;
	n.cause = c->cause;
	if (p->leg != 0)
		note_down(w, &n);
	else
		p->gone = 1; /* killed while it was dialled: its leg ends by itself (recover.c) */
}

void
call_hears_why(struct worker *w, struct call *c, const struct note *last)
{
	c->reason = call_keep(w, c, last->text[T_REASON]);
	c->cause = last->cause <= 127 ? (uint8_t)last->cause : 0;
}

void
call_because(struct call *c, enum released_by by, enum end_reason why)
{
	if (c->released_by != BY_NOBODY)
		return; /* the first cause is the cause */
	c->released_by = (uint8_t)by;
	c->end_reason = (uint8_t)why;
}

/* --- told to end --------------------------------------------------------------------------------*/

/* Its BYE is on its way, and what comes of that still goes into the ladder. */
static bool
says_bye(struct worker *w, const struct call *c, const struct party *p)
{
	const struct leg *l = party_is_bridge(p) ? NULL : leg_at(w, p->leg);

	return l != NULL && l->bye != 0 && l->ladder == pool_handle(&w->calls, c);
}

static bool
all_quiet(struct worker *w, const struct call *c)
{
	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next))
		if (!p->gone || says_bye(w, c, p))
			return false;
	return true;
}

static void
finish(struct worker *w, struct call *c)
{
	c->linger_until_ns = 0;
	if (cdr_send(w, c, CDR_CLOSED))
		call_drop(w, c);
	else
		w->cdrs_waiting = true; /* worker_cdrs comes back to it */
}

void
call_ending(void *step, const void *note)
{
	struct call_step *s = step;
	struct span reason = kept_span(&s->w->heap, s->c->reason);

	(void)note;
	completion_missed(s->w, s->c);
	transfer_end(s->w, s->c);
	recall_over(s->w, s->c);
	s->c->attempt.waiting = 0;
	s->c->attempt.ring_until_ns = s->c->attempt.round_until_ns = 0;
	s->c->attempt.silent_until_ns = s->c->attempt.later_ns = 0;
	s->c->negotiation = (struct negotiation){ 0 };
	s->c->audit_ns = 0;
	s->c->linger_until_ns = worker_now(s->w) + LINGER_NS;
	segments_close(s->w, s->c);
	for (struct party *p = party_at(s->w, s->c->parties); p != NULL;
	     p = party_at(s->w, p->next))
		group_idle(s->w, p);
	for (struct party *p = party_at(s->w, s->c->parties); p != NULL;
	     p = party_at(s->w, p->next))
		if (!p->gone && p != party_at(s->w, s->c->caller))
			party_release(s->w, s->c, p, reason);
	/* A caller that was not answered has been refused; one that was, or that we called, gets a BYE. */
	if ((s->c->final == 200 || recall_waits(s->w, s->c)) && !party_at(s->w, s->c->caller)->gone)
		party_release(s->w, s->c, party_at(s->w, s->c->caller), reason);
	if (all_quiet(s->w, s->c))
		finish(s->w, s->c);
}

void
call_end(struct worker *w, struct call *c)
{
	call_step(w, c, CE_END, NULL, NULL);
}

/* A telephone network tries 603 again elsewhere, or takes it for a fault (FLOWS.md S2-16c). */
static bool
takes_busy_for_declined(struct worker *w, const struct party *p)
{
	struct dir_buf *rec =
	    p->role == PARTY_CALLER && p->user.len == 0 ? scratch_take(w, sizeof(*rec)) : NULL;
	const struct dir_gateway *g =
	    rec == NULL ? NULL : directory_gateway(&w->directory, p->account, rec);

	return g != NULL && g->decline_as_busy;
}

void
call_refuse(
    struct worker *w, struct call *c, unsigned status, struct span phrase, struct span headers)
{
	struct party *waits = party_waiting(w, c);
	struct note n = party_note(c, w, CMD_REFUSE, waits);

	if (recall_waits(w, c)) { /* who was rung hears it by a BYE */
		c->final = (uint16_t)status;
		call_end(w, c);
		return;
	}
	n.status = (uint16_t)status;
	n.text[T_PHRASE] = phrase;
	n.text[T_HEADERS] = headers;
	if (status == 603 && takes_busy_for_declined(w, waits)) {
		n.status = 486;
		n.text[T_PHRASE] = SPAN_NONE;
	}
	c->final = (uint16_t)status;
	waits->status = n.status;
	count(w->child.self, COUNT_CALLS_FAILED, 1);
	note_down(w, &n);
	if (party_is_bridge(waits))
		waits->gone = 1;
	call_end(w, c);
}

/* --- who ended it -------------------------------------------------------------------------------*/

/* An answer that the caller has not been told of yet is none. */
static void
release_rest(struct call_step *s, const struct note *in)
{
	if (s->c->final != 200 && s->p == party_at(s->w, s->c->caller))
		s->c->final = in->status >= 300 ? in->status : 487;
	else if (s->c->final != 200) {
		call_refuse(s->w, s->c, 480, SPAN_NONE, SPAN_NONE);
		return;
	}
	call_end(s->w, s->c);
}

void
call_released(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct note gone = *in;

	if (s->p->role == PARTY_BRANCH) {
		gone.status = in->status != 0 ? in->status : 480;
		call_branch_failed(step, &gone);
		return;
	}
	if (transfer_released(s))
		return;
	call_hears_why(s->w, s->c, in);
	if (in->flags & NOTE_NO_ACK)
		call_because(s->c, BY_TIMEOUT, END_NO_ACK);
	else if (in->flags & NOTE_SESSION_TIMER)
		call_because(s->c, BY_TIMEOUT, END_SESSION_TIMER);
	else if (in->status >= 400)
		call_because(s->c, BY_NETWORK, END_NORMAL);
	else
		call_because(s->c, s->p->side == SIDE_A ? BY_CALLER : BY_CALLEE, END_NORMAL);
	release_rest(s, in);
}

void
call_operator_hangup(void *step, const void *note)
{
	struct call_step *s = step;

	(void)note;
	call_because(s->c, BY_SYSTEM, END_ADMIN);
	if (s->c->final == 200)
		call_end(s->w, s->c);
	else
		call_refuse(s->w, s->c, 480, SPAN_NONE, SPAN_NONE);
}

/* Was the caller told of the answer, and the kill came before the call knew of that? */
static bool
is_told(struct worker *w, const struct call *c)
{
	const struct leg *l = leg_at(w, party_at(w, c->caller)->leg);
	const struct txn *t = l == NULL ? NULL : txn_at(&w->txns, l->invite);

	return l != NULL && l->dialog.state == DIALOG_CONFIRMED &&
	       (t == NULL || t->kind != TXN_IST || t->state > TXN_PROCEEDING);
}

/* Also one that has been told: what was said may not have left. */
static void
release_bridges(struct worker *w, struct call *c)
{
	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next))
		if (party_is_bridge(p))
			party_release(w, c, p, kept_span(&w->heap, c->reason));
}

void
call_abandon(struct worker *w, struct call *c)
{
	struct call_step s = { w, c, party_at(w, c->caller) };

	call_because(c, BY_SYSTEM, END_SYSTEM_FAILURE);
	if (c->state <= CALL_RINGING) /* perhaps before anybody asked whether a code was dialled */
		c->dialled = code_without_pin(w, c, c->dialled);
	if (c->state == CALL_UP && is_told(w, c))
		call_told(&s, NULL);
	/* Routed nowhere yet, or answered without being told: he is refused now. */
	if (c->state == CALL_ROUTING || (c->state == CALL_UP && c->final != 200)) {
		call_refuse(w, c, 500, SPAN_NONE, SPAN_NONE);
		return;
	}
	if (c->state == CALL_UP || c->state == CALL_RINGING) {
		call_operator_hangup(&(struct call_step){ w, c, NULL }, NULL);
		return;
	}
	/* Killed after it began to end. Its legs see that by themselves (recover.c). */
	segments_close(w, c);
	release_bridges(w, c);
	finish(w, c);
}

void
call_lost(struct worker *w, struct call *c)
{
	handle h = pool_handle(&w->calls, c);

	if (c->state == CALL_ENDING)
		return;
	call_mark(w, h);
	call_abandon(w, c);
	if (call_at(w, h) != c)
		return;
	call_arm(w, c);
	view_update(w, c);
}

/* --- until all have ended -----------------------------------------------------------------------*/

void
call_gone(void *step, const void *note)
{
	struct call_step *s = step;

	(void)note;
	if (all_quiet(s->w, s->c))
		finish(s->w, s->c);
}

void
call_linger_over(void *step, const void *note)
{
	struct call_step *s = step;

	(void)note;
	finish(s->w, s->c);
}
