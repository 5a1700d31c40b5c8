/*
 * What is said on the legs of a call, noted message by message for whoever asks later (model/ladder.h).
 * Part of worker.h.
 *
 * The log stands in the call's arena, in chunks of which a usual call needs one, and is bounded: of a
 * call that says more than LADDER_MAX messages it has the first and the last ones. A message that comes
 * or goes again, as UDP does when no answer comes, is noted once. An entry counts when it is whole: a
 * kill leaves a log that can be read. A leg writes into the log of its call also when the call has let go
 * of it already.
 */
#ifndef TANDEM_WORKER_LADDER_H
#define TANDEM_WORKER_LADDER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/pool.h"
#include "sip/names.h"

struct call;
struct leg;
struct sip_msg;
struct txn;
struct worker;

struct ladder { /* of a call; all zero: nothing yet */
	uint64_t began_ns;
	uint32_t chunks; /* heap offset of the first */
	uint32_t n;	 /* messages that were noted, whether they are still there or not */
	uint32_t lost;	 /* that were not, for want of memory */
	uint32_t pad;
};

/* A new leg of its call's newest party; or of the caller's, which is still to be made. */
void ladder_join(struct worker *w, struct leg *l);
/* A request of this leg's peer, before it is answered: what is answered to it without a word of the
 * leg's (405, 200 of a BYE) is the leg's too. */
void ladder_asked(struct worker *w, const struct leg *l, const struct sip_msg *m);
/* An ACK, which is not answered. */
void ladder_acked(struct worker *w, const struct txn *invite, const struct sip_msg *m);
/* A response to transaction t, and what t says to it by itself: an ACK, a CANCEL that was held back.
 * Before t gets it. */
void ladder_answered(struct worker *w, const struct txn *t, const struct sip_msg *m);
void ladder_asks(struct worker *w, const struct leg *l, enum sip_method m, uint32_t cseq, bool sdp);
/* The leg's INVITE was cancelled, unless that waits for a provisional answer. */
void ladder_cancels(struct worker *w, const struct leg *l, const struct txn *invite);
/* leg: whose transaction it is; 0: the one asked. */
void ladder_answers(
    struct worker *w, handle leg, const struct sip_msg *request, unsigned status, bool sdp);
/* All that was noted, as the record has it: at most LADDER_BYTES. */
void ladder_put_all(struct worker *w, struct call *c, struct buf *b);

#endif
