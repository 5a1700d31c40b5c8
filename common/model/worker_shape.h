/*
 * How a worker's region is divided: the supervisor sizes it, the worker lays its pools over it.
 *
 *     struct process | call_views, views and who is in them | group words | recents | completions | calls |
 *     legs | transactions | heap
 *
 * Slots are given room here, not sizeof, because their structs are the worker's own; the worker
 * asserts that they fit. The file is sparse: what was never used takes no memory.
 */
#ifndef TANDEM_MODEL_WORKER_SHAPE_H
#define TANDEM_MODEL_WORKER_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/completion.h"
#include "model/settings.h"

enum { WORKER_CALL_BYTES = 456, WORKER_LEG_BYTES = 712, WORKER_GROUP_WORDS = 4096,
	WORKER_RECENTS = 8192 };
/* The notes that a leg holds back stand there in their flat form (note.c): how many kinds there are,
 * how many texts, and the bytes before these. */
enum { WORKER_NOTE_KINDS = 32, WORKER_NOTE_TEXTS = 20, WORKER_NOTE_BYTES = 232 };

struct group_word { /* what hunt groups remember (group_memory.c); key 0: nothing */
	uint64_t key, value, at_ns; /* at_ns: monotonic, when it was so */
};

struct recent { /* whom a subscriber called, or who called him, last (recent.c) */
	uint32_t version, once; /* version: odd while it changes; once: dialled before number */
	uint64_t key, at_ns;   /* at_ns: monotonic; key 0: nothing */
	char number[40];
};

struct worker_shape {
	uint32_t calls, legs, txns;
	uint32_t blocks[HEAP_CLASSES];
	size_t views_at, groups_at, recents_at, completions_at, calls_at, legs_at, txns_at, heap_at, size;
};

void worker_shape(const struct settings *s, struct worker_shape *shape_r);
/* Changes whenever a struct in the region does. */
uint64_t worker_layout(void);

#endif
