/*
 * A new MESSAGE: who sends it, whom it is for, what passes. Nothing is kept of it before it is known
 * who sends it; then it is a relay (message_relay.c).
 */
#include "worker/worker.h"

#include "sip/build.h"

static struct kept
keep(struct worker *w, struct txn *t, struct span s, bool *good)
{
	struct kept k;

	if (arena_keep(&w->heap, &t->arena, pool_handle(&w->txn_pool, t), s, &k) != ERR_NONE)
		*good = false;
	return k;
}

/* A way that cannot be gone is left out. */
static void
keep_way(struct worker *w, struct txn *t, struct relay *r, const struct dir_gateway *g,
    struct span number, bool *good)
{
	struct relay_way *way = &r->ways[r->n_ways];
	struct buf uri = scratch_buf(w, 512);
	struct sip_uri parsed;
	enum err e;

	route_put_gateway(&uri, g, number);
	if (!buf_ok(&uri) || sip_uri_parse(buf_span(&uri), &parsed) != ERR_NONE)
		return;
	e = target_flow(w, &parsed, &way->flow);
	if (e == ERR_NONE)
		target_source(w, &way->flow);
	else if (e != ERR_ABSENT || !resolve_may(w, &parsed))
		return;
	way->uri = keep(w, t, buf_span(&uri), good);
	way->gateway = (uint32_t)g->id; /* an int in SQL */
	r->n_ways++;
}

static void
keep_ways(struct worker *w, struct txn *t, struct relay *r, struct span dialled, bool *good)
{
	struct dir_buf *route_rec = scratch_take(w, sizeof(*route_rec));
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_route *route =
	    route_rec == NULL || rec == NULL
		? NULL
		: directory_route(&w->directory, r->tenant, dialled, route_rec);

	for (unsigned i = 0; route != NULL && i < route->n; i++) {
		const struct dir_gateway *g =
		    directory_gateway(&w->directory, route->routes[i].gateway, rec);
		struct buf number = scratch_buf(w, 128);

		buf_str(&number, route->routes[i].add);
		buf_put(&number, span_from(dialled, route->routes[i].strip));
		if (g != NULL && buf_ok(&number))
			keep_way(w, t, r, g, buf_span(&number), good);
	}
}

static bool
fill(struct worker *w, struct txn *t, struct relay *r, const struct message_sending *in)
{
	bool good = true;

	*r = (struct relay){ .state = RELAY_SENT,
		.tenant = in->o->tenant,
		.account = in->o->account,
		.loop = (uint32_t)hash_span(&w->key, sip_span(in->m, in->m->uri)),
		.max_forwards = in->m->max_forwards < 0 ? 70 : (uint32_t)in->m->max_forwards - 1,
		.began_ns = worker_now(w) };
	r->until_ns =
	    r->began_ns + (uint64_t)RELAY_WAIT_T1S * w->settings->timers.t1_ms * NS_PER_MS;
	r->from = keep(w, t, in->from.value, &good);
	r->from_uri = keep(w, t, in->from.uri, &good);
	r->from_display = keep(w, t, in->from.display, &good);
	r->from_user = keep(w, t, in->from.user, &good);
	r->headers = keep(w, t, in->headers, &good);
	if (in->to != NULL)
		r->to_user = keep(w, t, dir_text(in->to, in->to->user), &good);
	else
		keep_ways(w, t, r, in->dialled, &good);
	return good;
}

/* Until its user stands in it a kill leaves a transaction that recovery drops. */
static struct relay *
begin(struct worker *w, const struct message_sending *in, struct txn **t_r)
{
	struct txn *t = txn_server_new(&w->txns, in->m, false);
	struct relay *r =
	    t == NULL ? NULL
		      : arena_take(&w->heap, &t->arena, pool_handle(&w->txn_pool, t), sizeof(*r));

	if (r == NULL || !fill(w, t, r, in)) {
		if (t != NULL)
			txn_drop(&w->txns, t);
		return NULL;
	}
	t->user_data = heap_offset(&w->heap, r);
	t->user = pool_handle(&w->txn_pool, t);
	*t_r = t;
	return r;
}

static void
send_to_contacts(struct worker *w, struct txn *t, struct relay *r, const struct sip_msg *m,
    const struct loc_buf *buf)
{
	const struct location *loc = (const void *)buf->words;

	for (unsigned i = 0; i < loc->n; i++) {
		const struct binding *b = &loc->bindings[i];

		if (m->method == SIP_MESSAGE || referral_goes_to(m, loc, b))
			relay_send(w, t, r,
			    &(struct relay_branch){ .uri = loc_text(loc, b->contact),
				.routes = loc_text(loc, b->path),
				.flow = &b->flow });
	}
}

void
message_relay(struct worker *w, const struct message_sending *in)
{
	struct loc_buf *loc = scratch_take(w, sizeof(*loc));
	struct txn *t = NULL;
	struct relay *r = loc == NULL ? NULL : begin(w, in, &t);

	if (r == NULL) {
		count(w->child.self, COUNT_SHED, 1);
		answer_stateless(w, in->m, 503, NULL, SPAN("Retry-After: 5\r\n"));
		return;
	}
	if (in->to == NULL && r->n_ways == 0) {
		relay_note_refusal(w, t, r, 404, NULL);
	} else if (in->to != NULL &&
		   locations_find(&w->locations, in->to->tenant, kept_span(&w->heap, r->to_user),
		       child_steady_ms(&w->child), loc) != NULL) {
		send_to_contacts(w, t, r, in->m, loc);
	}
	relay_go(w, t, r);
}

struct route_result
message_decide(struct worker *w, struct message_sending *in, struct dir_buf *rec)
{
	const struct sip_msg *m = in->m;
	struct dir_buf *tenant_rec = scratch_take(w, sizeof(*tenant_rec));
	struct buf user = scratch_buf(w, 256);
	struct route_query q = { .uri = sip_span(m, m->uri), .local = &m->flow.local };
	const struct dir_tenant *tenant;
	struct route_result to;
	struct sip_uri uri;

	if (tenant_rec == NULL || rec == NULL)
		return (struct route_result){ .status = 503 };
	tenant = directory_tenant(&w->directory, in->o->tenant, tenant_rec);
	if (in->o->kind == ORIGIN_SUBSCRIBER && tenant != NULL && tenant->suspended)
		return (struct route_result){ .status = 403, .reason = "Suspended" };
	if (sip_uri_parse(q.uri, &uri) == ERR_NONE)
		sip_uri_user(&uri, &user);
	q.dialled = in->dialled = buf_span(&user);
	to = route_decide(w, in->o->tenant, &q, in->o, rec, &in->to);
	if (to.status == 0 && in->to != NULL && in->to->disabled)
		to.status = 480;
	return to;
}

void
message_request(struct worker *w, const struct sip_msg *m)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	struct message_sending in = { .m = m, .o = o };
	struct route_result to;

	if (m->body.len > 0 && m->content_type.len == 0) {
		answer_stateless(w, m, 400, "Missing Content-Type header", SPAN_NONE);
		return;
	}
	if (!auth_request(w, m, o))
		return;
	to = message_decide(w, &in, rec);
	if (to.status == 0 &&
	    (!message_headers(w, m, &in.headers) || !message_from(w, m, o, &in.from)))
		to.status = 513;
	if (to.status != 0)
		answer_request(w, m, to.status, to.reason, to.headers);
	else
		message_relay(w, &in);
}
