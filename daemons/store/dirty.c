/* A set of keys, oldest first: each stands once, however often it changes before its turn. */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

enum { FIRST = 1024 };

static uint64_t
hash(const struct dirty *d, const struct dirty_key *k)
{
	return hash_bytes(&d->key, k->bytes, k->len);
}

void
dirty_init(struct dirty *d)
{
	*d = (struct dirty){ .cap = FIRST, .keys = calloc(FIRST, sizeof(struct dirty_key)) };
	if (d->keys == NULL)
		fatal(errno, "no memory for changed bindings");
	rand_bytes(&d->key, sizeof(d->key));
	table_init(&d->index, FIRST);
}

void
dirty_done(struct dirty *d)
{
	table_done(&d->index);
	free(d->keys);
	d->keys = NULL;
}

static struct dirty_key *
at(const struct dirty *d, uint32_t i)
{
	return &d->keys[(d->first + i) & (d->cap - 1)];
}

/* Twice the room, in order from the start. */
static void
grow(struct dirty *d)
{
	struct dirty_key *keys = calloc(2 * (size_t)d->cap, sizeof(*keys));

	if (keys == NULL)
		fatal(errno, "no memory for %u changed bindings", 2 * d->cap);
	table_done(&d->index);
	table_init(&d->index, 2 * d->cap);
	for (uint32_t i = 0; i < d->n; i++) {
		keys[i] = *at(d, i);
		table_put(&d->index, hash(d, &keys[i]), i);
	}
	free(d->keys);
	d->keys = keys;
	d->cap *= 2;
	d->first = 0;
}

enum err
dirty_add(struct dirty *d, struct span key, uint64_t now_ns)
{
	struct dirty_key k = { .len = (uint8_t)key.len };
	uint32_t cursor = 0, i;

	if (key.len == 0 || key.len > sizeof(k.bytes))
		return ERR_RANGE;
	memcpy(k.bytes, key.p, key.len);
	while (table_find(&d->index, hash(d, &k), &cursor, &i)) {
		if (d->keys[i].len == k.len && memcmp(d->keys[i].bytes, k.bytes, k.len) == 0)
			return ERR_NONE;
	}
	if (d->n == d->cap)
		grow(d);
	if (d->n == 0)
		d->since_ns = now_ns;
	struct dirty_key *slot = at(d, d->n++);
	*slot = k;
	table_put(&d->index, hash(d, &k), (uint32_t)(slot - d->keys));
	return ERR_NONE;
}

bool
dirty_take(struct dirty *d, struct dirty_key *key_r)
{
	if (d->n == 0)
		return false;
	struct dirty_key *slot = at(d, 0);
	*key_r = *slot;
	table_remove(&d->index, hash(d, slot), (uint32_t)(slot - d->keys));
	d->first = (d->first + 1) & (d->cap - 1);
	d->n--;
	return true;
}
