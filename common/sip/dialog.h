/*
 * A dialog (RFC 3261 12) as plain bytes in shared memory. Text is kept in the arena of the call it
 * belongs to. The functions are pure but for that arena.
 */
#ifndef TANDEM_SIP_DIALOG_H
#define TANDEM_SIP_DIALOG_H

#include "base/arena.h"
#include "base/buf.h"
#include "sip/msg.h"

enum { DIALOG_ROUTES_MAX = 32 };       /* of a route set */

enum dialog_state {
	DIALOG_NONE,       /* no To tag seen or sent yet */
	DIALOG_EARLY,      /* 101-199 with a tag */
	DIALOG_CONFIRMED,  /* 2xx */
	DIALOG_ENDED,      /* BYE sent or received, or the INVITE failed */
};

struct dialog {
	uint8_t state;
	uint8_t uac;                  /* 1: we sent the INVITE */
	uint8_t secure, has_remote_cseq;
	uint32_t local_cseq;          /* last number used; stored before the request is sent */
	uint32_t remote_cseq;         /* highest seen */
	uint32_t pad;
	struct kept call_id;
	struct kept local_tag, remote_tag;
	struct kept local_addr, remote_addr; /* From/To values without tag */
	struct kept target;           /* remote target: URI of the peer's Contact */
	struct kept routes;           /* route set, comma-joined <..>, in the order to be written */
};

struct dialog_memory {            /* where its text goes */
	struct heap *heap;
	struct arena *arena;
	handle owner;
};

/* UAS: from the INVITE and the tag we chose. Record-Route in order (12.1.1). The state stays
 * DIALOG_NONE until the caller has sent that tag, and is his to set. ERR_ABSENT: no Contact;
 * ERR_RANGE: more Record-Route values than we take. */
enum err dialog_of_request(struct dialog *d, const struct dialog_memory *mem,
    const struct sip_msg *request, struct span local_tag);
/* UAC, before sending: our Call-ID, From value and tag, To value, target and preloaded routes. */
enum err dialog_start(struct dialog *d, const struct dialog_memory *mem, struct span call_id,
    struct span local_addr, struct span local_tag, struct span remote_addr, struct span target,
    struct span routes, uint32_t cseq);
/* UAC: a 101-199 or 2xx with a To tag: tag, target, Record-Route reversed (12.1.2). A 2xx sets the
 * route set anew (13.2.2.4). A response of another fork takes an early dialog over; whoever follows
 * several keeps a struct dialog for each and asks dialog_matches first. ERR_ABSENT: it makes no
 * dialog (100, or 1xx without tag); ERR_EXISTS: confirmed already, with another tag. */
enum err dialog_of_response(struct dialog *d, const struct dialog_memory *mem,
    const struct sip_msg *response);
/* A target refresh (12.2): Contact of a re-INVITE, UPDATE or their 2xx; ERR_ABSENT without one. The
 * text has two places, and the new one is whole before it is switched to; the arena grows only when
 * the text fits no more, and then to twice the room. */
enum err dialog_retarget(struct dialog *d, const struct dialog_memory *mem,
    const struct sip_msg *m);
/* In-dialog request: do tags and Call-ID match? 481 otherwise; CSeq out of order is 500
 * (12.2.2). Takes over the number when it is good. */
unsigned dialog_check(struct dialog *d, const struct heap *heap, const struct sip_msg *request);
/* Does this response or request belong to the dialog (Call-ID and both tags)? */
bool dialog_matches(const struct dialog *d, const struct heap *heap, const struct sip_msg *m);
/* The next hop: topmost Route or, without, the target. A URI. */
struct span dialog_next_hop(const struct dialog *d, const struct heap *heap);
/* Request line, Via given whole, Max-Forwards, From, To, Call-ID, CSeq, Route; loose and strict
 * routing (12.2.1.1). */
struct dialog_request {
	struct span method;
	struct span via;              /* value */
	uint32_t cseq;
	unsigned max_forwards;
};
void dialog_put_request(struct buf *b, const struct dialog *d, const struct heap *heap,
    const struct dialog_request *r);

#endif
