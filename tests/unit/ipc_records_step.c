/*
 * A writer stopped after each single instruction (ptrace), as if it were killed just there. Each time a
 * reader must find the table as it was before the change in hand or as it is after it, and a successor
 * that takes over a copy must find the same and go on.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/records.h"

enum { KEYS = 3, CHANGES = 220, SKIPPED = 77, FIRST_CHECKED = 180 };

struct told {
	uint32_t meant, done; /* numbers of changes */
};

static volatile struct told *told;
static void *mem, *copy;
static size_t size;

static _Noreturn void
fail(const char *what, uint64_t steps)
{
	fprintf(stderr, "records_step: %s after %llu instructions, change %u\n", what,
	    (unsigned long long)steps, told->meant);
	exit(1);
}

static bool
is_delete(uint32_t n)
{
	return n % 5 == 4;
}

static struct span
key_of(uint32_t n)
{
	static const char *const keys[KEYS] = { "anna", "bertha", "caesar the third" };

	return span_str(keys[n % KEYS]);
}

/* The value of change n: its number, so long that slots of two sizes are used. */
static struct span
value_of(uint32_t n, uint32_t *words)
{
	size_t count = n % 2 != 0 ? 3 : 24;

	for (size_t i = 0; i < count; i++)
		words[i] = n;
	return span_of(words, count * sizeof(*words));
}

static void
change(struct records *w, uint32_t n)
{
	uint32_t words[32];

	if (is_delete(n))
		records_delete(w, key_of(n));
	else if (records_put(w, key_of(n), value_of(n, words)) != ERR_NONE)
		_exit(2);
}

static _Noreturn void
write_all(void)
{
	struct records w;

	if (records_own(&w, mem, size, KEYS) != ERR_NONE)
		_exit(2);
	for (uint32_t n = 1; n <= CHANGES; n++) {
		told->meant = n;
		change(&w, n);
		told->done = n;
		if (n == FIRST_CHECKED)
			raise(SIGSTOP);
	}
	_exit(0);
}

/* The last change of a key up to change n; 0 when it is not there. */
static uint32_t
stands(uint32_t key, uint32_t n)
{
	while (n > 0 && n % KEYS != key)
		n--;
	return n > 0 && is_delete(n) ? 0 : n;
}

static bool
is_state(const struct records *r, uint32_t n)
{
	for (uint32_t key = 0; key < KEYS; key++) {
		uint32_t words[32], right[32], last = stands(key, n);
		size_t len;
		enum err e = records_get(r, key_of(key), words, sizeof(words), &len);

		if (e != (last == 0 ? ERR_ABSENT : ERR_NONE))
			return false;
		if (last != 0 &&
		    (len != value_of(last, right).len || memcmp(words, right, len) != 0))
			return false;
	}
	return true;
}

static void
check(uint64_t steps)
{
	uint32_t meant = told->meant, done = told->done;
	struct records r;

	if (records_open(&r, mem, size) != ERR_NONE)
		fail("no table", steps);
	if (!is_state(&r, done) && !is_state(&r, meant))
		fail("neither the old nor the new", steps);
	if (steps % 16 != 0)
		return;
	memcpy(copy, mem, size);
	if (records_own(&r, copy, size, KEYS) != ERR_NONE)
		fail("not taken over", steps);
	if (!is_state(&r, done) && !is_state(&r, meant))
		fail("successor: neither the old nor the new", steps);
	for (uint32_t n = meant; n < meant + 3; n++)
		change(&r, n);
	if (!is_state(&r, meant + 2))
		fail("successor: cannot go on", steps);
	records_close(&r);
}

int
main(void)
{
	uint64_t steps = 0;
	int status;
	pid_t pid;

	size = records_bytes(KEYS, 100);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || copy == MAP_FAILED || told == MAP_FAILED)
		return 1;
	alarm(60);
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(SKIPPED);
		write_all();
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		return SKIPPED; /* no ptrace here */
	if (!WIFSTOPPED(status) || ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL) != 0)
		return 1;
	/* From here on slots are used again, and each instruction is looked at. */
	while (told->done < CHANGES) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			fail("the writer ended", steps);
		check(++steps);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("%u changes, looked at after each of %llu instructions\n", CHANGES - FIRST_CHECKED,
	    (unsigned long long)steps);
	return 0;
}
