/*
 * Reliable provisional responses (RFC 3262): RSeq and RAck, read and written, and the order in which
 * they must come. Pure; the option tag is SIP_O_100REL (fields.h). Who repeats what and how long is
 * the leg's business.
 *
 *     UAC                          UAS
 *      |  INVITE Supported: 100rel  |
 *      |--------------------------->|
 *      |  183 Require: 100rel       |  repeated as a 2xx is, T1, 2*T1 ... (3)
 *      |      RSeq: 7001            |
 *      |<---------------------------|
 *      |  PRACK RAck: 7001 1 INVITE |
 *      |--------------------------->|
 *      |  200 (PRACK)               |  no further reliable one before this (3)
 *      |<---------------------------|
 */
#ifndef TANDEM_SIP_RELIABLE_H
#define TANDEM_SIP_RELIABLE_H

#include "base/buf.h"
#include "sip/msg.h"

struct sip_rack {
	uint32_t rseq;      /* 1 .. 2^32-1 */
	uint32_t cseq;      /* 0 .. 2^31-1 */
	struct span method; /* of the request that was answered: INVITE */
};

/* RSeq (7.1): 1 .. 2^32-1. ERR_SYNTAX: no number; ERR_RANGE: 0 or too large. */
enum err sip_rseq_parse(struct span value, uint32_t *rseq_r);
/* RAck (7.2), three words. ERR_SYNTAX, ERR_RANGE. */
enum err sip_rack_parse(struct span value, struct sip_rack *rack_r);
void sip_put_rseq(struct buf *b, uint32_t rseq);
void sip_put_rack(struct buf *b, uint32_t rseq, uint32_t cseq, struct span method);

/* Is this response a reliable one: 101 to 199 to an INVITE, with Require: 100rel and an RSeq that can
 * be read (4)? *rseq_r then is its number. */
bool sip_reliable(const struct sip_msg *response, uint32_t *rseq_r);
/* A PRACK's RAck names this response: number, CSeq and method (3). Else the PRACK gets 481. */
bool sip_rack_is(const struct sip_rack *rack, uint32_t rseq, uint32_t cseq, struct span method);

/* The number of the first reliable response to a request, from any random number: 1 .. 2^31-1 (3), so
 * that all that follow stay below 2^32. */
uint32_t sip_rseq_first(uint32_t random);

/* The UAC's view of the number `rseq` of a response in a dialog whose last one was `last` (0: none yet):
 * what is not the next is neither acknowledged nor looked at (4). */
enum sip_rseq_order {
	SIP_RSEQ_NEXT,  /* take it, acknowledge it, keep it as the last */
	SIP_RSEQ_AGAIN, /* it was taken already: a repetition; its PRACK is under way */
	SIP_RSEQ_OUT,   /* out of order: drop it, it will come again */
};
enum sip_rseq_order sip_rseq_order(uint32_t last, uint32_t rseq);

#endif
