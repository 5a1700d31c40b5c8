/*
 * Who hears whom. What the parties say passes as it came (FLOWS.md S1-12) and nothing is latched; the time
 * of a hold is kept for the record.
 *
 * Two strangers that we bring together were held, both of them perhaps, by who let them consult. Many a
 * phone goes on as one who is held when it is asked for an offer, and some when they answer one: recvonly,
 * or inactive. Nobody holds it any more, and nobody would ever tell it so. It is told, once:
 *
 *     who was asked and answered so      his peer is asked for an offer again, which is sendrecv as before
 *     who offered so, and his answer     he is offered what his peer answered, but sendrecv; what he says to
 *     was sendonly, then                 that is offered to the peer
 *
 * Whoever says sendonly, or held the other side before, means it: he stays as he is.
 */
#include "worker/worker.h"

struct ways {
	bool held, silent;
};

static struct ways
ways_of(struct worker *w, const struct note *n)
{
	size_t used = w->scratch_used;
	struct sdp *sdp = scratch_take(w, sizeof(*sdp));
	struct ways x = { 0 };

	if (sdp != NULL &&
	    sdp_parse(body_sdp(w, n->text[T_CONTENT_TYPE], n->text[T_BODY]), sdp) == ERR_NONE)
		x = (struct ways){ sdp_held(sdp), sdp_silent(sdp) };
	w->scratch_used = used;
	return x;
}

void
direction_offered(
    struct worker *w, struct call *c, const struct party *offerer, const struct note *offer)
{
	struct ways ways = ways_of(w, offer);

	c->negotiation.held = ways.held;
	c->negotiation.silent = ways.silent && !offerer->held;
}

/* What the note says, both ways. Empty: it cannot be kept. */
static struct kept
keep_opened(struct worker *w, struct call *c, const struct note *n)
{
	struct span text = body_sdp(w, n->text[T_CONTENT_TYPE], n->text[T_BODY]);
	struct sdp *sdp = scratch_take(w, sizeof(*sdp));
	struct buf b;

	if (sdp == NULL || sdp_parse(text, sdp) != ERR_NONE)
		return (struct kept){ 0 };
	b = scratch_buf(w, text.len + OFFER_ROOM);
	sdp_put_directed(&b, sdp, SDP_SENDRECV);
	if (!buf_ok(&b))
		return (struct kept){ 0 };
	scratch_end(w, &b);
	return call_keep(w, c, buf_span(&b));
}

/* A party that is another call is opened there, where it is a phone, if that call brings them together
 * too: it offers, or it has asked for what it answers. */
static void
find_mute(struct worker *w, struct call *c, struct party *offerer, struct party *answerer,
    bool answers_silent, const struct note *answer)
{
	struct negotiation *x = &c->negotiation;

	if (x->joining != JOIN_FIRST)
		return;
	if (x->silent && !party_is_bridge(offerer)) {
		x->open = keep_opened(w, c, answer);
		if (x->open.len > 0)
			x->mute = heap_offset(&w->heap, offerer);
	} else if (!x->silent && !x->held && answers_silent && !answerer->held &&
		   !transfer_waits(w, c, answerer)) {
		x->open = (struct kept){ 0 };
		x->mute = heap_offset(&w->heap, answerer);
	}
}

/* Who answers a hold with recvonly or inactive holds nobody. */
void
direction_agreed(struct worker *w, struct call *c, struct party *offerer, struct party *answerer,
    const struct note *answer)
{
	struct ways ways = ways_of(w, answer);
	bool held = c->negotiation.held;

	find_mute(w, c, offerer, answerer, ways.silent, answer);
	offerer->held = held;
	if (!held)
		answerer->held = ways.held;
	segments_hold(w, c, offerer->held || answerer->held);
}
