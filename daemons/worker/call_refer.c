/*
 * A REFER (RFC 3515): may it be, and who is called for it. What comes of it: call_transfer.c.
 *
 * The target of a blind transfer is called as if the transferor had dialled it: his permissions, his
 * cost (THREATS.md A13), his name in Referred-By. It is shown whom it will talk with. Whatever the phone
 * said of itself in Referred-By is not passed on (RFC 3892 4: it could not be believed).
 */
#include "worker/worker.h"

#include "sip/refer.h"

enum {
	ROUNDS_MAX = 200,
	FORWARDED =
	    3, /* times no_answer_s: a target may be sent on before the transferor is called back */
	ADDRESS_MAX = 1536, /* as in caller.c */
};

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
	x->dialed = x->called = code_without_pin(w, c, call_keep(w, c, dialled));
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
begin_attempt(
    struct worker *w, struct call *c, struct span to, struct span headers, uint32_t ring_s)
{
	struct party *transferee = party_at(w, c->transfer.transferee);
	uint8_t round = c->attempt.round;

	c->attempt = (struct attempt){ .round = round, .first = (uint8_t)(round + 1) };
	c->attempt.waiting = c->transfer.transferee;
	caller_present(w, c, transferee);
	c->attempt.to = call_keep(w, c, to);
	c->attempt.headers = call_keep(w, c, headers);
	c->attempt.ring_until_ns = worker_now(w) + ring_s * NS_PER_S;
}

static uint32_t
target_ring_s(const struct worker *w)
{
	uint32_t s = FORWARDED * w->settings->timers.no_answer_s;

	return s < w->settings->timers.ring_s ? s : w->settings->timers.ring_s;
}

void
transfer_attempt(struct worker *w, struct call *c, struct span to, struct span headers)
{
	begin_attempt(w, c, to, headers, target_ring_s(w));
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
	transfer_attempt(w, c, caller_address(w, SPAN_NONE, q.dialled, caller_realm(w, c)),
	    referred_by_line(w, c, s->p));
	if (!origin_of(w, c, s->p, o))
		return 403;
	if (!open_segment(s, o, q.dialled))
		return 500;
	c->attempt.segment = c->transfer.segment;
	no = features_originate(w, c, o, &q);
	if (no.status != 0)
		return no.status;
	route = route_call(w, c, &q, o);
	if (route.status != 0)
		return route.status;
	return call_dial_next(w, c) ? 0 : 480;
}

/* The transferor has a call with the target, or has begun one: the transferee takes his place in it
 * (RFC 5589 6, 7). It is paid for already (R13). 0: that call is asked. */
static unsigned
ask_for_place(struct call_step *s, const struct sip_refer_to *refer_to)
{
	begin_attempt(s->w, s->c, SPAN_NONE, SPAN_NONE, s->w->settings->timers.ring_s);
	return replace_ask(
		   s->w, s->c, s->p, &refer_to->replaces, &(struct note){ .flags = NOTE_REFERRED })
		   ? 0
		   : 481;
}

/* He parks the transferee, who may be called from within the tenant only. */
static bool
names_orbit(struct call_step *s, const struct sip_refer_to *to, struct park *park_r)
{
	struct route_query q = { to->uri.text, SPAN_NONE, &s->p->flow.local };
	struct buf dialled = scratch_buf(s->w, 256);

	if (s->p->user.len == 0 || !sip_uri_user(&to->uri, &dialled) || !buf_ok(&dialled))
		return false;
	q.dialled = buf_span(&dialled);
	return park_orbit(s->w, s->c, q.dialled, park_r) &&
	       route_is_ours(s->w, s->c->tenant, &q).status == 0;
}

void
transfer_begin(void *step, const void *refer_to)
{
	struct call_step *s = step;
	const struct sip_refer_to *to = refer_to;
	struct transfer *x = &s->c->transfer;
	struct park park;
	unsigned status;

	x->transferor = heap_offset(&s->w->heap, s->p);
	x->transferee = s->p->peer;
	x->target = x->segment = 0;
	if (to->has_replaces)
		status = ask_for_place(s, to);
	else if (names_orbit(s, to, &park))
		status = park_referred(s, &park);
	else
		status = call_target(s, to);
	if (status != 0)
		transfer_failed(s->w, s->c, BY_SYSTEM, status);
}

/* --- and back -----------------------------------------------------------------------------------*/

/* The transferor hung up before it was sure that the target would answer: he is rung again for the
 * one whom he left (C27). It costs nobody anything. */
void
transfer_recall(void *step, const void *status)
{
	struct call_step *s = step;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct span user = kept_span(&w->heap, s->p->user);
	struct route_result route = { .status = 480 };

	begin_attempt(w, c, party_address(w, c, s->p), SPAN_NONE, w->settings->timers.no_answer_s);
	c->attempt.segment = s->p->segment;
	if (user.len > 0)
		route = route_user(w, c, user);
	if (route.status != 0 || !call_dial_next(w, c))
		transfer_give_up(w, c, *(const unsigned *)status);
}
