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

/* What the worker does so far: scripts that need more are left out. */
static const bool does[DO_N_VERBS] = {
	[DO_DIAL] = true,
	[DO_DIAL_EMPTY] = true,
	[DO_CANCEL] = true,
	[DO_RING] = true,
	[DO_PROGRESS] = true,
	[DO_RING_RELIABLY] = true,
	[DO_PROGRESS_RELIABLY] = true,
	[DO_ANSWER] = true,
	[DO_REFUSE] = true,
	[DO_BYE] = true,
	[DO_REINVITE] = true,
	[DO_REINVITE_EMPTY] = true,
	[DO_UPDATE] = true,
	[DO_UPDATE_EMPTY] = true,
	[DO_REFER] = true,
	[DO_INFO] = true,
	[DO_OPTIONS] = true,
	[DO_HANGUP] = true,
};

/* --- stages -------------------------------------------------------------------------------------*/

struct event {
	uint8_t who, verb;
	uint16_t arg;
};
enum { A, B, C, D, E, W };
#define LAST                                                                                       \
	{                                                                                          \
		0, DO_N_VERBS, 0                                                                   \
	}

static const struct event before_answer[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 },
	{ B, DO_RING, 0 }, { B, DO_PROGRESS, 0 }, { B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 },
	{ B, DO_REFUSE, 603 }, { W, DO_HANGUP, 0 }, LAST };
static const struct event forked[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 }, { B, DO_PROGRESS, 0 },
	{ B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 }, { C, DO_RING, 0 }, { C, DO_ANSWER, 0 },
	{ C, DO_REFUSE, 480 }, { C, DO_REFUSE, 603 }, { W, DO_HANGUP, 0 }, LAST };
static const struct event reliable[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 },
	{ B, DO_RING_RELIABLY, 0 }, { B, DO_PROGRESS_RELIABLY, 0 }, { B, DO_PROGRESS, 0 },
	{ B, DO_ANSWER, 0 }, { B, DO_REFUSE, 486 }, { A, DO_UPDATE, 0 }, { B, DO_UPDATE, 0 },
	{ W, DO_HANGUP, 0 }, LAST };
static const struct event answered[] = { { A, DO_CANCEL, 0 }, { A, DO_BYE, 0 }, { B, DO_BYE, 0 },
	{ A, DO_REINVITE, 0 }, { B, DO_REINVITE, 0 }, { B, DO_REINVITE_EMPTY, 0 },
	{ A, DO_UPDATE, 0 }, { B, DO_UPDATE, 0 }, { W, DO_HANGUP, 0 }, LAST };
static const struct event up[] = { { A, DO_BYE, 0 }, { B, DO_BYE, 0 }, { A, DO_REINVITE, 0 },
	{ B, DO_REINVITE, 0 }, { A, DO_REINVITE_EMPTY, 0 }, { B, DO_REINVITE_EMPTY, 0 },
	{ A, DO_UPDATE, 0 }, { B, DO_UPDATE, 0 }, { A, DO_UPDATE_EMPTY, 0 }, { A, DO_CANCEL, 0 },
	{ B, DO_CANCEL, 0 }, { A, DO_OPTIONS, 0 }, { W, DO_HANGUP, 0 }, LAST };

static const struct event transfer[] = { { A, DO_BYE, 0 }, { B, DO_BYE, 0 }, { A, DO_REINVITE, 0 },
	{ B, DO_REINVITE, 0 }, { A, DO_UPDATE, 0 }, { B, DO_REFER, 0 }, { A, DO_REFER, 0 },
	{ E, DO_RING, 0 }, { E, DO_ANSWER, 0 }, { E, DO_REFUSE, 486 }, { E, DO_BYE, 0 },
	{ W, DO_HANGUP, 0 }, LAST };
static const struct event deflected[] = { { A, DO_CANCEL, 0 }, { B, DO_REFUSE, 302 },
	{ E, DO_RING, 0 }, { E, DO_ANSWER, 0 }, { E, DO_REFUSE, 486 }, { W, DO_HANGUP, 0 }, LAST };

static const struct stage {
	const char *ladder; /* up to where the events come */
	unsigned at_ms;
	const struct event *events;
} stages[] = {
	{ "a.dial@0", 6, before_answer },
	{ "a.dial@0 b:no-100", 30, before_answer },
	{ "a.dial@0 b.ring@100", 106, before_answer },
	{ "a.dial@0 b.ring@100", 300, before_answer },
	{ "a.dial@0 b.progress@100", 300, before_answer },
	{ "ring=1 a.dial@0 b.ring@100", 990, before_answer },
	{ "a.dial@0 b.ring@60", 100, reliable },
	{ "a:reliable a.dial@0 b.ring@60", 100, reliable },
	{ "a:reliable a.dial@0 b.progress-reliably@100", 106, reliable },
	{ "a:reliable a.dial@0 b.progress-reliably@100", 300, reliable },
	{ "a:reliable a.dial-empty@0 b.progress-reliably@100", 106, reliable },
	{ "a:reliable a.dial-empty@0 b.progress-reliably@100", 300, reliable },
	{ "a.dial@0 b.progress-reliably@100", 300, reliable },
	{ "a:reliable a:never-pracks a.dial@0 b.progress@60 b.answer@70", 100, answered },
	{ "phones=2 a.dial@0 b.ring@100 c.ring@100", 300, forked },
	{ "phones=2 in-turn a.dial@0 b.ring@100", 300, forked },
	{ "phones=2 in-turn a.dial@0 b.ring@100 c.ring@20160", 20118, forked },
	{ "a.dial@0 b.ring@100 b.answer@300", 306, answered },
	{ "a.dial@0 b.ring@100 b.answer@300", 330, answered },
	{ "a.dial@0 b.ring@100 b.answer@300 a:acks-late", 340, answered },
	{ "a.dial-empty@0 b.ring@100 b.answer@300", 306, answered },
	{ "a.dial-empty@0 b.ring@100 b.answer@300 a:acks-late", 340, answered },
	{ "a.dial@0 b.ring@100 b.answer@300", 1000, up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:answers-late b:answers-late", 1000, up },
	{ "a.dial@0 b.ring@100 b.answer@300", 1000, transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 b.refer@1000", 1018, transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 b.refer@1000 e.ring@1100", 1300, transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 a.refer@1000 e.ring@1100", 1300, transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 b.refer@1000 e.ring@1100 e.answer@1300", 1318,
	    transfer },
	{ "a.dial@0 b.ring@100 b.answer@300 b.refer@1000 b.bye@1100 e.ring@1110", 1300, transfer },
	{ "a.dial@0 b.ring@100", 300, deflected },
	{ "a.dial@0 b.ring@100 b.refuse:302@300 e.ring@400", 600, deflected },
	{ "a.dial@0 b.ring@100 b.answer@300 a:refuses-offers b:refuses-offers", 1000, up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:answers-late b:answers-late a.reinvite@1000", 1006,
	    up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:answers-late b:answers-late b.reinvite@1000", 1080,
	    up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:acks-late a.reinvite@1000", 1040, up },
	{ "a.dial@0 b.ring@100 b.answer@300 a:acks-late a.reinvite-empty@1000", 1040, up },
};
enum { N_STAGES = sizeof(stages) / sizeof(stages[0]) };

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

static bool
is_done(const struct race_script *s)
{
	for (unsigned i = 0; i < s->n_steps; i++)
		if (!does[s->steps[i].verb])
			return false;
	return true;
}

static void
give(struct walk *w, struct race_script *s)
{
	if (!is_done(s))
		return;
	s->ender = (uint8_t)(w->n++ % 3 == 2 ? W : w->n % 2);
	if (!w->over && !w->each(s, w->arg))
		w->over = true;
}

static void
add(struct race_script *s, const struct event *e, unsigned at_ms)
{
	race_step_add(s, e->who, (enum race_verb)e->verb, at_ms, e->arg);
}

static void
pairs_of(struct walk *w, const struct stage *g, const struct event *e, const struct event *f)
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
	for (unsigned i = 0; i < N_STAGES; i++)
		for (const struct event *e = stages[i].events; e->verb != DO_N_VERBS; e++)
			for (const struct event *f = stages[i].events; f->verb != DO_N_VERBS; f++)
				if (e != f)
					pairs_of(w, &stages[i], e, f);
}

static void
triples_of(struct walk *w, const struct stage *g, const struct event *e, const struct event *f,
    const struct event *h)
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
	for (unsigned i = 0; i < N_STAGES; i++)
		for (const struct event *e = stages[i].events; e->verb != DO_N_VERBS; e++)
			for (const struct event *f = stages[i].events; f->verb != DO_N_VERBS; f++)
				for (const struct event *h = stages[i].events;
				     h->verb != DO_N_VERBS; h++)
					if (e != f && f != h && e != h)
						triples_of(w, &stages[i], e, f, h);
}

/* --- faults -------------------------------------------------------------------------------------*/

static const char *const ladders[] = {
	"a.dial@0 b.ring@100 b.answer@300 b.bye@3000",
	"a.dial@0 b.answer@30 a.bye@3000 b:no-100",
	"a.dial-empty@0 b.ring@100 b.answer@300 a.bye@3000",
	"a.dial@0 b.ring@100 a.cancel@300",
	"a.dial@0 a.cancel@30 b.ring@40 b:no-100",
	"a.dial@0 b.ring@100 b.refuse:486@300",
	"a.dial@0 b.ring@100 b.answer@300 a.cancel@306",
	"a.dial@0 b.ring@100 b.answer@300 a.bye@306",
	"ring=1 a.dial@0 b.ring@100 b.answer@1000",
	"phones=2 a.dial@0 b.ring@100 c.ring@110 b.answer@300 a.bye@3000",
	"phones=2 a.dial@0 b.ring@100 c.ring@110 b.answer@300 c.answer@306 c.bye@3000",
	"phones=3 a.dial@0 b.ring@100 c.refuse:486@110 d.ring@120 b.refuse:603@300",
	"phones=2 in-turn a.dial@0 b.refuse:486@100 c.ring@200 c.answer@300 a.bye@3000",
	"a.dial@0 b.ring@100 b.answer@300 a.reinvite@1000 b.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b.reinvite@1000 b.reinvite@2000 b.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 a.reinvite@1000 b.reinvite@1006 b.bye@9000",
	"a.dial@0 b.ring@100 b.answer@300 b.reinvite-empty@1000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 a:refuses-offers b.reinvite@1000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b:answers-late a.reinvite@1000 a.cancel@1040 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b:answers-late a.reinvite@1000 b.bye@1040",
	"a.dial@0 b.ring@100 b.answer@300 a.update@1000 b.update@2000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 a.bye@3000 b.bye@3006",
	"a.dial@0 b.ring@100 b.answer@300 a:never-acks",
	"a.dial@0 b.ring@100 b.answer@300 w.hangup@3000",
	"a:reliable a.dial@0 b.ring-reliably@60 b.progress-reliably@120 b.answer@160 a.bye@3000",
	"a:reliable a.dial@0 b.progress-reliably@60 b.update@200 a.update@400 b.answer@600 "
	"a.bye@3000",
	"a:reliable a.dial-empty@0 b.progress-reliably@60 a.update@200 b.answer@600 b.bye@3000",
	"a:reliable a.dial@0 b.progress@60 b.answer@90 a.bye@3000",
	"a:reliable phones=2 a.dial@0 b.progress-reliably@60 c.progress-reliably@80 c.answer@300 "
	"b.answer@306 a.bye@3000",
	"a:reliable phones=2 in-turn a.dial@0 b.progress-reliably@60 b.refuse:486@200 "
	"c.progress-reliably@300 c.answer@600 a.bye@3000",
	"a.dial@0 b.progress-reliably@60 a.cancel@66",
	"a.dial@0 b.ring@100 b.answer@300 b.refer@1000 e.ring@1100 e.answer@2000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 a.refer@1000 e.ring@1100 e.answer@2000 b.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b.refer@1000 b.bye@1100 e.ring@1100 e.answer@2000 "
	"e.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b.refer@1000 e.ring@1100 e.refuse:486@2000 a.bye@5000",
	"a.dial@0 b.ring@100 b.answer@300 b.refer@1000 b.bye@1100 e.refuse:486@2000 b.ring@2100 "
	"b.answer@3000 a.bye@5000",
	"a.dial@0 b.ring@100 b.refuse:302@300 e.ring@400 e.answer@600 a.bye@5000",
	"session=90 a.dial@0 b.ring@100 b.answer@300",
	"a:reliable a:never-pracks a.dial@0 b.progress@60 b.answer@90",
	"a:reliable a:never-pracks a.dial@0 b.progress-reliably@60 b.answer@90 a.cancel@3000",
	"a:reliable a.dial@0 b.progress-reliably@60 b.refuse:486@200",
};
enum { N_LADDERS = sizeof(ladders) / sizeof(ladders[0]), DATAGRAMS = 48, MESSAGES = 32 };

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
	for (unsigned i = 0; i < N_LADDERS; i++)
		for (unsigned n = 1; n <= DATAGRAMS && !w->over; n++) {
			fault(w, ladders[i], FAULT_LOSE, n, 0);
			fault(w, ladders[i], FAULT_REPEAT, n, 0);
			fault(w, ladders[i], FAULT_LATE, n, 30);
			fault(w, ladders[i], FAULT_LATE, n, 700);
		}
}

static void
kills(struct walk *w)
{
	for (unsigned i = 0; i < N_LADDERS; i++)
		for (unsigned n = 1; n <= MESSAGES && !w->over; n++) {
			fault(w, ladders[i], FAULT_KILL, n, 0);
			fault(w, ladders[i], FAULT_KILL_BEFORE, n, 0);
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
