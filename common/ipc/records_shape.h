/*
 * How a table of records.h lies in memory; for records.c (readers) and records_write.c (the writer).
 */
#ifndef TANDEM_IPC_RECORDS_SHAPE_H
#define TANDEM_IPC_RECORDS_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "ipc/records.h"

#define RECORDS_MAGIC 0x3163657246444e54ull

enum { UNIT = 64, CLASSES = 10, HASH_BITS = 63 };

struct records_head {
	uint64_t magic; /* stored last */
	uint64_t size;
	struct hash_key key;
	uint32_t bits;	  /* of the number of buckets */
	uint32_t first;	  /* the first slot, in units */
	uint64_t pad[3];  /* what changes is not on the line that every reader needs */
	uint64_t version; /* raised after each change */
	uint32_t carved;  /* end of the slots, in units */
	uint32_t count;
	uint64_t buckets[]; /* links: generation (32) | unit (32); 0 = end of the chain */
};

struct record {
	uint64_t next; /* link */
	uint64_t hash;
	uint32_t generation; /* of the present contents; 0: never used */
	uint32_t shape;	     /* class (4) | 3 | key's length (10) | value's length (15) */
	uint64_t words[];    /* key, then on the next word the value */
};

static inline size_t
words_of(size_t len)
{
	return (len + 7) / 8;
}

static inline unsigned
class_of(uint32_t shape)
{
	return shape >> 28;
}

static inline size_t
key_len_of(uint32_t shape)
{
	return shape >> 15 & 0x3ff;
}

static inline size_t
value_len_of(uint32_t shape)
{
	return shape & 0x7fff;
}

static inline unsigned
class_for(size_t key_len, size_t value_len)
{
	size_t bytes = sizeof(struct record) + 8 * (words_of(key_len) + words_of(value_len));
	unsigned c = 0;

	while ((size_t)UNIT << c < bytes)
		c++;
	return c;
}

static inline struct record *
record_at(const struct records *r, uint64_t link)
{
	return (struct record *)(r->base + (uint64_t)(uint32_t)link * UNIT);
}

static inline uint64_t
link_to(uint32_t unit, uint32_t generation)
{
	return (uint64_t)generation << 32 | unit;
}

static inline uint64_t
hash_of(const struct records *r, struct span key)
{
	return hash_span(&r->head->key, key) >> (64 - HASH_BITS);
}

static inline uint64_t *
bucket_of(const struct records *r, uint64_t hash)
{
	return &r->head->buckets[hash >> (HASH_BITS - r->bits)];
}

/* The contents race with readers: see the head of records.c. */
static inline bool
words_equal(const uint64_t *words, struct span s)
{
	size_t whole = s.len / 8, rest = s.len % 8;
	uint64_t w;

	for (size_t i = 0; i < whole; i++) {
		w = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
		if (memcmp(s.p + 8 * i, &w, 8) != 0)
			return false;
	}
	if (rest == 0)
		return true;
	w = __atomic_load_n(&words[whole], __ATOMIC_RELAXED);
	return memcmp(s.p + 8 * whole, &w, rest) == 0;
}

#endif
