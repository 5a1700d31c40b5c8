/*
 * Call completion (SERVICES.md C37): who is to be rung when whom he called is free. Part of worker.h.
 */
#ifndef TANDEM_WORKER_COMPLETION_H
#define TANDEM_WORKER_COMPLETION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/completion.h"

struct call;
struct call_step;
struct code_args;
struct feature_verdict;
struct note;
struct origin;
struct worker;

/* completion.c: what is asked for, in shared memory */
enum {
	COMPLETIONS_EACH = 5,	   /* of one caller, and for one whom they called */
	COMPLETION_LASTS_S = 2700, /* TS 24.642: the service duration timer CC-T3 */
};
/* Keeps it, in place of an earlier one of the same two, whose recall does not ring yet; until_ns and what
 * follows from asking are filled here. NULL: it is kept; else why not. */
const char *completion_add(struct worker *w, const struct completion *want);
/* The requests of this caller that are in force, in whichever worker: how many, at most `most`. */
unsigned completions_of(
    struct worker *w, uint64_t account, struct completion *list_r, unsigned most);
/* None of his is in force any more; one whose recall rings goes on. */
void completions_cancel(struct worker *w, uint64_t account);
/* Is an earlier caller to be rung before this one? */
bool completion_waits_behind(struct worker *w, const struct completion *x);
/* The timer: rings whose turn it is. Armed while there are requests, and by recover(). */
void completions_tick(struct worker *w);
void completions_arm(struct worker *w);
/* The request that this call is the recall of; NULL: none, or it is done. */
struct completion *completion_of(struct worker *w, const struct call *c);
/* It is over; or tried again after a while, if it was not too often. */
void completion_drop(struct completion *x);
void completion_again(struct worker *w, struct completion *x);

/* features/completion.c: its codes, and who is free */
struct feature_verdict completion_set(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
struct feature_verdict completion_clear(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
struct feature_verdict completion_query(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
/* Can he be rung, and would he answer: registered, in no call, in no DND, not sent on? No, if the name is
 * another subscriber's than id's now. */
bool completion_is_free(struct worker *w, uint32_t tenant, uint64_t id, struct span user);
/* Is it time to ring the caller? Notes what was seen of whom he called. */
bool completion_is_due(struct worker *w, struct completion *x);
/* A call ends that somebody may want to be completed. */
void completion_missed(struct worker *w, const struct call *c);
/* It was completed: it is not to be asked for once more. */
void completion_done(struct worker *w, const struct call *c);

/* call_recall.c: the call that is made of it */
/* Rings the caller. False: not now. */
bool recall_begin(struct worker *w, struct completion *x);
/* Is the caller being rung, and whom he called not yet? */
bool recall_rings(struct worker *w, const struct call *c);
/* Has he answered, and the other not yet? */
bool recall_waits(struct worker *w, const struct call *c);
/* Actions of the call's machine and of the transfer's. */
void call_recall(void *step, const void *completion);
void recall_call(void *step, const void *arg);
/* A phone of the caller's answers: true, it was rung by a recall. */
bool recall_answered(struct call_step *s, const struct note *in);
/* Both talk. */
void recall_joined(struct worker *w, struct call *c);
/* The call ends. */
void recall_over(struct worker *w, struct call *c);

#endif
