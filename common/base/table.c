/*
 * Open addressing with linear probing, at most three quarters full. An entry is never marked as
 * deleted: those behind it are moved up, so that a table in use for months stays as quick as a new
 * one. The cursor of a walk counts the probes made.
 */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { SMALLEST = 16 };

static const uint32_t empty = UINT32_MAX;

/* Callers may use a handle as a hash, whose low bits hardly differ. */
static uint32_t
home(const struct table *t, uint64_t hash)
{
	return (uint32_t)(hash * 0x9e3779b97f4a7c15u >> 32) & t->mask;
}

static void
allocate(struct table *t, uint64_t size)
{
	must(size <= 1u << 31);
	t->entries = malloc(size * sizeof(*t->entries));
	if (t->entries == NULL)
		fatal(ENOMEM, "a table of %llu entries", (unsigned long long)size);
	memset(t->entries, 0xff, size * sizeof(*t->entries));
	t->mask = (uint32_t)(size - 1);
	t->count = 0;
}

static void
insert(struct table *t, struct table_entry entry)
{
	uint32_t i = home(t, entry.hash);

	while (t->entries[i].value != empty)
		i = (i + 1) & t->mask;
	t->entries[i] = entry;
	t->count++;
}

static void
grow(struct table *t)
{
	struct table old = *t;

	allocate(t, ((uint64_t)old.mask + 1) * 2);
	for (uint64_t i = 0; i <= old.mask; i++)
		if (old.entries[i].value != empty)
			insert(t, old.entries[i]);
	free(old.entries);
}

void
table_init(struct table *t, uint32_t expected)
{
	uint64_t size = SMALLEST;

	while (size * 3 / 4 < expected)
		size *= 2;
	allocate(t, size);
}

void
table_done(struct table *t)
{
	free(t->entries);
	memset(t, 0, sizeof(*t));
}

void
table_put(struct table *t, uint64_t hash, uint32_t value)
{
	must(value != empty);
	if (t->count >= ((uint64_t)t->mask + 1) * 3 / 4)
		grow(t);
	insert(t, (struct table_entry){ .hash = hash, .value = value });
}

/* Closes the hole: an entry further on moves into it unless its home lies behind the hole. */
static void
shift_back(struct table *t, uint32_t hole)
{
	uint32_t i = hole;

	for (;;) {
		i = (i + 1) & t->mask;
		if (t->entries[i].value == empty)
			break;
		if (((i - home(t, t->entries[i].hash)) & t->mask) < ((i - hole) & t->mask))
			continue;
		t->entries[hole] = t->entries[i];
		hole = i;
	}
	t->entries[hole].value = empty;
}

bool
table_remove(struct table *t, uint64_t hash, uint32_t value)
{
	for (uint32_t i = home(t, hash); t->entries[i].value != empty; i = (i + 1) & t->mask) {
		if (t->entries[i].hash == hash && t->entries[i].value == value) {
			shift_back(t, i);
			t->count--;
			return true;
		}
	}
	return false;
}

bool
table_find(const struct table *t, uint64_t hash, uint32_t *cursor, uint32_t *value_r)
{
	uint32_t start = home(t, hash);

	for (;;) {
		const struct table_entry *e = &t->entries[(start + *cursor) & t->mask];

		if (e->value == empty)
			return false;
		++*cursor;
		if (e->hash == hash) {
			*value_r = e->value;
			return true;
		}
	}
}
