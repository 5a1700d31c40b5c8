/* The order in which places are tried: RFC 2782, "Usage rules". */
#include "sip/locate.h"

#include <string.h>

/* splitmix64: small, and its sequence is the seed's. */
static uint32_t
draw(uint64_t *seed, uint32_t below)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((uint64_t)(uint32_t)(x ^ x >> 31) * below >> 32);
}

/* By rank; among equals those of weight 0 first, so that they have a chance at all. */
static bool
stands_before(const struct locate_item *a, const struct locate_item *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return a->weight == 0 && b->weight != 0;
}

static void
sort(struct locate_item *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct locate_item x = v[i];
		unsigned at = i;

		for (; at > 0 && stands_before(&x, &v[at - 1]); at--)
			v[at] = v[at - 1];
		v[at] = x;
	}
}

/* Takes one of v to the front: a number from 0 to the sum of the weights, both included, chooses the
 * first whose running sum reaches it. */
static void
choose(struct locate_item *v, unsigned n, uint64_t *seed)
{
	uint32_t sum = 0, running = 0, number;
	struct locate_item x;
	unsigned i;

	for (i = 0; i < n; i++)
		sum += v[i].weight;
	number = draw(seed, sum + 1);
	for (i = 0; i < n - 1; i++) {
		running += v[i].weight;
		if (running >= number)
			break;
	}
	x = v[i];
	memmove(v + 1, v, i * sizeof(*v));
	v[0] = x;
}

void
locate_sort(struct locate_item *items, unsigned n, uint64_t *seed)
{
	unsigned end;

	sort(items, n);
	for (unsigned at = 0; at < n; at = end) {
		for (end = at + 1; end < n && items[end].rank == items[at].rank; end++)
			;
		for (unsigned i = at; i + 1 < end; i++)
			choose(items + i, end - i, seed);
	}
}

/* Addresses of one family, none of which is better than the other. */
static void
shuffle(struct locate_place *p, unsigned n, uint64_t *seed)
{
	for (; n > 1; n--) {
		unsigned i = draw(seed, n);
		struct locate_place x = p[n - 1];

		p[n - 1] = p[i];
		p[i] = x;
	}
}

static unsigned
put_group(const struct locate_plan *plan, unsigned first, uint64_t *seed, struct locate_place *out)
{
	unsigned n = 0, end;

	for (unsigned i = first; i < plan->n && plan->places[i].group == plan->places[first].group;
	     i++)
		out[n++] = plan->places[i];
	for (unsigned at = 0; at < n; at = end) {
		for (end = at + 1; end < n && out[end].address.family == out[at].address.family;
		     end++)
			;
		shuffle(out + at, end - at, seed);
	}
	return n;
}

void
locate_order(const struct locate_plan *plan, uint64_t seed, struct locate_place *out)
{
	struct locate_item items[LOCATE_PLACES];
	unsigned groups = 0;

	for (unsigned i = 0; i < plan->n; i++) {
		const struct locate_place *p = &plan->places[i];

		if (i == 0 || p->group != p[-1].group)
			items[groups++] = (struct locate_item){ p->rank, p->weight, (uint16_t)i };
	}
	locate_sort(items, groups, &seed);
	for (unsigned i = 0; i < groups; i++)
		out += put_group(plan, items[i].index, &seed, out);
}
