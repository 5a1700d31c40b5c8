/*
 * Transfer (RFC 5589): B, who talks with A, sends a REFER, and A shall talk with C instead.
 *
 *              REFER                ANSWER                 JOINED
 *     NONE ------------> TRYING ------------> JOINING ----------------> NONE: A and C talk
 *      ^                   |                     |
 *      +------ BACK -------+------- BACK --------+     A and B go on talking
 *                          |                     |
 *                          +---------+-----------+
 *                                    | RECALL          B had hung up
 *                                    v      ANSWER                  JOINED
 *                                 RECALL ----------> REJOINING -----------> NONE: A and B talk again
 *
 *                      REPLACE                JOINED, BACK
 *     NONE -----------------> REPLACING ---------------------> NONE: see call_replace.c
 *
 *              RECALLED
 *     NONE ------------> TRYING, whose transferor was never there: see call_recall.c
 *
 *                    PARK
 *     NONE, TRYING --------> PARKED: see call_park.c
 *
 * C is called at B's cost and with B's permissions, as if B had dialled it, and shown A (S2-02r). C
 * makes the offer, A the answer. Until A has answered, A and B are a pair and nothing between them has
 * changed; B may hang up at any time. A hears nothing of it all but the re-INVITE. END, not drawn: the
 * call ends, out of every state.
 */
#include "worker/worker.h"

bool
transfer_step(
    struct worker *w, struct call *c, enum transfer_event e, struct party *p, const void *arg)
{
	struct call_step s = { w, c, p };

	return fsm_step(&transfer_fsm, &c->transfer.state, e, &s, arg, pool_handle(&w->calls, c));
}

void
transfer_tell(struct worker *w, struct call *c, unsigned status)
{
	struct party *transferor = party_at(w, c->transfer.transferor);
	struct note n;

	if (transferor == NULL)
		return; /* a kill came as it began: its state is stored first */
	n = party_note(c, w, CMD_NOTIFY, transferor);
	n.status = (uint16_t)status;
	note_down(w, &n);
}

/* --- it rings -----------------------------------------------------------------------------------*/

void
call_transfer_progress(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;

	if (s->p->role != PARTY_BRANCH || s->c->attempt.waiting == 0)
		return;
	branch_rings(s->w, s->c, s->p, in->status);
	if (in->status > 100 && s->c->transfer.state == TRANSFER_TRYING)
		transfer_tell(s->w, s->c, in->status);
}

/* --- it answers ---------------------------------------------------------------------------------*/

static void
stop_attempt(struct call *c)
{
	c->attempt.waiting = 0;
	c->attempt.ring_until_ns = c->attempt.round_until_ns = c->attempt.silent_until_ns = 0;
	c->attempt.later_ns = 0;
}

void
call_transfer_answer(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct transfer *x = &c->transfer;

	x->target = heap_offset(&w->heap, s->p);
	s->p->role = party_is_bridge(s->p) ? PARTY_BRIDGE : PARTY_CALLED;
	s->p->side = party_at(w, x->transferor)->side;
	s->p->answer_ms = call_wall_ms(w, c);
	stop_attempt(c);
	branches_release(w, c, s->p, 200);
	x->offer_type = call_keep(w, c, in->text[T_CONTENT_TYPE]);
	x->offer =
	    in->flags & NOTE_DELAYED_OFFER ? call_keep(w, c, in->text[T_BODY]) : (struct kept){ 0 };
	transfer_step(w, c, XE_ANSWER, s->p, NULL);
}

static bool
is_joining(const struct transfer *x)
{
	return x->state == TRANSFER_JOINING || x->state == TRANSFER_REJOINING;
}

bool
transfer_waits(struct worker *w, const struct call *c, const struct party *p)
{
	return c->transfer.state == TRANSFER_REPLACING && p == party_at(w, c->transfer.target);
}

bool
transfer_bring(struct worker *w, struct call *c)
{
	const struct transfer *x = &c->transfer;

	if (x->state == TRANSFER_REPLACING)
		negotiation_ask(w, c, party_at(w, x->target), party_at(w, x->transferee));
	else if (x->state == TRANSFER_PARKED)
		negotiation_hold(w, c, party_at(w, x->transferee));
	else if (is_joining(x))
		negotiation_bring(w, c, party_at(w, x->target), party_at(w, x->transferee));
	else
		return false;
	return true;
}

/* An answer without an offer, which it was asked for: both are asked again, once they talk. */
static void
bring(void *step, const void *arg)
{
	struct call_step *s = step;

	(void)arg;
	if (s->c->transfer.offer.len > 0) {
		transfer_bring(s->w, s->c);
		return;
	}
	transfer_joined(s->w, s->c, s->p);
	negotiation_join(s->w, s->c, party_peer(s->w, s->p));
}

void
transfer_joined(struct worker *w, struct call *c, const struct party *p)
{
	if (p == party_at(w, c->transfer.target) &&
	    (is_joining(&c->transfer) || transfer_waits(w, c, p)))
		transfer_step(w, c, XE_JOINED, NULL, NULL);
}

/* The target takes the transferor's place. */
static void
take_place(void *step, const void *arg)
{
	struct call_step *s = step;
	struct segment *segment = segment_at(s->w, s->c->transfer.segment);
	struct party *target = party_at(s->w, s->c->transfer.target);

	if (segment != NULL) {
		segment_answered(s->w, s->c, segment_of(s->w, s->c, target), target);
		segments_lost(s->w, s->c);
		recall_joined(s->w, s->c);
		cdr_send(s->w, s->c, CDR_ANSWERED);
	}
	transfer_tell(s->w, s->c, 200);
	replace_done(step, arg);
}

/* --- in vain ------------------------------------------------------------------------------------*/

static void
close_segment(struct worker *w, struct call *c, enum released_by by, unsigned status)
{
	struct segment *segment = segment_at(w, c->transfer.segment);

	if (segment != NULL)
		segment_close(w, c, segment, status, by);
	c->transfer.segment = 0;
}

/* Nobody is left for the transferee to talk with. */
void
transfer_give_up(struct worker *w, struct call *c, unsigned status)
{
	char text[32];
	struct buf reason = buf_on(text, sizeof(text));
	struct party *transferor = party_at(w, c->transfer.transferor);

	if (c->transfer.orbit.len > 0 && transfer_step(w, c, XE_PARK, transferor, NULL))
		return;
	buf_lit(&reason, "Q.850;cause=");
	buf_u64(&reason, q850_of_status(status));
	c->reason = call_keep(w, c, buf_span(&reason));
	call_because(c, BY_SYSTEM, END_NORMAL);
	call_end(w, c);
}

void
transfer_failed(struct worker *w, struct call *c, enum released_by by, unsigned status)
{
	struct transfer *x = &c->transfer;
	struct party *transferor = party_at(w, x->transferor), *target = party_at(w, x->target);
	bool recalled = x->state == TRANSFER_RECALL || x->state == TRANSFER_REJOINING;

	branches_release(w, c, NULL, 487);
	stop_attempt(c);
	if (target != NULL && !target->gone)
		party_release(w, c, target, SPAN_NONE);
	x->target = 0;
	close_segment(w, c, by, status);
	segments_lost(w, c);
	if (recall_waits(w, c)) {
		c->final = (uint16_t)status;
		recalled = true;
	}
	if (recalled) {
		transfer_give_up(w, c, status);
		return;
	}
	transfer_tell(w, c, status);
	transfer_step(w, c, transferor->gone ? XE_RECALL : XE_BACK, transferor, &status);
}

/* The other call is not to have its place; who has it keeps it, if he is still there. */
static void
keep_place(struct worker *w, struct call *c, unsigned status)
{
	const struct transfer *x = &c->transfer;
	struct party *leaves = party_at(w, x->transferor), *comes = party_at(w, x->target);
	struct note n = party_note(c, w, CMD_REFUSE, comes);

	n.status = (uint16_t)status;
	if (!comes->gone)
		note_down(w, &n);
	comes->gone = 1;
	if (leaves->gone || x->orbit.len > 0)
		transfer_give_up(w, c, status);
	else
		transfer_step(w, c, XE_BACK, leaves, NULL);
}

bool
transfer_refused(struct worker *w, struct call *c, unsigned status)
{
	const struct transfer *x = &c->transfer;

	if (x->state == TRANSFER_PARKED)
		return true; /* he waits as he is */
	if (!is_joining(x) && x->state != TRANSFER_REPLACING)
		return false;
	if (status == 491)
		return true; /* it is tried again */
	if (x->state == TRANSFER_REPLACING)
		keep_place(w, c, status);
	else
		transfer_failed(w, c, BY_SYSTEM, 488);
	return true;
}

/* Somebody was offered what nobody stands for any more: what he answers is forgotten, and he is
 * brought together with his old peer again. */
static void
target_lost(struct worker *w, struct call *c)
{
	struct transfer *x = &c->transfer;
	bool stays = x->state != TRANSFER_REJOINING && !party_at(w, x->transferor)->gone;

	if (x->state == TRANSFER_REPLACING)
		keep_place(w, c, 487);
	else
		transfer_failed(w, c, BY_CALLEE, 480);
	if (stays)
		negotiation_rejoin(w, c);
}

bool
transfer_released(struct call_step *s)
{
	struct transfer *x = &s->c->transfer;
	uint32_t who = heap_offset(&s->w->heap, s->p);

	if (x->state == TRANSFER_NONE || who == x->transferee)
		return false;
	if (who == x->transferor)
		party_part(s->w, s->c, s->p);
	else if (who == x->target)
		target_lost(s->w, s->c);
	return true;
}

void
transfer_end(struct worker *w, struct call *c)
{
	struct transfer *x = &c->transfer;

	if (x->state == TRANSFER_NONE)
		return;
	if (!recall_waits(w, c)) /* its segment is the call's */
		close_segment(w, c, c->released_by, 487);
	if (x->state != TRANSFER_REPLACING && x->orbit.len == 0)
		transfer_tell(w, c, 487);
	transfer_step(w, c, XE_END, NULL, NULL);
}

/* --- the machine --------------------------------------------------------------------------------*/

static void
forget(void *step, const void *arg)
{
	struct call_step *s = step;

	(void)arg;
	s->c->transfer = (struct transfer){ .state = s->c->transfer.state };
}

/* clang-format off */
static const struct fsm_row rows[] = {
	FSM_ROW(TRANSFER_NONE,      XE_REFER,   TRANSFER_TRYING,    transfer_begin),
	FSM_ROW(TRANSFER_NONE,      XE_REPLACE, TRANSFER_REPLACING, replace_begin),
	FSM_ROW(TRANSFER_NONE,      XE_PARK,    TRANSFER_PARKED,    park_begin),
	FSM_ROW(TRANSFER_NONE,      XE_RECALLED, TRANSFER_TRYING,   recall_call),

	FSM_ROW(TRANSFER_TRYING,    XE_ANSWER, TRANSFER_JOINING,   bring),
	FSM_ROW(TRANSFER_TRYING,    XE_BACK,   TRANSFER_NONE,      forget),
	FSM_ROW(TRANSFER_TRYING,    XE_RECALL, TRANSFER_RECALL,    transfer_recall),
	FSM_ROW(TRANSFER_TRYING,    XE_PARK,   TRANSFER_PARKED,    park_begin),
	FSM_ROW(TRANSFER_TRYING,    XE_END,    TRANSFER_NONE,      forget),

	FSM_ROW(TRANSFER_JOINING,   XE_JOINED, TRANSFER_NONE,      take_place),
	FSM_ROW(TRANSFER_JOINING,   XE_BACK,   TRANSFER_NONE,      forget),
	FSM_ROW(TRANSFER_JOINING,   XE_RECALL, TRANSFER_RECALL,    transfer_recall),
	FSM_ROW(TRANSFER_JOINING,   XE_END,    TRANSFER_NONE,      forget),

	FSM_ROW(TRANSFER_RECALL,    XE_ANSWER, TRANSFER_REJOINING, bring),
	FSM_ROW(TRANSFER_RECALL,    XE_PARK,   TRANSFER_PARKED,    park_again),
	FSM_ROW(TRANSFER_RECALL,    XE_REPLACE, TRANSFER_REPLACING, park_taken),
	FSM_ROW(TRANSFER_RECALL,    XE_END,    TRANSFER_NONE,      forget),

	FSM_ROW(TRANSFER_REJOINING, XE_JOINED, TRANSFER_NONE,      replace_done),
	FSM_ROW(TRANSFER_REJOINING, XE_PARK,   TRANSFER_PARKED,    park_again),
	FSM_ROW(TRANSFER_REJOINING, XE_END,    TRANSFER_NONE,      forget),

	FSM_ROW(TRANSFER_REPLACING, XE_JOINED, TRANSFER_NONE,      replace_done),
	FSM_ROW(TRANSFER_REPLACING, XE_BACK,   TRANSFER_NONE,      forget),
	FSM_ROW(TRANSFER_REPLACING, XE_PARK,   TRANSFER_PARKED,    park_again),
	FSM_ROW(TRANSFER_REPLACING, XE_END,    TRANSFER_NONE,      forget),

	FSM_ROW(TRANSFER_PARKED,    XE_REPLACE, TRANSFER_REPLACING, park_taken),
	FSM_ROW(TRANSFER_PARKED,    XE_RECALL, TRANSFER_RECALL,    transfer_recall),
	FSM_ROW(TRANSFER_PARKED,    XE_END,    TRANSFER_NONE,      forget),
};

static const char *const states[TRANSFER_N_STATES] = {
	"NONE", "TRYING", "JOINING", "RECALL", "REJOINING", "REPLACING", "PARKED",
};
static const char *const events[XE_N_EVENTS] = {
	"REFER", "REPLACE", "ANSWER", "JOINED", "BACK", "RECALL", "PARK", "RECALLED", "END",
};
/* clang-format on */

const struct fsm transfer_fsm = { "transfer", states, events, TRANSFER_N_STATES, XE_N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), NULL, 0 };
