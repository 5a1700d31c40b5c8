/*
 * Steps a table. A machine's table stands under its figure; each row is {in, on, to, does}. The new
 * state is stored first, then the action runs, then what entering the state does. A pair that is
 * not in the table is ignored, logged at debug and counted. Each step leaves a line in a private ring
 * of trace lines that panic() prints.
 */
#ifndef TANDEM_BASE_FSM_H
#define TANDEM_BASE_FSM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

struct fsm_row {
	uint8_t in, on, to;
	void (*does)(void *obj, const void *arg); /* may be NULL */
	const char *does_name;                    /* for the figure */
};
/* A row: FSM_ROW(CALLING, TIMER_A, CALLING, resend) */
#define FSM_ROW(in, on, to, does) { in, on, to, does, #does }

struct fsm {
	const char *name;
	const char *const *states;
	const char *const *events;
	unsigned n_states, n_events;
	const struct fsm_row *rows;
	unsigned n_rows;
	void (*enter)(void *obj, uint8_t state);  /* may be NULL; runs when the state changed */
	uint64_t final;                           /* a bit (1ull << STATE) per state without exit */
};

/* False when the table has no such pair (nothing was done). `id` only names the object in the
 * trace. The object is not touched after the action, but for handing it to `enter`. */
bool fsm_step(const struct fsm *m, uint8_t *state, uint8_t event, void *obj, const void *arg,
    uint64_t id);
const struct fsm_row *fsm_find(const struct fsm *m, uint8_t state, uint8_t event);
/* How many events found no pair in this process: a counter for the outside. */
uint64_t fsm_ignored(void);
/* What every table must fulfil, for tests: no pair twice, every state reached from state 0, an exit
 * from every state but the final ones and none from those. The first fault goes to `why`. */
bool fsm_check(const struct fsm *m, struct buf *why);
/* Prints the table as a Graphviz digraph; tests compare it with doc/fsm/NAME.dot. */
void fsm_dot(const struct fsm *m, FILE *to);
/* The last steps of this process, oldest first, one a line. */
void fsm_trace_put(struct buf *b);

#endif
