/*
 * A party of a call is transferred: REFER and what follows of it, and the place that another call takes.
 * Part of worker.h.
 */
#ifndef TANDEM_WORKER_TRANSFER_H
#define TANDEM_WORKER_TRANSFER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/fsm.h"
#include "worker/note.h"

struct call;
struct call_step;
struct party;
struct worker;

/* A party of a call that is up is being transferred (RFC 5589); see the figure in call_transfer.c. */
enum transfer_state {
	TRANSFER_NONE,
	TRANSFER_TRYING,    /* the target is called for the transferee */
	TRANSFER_JOINING,   /* the target answered, the transferee has its offer */
	TRANSFER_RECALL,    /* in vain, and the transferor had hung up: he is called back */
	TRANSFER_REJOINING, /* he answered, the transferee has his offer */
	TRANSFER_REPLACING, /* another call is to take a party's place (call_replace.c) */
	TRANSFER_PARKED,    /* the transferee waits in an orbit (call_park.c) */
	TRANSFER_N_STATES
};

enum transfer_event {
	XE_REFER,
	XE_REPLACE,
	XE_ANSWER,
	XE_JOINED,
	XE_BACK,
	XE_RECALL,
	XE_PARK,
	XE_RECALLED, /* who is to be completed a call has answered (call_recall.c) */
	XE_END,
	XE_N_EVENTS
};

struct transfer {
	uint8_t state; /* enum transfer_state */
	uint8_t pad[3];
	uint32_t transferor, transferee, target; /* heap offsets of parties */
	uint32_t segment;			 /* of what the transferor pays; 0: not yet */
	uint32_t recall_s;
	struct kept offer_type, offer; /* what the target offers the transferee */
	struct kept orbit;	       /* in which he waits, or did before the present attempt */
};

extern const struct fsm transfer_fsm;

/* call_refer.c: REFER, and who is called for it */
void call_refer(struct call_step *s, const struct note *refer);
/* An attempt anew for the transferee: nothing of the last one is left, no offer is made. */
void transfer_attempt(struct worker *w, struct call *c, struct span to, struct span headers);
/* Actions of the transfer's machine. */
void transfer_begin(void *step, const void *refer_to);
void transfer_recall(void *step, const void *status);

/* call_transfer.c */
void call_transfer_progress(void *step, const void *note);
void call_transfer_answer(void *step, const void *note);
/* What came of it so far, to who asked for it. */
void transfer_tell(struct worker *w, struct call *c, unsigned status);
/* Nobody is left for the transferee to talk with: the call ends, or he waits on in his orbit. */
void transfer_give_up(struct worker *w, struct call *c, unsigned status);
/* The target's offer goes to the transferee, now that no other negotiation is under way. False: none
 * waits. */
bool transfer_bring(struct worker *w, struct call *c);
/* p's offer was answered, and so was what it asked for: is it what the transfer waits for? */
void transfer_joined(struct worker *w, struct call *c, const struct party *p);
/* Is it one that is still to be told whether it may have its place? */
bool transfer_waits(struct worker *w, const struct call *c, const struct party *p);
/* What was offered was refused: true, it was that. */
bool transfer_refused(struct worker *w, struct call *c, unsigned status);
/* A party hung up: true, the call goes on without it. */
bool transfer_released(struct call_step *s);
/* The call ends. */
void transfer_end(struct worker *w, struct call *c);
bool transfer_step(
    struct worker *w, struct call *c, enum transfer_event e, struct party *p, const void *arg);

#endif
