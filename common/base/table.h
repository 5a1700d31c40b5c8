/*
 * A private hash table from a 64-bit hash to a 32-bit value (an index). Several entries may have
 * the same hash; the caller compares keys. Grows by itself in private memory; it is an index and is
 * rebuilt at start, never kept in shared memory.
 */
#ifndef TANDEM_BASE_TABLE_H
#define TANDEM_BASE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct table_entry {
	uint64_t hash;
	uint32_t value; /* UINT32_MAX = empty */
};

struct table {
	struct table_entry *entries;
	uint32_t mask, count;
};

/* Room for `expected` entries before it grows. fatal() without memory. */
void table_init(struct table *t, uint32_t expected);
void table_done(struct table *t);
/* The same pair may be put more than once; UINT32_MAX is no value. */
void table_put(struct table *t, uint64_t hash, uint32_t value);
/* Takes out one such pair; false when there is none. */
bool table_remove(struct table *t, uint64_t hash, uint32_t value);
/* Walks the values under a hash: start with *cursor = 0; false at the end. A put or remove
 * in between ends the walk: the cursor may then miss or repeat a value. */
bool table_find(const struct table *t, uint64_t hash, uint32_t *cursor, uint32_t *value_r);

#endif
