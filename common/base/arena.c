/*
 * The heap and its arenas. All that must be known after a kill stands in the blocks' headers and the
 * arenas' heads; free lists are private and made anew.
 *
 * A block goes FREE -> MOVING -> TAKEN -> MOVING -> FREE. It is linked to or unlinked from its arena
 * (one store to the arena's head) only while MOVING. One process writes and moves one block at a
 * time, so a kill leaves at most one block MOVING, of which only its arena can say whether the store
 * was made: heap_sweep asks it. Owner, class and next link are written while the block is still FREE.
 *
 * Blocks are used from the bottom of their class up, and a block once used keeps an owner: the first
 * without one ends those that must be looked at. So a large heap that is little used takes little
 * memory.
 */
#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { UNIT = 8, FRONT = 64 }; /* FRONT: bytes left unused, so that no block is at 0 */
enum { FREE, MOVING, TAKEN };

struct block {
	handle owner;
	uint32_t next; /* older block of the arena, in units; 0 = none */
	uint16_t used; /* in units, this header included */
	uint8_t class; /* of a block that was ever taken */
	uint8_t state; /* FREE, MOVING, TAKEN; stored last */
};

static const uint32_t class_bytes[HEAP_CLASSES] = { 128, 256, 512, 1 << 10, 2 << 10, 4 << 10,
	16 << 10, 64 << 10 };

/* So many of an arena's newest blocks are tried before it gets another: a large piece leaves room in
 * its block, which small ones fill. */
enum { TRIED = 4 };

static struct block *
block_at(const struct heap *h, uint32_t at)
{
	return heap_at(h, at);
}

static uint32_t
block_bytes(const struct block *b)
{
	return class_bytes[b->class];
}

static void
block_state_set(struct block *b, uint8_t state)
{
	__atomic_store_n(&b->state, state, __ATOMIC_RELEASE);
}

/* The block is unlinked: back to the free list. */
static void
block_free(struct heap *h, struct block *b)
{
	unsigned c = b->class;
	size_t index = (size_t)((char *)b - h->base - h->class[c].at) / class_bytes[c];

	block_state_set(b, FREE);
	h->class[c].free[h->class[c].n_free++] = (uint32_t)index;
}

static struct block *
class_block(const struct heap *h, unsigned c, uint32_t index)
{
	return (struct block *)(h->base + h->class[c].at + (size_t)index * class_bytes[c]);
}

static uint32_t
class_left(const struct heap *h, unsigned c)
{
	return h->class[c].n_free + h->class[c].count - h->class[c].touched;
}

/* How many were ever used: a search in halves, which touches a few pages only. */
static uint32_t
find_touched(const struct heap *h, unsigned c)
{
	uint32_t low = 0, high = h->class[c].count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (class_block(h, c, middle)->owner != 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t
heap_bytes(const uint32_t count[HEAP_CLASSES])
{
	size_t bytes = FRONT;

	for (unsigned c = 0; c < HEAP_CLASSES; c++)
		bytes += (size_t)count[c] * class_bytes[c];
	return bytes;
}

void
heap_init(struct heap *h, void *base, const uint32_t count[HEAP_CLASSES])
{
	size_t at = FRONT;

	must((uintptr_t)base % UNIT == 0);
	*h = (struct heap){ .base = base, .size = heap_bytes(count) };
	must(h->size / UNIT <= UINT32_MAX);
	for (unsigned c = 0; c < HEAP_CLASSES; c++) {
		h->class[c].at = at;
		h->class[c].count = count[c];
		at += (size_t)count[c] * class_bytes[c];
	}
	for (unsigned c = 0; c < HEAP_CLASSES; c++) {
		h->class[c].free = malloc((count[c] + 1ul) * sizeof(*h->class[c].free));
		if (h->class[c].free == NULL)
			fatal(ENOMEM, "a heap of %zu bytes", h->size);
		h->class[c].touched = find_touched(h, c);
		for (uint32_t i = h->class[c].touched; i-- > 0;) {
			struct block *b = class_block(h, c, i);

			if (b->state == FREE)
				h->class[c].free[h->class[c].n_free++] = i;
		}
	}
}

void
heap_done(struct heap *h)
{
	for (unsigned c = 0; c < HEAP_CLASSES; c++)
		free(h->class[c].free);
	memset(h, 0, sizeof(*h));
}

/* Is the block that was moving when the process was killed in its owner's arena or not? */
static void
settle(struct heap *h, const struct arena *a, struct block *b)
{
	if (a->head != heap_offset(h, b)) {
		block_free(h, b);
		return;
	}
	/* Its fill is not known to be right: it is taken as full. */
	b->used = (uint16_t)(block_bytes(b) / UNIT);
	block_state_set(b, TAKEN);
}

void
heap_sweep(struct heap *h, const struct arena *(*arena_of)(void *ctx, handle owner), void *ctx)
{
	for (unsigned c = 0; c < HEAP_CLASSES; c++) {
		for (uint32_t i = 0; i < h->class[c].touched; i++) {
			struct block *b = class_block(h, c, i);
			const struct arena *a = b->state == FREE ? NULL : arena_of(ctx, b->owner);

			if (b->state == FREE)
				continue;
			if (a == NULL)
				block_free(h, b);
			else if (b->state == MOVING)
				settle(h, a, b);
		}
	}
}

static unsigned
class_for(size_t n)
{
	unsigned c = 0;

	while (c < HEAP_CLASSES && n > class_bytes[c] - sizeof(struct block))
		c++;
	return c;
}

bool
heap_has(const struct heap *h, size_t n, unsigned blocks)
{
	unsigned fit = n == 0 ? HEAP_CLASSES : class_for(n);
	uint32_t all = 0, fitting = 0;

	if (n > 0 && fit == HEAP_CLASSES)
		return false;
	for (unsigned c = HEAP_SMALL; c < HEAP_CLASSES; c++) {
		all += class_left(h, c);
		fitting += c >= fit ? class_left(h, c) : 0;
	}
	/* A take falls to the next larger class: in whatever order they come, the small ones leave
	 * a fitting block over as long as there are enough in all. A block below 1 KiB is not one
	 * that any piece finds room in. */
	return n == 0 ? all >= blocks : fitting > 0 && all - 1 >= blocks;
}

size_t
heap_in_use(const struct heap *h)
{
	size_t bytes = 0;

	for (unsigned c = 0; c < HEAP_CLASSES; c++)
		bytes += (size_t)(h->class[c].count - class_left(h, c)) * class_bytes[c];
	return bytes;
}

static struct block *
block_take(struct heap *h, struct arena *a, handle owner, size_t n)
{
	unsigned c = class_for(n);
	struct block *b;

	while (c < HEAP_CLASSES && class_left(h, c) == 0)
		c++;
	if (c == HEAP_CLASSES)
		return NULL;
	b = class_block(h, c,
	    h->class[c].n_free > 0 ? h->class[c].free[--h->class[c].n_free]
				   : h->class[c].touched++);
	b->owner = owner;
	b->next = a->head;
	b->used = sizeof(*b) / UNIT;
	b->class = (uint8_t)c;
	block_state_set(b, MOVING);
	__atomic_store_n(&a->head, heap_offset(h, b), __ATOMIC_RELEASE);
	block_state_set(b, TAKEN);
	a->bytes += class_bytes[c];
	return b;
}

/* One of the arena's newest blocks that has so much left; NULL: none. */
static struct block *
block_with(const struct heap *h, const struct arena *a, size_t units)
{
	uint32_t at = a->head;

	for (unsigned i = 0; i < TRIED && at != 0; i++) {
		struct block *b = block_at(h, at);

		if (units <= block_bytes(b) / UNIT - b->used)
			return b;
		at = b->next;
	}
	return NULL;
}

/* As it was left by its last user. */
static void *
take(struct heap *h, struct arena *a, handle owner, size_t n)
{
	size_t units = n == 0 ? 1 : (n + UNIT - 1) / UNIT;
	struct block *b;
	char *p;

	if (n > HEAP_TAKE_MAX)
		return NULL;
	b = block_with(h, a, units);
	if (b == NULL)
		b = block_take(h, a, owner, n);
	if (b == NULL)
		return NULL;
	p = (char *)b + (size_t)b->used * UNIT;
	b->used = (uint16_t)(b->used + units);
	return p;
}

void *
arena_take(struct heap *h, struct arena *a, handle owner, size_t n)
{
	void *p = take(h, a, owner, n);

	return p == NULL ? NULL : memset(p, 0, n);
}

enum err
arena_keep(struct heap *h, struct arena *a, handle owner, struct span s, struct kept *kept_r)
{
	char *p;

	*kept_r = (struct kept){ 0, 0 };
	if (s.len == 0)
		return ERR_NONE;
	p = take(h, a, owner, s.len);
	if (p == NULL)
		return ERR_FULL;
	memcpy(p, s.p, s.len);
	*kept_r = (struct kept){ heap_offset(h, p), (uint32_t)s.len };
	return ERR_NONE;
}

void
arena_drop(struct heap *h, struct arena *a)
{
	while (a->head != 0) {
		struct block *b = block_at(h, a->head);

		block_state_set(b, MOVING);
		__atomic_store_n(&a->head, b->next, __ATOMIC_RELEASE);
		block_free(h, b);
	}
	a->bytes = 0;
}

struct span
kept_span(const struct heap *h, struct kept k)
{
	size_t at = (size_t)k.at * UNIT;

	if (at < FRONT || at > h->size || k.len > h->size - at)
		return SPAN_NONE;
	return span_of(h->base + at, k.len);
}

uint32_t
heap_offset(const struct heap *h, const void *p)
{
	size_t at = (uintptr_t)p - (uintptr_t)h->base;

	must(at >= FRONT && at < h->size && at % UNIT == 0);
	return (uint32_t)(at / UNIT);
}

void *
heap_at(const struct heap *h, uint32_t at)
{
	size_t bytes = (size_t)at * UNIT;

	must(bytes >= FRONT && bytes < h->size);
	return h->base + bytes;
}
