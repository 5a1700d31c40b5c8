/*
 * tandem registrar: started by tandemd, never by hand. Takes what phones say from the fronts' rings,
 * in batches; what a batch wrote is sent at its end; then it sleeps until the doorbell or the next
 * timer.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "registrar/registrar.h"

enum { BATCH = 64 };

static void
turn(struct registrar *r)
{
	const struct ring_record *record;
	unsigned from, n = 0;

	if (child_turn(&r->child))
		registrar_settings(r);
	registrar_timers(r);
	while (n++ < BATCH && (record = child_next(&r->child, &from)) != NULL) {
		inbox_record(r, record, from);
		ring_next(&r->child.in[from]);
	}
	outbox_flush(r->outbox);
	child_flush(&r->child);
}

static void
second(struct registrar *r)
{
	record_walk(r);
	calls_check(r);
	summaries_check(r);
	child_flush(&r->child);
	gauge(r->child.self, COUNT_LIVE_BINDINGS, r->live);
	gauge(r->child.self, COUNT_LIVE_TXNS, r->txn_pool.live);
	gauge(r->child.self, COUNT_LIVE_SUBSCRIPTIONS, r->subscriptions.live);
	child_title(&r->child, "%u subscriptions, %u bindings", r->subscriptions.live, r->live);
}

int
main(int argc, char **argv)
{
	static struct registrar *r; /* static: what it owns is in use until the process ends */
	uint64_t told_ns = 0;

	r = calloc(1, sizeof(*r));
	if (r == NULL)
		fatal(errno, "no memory");
	child_start(&r->child, ROLE_REGISTRAR, argc, argv);
	r->settings = child_settings(&r->child);
	log_level_set((enum log_level)r->settings->log_level);
	registrar_init(r);
	child_ready(&r->child);
	while (!child_stopping(&r->child)) {
		turn(r);
		if (r->child.clock.mono_ns - told_ns >= NS_PER_S) {
			told_ns = r->child.clock.mono_ns;
			second(r);
		}
		child_sleep(&r->child, wheel_next(r->wheel, r->child.clock.mono_ns));
	}
	/* Bindings and transactions stay in the region for the next start. */
	return 0;
}
