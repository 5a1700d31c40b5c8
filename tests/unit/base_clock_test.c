/* clock: how moments are written, and that a moved clock moves both of its hands. */
#include <criterion/criterion.h>

#include "base/clock.h"

static void
writes(int64_t wall_ms, const char *text)
{
	char memory[40];
	struct buf b = buf_on(memory, sizeof(memory) - 1);

	clock_put_utc(&b, wall_ms);
	memory[b.len] = '\0';
	cr_expect_str_eq(memory, text);
}

Test(base_clock, utc)
{
	writes(0, "1970-01-01T00:00:00.000Z");
	writes(-1, "1969-12-31T23:59:59.999Z");
	writes(951782400000, "2000-02-29T00:00:00.000Z");
	writes(951868799999, "2000-02-29T23:59:59.999Z");
	writes(951868800000, "2000-03-01T00:00:00.000Z");
	writes(4107542399000, "2100-02-28T23:59:59.000Z");
	writes(4107542400000, "2100-03-01T00:00:00.000Z"); /* 2100 is no leap year */
	writes(1795255200123, "2026-11-21T10:00:00.123Z");
	writes(1798761599999, "2026-12-31T23:59:59.999Z");
	writes(253402300799999, "9999-12-31T23:59:59.999Z");
}

static void
dates(int64_t wall_ms, const char *text)
{
	char memory[40];
	struct buf b = buf_on(memory, sizeof(memory) - 1);

	clock_put_date(&b, wall_ms);
	memory[b.len] = '\0';
	cr_expect_str_eq(memory, text);
}

Test(base_clock, date)
{
	dates(0, "Thu, 01 Jan 1970 00:00:00 GMT");
	dates(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
	dates(784111777000, "Sun, 06 Nov 1994 08:49:37 GMT");
	dates(951782400000, "Tue, 29 Feb 2000 00:00:00 GMT");
	dates(1795255200123, "Sat, 21 Nov 2026 10:00:00 GMT");
}

Test(base_clock, utc_sticks_to_the_buffer)
{
	char memory[23];
	struct buf b = buf_on(memory, sizeof(memory));

	clock_put_utc(&b, 0);
	cr_expect_not(buf_ok(&b), "it takes 24 bytes");
}

Test(base_clock, moves)
{
	struct clock c = { .mono_ns = 999999, .wall_ms = 5 };

	for (int i = 0; i < 10; i++)
		clock_move(&c, 100000);
	cr_expect_eq(c.mono_ns, 1999999);
	cr_expect_eq(c.wall_ms, 6);
	clock_move(&c, 3 * NS_PER_S + 1);
	cr_expect_eq(c.mono_ns, 3002000000);
	cr_expect_eq(c.wall_ms, 3007);
}

Test(base_clock, reads)
{
	struct clock a, b;

	clock_read(&a);
	clock_read(&b);
	cr_expect_geq(b.mono_ns, a.mono_ns);
	cr_expect_gt(a.wall_ms, 1700000000000);
}
