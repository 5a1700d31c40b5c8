/*
 * All subscriptions: the indexes of who watches whom and who has how many, and what a registrar finds of
 * them when it starts. Indexes and timers are private and made from what stands in the pool.
 */
#include "registrar/registrar.h"

#include "base/log.h"

/* --- indexes -----------------------------------------------------------------------------------*/

static uint64_t
watcher_hash(const struct registrar *r, uint64_t watcher)
{
	return hash_bytes(&r->challenge.key, &watcher, sizeof(watcher));
}

void
subscriptions_put(struct registrar *r, const struct subscription *s)
{
	uint32_t index = pool_index(&r->subscriptions, s);

	if (packages[s->package].calls && !subscriptions_of_calls(r, s->subject))
		calls_watch(r, s->subject);
	table_put(&r->subjects, s->subject, index);
	table_put(&r->watchers, watcher_hash(r, s->watcher), index);
}

void
subscriptions_remove(struct registrar *r, const struct subscription *s)
{
	uint32_t index = pool_index(&r->subscriptions, s);

	table_remove(&r->subjects, s->subject, index);
	table_remove(&r->watchers, watcher_hash(r, s->watcher), index);
	if (packages[s->package].calls && !subscriptions_of_calls(r, s->subject))
		calls_forget(r, s->subject);
}

unsigned
subscriptions_of(const struct registrar *r, uint64_t watcher)
{
	uint32_t cursor = 0, index;
	unsigned n = 0;

	while (table_find(&r->watchers, watcher_hash(r, watcher), &cursor, &index))
		n++;
	return n;
}

void
subscriptions_changed(
    struct registrar *r, enum package_id package, uint32_t tenant, struct span user)
{
	uint64_t hash;
	uint32_t cursor = 0, index;

	if (r->subscriptions.live == 0)
		return;
	hash = call_user_hash(&r->challenge.key, tenant, user);
	/* A change drops none, so the walk is not disturbed. */
	while (table_find(&r->subjects, hash, &cursor, &index)) {
		struct subscription *s = pool_at(&r->subscriptions, index);

		if (s->package == package)
			subscription_changed(r, s);
	}
}

static void
all_calls_changed(struct registrar *r)
{
	struct subscription *s = NULL;

	while ((s = pool_next(&r->subscriptions, s)) != NULL)
		if (packages[s->package].calls)
			subscription_changed(r, s);
}

void
subscriptions_calls_changed(struct registrar *r, uint64_t user)
{
	uint32_t cursor = 0, index;

	if (user == 0) {
		all_calls_changed(r);
		return;
	}
	while (table_find(&r->subjects, user, &cursor, &index)) {
		struct subscription *s = pool_at(&r->subscriptions, index);

		if (packages[s->package].calls)
			subscription_changed(r, s);
	}
}

bool
subscriptions_of_calls(const struct registrar *r, uint64_t user)
{
	uint32_t cursor = 0, index;

	while (table_find(&r->subjects, user, &cursor, &index)) {
		const struct subscription *s = pool_at(&r->subscriptions, index);

		if (packages[s->package].calls)
			return true;
	}
	return false;
}

/* --- the start ---------------------------------------------------------------------------------*/

void
subscriptions_lay_out(struct registrar *r, char *region)
{
	pool_init(&r->subscriptions, region + r->shape.subscriptions_at,
	    REGISTRAR_SUBSCRIPTION_BYTES, r->shape.subscriptions,
	    handle_owner_of(KIND_SUBSCRIPTION, r->child.proc), 0);
	table_init(&r->subjects, 64);
	table_init(&r->watchers, 64);
}

/* Its NOTIFY was not sent, or was answered and the answer not heard. */
static bool
owes_notify(struct registrar *r, const struct subscription *s)
{
	const struct txn *t = txn_at(&r->txns, s->notify);

	switch ((enum subscription_state)s->state) {
	case SUB_SENDING:
	case SUB_BEHIND:
	case SUB_ENDING:
	case SUB_LAST:
		return s->send_ns == 0 && (t == NULL || t->state == TXN_COMPLETED);
	case SUB_PACED:
		return s->send_ns == 0;
	case SUB_NEW:
	case SUB_QUIET:
	case SUB_GONE:
	case SUB_N_STATES:
		break;
	}
	return false;
}

void
subscriptions_recover(struct registrar *r)
{
	struct subscription *next;

	for (struct subscription *s = pool_next(&r->subscriptions, NULL); s != NULL; s = next) {
		next = pool_next(&r->subscriptions, s);
		/* Killed before it was answered: its SUBSCRIBE comes again and makes another. */
		if (s->state == SUB_NEW || s->state >= SUB_GONE) {
			arena_drop(&r->heap, &s->arena);
			pool_drop(&r->subscriptions, s);
			continue;
		}
		subscriptions_put(r, s);
		if (owes_notify(r, s))
			s->send_ns = r->child.clock.mono_ns;
		if (s->state == SUB_ENDING || s->state == SUB_LAST)
			s->expires_ns = 0; /* killed before its time stood still */
		/* What changed meanwhile, if anything did. */
		subscription_changed(r, s);
	}
	if (r->subscriptions.live > 0)
		log_info("subscriptions taken up", LOG_U64("subscriptions", r->subscriptions.live));
}
