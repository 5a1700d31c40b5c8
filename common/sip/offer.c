/* Offer/answer of one leg, and the o= line that goes with it. */
#include "sip/offer.h"

#include "base/hash.h"

static const char *const states[] = {
	[OFFER_STABLE] = "STABLE", [OFFER_SENT] = "OFFER_SENT", [OFFER_RCVD] = "OFFER_RCVD"
};
static const char *const events[] = { [OFFER_E_SEND_OFFER] = "SEND_OFFER",
	[OFFER_E_RECV_OFFER] = "RECV_OFFER",
	[OFFER_E_SEND_ANSWER] = "SEND_ANSWER",
	[OFFER_E_RECV_ANSWER] = "RECV_ANSWER",
	[OFFER_E_REFUSED] = "REFUSED" };

/* What was heard last is not in force. */
static void
forget(void *offer, const void *arg)
{
	(void)arg;
	((struct offer *)offer)->heard = 0;
}

/* The figure stands in offer.h. A body that no row takes is none of the exchange: an answer repeated
 * in the 200 after the 183, an offer that crosses ours (491, RFC 3261 14.1). */
/* clang-format off */
static const struct fsm_row rows[] = {
	/*      in            on                   goes to       and does */
	FSM_ROW(OFFER_STABLE, OFFER_E_SEND_OFFER,  OFFER_SENT,   NULL),
	FSM_ROW(OFFER_STABLE, OFFER_E_RECV_OFFER,  OFFER_RCVD,   NULL),
	FSM_ROW(OFFER_SENT,   OFFER_E_RECV_ANSWER, OFFER_STABLE, NULL),
	FSM_ROW(OFFER_SENT,   OFFER_E_REFUSED,     OFFER_STABLE, NULL),
	FSM_ROW(OFFER_RCVD,   OFFER_E_SEND_ANSWER, OFFER_STABLE, NULL),
	FSM_ROW(OFFER_RCVD,   OFFER_E_REFUSED,     OFFER_STABLE, forget),
};
/* clang-format on */

const struct fsm offer_fsm = { "offer", states, events, OFFER_RCVD + 1, OFFER_E_REFUSED + 1, rows,
	sizeof(rows) / sizeof(rows[0]), NULL, 0 };

void
offer_init(struct offer *o, uint64_t sess_id)
{
	*o = (struct offer){ .state = OFFER_STABLE, .sess_id = sess_id };
}

bool
offer_step(struct offer *o, enum offer_event e, uint64_t id)
{
	return fsm_step(&offer_fsm, &o->state, (uint8_t)e, o, NULL, id);
}

static unsigned
lines_toward(const struct offer *o, const struct sdp *s)
{
	return s->n_media > o->n_media ? s->n_media : o->n_media;
}

/* The body as it will be written: with the m-lines that are added. */
static uint64_t
body_hash(const struct offer *o, const struct sdp *s)
{
	const unsigned n_media = lines_toward(o, s);
	const struct hash_key key = { 0x6f666665722d6d2d, n_media };
	struct {
		uint64_t words;
		struct media_line added[SDP_MEDIA_MAX];
	} body = { .words = sdp_hash(s) };
	uint64_t hash;

	for (unsigned i = s->n_media; i < n_media; i++)
		body.added[i] = o->media[i];
	hash = hash_bytes(&key, &body, sizeof(body));
	return hash == 0 ? 1 : hash;
}

bool
offer_is_last(const struct offer *o, const struct sdp *s)
{
	return body_hash(o, s) == o->last_hash;
}

/* The lines first, their number after them: a kill between leaves none that is not known. */
static void
remember(struct offer *o, const struct sdp *s)
{
	for (unsigned i = 0; i < s->n_media; i++)
		o->media[i] = media_line_of(&s->media[i]);
	if (s->n_media > o->n_media)
		__atomic_store_n(&o->n_media, (uint8_t)s->n_media, __ATOMIC_RELEASE);
}

bool
offer_heard(struct offer *o, const struct sdp *s)
{
	const uint64_t hash = sdp_hash(s);
	const bool other = o->heard != 0 && hash != o->heard;

	remember(o, s);
	o->heard = hash;
	return other;
}

void
offer_put(struct buf *b, struct offer *o, const struct sdp *s, const struct netaddr *ours)
{
	const unsigned n_media = lines_toward(o, s);
	const uint64_t hash = body_hash(o, s);

	/* The version first: a kill before the hash is stored raises it once more, and no number
	 * is ever sent for two bodies. */
	if (hash != o->last_hash) {
		__atomic_store_n(&o->sess_version, o->sess_version + 1, __ATOMIC_RELEASE);
		remember(o, s);
		__atomic_store_n(&o->last_hash, hash, __ATOMIC_RELEASE);
	}
	sdp_put(b, s,
	    &(struct sdp_origin){ .id = o->sess_id, .version = o->sess_version, .address = *ours });
	for (unsigned i = s->n_media; i < n_media; i++)
		media_line_put_refused(b, o->media[i]);
}
