/*
 * A model of the doorbell (common/ipc/bell.c): one owner, two producers with a ring each, every
 * interleaving of their steps, with the store buffers of a machine that lets a load overtake an earlier
 * store. A state in which the owner sleeps, all others are done and a record waits is a lost ring.
 *
 * The protocol must have none. With any one part taken away the model must find one; else it would
 * prove nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCERS = 2, RECORDS = 2, SEEN_BITS = 20 };

enum owner { LOOK_0, LOOK_1, ARM, AGAIN_0, AGAIN_1, WAIT, ASLEEP, DISARM, DRAIN, OWNER_DONE };
enum producer { WRITE, FENCE, READ, EXCHANGE, WAKE, PRODUCER_DONE };

struct variant {
	const char *name;
	bool eventfd, fence, again, checked_wait, clear_after;
	bool loses;
};

struct state {
	uint8_t owner, word, readable; /* readable: the eventfd */
	uint8_t taken[PRODUCERS];      /* by the owner */
	uint8_t head[PRODUCERS];       /* in memory */
	uint8_t written[PRODUCERS];    /* in the producer's store buffer or in memory */
	uint8_t at[PRODUCERS];
};

static uint8_t seen[1u << SEEN_BITS][sizeof(struct state)];
static bool used[1u << SEEN_BITS];
static unsigned states, lost;

static bool
new_state(const struct state *s)
{
	uint64_t h = 1469598103934665603ull;

	for (size_t i = 0; i < sizeof(*s); i++)
		h = (h ^ ((const uint8_t *)s)[i]) * 1099511628211ull;
	for (uint32_t at = (uint32_t)(h >> 32);; at++) {
		uint32_t i = at & ((1u << SEEN_BITS) - 1);

		if (used[i] && memcmp(seen[i], s, sizeof(*s)) == 0)
			return false;
		if (used[i])
			continue;
		used[i] = true;
		memcpy(seen[i], s, sizeof(*s));
		if (++states > (1u << SEEN_BITS) / 2)
			abort();
		return true;
	}
}

static void
wake(const struct variant *v, struct state *s)
{
	if (v->eventfd)
		s->readable = 1;
	else if (s->owner == ASLEEP)
		s->owner = DISARM;
}

/* One step of the owner; false when it can make none. */
static bool
owner_step(const struct variant *v, struct state *s)
{
	int ring = s->owner == LOOK_1 || s->owner == AGAIN_1;

	switch ((enum owner)s->owner) {
	case LOOK_0:
	case LOOK_1:
		if (s->taken[ring] < s->head[ring])
			s->taken[ring]++;
		else if (ring == 0)
			s->owner = LOOK_1;
		else if (s->taken[0] + s->taken[1] == PRODUCERS * RECORDS)
			s->owner = OWNER_DONE;
		else
			s->owner = ARM;
		return true;
	case ARM:
		s->word = 1;
		s->owner = v->again ? AGAIN_0 : WAIT;
		return true;
	case AGAIN_0:
	case AGAIN_1:
		if (s->taken[ring] < s->head[ring])
			s->owner = DISARM;
		else
			s->owner = ring == 0 ? AGAIN_1 : WAIT;
		return true;
	case WAIT: /* the kernel compares and goes to sleep as one step */
		s->owner = v->eventfd || s->word == 1 || !v->checked_wait ? ASLEEP : DISARM;
		return true;
	case ASLEEP:
		if (!v->eventfd || s->readable == 0)
			return false;
		s->owner = DISARM;
		return true;
	case DISARM:
		s->word = 0;
		s->owner = DRAIN;
		return true;
	case DRAIN:
		s->readable = 0;
		s->owner = LOOK_0;
		return true;
	case OWNER_DONE:
		return false;
	}
	return false;
}

static void
producer_next(struct state *s, int p)
{
	s->at[p] = s->written[p] < RECORDS ? WRITE : PRODUCER_DONE;
}

static bool
producer_step(const struct variant *v, struct state *s, int p)
{
	switch ((enum producer)s->at[p]) {
	case WRITE: /* into the store buffer */
		s->written[p]++;
		s->at[p] = v->fence ? FENCE : READ;
		return true;
	case FENCE:
		if (s->head[p] != s->written[p])
			return false;
		s->at[p] = READ;
		return true;
	case READ:
		if (s->word != 1)
			producer_next(s, p);
		else
			s->at[p] = v->clear_after ? WAKE : EXCHANGE;
		return true;
	case EXCHANGE: /* a locked instruction waits for the store buffer */
		if (s->head[p] != s->written[p])
			return false;
		s->at[p] = s->word == 1 && !v->clear_after ? WAKE : WRITE;
		s->word = 0;
		if (s->at[p] == WRITE)
			producer_next(s, p);
		return true;
	case WAKE:
		wake(v, s);
		if (v->clear_after)
			s->at[p] = EXCHANGE;
		else
			producer_next(s, p);
		return true;
	case PRODUCER_DONE:
		return false;
	}
	return false;
}

static void
explore(const struct variant *v, const struct state *s)
{
	bool moved = false;
	struct state n;

	if (!new_state(s))
		return;
	n = *s;
	if (owner_step(v, &n)) {
		moved = true;
		explore(v, &n);
	}
	for (int p = 0; p < PRODUCERS; p++) {
		n = *s;
		if (producer_step(v, &n, p)) {
			moved = true;
			explore(v, &n);
		}
		n = *s;
		if (n.head[p] != n.written[p]) { /* the store buffer drains when it likes */
			n.head[p] = n.written[p];
			moved = true;
			explore(v, &n);
		}
	}
	if (!moved && s->owner != OWNER_DONE)
		lost++;
}

int
main(void)
{
	/* name, eventfd, fence, again, checked_wait, clear_after, loses */
	static const struct variant variants[] = {
		{ "futex", false, true, true, true, false, false },
		{ "eventfd", true, true, true, true, false, false },
		{ "futex without the fence", false, false, true, true, false, true },
		{ "eventfd without the fence", true, false, true, true, false, true },
		{ "futex without the second look", false, true, false, true, false, true },
		{ "futex that sleeps unchecked", false, true, true, false, false, true },
		{ "futex woken before the word is cleared", false, true, true, true, true, true },
	};
	int bad = 0;

	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct state s;

		memset(&s, 0, sizeof(s));
		memset(used, 0, sizeof(used));
		states = lost = 0;
		explore(&variants[i], &s);
		printf(
		    "%-40s %6u states, %u ways to lose a ring\n", variants[i].name, states, lost);
		if ((lost != 0) != variants[i].loses)
			bad = 1;
	}
	return bad;
}
