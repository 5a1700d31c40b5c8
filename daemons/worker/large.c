/*
 * An INVITE that is too large for a datagram (RFC 3261 18.1.1; FLOWS.md S2-14): over LARGE bytes it goes
 * over TCP to a gateway that is known to take it there, and over UDP when that fails. Which way is left
 * open by the gateway's configuration, or nothing is changed; and known it is
 *
 *     by DNS          one of the places of its name is for TCP: that is tried first
 *     by its deeds    a message came from its address over TCP within the last hour
 *
 * To anybody else, and inside a dialog, a large request is a UDP packet in fragments, which networks
 * mostly carry; so it is accepted from everybody.
 */
#include "worker/worker.h"

enum { LARGE = 1300, KNOWN_S = 3600, LINES = 700 }; /* LINES: Via, Contact, Allow and the like */

static size_t
invite_bytes(const struct call *c, const struct target *t)
{
	const struct attempt *a = &c->attempt;

	return LINES + t->uri.len + t->routes.len + a->from.len + a->to.len + a->offer.len +
	       a->offer_type.len + a->identity.len +
	       (t->headers.len > 0 ? t->headers.len : a->headers.len);
}

bool
large_invite(const struct call *c, const struct target *t)
{
	return t->any_transport && invite_bytes(c, t) > LARGE;
}

static struct known_tcp *
slot_of(struct worker *w, const struct netaddr *peer)
{
	return &w->known_tcp[hash_bytes(&w->key, peer->ip, sizeof(peer->ip)) % KNOWN_TCP];
}

void
large_learn(struct worker *w, const struct sip_flow *came)
{
	if (came->transport == SIP_T_TCP)
		*slot_of(w, &came->peer) =
		    (struct known_tcp){ came->peer, worker_now(w) + KNOWN_S * NS_PER_S };
}

bool
large_by_tcp(struct worker *w, const struct call *c, const struct target *t, struct resolved *r_r)
{
	const struct known_tcp *k = slot_of(w, &t->flow.peer);
	struct locate_place udp = { .address = t->flow.peer, .transport = SIP_T_UDP }, tcp = udp;
	uint32_t way = locate_way(SIP_T_TCP, t->flow.peer.family);

	if (t->flow.transport != SIP_T_UDP || !large_invite(c, t) ||
	    (plan_ways(w->settings) & way) == 0 || !netaddr_eq_ip(&k->peer, &t->flow.peer) ||
	    k->until_ns < worker_now(w))
		return false;
	tcp.transport = SIP_T_TCP;
	*r_r = (struct resolved){ .status = LOCATE_FOUND, .n = 2, .places = { tcp, udp } };
	return true;
}
