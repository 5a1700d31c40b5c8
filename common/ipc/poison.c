/* Messages that were in hand when their process died. */
#include "ipc/poison.h"

#include <string.h>

#include "base/log.h"
#include "ipc/wire.h"

enum { BYTES_MAX = 65536 };

uint64_t
poison_hash(const struct child *c, struct span message)
{
	return hash_span(&c->exchange->token_key, message);
}

static struct poison *
find(struct child *c, uint64_t hash)
{
	for (unsigned i = 0; i < POISONS; i++)
		if (c->self->poisons[i].deaths != 0 && c->self->poisons[i].hash == hash)
			return &c->self->poisons[i];
	return NULL;
}

/* The number of deaths is stored last: a kill in between leaves a place that is free. */
static unsigned
remember(struct child *c, uint64_t hash)
{
	struct process *self = c->self;
	struct poison *p = find(c, hash);

	if (p == NULL) {
		p = &self->poisons[self->n_poisons % POISONS];
		__atomic_store_n(&p->deaths, 0, __ATOMIC_RELAXED);
		p->hash = hash;
		self->n_poisons++;
	}
	__atomic_store_n(&p->deaths, p->deaths + 1, __ATOMIC_RELEASE);
	return p->deaths;
}

static void
tell_store(
    struct child *c, enum wire_type keep, enum wire_type type, struct span message, uint64_t hash)
{
	struct ring *out = child_out(c, ROLE_STORE, 0);
	size_t len = message.len < BYTES_MAX ? message.len : BYTES_MAX;
	struct wire_poison *w =
	    out == NULL ? NULL : ring_reserve(out, keep, (uint32_t)(sizeof(*w) + len));

	if (w == NULL)
		return;
	*w = (struct wire_poison){ .len = (uint32_t)len, .type = type, .hash = hash };
	if (len > 0)
		memcpy(w->data, message.p, len);
	ring_commit(out, (uint32_t)(sizeof(*w) + len));
	ring_publish(out);
}

unsigned
poison_found(
    struct child *c, enum wire_type keep, enum wire_type type, struct span message, uint64_t hash)
{
	unsigned deaths = remember(c, hash);

	count(c->self, COUNT_POISON, 1);
	log_error("message skipped: it was in hand when the process died",
	    LOG_STR("type", wire_name(type)), LOG_U64("bytes", message.len),
	    LOG_U64("deaths", deaths));
	tell_store(c, keep, type, message, hash);
	return deaths;
}

bool
poison_any(const struct child *c)
{
	return c->self->n_poisons != 0;
}

bool
poison_again(struct child *c, uint64_t hash)
{
	const struct poison *p = find(c, hash);

	if (p == NULL || p->deaths < POISON_DEATHS)
		return false;
	count(c->self, COUNT_POISON, 1);
	return true;
}
