/*
 * A table whose writer is killed with SIGKILL at random points, thousands of times, while a reader
 * looks all the time, through a read-only mapping.
 *
 * Each key has a serial that says which value it has now, or that it is deleted. The writer says what
 * it is about to do (meant) and what is done (done), so what a reader finds must lie between the `done`
 * it read before and the `meant` it read after. Keys below STANDING are never deleted: a walk shows
 * each exactly once.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/records.h"

enum { SECONDS = 4, KEYS = 200, STANDING = 50, VALUE_MAX = 400 };

struct told { /* shared, beside the table */
	uint32_t meant[KEYS], done[KEYS];
	uint32_t key; /* that the writer was at */
	uint32_t ready, finish;
	uint64_t writes, reads, walks;
};

static struct told *told;
static void *mem;
static size_t size;

static _Noreturn void
fail(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "records_kill: %s: %llu, %llu\n", what, (unsigned long long)a,
	    (unsigned long long)b);
	_exit(1);
}

static struct span
key_of(uint32_t k, char *text)
{
	return span_of(text, (size_t)sprintf(text, "key %u", k));
}

static bool
is_delete(uint32_t k, uint32_t serial)
{
	return serial == 0 || (k >= STANDING && serial % 3 == 0);
}

static size_t
value_of(uint32_t k, uint32_t serial, uint8_t *value)
{
	size_t len = 8 + (serial * 31 + k) % (VALUE_MAX - 8);

	memcpy(value, &k, 4);
	memcpy(value + 4, &serial, 4);
	for (size_t i = 8; i < len; i++)
		value[i] = (uint8_t)(k + serial * 7 + i);
	return len;
}

/* --- the writer -------------------------------------------------------------------------------- */

static void
apply(struct records *r, uint32_t k, uint32_t serial)
{
	uint8_t value[VALUE_MAX];
	char key[16];
	enum err e;

	__atomic_store_n(&told->meant[k], serial, __ATOMIC_RELEASE);
	__atomic_store_n(&told->key, k, __ATOMIC_RELEASE);
	if (is_delete(k, serial)) {
		e = records_delete(r, key_of(k, key));
		if (e == ERR_ABSENT)
			e = ERR_NONE; /* begun by the one that was killed */
	} else {
		e = records_put(r, key_of(k, key), span_of(value, value_of(k, serial, value)));
	}
	if (e != ERR_NONE)
		fail(err_name(e), k, serial);
	__atomic_store_n(&told->done[k], serial, __ATOMIC_RELEASE);
	told->writes++;
}

static void
check_count(const struct records *r)
{
	char key[RECORDS_KEY_MAX], value[VALUE_MAX];
	size_t key_len, len;
	uint64_t cursor = 0;
	uint32_t n = 0;

	while (records_next(r, &cursor, key, &key_len, value, sizeof(value), &len) == ERR_NONE)
		n++;
	if (n != records_count(r))
		fail("count", n, records_count(r));
}

static _Noreturn void
write_on(void)
{
	struct records r;
	uint32_t x = (uint32_t)getpid() * 2654435761u | 1;

	if (records_own(&r, mem, size, KEYS) != ERR_NONE)
		fail("own", 0, 0);
	check_count(&r);
	/* Finish what the one before had begun. */
	apply(&r, told->key, told->meant[told->key]);
	for (uint32_t k = 0; k < STANDING; k++)
		if (told->done[k] == 0)
			apply(&r, k, 1);
	__atomic_store_n(&told->ready, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&told->finish, __ATOMIC_ACQUIRE) == 0) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		apply(&r, x % KEYS, told->done[x % KEYS] + 1);
	}
	check_count(&r);
	_exit(0);
}

/* --- the reader -------------------------------------------------------------------------------- */

static uint32_t
serial_in(uint32_t k, const uint8_t *value, size_t len)
{
	uint8_t right[VALUE_MAX];
	uint32_t serial;

	memcpy(&serial, value + 4, 4);
	if (len != value_of(k, serial, right) || memcmp(right, value, len) != 0)
		fail("torn value", k, serial);
	return serial;
}

static void
look(const struct records *r, uint32_t k)
{
	uint32_t before = __atomic_load_n(&told->done[k], __ATOMIC_ACQUIRE), after, serial;
	uint8_t value[VALUE_MAX];
	char key[16];
	size_t len;
	enum err e = records_get(r, key_of(k, key), value, sizeof(value), &len);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	after = __atomic_load_n(&told->meant[k], __ATOMIC_ACQUIRE);
	if (e == ERR_NONE) {
		serial = serial_in(k, value, len);
		if (serial < before || serial > after)
			fail("value of another time", serial, before);
	} else if (e == ERR_ABSENT) {
		for (serial = before; serial <= after && !is_delete(k, serial);)
			serial++;
		if (serial > after)
			fail("absent", k, before);
	} else {
		fail(err_name(e), k, before);
	}
	told->reads++;
}

static void
walk(const struct records *r)
{
	char key[RECORDS_KEY_MAX + 1];
	uint8_t value[VALUE_MAX], seen[KEYS] = { 0 };
	size_t key_len, len;
	uint64_t cursor = 0;
	enum err e;

	while (
	    (e = records_next(r, &cursor, key, &key_len, value, sizeof(value), &len)) == ERR_NONE) {
		uint32_t k;

		key[key_len] = '\0';
		if (sscanf(key, "key %u", &k) != 1 || k >= KEYS)
			fail("torn key", key_len, 0);
		serial_in(k, value, len);
		seen[k]++;
	}
	if (e != ERR_ABSENT)
		fail("walk", e, 0);
	for (uint32_t k = 0; k < STANDING; k++)
		if (seen[k] != 1)
			fail("a walk saw a standing key not once", k, seen[k]);
	told->walks++;
}

static _Noreturn void
read_on(void)
{
	struct records r;

	if (mprotect(mem, size, PROT_READ) != 0 || records_open(&r, mem, size) != ERR_NONE)
		fail("open", 0, 0);
	while (__atomic_load_n(&told->finish, __ATOMIC_ACQUIRE) == 0) {
		for (uint32_t k = 0; k < KEYS; k++)
			look(&r, k);
		walk(&r);
	}
	_exit(0);
}

/* --- the killer -------------------------------------------------------------------------------- */

static pid_t
start(void (*run)(void))
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		fail("fork", 0, 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before the kernel was told */
		_exit(1);
	run();
	_exit(1);
}

static void
end(pid_t pid, bool killed)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		fail("wait", 0, 0);
	if (killed ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL : status != 0)
		fail("a process failed", (uint64_t)status, 0);
}

static uint64_t
now_ns(void)
{
	struct clock c;

	clock_read(&c);
	return c.mono_ns;
}

int
main(void)
{
	uint64_t until = now_ns() + SECONDS * NS_PER_S;
	unsigned kills = 0;
	pid_t writer, reader;

	/* Little to spare, so that slots are used again all the time. */
	size = records_bytes(KEYS, VALUE_MAX);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || told == MAP_FAILED)
		return 1;
	alarm(60);
	writer = start(write_on);
	while (__atomic_load_n(&told->ready, __ATOMIC_ACQUIRE) == 0)
		if (now_ns() > until)
			fail("the first writer is not ready", 0, 0);
	reader = start(read_on);
	while (now_ns() < until && waitpid(reader, NULL, WNOHANG) == 0) {
		struct timespec nap = { 0, lrand48() % 500000 };

		nanosleep(&nap, NULL);
		kill(writer, SIGKILL);
		end(writer, true);
		writer = start(write_on);
		kills++;
	}
	if (now_ns() < until)
		fail("the reader failed", 0, 0);
	__atomic_store_n(&told->finish, 1, __ATOMIC_RELEASE);
	end(writer, false);
	end(reader, false);
	printf("%u writers killed, %llu writes, %llu reads, %llu walks\n", kills,
	    (unsigned long long)told->writes, (unsigned long long)told->reads,
	    (unsigned long long)told->walks);
	return kills < 100 || told->reads < 1000;
}
