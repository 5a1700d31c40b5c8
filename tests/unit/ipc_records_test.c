/* records: what stands in the table is what was put there, also after a takeover at any point. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/rand.h"
#include "ipc/records_shape.h"

static struct records w, r;
static void *mem;
static size_t size;

static void
make(uint32_t count, uint32_t bytes)
{
	size = records_bytes(count, bytes);
	mem = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cr_assert_neq(mem, MAP_FAILED);
	cr_assert_eq(records_open(&r, mem, size), ERR_AGAIN);
	cr_assert_eq(records_own(&w, mem, size, count), ERR_NONE);
	cr_assert_eq(records_open(&r, mem, size), ERR_NONE);
}

static void
take_over(void)
{
	records_close(&w);
	cr_assert_eq(records_own(&w, mem, size, 1), ERR_NONE);
}

static void
drop(void)
{
	records_close(&w);
	records_close(&r);
	munmap(mem, size);
}

static enum err
put(const char *key, const char *value)
{
	return records_put(&w, span_str(key), span_str(value));
}

static void
expect(const char *key, const char *value)
{
	char got[RECORDS_VALUE_MAX];
	size_t len;
	enum err e = records_get(&r, span_str(key), got, sizeof(got), &len);

	if (value == NULL) {
		cr_assert_eq(e, ERR_ABSENT);
		return;
	}
	cr_assert_eq(e, ERR_NONE, "%s: %s", key, err_name(e));
	cr_assert_eq(len, strlen(value));
	cr_assert_eq(memcmp(got, value, len), 0);
}

Test(records, put_get_delete)
{
	uint64_t version;

	make(100, 64);
	expect("a", NULL);
	cr_assert_eq(put("a", "1"), ERR_NONE);
	cr_assert_eq(put("b", "two, which is longer than eight bytes"), ERR_NONE);
	cr_assert_eq(put("", "no key"), ERR_NONE);
	cr_assert_eq(put("empty", ""), ERR_NONE);
	expect("a", "1");
	expect("b", "two, which is longer than eight bytes");
	expect("", "no key");
	expect("empty", "");
	cr_assert_eq(records_count(&r), 4);
	version = records_version(&r);
	put("a", "12345678");
	expect("a", "12345678");
	cr_assert_eq(records_count(&r), 4);
	cr_assert_gt(records_version(&r), version);
	cr_assert_eq(records_delete(&w, SPAN("a")), ERR_NONE);
	cr_assert_eq(records_delete(&w, SPAN("a")), ERR_ABSENT);
	expect("a", NULL);
	expect("b", "two, which is longer than eight bytes");
	cr_assert_eq(records_count(&r), 3);
	drop();
}

Test(records, sizes)
{
	char *big = malloc(RECORDS_VALUE_MAX + 1), key[RECORDS_KEY_MAX + 1];
	char got[RECORDS_VALUE_MAX];
	size_t len;

	make(100, 1024);
	memset(big, 'x', RECORDS_VALUE_MAX + 1);
	memset(key, 'k', sizeof(key));
	cr_assert_eq(records_put(&w, span_of(key, sizeof(key)), SPAN("")), ERR_RANGE);
	cr_assert_eq(records_put(&w, SPAN("k"), span_of(big, RECORDS_VALUE_MAX + 1)), ERR_RANGE);
	cr_assert_eq(
	    records_put(&w, span_of(key, RECORDS_KEY_MAX), span_of(big, RECORDS_VALUE_MAX)),
	    ERR_NONE);
	cr_assert_eq(
	    records_get(&r, span_of(key, RECORDS_KEY_MAX), got, sizeof(got), &len), ERR_NONE);
	cr_assert_eq(len, RECORDS_VALUE_MAX);
	cr_assert_eq(memcmp(got, big, len), 0);
	cr_assert_eq(records_get(&r, span_of(key, RECORDS_KEY_MAX), got, 10, &len), ERR_RANGE);
	cr_assert_eq(len, RECORDS_VALUE_MAX);
	free(big);
	drop();
}

Test(records, full_is_said_and_the_old_stands)
{
	char key[20];
	int n = 0;

	make(100, 48);
	do
		snprintf(key, sizeof(key), "key%d", n);
	while (put(key, "a value of forty bytes, more or less....") == ERR_NONE && ++n < 100000);
	cr_assert_geq(n, 100);
	cr_assert_lt(n, 400);
	expect("key0", "a value of forty bytes, more or less....");
	cr_assert_eq(put("key0", "new value of forty bytes, or less......"), ERR_FULL);
	expect("key0", "a value of forty bytes, more or less....");
	records_delete(&w, SPAN("key1"));
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(put("key0", i % 2 != 0 ? "odd" : "even"), ERR_NONE);
	expect("key0", "odd");
	drop();
}

Test(records, what_does_not_fit_is_refused)
{
	char small[64] = { 0 };

	cr_assert_eq(records_open(&r, small, 8), ERR_RANGE);
	cr_assert_eq(records_own(&w, small, sizeof(small), 10), ERR_RANGE);
	make(10, 10);
	cr_assert_eq(records_open(&r, mem, size - 64), ERR_VERSION);
	drop();
}

/* A model: numbered keys, their serials in a plain array. */
enum { KEYS = 300 };
static uint32_t serials[KEYS];

static struct span
key_of(uint32_t i, char *text)
{
	return span_of(text, (size_t)sprintf(text, "sip:user%u@example.com", i));
}

static size_t
value_of(uint32_t i, uint32_t serial, char *text)
{
	size_t len = (size_t)sprintf(text, "%u/%u/", i, serial);

	memset(text + len, (int)('a' + serial % 26), serial * 13 % 500);
	return len + serial * 13 % 500;
}

static void
change(void)
{
	uint32_t i = rand_below(KEYS);
	char key[64], value[600];

	if (rand_below(3) == 0) {
		cr_assert_eq(
		    records_delete(&w, key_of(i, key)), serials[i] != 0 ? ERR_NONE : ERR_ABSENT);
		serials[i] = 0;
		return;
	}
	serials[i] += 1 + rand_below(50);
	cr_assert_eq(
	    records_put(&w, key_of(i, key), span_of(value, value_of(i, serials[i], value))),
	    ERR_NONE);
}

static void
check_all(void)
{
	char key[RECORDS_KEY_MAX], value[600], got[600];
	size_t key_len, len;
	uint64_t cursor = 0;
	uint32_t n = 0, walked = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		enum err e = records_get(&r, key_of(i, key), got, sizeof(got), &len);

		cr_assert_eq(e, serials[i] != 0 ? ERR_NONE : ERR_ABSENT);
		if (serials[i] == 0)
			continue;
		n++;
		cr_assert_eq(len, value_of(i, serials[i], value));
		cr_assert_eq(memcmp(got, value, len), 0);
	}
	cr_assert_eq(records_count(&r), n);
	while (records_next(&r, &cursor, key, &key_len, got, sizeof(got), &len) == ERR_NONE)
		walked++;
	cr_assert_eq(walked, n);
}

Test(records, does_as_a_model_does)
{
	make(KEYS, 600);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 500; i++)
			change();
		check_all();
		if (round % 4 == 0)
			take_over();
	}
	check_all();
	drop();
}

Test(records, a_walk_shows_each_once_though_all_change)
{
	char key[RECORDS_KEY_MAX], value[600];
	size_t key_len, len;
	uint64_t cursor = 0;
	uint8_t seen[KEYS] = { 0 };

	make(KEYS, 600);
	for (uint32_t i = 0; i < KEYS; i++)
		records_put(&w, key_of(i, key), SPAN("old"));
	while (records_next(&r, &cursor, key, &key_len, value, sizeof(value), &len) == ERR_NONE) {
		uint32_t i;
		char other[64];

		key[key_len] = '\0';
		cr_assert_eq(sscanf(key, "sip:user%u@", &i), 1);
		if (i < KEYS)
			seen[i]++;
		/* The even ones are changed all the time, and others come and go. */
		for (int n = 0; n < 20; n++)
			records_put(&w, key_of(rand_below(KEYS / 2) * 2, other), SPAN("new"));
		records_put(&w, key_of(KEYS + rand_below(KEYS), other), SPAN("passer-by"));
		records_delete(&w, key_of(KEYS + rand_below(KEYS), other));
	}
	for (uint32_t i = 0; i < KEYS; i++)
		cr_assert_eq(seen[i], 1, "%u was seen %u times", i, seen[i]);
	drop();
}

Test(records, slots_that_a_kill_left_are_found)
{
	make(50, 100);
	put("a", "1");
	/* As if killed with a slot carved and not linked: taken over ten thousand times, it is full
	 * if they were lost. */
	for (int i = 0; i < 10000; i++) {
		if (i % 100 == 0)
			take_over();
		cr_assert_eq(put("a", "a value"), ERR_NONE);
		cr_assert_eq(put("b", "another value"), ERR_NONE);
		cr_assert_eq(records_delete(&w, SPAN("b")), ERR_NONE);
	}
	expect("a", "a value");
	drop();
}

/* No writer stores such a link; a reader must survive it all the same, and the next writer heal it. */
Test(records, a_chain_gone_mad_is_cut)
{
	char got[8];
	size_t len;

	make(4, 64);
	put("a", "1");
	for (uint64_t b = 0; b >> w.bits == 0; b++)
		w.head->buckets[b] = b % 2 != 0 ? UINT64_MAX : link_to(w.head->first, 99);
	cr_assert_eq(records_get(&r, SPAN("a"), got, sizeof(got), &len), ERR_AGAIN);
	take_over();
	expect("a", NULL);
	cr_assert_eq(records_count(&r), 0);
	put("a", "2");
	expect("a", "2");
	drop();
}
