/*
 * The listening sockets. For each listener every front has one of its own (SO_REUSEPORT): the kernel
 * deals packets and connections out. The supervisor keeps them all open, so that packets wait while a
 * front is started again (THREATS.md F4), and never reads from one.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

enum { BACKLOG = 4096, ADMIN_BACKLOG = 64 };

static _Noreturn void
refuse(const struct settings_listener *l, unsigned i, const char *what)
{
	int error = errno;
	char text[80];
	struct buf b = buf_on(text, sizeof(text) - 1);

	netaddr_put(&b, &l->address);
	text[b.len] = '\0';
	fatal(error, "listen[%u]: %.*s %s: %s", i, SPAN_F(sip_transport_param(l->transport)), text,
	    what);
}

static void
option(int fd, int level, int name, const char *what)
{
	static const int one = 1;

	if (setsockopt(fd, level, name, &one, sizeof(one)) != 0)
		fatal(errno, "socket option %s", what);
}

static int
socket_new(const struct settings_listener *l)
{
	bool udp = l->transport == SIP_T_UDP;
	int fd = socket(l->address.family == 6 ? AF_INET6 : AF_INET,
	    (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fatal(errno, "socket");
	if (l->address.family == 6)
		option(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY");
	/* Connections of a run before, in TIME_WAIT, are no obstacle. Not for UDP: it would let
	 * any other socket on the port pass. */
	if (!udp)
		option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
	return fd;
}

static void
socket_bind(int fd, const struct settings_listener *l, unsigned i)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(&l->address, &ss);

	if (bind(fd, (const struct sockaddr *)&ss, len) != 0)
		refuse(l, i, "cannot be bound");
	if (l->transport != SIP_T_UDP && listen(fd, BACKLOG) != 0)
		refuse(l, i, "cannot be listened on");
}

/* SO_REUSEPORT lets all processes of one user share a port, also two exchanges that know nothing of
 * each other. So the port is first taken without it: that succeeds only when it is quite free. */
static void
probe(const struct settings_listener *l, unsigned i)
{
	int fd = socket_new(l);

	socket_bind(fd, l, i);
	close(fd);
}

static void
buffer_set(int fd, int force, int plain, int bytes)
{
	int got = 0;
	socklen_t len = sizeof(got);
	static bool said;

	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)) == 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
	/* The kernel counts its own overhead too and says twice what it was asked. */
	if (getsockopt(fd, SOL_SOCKET, plain, &got, &len) == 0 && got / 2 < bytes && !said) {
		said = true;
		log_warn(
		    "the kernel gives a smaller socket_buffer; see net.core.rmem_max, wmem_max",
		    LOG_I64("asked", bytes), LOG_I64("got", got / 2));
	}
}

static bool
is_bound_to(int fd, const struct netaddr *address)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct netaddr a;

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	       netaddr_of_sockaddr(&ss, &a) == ERR_NONE && netaddr_eq(&a, address);
}

static int
listener_open(const struct supervisor *s, unsigned i, unsigned front)
{
	const struct settings_listener *l = &s->file.settings.listeners[i];
	bool udp = l->transport == SIP_T_UDP;
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%s.%u.%u", udp ? "udp" : "stream", i, front);
	fd = upgrade_kept(name);
	if (fd >= 0 && is_bound_to(fd, &l->address))
		return fd;
	if (fd >= 0)
		close(fd);
	else if (front == 0)
		probe(l, i);
	fd = socket_new(l);
	option(fd, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT");
	if (udp) {
		buffer_set(fd, SO_RCVBUFFORCE, SO_RCVBUF, (int)s->file.settings.socket_buffer);
		buffer_set(fd, SO_SNDBUFFORCE, SO_SNDBUF, (int)s->file.settings.socket_buffer);
	}
	socket_bind(fd, l, i);
	return fd;
}

void
sockets_open(struct supervisor *s)
{
	const struct settings *c = &s->file.settings;

	memset(s->udp, -1, sizeof(s->udp));
	memset(s->stream, -1, sizeof(s->stream));
	for (unsigned i = 0; i < c->n_listeners; i++) {
		bool udp = c->listeners[i].transport == SIP_T_UDP;

		for (unsigned f = 0; f < c->processes.fronts; f++)
			(udp ? s->udp : s->stream)[i][f] = listener_open(s, i, f);
	}
}

/* RUN_DIR/control.sock, for the group of the daemons' user. The lock is held: what stands there is
 * nobody's. */
void
admin_open(struct supervisor *s)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int n = snprintf(un.sun_path, sizeof(un.sun_path), "%s/control.sock", s->file.run_dir);
	mode_t mask;
	int bound;

	s->admin_fd = upgrade_kept("admin");
	if (s->admin_fd >= 0)
		return;
	if (n < 0 || (size_t)n >= sizeof(un.sun_path))
		fatal(0, "run_dir: %s is too long for the name of a socket", s->file.run_dir);
	s->admin_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->admin_fd < 0)
		fatal(errno, "socket");
	if (unlink(un.sun_path) != 0 && errno != ENOENT)
		fatal(errno, "%s", un.sun_path);
	mask = umask(0117);
	bound = bind(s->admin_fd, (const struct sockaddr *)&un, sizeof(un));
	umask(mask);
	if (bound != 0 || listen(s->admin_fd, ADMIN_BACKLOG) != 0)
		fatal(errno, "%s", un.sun_path);
	if (s->uid != 0 && chown(un.sun_path, (uid_t)-1, s->gid) != 0)
		fatal(errno, "%s", un.sun_path);
}

void
admin_close(struct supervisor *s)
{
	close(s->admin_fd);
	(void)unlinkat(s->run_fd, "control.sock", 0);
}
