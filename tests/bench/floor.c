/*
 * The floor: a program that does only the socket calls of a basic call. What comes from the caller's side
 * goes to the called side as it is, and back; each INVITE is answered by a 100 besides. It reads no SIP
 * (but the first letters) and keeps nothing. No exchange can be cheaper.
 *
 * usage: floor OWN CALLER CALLED    addresses like 127.0.0.1:5060; prints "ready"
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "load.h"

enum { FLOOR_BATCH = 32 };

static struct mmsghdr in[FLOOR_BATCH], out[2 * FLOOR_BATCH];
static struct iovec in_iov[FLOOR_BATCH], out_iov[2 * FLOOR_BATCH];
static struct sockaddr_in from[FLOOR_BATCH];
static char text[FLOOR_BATCH][TEXT_MAX];
static char trying[] = "SIP/2.0 100 Trying\r\n\r\n";

static unsigned
put(unsigned n, struct sockaddr_in *to, char *p, size_t len)
{
	out_iov[n] = (struct iovec){ p, len };
	out[n].msg_hdr = (struct msghdr){
		.msg_name = to, .msg_namelen = sizeof(*to), .msg_iov = &out_iov[n], .msg_iovlen = 1
	};
	return n + 1;
}

static unsigned
relay(unsigned n_in, struct sockaddr_in *caller, struct sockaddr_in *called)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_in; i++) {
		bool down = from[i].sin_addr.s_addr == caller->sin_addr.s_addr;

		if (down && memcmp(text[i], "INVITE", 6) == 0)
			n = put(n, caller, trying, sizeof(trying) - 1);
		n = put(n, down ? called : caller, text[i], in[i].msg_len);
	}
	return n;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in caller, called;
	struct net n = { 0 };

	if (argc != 4) {
		fprintf(stderr, "usage: floor OWN CALLER CALLED\n");
		return 2;
	}
	net_open(&n, argv[1]);
	caller = address_of(argv[2]);
	called = address_of(argv[3]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		unsigned n_out, sent = 0;
		int got;

		for (unsigned i = 0; i < FLOOR_BATCH; i++) {
			in_iov[i] = (struct iovec){ text[i], TEXT_MAX };
			in[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
				.msg_namelen = sizeof(from[i]),
				.msg_iov = &in_iov[i],
				.msg_iovlen = 1 };
		}
		got = recvmmsg(n.fd, in, FLOOR_BATCH, MSG_WAITFORONE, NULL);
		if (got < 0 && errno != EINTR)
			return 1;
		n_out = got < 0 ? 0 : relay((unsigned)got, &caller, &called);
		while (sent < n_out) {
			int done = sendmmsg(n.fd, out + sent, n_out - sent, 0);

			sent += done > 0 ? (unsigned)done : 1;
		}
	}
}
