/*
 * The bindings of an address-of-record as one value: structs first, their text behind the last. What
 * is copied out is checked before anybody follows an offset of it.
 */
#include "model/location.h"

#include <stddef.h>
#include <string.h>

/* A record with one binding takes about this, key and all; with more it takes larger slots. */
enum { BINDING_BYTES = 448, SPARE_RECORDS = 256 };

size_t
locations_bytes(uint32_t bindings)
{
	return records_bytes(bindings + SPARE_RECORDS, BINDING_BYTES);
}

enum err
locations_own(struct locations *l, void *mem, size_t size, uint32_t bindings)
{
	return records_own(&l->records, mem, size, bindings + SPARE_RECORDS);
}

enum err
locations_open(struct locations *l, const void *mem, size_t size)
{
	return records_open(&l->records, mem, size);
}

struct span
loc_text(const struct location *loc, struct loc_text t)
{
	return t.len == 0 ? SPAN_NONE : span_of((const char *)loc + t.at, t.len);
}

void
loc_key(struct buf *b, uint32_t tenant, struct span user)
{
	buf_put(b, span_of(&tenant, sizeof(tenant)));
	buf_put(b, user);
}

static bool
texts_inside(const struct binding *b, size_t len)
{
	const struct loc_text texts[] = { b->contact, b->path, b->call_id, b->instance,
		b->user_agent, b->node, b->registered_by };

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if ((size_t)texts[i].at + texts[i].len > len)
			return false;
	}
	return true;
}

const struct location *
loc_check(struct loc_buf *b, int64_t steady_ms)
{
	struct location *loc = (struct location *)b->words;
	size_t head = offsetof(struct location, bindings);
	uint16_t n = 0;

	if (b->len < head || b->len > sizeof(b->words) || loc->n > LOCATION_BINDINGS_MAX ||
	    b->len < head + loc->n * sizeof(struct binding))
		return NULL;
	for (uint16_t i = 0; i < loc->n; i++) {
		const struct binding *binding = &loc->bindings[i];
		if (!texts_inside(binding, b->len))
			return NULL;
		if (binding->expires_ms > steady_ms)
			memmove(&loc->bindings[n++], binding, sizeof(*binding));
	}
	loc->n = n;
	return n == 0 ? NULL : loc;
}

void
loc_shift(struct loc_buf *b, int64_t by_ms)
{
	struct location *loc = (struct location *)b->words;

	for (unsigned i = 0; i < loc->n; i++) {
		loc->bindings[i].expires_ms += by_ms;
		loc->bindings[i].registered_ms += by_ms;
	}
}

const struct location *
locations_find(const struct locations *l, uint32_t tenant, struct span user, int64_t steady_ms,
    struct loc_buf *b)
{
	char key[RECORDS_KEY_MAX];
	struct buf k = buf_on(key, sizeof(key));

	loc_key(&k, tenant, user);
	if (!buf_ok(&k) ||
	    records_get(&l->records, buf_span(&k), b->words, sizeof(b->words), &b->len) != ERR_NONE)
		return NULL;
	return loc_check(b, steady_ms);
}

void
loc_begin(struct loc_maker *m, void *mem, size_t cap, uint32_t tenant, unsigned most)
{
	struct location *loc = mem;
	size_t head = offsetof(struct location, bindings) + most * sizeof(struct binding);

	*m = (struct loc_maker){ .mem = mem, .cap = cap, .text = head, .most = most };
	if (most > LOCATION_BINDINGS_MAX || head > cap) {
		m->overrun = true;
		return;
	}
	memset(mem, 0, head);
	loc->tenant = tenant;
}

static struct loc_text
keep(struct loc_maker *m, struct span s)
{
	struct loc_text t = { (uint16_t)m->text, (uint16_t)s.len };

	if (s.len == 0 || m->overrun)
		return (struct loc_text){ 0, 0 };
	if (s.len > m->cap - m->text || m->text + s.len > UINT16_MAX) {
		m->overrun = true;
		return (struct loc_text){ 0, 0 };
	}
	memcpy(m->mem + m->text, s.p, s.len);
	m->text += s.len;
	return t;
}

void
loc_add(struct loc_maker *m, const struct binding *b, const struct loc_binding_text *t)
{
	struct location *loc = (struct location *)(void *)m->mem;
	struct binding *to;

	if (m->n == m->most)
		m->overrun = true;
	if (m->overrun)
		return;
	to = &loc->bindings[m->n];
	*to = *b;
	to->contact = keep(m, t->contact);
	to->path = keep(m, t->path);
	to->call_id = keep(m, t->call_id);
	to->instance = keep(m, t->instance);
	to->user_agent = keep(m, t->user_agent);
	to->node = keep(m, t->node);
	to->registered_by = keep(m, t->registered_by);
	loc->n = (uint16_t)++m->n;
}

struct span
loc_end(struct loc_maker *m)
{
	return m->overrun ? SPAN_NONE : span_of(m->mem, m->text);
}
