/*
 * The engine under the four tables: it takes transactions from the pool, steps them, keeps their
 * text, arms their timers and drops them.
 *
 * What stands in struct txn is all that a restarted process has. So the order of stores is part of
 * the design: text is whole before its length is stored, the text of a response stands before the
 * state that lets it be repeated, and the state is stored before anything is sent. A transaction
 * that a kill left half way is one that txns_recover recognises (see `half_made`, `settle`).
 */
#include "sip/txn.h"

#include <string.h>

#include "sip/txn_machine.h"
#include "sip/via.h"

static const struct txn_machine *const machines[] = {
	[TXN_ICT] = &ict_machine,
	[TXN_NICT] = &nict_machine,
	[TXN_IST] = &ist_machine,
	[TXN_NIST] = &nist_machine,
};

const struct txn_machine *
txn_machine_of(const struct txn *t)
{
	must(t->kind <= TXN_NIST);
	return machines[t->kind];
}

void
txns_init(struct txns *x, struct pool *pool, struct heap *heap, const struct clock *clock,
    const struct txn_env *env, const struct txn_timers *timers, const struct hash_key *key)
{
	*x = (struct txns){ .pool = pool,
		.heap = heap,
		.clock = clock,
		.env = *env,
		.timers = *timers,
		.key = *key };
	table_init(&x->index, pool->count);
	table_init(&x->merges, pool->count);
}

void
txns_done(struct txns *x)
{
	table_done(&x->index);
	table_done(&x->merges);
}

struct txn *
txn_at(const struct txns *x, handle h)
{
	return pool_find(x->pool, h);
}

const struct sip_msg *
txn_request(const struct txns *x, const struct txn *t)
{
	must(txn_is_server(t));
	if (t->request.len == 0)
		return NULL;
	return (const struct sip_msg *)(const void *)kept_span(x->heap, t->request).p;
}

void
txn_forget(struct txns *x, struct txn *t)
{
	if (t->state != TXN_ACCEPTED)
		return;
	/* A kill in between leaves text that nobody reads until it goes with its transaction. */
	t->request = t->last = (struct kept){ 0 };
	t->last_cap = 0;
	arena_drop(x->heap, &t->arena);
}

struct span
txn_last(const struct txns *x, const struct txn *t)
{
	return t->last.len == 0 ? SPAN_NONE : kept_span(x->heap, t->last);
}

/* --- time ---------------------------------------------------------------------------------------*/

uint64_t
txn_in(const struct txns *x, uint64_t ms)
{
	return x->clock->mono_ns + ms * NS_PER_MS;
}

void
txn_timeout_in(const struct txn_act *a, uint64_t ms)
{
	a->t->timeout_ns = txn_in(a->x, ms);
}

void
txn_linger(const struct txn_act *a, uint64_t ms)
{
	txn_timeout_in(a, a->t->reliable ? 0 : ms);
}

void
txn_retransmit_in(const struct txn_act *a, uint32_t ms)
{
	a->t->interval_ms = ms;
	a->t->retransmit_ns = txn_in(a->x, ms);
}

static void
arm(struct txns *x, struct txn *t)
{
	uint64_t deadline = t->timeout_ns;

	if (t->retransmit_ns != 0 && (deadline == 0 || t->retransmit_ns < deadline))
		deadline = t->retransmit_ns;
	x->env.arm(x->env.ctx, t, deadline);
}

static bool
is_due(const struct txns *x, uint64_t deadline_ns)
{
	return deadline_ns != 0 && deadline_ns <= x->clock->mono_ns;
}

/* --- a step and the end -------------------------------------------------------------------------*/

bool
txn_stands(const struct txn_act *a)
{
	return pool_find(a->x->pool, a->h) == a->t;
}

void
txn_drop(struct txns *x, struct txn *t)
{
	/* A kill from here on leaves a terminated transaction, which recovery drops. */
	t->state = TXN_TERMINATED;
	x->env.arm(x->env.ctx, t, 0);
	txn_unindex(x, t);
	arena_drop(x->heap, &t->arena);
	pool_drop(x->pool, t);
}

static void
end(const struct txn_act *a)
{
	txn_tell(a, TXN_ENDED, NULL);
	if (txn_stands(a))
		txn_drop(a->x, a->t);
}

static bool
step_once(const struct txn_act *a, uint8_t event, const void *arg)
{
	struct txn_act act = *a;

	return fsm_step(txn_machine_of(a->t)->fsm, &a->t->state, event, &act, arg, a->h);
}

bool
txn_step(struct txns *x, struct txn *t, uint8_t event, const void *arg)
{
	struct txn_act a = { x, t, pool_handle(x->pool, t) };

	if (event == TXN_NO_EVENT || !step_once(&a, event, arg))
		return false;
	/* A timer set to zero has fired already. */
	if (txn_stands(&a) && t->state != TXN_TERMINATED && is_due(x, t->timeout_ns)) {
		t->timeout_ns = 0;
		step_once(&a, txn_machine_of(t)->over[t->state], NULL);
	}
	if (!txn_stands(&a))
		return true;
	if (t->state == TXN_TERMINATED)
		end(&a);
	else
		arm(x, t);
	return true;
}

void
txn_fire(struct txns *x, struct txn *t)
{
	const struct txn_machine *m = txn_machine_of(t);
	uint8_t event = TXN_NO_EVENT;

	if (is_due(x, t->timeout_ns)) {
		t->timeout_ns = 0;
		event = m->over[t->state];
	} else if (is_due(x, t->retransmit_ns)) {
		t->retransmit_ns = 0;
		event = m->again;
	}
	if (!txn_step(x, t, event, NULL))
		arm(x, t);
}

void
txn_unreachable(struct txns *x, struct txn *t)
{
	txn_step(x, t, txn_machine_of(t)->broken, NULL);
}

/* --- what actions do ----------------------------------------------------------------------------*/

void
txn_send(const struct txn_act *a, struct span text)
{
	if (text.len > 0)
		a->x->env.send(a->x->env.ctx, a->t, &a->t->flow, text);
}

void
txn_tell(const struct txn_act *a, enum txn_news news, const struct sip_msg *m)
{
	if (a->t->user != 0)
		a->x->env.tell(a->x->env.ctx, a->t, news, m);
}

void
txn_tell_timeout(void *obj, const void *arg)
{
	(void)arg;
	txn_tell(obj, TXN_TIMEOUT, NULL);
}

void
txn_tell_unreachable(void *obj, const void *arg)
{
	(void)arg;
	txn_tell(obj, TXN_UNREACHABLE, NULL);
}

void
txn_send_last(void *obj, const void *arg)
{
	const struct txn_act *a = obj;

	(void)arg;
	txn_send(a, txn_last(a->x, a->t));
}

void
txn_send_response(void *obj, const void *arg)
{
	txn_send(obj, *(const struct span *)arg);
}

/* Twice the room each time it must move: so a transaction that rings for an hour, with a response a
 * minute, takes at most twice its largest response. */
char *
txn_last_room(struct txns *x, struct txn *t, size_t n)
{
	uint32_t cap = t->last_cap;
	void *p;

	__atomic_store_n(&t->last.len, 0, __ATOMIC_RELEASE);
	if (n > cap) {
		size_t want = (n > 2 * (size_t)cap ? n : 2 * (size_t)cap) + 255;

		want = want - want % 256 > HEAP_TAKE_MAX ? HEAP_TAKE_MAX : want - want % 256;
		p = n > want ? NULL : arena_take(x->heap, &t->arena, pool_handle(x->pool, t), want);
		if (p == NULL)
			return NULL;
		/* The place before its size: between the two it only looks too small. */
		__atomic_store_n(&t->last.at, heap_offset(x->heap, p), __ATOMIC_RELEASE);
		__atomic_store_n(&t->last_cap, (uint32_t)want, __ATOMIC_RELEASE);
	}
	return heap_at(x->heap, t->last.at);
}

void
txn_last_set(struct txn *t, size_t len)
{
	__atomic_store_n(&t->last.len, (uint32_t)len, __ATOMIC_RELEASE);
}

bool
txn_keep_request(struct txns *x, struct txn *t, const void *bytes, size_t n)
{
	struct kept k;

	if (arena_keep(x->heap, &t->arena, pool_handle(x->pool, t), span_of(bytes, n), &k) !=
	    ERR_NONE)
		return false;
	t->request.at = k.at;
	__atomic_store_n(&t->request.len, k.len, __ATOMIC_RELEASE);
	return true;
}

/* --- client side --------------------------------------------------------------------------------*/

struct txn *
txn_client_new(
    struct txns *x, enum sip_method method, const struct sip_flow *to, handle user, bool important)
{
	struct txn *t = pool_take(x->pool, important);

	if (t == NULL)
		return NULL;
	t->kind = method == SIP_INVITE ? TXN_ICT : TXN_NICT;
	t->method = (uint8_t)method;
	t->flow = *to;
	t->reliable = sip_transport_reliable(to->transport);
	t->user = user;
	return t;
}

enum err
txn_client_send(struct txns *x, struct txn *t, struct span text)
{
	struct txn_act a = { x, t, pool_handle(x->pool, t) };

	must(!txn_is_server(t) && t->request.len == 0);
	if (text.len == 0 || !txn_keep_request(x, t, text.p, text.len)) {
		txn_drop(x, t);
		return ERR_FULL;
	}
	/* Timers A and E, B and F. Until the latter stands it counts as not sent. */
	if (!t->reliable)
		txn_retransmit_in(&a, x->timers.t1_ms);
	txn_timeout_in(&a, 64ull * x->timers.t1_ms);
	txn_send(&a, kept_span(x->heap, t->request));
	arm(x, t);
	return ERR_NONE;
}

void
txn_client_receive(struct txns *x, struct txn *t, const struct sip_msg *response)
{
	if (txn_is_server(t) || response->request || !txn_was_sent(t))
		return;
	t->status = response->status;
	txn_step(x, t, txn_status_event(txn_machine_of(t), response->status), response);
}

void
txn_cancel(struct txns *x, struct txn *t, struct span reason)
{
	if (t->kind == TXN_ICT && t->cancelled == TXN_CANCEL_NONE && t->request.len > 0)
		txn_step(x, t, ict_machine.cancel, &reason);
}

void
txn_let_go(struct txns *x, struct txn *t)
{
	struct txn_act a = { x, t, pool_handle(x->pool, t) };

	t->user = 0;
	if (t->kind != TXN_ICT || t->state != TXN_PROCEEDING || t->timeout_ns != 0)
		return;
	txn_timeout_in(&a, 64ull * x->timers.t1_ms);
	arm(x, t);
}

/* --- after a restart ----------------------------------------------------------------------------*/

static bool
half_made(const struct txn *t)
{
	if (t->kind > TXN_NIST || t->state >= TXN_N_STATES || t->state == TXN_TERMINATED ||
	    !txn_was_sent(t))
		return true;
	if (!txn_is_server(t))
		return t->state == TXN_CALLING && t->timeout_ns == 0;
	/* Nobody would answer it; a retransmission of the request begins anew. */
	return (t->kind == TXN_IST && t->state == TXN_CALLING) ||
	       (t->state < TXN_COMPLETED && t->user == 0);
}

/* The kill may have come between the state and its timers. */
static void
settle(struct txns *x, struct txn *t)
{
	struct txn_act a = { x, t, pool_handle(x->pool, t) };
	bool unset = t->timeout_ns == 0;

	if (t->kind == TXN_ICT && t->state == TXN_PROCEEDING)
		unset = unset || t->cancelled != TXN_CANCEL_SENT;
	else if (t->state == TXN_TRYING || t->state == TXN_PROCEEDING)
		unset = false;
	if (unset)
		txn_machine_of(t)->fsm->enter(&a, t->state);
}

/* It was sent, and its INVITE had not noted that yet: asked again, it would send another of the same
 * branch, for which the first took every answer. */
static void
note_cancel(struct txns *x, const struct txn *cancel)
{
	struct txn *t = txn_at(x, cancel->invite);
	struct txn_act a = { x, t, cancel->invite };

	if (t == NULL || t->kind != TXN_ICT || t->cancelled == TXN_CANCEL_SENT)
		return;
	t->cancelled = TXN_CANCEL_SENT;
	txn_timeout_in(&a, 64ull * x->timers.t1_ms);
}

static void
drop_half_made(struct txns *x)
{
	struct txn *next;

	for (struct txn *t = pool_next(x->pool, NULL); t != NULL; t = next) {
		next = pool_next(x->pool, t);
		if (half_made(t)) {
			arena_drop(x->heap, &t->arena);
			pool_drop(x->pool, t);
		} else if (t->kind == TXN_NICT && t->invite != 0) {
			note_cancel(x, t);
		}
	}
}

void
txn_say_again(struct txns *x, struct txn *t)
{
	struct txn_act a = { x, t, pool_handle(x->pool, t) };

	if (!t->reliable)
		return;
	if (!txn_is_server(t) && t->state == TXN_CALLING && t->cancelled == TXN_CANCEL_NONE)
		txn_send(&a, kept_span(x->heap, t->request));
	else if (t->kind == TXN_IST && t->state == TXN_COMPLETED)
		txn_send_last(&a, NULL);
}

void
txns_recover(struct txns *x)
{
	drop_half_made(x);
	for (struct txn *t = pool_next(x->pool, NULL); t != NULL; t = pool_next(x->pool, t)) {
		settle(x, t);
		txn_hash(x, t);
		txn_index(x, t);
		arm(x, t);
	}
}
