/*
 * A second runner for test programs of Criterion: all tests of a program in one exec, each in a process that is
 * forked. contrib/check preloads it; without it the same program is run by Criterion.
 *
 *     LD_PRELOAD=tests/runner/forking.so tests/unit/base_span_test [--filter SUITE/TEST]
 *
 * Criterion executes the program anew for every test, which costs more than most tests do: under the sanitizers three
 * times as much, under valgrind a second each (warm.c). And this process has one thread: none holds a lock of malloc
 * while another forks, which hangs the child under AddressSanitizer (before LLVM 18).
 *
 * What a test asks of its runner is kept: .init and .fini of suite and test, .signal, .exit_code, .timeout, .disabled,
 * parameters. It is stricter in this: a test that ends itself with status 0 before its end has failed, and so has one
 * that crashes in its .fini, or whose forked child fails an assertion.
 *
 * The functions below are those of libcriterion that a test program calls, and the one that its main() calls to run the
 * tests; the dynamic linker finds these first.
 */
#include "forking.h"

#include <criterion/logging.h>
#include <criterion/options.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 1 << 16 };

enum phase { BEGUN, ENDED, SKIPPED };

/* What the test's processes tell the runner. They may close every descriptor, so they write it into memory. */
struct account {
	_Atomic enum phase phase; /* only the test's own process writes it */
	atomic_uint failures;
	atomic_size_t used; /* of words; more than there is room for when some were lost */
	char words[WORDS_MAX];
};

static struct {
	struct account *account;
	const struct item *item; /* the test in hand */
	pid_t process;		 /* its process; known to it and its children */
	jmp_buf abandoned;
	bool warming; /* forking_perform() is to return whatever happens */
	bool quiet;
} runner;

/* --- in the test's process ----------------------------------------------------------------------- */

static void __attribute__((format(printf, 1, 0))) vsay(const char *fmt, va_list ap)
{
	struct account *a = runner.account;
	char line[4096];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2, at;

	line[len++] = '\n';
	at = atomic_fetch_add(&a->used, len);
	if (at < sizeof(a->words) && len <= sizeof(a->words) - at)
		memcpy(a->words + at, line, len);
}

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
}

/* Only the thread that began the test has somewhere to go back to. */
static void __attribute__((noreturn)) abandon(void)
{
	if (gettid() != runner.process)
		_exit(1);
	longjmp(runner.abandoned, 1);
}

void
criterion_send_assert(struct criterion_assert_stats *stats)
{
	if (stats->passed)
		return;
	atomic_fetch_add(&runner.account->failures, 1);
	say("[----] %s:%u: %s", stats->file, stats->line, stats->message);
}

void
cri_asserts_passed_incr(void)
{
}

void
criterion_continue_test(void)
{
}

void
criterion_abort_test(void)
{
	abandon();
}

void __attribute__((format(printf, 1, 2))) criterion_test_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	atomic_fetch_add(&runner.account->failures, 1);
	_exit(1);
}

void __attribute__((format(printf, 1, 2))) criterion_skip_test(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	runner.account->phase = SKIPPED;
	if (runner.warming)
		abandon();
	exit(0);
}

void
cr_log(enum criterion_severity severity, const char *fmt, ...)
{
	va_list ap;

	(void)severity;
	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
}

static void
call(void (*fixture)(void))
{
	if (fixture != NULL)
		fixture();
}

/* These three are what the function of a test consists of, in this order. */
void
criterion_internal_test_setup(void)
{
	if (setjmp(runner.abandoned) != 0)
		exit(1);
	if (runner.item->suite->data != NULL)
		call(runner.item->suite->data->init);
	call(runner.item->test->data->init);
}

void
criterion_internal_test_main(void (*body)(void))
{
	if (setjmp(runner.abandoned) != 0)
		return;
	if (runner.item->test->data->param_ != NULL)
		((void (*)(void *))body)(runner.item->parameter);
	else
		body();
}

void
criterion_internal_test_teardown(void)
{
	if (setjmp(runner.abandoned) == 0) {
		call(runner.item->test->data->fini);
		if (runner.item->suite->data != NULL)
			call(runner.item->suite->data->fini);
	}
	runner.account->phase = ENDED;
}

void
forking_perform(const struct item *item, bool warming)
{
	memset(runner.account, 0, sizeof(*runner.account));
	runner.item = item;
	runner.process = getpid();
	runner.warming = warming;
	item->test->test();
}

/* --- in the runner's process --------------------------------------------------------------------- */

static uint64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

bool
forking_await(pid_t pid, double seconds, int *status_r)
{
	enum { NS = 1000000000 };
	uint64_t end = now() + (uint64_t)(seconds * NS), rest;
	sigset_t ended;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	while (waitpid(pid, status_r, WNOHANG) == 0) {
		if (seconds == 0) {
			sigwaitinfo(&ended, NULL);
			continue;
		}
		rest = end - now();
		if (rest > end) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			waitpid(pid, status_r, 0);
			return false;
		}
		sigtimedwait(
		    &ended, NULL, &(struct timespec){ (time_t)(rest / NS), (long)(rest % NS) });
	}
	return true;
}

static enum verdict __attribute__((format(printf, 2, 3)))
failed(const struct item *item, const char *fmt, ...)
{
	va_list ap;

	if (runner.quiet)
		return FAILED;
	printf("[FAIL] %s: ", item->name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return FAILED;
}

static void
print_words(void)
{
	struct account *a = runner.account;

	if (runner.quiet)
		return;
	fwrite(a->words, 1, strnlen(a->words, sizeof(a->words)), stdout);
	if (a->used > sizeof(a->words))
		printf("[----] and more\n");
}

/* What became of a test that ended in time. */
static enum verdict
judge(const struct item *item, int status, pid_t pid)
{
	const struct criterion_test_extra_data *asked = item->test->data;
	const struct account *a = runner.account;
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0, code = WEXITSTATUS(status);

	if (sig != 0 && sig != asked->signal) {
		failed(item, "crashed, process %d: %s", pid, strsignal(sig));
		return CRASHED;
	}
	if (a->failures != 0)
		return failed(item, "%u assertions", a->failures);
	if (sig == 0 && asked->signal != 0)
		return failed(item, "not ended by the signal %s", strsignal(asked->signal));
	if (sig == 0 && code != asked->exit_code)
		return failed(
		    item, "exit status %d, not %d, process %d", code, asked->exit_code, pid);
	if (a->phase == SKIPPED) {
		if (!runner.quiet)
			printf("[SKIP] %s\n", item->name);
		return LEFT_OUT;
	}
	if (a->phase != ENDED && sig == 0 && code == 0)
		return failed(item, "it ended the process before its end");
	return PASSED;
}

static double
seconds_of(const struct item *item)
{
	if (item->test->data->timeout != 0)
		return item->test->data->timeout;
	if (item->suite->data != NULL && item->suite->data->timeout != 0)
		return item->suite->data->timeout;
	return criterion_options.timeout;
}

static enum verdict
judge_in_time(const struct item *item, pid_t pid)
{
	double seconds = seconds_of(item);
	int status;
	bool in_time = forking_await(pid, seconds, &status);

	kill(-pid, SIGKILL); /* a child that stays would write into the next test's account */
	print_words();
	return in_time ? judge(item, status, pid) : failed(item, "not ended within %g s", seconds);
}

enum verdict
forking_run(const struct item *item, bool quiet)
{
	sigset_t ended, before;
	enum verdict v;
	pid_t pid;

	runner.quiet = quiet;
	fflush(NULL);
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, &before);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &before, NULL);
		/* Criterion's own set-up has reports of valgrind switched off. */
		VALGRIND_ENABLE_ERROR_REPORTING;
		forking_perform(item, false);
		/* The sanitizers and valgrind look for leaks here, and make it another status. */
		exit(0);
	}
	v = pid < 0 ? failed(item, "fork: %s", strerror(errno)) : judge_in_time(item, pid);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return v;
}

/* A test with parameters counts once for each. */
static void
list_test(const struct criterion_suite *suite, const struct criterion_test *test, struct items *to)
{
	struct criterion_test_params p = { .length = 1 };
	struct item *item;

	if (test->data->disabled || (suite->data != NULL && suite->data->disabled) ||
	    (criterion_options.pattern != NULL &&
		fnmatch(criterion_options.pattern, test->data->identifier_, FNM_EXTMATCH) != 0))
		return;
	if (test->data->param_ != NULL)
		p = test->data->param_();
	for (size_t i = 0; i < p.length && to->n < ITEMS_MAX; i++) {
		item = &to->items[to->n++];
		item->suite = suite;
		item->test = test;
		item->parameter = (char *)p.params + i * p.size;
		snprintf(item->name, sizeof(item->name),
		    test->data->param_ != NULL ? "%s::%s (%zu)" : "%s::%s", suite->name, test->name,
		    i);
	}
}

static void *
shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

/* The last line is Criterion's: who crashed is among the failing too. contrib/tally reads it. */
int
criterion_run_all_tests(struct criterion_test_set *set)
{
	struct items *all = shared(sizeof(*all));
	unsigned counts[N_VERDICTS] = { 0 };

	/* Programs that a test executes are none of ours. */
	unsetenv("LD_PRELOAD");
	runner.account = shared(sizeof(*runner.account));
	FOREACH_SET(struct criterion_suite_set * s, set->suites)
	{
		if (s->tests == NULL)
			continue;
		FOREACH_SET(struct criterion_test * t, s->tests)
		{
			list_test(&s->suite, t, all);
		}
	}
	if (RUNNING_ON_VALGRIND)
		warm_run(all);
	for (size_t i = 0; i < all->n; i++)
		counts[all->items[i].passed ? PASSED : forking_run(&all->items[i], false)]++;
	printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: %u \n",
	    counts[PASSED] + counts[FAILED] + counts[CRASHED], counts[PASSED],
	    counts[FAILED] + counts[CRASHED], counts[CRASHED]);
	fflush(stdout);
	return counts[FAILED] + counts[CRASHED] == 0 && all->n != 0 && all->n < ITEMS_MAX;
}
