/*
 * Calls as the registrar shows them (S4-13, RFC 4235), from a worker's region that the test writes: what
 * is told, what is told not at all because a ring was full or a worker died, and what is shown once only.
 */
#include <stdio.h>

#include "ipc/wire.h"
#include "registrar_rig.h"

enum { VIEWS = 40 };

static struct {
	struct process head;
	char pad[PROCESS_HEAD - sizeof(struct process)];
	struct call_views views;
	struct call_view view[VIEWS];
	struct call_view_users users[VIEWS];
} region;

static uint64_t
bobs(void)
{
	return call_user_hash(&bench.r->challenge.key, 1, SPAN("bob"));
}

static void
connect_worker(void)
{
	bench.r->workers[0] = (struct worker_seen){ .region = &region, .size = sizeof(region) };
}

static void
begin(void)
{
	bench_begin();
	region.views.count = VIEWS;
	region.head.ready = 1;
	connect_worker();
	calls_check(bench.r);
}

TestSuite(registrar_calls, .init = begin, .fini = bench_forget);

/* A call of bob's is now so, and nobody has been told. */
static void
becomes(unsigned i, enum call_user_state state)
{
	struct call_view *v = &region.view[i];

	call_view_begin(v);
	v->state = state == CALL_USER_NONE ? CALL_VIEW_NONE : CALL_VIEW_UP;
	v->call_id[0] = (uint8_t)(i + 1);
	v->has_users = state != CALL_USER_NONE;
	region.users[i].n = v->has_users;
	region.users[i].of[0] = (struct call_view_user){ .user = bobs(), .state = (uint8_t)state };
	call_view_end(v);
	if (region.views.used <= i)
		region.views.used = i + 1;
}

static void
told(unsigned i)
{
	calls_changed(bench.r, 0, &(struct wire_call_state){ .user = bobs(), .view = i });
}

/* The next document has so many dialogs in each state. */
static void
expect_dialogs(unsigned confirmed, unsigned early, unsigned terminated)
{
	static const char *const words[] = { ">confirmed<", ">early<", ">terminated<" };
	const unsigned wanted[] = { confirmed, early, terminated };
	const char *text;

	bench_wait_ms(10);
	text = bench_next();
	cr_assert_not_null(text);
	for (unsigned k = 0; k < 3; k++) {
		unsigned n = 0;

		for (const char *at = text; (at = strstr(at, words[k])) != NULL; at++)
			n++;
		cr_expect_eq(n, wanted[k], "%s: %u in\n%s", words[k], n, text);
	}
	bench_answer(text, 200);
}

static void
expect_nothing(void)
{
	bench_wait_ms(2000);
	cr_expect_null(bench_next());
}

Test(registrar_calls, S4_13_told_shown_gone)
{
	bench_subscribe_to(PACKAGE_DIALOG, 3600);
	expect_dialogs(0, 0, 0);
	becomes(3, CALL_USER_EARLY);
	told(3);
	expect_dialogs(0, 1, 0);
	told(3); /* and nothing is new */
	expect_nothing();
	becomes(3, CALL_USER_CONFIRMED);
	told(3);
	expect_dialogs(1, 0, 0);
	becomes(3, CALL_USER_NONE);
	told(3);
	expect_dialogs(0, 0, 1);
	expect_nothing();
	cr_expect_eq(bench.r->calls.count, 0, "the index is empty again");
}

/* What was up before anybody watched. */
Test(registrar_calls, S4_13_calls_of_before)
{
	becomes(0, CALL_USER_CONFIRMED);
	becomes(30, CALL_USER_EARLY);
	told(0);
	cr_expect_eq(bench.r->calls.count, 0, "of nobody's interest");
	bench_subscribe_to(PACKAGE_DIALOG, 3600);
	expect_dialogs(1, 1, 0);
}

/* The ring to us was full: the worker counted it. */
Test(registrar_calls, S4_13_what_was_not_told_is_found)
{
	bench_subscribe_to(PACKAGE_DIALOG, 3600);
	expect_dialogs(0, 0, 0);
	becomes(5, CALL_USER_CONFIRMED);
	expect_nothing();
	region.views.missed++;
	calls_check(bench.r);
	expect_dialogs(1, 0, 0);
	becomes(5, CALL_USER_NONE);
	region.head
	    .generation++; /* the worker was killed, and its successor does not know the call */
	calls_check(bench.r);
	expect_dialogs(0, 0, 1);
	calls_check(bench.r);
	expect_nothing();
}

/* Killed: what was shown is not shown again, what changed meanwhile is. */
Test(registrar_calls, S4_13_after_a_kill)
{
	bench_subscribe_to(PACKAGE_DIALOG, 3600);
	becomes(1, CALL_USER_CONFIRMED);
	becomes(2, CALL_USER_CONFIRMED);
	expect_dialogs(2, 0, 0);
	bench_restart();
	connect_worker();
	calls_check(bench.r);
	expect_nothing();
	cr_expect(watched_has(bench.r->watched, bobs()));
	becomes(1, CALL_USER_NONE);
	bench_restart();
	connect_worker();
	expect_dialogs(1, 0, 1);
}

/* More calls than a document has; a document always fits. */
Test(registrar_calls, S4_13_very_many_calls)
{
	bench_subscribe_to(PACKAGE_DIALOG, 3600);
	for (unsigned i = 0; i < VIEWS; i++)
		becomes(i, CALL_USER_CONFIRMED);
	expect_dialogs(CALLS_SEEN, 0, 0);
	for (unsigned i = 0; i < VIEWS; i++) {
		becomes(i, CALL_USER_NONE);
		told(i);
	}
	expect_dialogs(0, 0, SHOWN_MAX);
	expect_nothing();
}

/* Nobody watches any more: no bit, no index. */
Test(registrar_calls, S4_13_forgotten)
{
	bench_subscribe_to(PACKAGE_DIALOG, 3600);
	becomes(1, CALL_USER_CONFIRMED);
	expect_dialogs(1, 0, 0);
	subscription_grant(bench.r, bench.s, 0);
	expect_dialogs(1, 0, 0);
	calls_check(bench.r);
	cr_expect_eq(bench.r->calls.count, 0);
	cr_expect_not(watched_has(bench.r->watched, bobs()));
	bench_expect_empty();
}
