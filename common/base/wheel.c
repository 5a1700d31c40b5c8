/*
 * The wheel: eight levels of 64 slots, so that 48 bits of ticks hold every deadline that 64 bits of
 * nanoseconds can name. A timer stands on the level of the highest digit (of 6 bits) in which its
 * tick differs from the present one, in the slot of its own digit there:
 *
 *     now    ... 5 | 17 |  3          level 0: tick 5|17|9     slot  9
 *                                     level 1: tick 5|20|0     slot 20
 *                                     level 2: tick 6| 0|0     slot  6
 *
 * Therefore every occupied slot lies ahead of the present digit of its level (nothing wraps round),
 * and all of a level comes before anything of the next. The next thing to do is the lowest slot of
 * the lowest level that is not empty: one bit scan finds it, however far away. Arriving at a slot of
 * a higher level spreads its timers over the levels below.
 */
#include "base/wheel.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

enum { DIGIT = 6, SLOTS = 1 << DIGIT, LEVELS = 8 };

struct wheel {
	uint64_t tick;		   /* all timers up to this tick have fired */
	uint64_t occupied[LEVELS]; /* a bit per slot */
	struct wheel_timer *slots[LEVELS][SLOTS];
	struct wheel_timer *due, **due_end; /* empty but during wheel_run */
};

static uint64_t
tick_of(uint64_t deadline_ns)
{
	return deadline_ns / WHEEL_TICK_NS + (deadline_ns % WHEEL_TICK_NS != 0);
}

static void
link_at(struct wheel_timer **at, struct wheel_timer *t)
{
	t->next = *at;
	t->prev = at;
	if (t->next != NULL)
		t->next->prev = &t->next;
	*at = t;
}

static void
unlink_timer(struct wheel *w, struct wheel_timer *t)
{
	struct wheel_timer **at = t->prev;
	uintptr_t slot = ((uintptr_t)at - (uintptr_t)w->slots) / sizeof(*at);

	*at = t->next;
	if (t->next != NULL)
		t->next->prev = at;
	t->next = NULL;
	t->prev = NULL;
	/* Was it the last of a slot? `at` then points into slots, and not into another timer. */
	if (*at == NULL && slot < LEVELS * SLOTS)
		w->occupied[slot / SLOTS] &= ~(1ull << slot % SLOTS);
}

/* Puts a timer whose tick is ahead of the wheel's into its slot. */
static void
place(struct wheel *w, struct wheel_timer *t, uint64_t tick)
{
	int level = (63 - __builtin_clzll(tick ^ w->tick)) / DIGIT;
	unsigned digit = (unsigned)(tick >> level * DIGIT) % SLOTS;

	link_at(&w->slots[level][digit], t);
	w->occupied[level] |= 1ull << digit;
}

static void
append_due(struct wheel *w, struct wheel_timer *t)
{
	link_at(w->due_end, t);
	w->due_end = &t->next;
}

/* The next tick at which timers fire or are spread; UINT64_MAX when nothing is set. *level_r and
 * *digit_r name the slot. */
static uint64_t
next_tick(const struct wheel *w, int *level_r, unsigned *digit_r)
{
	for (int level = 0; level < LEVELS; level++) {
		uint64_t above;

		if (w->occupied[level] == 0)
			continue;
		above = w->tick >> (level + 1) * DIGIT << (level + 1) * DIGIT;
		*level_r = level;
		*digit_r = (unsigned)__builtin_ctzll(w->occupied[level]);
		return above | (uint64_t)*digit_r << level * DIGIT;
	}
	return UINT64_MAX;
}

struct wheel *
wheel_new(uint64_t now_ns)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (w == NULL)
		fatal(ENOMEM, "a timer wheel");
	w->tick = now_ns / WHEEL_TICK_NS;
	w->due_end = &w->due;
	return w;
}

void
wheel_drop(struct wheel *w)
{
	free(w);
}

void
wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t deadline_ns)
{
	uint64_t tick = tick_of(deadline_ns);

	if (wheel_is_set(t))
		unlink_timer(w, t);
	t->deadline_ns = deadline_ns;
	if (deadline_ns == 0)
		return;
	/* What is overdue fires at the next tick: within wheel_run that is after this run, so that
	 * a timer that sets itself in the past cannot hold the run up. */
	place(w, t, tick > w->tick ? tick : w->tick + 1);
}

/* Moves the wheel to `to` and gathers what is due by then, in the order of the ticks. */
static void
turn_to(struct wheel *w, uint64_t to)
{
	unsigned digit = 0;
	int level = 0;
	uint64_t at;

	while ((at = next_tick(w, &level, &digit)) <= to) {
		struct wheel_timer *t;

		w->tick = at;
		while ((t = w->slots[level][digit]) != NULL) {
			uint64_t tick = tick_of(t->deadline_ns);

			unlink_timer(w, t);
			if (tick > at)
				place(w, t, tick);
			else
				append_due(w, t);
		}
	}
	w->tick = to;
}

void
wheel_run(
    struct wheel *w, uint64_t now_ns, void (*fire)(void *ctx, struct wheel_timer *t), void *ctx)
{
	uint64_t to = now_ns / WHEEL_TICK_NS;
	struct wheel_timer *t;

	if (to <= w->tick)
		return;
	turn_to(w, to);
	/* A timer in hand may be stopped or moved by another's fire: it leaves the list by itself. */
	while ((t = w->due) != NULL) {
		unlink_timer(w, t);
		fire(ctx, t);
	}
	w->due_end = &w->due;
}

uint64_t
wheel_next(const struct wheel *w, uint64_t now_ns)
{
	unsigned digit;
	int level;
	uint64_t tick = next_tick(w, &level, &digit);
	uint64_t at_ns;

	if (w->due != NULL)
		return 0;
	if (tick == UINT64_MAX)
		return UINT64_MAX;
	/* A deadline in the last tick that 64 bits can name: never reached. */
	if (tick > UINT64_MAX / WHEEL_TICK_NS)
		return UINT64_MAX - now_ns;
	at_ns = tick * WHEEL_TICK_NS;
	return at_ns > now_ns ? at_ns - now_ns : 0;
}
