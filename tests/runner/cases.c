/*
 * Tests that fail, each in its own way, and some that do not: what selftest shows forking.c to see. No part of `make
 * check`: selftest runs it.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The optimizer is to know nothing of what is done wrong here. */
static char *volatile kept;
static volatile int begun;

static void
begin(void)
{
	begun++;
}

static void
end(void)
{
	puts("the suite's fini");
}

TestSuite(good, .init = begin, .fini = end);

static void
begin_again(void)
{
	cr_assert_eq(begun, 1, "the suite's init is first");
	begun++;
}

Test(good, init, .init = begin_again)
{
	cr_expect_eq(begun, 2);
}

/* Each test has the memory to itself. */
Test(good, alone)
{
	cr_expect_eq(begun, 1);
	begun = 100;
}

Test(good, exit_code, .exit_code = 3)
{
	exit(3);
}

Test(good, signal, .signal = SIGUSR2)
{
	raise(SIGUSR2);
}

Test(good, disabled, .disabled = true)
{
	cr_assert_fail("is not run");
}

Test(good, skipped)
{
	cr_skip_test("for want of %s", "a reason");
}

Test(good, timeout, .timeout = 60)
{
	cr_expect(true);
}

ParameterizedTestParameters(good, parameters)
{
	static int numbers[] = { 1, 2, 3 };

	return cr_make_param_array(int, numbers, 3);
}

ParameterizedTest(const int *n, good, parameters)
{
	printf("parameter %d\n", *n);
	cr_expect_eq(begun, 1);
}

ParameterizedTestParameters(bad, parameters)
{
	static int numbers[] = { 1, 2, 3 };

	return cr_make_param_array(int, numbers, 3);
}

ParameterizedTest(const int *n, bad, parameters)
{
	cr_expect_neq(*n, 2);
}

Test(bad, assertion)
{
	cr_assert_eq(1 + 1, 3, "%d is not %d", 2, 3);
	raise(SIGKILL); /* is not reached */
}

Test(bad, expectations)
{
	cr_expect_eq(1, 2);
	cr_expect_str_eq("a", "b");
}

static void
fails(void)
{
	cr_assert_fail("at the beginning");
}

Test(bad, init, .init = fails)
{
	raise(SIGKILL); /* is not reached */
}

Test(bad, fini, .fini = fails)
{
}

Test(bad, crash)
{
	raise(SIGILL);
}

Test(bad, abort)
{
	abort();
}

Test(bad, exit_code)
{
	exit(3);
}

Test(bad, other_exit_code, .exit_code = 3)
{
}

Test(bad, no_signal, .signal = SIGUSR2)
{
}

Test(bad, other_signal, .signal = SIGUSR2)
{
	raise(SIGUSR1);
}

/* Before its end. */
Test(bad, exits)
{
	exit(0);
}

Test(bad, timeout, .timeout = 0.2)
{
	pause();
}

Test(bad, child)
{
	pid_t pid = fork();

	if (pid == 0) {
		cr_assert_fail("in a child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* What only valgrind or a sanitizer sees. */
Test(memory, leak)
{
	kept = malloc(100);
	kept = NULL;
}

Test(memory, read_after_end)
{
	char c;

	kept = malloc(100);
	c = kept[100];
	kept[0] = c;
	free(kept);
}

Test(memory, used_after_free)
{
	kept = malloc(100);
	free(kept);
	kept[1] = 1;
}

/* Valgrind alone. */
Test(memory, uninitialized)
{
	kept = malloc(100);
	if (kept[50] == 1)
		puts("one");
	free(kept);
}

/* UBSan alone. */
Test(memory, overflow)
{
	volatile int n = 0x7fffffff;

	n++;
}

/* Nobody finds fault with it. */
Test(memory, none)
{
	kept = malloc(100);
	memset(kept, 0, 100);
	free(kept);
}
