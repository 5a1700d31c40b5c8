/*
 * The ways of a MESSAGE to gateways, one after the other. One whose gateway has a name is located first
 * (RFC 3263); meanwhile the relay waits as for an answer. One that asks who sends it is told (login.c), with
 * the next CSeq.
 */
#include "worker/worker.h"

/* One way, whose name leads to several places, becomes as many, so far as there is room. */
static void
spread_way(struct worker *w, struct relay *r, unsigned at, const struct resolved *to)
{
	unsigned more = to->n - 1, room = DIR_ROUTES_MAX - r->n_ways;
	struct relay_way way = r->ways[at];

	if (more > room)
		more = room;
	for (unsigned i = r->n_ways; i-- > at + 1u;)
		r->ways[i + more] = r->ways[i];
	for (unsigned i = 0; i <= more; i++) {
		way.flow = resolve_flow(w, &to->places[i]);
		target_source(w, &way.flow);
		r->ways[at + i] = way;
	}
	r->n_ways += (uint8_t)more;
}

/* ERR_NONE: the way has a flow now. */
static enum err
locate_way_of(struct worker *w, struct txn *t, struct relay *r, unsigned at)
{
	struct resolved to = { .status = LOCATE_NONE };
	struct sip_uri uri;
	enum err e = sip_uri_parse(kept_span(&w->heap, r->ways[at].uri), &uri);

	if (e == ERR_NONE)
		e = resolve_start(w, &uri, pool_handle(&w->txn_pool, t), at, &to);
	if (e == ERR_NONE && to.n == 0)
		e = ERR_ABSENT;
	if (e == ERR_NONE)
		spread_way(w, r, at, &to);
	return e;
}

static void
send_way(struct worker *w, struct txn *t, struct relay *r, unsigned at)
{
	const struct relay_way *way = &r->ways[at];

	relay_send(w, t, r,
	    &(struct relay_branch){ .uri = kept_span(&w->heap, way->uri),
		.flow = &way->flow,
		.gateway = way->gateway });
}

static handle *
place_of(struct worker *w, struct relay *r, const struct txn *c)
{
	for (unsigned i = 0; i < r->n_branches; i++)
		if (r->branches[i] == pool_handle(&w->txn_pool, c))
			return &r->branches[i];
	return NULL;
}

bool
relay_login(
    struct worker *w, struct txn *t, struct relay *r, const struct txn *c, const struct sip_msg *m)
{
	const struct message_branch *b = message_branch_of(w, c);
	struct relay_branch to = { .place = place_of(w, r, c), .flow = &c->flow };
	struct login_party p = { b == NULL ? 0 : b->gateway, &c->flow.peer, &c->flow.peer };
	struct span method;

	if (b == NULL || to.place == NULL || r->state != RELAY_SENT ||
	    !login_follows(w, &p, b->again, m))
		return false;
	span_cut(span_cut(kept_span(&w->heap, c->request), ' ', &method), ' ', &to.uri);
	to.gateway = b->gateway;
	to.again = b->again + 1;
	relay_send(w, t, r, &to);
	relay_go(w, t, r);
	return true;
}

/* The next gateway, when the one before is itself at fault (BILLING.md R20). */
bool
relay_send_next_way(struct worker *w, struct txn *t, struct relay *r)
{
	unsigned at = r->next_way;
	enum err e = ERR_NONE;

	if (r->next_way == r->n_ways || (r->best != 0 && r->best < 500 && r->best != 480))
		return false;
	if (r->best >= 600)
		return false;
	r->next_way++;
	if (r->ways[at].flow.peer.family == 0)
		e = locate_way_of(w, t, r, at);
	r->locating = e == ERR_AGAIN;
	if (e == ERR_NONE)
		send_way(w, t, r, at);
	else if (e != ERR_AGAIN)
		relay_note_refusal(w, t, r, 503, NULL);
	return true;
}

void
message_on_resolved(struct worker *w, handle relay, uint32_t which, const struct resolved *to)
{
	struct txn *t = txn_at(&w->txns, relay);
	struct relay *r = relay_of(w, t);

	if (r == NULL || !r->locating || which + 1 != r->next_way)
		return;
	r->locating = 0;
	if (to->n > 0) {
		spread_way(w, r, which, to);
		send_way(w, t, r, which);
	} else {
		relay_note_refusal(w, t, r, 503, NULL);
	}
	relay_go(w, t, r);
}
