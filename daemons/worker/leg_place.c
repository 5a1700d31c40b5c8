/*
 * Where a leg's requests go when its next hop is a name (RFC 3263): until that is known, back on the
 * way that the peer's message came, which mostly leads there too. Connections are kept: who made one
 * is reached on it.
 */
#include "worker/worker.h"

#include "model/domain.h"

/* Which next hop was asked for: it may be another when the answer comes. */
static uint32_t
next_hop_mark(struct worker *w, const struct leg *l)
{
	return (uint32_t)hash_span(&w->key, dialog_next_hop(&l->dialog, &w->heap));
}

/* The peer's own place, if it is one of them; else the first that is not ours. */
static const struct locate_place *
choose(struct worker *w, const struct leg *l, const struct resolved *r)
{
	const struct locate_place *first = NULL;

	for (unsigned i = 0; i < r->n; i++) {
		if (netaddr_eq_ip(&r->places[i].address, &l->flow.peer))
			return &r->places[i];
		if (first == NULL && !place_is_ours(w, &r->places[i]))
			first = &r->places[i];
	}
	return first;
}

static void
aim_at(struct worker *w, struct leg *l, const struct resolved *r)
{
	const struct locate_place *place = choose(w, l, r);
	struct sip_flow f;

	if (place == NULL)
		return;
	f = resolve_flow(w, place);
	if (f.transport == l->flow.transport && f.peer.family == l->flow.peer.family) {
		f.listener = l->flow.listener;
		f.local = l->flow.local;
	} else {
		target_source(w, &f);
	}
	l->flow = f;
}

void
leg_look_up(struct worker *w, struct leg *l, const struct sip_uri *next)
{
	struct resolved r;

	/* A phone that writes its domain into its Contact does not mean us. */
	if (l->flow.conn != 0 ||
	    domain_leads_here(&w->directory, w->settings, next, &l->flow.local))
		return;
	if (resolve_start(w, next, pool_handle(&w->legs, l), next_hop_mark(w, l), &r) == ERR_NONE)
		aim_at(w, l, &r);
}

void
leg_on_resolved(struct worker *w, handle leg, uint32_t which, const struct resolved *r)
{
	struct leg *l = leg_at(w, leg);

	if (l == NULL || which != next_hop_mark(w, l))
		return;
	call_mark(w, l->call);
	aim_at(w, l, r);
}

struct span
leg_peer_name(struct worker *w, const struct leg *l)
{
	struct netaddr literal;
	struct sip_uri next;

	if (l->flow.transport != SIP_T_TLS || l->flow.conn != 0 ||
	    sip_uri_parse(dialog_next_hop(&l->dialog, &w->heap), &next) != ERR_NONE ||
	    netaddr_ip(next.host, &literal) == ERR_NONE)
		return SPAN_NONE;
	return next.host;
}
