/*
 * The runner's files among themselves: forking.c runs tests, warm.c has them run quicker under valgrind.
 */
#ifndef TANDEM_TESTS_FORKING_H
#define TANDEM_TESTS_FORKING_H

#include <criterion/criterion.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_ENABLE_ERROR_REPORTING (void)0
#define RUNNING_ON_VALGRIND		0
#endif

enum { ITEMS_MAX = 4096 };

enum verdict { PASSED, FAILED, CRASHED, LEFT_OUT, N_VERDICTS };

/* A test; one with parameters is an item for each of them. */
struct item {
	const struct criterion_suite *suite;
	const struct criterion_test *test;
	void *parameter;
	bool passed; /* warm.c has seen it pass */
	char name[160];
};

/* All tests of the program, in memory that the runner's processes share. */
struct items {
	size_t n;
	struct item items[ITEMS_MAX];
};

/*
 * Runs a test in this process: init, body, fini. Returns at its end, unless the test ends the process; when warming,
 * also from a test that is skipped.
 */
void forking_perform(const struct item *item, bool warming);

/* Runs a test in a process of its own and says what became of it, in print unless quiet. */
enum verdict forking_run(const struct item *item, bool quiet);

/*
 * Waits for a child; when that takes longer than so many seconds (0: no limit), it is killed, and false returned.
 * SIGCHLD must be blocked.
 */
bool forking_await(pid_t pid, double seconds, int *status_r);

/* Runs the tests in a warm process (warm.c) and marks those that have passed. The others must be run again. */
void warm_run(struct items *all);

#endif
