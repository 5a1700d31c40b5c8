/*
 * While it is up: offers pass from one side to the other and answers back (FLOWS.md S1-06, S1-12).
 * Nothing about a hold is remembered here; what was offered goes through as it came.
 */
#include "worker/worker.h"

static void
pass_body(struct note *to, const struct note *from)
{
	to->text[T_HEADERS] = from->text[T_HEADERS];
	to->text[T_CONTENT_TYPE] = from->text[T_CONTENT_TYPE];
	to->text[T_BODY] = from->text[T_BODY];
}

void
call_owe_ack(struct worker *w, struct call *c, const struct party *p, const struct note *in)
{
	if (in->flags & NOTE_DELAYED_OFFER)
		c->ack_owed = heap_offset(&w->heap, p);
}

static void
refuse_offer(
    struct worker *w, struct call *c, const struct party *p, unsigned status, const struct note *in)
{
	struct note n = party_note(c, w, CMD_REFUSE, p);

	n.status = (uint16_t)status;
	if (in != NULL) {
		n.text[T_PHRASE] = in->text[T_PHRASE];
		n.text[T_HEADERS] = in->text[T_HEADERS];
	}
	note_down(w, &n);
}

/* The ACK for our 2xx. When it answers an offer that came in the other side's 2xx, it is carried
 * across: that side's ACK has waited for it (delayed offer, S0-12). */
void
call_acked(void *step, const void *note)
{
	struct call_step *s = step;
	struct party *peer = party_peer(s->w, s->c, s->p);
	struct note n;

	s->p->acked = 1;
	if (peer == NULL || s->c->ack_owed != heap_offset(&s->w->heap, peer))
		return;
	s->c->ack_owed = 0;
	n = party_note(s->c, s->w, CMD_ACK, peer);
	pass_body(&n, note);
	note_down(s->w, &n);
}

void
call_offer(void *step, const void *note)
{
	struct call_step *s = step;
	struct party *peer = party_peer(s->w, s->c, s->p);
	struct note n;

	if (peer == NULL || peer->gone || s->c->offer_from != 0) {
		refuse_offer(s->w, s->c, s->p, peer == NULL || peer->gone ? 481 : 491, NULL);
		return;
	}
	s->c->offer_from = heap_offset(&s->w->heap, s->p);
	n = party_note(s->c, s->w, CMD_OFFER, peer);
	pass_body(&n, note);
	note_down(s->w, &n);
}

void
call_offer_answered(void *step, const void *note)
{
	struct call_step *s = step;
	struct party *asker = party_at(s->w, s->c->offer_from);
	struct note n;

	s->c->offer_from = 0;
	call_owe_ack(s->w, s->c, s->p, note);
	if (asker == NULL || asker->gone)
		return;
	n = party_note(s->c, s->w, CMD_OFFER_ANSWER, asker);
	pass_body(&n, note);
	note_down(s->w, &n);
}

/* A refused re-INVITE leaves the call as it was (RFC 3261 14.1). */
void
call_offer_refused(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct party *asker = party_at(s->w, s->c->offer_from);
	unsigned status = in->status;

	s->c->offer_from = 0;
	if (asker == NULL || asker->gone)
		return;
	if (status == 401 || status == 407 || status < 400)
		status =
		    488; /* what was asked of us, or where it was sent, is not the asker's affair */
	refuse_offer(s->w, s->c, asker, status, status == in->status ? in : NULL);
}

void
call_offer_cancelled(void *step, const void *note)
{
	struct call_step *s = step;
	struct party *peer = party_peer(s->w, s->c, s->p);
	struct note n;

	(void)note;
	if (peer == NULL || s->c->offer_from != heap_offset(&s->w->heap, s->p))
		return;
	n = party_note(s->c, s->w, CMD_OFFER_CANCEL, peer);
	note_down(s->w, &n);
}
