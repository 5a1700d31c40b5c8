/*
 * A pool of equal slots in memory that outlives the process (shared memory). The slots are the
 * state; the free list is private and rebuilt from them, so that a process killed at any
 * instruction leaves nothing to repair.
 *
 * Every slot begins with struct slot. A handle {owner, index, generation} names a slot across time
 * and processes; a handle to a slot that was dropped finds nothing. Only the owner of the memory may
 * call the functions that change it.
 */
#ifndef TANDEM_BASE_POOL_H
#define TANDEM_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 64 bits: owner (8) | index (24) | generation (32). 0 is no handle: generations begin at 1. The owner
 * is a kind of object (2) and a process number (6), so that a handle of one pool finds nothing in
 * another's. */
typedef uint64_t handle; /* the one typedef: a plain number, never a struct */

static inline handle
handle_make(unsigned owner, uint32_t index, uint32_t generation)
{
	return (uint64_t)owner << 56 | (uint64_t)(index & 0xffffff) << 32 | generation;
}
static inline unsigned
handle_owner(handle h)
{
	return (unsigned)(h >> 56);
}
static inline unsigned
handle_proc(handle h)
{
	return handle_owner(h) & 63;
}
static inline unsigned
handle_kind(handle h)
{
	return handle_owner(h) >> 6;
}
static inline unsigned
handle_owner_of(unsigned kind, unsigned proc)
{
	return kind << 6 | (proc & 63);
}
static inline uint32_t
handle_index(handle h)
{
	return (uint32_t)(h >> 32) & 0xffffff;
}
static inline uint32_t
handle_generation(handle h)
{
	return (uint32_t)h;
}

/* First member of every pooled struct. `used` is stored last when a slot is taken and first when it
 * is given back. */
struct slot {
	uint32_t generation; /* of the present or next user; never 0 */
	uint32_t used;       /* 0 or 1 */
};

struct pool {            /* private to the process */
	char *slots;         /* in shared memory */
	size_t size;         /* of one slot */
	uint32_t count, live, reserve;
	uint32_t touched;    /* slots below this have been used once; the rest is zero memory */
	uint32_t *free;      /* private stack of free indexes, all below `touched` */
	uint32_t n_free;
	unsigned owner;      /* goes into the handles */
};

/* Takes over `count` slots of `size` bytes at `slots` (zeroed memory is a valid empty pool) and
 * rebuilds the free list from their `used` words; a free slot gets a new generation. What was never
 * used is not looked at: its pages stay unmade. `reserve` slots are kept back: pool_take with
 * `important` false fails while only they are left. fatal() without memory. */
void pool_init(struct pool *p, void *slots, size_t size, uint32_t count, unsigned owner,
    uint32_t reserve);
/* For a process that only reads: takes over the slots, writes nothing, allocates nothing. Then only
 * _find, _at, _next, _index and _handle may be called, and a slot may change while it is read. */
void pool_view(struct pool *p, const void *slots, size_t size, uint32_t count, unsigned owner);
void pool_done(struct pool *p);
bool pool_has(const struct pool *p, uint32_t n, bool important); /* room for n more? */
/* A slot, zeroed but for its struct slot; NULL when there is none. */
void *pool_take(struct pool *p, bool important);
void pool_drop(struct pool *p, void *slot);
void *pool_find(const struct pool *p, handle h); /* NULL when gone or not of this pool */
handle pool_handle(const struct pool *p, const void *slot);
uint32_t pool_index(const struct pool *p, const void *slot);
void *pool_at(const struct pool *p, uint32_t index); /* used or not */
/* The next used slot after `prev` (NULL: the first), NULL at the end. For recovery and listings. */
void *pool_next(const struct pool *p, const void *prev);

#endif
