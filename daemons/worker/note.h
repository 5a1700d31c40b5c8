/*
 * What a leg and its call say to each other: events and commands (note.c). Part of worker.h.
 *
 * Flat records: events wait in a queue, so that no callback can destroy its caller. A leg lives with
 * its call; two calls that were joined (transfer, pickup) may live in different workers. What the one
 * commands the other's side (bridge.c) is an event there, and crosses a ring unchanged.
 */
#ifndef TANDEM_WORKER_NOTE_H
#define TANDEM_WORKER_NOTE_H

#include "base/span.h"
#include "ipc/wire.h"
#include "sip/flow.h"
#include "sip/session_id.h"

struct worker;

enum note_what {
	NOTE_NONE,
	/* events, up: from a leg to its call */
	EV_PROGRESS,	    /* 101-199 from the called side: status, phrase, headers, body */
	EV_ANSWER,	    /* 2xx to the first INVITE: headers, body */
	EV_TOLD,	    /* our 2xx to the first INVITE went: at once, or after a PRACK */
	EV_ACKED,	    /* the ACK for our 2xx came; body: an answer in it, if any */
	EV_PRACKED,	    /* the PRACK for our reliable offer came; body: the answer */
	EV_OFFER,	    /* re-INVITE or UPDATE: body (may be empty: it asks for an offer) */
	EV_OFFER_ANSWERED,  /* 2xx to what CMD_OFFER sent: body */
	EV_OFFER_REFUSED,   /* final refusal of it: status, phrase */
	EV_OFFER_CANCELLED, /* the peer cancelled its re-INVITE, whose answer still comes */
	EV_REQUEST,	    /* any other request in the dialog: method, ref, headers, body */
	EV_RESPONSE, /* the final answer to what CMD_REQUEST sent: ref (0: to all), status, headers, body */
	EV_REPLACE, /* to a leg (call: its handle) from the call `ref`, for its party `leg`, who wants
	               * its place: T_CALL_ID, T_TAG (ours), T_REMOTE_TAG name its dialog; body: his
	               * offer, if he made one */
	EV_REPLACED, /* the answer, from the call `ref`: 200, he is there as a bridge; else why not */
	EV_FAILED,   /* the first INVITE got a final refusal; the leg is gone */
	EV_CANCELLED, /* the caller cancelled; the leg is gone */
	EV_RELEASED,  /* BYE, or the dialog failed (status says how); the leg is gone */
	EV_GONE,      /* after CMD_RELEASE: over; the leg is gone */
	EV_QUIET,     /* and after that: its BYE was answered, or will not be: it says nothing more */
	/* commands, down: from a call to a leg */
	CMD_DIAL,     /* a new leg: place an INVITE (leg_dial; never crosses a ring) */
	CMD_PROGRESS, /* send 101-199 */
	CMD_ANSWER,   /* send 200 */
	CMD_REFUSE,   /* send a final refusal to the first INVITE; the leg is gone after */
	CMD_ACK,      /* send the ACK or PRACK that was put off, with its answer */
	CMD_OFFER,    /* send a re-INVITE; with NOTE_UPDATE an UPDATE where the peer takes one */
	CMD_OFFER_ANSWER, /* answer the re-INVITE or UPDATE that waits */
	CMD_OFFER_REFUSE, /* refuse it */
	CMD_OFFER_CANCEL, /* cancel our re-INVITE */
	CMD_REQUEST,	  /* send a request of this method: ref, headers, body */
	CMD_RESPONSE,	  /* answer what EV_REQUEST told of: ref (0: all of it), status, headers, body */
	CMD_RELEASE,	  /* CANCEL or BYE, whichever is right now */
	CMD_NOTIFY,	  /* to who sent a REFER: status of what came of it so far */
	N_NOTES
};

enum note_text { /* the texts of a note; those not used are empty */
	T_PHRASE,
	T_HEADERS,
	T_CONTENT_TYPE,
	T_BODY,
	T_REASON,   /* value of a Reason header, for CANCEL and BYE; EV_FAILED: or of a Warning */
	T_CONTACTS, /* EV_FAILED by 300 to 302: whom it names instead, comma-joined */
	/* CMD_DIAL */
	T_TARGET,
	T_ROUTES,
	T_FROM,
	T_TO,
	T_CALL_ID,
	T_TAG,
	/* facts of the leg, for the call's record */
	T_SIP_CALL_ID,
	T_LOCAL_TAG,
	T_REMOTE_TAG,
	T_USER_AGENT,
	T_REFER_TO, /* EV_REQUEST, of a REFER: the header's value */
	T_METHOD,   /* EV_REQUEST, CMD_REQUEST of SIP_UNKNOWN: what it is called */
	/* EV_REPLACE, EV_REPLACED; T_FROM: who comes, or who is there, as he is shown */
	T_USER,	  /* who asks: a subscriber's name */
	T_RECORD, /* id of his call's record */
	N_TEXTS
};

enum note_flag {
	NOTE_DELAYED_OFFER =
	    1,		 /* EV_PROGRESS, EV_ANSWER, EV_OFFER_ANSWERED: body is an offer; the PRACK
	                         * or ACK waits for CMD_ACK */
	NOTE_UPDATE = 2, /* EV_OFFER, CMD_OFFER: it is an UPDATE */
	NOTE_OWNER = 4,	 /* EV_OFFER_REFUSED: the Call-ID is ours (RFC 3261 14.1) */
	NOTE_NO_ACK = 8, /* EV_RELEASED: our 2xx was never ACKed */
	NOTE_STALE = 16, /* EV_ACKED: it has another session than our 2xx meant; EV_ANSWER, CMD_ANSWER: so
			  * has who is answered, if he has one */
	NOTE_NO_100REL = 32,	 /* CMD_DIAL: no reliable provisional responses are asked for */
	NOTE_SESSION_TIMER = 64, /* EV_RELEASED: nobody refreshed the session (RFC 4028) */
	NOTE_EARLY_ONLY = 1024,	 /* EV_REPLACE: not one that is answered (RFC 3891 6.1) */
	NOTE_REFERRED = 2048,	 /* EV_REPLACE: by a REFER of who has that place */
	NOTE_PICKUP = 4096,	 /* EV_REPLACE: of a phone that is rung in `call` (call_pickup.c): that of
				  * T_TO, or of anyone in the pickup group of T_USER; or the orbit */
	NOTE_JOIN = 16384,	 /* EV_REPLACE: not his place, but to talk with him (call_join.c); EV_REPLACED:
				  * where he is */
	NOTE_JOIN_OWN = 32768,	 /* EV_REPLACE, NOTE_JOIN: the dialog is named as who is asked has it */
	NOTE_PARK = 8192,	 /* EV_REPLACE: park whom T_USER talks with in T_TO; ring_s: recall_s */
};

/* A note for another worker whose ring is full; private to the process. */
struct note_waiting {
	struct note_waiting *next;
	size_t len;
	char flat[];
};

struct note {
	uint16_t what, status, flags;
	uint16_t method; /* of a request: enum sip_method */
	handle leg, call;
	uint64_t ref; /* of a request: the asking side's own, given back */
	uint32_t cseq, max_forwards, ring_s, loop; /* CMD_DIAL */
	uint32_t retransmissions;		   /* a fact */
	uint32_t tenant;			   /* EV_REPLACE: of who asks */
	uint32_t cause; /* of a last word, CMD_RELEASE: the Q.850 cause that the Reason of who ends it gives;
			 * 0 = none */
	uint32_t capable; /* events: what the leg's peer is (capability.h); commands: who is behind the call */
	uint64_t gateway;			   /* CMD_DIAL: its peer is this one; 0 = no gateway */
	struct sip_flow flow;			   /* CMD_DIAL: where to; events: where from */
	struct session_end session; /* events: the leg's end; commands: the end behind the call */
	struct span text[N_TEXTS];
};

/* Queues an event for its call (drained by worker_drain), or sends it to the call's worker. */
void note_up(struct worker *w, const struct note *n);
/* What went to other workers is theirs to see from here on: before its call is unmarked, lest a kill
 * in between lose it. */
void note_publish(struct worker *w);
/* Sends what found no room in a ring before; at the end of each turn. */
void note_flush(struct worker *w);
/* Hands a command to its leg at once, or to the call that the party stands for (bridge.c). */
void note_down(struct worker *w, const struct note *n);
/* A note that came through a ring; false when it is malformed. */
bool note_received(struct worker *w, const struct wire_note *r, uint32_t len);
/* One that was in hand at a death: nobody says it again, so its call ends (DESIGN.md rule 3). */
void note_lost(struct worker *w, const struct wire_note *r, uint32_t len);
/* Bytes of its flat form. */
size_t note_bytes(const struct note *n);
/* Flat form: the fixed part, then each text's length and bytes. ERR_FULL, ERR_SYNTAX. */
enum err note_pack(const struct note *n, void *to, size_t cap, size_t *len_r);
enum err note_unpack(const void *from, size_t len, struct note *n_r);
const char *note_name(enum note_what what);

#endif
