/* Messages that were in hand at a death (ipc/poison.h; THREATS.md F3). */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "ipc/poison.h"

static struct child *c;
static struct exchange exchange;

static void
begin(void)
{
	c = calloc(1, sizeof(*c));
	c->role = ROLE_WORKER;
	c->self = calloc(1, sizeof(*c->self));
	c->exchange = &exchange;
}

static void
end(void)
{
	free(c->self);
	free(c);
}

TestSuite(poison, .init = begin, .fini = end);

static bool
is_known(struct span message)
{
	return poison_again(c, poison_hash(c, message));
}

static void
killed_by(struct span message)
{
	poison_found(c, WIRE_POISON, WIRE_SIP_IN, message, poison_hash(c, message));
}

/* It may have been innocent: what its sender repeats is handled. */
Test(poison, one_death_is_no_proof)
{
	killed_by(SPAN("INVITE"));
	cr_expect_not(is_known(SPAN("INVITE")));
	cr_expect_eq(c->self->counters[COUNT_POISON], 1);
}

Test(poison, F3_not_given_to_the_next_more_than_twice)
{
	cr_expect_not(is_known(SPAN("INVITE")));
	killed_by(SPAN("INVITE"));
	killed_by(SPAN("INVITE"));
	cr_expect(is_known(SPAN("INVITE")));
	cr_expect(is_known(SPAN("INVITE")));
	cr_expect_not(is_known(SPAN("INVITE ")));
	cr_expect_eq(c->self->counters[COUNT_POISON], 4);
}

/* The memory is small: a new one takes the place of the oldest. */
Test(poison, the_oldest_is_forgotten)
{
	for (unsigned i = 0; i <= POISONS; i++) {
		killed_by(span_of(&"abcdefghij"[i], 1));
		killed_by(span_of(&"abcdefghij"[i], 1));
	}
	cr_expect_not(is_known(SPAN("a")));
	cr_expect(is_known(SPAN("b")));
	cr_expect(is_known(SPAN("i")));
}
