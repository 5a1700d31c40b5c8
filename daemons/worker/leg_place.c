/*
 * Where a leg's requests go: to the first of its routes, else to its target (RFC 3261 12.2.1.1). When that
 * is a name (RFC 3263), until its place is known back on the way that the peer's message came, which
 * mostly leads there too. Connections are kept: who made one is reached on it.
 */
#include "worker/worker.h"

#include "model/domain.h"

/* Behind a NAT a phone writes an address that nobody can reach into Via and Contact alike; where the
 * packet came from is the way back (RFC 3581). A Contact that differs from the Via is meant. */
static bool
is_behind_nat(const struct sip_msg *m, const struct sip_uri *target)
{
	struct netaddr via;

	return m->request && span_ieq(target->host, sip_span(m, m->via_host)) &&
	       netaddr_ip(target->host, &via) == ERR_NONE && !netaddr_eq_ip(&via, &m->flow.peer);
}

/* Does the connection that the message came on lead to the next hop? To a peer it does, wherever its
 * Contact says it is; a proxy that stays on the way may be another one than the last. */
static bool
leads_there(const struct leg *l, const struct sip_flow *next, const struct sip_flow *came)
{
	return next->transport == came->transport &&
	       (l->dialog.routes.len == 0 || netaddr_eq_ip(&next->peer, &came->peer));
}

void
leg_aim(struct worker *w, struct leg *l, const struct sip_msg *m)
{
	struct sip_uri next;
	struct sip_flow f;
	enum err e;

	if (sip_uri_parse(dialog_next_hop(&l->dialog, &w->heap), &next) != ERR_NONE ||
	    is_behind_nat(m, &next)) {
		l->flow = m->flow;
		return;
	}
	e = target_flow(w, &next, &f);
	if (e != ERR_NONE) {
		l->flow = m->flow;
		if (e == ERR_ABSENT)
			leg_look_up(w, l, &next);
		return;
	}
	if (leads_there(l, &f, &m->flow)) { /* and so does our address that it used */
		f.listener = m->flow.listener;
		f.local = m->flow.local;
		f.conn = m->flow.conn;
	} else {
		target_source(w, &f);
	}
	l->flow = f;
}

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
