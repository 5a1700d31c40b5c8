/* Names on their way to addresses: who waits for which, and until when. See resolve.h. */
#include "worker/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rand.h"
#include "worker/worker.h"

enum { WAITS = 256, WAITERS = 4096, LOOK_MS = 500 };

struct waiter { /* a call, a leg or the relay of a MESSAGE */
	handle who;
	uint32_t which;
	uint32_t next; /* + 1; 0 = last */
};

struct wait { /* a name that the resolver was asked for */
	struct wheel_timer timer;
	struct locate_question question;
	uint64_t serial; /* 0: free; else its number, which its ticket bears too */
	uint64_t until_ns;
	uint32_t generation;  /* of the resolver that was asked; 0: its ring was full */
	uint32_t first, last; /* waiters, + 1 */
};

struct resolver_wait {
	uint64_t serial;
	uint32_t spare; /* first free waiter, + 1 */
	struct wait waits[WAITS];
	struct waiter waiters[WAITERS];
};

struct resolver_wait *
resolve_new(struct worker *w)
{
	struct resolver_wait *all = calloc(1, sizeof(*all));

	(void)w;
	if (all == NULL)
		fatal(0, "no memory for names");
	/* An answer to a worker that died means nothing to its successor. */
	all->serial = rand_u64() >> 16;
	for (uint32_t i = WAITERS; i > 0; i--) {
		all->waiters[i - 1].next = all->spare;
		all->spare = i;
	}
	return all;
}

void
resolve_drop(struct resolver_wait *all)
{
	free(all);
}

/* --- asking -------------------------------------------------------------------------------------*/

static uint64_t
ticket_of(const struct resolver_wait *all, const struct wait *x)
{
	return x->serial * WAITS + (uint64_t)(x - all->waits);
}

static uint32_t
resolver_generation(const struct worker *w)
{
	const struct process_row *row = &w->child.exchange->rows[proc_of(ROLE_RESOLVER, 0)];

	return __atomic_load_n(&row->generation, __ATOMIC_RELAXED);
}

static void
ask(struct worker *w, struct wait *x)
{
	struct ring *out = child_out(&w->child, ROLE_RESOLVER, 0);
	const uint32_t len = sizeof(struct wire_resolve) + sizeof(x->question);
	struct wire_resolve *m = out == NULL ? NULL : ring_reserve(out, WIRE_RESOLVE, len);

	x->generation = 0;
	if (m == NULL)
		return;
	*m = (struct wire_resolve){ .ticket = ticket_of(w->resolving, x),
		.len = sizeof(x->question) };
	memcpy(m->data, &x->question, sizeof(x->question));
	ring_commit(out, len);
	x->generation = resolver_generation(w);
}

static bool
is_same(const struct locate_question *a, const struct locate_question *b)
{
	return a->ways == b->ways && a->port == b->port && a->transport == b->transport &&
	       a->sips == b->sips && strcmp(a->name, b->name) == 0;
}

/* The wait for this question, perhaps a new one (whose question is empty); NULL: none is free. */
static struct wait *
wait_for(struct resolver_wait *all, const struct locate_question *q)
{
	struct wait *spare = NULL;

	for (unsigned i = 0; i < WAITS; i++) {
		struct wait *x = &all->waits[i];

		if (x->serial != 0 && is_same(&x->question, q))
			return x;
		if (x->serial == 0 && spare == NULL)
			spare = x;
	}
	return spare;
}

static void
join(struct resolver_wait *all, struct wait *x, handle who, uint32_t which)
{
	uint32_t me = all->spare;
	struct waiter *waiter = &all->waiters[me - 1];

	all->spare = waiter->next;
	*waiter = (struct waiter){ who, which, 0 };
	if (x->first == 0)
		x->first = me;
	else
		all->waiters[x->last - 1].next = me;
	x->last = me;
}

static void
look_again(struct worker *w, struct wait *x)
{
	uint64_t next = worker_now(w) + LOOK_MS * NS_PER_MS;

	wheel_set(w->wheel, &x->timer, next < x->until_ns ? next : x->until_ns);
}

static enum err
wait_begin(struct worker *w, const struct locate_question *q, handle who, uint32_t which)
{
	struct resolver_wait *all = w->resolving;
	struct wait *x = all->spare == 0 ? NULL : wait_for(all, q);

	if (x == NULL)
		return ERR_FULL;
	if (x->serial == 0) {
		x->question = *q;
		x->serial = ++all->serial;
		x->first = x->last = 0;
		x->until_ns = worker_now(w) + RESOLVE_MS * NS_PER_MS;
		ask(w, x);
		look_again(w, x);
	}
	join(all, x, who, which);
	return ERR_AGAIN;
}

/* --- answers ------------------------------------------------------------------------------------*/

static void
fill(const struct locate_plan *plan, struct resolved *r_r)
{
	r_r->status = (enum locate_status)plan->status;
	r_r->n = plan->n;
	locate_order(plan, rand_u64(), r_r->places);
}

enum err
resolve_start(
    struct worker *w, const struct sip_uri *uri, handle who, uint32_t which, struct resolved *r_r)
{
	uint32_t ways = plan_ways(w->settings);
	struct locate_question q;
	struct locate_plan plan;
	enum err e;

	*r_r = (struct resolved){ .status = LOCATE_FOUND, .n = 1 };
	if (uri->scheme != SIP_S_SIP && uri->scheme != SIP_S_SIPS)
		return ERR_SYNTAX;
	e = locate_literal(uri, ways, &r_r->places[0]);
	if (e != ERR_ABSENT)
		return e;
	e = locate_question_of(uri, ways, &q);
	if (e != ERR_NONE)
		return e;
	if (plans_find(&w->plans, &q, worker_now(w), &plan) != ERR_NONE)
		return wait_begin(w, &q, who, which);
	fill(&plan, r_r);
	return ERR_NONE;
}

bool
resolve_may(struct worker *w, const struct sip_uri *uri)
{
	struct locate_question q;

	return locate_question_of(uri, plan_ways(w->settings), &q) == ERR_NONE;
}

static void
tell(struct worker *w, const struct waiter *waiter, const struct resolved *r)
{
	switch ((enum object_kind)handle_kind(waiter->who)) {
	case KIND_CALL:
		call_on_resolved(w, waiter->who, waiter->which, r);
		break;
	case KIND_LEG:
		leg_on_resolved(w, waiter->who, waiter->which, r);
		break;
	case KIND_TXN:
		message_on_resolved(w, waiter->who, waiter->which, r);
		break;
	case KIND_CONN:
		break;
	}
}

/* Each waiter gets an order of its own. The wait is free before the first of them hears of it: he may
 * ask for something else. */
static void
wait_end(struct worker *w, struct wait *x, const struct locate_plan *plan)
{
	struct resolver_wait *all = w->resolving;
	uint32_t at = x->first;
	struct resolved r;

	wheel_set(w->wheel, &x->timer, 0);
	x->serial = 0;
	while (at != 0) {
		struct waiter *waiter = &all->waiters[at - 1];
		struct waiter me = *waiter;

		waiter->next = all->spare;
		all->spare = at;
		fill(plan, &r);
		tell(w, &me, &r);
		worker_drain(w);
		at = me.next;
	}
}

void
resolve_answer(struct worker *w, const struct wire_resolved *a, uint32_t len)
{
	struct wait *x = &w->resolving->waits[a->ticket % WAITS];
	struct locate_plan plan;

	if (a->len > len - sizeof(*a) || !plan_read(a->data, a->len, &plan)) {
		log_error("the resolver sent a plan that is not valid", LOG_U64("bytes", len));
		count(w->child.self, COUNT_WIRE_REFUSED, 1);
		return;
	}
	if (x->serial != 0 && ticket_of(w->resolving, x) == a->ticket)
		wait_end(w, x, &plan);
}

/* What DNS said before is better than nothing. */
static void
give_up(struct worker *w, struct wait *x)
{
	struct locate_plan plan = { .status = LOCATE_FAILED }, old;

	if (plans_find(&w->plans, &x->question, worker_now(w), &old) != ERR_ABSENT)
		plan = old;
	log_warn(plan.n > 0 ? "a name is not resolved, addresses of before are used"
			    : "a name is not resolved",
	    LOG_STR("name", x->question.name));
	wait_end(w, x, &plan);
}

bool
resolve_fire(struct worker *w, const struct wheel_timer *t)
{
	struct resolver_wait *all = w->resolving;
	struct wait *x = (struct wait *)(uintptr_t)t;

	_Static_assert(offsetof(struct wait, timer) == 0, "a timer's address is its wait's");
	if (x < all->waits || x >= all->waits + WAITS)
		return false;
	if (worker_now(w) >= x->until_ns) {
		give_up(w, x);
		return true;
	}
	if (x->generation != resolver_generation(w))
		ask(w, x);
	look_again(w, x);
	return true;
}

struct sip_flow
resolve_flow(struct worker *w, const struct locate_place *place)
{
	struct sip_flow f = { .transport = place->transport, .peer = place->address };

	f.listener = (uint8_t)plan_listener(w->settings, place);
	return f;
}

bool
place_is_ours(struct worker *w, const struct locate_place *place)
{
	struct sip_flow f = resolve_flow(w, place);

	for (uint32_t i = 0; i < w->settings->n_listeners; i++) {
		const struct settings_listener *s = &w->settings->listeners[i];

		if (s->transport != place->transport || s->address.port != place->address.port)
			continue;
		if (netaddr_eq_ip(&s->address, &place->address))
			return true;
		/* What the kernel reaches from itself is ourselves. */
		if (netaddr_is_any(&s->address) && f.listener < w->settings->n_listeners) {
			target_source(w, &f);
			return netaddr_eq_ip(&f.local, &place->address);
		}
	}
	return false;
}
