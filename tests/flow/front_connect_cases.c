/* Connections that the front makes because text wants to be sent. */
#include "front_cases.h"

#include <string.h>

static const char text[] = "OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n";

static const struct wire_flow_down *
told(struct rig *r, unsigned who)
{
	if (!rig_next(r, who, 2 * DEADLINE_MS) ||
	    r->record_type != (who == REGISTRAR ? WIRE_FLOW_DOWN_R : WIRE_FLOW_DOWN))
		return NULL;
	return (const struct wire_flow_down *)r->record;
}

static bool
reconnect(struct rig *r)
{
	uint16_t port;
	int l = peer_listen(&port, 8), fd;
	char got[256];
	const struct wire_flow_down *d;
	struct rig_out o = { .transport = SIP_T_TCP, .port = port, .text = text, .ticket = 9 };

	rig_send(r, WORKER_0, &o);
	rig_send(r, REGISTRAR, &o); /* waits for the same connection */
	want((fd = peer_accept(l)) >= 0);
	want(peer_recv_all(fd, got, sizeof(text) - 1) && same_text(span_str(got), text));
	want(peer_recv_all(fd, got, sizeof(text) - 1));
	rig_send(r, WORKER_1, &o);
	want(peer_recv_all(fd, got, sizeof(text) - 1));
	close(fd);
	want((d = told(r, WORKER_1)) != NULL && d->conn != 0 && d->ticket == 0);
	want(d->peer.port == port);
	/* The handle is of no use any more: a new connection. */
	o.conn = d->conn;
	rig_send(r, WORKER_1, &o);
	want((fd = peer_accept(l)) >= 0);
	want(peer_recv_all(fd, got, sizeof(text) - 1));
	close(fd);
	close(l);
	return true;
}

/* What comes on a connection of ours is handled like on any other. */
static bool
both_ways(struct rig *r)
{
	uint16_t port;
	int l = peer_listen(&port, 8), fd;
	const struct sip_msg *m;
	const char *req = request("REGISTER", "back", "TCP", "");
	char got[256];

	rig_send(
	    r, WORKER_0, &(struct rig_out){ .transport = SIP_T_TCP, .port = port, .text = text });
	want((fd = peer_accept(l)) >= 0);
	want(peer_recv_all(fd, got, sizeof(text) - 1));
	want(peer_send(fd, req, strlen(req)));
	want((m = rig_msg(r, REGISTRAR)) != NULL && m->flow.peer.port == port);
	rig_send(r, REGISTRAR,
	    &(struct rig_out){ .conn = m->flow.conn, .transport = SIP_T_TCP, .text = text });
	want(peer_recv_all(fd, got, sizeof(text) - 1));
	close(fd);
	close(l);
	return true;
}

static bool
refused(struct rig *r)
{
	uint16_t port;
	int l = peer_listen(&port, 1);
	const struct wire_flow_down *d;
	struct rig_out o = { .transport = SIP_T_TCP, .port = port, .text = text };

	close(l);
	for (unsigned who = 0; who < N_OTHERS; who++) {
		o.ticket = 100 + who;
		rig_send(r, who, &o);
		d = told(r, who);
		want(d != NULL && d->ticket == 100 + who && d->conn == 0 && d->why == ERR_IO);
	}
	/* No such transport, no port. */
	o.transport = SIP_T_UDP;
	o.ticket = 7;
	rig_empty(r);
	rig_send(r, WORKER_0, &o);
	want((d = told(r, WORKER_0)) != NULL && d->ticket == 7 && d->why == ERR_RANGE);
	o.transport = SIP_T_TCP;
	o.port = 0;
	rig_send(r, WORKER_0, &o);
	want((d = told(r, WORKER_0)) != NULL && d->ticket == 7 && d->why == ERR_RANGE);
	return true;
}

/* A peer whose queue is full does not answer: four seconds, then who waits is told. */
static bool
no_answer(struct rig *r)
{
	uint16_t port;
	int l = peer_listen(&port, 0), one = peer_tcp(port);
	struct rig_out o = { .transport = SIP_T_TCP, .port = port, .text = text, .ticket = 55 };
	const struct wire_flow_down *d;

	/* The kernel queues one more than it was asked to; it is the second that may hang. */
	rig_send(r, WORKER_0, &o);
	o.conn = handle_make(16, 0xffffff, 1); /* no such one: the peer is looked for */
	rig_send(r, WORKER_0, &o);
	for (unsigned i = 0; i < 2; i++)
		want((d = told(r, WORKER_0)) != NULL && d->ticket == 55 && d->conn == 0);
	close(one);
	close(l);
	return true;
}

const struct front_case connect_cases[] = {
	{ "connects, shares the connection, connects again", reconnect },
	{ "a connection of ours carries both ways", both_ways },
	{ "a refused connection is told with the ticket", refused },
	{ "no answer: told after four seconds", no_answer },
	{ NULL, NULL },
};
