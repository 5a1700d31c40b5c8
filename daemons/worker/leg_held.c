/*
 * A command that a leg cannot carry out before its peer has said what is owed to us: it is kept, the
 * newest one alone, and carried out then.
 *
 *     a provisional response, or a 2xx     after the PRACK of the one before (RFC 3262 3, 5; leg_reliable.c)
 *     a re-INVITE                          after the ACK of our 2xx (RFC 3261 14.1): who was called may
 *                                          move his media at once, though the caller's ACK is still on
 *                                          its way
 *     a re-INVITE                          after the ACK of our refusal of his (the same), as when both
 *                                          have moved and his was refused for that
 *
 *     alice            tandem            bob
 *       |<------- 200 -- |                |
 *       |                |<----- INVITE --|
 *       |                |-- 100 -------->|
 *       |-- ACK -------->|                |
 *       |<----- INVITE --|                |
 *
 * An ACK that never comes ends the call, and that answers bob. When alice moves hers meanwhile, bob hears
 * 491. Either side may be the one that waits: the caller, or who was called once he has asked anything.
 *
 * Bob may have asked by UPDATE, of which alice takes none. Then he waits 64 T1 for his answer, and so long the
 * ACK alone may take: hers goes while there is time for her to answer it, else he hears 491 (RFC 3311 5.2).
 */
#include "worker/worker.h"

/* How many T1 what an UPDATE asked for is held: the re-INVITE may then take 40 (leg_uac.c). */
enum { HELD_T1S = 16 };

/* His last INVITE was refused, and he has not said that he knows. */
static bool
is_refusing(struct worker *w, const struct leg *l)
{
	const struct txn *t = l->inv == INV_IDLE ? txn_at(&w->txns, l->invite) : NULL;

	return t != NULL && t->kind == TXN_IST && t->state == TXN_COMPLETED;
}

bool
leg_awaits_ack(struct worker *w, const struct leg *l)
{
	return l->inv == INV_IN_2XX || is_refusing(w, l);
}

static bool
waits(struct worker *w, const struct leg *l, const struct note *n)
{
	if (n->what == CMD_PROGRESS)
		return l->inv == INV_IN && l->unpracked != PRACKED;
	if (n->what == CMD_ANSWER)
		return l->inv == INV_IN && l->unpracked == UNPRACKED_SDP;
	return n->what == CMD_OFFER && leg_awaits_ack(w, l);
}

static bool
hold(struct worker *w, struct leg *l, const struct note *n, struct span flat)
{
	if (!leg_keep(w, l, &l->held, flat))
		return false;
	if (n->what == CMD_OFFER && n->flags & NOTE_UPDATE) {
		l->ring_until_ns = worker_now(w) + HELD_T1S * w->settings->timers.t1_ms * NS_PER_MS;
		leg_arm(w, l);
	}
	return true;
}

bool
leg_holds_back(struct worker *w, struct leg *l, const struct note *n)
{
	bool optional = n->what == CMD_PROGRESS; /* a provisional answer more or less */
	struct buf b;
	size_t len;

	if (!waits(w, l, n))
		return false;
	b = scratch_buf(w, note_bytes(n));
	if (note_pack(n, b.p, b.cap, &len) != ERR_NONE)
		return optional;
	return hold(w, l, n, span_of(b.p, len)) || optional;
}

/* While something is held nothing else has that deadline: no INVITE of ours is out. */
static void
drop_held(struct worker *w, struct leg *l)
{
	if (l->held.text.len > 0 && l->ring_until_ns != 0) {
		l->ring_until_ns = 0;
		leg_arm(w, l);
	}
	l->held.text.len = 0;
}

static bool
take_held(struct worker *w, struct leg *l, struct note *n_r)
{
	struct span held = scratch_keep(w, kept_span(&w->heap, l->held.text));

	drop_held(w, l);
	return held.len > 0 && note_unpack(held.p, held.len, n_r) == ERR_NONE;
}

void
leg_goes_on(struct worker *w, struct leg *l)
{
	struct note n;

	if (take_held(w, l, &n))
		leg_command(w, &n);
}

void
leg_refusal_acked(struct worker *w, struct leg *l)
{
	if (l->inv != INV_IDLE || l->held.text.len == 0 || is_refusing(w, l))
		return;
	if (l->call == 0 || l->dialog.state != DIALOG_CONFIRMED) {
		drop_held(w, l); /* it has been told to end, and nobody waits for that */
		return;
	}
	call_mark(w, l->call);
	leg_goes_on(w, l);
}

bool
leg_forgets_offer(struct worker *w, struct leg *l, unsigned status)
{
	struct note n, refused = { .what = EV_OFFER_REFUSED, .status = (uint16_t)status };

	if ((l->inv != INV_IN_2XX && l->inv != INV_IDLE) || !take_held(w, l, &n))
		return false;
	refused.flags = l->dialog.uac ? NOTE_OWNER : 0;
	leg_facts(w, l, &refused);
	note_up(w, &refused);
	return true;
}

void
leg_held_too_long(void *step, const void *input)
{
	struct leg_step *s = step;

	(void)input;
	leg_forgets_offer(s->w, s->l, 491);
}
