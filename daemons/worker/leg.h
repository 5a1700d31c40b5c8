/*
 * A leg: one user agent of ours. Part of worker.h.
 */
#ifndef TANDEM_WORKER_LEG_H
#define TANDEM_WORKER_LEG_H

#include "base/arena.h"
#include "base/fsm.h"
#include "model/worker_shape.h"
#include "sip/dialog.h"
#include "sip/offer.h"
#include "sip/parse.h"
#include "sip/session_timer.h"
#include "sip/txn.h"
#include "worker/note.h"

struct worker;
struct note;

/* The INVITE in flight on a leg, in either direction; see the figure in leg.c. */
enum leg_invite {
	INV_IDLE,	/* none; entered at first, and when each one is over */
	INV_IN,		/* the peer's INVITE waits for our final answer */
	INV_IN_2XX,	/* our 2xx is repeated until its ACK comes */
	INV_IN_BYE,	/* the same, and a BYE follows it (RFC 3261 15: not before the ACK) */
	INV_OUT,	/* our INVITE waits for a final answer */
	INV_OUT_CANCEL, /* the same, and we cancelled it */
	INV_OUT_2XX,	/* their 2xx waits for our ACK, which waits for the other side's answer */
	INV_REFRESH,	/* our re-INVITE waits that changes nothing: its call does not hear of it */
	INV_N_STATES
};

enum leg_event {
	LE_GOT_INVITE,
	LE_GOT_CANCEL,	     /* of the first INVITE */
	LE_GOT_CANCEL_OFFER, /* of a re-INVITE */
	LE_GOT_ACK,
	LE_GOT_1XX,
	LE_GOT_2XX,
	LE_GOT_FAILURE,
	LE_GOT_AGAIN, /* what makes our INVITE go again: 422 (RFC 4028 7.3), 401, 407 */
	LE_DO_INVITE,
	LE_DO_PROGRESS,
	LE_DO_ANSWER,
	LE_DO_REFUSE,
	LE_DO_ACK,
	LE_DO_CANCEL,
	LE_DO_CANCEL_OFFER,
	LE_DO_BYE,
	LE_T_RESEND,
	LE_T_GIVE_UP,
	LE_T_RING,
	LE_T_OFFER,   /* a re-INVITE waited long enough: for its answer, or to be sent */
	LE_T_REFRESH, /* the session is to be refreshed */
	LE_N_EVENTS
};

enum { LEG_PASSED = 4 };

/* The UPDATE in flight on a leg, in either direction (RFC 3311); see the figure in leg_update.c. It may
 * stand beside an INVITE that is not answered yet. */
enum leg_update { UPD_IDLE, UPD_IN, UPD_OUT, UPD_REFRESH, UPD_N_STATES };

enum leg_update_event {
	UE_GOT_UPDATE,
	UE_DO_ANSWER,
	UE_DO_REFUSE,
	UE_DO_UPDATE,
	UE_GOT_2XX,
	UE_GOT_FAILURE,
	UE_GOT_AGAIN,
	UE_T_REFRESH,
	UE_N_EVENTS
};

/* The subscription that a REFER of the peer made; see the figure in leg_refer.c. */
enum leg_refer_state {
	REFER_NONE, /* none, or its end was confirmed */
	REFER_SENT, /* a NOTIFY waits for its answer */
	REFER_IDLE, /* all that happened so far was told */
	REFER_LAST, /* the NOTIFY that ends it waits for its answer */
	REFER_N_STATES
};

enum leg_refer_event {
	RF_ACCEPTED, /* the REFER got a 202 */
	RF_TELL,
	RF_END,
	RF_FLUSH, /* whatever is to be told is told now, and no more after it */
	RF_GOT_2XX,
	RF_GOT_FAILURE,
	RF_GOT_SUBSCRIBE,
	RF_N_EVENTS
};

struct leg_refer {
	uint8_t state;	       /* enum leg_refer_state */
	uint8_t referred;      /* there was a REFER in this dialog before */
	uint16_t status, told; /* the newest, and what the last NOTIFY said */
	uint16_t pad;
	uint32_t id, pad2; /* of the Event; 0 = none */
	handle notify;	   /* its transaction */
	uint64_t until_ns; /* deadline of the subscription; 0 = off */
};

/* Does a reliable provisional response of ours wait for its PRACK, and did it bear a description? */
enum leg_unpracked { PRACKED, UNPRACKED, UNPRACKED_SDP };

struct leg_kept { /* text that is replaced by later text, in a place that grows with the largest */
	struct kept text;
	uint32_t cap, pad;
};

/* The leg's session timer (RFC 4028); see leg_timer.c. */
struct leg_timer {
	struct session_timer agreed;	/* on what */
	struct session_ask ask;		/* in our INVITE or UPDATE in flight */
	uint32_t alone;			/* 1: our wish only, the peer does no timers */
	uint64_t refresh_ns, expire_ns; /* deadlines; 0 = off */
};

struct leg { /* in shared memory */
	struct slot slot;
	handle call;	   /* its call; 0: the call has let go of it */
	handle ladder;	   /* the call in whose ladder it stands, as leg `number`, to its end */
	uint8_t inv;	   /* enum leg_invite */
	uint8_t upd;	   /* enum leg_update */
	uint16_t forks;	   /* of its INVITE that were ended */
	uint16_t number;   /* leg_no of its party */
	uint16_t fork;	   /* which other dialog of its party's INVITE this is; 0: the leg itself */
	uint32_t allows;   /* what its peer allows: bits 1 << enum sip_method; 0: not said */
	uint32_t supports; /* and supports: bits 1 << enum sip_option */
	uint32_t capable;  /* what its Contact says that it is: bits 1 << enum sip_capability */
	uint32_t shows;	   /* and ours toward it: what the end behind the call is */
	uint8_t offered;   /* the INVITE in flight bore an offer */
	uint8_t session;   /* a reliable provisional response of ours gave a description */
	uint8_t stale;	   /* and our 2xx would have given another */
	uint8_t unpracked; /* enum leg_unpracked */
	uint32_t rseq;	   /* last number of ours; 0 = none yet */
	uint32_t
	    prack_rseq; /* of a response whose PRACK waits for the other side's answer; 0 = none */
	uint32_t
	    early_forks; /* heap offset: early dialogs with reliable responses (leg_fork.c) */
	uint8_t no_100rel;    /* 1: we do not offer it on this leg */
	uint8_t isup;	      /* 1: its peer takes what telephone networks say (body.c) */
	uint8_t ack_sdp;      /* 1: our last ACK bore `sdp` */
	uint8_t pad;
	uint32_t invite_cseq; /* of the INVITE in flight, ours or theirs */
	uint32_t resend_ms;   /* interval of our 2xx */
	uint32_t retransmissions;
	uint32_t loop; /* hash of the Request-URI that made the call (482) */
	uint32_t max_forwards;
	handle invite;		   /* transaction of the INVITE in flight, either way */
	handle update;		   /* of the UPDATE */
	handle bye;		   /* of our BYE */
	handle prack;		   /* of our last PRACK */
	handle passed[LEG_PASSED]; /* of requests that wait for the other side's answer */
	uint64_t resend_ns, give_up_ns, ring_until_ns; /* deadlines; 0 = off */
	struct dialog dialog;
	struct offer offer;
	struct sip_flow flow;	/* where our requests go, and which of our addresses we show */
	struct arena arena;	/* its text; owner: this leg */
	struct leg_kept sdp;	/* our last description, where it may have to be said again */
	struct leg_kept held;	/* a note that waits for a PRACK */
	struct leg_kept answer; /* in a reliable response: to our INVITE, whose 2xx bears none */
	uint32_t ack_cseq;	/* of our last ACK */
	uint32_t gateway;	/* id of the one that its peer is; 0: it is none */
	struct leg_timer timer;
	struct kept user_agent;
	struct leg_refer refer;
	struct session_end end, other; /* Session-ID: its peer's, and of the end behind the call */
	struct netaddr home; /* where its gateway was when we called it; family 0: it is none, or called */
};
_Static_assert(sizeof(struct leg) <= WORKER_LEG_BYTES, "a leg's slot is too small");

extern const struct fsm leg_fsm, update_fsm, refer_fsm;

/* A new leg becomes the caller's, by his INVITE: its dialog and transaction; 100 Trying is sent. False: no
 * room. */
bool leg_accept(struct worker *w, struct leg *l, struct txn *ist, const struct sip_msg *invite);
/* A new leg toward somebody: sends its INVITE (CMD_DIAL). 0: no room; nothing was sent. */
handle leg_dial(struct worker *w, const struct note *n);
void leg_command(struct worker *w, const struct note *n); /* from note_down */
void leg_on_txn(struct worker *w, struct txn *t, enum txn_news news, const struct sip_msg *m);
void leg_on_request(struct worker *w, struct leg *l, const struct sip_msg *m); /* in its dialog */
void leg_on_ack(struct worker *w, struct leg *l, const struct sip_msg *m);     /* for a 2xx */
void leg_on_cancel(struct worker *w, struct txn *ist, const struct sip_msg *m);
void leg_on_timer(struct worker *w, struct leg *l);
/* Its peer is this gateway (0: none). */
void leg_of_gateway(struct worker *w, struct leg *l, uint64_t id);
struct leg *leg_at(struct worker *w, handle h);
/* The leg that an in-dialog request is for: by the token of our Contact in its Request-URI, else by
 * our tag in To. NULL: none (481). */
struct leg *leg_of_request(struct worker *w, const struct sip_msg *m);
void leg_arm(struct worker *w, struct leg *l);
/* Ends what is left of it; its slot and text are given back. */
void leg_drop(struct worker *w, struct leg *l);
/* For recovery: gives up a leg whose call was being changed. BYE or CANCEL or a refusal is sent. */
void leg_abandon(struct worker *w, struct leg *l);

struct leg_step { /* what an action of the table gets */
	struct worker *w;
	struct leg *l;
};
struct leg_input {		 /* and why; what does not apply is NULL or 0 */
	const struct sip_msg *m; /* request or response */
	struct txn *t;
	const struct note *n; /* command */
	unsigned status;      /* of the response; 408 and 503 also stand for none */
};
bool leg_step(struct worker *w, struct leg *l, enum leg_event e, const struct leg_input *in);
struct leg *leg_new(struct worker *w, handle call);
struct dialog_memory leg_memory(struct worker *w, struct leg *l);
/* Where its requests go from now on: by its next hop, or by the way the peer's message came. */
void leg_aim(struct worker *w, struct leg *l, const struct sip_msg *m);
/* Session-ID (RFC 7989): what a message of the peer says of its end; what a note says of the other. Where
 * neither end speaks of it, neither do we. */
void leg_hears_session(struct leg *l, const struct sip_msg *m);
void leg_knows_other(struct leg *l, const struct session_end *other);
/* The peer answered: where its requests go, when its Contact says so. */
void leg_retarget(struct worker *w, struct leg *l, const struct sip_msg *response);
/* From toward its peer from now on, who takes that (RFC 4916); what cannot be kept changes nothing. */
void leg_rename(struct worker *w, struct leg *l, struct span from);
/* Takes over what a message says its sender can do: Allow, Supported, Contact. */
void leg_learn(struct leg *l, const struct sip_msg *m);
static inline bool
leg_peer_allows(const struct leg *l, enum sip_method m)
{
	return l->allows >> m & 1;
}
/* CANCEL, BYE or a refusal, whichever is right now. */
void leg_release(struct worker *w, struct leg *l, const struct leg_input *in);
/* The last event of a leg to its call, which lets go of it. */
void leg_last_word(struct worker *w, struct leg *l, enum note_what what, unsigned status,
    unsigned flags, const struct sip_msg *m);
struct span leg_tag_of_txn(struct worker *w, const struct txn *ist);

/* leg_uas.c */
void leg_in_invite(void *step, const void *input);
void leg_in_cancel(void *step, const void *input);
void leg_in_cancel_offer(void *step, const void *input);
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
void leg_another_answers(void *step, const void *input);
void leg_failed(void *step, const void *input);
void leg_send_ack(void *step, const void *input);
void leg_send_cancel(void *step, const void *input);
void leg_ring_over(void *step, const void *input);
void leg_cancelled_over(void *step, const void *input);
/* For a 2xx that came before: its ACK again, or the end of another fork's dialog. */
void leg_ack_again(
    struct worker *w, struct leg *l, struct txn *invite, const struct sip_msg *m);
/* leg_update.c */
bool leg_update_step(
    struct worker *w, struct leg *l, enum leg_update_event e, const struct leg_input *in);
void leg_send_update(void *step, const void *input);
void leg_got_update(struct worker *w, struct leg *l, const struct sip_msg *m);
void leg_on_update_txn(
    struct worker *w, struct leg *l, struct txn *t, enum txn_news news, const struct sip_msg *m);
/* The leg ends: the peer's UPDATE that waits is answered. */
void leg_drop_update(struct worker *w, struct leg *l);
/* leg_timer.c: RFC 4028 */
/* What refuses an INVITE or UPDATE of a peer: 400, or 422, which goes with *lines_r. */
struct verdict leg_timer_check(struct worker *w, const struct sip_msg *m, struct span *lines_r);
/* A request of ours that refreshes the session is about to be written; then its lines. */
void leg_timer_ask(struct worker *w, struct leg *l);
void leg_timer_put_ask(struct buf *b, const struct leg *l);
/* True: m is a 422 that this request follows; it is to be sent again with what it asks for. */
bool leg_timer_follows(struct leg *l, const struct sip_msg *m);
/* May this request of the leg be sent once more, as things are? */
bool leg_may_go_again(const struct leg *l, enum sip_method m);
/* A 2xx to this INVITE or UPDATE is about to be written; then its lines. */
void leg_timer_accepted(struct worker *w, struct leg *l, const struct sip_msg *request);
void leg_timer_put_answer(
    struct worker *w, struct buf *b, const struct leg *l, const struct sip_msg *request);
/* The peer's 2xx to a request of ours. */
void leg_timer_agreed(struct worker *w, struct leg *l, const struct sip_msg *m);
static inline bool
leg_refreshes_by_invite(const struct leg *l)
{
	return l->timer.agreed.ours && !leg_peer_allows(l, SIP_UPDATE);
}
/* A description of ours is in force: it is kept when a refresh will have to say it again. */
void leg_timer_sdp(struct worker *w, struct leg *l, struct span text);
void leg_timer_stop(struct worker *w, struct leg *l);
void leg_timer_fire(struct worker *w, struct leg *l);
void leg_refresh_by_invite(void *step, const void *input);
void leg_refresh_by_update(void *step, const void *input);
void leg_invite_refreshed(void *step, const void *input);
void leg_update_refreshed(void *step, const void *input);
void leg_refresh_failed(void *step, const void *input);
/* leg_again.c: our request in flight once more, with a new CSeq and what has come to be asked for */
void leg_invite_again(void *step, const void *input);
void leg_update_again(void *step, const void *input);
/* Is our request to go again after this response: 422, 401, 407? Of an INVITE, UPDATE; of another. */
bool leg_goes_again(struct worker *w, struct leg *l, const struct txn *t, const struct sip_msg *m);
/* Is m this gateway's question who we are, that can be answered (login.h)? Whom it asks for. */
bool leg_is_asked(
    struct worker *w, const struct leg *l, const struct txn *t, const struct sip_msg *m);
struct login_party leg_login_party(const struct leg *l);
/* Any other request: false, it could not be sent. */
bool leg_request_again(struct worker *w, struct leg *l, struct txn *t);
/* The credentials of our INVITE, into its ACK (RFC 3261 22.1). */
void leg_put_invites_credentials(struct worker *w, struct buf *b, const struct leg *l);
/* Its session description, as it was sent; in scratch. */
struct span leg_sdp_sent(struct worker *w, const struct txn *t);
/* leg_reliable.c: RFC 3262 */
/* Must, or may, this CMD_PROGRESS go reliably? */
bool leg_goes_reliably(struct worker *w, const struct leg *l, const struct note *n);
void leg_send_reliably(struct worker *w, struct leg *l, const struct note *n);
void leg_got_prack(struct worker *w, struct leg *l, const struct sip_msg *m);
void leg_resend_progress(void *step, const void *input);
void leg_no_prack(void *step, const void *input);
/* n: an answer that goes with it, or NULL. */
void leg_send_prack(struct worker *w, struct leg *l, uint32_t rseq, const struct note *n);
/* Is our PRACK without an answer? */
bool leg_waits_for_prack(struct worker *w, const struct leg *l);
/* leg_held.c */
/* True: the command waits for a PRACK or an ACK; leg_goes_on, when that is there, carries it out. */
bool leg_holds_back(struct worker *w, struct leg *l, const struct note *n);
void leg_goes_on(struct worker *w, struct leg *l);
/* What waited for the ACK of a refusal goes on, if that is there, or can come no more. */
void leg_refusal_acked(struct worker *w, struct leg *l);
/* Does his last INVITE, answered or refused, wait for its ACK? None of ours may go (RFC 3261 14.1). */
bool leg_awaits_ack(struct worker *w, const struct leg *l);
void leg_held_too_long(void *step, const void *input);
/* An offer that waits is given up: its call hears this. False: none does. */
bool leg_forgets_offer(struct worker *w, struct leg *l, unsigned status);
/* leg_refer.c: REFER and its subscription (RFC 3515) */
bool leg_refer_step(struct worker *w, struct leg *l, enum leg_refer_event e);
void leg_got_refer(struct worker *w, struct leg *l, const struct sip_msg *m);
void leg_got_subscribe(struct worker *w, struct leg *l, const struct sip_msg *m);
/* The call's answer to a REFER; a 2xx makes the subscription, if it is wanted. */
void leg_refer_answer(struct worker *w, struct leg *l, struct txn *t, const struct note *n);
/* How it goes: 1xx, or the final status, which ends the subscription. */
void leg_refer_tell(struct worker *w, struct leg *l, unsigned status);
/* The leg sends its BYE: what is still to be told goes before it. */
void leg_refer_flush(struct worker *w, struct leg *l);
/* Must the leg stay for it when the peer has hung up? */
bool leg_refer_lingers(const struct leg *l);
void leg_refer_expired(struct worker *w, struct leg *l);
void leg_on_notify_txn(struct worker *w, struct leg *l, struct txn *t, enum txn_news news);
void leg_refer_take_up(struct worker *w, struct leg *l);
/* leg_place.c: the next hop is a name */
void leg_look_up(struct worker *w, struct leg *l, const struct sip_uri *next);
/* The name that the peer's certificate must bear on a connection that is still to be made; empty: its
 * address, or there is no TLS. */
struct span leg_peer_name(struct worker *w, const struct leg *l);
/* leg_relay.c: requests that pass through as they are (INFO, MESSAGE), both ways */
void leg_pass_request(struct worker *w, struct leg *l, const struct sip_msg *m);
void leg_pass_response(
    struct worker *w, struct leg *l, struct txn *t, enum txn_news news, const struct sip_msg *m);
void leg_do_request(struct worker *w, struct leg *l, const struct note *n);
void leg_do_response(struct worker *w, struct leg *l, const struct note *n);
/* The leg ends: those that wait are answered 487 (RFC 3261 15.1.2). */
void leg_drop_passed(struct worker *w, struct leg *l);
/* leg_bye.c */
void leg_send_bye(void *step, const void *input);
void leg_bye_later(void *step, const void *input);
void leg_refuse_then_bye(void *step, const void *input);
void leg_ack_then_bye(void *step, const void *input);
void leg_got_bye(struct worker *w, struct leg *l, const struct sip_msg *m);

/* leg_fork.c: several dialogs of one INVITE */
/* Is a provisional response to be taken? *rseq_r: it is reliable, the PRACK bears this; 0 = it is not. False:
 * it came before, or too early. */
bool leg_takes_progress(struct worker *w, struct leg *l, const struct sip_msg *m, uint32_t *rseq_r);
/* The dialog that the leg is in has a session: a reliable response in it gave a description. */
void leg_fork_agrees(struct worker *w, struct leg *l);
/* Is a provisional response another branch's, beside such a session? Then leg_fork_progress sends its PRACK
 * (rseq 0: it wants none), and the leg stays where it is. */
bool leg_is_beside(struct worker *w, const struct leg *l, const struct sip_msg *m);
void leg_fork_progress(struct worker *w, struct leg *l, const struct sip_msg *m, uint32_t rseq);
/* Is a request of one of those branches? */
bool leg_knows_fork(struct worker *w, const struct leg *l, const struct sip_msg *m);
/* The first 2xx, before it is taken. True: the session that the other side has is another branch's. */
bool leg_fork_wins(struct worker *w, struct leg *l, const struct sip_msg *m);
/* Who has answered an INVITE is known until its transaction ends; what that keeps (ref) of a new one: in a
 * dialog its peer alone is to answer. */
uint64_t leg_fork_ref(struct worker *w, const struct leg *l);
void leg_fork_answered(struct txn *invite, const struct sip_msg *m);
/* Another's 2xx: ACK, then BYE in that dialog; when it comes again ACK alone. l NULL: the leg has ended. */
void leg_end_fork(
    struct worker *w, struct leg *l, struct txn *invite, const struct sip_msg *m);

/* --- leg_text.c: what a leg writes --------------------------------------------------------------*/
/* Keeps s in place of what stood there; false: no room, and nothing stands there. */
bool leg_keep(struct worker *w, struct leg *l, struct leg_kept *k, struct span s);
/* Our Contact: <sip:TOKEN@host:port;transport=x>; and our sent-by, "host:port". */
void leg_put_contact(struct worker *w, struct buf *b, const struct leg *l);
void flow_put_host(struct worker *w, struct buf *b, const struct sip_flow *f);
/* The same device, as far as we can see. */
bool flow_is_same(const struct sip_flow *a, const struct sip_flow *b);
/* The address of ours that this peer sees. */
struct netaddr flow_local(struct worker *w, const struct sip_flow *f);
/* Sends a request in the leg's dialog through a new client transaction; 0: no room, or it did not
 * fit. `flags` of the note say nothing here. */
struct leg_request {
	enum sip_method method;
	uint32_t cseq, max_forwards;
	struct span name;			 /* of SIP_UNKNOWN: the method */
	struct span headers, content_type, body; /* headers: complete lines */
	uint64_t ref;				 /* stands in its transaction */
	uint32_t again;				 /* as which repetition of it this is sent; there too */
};
handle leg_send_request(struct worker *w, struct leg *l, const struct leg_request *r);
/* leg_fork.c: is m, which the leg has sent, of another dialog than it is in by now? Then a PRACK goes again in
 * its own; 0: nothing does. */
bool leg_is_of_another(struct worker *w, const struct leg *l, const struct sip_msg *m);
handle leg_fork_again(struct worker *w, struct leg *l, const struct txn *t, const struct sip_msg *m,
    const struct leg_request *r);
/* An ACK for a 2xx in dialog d: no transaction, nothing to wait for. */
void leg_write_ack(struct worker *w, struct leg *l, const struct dialog *d, uint32_t cseq,
    struct span content_type, struct span body);
/* Answers a request of the peer in its transaction: status, our tag, Contact, what goes with it; a 2xx
 * to INVITE or UPDATE starts the session timer. False:
 * what the other side gave cannot be written; a final answer went out all the same, bare, a 2xx as
 * 500. */
bool leg_respond_in(
    struct worker *w, struct leg *l, handle txn, unsigned status, const struct note *n);
/* The same for the INVITE in flight. */
bool leg_respond(struct worker *w, struct leg *l, unsigned status, const struct note *n);
/* What a leg tells of itself in its events. */
void leg_facts(struct worker *w, const struct leg *l, struct note *n);
/* Lines of the allow-list that pass from leg to leg, in scratch. */
struct span headers_through(struct worker *w, const struct sip_msg *m);
/* The same without those that tell who speaks (RFC 3323 5.1). */
struct span headers_anonymous(struct worker *w, const struct sip_msg *m);
/* The Contacts of a redirection (300 to 302), comma-joined, in scratch; of any other message: none. */
struct span contacts_named(struct worker *w, const struct sip_msg *m);
struct span reason_line(struct worker *w, const struct note *n);

#endif
