/*
 * A called side answers 300 to 302: it names others who are to be rung in its place (RFC 3261 8.1.3.4,
 * 16.7 step 4). They are, and the caller hears nothing of it:
 *
 *     A        tandem         B          C
 *     |INVITE--->|            |          |
 *     |          |INVITE----->|          |
 *     |          |<-----302 C |          |
 *     |          |ACK-------->|          |
 *     |          |INVITE---------------->|
 *     |<------180|<-------------------180|
 *
 *     who says it   names                       and is followed
 *     a phone       a user or number of ours    as if its owner called there, at his cost: what is
 *                                               refused to him ends it (BILLING.md R9)
 *     a phone       its own address             one more contact of his
 *     a gateway     a number at its address,    one more way through that gateway, in the same segment
                   or a number alone (tel:)
 *     a gateway     another address, or a name  the same (S0-17: a redirect server); ours, and that of
 *                                               a gateway of another tenant, are not
 *     a phone       another domain or address   the same as a user, where allow_foreign is set; else 403
 *     either        anything else               403
 *
 * Several contacts ring in the order of q, equal q together, before whoever else was to be tried.
 * REDIRECTS_MAX times, and no URI twice: else 482. 305 and 380 are not followed.
 *
 * Settings: none. State: struct attempt, struct target (rank, depth).
 */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/fields.h"

enum { CONTACTS_MAX = 8, RANKS = 1001 };

struct redirection {
	struct worker *w;
	struct call *c;
	const struct target *from; /* who was redirected */
	struct kept headers;	   /* of the contact in hand */
	uint16_t q;
	unsigned status; /* what it comes to when nobody is rung */
	unsigned added;
};

/* --- what is rung -------------------------------------------------------------------------------*/

static bool
is_same_uri(struct worker *w, const struct target *t, struct span text)
{
	struct sip_uri a, b;

	return sip_uri_parse(kept_span(&w->heap, t->uri), &a) == ERR_NONE &&
	       sip_uri_parse(text, &b) == ERR_NONE && sip_uri_equal(&a, &b);
}

/* Is it among those up to `last`, who were rung already or will be? Two phones behind NATs may have one
 * URI; by: the way to it, or NULL. */
static bool
is_repeated(struct redirection *r, struct span uri, const struct sip_flow *by, uint32_t last)
{
	for (uint32_t at = r->c->attempt.targets; at != 0; at = target_at(r->w, at)->next) {
		const struct target *t = target_at(r->w, at);

		if (is_same_uri(r->w, t, uri) &&
		    (by == NULL || netaddr_eq(&t->flow.peer, &by->peer)))
			return true;
		if (at == last)
			break;
	}
	return false;
}

static void
place(struct redirection *r, struct target *t)
{
	t->depth = r->from->depth + 1;
	t->rank = (uint16_t)(t->depth * RANKS + r->q);
	t->headers = r->headers;
	r->added++;
}

/* One more contact or way like the one that was redirected. */
static struct target *
another(struct redirection *r, const struct sip_uri *uri, struct span routes)
{
	struct buf text = scratch_buf(r->w, SIP_URI_MAX);
	uint32_t family = r->c->attempt.family;
	struct target *t;

	sip_put_request_uri(&text, uri);
	if (!buf_ok(&text) || is_repeated(r, buf_span(&text), NULL, 0)) {
		r->status = 482;
		return NULL;
	}
	t = target_new(r->w, r->c, (enum target_kind)r->from->kind, buf_span(&text), routes);
	r->c->attempt.family = family;
	if (t == NULL)
		return NULL;
	t->q = 1000;
	t->family = r->from->family;
	t->segment = r->from->segment;
	t->trusted = r->from->trusted;
	t->any_transport = r->from->any_transport && sip_uri_transport(uri) == SIP_T_NONE;
	t->gateway = r->from->gateway;
	t->account = r->from->account;
	t->user = r->from->user;
	t->waits = r->from->waits;
	t->priority = r->from->priority;
	t->no_clip = r->from->no_clip;
	place(r, t);
	return t;
}

/* Another port of our address is somebody else. */
static bool
leads_here(struct redirection *r, const struct sip_uri *uri)
{
	return domain_leads_here(&r->w->directory, r->w->settings, uri, &r->from->flow.local);
}

/* --- by a phone ---------------------------------------------------------------------------------*/

static bool
owner(struct redirection *r, struct origin *o)
{
	struct worker *w = r->w;

	*o = (struct origin){ .kind = ORIGIN_SUBSCRIBER, .tenant = r->c->tenant };
	o->subscriber = directory_subscriber(
	    &w->directory, r->c->tenant, kept_span(&w->heap, r->from->user), &o->record);
	o->account = o->subscriber == NULL ? 0 : o->subscriber->id;
	return o->subscriber != NULL && !o->subscriber->disabled;
}

/* Takes over what the route added behind `last`, but for what was rung already. */
static unsigned
take_over(struct redirection *r, uint32_t last)
{
	struct worker *w = r->w;
	struct target *t = target_at(w, target_at(w, last)->next);
	unsigned before = r->added;

	for (; t != NULL; t = target_at(w, t->next)) {
		if (is_repeated(r, kept_span(&w->heap, t->uri), &t->flow, last))
			t->tried = 1;
		else
			place(r, t);
	}
	return r->added > before ? 0 : 482;
}

static uint32_t
last_target(struct worker *w, const struct call *c)
{
	uint32_t last = c->attempt.targets;

	while (target_at(w, last)->next != 0)
		last = target_at(w, last)->next;
	return last;
}

static unsigned
ring_for(struct redirection *r, const struct origin *o, const struct route_query *q)
{
	struct feature_verdict no = features_originate(r->w, r->c, o, q);
	uint32_t last = last_target(r->w, r->c);
	struct route_result route;

	if (no.status != 0)
		return no.status;
	if (!family_begin(r->w, r->c))
		return 503;
	route = route_call(r->w, r->c, q, o);
	return route.status != 0 ? route.status : take_over(r, last);
}

static void
decide_deflection(struct redirection *r, const struct dir_subscriber *by, struct span number)
{
	struct buf b = scratch_buf(r->w, 128);

	buf_lit(&b, "his phone sends it on to ");
	buf_put(&b, number);
	decision_note(r->w, r->c, "deflection", dir_text(by, by->user), buf_span(&b));
}

/* Its owner's call from here on. */
static void
deflect(struct redirection *r, const struct sip_uri *uri)
{
	struct worker *w = r->w;
	struct buf dialled = scratch_buf(w, 256);
	struct origin *o = scratch_take(w, sizeof(*o));
	struct route_query q = { .uri = uri->text, .local = &r->from->flow.local };
	struct segment *s;

	if (o == NULL || !sip_uri_user(uri, &dialled) || !owner(r, o)) {
		r->status = 403;
		return;
	}
	q.dialled = buf_span(&dialled);
	s = segment_onward(
	    w, r->c, segment_at(w, r->from->segment), SEGMENT_DEFLECTION, o->subscriber, q.dialled);
	if (s == NULL)
		return;
	s->redirect_reason = REDIRECT_DEFLECTION;
	decide_deflection(r, o->subscriber, kept_span(&w->heap, s->dialed)); /* without a PIN */
	r->c->attempt.segment = heap_offset(&w->heap, s);
	r->status = ring_for(r, o, &q);
	if (r->status != 0)
		segment_close(w, r->c, s, r->status, BY_SYSTEM);
	else if (r->added == 1) /* of several that he names, once */
		forward_tell(w, r->c, o->subscriber);
}

/* The device itself, under another name or port. */
static bool
is_same_host(struct redirection *r, const struct sip_uri *uri)
{
	struct netaddr a;
	struct sip_uri was;

	return (sip_uri_parse(kept_span(&r->w->heap, r->from->uri), &was) == ERR_NONE &&
		   span_ieq(was.host, uri->host)) ||
	       (netaddr_ip(uri->host, &a) == ERR_NONE && netaddr_eq_ip(&a, &r->from->flow.peer));
}

static void
by_phone(struct redirection *r, const struct sip_uri *uri)
{
	struct worker *w = r->w;
	struct sip_uri was;
	struct target *t;

	if (uri->scheme == SIP_S_TEL || leads_here(r, uri)) {
		deflect(r, uri);
		return;
	}
	if (!is_same_host(r, uri)) {
		if (w->settings->allow_foreign)
			deflect(r, uri);
		else
			r->status = 403;
		return;
	}
	t = another(r, uri, kept_span(&w->heap, r->from->routes));
	if (t == NULL)
		return;
	/* Behind a NAT it is reached where its requests come from. */
	if ((sip_uri_parse(kept_span(&w->heap, r->from->uri), &was) == ERR_NONE &&
		was.port == uri->port) ||
	    target_flow(w, uri, &t->flow) != ERR_NONE)
		t->flow = r->from->flow;
}

/* --- by a gateway -------------------------------------------------------------------------------*/

static bool
is_gateway_itself(const struct dir_gateway *g, const struct sip_uri *uri)
{
	struct netaddr a;

	if (uri->port != 0 && !dir_gateway_has_port(g, uri->port))
		return false;
	return span_ieq(dir_text(g, g->host), uri->host) ||
	       (netaddr_ip(uri->host, &a) == ERR_NONE && netaddr_eq_ip(&a, &g->address));
}

/* Whose is this address? Another gateway's of the tenant is that gateway's trunk. False: it is not
 * followed there. */
static bool
trunk_at(struct redirection *r, const struct sip_flow *f, uint64_t *gateway_r)
{
	struct dir_buf *rec = scratch_take(r->w, sizeof(*rec));
	const struct dir_gateway *g =
	    rec == NULL ? NULL : directory_gateway_at(&r->w->directory, &f->peer, rec);

	if (g != NULL && g->tenant != r->c->tenant)
		return false;
	*gateway_r = g != NULL ? g->id : r->from->gateway;
	return true;
}

/* The way to a URI that is not the gateway's own; a name's is found when it is dialled (call_place.c). */
static bool
elsewhere(struct redirection *r, const struct sip_uri *uri, struct sip_flow *f_r, uint64_t *trunk_r)
{
	enum err e = target_flow(r->w, uri, f_r);

	if (e == ERR_ABSENT && resolve_may(r->w, uri)) {
		*f_r = (struct sip_flow){ 0 };
		return true;
	}
	if (e != ERR_NONE || !trunk_at(r, f_r, trunk_r))
		return false;
	target_source(r->w, f_r);
	return true;
}

/* tel:NUMBER is that number where the other one was called; in scratch. False: it cannot be. */
static bool
number_there(struct redirection *r, const struct sip_uri *tel, struct sip_uri *uri_r)
{
	struct span was = kept_span(&r->w->heap, r->from->uri), number;
	struct buf digits = scratch_buf(r->w, 64), b = scratch_buf(r->w, SIP_URI_MAX);

	if (sip_uri_parse(was, uri_r) != ERR_NONE || uri_r->user.len == 0 ||
	    !sip_uri_user(tel, &digits))
		return false;
	number = buf_span(&digits);
	for (size_t i = 0; i < number.len; i++)
		if (!(number.p[i] >= '0' && number.p[i] <= '9') && !(i == 0 && number.p[i] == '+'))
			return false;
	buf_put(&b, span_first(was, (size_t)(uri_r->user.p - was.p)));
	buf_put(&b, number);
	buf_put(&b, span_from(was, (size_t)(uri_r->user.p + uri_r->user.len - was.p)));
	return buf_ok(&b) && sip_uri_parse(buf_span(&b), uri_r) == ERR_NONE;
}

static void
by_gateway(struct redirection *r, const struct sip_uri *uri)
{
	struct worker *w = r->w;
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_gateway *g =
	    rec == NULL ? NULL : directory_gateway(&w->directory, r->from->gateway, rec);
	uint64_t trunk = r->from->gateway;
	struct span routes = kept_span(&w->heap, r->from->routes);
	struct sip_flow flow = r->from->flow;
	struct sip_uri there;
	struct target *t;

	r->status = 403;
	if (g == NULL || leads_here(r, uri))
		return;
	if (uri->scheme == SIP_S_TEL) {
		if (!number_there(r, uri, &there))
			return;
		uri = &there;
	} else if (!is_gateway_itself(g, uri)) {
		routes = SPAN_NONE;
		if (!elsewhere(r, uri, &flow, &trunk))
			return;
	}
	t = another(r, uri, routes);
	if (t == NULL)
		return;
	t->flow = flow;
	t->gateway = trunk;
	t->elsewhere = r->from->elsewhere || !netaddr_eq_ip(&flow.peer, &r->from->flow.peer);
}

/* --- the contacts -------------------------------------------------------------------------------*/

/* Headers that a URI asks for (FLOWS.md S0-08), by an allow-list: they stand in place of the caller's
 * (THREATS.md D2). */
static const uint8_t asked_for[] = { SIP_H_SUBJECT, SIP_H_PRIORITY };

static void
put_line_unless_replaced(struct buf *b, struct span line, const struct sip_uri *uri)
{
	char text[256];
	struct span name;

	span_cut(line, ':', &name);
	for (unsigned i = 0; i < sizeof(asked_for); i++) {
		struct buf value = buf_on(text, sizeof(text));
		struct span known = sip_header_name(asked_for[i]);

		if (span_ieq(name, known) &&
		    sip_uri_header(uri->headers, known, &value) == ERR_NONE)
			return;
	}
	buf_put(b, line);
	buf_lit(b, "\n");
}

static struct kept
headers_for(struct redirection *r, const struct sip_uri *uri)
{
	struct span rest = kept_span(&r->w->heap, r->c->attempt.headers), line;
	struct buf b = scratch_buf(r->w, rest.len + 1024);
	char text[256];

	if (uri->headers.len == 0)
		return (struct kept){ 0 };
	while (rest.len > 0) {
		rest = span_cut(rest, '\n', &line);
		if (line.len > 0)
			put_line_unless_replaced(&b, line, uri);
	}
	for (unsigned i = 0; i < sizeof(asked_for); i++) {
		struct buf value = buf_on(text, sizeof(text));
		struct span name = sip_header_name(asked_for[i]);

		if (sip_uri_header(uri->headers, name, &value) == ERR_NONE)
			sip_put_header(&b, name, buf_span(&value));
	}
	return buf_ok(&b) ? call_keep(r->w, r->c, buf_span(&b)) : (struct kept){ 0 };
}

static void
follow(struct redirection *r, struct span contact)
{
	struct sip_addr addr;
	struct sip_uri uri;
	struct span value;
	uint32_t expires;

	if (sip_addr_parse(contact, &addr) != ERR_NONE || addr.star ||
	    sip_uri_parse(addr.uri, &uri) != ERR_NONE || uri.scheme == SIP_S_OTHER)
		return;
	if (sip_param(addr.params, SPAN("expires"), &value) &&
	    sip_delta(value, &expires) == ERR_NONE && expires == 0)
		return; /* it is not there any more */
	r->q = (uint16_t)sip_q(addr.params);
	r->headers = headers_for(r, &uri);
	if (r->from->kind == TARGET_GATEWAY)
		by_gateway(r, &uri);
	else
		by_phone(r, &uri);
}

unsigned
call_redirect(struct worker *w, struct call *c, const struct party *p, const struct note *refusal)
{
	struct redirection r = {
		.w = w, .c = c, .from = target_at(w, p->target), .status = refusal->status
	};
	struct span rest = refusal->text[T_CONTACTS], contact;
	unsigned n = 0;

	if (p->passed_over || r.from == NULL || rest.len == 0)
		return r.status;
	if (c->attempt.redirects++ >= REDIRECTS_MAX)
		return 482;
	if (!call_has_room(w))
		return 503;
	while (n++ < CONTACTS_MAX && sip_value_cut(&rest, &contact))
		follow(&r, contact);
	if (r.added > 0 && call_dial_also(w, c))
		return 0;
	return r.status != 0 ? r.status : 480;
}
