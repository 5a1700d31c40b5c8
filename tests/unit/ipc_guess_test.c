/* Who sends wrong credentials (ipc/guess.h; THREATS.md C5). */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/clock.h"
#include "ipc/guess.h"

static struct child *c;

static void
begin(void)
{
	c = calloc(1, sizeof(*c));
	c->self = calloc(1, sizeof(*c->self));
	c->clock.mono_ns = 1000 * NS_PER_S;
}

static void
end(void)
{
	free(c->self);
	free(c);
}

TestSuite(guess, .init = begin, .fini = end);

static struct netaddr
source(uint8_t last)
{
	return (struct netaddr){ .family = 4, .ip = { 192, 0, 2, last }, .port = 5060 };
}

static unsigned
told_of(unsigned n, struct netaddr from)
{
	unsigned told = 0;

	for (unsigned i = 0; i < n; i++)
		told += guess_wrong(c, &from);
	return told;
}

Test(guess, C5_after_some_he_hears_one_a_second)
{
	cr_expect_eq(told_of(100, source(1)), GUESS_FREE);
	clock_move(&c->clock, 5 * NS_PER_S);
	cr_expect_eq(told_of(100, source(1)), 5);
	cr_expect_eq(told_of(1, source(2)), 1, "others are not meant");
	cr_expect_eq(c->self->counters[COUNT_AUTH_FAILED], 201);
}

Test(guess, who_comes_now_and_then_always_hears)
{
	for (unsigned i = 0; i < 100; i++) {
		cr_expect_eq(told_of(1, source(1)), 1);
		clock_move(&c->clock, NS_PER_S);
	}
}

Test(guess, memory_is_fixed_and_the_longest_silent_goes)
{
	for (unsigned i = 0; i < 3 * GUESSERS; i++) {
		clock_move(&c->clock, NS_PER_S);
		told_of(30, source((uint8_t)i));
		told_of(1, source(250));
	}
	for (unsigned i = 0; i < GUESSERS; i++)
		if (c->self->guessers[i].source.ip[3] == 250)
			cr_expect_eq(c->self->guessers[i].wrong, 3 * GUESSERS);
}
