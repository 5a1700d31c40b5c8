/*
 * Datagrams in: a bounded batch from each socket that is ready, received where it is parsed, with
 * the local address it was sent to (an answer must come from there). The buffers hold the largest
 * datagram there is; of most only the first pages are ever touched.
 */
#include "front/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { BATCH = 32, DATAGRAM_MAX = 65535 };
enum { ROOM = (SIP_MSG_ROOM(DATAGRAM_MAX) + 63) & ~63u };

struct udp_socket {
	struct loop_watch watch;
	struct front *front;
	uint8_t listener;
	struct netaddr bound;
};

struct arrival {
	struct iovec iov;
	struct sockaddr_storage from;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in_pktinfo)) +
					      CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp {
	struct udp_socket sockets[LISTENERS_MAX];
	struct mmsghdr headers[BATCH];
	struct arrival arrivals[BATCH];
	char *records; /* BATCH times ROOM */
};

static struct sip_msg *
record_at(const struct udp *u, unsigned i)
{
	return (struct sip_msg *)(u->records + (size_t)i * ROOM);
}

bool
udp_keepalive(struct span packet)
{
	/* STUN begins with two zero bits, and some phones send NULs (RFC 5626 4.4.2 and practice). */
	if (packet.len == 0 || (uint8_t)packet.p[0] < 4)
		return true;
	for (size_t i = 0; i < packet.len; i++)
		if (packet.p[i] != '\r' && packet.p[i] != '\n')
			return false;
	return true;
}

static void
read_local(struct msghdr *h, struct netaddr *local)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		struct sockaddr_storage ss = { 0 };
		struct netaddr ip;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			((struct sockaddr_in *)&ss)->sin_family = AF_INET;
			((struct sockaddr_in *)&ss)->sin_addr = info.ipi_spec_dst;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			((struct sockaddr_in6 *)&ss)->sin6_family = AF_INET6;
			((struct sockaddr_in6 *)&ss)->sin6_addr = info.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				((struct sockaddr_in6 *)&ss)->sin6_scope_id = info.ipi6_ifindex;
		}
		if (ss.ss_family != 0 && netaddr_of_sockaddr(&ss, &ip) == ERR_NONE) {
			ip.port = local->port;
			*local = ip;
		}
	}
}

static void
take(struct udp_socket *s, unsigned i)
{
	struct front *f = s->front;
	struct mmsghdr *h = &f->udp->headers[i];
	struct sip_msg *m = record_at(f->udp, i);
	struct netaddr peer;

	if (netaddr_of_sockaddr(&f->udp->arrivals[i].from, &peer) != ERR_NONE)
		return;
	if (!guard_pass(f->guard, &peer, f->child.clock.mono_ns)) {
		front_count(f, COUNT_DROPPED_FLOOD);
		return;
	}
	if (h->msg_hdr.msg_flags & MSG_TRUNC) {
		front_count(f, COUNT_DROPPED_MALFORMED);
		return;
	}
	if (udp_keepalive(span_of(sip_raw(m), h->msg_len)))
		return;
	m->raw_len = (uint16_t)h->msg_len;
	m->at_ns = f->child.clock.mono_ns;
	m->flow = (struct sip_flow){
		.transport = SIP_T_UDP, .listener = s->listener, .peer = peer, .local = s->bound
	};
	read_local(&h->msg_hdr, &m->flow.local);
	deliver(f, m, sip_parse(m, ROOM));
}

static void
ready(void *ctx, uint32_t events)
{
	struct udp_socket *s = ctx;
	struct udp *u = s->front->udp;
	int n;

	(void)events;
	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *h = &u->headers[i].msg_hdr;

		h->msg_namelen = sizeof(u->arrivals[i].from);
		h->msg_controllen = sizeof(u->arrivals[i].control);
		h->msg_flags = 0;
	}
	n = recvmmsg(s->watch.fd, u->headers, BATCH, MSG_DONTWAIT, NULL);
	front_now(s->front);
	for (int i = 0; i < n; i++)
		take(s, (unsigned)i);
}

static void
open_socket(struct front *f, unsigned listener)
{
	struct udp_socket *s = &f->udp->sockets[listener];
	int fd = f->child.udp[listener], on = 1;
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0 ||
	    netaddr_of_sockaddr(&ss, &s->bound) != ERR_NONE)
		fatal(errno, "the UDP socket of listener %u", listener);
	if (ss.ss_family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	s->front = f;
	s->listener = (uint8_t)listener;
	s->watch = (struct loop_watch){ .fd = fd, .ready = ready, .ctx = s };
	if (loop_add(f->loop, &s->watch, EPOLLIN) != ERR_NONE)
		fatal(errno, "watching the UDP socket of listener %u", listener);
}

void
udp_open(struct front *f)
{
	struct udp *u = calloc(1, sizeof(*u));

	if (u == NULL || (u->records = aligned_alloc(64, (size_t)BATCH * ROOM)) == NULL)
		fatal(ENOMEM, "the UDP buffers");
	for (unsigned i = 0; i < BATCH; i++) {
		struct arrival *a = &u->arrivals[i];

		a->iov = (struct iovec){ sip_raw(record_at(u, i)), DATAGRAM_MAX };
		u->headers[i].msg_hdr = (struct msghdr){ .msg_name = &a->from,
			.msg_iov = &a->iov,
			.msg_iovlen = 1,
			.msg_control = a->control };
	}
	f->udp = u;
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		if (f->child.udp[i] >= 0)
			open_socket(f, i);
}

void
udp_close(struct front *f)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		if (f->child.udp[i] >= 0)
			loop_remove(f->loop, &f->udp->sockets[i].watch);
	free(f->udp->records);
	free(f->udp);
}
