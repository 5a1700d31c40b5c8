/*
 * Whom a subscriber dialled last and who called him last, for features/again.c; whom he missed and that he
 * wants no call completed any more, for completion.c. Each worker writes its own slots, in its region, and
 * reads those of the others: the latest counts. Each of a subscriber's four is looked for in WAYS places; who
 * finds them full takes the oldest, but of what was cancelled only what no completion outlives.
 *
 *     worker 0 writes   | version key at number | ...     version: odd while the slot changes
 *     worker 1 reads      version, the rest, version again: the same, or there is none
 *
 * It is a memory, not a truth: bounded, and read without waiting for anybody. It stands in the region, not in
 * SQL, because nothing on the way of a call waits for the database: it survives the worker and the exchange's
 * restart, not the machine's, after which the codes say that nobody called.
 */
#include "worker/worker.h"

#include <string.h>

enum { WAYS = 4, KIND_AT = 60 };

static uint64_t
key_of(enum recent_kind kind, uint64_t account)
{
	return (uint64_t)kind << KIND_AT ^ account;
}

static unsigned
set_of(uint64_t key)
{
	return (key * 0x9e3779b97f4a7c15u) >> 32 & (WORKER_RECENTS - 1) & ~(WAYS - 1u);
}

/* From when on it may be given up. */
static uint64_t
kept_until(const struct recent *x)
{
	static const uint64_t lasts_ns = COMPLETION_LASTS_S * NS_PER_S;

	return x->key >> KIND_AT == RECENT_CANCELLED ? x->at_ns + lasts_ns : x->at_ns;
}

static struct recent *
slot_for(struct worker *w, uint64_t key)
{
	struct recent *set = &w->recents[set_of(key)], *oldest = set;

	for (struct recent *x = set; x < set + WAYS; x++) {
		if (x->key == key)
			return x;
		if (kept_until(x) < kept_until(oldest))
			oldest = x;
	}
	return oldest;
}

void
recent_put(struct worker *w, enum recent_kind kind, uint64_t account, struct span number)
{
	recent_put_once(w, kind, account, number, 0);
}

void
recent_put_once(
    struct worker *w, enum recent_kind kind, uint64_t account, struct span number, unsigned once)
{
	uint64_t key = key_of(kind, account);
	struct recent *x = slot_for(w, key);

	if (account == 0 || number.len >= sizeof(x->number))
		return;
	__atomic_store_n(&x->version, x->version | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	x->key = key;
	x->at_ns = worker_now(w);
	x->once = once;
	span_cstr(number, x->number, sizeof(x->number));
	__atomic_store_n(&x->version, (x->version | 1) + 1, __ATOMIC_RELEASE);
}

/* A writer that was killed in between left it odd: it is none until it is written again. */
static bool
read_slot(const struct recent *x, uint64_t key, struct recent *r)
{
	uint32_t version = __atomic_load_n(&x->version, __ATOMIC_ACQUIRE);

	if (version & 1)
		return false;
	memcpy(r, x, sizeof(*r));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	r->number[sizeof(r->number) - 1] = '\0';
	return __atomic_load_n(&x->version, __ATOMIC_RELAXED) == version && r->key == key;
}

static const struct recent *
recents_of(struct worker *w, unsigned worker)
{
	const char *region;
	size_t size;

	if (worker == w->child.index)
		return w->recents;
	if (w->recents_of[worker] == NULL) {
		region = child_region(&w->child, proc_of(ROLE_WORKER, worker), &size);
		if (region != NULL && size >= w->shape.size)
			w->recents_of[worker] = (const void *)(region + w->shape.recents_at);
	}
	return w->recents_of[worker];
}

/* Of all workers'; all 0: none. */
static struct recent
latest_of(struct worker *w, enum recent_kind kind, uint64_t account)
{
	uint64_t key = key_of(kind, account);
	struct recent latest = { 0 }, x;

	for (unsigned i = 0; i < w->settings->processes.workers; i++) {
		const struct recent *all = recents_of(w, i);

		for (unsigned k = 0; all != NULL && k < WAYS; k++)
			if (read_slot(&all[set_of(key) + k], key, &x) && x.at_ns >= latest.at_ns)
				latest = x;
	}
	return latest;
}

struct span
recent_find(struct worker *w, enum recent_kind kind, uint64_t account)
{
	struct recent x = latest_of(w, kind, account);

	return scratch_keep(w, span_str(x.number));
}

uint64_t
recent_at(struct worker *w, enum recent_kind kind, uint64_t account)
{
	return latest_of(w, kind, account).at_ns;
}

unsigned
recent_once(struct worker *w, enum recent_kind kind, uint64_t account)
{
	return latest_of(w, kind, account).once;
}
