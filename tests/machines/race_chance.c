/* Scripts by chance: a call that comes about, with anything at any moment, on a bad network. */
#include "race.h"

static uint64_t chance;

static unsigned
below(unsigned n)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(chance >> 33) % n;
}

static bool
one_in(unsigned n)
{
	return below(n) == 0;
}

/* One more, in the midst of it. */
static void
consulted(struct race_script *s)
{
	unsigned at = 700 + below(500), who = below(4) == 0 ? 0 : 1;

	race_step_add(s, who, DO_CONSULT, at, 0);
	race_step_add(s, 4, DO_RING, at + 100, 0);
	if (!one_in(4))
		race_step_add(s, 4, DO_ANSWER, at + 150 + below(500), 0);
	race_step_add(s, who, DO_REFER_REPLACES, at + 200 + below(800), below(3));
}

static void
replaced(struct race_script *s)
{
	bool early = one_in(2);

	race_step_add(s, early || s->phones < 2 ? 4 : 2, DO_REPLACE,
	    early ? 150 + below(300) : 700 + below(1500), 1);
}

static void
forked(struct race_script *s)
{
	static const enum race_verb says[] = { DO_RING, DO_PROGRESS, DO_PROGRESS_RELIABLY,
		DO_ANSWER, DO_UPDATE };

	race_step_add(s, 1, DO_FORK, 30 + below(200), 0);
	for (unsigned n = 1 + below(4); n > 0; n--)
		race_step_add(s, 1, says[below(5)], 60 + below(600), 1 + below(2));
}

static void
knocked(struct race_script *s)
{
	unsigned at = below(2000);

	race_step_add(s, 4, DO_DIAL, at, 0);
	race_step_add(s, 1, DO_RING, at + 100, 0);
	race_step_add(s, 1, one_in(4) ? DO_REFUSE : DO_ANSWER, at + 150 + below(600), 486);
	if (one_in(2))
		race_step_add(s, 1, DO_BYE, at + 800 + below(600), 1 + below(2));
}

static void
several(struct race_script *s)
{
	static void (*const ways[])(
	    struct race_script * s) = { consulted, replaced, forked, knocked };

	s->workers = 1 + below(2);
	if (one_in(3))
		s->services = 1u << below(4);
	for (unsigned n = 1 + one_in(3); n > 0; n--)
		ways[below(4)](s);
}

static void
begin(struct race_script *s)
{
	static const enum race_verb ringing[] = { DO_RING, DO_RING, DO_PROGRESS, DO_RING_RELIABLY,
		DO_PROGRESS_RELIABLY };
	unsigned at = 30 + below(200);

	race_step_add(s, 0, one_in(6) ? DO_DIAL_EMPTY : DO_DIAL, 0, 0);
	for (unsigned i = 1; i <= s->phones; i++)
		if (!one_in(4))
			race_step_add(s, i, ringing[below(5)], at + below(60), 0);
	if (!one_in(5))
		race_step_add(s, 1 + below(s->phones), DO_ANSWER, 200 + below(400), 0);
}

static void
anything(struct race_script *s)
{
	static const enum race_verb verbs[] = { DO_CANCEL, DO_BYE, DO_REINVITE, DO_REINVITE,
		DO_REINVITE_EMPTY, DO_UPDATE, DO_UPDATE_EMPTY, DO_ANSWER, DO_REFUSE, DO_RING,
		DO_PROGRESS, DO_OPTIONS, DO_REINVITE, DO_PROGRESS_RELIABLY, DO_RING_RELIABLY,
		DO_INFO, DO_REFER, DO_UPDATE };
	static const unsigned codes[] = { 486, 480, 603, 404, 500, 503, 600, 302, 488 };
	enum race_verb v = verbs[below(sizeof(verbs) / sizeof(verbs[0]))];
	unsigned when = one_in(3) ? below(400) : 200 + below(2500);

	race_step_add(s,
	    one_in(2)	? 0
	    : one_in(5) ? 4
			: 1 + below(s->phones),
	    v, when, v == DO_REFUSE ? codes[below(sizeof(codes) / sizeof(codes[0]))] : 0);
}

static void
bad_network(struct race_script *s)
{
	for (unsigned n = below(4); n > 0; n--)
		s->faults[s->n_faults++] =
		    (struct race_fault){ (uint8_t)below(FAULT_LATE + 1), (uint16_t)(1 + below(50)),
			    (uint16_t)(one_in(2) ? below(60) : below(1500)) };
	if (one_in(4))
		s->jitter_ms = 10 + below(40);
}

void
race_by_chance(unsigned seed, struct race_script *s)
{
	chance = seed * 0x9e3779b97f4a7c15u;
	below(2);
	*s = (struct race_script){
		.workers = 1, .phones = one_in(3) ? 1 + below(3) : 1, .seed = seed
	};
	s->in_turn = one_in(3);
	for (unsigned i = 0; i < RACE_PHONES; i++)
		if (one_in(5))
			s->habits[i] =
			    (uint8_t)(1u << (1 + below(4))); /* each but the one that never ACKs */
	if (one_in(2))
		s->habits[0] |= HABIT_RELIABLE;
	if (one_in(40))
		s->habits[0] |= HABIT_NEVER_ACKS;
	begin(s);
	if (one_in(8)) {
		race_step_add(s, below(2), DO_REFER, 700 + below(500), 0);
		race_step_add(s, 4, DO_RING, 1300 + below(100), 0);
		race_step_add(s, 4, one_in(4) ? DO_REFUSE : DO_ANSWER, 1400 + below(1000), 486);
	}
	if (one_in(2))
		several(s);
	for (unsigned n = 1 + below(5); n > 0; n--)
		anything(s);
	bad_network(s);
	if (one_in(8))
		s->faults[s->n_faults++] = (struct race_fault){ (uint8_t)(FAULT_KILL + below(2)),
			(uint16_t)(1 + below(30)), 0 };
	s->ender = (uint8_t)(one_in(5) ? RACE_OPERATOR : below(1 + s->phones));
}
