/*
 * Connections: the pool, who is found how, what is sent and what waits, and each state's deadline.
 *
 *            accepted                connect()
 *               |                       v
 *               |                  CONNECTING --4 s, error--+
 *               v                       | writable          |
 *            SHAKING <------------------+                   |
 *               | done      \--10 s, error------------------+
 *               v                                           |
 *             OPEN --peer, error, silence, slow reader------+
 *               | what came is refused for good             |
 *               v                                           v
 *            ENDING --flushed and closed, 2 s------------> DEAD
 *
 * The generations of handles begin at random: a handle of the process before this one must not name
 * a connection of ours.
 */
#include "front/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rand.h"

#define CONNECT_NS (4 * NS_PER_S)
#define SHAKE_NS   (10 * NS_PER_S)
#define MESSAGE_NS (10 * NS_PER_S)
#define ENDING_NS  (2 * NS_PER_S)
#define IDLE_NS	   (30 * 60 * NS_PER_S)
#define MARGIN_NS  (60 * NS_PER_S)

enum { WAITERS_MAX = 64 << 10, KEEPALIVE_S = 120, UNACKED_MS = 32000 };

void
conn_open_all(struct front *f)
{
	uint32_t count = f->settings->limits.connections;
	struct conns *all = &f->conns;

	all->slots = calloc(count == 0 ? 1 : count, sizeof(struct conn));
	if (all->slots == NULL)
		fatal(ENOMEM, "%u connections", count);
	for (uint32_t i = 0; i < count; i++)
		((struct conn *)all->slots)[i].slot.generation = rand_u32() | 1;
	rand_bytes(&all->key, sizeof(all->key));
	/* Some are kept for the connections that we make. */
	pool_init(&all->pool, all->slots, sizeof(struct conn), count, f->child.proc, count / 16);
	table_init(&all->by_peer, 64);
	table_init(&all->by_source, 64);
}

void
conn_close_all(struct front *f)
{
	for (struct conn *c = pool_next(&f->conns.pool, NULL); c != NULL;
	     c = pool_next(&f->conns.pool, c))
		conn_fail(c, ERR_CLOSED);
	conn_bury(f);
	table_done(&f->conns.by_peer);
	table_done(&f->conns.by_source);
	pool_done(&f->conns.pool);
	free(f->conns.slots);
}

/* --- who is found how ----------------------------------------------------------------------- */

static uint64_t
peer_hash(const struct front *f, unsigned transport, const struct netaddr *peer)
{
	uint8_t text[20];

	memcpy(text, peer->ip, sizeof(peer->ip));
	text[16] = (uint8_t)(peer->port >> 8);
	text[17] = (uint8_t)peer->port;
	text[18] = peer->family;
	text[19] = (uint8_t)transport;
	return hash_bytes(&f->conns.key, text, sizeof(text));
}

static struct conn *
usable(struct conn *c)
{
	return c == NULL || c->state == CONN_ENDING || c->state == CONN_DEAD ? NULL : c;
}

struct conn *
conn_find(struct front *f, handle h)
{
	return usable(pool_find(&f->conns.pool, h));
}

struct conn *
conn_find_peer(struct front *f, unsigned transport, const struct netaddr *peer, struct span host)
{
	uint64_t hash = peer_hash(f, transport, peer);
	uint32_t cursor = 0, index;

	while (table_find(&f->conns.by_peer, hash, &cursor, &index)) {
		struct conn *c = usable(pool_at(&f->conns.pool, index));

		if (c == NULL || c->flow.transport != transport || !netaddr_eq(&c->flow.peer, peer))
			continue;
		if (transport != SIP_T_TLS ||
		    (c->host != NULL && span_ieq(span_str(c->host), host)))
			return c;
	}
	return NULL;
}

unsigned
conn_count_source(struct front *f, uint64_t source)
{
	uint32_t cursor = 0, index;
	unsigned n = 0;

	while (table_find(&f->conns.by_source, source, &cursor, &index))
		n++;
	return n;
}

/* --- states --------------------------------------------------------------------------------- */

static void
enter(struct conn *c, enum conn_state state)
{
	c->state = state;
	c->begun_ns = state == CONN_OPEN ? 0 : c->front->child.clock.mono_ns;
	c->last_ns = c->front->child.clock.mono_ns;
}

/* A flow on which the registrar answered may be all that leads to a phone: it is kept as long as
 * its binding can last. */
static uint64_t
idle_ns(const struct conn *c)
{
	uint64_t binding = c->front->settings->registrar.max_s * NS_PER_S + MARGIN_NS;

	return c->registered && binding > IDLE_NS ? binding : IDLE_NS;
}

static uint64_t
deadline(const struct conn *c)
{
	switch (c->state) {
	case CONN_CONNECTING:
		return c->begun_ns + CONNECT_NS;
	case CONN_SHAKING:
		return c->begun_ns + SHAKE_NS;
	case CONN_OPEN:
		return c->begun_ns != 0 ? c->begun_ns + MESSAGE_NS : c->last_ns + idle_ns(c);
	case CONN_ENDING:
		return c->begun_ns + ENDING_NS;
	case CONN_DEAD:
		break;
	}
	return 0;
}

static void
expired(void *ctx)
{
	struct conn *c = ctx;

	/* What is sent does not move the timer: it is looked at when it fires. */
	if (deadline(c) > c->front->child.clock.mono_ns) {
		conn_watch(c);
		return;
	}
	if (c->state == CONN_SHAKING)
		front_count(c->front, COUNT_TLS_FAILED);
	conn_fail(c, c->state == CONN_CONNECTING ? ERR_IO : ERR_CLOSED);
}

void
conn_watch(struct conn *c)
{
	uint32_t events = c->state == CONN_CONNECTING ? EPOLLOUT
			  : c->want_out		      ? EPOLLIN | EPOLLOUT
						      : EPOLLIN;

	if (c->state == CONN_DEAD)
		return;
	if (events != c->events && loop_change(c->front->loop, &c->watch, events) == ERR_NONE)
		c->events = events;
	wheel_set(c->front->wheel, &c->alarm.timer, deadline(c));
}

static void
shake(struct conn *c)
{
	enum err e = c->transport->shake(c);

	if (e == ERR_AGAIN)
		return;
	if (e != ERR_NONE) {
		conn_fail(c, e);
		return;
	}
	enter(c, CONN_OPEN);
	c->known |= c->outgoing; /* who sent the text may know it by its peer */
	conn_flush(c);
}

static void
begin(struct conn *c)
{
	enum err e = c->transport->begin(c);

	enter(c, CONN_SHAKING);
	if (e == ERR_NONE)
		shake(c);
	else
		conn_fail(c, e);
}

static void
connected(struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
		begin(c);
	else
		conn_fail(c, ERR_IO);
}

/* Closing with unread bytes would make the kernel throw away our answer: read to the end first. */
static void
discard(struct conn *c)
{
	char scratch[4096];
	ssize_t n;

	conn_flush(c);
	if (c->state == CONN_DEAD || c->out.len > 0)
		return;
	shutdown(c->watch.fd, SHUT_WR);
	n = recv(c->watch.fd, scratch, sizeof(scratch), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_fail(c, ERR_CLOSED);
}

static void
ready(void *ctx, uint32_t events)
{
	struct conn *c = ctx;

	(void)events;
	front_now(c->front);
	c->want_out = false;
	switch (c->state) {
	case CONN_CONNECTING:
		connected(c);
		break;
	case CONN_SHAKING:
		shake(c);
		break;
	case CONN_OPEN:
		stream_read(c);
		if (c->state == CONN_OPEN)
			conn_flush(c);
		break;
	case CONN_ENDING:
		discard(c);
		break;
	case CONN_DEAD:
		break;
	}
	conn_watch(c);
}

/* --- birth and death ------------------------------------------------------------------------ */

/* A peer that is gone without a word is found out by the kernel: when idle, and when it
 * acknowledges nothing. */
static void
tune(int fd)
{
	int on = 1, idle = KEEPALIVE_S, unacked = UNACKED_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof(unacked));
}

struct conn *
conn_new(struct front *f, int fd, const struct sip_flow *flow, bool outgoing)
{
	struct conns *all = &f->conns;
	struct conn *c = pool_take(&all->pool, outgoing);

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->front = f;
	c->transport = transport_of(flow->transport);
	c->flow = *flow;
	c->flow.conn = pool_handle(&all->pool, c);
	c->outgoing = outgoing;
	c->watch = (struct loop_watch){ .fd = fd, .ready = ready, .ctx = c };
	c->alarm = (struct alarm){ .fire = expired, .ctx = c };
	c->events = outgoing ? EPOLLOUT : EPOLLIN;
	enter(c, CONN_CONNECTING);
	if (loop_add(f->loop, &c->watch, c->events) != ERR_NONE) {
		close(fd);
		pool_drop(&all->pool, c);
		return NULL;
	}
	tune(fd);
	table_put(
	    &all->by_peer, peer_hash(f, flow->transport, &flow->peer), pool_index(&all->pool, c));
	c->source = guard_source(f->guard, &flow->peer);
	if (!outgoing)
		table_put(&all->by_source, c->source, pool_index(&all->pool, c));
	front_count(f, COUNT_CONNECTIONS);
	return c;
}

void
conn_start(struct conn *c, bool is_connected)
{
	if (is_connected)
		begin(c);
	conn_watch(c);
}

void
conn_fail(struct conn *c, enum err why)
{
	struct front *f = c->front;
	uint32_t index = pool_index(&f->conns.pool, c);

	if (c->state == CONN_DEAD)
		return;
	enter(c, CONN_DEAD);
	c->why = why;
	loop_remove(f->loop, &c->watch);
	wheel_set(f->wheel, &c->alarm.timer, 0);
	table_remove(&f->conns.by_peer, peer_hash(f, c->flow.transport, &c->flow.peer), index);
	if (!c->outgoing)
		table_remove(&f->conns.by_source, c->source, index);
	c->next_dead = f->conns.dead;
	f->conns.dead = c;
	log_debug("connection ended", LOG_SPAN("transport", sip_transport_param(c->flow.transport)),
	    LOG_ADDR("peer", &c->flow.peer), LOG_STR("why", err_name(why)));
}

static void
tell_waiters(struct conn *c)
{
	struct waiter w;

	while (c->waiters.len > 0) {
		memcpy(&w, bytes_span(&c->waiters).p, sizeof(w));
		bytes_cut(&c->waiters, sizeof(w));
		tell_failed(c->front, w.proc, w.ticket, &c->flow.peer, c->why);
	}
}

void
conn_bury(struct front *f)
{
	while (f->conns.dead != NULL) {
		struct conn *c = f->conns.dead;

		f->conns.dead = c->next_dead;
		tell_waiters(c);
		if (c->known)
			tell_down(f, c);
		c->transport->end(c);
		close(c->watch.fd);
		bytes_drop(&c->in);
		bytes_drop(&c->out);
		free(c->host);
		pool_drop(&f->conns.pool, c);
	}
	gauge(f->child.self, COUNT_LIVE_FLOWS, f->conns.pool.live);
}

/* --- sending -------------------------------------------------------------------------------- */

static enum err
write_all(struct conn *c, struct span text, size_t *n_r)
{
	enum err e = ERR_NONE;
	size_t n;

	for (*n_r = 0; e == ERR_NONE && *n_r < text.len; *n_r += n) {
		n = 0;
		e = c->transport->write(c, text.p + *n_r, text.len - *n_r, &n);
	}
	c->written += *n_r;
	return e;
}

static bool
keep(struct conn *c, struct span rest, const struct waiter *w)
{
	struct waiter own;

	if (w != NULL && w->ticket != 0) {
		own = *w;
		own.end = c->queued;
		if (bytes_put(&c->waiters, span_of(&own, sizeof(own)), WAITERS_MAX) != ERR_NONE)
			return false;
	}
	return bytes_put(&c->out, rest, CONN_OUT_MAX) == ERR_NONE;
}

void
conn_send(struct conn *c, struct span text, const struct waiter *w)
{
	enum err e = ERR_NONE;
	size_t n = 0;

	c->queued += text.len;
	c->last_ns = c->front->child.clock.mono_ns;
	if (c->state == CONN_OPEN && c->out.len == 0)
		e = write_all(c, text, &n);
	if (n == text.len)
		return;
	if (!keep(c, span_from(text, n), w))
		e = ERR_FULL;
	if (e != ERR_NONE && e != ERR_AGAIN)
		conn_fail(c, e);
	conn_watch(c);
}

void
conn_flush(struct conn *c)
{
	struct waiter w;
	enum err e;
	size_t n;

	if (c->out.len == 0)
		return;
	e = write_all(c, bytes_span(&c->out), &n);
	bytes_cut(&c->out, (uint32_t)n);
	while (c->waiters.len > 0) {
		memcpy(&w, bytes_span(&c->waiters).p, sizeof(w));
		if (w.end > c->written)
			break;
		bytes_cut(&c->waiters, sizeof(w));
	}
	if (e != ERR_NONE && e != ERR_AGAIN)
		conn_fail(c, e);
}

void
conn_end(struct conn *c)
{
	enter(c, CONN_ENDING);
	bytes_drop(&c->in);
	discard(c);
	conn_watch(c);
}
