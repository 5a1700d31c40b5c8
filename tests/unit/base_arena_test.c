/* arena: what it gives, when it is full, and a kill simulated at each store of a take and a drop. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static const uint32_t counts[HEAP_CLASSES] = { 0, 0, 0, 3, 0, 2, 1, 1 };
enum { ALL = 3 * 1024 + 2 * 4096 + 16384 + 65536 };
enum { HEADER = 16, SMALL = 1024 - HEADER };

/* As arena.c has it: the tests write what a killed process would have left. */
struct block {
	handle owner;
	uint32_t next;
	uint16_t used;
	uint8_t class, state;
};
enum { FREE, MOVING, TAKEN };

static char *memory;
static struct heap heap;
static struct arena arena;
static const handle owner = 0x0100000100000001, other = 0x0100000200000001;

static void
open_heap(void)
{
	memory = calloc(1, heap_bytes(counts));
	heap_init(&heap, memory, counts);
}

static void
close_heap(void)
{
	heap_done(&heap);
	free(memory);
}

static void
restart(void)
{
	heap_done(&heap);
	heap_init(&heap, memory, counts);
}

static const struct arena *
arena_of(void *ctx, handle h)
{
	return h == *(const handle *)ctx ? &arena : NULL;
}

static void
sweep(handle alive)
{
	heap_sweep(&heap, arena_of, &alive);
}

TestSuite(base_arena, .init = open_heap, .fini = close_heap);

Test(base_arena, zeroed_aligned_apart)
{
	char *a = arena_take(&heap, &arena, owner, 3), *b = arena_take(&heap, &arena, owner, 8);

	cr_assert(a != NULL && b != NULL);
	cr_expect_eq((uintptr_t)a % 8, 0);
	cr_expect_eq(b, a + 8);
	memset(a, 0xff, 8);
	memset(b, 0xff, 8);
	arena_drop(&heap, &arena);
	a = arena_take(&heap, &arena, owner, 16);
	for (int i = 0; i < 16; i++)
		cr_expect_eq(a[i], 0);
}

Test(base_arena, nothing_is_something)
{
	char *a = arena_take(&heap, &arena, owner, 0), *b = arena_take(&heap, &arena, owner, 0);

	cr_expect(a != NULL && b != NULL && a != b);
}

Test(base_arena, fills_a_block_to_its_end)
{
	cr_assert_not_null(arena_take(&heap, &arena, owner, SMALL - 8));
	cr_expect_eq(heap_in_use(&heap), 1024);
	cr_assert_not_null(arena_take(&heap, &arena, owner, 8));
	cr_expect_eq(heap_in_use(&heap), 1024);
	cr_assert_not_null(arena_take(&heap, &arena, owner, 1));
	cr_expect_eq(heap_in_use(&heap), 2048);
	cr_expect_eq(arena.bytes, 2048);
	arena_drop(&heap, &arena);
	cr_expect_eq(heap_in_use(&heap), 0);
	cr_expect_eq(arena.bytes, 0);
}

Test(base_arena, classes)
{
	cr_assert_not_null(arena_take(&heap, &arena, owner, SMALL));
	cr_expect_eq(arena.bytes, 1024);
	cr_assert_not_null(arena_take(&heap, &arena, owner, SMALL + 1));
	cr_expect_eq(arena.bytes, 1024 + 4096);
	cr_assert_not_null(arena_take(&heap, &arena, owner, HEAP_TAKE_MAX));
	cr_expect_eq(arena.bytes, 1024 + 4096 + 65536);
	cr_expect_null(arena_take(&heap, &arena, owner, HEAP_TAKE_MAX));
	cr_expect_null(arena_take(&heap, &arena, owner, HEAP_TAKE_MAX + 1));
	cr_expect_null(arena_take(&heap, &arena, owner, SIZE_MAX));
	cr_expect_eq(heap_in_use(&heap), 1024 + 4096 + 65536);
}

/* Blocks below 1 KiB save memory; they are no reserve. */
Test(base_arena, small_classes)
{
	static const uint32_t small[HEAP_CLASSES] = { 2, 1, 1, 1, 0, 0, 0, 0 };
	struct arena a = { 0 };

	close_heap();
	memory = calloc(1, heap_bytes(small));
	heap_init(&heap, memory, small);
	cr_expect(heap_has(&heap, 0, 1));
	cr_expect_not(heap_has(&heap, 0, 2));
	cr_assert_not_null(arena_take(&heap, &a, owner, 128 - HEADER));
	cr_expect_eq(a.bytes, 128);
	cr_assert_not_null(arena_take(&heap, &a, owner, 128 - HEADER + 1));
	cr_expect_eq(a.bytes, 128 + 256);
	cr_assert_not_null(arena_take(&heap, &a, owner, 256 - HEADER + 1));
	cr_expect_eq(a.bytes, 128 + 256 + 512);
	cr_assert_not_null(arena_take(&heap, &a, owner, 512 - HEADER + 1));
	cr_expect_eq(a.bytes, 128 + 256 + 512 + 1024);
	arena_drop(&heap, &a);
	cr_expect_eq(heap_in_use(&heap), 0);
}

/* What a large piece leaves of its block is filled, also when the block is not the newest any more. */
Test(base_arena, fills_older_blocks)
{
	char *large = arena_take(&heap, &arena, owner, 2000), *small;

	cr_assert_not_null(arena_take(&heap, &arena, owner, 3000));
	small = arena_take(&heap, &arena, owner, 1500);
	cr_expect_eq(small, large + 2000);
	cr_expect_eq(arena.bytes, 2 * 4096);
}

Test(base_arena, falls_to_larger_blocks_until_full)
{
	for (int i = 0; i < 7; i++) {
		char *p = arena_take(&heap, &(struct arena){ 0 }, owner, SMALL);

		cr_assert_not_null(p, "block %d", i);
		memset(p, 0xff, SMALL);
	}
	cr_expect_null(arena_take(&heap, &(struct arena){ 0 }, owner, 1));
	cr_expect_eq(heap_in_use(&heap), ALL);
	sweep(other);
	cr_expect_eq(heap_in_use(&heap), 0);
}

Test(base_arena, has)
{
	cr_expect(heap_has(&heap, 0, 7));
	cr_expect_not(heap_has(&heap, 0, 8));
	cr_expect(heap_has(&heap, 1, 6));
	cr_expect_not(heap_has(&heap, 1, 7));
	cr_expect(heap_has(&heap, HEAP_TAKE_MAX, 6));
	cr_expect_not(heap_has(&heap, HEAP_TAKE_MAX + 1, 0));
	cr_expect_not(heap_has(&heap, SIZE_MAX, 0));
	arena_take(&heap, &arena, owner, HEAP_TAKE_MAX);
	cr_expect_not(heap_has(&heap, 16384, 0), "no block is large enough");
	cr_expect(heap_has(&heap, 16384 - HEADER, 5));
	cr_expect(heap_has(&heap, 0, 0));
}

Test(base_arena, keep)
{
	struct kept k = { 9, 9 }, bad;

	cr_expect_eq(arena_keep(&heap, &arena, owner, SPAN("sip:bob@example.com"), &k), ERR_NONE);
	cr_expect(span_eq(kept_span(&heap, k), SPAN("sip:bob@example.com")));
	restart();
	cr_expect(span_eq(kept_span(&heap, k), SPAN("sip:bob@example.com")));

	cr_expect_eq(arena_keep(&heap, &arena, owner, SPAN_NONE, &bad), ERR_NONE);
	cr_expect_null(kept_span(&heap, bad).p);
	cr_expect_eq(arena_keep(&heap, &arena, owner, span_of(memory, 65536), &bad), ERR_FULL);
	cr_expect(bad.at == 0 && bad.len == 0);
}

Test(base_arena, kept_is_checked)
{
	uint32_t last = (uint32_t)(heap.size / 8 - 1);

	cr_expect_eq(kept_span(&heap, (struct kept){ last, 8 }).len, 8);
	cr_expect_null(kept_span(&heap, (struct kept){ last, 9 }).p);
	cr_expect_null(kept_span(&heap, (struct kept){ last, UINT32_MAX }).p);
	cr_expect_null(kept_span(&heap, (struct kept){ UINT32_MAX, 1 }).p);
	cr_expect_null(kept_span(&heap, (struct kept){ 7, 1 }).p);
}

Test(base_arena, sweep_keeps_the_living)
{
	struct arena second = { 0 };
	char *kept = arena_take(&heap, &arena, owner, 100);

	memset(kept, 'x', 100);
	arena_take(&heap, &second, other, 5000);
	arena_take(&heap, &second, other, 100);
	restart();
	cr_expect_eq(heap_in_use(&heap), 1024 + 16384);
	sweep(owner);
	cr_expect_eq(heap_in_use(&heap), 1024);
	for (int i = 0; i < 7; i++)
		arena_take(&heap, &(struct arena){ 0 }, other, SMALL);
	cr_expect_eq(kept[0], 'x');
	cr_expect_eq(kept[99], 'x');
}

static struct block *
head(void)
{
	return heap_at(&heap, arena.head);
}

/* Killed in a take before the block was linked. */
Test(base_arena, half_taken_not_linked)
{
	struct arena before;

	arena_take(&heap, &arena, owner, SMALL);
	before = arena;
	arena_take(&heap, &arena, owner, SMALL);
	head()->state = MOVING;
	arena.head = before.head;
	restart();
	sweep(owner);
	cr_expect_eq(heap_in_use(&heap), 1024, "the half block is given back");
	arena_take(&heap, &arena, owner, SMALL);
	cr_expect_eq(heap_in_use(&heap), 2048);
	arena_drop(&heap, &arena);
	cr_expect_eq(heap_in_use(&heap), 0);
}

/* Killed in the very first take, or in a drop after the last block was unlinked: the arena is empty. */
Test(base_arena, half_taken_first)
{
	arena_take(&heap, &arena, owner, SMALL);
	head()->state = MOVING;
	arena = (struct arena){ 0 };
	restart();
	sweep(owner);
	cr_expect_eq(heap_in_use(&heap), 0);
	arena_take(&heap, &arena, owner, SMALL);
	cr_expect_eq(heap_in_use(&heap), 1024);
}

/* Killed in a take after the block was linked, and in a drop before it was unlinked. */
Test(base_arena, half_taken_linked)
{
	char *p = arena_take(&heap, &arena, owner, 8), *q;

	head()->state = MOVING;
	restart();
	sweep(owner);
	memset(p, 'x', 8);
	q = arena_take(&heap, &arena, owner, SMALL);
	cr_assert_not_null(q);
	cr_expect_eq(p[0], 'x');
	cr_expect_eq(head()->state, TAKEN);
	cr_expect_eq(heap_in_use(&heap), 2048);
	arena_drop(&heap, &arena);
	cr_expect_eq(heap_in_use(&heap), 0);
	cr_expect(heap_has(&heap, 0, 7), "no block is twice in a free list");
	cr_expect_not(heap_has(&heap, 0, 8));
}

/* Killed in a drop after the newest block was unlinked. */
Test(base_arena, half_dropped)
{
	struct block *b;

	arena_take(&heap, &arena, owner, SMALL);
	arena_take(&heap, &arena, owner, SMALL);
	b = head();
	b->state = MOVING;
	arena.head = b->next;
	restart();
	sweep(owner);
	arena_drop(&heap, &arena);
	cr_expect_eq(heap_in_use(&heap), 0);
	cr_expect_not(heap_has(&heap, 0, 8));
}

Test(base_arena, half_of_a_dead_owner_is_swept)
{
	arena_take(&heap, &arena, owner, 8);
	head()->state = MOVING;
	restart();
	sweep(other);
	cr_expect_eq(heap_in_use(&heap), 0);
	arena = (struct arena){ 0 };
	arena_take(&heap, &arena, owner, 8);
	cr_expect_eq(heap_in_use(&heap), 1024);
}

/* A large heap that is little used takes little memory: what was never used is not looked at, now or
 * after a restart. */
Test(base_arena, untouched_blocks_stay_untouched)
{
	struct arena small = { 0 };
	uint32_t at;

	cr_assert_not_null(arena_take(&heap, &small, owner, 8));
	at = small.head;
	restart();
	cr_expect_eq(heap.class[HEAP_SMALL].touched, 1);
	cr_expect_eq(heap.class[HEAP_SMALL + 2].touched, 0);
	arena_drop(&heap, &small);
	cr_assert_not_null(arena_take(&heap, &small, owner, 8));
	cr_expect_eq(small.head, at, "the used block is used again before a new one");
	cr_expect_eq(heap.class[HEAP_SMALL].touched, 1);
	arena_drop(&heap, &small);
}
