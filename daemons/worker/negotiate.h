/*
 * Offers and answers between the parties of a call. Part of call.h.
 */
#ifndef TANDEM_WORKER_NEGOTIATE_H
#define TANDEM_WORKER_NEGOTIATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct call;
struct note;
struct party;
struct worker;

/* Is what is on its way ours, who bring strangers together? */
enum join_turn {
	JOIN_NONE,
	JOIN_FIRST,
	JOIN_SECOND, /* because one of them was left mute */
};

/* One offer and its answer on the way between two parties that talk: see the table in
 * call_negotiate.c. Heap offsets of parties; all 0: none is on its way. */
struct negotiation {
	uint32_t asker, asked, owed;
	uint8_t join;	   /* 1: the two are to be brought together as soon as there is none */
	uint8_t held;	   /* 1: the offer on its way holds the other side */
	uint8_t silent;	   /* 1: who made it would send nothing, and is not known to hold */
	uint8_t joining;   /* enum join_turn */
	uint64_t retry_ns; /* deadline of the next attempt at that; 0 = off */
	uint32_t mute;	   /* who is to be offered both ways; 0 = nobody (call_direction.c) */
	uint32_t pad;
	struct kept open; /* what he is offered; empty: his peer is asked for it */
};

/* call_negotiate.c */
/* How long whoever got a 491 waits; owner: the Call-ID is his (RFC 3261 14.1). */
uint64_t glare_ms(bool owner);
/* p's 2xx bears an offer: its ACK waits for the answer, which asker's ACK will bring. */
void negotiation_owe(struct worker *w, struct call *c, struct party *asker, struct party *p);
/* p and its peer were strangers so far: p is asked for an offer, the peer for the answer (RFC 3725
 * flow I). When one is on its way, after that. */
void negotiation_join(struct worker *w, struct call *c, struct party *p);
/* Those who talk may not have the same session any more: they are brought together again, as soon as no
 * other negotiation is under way. */
void negotiation_rejoin(struct worker *w, struct call *c);
/* p has gone: what it was asked, or asked for, comes to nothing. */
void negotiation_forget(struct worker *w, struct call *c, struct party *p);
void call_join_again(void *step, const void *note);
void call_told(void *step, const void *note);
void call_acked(void *step, const void *note);
void call_pracked(void *step, const void *note);
void call_offer(void *step, const void *note);
void call_offer_answered(void *step, const void *note);
void call_offer_refused(void *step, const void *note);
void call_offer_cancelled(void *step, const void *note);
/* What p answered offers somebody it does not talk with yet: q is asked, and his answer goes into the
 * ACK to p. */
void negotiation_bring(struct worker *w, struct call *c, struct party *p, struct party *q);
/* p's offer, or its wish for one, goes to q, with whom it does not talk yet. */
void negotiation_ask(struct worker *w, struct call *c, struct party *p, struct party *q);

/* p talks with nobody for a while: it is asked for an offer, which is answered with silence
 * (call_park.c). When one is on its way, after that. */
void negotiation_hold(struct worker *w, struct call *c, struct party *p);

/* call_direction.c: who hears whom */
/* This offer of his is on its way. */
void direction_offered(
    struct worker *w, struct call *c, const struct party *offerer, const struct note *offer);
/* And was answered. */
void direction_agreed(struct worker *w, struct call *c, struct party *offerer,
    struct party *answerer, const struct note *answer);

#endif
