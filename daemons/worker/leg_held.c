/*
 * A command that a leg cannot carry out before its peer has said what is owed to us: it is kept, the
 * newest one alone, and carried out then.
 *
 *     a provisional response, or a 2xx     after the PRACK of the one before (RFC 3262 3, 5; leg_reliable.c)
 *     a re-INVITE                          after the ACK of our 2xx (RFC 3261 14.1): who was called may
 *                                          move his media at once, though the caller's ACK is still on
 *                                          its way. Not for an UPDATE of his, which hears 491: he waits
 *                                          64 T1 for its answer, and so long the ACK alone may take
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
 */
#include "worker/worker.h"

/* His last INVITE was refused, and he has not said that he knows. */
static bool
is_refusing(struct worker *w, const struct leg *l)
{
	const struct txn *t = l->inv == INV_IDLE ? txn_at(&w->txns, l->invite) : NULL;

	return t != NULL && t->kind == TXN_IST && t->state == TXN_COMPLETED;
}

static bool
waits(struct worker *w, const struct leg *l, const struct note *n)
{
	if (n->what == CMD_PROGRESS)
		return l->inv == INV_IN && l->unpracked != PRACKED;
	if (n->what == CMD_ANSWER)
		return l->inv == INV_IN && l->unpracked == UNPRACKED_SDP;
	return n->what == CMD_OFFER && !(n->flags & NOTE_UPDATE) &&
	       (l->inv == INV_IN_2XX || is_refusing(w, l));
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
	return leg_keep(w, l, &l->held, span_of(b.p, len)) || optional;
}

static bool
take_held(struct worker *w, struct leg *l, struct note *n_r)
{
	struct span held = scratch_keep(w, kept_span(&w->heap, l->held.text));

	l->held.text.len = 0;
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
		l->held.text.len = 0; /* it has been told to end, and nobody waits for that */
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
