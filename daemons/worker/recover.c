/*
 * What a worker finds when it starts: an empty region, or what its predecessor left, killed at any
 * instruction or stopped (DESIGN.md rules 2 and 3). The pools' slots, the heap's blocks and what
 * stands in them are the truth; free lists, indexes and timers are made from them here.
 *
 * A call that is marked was being changed: it is ended cleanly, with its record. A leg whose call is
 * gone ends too. Everything else goes on as if nothing had happened.
 */
#include "worker/worker.h"

#include "base/log.h"

enum { LEGS_RESERVE = 16, TXNS_RESERVE = 4096 };

void
recover_lay_out(struct worker *w)
{
	unsigned proc = w->child.proc;
	struct call_views *views = (void *)(w->region + w->shape.views_at);

	if (w->child.self_size < w->shape.size)
		fatal(0, "the worker's region has %zu bytes, %zu are needed", w->child.self_size,
		    w->shape.size);
	views->count = w->shape.calls;
	w->views = (void *)(views + 1);
	w->group_words = (void *)(w->region + w->shape.groups_at);
	w->recents = (void *)(w->region + w->shape.recents_at);
	w->completions = (void *)(w->region + w->shape.completions_at);
	pool_init(&w->calls, w->region + w->shape.calls_at, WORKER_CALL_BYTES, w->shape.calls,
	    handle_owner_of(KIND_CALL, proc), 0);
	gauge(w->child.self, COUNT_LIVE_CALLS, w->calls.live);
	pool_init(&w->legs, w->region + w->shape.legs_at, WORKER_LEG_BYTES, w->shape.legs,
	    handle_owner_of(KIND_LEG, proc), LEGS_RESERVE);
	/* Requests in dialogs keep a reserve (rule 7). */
	pool_init(&w->txn_pool, w->region + w->shape.txns_at, sizeof(struct txn), w->shape.txns,
	    handle_owner_of(KIND_TXN, proc), TXNS_RESERVE);
	heap_init(&w->heap, w->region + w->shape.heap_at, w->shape.blocks);
}

static const struct arena *
arena_of(void *ctx, handle owner)
{
	struct worker *w = ctx;
	const struct call *c;
	const struct leg *l;
	const struct txn *t;

	switch ((enum object_kind)handle_kind(owner)) {
	case KIND_CALL:
		c = pool_find(&w->calls, owner);
		return c == NULL ? NULL : &c->arena;
	case KIND_LEG:
		l = pool_find(&w->legs, owner);
		return l == NULL ? NULL : &l->arena;
	case KIND_TXN:
		t = pool_find(&w->txn_pool, owner);
		return t == NULL ? NULL : &t->arena;
	case KIND_CONN:
		break;
	}
	return NULL;
}

/* --- legs ---------------------------------------------------------------------------------------*/

/* Does something still move it: a deadline, or a transaction of its own? */
static bool
is_moved(struct worker *w, const struct leg *l)
{
	return leg_refer_lingers(l) || l->inv == INV_IN_2XX || l->inv == INV_IN_BYE ||
	       txn_at(&w->txns, l->bye) != NULL ||
	       (l->inv != INV_IDLE && txn_at(&w->txns, l->invite) != NULL);
}

void
leg_abandon(struct worker *w, struct leg *l)
{
	handle h = pool_handle(&w->legs, l);
	struct note n = { .what = CMD_RELEASE, .leg = h };

	l->call = 0;
	if (l->inv == INV_IN && l->dialog.state != DIALOG_CONFIRMED) {
		n.what = CMD_REFUSE;
		n.status = 500;
	}
	leg_command(w, &n);
	if (leg_at(w, h) != l)
		return;
	/* What could not be told anything (it was half made) is dropped; what waits for an answer to
	 * its BYE or CANCEL stays until that comes. */
	if (is_moved(w, l))
		leg_arm(w, l);
	else
		leg_drop(w, l);
}

static bool
is_listed(struct worker *w, struct leg *l)
{
	struct call *c = call_at(w, l->call);

	if (l->call == 0 || handle_proc(l->call) != w->child.proc)
		return true; /* it ends by itself, or its call is another worker's */
	return c != NULL && party_of_leg(w, c, pool_handle(&w->legs, l)) != NULL;
}

/* Was it told to end, so that nobody will tell it again? */
static bool
is_told(struct worker *w, const struct leg *l)
{
	struct call *c = call_at(w, l->call);

	return l->call == 0 || (c != NULL && c->state == CALL_ENDING);
}

/* An INVITE of ours waits for its answer. */
static bool
is_out(const struct leg *l)
{
	return l->inv == INV_OUT || l->inv == INV_OUT_CANCEL || l->inv == INV_REFRESH;
}

/* The final answer to its INVITE came, or will not come, and the kill was before it heard of that. A
 * 2xx is not lost: it is repeated until we ACK it. 0: it waits rightly. */
static unsigned
missed_answer(struct worker *w, const struct leg *l)
{
	const struct txn *t = txn_at(&w->txns, l->invite);

	if (!is_out(l))
		return 0;
	if (t == NULL)
		return 408;
	return t->state == TXN_COMPLETED ? t->status : 0;
}

/* Was it killed between its new state and the answer that the state tells of? */
static bool
owes_answer(struct worker *w, const struct leg *l)
{
	const struct txn *t = txn_at(&w->txns, l->invite);

	return l->inv != INV_IN && t != NULL && (t->kind == TXN_IST || t->kind == TXN_NIST) &&
	       t->state <= TXN_PROCEEDING;
}

/* A state is stored before what it means is done: what a kill left undone is done here. */
static void
catch_up(struct worker *w, struct leg *l)
{
	struct note refusal = { .what = CMD_REFUSE, .status = 500 };
	struct txn *t = txn_at(&w->txns, l->invite);

	/* Their 2xx was in hand: it comes again, and is late then. */
	if (l->inv == INV_OUT_2XX && l->dialog.state != DIALOG_CONFIRMED)
		l->inv = INV_OUT_CANCEL;
	if (l->inv == INV_OUT_CANCEL && t != NULL)
		txn_cancel(&w->txns, t, SPAN_NONE);
	if (owes_answer(w, l)) {
		l->inv = INV_IDLE;
		l->resend_ns = l->give_up_ns = 0;
		leg_respond(w, l, 500, &refusal);
	}
}

/* An UPDATE: one of theirs whose transaction is gone, or one of ours whose answer was in hand. */
static void
take_up_update(struct worker *w, struct leg *l)
{
	struct note refusal = { .what = CMD_OFFER_REFUSE, .status = 500 };
	const struct txn *t = txn_at(&w->txns, l->update);

	if (l->upd == UPD_IDLE && t != NULL && t->kind == TXN_NIST && t->state <= TXN_PROCEEDING)
		leg_respond_in(w, l, l->update, 500, &refusal); /* it was being answered */
	else if (l->upd == UPD_IN && (t == NULL || t->state == TXN_COMPLETED)) {
		l->upd = UPD_IDLE;
		offer_step(&l->offer, OFFER_E_REFUSED, pool_handle(&w->legs, l));
	} else if (l->upd >= UPD_OUT && (t == NULL || t->state == TXN_COMPLETED)) {
		leg_update_step(w, l, UE_GOT_FAILURE, &(struct leg_input){ .status = 500 });
	}
}

static void
take_up_leg(struct worker *w, struct leg *l)
{
	unsigned missed = missed_answer(w, l);
	handle h = pool_handle(&w->legs, l);

	catch_up(w, l);
	take_up_update(w, l);
	leg_refer_take_up(w, l);
	if (leg_at(w, h) != l)
		return;
	if (missed != 0)
		leg_step(w, l, LE_GOT_FAILURE, &(struct leg_input){ .status = missed });
	if (leg_at(w, h) != l)
		return;
	if (!is_listed(w, l)) {
		leg_abandon(w, l);
	} else if (!is_told(w, l) || is_moved(w, l)) {
		leg_arm(w, l);
	} else if (l->dialog.state == DIALOG_CONFIRMED) {
		l->inv = INV_IDLE;
		leg_abandon(w, l); /* killed before its BYE, or while that was being written */
	} else {
		leg_drop(w, l); /* over; only the slot was left */
	}
}

static void
take_up_legs(struct worker *w)
{
	/* What one leads to may end any other: the next is looked for after it. */
	for (struct leg *l = pool_next(&w->legs, NULL); l != NULL; l = pool_next(&w->legs, l)) {
		handle h = pool_handle(&w->legs, l);

		take_up_leg(w, l);
		if (leg_at(w, h) == l)
			leg_refusal_acked(w, l);
		worker_drain(w);
	}
}

/* Does the leg whose it is still think of it? */
static bool
is_thought_of(struct worker *w, const struct txn *t)
{
	const struct leg *l = leg_at(w, t->user);
	handle h = pool_handle(&w->txn_pool, t);

	for (unsigned i = 0; l != NULL && i < LEG_PASSED; i++)
		if (l->passed[i] == h)
			return true;
	return l != NULL && (l->invite == h || l->update == h);
}

/* Before the first word of our own. An INVITE goes out again only where its leg and its call go on: otherwise a
 * phone would ring for a call that is over. */
static void
say_again(struct worker *w)
{
	for (struct txn *t = pool_next(&w->txn_pool, NULL); t != NULL;
	     t = pool_next(&w->txn_pool, t)) {
		const struct leg *l = leg_at(w, t->user);
		const struct call *c = l == NULL ? NULL : call_at(w, l->call);

		if (t->kind != TXN_ICT || (is_thought_of(w, t) && (c == NULL || !c->marked)))
			txn_say_again(&w->txns, t);
	}
}

/* Transactions that no leg knows of: killed before it did, or after it went. Nobody would ever answer
 * the one or cancel the other. A request in a dialog may be what killed us: it is answered, so that it
 * does not come again. */
static void
take_up_txns(struct worker *w)
{
	struct txn *next;

	for (struct txn *t = pool_next(&w->txn_pool, NULL); t != NULL; t = next) {
		next = pool_next(&w->txn_pool, t);
		if (handle_kind(t->user) == KIND_TXN || is_thought_of(w, t))
			continue;
		if (t->kind == TXN_IST && t->state == TXN_PROCEEDING)
			txn_drop(&w->txns, t);
		else if (t->kind == TXN_NIST && t->state <= TXN_PROCEEDING)
			answer_txn(w, t, 500, NULL, SPAN_NONE, SPAN_NONE);
		else if (t->kind == TXN_ICT && t->state <= TXN_PROCEEDING &&
			 t->cancelled == TXN_CANCEL_NONE)
			txn_cancel(&w->txns, t, SPAN_NONE);
	}
}

/* --- calls --------------------------------------------------------------------------------------*/

/* Only explained, or killed before there was a transaction that waits for an answer: nobody has heard of it, no
 * record is owed, and its INVITE comes again. */
static bool
is_half_made(struct worker *w, const struct call *c)
{
	const struct party *caller = party_at(w, c->caller);
	const struct leg *l = caller == NULL ? NULL : leg_at(w, caller->leg);

	if (caller == NULL || c->segments == 0 || c->dry)
		return true;
	return c->state == CALL_ROUTING && c->final == 0 && (l == NULL || l->inv != INV_IN);
}

/* It may have to wait for a leg that is not there any more: no longer than it lingers. The mark stays until
 * it has been told to end: another kill meanwhile leaves it to the next. */
static void
end_marked(struct worker *w, struct call *c)
{
	handle h = pool_handle(&w->calls, c);

	call_abandon(w, c);
	if (call_at(w, h) != c)
		return;
	call_arm(w, c);
	c->marked = 0;
}

static void
take_up_calls(struct worker *w)
{
	unsigned kept = 0, ended = 0;

	for (struct call *c = pool_next(&w->calls, NULL); c != NULL; c = pool_next(&w->calls, c)) {
		if (is_half_made(w, c)) {
			call_drop(w, c);
		} else if (c->marked) {
			ended++;
			end_marked(w, c);
		} else {
			kept++;
			if (c->state == CALL_ENDING && c->linger_until_ns == 0)
				w->cdrs_waiting = true;
			call_arm(w, c);
			view_update(w, c);
			if (c->attempt.waiting != 0)
				targets_look_up_again(w, c);
		}
		worker_drain(w);
	}
	if (kept + ended == 0)
		return;
	count(w->child.self, COUNT_RECOVERED_CALLS, kept);
	log_info("calls taken up", LOG_U64("calls", kept), LOG_U64("ended", ended));
}

/* A leg's new state is stored before the transaction that it is about is: the kill may have come between
 * them, and what stands there is an older one's. Their INVITE is answered by nobody then
 * (take_up_txns); ours was not sent. */
static void
forget_older(struct worker *w)
{
	for (struct leg *l = pool_next(&w->legs, NULL); l != NULL; l = pool_next(&w->legs, l)) {
		const struct txn *t = txn_at(&w->txns, l->invite);

		if (l->inv == INV_IN && (t == NULL || t->kind == TXN_ICT))
			l->inv = INV_IDLE;
		else if (is_out(l) && t != NULL && t->kind != TXN_ICT)
			l->invite = 0;
	}
}

/* Their 2xx was taken and the kill came before its ACK: whatever becomes of the leg, that goes first. */
static void
acknowledge(struct worker *w)
{
	for (struct leg *l = pool_next(&w->legs, NULL); l != NULL; l = pool_next(&w->legs, l)) {
		const struct txn *t = txn_at(&w->txns, l->invite);

		if (is_out(l)) /* the one before, perhaps, and the next was not sent yet */
			continue;
		if (t != NULL && t->kind == TXN_ICT && t->state == TXN_ACCEPTED &&
		    l->dialog.state == DIALOG_CONFIRMED && l->inv != INV_OUT_2XX &&
		    l->ack_cseq != l->invite_cseq)
			leg_write_ack(w, l, &l->dialog, l->invite_cseq, SPAN_NONE, SPAN_NONE);
	}
}

void
recover(struct worker *w)
{
	struct call_views *views = (void *)(w->region + w->shape.views_at);

	heap_sweep(&w->heap, arena_of, w);
	for (struct call *c = pool_next(&w->calls, NULL); c != NULL; c = pool_next(&w->calls, c))
		ringing_add(w, c);
	call_who_take_up(views);
	for (uint32_t i = 0; i < w->calls.touched; i++)
		if ((w->views[i].state != CALL_VIEW_NONE || w->views[i].has_users) &&
		    call_at(w, w->views[i].call) == NULL) {
			call_who_put(views, i, NULL);
			w->views[i] = (struct call_view){ 0 };
		}
	txns_recover(&w->txns);
	forget_older(w);
	say_again(w);
	acknowledge(w);
	take_up_calls(w);
	take_up_legs(w);
	take_up_txns(w);
	completions_arm(w);
	outbox_flush(w->outbox);
}
