/*
 * Targets that begin at a time of their own, beside the rounds (features/follow_me.c).
 *
 *     begins_ns     t0            t0+10          t0+20
 *     rounds        phones ------------------------------->   in order of q, as call_dial.c says
 *     later                       number 1 --------------->   beside whoever rings; alone: instead
 *                                                number 2 ->
 *
 * When nobody rings any more the next begins at once. Several gateways to one number are ways, tried one
 * after the other as each fails by its own fault; several phones of one user ring together.
 */
#include "worker/worker.h"

uint32_t
targets_last(struct worker *w, const struct call *c)
{
	uint32_t last = c->attempt.targets;

	while (last != 0 && target_at(w, last)->next != 0)
		last = target_at(w, last)->next;
	return last;
}

/* Another way to a number to which one is being tried, or was. */
static bool
is_alternate(struct worker *w, const struct call *c, const struct target *t)
{
	const struct target *x = target_at(w, c->attempt.targets);

	if (t->kind != TARGET_GATEWAY)
		return false;
	while (x != t && (x->begins_ns == 0 || !x->tried || x->segment != t->segment))
		x = target_at(w, x->next);
	return x != t;
}

static bool
is_later(struct worker *w, const struct call *c, const struct target *t)
{
	return !t->tried && t->begins_ns != 0 && !is_alternate(w, c, t);
}

/* When the first of them begins; 0: none is left. */
static uint64_t
first_begins(struct worker *w, const struct call *c)
{
	uint64_t first = 0;

	for (const struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (is_later(w, c, t) && (first == 0 || t->begins_ns < first))
			first = t->begins_ns;
	return first;
}

void
targets_begin_later(
    struct worker *w, struct call *c, uint32_t last, uint32_t delay_s, uint32_t ring_s, bool alone)
{
	struct target *t = target_at(w, last == 0 ? c->attempt.targets : target_at(w, last)->next);

	for (; t != NULL; t = target_at(w, t->next)) {
		if (t->begins_ns == 0)
			t->begins_ns = worker_now(w);
		t->begins_ns += delay_s * NS_PER_S;
		t->alone = alone;
		if (ring_s != 0 && (t->ring_s == 0 || t->ring_s > ring_s))
			t->ring_s = ring_s;
	}
	c->attempt.later_ns = first_begins(w, c);
}

static bool
dial(struct worker *w, struct call *c, struct target *t)
{
	t->tried = 1;
	t->no_100rel = c->attempt.offer.len == 0;
	return target_dial(w, c, t);
}

/* The next way to the same number. */
static bool
dial_alternate(struct worker *w, struct call *c, uint32_t segment)
{
	bool dialled = false;

	for (struct target *t = target_at(w, c->attempt.targets); t != NULL && !dialled;
	     t = target_at(w, t->next))
		if (!t->tried && t->begins_ns != 0 && t->segment == segment &&
		    t->kind == TARGET_GATEWAY)
			dialled = dial(w, c, t);
	return dialled;
}

static bool
begin(struct worker *w, struct call *c, uint64_t until)
{
	unsigned dialled = 0;

	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (is_later(w, c, t) && t->begins_ns <= until)
			dialled += dial(w, c, t) || dial_alternate(w, c, t->segment);
	c->attempt.later_ns = first_begins(w, c);
	return dialled > 0;
}

bool
later_begin_due(struct worker *w, struct call *c)
{
	return c->attempt.later_ns != 0 && begin(w, c, worker_now(w));
}

bool
later_begin_next(struct worker *w, struct call *c)
{
	bool dialled = false;

	while (!dialled && c->attempt.later_ns != 0)
		dialled = begin(w, c, c->attempt.later_ns);
	return dialled;
}

bool
later_try_way(struct worker *w, struct call *c, const struct party *p, unsigned status)
{
	bool own_fault = status < 300 || status == 408 || (status >= 500 && status < 600);

	return p->beside && p->kind == TARGET_GATEWAY && !p->passed_over && own_fault &&
	       dial_alternate(w, c, p->segment);
}

static bool
is_alone(struct worker *w, const struct call *c)
{
	const struct target *t = target_at(w, c->attempt.targets);

	while (t != NULL && !(is_later(w, c, t) && t->alone && t->begins_ns <= worker_now(w)))
		t = target_at(w, t->next);
	return t != NULL;
}

/* Who rang before and answers now has the call still, and the one who was dialled for him is let go. */
void
call_later(void *step, const void *note)
{
	struct call_step *s = step;
	struct attempt *a = &s->c->attempt;

	(void)note;
	if (a->waiting == 0)
		return;
	if (is_alone(s->w, s->c)) {
		branches_pass_over(s->w, s->c, true);
		a->round_until_ns = 0;
	}
	begin(s->w, s->c, worker_now(s->w));
	if (a->later_ns == 0 && a->no_answer_s != 0)
		a->round_until_ns = worker_now(s->w) + a->no_answer_s * NS_PER_S;
	attempt_go_on(s->w, s->c);
}
