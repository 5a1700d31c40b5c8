/*
 * Transactions: the four machines of RFC 3261 17 with RFC 6026, each a table in a file of its own
 * (ict.c, nict.c, ist.c, nist.c). Pure: given a way to send, to tell and a clock, so that tests
 * drive them without a process.
 *
 * A transaction stands in shared memory (pool, heap) and survives its process; the index and the
 * timers are private and rebuilt by txns_recover.
 */
#ifndef TANDEM_SIP_TXN_H
#define TANDEM_SIP_TXN_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/fsm.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/table.h"
#include "sip/msg.h"

enum txn_kind { TXN_ICT, TXN_NICT, TXN_IST, TXN_NIST };

enum txn_state { /* RFC 3261 figures 5 to 8; each machine has the first so many of these */
	TXN_CALLING,                 /* ICT; an IST leaves it inside txn_server_new */
	TXN_TRYING = TXN_CALLING,    /* NICT, NIST */
	TXN_PROCEEDING, TXN_COMPLETED, TXN_TERMINATED,
	TXN_ACCEPTED,                /* ICT, IST: RFC 6026 */
	TXN_CONFIRMED,               /* IST */
	TXN_N_STATES
};

enum txn_news {          /* what the transaction user is told */
	TXN_REQUEST,         /* server: the request that made it (only through txn_server_new's caller) */
	TXN_PROVISIONAL,     /* client: 1xx */
	TXN_SUCCESS,         /* client: 2xx; INVITE: each retransmission and each fork's too */
	TXN_FAILURE,         /* client: 300-699 */
	TXN_TIMEOUT,         /* B, F: no answer (to be treated as 408); H: no ACK */
	TXN_UNREACHABLE,     /* the transport failed (to be treated as 503) */
	TXN_ACKED,           /* IST: ACK for a non-2xx */
	TXN_ENDED,           /* it is about to be dropped; the handle is dead after this */
};

enum txn_cancelled { TXN_CANCEL_NONE, TXN_CANCEL_HELD, TXN_CANCEL_SENT };

struct txn {
	struct slot slot;
	uint8_t kind, state, method, reliable;
	uint16_t status;               /* last sent (server) or received (client) */
	uint8_t cancelled;             /* ICT: enum txn_cancelled */
	uint8_t pad;
	uint32_t interval_ms;          /* present interval of A, E, G */
	uint64_t retransmit_ns;        /* deadline of A, E, G; 0 = off */
	uint64_t timeout_ns;           /* deadline of B, C.., D, F, H, I, J, K, L, M; 0 = off */
	uint64_t hash;                 /* of its key, for the index */
	uint64_t merge_hash;           /* server: of Call-ID, From tag, CSeq (8.2.2.2) */
	handle user;                   /* whose it is; not ours to understand. 0 = nobody any more */
	uint64_t ref;                  /* its user's, who alone understands it; 0 at first */
	uint32_t user_data, user_peer; /* the same */
	uint32_t last_cap;             /* bytes that `last` may take in its place */
	uint32_t pad2;
	handle invite;                 /* a CANCEL's NICT: the ICT whose branch it bears */
	struct arena arena;
	struct kept request;           /* server: the sip_msg record; client: our request's text; empty
	                                * in Accepted once nothing of it is to be said again */
	struct kept last;              /* server: last response; ICT: a CANCEL held back, then the ACK */
	struct sip_flow flow;          /* where request and last go */
};

/* `send` must not call back into the engine: a failure to send is reported later, with
 * txn_unreachable. `tell` is not called for a transaction whose user is 0; it may call anything, for
 * this transaction too. */
struct txn_env {
	void *ctx;
	void (*send)(void *ctx, struct txn *t, const struct sip_flow *to, struct span bytes);
	void (*tell)(void *ctx, struct txn *t, enum txn_news news, const struct sip_msg *m);
	void (*arm)(void *ctx, struct txn *t, uint64_t deadline_ns); /* 0 = nothing to wait for */
};

struct txn_timers {
	uint32_t t1_ms, t2_ms, t4_ms;  /* 500, 4000, 5000 */
};

struct txns {                      /* private to its process */
	struct pool *pool;             /* of struct txn */
	struct heap *heap;
	const struct clock *clock;
	struct txn_env env;
	struct txn_timers timers;
	struct hash_key key;           /* for tokens and hashes */
	struct table index, merges;
};

void txns_init(struct txns *x, struct pool *pool, struct heap *heap, const struct clock *clock,
    const struct txn_env *env, const struct txn_timers *timers, const struct hash_key *key);
void txns_done(struct txns *x);
/* After a restart: index and timers of what stands in the pool. What was half made when the process
 * was killed is dropped without a word: client transactions that were not sent, server transactions
 * that nobody would answer (user 0, no final response). Whoever holds a handle asks txn_at. */
void txns_recover(struct txns *x);
/* After txns_recover: what was written and had not left is repeated by timers, but not over a connection. An
 * INVITE that is not cancelled, or a refusal of one, is said again there; whoever had it already takes the second
 * for a retransmission. */
void txn_say_again(struct txns *x, struct txn *t);

/* --- server side --------------------------------------------------------------------------------*/
/* The transaction a request belongs to (17.2.3; without the branch cookie, as RFC 2543): for an ACK
 * the INVITE's, for any other method its own. NULL: it starts something. An ACK that finds Accepted
 * (a peer that takes one branch for INVITE and ACK) gives NULL as well: it acknowledges a 2xx and
 * belongs to the dialog (RFC 6026: it is passed to the user). */
struct txn *txn_server_find(struct txns *x, const struct sip_msg *request);
/* The INVITE server transaction that a CANCEL is for (9.2). */
struct txn *txn_cancelled_by(struct txns *x, const struct sip_msg *cancel);
/* Another transaction has the same Call-ID, From tag and CSeq, and the request has no To tag: 482. */
bool txn_is_merged(struct txns *x, const struct sip_msg *request);
/* IST or NIST; keeps the request; the caller sets `user`. NULL: no room, or an ACK. IST does not send
 * 100 by itself: the user does. */
struct txn *txn_server_new(struct txns *x, const struct sip_msg *request, bool important);
/* Answers a request other than INVITE at once and for good. What is kept, to be sent again when the request
 * comes again, is the answer; the request is not: nobody will ask for it. False: no room, or an INVITE or
 * ACK; nothing was sent. Over TCP nothing stays. */
bool txn_server_answer(struct txns *x, const struct sip_msg *request, bool important,
    unsigned status, struct span text);
/* A retransmission, or the ACK, of a found transaction. */
void txn_server_receive(struct txns *x, struct txn *t, const struct sip_msg *request);
/* Sends a response (complete text) and keeps what must be repeated. A 2xx to INVITE moves to
 * Accepted: its retransmission is the user's (13.3.1.4), who may give txn_last again. False: the
 * machine takes none now. A final response to a non-INVITE over TCP ends t at once. */
bool txn_respond(struct txns *x, struct txn *t, unsigned status, struct span text);
/* The last response sent; empty when there is none. */
struct span txn_last(const struct txns *x, const struct txn *t);
/* The request that made it; NULL once its text was forgotten, or when it was never kept. */
const struct sip_msg *txn_request(const struct txns *x, const struct txn *t);
/* It is in Accepted, and its user will say nothing of it again: the 2xx was acknowledged (server), or the
 * dialog's first INVITE has its answer (client). Its text is given back; it stays, absorbs what comes
 * again and tells of each 2xx. In any other state nothing happens. */
void txn_forget(struct txns *x, struct txn *t);

/* --- client side --------------------------------------------------------------------------------*/
/* Takes a slot first: its handle is the token of the branch that the user then writes. */
struct txn *txn_client_new(struct txns *x, enum sip_method method, const struct sip_flow *to,
    handle user, bool important);
/* "SIP/2.0/UDP host:port;branch=z9hG4bK...;rport" for this transaction. loop: 32 bits that are written
 * behind the token (a hash of the Request-URI), read again by txn_branch_loop. */
void txn_put_via(struct buf *b, const struct txns *x, const struct txn *t, struct span sent_by,
    uint32_t loop);
/* Sends the request and starts the machine. ERR_FULL: nothing was sent and t is dropped. */
enum err txn_client_send(struct txns *x, struct txn *t, struct span text);
/* By the token in the top Via's branch and the CSeq method; NULL: not ours, drop it. */
struct txn *txn_client_find(struct txns *x, const struct sip_msg *response);
void txn_client_receive(struct txns *x, struct txn *t, const struct sip_msg *response);
/* CANCEL of an INVITE client transaction (9.1): sent at once after a provisional, held until one
 * comes otherwise. `reason`: a Reason header value, or empty. The CANCEL's own NICT needs nobody. */
void txn_cancel(struct txns *x, struct txn *t, struct span reason);
/* Its user is gone, and tells nobody to cancel it: no final answer is waited for longer than 64*T1. */
void txn_let_go(struct txns *x, struct txn *t);
/* Is this branch one of ours, and which loop value does it carry? */
bool txn_branch_loop(const struct txns *x, struct span branch, uint32_t *loop_r);

/* --- both ---------------------------------------------------------------------------------------*/
/* Ends it without a word to anybody: one that was taken and not sent, or is wanted no more. */
void txn_drop(struct txns *x, struct txn *t);
/* The deadline that `arm` was given has come (or passed: late is fine). */
void txn_fire(struct txns *x, struct txn *t);
/* The transport could not send. */
void txn_unreachable(struct txns *x, struct txn *t);
struct txn *txn_at(const struct txns *x, handle h);

extern const struct fsm ict_fsm, nict_fsm, ist_fsm, nist_fsm;

#endif
