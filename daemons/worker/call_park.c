/*
 * Call park (RFC 5359 2.14): who was talking with the parker waits in an orbit, alone and held, until
 * somebody dials the orbit; after a time the parker is called back. It is a state of the transfer's machine
 * (call_transfer.c), whose transferor is the parker and whose transferee waits:
 *
 *                 PARK                  REPLACE                 JOINED
 *     NONE, TRYING ----> PARKED ------------------> REPLACING ----------> NONE: he talks with who dialled
 *                        ^ | ^                         |
 *                        | | +---------- PARK ---------+   in vain: he waits on
 *                   PARK | | RECALL        JOINED
 *                        | +------> RECALL, REJOINING ----> NONE: he talks with the parker
 *                        +------------+                     (REPLACE leads out of RECALL as well)
 *
 * Who waits is asked for an offer and answered with silence: his streams stay, inactive. There is no music:
 * tandem has no sound of its own. What he offers meanwhile is answered so too. The call goes on at the cost
 * of who pays for it (BILLING.md R16), and ends when he hangs up. All of it stands in the call.
 */
#include "worker/worker.h"

#include <string.h>

enum { PARK_WAIT_S = 5 };

/* --- who waits ----------------------------------------------------------------------------------*/

static void
be_silent(struct call_step *s, enum note_what what, const struct party *p, const struct note *in)
{
	struct note n = party_note(s->c, s->w, what, p);

	n.text[T_CONTENT_TYPE] = SPAN("application/sdp");
	n.text[T_BODY] =
	    body_silence(s->w, in->text[T_CONTENT_TYPE], in->text[T_BODY], &p->flow.local);
	note_down(s->w, &n);
}

static bool
waits(struct worker *w, const struct call *c, const struct party *p)
{
	return c->transfer.state == TRANSFER_PARKED && p == party_at(w, c->transfer.transferee);
}

bool
park_offered(struct call_step *s, const struct note *in)
{
	if (!waits(s->w, s->c, s->p))
		return false;
	be_silent(s, CMD_OFFER_ANSWER, s->p, in);
	return true;
}

void
park_answered(struct call_step *s, const struct note *in)
{
	if (in->flags & NOTE_DELAYED_OFFER)
		be_silent(s, CMD_ACK, s->p, in);
}

/* --- actions of the transfer's machine ----------------------------------------------------------*/

/* The call's decisions have it, and with them its record (BILLING.md R16: cdr_event). */
static void
park_note(struct call_step *s, const char *what, struct span of, const char *reason)
{
	char text[64];
	struct buf b = buf_on(text, sizeof(text));

	buf_str(&b, reason);
	buf_put(&b, kept_span(&s->w->heap, s->c->transfer.orbit));
	decision_event(s->w, s->c, what, of, buf_span(&b));
}

static void
stop_attempt(struct call *c)
{
	c->attempt.waiting = 0;
	c->attempt.ring_until_ns = c->attempt.round_until_ns = c->attempt.silent_until_ns = 0;
}

void
park_again(void *step, const void *arg)
{
	struct call_step *s = step;
	struct transfer *x = &s->c->transfer;

	(void)arg;
	x->target = x->segment = 0;
	stop_attempt(s->c);
	s->c->attempt.ring_until_ns = worker_now(s->w) + x->recall_s * NS_PER_S;
	segments_hold(s->w, s->c, true);
	negotiation_hold(s->w, s->c, party_at(s->w, x->transferee));
}

void
park_begin(void *step, const void *park)
{
	struct call_step *s = step;
	const struct park *in = park;
	struct transfer *x = &s->c->transfer;

	if (s->p->peer != 0)
		x->transferee = s->p->peer;
	x->transferor = heap_offset(&s->w->heap, s->p);
	x->orbit = call_keep(s->w, s->c, in->orbit);
	x->recall_s = in->recall_s;
	park_note(s, "parked", kept_span(&s->w->heap, s->p->user), "waits in ");
	party_part(s->w, s->c, s->p);
	party_at(s->w, x->transferee)->held = 0;
	if (!s->p->gone)
		party_release(s->w, s->c, s->p, SPAN_NONE);
	park_again(step, NULL);
}

void
park_done(struct call_step *s, const struct party *comes)
{
	if (s->c->transfer.orbit.len > 0)
		park_note(s, "retrieved", kept_span(&s->w->heap, comes->user), "taken from ");
}

void
park_taken(void *step, const void *arg)
{
	struct call_step *s = step;

	branches_release(s->w, s->c, NULL, 200);
	stop_attempt(s->c);
	replace_begin(step, arg);
}

bool
park_time_over(struct call_step *s)
{
	static const unsigned nobody = 480;
	struct transfer *x = &s->c->transfer;

	if (s->c->state != CALL_UP || x->state != TRANSFER_PARKED)
		return false;
	s->c->attempt.ring_until_ns = 0;
	if (!decision_since(s->w, s->c, "recalled", "parked")) /* he is rung again and again */
		park_note(s, "recalled",
		    kept_span(&s->w->heap, party_at(s->w, x->transferor)->user),
		    "nobody came, rung for ");
	transfer_step(s->w, s->c, XE_RECALL, party_at(s->w, x->transferor), &nobody);
	return true;
}

/* --- the parker ---------------------------------------------------------------------------------*/

unsigned
park_referred(struct call_step *s, const struct park *park)
{
	if (callstate_has(s->w, call_user_hash(&s->w->key, s->c->tenant, park->orbit)))
		return 486;
	transfer_tell(s->w, s->c, 200);
	return transfer_step(s->w, s->c, XE_PARK, s->p, park) ? 0 : 491;
}

struct party *
park_of(struct worker *w, const struct call *c, const struct note *n)
{
	if (c->state != CALL_UP || c->final != 200 || n->tenant != c->tenant)
		return NULL;
	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next)) {
		const struct party *peer = party_peer(w, p);

		if (!p->gone && peer != NULL && !peer->gone && p->user.len > 0 &&
		    span_eq(kept_span(&w->heap, p->user), n->text[T_USER]))
			return p;
	}
	return NULL;
}

void
park_asked(struct call_step *s, const struct note *in)
{
	struct park park = { in->text[T_TO], in->ring_s };
	bool may = s->c->state == CALL_UP && s->c->transfer.state == TRANSFER_NONE;

	replace_reply(s->w, in, s->c, may ? 200 : 491, in->text[T_TO]);
	if (may)
		transfer_step(s->w, s->c, XE_PARK, s->p, &park);
}

void
park_ask(struct worker *w, struct call *c, handle other, const struct park *park)
{
	struct note with = { .flags = NOTE_PARK };
	struct note n;

	if (c->dry)
		return;
	n = replace_note(w, c, party_at(w, c->caller), &with);
	n.call = other;
	n.ring_s = park->recall_s;
	n.text[T_TO] = park->orbit;
	c->code = CODE_ASKED;
	c->attempt.ring_until_ns = worker_now(w) + PARK_WAIT_S * NS_PER_S;
	note_up(w, &n);
}

bool
park_replied(struct call_step *s, const struct note *in)
{
	struct wire_code_done d = { .status = in->status, .phrase = "There is no call to park" };
	struct buf b = buf_on(d.phrase, sizeof(d.phrase) - 1);

	if (s->c->state != CALL_RINGING || s->c->code != CODE_ASKED)
		return false;
	if (in->status == 200) {
		memset(d.phrase, 0, sizeof(d.phrase));
		buf_lit(&b, "parked ");
		buf_put(&b, in->text[T_FROM]);
	} else {
		d.status = 403;
	}
	call_step(s->w, s->c, in->status == 200 ? CE_CODE : CE_CODE_REFUSED, s->p, &d);
	return true;
}

/* --- who dials the orbit ------------------------------------------------------------------------*/

struct party *
park_in(struct worker *w, const struct call *c, struct span orbit)
{
	const struct transfer *x = &c->transfer;

	if (c->state != CALL_UP || orbit.len == 0 ||
	    (x->state != TRANSFER_PARKED && x->state != TRANSFER_RECALL) ||
	    !span_eq(kept_span(&w->heap, x->orbit), orbit))
		return NULL;
	return party_at(w, x->transferor);
}

void
park_retrieved(struct call_step *s, const struct note *in)
{
	struct worker *w = s->w;
	struct transfer *x = &s->c->transfer;
	struct party *comes = replace_comes(s, in);

	if (comes == NULL) {
		replace_reply(w, in, NULL, 503, SPAN_NONE);
		return;
	}
	replace_reply(w, in, s->c, 200, party_shown(w, s->c, party_at(w, x->transferee)));
	x->target = heap_offset(&w->heap, comes);
	x->offer_type = call_keep(w, s->c, in->text[T_CONTENT_TYPE]);
	x->offer = call_keep(w, s->c, in->text[T_BODY]);
	transfer_step(w, s->c, XE_REPLACE, s->p, NULL);
}
