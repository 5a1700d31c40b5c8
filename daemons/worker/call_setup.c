/* A call's beginning: who calls, what was dialled, what the features and the route say. */
#include "worker/worker.h"

#include "sip/fields.h"

/* --- targets ------------------------------------------------------------------------------------*/

struct target *
target_at(struct worker *w, uint32_t offset)
{
	return offset == 0 ? NULL : heap_at(&w->heap, offset);
}

struct target *
target_new(
    struct worker *w, struct call *c, enum target_kind kind, struct span uri, struct span routes)
{
	uint32_t *last = &c->attempt.targets;
	struct target *t;

	if (c->attempt.n_targets == TARGETS_MAX)
		return NULL;
	t = arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), sizeof(*t));
	if (t == NULL)
		return NULL;
	t->kind = (uint8_t)kind;
	if (!family_join(w, c, t))
		return NULL;
	t->uri = call_keep(w, c, uri);
	t->routes = call_keep(w, c, routes);
	if (t->uri.len < uri.len || t->routes.len < routes.len)
		return NULL;
	t->segment = c->attempt.segment != 0 ? c->attempt.segment : c->segments;
	t->next = 0;
	/* In the order in which they were found: of equal q the most recent contact is first. */
	while (*last != 0)
		last = &target_at(w, *last)->next;
	*last = heap_offset(&w->heap, t);
	c->attempt.n_targets++;
	return t;
}

/* --- what is dialled, and what is offered -------------------------------------------------------*/

static void
keep_dialled(struct worker *w, struct call *c, const struct sip_msg *m)
{
	struct buf b = scratch_buf(w, 256);
	struct sip_uri uri;

	if (sip_uri_parse(sip_span(m, m->uri), &uri) == ERR_NONE)
		sip_uri_user(&uri, &b);
	c->dialled = call_keep(w, c, buf_span(&b));
}

/* What he dialled stands for another number: that is one of his tenant's, whatever domain he named. */
static struct span
uri_of(struct worker *w, const struct call *c, const struct setup *in)
{
	struct buf b;

	if (!in->stands)
		return sip_span(in->invite, in->invite->uri);
	b = scratch_buf(w, 512);
	buf_lit(&b, "sip:");
	sip_put_user(&b, kept_span(&w->heap, c->dialled));
	buf_char(&b, '@');
	buf_put(&b, caller_realm(w, c));
	return buf_span(&b);
}

static struct route_query
query_of(struct worker *w, const struct call *c, const struct setup *in)
{
	return (struct route_query){ uri_of(w, c, in), kept_span(&w->heap, c->dialled),
		&in->invite->flow.local };
}

/* What was dialled stands for this number. */
static void
stands_for(struct worker *w, struct call *c, struct setup *in, struct span number)
{
	c->dialled = call_keep(w, c, number);
	in->stands = true;
}

/* What comes before the number, for this call alone, is taken off: the rest is what is dialled. */
static void
take_once(struct worker *w, struct call *c, struct setup *in)
{
	struct span rest;

	if (in->origin->kind != ORIGIN_SUBSCRIBER)
		return;
	c->once = (uint8_t)code_once(w, c->tenant, kept_span(&w->heap, c->dialled), &rest);
	if (c->once != 0)
		stands_for(w, c, in, rest);
}

/* A code that stands for a number that is remembered. */
static void
take_again(struct worker *w, struct call *c, struct setup *in)
{
	static const unsigned shows = ONCE_HIDDEN | ONCE_SHOWN;
	struct span number;
	unsigned once;

	if (in->origin->kind != ORIGIN_SUBSCRIBER ||
	    !again_number(w, c, kept_span(&w->heap, c->dialled), &number, &once))
		return;
	stands_for(w, c, in, number);
	if (c->once & shows) /* what is dialled before the code goes before */
		once &= ~shows;
	c->once |= (uint8_t)once;
}

/* A short number that stands for one of his (features/speed.c). */
static void
take_speed(struct worker *w, struct call *c, struct setup *in)
{
	struct route_query q = query_of(w, c, in);
	struct buf b = scratch_buf(w, 128);
	struct dir_speed speed;

	if (in->origin->kind != ORIGIN_SUBSCRIBER || !speed_number(w, c, &q, &speed))
		return;
	buf_put(&b, q.dialled);
	buf_lit(&b, " stands for ");
	buf_str(&b, speed.number);
	decision_note(w, c, "speed", dir_text(in->origin->subscriber, in->origin->subscriber->user),
	    buf_span(&b));
	stands_for(w, c, in, span_str(speed.number));
}

/* A code that stands for the tenant's voicemail (features/voicemail.c). */
static void
take_voicemail(struct worker *w, struct call *c, struct setup *in)
{
	struct span number;

	if (in->origin->kind == ORIGIN_SUBSCRIBER &&
	    voicemail_number(w, c, kept_span(&w->heap, c->dialled), &number))
		stands_for(w, c, in, number);
}

/* The number that his phone calls by itself (features/hotline.c). */
static bool
take_hotline(struct worker *w, struct call *c, struct setup *in)
{
	const struct dir_subscriber *s = in->origin->subscriber;
	struct route_query q = query_of(w, c, in);
	struct buf b = scratch_buf(w, 128);

	/* One with Replaces or Join is for a call that there is. */
	if (in->origin->kind != ORIGIN_SUBSCRIBER || sip_has(in->invite, SIP_H_REPLACES) ||
	    sip_has(in->invite, SIP_H_JOIN) || !hotline_acts(w, in->origin, &q))
		return false;
	buf_lit(&b, "the phone calls ");
	buf_put(&b, dir_text(s, s->hotline));
	buf_str(&b, c->dialled.len == 0 ? " by itself" : ", whatever is dialled");
	decision_note(w, c, "hotline", dir_text(s, s->user), buf_span(&b));
	stands_for(w, c, in, dir_text(s, s->hotline));
	return true;
}

static void
keep_offer(struct worker *w, struct call *c, const struct sip_msg *m)
{
	c->attempt.offer_type = call_keep(w, c, sip_span(m, m->content_type));
	c->attempt.offer = call_keep(w, c, sip_span(m, m->body));
	c->attempt.headers =
	    call_keep(w, c, caller_is_hidden(c) ? headers_anonymous(w, m) : headers_through(w, m));
	c->attempt.reliable =
	    ((sip_option_set(m, SIP_H_SUPPORTED, NULL) | sip_option_set(m, SIP_H_REQUIRE, NULL)) &
		1u << SIP_O_100REL) != 0;
	c->max_forwards = m->max_forwards < 0 ? 70 : (uint32_t)m->max_forwards - 1;
	c->loop = (uint32_t)hash_span(&w->key, sip_span(m, m->uri));
}

/* --- the decision -------------------------------------------------------------------------------*/

/* Perhaps before anybody asked whether a code was dialled: what the record has is no PIN. */
static void
refuse_before(
    struct worker *w, struct call *c, unsigned status, const char *reason, struct span lines)
{
	c->dialled = code_without_pin(w, c, c->dialled);
	call_because(c, BY_SYSTEM, END_NORMAL);
	call_refuse(w, c, status, span_str(reason), lines);
}

static void
refuse(struct worker *w, struct call *c, unsigned status, const char *reason)
{
	refuse_before(w, c, status, reason, SPAN_NONE);
}

/* What the route says; a 302 has its Contacts with it (FLOWS.md S0-11, S2-22). */
static void
refuse_with(struct worker *w, struct call *c, const struct route_result *route)
{
	refuse_before(w, c, route->status, route->reason, route->headers);
}

/* None of the targets could be rung. */
static void
refuse_at_once(struct worker *w, struct call *c)
{
	const struct attempt *a = &c->attempt;

	call_because(c, BY_SYSTEM, END_NORMAL);
	call_refuse(w, c, a->best != 0 ? a->best : 480, kept_span(&w->heap, a->best_phrase),
	    kept_span(&w->heap, a->best_headers));
}

static bool
is_sdp_readable(struct worker *w, const struct sip_msg *m)
{
	struct span text = body_sdp(w, sip_span(m, m->content_type), sip_span(m, m->body));
	struct sdp *sdp;

	if (text.len == 0)
		return true;
	sdp = scratch_take(w, sizeof(*sdp));
	return sdp != NULL && sdp_parse(text, sdp) == ERR_NONE;
}

static void
set_ring_limit(struct worker *w, struct call *c, const struct sip_msg *m)
{
	uint32_t s = w->settings->timers.ring_s;

	if (m->expires != UINT32_MAX && m->expires > 0 && m->expires < s)
		s = m->expires;
	c->attempt.ring_until_ns = worker_now(w) + s * NS_PER_S;
}

static void
ask_other(struct call_step *s, const struct sip_msg *invite, enum setup_end end)
{
	unsigned status = end == SETUP_JOINS ? join_setup(s, invite) : replace_setup(s, invite);

	if (status != 0)
		refuse(s->w, s->c, status, NULL);
	else
		cdr_send(s->w, s->c, CDR_OPEN);
}

static void
keep_origin(struct worker *w, struct call *c, const struct origin *o)
{
	c->origin = (uint8_t)o->kind;
	c->direction = c->origin == ORIGIN_GATEWAY ? DIRECTION_INBOUND : DIRECTION_INTERNAL;
	c->tenant = o->tenant;
	c->account = o->account;
	c->setup_ms = w->child.clock.wall_ms;
}

/* RFC 3261 20.26: without one it is normal; so is one that we do not know (RFC 3880 4.5). */
static enum dir_priority
priority_of(const struct sip_msg *m)
{
	struct span s = sip_header_get(m, SIP_H_PRIORITY);

	if (span_ieq(s, SPAN("non-urgent")))
		return DIR_PRIORITY_NON_URGENT;
	if (span_ieq(s, SPAN("urgent")))
		return DIR_PRIORITY_URGENT;
	return span_ieq(s, SPAN("emergency")) ? DIR_PRIORITY_EMERGENCY : DIR_PRIORITY_NORMAL;
}

void
call_hear(struct worker *w, struct call *c, struct setup *in)
{
	struct party *caller = party_new(w, c, PARTY_CALLER, in->leg);
	struct kept digits; /* exactly as they were dialled */
	struct route_query q;

	must(caller != NULL); /* call_new saw to it */
	c->caller = heap_offset(&w->heap, caller);
	caller->flow = in->invite->flow;
	keep_origin(w, c, in->origin);
	caller->priority = (uint8_t)priority_of(in->invite);
	ringing_add(w, c);
	caller->sip_call_id = call_keep(w, c, sip_span(in->invite, in->invite->call_id));
	keep_dialled(w, c, in->invite);
	digits = c->dialled;
	take_once(w, c, in);
	if (!take_hotline(w, c, in)) {
		take_again(w, c, in);
		take_voicemail(w, c, in);
		take_speed(w, c, in);
	}
	q = query_of(w, c, in);
	caller_keep(w, c, in, &q);
	keep_offer(w, c, in->invite);
	c->attempt.waiting = c->caller;
	caller->account = c->account;
	if (in->origin->kind == ORIGIN_SUBSCRIBER)
		caller->user = c->user;
	segment_open(w, c, in->origin);
	segment_first(w, c)->dialed = code_without_pin(w, c, digits);
	set_ring_limit(w, c, in->invite);
	if (caller_is_hidden(c))
		decision_words(
		    w, c, "clir", kept_span(&w->heap, c->user), "the number is withheld");
}

struct route_result
call_decide(struct worker *w, struct call *c, const struct setup *in, enum setup_end *end_r)
{
	struct route_query q = query_of(w, c, in);
	bool replaces = sip_has(in->invite, SIP_H_REPLACES);
	struct feature_verdict no = features_originate(w, c, in->origin, replaces ? NULL : &q);

	*end_r = SETUP_ROUTED;
	if (no.status != 0)
		return (struct route_result){ .status = no.status, .reason = no.reason };
	if (no.taken)
		*end_r = no.confirmed.len > 0 ? SETUP_DONE : SETUP_TAKEN;
	else if (replaces)
		*end_r = SETUP_REPLACES;
	else if (sip_has(in->invite, SIP_H_JOIN))
		*end_r = SETUP_JOINS;
	else
		return route_call(w, c, &q, in->origin);
	return (struct route_result){ .confirmed = no.confirmed };
}

/* There is somewhere to go. */
static void
ring(struct worker *w, struct call *c)
{
	if (!call_dial_next(w, c))
		refuse_at_once(w, c);
	else
		cdr_send(w, c, CDR_OPEN); /* one that is refused at once has its closed record */
}

void
call_setup(void *step, const void *setup)
{
	struct call_step *s = step;
	const struct setup *in = setup;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct route_result route;
	struct route_query q;
	enum setup_end end;

	party_at(w, c->caller)->session = leg_at(w, in->leg)->end;
	party_at(w, c->caller)->capable = leg_at(w, in->leg)->capable;
	if (!is_sdp_readable(w, in->invite)) {
		refuse(w, c, 488, "The session description cannot be read");
		return;
	}
	if (caller_privacy_unmet(c)) {
		refuse(w, c, 500, "Privacy service not available");
		return;
	}
	q = query_of(w, c, in);
	if (!sip_has(in->invite, SIP_H_REPLACES)) /* that is nobody's number */
		again_dialled(w, c, &q);
	route = call_decide(w, c, in, &end);
	if (route.status != 0)
		refuse_with(w, c, &route);
	else if (end == SETUP_TAKEN)
		cdr_send(w, c, CDR_OPEN);
	else if (end == SETUP_DONE)
		code_confirm(s, route.confirmed);
	else if (end == SETUP_REPLACES || end == SETUP_JOINS)
		ask_other(s, in->invite, end);
	else
		ring(w, c);
}
