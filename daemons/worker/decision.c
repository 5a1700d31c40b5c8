/*
 * The decisions of a call (model/decision.h), noted as they are made: by features.c for each feature that
 * says something, and by whoever else turns the way of a call. They stand in the call's arena.
 */
#include "worker/worker.h"

#include "model/decision.h"

struct decision { /* in the call's arena */
	uint32_t next;
	uint32_t ms; /* since the call was set up */
	struct kept text;
};

static struct decision *
decision_at(struct worker *w, uint32_t offset)
{
	return offset == 0 ? NULL : heap_at(&w->heap, offset);
}

static void
note_within(struct worker *w, struct call *c, unsigned most, const char *feature, struct span of,
    struct span reason)
{
	struct decisions *all = &c->decisions;
	char text[DECISION_TEXT];
	struct buf b = buf_on(text, sizeof(text));
	struct decision *d = NULL;

	if (all->n < most)
		d = arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), sizeof(*d));
	if (d == NULL) {
		all->lost++;
		return;
	}
	decision_text_put(&b, feature, of, reason);
	d->text = call_keep(w, c, buf_span(&b));
	if (w->child.clock.wall_ms > c->setup_ms)
		d->ms = (uint32_t)(w->child.clock.wall_ms - c->setup_ms);
	if (all->n == 0)
		all->first = heap_offset(&w->heap, d);
	else
		decision_at(w, all->last)->next = heap_offset(&w->heap, d);
	all->last = heap_offset(&w->heap, d);
	all->n++; /* last: one that a kill left half made does not count */
}

void
decision_note(
    struct worker *w, struct call *c, const char *feature, struct span of, struct span reason)
{
	note_within(w, c, DECISIONS_MAX - DECISIONS_EVENTS, feature, of, reason);
}

void
decision_event(
    struct worker *w, struct call *c, const char *feature, struct span of, struct span reason)
{
	note_within(w, c, DECISIONS_MAX, feature, of, reason);
}

bool
decision_since(struct worker *w, const struct call *c, const char *feature, const char *that)
{
	const struct decision *d = decision_at(w, c->decisions.first);
	struct span name;
	bool since = false;

	for (unsigned i = 0; i < c->decisions.n && d != NULL; i++, d = decision_at(w, d->next)) {
		span_cut(kept_span(&w->heap, d->text), '\t', &name);
		since =
		    span_eq(name, span_str(feature)) || (since && !span_eq(name, span_str(that)));
	}
	return since;
}

void
decision_words(
    struct worker *w, struct call *c, const char *feature, struct span of, const char *reason)
{
	decision_note(w, c, feature, of, span_str(reason));
}

void
decisions_put(struct worker *w, const struct call *c, struct buf *b)
{
	const struct decision *d = decision_at(w, c->decisions.first);
	char text[DECISION_TEXT], lost[32];
	struct buf more = buf_on(text, sizeof(text)), n = buf_on(lost, sizeof(lost));

	for (unsigned i = 0; i < c->decisions.n && d != NULL; i++, d = decision_at(w, d->next))
		decision_put(b, d->ms, kept_span(&w->heap, d->text));
	if (c->decisions.lost == 0)
		return;
	buf_u64(&n, c->decisions.lost);
	buf_lit(&n, " are not kept");
	decision_text_put(&more, "more", SPAN_NONE, buf_span(&n));
	decision_put(b, 0, buf_span(&more));
}
