/* The worker's private memory, its turn, its timers. */
#include "worker/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* --- what the transaction engine is given -------------------------------------------------------*/

static void
txn_send_out(void *ctx, struct txn *t, const struct sip_flow *to, struct span text)
{
	struct worker *w = ctx;
	const struct leg *l =
	    to->transport == SIP_T_TLS && to->conn == 0 ? leg_at(w, t->user) : NULL;

	outbox_put_host(w->outbox, to, text, pool_handle(&w->txn_pool, t),
	    l == NULL ? SPAN_NONE : leg_peer_name(w, l));
}

static void
txn_news(void *ctx, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	if (handle_kind(t->user) == KIND_TXN)
		message_on_txn(ctx, t, news, m);
	else
		leg_on_txn(ctx, t, news, m);
}

static void
txn_arm(void *ctx, struct txn *t, uint64_t deadline_ns)
{
	struct worker *w = ctx;

	wheel_set(w->wheel, &w->txn_timers[pool_index(&w->txn_pool, t)], deadline_ns);
}

/* --- start --------------------------------------------------------------------------------------*/

static void *
private_memory(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		fatal(0, "no memory for %zu objects of %zu bytes", n, size);
	return p;
}

static struct txn_timers
timers_of(const struct settings *s)
{
	return (struct txn_timers){ s->timers.t1_ms, s->timers.t2_ms, s->timers.t4_ms };
}

void
worker_settings(struct worker *w)
{
	w->settings = child_settings(&w->child);
	log_level_set(w->settings->log_level);
	outbox_settings(w->outbox, w->settings);
	w->txns.timers = timers_of(w->settings);
}

void
worker_init(struct worker *w)
{
	struct txn_env env = { w, txn_send_out, txn_news, txn_arm };
	struct txn_timers timers = timers_of(w->settings);

	worker_shape(w->settings, &w->shape);
	w->call_timers = private_memory(w->shape.calls, sizeof(*w->call_timers));
	w->leg_timers = private_memory(w->shape.legs, sizeof(*w->leg_timers));
	w->txn_timers = private_memory(w->shape.txns, sizeof(*w->txn_timers));
	w->relay_timers = private_memory(w->shape.txns, sizeof(*w->relay_timers));
	w->ringing = ringing_new(w->shape.calls);
	w->scratch = private_memory(1, SCRATCH_BYTES);
	w->text = private_memory(1, OUT_TEXT);
	w->message = private_memory(1, SIP_MSG_ROOM(SIP_RAW_MAX));
	w->wheel = wheel_new(worker_now(w));
	w->outbox = outbox_new(&w->child, w->settings);
	w->challenge =
	    (struct challenge){ &w->directory, w->child.nonces, &w->child.clock, w->key };
	w->backlog_end = &w->backlog;
	w->resolving = resolve_new(w);
	worker_open_tables(w); /* recover() reads them */
	recover_lay_out(w);
	txns_init(&w->txns, &w->txn_pool, &w->heap, &w->child.clock, &env, &timers, &w->key);
	recover(w);
	message_recover(w);
}

bool
worker_has_tables(struct worker *w)
{
	if (w->directory.records.head == NULL || w->locations.records.head == NULL)
		worker_open_tables(w);
	return w->directory.records.head != NULL && w->locations.records.head != NULL &&
	       directory_filled(&w->directory);
}

/* --- a turn -------------------------------------------------------------------------------------*/

void
worker_drain(struct worker *w)
{
	while (w->notes_n > 0) {
		struct note n = w->notes[w->notes_first];

		w->notes_first = (w->notes_first + 1) % NOTES_MAX;
		w->notes_n--;
		call_on_note(w, &n);
	}
	note_publish(w);
	call_unmark_all(w);
	w->scratch_used = 0;
}

static bool
is_in(const struct wheel_timer *t, const struct wheel_timer *array, uint32_t n)
{
	return t >= array && t < array + n;
}

static void
fire(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;

	if (is_in(t, w->txn_timers, w->shape.txns))
		txn_fire(&w->txns, pool_at(&w->txn_pool, (uint32_t)(t - w->txn_timers)));
	else if (is_in(t, w->relay_timers, w->shape.txns))
		message_on_timer(w, pool_at(&w->txn_pool, (uint32_t)(t - w->relay_timers)));
	else if (is_in(t, w->leg_timers, w->shape.legs))
		leg_on_timer(w, pool_at(&w->legs, (uint32_t)(t - w->leg_timers)));
	else if (t == &w->completion_timer)
		completions_tick(w);
	else if (!resolve_fire(w, t))
		call_on_timer(w, pool_at(&w->calls, (uint32_t)(t - w->call_timers)));
	worker_drain(w);
}

void
worker_timers(struct worker *w)
{
	wheel_run(w->wheel, worker_now(w), fire, w);
}

/* --- scratch ------------------------------------------------------------------------------------*/

void *
scratch_take(struct worker *w, size_t n)
{
	void *p = w->scratch + w->scratch_used;

	n = (n + 7) & ~(size_t)7;
	if (n > SCRATCH_BYTES - w->scratch_used)
		return NULL;
	w->scratch_used += n;
	return p;
}

struct span
scratch_keep(struct worker *w, struct span s)
{
	char *p = s.len == 0 ? NULL : scratch_take(w, s.len);

	if (p == NULL)
		return SPAN_NONE;
	memcpy(p, s.p, s.len);
	return span_of(p, s.len);
}

struct buf
scratch_buf(struct worker *w, size_t cap)
{
	char *p = scratch_take(w, cap);

	return p == NULL ? buf_on(NULL, 0) : buf_on(p, cap);
}

void
scratch_end(struct worker *w, const struct buf *b)
{
	if (b->p != NULL && b->p + ((b->cap + 7) & ~(size_t)7) == w->scratch + w->scratch_used)
		w->scratch_used -= ((b->cap + 7) & ~(size_t)7) - ((b->len + 7) & ~(size_t)7);
}
