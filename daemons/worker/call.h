/*
 * A call: ties legs, runs the features, makes the record. Part of worker.h.
 */
#ifndef TANDEM_WORKER_CALL_H
#define TANDEM_WORKER_CALL_H

#include "base/arena.h"
#include "base/fsm.h"
#include "model/worker_shape.h"
#include "worker/decision.h"
#include "worker/family.h"
#include "worker/ladder.h"
#include "worker/negotiate.h"
#include "worker/note.h"
#include "worker/transfer.h"

struct completion;
struct feature_verdict;
struct origin;
struct setup;
struct worker;

enum {
	TARGETS_MAX = 16,  /* contacts and gateways tried in one attempt */
	REDIRECTS_MAX = 5, /* that are followed in one attempt */
};

enum call_state {
	CALL_ROUTING, /* made; features and route decide; left within the same event */
	CALL_RINGING, /* one or more legs are dialled, none has answered; the caller hears us */
	CALL_UP,      /* two parties talk (the caller's ACK may still be on its way) */
	CALL_ENDING,  /* every leg was told to end; waits a moment until they have, BYEs too */
	CALL_N_STATES
};

enum released_by { BY_NOBODY, BY_CALLER, BY_CALLEE, BY_SYSTEM, BY_NETWORK, BY_TIMEOUT };
enum end_reason {
	END_NORMAL,
	END_SESSION_TIMER,
	END_NO_ACK,
	END_ADMIN,
	END_SHUTDOWN,
	END_SYSTEM_FAILURE
};
enum party_role {
	PARTY_CALLER, /* its INVITE made the call */
	PARTY_BRANCH, /* it is being rung, or was, in vain */
	PARTY_CALLED, /* it was rung and answered */
	PARTY_BRIDGE, /* no leg: another call, which was joined to this one (bridge.c) */
};
enum party_side { SIDE_A, SIDE_B }; /* of the call: the caller's, and of whoever takes his place */

/* A leg as its call sees it, and the call's record of it (BILLING.md cdr_leg): it stays when the leg
 * is gone. In the call's arena. */
struct party {
	uint32_t next;	     /* heap offset; 0 = last */
	uint8_t role;	     /* enum party_role */
	uint8_t side;	     /* enum party_side */
	uint8_t gone;	     /* its leg said its last word */
	uint8_t elsewhere;   /* cancelled because another answered */
	handle leg;	     /* PARTY_BRIDGE: the other call */
	uint8_t kind;	     /* enum target_kind */
	uint8_t round;	     /* of the attempt, in which it was dialled */
	uint8_t passed_over; /* told to end, the next round does not wait until it has */
	uint8_t acked;	     /* it has confirmed an answer of ours */
	uint8_t beside;	     /* 1: it is of no round (call_later.c) */
	uint8_t held;	     /* 1: by its last description it holds the other side */
	uint8_t cause;	     /* Q.850, that it gave with its last word; 0 = none */
	uint8_t priority;    /* of its INVITE (RFC 3261 20.26): enum dir_priority */
	uint16_t status;     /* last that came, or was sent */
	uint16_t number;     /* leg_no */
	uint32_t peer;	     /* heap offset of the party it talks with; 0 = none */
	uint32_t target;     /* of its target; 0: it was not dialled */
	uint32_t segment;    /* of the segment it was dialled for; 0: the first */
	uint32_t retransmissions;
	uint32_t capable; /* what it is, by its Contact (capability.h) */
	uint64_t account; /* of the subscriber or gateway that it is */
	struct kept user; /* the subscriber's name; empty: it is a gateway */
	int64_t start_ms, ring_ms, answer_ms, end_ms; /* wall */
	struct kept uri, sip_call_id, local_tag, remote_tag, user_agent;
	struct sip_flow flow;	    /* where its INVITE came from, or went to */
	struct session_end session; /* its end of the Session-ID */
	struct kept reason;	    /* why it ended, as its peer says: Warning, Reason */
	struct kept address;	    /* a bridge's: who is behind it, a name-addr */
};

/* It has no leg: it stands for another call. */
static inline bool
party_is_bridge(const struct party *p)
{
	return handle_kind(p->leg) == KIND_CALL;
}

enum target_kind { TARGET_CONTACT, TARGET_GATEWAY };
struct target { /* in the call's arena */
	uint32_t next;
	uint8_t kind, tried;
	uint16_t q;	  /* thousandths; equal q ring together */
	uint32_t ring_s;  /* at most so long; 0 = the call's */
	uint32_t segment; /* heap offset of the segment that pays for it */
	uint32_t trusted; /* 1: to be told who calls even when he hides */
	uint32_t places;  /* heap offset of what its name leads to; 0: not known, or no name */
	uint64_t gateway, account; /* account: of a contact's subscriber */
	uint64_t member;	   /* of the group member in whose turn it is rung; 0: none */
	uint64_t silent_until_ns;  /* the present place is given up then; 0 = not for that */
	uint8_t n_places, place;   /* how many; the one that is tried now */
	uint8_t pending;	   /* its name is being looked up */
	uint8_t no_100rel;	   /* reliable provisional responses are not asked for */
	uint8_t waits;		   /* whose phone it is talks already: this call waits for him */
	uint8_t priority;	   /* and it is to sound otherwise to him (features/priority.c) */
	uint8_t no_clip;	   /* and he is not shown who calls (features/connected.c) */
	uint32_t family;	   /* heap offset of what its INVITE shares with others */
	uint16_t rank;		/* before those of lower rank, whatever their q (call_redirect.c) */
	uint16_t depth;		/* of how many redirections, one of the other, it came */
	uint32_t any_transport; /* 1: nothing says over which it is to be rung (large.c) */
	uint8_t alone;		/* 1: when it begins, whoever rings stops */
	uint8_t elsewhere;	/* 1: a gateway redirected to an address that is not its own */
	uint8_t pad[2];
	uint64_t begins_ns;	/* beside the rounds, then (call_later.c); 0: in its round */
	uint64_t pickup;	/* call_group_hash of his pickup group; 0: none */
	struct kept uri, routes, user; /* user: that subscriber's name */
	struct kept headers;	       /* in place of the attempt's, when there are any */
	struct sip_flow flow;
};

enum payer_kind { PAYER_SUBSCRIBER, PAYER_TRUNK, PAYER_TENANT, PAYER_NOBODY };
/* A chargeable stretch of a call: exactly one payer (BILLING.md cdr). In the call's arena. */
struct segment {
	uint32_t next;
	uint8_t seq, parent, kind, payer; /* kind: enum segment_kind; parent 0 = none */
	uint32_t from, by;		  /* heap offsets of the parties: who asked, who answered */
	uint64_t payer_account;
	uint64_t called_account; /* of the subscriber it is for; 0 = none */
	uint64_t in_trunk, out_trunk;
	struct kept payer_number, calling_number, calling_name, dialed, called, routed, connected;
	int64_t start_ms, ring_ms, answer_ms, end_ms;		/* wall */
	uint64_t start_ns, ring_ns, answer_ns, end_ns, hold_ns; /* monotonic, for durations */
	uint64_t held_since_ns, early_ns;
	uint16_t status, q850;
	uint8_t disposition, released_by, end_reason, anonymous;
	uint8_t redirect_reason;	   /* enum redirect_reason */
	uint8_t redirects;		   /* before this one */
	uint8_t hides;			   /* who sent it on withholds his number */
	uint32_t group;			   /* hunt_group_id, when it is for a group */
	struct kept original, redirecting; /* whom it was for at first, and who sent it on last */
};

enum redirect_reason {
	REDIRECT_NONE,
	REDIRECT_DEFLECTION,
	REDIRECT_UNCONDITIONAL,
	REDIRECT_BUSY,
	REDIRECT_NO_ANSWER,
	REDIRECT_UNREACHABLE,
	REDIRECT_GROUP
};

/* The targets that are being rung for somebody: the caller, or whoever is being transferred. */
struct attempt {
	uint32_t waiting;  /* heap offset of the party that waits for its outcome; 0: nobody */
	uint32_t targets;  /* heap offset of the list */
	uint32_t family;   /* heap offset of the family that targets are added to */
	uint16_t best;	   /* best refusal so far (RFC 3261 16.7); 0 = none */
	uint16_t progress; /* last 1xx that the waiting party was told */
	uint8_t n_targets;
	uint8_t round;	  /* of targets that ring together, over all attempts of the call; from 1 */
	uint8_t first;	  /* round of this attempt */
	uint8_t reliable; /* 1: who waits can be sent provisional responses reliably */
	uint8_t redirects; /* that were followed */
	uint8_t forwards;  /* by subscribers it was for, and by others before us */
	uint8_t silent;	   /* 1: whom it is for sends it on when nothing comes back */
	uint8_t waits;	   /* 1: whom targets are added for talks already: the call waits for him */
	uint8_t priority;  /* 1: and it sounds otherwise to him (features/priority.c) */
	uint16_t no_answer_s; /* and when it rang for so long; 0 = not */
	uint32_t segment;     /* heap offset of the one that targets are added to; 0: the first */
	uint64_t ring_until_ns, round_until_ns, silent_until_ns; /* deadlines; 0 = off */
	uint64_t later_ns;      /* deadline: the next target that is of no round begins; 0: none is left */
	uint64_t call_until_ns; /* ring_until_ns after a group's overflow; 0: none is to come */
	struct kept best_phrase, best_headers;
	struct kept user;     /* whom it is for: a subscriber's name; empty: nobody of ours */
	struct kept from, to; /* From and To toward the targets, without tag */
	struct kept identity; /* header lines that say who it is for to those we trust */
	struct kept offer_type, offer, headers; /* what they are offered */
};

struct call { /* in shared memory */
	struct slot slot;
	uint32_t marked;     /* 1 while an event is being handled: DESIGN.md rule 3 */
	uint8_t state;	     /* enum call_state */
	uint8_t origin;	     /* enum origin_kind */
	uint8_t direction;   /* enum call_direction */
	uint8_t released_by; /* enum released_by */
	uint8_t end_reason;  /* enum end_reason */
	uint8_t n_segments;
	uint16_t n_parties;
	uint16_t final;	    /* what the caller was told; 200 once answered */
	uint16_t privacy;   /* what he asked for: bits 1 << enum sip_privacy_value */
	uint8_t code, once; /* enum call_code; enum call_once bits, dialled before the number */
	uint8_t dry;  /* 1: it is only explained: nothing leaves it, to a phone or to anybody */
	uint8_t cause; /* Q.850, that stands in `reason`; 0 = none */
	uint8_t recall; /* 1 + the slot of the request that it completes (call_recall.c); 0: none */
	uint8_t call_id[16];
	uint8_t merged_into
	    [16]; /* the id of the call that it was joined to, if it began as a help to that */
	uint32_t tenant, max_forwards, loop;
	uint64_t account;		    /* of the caller: subscriber or gateway id */
	uint64_t called_account;	    /* of the called subscriber; 0 = none */
	int64_t setup_ms;		    /* wall */
	uint64_t linger_until_ns, audit_ns; /* deadlines; 0 = off */
	struct arena arena;	    /* its text, parties, targets, segments; owner: this call */
	uint32_t parties, segments; /* heap offsets of lists; the first segment is the first */
	uint32_t caller;	    /* heap offset of the party whose INVITE made it */
	struct attempt attempt;
	struct negotiation negotiation;
	struct transfer transfer;
	struct ladder ladder;
	struct kept reason; /* Reason of the CANCEL or BYE that ended it: the others are told */
	struct kept dialled, user, name, number; /* what was dialled; who calls */
	struct decisions decisions;
};
_Static_assert(sizeof(struct call) <= WORKER_CALL_BYTES, "a call's slot is too small");

extern const struct fsm call_fsm;

enum call_event {
	CE_SETUP,
	CE_RECALL,
	CE_PROGRESS,
	CE_ANSWER,
	CE_TOLD,
	CE_ACKED,
	CE_PRACKED,
	CE_OFFER,
	CE_OFFER_ANSWERED,
	CE_OFFER_REFUSED,
	CE_OFFER_CANCELLED,
	CE_LATE_ANSWER, /* of a branch that is waited for no more */
	CE_REQUEST,
	CE_RESPONSE,
	CE_REPLACE,
	CE_REPLACED,
	CE_FAILED,
	CE_CANCELLED,
	CE_RELEASED,
	CE_GONE,
	CE_QUIET,
	CE_RESOLVED, /* the name of a target */
	CE_CODE,     /* a service code is in force */
	CE_CODE_REFUSED,
	CE_T_RING,
	CE_T_ROUND,
	CE_T_SILENCE,
	CE_T_LATER,
	CE_T_LINGER,
	CE_T_JOIN,
	CE_T_AUDIT,
	CE_HANGUP,
	CE_END,
	CE_N_EVENTS
};
struct call_step {
	struct worker *w;
	struct call *c;
	struct party *p; /* whose event it is; NULL for timers */
};

struct call *call_at(struct worker *w, handle h);
/* Is there room for all that an attempt can become? */
bool call_has_room(struct worker *w);
/* And for one more call, in all workers together? */
bool call_may_begin(struct worker *w);
/* An empty call, its id made; NULL: no room for a call, its legs and its record. */
struct call *call_new(struct worker *w);
/* DESIGN.md rule 3: marks a call of ours (any other handle is passed by) before anything of it is
 * changed, one of its legs first of all; call_unmark_all, when all that an input led to is done. */
void call_mark(struct worker *w, handle call);
void call_unmark_all(struct worker *w);
void call_begin(struct worker *w, struct call *c, const struct setup *s);
/* The same for one that nobody's INVITE made (call_recall.c). */
void call_on_recall(struct worker *w, struct call *c, const struct completion *x);
void call_on_note(struct worker *w, const struct note *n); /* events, from worker_drain */
void call_on_timer(struct worker *w, struct call *c);
void call_hangup(struct worker *w, struct call *c); /* the operator's */
bool call_step(
    struct worker *w, struct call *c, enum call_event e, struct party *p, const void *arg);
void call_arm(struct worker *w, struct call *c);
/* Ends a call that missed something that is not said twice, be it the caller's first words. */
void call_lost(struct worker *w, struct call *c);
/* Ends a call found marked after a crash. */
void call_abandon(struct worker *w, struct call *c);
void call_drop(struct worker *w, struct call *c);
struct kept call_keep(struct worker *w, struct call *c, struct span s);

/* call_party.c */
struct party *party_at(struct worker *w, uint32_t offset);
struct party *party_of_leg(struct worker *w, struct call *c, handle leg);
struct party *party_new(struct worker *w, struct call *c, enum party_role role, handle leg);
/* Who waits for the outcome of the attempt; without one, the caller. */
struct party *party_waiting(struct worker *w, const struct call *c);
/* Whom it talks with; NULL: nobody (a branch). */
struct party *party_peer(struct worker *w, const struct party *p);
void party_pair(struct worker *w, struct party *p, struct party *q);
/* It talks with nobody any more, and answers nothing. */
void party_part(struct worker *w, struct call *c, struct party *p);

/* call_setup.c: the caller's first words */
struct setup {
	const struct sip_msg *invite;
	const struct origin *origin;
	handle leg;
	bool stands; /* call_hear found that what is dialled stands for another number */
};
/* What follows of it when nothing was refused. */
enum setup_end {
	SETUP_ROUTED, /* there are targets */
	SETUP_TAKEN,  /* a feature has it (call_code.c) */
	SETUP_DONE,   /* and has done it */
	SETUP_REPLACES,
	SETUP_JOINS
};
void call_setup(void *step, const void *setup);
/* Its two halves, which a call that is only explained has as well: what the caller said is kept; the
 * features and the route say where it goes. */
void call_hear(struct worker *w, struct call *c, struct setup *in);
struct route_result call_decide(
    struct worker *w, struct call *c, const struct setup *in, enum setup_end *end_r);
struct target *target_at(struct worker *w, uint32_t offset);
/* Adds a target; its URI and routes are copied. NULL: too many, or no room. */
struct target *target_new(
    struct worker *w, struct call *c, enum target_kind kind, struct span uri, struct span routes);

/* call_dial.c */
/* Higher ones ring first, equal ones together. */
uint32_t target_order(const struct target *t);
/* Rings the best targets not yet tried, equal q together. False: none was left, or none could be. */
bool call_dial_next(struct worker *w, struct call *c);
/* The same, beside those that ring already. */
bool call_dial_also(struct worker *w, struct call *c);

/* call_later.c */
/* Heap offset of the last of the attempt's targets; 0: there is none. */
uint32_t targets_last(struct worker *w, const struct call *c);
/* Those behind `last` begin so many seconds from now, or later than they would anyway; ring_s: each rings
 * so long at most, 0: as before. */
void targets_begin_later(struct worker *w, struct call *c, uint32_t last, uint32_t delay_s,
    uint32_t ring_s, bool alone);
/* Those whose time has come; or the next of them, whenever. False: nobody was dialled. */
bool later_begin_due(struct worker *w, struct call *c);
bool later_begin_next(struct worker *w, struct call *c);
/* A branch failed with status by the fault of its gateway: true, another way to its number is tried. */
bool later_try_way(struct worker *w, struct call *c, const struct party *p, unsigned status);
void call_later(void *step, const void *note);

/* call_forward.c */
/* The same as its feature decided, and the caller is told where that is wished. */
unsigned call_onward(struct worker *w, struct call *c, const struct dir_subscriber *by,
    const struct feature_verdict *v);
/* Sends the call on as its own by this subscriber: 0, and there are targets; else what it comes to. */
unsigned call_forward(struct worker *w, struct call *c, const struct dir_subscriber *by,
    struct span number, enum redirect_reason why);
/* The caller is told so (181), where this subscriber, whose call_forward succeeded, wishes it. */
void forward_tell(struct worker *w, struct call *c, const struct dir_subscriber *by);
/* Sends it to the group's overflow, at the tenant's cost; as call_forward. */
unsigned call_overflow(struct worker *w, struct call *c, const struct dir_group *g);
/* Was it for him before, on the way that it is going? */
bool call_was_for(struct worker *w, const struct call *c, const struct dir_subscriber *s);
/* Diversion and History-Info lines toward a target, in scratch; empty: nobody sent it on. */
struct span forward_lines(struct worker *w, const struct call *c, const struct target *t);
/* How a subscriber's phones were rung in vain, or could not be. */
enum refusal_kind { REFUSED_OTHERWISE, REFUSED_BUSY, REFUSED_NO_ANSWER, REFUSED_UNREACHABLE };
enum refusal_kind refusal_kind_of(unsigned status, bool rang);
/* Nobody of those who were rung took it: whom it was for may have somebody else rung. */
bool attempt_forward(struct worker *w, struct call *c);
/* How that is decided: true, it goes on; *status_r as call_forward. Nobody is rung yet. */
bool attempt_onward(struct worker *w, struct call *c, enum refusal_kind how, unsigned *status_r);

/* call_redirect.c */
/* A branch refused with 300 to 302 and named others. 0: these ring in its place, or one of them does;
 * else what the refusal comes to: the status itself where nobody that may be called was named. */
unsigned call_redirect(
    struct worker *w, struct call *c, const struct party *p, const struct note *refusal);
/* Sends the INVITE of a target whose flow is known. False: it could not. */
bool branch_dial(struct worker *w, struct call *c, struct target *t);

/* call_place.c: targets whose next hop is a name */
struct target_resolved { /* what CE_RESOLVED brings */
	struct target *target;
	const struct resolved *resolved;
};
/* Rings the target, or has its name looked up first. False: neither; the attempt knows why. */
bool target_dial(struct worker *w, struct call *c, struct target *t);
unsigned targets_pending(struct worker *w, struct call *c);
/* The pending target of the present attempt that stands there; NULL: it is none any more. */
struct target *target_waiting(struct worker *w, struct call *c, uint32_t offset);
/* For recovery: asks again what the process before had asked. */
void targets_look_up_again(struct worker *w, struct call *c);
/* A branch failed: is its target elsewhere too? True: that is being rung now. */
bool target_try_next(
    struct worker *w, struct call *c, const struct party *p, const struct note *in);
void call_resolved(void *step, const void *target_resolved);
void call_silence_over(void *step, const void *note);

/* call_ring.c */
/* Keeps what the caller is told when nothing better comes. */
void attempt_keep_best(struct worker *w, struct call *c, const struct note *in);
/* A target is lost without a branch: the next ones, or the end. */
void attempt_go_on(struct worker *w, struct call *c);
/* Those that still ring, but `by`, are told to end: another answered (200), or refused for all. */
void branches_release(struct worker *w, struct call *c, const struct party *by, unsigned status);
/* Those that ring are given up for others; not all: but for those that are of no round. True: one is to be
 * waited for, as it will answer its CANCEL. */
bool branches_pass_over(struct worker *w, struct call *c, bool all);
/* It rings now, or says something else that is provisional. */
void branch_rings(struct worker *w, struct call *c, struct party *p, unsigned status);
void call_progress(void *step, const void *note);
void call_answer(void *step, const void *note);
void call_branch_failed(void *step, const void *note);
void call_caller_cancelled(void *step, const void *note);
void call_ring_over(void *step, const void *note);
void call_round_over(void *step, const void *note);
void call_late_answer(void *step, const void *note);

/* call_transfer.c: see transfer.h */
/* The attempt for the transferee came to this. */
void transfer_failed(struct worker *w, struct call *c, enum released_by by, unsigned status);

/* call_relay.c: requests that pass as they are */
void call_request(void *step, const void *note);
void call_response(void *step, const void *note);
/* Who was to answer what p asked has gone from it: it is told so. */
void requests_lost(struct worker *w, struct call *c, const struct party *p);

/* call_end.c */
void call_released(void *step, const void *note);
void call_gone(void *step, const void *note);
void call_linger_over(void *step, const void *note);
void call_operator_hangup(void *step, const void *note);
void call_ending(void *step, const void *note);
/* Final refusal to the caller, then the end. phrase, headers: as they came, or empty. */
void call_refuse(
    struct worker *w, struct call *c, unsigned status, struct span phrase, struct span headers);
/* Tells every leg to end. Why it ends stands in the call before. */
void call_end(struct worker *w, struct call *c);
void call_because(struct call *c, enum released_by by, enum end_reason why);
/* What the last word of who ends it gives as Reason: the others are told. */
void call_hears_why(struct worker *w, struct call *c, const struct note *last);
/* reason: value of a Reason header, or empty. */
void party_release(struct worker *w, struct call *c, struct party *p, struct span reason);
/* A note for a party's leg, with nothing in it. */
struct note party_note(
    const struct call *c, struct worker *w, enum note_what what, const struct party *p);

#endif
