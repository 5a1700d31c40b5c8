/*
 * The loop. epoll waits in milliseconds, rounded up: a quarter of the wheel's tick. A callback may
 * remove any watch, its own too: what epoll has already reported for it is struck out.
 */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum { BATCH = 64 };

struct loop {
	int fd;
	int ready, at; /* of `events`; at == ready between turns */
	struct epoll_event events[BATCH];
};

struct loop *
loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		fatal(ENOMEM, "an event loop");
	l->fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->fd < 0)
		fatal(errno, "epoll_create1");
	return l;
}

void
loop_drop(struct loop *l)
{
	close(l->fd);
	free(l);
}

static enum err
control(struct loop *l, int op, struct loop_watch *w, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->fd, op, w->fd, &event) == 0)
		return ERR_NONE;
	if (errno == EEXIST)
		return ERR_EXISTS;
	return errno == ENOENT ? ERR_ABSENT : ERR_IO;
}

enum err
loop_add(struct loop *l, struct loop_watch *w, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, w, events);
}

enum err
loop_change(struct loop *l, struct loop_watch *w, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, w, events);
}

void
loop_remove(struct loop *l, struct loop_watch *w)
{
	/* A descriptor that is not watched (any more) is what the caller wants. */
	(void)control(l, EPOLL_CTL_DEL, w, 0);
	for (int i = l->at; i < l->ready; i++)
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
}

static int
whole_ms(uint64_t timeout_ns)
{
	uint64_t ms;

	if (timeout_ns == UINT64_MAX)
		return -1;
	ms = timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

void
loop_turn(struct loop *l, uint64_t timeout_ns)
{
	int n = epoll_wait(l->fd, l->events, BATCH, whole_ms(timeout_ns));

	if (n < 0 && errno != EINTR)
		fatal(errno, "epoll_wait");
	l->ready = n < 0 ? 0 : n;
	for (l->at = 0; l->at < l->ready;) {
		struct epoll_event *event = &l->events[l->at++];
		struct loop_watch *w = event->data.ptr;

		if (w != NULL)
			w->ready(w->ctx, event->events);
	}
}
