/* loop: who is called, who no longer is, and how long it waits. */
#include <criterion/criterion.h>

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"

struct end {
	struct loop_watch watch;
	struct end *removes; /* what its callback removes */
	unsigned called;
	uint32_t events;
};

static struct loop *loop;
static struct end a, b;

static void
ready(void *ctx, uint32_t events)
{
	struct end *e = ctx;

	e->called++;
	e->events = events;
	if (e->removes != NULL)
		loop_remove(loop, &e->removes->watch);
}

static void
open_end(struct end *e)
{
	*e = (struct end){ .watch = { eventfd(1, EFD_NONBLOCK), ready, e } };
}

static void
open_loop(void)
{
	loop = loop_new();
	open_end(&a);
	open_end(&b);
}

static void
close_loop(void)
{
	close(a.watch.fd);
	close(b.watch.fd);
	loop_drop(loop);
}

TestSuite(base_loop, .init = open_loop, .fini = close_loop);

Test(base_loop, level_triggered)
{
	uint64_t n;

	cr_expect_eq(loop_add(loop, &a.watch, EPOLLIN), ERR_NONE);
	loop_turn(loop, 0);
	loop_turn(loop, UINT64_MAX); /* ready: does not wait */
	cr_expect_eq(a.called, 2);
	cr_expect_eq(a.events, EPOLLIN);
	cr_assert_eq(read(a.watch.fd, &n, sizeof(n)), (ssize_t)sizeof(n));
	loop_turn(loop, 0);
	cr_expect_eq(a.called, 2);
	cr_expect_eq(loop_change(loop, &a.watch, EPOLLOUT), ERR_NONE);
	loop_turn(loop, 0);
	cr_expect_eq(a.called, 3);
	cr_expect_eq(a.events, EPOLLOUT);
}

Test(base_loop, errors)
{
	struct loop_watch closed = { .fd = -1 };

	cr_expect_eq(loop_change(loop, &a.watch, EPOLLIN), ERR_ABSENT);
	cr_expect_eq(loop_add(loop, &a.watch, EPOLLIN), ERR_NONE);
	cr_expect_eq(loop_add(loop, &a.watch, EPOLLIN), ERR_EXISTS);
	cr_expect_eq(loop_add(loop, &closed, EPOLLIN), ERR_IO);
	loop_remove(loop, &b.watch); /* was never added */
}

Test(base_loop, removed_is_not_called)
{
	loop_add(loop, &a.watch, EPOLLIN);
	loop_add(loop, &b.watch, EPOLLIN);
	/* Both are ready: whichever comes first removes the other. */
	a.removes = &b;
	b.removes = &a;
	loop_turn(loop, 0);
	cr_expect_eq(a.called + b.called, 1);
	loop_turn(loop, 0);
	cr_expect_eq(a.called + b.called, 2);
	cr_expect(a.called == 0 || b.called == 0);
}

Test(base_loop, removes_itself)
{
	loop_add(loop, &a.watch, EPOLLIN);
	loop_add(loop, &b.watch, EPOLLIN);
	a.removes = &a;
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	cr_expect_eq(a.called, 1);
	cr_expect_eq(b.called, 2);
	cr_expect_eq(loop_add(loop, &a.watch, EPOLLIN), ERR_NONE);
	loop_turn(loop, 0);
	cr_expect_eq(a.called, 2);
}

Test(base_loop, waits_no_less_than_told)
{
	struct clock before, after;

	clock_read(&before);
	loop_turn(loop, 2 * NS_PER_MS + 1); /* rounded up to 3 ms */
	clock_read(&after);
	cr_expect_geq(after.mono_ns - before.mono_ns, 2 * NS_PER_MS + 1);
}
