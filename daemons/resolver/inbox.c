/* What workers ask, and what they are told. */
#include "resolver/resolver.h"

#include <string.h>

#include "base/log.h"

void
tell_worker(struct resolver *r, unsigned worker, uint64_t ticket, const struct locate_plan *plan)
{
	struct ring *out = child_out(&r->child, ROLE_WORKER, worker);
	uint32_t len = (uint32_t)plan_bytes(plan);
	struct wire_resolved *a;

	a = out == NULL ? NULL : ring_reserve(out, WIRE_RESOLVED, (uint32_t)sizeof(*a) + len);
	if (a == NULL)
		return;
	*a = (struct wire_resolved){ .ticket = ticket, .len = len };
	memcpy(a->data, plan, len);
	ring_commit(out, (uint32_t)sizeof(*a) + len);
}

/* Another worker may have asked a moment ago: then the plan is there. */
static void
resolve(struct resolver *r, const struct wire_resolve *m, uint32_t len, unsigned worker)
{
	struct locate_question q;
	struct locate_plan plan;

	if (m->len != sizeof(q) || len < sizeof(*m) + sizeof(q))
		return;
	memcpy(&q, m->data, sizeof(q));
	if (!locate_question_valid(&q)) {
		log_error("a worker asked for what is no name", LOG_U64("worker", worker));
		return;
	}
	if (plans_find(&r->plans, &q, r->child.clock.mono_ns, &plan) == ERR_NONE)
		tell_worker(r, worker, m->ticket, &plan);
	else
		question_ask(r, &q, worker, m->ticket);
}

void
inbox_record(struct resolver *r, const struct ring_record *record, unsigned from)
{
	struct ring *in = &r->child.in[from];

	if (ring_was_in_hand(in)) {
		/* It was being handled when this resolver died: it is not tried again. */
		count(r->child.self, COUNT_POISON, 1);
		log_error("question skipped: it was in hand when the resolver died");
		return;
	}
	if (ring_type(in) == WIRE_RESOLVE)
		resolve(r, (const void *)record->payload, ring_len(in), proc_index(from));
}
