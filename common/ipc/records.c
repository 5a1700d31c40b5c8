/*
 * The table of records.h: chains of slots in shared memory, one writer, readers without locks.
 *
 *     head | buckets: links | slots: 64 bytes << class each, carved one after the other
 *
 * A link is {generation, slot}. Each chain is in the order of the keys' hashes, and the buckets are the
 * hashes' upper bits, so that the whole table has one order that no change disturbs: a walk needs to
 * remember only the hash it came to. (Two keys with one 63-bit hash share it: a walk shows one of
 * them. In a million records that has a chance of 5 in 100 million, and the hash is keyed.)
 *
 * How a reader knows that what it copied is whole. A slot's key and value never change while its generation
 * stands. To use a slot again, the writer
 *
 *     (1) stores the new generation, (2) release fence, (3) stores the contents, word by word,
 *     (4) stores the link that makes it reachable: release
 *
 * and a reader
 *
 *     (a) loads a link: acquire, (b) checks that the slot's generation is the link's,
 *     (c) copies contents, word by word, (d) acquire fence, (e) checks the generation again.
 *
 * If a copied word came from (3) of a later use, the fences make (e) see (1) of that use, and the
 * reader starts again at the bucket. The words of (3) and (c) are relaxed atomics: the race is meant,
 * and so the compiler may not tear, repeat or invent them; on the machines we run on they are plain
 * moves. The check of (b) also tells a slot of another chain from the one the link meant, however long
 * the reader was asleep between (a) and (b).
 *
 * A replaced slot keeps its contents and its link until it is used again, so a reader that stands on
 * it finds its way on. It waits in a queue (QUARANTINE) so that a reader seldom has to start again; that
 * it may start again is what makes it right, not the wait.
 *
 * A writer killed at any instruction leaves either the old chain or the new: (4) is the only store that
 * changes one. What it had taken and not linked belongs to no chain; records_own (records_write.c)
 * finds it.
 */
#include "ipc/records.h"

#include "ipc/records_shape.h"

enum { TRIES = 1000 };

struct view { /* a slot as a reader found it */
	const struct record *rec;
	uint32_t generation;
	uint64_t next, hash;
	size_t key_len, value_len;
};

static void
words_out(void *to, const uint64_t *from, size_t len)
{
	size_t whole = len / 8, rest = len % 8;
	uint64_t w;

	for (size_t i = 0; i < whole; i++) {
		w = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
		memcpy((char *)to + 8 * i, &w, 8);
	}
	if (rest > 0) {
		w = __atomic_load_n(&from[whole], __ATOMIC_RELAXED);
		memcpy((char *)to + 8 * whole, &w, rest);
	}
}

/* Is what was copied since view_open one whole? */
static bool
view_stands(const struct view *v)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&v->rec->generation, __ATOMIC_RELAXED) == v->generation;
}

/* False when the slot was overtaken (or is none, if the writer went mad). */
static bool
view_open(const struct records *r, uint64_t link, struct view *v)
{
	uint64_t at = (uint64_t)(uint32_t)link * UNIT;
	uint32_t shape;

	if (at < sizeof(struct records_head) || at + UNIT > r->size)
		return false;
	v->rec = record_at(r, link);
	v->generation = __atomic_load_n(&v->rec->generation, __ATOMIC_ACQUIRE);
	if (v->generation != link >> 32)
		return false;
	v->next = __atomic_load_n(&v->rec->next, __ATOMIC_ACQUIRE);
	v->hash = __atomic_load_n(&v->rec->hash, __ATOMIC_RELAXED);
	shape = __atomic_load_n(&v->rec->shape, __ATOMIC_RELAXED);
	v->key_len = key_len_of(shape);
	v->value_len = value_len_of(shape);
	return v->key_len <= RECORDS_KEY_MAX && v->value_len <= RECORDS_VALUE_MAX &&
	       at + ((uint64_t)UNIT << class_for(v->key_len, v->value_len)) <= r->size &&
	       view_stands(v);
}

static const uint64_t *
value_words(const struct view *v)
{
	return v->rec->words + words_of(v->key_len);
}

/* ERR_AGAIN: overtaken. */
static enum err
copy_value(const struct view *v, void *value, size_t cap, size_t *len_r)
{
	*len_r = v->value_len;
	if (v->value_len > cap)
		return view_stands(v) ? ERR_RANGE : ERR_AGAIN;
	words_out(value, value_words(v), v->value_len);
	return view_stands(v) ? ERR_NONE : ERR_AGAIN;
}

static enum err
get_once(const struct records *r, struct span key, uint64_t hash, struct view *v)
{
	uint64_t link = __atomic_load_n(bucket_of(r, hash), __ATOMIC_ACQUIRE);

	for (; link != 0; link = v->next) {
		bool same;

		if (!view_open(r, link, v))
			return ERR_AGAIN;
		if (v->hash > hash)
			break;
		same = v->hash == hash && v->key_len == key.len && words_equal(v->rec->words, key);
		if (!view_stands(v))
			return ERR_AGAIN;
		if (same)
			return ERR_NONE;
	}
	return ERR_ABSENT;
}

enum err
records_get(const struct records *r, struct span key, void *value, size_t cap, size_t *len_r)
{
	uint64_t hash;
	struct view v;

	if (r->head == NULL)
		return ERR_ABSENT;
	hash = hash_of(r, key);
	for (int i = 0; i < TRIES; i++) {
		enum err e = get_once(r, key, hash, &v);

		if (e == ERR_NONE)
			e = copy_value(&v, value, cap, len_r);
		if (e != ERR_AGAIN)
			return e;
	}
	return ERR_AGAIN;
}

/* The first record whose hash is at least *cursor; moves *cursor over the empty buckets. */
static enum err
next_once(const struct records *r, uint64_t *cursor, struct view *v)
{
	unsigned shift = HASH_BITS - r->bits;

	for (; *cursor >> HASH_BITS == 0; *cursor = ((*cursor >> shift) + 1) << shift) {
		uint64_t link = __atomic_load_n(bucket_of(r, *cursor), __ATOMIC_ACQUIRE);

		for (; link != 0; link = v->next) {
			if (!view_open(r, link, v))
				return ERR_AGAIN;
			if (v->hash >= *cursor)
				return ERR_NONE;
		}
	}
	return ERR_ABSENT;
}

enum err
records_next(const struct records *r, uint64_t *cursor, void *key, size_t *key_len_r, void *value,
    size_t cap, size_t *len_r)
{
	struct view v;

	for (int i = 0; i < TRIES; i++) {
		enum err e = next_once(r, cursor, &v);

		if (e == ERR_NONE) {
			*key_len_r = v.key_len;
			words_out(key, v.rec->words, v.key_len);
			e = copy_value(&v, value, cap, len_r);
		}
		if (e == ERR_NONE)
			*cursor = v.hash + 1;
		if (e != ERR_AGAIN)
			return e;
	}
	return ERR_AGAIN;
}

uint32_t
records_count(const struct records *r)
{
	return __atomic_load_n(&r->head->count, __ATOMIC_RELAXED);
}

uint64_t
records_version(const struct records *r)
{
	return __atomic_load_n(&r->head->version, __ATOMIC_ACQUIRE);
}

enum err
records_open(struct records *r, const void *mem, size_t size)
{
	const struct records_head *h = mem;

	*r = (struct records){ 0 };
	if (size < sizeof(*h))
		return ERR_RANGE;
	if (__atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) != RECORDS_MAGIC)
		return ERR_AGAIN;
	if (h->size != size || h->bits == 0 || h->bits > 32 ||
	    sizeof(*h) + (sizeof(uint64_t) << h->bits) > size)
		return ERR_VERSION;
	*r = (struct records){ .head = (struct records_head *)(uintptr_t)mem,
		.base = (char *)(uintptr_t)mem,
		.size = size,
		.bits = h->bits };
	return ERR_NONE;
}
