/*
 * Pools. The words of struct slot are the only ones that another process, or this one after a kill,
 * judges by. Take: the rest is zeroed, then `used` = 1. Drop: `used` = 0, then the generation moves
 * on. A kill between these two leaves a free slot whose generation has already been handed out;
 * therefore pool_init moves on the generation of every free slot.
 *
 * Slots are used from the bottom up: those that were ever used are the first ones, and the first slot
 * of generation 0 ends them. So a large pool that is little used takes little memory.
 */
#include "base/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static struct slot *
slot_at(const struct pool *p, uint32_t index)
{
	return (struct slot *)(p->slots + (size_t)index * p->size);
}

static bool
slot_used(const struct slot *s)
{
	return __atomic_load_n(&s->used, __ATOMIC_ACQUIRE) == 1;
}

static void
slot_renew(struct slot *s)
{
	uint32_t next = s->generation + 1;

	__atomic_store_n(&s->generation, next == 0 ? 1 : next, __ATOMIC_RELEASE);
}

void
pool_view(struct pool *p, const void *slots, size_t size, uint32_t count, unsigned owner)
{
	must(size >= sizeof(struct slot) && size % _Alignof(struct slot) == 0);
	must(count <= 1u << 24 && owner <= UINT8_MAX);
	/* The mapping is read-only: only functions that change nothing are for viewers. */
	*p = (struct pool){ .slots = (char *)(uintptr_t)slots,
		.size = size,
		.count = count,
		.touched = count,
		.owner = owner };
}

/* How many were ever used: a search in halves, which touches a few pages only. */
static uint32_t
find_touched(const struct pool *p)
{
	uint32_t low = 0, high = p->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (slot_at(p, middle)->generation != 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
pool_init(
    struct pool *p, void *slots, size_t size, uint32_t count, unsigned owner, uint32_t reserve)
{
	must(reserve <= count);
	pool_view(p, slots, size, count, owner);
	p->reserve = reserve;
	p->free = malloc(count == 0 ? 1 : count * sizeof(*p->free));
	if (p->free == NULL)
		fatal(ENOMEM, "a pool of %u slots", count);
	p->touched = find_touched(p);
	/* From the top, so that the lowest index is taken first. */
	for (uint32_t i = p->touched; i-- > 0;) {
		struct slot *s = slot_at(p, i);

		if (slot_used(s)) {
			p->live++;
			continue;
		}
		slot_renew(s);
		p->free[p->n_free++] = i;
	}
}

void
pool_done(struct pool *p)
{
	free(p->free);
	memset(p, 0, sizeof(*p));
}

bool
pool_has(const struct pool *p, uint32_t n, bool important)
{
	uint32_t kept_back = important ? 0 : p->reserve, left = p->count - p->live;

	return left >= kept_back && left - kept_back >= n;
}

void *
pool_take(struct pool *p, bool important)
{
	struct slot *s;

	if (!pool_has(p, 1, important))
		return NULL;
	if (p->n_free > 0) {
		s = slot_at(p, p->free[--p->n_free]);
	} else {
		s = slot_at(p, p->touched++);
		slot_renew(s);
	}
	memset(s + 1, 0, p->size - sizeof(*s));
	__atomic_store_n(&s->used, 1, __ATOMIC_RELEASE);
	p->live++;
	return s;
}

void
pool_drop(struct pool *p, void *slot)
{
	struct slot *s = slot;
	uint32_t index = pool_index(p, slot);

	must(slot_used(s));
	__atomic_store_n(&s->used, 0, __ATOMIC_RELEASE);
	slot_renew(s);
	p->free[p->n_free++] = index;
	p->live--;
}

void *
pool_find(const struct pool *p, handle h)
{
	struct slot *s;

	if (handle_owner(h) != p->owner || handle_index(h) >= p->count)
		return NULL;
	s = slot_at(p, handle_index(h));
	if (!slot_used(s))
		return NULL;
	return __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE) == handle_generation(h) ? s : NULL;
}

handle
pool_handle(const struct pool *p, const void *slot)
{
	const struct slot *s = slot;

	return handle_make(p->owner, pool_index(p, slot), s->generation);
}

uint32_t
pool_index(const struct pool *p, const void *slot)
{
	size_t at = (uintptr_t)slot - (uintptr_t)p->slots;

	must(at % p->size == 0 && at / p->size < p->count);
	return (uint32_t)(at / p->size);
}

void *
pool_at(const struct pool *p, uint32_t index)
{
	must(index < p->count);
	return slot_at(p, index);
}

void *
pool_next(const struct pool *p, const void *prev)
{
	for (uint32_t i = prev == NULL ? 0 : pool_index(p, prev) + 1; i < p->touched; i++)
		if (slot_used(slot_at(p, i)))
			return slot_at(p, i);
	return NULL;
}
