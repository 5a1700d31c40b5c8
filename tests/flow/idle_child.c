/*
 * A child that keeps the contract with the supervisor and does nothing else: the stand-in for a daemon
 * in tests of the supervisor. Its role is the name it is called by.
 *
 *     IDLE_DIES=ROLE     exits with status 7 as soon as it has started, if it is of this role
 *     IDLE_DEAF=ROLE     does not stop at SIGTERM
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/loop.h"
#include "ipc/child.h"
#include "model/settings.h"

static bool
is_told(const char *name, enum role role)
{
	const char *value = getenv(name);

	return value != NULL && strcmp(value, role_name(role)) == 0;
}

/* Nobody rings here but the supervisor; records that came are taken and dropped. */
static void
turn(struct child *c)
{
	unsigned from;

	child_turn(c);
	while (child_next(c, &from) != NULL)
		ring_next(&c->in[from]);
	child_flush(c);
}

static void
on_bell(void *ctx, uint32_t events)
{
	(void)events;
	child_bell_heard(ctx);
}

static void
wait_epoll(struct child *c, struct loop *l)
{
	loop_turn(l, child_bell_arm(c) ? NS_PER_S : 0);
	child_bell_disarm(c);
}

int
main(int argc, char **argv)
{
	enum role role = role_of(span_str(basename(argv[0])));
	struct child c;
	struct loop_watch bell = { .ready = on_bell, .ctx = &c };
	struct loop *l = NULL;

	child_start(&c, role, argc, argv);
	if (is_told("IDLE_DIES", role))
		return 7;
	if (role_bell(role) == BELL_EVENTFD) {
		l = loop_new();
		bell.fd = child_bell_fd(&c);
		if (loop_add(l, &bell, EPOLLIN) != ERR_NONE)
			fatal(0, "the bell cannot be watched");
	}
	child_title(&c, "%u listeners", ((const struct settings *)child_settings(&c))->n_listeners);
	child_ready(&c);
	while (!child_stopping(&c) || is_told("IDLE_DEAF", role)) {
		turn(&c);
		if (l == NULL)
			child_sleep(&c, NS_PER_S);
		else
			wait_epoll(&c, l);
	}
	return 0;
}
