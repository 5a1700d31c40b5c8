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
 * C is called at B's cost and with B's permissions, as if B had dialled it, and shown A (S2-02r). C
 * makes the offer, A the answer. Until A has answered, A and B are a pair and nothing between them has
 * changed; B may hang up at any time. A hears nothing of it all but the re-INVITE. END, not drawn: the
 * call ends, out of every state.
 */
#include "worker/worker.h"

#include "sip/refer.h"

enum {
	ROUNDS_MAX = 200,
	ADDRESS_MAX = 1536, /* as in call_setup.c */
};

static bool
transfer_step(
    struct worker *w, struct call *c, enum transfer_event e, struct party *p, const void *arg)
{
	struct call_step s = { w, c, p };

	return fsm_step(&transfer_fsm, &c->transfer.state, e, &s, arg, pool_handle(&w->calls, c));
}

/* What came of it so far, to who asked for it. */
static void
tell(struct worker *w, struct call *c, unsigned status)
{
	struct note n = party_note(c, w, CMD_NOTIFY, party_at(w, c->transfer.transferor));

	n.status = (uint16_t)status;
	note_down(w, &n);
}

/* --- who they are -------------------------------------------------------------------------------*/

/* As who could have dialled by himself: A13. */
static bool
origin_of(struct worker *w, const struct call *c, const struct party *p, struct origin *o)
{
	struct span user = kept_span(&w->heap, p->user);

	*o = (struct origin){ .tenant = c->tenant, .account = p->account };
	if (user.len > 0) {
		o->kind = ORIGIN_SUBSCRIBER;
		o->subscriber = directory_subscriber(&w->directory, c->tenant, user, &o->record);
		return o->subscriber != NULL && !o->subscriber->disabled;
	}
	o->kind = ORIGIN_GATEWAY;
	o->gateway = directory_gateway(&w->directory, p->account, &o->record);
	return o->gateway != NULL;
}

/* --- REFER --------------------------------------------------------------------------------------*/

/* 0: it is accepted. */
static unsigned
refusal(struct call_step *s, const struct note *in, struct buf *text, struct sip_refer_to *to_r)
{
	const struct call *c = s->c;
	struct party *peer = party_peer(s->w, s->p);

	switch (sip_refer_to_parse(in->text[T_REFER_TO], text, to_r)) {
	case ERR_NONE:
		break;
	case ERR_DENIED:
		return 403;
	default:
		return 400;
	}
	if (c->state != CALL_UP || c->transfer.state != TRANSFER_NONE || peer == NULL || peer->gone)
		return 491;
	if (c->n_segments >= SEGMENTS_MAX || c->attempt.round >= ROUNDS_MAX)
		return 403;
	if (to_r->has_replaces)
		return 501;
	return call_has_room(s->w) ? 0 : 503;
}

void
call_refer(struct call_step *s, const struct note *refer)
{
	struct buf text = scratch_buf(s->w, SIP_REPLACES_MAX);
	struct sip_refer_to to;
	struct note n = party_note(s->c, s->w, CMD_RESPONSE, s->p);
	unsigned status = refusal(s, refer, &text, &to);

	n.ref = refer->ref;
	n.status = (uint16_t)(status == 0 ? 202 : status);
	if (status == 503)
		n.text[T_HEADERS] = SPAN("Retry-After: 5\r\n");
	note_down(s->w, &n);
	if (status == 0)
		transfer_step(s->w, s->c, XE_REFER, s->p, &to);
}

/* --- the target is called -----------------------------------------------------------------------*/

/* What the transferor pays (R11, R12, R14). False: no room. */
static bool
open_segment(struct call_step *s, const struct origin *o, struct span dialled)
{
	struct worker *w = s->w;
	struct call *c = s->c;
	struct segment *x = segment_new(w, c, SEGMENT_TRANSFER_BLIND, s->p);

	if (x == NULL)
		return false;
	c->transfer.segment = heap_offset(&w->heap, x);
	x->parent = segment_of(w, c, s->p)->seq;
	x->dialed = x->called = call_keep(w, c, dialled);
	x->payer_account = s->p->account;
	if (s->p->user.len == 0) {
		x->payer = PAYER_TRUNK;
		x->in_trunk = s->p->account;
	}
	if (o->subscriber != NULL) {
		x->calling_number = call_keep(w, c, dir_text(o->subscriber, o->subscriber->number));
		x->calling_name =
		    call_keep(w, c, dir_text(o->subscriber, o->subscriber->display_name));
	}
	if (x->calling_number.len == 0)
		x->calling_number = s->p->user;
	x->payer_number = o->gateway != NULL
			      ? call_keep(w, c, dir_text(o->gateway, o->gateway->name))
			      : x->calling_number;
	return true;
}

/* An attempt anew: nothing of the last one is left. No offer is made (RFC 3725 flow IV: it is the
 * transferee's session that changes, and only once). */
static void
begin_attempt(struct worker *w, struct call *c, struct span to, struct span headers)
{
	struct party *transferee = party_at(w, c->transfer.transferee);
	uint8_t round = c->attempt.round;

	c->attempt = (struct attempt){ .round = round, .first = (uint8_t)(round + 1) };
	c->attempt.waiting = c->transfer.transferee;
	caller_present(w, c, transferee);
	c->attempt.to = call_keep(w, c, to);
	c->attempt.headers = call_keep(w, c, headers);
	c->attempt.ring_until_ns = worker_now(w) + w->settings->timers.no_answer_s * NS_PER_S;
}

static struct span
referred_by_line(struct worker *w, struct call *c, const struct party *p)
{
	struct buf b = scratch_buf(w, ADDRESS_MAX);
	struct sip_addr a;

	if (sip_addr_parse(party_address(w, c, p), &a) == ERR_NONE)
		sip_put_referred_by(&b, a.uri);
	return buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
}

/* 0: it rings. */
static unsigned
call_target(struct call_step *s, const struct sip_refer_to *refer_to)
{
	struct worker *w = s->w;
	struct call *c = s->c;
	struct origin *o = scratch_take(w, sizeof(*o));
	struct buf dialled = scratch_buf(w, 256);
	struct feature_verdict no;
	struct route_query q = { refer_to->uri.text, SPAN_NONE, &s->p->flow.local };
	struct route_result route;

	sip_uri_user(&refer_to->uri, &dialled);
	q.dialled = buf_span(&dialled);
	if (o == NULL || !buf_ok(&dialled))
		return 500;
	begin_attempt(w, c, caller_address(w, SPAN_NONE, q.dialled, caller_realm(w, c)),
	    referred_by_line(w, c, s->p));
	if (!origin_of(w, c, s->p, o))
		return 403;
	if (!open_segment(s, o, q.dialled))
		return 500;
	c->attempt.segment = c->transfer.segment;
	no = features_originate(w, c, o);
	if (no.status != 0)
		return no.status;
	route = route_call(w, c, &q, o);
	if (route.status != 0)
		return route.status;
	return call_dial_next(w, c) ? 0 : 480;
}

static void
transfer_begin(void *step, const void *refer_to)
{
	struct call_step *s = step;
	struct transfer *x = &s->c->transfer;
	unsigned status;

	x->transferor = heap_offset(&s->w->heap, s->p);
	x->transferee = s->p->peer;
	x->target = x->segment = 0;
	status = call_target(s, refer_to);
	if (status != 0)
		transfer_failed(s->w, s->c, BY_SYSTEM, status);
}

void
call_transfer_progress(void *step, const void *note)
{
	struct call_step *s = step;
	const struct note *in = note;

	if (s->p->role != PARTY_BRANCH || s->c->attempt.waiting == 0)
		return;
	branch_rings(s->w, s->c, s->p, in->status);
	if (in->status > 100 && s->c->transfer.state == TRANSFER_TRYING)
		tell(s->w, s->c, in->status);
}

/* --- it answers ---------------------------------------------------------------------------------*/

static void
stop_attempt(struct call *c)
{
	c->attempt.waiting = 0;
	c->attempt.ring_until_ns = c->attempt.round_until_ns = c->attempt.silent_until_ns = 0;
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
	s->p->role = PARTY_CALLED;
	s->p->side = party_at(w, x->transferor)->side;
	s->p->answer_ms = w->child.clock.wall_ms;
	stop_attempt(c);
	branches_release(w, c, s->p, 200);
	x->offer_type = call_keep(w, c, in->text[T_CONTENT_TYPE]);
	x->offer =
	    in->flags & NOTE_DELAYED_OFFER ? call_keep(w, c, in->text[T_BODY]) : (struct kept){ 0 };
	transfer_step(w, c, XE_ANSWER, s->p, NULL);
}

bool
transfer_bring(struct worker *w, struct call *c)
{
	const struct transfer *x = &c->transfer;

	if (x->state != TRANSFER_JOINING && x->state != TRANSFER_REJOINING)
		return false;
	negotiation_bring(w, c, party_at(w, x->target), party_at(w, x->transferee));
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
	transfer_joined(s->w, s->c);
	negotiation_join(s->w, s->c, party_peer(s->w, s->p));
}

void
transfer_joined(struct worker *w, struct call *c)
{
	transfer_step(w, c, XE_JOINED, NULL, NULL);
}

/* The target takes the transferor's place. */
static void
take_place(void *step, const void *arg)
{
	struct call_step *s = step;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct transfer *x = &c->transfer;
	struct party *transferor = party_at(w, x->transferor), *target = party_at(w, x->target);
	struct segment *segment = segment_at(w, x->segment);

	(void)arg;
	party_part(w, transferor);
	party_pair(w, party_at(w, x->transferee), target);
	if (segment != NULL) {
		segment_answered(w, c, segment_of(w, c, target), target);
		segments_lost(w, c);
		tell(w, c, 200);
		cdr_send(w, c, CDR_ANSWERED);
	}
	if (!transferor->gone)
		party_release(w, c, transferor, SPAN_NONE);
	*x = (struct transfer){ .state = x->state };
}

/* --- in vain ------------------------------------------------------------------------------------*/

static void
close_segment(struct worker *w, struct call *c, enum released_by by, unsigned status)
{
	struct segment *segment = segment_at(w, c->transfer.segment);

	if (segment != NULL)
		segment_close(w, segment, status, by, END_NORMAL);
	c->transfer.segment = 0;
}

/* Nobody is left for the transferee to talk with. */
static void
give_up(struct worker *w, struct call *c, unsigned status)
{
	char text[32];
	struct buf reason = buf_on(text, sizeof(text));

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
	if (recalled) {
		give_up(w, c, status);
		return;
	}
	tell(w, c, status);
	transfer_step(w, c, transferor->gone ? XE_RECALL : XE_BACK, transferor, &status);
}

/* The transferor hung up before it was sure that the target would answer: he is rung again for the
 * one whom he left (C27). It costs nobody anything. */
static void
recall(void *step, const void *status)
{
	struct call_step *s = step;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct span user = kept_span(&w->heap, s->p->user);
	struct route_result route = { .status = 480 };

	begin_attempt(w, c, party_address(w, c, s->p), SPAN_NONE);
	c->attempt.segment = s->p->segment;
	if (user.len > 0)
		route = route_user(w, c, user);
	if (route.status != 0 || !call_dial_next(w, c))
		give_up(w, c, *(const unsigned *)status);
}

bool
transfer_refused(struct worker *w, struct call *c, unsigned status)
{
	const struct transfer *x = &c->transfer;

	if (x->state != TRANSFER_JOINING && x->state != TRANSFER_REJOINING)
		return false;
	if (status != 491) /* else it is tried again */
		transfer_failed(w, c, BY_SYSTEM, 488);
	return true;
}

/* The transferee was offered what nobody stands for any more: what it answers is forgotten, and it is
 * brought together with its old peer again. */
static void
target_lost(struct worker *w, struct call *c)
{
	bool recalled = c->transfer.state == TRANSFER_REJOINING;
	bool there = !party_at(w, c->transfer.transferor)->gone;

	transfer_failed(w, c, BY_CALLEE, 480);
	if (!recalled && there)
		c->negotiation.join = 1;
}

bool
transfer_released(struct call_step *s)
{
	struct transfer *x = &s->c->transfer;
	uint32_t who = heap_offset(&s->w->heap, s->p);

	if (x->state == TRANSFER_NONE || who == x->transferee)
		return false;
	if (who == x->transferor)
		party_part(s->w, s->p);
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
	close_segment(w, c, c->released_by, 487);
	tell(w, c, 487);
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
	FSM_ROW(TRANSFER_NONE,      XE_REFER,  TRANSFER_TRYING,    transfer_begin),

	FSM_ROW(TRANSFER_TRYING,    XE_ANSWER, TRANSFER_JOINING,   bring),
	FSM_ROW(TRANSFER_TRYING,    XE_BACK,   TRANSFER_NONE,      forget),
	FSM_ROW(TRANSFER_TRYING,    XE_RECALL, TRANSFER_RECALL,    recall),
	FSM_ROW(TRANSFER_TRYING,    XE_END,    TRANSFER_NONE,      forget),

	FSM_ROW(TRANSFER_JOINING,   XE_JOINED, TRANSFER_NONE,      take_place),
	FSM_ROW(TRANSFER_JOINING,   XE_BACK,   TRANSFER_NONE,      forget),
	FSM_ROW(TRANSFER_JOINING,   XE_RECALL, TRANSFER_RECALL,    recall),
	FSM_ROW(TRANSFER_JOINING,   XE_END,    TRANSFER_NONE,      forget),

	FSM_ROW(TRANSFER_RECALL,    XE_ANSWER, TRANSFER_REJOINING, bring),
	FSM_ROW(TRANSFER_RECALL,    XE_END,    TRANSFER_NONE,      forget),

	FSM_ROW(TRANSFER_REJOINING, XE_JOINED, TRANSFER_NONE,      take_place),
	FSM_ROW(TRANSFER_REJOINING, XE_END,    TRANSFER_NONE,      forget),
};

static const char *const states[TRANSFER_N_STATES] = {
	"NONE", "TRYING", "JOINING", "RECALL", "REJOINING",
};
static const char *const events[XE_N_EVENTS] = {
	"REFER", "ANSWER", "JOINED", "BACK", "RECALL", "END",
};
/* clang-format on */

const struct fsm transfer_fsm = { "transfer", states, events, TRANSFER_N_STATES, XE_N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), NULL, 0 };
