/*
 * Offer/answer (RFC 3264, RFC 6337) of one leg: who has offered, who must answer. Three states; hold
 * is no state of its own but the direction of the last bodies. Pure: a table and a struct.
 *
 *                 send offer                    receive answer
 *     STABLE  ------------------> OFFER_SENT ------------------> STABLE
 *             ------------------> OFFER_RCVD ------------------>
 *                receive offer                    send answer
 *     A refusal (4xx, CANCEL, BYE) of the request that carried the offer leads back to STABLE.
 */
#ifndef TANDEM_SIP_OFFER_H
#define TANDEM_SIP_OFFER_H

#include "base/fsm.h"
#include "sip/media_line.h"

enum offer_state { OFFER_STABLE, OFFER_SENT, OFFER_RCVD };
enum offer_event { OFFER_E_SEND_OFFER, OFFER_E_RECV_OFFER, OFFER_E_SEND_ANSWER,
	OFFER_E_RECV_ANSWER, OFFER_E_REFUSED };

struct offer {                    /* in a leg, in shared memory */
	uint8_t state;
	uint8_t n_media;              /* m-lines toward the peer never shrink (RFC 3264 8) */
	uint8_t pad[6];
	uint64_t sess_id, sess_version, last_hash;
	uint64_t heard;               /* hash of the peer's last body; 0 = none, or refused */
	struct media_line media[SDP_MEDIA_MAX]; /* what each of the n_media was last */
};
/* Room that offer_put may need beyond the length of the body: line ends, our o=, refused m-lines. */
enum { OFFER_ROOM = SDP_LINES_MAX + 256 + SDP_MEDIA_MAX * MEDIA_LINE_MAX };

extern const struct fsm offer_fsm;

void offer_init(struct offer *o, uint64_t sess_id);
bool offer_step(struct offer *o, enum offer_event e, uint64_t id);
/* Writes a body toward the peer: our o= line, the version raised exactly when the body differs from
 * the last one sent (INV-8); m-lines that went missing are added, each of its kind, with port 0. */
void offer_put(struct buf *b, struct offer *o, const struct sdp *s, const struct netaddr *ours);
/* A body came from the peer: what he offers is answered line for line, and what he answers stays in its
 * place, whoever is put through to him then. True: his last, which was not refused, said something
 * else. */
bool offer_heard(struct offer *o, const struct sdp *s);
/* Is this body the one that offer_put wrote last? */
bool offer_is_last(const struct offer *o, const struct sdp *s);

#endif
