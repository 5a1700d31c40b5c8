/* The bench of registrar_rig.h. */
#include "registrar_rig.h"

#include <stdio.h>

#include "../unit/sip_message.h"
#include "base/log.h"

struct bench bench;

/* --- doubles -----------------------------------------------------------------------------------*/

struct outbox *
outbox_new(struct child *c, const struct settings *s)
{
	(void)c;
	(void)s;
	return NULL;
}

void
outbox_settings(struct outbox *o, const struct settings *s)
{
	(void)o;
	(void)s;
}

bool
outbox_put(struct outbox *o, const struct sip_flow *to, struct span text, handle ticket)
{
	(void)o;
	(void)to;
	(void)ticket;
	cr_assert_lt(bench.n_sent, SENT_MAX);
	bench.sent[bench.n_sent++] = strndup(text.p, text.len);
	if (bench.mortal && bench.die_at > 0 && --bench.die_at == 0)
		longjmp(bench.death, 1);
	return true;
}

/* --- the bench ---------------------------------------------------------------------------------*/

static void
bench_start(void)
{
	struct life *life = calloc(1, sizeof(*life));
	struct registrar *r = &life->r;
	struct registrar_shape shape;

	registrar_shape(&bench.settings, &shape);
	life->before = bench.life;
	bench.life = life;
	bench.r = r;
	r->settings = &bench.settings;
	r->child.proc = proc_of(ROLE_REGISTRAR, 0);
	r->child.exchange = bench.exchange;
	r->child.self = bench.region;
	r->child.self_size = shape.size;
	directory_open(&r->directory, bench.directory, bench.directory_size);
	r->directory_open = true;
	log_level_set(LOG_LEVEL_WARN);
	registrar_init(r); /* reads the kernel's clock, and its wheel begins there */
	if (bench.clock.mono_ns < r->child.clock.mono_ns)
		bench.clock = r->child.clock;
	r->child.clock = bench.clock;
}

static void
bench_subscriber(struct directory *d, uint64_t id, const char *user)
{
	struct dir_subscriber s = { .id = id, .tenant = 1 };
	struct dir_subscriber_text text = { .user = span_str(user) };

	cr_assert_eq(directory_put_subscriber(d, &s, &text), ERR_NONE);
}

void
bench_begin(void)
{
	struct registrar_shape shape;
	struct directory *d = &bench.owned;

	bench.settings = (struct settings){ .n_domains = 1,
		.n_listeners = 1,
		.domains = { "example.com" },
		.listeners = { { .transport = SIP_T_UDP,
		    .address = { .ip = { 192, 0, 2, 5 }, .port = 5060, .family = 4 } } },
		.limits = { .bindings = 100, .subscriptions = 8 },
		.timers = { .t1_ms = 500, .t2_ms = 4000, .t4_ms = 5000 } };
	registrar_shape(&bench.settings, &shape);
	bench.region = calloc(1, shape.size);
	bench.exchange = calloc(1, sizeof(*bench.exchange));
	bench.directory_size = directory_bytes(10);
	bench.directory = calloc(1, bench.directory_size);
	cr_assert_eq(directory_own(d, bench.directory, bench.directory_size, 10), ERR_NONE);
	bench_subscriber(d, 7, "bob");
	directory_set_filled(d);
	clock_read(&bench.clock);
	bench_start();
}

void
bench_forget(void)
{
	for (unsigned i = 0; i < bench.n_sent; i++)
		free(bench.sent[i]);
	bench.n_sent = bench.heard = 0;
}

/* Kill -9 and a new start. */
void
bench_restart(void)
{
	uint32_t index = bench.s == NULL ? 0 : pool_index(&bench.r->subscriptions, bench.s);

	bench_start();
	if (bench.s != NULL)
		bench.s = pool_at(&bench.r->subscriptions, index);
}

void
bench_wait_ms(uint64_t ms)
{
	for (uint64_t end_ns = bench.clock.mono_ns + ms * NS_PER_MS;;) {
		uint64_t next = wheel_next(bench.r->wheel, bench.clock.mono_ns);

		if (next < WHEEL_TICK_NS)
			next = WHEEL_TICK_NS;
		if (next > end_ns - bench.clock.mono_ns)
			next = end_ns - bench.clock.mono_ns;
		clock_move(&bench.clock, next);
		bench.r->child.clock = bench.clock;
		registrar_timers(bench.r);
		if (bench.clock.mono_ns >= end_ns)
			return;
	}
}

static struct message
bench_parsed(const char *text)
{
	struct message x = message_of(span_str(text));

	cr_assert_eq(x.verdict.status, 0, "%s\n%s", x.verdict.reason, text);
	x.m->flow = (struct sip_flow){ .transport = SIP_T_UDP,
		.peer = { .ip = { 192, 0, 2, 9 }, .port = 5060, .family = 4 },
		.local = { .ip = { 192, 0, 2, 5 }, .port = 5060, .family = 4 } };
	return x;
}

void
bench_subscribe_to(enum package_id package, uint32_t expires_s)
{
	struct dir_buf room;
	struct asking a = { .package = package, .expires_s = expires_s };
	struct message x =
	    bench_parsed("SUBSCRIBE sip:bob@example.com SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n"
			 "From: <sip:bob@example.com>;tag=w\r\n"
			 "To: <sip:bob@example.com>\r\nCall-ID: c\r\n"
			 "CSeq: 1 SUBSCRIBE\r\nContact: <sip:bob@192.0.2.9>\r\n\r\n");

	a.m = x.m;
	a.watcher = a.owner = directory_subscriber(&bench.r->directory, 1, SPAN("bob"), &room);
	bench.s = subscription_new(bench.r, &a);
	cr_assert_not_null(bench.s);
	subscription_grant(bench.r, bench.s, expires_s);
	message_done(&x);
}

void
bench_subscribe(uint32_t expires_s)
{
	bench_subscribe_to(PACKAGE_REG, expires_s);
}

/* The state that is watched: bob at so many contacts. */
void
bench_registered(unsigned n)
{
	struct bindings b = { .n = n };

	for (unsigned i = 0; i < n; i++)
		b.of[i] = (struct bound){ .binding = { .expires_ms = INT64_MAX, .q = 1000 },
			.text = { .contact = SPAN("sip:bob@192.0.2.9"), .call_id = SPAN("x") } };
	cr_assert_eq(record_put(bench.r, 1, SPAN("bob"), &b, 0), ERR_NONE);
}

unsigned
bench_number_after(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	return at == NULL ? UINT_MAX : (unsigned)strtoul(at + strlen(what), NULL, 10);
}

unsigned
bench_contacts_in(const char *text)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, "<contact ")) != NULL; at++)
		n++;
	return n;
}

/* The next message; NULL: none came. */
const char *
bench_next(void)
{
	return bench.heard < bench.n_sent ? bench.sent[bench.heard++] : NULL;
}

/* It must be a NOTIFY with this CSeq and so many contacts in it. */
const char *
bench_expect(unsigned cseq, unsigned contacts)
{
	const char *text = bench_next();

	cr_assert_not_null(text);
	cr_expect_eq(strncmp(text, "NOTIFY sip:bob@192.0.2.9 ", 25), 0, "%s", text);
	cr_expect_eq(bench_number_after(text, "CSeq: "), cseq, "%s", text);
	cr_expect_eq(bench_contacts_in(text), contacts, "%s", text);
	return text;
}

void
bench_answer(const char *notify, unsigned status)
{
	char text[4096];
	const char *via = strstr(notify, "Via: "), *end = strstr(via, "\r\n");
	struct message x;
	struct txn *t;

	snprintf(text, sizeof(text),
	    "SIP/2.0 %u X\r\n%.*s\r\nFrom: <sip:bob@example.com>;tag=a\r\n"
	    "To: <sip:bob@example.com>;tag=w\r\nCall-ID: c\r\nCSeq: %u NOTIFY\r\n\r\n",
	    status, (int)(end - via), via, bench_number_after(notify, "CSeq: "));
	x = bench_parsed(text);
	t = txn_client_find(&bench.r->txns, x.m);
	if (t != NULL)
		txn_client_receive(&bench.r->txns, t, x.m);
	message_done(&x);
}

void
bench_expect_empty(void)
{
	bench_wait_ms(40000);
	cr_expect_eq(bench.r->subscriptions.live, 0);
	cr_expect_eq(bench.r->txn_pool.live, 0);
	cr_expect_eq(heap_in_use(&bench.r->heap), 0);
	cr_expect_eq(bench.r->subjects.count, 0);
	cr_expect_eq(bench.r->watchers.count, 0);
}
