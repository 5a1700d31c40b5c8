/* fsm: the order of a step, pairs that are not there, the trace, and faulty tables. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/fsm.h"

enum { IDLE, BUSY, DONE };
enum { GO, AGAIN, STOP };
static const char *const states[] = { "IDLE", "BUSY", "DONE" };
static const char *const events[] = { "GO", "AGAIN", "STOP" };

struct machine {
	uint8_t state;
	char log[64];
};

static void
note(struct machine *o, const char *what)
{
	size_t len = strlen(o->log);

	snprintf(o->log + len, sizeof(o->log) - len, "%s@%s ", what, states[o->state]);
}

static void
act(void *obj, const void *arg)
{
	note(obj, arg);
}

static void
enter(void *obj, uint8_t state)
{
	cr_expect_eq(((struct machine *)obj)->state, state);
	note(obj, "enter");
}

static const struct fsm_row rows[] = {
	FSM_ROW(IDLE, GO, BUSY, act),
	FSM_ROW(BUSY, AGAIN, BUSY, act),
	FSM_ROW(BUSY, STOP, DONE, NULL),
};
static const struct fsm machine = { "demo", states, events, 3, 3, rows, 3, enter, 1ull << DONE };

Test(base_fsm, state_then_action_then_entering)
{
	struct machine o = { IDLE, "" };

	cr_expect(fsm_step(&machine, &o.state, GO, &o, "go", 1));
	cr_expect(fsm_step(&machine, &o.state, AGAIN, &o, "again", 1));
	cr_expect(fsm_step(&machine, &o.state, STOP, &o, NULL, 1));
	cr_expect_str_eq(o.log, "go@BUSY enter@BUSY again@BUSY enter@DONE ");
}

Test(base_fsm, unknown_pairs_do_nothing)
{
	struct machine o = { IDLE, "" };
	uint64_t before = fsm_ignored();
	uint8_t wild = 200;

	cr_expect_not(fsm_step(&machine, &o.state, STOP, &o, NULL, 1));
	cr_expect_not(fsm_step(&machine, &o.state, 99, &o, NULL, 1));
	cr_expect_not(fsm_step(&machine, &wild, GO, &o, NULL, 1));
	cr_expect_eq(o.state, IDLE);
	cr_expect_str_empty(o.log);
	cr_expect_eq(fsm_ignored(), before + 3);
}

static const struct fsm_row dropping_rows[] = {
	{ IDLE, STOP, DONE, NULL, "NULL" },
};

static void
drop(void *obj, uint8_t state)
{
	(void)state;
	free(obj);
}

/* The object may go within the step: nothing of it is read afterwards (ASan would tell). */
Test(base_fsm, object_goes_within_a_step)
{
	struct fsm m = { "drop", states, events, 3, 3, dropping_rows, 1, drop, 0 };
	struct machine *o = calloc(1, sizeof(*o));

	cr_expect(fsm_step(&m, &o->state, STOP, o, NULL, 1));
}

Test(base_fsm, trace)
{
	char text[8192];
	struct buf b = buf_on(text, sizeof(text));
	struct machine o = { IDLE, "" };
	struct span rest, line;
	int lines = 0;

	fsm_trace_put(&b);
	cr_expect_eq(b.len, 0);
	fsm_step(&machine, &o.state, GO, &o, "", 0xab);
	fsm_step(&machine, &o.state, GO, &o, "", 0xab);
	fsm_step(&machine, &o.state, 77, &o, "", 0xab);
	fsm_trace_put(&b);
	cr_expect(span_eq(buf_span(&b), SPAN("demo ab: IDLE, GO: BUSY\ndemo ab: BUSY, GO: ignored\n"
					     "demo ab: BUSY, ?: ignored\n")),
	    "%.*s", SPAN_F(buf_span(&b)));
	for (uint64_t i = 0; i < 100; i++)
		fsm_step(&machine, &o.state, AGAIN, &o, "", i);
	b = buf_on(text, sizeof(text));
	fsm_trace_put(&b);
	cr_assert(buf_ok(&b));
	cr_expect(span_starts(buf_span(&b), SPAN("demo 24: "))); /* 36, the first of 64 */
	for (rest = buf_span(&b); rest.len > 0; rest = span_cut(rest, '\n', &line))
		lines++;
	cr_expect_eq(lines, 64);
}

Test(base_fsm, dot)
{
	char text[512] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	fsm_dot(&machine, f);
	fclose(f);
	cr_expect_str_eq(text, "digraph demo {\n"
			       "\tDONE [shape=doublecircle];\n"
			       "\tIDLE -> BUSY [label=\"GO / act\"];\n"
			       "\tBUSY -> BUSY [label=\"AGAIN / act\"];\n"
			       "\tBUSY -> DONE [label=\"STOP\"];\n"
			       "}\n");
}

static void
faulty(const struct fsm_row *r, unsigned n, uint64_t final, const char *fault)
{
	struct fsm m = { "demo", states, events, 3, 3, r, n, NULL, final };
	char text[128];
	struct buf why = buf_on(text, sizeof(text) - 1);

	cr_expect_not(fsm_check(&m, &why));
	text[why.len] = '\0';
	cr_expect_str_eq(text, fault);
}

Test(base_fsm, check)
{
	static const struct fsm_row twice[] = { FSM_ROW(IDLE, GO, BUSY, act),
		FSM_ROW(BUSY, STOP, DONE, act), FSM_ROW(IDLE, GO, DONE, NULL) };
	static const struct fsm_row island[] = { FSM_ROW(IDLE, GO, DONE, act),
		FSM_ROW(BUSY, STOP, DONE, act) };
	static const struct fsm_row trap[] = { FSM_ROW(IDLE, GO, BUSY, act),
		FSM_ROW(BUSY, GO, BUSY, act), FSM_ROW(IDLE, STOP, DONE, act) };
	static const struct fsm_row beyond[] = { FSM_ROW(IDLE, GO, 3, act) };
	char text[128];
	struct buf why = buf_on(text, sizeof(text));

	cr_expect(fsm_check(&machine, &why));
	cr_expect_eq(why.len, 0);
	faulty(twice, 3, 1 << DONE, "demo: IDLE, GO stands twice");
	faulty(island, 2, 1 << DONE, "demo: BUSY cannot be reached");
	faulty(trap, 3, 1 << DONE, "demo: BUSY has no exit");
	faulty(rows, 3, 0, "demo: DONE has no exit");
	faulty(rows, 3, 1 << DONE | 1 << BUSY, "demo: BUSY is final but has an exit");
	faulty(beyond, 1, 0, "demo: row 0 names no state or event");
}
