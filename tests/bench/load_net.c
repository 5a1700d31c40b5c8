/* Datagrams in batches: one recvmmsg and one sendmmsg for up to NET_BATCH of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "load.h"

struct batch {
	struct mmsghdr msgs[NET_BATCH];
	struct iovec iovs[NET_BATCH];
	struct sockaddr_in peers[NET_BATCH];
	char text[NET_BATCH][TEXT_MAX];
};

uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

struct sockaddr_in
address_of(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	char ip[32];
	unsigned port;

	if (sscanf(text, "%31[0-9.]:%u", ip, &port) != 2 || port > 65535 ||
	    inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "load: %s is no address\n", text);
		exit(2);
	}
	a.sin_port = htons((uint16_t)port);
	return a;
}

static struct batch *
batch_new(void)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		exit(2);
	for (unsigned i = 0; i < NET_BATCH; i++) {
		b->iovs[i] = (struct iovec){ b->text[i], TEXT_MAX - 1 };
		b->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &b->peers[i],
			.msg_namelen = sizeof(b->peers[i]),
			.msg_iov = &b->iovs[i],
			.msg_iovlen = 1 };
	}
	return b;
}

void
net_open(struct net *n, const char *address)
{
	const int size = 4 << 20;

	n->own = address_of(address);
	snprintf(n->own_text, sizeof(n->own_text), "%s", address);
	n->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(n->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(n->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (n->fd < 0 || bind(n->fd, (struct sockaddr *)&n->own, sizeof(n->own)) != 0) {
		fprintf(stderr, "load: %s: %s\n", address, strerror(errno));
		exit(2);
	}
	n->in = batch_new();
	n->out = batch_new();
}

char *
net_room(struct net *n)
{
	if (n->n_out == NET_BATCH)
		net_flush(n);
	return n->out->text[n->n_out];
}

void
net_put(struct net *n, size_t len, const struct sockaddr_in *to)
{
	n->out->peers[n->n_out] = *to;
	n->out->iovs[n->n_out].iov_len = len;
	n->n_out++;
}

void
net_flush(struct net *n)
{
	unsigned done = 0;

	while (done < n->n_out) {
		int sent = sendmmsg(n->fd, n->out->msgs + done, n->n_out - done, 0);

		if (sent <= 0 && errno != EINTR)
			done++; /* lost: it is sent again when its time comes */
		else if (sent > 0)
			done += (unsigned)sent;
	}
	n->n_out = 0;
}

unsigned
net_receive(struct net *n)
{
	int got = recvmmsg(n->fd, n->in->msgs, NET_BATCH, MSG_DONTWAIT, NULL);

	for (int i = 0; i < got; i++)
		n->in->text[i][n->in->msgs[i].msg_len] = '\0';
	return got > 0 ? (unsigned)got : 0;
}

char *
net_text(struct net *n, unsigned i, struct sockaddr_in **from_r)
{
	*from_r = &n->in->peers[i];
	return n->in->text[i];
}
