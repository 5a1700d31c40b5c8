/*
 * What is asked for by features/completion.c: each worker keeps, in its region, what it was asked, and looks
 * once a second whose turn it is. Nothing is counted and nobody is told: whether somebody is free is seen in
 * the calls and registrations that exist, so a process that was killed has missed nothing.
 *
 *     worker 0   | alice for bob | carol for bob | ...   it alone writes, all read: who comes first
 *     worker 1   | dave for bob  | ...
 *
 * Another worker cannot write here to cancel: it remembers when that was asked (recent.c), and what is
 * older is not in force. Nor can it be replaced there: who asks another worker for the same has two
 * requests until the first worker sees, within a second, that there is a later one. Two workers that ring
 * two callers for the same one at the very same moment do not see each other: the second finds him busy,
 * and is tried again.
 */
#include "worker/worker.h"

#include <string.h>

enum {
	AGAIN_S = 30,
	TRIES_MAX = 5,
	AT_ONCE = 4, /* that one event begins */
};

/* --- those of all workers -----------------------------------------------------------------------*/

static const struct completion *
slots_of(struct worker *w, unsigned worker)
{
	const char *region;
	size_t size;

	if (worker == w->child.index)
		return w->completions;
	if (w->completions_of[worker] == NULL) {
		region = child_region(&w->child, proc_of(ROLE_WORKER, worker), &size);
		if (region != NULL && size >= w->shape.size)
			w->completions_of[worker] =
			    (const void *)(region + w->shape.completions_at);
	}
	return w->completions_of[worker];
}

/* A recall that rings is not cancelled any more. */
static bool
is_in_force(struct worker *w, const struct completion *x)
{
	return x->state == COMPLETION_RECALLING ||
	       (x->until_ns > worker_now(w) &&
		   recent_at(w, RECENT_CANCELLED, x->account) < x->at_ns);
}

/* The next that is used behind *at, which counts through all slots of all workers. Whether it is in force
 * takes longer to find out than whom it is for: that is for the caller to ask then. */
static bool
next(struct worker *w, unsigned *at, struct completion *r)
{
	unsigned end = w->settings->processes.workers * COMPLETIONS;

	while (*at < end) {
		const struct completion *slots = slots_of(w, *at / COMPLETIONS);
		unsigned i = *at % COMPLETIONS;

		++*at;
		if (slots != NULL && completion_read(&slots[i], r))
			return true;
	}
	return false;
}

static bool
is_of_same(const struct completion *a, const struct completion *b)
{
	return a->account == b->account && a->called == b->called;
}

/* He has asked another worker for the same since. */
static bool
is_replaced(struct worker *w, const struct completion *x)
{
	struct completion y;
	unsigned at = 0;

	while (next(w, &at, &y))
		if (is_of_same(x, &y) && y.at_ns > x->at_ns && is_in_force(w, &y))
			return true;
	return false;
}

unsigned
completions_of(struct worker *w, uint64_t account, struct completion *list_r, unsigned most)
{
	struct completion x;
	unsigned n = 0, at = 0;

	while (n < most && next(w, &at, &x))
		if (x.account == account && is_in_force(w, &x) && !is_replaced(w, &x))
			list_r[n++] = x;
	return n;
}

void
completions_cancel(struct worker *w, uint64_t account)
{
	recent_put(w, RECENT_CANCELLED, account, SPAN_NONE);
}

static bool
is_before(const struct completion *a, const struct completion *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->account < b->account;
}

bool
completion_waits_behind(struct worker *w, const struct completion *x)
{
	struct completion y;
	unsigned at = 0;

	while (next(w, &at, &y)) {
		if (y.called != x->called || y.account == x->account || !is_in_force(w, &y))
			continue;
		if (y.state == COMPLETION_RECALLING)
			return true;
		/* One whose caller is busy himself is passed over for as long (TS 24.642: suspended). */
		if (is_before(&y, x) && y.seen && y.next_ns <= worker_now(w) &&
		    completion_is_free(w, y.tenant, y.account, span_str(y.user)))
			return true;
	}
	return false;
}

/* --- ours ---------------------------------------------------------------------------------------*/

void
completion_drop(struct completion *x)
{
	__atomic_store_n(&x->state, COMPLETION_FREE, __ATOMIC_RELEASE);
}

void
completion_again(struct worker *w, struct completion *x)
{
	x->next_ns = worker_now(w) + AGAIN_S * NS_PER_S;
	__atomic_store_n(&x->state, x->tries < TRIES_MAX ? COMPLETION_WAITING : COMPLETION_FREE,
	    __ATOMIC_RELEASE);
}

static void
fill(struct worker *w, struct completion *x, const struct completion *want)
{
	uint32_t version = x->version + 1;
	struct completion new = *want;

	new.version = version;
	new.state = COMPLETION_FREE;
	new.at_ns = worker_now(w);
	new.until_ns = new.at_ns + COMPLETION_LASTS_S *NS_PER_S;
	__atomic_store_n(&x->version, version, __ATOMIC_RELEASE); /* it was made free before */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*x = new;
	__atomic_store_n(&x->state, COMPLETION_WAITING, __ATOMIC_RELEASE);
}

/* A free slot, or that of an earlier one of the same two. */
static struct completion *
room_for(struct worker *w, const struct completion *want)
{
	struct completion *room = NULL;

	for (struct completion *x = w->completions; x < w->completions + COMPLETIONS; x++) {
		if (x->state == COMPLETION_WAITING && is_of_same(x, want))
			return x;
		if (x->state == COMPLETION_FREE)
			room = x;
	}
	return room;
}

const char *
completion_add(struct worker *w, const struct completion *want)
{
	struct completion *room = room_for(w, want), y;
	unsigned his = 0, for_him = 0, at = 0;

	while (next(w, &at, &y)) {
		if ((y.account != want->account && y.called != want->called) || !is_in_force(w, &y))
			continue;
		if (is_of_same(&y, want) && y.state == COMPLETION_RECALLING)
			return NULL; /* his phone rings for it */
		his += y.account == want->account && y.called != want->called;
		for_him += y.called == want->called && y.account != want->account;
	}
	if (his >= COMPLETIONS_EACH || for_him >= COMPLETIONS_EACH || room == NULL)
		return "Too many wait already";
	completion_drop(room);
	fill(w, room, want);
	completions_arm(w);
	return NULL;
}

struct completion *
completion_of(struct worker *w, const struct call *c)
{
	struct completion *x = c->recall == 0 ? NULL : &w->completions[c->recall - 1];

	return x != NULL && x->state == COMPLETION_RECALLING &&
		       x->recall == pool_handle(&w->calls, c)
		   ? x
		   : NULL;
}

/* --- the timer ----------------------------------------------------------------------------------*/

/* True: a call was begun. */
static bool
attend(struct worker *w, struct completion *x)
{
	if (x->state == COMPLETION_RECALLING) {
		if (call_at(w, x->recall) == NULL) /* killed as it began */
			completion_again(w, x);
		return false;
	}
	if (!is_in_force(w, x) || is_replaced(w, x)) {
		completion_drop(x);
		return false;
	}
	return completion_is_due(w, x) && recall_begin(w, x);
}

void
completions_arm(struct worker *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < COMPLETIONS; i++)
		n += w->completions[i].state != COMPLETION_FREE;
	wheel_set(w->wheel, &w->completion_timer, n == 0 ? 0 : worker_now(w) + NS_PER_S);
}

void
completions_tick(struct worker *w)
{
	bool may = worker_has_tables(w);
	unsigned begun = 0;

	for (unsigned i = 0; i < COMPLETIONS && may && begun < AT_ONCE; i++) {
		size_t used = w->scratch_used;

		if (w->completions[i].state != COMPLETION_FREE)
			begun += attend(w, &w->completions[i]);
		w->scratch_used = used;
	}
	completions_arm(w);
}
