/*
 * What hunt groups remember of the calls before: whom a group rang last, and when a subscriber was idle
 * last. Each worker writes its own words, in its region, and reads those of the others: the latest counts.
 *
 *     worker 0 writes   | key value at | ...      key: what it is of; 0 while the word changes
 *     worker 1 reads      key, value and at, key again: the same, or there is none
 *
 * It is a memory, not a truth: two whose places meet forget each other, and two calls that begin at the
 * very same moment in two workers do not know of each other. It survives the worker (kill -9), not the
 * machine.
 */
#include "worker/worker.h"

enum memory_kind { MEMORY_RUNG = 1, MEMORY_IDLE };

static uint64_t
key_of(enum memory_kind kind, uint64_t id)
{
	return (uint64_t)kind << 62 ^ id;
}

static unsigned
place_of(uint64_t key)
{
	return (key * 0x9e3779b97f4a7c15u) >> 32 & (WORKER_GROUP_WORDS - 1);
}

static void
remember(struct worker *w, enum memory_kind kind, uint64_t id, uint64_t value)
{
	uint64_t key = key_of(kind, id);
	struct group_word *x = &w->group_words[place_of(key)];

	/* A kill in between leaves nothing, not another's; and so a reader finds it. */
	__atomic_store_n(&x->key, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&x->value, value, __ATOMIC_RELAXED);
	__atomic_store_n(&x->at_ns, worker_now(w), __ATOMIC_RELAXED);
	__atomic_store_n(&x->key, key, __ATOMIC_RELEASE);
}

static const struct group_word *
words_of(struct worker *w, unsigned worker)
{
	const char *region;
	size_t size;

	if (worker == w->child.index)
		return w->group_words;
	if (w->words_of[worker] == NULL) {
		region = child_region(&w->child, proc_of(ROLE_WORKER, worker), &size);
		if (region != NULL && size >= w->shape.size)
			w->words_of[worker] = (const void *)(region + w->shape.groups_at);
	}
	return w->words_of[worker];
}

static bool
read_word(const struct group_word *x, uint64_t key, struct group_word *r)
{
	if (__atomic_load_n(&x->key, __ATOMIC_ACQUIRE) != key)
		return false;
	r->value = __atomic_load_n(&x->value, __ATOMIC_RELAXED);
	r->at_ns = __atomic_load_n(&x->at_ns, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&x->key, __ATOMIC_RELAXED) == key;
}

/* The latest of all workers'; all 0: none. */
static struct group_word
remembered(struct worker *w, enum memory_kind kind, uint64_t id)
{
	uint64_t key = key_of(kind, id);
	struct group_word latest = { 0 }, x = { 0 };

	for (unsigned i = 0; i < w->settings->processes.workers; i++) {
		const struct group_word *words = words_of(w, i);

		if (words != NULL && read_word(&words[place_of(key)], key, &x) &&
		    x.at_ns >= latest.at_ns)
			latest = x;
	}
	return latest;
}

void
group_rung(struct worker *w, const struct call *c, const struct target *t)
{
	const struct segment *s =
	    t->member == 0 ? NULL : group_segment(w, c, segment_at(w, t->segment));

	if (s != NULL)
		remember(w, MEMORY_RUNG, s->group, t->member);
}

uint64_t
group_last(struct worker *w, const struct dir_group *g)
{
	return remembered(w, MEMORY_RUNG, g->id).value;
}

void
group_idle(struct worker *w, const struct party *p)
{
	if (p->answer_ms != 0 && p->kind == TARGET_CONTACT && p->user.len > 0 && p->account != 0)
		remember(w, MEMORY_IDLE, p->account, 0);
}

uint64_t
group_idle_last(struct worker *w, uint64_t account)
{
	return remembered(w, MEMORY_IDLE, account).at_ns;
}

uint64_t
group_idle_since(struct worker *w, const struct call *c, const struct dir_subscriber *s)
{
	if (callstate_count(w, c->tenant, c, dir_text(s, s->user)) > 0)
		return worker_now(w);
	return remembered(w, MEMORY_IDLE, s->id).at_ns;
}
