/*
 * Calls that take a place in one another, or come to it: Replaces, Join, pickup, and the bridge between two calls that are
 * joined. Part of worker.h.
 */
#ifndef TANDEM_WORKER_JOIN_H
#define TANDEM_WORKER_JOIN_H

#include "sip/replaces.h"
#include "worker/call.h"

/* call_replace.c */
/* Asks on behalf of p, of whatever call has it, for the place of whom r names. with: his offer and its
 * type, or nothing; NOTE_REFERRED. False: that is no dialog of ours. */
bool replace_ask(struct worker *w, struct call *c, struct party *p, const struct sip_replaces *r,
    const struct note *with);
unsigned replace_setup(struct call_step *s, const struct sip_msg *invite);
/* Who took a place comes into the call, as the other call's bridge. NULL: no room. */
struct party *replace_comes(struct call_step *s, const struct note *in);
/* EV_REPLACED to who asked. c: NULL when it is refused. */
void replace_reply(struct worker *w, const struct note *asked, struct call *c, unsigned status,
    struct span who);
/* EV_REPLACE for p, without the name of the dialog. */
struct note replace_note(
    struct worker *w, const struct call *c, const struct party *p, const struct note *with);
/* The call and party that EV_REPLACE or EV_REPLACED is for; NULL: there is none, and it was answered. */
struct call *replace_find(struct worker *w, const struct note *n, struct party **p_r);
/* One of these was lost: whoever sent it hears that it comes to nothing. */
void replace_lost(struct worker *w, const struct note *n);
void call_replace(void *step, const void *note);
void call_replace_early(void *step, const void *note);
void call_replace_late(void *step, const void *note);
void call_replaced(void *step, const void *note);
void call_replaced_late(void *step, const void *note);
/* Who waited for this answer is another call by now: true, it hears of it otherwise. */
bool replace_answered(struct call_step *s, const struct note *in, struct party *waits);
/* Actions of the transfer's machine. */
void replace_begin(void *step, const void *arg);
void replace_done(void *step, const void *arg);

/* call_join.c: an INVITE with Join (RFC 3911) */
/* 0: who is asked for is being looked for; else what refuses it. */
unsigned join_setup(struct call_step *s, const struct sip_msg *invite);
/* EV_REPLACE with NOTE_JOIN, to a call that is up. */
void join_asked(struct call_step *s, const struct note *in);
/* EV_REPLACED: true, it was the answer to that, and who was asked for is called. */
bool join_replied(struct call_step *s, const struct note *in);

/* call_pickup.c: a code for a call that rings */
#define PICKUP_NOBODY "There is no call to pick up"
/* Are both in one pickup group? */
bool pickup_same_group(struct worker *w, uint32_t tenant, struct span a, struct span b);
/* Asks the other call, in whatever worker, on behalf of c's caller. user: whose; empty: of his group. */
void pickup_ask(struct worker *w, struct call *c, handle other, struct span user);
/* Whom EV_REPLACE with NOTE_PICKUP is for; NULL: nobody, or not for who asks. */
struct party *pickup_of(struct worker *w, const struct call *c, const struct note *n);
/* Who comes takes the call of whose phone rings: the call's decisions have it (BILLING.md R15: cdr_event). */
void pickup_note(
    struct worker *w, struct call *c, const struct party *rings, const struct party *comes);
/* It was not to be: true, the call that asked was a code, and is refused. */
bool pickup_refused(struct worker *w, struct call *c, unsigned status);

/* call_park.c: a party waits in an orbit */
#define PARK_NOBODY "Nobody is parked there"
struct park {
	struct span orbit; /* its number */
	uint32_t recall_s; /* the parker is rung again after so long */
};
/* The transferor named an orbit. 0: it is done; else what comes of his REFER. */
unsigned park_referred(struct call_step *s, const struct park *park);
/* Asks the other call, in whatever worker, to park whom c's caller talks with there. */
void park_ask(struct worker *w, struct call *c, handle other, const struct park *park);
/* The parker that EV_REPLACE with NOTE_PARK is from; NULL: he is in no call that can be parked. */
struct party *park_of(struct worker *w, const struct call *c, const struct note *n);
void park_asked(struct call_step *s, const struct note *in);
/* EV_REPLACED: true, it was the answer to that. */
bool park_replied(struct call_step *s, const struct note *in);
/* The parker of the call that waits in this orbit; NULL: none does. */
struct party *park_in(struct worker *w, const struct call *c, struct span orbit);
void park_retrieved(struct call_step *s, const struct note *in);
/* Who waits makes an offer: true, it was answered. */
bool park_offered(struct call_step *s, const struct note *in);
/* And made the one that he was asked for. */
void park_answered(struct call_step *s, const struct note *in);
/* He has waited long enough: true, the parker is rung. */
bool park_time_over(struct call_step *s);
/* Actions of the transfer's machine. */
void park_begin(void *step, const void *park);
void park_again(void *step, const void *arg);
void park_taken(void *step, const void *arg);
/* Somebody has taken who waits, if anybody did. */
void park_done(struct call_step *s, const struct party *comes);

/* bridge.c: two calls joined, in one worker or in two */
/* A party that is the other call, whose own bridge party names this one. NULL: no room. */
struct party *bridge_new(struct worker *w, struct call *c, enum party_side side, handle other);
/* A command to the other call's side of the bridge. */
void bridge_command(struct worker *w, const struct note *n);
void call_audit(void *step, const void *note);

#endif
