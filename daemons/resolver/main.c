/* tandem resolver: started by tandemd, never by hand. Its start, its loop, its title. */
#include <sys/epoll.h>

#include "base/log.h"
#include "ipc/confine.h"
#include "resolver/resolver.h"

enum { SWEEP_S = 60 };

/* The bell only ends the wait: the turn looks at the rings. */
static void
on_bell(void *ctx, uint32_t events)
{
	struct resolver *r = ctx;

	(void)events;
	child_bell_heard(&r->child);
}

static void
start(struct resolver *r)
{
	char *mem = (char *)r->child.self + PROCESS_HEAD;

	r->settings = child_settings(&r->child);
	log_level_set((enum log_level)r->settings->log_level);
	if (plans_own(&r->plans, mem, r->child.self_size - PROCESS_HEAD) != ERR_NONE)
		fatal(0, "the table of plans cannot be taken over");
	r->loop = loop_new();
	r->questions = questions_new();
	r->dns = dns_new(r);
	r->bell = (struct loop_watch){ .fd = child_bell_fd(&r->child), .ready = on_bell, .ctx = r };
	if (loop_add(r->loop, &r->bell, EPOLLIN) != ERR_NONE)
		fatal(0, "the bell cannot be watched");
}

static void
stop(struct resolver *r)
{
	child_flush(&r->child);
	dns_drop(r->dns);
	questions_drop(r->questions);
	records_close(&r->plans.records);
	loop_drop(r->loop);
}

static void
title(struct resolver *r)
{
	uint64_t now = r->child.clock.mono_ns;

	if (r->titled_ns != 0 && now - r->titled_ns < NS_PER_S)
		return;
	r->titled_ns = now;
	gauge(r->child.self, COUNT_LIVE_NAMES, records_count(&r->plans.records));
	child_title(&r->child, "%u names", records_count(&r->plans.records));
	if (now - r->swept_ns < SWEEP_S * NS_PER_S)
		return;
	r->swept_ns = now;
	plans_sweep(&r->plans, now);
}

static void
turn(struct resolver *r)
{
	const struct ring_record *record;
	unsigned from;

	if (child_turn(&r->child)) {
		r->settings = child_settings(&r->child);
		log_level_set((enum log_level)r->settings->log_level);
		dns_settings(r->dns);
	}
	while ((record = child_next(&r->child, &from)) != NULL) {
		inbox_record(r, record, from);
		ring_next(&r->child.in[from]);
	}
	dns_turn(r->dns);
	child_flush(&r->child);
	title(r);
	loop_turn(r->loop, child_bell_arm(&r->child) ? dns_wait_ns(r->dns) : 0);
	child_bell_disarm(&r->child);
}

int
main(int argc, char **argv)
{
	static struct resolver r;

	child_start(&r.child, ROLE_RESOLVER, argc, argv);
	start(&r);
	confine("resolver", NULL, 0);
	child_ready(&r.child);
	while (!child_stopping(&r.child))
		turn(&r);
	stop(&r);
	return 0;
}
