/*
 * The front: sockets, framing, parsing, flood guard and dispatch; sends on the connections it
 * holds. It keeps no call, no binding and no password, and what it parsed is checked again by
 * whoever gets it. This header is private to the daemon and has a section for each file.
 *
 * One turn of the loop (main.c): take what workers and the registrar want sent, fire timers, bury
 * the dead connections, hand everything over, sleep in epoll, run what is ready.
 */
#ifndef TANDEM_FRONT_H
#define TANDEM_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/pool.h"
#include "base/table.h"
#include "base/wheel.h"
#include "ipc/child.h"
#include "model/settings.h"
#include "sip/frame.h"
#include "sip/msg.h"
#include "sip/parse.h"

struct front;
struct conn;

/* --- alarm.c: timers that know whom to wake ------------------------------------------------- */
struct alarm {
	struct wheel_timer timer; /* first: the wheel hands back its address */
	void (*fire)(void *ctx);
	void *ctx;
};

void alarm_run(struct front *f);

/* --- bytes.c: a queue of bytes, bounded; its memory goes when it is empty ------------------- */
struct bytes {
	char *p;
	uint32_t at, len, cap; /* what waits: p + at, len bytes */
};

/* ERR_FULL beyond max bytes waiting, or without memory; then nothing was put. */
enum err bytes_put(struct bytes *b, struct span s, uint32_t max);
void bytes_cut(struct bytes *b, uint32_t n);
void bytes_drop(struct bytes *b);
static inline struct span
bytes_span(const struct bytes *b)
{
	return (struct span){ b->p == NULL ? NULL : b->p + b->at, b->len };
}

/* --- dispatch.c: whose message is it? A pure function of the message ------------------------ */
struct dispatch {
	struct hash_key key; /* the exchange's token key */
	unsigned workers;
};
struct dispatched {
	unsigned proc; /* process number of a worker or the registrar */
	bool ours;     /* by a token of ours, or CANCEL and ACK: it may use the reserve */
};

/* ERR_ABSENT: a response to nothing of ours. */
enum err dispatch_to(const struct dispatch *d, const struct sip_msg *m, struct dispatched *to_r);

/* --- guard.c: a token bucket per source, of fixed size -------------------------------------- */
struct guard;

struct guard *guard_new(void);
void guard_drop(struct guard *g);
void guard_set(struct guard *g, const struct settings *s);
/* May this source send one more message now? Loopback and trusted sources always. */
bool guard_pass(struct guard *g, const struct netaddr *from, uint64_t now_ns);
bool guard_trusts(const struct guard *g, const struct netaddr *from);
/* What counts as one source: an IPv4 address, or a /64 of IPv6. */
uint64_t guard_source(const struct guard *g, const struct netaddr *from);

/* --- send.c: UDP answers of our own, sent in batches ---------------------------------------- */
struct send;

struct send *send_new(void);
void send_drop(struct send *s);
/* A buffer to build one datagram in; send_end queues it if the buffer is good. */
struct buf send_begin(struct front *f);
void send_end(struct front *f, const struct buf *b, const struct sip_flow *to);
void send_flush(struct front *f);

/* --- refuse.c: stateless answers ------------------------------------------------------------ */
/* Answers a request once, to where it came from. An ACK is never answered, nor a response. */
void refuse(struct front *f, const struct sip_msg *m, unsigned status, const char *reason,
    struct span headers);
/* 503 with Retry-After, counted. */
void refuse_busy(struct front *f, const struct sip_msg *m);
/* Is it the ACK of an answer of ours? Then it is nobody's. */
bool refuse_acked(const struct front *f, const struct sip_msg *ack);

/* --- deliver.c: from the parser to its owner's ring ----------------------------------------- */
void deliver(struct front *f, const struct sip_msg *m, struct verdict v);

/* --- udp.c: datagrams in -------------------------------------------------------------------- */
struct udp;

void udp_open(struct front *f);
void udp_close(struct front *f);
/* A packet that is no SIP but keeps a flow open: empty lines, NULs, STUN. */
bool udp_keepalive(struct span packet);

/* --- transport rows: tcp.c, tls.c --------------------------------------------------------------
 * What a kind of connection must be able to do. A new one (WebSocket) is a file with these
 * functions and a row in stream.c. Each returns ERR_NONE when it did something, ERR_AGAIN when the
 * socket must become ready first (then want_out says whether for writing), else the connection is
 * dead. */
struct transport {
	enum sip_transport id;
	enum err (*begin)(struct conn *c); /* connected or accepted: what the kind needs besides */
	enum err (*shake)(struct conn *c); /* its handshake; called until it is done */
	enum err (*read)(struct conn *c, void *p, size_t cap, size_t *n_r);
	enum err (*write)(struct conn *c, const void *p, size_t len, size_t *n_r);
	void (*end)(struct conn *c); /* goodbye, as far as it goes without waiting; frees */
	enum sip_framed (*frame)(
	    struct sip_frame *f, struct span bytes, uint32_t *len_r, struct verdict *why_r);
};
extern const struct transport transport_tcp, transport_tls;
const struct transport *transport_of(unsigned id); /* NULL: not over connections */

/* --- tls.c besides -------------------------------------------------------------------------- */
struct tls {
	SSL_CTX *listener[LISTENERS_MAX]; /* by listener; NULL: none */
	SSL_CTX *client;
};

/* Reads the certificates. At the start what is missing is fatal; later the old ones stay. */
void tls_load(struct front *f, bool first);
void tls_unload(struct front *f);

/* --- conn.c: connections -----------------------------------------------------------------------
 * Owned by the front's pool; named elsewhere by a handle. Nothing closes a connection at once: it
 * becomes CONN_DEAD and is buried at the end of the turn, so that a caller's pointer stays good. */
enum conn_state {
	CONN_CONNECTING, /* we called; text waits. Ends by an answer or after 4 s */
	CONN_SHAKING, /* the transport's handshake; text waits. Ends when it is done or after 10 s */
	CONN_OPEN,    /* messages both ways. Ends by the peer, an error, silence, or our refusal */
	CONN_ENDING, /* we refused what came: the answer is flushed, what comes is thrown away, 2 s */
	CONN_DEAD    /* nothing reaches it any more; buried at the end of the turn */
};

/* Who waits for text that is not on the wire yet: it is told when it never gets there. */
struct waiter {
	uint64_t ticket;
	uint64_t end; /* in bytes ever queued on the connection: where its text ends */
	uint32_t proc;
	uint32_t pad;
};

struct conn {
	struct slot slot;
	struct front *front;
	const struct transport *transport;
	struct loop_watch watch;
	struct alarm alarm;
	struct sip_flow flow; /* with its own handle */
	enum conn_state state;
	enum err why;	 /* of CONN_DEAD */
	uint32_t events; /* what epoll was told */
	bool outgoing, want_out;
	bool known;	   /* somebody has heard of its handle: tell when it ends */
	bool registered;   /* the registrar has answered on it: keep it as long as a binding */
	uint64_t begun_ns; /* the present state, or the message half received; 0: none */
	uint64_t last_ns;  /* the last message either way */
	struct sip_frame frame;
	struct bytes in, out, waiters;
	uint64_t queued, written; /* bytes ever */
	uint64_t source;	  /* guard_source of an accepted one */
	struct conn *next_dead;
	SSL *ssl;
	char *host; /* outgoing TLS: the name its certificate was verified for */
};

struct conns {
	struct pool pool;
	void *slots;
	struct table by_peer, by_source;
	struct hash_key key;
	struct conn *dead;
};

enum { CONN_OUT_MAX = 256 << 10, CONN_IN_MAX = 192 << 10 };

void conn_open_all(struct front *f);
void conn_close_all(struct front *f);
/* A connection on fd, which it takes (and closes when there is no room: NULL). */
struct conn *conn_new(struct front *f, int fd, const struct sip_flow *flow, bool outgoing);
void conn_start(struct conn *c, bool connected);
struct conn *conn_find(struct front *f, handle h); /* NULL: gone, or going */
/* One to this peer. TLS: only one that was verified for this host. */
struct conn *conn_find_peer(
    struct front *f, unsigned transport, const struct netaddr *peer, struct span host);
unsigned conn_count_source(struct front *f, uint64_t source);
/* Sends, or queues what the socket does not take. w may be NULL; its `end` is set here. */
void conn_send(struct conn *c, struct span text, const struct waiter *w);
void conn_flush(struct conn *c);
void conn_end(struct conn *c); /* after what is queued */
void conn_fail(struct conn *c, enum err why);
void conn_watch(struct conn *c); /* epoll and timer, as it now stands */
void conn_bury(struct front *f);

/* --- accept.c: the listening sockets -------------------------------------------------------- */
struct accepts;

void accept_open(struct front *f);
void accept_close(struct front *f);

/* --- stream.c: messages out of a connection's bytes ----------------------------------------- */
struct stream;

struct stream *stream_new(void);
void stream_drop(struct stream *s);
void stream_read(struct conn *c);

/* --- connect.c: text for connections, and connections for text ------------------------------ */
/* Takes at most `most` records of workers and the registrar. */
void connect_take(struct front *f, unsigned most);

/* --- tell.c: FLOW_DOWN ---------------------------------------------------------------------- */
void tell_down(struct front *f, const struct conn *c);
void tell_failed(
    struct front *f, unsigned proc, uint64_t ticket, const struct netaddr *peer, enum err why);

/* --- confine.c: the system calls we need, and no other -------------------------------------- */
void front_confine(void);

/* --- main.c --------------------------------------------------------------------------------- */
struct front {
	struct child child;
	const struct settings *settings;
	struct loop *loop;
	struct wheel *wheel;
	struct dispatch dispatch;
	struct guard *guard;
	struct send *send;
	struct udp *udp;
	struct accepts *accepts;
	struct stream *stream;
	struct conns conns;
	struct tls tls;
	struct loop_watch bell;
	uint64_t titled_ns;
};

/* What runs out of epoll reads the clock first: the turn's is as old as the sleep was long. */
static inline uint64_t
front_now(struct front *f)
{
	clock_read(&f->child.clock);
	return f->child.clock.mono_ns;
}
static inline void
front_count(struct front *f, enum counter c)
{
	count(f->child.self, c, 1);
}

#endif
