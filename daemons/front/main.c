/* The front's start, its loop and its title. */
#include "front/front.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum { OUT_BATCH = 256 };

static void
use_settings(struct front *f, bool first)
{
	f->settings = child_settings(&f->child);
	guard_set(f->guard, f->settings);
	tls_load(f, first);
}

/* The bell only ends the wait: what it rang for is taken at the next turn. */
static void
bell(void *ctx, uint32_t events)
{
	struct front *f = ctx;

	(void)events;
	child_bell_heard(&f->child);
}

static void
raise_limits(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l); /* else fewer connections: accept.c */
}

static void
start(struct front *f)
{
	raise_limits();
	f->loop = loop_new();
	f->wheel = wheel_new(front_now(f));
	f->guard = guard_new();
	f->send = send_new();
	f->stream = stream_new();
	use_settings(f, true);
	f->dispatch.key = f->child.exchange->token_key;
	while (f->dispatch.workers < role_most(ROLE_WORKER) &&
	       child_out(&f->child, ROLE_WORKER, f->dispatch.workers) != NULL)
		f->dispatch.workers++;
	conn_open_all(f);
	udp_open(f);
	accept_open(f);
	f->bell = (struct loop_watch){ .fd = child_bell_fd(&f->child), .ready = bell, .ctx = f };
	if (loop_add(f->loop, &f->bell, EPOLLIN) != ERR_NONE)
		fatal(errno, "watching the doorbell");
}

static void
stop(struct front *f)
{
	accept_close(f);
	udp_close(f);
	conn_close_all(f);
	send_flush(f);
	child_flush(&f->child);
	stream_drop(f->stream);
	send_drop(f->send);
	guard_drop(f->guard);
	tls_unload(f);
	wheel_drop(f->wheel);
	loop_drop(f->loop);
}

static void
title(struct front *f)
{
	char text[64];
	struct buf b = buf_on(text, sizeof(text));
	unsigned seen = 0;

	if (f->child.clock.mono_ns - f->titled_ns < NS_PER_S && f->titled_ns != 0)
		return;
	f->titled_ns = f->child.clock.mono_ns;
	for (unsigned i = 0; i < f->settings->n_listeners; i++) {
		unsigned t = f->settings->listeners[i].transport;

		if (seen & 1u << t)
			continue;
		if (seen != 0)
			buf_char(&b, ' ');
		seen |= 1u << t;
		buf_put(&b, sip_transport_param(t));
	}
	child_title(&f->child, "%.*s, %u flows", SPAN_F(buf_span(&b)), f->conns.pool.live);
}

static void
turn(struct front *f)
{
	uint64_t wait;

	if (child_turn(&f->child))
		use_settings(f, false);
	connect_take(f, OUT_BATCH);
	alarm_run(f);
	conn_bury(f);
	send_flush(f);
	child_flush(&f->child);
	title(f);
	wait = wheel_next(f->wheel, f->child.clock.mono_ns);
	if (wait > NS_PER_S)
		wait = NS_PER_S; /* it beats at least once a second */
	loop_turn(f->loop, child_bell_arm(&f->child) ? wait : 0);
	child_bell_disarm(&f->child);
}

int
main(int argc, char **argv)
{
	static struct front f;

	child_start(&f.child, ROLE_FRONT, argc, argv);
	start(&f);
	front_confine();
	child_ready(&f.child);
	while (!child_stopping(&f.child))
		turn(&f);
	stop(&f);
	return 0;
}
