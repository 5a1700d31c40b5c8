/* Stepping a table, the trace of the steps, and what a table must fulfil. */
#include "base/fsm.h"

#include <string.h>

#include "base/log.h"

enum { TRACE = 64, STATES_MAX = 64 };

static struct step {
	const struct fsm *m;
	uint64_t id;
	uint8_t in, on, to;
	bool known; /* the pair was in the table */
} trace[TRACE];

static uint64_t steps, ignored;

static const char *
state_name(const struct fsm *m, unsigned state)
{
	return state < m->n_states ? m->states[state] : "?";
}

static const char *
event_name(const struct fsm *m, unsigned event)
{
	return event < m->n_events ? m->events[event] : "?";
}

const struct fsm_row *
fsm_find(const struct fsm *m, uint8_t state, uint8_t event)
{
	for (unsigned i = 0; i < m->n_rows; i++)
		if (m->rows[i].in == state && m->rows[i].on == event)
			return &m->rows[i];
	return NULL;
}

bool
fsm_step(
    const struct fsm *m, uint8_t *state, uint8_t event, void *obj, const void *arg, uint64_t id)
{
	const struct fsm_row *row = fsm_find(m, *state, event);
	uint8_t in = *state, to = row == NULL ? in : row->to;

	trace[steps++ % TRACE] = (struct step){ m, id, in, event, to, row != NULL };
	if (row == NULL) {
		ignored++;
		log_debug("event ignored", LOG_STR("machine", m->name), LOG_HEX("id", id),
		    LOG_STR("state", state_name(m, in)), LOG_STR("event", event_name(m, event)));
		return false;
	}
	/* From here on `state` is not read: the action may step the machine, or drop the object. */
	*state = to;
	if (row->does != NULL)
		row->does(obj, arg);
	if (to != in && m->enter != NULL)
		m->enter(obj, to);
	return true;
}

uint64_t
fsm_ignored(void)
{
	return ignored;
}

void
fsm_dot(const struct fsm *m, FILE *to)
{
	fprintf(to, "digraph %s {\n", m->name);
	for (unsigned i = 0; i < m->n_states && i < STATES_MAX; i++)
		if ((m->final >> i & 1) != 0)
			fprintf(to, "\t%s [shape=doublecircle];\n", m->states[i]);
	for (unsigned i = 0; i < m->n_rows; i++) {
		const struct fsm_row *r = &m->rows[i];

		fprintf(to, "\t%s -> %s [label=\"%s", state_name(m, r->in), state_name(m, r->to),
		    event_name(m, r->on));
		if (r->does != NULL)
			fprintf(to, " / %s", r->does_name);
		fputs("\"];\n", to);
	}
	fputs("}\n", to);
}

void
fsm_trace_put(struct buf *b)
{
	for (uint64_t i = steps < TRACE ? 0 : steps - TRACE; i < steps; i++) {
		const struct step *s = &trace[i % TRACE];

		buf_printf(b, "%s %llx: %s, %s", s->m->name, (unsigned long long)s->id,
		    state_name(s->m, s->in), event_name(s->m, s->on));
		if (s->known)
			buf_printf(b, ": %s\n", state_name(s->m, s->to));
		else
			buf_printf(b, ": ignored\n");
	}
}

static bool
check_rows(const struct fsm *m, struct buf *why)
{
	for (unsigned i = 0; i < m->n_rows; i++) {
		const struct fsm_row *r = &m->rows[i];

		if (r->in >= m->n_states || r->to >= m->n_states || r->on >= m->n_events) {
			buf_printf(why, "%s: row %u names no state or event", m->name, i);
			return false;
		}
		if (fsm_find(m, r->in, r->on) != r) {
			buf_printf(why, "%s: %s, %s stands twice", m->name, m->states[r->in],
			    m->events[r->on]);
			return false;
		}
	}
	return true;
}

static uint64_t
reachable(const struct fsm *m)
{
	uint64_t reached = 1, before;

	do {
		before = reached;
		for (unsigned i = 0; i < m->n_rows; i++)
			if ((reached >> m->rows[i].in & 1) != 0)
				reached |= 1ull << m->rows[i].to;
	} while (reached != before);
	return reached;
}

bool
fsm_check(const struct fsm *m, struct buf *why)
{
	uint64_t reached, left = 0;

	if (m->n_states == 0 || m->n_states > STATES_MAX) {
		buf_printf(why, "%s: %u states", m->name, m->n_states);
		return false;
	}
	if (!check_rows(m, why))
		return false;
	reached = reachable(m);
	for (unsigned i = 0; i < m->n_rows; i++)
		if (m->rows[i].to != m->rows[i].in)
			left |= 1ull << m->rows[i].in;
	for (unsigned i = 0; i < m->n_states; i++) {
		bool final = (m->final >> i & 1) != 0, exits = (left >> i & 1) != 0;

		if ((reached >> i & 1) == 0)
			buf_printf(why, "%s: %s cannot be reached", m->name, m->states[i]);
		else if (!final && !exits)
			buf_printf(why, "%s: %s has no exit", m->name, m->states[i]);
		else if (final && exits)
			buf_printf(why, "%s: %s is final but has an exit", m->name, m->states[i]);
		else
			continue;
		return false;
	}
	return true;
}
