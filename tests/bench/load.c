/*
 * usage: load NAME=VALUE...
 *
 *     server=127.0.0.1:5060   from=127.0.0.2:5070   to=127.0.0.3:5080    addresses
 *     rate=100  count=1000    calls a second, calls
 *     hold=500                milliseconds a call is up
 *     limit=60                seconds after which it gives up
 *     subscribers=0           so many, numbered from first=, call each other and answer challenges
 *     register=1              no calls: they register
 *     keep=1                  calls stay up until standard input ends; "up N" says that they are
 *     prefix=49  domain=127.0.0.1:5060  password=secret  first=100000
 *
 * Prints one line of NAME=VALUE: what came of it.
 */
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SCAN_MS = 20, START_BATCH = 32 };

/* --- calls -------------------------------------------------------------------------------------- */

struct call *
call_at(struct load *l, const char *id)
{
	unsigned slot, serial;

	if (!read_id(id, &slot, &serial) || slot >= l->slots || l->calls[slot].serial != serial ||
	    l->calls[slot].state == FREE)
		return NULL;
	return &l->calls[slot];
}

static void
call_free(struct load *l, struct call *c)
{
	c->state = FREE;
	c->called_due_ns = 0;
	c->next = l->free_head;
	l->free_head = (unsigned)(c - l->calls);
	l->live--;
}

void
call_done(struct load *l, struct call *c)
{
	l->good++;
	call_free(l, c);
}

void
call_failed(struct load *l, struct call *c, const char *why)
{
	if (l->failed++ < 3)
		fprintf(
		    stderr, "load: %u failed: %.*s\n", c->serial, (int)strcspn(why, "\r\n"), why);
	call_free(l, c);
}

void
call_is_up(struct load *l, struct call *c)
{
	c->state = UP;
	c->due_ns = now_ns() + l->hold_ms * MS;
	c->next = NONE;
	if (l->up_head == NONE)
		l->up_head = (unsigned)(c - l->calls);
	else
		l->calls[l->up_tail].next = (unsigned)(c - l->calls);
	l->up_tail = (unsigned)(c - l->calls);
	l->up++;
}

static void
start_due(struct load *l, uint64_t now)
{
	for (unsigned n = 0; n < START_BATCH && l->started < l->count; n++) {
		struct call *c;

		if (l->begin_ns + l->started * SECOND / l->rate > now || l->free_head == NONE)
			return;
		c = &l->calls[l->free_head];
		l->free_head = c->next;
		c->serial = l->base + l->started++;
		c->rang = c->challenged = false;
		c->called_due_ns = 0;
		l->live++;
		l->last_start_ns = now;
		uac_start(l, c);
	}
}

/* The oldest first: all are up equally long. */
static void
leave_due(struct load *l, uint64_t now)
{
	for (unsigned n = 0; n < START_BATCH && l->up_head != NONE; n++) {
		struct call *c = &l->calls[l->up_head];

		if (l->keeps ? !l->stopping : c->due_ns > now)
			return;
		l->up_head = c->next;
		uac_leave(l, c);
	}
}

static void
scan(struct load *l, uint64_t now)
{
	for (unsigned i = 0; i < l->slots; i++) {
		if (l->calls[i].state == FREE)
			continue;
		uas_again(l, &l->calls[i], now);
		uac_again(l, &l->calls[i], now);
	}
}

/* --- the loop ----------------------------------------------------------------------------------- */

/* A phone is called where it calls from; a gateway's called side is another one. */
static void
receive(struct load *l, struct net *own)
{
	unsigned n = net_receive(own);

	for (unsigned i = 0; i < n; i++) {
		struct sockaddr_in *from;
		const char *text = net_text(own, i, &from);

		if (strncmp(text, "SIP/", 4) == 0)
			uac_response(l, text);
		else
			uas_request(l, own, text, from);
	}
}

static uint64_t
next_event(const struct load *l, uint64_t scan_ns)
{
	uint64_t next = scan_ns, start;

	if (l->started < l->count && l->free_head != NONE) {
		start = l->begin_ns + l->started * SECOND / l->rate;
		next = start < next ? start : next;
	}
	if (l->up_head != NONE && !l->keeps && l->calls[l->up_head].due_ns < next)
		next = l->calls[l->up_head].due_ns;
	return next;
}

static void
wait_until(struct load *l, uint64_t next)
{
	struct pollfd fds[3] = { { l->uac.fd, POLLIN, 0 }, { l->uas.fd, POLLIN, 0 },
		{ l->keeps && !l->stopping ? STDIN_FILENO : -1, POLLIN, 0 } };
	uint64_t now = now_ns();
	struct timespec ts = { 0 };
	char c;

	if (next > now) {
		ts.tv_sec = (time_t)((next - now) / SECOND);
		ts.tv_nsec = (long)((next - now) % SECOND);
	}
	if (ppoll(fds, 3, &ts, NULL) > 0 && fds[2].revents != 0 && read(STDIN_FILENO, &c, 1) <= 0)
		l->stopping = true;
}

static void
run(struct load *l)
{
	const uint64_t end = now_ns() + l->limit_s * SECOND;
	uint64_t scan_ns = now_ns();
	bool told = false;

	l->begin_ns = now_ns();
	while (l->started < l->count || l->live > 0) {
		uint64_t now = now_ns();

		if (now > end)
			break;
		start_due(l, now);
		leave_due(l, now);
		if (now >= scan_ns) {
			scan(l, now);
			scan_ns = now + SCAN_MS * MS;
		}
		if (l->keeps && !told && l->up + l->failed == l->count) {
			printf("up %u\n", l->up);
			fflush(stdout);
			told = true;
		}
		net_flush(&l->uac);
		net_flush(&l->uas);
		wait_until(l, next_event(l, scan_ns));
		receive(l, &l->uac);
		receive(l, &l->uas);
	}
}

/* --- begin and end ------------------------------------------------------------------------------ */

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
report(struct load *l)
{
	struct rusage own;
	unsigned n = l->n_latencies;

	getrusage(RUSAGE_SELF, &own);
	qsort(l->latency_us, n, sizeof(*l->latency_us), compare);
	printf("good=%u failed=%u retransmitted=%u p50_us=%u p99_us=%u max_us=%u start_ms=%llu "
	       "own_ms=%ld\n",
	    l->good, l->failed + l->live + (l->count - l->started), l->retransmitted,
	    n > 0 ? l->latency_us[n / 2] : 0, n > 0 ? l->latency_us[(uint64_t)n * 99 / 100] : 0,
	    n > 0 ? l->latency_us[n - 1] : 0,
	    (unsigned long long)((l->last_start_ns - l->begin_ns) / MS),
	    (own.ru_utime.tv_sec + own.ru_stime.tv_sec) * 1000 +
		(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1000);
}

static const char *
word(int argc, char **argv, const char *name, const char *otherwise)
{
	size_t len = strlen(name);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
			return argv[i] + len + 1;
	return otherwise;
}

static unsigned
number(int argc, char **argv, const char *name, const char *otherwise)
{
	return (unsigned)strtoul(word(argc, argv, name, otherwise), NULL, 10);
}

static void
make_calls(struct load *l)
{
	uint64_t most = l->keeps ? l->count : (uint64_t)l->rate * (l->hold_ms + 10000) / 1000;

	l->slots = most < l->count ? (unsigned)most : l->count;
	l->calls = calloc(l->slots, sizeof(*l->calls));
	l->latency_us = calloc(LATENCIES, sizeof(*l->latency_us));
	if (l->calls == NULL || l->latency_us == NULL)
		exit(2);
	for (unsigned i = 0; i < l->slots; i++)
		l->calls[i].next = i + 1 < l->slots ? i + 1 : NONE;
	l->free_head = 0;
	l->up_head = NONE;
}

int
main(int argc, char **argv)
{
	static struct load l;

	l.server = address_of(word(argc, argv, "server", "127.0.0.1:5060"));
	l.registers = number(argc, argv, "register", "0") != 0;
	l.keeps = number(argc, argv, "keep", "0") != 0;
	l.rate = number(argc, argv, "rate", "100");
	l.count = number(argc, argv, "count", "1000");
	l.hold_ms = number(argc, argv, "hold", "500");
	l.limit_s = number(argc, argv, "limit", "60");
	l.subscribers = number(argc, argv, "subscribers", "0");
	l.first = number(argc, argv, "first", "100000");
	l.prefix = word(argc, argv, "prefix", "49");
	l.domain = word(argc, argv, "domain", "127.0.0.1:5060");
	l.password = word(argc, argv, "password", "secret");
	if (l.rate == 0 || l.count == 0) {
		fprintf(stderr, "load: rate and count are at least 1\n");
		return 2;
	}
	net_open(&l.uac, word(argc, argv, "from", "127.0.0.2:5070"));
	net_open(&l.uas, word(argc, argv, "to", "127.0.0.3:5080"));
	make_calls(&l);
	l.base = (unsigned)(now_ns() / MS) * 16; /* no Call-ID of an earlier run */
	prctl(PR_SET_TIMERSLACK, 1);
	run(&l);
	report(&l);
	return l.good == l.count ? 0 : 1;
}
