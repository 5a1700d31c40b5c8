/*
 * Datagrams of our own: refusals. They are gathered over a turn and go out by one sendmmsg per
 * socket, from the address that the request was sent to. What the kernel does not take is gone: the
 * peer asks again.
 */
#include "front/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, TEXT = 256 << 10, TEXT_ONE = 16 << 10 };

struct datagram {
	struct iovec iov;
	struct sockaddr_storage to;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct send {
	int fd;
	unsigned n;
	size_t used;
	struct mmsghdr headers[BATCH];
	struct datagram datagrams[BATCH];
	char text[TEXT];
};

struct send *
send_new(void)
{
	struct send *s = calloc(1, sizeof(*s));

	if (s == NULL)
		fatal(ENOMEM, "the send batch");
	s->fd = -1;
	return s;
}

void
send_drop(struct send *s)
{
	free(s);
}

struct buf
send_begin(struct front *f)
{
	if (f->send->n == BATCH || TEXT - f->send->used < TEXT_ONE)
		send_flush(f);
	return buf_on(f->send->text + f->send->used, TEXT_ONE);
}

static void
put_control(struct msghdr *h, int level, int type, const void *info, size_t len)
{
	struct cmsghdr *c = h->msg_control;

	h->msg_controllen = CMSG_SPACE(len);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
}

/* The address that we answer from; none known: the kernel's choice. */
static void
put_source(struct msghdr *h, struct datagram *d, const struct netaddr *local)
{
	struct in_pktinfo v4 = { 0 };
	struct in6_pktinfo v6 = { 0 };

	h->msg_control = d->control;
	if (local->family == 4) {
		memcpy(&v4.ipi_spec_dst, local->ip, sizeof(v4.ipi_spec_dst));
		put_control(h, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
	} else if (local->family == 6) {
		memcpy(&v6.ipi6_addr, local->ip, sizeof(v6.ipi6_addr));
		v6.ipi6_ifindex = local->scope;
		put_control(h, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
	} else {
		h->msg_control = NULL;
	}
}

void
send_end(struct front *f, const struct buf *b, const struct sip_flow *to)
{
	struct send *s = f->send;
	int fd = to->listener < LISTENERS_MAX ? f->child.udp[to->listener] : -1;
	struct datagram *d;
	struct msghdr *h;

	if (!buf_ok(b) || fd < 0 || to->peer.port == 0) {
		front_count(f, COUNT_SEND_FAILED);
		return;
	}
	if (s->n > 0 && s->fd != fd) {
		/* The text stays where it is: a flush only starts the batch anew behind it. */
		send_flush(f);
		s->used = (size_t)(b->p - s->text);
	}
	s->fd = fd;
	d = &s->datagrams[s->n];
	h = &s->headers[s->n++].msg_hdr;
	d->iov = (struct iovec){ b->p, b->len };
	*h = (struct msghdr){ .msg_name = &d->to, .msg_iov = &d->iov, .msg_iovlen = 1 };
	h->msg_namelen = netaddr_to_sockaddr(&to->peer, &d->to);
	put_source(h, d, &to->local);
	s->used += b->len;
}

void
send_flush(struct front *f)
{
	struct send *s = f->send;
	unsigned done = 0;

	while (done < s->n) {
		int n = sendmmsg(s->fd, s->headers + done, s->n - done, MSG_DONTWAIT);

		if (n > 0) {
			count(f->child.self, COUNT_SENT, (uint64_t)n);
			done += (unsigned)n;
		} else if (errno != EINTR) {
			front_count(f, COUNT_SEND_FAILED); /* this one; perhaps the next goes */
			done++;
		}
	}
	s->n = 0;
	s->used = 0;
}
