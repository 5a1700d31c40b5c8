/*
 * Text that workers and the registrar want sent on connections. It goes on the connection they
 * name; if that is gone, or they name none, on one that leads to the same peer; else on a new one,
 * where it waits for the handshake (a response falls back like this too: RFC 3261 18.2.2). When
 * none can be had, whoever sent the text is told so with its ticket.
 */
#include "front/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_MAX = 255 };

/* A listener with an address of its own calls from there. */
static void
bind_source(int fd, const struct settings *s, unsigned listener, const struct netaddr *peer)
{
	struct netaddr from;
	struct sockaddr_storage ss;
	int on = 1;
	socklen_t len;

	if (listener >= s->n_listeners || listener >= LISTENERS_MAX)
		return;
	from = s->listeners[listener].address;
	if (from.family != peer->family || netaddr_is_any(&from))
		return;
	from.port = 0;
	len = netaddr_to_sockaddr(&from, &ss);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	(void)bind(fd, (struct sockaddr *)&ss, len); /* else the kernel chooses */
}

static enum err
dial(struct front *f, const struct wire_sip_out *out, int *fd_r, bool *connected_r)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(&out->peer, &ss);
	int fd;

	if (len == 0 || out->peer.port == 0)
		return ERR_RANGE;
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_FULL;
	bind_source(fd, f->settings, out->listener, &out->peer);
	*connected_r = connect(fd, (struct sockaddr *)&ss, len) == 0;
	if (!*connected_r && errno != EINPROGRESS) {
		close(fd);
		return ERR_IO;
	}
	*fd_r = fd;
	return ERR_NONE;
}

static enum err
make(struct front *f, const struct wire_sip_out *out, struct span host, struct conn **c_r)
{
	const struct sip_flow flow = {
		.transport = out->transport, .listener = out->listener, .peer = out->peer
	};
	char *name = NULL;
	bool connected;
	enum err e;
	int fd;

	if (out->transport == SIP_T_TLS && (name = strndup(host.p, host.len)) == NULL)
		return ERR_FULL;
	e = dial(f, out, &fd, &connected);
	if (e != ERR_NONE)
		goto out;
	*c_r = conn_new(f, fd, &flow, true);
	if (*c_r == NULL) {
		e = ERR_FULL;
		goto out;
	}
	(*c_r)->host = name;
	conn_start(*c_r, connected);
	return ERR_NONE;
out:
	free(name);
	return e;
}

/* Who the peer must prove to be: the host that was asked for, else the very address. */
static struct span
identity(const struct wire_sip_out *out, const char *text, struct buf *b)
{
	if (out->host_len > 0)
		return span_of(text + out->text_len, out->host_len);
	netaddr_put_ip(b, &out->peer);
	return buf_span(b);
}

static enum err
find_or_make(struct front *f, const struct wire_sip_out *out, const char *text, struct conn **c_r)
{
	char ip[64];
	struct buf b = buf_on(ip, sizeof(ip));
	struct span host = identity(out, text, &b);

	if (transport_of(out->transport) == NULL || out->listener >= LISTENERS_MAX ||
	    host.len > HOST_MAX || span_index(host, '\0') >= 0)
		return ERR_RANGE;
	*c_r = conn_find_peer(f, out->transport, &out->peer, host);
	return *c_r != NULL ? ERR_NONE : make(f, out, host, c_r);
}

/* out is our copy: its numbers are checked once and cannot change any more. */
static enum err
pass(struct front *f, unsigned from, const struct wire_sip_out *out, const char *text)
{
	const struct waiter w = { .ticket = out->ticket, .proc = from };
	struct conn *c = out->conn == 0 ? NULL : conn_find(f, out->conn);
	enum err e = ERR_NONE;

	if (c == NULL)
		e = find_or_make(f, out, text, &c);
	else if (proc_role(from) == ROLE_REGISTRAR && out->ticket != 0)
		c->registered =
		    true; /* a transaction: its credentials were right (a 401 has none) */
	if (e != ERR_NONE)
		return e;
	conn_send(c, span_of(text, out->text_len), &w);
	front_count(f, COUNT_SENT);
	return ERR_NONE;
}

static void
take(struct front *f, unsigned from, const char *payload, uint32_t len)
{
	const char *text = payload + offsetof(struct wire_sip_out, text);
	struct wire_sip_out out;
	enum err e;

	memcpy(&out, payload, sizeof(out));
	if (len - sizeof(out) < (uint64_t)out.text_len + out.host_len) {
		front_count(f, COUNT_SEND_FAILED);
		return;
	}
	e = pass(f, from, &out, text);
	if (e == ERR_NONE)
		return;
	front_count(f, COUNT_SEND_FAILED);
	tell_failed(f, from, out.ticket, &out.peer, e);
}

void
connect_take(struct front *f, unsigned most)
{
	const struct ring_record *r;
	unsigned from;

	while (most-- > 0 && (r = child_next(&f->child, &from)) != NULL) {
		take(f, from, r->payload, ring_len(&f->child.in[from]));
		ring_next(&f->child.in[from]);
	}
}
