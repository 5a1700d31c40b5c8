/* Connections to the admin socket: bounded in number, in the length of a line, and in time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "control/control.h"

enum { WRITE_S = 30 };

static void
client_drop(struct client *c)
{
	loop_remove(c->control->loop, &c->watch);
	close(c->watch.fd);
	free(c->out);
	c->out = NULL;
	json_decref(c->row);
	c->row = NULL;
	c->control->n_clients--;
	c->state = CLIENT_FREE;
}

static void
client_watch(struct client *c, uint32_t events)
{
	if (loop_change(c->control->loop, &c->watch, events) != ERR_NONE)
		panic("a client is not watched");
}

/* Takes the first line out of what was read and runs it. True when there was one. */
static bool
line_run(struct client *c)
{
	char line[LINE_MAX_BYTES];
	char *end = memchr(c->in, '\n', c->in_len);
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - c->in);
	memcpy(line, c->in, len);
	c->in_len -= len + 1;
	memmove(c->in, end + 1, c->in_len);
	command_run(c->control, c, line, len);
	if (c->state == CLIENT_HANGUP || c->state == CLIENT_SHOW || c->state == CLIENT_EXPLAIN ||
	    c->state == CLIENT_OPERATE)
		client_watch(c, 0); /* what comes meanwhile waits in the socket */
	return true;
}

/* False when the client is gone. */
static bool
client_send(struct client *c)
{
	while (c->out_at < c->out_len) {
		ssize_t n = send(c->watch.fd, c->out + c->out_at, c->out_len - c->out_at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			client_drop(c);
			return false;
		}
		if (n < 0)
			return true;
		c->out_at += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_cap = c->out_at = 0;
	c->state = CLIENT_READING;
	client_watch(c, EPOLLIN);
	return true;
}

static void
client_receive(struct client *c)
{
	ssize_t n = recv(c->watch.fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_drop(c);
		return;
	}
	c->in_len += (size_t)n;
	while (c->state == CLIENT_READING && line_run(c))
		;
	if (c->state == CLIENT_READING && c->in_len == sizeof(c->in)) {
		log_warn("a client of the admin socket sent a line that is too long");
		client_drop(c);
	}
}

/* While it waits for its answer, or for us to send it, only its end is of interest. */
static void
on_client(void *ctx, uint32_t events)
{
	struct client *c = ctx;

	if (c->state == CLIENT_READING)
		client_receive(c);
	else if (c->state == CLIENT_WRITING && (events & EPOLLOUT) != 0 && !client_send(c))
		return;
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		client_drop(c);
	/* A line may have come behind the one that was answered. */
	while (c->state == CLIENT_READING && line_run(c))
		;
}

void
client_answered(struct client *c)
{
	if (c->out_failed) {
		client_drop(c);
		return;
	}
	c->state = CLIENT_WRITING;
	c->deadline_ns = c->control->child.clock.mono_ns + WRITE_S * NS_PER_S;
	client_watch(c, EPOLLOUT);
	(void)client_send(c);
}

static void
client_new(struct control *k, int fd)
{
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
	struct client *c = k->clients;

	while (c < k->clients + CLIENTS_MAX && c->state != CLIENT_FREE)
		c++;
	if (c == k->clients + CLIENTS_MAX) {
		(void)send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	memset(c, 0, sizeof(*c));
	c->control = k;
	c->watch = (struct loop_watch){ .fd = fd, .ready = on_client, .ctx = c };
	if (loop_add(k->loop, &c->watch, EPOLLIN) != ERR_NONE) {
		close(fd);
		return;
	}
	c->state = CLIENT_READING;
	k->n_clients++;
}

static void
on_connection(void *ctx, uint32_t events)
{
	struct control *k = ctx;
	int fd;

	(void)events;
	for (;;) {
		fd = accept4(k->listening.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		client_new(k, fd);
	}
}

void
clients_open(struct control *k)
{
	k->listening =
	    (struct loop_watch){ .fd = k->child.admin, .ready = on_connection, .ctx = k };
	if (k->child.admin < 0 || loop_add(k->loop, &k->listening, EPOLLIN) != ERR_NONE)
		fatal(0, "there is no admin socket");
}

void
clients_close(struct control *k)
{
	for (struct client *c = k->clients; c < k->clients + CLIENTS_MAX; c++)
		if (c->state != CLIENT_FREE)
			client_drop(c);
}

void
clients_deadlines(struct control *k)
{
	for (struct client *c = k->clients; c < k->clients + CLIENTS_MAX; c++) {
		if (k->child.clock.mono_ns < c->deadline_ns)
			continue;
		switch (c->state) {
		case CLIENT_FREE:
		case CLIENT_READING:
			break;
		case CLIENT_HANGUP:
			hangup_late(c);
			break;
		case CLIENT_SHOW:
			show_late(c);
			break;
		case CLIENT_EXPLAIN:
			explain_late(c);
			break;
		case CLIENT_OPERATE:
			reply_error(c, "the supervisor does not answer");
			break;
		case CLIENT_WRITING:
			client_drop(c);
			break;
		}
	}
}
