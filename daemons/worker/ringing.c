/*
 * How many calls of one subscriber ring at once (THREATS.md C3): each holds up to TARGETS_MAX legs for as
 * long as timers.ring_s, and costs the caller nothing. Over limits.ringing_per_subscriber, in this worker,
 * he hears 503.
 *
 * Nothing is counted up and down: the calls of a subscriber are chained, in private memory made anew at
 * start, and those of the chain that ring are counted when he calls.
 */
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"

enum { CHAINS = 1024 }; /* of the hash of his id */

struct ringing {
	uint32_t first[CHAINS]; /* index of a call + 1; 0 = none */
	uint32_t next[];	/* by a call's index */
};

struct ringing *
ringing_new(uint32_t calls)
{
	struct ringing *r = calloc(1, sizeof(*r) + calls * sizeof(r->next[0]));

	if (r == NULL)
		fatal(errno, "no memory for %u calls", calls);
	return r;
}

static uint32_t *
chain_of(struct worker *w, uint64_t account)
{
	return &w->ringing->first[hash_bytes(&w->key, &account, sizeof(account)) % CHAINS];
}

void
ringing_add(struct worker *w, const struct call *c)
{
	uint32_t i = pool_index(&w->calls, c), *first = chain_of(w, c->account);

	if (c->origin != ORIGIN_SUBSCRIBER)
		return;
	w->ringing->next[i] = *first;
	*first = i + 1;
}

void
ringing_remove(struct worker *w, const struct call *c)
{
	uint32_t i = pool_index(&w->calls, c), *at = chain_of(w, c->account);

	while (*at != 0 && *at != i + 1)
		at = &w->ringing->next[*at - 1];
	if (*at != 0) /* it is there unless it never was */
		*at = w->ringing->next[i];
}

bool
ringing_is_full(struct worker *w, uint64_t account)
{
	uint32_t n = 0;

	for (uint32_t at = *chain_of(w, account); at != 0; at = w->ringing->next[at - 1]) {
		const struct call *c = pool_at(&w->calls, at - 1);

		n += c->account == account && c->state == CALL_RINGING;
	}
	return n >= w->settings->limits.ringing_per_subscriber;
}
