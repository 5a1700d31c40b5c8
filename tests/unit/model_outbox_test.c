/* The batch sender: datagrams of one turn, in order, from the socket that each names. */
#include "model/outbox.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 300 };

static int
bound(struct netaddr *a_r)
{
	struct netaddr any = { .ip = { 127, 0, 0, 1 }, .family = 4 };
	struct timeval patience = { .tv_sec = 5 };
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(&any, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 1 << 20;

	cr_assert_geq(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	cr_assert_eq(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	cr_assert_eq(netaddr_of_sockaddr(&ss, a_r), ERR_NONE);
	return fd;
}

struct rig {
	struct child child;
	struct process self;
	struct settings settings;
	struct netaddr from[2], peer;
	int fd;
	struct outbox *o;
};

static struct rig *
rig_new(void)
{
	struct rig *r = calloc(1, sizeof(*r));

	r->child.role = ROLE_WORKER;
	r->child.self = &r->self;
	r->settings.n_listeners = 3;
	r->settings.processes.fronts = 1;
	r->fd = bound(&r->peer);
	r->child.udp[0] = bound(&r->from[0]);
	r->child.udp[1] = bound(&r->from[1]);
	r->child.udp[2] = -1;
	/* The second is bound to any address, as far as it knows. */
	r->settings.listeners[0].address = r->from[0];
	r->settings.listeners[1].address = (struct netaddr){ .family = 4 };
	r->o = outbox_new(&r->child, &r->settings);
	return r;
}

static void
rig_drop(struct rig *r)
{
	outbox_drop(r->o);
	close(r->fd);
	close(r->child.udp[0]);
	close(r->child.udp[1]);
	free(r);
}

Test(outbox, batches_in_order)
{
	struct rig *r = rig_new();
	char text[64];

	for (unsigned i = 0; i < MANY; i++) {
		struct sip_flow to = { .transport = SIP_T_UDP,
			.listener = (uint8_t)(i / 7 % 2),
			.peer = r->peer,
			.local = { .ip = { 127, 0, 0, 1 }, .family = 4 } };

		snprintf(text, sizeof(text), "message %u", i);
		cr_assert(outbox_put(r->o, &to, span_str(text), 0));
	}
	outbox_flush(r->o);
	for (unsigned i = 0; i < MANY; i++) {
		char got[64] = "";
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct netaddr from;

		cr_assert_gt(
		    recvfrom(r->fd, got, sizeof(got) - 1, 0, (struct sockaddr *)&ss, &len), 0);
		snprintf(text, sizeof(text), "message %u", i);
		cr_assert_str_eq(got, text);
		cr_assert_eq(netaddr_of_sockaddr(&ss, &from), ERR_NONE);
		cr_assert(netaddr_eq(&from, &r->from[i / 7 % 2]));
	}
	cr_expect_eq(r->self.counters[COUNT_SENT], MANY);
	cr_expect_eq(r->self.counters[COUNT_SEND_FAILED], 0);
	rig_drop(r);
}

Test(outbox, what_cannot_be_sent_is_counted)
{
	struct rig *r = rig_new();
	struct sip_flow to = { .transport = SIP_T_UDP, .peer = r->peer };

	to.listener = 3;
	cr_expect_not(outbox_put(r->o, &to, SPAN("x"), 0), "no such listener");
	to.listener = 2;
	cr_expect_not(outbox_put(r->o, &to, SPAN("x"), 0), "not of UDP");
	to.listener = 0;
	cr_expect_not(outbox_put(r->o, &to, SPAN_NONE, 0), "nothing to send");
	to.peer.port = 0;
	cr_expect_not(outbox_put(r->o, &to, SPAN("x"), 0), "to no port");
	to.transport = SIP_T_TCP;
	cr_expect_not(outbox_put(r->o, &to, SPAN("x"), 0), "no ring to a front");
	outbox_flush(r->o);
	cr_expect_eq(r->self.counters[COUNT_SENT], 0);
	cr_expect_eq(r->self.counters[COUNT_SEND_FAILED], 5);
	rig_drop(r);
}
