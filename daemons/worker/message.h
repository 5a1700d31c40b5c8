/*
 * MESSAGE outside any dialog (RFC 3428; FLOWS.md S4-14): relayed, not ended here; REFER likewise
 * (referral.c). Part of worker.h.
 *
 * A relay is the request's server transaction with a struct relay in its arena, and a client
 * transaction for each phone it was sent to; these have the server transaction for their user, which
 * is its own. So all of it stands in shared memory and goes on when the worker was killed
 * (message_recover). A message that was kept and is delivered now has client transactions only, each
 * its own user: what they hear goes to the store.
 */
#ifndef TANDEM_WORKER_MESSAGE_H
#define TANDEM_WORKER_MESSAGE_H

#include "base/fsm.h"
#include "model/directory.h"
#include "worker/call.h"

struct origin;
struct resolved;
struct worker;

enum {
	MESSAGE_UDP_MAX = 1300,	 /* RFC 3428 8: more goes over a connection only */
	RELAY_WAIT_T1S = 56,	 /* for the phones: the sender waits 64 */
	RELAY_KEEP_T1S = 62,	 /* for the store, from the same beginning */
	MESSAGE_HEADERS = 8192,
};

enum relay_state {
	RELAY_SENT,	/* to the phones; the first to take it decides */
	RELAY_KEEPING,	/* nobody was there: the store has it, its word is waited for */
	RELAY_ANSWERED, /* the sender has his final answer */
	RELAY_N_STATES
};
enum relay_event {
	RE_TAKEN,   /* a phone or gateway said 2xx */
	RE_REFUSED, /* the last of them said no, or time is over, and nothing is to be kept */
	RE_ABSENT,  /* none of them was there: it is to be kept */
	RE_KEPT,    /* the store's word */
	RE_N_EVENTS
};
extern const struct fsm relay_fsm;

struct relay_way {
	uint32_t gateway;
	struct kept uri;
	struct sip_flow flow; /* no peer: its name is not looked up yet */
};
struct relay { /* in the arena of its server transaction, whose user_data is its heap offset */
	uint8_t state;	 /* enum relay_state */
	uint8_t refused; /* 1: somebody who is there does not want it */
	uint8_t n_branches, n_ways, next_way;
	uint8_t locating; /* 1: the name of the way before next_way is being looked up */
	uint16_t best; /* best refusal so far (RFC 3261 16.7); 0 = none */
	uint32_t tenant, loop, max_forwards;
	uint64_t account;	     /* of the sender: subscriber or gateway id */
	uint64_t began_ns, until_ns; /* until_ns: RELAY_SENT, RELAY_KEEPING are given up */
	struct kept from;	     /* From, with its tag, as it goes on */
	struct kept from_uri, from_display, from_user; /* the same for the store; user: one of ours */
	struct kept headers;	     /* complete lines that pass */
	struct kept to_user;	     /* the subscriber it is for; none: a gateway's */
	struct kept best_phrase, best_headers;
	handle branches[TARGETS_MAX];
	struct relay_way ways[DIR_ROUTES_MAX]; /* gateways, tried one after the other */
};

struct relay_branch { /* where one more goes */
	struct span uri, routes;
	const struct sip_flow *flow;
	uint32_t gateway, again; /* as in struct message_branch */
	handle *place;		 /* of the branch in whose place it is sent; NULL: beside them */
};

struct message_branch { /* in the arena of a client transaction, whose user_data is its offset */
	uint8_t id[16];
	uint32_t tenant;
	uint16_t of;  /* delivery: branches of this attempt */
	uint8_t kept; /* relay: the store has it; that it was taken after all must be told */
	uint8_t told; /* delivery: the store knows what came of it */
	uint32_t gateway, again; /* to whom (0: a phone), as which repetition (login.h) */
};

/* --- message.c ----------------------------------------------------------------------------------*/
struct message_from { /* the sender, as he is shown */
	struct span value; /* From, with its tag */
	struct span uri, display, user;
};
struct message_sending { /* what is known before anything is kept */
	const struct sip_msg *m;
	const struct origin *o;
	const struct dir_subscriber *to; /* NULL: a gateway's */
	struct span dialled, headers;
	struct message_from from;
};
/* Of the gate: authenticates, routes, sends. */
void message_request(struct worker *w, const struct sip_msg *m);
/* Whom it is for, into dialled and to. Status 0: it may be sent on. */
struct route_result message_decide(
    struct worker *w, struct message_sending *in, struct dir_buf *rec);
/* Sends it on, or sheds it. */
void message_relay(struct worker *w, const struct message_sending *in);

/* --- referral.c: REFER outside any dialog, and the NOTIFYs of its subscription -------------------*/
/* Of the gate: authenticates, decides, sends. */
void referral_request(struct worker *w, const struct sip_msg *m);
/* Is this a NOTIFY in a dialog that a relayed REFER made? And what passes of it. */
bool referral_is_notified(struct worker *w, const struct sip_msg *m);
void referral_notify(struct worker *w, const struct sip_msg *m);
/* Does m, a REFER or its NOTIFY, go to this contact of the user it is for? */
bool referral_goes_to(
    const struct sip_msg *m, const struct location *loc, const struct binding *b);
/* The lines that pass on of m, relayed by r, with a Contact for who is reached by this flow. In the scratch;
 * without the Contact when it does not fit: then no NOTIFY comes back. */
struct span referral_headers(struct worker *w, const struct sip_msg *m, const struct relay *r,
    const struct sip_flow *toward);
/* The phone has taken the REFER of t: its answer goes back. */
void referral_taken(struct worker *w, struct txn *t, const struct sip_msg *response);

/* --- message_relay.c ----------------------------------------------------------------------------*/
/* One more branch; one that fails at once is noted like any other. */
void relay_send(struct worker *w, struct txn *t, struct relay *r, const struct relay_branch *to);
/* All contacts were sent to: waits, or knows already. t and r may be gone after this. */
void relay_go(struct worker *w, struct txn *t, struct relay *r);
/* A branch, or the route, has said no. m: its response, or NULL. */
void relay_note_refusal(struct worker *w, struct txn *t, struct relay *r, unsigned status,
    const struct sip_msg *m);
/* The relay of a server transaction; NULL: it has none. */
struct relay *relay_of(struct worker *w, const struct txn *t);
/* News of a transaction whose user is a transaction. */
void message_on_txn(struct worker *w, struct txn *t, enum txn_news news, const struct sip_msg *m);
void message_on_timer(struct worker *w, struct txn *t);
/* The store's answer to message_keep. */
void message_kept(struct worker *w, const struct wire_message_fate *f);
void message_recover(struct worker *w);
struct message_branch *message_branch_of(struct worker *w, const struct txn *t);

/* --- message_way.c ------------------------------------------------------------------------------*/
/* The next gateway, if what was said so far lets it have a try. */
bool relay_send_next_way(struct worker *w, struct txn *t, struct relay *r);
/* A gateway asks who sends that (m: its response to branch c): it is told. False: it does not, or has been. */
bool relay_login(
    struct worker *w, struct txn *t, struct relay *r, const struct txn *c, const struct sip_msg *m);
/* From resolve.c: where the way that was looked up leads. */
void message_on_resolved(struct worker *w, handle relay, uint32_t which, const struct resolved *r);

/* --- message_text.c -----------------------------------------------------------------------------*/
struct message_text { /* one outgoing request */
	enum sip_method method;
	struct span uri, routes, from, to, call_id, headers, content_type, body;
	uint32_t cseq, max_forwards, loop;
	struct message_branch branch; /* what its transaction remembers */
};
/* Makes a client transaction and sends it. user 0: it is its own. 0: it is on its way, and *h_r names
 * it (stored before it is sent); else the status that this branch failed with at once. */
unsigned message_send(struct worker *w, const struct message_text *x, const struct sip_flow *flow,
    handle user, handle *h_r);
/* The lines that pass on from a request; SPAN_NONE with false: more than passes. */
bool message_headers(struct worker *w, const struct sip_msg *m, struct span *lines_r);
/* The lines that pass back from a refusal; in the scratch. */
struct span message_refusal_headers(struct worker *w, const struct sip_msg *m);
/* The final answer. phrase: empty for the standard one. */
void message_answer(
    struct worker *w, struct txn *t, unsigned status, struct span phrase, struct span headers);

/* --- message_from.c: the sender -----------------------------------------------------------------*/
/* As it came where it says who he is; else as the directory knows him (THREATS.md A2). In the message
 * or the scratch. False: it cannot be written. */
bool message_from(struct worker *w, const struct sip_msg *m, const struct origin *o,
    struct message_from *from_r);

/* --- message_keep.c: with the store --------------------------------------------------------------*/
/* May this one wait for its recipient? 0: yes; else what the sender is told. */
unsigned message_keepable(struct worker *w, const struct relay *r, const struct sip_msg *m);
/* Hands it to the store, and marks the branches that may still take it. False: its ring is full. */
bool message_keep(struct worker *w, struct txn *t, struct relay *r);
/* Tells the store what came of a message; 2xx: it is delivered. False: its ring is full. */
bool message_tell(struct worker *w, const struct message_branch *b, unsigned status);
/* From the store: for somebody who is there again. */
void message_due(struct worker *w, const struct wire_message *in, uint32_t len);

#endif
