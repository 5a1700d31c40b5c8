/* Who sends wrong credentials, and how soon he hears of it. */
#include "ipc/guess.h"

#include <string.h>

#include "base/clock.h"

static bool
is_loopback(const struct netaddr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == 4 ? a->ip[0] == 127 : memcmp(a->ip, one, sizeof(one)) == 0;
}

static struct guesser *
find(struct process *self, const struct netaddr *from)
{
	struct guesser *oldest = self->guessers;

	for (struct guesser *g = self->guessers; g < self->guessers + GUESSERS; g++) {
		if (g->wrong != 0 && netaddr_eq_ip(&g->source, from))
			return g;
		if (g->last_ns < oldest->last_ns)
			oldest = g;
	}
	*oldest = (struct guesser){ .source = *from };
	return oldest;
}

bool
guess_wrong(struct child *c, const struct netaddr *from)
{
	uint64_t now = c->clock.mono_ns;
	struct guesser *g = find(c->self, from);

	count(c->self, COUNT_AUTH_FAILED, 1);
	g->wrong++;
	g->last_ns = now;
	if (is_loopback(from))
		return true;
	/* When his debt of a second for each is paid: the generic cell rate algorithm. */
	if (g->until_ns > now + (GUESS_FREE - 1) * NS_PER_S)
		return false;
	g->until_ns = (g->until_ns > now ? g->until_ns : now) + NS_PER_S;
	return true;
}
