/*
 * The call that completes another (features/completion.c): the exchange rings the caller, and calls for him
 * once he has answered. Nobody's INVITE made it: until one of his phones answers, a party without a leg
 * stands for him.
 *
 *     RINGING                      UP                                          UP
 *     A rings, no offer  --200-->  A waits, inactive; B rings   --JOINED-->    A and B talk
 *
 * The second step is the transfer's machine (call_transfer.c): A is the transferee, who waits, the party
 * without a leg has gone, and B comes in its place, at A's cost and with A's rights. B makes the offer, A the
 * answer. A hears nothing while B rings: the exchange has no sound. It has one segment, which is answered
 * when both talk (BILLING.md R21). All of it stands in the call; what becomes of the request, in its slot.
 */
#include "worker/worker.h"

#include "sip/fields.h"

#define ALERT SPAN("Alert-Info: <urn:alert:service:recall:callback>\r\n")

static bool
origin_of(struct worker *w, const struct completion *x, struct origin *o)
{
	*o = (struct origin){
		.kind = ORIGIN_SUBSCRIBER, .tenant = x->tenant, .account = x->account
	};
	o->subscriber =
	    directory_subscriber(&w->directory, x->tenant, span_str(x->user), &o->record);
	return o->subscriber != NULL && o->subscriber->id == x->account && !o->subscriber->disabled;
}

/* --- who it is about ----------------------------------------------------------------------------*/

/* Neither has been called yet. */
bool
recall_rings(struct worker *w, const struct call *c)
{
	const struct party *caller = party_at(w, c->caller);

	return c->recall != 0 && caller != NULL && caller->role == PARTY_BRIDGE;
}

bool
recall_waits(struct worker *w, const struct call *c)
{
	return c->recall != 0 && c->final != 200 && !recall_rings(w, c);
}

static struct party *
nobody_yet(struct worker *w, struct call *c)
{
	struct party *p = party_new(w, c, PARTY_BRIDGE, 0);

	must(p != NULL);  /* call_new saw to it */
	p->side = SIDE_B; /* B comes in its place */
	p->gone = 1;
	p->number = c->n_parties = 0; /* no leg of the record */
	return p;
}

static void
put_caller(struct worker *w, struct call *c, const struct completion *x, const struct origin *o)
{
	const struct dir_subscriber *s = o->subscriber;

	c->caller = heap_offset(&w->heap, nobody_yet(w, c));
	c->origin = ORIGIN_SUBSCRIBER;
	c->direction = DIRECTION_INTERNAL;
	c->tenant = x->tenant;
	c->account = x->account;
	c->setup_ms = w->child.clock.wall_ms;
	ringing_add(w, c);
	c->dialled = call_keep(w, c, span_str(x->number));
	c->user = call_keep(w, c, span_str(x->user));
	c->number = call_keep(w, c, dir_text(s, s->number));
	c->name = call_keep(w, c, dir_text(s, s->display_name));
	c->privacy = x->privacy;
	c->max_forwards = 70;
	c->loop = (uint32_t)hash_span(&w->key, span_str(x->number));
	segment_open(w, c, o);
	segment_first(w, c)->kind = SEGMENT_CALLBACK;
}

/* --- A is rung ----------------------------------------------------------------------------------*/

/* He is shown whom he will talk with. */
static void
attempt_begin(struct worker *w, struct call *c, const struct completion *x)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	struct span user = span_str(x->called_user), realm = caller_realm(w, c);
	const struct dir_subscriber *called =
	    rec == NULL ? NULL : directory_subscriber(&w->directory, x->tenant, user, rec);
	struct span name = called == NULL ? SPAN_NONE : dir_text(called, called->display_name);

	c->attempt = (struct attempt){ .first = 1, .waiting = c->caller };
	c->attempt.from = call_keep(w, c, caller_address(w, name, user, realm));
	c->attempt.to = call_keep(w, c, caller_address(w, SPAN_NONE, span_str(x->user), realm));
	c->attempt.headers = call_keep(w, c, ALERT);
	c->attempt.ring_until_ns = worker_now(w) + w->settings->timers.no_answer_s * NS_PER_S;
}

static void
decide(struct worker *w, struct call *c, const struct completion *x)
{
	char text[160];
	struct buf b = buf_on(text, sizeof(text));

	buf_str(&b, completion_reason_name(x->reason));
	buf_lit(&b, " before, now free: he is rung, and then ");
	buf_str(&b, x->number);
	decision_note(w, c, "completion", span_str(x->user), buf_span(&b));
}

void
call_recall(void *step, const void *completion)
{
	struct call_step *s = step;
	const struct completion *x = completion;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct route_result route;

	attempt_begin(w, c, x);
	decide(w, c, x);
	route = route_user(w, c, span_str(x->user));
	if (route.status == 0 && call_dial_next(w, c)) {
		cdr_send(w, c, CDR_OPEN);
		return;
	}
	call_because(c, BY_SYSTEM, route.status == 0 ? END_SYSTEM_FAILURE : END_NORMAL);
	call_refuse(w, c, 480, SPAN_NONE, SPAN_NONE);
}

bool
recall_begin(struct worker *w, struct completion *x)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct call *c;

	if (o == NULL || gate_is_unrecordable(w))
		return false;
	if (!origin_of(w, x, o)) {
		completion_drop(x);
		return false;
	}
	c = call_new(w);
	if (c == NULL)
		return false;
	x->tries++;
	x->recall = pool_handle(&w->calls, c);
	__atomic_store_n(&x->state, COMPLETION_RECALLING, __ATOMIC_RELEASE);
	call_mark(w, x->recall);
	c->recall = (uint8_t)(x - w->completions + 1);
	put_caller(w, c, x, o);
	call_on_recall(w, c, x);
	return true;
}

/* --- he answers, and B is called ----------------------------------------------------------------*/

static void
is_caller_now(struct worker *w, struct call *c, struct party *p)
{
	p->role = PARTY_CALLER;
	p->side = SIDE_A;
	p->peer = 0;
	p->acked = 1; /* the answer that it was asked for is its own */
	p->answer_ms = call_wall_ms(w, c);
	c->caller = segment_first(w, c)->from = heap_offset(&w->heap, p);
}

bool
recall_answered(struct call_step *s, const struct note *in)
{
	struct worker *w = s->w;
	struct call *c = s->c;
	struct note ack = party_note(c, w, CMD_ACK, s->p);
	uint32_t nobody = c->caller;

	if (!recall_rings(w, c))
		return false;
	is_caller_now(w, c, s->p);
	c->attempt.waiting = 0;
	branches_release(w, c, s->p, 200);
	if (in->flags & NOTE_DELAYED_OFFER) {
		ack.text[T_CONTENT_TYPE] = SPAN("application/sdp");
		ack.text[T_BODY] =
		    body_silence(w, in->text[T_CONTENT_TYPE], in->text[T_BODY], &s->p->flow.local);
		note_down(w, &ack);
	}
	c->transfer.transferor = nobody;
	c->transfer.transferee = c->caller;
	c->transfer.segment = c->segments;
	transfer_step(w, c, XE_RECALLED, s->p, NULL);
	return true;
}

/* The number may be another's by now, or nobody's: that would be a call which he has not asked for. */
static bool
leads_to_called(struct worker *w, const struct completion *x)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s =
	    rec == NULL ? NULL : route_subscriber(w, x->tenant, span_str(x->number), rec);

	return s != NULL && s->id == x->called;
}

/* 0: B is rung; 5xx: it is our fault that he is not. */
static unsigned
call_other(struct worker *w, struct call *c, const struct completion *x)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct span number = kept_span(&w->heap, c->dialled), realm = caller_realm(w, c);
	struct buf uri = scratch_buf(w, 256);
	struct route_query q = { .dialled = number, .local = &party_at(w, c->caller)->flow.local };
	struct feature_verdict no;
	struct route_result route;

	transfer_attempt(w, c, caller_address(w, SPAN_NONE, number, realm), SPAN_NONE);
	buf_lit(&uri, "sip:");
	sip_put_user(&uri, number);
	buf_char(&uri, '@');
	buf_put(&uri, realm);
	if (o == NULL || !buf_ok(&uri) || x == NULL)
		return 500;
	if (!call_has_room(w))
		return 503;
	q.uri = buf_span(&uri);
	if (!origin_of(w, x, o))
		return 403;
	if (!leads_to_called(w, x))
		return 404;
	no = features_originate(w, c, o, &q);
	if (no.status != 0)
		return no.status;
	route = route_call(w, c, &q, o);
	if (route.status != 0)
		return route.status;
	return call_dial_next(w, c) ? 0 : 503;
}

void
recall_call(void *step, const void *arg)
{
	struct call_step *s = step;
	unsigned status = call_other(s->w, s->c, completion_of(s->w, s->c));

	(void)arg;
	if (status >= 500 && status < 600)
		call_because(s->c, BY_SYSTEM, END_SYSTEM_FAILURE);
	if (status != 0)
		transfer_failed(s->w, s->c, BY_SYSTEM, status);
}

/* --- what became of it --------------------------------------------------------------------------*/

void
recall_joined(struct worker *w, struct call *c)
{
	struct completion *x = completion_of(w, c);

	if (!recall_waits(w, c))
		return;
	c->final = party_at(w, c->caller)->status = 200;
	completion_done(w, c);
	count(w->child.self, COUNT_CALLS_ANSWERED, 1);
	if (x != NULL)
		completion_drop(x);
}

/* Who is busy himself, or finds the other busy again, keeps his request; and who lost it by our fault. What
 * did not come through to B is no call that he missed. */
void
recall_over(struct worker *w, struct call *c)
{
	struct completion *x = completion_of(w, c);
	bool keeps = c->final == 486 || c->final == 600 || c->end_reason == END_SYSTEM_FAILURE;

	if (x != NULL && keeps)
		completion_again(w, x);
	else if (x != NULL)
		completion_drop(x);
	if (!recall_rings(w, c))
		return;
	c->final = 487;
	if (c->released_by == BY_CALLEE)
		c->released_by = BY_CALLER;
}
