/*
 * The ladder of a call: every SIP message of its legs, sent and heard, one entry each, as the worker notes
 * it, the call's record carries it (the field `ladder` of cdr.def) and tandemctl draws it.
 *
 *     ms (4) | leg (2) | CSeq (2) | status (2) | method (1) | flags (1), least significant byte first
 *
 * Entries stand in the order in which they happened. Of more than LADDER_MAX there are the first and the
 * last ones; what stands between them is no message, has the flag LADDER_MORE, and its ms says how many
 * are missing there.
 */
#ifndef TANDEM_MODEL_LADDER_H
#define TANDEM_MODEL_LADDER_H

#include <stdint.h>

#include "base/buf.h"

enum {
	LADDER_FIRST = 64,
	LADDER_LAST = 32,
	LADDER_MAX = LADDER_FIRST + LADDER_LAST,
	LADDER_ENTRY = 12, /* bytes */
	LADDER_BYTES = (LADDER_MAX + 1) * LADDER_ENTRY
};

enum {
	LADDER_SENT = 1, /* by us; else heard */
	LADDER_SDP = 2,	 /* with a session description */
	LADDER_MORE = 4,
	LADDER_FORK = 3, /* the bits from here up: which other dialog of the leg's INVITE; 0: its own */
};

struct ladder_entry {
	uint32_t ms;	 /* since the first */
	uint16_t leg;	 /* leg_no of the record */
	uint16_t cseq;	 /* the low bits of the number */
	uint16_t status; /* 0: a request */
	uint8_t method;	 /* enum sip_method; of a response, of what it answers */
	uint8_t flags;
};

/* Puts one entry as it travels. */
void ladder_put(struct buf *b, const struct ladder_entry *e);
/* All of them as a JSON array; null when these bytes are no ladder:
 *
 *     [{"ms":0,"leg":1,"sent":false,"method":"INVITE","cseq":1,"sdp":true},
 *      {"ms":1,"leg":1,"sent":true,"method":"INVITE","cseq":1,"status":100}, ..., {"more":12}, ...,
 *      {"ms":9,"leg":2,"fork":1,"sent":true,"method":"BYE","cseq":2}, ...]
 */
void ladder_put_json(struct buf *b, struct span entries);

#endif
