/*
 * tandem worker: started by tandemd, never by hand. Takes messages from the fronts' rings, in batches;
 * what a batch wrote is sent at its end; then it sleeps until the doorbell or the next timer.
 */
#include <stdlib.h>

#include "base/log.h"
#include "worker/worker.h"

enum { BATCH = 64 };

static void
turn(struct worker *w)
{
	const struct ring_record *r;
	unsigned from, n = 0;

	if (child_turn(&w->child))
		worker_settings(w);
	worker_timers(w);
	worker_cdrs(w);
	note_flush(w);
	while (n++ < BATCH && (r = child_next(&w->child, &from)) != NULL) {
		inbox_record(w, r, from);
		ring_next(&w->child.in[from]);
	}
	outbox_flush(w->outbox);
	child_flush(&w->child);
}

static void
gauges(struct worker *w)
{
	gauge(w->child.self, COUNT_LIVE_CALLS, w->calls.live);
	gauge(w->child.self, COUNT_LIVE_LEGS, w->legs.live);
	gauge(w->child.self, COUNT_LIVE_TXNS, w->txn_pool.live);
	gauge(w->child.self, COUNT_HEAP_BYTES, heap_in_use(&w->heap));
	child_title(&w->child, "%u calls", w->calls.live);
}

int
main(int argc, char **argv)
{
	static struct worker *w; /* static: what it owns is in use until the process ends */
	uint64_t told_ns = 0;

	w = calloc(1, sizeof(*w));
	if (w == NULL)
		fatal(0, "no memory");
	child_start(&w->child, ROLE_WORKER, argc, argv);
	w->settings = child_settings(&w->child);
	log_level_set(w->settings->log_level);
	w->key = w->child.exchange->token_key;
	w->region = (char *)w->child.self;
	worker_init(w);
	child_ready(&w->child);
	while (!child_stopping(&w->child)) {
		turn(w);
		if (worker_now(w) - told_ns >= NS_PER_S) {
			told_ns = worker_now(w);
			worker_open_tables(w);
			gauges(w);
		}
		child_sleep(&w->child, wheel_next(w->wheel, worker_now(w)));
	}
	/* Calls stay in the region for the next start. */
	outbox_flush(w->outbox);
	child_flush(&w->child);
	return 0;
}
