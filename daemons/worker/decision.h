/*
 * What was decided on a call, and why, for whoever asks later (model/decision.h). Part of worker.h.
 *
 * A feature that acts leaves a decision by its verdict (features.c); the route, groups and forwarding
 * leave theirs. Bounded: of a call with more than DECISIONS_MAX the first are kept, the last of them
 * for events alone. It is the call's only, and takes memory of its arena.
 */
#ifndef TANDEM_WORKER_DECISION_H
#define TANDEM_WORKER_DECISION_H

#include "base/buf.h"

struct call;
struct worker;

struct decisions {	      /* of a call; all zero: none yet */
	uint32_t first, last; /* heap offsets */
	uint16_t n, lost;     /* lost: that found no room */
};

/* Notes a decision: by which feature, for whom (a subscriber, a group, a number), why, in plain words. */
void decision_note(
    struct worker *w, struct call *c, const char *feature, struct span of, struct span reason);
/* The same for one whose reason is a literal. */
void decision_words(
    struct worker *w, struct call *c, const char *feature, struct span of, const char *reason);
/* The same of an event, which the record has as such (parked, retrieved, recalled, pickup). */
void decision_event(
    struct worker *w, struct call *c, const char *feature, struct span of, struct span reason);
/* Was one of this feature noted since the last of that feature? */
bool decision_since(struct worker *w, const struct call *c, const char *feature, const char *that);
/* All of them as the record has them: at most DECISIONS_BYTES. */
void decisions_put(struct worker *w, const struct call *c, struct buf *b);

#endif
