/*
 * The ring, the doorbell and the table with threads in the place of processes, so that ThreadSanitizer
 * can look at every access (it knows neither other processes nor other mappings: the two ends of the
 * ring share one here). Without it this is a short stress.
 */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "ipc/bell.h"
#include "ipc/records.h"
#include "ipc_temp.h"

enum { MESSAGES = 100000, CHANGES = 100000, KEYS = 40, READERS = 2 };

static struct ring producer, consumer;
static uint32_t word;
static _Alignas(8) char table[64 << 10];
static uint32_t finish;

static _Noreturn void
fail(const char *what, uint64_t a)
{
	fprintf(stderr, "threads: %s: %llu\n", what, (unsigned long long)a);
	_exit(1);
}

static void *
produce(void *arg)
{
	(void)arg;
	for (uint64_t n = 0; n < MESSAGES;) {
		uint64_t *at = ring_reserve(&producer, WIRE_CDR, 8 + n % 100);

		if (at != NULL) {
			at[0] = n;
			ring_commit(&producer, 8 + n++ % 100);
		}
		if (at == NULL || n % 7 == 0) {
			ring_publish(&producer);
			bell_ring(&word, -1);
		}
	}
	ring_publish(&producer);
	bell_ring(&word, -1);
	return NULL;
}

static void
consume(void)
{
	for (uint64_t n = 0; n < MESSAGES;) {
		const struct ring_record *rec = ring_peek(&consumer);
		struct clock before, after;

		if (rec != NULL) {
			if (*(const uint64_t *)rec->payload != n ||
			    ring_len(&consumer) != 8 + n % 100)
				fail("record", n);
			ring_next(&consumer);
			n++;
			continue;
		}
		clock_read(&before);
		bell_arm(&word);
		if (!ring_waiting(&consumer))
			bell_wait(&word, 20 * NS_PER_S);
		bell_disarm(&word);
		clock_read(&after);
		if (after.mono_ns - before.mono_ns >= 20 * NS_PER_S)
			fail("a ring was lost", n);
	}
}

static void
ring_between_threads(void)
{
	struct temp dir = temp_new();
	struct ring ends[2];
	pthread_t thread;

	if (ring_make(dir.fd, "data", "tail", 4, 16, 32) != ERR_NONE ||
	    temp_ring(&dir, true, &ends[0]) != ERR_NONE ||
	    temp_ring(&dir, false, &ends[1]) != ERR_NONE)
		fail("make", 0);
	/* Each word and the data by one mapping: the one that may be written. */
	producer = ends[0];
	consumer = ends[1];
	producer.tail = ends[1].tail;
	consumer.head = ends[0].head;
	consumer.data = ends[0].data;
	if (pthread_create(&thread, NULL, produce, NULL) != 0)
		fail("thread", 0);
	consume();
	pthread_join(thread, NULL);
	ring_close(&ends[0]);
	ring_close(&ends[1]);
	temp_drop(&dir);
}

static struct span
key_of(uint64_t k, char *text)
{
	return span_of(text, (size_t)sprintf(text, "key %llu", (unsigned long long)k));
}

static void *
look(void *arg)
{
	uint64_t *found = arg;
	struct records r;

	if (records_open(&r, table, sizeof(table)) != ERR_NONE)
		fail("open", 0);
	while (__atomic_load_n(&finish, __ATOMIC_ACQUIRE) == 0)
		for (uint64_t k = 0; k < KEYS; k++) {
			uint64_t value[16];
			char key[32];
			size_t len;

			if (records_get(&r, key_of(k, key), value, sizeof(value), &len) != ERR_NONE)
				continue;
			++*found;
			for (size_t i = 0; i < len / 8; i++)
				if (value[i] != value[0] + i || value[0] % KEYS != k)
					fail("torn value", value[0]);
		}
	return NULL;
}

static void
table_between_threads(void)
{
	uint64_t found[READERS] = { 0 };
	pthread_t threads[READERS];
	struct records w;

	if (records_own(&w, table, sizeof(table), KEYS) != ERR_NONE)
		fail("own", 0);
	for (int i = 0; i < READERS; i++)
		if (pthread_create(&threads[i], NULL, look, &found[i]) != 0)
			fail("thread", 0);
	for (uint64_t n = 0; n < CHANGES; n++) {
		uint64_t value[16];
		char key[32];

		for (size_t i = 0; i < 16; i++)
			value[i] = n + i;
		if (n % 5 == 0)
			records_delete(&w, key_of(n % KEYS, key));
		else if (records_put(&w, key_of(n % KEYS, key), span_of(value, (n % 16 + 1) * 8)) !=
			 ERR_NONE)
			fail("put", n);
	}
	__atomic_store_n(&finish, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	printf("%llu values found\n", (unsigned long long)(found[0] + found[1]));
	records_close(&w);
}

int
main(void)
{
	alarm(100);
	ring_between_threads();
	table_between_threads();
	return 0;
}
