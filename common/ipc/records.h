/*
 * A table in shared memory with one writer and many readers: byte-string keys to byte-string values.
 * Readers never block and never write; a writer killed at any instruction leaves it readable.
 *
 * A value is written into a free slot beside the old one and switched over by one atomic store of the
 * chain's link; the old slot is reused only later, and its generation is raised first, so that a
 * reader, who copies the value out, sees whether it was overtaken and looks again.
 *
 * Slots come in sizes of 64 bytes times a power of two, carved from the region as they are needed.
 */
#ifndef TANDEM_IPC_RECORDS_H
#define TANDEM_IPC_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum { RECORDS_KEY_MAX = 512, RECORDS_VALUE_MAX = 16384 };

struct records { /* private handle */
	struct records_head *head;
	char *base;
	size_t size; /* own copies: what a reader trusts must not change under it */
	uint32_t bits;
	bool writer;
	void *free_lists; /* writer only */
};

/* Room for about `count` records of `bytes` each (key and value). */
size_t records_bytes(uint32_t count, uint32_t bytes);
/* Writer: makes the table in zeroed memory, or takes over what stands there (slots that belong to no
 * chain are found and freed). */
enum err records_own(struct records *r, void *mem, size_t size, uint32_t expected);
/* Reader. ERR_AGAIN while the writer has not made it yet. */
enum err records_open(struct records *r, const void *mem, size_t size);
void records_close(struct records *r);

enum err records_put(struct records *r, struct span key, struct span value);
enum err records_delete(struct records *r, struct span key);
/* Copies the value out; *len_r its length. ERR_ABSENT, also while the table is not open; ERR_RANGE when cap is too small. ERR_AGAIN only
 * if a writer gone mad overtook it a thousand times. */
enum err records_get(
    const struct records *r, struct span key, void *value, size_t cap, size_t *len_r);
/* Walks all records in no order, each that stands during the whole walk exactly once, however often it
 * is changed meanwhile. Start with *cursor = 0; ERR_ABSENT at the end; after ERR_RANGE (cap too small
 * for *len_r) the cursor still stands before the record. key: at least RECORDS_KEY_MAX bytes. */
enum err records_next(const struct records *r, uint64_t *cursor, void *key, size_t *key_len_r,
    void *value, size_t cap, size_t *len_r);
uint32_t records_count(const struct records *r);
/* Raised at every change: a reader that caches compares it. */
uint64_t records_version(const struct records *r);

#endif
