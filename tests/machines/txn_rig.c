#include "txn_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/parse.h"

static const uint32_t blocks[HEAP_CLASSES] = { 0, 0, 0, 64, 0, 64, 16, 8 };
static const struct hash_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };
static const struct txn_timers timers = { 500, 4000, 5000 };

uint64_t
rig_now_ms(const struct rig *r)
{
	return r->clock.mono_ns / NS_PER_MS - 1000000;
}

static void
on_send(void *ctx, struct txn *t, const struct sip_flow *to, struct span bytes)
{
	struct rig *r = ctx;
	struct rig_sent *s = &r->sent[r->n_sent++ % RIG_RECORDS];

	cr_expect_eq(pool_find(&r->pool, pool_handle(&r->pool, t)), t);
	span_cstr(bytes, s->text, sizeof(s->text));
	s->to = *to;
	s->at_ms = rig_now_ms(r);
}

static void
on_tell(void *ctx, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	struct rig *r = ctx;

	r->told[r->n_told++ % RIG_RECORDS] = (struct rig_told){ pool_handle(&r->pool, t), news,
		m == NULL ? 0 : m->status, rig_now_ms(r) };
	if (r->on_tell != NULL)
		r->on_tell(r, t, news);
}

static void
on_arm(void *ctx, struct txn *t, uint64_t deadline_ns)
{
	struct rig *r = ctx;

	r->deadline[pool_index(&r->pool, t)] = deadline_ns;
}

static void
start(struct rig *r)
{
	const struct txn_env env = { r, on_send, on_tell, on_arm };

	memset(r->deadline, 0, sizeof(r->deadline));
	pool_init(&r->pool, r->slots, sizeof(r->slots[0]), RIG_SLOTS, 3, 2);
	heap_init(&r->heap, r->memory, blocks);
	txns_init(&r->x, &r->pool, &r->heap, &r->clock, &env, &timers, &key);
}

static void
stop(struct rig *r)
{
	txns_done(&r->x);
	heap_done(&r->heap);
	pool_done(&r->pool);
}

struct rig *
rig_new(enum sip_transport transport)
{
	struct rig *r = calloc(1, sizeof(*r));

	cr_assert_not_null(r);
	r->memory = calloc(1, heap_bytes(blocks));
	cr_assert_not_null(r->memory);
	r->clock.mono_ns = 1000000 * NS_PER_MS;
	r->flow.transport = (uint8_t)transport;
	netaddr_ip(SPAN("192.0.2.7"), &r->flow.peer);
	r->flow.peer.port = 5060;
	start(r);
	return r;
}

void
rig_drop(struct rig *r)
{
	stop(r);
	free(r->memory);
	free(r);
}

static const struct arena *
arena_of(void *ctx, handle owner)
{
	const struct txn *t = pool_find(ctx, owner);

	return t == NULL ? NULL : &t->arena;
}

void
rig_restart(struct rig *r)
{
	stop(r);
	start(r);
	heap_sweep(&r->heap, arena_of, &r->pool);
	txns_recover(&r->x);
}

void
rig_move(struct rig *r, uint64_t ms)
{
	uint64_t until = r->clock.mono_ns + ms * NS_PER_MS;

	for (;;) {
		uint32_t first = RIG_SLOTS;

		for (uint32_t i = 0; i < RIG_SLOTS; i++)
			if (r->deadline[i] != 0 && r->deadline[i] <= until &&
			    (first == RIG_SLOTS || r->deadline[i] < r->deadline[first]))
				first = i;
		if (first == RIG_SLOTS)
			break;
		if (r->deadline[first] > r->clock.mono_ns)
			r->clock.mono_ns = r->deadline[first];
		r->deadline[first] = 0;
		txn_fire(&r->x, &r->slots[first]);
	}
	r->clock.mono_ns = until;
}

struct sip_msg *
rig_msg(const struct rig *r, const char *fmt, ...)
{
	struct sip_msg *m;
	struct verdict v;
	va_list ap;
	char text[4096];
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cr_assert(n > 0 && (size_t)n < sizeof(text));
	m = calloc(1, SIP_MSG_ROOM((unsigned)n));
	cr_assert_not_null(m);
	m->raw_len = (uint16_t)n;
	memcpy(sip_raw(m), text, (size_t)n);
	v = sip_parse(m, SIP_MSG_ROOM((unsigned)n));
	cr_assert_eq(v.status, 0, "%u %s: %s", v.status, v.reason, text);
	m->flow = r->flow;
	return m;
}

struct sip_msg *
rig_request(
    const struct rig *r, const char *method, const char *branch, const char *to_tag, unsigned cseq)
{
	return rig_msg(r,
	    "%s sip:bob@example.com SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.7:5060%s%s\r\n"
	    "Max-Forwards: 70\r\n"
	    "From: \"Alice\" <sip:alice@example.com>;tag=a73kszlfl\r\n"
	    "To: <sip:bob@example.com>%s%s\r\n"
	    "Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.7\r\n"
	    "CSeq: %u %s\r\n"
	    "Contact: <sip:alice@192.0.2.7>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    method, branch == NULL ? "" : ";branch=", branch == NULL ? "" : branch,
	    to_tag[0] == '\0' ? "" : ";tag=", to_tag, cseq, method);
}

struct sip_msg *
rig_response(const struct rig *r, unsigned status, const char *method)
{
	return rig_msg(r,
	    "SIP/2.0 %u Whatever\r\n"
	    "Via: %s\r\n"
	    "From: \"Tandem\" <sip:alice@example.com>;tag=our1\r\n"
	    "To: <sip:bob@example.com>%s\r\n"
	    "Call-ID: ours@192.0.2.1\r\n"
	    "CSeq: 7 %s\r\n"
	    "Contact: <sip:bob@192.0.2.7>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    status, r->via, status == 100 ? "" : ";tag=their1", method);
}

struct txn *
rig_client(struct rig *r, enum sip_method method)
{
	struct txn *t = txn_client_new(&r->x, method, &r->flow, 42, false);
	struct buf via = buf_on(r->via, sizeof(r->via) - 1);
	struct span name = sip_method_name(method);
	char text[1024];
	int n;

	cr_assert_not_null(t);
	txn_put_via(&via, &r->x, t, SPAN("192.0.2.1:5060"), 0xdeadbeef);
	cr_assert(buf_ok(&via));
	r->via[via.len] = '\0';
	n = snprintf(text, sizeof(text),
	    "%.*s sip:bob@192.0.2.7;x=1 SIP/2.0\r\n"
	    "Via: %s\r\n"
	    "Max-Forwards: 69\r\n"
	    "From: \"Tandem\" <sip:alice@example.com>;tag=our1\r\n"
	    "To: <sip:bob@example.com>\r\n"
	    "Call-ID: ours@192.0.2.1\r\n"
	    "CSeq: 7 %.*s\r\n"
	    "Route: <sip:p1.example.com;lr>\r\n"
	    "Route: <sip:p2.example.com;lr>\r\n"
	    "Contact: <sip:token@192.0.2.1>\r\n"
	    "Content-Type: application/sdp\r\n"
	    "Content-Length: 5\r\n\r\nv=0\r\n",
	    SPAN_F(name), r->via, SPAN_F(name));
	cr_assert_eq(txn_client_send(&r->x, t, span_of(text, (size_t)n)), ERR_NONE);
	return t;
}

struct txn *
rig_serve(struct rig *r, const struct sip_msg *request)
{
	struct txn *t = txn_server_find(&r->x, request);

	if (t != NULL) {
		txn_server_receive(&r->x, t, request);
		return t;
	}
	t = txn_server_new(&r->x, request, false);
	cr_assert_not_null(t);
	t->user = 1;
	return t;
}

bool
rig_respond(struct rig *r, struct txn *t, unsigned status)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
	    "SIP/2.0 %u Whatever\r\n"
	    "To: <sip:bob@example.com>;tag=ours2\r\n"
	    "Content-Length: 0\r\n\r\n",
	    status);

	return txn_respond(&r->x, t, status, span_of(text, (size_t)n));
}

bool
rig_answer(struct rig *r, unsigned status, const char *method)
{
	struct sip_msg *m = rig_response(r, status, method);
	struct txn *t = txn_client_find(&r->x, m);

	if (t != NULL)
		txn_client_receive(&r->x, t, m);
	free(m);
	return t != NULL;
}

unsigned
rig_count(const struct rig *r, enum txn_news news)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_told; i++)
		n += r->told[i].news == news;
	return n;
}

const char *
rig_times(const struct rig *r, unsigned from)
{
	static char text[1024];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = from; i < r->n_sent && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%llu",
		    i == from ? "" : " ", (unsigned long long)r->sent[i].at_ms);
	return text;
}

bool
rig_sent_has(const struct rig *r, unsigned i, const char *text)
{
	return i < r->n_sent && strstr(r->sent[i].text, text) != NULL;
}

void
rig_walk(
    struct rig *r, const struct fsm *m, struct txn *(*make)(struct rig *r), const void *const *args)
{
	for (uint8_t state = 0; state < m->n_states; state++) {
		for (uint8_t event = 0; event < m->n_events; event++) {
			const struct fsm_row *row = fsm_find(m, state, event);
			struct txn *t = make(r);
			handle h = pool_handle(&r->pool, t);
			bool done;

			t->state = state;
			t->timeout_ns = 0;
			done = txn_step(&r->x, t, event, args[event]);
			cr_expect_eq(done, row != NULL, "%s: %s, %s", m->name, m->states[state],
			    m->events[event]);
			if (row != NULL && row->to == TXN_TERMINATED)
				cr_expect_null(txn_at(&r->x, h));
			else
				cr_expect_eq(t->state, row == NULL ? state : row->to, "%s: %s, %s",
				    m->name, m->states[state], m->events[event]);
			for (t = pool_next(&r->pool, NULL); t != NULL;
			     t = pool_next(&r->pool, NULL))
				txn_drop(&r->x, t);
			cr_expect_eq(heap_in_use(&r->heap), 0);
			r->n_sent = r->n_told = 0;
		}
	}
}

void
rig_check_table(const struct fsm *m)
{
	const char *srcdir = getenv("srcdir");
	char why[256], path[512], *drawn = NULL, *kept;
	struct buf b = buf_on(why, sizeof(why) - 1);
	size_t len = 0, n;
	FILE *f;

	cr_assert(fsm_check(m, &b), "%.*s", (int)b.len, why);
	f = open_memstream(&drawn, &len);
	cr_assert_not_null(f);
	fsm_dot(m, f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/doc/fsm/%s.dot", srcdir == NULL ? "." : srcdir, m->name);
	f = fopen(path, "r");
	cr_assert_not_null(f, "%s", path);
	kept = calloc(1, len + 2);
	cr_assert_not_null(kept);
	n = fread(kept, 1, len + 1, f);
	fclose(f);
	cr_expect(
	    n == len && memcmp(kept, drawn, len) == 0, "%s is not the table's:\n%s", path, drawn);
	free(kept);
	free(drawn);
}
