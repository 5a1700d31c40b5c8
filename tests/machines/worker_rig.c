#include "worker_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "sip/parse.h"
#include "worker_phone.h"

enum { DIRECTORY_USERS = 64, NONCES = 256, STORE_KIB = 256, NOTES_KIB = 128 };

struct rig *rig;

static const struct hash_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };

/* --- a double of the outbox ---------------------------------------------------------------------*/

struct outbox {
	struct child *child;
};

struct outbox *
outbox_new(struct child *c, const struct settings *s)
{
	struct outbox *o = calloc(1, sizeof(*o));

	(void)s;
	cr_assert_not_null(o);
	o->child = c;
	return o;
}

void
outbox_drop(struct outbox *o)
{
	free(o);
}

void
outbox_settings(struct outbox *o, const struct settings *s)
{
	(void)o;
	(void)s;
}

void
rig_die(void)
{
	rig->die_at = 0;
	rig->mortal = false;
	rig->deaths++;
	longjmp(rig->death, 1);
}

bool
outbox_put(struct outbox *o, const struct sip_flow *to, struct span text, handle ticket)
{
	struct rig_sent *s;
	bool last = rig->mortal && rig->die_at > 0 && --rig->die_at == 0;

	(void)ticket;
	if (text.len == 0)
		return false;
	if (last && rig->die_before)
		rig_die();
	cr_assert_lt(rig->n_log, RIG_LOG, "more was sent than the bench keeps");
	s = &rig->log[rig->n_log++];
	*s = (struct rig_sent){ .text = strndup(text.p, text.len),
		.to = to->peer,
		.at_ms = rig_now_ms(),
		.worker = o->child->index };
	if (last)
		rig_die();
	return true;
}

bool
outbox_put_host(
    struct outbox *o, const struct sip_flow *to, struct span text, handle ticket, struct span host)
{
	(void)host;
	return outbox_put(o, to, text, ticket);
}

void
outbox_flush(struct outbox *o)
{
	(void)o;
}

/* --- rings --------------------------------------------------------------------------------------*/

static void
ring_end(unsigned from, unsigned to, bool producer, struct ring *r)
{
	char data[32], tail[32];
	int data_fd, tail_fd;

	snprintf(data, sizeof(data), "data.%u.%u", from, to);
	snprintf(tail, sizeof(tail), "tail.%u.%u", from, to);
	cr_assert_eq(ring_make(rig->dir_fd, data, tail,
			 proc_role(to) == ROLE_STORE ? STORE_KIB : NOTES_KIB, from, to),
	    ERR_NONE);
	cr_assert_eq(shm_reopen(rig->dir_fd, data, producer, &data_fd), ERR_NONE);
	cr_assert_eq(shm_reopen(rig->dir_fd, tail, !producer, &tail_fd), ERR_NONE);
	cr_assert_eq(ring_open(r, data_fd, tail_fd, producer), ERR_NONE);
	close(data_fd);
	close(tail_fd);
}

static void
open_rings(struct child *c)
{
	unsigned store = proc_of(ROLE_STORE, 0);

	ring_end(c->proc, store, true, &c->out[store]);
	ring_end(store, c->proc, false, &c->in[store]);
	for (unsigned i = 0; i < rig->n_workers; i++) {
		unsigned other = proc_of(ROLE_WORKER, i);

		if (i == c->index)
			continue;
		ring_end(c->proc, other, true, &c->out[other]);
		ring_end(other, c->proc, false, &c->in[other]);
	}
}

static void
close_rings(struct child *c)
{
	for (unsigned i = 0; i < PROC_MAX; i++) {
		if (c->out[i].data != NULL)
			ring_close(&c->out[i]);
		if (c->in[i].data != NULL)
			ring_close(&c->in[i]);
	}
}

static void
publish(struct child *c)
{
	for (unsigned i = 0; i < PROC_MAX; i++)
		if (c->out[i].data != NULL)
			ring_publish(&c->out[i]);
}

/* --- turns --------------------------------------------------------------------------------------*/

/* What one turn of a worker's loop does with its rings. */
static void
turn(struct worker *w, void *arg)
{
	const struct ring_record *rec;

	(void)arg;
	worker_cdrs(w);
	note_flush(w);
	for (unsigned i = 0; i < PROC_MAX; i++) {
		while (w->child.in[i].data != NULL && (rec = ring_peek(&w->child.in[i])) != NULL) {
			inbox_record(w, rec, i);
			ring_next(&w->child.in[i]);
		}
	}
	publish(&w->child);
}

/* False: the new one dies as well. */
static bool
restarts(unsigned index)
{
	rig->die_at = rig->die_again;
	rig->die_again = 0;
	rig->mortal = rig->die_at > 0;
	if (setjmp(rig->death) != 0)
		return false;
	rig_restart(index);
	rig->die_at = 0;
	return true;
}

/* Runs a part of a turn that the worker may not survive. */
static void
mortally(struct worker *w, void (*does)(struct worker *w, void *arg), void *arg)
{
	unsigned index = w->child.index;

	rig->mortal = true;
	if (rig->watch != NULL)
		rig->watch(w);
	if (setjmp(rig->death) == 0) {
		does(w, arg);
		if (rig->watch != NULL)
			rig->watch(NULL);
	} else {
		while (!restarts(index)) {
		}
	}
	rig->mortal = false;
}

/* Until no worker has anything to say to another. */
static void
settle(void)
{
	for (unsigned i = 0; i < 8 * rig->n_workers && !rig->apart; i++) {
		mortally(rig->w[i % rig->n_workers], turn, NULL);
		rig_read_store(i % rig->n_workers);
	}
}

static void
lives_through(struct worker *w, void (*does)(struct worker *w, void *arg), void *arg)
{
	unsigned index = w->child.index;

	mortally(w, does, arg);
	if (!rig->apart)
		rig_read_store(index); /* before what this leads to elsewhere */
	settle();
}

static void
receive(struct worker *w, void *m)
{
	if (rig->in_hand == 0) {
		inbox_message(w, m);
		return;
	}
	inbox_lost(w, m, rig->in_hand);
	worker_drain(w);
}

bool
rig_deliver(unsigned worker, const char *text, const struct netaddr *from)
{
	size_t len = strlen(text);
	struct sip_msg *m = calloc(1, SIP_MSG_ROOM(len));
	struct verdict v;

	cr_assert_not_null(m);
	m->raw_len = (uint16_t)len;
	memcpy(sip_raw(m), text, len);
	v = sip_parse(m, SIP_MSG_ROOM(len));
	if (v.status == 0) {
		m->flow = (struct sip_flow){ .transport = rig->tcp ? SIP_T_TCP : SIP_T_UDP,
			.peer = *from };
		m->flow.local = rig->settings.listeners[0].address;
		m->at_ns = rig->clock.mono_ns;
		cr_assert(sip_msg_valid(m, m->size));
		lives_through(rig->w[worker], receive, m);
	}
	free(m);
	return v.status == 0;
}

static void
hangup_first(struct worker *w, void *arg)
{
	(void)arg;
	call_hangup(w, pool_next(&w->calls, NULL));
	worker_drain(w);
}

void
rig_operator_hangup(unsigned worker)
{
	lives_through(rig->w[worker], hangup_first, NULL);
}

static void
break_flow(struct worker *w, void *phone)
{
	const struct phone *p = phone;
	struct txn *t, *next;

	for (t = pool_next(&w->txn_pool, NULL); t != NULL; t = next) {
		next = pool_next(&w->txn_pool, t);
		if (netaddr_eq(&t->flow.peer, &p->address))
			txn_unreachable(&w->txns, t);
	}
	worker_drain(w);
}

void
rig_unreachable(struct phone *p)
{
	lives_through(rig->w[p->worker], break_flow, p);
}

/* --- time ---------------------------------------------------------------------------------------*/

uint64_t
rig_now_ms(void)
{
	return (rig->clock.mono_ns - rig->began_ns) / NS_PER_MS;
}

static void
set_clock(uint64_t mono_ns)
{
	clock_move(&rig->clock, mono_ns - rig->clock.mono_ns);
	for (unsigned i = 0; i < rig->n_workers; i++)
		rig->w[i]->child.clock = rig->clock;
}

static void
timers(struct worker *w, void *arg)
{
	(void)arg;
	worker_timers(w);
}

void
rig_wait_ns(uint64_t ns)
{
	uint64_t until = rig->clock.mono_ns + ns;

	for (;;) {
		uint64_t first = UINT64_MAX;

		for (unsigned i = 0; i < rig->n_workers; i++) {
			uint64_t n = wheel_next(rig->w[i]->wheel, rig->clock.mono_ns);

			first = n < first ? n : first;
		}
		if (rig->clock.mono_ns > until || first > until - rig->clock.mono_ns)
			break;
		set_clock(rig->clock.mono_ns + (first == 0 ? WHEEL_TICK_NS : first));
		for (unsigned i = 0; i < rig->n_workers; i++)
			lives_through(rig->w[i], timers, NULL);
	}
	if (until > rig->clock.mono_ns)
		set_clock(until);
	settle();
}

/* --- a worker's life ----------------------------------------------------------------------------*/

static void
start(unsigned index)
{
	struct worker *w = calloc(1, sizeof(*w));

	cr_assert_not_null(w);
	rig->w[index] = w;
	w->child.role = ROLE_WORKER;
	w->child.index = index;
	w->child.proc = proc_of(ROLE_WORKER, index);
	w->child.clock = rig->clock;
	w->child.self = rig->regions[index];
	w->child.nonces = rig->nonces;
	w->child.exchange = &rig->exchange;
	memset(w->child.udp, 0xff, sizeof(w->child.udp));
	open_rings(&w->child);
	w->settings = &rig->settings;
	w->key = key;
	w->region = rig->regions[index];
	worker_shape(w->settings, &w->shape);
	w->child.self_size = w->shape.size;
	worker_init(w);
	for (unsigned i = 0; i < rig->n_workers; i++)
		rig_open_region(w, i);
	publish(&w->child);
}

static void
stop(struct worker *w)
{
	close_rings(&w->child);
	txns_done(&w->txns);
	pool_done(&w->calls);
	pool_done(&w->legs);
	pool_done(&w->txn_pool);
	heap_done(&w->heap);
	wheel_drop(w->wheel);
	outbox_drop(w->outbox);
	resolve_drop(w->resolving);
	free(w->call_timers);
	free(w->leg_timers);
	free(w->txn_timers);
	free(w->relay_timers);
	free(w->ringing);
	free(w->scratch);
	free(w->text);
	free(w->message);
	free(w);
}

void
rig_restart(unsigned worker)
{
	stop(rig->w[worker]);
	start(worker);
	settle();
}

static void *
memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert(p != MAP_FAILED && rig->n_maps < RIG_MAPS);
	rig->maps[rig->n_maps].mem = p;
	rig->maps[rig->n_maps++].size = size;
	return p;
}

static void
make_tables(void)
{
	size_t size = directory_bytes(DIRECTORY_USERS), places = locations_bytes(DIRECTORY_USERS);
	struct dir_tenant t = { .tenant = 1, .name = "office", .realm = "example.com" };

	cr_assert_eq(directory_own(&rig->directory, memory(size), size, DIRECTORY_USERS), ERR_NONE);
	cr_assert_eq(
	    locations_own(&rig->locations, memory(places), places, DIRECTORY_USERS), ERR_NONE);
	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
	cr_assert_eq(directory_put_domain(&rig->directory, SPAN("example.com"), 1), ERR_NONE);
	directory_set_filled(&rig->directory);
	rig->nonces = memory(nonces_bytes(NONCES));
	nonces_init(rig->nonces, NONCES, 300);
}

static void
make_directory(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(rig->dir, sizeof(rig->dir), "%s/tandem-worker-XXXXXX",
	    base != NULL && strlen(base) < 32 ? base : "/tmp");
	cr_assert_not_null(mkdtemp(rig->dir));
	rig->dir_fd = open(rig->dir, O_RDONLY | O_DIRECTORY);
	cr_assert_geq(rig->dir_fd, 0);
}

void
rig_new(unsigned n_workers)
{
	struct worker_shape shape;

	rig = calloc(1, sizeof(*rig));
	cr_assert_not_null(rig);
	rig->n_workers = n_workers;
	rig_forget_bindings();
	rig->began_ns = rig->clock.mono_ns = 1000 * NS_PER_S;
	rig->clock.wall_ms = 1700000000000;
	rig_default_settings();
	make_directory();
	make_tables();
	worker_shape(&rig->settings, &shape);
	for (unsigned i = 0; i < n_workers; i++)
		rig->regions[i] = memory(shape.size);
	for (unsigned i = 0; i < n_workers; i++) {
		start(i);
		ring_end(proc_of(ROLE_WORKER, i), proc_of(ROLE_STORE, 0), false, &rig->store[i]);
		ring_end(
		    proc_of(ROLE_STORE, 0), proc_of(ROLE_WORKER, i), true, &rig->from_store[i]);
	}
}

static void
remove_rings(void)
{
	DIR *d = fdopendir(rig->dir_fd);
	const struct dirent *e;

	cr_assert_not_null(d);
	rewinddir(d);
	while ((e = readdir(d)) != NULL)
		unlinkat(rig->dir_fd, e->d_name, 0);
	closedir(d);
}

void
rig_end(void)
{
	for (unsigned i = 0; i < rig->n_workers; i++) {
		stop(rig->w[i]);
		ring_close(&rig->store[i]);
		ring_close(&rig->from_store[i]);
	}
	for (unsigned i = 0; i < rig->n_log; i++)
		free(rig->log[i].text);
	for (unsigned i = 0; i < rig->n_phones; i++)
		free(rig->phones[i]);
	for (unsigned i = 0; i < rig->n_calls; i++)
		free(rig->calls[i].cdr);
	records_close(&rig->directory.records);
	records_close(&rig->locations.records);
	for (unsigned i = 0; i < rig->n_maps; i++)
		munmap(rig->maps[i].mem, rig->maps[i].size);
	remove_rings();
	rmdir(rig->dir);
	free(rig);
}
