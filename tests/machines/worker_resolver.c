#include "worker_resolver.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ASKED = 64, RING_KIB = 64 };

static struct {
	struct ring in[RIG_WORKERS], out[RIG_WORKERS];
	struct plans plans;
	void *memory;
	struct {
		unsigned worker;
		uint64_t ticket;
		struct locate_question question;
	} asked[ASKED];
	unsigned n_asked, heard;
} r;

static void
end_of(unsigned from, unsigned to, bool producer, struct ring *ring)
{
	char data[32], tail[32];
	int data_fd, tail_fd;

	snprintf(data, sizeof(data), "data.%u.%u", from, to);
	snprintf(tail, sizeof(tail), "tail.%u.%u", from, to);
	cr_assert_eq(ring_make(rig->dir_fd, data, tail, RING_KIB, from, to), ERR_NONE);
	cr_assert_eq(shm_reopen(rig->dir_fd, data, producer, &data_fd), ERR_NONE);
	cr_assert_eq(shm_reopen(rig->dir_fd, tail, !producer, &tail_fd), ERR_NONE);
	cr_assert_eq(ring_open(ring, data_fd, tail_fd, producer), ERR_NONE);
	close(data_fd);
	close(tail_fd);
}

void
resolver_attach(unsigned worker)
{
	struct child *c = &rig->w[worker]->child;
	unsigned me = proc_of(ROLE_RESOLVER, 0);

	end_of(c->proc, me, true, &c->out[me]);
	end_of(me, c->proc, false, &c->in[me]);
	c->in[me].from = (uint8_t)me;
	rig->w[worker]->plans = r.plans;
}

void
resolver_begin(void)
{
	unsigned me = proc_of(ROLE_RESOLVER, 0);

	memset(&r, 0, sizeof(r));
	r.memory = calloc(1, plans_bytes());
	cr_assert_eq(plans_own(&r.plans, r.memory, plans_bytes()), ERR_NONE);
	rig->exchange.rows[me].generation = 1;
	for (unsigned i = 0; i < rig->n_workers; i++) {
		end_of(proc_of(ROLE_WORKER, i), me, false, &r.in[i]);
		end_of(me, proc_of(ROLE_WORKER, i), true, &r.out[i]);
		resolver_attach(i);
	}
}

void
resolver_end(void)
{
	for (unsigned i = 0; i < rig->n_workers; i++) {
		ring_close(&r.in[i]);
		ring_close(&r.out[i]);
	}
	records_close(&r.plans.records);
	free(r.memory);
}

static void
take(unsigned worker, const struct ring_record *rec)
{
	const struct wire_resolve *m = (const void *)rec->payload;

	cr_assert_eq(ring_type(&r.in[worker]), WIRE_RESOLVE);
	cr_assert_eq(m->len, sizeof(struct locate_question));
	cr_assert_lt(r.n_asked, ASKED);
	r.asked[r.n_asked].worker = worker;
	r.asked[r.n_asked].ticket = m->ticket;
	memcpy(&r.asked[r.n_asked].question, m->data, m->len);
	cr_assert(locate_question_valid(&r.asked[r.n_asked].question));
	r.n_asked++;
}

static void
read_questions(void)
{
	const struct ring_record *rec;

	rig_wait_ms(0); /* what was committed is published */
	for (unsigned i = 0; i < rig->n_workers; i++) {
		while ((rec = ring_peek(&r.in[i])) != NULL) {
			take(i, rec);
			ring_next(&r.in[i]);
		}
	}
}

void
resolver_hears(const char *name)
{
	read_questions();
	cr_assert_lt(r.heard, r.n_asked, "the resolver is not asked for %s", name);
	cr_assert_str_eq(r.asked[r.heard].question.name, name);
	r.heard++;
}

void
resolver_hears_nothing(void)
{
	read_questions();
	cr_assert_eq(
	    r.heard, r.n_asked, "the resolver is asked for %s", r.asked[r.heard].question.name);
}

static unsigned
last_asked(const char *name)
{
	unsigned i = r.n_asked;

	while (i > 0 && strcmp(r.asked[i - 1].question.name, name) != 0)
		i--;
	cr_assert_gt(i, 0, "nobody asked for %s", name);
	return i - 1;
}

uint64_t
resolver_ticket(const char *name)
{
	return r.asked[last_asked(name)].ticket;
}

static struct locate_plan
plan_of(const char *text, uint32_t ttl_s)
{
	struct locate_plan p = { .status = LOCATE_NONE, .ttl_s = ttl_s };
	char transport[8], address[64];
	unsigned port;
	int at;

	if (strcmp(text, "?") == 0)
		p.status = LOCATE_FAILED;
	while (sscanf(text, " %7[^/]/%63[0-9.]:%u%n", transport, address, &port, &at) == 3) {
		struct locate_place *to = &p.places[p.n];

		cr_assert_eq(netaddr_ip(span_str(address), &to->address), ERR_NONE);
		to->address.port = (uint16_t)port;
		to->transport = (uint8_t)sip_transport_of(span_str(transport));
		to->group = (uint8_t)p.n;
		to->rank = (uint16_t)p.n++;
		p.status = LOCATE_FOUND;
		text += at;
	}
	return p;
}

static void
send_to(unsigned worker, uint64_t ticket, const void *plan, size_t len)
{
	struct wire_resolved *a =
	    ring_reserve(&r.out[worker], WIRE_RESOLVED, (uint32_t)(sizeof(*a) + len));

	cr_assert_not_null(a);
	*a = (struct wire_resolved){ .ticket = ticket, .len = (uint32_t)len };
	memcpy(a->data, plan, len);
	ring_commit(&r.out[worker], (uint32_t)(sizeof(*a) + len));
	ring_publish(&r.out[worker]);
	rig_wait_ms(0);
}

void
resolver_sends(uint64_t ticket, const void *plan, size_t len)
{
	send_to(0, ticket, plan, len);
}

void
resolver_says(const char *name, uint32_t ttl_s, const char *places)
{
	struct locate_plan p = plan_of(places, ttl_s);
	unsigned i = last_asked(name);

	if (ttl_s > 0)
		plans_put(&r.plans, &r.asked[i].question, &p, rig->clock.mono_ns);
	send_to(r.asked[i].worker, r.asked[i].ticket, &p, plan_bytes(&p));
}

void
resolver_dies(void)
{
	read_questions();
	r.heard = r.n_asked;
	rig->exchange.rows[proc_of(ROLE_RESOLVER, 0)].generation++;
}
