/*
 * The listening sockets. A connection over a limit is closed at once. When descriptors run out, one
 * that was kept for this is given up for a moment to take the caller off the queue and hang up;
 * otherwise epoll would report the same caller for ever. When even that fails, the listener rests.
 */
#include "front/front.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REST_NS (200 * NS_PER_MS)

enum { BATCH = 16 };

struct listener {
	struct loop_watch watch;
	struct alarm rest;
	struct front *front;
	uint8_t index;
};

struct accepts {
	struct listener listeners[LISTENERS_MAX];
	int reserve;
};

static bool
admit(struct front *f, const struct netaddr *peer)
{
	uint64_t source = guard_source(f->guard, peer);

	if (!pool_has(&f->conns.pool, 1, false) ||
	    !guard_pass(f->guard, peer, f->child.clock.mono_ns))
		return false;
	return guard_trusts(f->guard, peer) ||
	       conn_count_source(f, source) < f->settings->limits.connections_per_source;
}

static void
take(struct listener *l, int fd, const struct sockaddr_storage *from)
{
	struct front *f = l->front;
	struct sip_flow flow = { .listener = l->index };
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	struct conn *c;

	flow.transport = f->settings->listeners[l->index].transport;
	if (netaddr_of_sockaddr(from, &flow.peer) != ERR_NONE || !admit(f, &flow.peer)) {
		front_count(f, COUNT_CONNECTIONS_REFUSED);
		close(fd);
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		(void)netaddr_of_sockaddr(&ss, &flow.local); /* not known: family 0 */
	c = conn_new(f, fd, &flow, false);
	if (c != NULL)
		conn_start(c, true);
}

static void
rest(struct listener *l)
{
	(void)loop_change(l->front->loop, &l->watch, 0);
	wheel_set(l->front->wheel, &l->rest.timer, l->front->child.clock.mono_ns + REST_NS);
}

static void
rested(void *ctx)
{
	struct listener *l = ctx;
	struct accepts *a = l->front->accepts;

	if (a->reserve < 0)
		a->reserve = eventfd(0, EFD_CLOEXEC);
	(void)loop_change(l->front->loop, &l->watch, EPOLLIN);
}

/* False: no more for this turn. */
static bool
hang_up(struct listener *l)
{
	struct accepts *a = l->front->accepts;
	int fd;

	front_count(l->front, COUNT_CONNECTIONS_REFUSED);
	log_warn("no descriptors left", LOG_U64("flows", l->front->conns.pool.live));
	if (a->reserve >= 0)
		close(a->reserve);
	fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	a->reserve = eventfd(0, EFD_CLOEXEC);
	if (fd >= 0 && a->reserve >= 0)
		return true;
	rest(l);
	return false;
}

static bool
failed(struct listener *l, int error)
{
	switch (error) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
		return hang_up(l);
	case ENOBUFS:
	case ENOMEM:
		rest(l);
		return false;
	default: /* of a caller that is gone again: accept(2) */
		return true;
	}
}

static void
ready(void *ctx, uint32_t events)
{
	struct listener *l = ctx;

	(void)events;
	front_now(l->front);
	for (unsigned i = 0; i < BATCH; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof(from);
		int fd = accept4(
		    l->watch.fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			take(l, fd, &from);
		else if (!failed(l, errno))
			return;
	}
}

void
accept_open(struct front *f)
{
	struct accepts *a = calloc(1, sizeof(*a));

	if (a == NULL)
		fatal(ENOMEM, "the listeners");
	f->accepts = a;
	a->reserve = eventfd(0, EFD_CLOEXEC);
	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		struct listener *l = &a->listeners[i];

		if (f->child.stream[i] < 0)
			continue;
		if (transport_of(f->settings->listeners[i].transport) == NULL)
			fatal(0, "listener %u is of no transport with connections", i);
		*l = (struct listener){ .front = f, .index = (uint8_t)i };
		l->watch =
		    (struct loop_watch){ .fd = f->child.stream[i], .ready = ready, .ctx = l };
		l->rest = (struct alarm){ .fire = rested, .ctx = l };
		if (loop_add(f->loop, &l->watch, EPOLLIN) != ERR_NONE)
			fatal(errno, "watching listener %u", i);
	}
}

void
accept_close(struct front *f)
{
	struct accepts *a = f->accepts;

	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		if (f->child.stream[i] < 0)
			continue;
		loop_remove(f->loop, &a->listeners[i].watch);
		wheel_set(f->wheel, &a->listeners[i].rest.timer, 0);
	}
	if (a->reserve >= 0)
		close(a->reserve);
	free(a);
}
