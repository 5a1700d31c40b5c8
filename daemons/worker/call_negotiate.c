/*
 * Offers pass from one side of a call that is up to the other, and answers back (FLOWS.md S1-06, S1-12;
 * RFC 3264, 3311, 3725). What was offered goes through as it came, a hold too; nothing is latched, its
 * time alone is kept for the record. One negotiation at a time:
 *
 *     asker  asked  owed
 *       P      Q      -    P's re-INVITE or UPDATE is with Q as ours; what Q says goes back to P
 *       P      -      Q    Q answered with an offer (P had sent none): P's ACK brings the answer, which
 *                          goes into our ACK to Q
 *       -      Q      -    nobody's but ours: the two were joined, and Q is asked for an offer
 *       -      P      Q    the same, and Q's offer is with P; P's answer goes into our ACK to Q
 *
 * In the last row Q may be one whom P does not talk with yet: who is to take the place of P's peer
 * (call_transfer.c). What is nobody's but ours may need a second time before both are heard
 * (call_direction.c).
 */
#include "worker/worker.h"

#include "base/rand.h"

static bool
is_busy(const struct negotiation *x)
{
	return x->asker != 0 || x->asked != 0 || x->owed != 0;
}

static void
pass_body(struct note *to, const struct note *from)
{
	to->text[T_HEADERS] = from->text[T_HEADERS];
	to->text[T_CONTENT_TYPE] = from->text[T_CONTENT_TYPE];
	to->text[T_BODY] = from->text[T_BODY];
}

/* An offer of ours to a party that has another partner now. */
static void
offer_with_name(
    struct call_step *s, const struct party *to, const struct party *from, const struct note *in)
{
	struct note n = party_note(s->c, s->w, CMD_OFFER, to);

	n.text[T_CONTENT_TYPE] = in->text[T_CONTENT_TYPE];
	n.text[T_BODY] = in->text[T_BODY];
	n.text[T_FROM] = in->text[T_FROM];
	party_present(s->w, s->c, to, from, &n);
	note_down(s->w, &n);
}

static void
send_body(struct call_step *s, enum note_what what, const struct party *to, const struct note *in)
{
	struct note n = party_note(s->c, s->w, what, to);

	pass_body(&n, in);
	n.text[T_FROM] = in->text[T_FROM];
	n.flags = in->flags & (NOTE_DELAYED_OFFER | NOTE_UPDATE);
	note_down(s->w, &n);
}

static void
refuse_offer(
    struct worker *w, struct call *c, const struct party *p, unsigned status, const struct note *in)
{
	struct note n = party_note(c, w, CMD_OFFER_REFUSE, p);

	n.status = (uint16_t)status;
	if (in != NULL) {
		n.text[T_PHRASE] = in->text[T_PHRASE];
		n.text[T_HEADERS] = in->text[T_HEADERS];
	}
	note_down(w, &n);
}

/* It is over; whoever is to be joined, is now. */
static void
over(struct worker *w, struct call *c)
{
	struct negotiation *x = &c->negotiation;

	x->asker = x->asked = x->owed = 0;
	if (x->join || x->mute != 0)
		x->retry_ns = worker_now(w);
}

/* --- what one of them began ----------------------------------------------------------------------*/

void
negotiation_owe(struct worker *w, struct call *c, struct party *asker, struct party *p)
{
	c->negotiation.asker = heap_offset(&w->heap, asker);
	c->negotiation.asked = 0;
	c->negotiation.owed = heap_offset(&w->heap, p);
}

/* The ACK for our 2xx. When it answers an offer that came in the other side's 2xx, it is carried
 * across: that side's ACK has waited for it (delayed offer, S0-12). */
void
call_acked(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct negotiation *x = &s->c->negotiation;
	struct party *owed = party_at(s->w, x->owed);

	s->p->acked = 1;
	if (owed != NULL && x->asker == heap_offset(&s->w->heap, s->p)) {
		direction_agreed(s->w, s->c, owed, s->p, note);
		over(s->w, s->c);
		send_body(s, CMD_ACK, owed, note);
		transfer_joined(s->w, s->c, s->p);
	}
	if (in->flags & NOTE_STALE && party_peer(s->w, s->p) != NULL)
		negotiation_join(s->w, s->c, party_peer(s->w, s->p));
}

/* The same before the answer: the PRACK for an offer that came reliably from the called side. */
void
call_pracked(void *step, const void *note)
{
	struct call_step *s = step;
	struct negotiation *x = &s->c->negotiation;
	struct party *owed = party_at(s->w, x->owed);

	if (owed == NULL || x->asker != heap_offset(&s->w->heap, s->p))
		return;
	over(s->w, s->c);
	send_body(s, CMD_ACK, owed, note);
}

void
call_offer(void *step, const void *note)
{
	struct call_step *s = step;
	struct negotiation *x = &s->c->negotiation;
	struct party *peer = party_peer(s->w, s->p);

	bool alone = peer == NULL || peer->gone;

	if (alone && !is_busy(x) && !x->join && park_offered(s, note))
		return;
	if (alone || is_busy(x) || x->join) {
		/* In a transfer there will be another. */
		alone = alone && s->c->transfer.state == TRANSFER_NONE;
		refuse_offer(s->w, s->c, s->p, alone ? 481 : 491, NULL);
		return;
	}
	x->asker = heap_offset(&s->w->heap, s->p);
	x->asked = heap_offset(&s->w->heap, peer);
	x->joining = JOIN_NONE;
	direction_offered(s->w, s->c, s->p, note);
	send_body(s, CMD_OFFER, peer, note);
}

void
call_offer_cancelled(void *step, const void *note)
{
	struct call_step *s = step;
	struct party *asked = party_at(s->w, s->c->negotiation.asked);
	struct note n;

	(void)note;
	if (asked == NULL || s->c->negotiation.asker != heap_offset(&s->w->heap, s->p))
		return;
	n = party_note(s->c, s->w, CMD_OFFER_CANCEL, asked);
	note_down(s->w, &n);
}

static void
answer_asker(struct call_step *s, struct party *asker, const struct note *in)
{
	struct negotiation *x = &s->c->negotiation;
	bool waits = transfer_waits(s->w, s->c, asker);

	if (in->flags & NOTE_DELAYED_OFFER) {
		x->owed = x->asked;
		x->asked = 0;
		direction_offered(s->w, s->c, s->p, in);
	} else {
		direction_agreed(s->w, s->c, asker, s->p, in);
		over(s->w, s->c);
	}
	send_body(s, waits ? CMD_ANSWER : CMD_OFFER_ANSWER, asker, in);
	if (waits && !(in->flags & NOTE_DELAYED_OFFER))
		transfer_joined(s->w, s->c, asker);
}

/* A refused re-INVITE leaves the call as it was (RFC 3261 14.1, RFC 6141). */
static void
refuse_asker(struct call_step *s, struct party *asker, const struct note *in)
{
	unsigned status = in->status;

	over(s->w, s->c);
	/* What was asked of us, or where it was sent, is not the asker's affair. */
	if (status == 401 || status == 407 || status == 422 || status < 400)
		status = 488;
	refuse_offer(s->w, s->c, asker, status, status == in->status ? in : NULL);
}

void
negotiation_forget(struct worker *w, struct call *c, struct party *p)
{
	struct negotiation *x = &c->negotiation;
	uint32_t gone = heap_offset(&w->heap, p);
	struct party *asker = party_at(w, x->asker), *owed = party_at(w, x->owed);
	struct note n;

	if (x->mute == gone)
		x->mute = 0;
	if (c->state == CALL_ENDING || (x->asker != gone && x->asked != gone && x->owed != gone))
		return;
	if (x->asked == gone && asker != NULL)
		refuse_offer(w, c, asker, 500, NULL);
	if (owed != NULL && owed != p) {
		n = party_note(c, w, CMD_ACK, owed);
		note_down(w, &n);
	}
	over(w, c);
}

/* --- what we began --------------------------------------------------------------------------------*/

static void
ask_for_offer(struct worker *w, struct call *c, struct party *p)
{
	struct call_step s = { w, c, p };

	c->negotiation.join = 0;
	c->negotiation.retry_ns = 0;
	c->negotiation.asked = heap_offset(&w->heap, p);
	offer_with_name(&s, p, party_peer(w, p), &(struct note){ 0 });
}

static struct party *
first_to_join(struct worker *w, struct call *c)
{
	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next))
		if (!p->gone && !party_is_bridge(p) && party_peer(w, p) != NULL)
			return p;
	return NULL;
}

void
negotiation_join(struct worker *w, struct call *c, struct party *p)
{
	c->negotiation.joining = JOIN_FIRST;
	if (is_busy(&c->negotiation))
		c->negotiation.join = 1;
	else
		ask_for_offer(w, c, p);
}

/* False: when the present one is over. */
static bool
may_begin(struct negotiation *x)
{
	x->join = is_busy(x);
	x->retry_ns = 0;
	return !x->join;
}

static void
offer_kept(struct worker *w, struct call *c, const struct party *p, struct party *q)
{
	struct call_step s = { w, c, q };
	struct note n = { .text = { [T_CONTENT_TYPE] = kept_span(&w->heap, c->transfer.offer_type),
			      [T_BODY] = kept_span(&w->heap, c->transfer.offer) } };

	c->negotiation.asked = heap_offset(&w->heap, q);
	c->negotiation.joining = JOIN_FIRST;
	direction_offered(w, c, p, &n);
	offer_with_name(&s, q, p, &n);
}

void
negotiation_bring(struct worker *w, struct call *c, struct party *p, struct party *q)
{
	if (!may_begin(&c->negotiation))
		return;
	c->negotiation.owed = heap_offset(&w->heap, p);
	offer_kept(w, c, p, q);
}

void
negotiation_ask(struct worker *w, struct call *c, struct party *p, struct party *q)
{
	if (!may_begin(&c->negotiation))
		return;
	c->negotiation.asker = heap_offset(&w->heap, p);
	offer_kept(w, c, p, q);
}

void
negotiation_hold(struct worker *w, struct call *c, struct party *p)
{
	struct note n = party_note(c, w, CMD_OFFER, p);

	if (!may_begin(&c->negotiation))
		return;
	c->negotiation.asked = heap_offset(&w->heap, p);
	c->negotiation.joining = JOIN_NONE;
	note_down(w, &n);
}

void
negotiation_rejoin(struct worker *w, struct call *c)
{
	c->negotiation.join = 1;
	c->negotiation.joining = JOIN_FIRST;
	if (!is_busy(&c->negotiation))
		c->negotiation.retry_ns = worker_now(w);
}

/* Who was left mute is offered what his peer said, both ways; or the peer is asked for that. */
static bool
open_mute(struct worker *w, struct call *c)
{
	struct negotiation *x = &c->negotiation;
	struct party *p = party_at(w, x->mute), *peer = p == NULL ? NULL : party_peer(w, p);
	struct call_step s = { w, c, p };
	struct note n = { .text = { [T_CONTENT_TYPE] = SPAN("application/sdp"),
			      [T_BODY] = kept_span(&w->heap, x->open) } };

	if (peer == NULL || peer->gone) {
		x->mute = 0;
		return false;
	}
	x->joining = JOIN_SECOND;
	if (x->open.len == 0) {
		x->mute = 0;
		ask_for_offer(w, c, peer);
		return true;
	}
	x->asked = x->mute;
	direction_offered(w, c, peer, &n);
	offer_with_name(&s, p, peer, &n);
	return true;
}

void
call_join_again(void *step, const void *note)
{
	struct call_step *s = step;
	struct party *p;

	(void)note;
	if (is_busy(&s->c->negotiation) || transfer_bring(s->w, s->c) || open_mute(s->w, s->c))
		return;
	p = first_to_join(s->w, s->c);
	if (p != NULL)
		ask_for_offer(s->w, s->c, p);
}

/* Their offer, for which we asked, or what they say now that both may speak: the other is offered it. */
static void
offer_to_peer(struct call_step *s, const struct note *in)
{
	struct negotiation *x = &s->c->negotiation;
	struct party *peer = party_peer(s->w, s->p);
	bool offers = in->flags & NOTE_DELAYED_OFFER, opened = x->mute == x->asked;

	if (opened)
		x->mute = 0;
	if ((!offers && !opened) || peer == NULL || peer->gone) {
		if (peer != NULL && note_has_sdp(s->w, in))
			direction_agreed(s->w, s->c, peer, s->p, in);
		over(s->w, s->c);
		if (peer == NULL)
			park_answered(s, in);
		return;
	}
	x->owed = offers ? x->asked : 0;
	x->asked = heap_offset(&s->w->heap, peer);
	direction_offered(s->w, s->c, s->p, in);
	offer_with_name(s, peer, s->p, in);
}

/* In steps of 10 ms, 2.1 to 4 s for the owner of the Call-ID, else 0 to 2 s. */
uint64_t
glare_ms(bool owner)
{
	return owner ? 2100 + rand_below(191) * 10 : rand_below(201) * 10;
}

/* A party that cannot be brought together with its new peer: what we asked for is owed an ACK, and
 * the two have nothing in common. */
static void
join_refused(struct call_step *s, const struct note *in)
{
	struct negotiation *x = &s->c->negotiation;
	struct party *owed = party_at(s->w, x->owed);
	uint64_t in_ms = in->status == 491 ? glare_ms(in->flags & NOTE_OWNER) : 0;
	bool second = x->joining == JOIN_SECOND; /* they talk, be it one way */
	struct note n;

	if (in->status != 491)
		x->mute = 0;
	over(s->w, s->c);
	if (in->status == 491) {
		x->join = x->mute == 0;
		x->retry_ns = worker_now(s->w) + in_ms * NS_PER_MS;
	}
	if (!second && transfer_refused(s->w, s->c, in->status))
		return;
	if (owed != NULL) {
		n = party_note(s->c, s->w, CMD_ACK, owed);
		note_down(s->w, &n);
	}
	if (in->status == 491 || second)
		return;
	call_because(s->c, BY_NETWORK, END_NORMAL);
	call_end(s->w, s->c);
}

/* --- what the asked says ------------------------------------------------------------------------*/

/* Who wanted to know has gone: an offer in it is not answered, but for its ACK. */
static void
unasked(struct call_step *s, const struct note *in)
{
	struct note n = party_note(s->c, s->w, CMD_ACK, s->p);

	if (in->flags & NOTE_DELAYED_OFFER)
		note_down(s->w, &n);
}

void
call_offer_answered(void *step, const void *note)
{
	struct call_step *s = step;
	struct negotiation *x = &s->c->negotiation;
	struct party *asker = party_at(s->w, x->asker), *owed = party_at(s->w, x->owed);

	if (x->asked != heap_offset(&s->w->heap, s->p)) {
		unasked(s, note);
		return;
	}
	if (asker != NULL) {
		answer_asker(s, asker, note);
	} else if (owed != NULL) {
		direction_agreed(s->w, s->c, owed, s->p, note);
		over(s->w, s->c);
		send_body(s, CMD_ACK, owed, note);
		transfer_joined(s->w, s->c, owed);
	} else {
		offer_to_peer(s, note);
	}
}

void
call_offer_refused(void *step, const void *note)
{
	struct call_step *s = step;
	struct negotiation *x = &s->c->negotiation;
	struct party *asker = party_at(s->w, x->asker);

	if (x->asked != heap_offset(&s->w->heap, s->p))
		return;
	if (asker != NULL && !transfer_waits(s->w, s->c, asker))
		refuse_asker(s, asker, note);
	else
		join_refused(s, note);
}
