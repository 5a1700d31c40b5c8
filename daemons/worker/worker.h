/*
 * The worker: back-to-back user agents. A message comes in from a front (inbox), finds its
 * transaction (sip/txn) or its leg, moves the leg, whose events move the call, whose commands move
 * the other legs; what they write goes out at the end of the turn (outbox).
 *
 *     inbox -> gate -> txn -> leg  --events-->  call -> features, route
 *     outbox <-------- txn <- leg <--commands-- call -> segments -> store
 *
 * A leg knows SIP, a call knows only events and commands (note.c). Calls, legs and transactions stand
 * in this worker's region of shared memory and outlive the process (recover.c); everything in struct
 * worker itself is private and made anew at start.
 *
 * This header is private to the worker, sectioned by file.
 */
#ifndef TANDEM_WORKER_WORKER_H
#define TANDEM_WORKER_WORKER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fsm.h"
#include "base/wheel.h"
#include "ipc/child.h"
#include "model/callview.h"
#include "model/cdr.h"
#include "model/challenge.h"
#include "model/directory.h"
#include "model/domain.h"
#include "model/location.h"
#include "model/outbox.h"
#include "model/settings.h"
#include "model/worker_shape.h"
#include "sip/dialog.h"
#include "sip/offer.h"
#include "sip/token.h"
#include "sip/txn.h"

struct call;
struct leg;
struct origin;
struct setup;
struct note;
struct worker;

enum {
	NOTES_MAX = 256,          /* events waiting within one turn */
	SCRATCH_BYTES = 1 << 18,  /* what one turn may build */
	OUT_TEXT = SIP_RAW_MAX,   /* one message */
	TARGETS_MAX = 16,         /* contacts and gateways tried for one call */
	DIAL_ROUNDS_MAX = 8,
};

/* --- note.c: what a leg and its call say to each other ------------------------------------------
 *
 * Flat records: they wait in a queue, so that no callback can destroy its caller, and cross a ring
 * unchanged when leg and call live in different workers.
 */
enum note_what {
	NOTE_NONE,
	/* events, up: from a leg to its call */
	EV_PROGRESS,       /* 101-199 from the called side: status, phrase, headers, body */
	EV_ANSWER,         /* 2xx to the first INVITE: headers, body */
	EV_ACKED,          /* the ACK for our 2xx came; body: an answer in it, if any */
	EV_OFFER,          /* re-INVITE or UPDATE: body (may be empty: it asks for an offer) */
	EV_OFFER_ANSWERED, /* 2xx to what CMD_OFFER sent: body */
	EV_OFFER_REFUSED,  /* final refusal of it: status, phrase */
	EV_OFFER_CANCELLED,/* the peer cancelled its re-INVITE, which has been answered 487 */
	EV_FAILED,         /* the first INVITE got a final refusal; the leg is gone */
	EV_CANCELLED,      /* the caller cancelled; the leg is gone */
	EV_RELEASED,       /* BYE, or the dialog failed (status says how); the leg is gone */
	EV_GONE,           /* after CMD_RELEASE: over; the leg is gone */
	/* commands, down: from a call to a leg */
	CMD_DIAL,          /* a new leg: place an INVITE (leg_dial; never crosses a ring) */
	CMD_PROGRESS,      /* send 101-199 */
	CMD_ANSWER,        /* send 200 */
	CMD_REFUSE,        /* send a final refusal: to the first INVITE (the leg is gone after), or to
	                    * the re-INVITE or UPDATE that waits */
	CMD_ACK,           /* send the ACK that was put off, with its answer */
	CMD_OFFER,         /* send a re-INVITE */
	CMD_OFFER_ANSWER,  /* answer the re-INVITE or UPDATE that waits */
	CMD_OFFER_CANCEL,  /* cancel our re-INVITE */
	CMD_RELEASE,       /* CANCEL or BYE, whichever is right now */
	N_NOTES
};

enum note_text {       /* the texts of a note; those not used are empty */
	T_PHRASE, T_HEADERS, T_CONTENT_TYPE, T_BODY,
	T_REASON,          /* value of a Reason header, for CANCEL and BYE */
	/* CMD_DIAL */
	T_TARGET, T_ROUTES, T_FROM, T_TO, T_CALL_ID, T_TAG,
	/* facts of the leg, for the call's record */
	T_SIP_CALL_ID, T_LOCAL_TAG, T_REMOTE_TAG, T_USER_AGENT,
	N_TEXTS
};

enum note_flag {
	NOTE_DELAYED_OFFER = 1,  /* EV_ANSWER: body is an offer; the ACK waits for CMD_ACK */
	NOTE_ELSEWHERE = 2,      /* CMD_RELEASE: answered elsewhere */
	NOTE_LATE_ANSWER = 4,    /* EV_GONE: a 2xx had crossed our CANCEL; it was ACKed and released */
	NOTE_NO_ACK = 8,         /* EV_RELEASED: our 2xx was never ACKed */
	NOTE_ANONYMOUS = 16,
};

struct note {
	uint16_t what, status, flags, pad;
	handle leg, call;
	uint32_t cseq, max_forwards, ring_s, loop; /* CMD_DIAL */
	uint32_t retransmissions;       /* a fact */
	struct sip_flow flow;           /* CMD_DIAL: where to; events: where from */
	struct span text[N_TEXTS];
};

/* Queues an event for its call (drained by worker_drain), or sends it to the call's worker. */
void note_up(struct worker *w, const struct note *n);
/* Hands a command to its leg at once, or sends it to the leg's worker. */
void note_down(struct worker *w, const struct note *n);
/* A note that came through a ring; false when it is malformed. */
bool note_received(struct worker *w, const struct wire_leg *r, uint32_t len);
/* Flat form: the fixed part, then each text's length and bytes. ERR_FULL, ERR_SYNTAX. */
enum err note_pack(const struct note *n, void *to, size_t cap, size_t *len_r);
enum err note_unpack(const void *from, size_t len, struct note *n_r);
const char *note_name(enum note_what what);

/* --- leg*.c -------------------------------------------------------------------------------------*/
/* The INVITE in flight on a leg, in either direction; see the figure in leg.c. */
enum leg_invite {
	INV_IDLE,      /* none; entered at first, and when each one is over */
	INV_IN,        /* the peer's INVITE waits for our final answer */
	INV_IN_2XX,    /* our 2xx is repeated until its ACK comes */
	INV_IN_BYE,    /* the same, and a BYE follows it (RFC 3261 15: not before the ACK) */
	INV_OUT,       /* our INVITE waits for a final answer */
	INV_OUT_CANCEL,/* the same, and we cancelled it */
	INV_OUT_2XX,   /* their 2xx waits for our ACK, which waits for the other side's answer */
	INV_N_STATES
};

enum leg_event {
	LE_GOT_INVITE, LE_GOT_CANCEL, LE_GOT_ACK, LE_GOT_1XX, LE_GOT_2XX, LE_GOT_FAILURE,
	LE_DO_INVITE, LE_DO_PROGRESS, LE_DO_ANSWER, LE_DO_ANSWER_UPDATE, LE_DO_REFUSE, LE_DO_ACK,
	LE_DO_CANCEL, LE_DO_BYE,
	LE_T_RESEND, LE_T_GIVE_UP, LE_T_RING,
	LE_N_EVENTS
};

struct leg {                       /* in shared memory */
	struct slot slot;
	handle call;               /* its call; 0: the call has let go of it */
	uint8_t inv;               /* enum leg_invite */
	uint8_t by_update;         /* what waits in INV_IN was an UPDATE, not an INVITE */
	uint16_t status;           /* final status of the first INVITE */
	uint32_t invite_cseq;      /* of the INVITE in flight, ours or theirs */
	uint32_t resend_ms;        /* interval of our 2xx */
	uint32_t retransmissions;
	uint32_t loop;             /* hash of the Request-URI that made the call (482) */
	uint32_t max_forwards;
	handle invite;             /* transaction of the INVITE (or UPDATE) in flight, either way */
	handle bye;                /* transaction of our BYE */
	uint64_t resend_ns, give_up_ns, ring_until_ns; /* deadlines; 0 = off */
	struct dialog dialog;
	struct offer offer;
	struct sip_flow flow;      /* where our requests go, and which of our addresses we show */
	struct arena arena;        /* its text; owner: this leg */
	struct kept ack_body;      /* answer in the ACK for ack_cseq, to be repeated with it */
	uint32_t ack_body_cap, ack_cseq;
	struct kept user_agent;
};
_Static_assert(sizeof(struct leg) <= WORKER_LEG_BYTES, "a leg's slot is too small");

extern const struct fsm leg_fsm;

/* A new leg for a caller's INVITE: its dialog and transaction; 100 Trying is sent. NULL: no room. */
struct leg *leg_accept(struct worker *w, struct txn *ist, const struct sip_msg *invite,
    handle call);
/* A new leg toward somebody: sends its INVITE (CMD_DIAL). 0: no room; nothing was sent. */
handle leg_dial(struct worker *w, const struct note *n);
void leg_command(struct worker *w, const struct note *n);      /* one of ours, from note_down */
void leg_on_txn(struct worker *w, struct txn *t, enum txn_news news, const struct sip_msg *m);
void leg_on_request(struct worker *w, struct leg *l, const struct sip_msg *m); /* in its dialog */
void leg_on_ack(struct worker *w, struct leg *l, const struct sip_msg *m);     /* for a 2xx */
void leg_on_cancel(struct worker *w, struct txn *ist);
void leg_on_timer(struct worker *w, struct leg *l);
void leg_on_flow_down(struct worker *w, handle conn);
struct leg *leg_at(struct worker *w, handle h);
/* The leg that an in-dialog request is for: by the token of our Contact in its Request-URI, else by
 * our tag in To. NULL: none (481). */
struct leg *leg_of_request(struct worker *w, const struct sip_msg *m);
void leg_arm(struct worker *w, struct leg *l);
/* Ends what is left of it; its slot and text are given back. */
void leg_drop(struct worker *w, struct leg *l);
/* For recovery: gives up a leg whose call was being changed. BYE or CANCEL or a refusal is sent. */
void leg_abandon(struct worker *w, struct leg *l);

struct leg_step {                  /* what an action of the table gets */
	struct worker *w;
	struct leg *l;
};
struct leg_input {                 /* and why; what does not apply is NULL or 0 */
	const struct sip_msg *m;   /* request or response */
	struct txn *t;
	const struct note *n;      /* command */
	unsigned status;           /* of the response; 408 and 503 also stand for none */
};
bool leg_step(struct worker *w, struct leg *l, enum leg_event e, const struct leg_input *in);
struct leg *leg_new(struct worker *w, handle call);
struct dialog_memory leg_memory(struct worker *w, struct leg *l);
/* Where its requests go from now on: by its next hop, or by the way the peer's message came. */
void leg_aim(struct worker *w, struct leg *l, const struct sip_msg *m);
/* The last event of a leg to its call, which lets go of it. */
void leg_last_word(struct worker *w, struct leg *l, enum note_what what, unsigned status,
    unsigned flags, const struct sip_msg *m);
struct span leg_tag_of_txn(struct worker *w, const struct txn *ist);

/* leg_uas.c */
void leg_in_invite(void *step, const void *input);
void leg_in_cancel(void *step, const void *input);
void leg_in_again(void *step, const void *input);
void leg_in_glare(void *step, const void *input);
void leg_send_progress(void *step, const void *input);
void leg_send_answer(void *step, const void *input);
void leg_send_refusal(void *step, const void *input);
void leg_acked(void *step, const void *input);
void leg_resend(void *step, const void *input);
void leg_no_ack(void *step, const void *input);
/* leg_uac.c */
void leg_send_invite(void *step, const void *input);
void leg_progress(void *step, const void *input);
void leg_answered(void *step, const void *input);
void leg_answered_again(void *step, const void *input);
void leg_failed(void *step, const void *input);
void leg_send_ack(void *step, const void *input);
void leg_send_cancel(void *step, const void *input);
void leg_ring_over(void *step, const void *input);
void leg_late_answer(void *step, const void *input);
void leg_cancelled_over(void *step, const void *input);
/* leg_bye.c */
void leg_send_bye(void *step, const void *input);
void leg_bye_later(void *step, const void *input);
void leg_refuse_then_bye(void *step, const void *input);
void leg_ack_then_bye(void *step, const void *input);
void leg_got_bye(struct worker *w, struct leg *l, const struct sip_msg *m);
/* ACK for the 2xx m, whose tag may be another than the leg's (a fork's); then BYE in that dialog. */
void leg_end_fork(struct worker *w, struct leg *l, const struct sip_msg *m);

/* --- leg_text.c: what a leg writes --------------------------------------------------------------*/
/* Our Contact: <sip:TOKEN@host:port;transport=x>; and our sent-by, "host:port". */
void leg_put_contact(struct worker *w, struct buf *b, const struct leg *l);
void flow_put_host(struct worker *w, struct buf *b, const struct sip_flow *f);
/* The address of ours that this peer sees. */
struct netaddr flow_local(struct worker *w, const struct sip_flow *f);
/* Sends a request in the leg's dialog through a new client transaction; 0: no room, or it did not
 * fit. `flags` of the note say nothing here. */
struct leg_request {
	enum sip_method method;
	uint32_t cseq, max_forwards;
	struct span headers, content_type, body; /* headers: complete lines */
};
handle leg_send_request(struct worker *w, struct leg *l, const struct leg_request *r);
/* An ACK for a 2xx in dialog d: no transaction, nothing to wait for. */
void leg_write_ack(struct worker *w, struct leg *l, const struct dialog *d, uint32_t cseq,
    struct span content_type, struct span body);
/* Answers the INVITE or UPDATE in flight: status, our tag, Contact, what goes with it. */
void leg_respond(struct worker *w, struct leg *l, unsigned status, const struct note *n);
/* The body toward this leg: SDP gets our origin, anything else stays. */
struct span leg_body_toward(struct worker *w, struct leg *l, struct span content_type,
    struct span body);
/* What a leg tells of itself in its events. */
void leg_facts(struct worker *w, const struct leg *l, struct note *n);
/* Lines of the allow-list that pass from leg to leg, in scratch. */
struct span headers_through(struct worker *w, const struct sip_msg *m);
struct span reason_line(struct worker *w, const struct note *n);

/* --- call*.c ------------------------------------------------------------------------------------*/
enum call_state {
	CALL_ROUTING,  /* made; features and route decide; left within the same event */
	CALL_RINGING,  /* one or more legs are dialled, none has answered; the caller hears us */
	CALL_UP,       /* two legs talk (the caller's ACK may still be on its way) */
	CALL_ENDING,   /* every leg was told to end; waits until they have, or a moment */
	CALL_N_STATES
};

enum released_by { BY_NOBODY, BY_CALLER, BY_CALLEE, BY_SYSTEM, BY_NETWORK, BY_TIMEOUT };
enum end_reason { END_NORMAL, END_NO_ACK, END_ADMIN, END_SHUTDOWN, END_SYSTEM_FAILURE };
enum party_role { PARTY_CALLER, PARTY_BRANCH, PARTY_CALLED };

/* A leg as its call sees it, and the call's record of it (BILLING.md cdr_leg): it stays when the leg
 * is gone. In the call's arena. */
struct party {
	uint32_t next;             /* heap offset; 0 = last */
	uint8_t role;              /* enum party_role */
	uint8_t gone;              /* its leg said its last word */
	uint8_t elsewhere;         /* cancelled because another answered */
	uint8_t kind;              /* enum target_kind */
	handle leg;
	uint16_t status;           /* last that came, or was sent */
	uint16_t number;           /* leg_no */
	uint32_t target;           /* index of its target; UINT32_MAX: the caller */
	uint32_t retransmissions;
	int64_t start_ms, ring_ms, answer_ms, end_ms; /* wall */
	struct kept uri, sip_call_id, local_tag, remote_tag, user_agent;
	struct sip_flow flow;
};

enum target_kind { TARGET_CONTACT, TARGET_GATEWAY };
struct target {                    /* in the call's arena */
	uint32_t next;
	uint8_t kind, tried;
	uint16_t q;                /* thousandths; equal q ring together */
	uint32_t ring_s;           /* at most so long; 0 = the call's */
	uint32_t pad;
	uint64_t gateway;
	struct kept uri, routes;
	struct sip_flow flow;
};

enum payer_kind { PAYER_SUBSCRIBER, PAYER_TRUNK, PAYER_TENANT, PAYER_NOBODY };
/* A chargeable stretch of a call: exactly one payer (BILLING.md cdr). In the call's arena. */
struct segment {
	uint32_t next;
	uint8_t seq, parent, kind, payer;      /* kind: enum segment_kind; parent 0 = none */
	uint64_t payer_account;
	uint64_t in_trunk, out_trunk;
	struct kept payer_number, calling_number, calling_name, dialed, called, routed, connected;
	int64_t start_ms, ring_ms, answer_ms, end_ms;          /* wall */
	uint64_t start_ns, ring_ns, answer_ns, end_ns, hold_ns; /* monotonic, for durations */
	uint64_t held_since_ns, early_ns;
	uint16_t status, q850;
	uint8_t disposition, released_by, end_reason, anonymous;
};

struct call {                      /* in shared memory */
	struct slot slot;
	uint32_t marked;           /* 1 while an event is being handled: DESIGN.md rule 3 */
	uint8_t state;             /* enum call_state */
	uint8_t origin;            /* enum origin_kind */
	uint8_t direction;         /* enum call_direction */
	uint8_t released_by;       /* enum released_by */
	uint8_t end_reason;        /* enum end_reason */
	uint8_t n_targets;
	uint16_t n_parties;
	uint16_t final;            /* what the caller was told; 200 once answered */
	uint16_t best;             /* best refusal so far (16.7); 0 = none */
	uint16_t progress;         /* last 1xx the caller was told */
	uint8_t call_id[16];
	uint32_t tenant, max_forwards, loop;
	uint64_t account;          /* of the caller: subscriber or gateway id */
	uint64_t called_account;   /* of the called subscriber; 0 = none */
	int64_t setup_ms;          /* wall */
	uint64_t ring_until_ns, round_until_ns, linger_until_ns; /* deadlines; 0 = off */
	struct arena arena;        /* its text, parties, targets, segments; owner: this call */
	uint32_t parties, targets, segments; /* heap offsets of lists */
	uint32_t caller, called;   /* heap offsets of the parties that talk; called 0 while ringing */
	uint32_t offer_from;       /* party whose re-INVITE waits for the other; 0 = none */
	uint32_t ack_owed;         /* party whose ACK waits for an answer in the other's ACK; 0 = none */
	struct kept best_phrase, best_headers;
	struct kept from_addr, to_addr;      /* From and To toward the called side, without tag */
	struct kept out_call_id, out_tag;    /* shared by the contacts of one user (1.12 (1)) */
	struct kept dialled, user, name, number; /* what was dialled; who calls */
	struct kept offer_type, offer, headers;  /* of the caller's INVITE */
};
_Static_assert(sizeof(struct call) <= WORKER_CALL_BYTES, "a call's slot is too small");

extern const struct fsm call_fsm;

enum call_event {
	CE_SETUP, CE_PROGRESS, CE_ANSWER, CE_ACKED, CE_OFFER, CE_OFFER_ANSWERED, CE_OFFER_REFUSED,
	CE_OFFER_CANCELLED, CE_FAILED, CE_CANCELLED, CE_RELEASED, CE_GONE,
	CE_T_RING, CE_T_ROUND, CE_T_LINGER, CE_HANGUP, CE_END,
	CE_N_EVENTS
};
struct call_step {
	struct worker *w;
	struct call *c;
	struct party *p;           /* whose event it is; NULL for timers */
};

struct call *call_at(struct worker *w, handle h);
/* An empty call, its id made; NULL: no room for a call, its legs and its record. */
struct call *call_new(struct worker *w);
void call_begin(struct worker *w, struct call *c, const struct setup *s);
void call_on_note(struct worker *w, const struct note *n);  /* events, from worker_drain */
void call_on_timer(struct worker *w, struct call *c);
void call_hangup(struct worker *w, struct call *c);         /* the operator's */
bool call_step(struct worker *w, struct call *c, enum call_event e, struct party *p,
    const void *arg);
void call_arm(struct worker *w, struct call *c);
/* Ends a call found marked after a crash. */
void call_abandon(struct worker *w, struct call *c);
void call_drop(struct worker *w, struct call *c);
struct kept call_keep(struct worker *w, struct call *c, struct span s);
struct party *party_at(struct worker *w, uint32_t offset);
struct party *party_of_leg(struct worker *w, struct call *c, handle leg);
struct party *party_new(struct worker *w, struct call *c, enum party_role role, handle leg);
/* The other of the two that talk; NULL for a branch. */
struct party *party_peer(struct worker *w, struct call *c, const struct party *p);

/* call_setup.c: the caller's first words */
struct setup {
	const struct sip_msg *invite;
	const struct origin *origin;
	handle leg;
};
void call_setup(void *step, const void *setup);
struct target *target_at(struct worker *w, uint32_t offset);
/* Adds a target; its URI and routes are copied. NULL: too many, or no room. */
struct target *target_new(struct worker *w, struct call *c, enum target_kind kind, struct span uri,
    struct span routes);

/* call_dial.c */
/* Rings the best targets not yet tried, equal q together. False: none was left, or none could be. */
bool call_dial_next(struct worker *w, struct call *c);

/* call_ring.c */
void call_progress(void *step, const void *note);
void call_answer(void *step, const void *note);
void call_branch_failed(void *step, const void *note);
void call_caller_cancelled(void *step, const void *note);
void call_ring_over(void *step, const void *note);
void call_round_over(void *step, const void *note);
void call_late_answer(void *step, const void *note);
void call_loser_gone(void *step, const void *note);

/* call_talk.c */
/* A 2xx with an offer: its ACK waits for the answer. */
void call_owe_ack(struct worker *w, struct call *c, const struct party *p, const struct note *in);
void call_acked(void *step, const void *note);
void call_offer(void *step, const void *note);
void call_offer_answered(void *step, const void *note);
void call_offer_refused(void *step, const void *note);
void call_offer_cancelled(void *step, const void *note);

/* call_end.c */
void call_released(void *step, const void *note);
void call_gone(void *step, const void *note);
void call_linger_over(void *step, const void *note);
void call_operator_hangup(void *step, const void *note);
void call_ending(void *step, const void *note);
/* Final refusal to the caller, then the end. phrase, headers: as they came, or empty. */
void call_refuse(struct worker *w, struct call *c, unsigned status, struct span phrase,
    struct span headers);
/* Tells every leg to end. Why it ends stands in the call before. */
void call_end(struct worker *w, struct call *c);
void call_because(struct call *c, enum released_by by, enum end_reason why);
void party_release(struct worker *w, struct call *c, struct party *p, const char *reason);
/* A note for a party's leg, with nothing in it. */
struct note party_note(const struct call *c, struct worker *w, enum note_what what,
    const struct party *p);

/* --- origin.c: who calls ------------------------------------------------------------------------*/
enum origin_kind { ORIGIN_SUBSCRIBER, ORIGIN_GATEWAY };
enum call_direction { DIRECTION_INTERNAL, DIRECTION_OUTBOUND, DIRECTION_INBOUND, DIRECTION_TRANSIT };
struct origin {
	enum origin_kind kind;
	uint32_t tenant;
	uint64_t account;          /* subscriber or gateway id */
	struct dir_buf record;     /* the subscriber or gateway */
	const struct dir_subscriber *subscriber;
	const struct dir_gateway *gateway;
};

/* --- gate.c: requests that are in no dialog of ours ---------------------------------------------*/
/* The one gate (THREATS.md A1): default deny, challenges are stateless. */
void gate_request(struct worker *w, const struct sip_msg *m);
/* auth.c: who sends this? True: *o is filled. False: it was answered (challenge, refusal). */
bool auth_request(struct worker *w, const struct sip_msg *m, struct origin *o);
/* answer.c: answers without a transaction, or in one that needs nothing else. `headers` are complete
 * lines. */
void answer_stateless(struct worker *w, const struct sip_msg *m, unsigned status,
    const char *reason, struct span headers);
void answer_txn(struct worker *w, struct txn *t, unsigned status, const char *reason,
    struct span to_tag, struct span headers);
/* Non-INVITE: makes the transaction, then answers in it. */
void answer_request(struct worker *w, const struct sip_msg *m, unsigned status, const char *reason,
    struct span headers);

/* --- route.c: where to --------------------------------------------------------------------------*/
struct route_result {
	unsigned status;           /* 0: there are targets; else refuse with it */
	const char *reason;
	enum call_direction direction;
};
/* Decides by the Request-URI alone (FLOWS.md S3-01) and adds targets to the call. */
struct route_result route_call(struct worker *w, struct call *c, const struct sip_msg *invite,
    const struct origin *o);
/* target.c: a SIP URI with a literal address to a flow. ERR_ABSENT: it is a name (no DNS yet);
 * ERR_DENIED: we have no listener of that transport. */
enum err target_flow(struct worker *w, const struct sip_uri *uri, struct sip_flow *f_r);

/* --- segment.c, cdr.c ---------------------------------------------------------------------------*/
enum segment_kind { SEGMENT_DIRECT };
enum disposition { D_ANSWERED, D_BUSY, D_NOANSWER, D_CANCELLED, D_REJECTED, D_UNREACHABLE, D_FAILED,
	D_BARRED };
struct segment *segment_first(struct worker *w, struct call *c);
void segment_open(struct worker *w, struct call *c, const struct origin *o);
void segment_ringing(struct worker *w, struct call *c);
void segment_answered(struct worker *w, struct call *c, const struct party *by);
void segment_close(struct worker *w, struct call *c);
unsigned q850_of_status(unsigned status);
/* Writes the call's record into the store's ring. False: no room now; it is tried again. */
bool cdr_send(struct worker *w, struct call *c, enum cdr_kind kind);
/* Tries again the calls that ended while the store's ring was full. */
void worker_cdrs(struct worker *w);

/* --- view.c -------------------------------------------------------------------------------------*/
void view_update(struct worker *w, struct call *c);
void view_clear(struct worker *w, const struct call *c);

/* --- features.c: the ordered list ---------------------------------------------------------------*/
struct feature_refusal {
	unsigned status;
	const char *reason;
};
struct feature {
	const char *name;
	/* Originating side, before the route is chosen; status 0 lets it pass. */
	struct feature_refusal (*originate)(struct worker *w, struct call *c, const struct origin *o);
	/* Terminating side: the call is for this subscriber. */
	struct feature_refusal (*terminate)(struct worker *w, struct call *c,
	    const struct dir_subscriber *called);
};
struct feature_refusal features_originate(struct worker *w, struct call *c, const struct origin *o);
struct feature_refusal features_terminate(struct worker *w, struct call *c,
    const struct dir_subscriber *called);
extern const struct feature feature_suspended, feature_dnd;

/* --- inbox.c ------------------------------------------------------------------------------------*/
void inbox_record(struct worker *w, const struct ring_record *r, unsigned from);
void inbox_message(struct worker *w, struct sip_msg *m);

/* --- recover.c ----------------------------------------------------------------------------------*/
/* Lays the pools over the region. */
void recover_lay_out(struct worker *w);
/* Takes up what a predecessor left: sweeps, arms, ends what was in hand. */
void recover(struct worker *w);

/* --- worker.c -----------------------------------------------------------------------------------*/
struct source {                    /* which of our addresses a peer sees; asked anew after a while */
	struct netaddr peer, local;
	uint64_t until_ns;
};
enum { SOURCES = 64, SOURCE_S = 10 };

struct worker {
	struct child child;
	const struct settings *settings;
	struct directory directory;
	struct locations locations;
	struct hash_key key;       /* the exchange's: tokens, tags */
	char *region;
	struct worker_shape shape;
	struct heap heap;
	struct pool calls, legs, txn_pool;
	struct call_view *views;
	struct txns txns;
	struct challenge challenge;
	struct wheel *wheel;
	struct wheel_timer *call_timers, *leg_timers, *txn_timers; /* beside the pools */
	struct outbox *outbox;
	struct note notes[NOTES_MAX];  /* events of this turn, first in first out */
	unsigned notes_first, notes_n;
	char *scratch;             /* of this turn */
	size_t scratch_used;
	char *text;                /* one outgoing message, OUT_TEXT */
	struct sip_msg *message;   /* own copy of the one in hand */
	struct source sources[SOURCES];
	uint32_t cdrs_waiting;     /* ended calls whose record found no room yet */
};

static inline uint64_t
worker_now(const struct worker *w)
{
	return w->child.clock.mono_ns;
}

/* Private memory and tables; the child has been started. */
void worker_init(struct worker *w);
void worker_open_tables(struct worker *w);   /* directory, location: when their owners made them */
/* Handles the events that wait, until none is left; then the turn's scratch is free again. */
void worker_drain(struct worker *w);
void worker_timers(struct worker *w);
void *scratch_take(struct worker *w, size_t n);
struct span scratch_keep(struct worker *w, struct span s);
struct buf scratch_buf(struct worker *w, size_t cap);
void scratch_end(struct worker *w, const struct buf *b); /* gives back what b did not use */

#endif
