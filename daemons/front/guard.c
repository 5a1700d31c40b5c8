/*
 * The flood guard: for each source a bucket of tokens, looked at before anything is parsed. What
 * is beyond a source's rate is dropped without an answer.
 *
 * A bucket is one number, the time at which it will be full again (the generic cell rate
 * algorithm): each message moves it by 1/rate, and it may lie at most burst/rate ahead of now. One
 * that lies in the past is a full bucket, the same as none, so its place can be given away without
 * loss. The table has a fixed size; when all places of a set are in debt, a new source takes over
 * the smallest debt: the sum of what passes stays bounded under any number of (forged) sources.
 * The hash is keyed, so that nobody can aim at another's place.
 */
#include "front/front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

enum { SETS = 16384, WAYS = 4 };

struct bucket {
	uint64_t source;
	uint64_t full_ns;
};

struct guard {
	struct hash_key key;
	uint64_t step_ns, depth_ns; /* 0: no limit */
	struct netaddr trusted[TRUSTED_MAX];
	unsigned n_trusted;
	struct bucket sets[SETS][WAYS];
};

struct guard *
guard_new(void)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (g == NULL)
		fatal(ENOMEM, "the flood guard");
	rand_bytes(&g->key, sizeof(g->key));
	return g;
}

void
guard_drop(struct guard *g)
{
	free(g);
}

void
guard_set(struct guard *g, const struct settings *s)
{
	uint64_t rate = s->limits.rate_per_source;
	uint64_t burst = s->limits.burst_per_source;

	g->step_ns = rate == 0 ? 0 : NS_PER_S / rate;
	g->depth_ns = g->step_ns * (burst == 0 ? 1 : burst);
	g->n_trusted = s->n_trusted < TRUSTED_MAX ? s->n_trusted : TRUSTED_MAX;
	memcpy(g->trusted, s->trusted, sizeof(g->trusted));
}

static bool
is_loopback(const struct netaddr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == 4 ? a->ip[0] == 127 : memcmp(a->ip, one, sizeof(one)) == 0;
}

bool
guard_trusts(const struct guard *g, const struct netaddr *from)
{
	for (unsigned i = 0; i < g->n_trusted; i++)
		if (netaddr_eq_ip(&g->trusted[i], from))
			return true;
	return false;
}

uint64_t
guard_source(const struct guard *g, const struct netaddr *from)
{
	return hash_bytes(&g->key, from->ip, from->family == 4 ? 4 : 8);
}

static struct bucket *
find(struct guard *g, uint64_t source)
{
	struct bucket *set = g->sets[source % SETS], *least = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].source == source)
			return &set[i];
		if (set[i].full_ns < least->full_ns)
			least = &set[i];
	}
	least->source = source;
	return least;
}

bool
guard_pass(struct guard *g, const struct netaddr *from, uint64_t now_ns)
{
	struct bucket *b;
	uint64_t full;

	if (g->step_ns == 0 || is_loopback(from) || guard_trusts(g, from))
		return true;
	b = find(g, guard_source(g, from));
	full = (b->full_ns > now_ns ? b->full_ns : now_ns) + g->step_ns;
	if (full - now_ns > g->depth_ns)
		return false;
	b->full_ns = full;
	return true;
}
