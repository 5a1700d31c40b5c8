/* wheel: against a plain list of deadlines; far deadlines, far jumps, timers set within fire. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/wheel.h"

#define TICK WHEEL_TICK_NS
#define DAY  (86400ull * 1000000000ull)

struct timer {
	struct wheel_timer t;
	uint64_t fired_at;
	unsigned fired;
};

static struct wheel *wheel;
static uint64_t now;
static struct wheel_timer *order[16];
static unsigned n_fired;

static void
fire(void *ctx, struct wheel_timer *t)
{
	struct timer *timer = (struct timer *)t;

	(void)ctx;
	cr_expect_not(wheel_is_set(t));
	cr_expect_leq(t->deadline_ns, now, "early");
	timer->fired_at = now;
	timer->fired++;
	if (n_fired < 16)
		order[n_fired] = t;
	n_fired++;
}

static void
run(uint64_t at)
{
	now = at;
	n_fired = 0;
	wheel_run(wheel, now, fire, NULL);
}

static void
open_wheel(void)
{
	wheel = wheel_new(0);
}

static void
close_wheel(void)
{
	wheel_drop(wheel);
}

TestSuite(base_wheel, .init = open_wheel, .fini = close_wheel);

Test(base_wheel, never_early_at_most_a_tick_late)
{
	/* Deadlines around every power of two, each alone in the wheel. */
	for (int bit = 0; bit < 58; bit++) {
		for (int off = -1; off <= 1; off++) {
			uint64_t deadline = (1ull << bit) + (uint64_t)off;
			struct timer t = { 0 };

			if (deadline == 0)
				continue;
			wheel_drop(wheel);
			wheel = wheel_new(0);
			wheel_set(wheel, &t.t, deadline);
			run(deadline - 1);
			cr_expect_eq(n_fired, 0, "2^%d%+d", bit, off);
			cr_expect(wheel_is_set(&t.t));
			run(deadline + TICK);
			cr_expect_eq(n_fired, 1, "2^%d%+d", bit, off);
			cr_expect_eq(wheel_next(wheel, now), UINT64_MAX);
		}
	}
}

Test(base_wheel, next_leads_to_every_deadline)
{
	uint64_t start = 3 * DAY + 12345678, deadline = start + 12 * DAY + 1;
	struct timer t = { 0 };
	int turns = 0;

	wheel_drop(wheel);
	wheel = wheel_new(start);
	cr_expect_eq(wheel_next(wheel, start), UINT64_MAX);
	wheel_set(wheel, &t.t, deadline);
	/* As a loop does: sleep as long as told, run, ask again. */
	for (now = start; t.fired == 0 && turns < 20; turns++)
		run(now + wheel_next(wheel, now));
	cr_expect_eq(t.fired, 1);
	cr_expect_leq(t.fired_at, deadline + TICK);
	cr_expect_leq(turns, 8, "a wake-up for each level at most");
}

Test(base_wheel, jump_over_many_in_order)
{
	static const uint64_t deadlines[] = { 300 * DAY, 5, 2 * TICK, 64 * TICK, 63 * TICK,
		4096 * TICK, 4095 * TICK, 7 * DAY, 2 * DAY };
	struct timer t[9] = { 0 };

	for (int i = 0; i < 9; i++)
		wheel_set(wheel, &t[i].t, deadlines[i]);
	run(100 * DAY);
	cr_expect_eq(n_fired, 8);
	for (unsigned i = 1; i < n_fired; i++)
		cr_expect_leq(order[i - 1]->deadline_ns, order[i]->deadline_ns);
	cr_expect_eq(t[0].fired, 0);
	run(300 * DAY);
	cr_expect_eq(t[0].fired, 1);
	for (int i = 0; i < 9; i++)
		cr_expect_eq(t[i].fired, 1);
}

Test(base_wheel, many_against_a_list)
{
	enum { N = 400 };
	static struct timer t[N];
	uint64_t seed = 1, at = 0, fired = 0;

	for (int turn = 0; turn < 2000; turn++) {
		unsigned sum = 0;

		for (int i = 0; i < 3; i++) {
			struct timer *x;

			seed = seed * 6364136223846793005u + 1442695040888963407u;
			x = &t[(seed >> 33) % N];
			/* From nothing to about nine hours ahead, some moved, some stopped. */
			x->fired = 0;
			wheel_set(wheel, &x->t,
			    (seed >> 20) % 7 == 0
				? 0
				: at + ((seed >> 40) << (seed >> 59) % 22) % (DAY * 3 / 8));
		}
		at += (turn % 100 == 99 ? 3600000 : 700) * 1000000ull + (seed >> 50);
		run(at);
		fired += n_fired;
		for (int i = 0; i < N; i++) {
			cr_assert_leq(t[i].fired, 1);
			sum += wheel_is_set(&t[i].t);
			if (wheel_is_set(&t[i].t))
				cr_assert_gt(t[i].t.deadline_ns + TICK, at, "late");
		}
		cr_assert((wheel_next(wheel, at) == UINT64_MAX) == (sum == 0));
	}
	cr_expect_gt(fired, 1000);
}

Test(base_wheel, move_and_stop)
{
	struct timer a = { 0 }, b = { 0 };

	wheel_set(wheel, &a.t, 10 * TICK);
	wheel_set(wheel, &b.t, 10 * TICK);
	wheel_set(wheel, &a.t, 20 * TICK);
	run(10 * TICK);
	cr_expect_eq(a.fired, 0);
	cr_expect_eq(b.fired, 1);
	wheel_set(wheel, &a.t, 0);
	cr_expect_not(wheel_is_set(&a.t));
	wheel_set(wheel, &a.t, 0);
	cr_expect_eq(wheel_next(wheel, now), UINT64_MAX);
	run(30 * TICK);
	cr_expect_eq(a.fired, 0);
}

Test(base_wheel, overdue_fires_at_the_next_tick)
{
	struct timer a = { 0 };

	run(1000 * TICK);
	wheel_set(wheel, &a.t, 1);
	cr_expect_eq(wheel_next(wheel, now), TICK);
	run(1000 * TICK + TICK - 1);
	cr_expect_eq(a.fired, 0);
	run(1001 * TICK);
	cr_expect_eq(a.fired, 1);
}

Test(base_wheel, due_just_now_fires_at_the_next_tick)
{
	struct timer a = { 0 };

	run(1000 * TICK);
	wheel_set(wheel, &a.t, 1000 * TICK);
	cr_expect_eq(wheel_next(wheel, now), TICK);
	run(1001 * TICK);
	cr_expect_eq(a.fired, 1);
}

Test(base_wheel, time_that_stands_or_goes_back)
{
	struct timer a = { 0 };

	run(100 * TICK);
	wheel_set(wheel, &a.t, 102 * TICK);
	run(100 * TICK);
	run(50 * TICK);
	cr_expect_eq(a.fired, 0);
	run(102 * TICK);
	cr_expect_eq(a.fired, 1);
}

static struct timer again, victim, moved;
static unsigned runs;

static void
meddle(void *ctx, struct wheel_timer *t)
{
	(void)ctx;
	runs++;
	if (t != &again.t)
		return;
	wheel_set(wheel, &again.t, 1); /* in the past: must not fire in this run */
	wheel_set(wheel, &victim.t, 0);
	wheel_set(wheel, &moved.t, now + 5 * DAY);
	cr_expect_lt(wheel_next(wheel, now), TICK + 1);
}

Test(base_wheel, fire_meddles)
{
	memset(&again, 0, sizeof(again));
	memset(&victim, 0, sizeof(victim));
	memset(&moved, 0, sizeof(moved));
	wheel_set(wheel, &again.t, 1);
	wheel_set(wheel, &moved.t, 3 * TICK);
	wheel_set(wheel, &victim.t, 2 * DAY);
	now = 10 * DAY;
	wheel_run(wheel, now, meddle, NULL);
	cr_expect_eq(runs, 1);
	cr_expect_not(wheel_is_set(&victim.t));
	cr_expect(wheel_is_set(&moved.t));
	now += TICK;
	wheel_run(wheel, now, meddle, NULL);
	cr_expect_eq(runs, 2);
	run(15 * DAY);
	cr_expect_eq(moved.fired, 0, "moved once more by the second fire");
	run(16 * DAY);
	cr_expect_eq(moved.fired, 1);
}

Test(base_wheel, the_end_of_time)
{
	struct timer a = { 0 };

	wheel_set(wheel, &a.t, UINT64_MAX);
	run(UINT64_MAX - TICK);
	cr_expect_eq(a.fired, 0);
	cr_expect_leq(wheel_next(wheel, now), TICK);
	wheel_set(wheel, &a.t, 0);
	cr_expect_eq(wheel_next(wheel, now), UINT64_MAX);
}
