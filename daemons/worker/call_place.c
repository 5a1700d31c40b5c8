/*
 * Where a target is (RFC 3263): at an address that is known, or at those that its name leads to, which
 * are tried in order (4.3): the next one when one refuses with 503, cannot be reached or says nothing
 * at all. While its name is looked up a target is pending: the call waits for it as for one that
 * rings.
 */
#include "worker/worker.h"

#include "base/log.h"
#include "sip/addr.h"
#include "sip/build.h"
#include "sip/fields.h"

/* With another address to go to, one that says nothing at all is given up after this (RFC 3263 would
 * wait for 64 * T1, which no caller does). */
enum { SILENT_S = 5, RETRY_AFTER_S = 5 };

/* --- the name -----------------------------------------------------------------------------------*/

/* The first route, or the target itself. */
static enum err
next_hop(struct worker *w, const struct target *t, struct sip_uri *uri_r)
{
	struct span routes = kept_span(&w->heap, t->routes), value;
	struct sip_addr addr;

	if (!sip_value_cut(&routes, &value))
		return sip_uri_parse(kept_span(&w->heap, t->uri), uri_r);
	return sip_addr_parse(value, &addr) != ERR_NONE ? ERR_SYNTAX
							: sip_uri_parse(addr.uri, uri_r);
}

/* May this target be there? Not where we are ourselves; a subscriber's contact is no gateway, which would
 * be a call to the outside that nobody pays for (THREATS.md A11, A13); and what a gateway redirects to is
 * none of another tenant's. */
static bool
may_be_at(struct worker *w, const struct call *c, const struct target *t,
    const struct locate_place *place)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_gateway *g;

	if (rec == NULL || place_is_ours(w, place))
		return false;
	g = directory_gateway_at(&w->directory, &place->address, rec);
	if (t->kind == TARGET_CONTACT)
		return g == NULL || !dir_gateway_has_port(g, place->address.port);
	return g == NULL || t->depth == 0 || g->tenant == c->tenant;
}

/* Another gateway's address, to which one redirected, is that one's trunk. */
static void
set_trunk(struct worker *w, struct target *t)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_gateway *g = rec == NULL || t->kind != TARGET_GATEWAY || t->depth == 0
					  ? NULL
					  : directory_gateway_at(&w->directory, &t->flow.peer, rec);

	if (g != NULL)
		t->gateway = g->id;
}

/* --- its addresses ------------------------------------------------------------------------------*/

static bool
has_next(const struct target *t)
{
	return t->place + 1u < t->n_places;
}

static bool
dial_place(struct worker *w, struct call *c, struct target *t)
{
	const struct locate_place *places = heap_at(&w->heap, t->places);

	t->flow = resolve_flow(w, &places[t->place]);
	target_source(w, &t->flow);
	set_trunk(w, t);
	t->silent_until_ns = has_next(t) ? worker_now(w) + SILENT_S * NS_PER_S : 0;
	return branch_dial(w, c, t);
}

/* The first of its places that can be dialled, from the present one on. */
static bool
dial_places(struct worker *w, struct call *c, struct target *t)
{
	while (!dial_place(w, c, t)) {
		if (!has_next(t))
			return false;
		t->place++;
	}
	return true;
}

/* When the first of those that say nothing is to be given up. */
static void
watch_silence(struct worker *w, struct call *c)
{
	uint64_t first = 0;

	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (t->silent_until_ns != 0 && (first == 0 || t->silent_until_ns < first))
			first = t->silent_until_ns;
	c->attempt.silent_until_ns = first;
}

/* Streams in pass 0, datagrams in pass 1, when they are told apart. */
static bool
is_of_pass(const struct locate_place *place, unsigned pass, bool apart)
{
	return !apart || sip_transport_reliable(place->transport) == (pass == 0);
}

static void
keep_places(struct worker *w, struct call *c, struct target *t, const struct resolved *r)
{
	struct locate_place *to =
	    arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), r->n * sizeof(r->places[0]));

	t->n_places = t->place = 0;
	if (to == NULL)
		return;
	t->places = heap_offset(&w->heap, to);
	/* What is too large for a datagram goes over TCP first, where there is a place for it. */
	for (unsigned pass = !large_invite(c, t); pass < 2; pass++)
		for (unsigned i = 0; i < r->n; i++)
			if (is_of_pass(&r->places[i], pass, large_invite(c, t)) &&
			    may_be_at(w, c, t, &r->places[i]))
				to[t->n_places++] = r->places[i];
}

/* What the caller is told when nothing better comes. */
static void
no_place(struct worker *w, struct call *c, const struct target *t, const struct resolved *r)
{
	struct note n = { .status = t->kind == TARGET_GATEWAY ? 500 : 480 };
	struct buf retry = scratch_buf(w, 64);

	if (r->status == LOCATE_FAILED) { /* another time, perhaps */
		n.status = 503;
		sip_put_header_u32(&retry, SPAN("Retry-After"), RETRY_AFTER_S);
		n.text[T_HEADERS] = buf_span(&retry);
	}
	log_info("a target cannot be located", LOG_SPAN("target", kept_span(&w->heap, t->uri)),
	    LOG_STR("why", r->status == LOCATE_FAILED ? "DNS does not answer" : "no address"));
	attempt_keep_best(w, c, &n);
}

static bool
dial_resolved(struct worker *w, struct call *c, struct target *t, const struct resolved *r)
{
	bool rings;

	if (r->n > 0)
		keep_places(w, c, t, r);
	rings = t->n_places > 0 && dial_places(w, c, t);
	if (!rings)
		no_place(w, c, t, r);
	watch_silence(w, c);
	return rings;
}

/* --- from the outside ---------------------------------------------------------------------------*/

/* ERR_AGAIN: it will be told. Otherwise *r_r says what is known now, be it nothing. */
static enum err
look_up(struct worker *w, struct call *c, struct target *t, struct resolved *r_r)
{
	struct sip_uri uri;
	enum err e = next_hop(w, t, &uri);

	if (e == ERR_NONE)
		e = resolve_start(
		    w, &uri, pool_handle(&w->calls, c), heap_offset(&w->heap, t), r_r);
	if (e != ERR_NONE && e != ERR_AGAIN)
		*r_r = (struct resolved){ .status = e == ERR_FULL ? LOCATE_FAILED : LOCATE_NONE };
	return e;
}

bool
target_dial(struct worker *w, struct call *c, struct target *t)
{
	struct resolved r;

	if (t->flow.peer.family != 0)
		return large_by_tcp(w, c, t, &r) ? dial_resolved(w, c, t, &r)
						 : branch_dial(w, c, t);
	if (look_up(w, c, t, &r) != ERR_AGAIN)
		return dial_resolved(w, c, t, &r);
	t->pending = 1;
	return true;
}

unsigned
targets_pending(struct worker *w, struct call *c)
{
	unsigned n = 0;

	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		n += t->pending;
	return n;
}

struct target *
target_waiting(struct worker *w, struct call *c, uint32_t offset)
{
	struct target *t = target_at(w, c->attempt.targets);

	while (t != NULL && heap_offset(&w->heap, t) != offset)
		t = target_at(w, t->next);
	return t != NULL && t->pending ? t : NULL;
}

void
call_resolved(void *step, const void *arg)
{
	struct call_step *s = step;
	const struct target_resolved *in = arg;

	in->target->pending = 0;
	if (s->c->attempt.waiting == 0)
		return; /* another answered meanwhile */
	if (!dial_resolved(s->w, s->c, in->target, in->resolved))
		attempt_go_on(s->w, s->c);
}

void
targets_look_up_again(struct worker *w, struct call *c)
{
	handle h = pool_handle(&w->calls, c);
	uint32_t next;
	struct resolved r;

	for (uint32_t at = c->attempt.targets; at != 0 && call_at(w, h) == c; at = next) {
		struct target *t = target_at(w, at);

		next = t->next;
		if (t->pending && look_up(w, c, t, &r) != ERR_AGAIN)
			call_on_resolved(w, h, at, &r);
	}
}

bool
target_try_next(struct worker *w, struct call *c, const struct party *p, const struct note *in)
{
	struct target *t = target_at(w, p->target);
	/* A 408 that came is the user's silence, not the server's. */
	bool silent = in->status == 408 && in->text[T_PHRASE].p == NULL;
	bool rings;

	if (t == NULL || p->passed_over || !has_next(t) || (in->status != 503 && !silent))
		return false;
	t->place++;
	rings = dial_places(w, c, t);
	watch_silence(w, c);
	return rings;
}

/* --- silence ------------------------------------------------------------------------------------*/

static struct party *
party_at_place(struct worker *w, struct call *c, const struct target *t)
{
	struct party *p = party_at(w, c->parties);

	while (p != NULL && (p->target != heap_offset(&w->heap, t) || p->gone || p->passed_over))
		p = party_at(w, p->next);
	return p;
}

/* Should it answer after all, it is heard (RFC 3261 9.1: its INVITE is cancelled as soon as it says
 * anything). */
static void
give_up_place(struct worker *w, struct call *c, struct target *t)
{
	struct party *p = party_at_place(w, c, t);

	if (p == NULL || p->status != 0)
		return;
	t->place++;
	if (!dial_places(w, c, t))
		return;
	p->passed_over = 1;
	party_release(w, c, p, SPAN_NONE);
}

void
call_silence_over(void *step, const void *note)
{
	struct call_step *s = step;
	uint64_t now = worker_now(s->w);

	(void)note;
	for (struct target *t = target_at(s->w, s->c->attempt.targets); t != NULL;
	     t = target_at(s->w, t->next)) {
		if (t->silent_until_ns == 0 || t->silent_until_ns > now)
			continue;
		t->silent_until_ns = 0;
		give_up_place(s->w, s->c, t);
	}
	watch_silence(s->w, s->c);
}
