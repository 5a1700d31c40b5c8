/*
 * A table of a million records of 256 bytes: what a put, a get, a change, a walk and a takeover cost,
 * and how much memory is resident. Prints figures; nothing fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "ipc/records.h"

enum { COUNT = 1000000, VALUE = 224 };

static uint64_t
now_ns(void)
{
	struct clock c;

	clock_read(&c);
	return c.mono_ns;
}

static struct span
key_of(uint32_t i, char *text)
{
	return span_of(text, (size_t)sprintf(text, "sip:subscriber-%u@pbx.test", i));
}

static void
say(const char *what, uint64_t start, uint32_t n)
{
	printf("%-22s %8.0f ns each, %6.2f s\n", what, (double)(now_ns() - start) / n,
	    (double)(now_ns() - start) / 1e9);
}

static unsigned long
resident_mib(void)
{
	unsigned long pages = 0, all;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%lu %lu", &all, &pages) != 2)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages >> 8;
}

static void
fill(struct records *w, const char *what)
{
	uint64_t start = now_ns();
	char key[64], value[VALUE] = { 0 };

	for (uint32_t i = 0; i < COUNT; i++) {
		memcpy(value, &i, sizeof(i));
		if (records_put(w, key_of(i, key), span_of(value, sizeof(value))) != ERR_NONE)
			exit(1);
	}
	say(what, start, COUNT);
}

static void
read_all(const struct records *r)
{
	char key[RECORDS_KEY_MAX], value[VALUE];
	uint64_t start = now_ns(), cursor = 0;
	size_t key_len, len;
	uint32_t x = 1;

	for (uint32_t i = 0; i < COUNT; i++) {
		x = x * 1664525 + 1013904223;
		if (records_get(r, key_of(x % COUNT, key), value, sizeof(value), &len) != ERR_NONE)
			exit(1);
	}
	say("get, at random", start, COUNT);
	start = now_ns();
	while (records_next(r, &cursor, key, &key_len, value, sizeof(value), &len) == ERR_NONE)
		continue;
	say("walk", start, COUNT);
}

int
main(void)
{
	size_t size = records_bytes(COUNT, 256);
	void *mem = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct records w, r;
	uint64_t start;

	if (mem == MAP_FAILED || records_own(&w, mem, size, COUNT) != ERR_NONE ||
	    records_open(&r, mem, size) != ERR_NONE)
		return 1;
	printf("region %zu MiB, resident when empty %lu MiB\n", size >> 20, resident_mib());
	fill(&w, "put, new");
	printf("resident when full %lu MiB\n", resident_mib());
	read_all(&r);
	fill(&w, "put, change");
	records_close(&w);
	start = now_ns();
	if (records_own(&w, mem, size, COUNT) != ERR_NONE)
		return 1;
	say("takeover", start, COUNT);
	records_close(&w);
	return 0;
}
