/*
 * A gateway that answers 503 with a Retry-After is left alone so long (RFC 3261 21.5.4; FLOWS.md S2-10):
 * calls take the next route at once. It is its address that rests; of a name with several places the others
 * are tried. Each worker learns it for itself, in private memory: one call finds out anew.
 */
#include "worker/worker.h"

enum { REST_MAX_S = 3600 }; /* whoever says a day has made a mistake, perhaps */

static struct resting *
slot_of(struct worker *w, const struct netaddr *peer)
{
	return &w->resting[hash_bytes(&w->key, peer->ip, sizeof(peer->ip)) % RESTING];
}

void
rest_learn(struct worker *w, const struct sip_flow *f, uint32_t seconds)
{
	if (seconds > REST_MAX_S)
		seconds = REST_MAX_S;
	if (seconds > 0)
		*slot_of(w, &f->peer) =
		    (struct resting){ f->peer, worker_now(w) + seconds * NS_PER_S };
}

uint32_t
rest_left(struct worker *w, const struct sip_flow *f)
{
	const struct resting *r = slot_of(w, &f->peer);
	uint64_t now = worker_now(w);

	if (!netaddr_eq(&r->peer, &f->peer) || r->until_ns <= now)
		return 0;
	return (uint32_t)((r->until_ns - now + NS_PER_S - 1) / NS_PER_S);
}
