/*
 * The systematic cases, bounded and without gaps:
 *
 *     pairs      at each stage of a call, every two of what can happen there, in both orders and at each
 *                distance at which they cross on the wire in another way
 *     triples    the same of three, at fewer distances
 *     faults     every datagram of the usual ladders is lost, comes twice, comes late
 *     kills      the worker dies at every message of them
 */
#include <stdio.h>
#include <string.h>

#include "race.h"

/* What crosses what on the wire: one way takes RACE_LATENCY_MS, so these lie between its multiples. */
static const unsigned distances[] = { 0, 6, 12, 18, 24, 30, 42, 54 };
static const unsigned few_distances[] = { 0, 13, 30 };
enum {
	N_DISTANCES = sizeof(distances) / sizeof(distances[0]),
	N_FEW = sizeof(few_distances) / sizeof(few_distances[0])
};

struct walk {
	bool (*each)(const struct race_script *s, void *arg);
	void *arg;
	bool over;
	unsigned n;
};

static void
give(struct walk *w, struct race_script *s)
{
	s->ender = (uint8_t)(w->n++ % 3 == 2 ? RACE_OPERATOR : w->n % 2);
	if (!w->over && !w->each(s, w->arg))
		w->over = true;
}

static void
add(struct race_script *s, const struct race_event *e, unsigned at_ms)
{
	race_step_add(s, e->who, (enum race_verb)e->verb, at_ms, e->arg);
}

static void
pairs_of(struct walk *w, const struct race_stage *g, const struct race_event *e,
    const struct race_event *f)
{
	for (unsigned d = 0; d < N_DISTANCES && !w->over; d++) {
		struct race_script s;

		race_script_read(g->ladder, &s);
		add(&s, e, g->at_ms);
		add(&s, f, g->at_ms + distances[d]);
		give(w, &s);
	}
}

static void
pairs(struct walk *w)
{
	for (unsigned i = 0; i < race_n_stages; i++)
		for (const struct race_event *e = race_stages[i].events; e->verb != DO_N_VERBS; e++)
			for (const struct race_event *f = race_stages[i].events;
			     f->verb != DO_N_VERBS; f++)
				if (e != f)
					pairs_of(w, &race_stages[i], e, f);
}

static void
triples_of(struct walk *w, const struct race_stage *g, const struct race_event *e,
    const struct race_event *f, const struct race_event *h)
{
	for (unsigned d = 0; d < N_FEW * N_FEW && !w->over; d++) {
		unsigned at = g->at_ms + few_distances[d / N_FEW];
		struct race_script s;

		race_script_read(g->ladder, &s);
		add(&s, e, g->at_ms);
		add(&s, f, at);
		add(&s, h, at + few_distances[d % N_FEW]);
		give(w, &s);
	}
}

static void
triples(struct walk *w)
{
	for (unsigned i = 0; i < race_n_stages; i++)
		for (const struct race_event *e = race_stages[i].events; e->verb != DO_N_VERBS; e++)
			for (const struct race_event *f = race_stages[i].events;
			     f->verb != DO_N_VERBS; f++)
				for (const struct race_event *h = race_stages[i].events;
				     h->verb != DO_N_VERBS; h++)
					if (e != f && f != h && e != h)
						triples_of(w, &race_stages[i], e, f, h);
}

/* --- faults -------------------------------------------------------------------------------------*/

enum { DATAGRAMS = 48, MESSAGES = 32 };

static void
fault(struct walk *w, const char *ladder, enum race_fault_kind kind, unsigned n, unsigned ms)
{
	struct race_script s;

	race_script_read(ladder, &s);
	s.faults[s.n_faults++] = (struct race_fault){ (uint8_t)kind, (uint16_t)n, (uint16_t)ms };
	give(w, &s);
}

static void
faults(struct walk *w)
{
	for (unsigned i = 0; i < race_n_ladders; i++)
		for (unsigned n = 1; n <= DATAGRAMS && !w->over; n++) {
			fault(w, race_ladders[i], FAULT_LOSE, n, 0);
			fault(w, race_ladders[i], FAULT_REPEAT, n, 0);
			fault(w, race_ladders[i], FAULT_LATE, n, 30);
			fault(w, race_ladders[i], FAULT_LATE, n, 700);
		}
}

static void
kills(struct walk *w)
{
	for (unsigned i = 0; i < race_n_ladders; i++)
		for (unsigned n = 1; n <= MESSAGES && !w->over; n++) {
			fault(w, race_ladders[i], FAULT_KILL, n, 0);
			fault(w, race_ladders[i], FAULT_KILL_BEFORE, n, 0);
		}
}

void
race_cases(bool (*give_to)(const struct race_script *s, void *arg), void *arg)
{
	struct walk w = { give_to, arg, false, 0 };

	faults(&w);
	kills(&w);
	pairs(&w);
}

void
race_triples(bool (*give_to)(const struct race_script *s, void *arg), void *arg)
{
	struct walk w = { give_to, arg, false, 0 };

	triples(&w);
}
