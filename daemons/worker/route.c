/*
 * Where a call goes. The Request-URI alone decides (FLOWS.md S3-01, S3-03): its host says whose the
 * number is, its user part is a name, a number of ours, or one for a gateway. The user part is data:
 * it is compared, never interpreted (THREATS.md A14).
 */
#include "worker/worker.h"

#include <ctype.h>

#include "model/decision.h"
#include "sip/build.h"
#include "sip/fields.h"

static struct route_result
no_route(unsigned status, const char *reason)
{
	return (struct route_result){ .status = status, .reason = reason };
}

/* Why a number leads nowhere is a decision too: the record has it. */
static struct route_result
refuse(struct worker *w, struct call *c, struct span of, struct route_result r)
{
	char text[DECISION_TEXT];
	struct buf b = buf_on(text, sizeof(text));
	struct kept shown = code_without_pin(w, c, call_keep(w, c, of));

	if (r.nobody)
		buf_lit(&b, "nobody has this number, and no route leads there: ");
	buf_u64(&b, r.status);
	buf_char(&b, ' ');
	buf_str(&b, r.reason != NULL ? r.reason : sip_reason(r.status));
	decision_note(w, c, "route", kept_span(&w->heap, shown), buf_span(&b));
	return r;
}

static struct route_result
nobody(void)
{
	return (struct route_result){ .status = 404, .nobody = true };
}

bool
route_begins(const struct call *c)
{
	return c->state != CALL_UP && c->attempt.n_targets == 0;
}

/* --- to a subscriber ----------------------------------------------------------------------------*/

/* Somebody else registered it: the way that this came does not lead there, the contact's name does. */
static bool
is_at_its_name(const struct location *loc, const struct binding *b)
{
	struct netaddr literal;
	struct sip_uri uri;

	return b->registered_by.len > 0 && b->path.len == 0 &&
	       sip_uri_parse(loc_text(loc, b->contact), &uri) == ERR_NONE &&
	       netaddr_ip(uri.host, &literal) != ERR_NONE;
}

static void
add_contact(struct worker *w, struct call *c, const struct location *loc, const struct binding *b,
    const struct dir_subscriber *s, struct kept user)
{
	struct target *t =
	    target_new(w, c, TARGET_CONTACT, loc_text(loc, b->contact), loc_text(loc, b->path));

	if (t == NULL)
		return;
	t->q = b->q;
	t->ring_s = b->ring_s;
	if (!is_at_its_name(loc, b))
		t->flow = b->flow;
	t->account = s->id;
	t->user = user;
	if (s->pickup_group.len > 0)
		t->pickup = call_group_hash(&w->key, c->tenant, dir_text(s, s->pickup_group));
	t->waits = c->attempt.waits;
	t->priority = c->attempt.priority;
	t->no_clip = (s->identity & DIR_NO_CLIP) != 0;
}

static void
decide_contacts(struct worker *w, struct call *c, const struct dir_subscriber *s, unsigned n)
{
	char text[32];
	struct buf b = buf_on(text, sizeof(text));

	buf_u64(&b, n);
	buf_str(&b, n == 1 ? " phone" : " phones");
	decision_note(w, c, "route", dir_text(s, s->user), buf_span(&b));
}

static struct route_result
to_contacts(struct worker *w, struct call *c, const struct dir_subscriber *s)
{
	struct loc_buf *buf = scratch_take(w, sizeof(*buf));
	struct kept user = call_keep(w, c, dir_text(s, s->user));
	const struct location *loc;

	loc = buf == NULL ? NULL
			  : locations_find(&w->locations, s->tenant, dir_text(s, s->user),
				child_steady_ms(&w->child), buf);
	if (loc == NULL) {
		decision_words(w, c, "route", dir_text(s, s->user), "not registered");
		return no_route(480, "Not registered");
	}
	decide_contacts(w, c, s, loc->n);
	for (unsigned i = 0; i < loc->n; i++)
		add_contact(w, c, loc, &loc->bindings[i], s, user);
	return (struct route_result){ 0 };
}

/* Whom it is for from now on, and when he would send it on. */
static void
is_for(struct worker *w, struct call *c, const struct dir_subscriber *s)
{
	struct attempt *a = &c->attempt;

	if (route_begins(c) && a->forwards == 0)
		c->called_account = s->id;
	segment_at(w, a->segment != 0 ? a->segment : c->segments)->called_account = s->id;
	a->user = call_keep(w, c, dir_text(s, s->user));
	a->silent = s->cfnrc.len > 0;
	a->no_answer_s = a->waits = a->priority = 0;
	if (s->cfnr.len > 0)
		a->no_answer_s = s->cfnr_timeout_s != 0 ? s->cfnr_timeout_s
							: (uint16_t)w->settings->timers.no_answer_s;
}

static struct route_result
to_subscriber(struct worker *w, struct call *c, const struct dir_subscriber *s)
{
	enum refusal_kind how = REFUSED_OTHERWISE;
	struct feature_verdict v;
	struct route_result to;

	if (s->disabled) {
		decision_words(w, c, "route", dir_text(s, s->user), "disabled: 480");
		return no_route(480, NULL);
	}
	if (call_was_for(w, c, s)) {
		decision_words(w, c, "route", dir_text(s, s->user), "it was for him before: 482");
		return no_route(482, NULL);
	}
	is_for(w, c, s);
	v = features_terminate(w, c, s);
	if (v.forward_to.len > 0)
		return no_route(call_onward(w, c, s, &v), NULL);
	to = v.status != 0 ? no_route(v.status, v.reason) : to_contacts(w, c, s);
	if (to.status == 0) {
		features_ring(w, c, s);
		return to;
	}
	if (to.status == 480)
		how = REFUSED_UNREACHABLE;
	else if (to.status == 486)
		how = REFUSED_BUSY;
	v = features_refused(w, c, s, how);
	if (v.forward_to.len > 0)
		return no_route(call_onward(w, c, s, &v), NULL);
	return how == REFUSED_UNREACHABLE && features_ring(w, c, s) ? no_route(0, NULL) : to;
}

struct route_result
route_user(struct worker *w, struct call *c, struct span user)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s =
	    rec == NULL ? NULL : directory_subscriber(&w->directory, c->tenant, user, rec);

	return s == NULL || s->disabled ? no_route(480, NULL) : to_contacts(w, c, s);
}

/* A number of ours; also written with or without its '+'. */
static const struct dir_number *
find_number(struct worker *w, uint32_t tenant, struct span dialled, struct dir_buf *rec)
{
	const struct dir_number *n = directory_number(&w->directory, tenant, dialled, rec);
	struct buf plus;

	if (n != NULL || dialled.len == 0)
		return n;
	if (dialled.p[0] == '+')
		return directory_number(&w->directory, tenant, span_from(dialled, 1), rec);
	plus = scratch_buf(w, dialled.len + 1);
	buf_char(&plus, '+');
	buf_put(&plus, dialled);
	return directory_number(&w->directory, tenant, buf_span(&plus), rec);
}

const struct dir_subscriber *
route_subscriber(struct worker *w, uint32_t tenant, struct span dialled, struct dir_buf *rec)
{
	const struct dir_subscriber *s = directory_subscriber(&w->directory, tenant, dialled, rec);
	const struct dir_number *n;
	struct span user;

	if (s != NULL)
		return s;
	n = find_number(w, tenant, dialled, rec);
	if (n == NULL || n->kind != DIR_NUMBER_SUBSCRIBER)
		return NULL;
	user = scratch_keep(w, dir_text(n, n->target));
	return directory_subscriber(&w->directory, tenant, user, rec);
}

/* --- elsewhere ----------------------------------------------------------------------------------*/

/* The Contacts of a number that leads elsewhere (FLOWS.md S0-11); empty: it does not. */
static struct span
redirect_of(struct worker *w, uint32_t tenant, struct span dialled, struct dir_buf *rec)
{
	const struct dir_number *n = find_number(w, tenant, dialled, rec);
	struct buf b = scratch_buf(w, 2048);
	struct span rest, one;

	if (n == NULL || n->kind != DIR_NUMBER_REDIRECT)
		return SPAN_NONE;
	rest = dir_text(n, n->target);
	while (rest.len > 0) {
		rest = span_trim(span_cut(rest, ' ', &one));
		if (one.len == 0)
			continue;
		buf_lit(&b, "Contact: ");
		buf_str(&b, one.p[0] == '<' ? "" : "<");
		sip_put_text(&b, one);
		buf_str(&b, one.p[0] == '<' ? "\r\n" : ">\r\n");
	}
	return buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
}

/* --- to another domain --------------------------------------------------------------------------*/

static bool
is_foreign(struct worker *w, const struct route_query *q, const struct sip_uri *uri)
{
	uint32_t tenant;

	return (uri->scheme == SIP_S_SIP || uri->scheme == SIP_S_SIPS) &&
	       domain_tenant(&w->directory, w->settings, uri->host, q->local, &tenant) != ERR_NONE;
}

/* Not by its own address to a gateway, which would be a call that nobody pays for (THREATS.md A13). Where
 * a name leads, call_place.c looks at. */
static bool
leads_to_gateway(struct worker *w, const struct sip_flow *f)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));

	return rec == NULL || directory_gateway_at(&w->directory, &f->peer, rec) != NULL;
}

/* What the call is for when it begins. */
static void
keep_foreign(struct worker *w, struct call *c, const struct sip_uri *uri, struct span text)
{
	struct buf called = scratch_buf(w, 512), to = scratch_buf(w, SIP_URI_MAX + 2);

	c->direction = DIRECTION_OUTBOUND;
	sip_uri_user(uri, &called);
	buf_char(&called, '@');
	buf_put(&called, uri->host);
	segment_first(w, c)->called = call_keep(w, c, buf_span(&called));
	buf_char(&to, '<');
	buf_put(&to, text);
	buf_char(&to, '>');
	c->attempt.to = call_keep(w, c, buf_span(&to));
}

/* By DNS or its address, only where that is wanted and never for those outside (FLOWS.md S4-05). */
static struct route_result
to_foreign(struct worker *w, struct call *c, const struct sip_uri *uri, const struct origin *o)
{
	struct buf text = scratch_buf(w, SIP_URI_MAX);
	struct sip_flow flow = { 0 };
	struct target *t;
	enum err e;

	if (!w->settings->allow_foreign || o->kind != ORIGIN_SUBSCRIBER)
		return no_route(404, "Not a domain of ours");
	sip_put_request_uri(&text, uri);
	e = target_flow(w, uri, &flow);
	if (!buf_ok(&text) || (e == ERR_ABSENT ? !resolve_may(w, uri) : e != ERR_NONE))
		return no_route(404, "That domain cannot be reached");
	if (e == ERR_NONE && leads_to_gateway(w, &flow))
		return no_route(403, NULL);
	decision_words(w, c, "route", uri->host, "another domain, found by DNS");
	if (route_begins(c))
		keep_foreign(w, c, uri, buf_span(&text));
	t = target_new(w, c, TARGET_CONTACT, buf_span(&text), SPAN_NONE);
	if (t == NULL)
		return no_route(503, NULL);
	t->q = 1000;
	if (e == ERR_NONE) {
		target_source(w, &flow);
		t->flow = flow;
	}
	return (struct route_result){ 0 };
}

/* --- the decision -------------------------------------------------------------------------------*/

static bool
is_number(struct span s)
{
	size_t i = s.len > 0 && s.p[0] == '+';

	if (i == s.len)
		return false;
	for (; i < s.len; i++)
		if (!isdigit((unsigned char)s.p[i]))
			return false; /* also: codes with * and # never go to a trunk */
	return true;
}

struct route_result
route_is_home(struct worker *w, uint32_t tenant, const struct route_query *q)
{
	struct sip_uri uri;
	uint32_t theirs;
	bool by_name;

	if (sip_uri_parse(q->uri, &uri) != ERR_NONE)
		return no_route(400, NULL);
	by_name = directory_tenant_of(&w->directory, uri.host, &theirs) == ERR_NONE;
	/* tel: has no host; an address of ours, like it, means the caller's own tenant. */
	if (!by_name && uri.scheme != SIP_S_TEL &&
	    domain_tenant(&w->directory, w->settings, uri.host, q->local, &theirs) != ERR_NONE)
		return no_route(404, "Not a domain of ours");
	if (by_name && theirs != tenant)
		return nobody(); /* nothing of one tenant is seen by another */
	return (struct route_result){ 0 };
}

struct route_result
route_is_ours(struct worker *w, uint32_t tenant, const struct route_query *q)
{
	struct route_result to = route_is_home(w, tenant, q);

	return to.status == 0 && q->dialled.len == 0 ? nobody() : to;
}

const struct dir_group *
route_group(struct worker *w, uint32_t tenant, struct span dialled, struct dir_buf *rec)
{
	const struct dir_number *n = find_number(w, tenant, dialled, rec);
	struct span name;

	if (n == NULL || n->kind != DIR_NUMBER_GROUP)
		return NULL;
	name = scratch_keep(w, dir_text(n, n->target));
	return directory_group(&w->directory, tenant, name, rec);
}

struct route_result
route_decide(struct worker *w, uint32_t tenant, const struct route_query *q, const struct origin *o,
    struct dir_buf *rec, const struct dir_subscriber **s_r)
{
	struct route_result elsewhere = { .status = 302 }, to = route_is_ours(w, tenant, q);

	*s_r = NULL;
	if (to.status != 0)
		return to;
	*s_r = route_subscriber(w, tenant, q->dialled, rec);
	if (*s_r != NULL)
		return (struct route_result){ 0 };
	elsewhere.headers = redirect_of(w, tenant, q->dialled, rec);
	if (elsewhere.headers.len > 0)
		return elsewhere;
	/* A number of ours (an orbit) is none outside. A call from there that is for none of ours goes
	 * out again only where that is wanted: or every trunk could call at our cost. */
	if (find_number(w, tenant, q->dialled, rec) != NULL ||
	    (o->kind == ORIGIN_GATEWAY && !o->gateway->transit) || !is_number(q->dialled))
		return nobody();
	return (struct route_result){ 0 };
}

struct route_result
route_call(struct worker *w, struct call *c, const struct route_query *q, const struct origin *o)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s;
	const struct dir_group *g;
	struct route_result to;
	struct sip_uri uri;

	if (rec == NULL)
		return no_route(500, NULL);
	if (sip_uri_parse(q->uri, &uri) == ERR_NONE && is_foreign(w, q, &uri)) {
		to = to_foreign(w, c, &uri, o);
		return to.status == 0 ? to : refuse(w, c, uri.host, to);
	}
	if (route_is_ours(w, c->tenant, q).status == 0 &&
	    (g = route_group(w, c->tenant, q->dialled, rec)) != NULL)
		return group_call(w, c, g);
	to = route_decide(w, c->tenant, q, o, rec, &s);
	if (to.status == 302) {
		decision_words(w, c, "route", q->dialled, "the number leads elsewhere: 302");
		return to;
	}
	if (to.status != 0)
		return refuse(w, c, q->dialled, to);
	if (s != NULL)
		return to_subscriber(w, c, s);
	to = route_gateways(w, c, q->dialled);
	return to.status == 0 ? to : refuse(w, c, q->dialled, to);
}
