/*
 * The writer of a table: its slots, the changes, and taking over what a predecessor left. Which slots
 * are free is private knowledge, rebuilt from the chains at the start. How readers are kept right is
 * written at the head of records.c.
 */
#include "ipc/records.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/rand.h"
#include "ipc/records_shape.h"

enum { QUARANTINE = 32 };

struct queue { /* slots of one class that are in no chain, oldest first */
	uint32_t *units, first, n, cap;
};

/* --- slots ------------------------------------------------------------------------------------ */

static void
queue_push(struct queue *q, uint32_t unit)
{
	if (q->n == q->cap) {
		uint32_t cap = q->cap == 0 ? 64 : 2 * q->cap;
		uint32_t *units = malloc((size_t)cap * sizeof(*units));

		if (units == NULL)
			fatal(errno, "no memory for the free slots of a table");
		for (uint32_t i = 0; i < q->n; i++)
			units[i] = q->units[(q->first + i) & (q->cap - 1)];
		free(q->units);
		q->units = units;
		q->cap = cap;
		q->first = 0;
	}
	q->units[(q->first + q->n++) & (q->cap - 1)] = unit;
}

static uint32_t
queue_pop(struct queue *q)
{
	uint32_t unit = q->units[q->first];

	q->first = (q->first + 1) & (q->cap - 1);
	q->n--;
	return unit;
}

/* The class is stored before the slot counts as carved, and never changes. */
static uint32_t
carve(struct records *r, unsigned class)
{
	uint32_t unit = r->head->carved;
	uint64_t end = (uint64_t)unit + (1u << class);

	if (end * UNIT > r->size || end > UINT32_MAX)
		return 0;
	__atomic_store_n(&record_at(r, unit)->shape, class << 28, __ATOMIC_RELAXED);
	__atomic_store_n(&r->head->carved, (uint32_t)end, __ATOMIC_RELEASE);
	return unit;
}

/* A slot that has waited, else a new one, else any that is large enough; 0 when there is none. */
static uint32_t
take_slot(struct records *r, unsigned class)
{
	struct queue *queues = r->free_lists;
	uint32_t unit;

	if (queues[class].n > QUARANTINE)
		return queue_pop(&queues[class]);
	unit = carve(r, class);
	for (unsigned c = class; unit == 0 && c < CLASSES; c++)
		if (queues[c].n > 0)
			unit = queue_pop(&queues[c]);
	return unit;
}

static void
free_slot(struct records *r, uint32_t unit)
{
	struct queue *queues = r->free_lists;

	queue_push(&queues[class_of(record_at(r, unit)->shape)], unit);
}

/* --- changes ---------------------------------------------------------------------------------- */

/* The link that leads to the key's record, or to where it would stand. */
static uint64_t *
seek(const struct records *r, struct span key, uint64_t hash, bool *found_r)
{
	uint64_t *link = bucket_of(r, hash);

	*found_r = false;
	while (*link != 0) {
		struct record *rec = record_at(r, *link);

		if (rec->hash > hash)
			break;
		if (rec->hash == hash && key_len_of(rec->shape) == key.len &&
		    words_equal(rec->words, key)) {
			*found_r = true;
			break;
		}
		link = &rec->next;
	}
	return link;
}

static void
words_in(uint64_t *to, const void *from, size_t len)
{
	for (size_t at = 0; at < len; at += 8) {
		uint64_t w = 0;

		memcpy(&w, (const char *)from + at, len - at < 8 ? len - at : 8);
		__atomic_store_n(&to[at / 8], w, __ATOMIC_RELAXED);
	}
}

static uint64_t
write_slot(struct records *r, uint32_t unit, uint64_t hash, struct span key, struct span value)
{
	struct record *rec = record_at(r, unit);
	uint32_t generation = rec->generation + 1 != 0 ? rec->generation + 1 : 1;
	uint32_t shape = class_of(rec->shape) << 28 | (uint32_t)key.len << 15 | (uint32_t)value.len;

	__atomic_store_n(&rec->generation, generation, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&rec->hash, hash, __ATOMIC_RELAXED);
	__atomic_store_n(&rec->shape, shape, __ATOMIC_RELAXED);
	words_in(rec->words, key.p, key.len);
	words_in(rec->words + words_of(key.len), value.p, value.len);
	return link_to(unit, generation);
}

/* The version comes last: who caches by it may read once too often, but never keeps the old. */
static void
changed(struct records *r, int more)
{
	struct records_head *h = r->head;

	__atomic_store_n(&h->count, h->count + (uint32_t)more, __ATOMIC_RELAXED);
	__atomic_store_n(&h->version, h->version + 1, __ATOMIC_RELEASE);
}

enum err
records_put(struct records *r, struct span key, struct span value)
{
	uint64_t hash, *at, old, link;
	uint32_t unit;
	bool found;

	must(r->writer);
	if (key.len > RECORDS_KEY_MAX || value.len > RECORDS_VALUE_MAX)
		return ERR_RANGE;
	hash = hash_of(r, key);
	at = seek(r, key, hash, &found);
	unit = take_slot(r, class_for(key.len, value.len));
	if (unit == 0)
		return ERR_FULL;
	old = *at;
	link = write_slot(r, unit, hash, key, value);
	__atomic_store_n(
	    &record_at(r, unit)->next, found ? record_at(r, old)->next : old, __ATOMIC_RELAXED);
	__atomic_store_n(at, link, __ATOMIC_RELEASE);
	if (found)
		free_slot(r, (uint32_t)old);
	changed(r, found ? 0 : 1);
	return ERR_NONE;
}

enum err
records_delete(struct records *r, struct span key)
{
	uint64_t *at, old;
	bool found;

	must(r->writer);
	at = seek(r, key, hash_of(r, key), &found);
	if (!found)
		return ERR_ABSENT;
	old = *at;
	__atomic_store_n(at, record_at(r, old)->next, __ATOMIC_RELEASE);
	free_slot(r, (uint32_t)old);
	changed(r, -1);
	return ERR_NONE;
}

/* --- making and taking over ------------------------------------------------------------------- */

static uint32_t
bits_for(uint32_t count)
{
	uint32_t bits = 4;

	while (bits < 32 && (uint64_t)1 << bits < count)
		bits++;
	return bits;
}

/* Twice the buckets are counted, so that tables of several kinds of records may be added up. Key and
 * value begin on a word each, which may cost one word more than both in a row. */
size_t
records_bytes(uint32_t count, uint32_t bytes)
{
	size_t slot = (size_t)UNIT << class_for(bytes, 1);

	return sizeof(struct records_head) + 2 * UNIT + (sizeof(uint64_t) << bits_for(count)) +
	       (size_t)count * sizeof(uint64_t) + ((size_t)count + 2 * QUARANTINE) * slot;
}

/* The magic is stored last: a table half made is made again. */
static enum err
make(struct records_head *h, size_t size, uint32_t expected)
{
	uint32_t bits = bits_for(expected);
	uint64_t slots_at = sizeof(*h) + (sizeof(uint64_t) << bits);

	if (slots_at + UNIT > size)
		return ERR_RANGE;
	rand_bytes(&h->key, sizeof(h->key));
	h->size = size;
	h->bits = bits;
	h->first = h->carved = (uint32_t)((slots_at + UNIT - 1) / UNIT);
	h->version = 1;
	h->count = 0;
	__atomic_store_n(&h->magic, RECORDS_MAGIC, __ATOMIC_RELEASE);
	return ERR_NONE;
}

static bool
marked(const uint8_t *marks, uint32_t unit)
{
	return (marks[unit / 8] >> unit % 8 & 1) != 0;
}

/* Marks the chain's slots and counts them. A link that cannot be (only a bug could have stored it)
 * ends the chain: what stood behind it is lost, the table is not. */
static uint32_t
mark_chain(struct records *r, uint64_t bucket, uint8_t *marks)
{
	uint64_t *at = &r->head->buckets[bucket], least = bucket << (HASH_BITS - r->bits);
	uint32_t n = 0;

	for (; *at != 0; n++) {
		uint32_t unit = (uint32_t)*at;
		struct record *rec = record_at(r, unit);

		if (unit < r->head->first || unit >= r->head->carved || marked(marks, unit) ||
		    rec->generation != *at >> 32 || rec->hash < least ||
		    bucket_of(r, rec->hash) != &r->head->buckets[bucket]) {
			log_error("records: chain cut", LOG_U64("bucket", bucket));
			__atomic_store_n(at, 0, __ATOMIC_RELEASE);
			break;
		}
		marks[unit / 8] |= (uint8_t)(1u << unit % 8);
		least = rec->hash;
		at = &rec->next;
	}
	return n;
}

static void
take_over(struct records *r)
{
	struct records_head *h = r->head;
	uint8_t *marks = calloc((size_t)h->carved / 8 + 1, 1);
	uint32_t n = 0;

	if (marks == NULL)
		fatal(errno, "no memory to take over a table");
	for (uint64_t b = 0; b >> h->bits == 0; b++)
		n += mark_chain(r, b, marks);
	for (uint64_t unit = h->first; unit < h->carved;) {
		if (!marked(marks, (uint32_t)unit))
			free_slot(r, (uint32_t)unit);
		unit += (uint64_t)1 << class_of(record_at(r, unit)->shape);
	}
	free(marks);
	__atomic_store_n(&h->count, n, __ATOMIC_RELAXED);
	/* The last change may have been made without it. */
	__atomic_store_n(&h->version, h->version + 1, __ATOMIC_RELEASE);
}

enum err
records_own(struct records *r, void *mem, size_t size, uint32_t expected)
{
	enum err e = records_open(r, mem, size);

	if (e == ERR_AGAIN) {
		e = make(mem, size, expected);
		if (e == ERR_NONE)
			e = records_open(r, mem, size);
	}
	if (e != ERR_NONE)
		return e;
	r->writer = true;
	r->free_lists = calloc(CLASSES, sizeof(struct queue));
	if (r->free_lists == NULL)
		fatal(errno, "no memory for the free slots of a table");
	take_over(r);
	return ERR_NONE;
}

void
records_close(struct records *r)
{
	struct queue *queues = r->free_lists;

	for (unsigned c = 0; queues != NULL && c < CLASSES; c++)
		free(queues[c].units);
	free(queues);
	*r = (struct records){ 0 };
}
