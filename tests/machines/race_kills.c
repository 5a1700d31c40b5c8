/*
 * The marked-call rule (DESIGN.md rule 3), at every point where it can matter: what a killed worker leaves is
 * what it has stored, so there are as many ways to be killed as there are stores (race_stores.h). In each of these
 * ladders each is tried, in a run of its own; or, of all but the first, those made by code that no ladder
 * had before.
 */
#include "race.h"
#include "race_stores.h"

#define TALK "a.dial@0 b.ring@100 b.answer@300 "

static const char *const ladders[] = {
	TALK "b.bye@3000",
	TALK "a.reinvite@1000 b.update@2000 a.bye@3000",
	"a.dial@0 b.ring@100 a.cancel@300",
	"a.dial@0 b.ring@100 b.refuse:486@300",
	"phones=2 a.dial-empty@0 b.ring@100 c.ring@110 c.answer@300 a.bye@3000",
	"a:reliable a.dial@0 b.progress-reliably@60 b.answer@600 w.hangup@3000",
	"cfb a.dial@0 b.refuse:486@100 e.ring@200 e.answer@400 e.bye@3000",
	TALK "b.refer@1000 e.answer@1100 a.bye@3000",
	"workers=2 " TALK
	"b.consult@1000 e.ring@1100 e.answer@1300 b.refer-replaces@2000 a.bye@6000",
};
enum { N_LADDERS = sizeof(ladders) / sizeof(ladders[0]) };

static struct {
	uint32_t places[1 << 14];
	unsigned n;
} tried;

/* Has no kill before that piece of code been tried yet? */
static bool
is_new(uint32_t place)
{
	for (unsigned i = 0; i < tried.n; i++)
		if (tried.places[i] == place)
			return false;
	if (tried.n < sizeof(tried.places) / sizeof(tried.places[0]))
		tried.places[tried.n++] = place;
	return true;
}

static bool
kills_of(
    const char *ladder, bool all, bool (*each)(const struct race_script *s, void *arg), void *arg)
{
	struct race_script s;
	unsigned n;

	race_script_read(ladder, &s);
	race_record(&s);
	n = stores_recorded();
	for (unsigned i = 0; i < n; i++) {
		if (!stores_is_point(i) || !(is_new(stores_place(i)) || all))
			continue;
		s.faults[0] = (struct race_fault){ .kind = FAULT_KILL_STORE, .n = (uint16_t)i };
		s.n_faults = 1;
		if (!each(&s, arg))
			return false;
	}
	return true;
}

void
race_kills(bool all, bool (*each)(const struct race_script *s, void *arg), void *arg)
{
	for (unsigned i = 0; i < N_LADDERS; i++)
		if (!kills_of(ladders[i], all || i == 0, each, arg))
			return;
}
