/*
 * What a registrar finds when it starts, an empty region or what its predecessor left, killed at
 * any instruction or stopped: the location table is taken over as it is, answers that may have to
 * be repeated are repeated still. Indexes and timers are made from them here.
 */
#include "registrar/registrar.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"

static void *
private_memory(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		fatal(errno, "no memory for %zu times %zu bytes", n, size);
	return p;
}

/* --- what the transactions want ----------------------------------------------------------------*/

static void
transmit(void *ctx, struct txn *t, const struct sip_flow *to, struct span bytes)
{
	struct registrar *r = ctx;

	outbox_put(r->outbox, to, bytes, pool_handle(&r->txn_pool, t));
}

static void
tell(void *ctx, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	subscription_on_news(ctx, t, news, m); /* nobody waits for what becomes of an answer */
}

static void
arm(void *ctx, struct txn *t, uint64_t deadline_ns)
{
	struct registrar *r = ctx;

	wheel_set(r->wheel, &r->timers[pool_index(&r->txn_pool, t)], deadline_ns);
}

static bool
is_in(const struct wheel_timer *t, const struct wheel_timer *array, uint32_t n)
{
	return t >= array && t < array + n;
}

static void
fire(void *ctx, struct wheel_timer *t)
{
	struct registrar *r = ctx;

	if (is_in(t, r->subscription_timers, r->shape.subscriptions))
		subscription_on_timer(
		    r, pool_at(&r->subscriptions, (uint32_t)(t - r->subscription_timers)));
	else if (is_in(t, r->publication_timers, r->shape.publications))
		publication_on_timer(
		    r, pool_at(&r->publications, (uint32_t)(t - r->publication_timers)));
	else
		txn_fire(&r->txns, pool_at(&r->txn_pool, (uint32_t)(t - r->timers)));
}

void
registrar_timers(struct registrar *r)
{
	wheel_run(r->wheel, r->child.clock.mono_ns, fire, r);
}

/* --- the start ---------------------------------------------------------------------------------*/

static const struct arena *
arena_of(void *ctx, handle owner)
{
	struct registrar *r = ctx;
	const struct subscription *s;
	const struct txn *t;

	if (handle_kind(owner) == KIND_SUBSCRIPTION) {
		s = pool_find(&r->subscriptions, owner);
		return s == NULL ? NULL : &s->arena;
	}
	t = pool_find(&r->txn_pool, owner);
	return t == NULL ? NULL : &t->arena;
}

static struct txn_timers
timers_of(const struct settings *s)
{
	return (struct txn_timers){ s->timers.t1_ms, s->timers.t2_ms, s->timers.t4_ms };
}

void
registrar_settings(struct registrar *r)
{
	r->settings = child_settings(&r->child);
	outbox_settings(r->outbox, r->settings);
	log_level_set((enum log_level)r->settings->log_level);
	r->txns.timers = timers_of(r->settings);
}

static void
take_up_txns(struct registrar *r, char *region)
{
	const struct txn_env env = { .ctx = r, .send = transmit, .tell = tell, .arm = arm };
	const struct txn_timers timers = timers_of(r->settings);

	pool_init(&r->txn_pool, region + r->shape.txns_at, sizeof(struct txn), r->shape.txns,
	    handle_owner_of(KIND_TXN, r->child.proc), r->shape.txns_reserve);
	subscriptions_lay_out(r, region);
	publications_lay_out(r, region);
	heap_init(&r->heap, region + r->shape.heap_at, r->shape.blocks);
	txns_init(
	    &r->txns, &r->txn_pool, &r->heap, &r->child.clock, &env, &timers, &r->challenge.key);
	heap_sweep(&r->heap, arena_of, r);
	txns_recover(&r->txns);
	publications_recover(r);
	subscriptions_recover(r);
}

void
registrar_init(struct registrar *r)
{
	char *region = (char *)r->child.self;
	enum err e;

	registrar_shape(r->settings, &r->shape);
	if (r->child.self_size < r->shape.size)
		fatal(0, "the registrar's region has %zu bytes, %zu are needed", r->child.self_size,
		    r->shape.size);
	clock_read(&r->child.clock);
	r->challenge = (struct challenge){ .directory = &r->directory,
		.nonces = r->child.nonces,
		.clock = &r->child.clock,
		.key = r->child.exchange->token_key };
	r->wheel = wheel_new(r->child.clock.mono_ns);
	r->timers = private_memory(r->shape.txns, sizeof(*r->timers));
	r->subscription_timers =
	    private_memory(r->shape.subscriptions, sizeof(*r->subscription_timers));
	r->publication_timers =
	    private_memory(r->shape.publications, sizeof(*r->publication_timers));
	r->text = private_memory(1, TEXT_BYTES);
	r->document = private_memory(1, DOCUMENT_BYTES);
	r->message = private_memory(1, SIP_MSG_ROOM(SIP_RAW_MAX));
	r->outbox = outbox_new(&r->child, r->settings);
	r->head = (struct registrar_head *)(void *)(region + r->shape.head_at);
	e = locations_own(&r->locations, region + r->shape.locations_at, r->shape.locations_size,
	    r->shape.bindings);
	if (e != ERR_NONE)
		fatal(0, "the location table: %s", err_name(e));
	table_init(&r->downs[0], 64);
	table_init(&r->downs[1], 64);
	table_init(&r->said, 64);
	r->watched = (struct watched *)(void *)(region + r->shape.watched_at);
	calls_open(r);
	take_up_txns(r, region);
}

bool
registrar_has_directory(struct registrar *r)
{
	const char *mem;
	size_t size;

	if (!r->directory_open) {
		mem = child_region(&r->child, proc_of(ROLE_STORE, 0), &size);
		r->directory_open = mem != NULL && size > PROCESS_HEAD &&
				    directory_open(&r->directory, mem + PROCESS_HEAD,
					size - PROCESS_HEAD) == ERR_NONE;
	}
	return r->directory_open && directory_filled(&r->directory);
}
