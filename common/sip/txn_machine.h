/*
 * Private to the transaction files: what the engine (txn.c) and the four tables share. An action
 * sends and tells; timers are set by what entering a state does. What is told comes last in an
 * action, because the user may then do anything, end this transaction too.
 */
#ifndef TANDEM_SIP_TXN_MACHINE_H
#define TANDEM_SIP_TXN_MACHINE_H

#include "sip/txn.h"

struct txn_act { /* the object of a step: one event of one transaction */
	struct txns *x;
	struct txn *t;
	handle h; /* finds nothing once t was dropped inside the step */
};

enum { TXN_NO_EVENT = UINT8_MAX };

struct txn_machine {
	const struct fsm *fsm;
	uint8_t provisional, success,
	    failure;		      /* of a response received (client) or sent (server) */
	uint8_t request, ack, cancel; /* TXN_NO_EVENT where a machine has none */
	uint8_t broken;		      /* the transport failed */
	uint8_t again;		      /* retransmit_ns: timer A, E, G */
	uint8_t over[TXN_N_STATES];   /* timeout_ns in each state */
};

extern const struct txn_machine ict_machine, nict_machine, ist_machine, nist_machine;

/* --- txn.c --------------------------------------------------------------------------------------*/
const struct txn_machine *txn_machine_of(const struct txn *t);
static inline bool
txn_is_server(const struct txn *t)
{
	return t->kind == TXN_IST || t->kind == TXN_NIST;
}
/* That a response of this status is to the machine. */
static inline uint8_t
txn_status_event(const struct txn_machine *m, unsigned status)
{
	return status < 200 ? m->provisional : status < 300 ? m->success : m->failure;
}
/* Copies n bytes of a request; their place is stored when they are whole. False: the heap is full. */
bool txn_keep_request(struct txns *x, struct txn *t, const void *bytes, size_t n);
/* It has its request, or had it, or was answered at once: a slot that was only taken is none of these. */
static inline bool
txn_was_sent(const struct txn *t)
{
	return t->request.len > 0 || t->state == TXN_ACCEPTED || t->state == TXN_COMPLETED;
}
bool txn_step(struct txns *x, struct txn *t, uint8_t event, const void *arg);
bool txn_stands(const struct txn_act *a);
uint64_t txn_in(const struct txns *x, uint64_t ms);
/* Sets timeout_ns in so many milliseconds; over a reliable transport D, I, J and K are zero. */
void txn_timeout_in(const struct txn_act *a, uint64_t ms);
void txn_linger(const struct txn_act *a, uint64_t ms);
void txn_retransmit_in(const struct txn_act *a, uint32_t ms);
void txn_send(const struct txn_act *a, struct span text);
void txn_tell(const struct txn_act *a, enum txn_news news, const struct sip_msg *m);
/* Actions that more than one table has. */
void txn_tell_timeout(void *obj, const void *arg);
void txn_tell_unreachable(void *obj, const void *arg);
void txn_send_last(void *obj, const void *arg);
void txn_send_response(void *obj, const void *arg); /* arg: struct span, its text */
/* n bytes for `last`, empty until txn_last_set. NULL: the heap is full. */
char *txn_last_room(struct txns *x, struct txn *t, size_t n);
void txn_last_set(struct txn *t, size_t len);

/* --- txn_match.c --------------------------------------------------------------------------------*/
/* Computes the hashes of a new server transaction or of a CANCEL's NICT. */
void txn_hash(const struct txns *x, struct txn *t);
/* Does the hash of a request say all by which it is matched? An unknown method is told by its text, and RFC 2543
 * looks at the To tag too. */
bool txn_hash_tells(const struct sip_msg *m);
/* Of a server transaction that does not keep its request. */
void txn_hash_request(const struct txns *x, struct txn *t, const struct sip_msg *request);
void txn_index(struct txns *x, const struct txn *t);
void txn_unindex(struct txns *x, const struct txn *t);

/* --- txn_text.c ---------------------------------------------------------------------------------*/
/* Bytes of start line and headers, with the empty line. */
size_t txn_text_head(struct span text);
/* The ACK to a non-2xx (17.1.1.3) and the CANCEL (9.1), made from the text of our INVITE. */
void txn_text_ack(struct buf *b, struct span invite, struct span to);
/* To the 2xx of an INVITE in a dialog: a request of its own, to this Contact. */
void txn_text_ack_2xx(struct buf *b, struct span invite, struct span contact);
void txn_text_cancel(struct buf *b, struct span invite, struct span reason);
/* The To tag of a message that we wrote; empty when it has none. */
struct span txn_text_to_tag(struct span text);

#endif
