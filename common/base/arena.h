/*
 * A heap of blocks in shared memory, and arenas that take their memory from it. What belongs to one
 * call (or one transaction) stands in its arena and dies with it, whole: there is no free() in call
 * code.
 *
 * A block's header says which owner (a handle) it belongs to, so that after a crash the heap can be
 * swept: heap_sweep() gives back the blocks whose owner is gone. An owner has one arena: by it a
 * block that was half taken at the kill is told from one that belongs to the arena. Text that is kept
 * is named by a `kept` (an offset from the heap's base and a length), never by a pointer.
 */
#ifndef TANDEM_BASE_ARENA_H
#define TANDEM_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/span.h"

enum { HEAP_CLASSES = 8 };               /* blocks of 128, 256, 512 bytes, 1, 2, 4, 16 and 64 KiB */
enum { HEAP_SMALL = 3 };                 /* the classes below this save memory and are no reserve */
enum { HEAP_TAKE_MAX = (64 << 10) - 16 }; /* the largest piece: a block less its header */

struct kept {
	uint32_t at;  /* in units of 8 bytes from the heap's base; 0 = none */
	uint32_t len; /* bytes */
};

struct heap {                       /* private */
	char *base;                     /* in shared memory */
	size_t size;                    /* bytes in all */
	struct {
		uint32_t count;
		uint32_t touched;           /* blocks below this have been used once */
		uint32_t *free, n_free;
		size_t at;                  /* bytes from base */
	} class[HEAP_CLASSES];
};

struct arena {                      /* embedded in a pooled struct in shared memory */
	uint32_t head;                  /* newest block, units of 8 bytes; 0 = empty arena */
	uint32_t bytes;                 /* in blocks, for accounting */
};

/* Bytes that a heap with `count[c]` blocks of each class needs. */
size_t heap_bytes(const uint32_t count[HEAP_CLASSES]);
/* Takes over the memory (zeroed memory is a valid empty heap); rebuilds the free lists; writes
 * nothing there, so that a process which only reads may call it too. fatal() without memory. */
void heap_init(struct heap *h, void *base, const uint32_t count[HEAP_CLASSES]);
void heap_done(struct heap *h);
/* Gives back every block that nobody has: `arena_of` names its owner's arena, or NULL when that owner
 * is gone; a kill may also have come while a block was on its way into or out of an arena. For whoever
 * writes there: once, after heap_init and before the first take or drop. */
void heap_sweep(struct heap *h, const struct arena *(*arena_of)(void *ctx, handle owner), void *ctx);
/* True when n bytes can be had in one piece in addition to `blocks` blocks of 1 KiB: what a handler
 * reserves before it takes an event. */
bool heap_has(const struct heap *h, size_t n, unsigned blocks);
size_t heap_in_use(const struct heap *h);

/* Memory of n bytes (at most 64 KiB less a header), 8-aligned, zeroed; NULL when the heap is full. */
void *arena_take(struct heap *h, struct arena *a, handle owner, size_t n);
/* Copies text in. len 0 gives {0, 0}; *kept_r is {0, 0} too when ERR_FULL. */
enum err arena_keep(struct heap *h, struct arena *a, handle owner, struct span s,
    struct kept *kept_r);
void arena_drop(struct heap *h, struct arena *a);

/* The text of a kept; empty (p == NULL) for {0, 0}. Checked against the heap's size. */
struct span kept_span(const struct heap *h, struct kept k);
/* Bytes to an offset and back, for structs in an arena. panic() outside the heap. */
uint32_t heap_offset(const struct heap *h, const void *p);
void *heap_at(const struct heap *h, uint32_t at);

#endif
