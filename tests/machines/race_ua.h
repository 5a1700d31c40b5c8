/*
 * A phone of race.h, inside: correct by RFC 3261, 3264, 3311 and 6026, with a table of dialogs and a table
 * of transactions. It does at once what it must, and by the script what it may.
 */
#ifndef TANDEM_TESTS_RACE_UA_H
#define TANDEM_TESTS_RACE_UA_H

#include "race.h"

enum { UA_DIALOGS = 8, UA_TXNS = 96 };

struct ua_dialog;
struct ua_txn {
	bool client, invite, over; /* over: only repetitions are answered */
	char method[16], branch[128];
	unsigned cseq, status; /* status: final, 0 = none yet */
	bool provisional;      /* a 1xx came, or went */
	bool offered;	       /* an offer of this phone's: in its request, or in its 2xx */
	bool cancelled, cancel_wanted, acked;
	bool negotiated; /* INVITE: offer and answer went in reliable messages before its 2xx */
	unsigned rseq;	 /* INVITE: of the last reliable response */
	struct ua_dialog *d;
	const char *request, *last, *ack;
	uint64_t resend_ms, give_up_ms;
	unsigned interval_ms;
};

enum ua_state { UA_CALLING, UA_EARLY, UA_UP, UA_OVER };
enum ua_offer { UA_STABLE, UA_OFFERED, UA_ASKED };
struct ua_dialog {
	bool uac;
	uint8_t state, offer;
	char call_id[160], local[256], remote[256], local_tag[96], remote_tag[96], target[256];
	unsigned local_cseq, remote_cseq;
	struct ua_txn *out; /* our INVITE without a final answer */
	struct ua_txn *in;  /* theirs without one, or whose 2xx has no ACK */
	struct race_sdp local_sdp, remote_sdp;	   /* agreed */
	struct race_sdp local_offer, remote_offer; /* on the table */
	const char *early_body;			   /* of a 183: the 200's is the same */
	struct ua_dialog *fork; /* the first of those that a proxy made of one INVITE */
	bool has_won;		/* its 2xx has gone */
	uint64_t lost_ms;	/* another of them was answered: this one is cancelled; 0 = no */
	unsigned version;
	bool held, bye_wanted, answer_wanted;
	bool referring; /* it hears by NOTIFY how its REFER goes */
	struct { /* a reliable provisional response of ours that waits for its PRACK */
		const char *text;
		unsigned rseq, interval_ms;
		bool sdp, offers;
		uint64_t resend_ms, give_up_ms;
	} reliable;
	uint64_t trying_ms, ack_ms, answer_ms, retry_ms; /* what waits; 0 = nothing */
	struct ua_txn *to_ack;		      /* its 2xx's ACK waits */
	struct ua_txn *prack;		      /* our last */
};

struct ua {
	unsigned who, habits;
	char user[32], host[32];
	struct ua_dialog dialogs[UA_DIALOGS];
	struct ua_txn txns[UA_TXNS];
	unsigned n_dialogs, n_txns, names, port;
};

/* --- race_ua_text.c -----------------------------------------------------------------------------*/
void ua_new_name(struct ua *u, const char *prefix, char *to, size_t cap);
const char *ua_request(struct ua *u, struct ua_dialog *d, const char *method, unsigned cseq,
    const char *branch, const char *body);
/* CANCEL, or the ACK of a refusal: hop by hop, as the INVITE was. */
const char *ua_hop_request(const struct ua_txn *invite, const char *method, const char *to);
const char *ua_response(
    struct ua *u, const char *request, unsigned status, const char *tag, const char *body);
/* A new body: the next version, another port. The opposite way of `asked`, if it is there. */
const char *ua_body(struct ua *u, struct ua_dialog *d, const struct race_sdp *asked);

/* The same with more headers, complete lines. */
const char *ua_request_with(struct ua *u, struct ua_dialog *d, const char *method, unsigned cseq,
    const char *branch, const char *more, const char *body);
const char *ua_response_with(struct ua *u, const char *request, unsigned status, const char *tag,
    const char *more, const char *body);

/* --- race_ua_txn.c ------------------------------------------------------------------------------*/
struct ua_txn *ua_txn_new(struct ua *u, struct ua_dialog *d, const char *method, bool client);
void ua_txn_send(struct ua *u, struct ua_txn *t, const char *request);
void ua_txn_respond(struct ua *u, struct ua_txn *t, unsigned status, const char *text);
struct ua_txn *ua_txn_find(
    struct ua *u, const char *method, const char *branch, bool client);
void ua_txn_time(struct ua *u, struct ua_txn *t);

/* --- race_ua_uac.c: what it asks ----------------------------------------------------------------*/
void ua_ask(struct ua *u, struct ua_dialog *d, const char *method, bool offer);
/* The same with more headers, complete lines. */
void ua_ask_with(
    struct ua *u, struct ua_dialog *d, const char *method, bool offer, const char *more);
void ua_cancel(struct ua *u, struct ua_txn *t);
void ua_bye(struct ua *u, struct ua_dialog *d);
void ua_take_response(struct ua *u, struct ua_txn *t, const struct race_msg *m);
void ua_send_ack(struct ua *u, struct ua_dialog *d);

/* --- race_ua_call.c: calls, and what makes one of several ----------------------------------------*/
void ua_call(struct ua *u, const char *user, bool offer, const char *more);
void ua_refer(struct ua *u, struct ua_dialog *d); /* to carol */
void ua_refer_replaces(struct ua *u, struct ua_dialog *d);
void ua_replace(struct ua *u, unsigned whose);

/* --- race_ua_fork.c: a proxy between the worker and several phones, which are one here -----------*/
void ua_fork(struct ua *u, struct ua_dialog *d);
/* d is answered: the proxy cancels the others. */
void ua_fork_won(struct ua *u, struct ua_dialog *d);
/* d is refused, or lost. True: the proxy passes a refusal on now, for there is no other. */
bool ua_fork_lost(struct ua *u, struct ua_dialog *d);
/* A CANCEL came for d's INVITE: the one that still rings and by which it is refused, or NULL. */
struct ua_dialog *ua_fork_cancel(struct ua *u, struct ua_dialog *d);
void ua_fork_time(struct ua *u, struct ua_dialog *d);

/* --- race_ua_reliable.c: RFC 3262, both sides ---------------------------------------------------*/
void ua_progress_reliably(struct ua *u, struct ua_dialog *d, unsigned status, bool sdp);
/* Must a 2xx wait for a PRACK? Then it follows it. */
bool ua_waits_for_prack(const struct ua_dialog *d);
void ua_take_prack(struct ua *u, struct ua_dialog *d, const struct race_msg *m, struct ua_txn *t);
void ua_reliable_over(struct ua_dialog *d); /* its INVITE has its final answer */
void ua_reliable_time(struct ua *u, struct ua_dialog *d);
/* True: the response is to be taken; it has been acknowledged, if it wanted that. */
bool ua_prack(struct ua *u, struct ua_txn *t, const struct race_msg *m);

/* --- race_ua_uas.c: what it is asked ------------------------------------------------------------*/
void ua_take_request(struct ua *u, const struct race_msg *m);
void ua_progress(struct ua *u, struct ua_dialog *d, unsigned status, bool sdp);
void ua_answer(struct ua *u, struct ua_dialog *d);
void ua_refuse(struct ua *u, struct ua_dialog *d, unsigned status);
/* Does their INVITE wait for its answer? */
bool ua_rings(const struct ua_dialog *d);

#endif
