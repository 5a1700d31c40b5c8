/*
 * The DNS servers, asked by c-ares on our loop: it knows the servers, tries the next one, changes to
 * TCP for what is long, and accepts an answer only from whom it was asked.
 */
#include "resolver/resolver.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "base/log.h"

#define RESOLV_CONF "/etc/resolv.conf"

enum {
	SOCKETS = 32,	   /* UDP and TCP for each server; resolv.conf has few */
	ALIASES_MAX = 4,   /* questions that one name may lead to, by CNAMEs */
	EDNS_BYTES = 1232, /* is not fragmented anywhere (DNS Flag Day 2020) */
	LOOK_S = 5	   /* at resolv.conf */
};

struct query {
	struct dns *dns;
	struct query *next;    /* in dns->again */
	struct locate_ask ask; /* as it was asked of us */
	struct locate_ask now; /* the same, or the name that it is an alias for */
	unsigned aliases;
	uint32_t ttl_s; /* of these aliases */
	dns_told *told;
	void *ctx;
};

struct dns_socket {
	struct dns *dns;
	struct loop_watch watch;
	bool used;
};

struct dns {
	struct resolver *r;
	ares_channel channel;
	struct query *again; /* to be asked of the new servers */
	struct dns_socket sockets[SOCKETS];
	struct timespec conf; /* when resolv.conf was changed last */
	uint64_t looked_ns;
};

/* --- sockets ------------------------------------------------------------------------------------*/

static void
ready(void *ctx, uint32_t events)
{
	struct dns_socket *s = ctx;
	ares_socket_t fd = s->watch.fd;

	ares_process_fd(s->dns->channel, events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
	    events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
}

static struct dns_socket *
socket_find(struct dns *d, int fd)
{
	for (unsigned i = 0; i < SOCKETS; i++)
		if (d->sockets[i].used && d->sockets[i].watch.fd == fd)
			return &d->sockets[i];
	return NULL;
}

static struct dns_socket *
socket_new(struct dns *d, int fd)
{
	for (unsigned i = 0; i < SOCKETS; i++) {
		struct dns_socket *s = &d->sockets[i];

		if (s->used)
			continue;
		*s = (struct dns_socket){ .dns = d, .used = true };
		s->watch = (struct loop_watch){ .fd = fd, .ready = ready, .ctx = s };
		return s;
	}
	return NULL;
}

/* c-ares wants to know of these; 0, 0 comes before it closes the socket. One that has no place here is
 * not heard: its question ends by its timeout. */
static void
on_socket(void *ctx, ares_socket_t fd, int reads, int writes)
{
	struct dns *d = ctx;
	struct dns_socket *s = socket_find(d, fd);
	uint32_t events = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u);

	if (events == 0) {
		if (s != NULL) {
			loop_remove(d->r->loop, &s->watch);
			s->used = false;
		}
		return;
	}
	if (s != NULL) {
		(void)loop_change(d->r->loop, &s->watch, events);
		return;
	}
	s = socket_new(d, fd);
	if (s == NULL || loop_add(d->r->loop, &s->watch, events) != ERR_NONE)
		log_warn("a socket to a DNS server cannot be watched", LOG_I64("errno", errno));
}

/* --- the channel --------------------------------------------------------------------------------*/

static void
set_servers(struct dns *d)
{
	const struct settings *s = d->r->settings;
	char text[DNS_SERVERS_MAX * 64];
	struct buf b = buf_on(text, sizeof(text) - 1);

	if (s->dns.n_servers == 0)
		return;
	for (uint32_t i = 0; i < s->dns.n_servers; i++) {
		if (i > 0)
			buf_char(&b, ',');
		netaddr_put(&b, &s->dns.servers[i]);
	}
	text[b.len] = '\0';
	if (ares_set_servers_ports_csv(d->channel, text) != ARES_SUCCESS)
		log_error("these DNS servers cannot be used", LOG_STR("servers", text));
}

static void
channel_open(struct dns *d)
{
	struct ares_options o = { .flags = ARES_FLAG_EDNS | ARES_FLAG_NOALIASES,
		.timeout = (int)d->r->settings->dns.timeout_ms,
		.tries = (int)d->r->settings->dns.tries,
		.ednspsz = EDNS_BYTES,
		.lookups = (char[]){ "b" }, /* DNS, not the hosts file */
		.ndomains = 0,		    /* names are whole */
		.sock_state_cb = on_socket,
		.sock_state_cb_data = d };
	int status = ares_init_options(&d->channel, &o,
	    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
		ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB);

	if (status != ARES_SUCCESS)
		fatal(0, "c-ares: %s", ares_strerror(status));
	set_servers(d);
}

/* False: there is none, or it is as it was. */
static bool
conf_changed(struct dns *d)
{
	struct stat st;
	bool changed;

	if (stat(RESOLV_CONF, &st) != 0)
		return false;
	changed = st.st_mtim.tv_sec != d->conf.tv_sec || st.st_mtim.tv_nsec != d->conf.tv_nsec;
	d->conf = st.st_mtim;
	return changed;
}

struct dns *
dns_new(struct resolver *r)
{
	struct dns *d = calloc(1, sizeof(*d));

	if (d == NULL || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		fatal(0, "no memory for DNS");
	d->r = r;
	(void)conf_changed(d);
	channel_open(d);
	return d;
}

void
dns_drop(struct dns *d)
{
	ares_destroy(d->channel);
	while (d->again != NULL) {
		struct query *q = d->again;

		d->again = q->next;
		free(q);
	}
	ares_library_cleanup();
	free(d);
}

/* --- queries ------------------------------------------------------------------------------------*/

static void
finish(struct query *q, const struct locate_answer *a)
{
	q->told(q->ctx, &q->ask, a);
	free(q);
}

static void
fail(struct query *q)
{
	struct locate_answer none = { .status = LOCATE_FAILED };

	finish(q, &none);
}

static void on_reply(void *ctx, int status, int timeouts, unsigned char *msg, int len);

static void
send_query(struct query *q)
{
	count(q->dns->r->child.self, COUNT_DNS_QUERIES, 1);
	ares_query(q->dns->channel, q->now.name, ns_c_in, (int)q->now.type, on_reply, q);
}

static void
on_message(struct query *q, const unsigned char *msg, int len)
{
	struct locate_answer a;
	char alias[LOCATE_NAME];

	if (len < 0 || reply_read(msg, (size_t)len, &q->now, &a, alias) != ERR_NONE) {
		fail(q);
		return;
	}
	if (a.ttl_s < q->ttl_s)
		q->ttl_s = a.ttl_s;
	if (alias[0] != '\0' && q->aliases++ < ALIASES_MAX) {
		strcpy(q->now.name, alias);
		send_query(q);
		return;
	}
	a.ttl_s = q->ttl_s;
	finish(q, &a);
}

static void
on_reply(void *ctx, int status, int timeouts, unsigned char *msg, int len)
{
	struct query *q = ctx;

	(void)timeouts;
	if (status == ARES_EDESTRUCTION) { /* other servers follow */
		q->next = q->dns->again;
		q->dns->again = q;
		return;
	}
	if (msg != NULL &&
	    (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND)) {
		on_message(q, msg, len);
		return;
	}
	log_debug("no answer from DNS", LOG_STR("name", q->now.name),
	    LOG_U64("type", (uint64_t)q->now.type), LOG_STR("why", ares_strerror(status)));
	fail(q);
}

void
dns_ask(struct dns *d, const struct locate_ask *ask, dns_told *told, void *ctx)
{
	struct query *q = calloc(1, sizeof(*q));
	struct locate_answer none = { .status = LOCATE_FAILED };

	if (q == NULL) {
		told(ctx, ask, &none);
		return;
	}
	*q = (struct query){ .dns = d,
		.ask = *ask,
		.now = *ask,
		.ttl_s = LOCATE_TTL_MAX_S,
		.told = told,
		.ctx = ctx };
	send_query(q);
}

/* --- the turn -----------------------------------------------------------------------------------*/

void
dns_settings(struct dns *d)
{
	struct query *q;

	ares_destroy(d->channel);
	channel_open(d);
	q = d->again;
	d->again = NULL;
	while (q != NULL) {
		struct query *next = q->next;

		send_query(q);
		q = next;
	}
}

void
dns_turn(struct dns *d)
{
	uint64_t now = d->r->child.clock.mono_ns;

	if (d->r->settings->dns.n_servers == 0 && now - d->looked_ns >= LOOK_S * NS_PER_S) {
		d->looked_ns = now;
		if (conf_changed(d))
			dns_settings(d);
	}
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

uint64_t
dns_wait_ns(const struct dns *d)
{
	struct timeval most = { 1, 0 }, room;
	const struct timeval *tv = ares_timeout(d->channel, &most, &room);

	return (uint64_t)tv->tv_sec * NS_PER_S + (uint64_t)tv->tv_usec * 1000;
}
