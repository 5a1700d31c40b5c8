/*
 * Whom a subscriber dialled last, who called him last. Part of worker.h.
 */
#ifndef TANDEM_WORKER_RECENT_H
#define TANDEM_WORKER_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct call;
struct route_query;
struct target;
struct worker;

enum recent_kind {
	RECENT_CALLER = 1,
	RECENT_DIALLED,
	RECENT_MISSED, /* what of that nobody answered, if it is not older (features/completion.c) */
	RECENT_CANCELLED, /* nothing: that he wants no call completed any more */
};

/* Remembers it in place of what was; one that is too long is none. */
void recent_put(struct worker *w, enum recent_kind kind, uint64_t account, struct span number);
/* The same of a number dialled with codes before it: once, bits of enum call_once. */
void recent_put_once(
    struct worker *w, enum recent_kind kind, uint64_t account, struct span number, unsigned once);
/* What was dialled before it. */
unsigned recent_once(struct worker *w, enum recent_kind kind, uint64_t account);
/* In scratch; empty: nothing. */
struct span recent_find(struct worker *w, enum recent_kind kind, uint64_t account);
/* When it was put (monotonic); 0: never. */
uint64_t recent_at(struct worker *w, enum recent_kind kind, uint64_t account);

/* features/again.c */
/* Does the code that is dialled stand for a number that is remembered? Then it is *number_r, and *once_r what
 * was dialled before it, bits of enum call_once. */
bool again_number(struct worker *w, const struct call *c, struct span dialled,
    struct span *number_r, unsigned *once_r);
/* What is to be remembered: the call is made; its target is rung; who called this subscriber is not. */
void again_dialled(struct worker *w, const struct call *c, const struct route_query *q);
void again_rung(struct worker *w, const struct call *c, const struct target *t);
void again_forget(struct worker *w, uint64_t account);

#endif
