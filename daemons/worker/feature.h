/*
 * Features: what acts on a call, in one order (features.c), each in its file (features/), and what of them
 * the rest of the worker asks. Part of worker.h.
 */
#ifndef TANDEM_WORKER_FEATURE_H
#define TANDEM_WORKER_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/directory.h"
#include "worker/call.h"

struct origin;
struct park;
struct route_query;
struct worker;

/* --- features.c: the ordered list ---------------------------------------------------------------*/
/* What a feature says: nothing (0), that the call is refused, or to whom it is sent on. */
struct feature_verdict {
	unsigned status;
	const char *reason;
	const char *because; /* in plain words, for the call's decisions; NULL: the rest says it */
	bool taken;	     /* it is no call to anybody: its end is the feature's (call_code.c) */
	struct span confirmed; /* and is done: what the phone shows; in scratch */
	struct span forward_to; /* a number or URI */
	bool settled;		/* it goes on, and no other feature is asked */
	enum redirect_reason why;
};
struct feature { /* any of these may be NULL */
	const char *name;
	/* Originating side, before the route is chosen: the caller's, and of each who sends the call
	 * on, which then is his. q: where to; NULL: to take a place in a call (RFC 3891). */
	struct feature_verdict (*originate)(
	    struct worker *w, struct call *c, const struct origin *o, const struct route_query *q);
	/* Terminating side: the call is for this subscriber. */
	struct feature_verdict (*terminate)(
	    struct worker *w, struct call *c, const struct dir_subscriber *called);
	/* His phones are to be rung: adds others. */
	void (*ring)(struct worker *w, struct call *c, const struct dir_subscriber *called);
	/* And did not come through to him. */
	struct feature_verdict (*refused)(struct worker *w, struct call *c,
	    const struct dir_subscriber *called, enum refusal_kind how);
};
struct feature_verdict features_originate(
    struct worker *w, struct call *c, const struct origin *o, const struct route_query *q);
struct feature_verdict features_terminate(
    struct worker *w, struct call *c, const struct dir_subscriber *called);
/* For a member of a group: his forwards act only where the group follows them. */
struct feature_verdict features_member(
    struct worker *w, struct call *c, const struct dir_subscriber *called, bool follow);
/* Who else is to be rung for him. False: nobody. */
bool features_ring(struct worker *w, struct call *c, const struct dir_subscriber *called);
struct feature_verdict features_refused(
    struct worker *w, struct call *c, const struct dir_subscriber *called, enum refusal_kind how);
extern const struct feature feature_suspended, feature_acr, feature_forward, feature_dnd,
    feature_limit, feature_code, feature_barring, feature_emergency, feature_park,
    feature_voicemail,
    feature_follow_me,
    feature_block, feature_accept, feature_selective, feature_priority;
/* features/code.c: what was dialled behind a code. */
struct code_args {
	struct span number;
	uint32_t seconds;
	const char *form; /* what the pattern has in its place; NULL: it fits none */
};
/* What a code does that changes no setting: each in the file of its feature. */
struct feature_verdict pickup_directed(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
struct feature_verdict pickup_group(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
struct feature_verdict park_code(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
/* features/park.c: is it an orbit of the call's tenant? */
bool park_orbit(struct worker *w, const struct call *c, struct span number, struct park *park_r);
/* What a code that is dialled does, and what was dialled behind it. False: it is none. */
bool code_action(struct worker *w, const struct call *c, struct span dialled,
    struct dir_code *code_r, struct code_args *a_r);
/* features/again.c */
struct feature_verdict again_refused(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
struct feature_verdict redial_refused(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
/* features/speed.c: does what is dialled stand for a number that the caller keeps? Then it is *speed_r. */
bool speed_number(struct worker *w, const struct call *c, const struct route_query *q,
    struct dir_speed *speed_r);
struct feature_verdict speed_refused(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
/* features/limit.c: is no other call to reach him? *n_r: how many he has, without c (NULL: all). */
bool limit_is_reached(struct worker *w, uint32_t tenant, const struct call *c,
    const struct dir_subscriber *s, unsigned *n_r);
/* features/voicemail.c: is a code dialled that stands for the tenant's voicemail? Then its number is *number_r. */
bool voicemail_number(
    struct worker *w, const struct call *c, struct span dialled, struct span *number_r);
struct feature_verdict voicemail_refused(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a);
/* features/connected.c: is it not to be shown that this party answered? */
bool connected_hides(struct worker *w, const struct call *c, const struct party *p);
/* Is the caller told that this party answered? He wants to know, and it does not hide. */
bool connected_tells(
    struct worker *w, const struct call *c, const struct party *caller, const struct party *by);
/* The header lines of the answer to the caller, with who answered where he wants to know; in scratch. */
struct span connected_headers(struct worker *w, struct call *c, const struct party *caller,
    const struct party *by, struct span through);
/* features/hotline.c: does his phone's own number take the place of what is dialled? */
bool hotline_acts(struct worker *w, const struct origin *o, const struct route_query *q);
/* features/emergency.c: nobody's number, and never barred. */
bool emergency_is(struct worker *w, uint32_t tenant, struct span number);
/* And is it called as one: here, not in somebody else's domain, where it may be anything? */
bool emergency_is_called(struct worker *w, const struct origin *o, const struct route_query *q);
/* features/code.c: what is dialled before a number for this call alone, bits of enum call_once; then
 * *rest_r is what follows: a number, or another code. 0: nothing, and *rest_r is not touched. */
enum call_once { ONCE_HIDDEN = 1, ONCE_SHOWN = 2, ONCE_ALONE = 4 };
unsigned code_once(
    struct worker *w, uint32_t tenant, struct span dialled, struct span *rest_r);
/* As a record may have it: with "PIN#" from where a PIN begins; else the same. */
struct kept code_without_pin(struct worker *w, struct call *c, struct kept dialled);
/* features/clir.c: what a call asked for, what was dialled for it alone (enum call_once), and what its
 * caller wants always: bits 1 << enum sip_privacy_value. */
uint32_t clir_privacy(const struct origin *o, uint32_t asked, unsigned once);

/* --- screen.c -----------------------------------------------------------------------------------*/
/* Is who calls in this list of the subscriber's? No, when it is off. */
bool screen_lists(struct worker *w, const struct call *c, const struct dir_subscriber *s,
    enum dir_list list);
/* The same of a list that is written out, words with a comma between. */
bool screen_words(struct worker *w, const struct call *c, struct span words);

#endif
