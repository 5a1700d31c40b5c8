/* What the bench's directory and location hold, and how a test ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_phone.h"
#include "worker_rig.h"

enum { USERS = 16, BINDINGS = 8 };

struct bound {
	char user[32], contact[BINDINGS][96];
	struct binding b[BINDINGS];
	unsigned n;
};
static struct bound bounds[USERS];

void
rig_forget_bindings(void)
{
	memset(bounds, 0, sizeof(bounds));
}

void
rig_begin(void)
{
	rig_new(1);
	phones_begin();
}

void
rig_default_settings(void)
{
	struct settings *s = &rig->settings;

	s->n_domains = s->n_listeners = 1;
	strcpy(s->domains[0], "example.com");
	strcpy(s->node, "node1");
	s->listeners[0].transport = SIP_T_UDP;
	netaddr_ip(SPAN(RIG_HOST), &s->listeners[0].address);
	s->listeners[0].address.port = 5060;
	s->processes.fronts = 1;
	s->processes.workers = rig->n_workers;
	s->limits.calls = 8;
	s->limits.ringing_per_subscriber = 8;
	s->timers.t1_ms = 500;
	s->timers.t2_ms = 4000;
	s->timers.t4_ms = 5000;
	s->timers.ring_s = 180;
	s->timers.no_answer_s = 20;
	s->messages.store = 1;
	s->messages.per_user = 50;
	s->messages.max_bytes = 4096;
	s->messages.expire_s = 604800;
	s->timers.min_se_s = 90; /* session_s 0: no session timers, but where a test wants them */
}

/* --- a double of the worker's tables.c ----------------------------------------------------------*/

void
worker_open_tables(struct worker *w)
{
	if (rig->no_tables)
		return;
	w->directory = rig->directory;
	w->locations = rig->locations;
}

/* --- directory ----------------------------------------------------------------------------------*/

void
rig_subscriber_put(struct dir_subscriber *s, const char *user, const char *number)
{
	struct dir_subscriber_text text = { .user = span_str(user), .number = span_str(number) };
	static uint64_t ids = 100;

	s->id = ++ids;
	s->tenant = 1;
	s->call_waiting = 1;
	digest_ha1(DIGEST_MD5, span_str(user), SPAN("example.com"), SPAN("secret"), s->ha1.md5);
	s->ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, s, &text), ERR_NONE);
	cr_assert_eq(directory_put_number(&rig->directory, 1, span_str(number),
			 DIR_NUMBER_SUBSCRIBER, span_str(user)),
	    ERR_NONE);
}

void
rig_subscriber(const char *user, const char *number, enum dir_trust trust)
{
	struct dir_subscriber s = { .trust = (uint8_t)trust };

	rig_subscriber_put(&s, user, number);
}

static struct bound *
bound_of(const char *user)
{
	for (unsigned i = 0; i < USERS; i++) {
		if (bounds[i].n == 0)
			snprintf(bounds[i].user, sizeof(bounds[i].user), "%s", user);
		if (strcmp(bounds[i].user, user) == 0)
			return &bounds[i];
	}
	cr_assert_fail("too many users");
	return NULL;
}

static void
bind_to(const char *user, const char *contact, const char *host, unsigned q, uint32_t ring_s,
    const char *path)
{
	static struct loc_buf value;
	struct bound *u = bound_of(user);
	struct binding *b = &u->b[u->n];
	struct loc_binding_text text = { 0 };
	char key_bytes[64];
	struct buf key = buf_on(key_bytes, sizeof(key_bytes));
	struct loc_maker m;

	cr_assert_lt(u->n, BINDINGS);
	*b = (struct binding){ .expires_ms = INT64_MAX, .q = (uint16_t)q, .ring_s = ring_s };
	b->flow.transport = SIP_T_UDP;
	if (host[0] != '\0') {
		cr_assert_eq(netaddr_ip(span_str(host), &b->flow.peer), ERR_NONE);
		b->flow.peer.port = 5060;
	}
	snprintf(u->contact[u->n], sizeof(u->contact[0]), "%s", contact);
	u->n++;
	loc_begin(&m, value.words, sizeof(value.words), 1, u->n);
	for (unsigned i = 0; i < u->n; i++) {
		text.contact = span_str(u->contact[i]);
		text.path = span_str(path);
		loc_add(&m, &u->b[i], &text);
	}
	loc_key(&key, 1, span_str(user));
	cr_assert_eq(records_put(&rig->locations.records, buf_span(&key), loc_end(&m)), ERR_NONE);
}

void
rig_bind(const char *user, const char *contact, const char *host, unsigned q, uint32_t ring_s)
{
	bind_to(user, contact, host, q, ring_s, "");
}

void
rig_bind_path(const char *user, const char *contact, const char *host, const char *path)
{
	bind_to(user, contact, host, 1000, 0, path);
}

static void
put_gateway(struct dir_gateway *g, const char *host, const char *proxy)
{
	char name[32];

	g->tenant = 1;
	g->trusted = g->trusted || proxy[0] != '\0';
	g->transport = SIP_T_UDP;
	snprintf(name, sizeof(name), "gw%u", (unsigned)g->id);
	if (netaddr_ip(span_str(host), &g->address) == ERR_NONE)
		g->port = 5060;
	cr_assert_eq(
	    directory_put_gateway(&rig->directory, g,
		&(struct dir_gateway_text){
		    .name = span_str(name), .host = span_str(host), .proxy = span_str(proxy) }),
	    ERR_NONE);
}

void
rig_gateway(uint64_t id, const char *host, bool trusted)
{
	put_gateway(&(struct dir_gateway){ .id = id, .trusted = trusted }, host, "");
}

void
rig_gateway_behind(uint64_t id, const char *host, const char *proxy)
{
	put_gateway(&(struct dir_gateway){ .id = id }, host, proxy);
}

void
rig_route(const char *prefix, unsigned n, const uint64_t *gateways)
{
	struct dir_route r = { .n = n };

	for (unsigned i = 0; i < n; i++) {
		r.routes[i].gateway = gateways[i];
		r.routes[i].priority = i + 1;
	}
	cr_assert_eq(directory_put_route(&rig->directory, 1, span_str(prefix), &r), ERR_NONE);
}

/* --- the end of a test --------------------------------------------------------------------------*/

static void
expect_nothing_unheard(void)
{
	for (unsigned i = 0; i < rig->n_log; i++)
		cr_expect(rig->log[i].heard, "nobody expected, at %llu ms:\n%s",
		    (unsigned long long)rig->log[i].at_ms, rig->log[i].text);
}

static void
expect_empty(const struct worker *w)
{
	unsigned views = 0;
	const struct txn *t = pool_next(&w->txn_pool, NULL);
	const struct leg *l = pool_next(&w->legs, NULL);

	cr_expect_eq(w->calls.live, 0, "%u calls left", w->calls.live);
	if (l != NULL)
		cr_expect_fail("%u legs left; %s, dialog %u, call %llx, invite %llx, bye %llx",
		    w->legs.live, leg_fsm.states[l->inv], l->dialog.state,
		    (unsigned long long)l->call, (unsigned long long)l->invite,
		    (unsigned long long)l->bye);
	if (t != NULL)
		cr_expect_fail("%u transactions left; kind %u, state %u, user %llx, cancelled %u",
		    w->txn_pool.live, t->kind, t->state, (unsigned long long)t->user, t->cancelled);
	cr_expect_eq(heap_in_use(&w->heap), 0, "%zu bytes left", heap_in_use(&w->heap));
	cr_expect_eq(w->cdrs_waiting, 0);
	for (unsigned i = 0; i < w->shape.calls; i++)
		views += w->views[i].state != CALL_VIEW_NONE;
	cr_expect_eq(views, 0, "%u views left", views);
}

void
rig_expect_empty(void)
{
	for (unsigned i = 0; i < rig->n_workers; i++)
		expect_empty(rig->w[i]);
}

void
rig_ends_empty(unsigned closed)
{
	rig_wait_ms(70000);
	expect_nothing_unheard();
	rig_expect_empty();
	cr_expect_eq(rig->closed, closed, "%u closed records", rig->closed);
}

void
rig_ends_clean(const char *cdr, long bill_ms)
{
	char says[256];

	rig_ends_empty(1);
	snprintf(says, sizeof(says), "%s %s %s %s %s", rig_cdr("segment.1.disposition"),
	    rig_cdr("segment.1.sip_code"), rig_cdr("segment.1.q850_cause"),
	    rig_cdr("segment.1.released_by"), rig_cdr("segment.1.end_reason"));
	cr_expect_str_eq(says, cdr);
	cr_expect_eq(strtol(rig_cdr("segment.1.bill_ms"), NULL, 10), bill_ms, "billed %s, not %ld",
	    rig_cdr("segment.1.bill_ms"), bill_ms);
	cr_expect_str_eq(rig_cdr("call.closed"), "true");
}
