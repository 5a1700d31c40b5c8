/*
 * race: thousands of orderings of one call, and each of them alone again.
 *
 *     race                    the systematic cases, then RACE_CASES (2000) by chance from RACE_SEED (1), then
 *                             three events at once, as far as RACE_SECONDS (60) allow
 *     race --script TEXT      one run, with its ladder
 *     race --seed N           the N-th by chance
 *     race --case N           the N-th systematic one
 *     race --kills            the worker is killed at each of its stores, one after another (race_kills.c)
 *
 * Cases run in batches, each batch in a process of its own, so that a crash costs one case. What fails is
 * made as short as it can be and printed with its ladder, once for each kind of failure.
 */
#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <ftw.h>
#include <time.h>
#include <unistd.h>

#include "criterion/criterion.h"

#include "base/log.h"
#include "race.h"

enum {
	BATCH = 256,
	CASE_S = 20,
	KINDS = 12,
	KIND = 96,
	SHORTER_TRIES = 400,
	PASSES = 7,
	LONGEST_S = 86400,
	SKIPPED = 77
};

static struct shared { /* with the process that runs a batch */
	unsigned done;
	char failure[2048];
} * shared;

static struct {
	struct race_script batch[BATCH];
	unsigned numbers[BATCH];
	unsigned n, index, pass;
	unsigned ran, failed, wanted;
	char kinds[KINDS][KIND];
	unsigned n_kinds;
	bool seeds; /* the numbers are */
	time_t until;
} all;

void
race_assertion(const char *file, int line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	race_fail(
	    "%s:%d:%s", strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1, line, text);
}

/* --- in a process of their own ------------------------------------------------------------------*/

static void
run_these(const struct race_script *s, unsigned n, bool aloud)
{
	for (unsigned i = 0; i < n; i++) {
		alarm(CASE_S);
		if (!race_run(&s[i], aloud)) {
			snprintf(shared->failure, sizeof(shared->failure), "%s", race->failure);
			_exit(1);
		}
		race_done();
		shared->done++;
	}
	fflush(stdout);
	_exit(0);
}

/* How many were well; the next has failed, and why stands in shared->failure. */
static unsigned
run_apart(const struct race_script *s, unsigned n, bool aloud, bool shy)
{
	int status, null;
	pid_t child;

	shared->done = 0;
	shared->failure[0] = '\0';
	fflush(stdout);
	child = fork();
	if (child < 0)
		abort();
	if (child == 0) {
		if (shy && (null = open("/dev/null", O_WRONLY)) >= 0)
			dup2(null, STDERR_FILENO);
		run_these(s, n, aloud);
	}
	if (waitpid(child, &status, 0) != child)
		abort();
	if (WIFSIGNALED(status))
		snprintf(shared->failure, sizeof(shared->failure), "it died by signal %d: %s",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > 1)
		snprintf(shared->failure, sizeof(shared->failure), "it ended with %d",
		    WEXITSTATUS(status));
	return shared->done;
}

/* --- what failed --------------------------------------------------------------------------------*/

/* Failures that differ in numbers and names only are of one kind. */
static void
kind_of(const char *failure, char *kind)
{
	unsigned n = 0;

	for (; *failure != '\0' && *failure != '\n' && n < KIND - 1; failure++)
		if (!isdigit((unsigned char)*failure))
			kind[n++] = *failure;
	kind[n] = '\0';
}

static bool
still_fails(const struct race_script *s, const char *kind)
{
	char now[KIND];

	if (run_apart(s, 1, false, true) == 1)
		return false;
	kind_of(shared->failure, now);
	return strcmp(now, kind) == 0;
}

static void
without_step(struct race_script *s, unsigned i)
{
	memmove(&s->steps[i], &s->steps[i + 1], (s->n_steps - i - 1) * sizeof(s->steps[0]));
	s->n_steps--;
}

static void
without_fault(struct race_script *s, unsigned i)
{
	memmove(&s->faults[i], &s->faults[i + 1], (s->n_faults - i - 1) * sizeof(s->faults[0]));
	s->n_faults--;
}

/* The n-th way to make it simpler; false: there is none. */
static bool
simpler(const struct race_script *s, unsigned n, struct race_script *to)
{
	*to = *s;
	if (n < s->n_faults) {
		without_fault(to, n);
		return true;
	}
	n -= s->n_faults;
	if (n < s->n_steps) {
		without_step(to, n);
		return true;
	}
	n -= s->n_steps;
	if (n < RACE_PHONES) {
		to->habits[n] = 0;
		return true;
	}
	switch (n - RACE_PHONES) {
	case 0:
		to->phones = 1;
		return true;
	case 1:
		to->jitter_ms = 0;
		return true;
	case 2:
		to->in_turn = false;
		return true;
	case 3:
		to->ender = 0;
		return true;
	case 4:
		to->workers = 1;
		return true;
	case 5:
		to->services = 0;
		return true;
	default:
		return false;
	}
}

static void
shorten(struct race_script *s, const char *kind)
{
	struct race_script t;
	unsigned tries = 0;

	for (unsigned n = 0; tries < SHORTER_TRIES && simpler(s, n, &t);) {
		tries++;
		if (memcmp(s, &t, sizeof(t)) != 0 && still_fails(&t, kind)) {
			*s = t;
			n = 0;
		} else {
			n++;
		}
	}
}

static bool
is_new_kind(const char *kind)
{
	for (unsigned i = 0; i < all.n_kinds; i++)
		if (strcmp(all.kinds[i], kind) == 0)
			return false;
	if (all.n_kinds == KINDS)
		return false;
	memcpy(all.kinds[all.n_kinds++], kind, KIND);
	return true;
}

static void
report(const struct race_script *failed, unsigned number)
{
	struct race_script s = *failed;
	char text[1024], kind[KIND];

	all.failed++;
	kind_of(shared->failure, kind);
	if (!is_new_kind(kind))
		return;
	race_script_write(&s, text, sizeof(text));
	printf("\nFAILED %s %u: %s\n  race --script '%s'\n", all.seeds ? "seed" : "case", number,
	    shared->failure, text);
	shorten(&s, kind);
	race_script_write(&s, text, sizeof(text));
	printf("the same, shorter:\n  race --script '%s'\n", text);
	run_apart(&s, 1, true, false);
	printf("\n");
}

/* --- all ----------------------------------------------------------------------------------------*/

static void
run_batch(void)
{
	for (unsigned i = 0; i < all.n;) {
		unsigned well = run_apart(&all.batch[i], all.n - i, false, false);

		all.ran += well;
		i += well;
		if (i < all.n) {
			all.ran++;
			report(&all.batch[i], all.numbers[i]);
			i++;
		}
	}
	all.n = 0;
}

/* RACE_ONLY: cases whose script has this in it. */
static bool
is_asked_for(const struct race_script *s)
{
	const char *only = getenv("RACE_ONLY");
	char text[1024];

	if (only == NULL)
		return true;
	race_script_write(s, text, sizeof(text));
	return strstr(text, only) != NULL;
}

static bool
take(const struct race_script *s, unsigned number)
{
	if (!is_asked_for(s))
		return time(NULL) < all.until;
	all.batch[all.n] = *s;
	all.numbers[all.n++] = number;
	if (all.n == BATCH)
		run_batch();
	return time(NULL) < all.until;
}

static bool
each(const struct race_script *s, void *arg)
{
	unsigned number = all.index++;

	(void)arg;
	return number % PASSES != all.pass || take(s, number);
}

static bool
take_next(const struct race_script *s, void *arg)
{
	(void)arg;
	return take(s, all.index++);
}

/* In passes, each of which goes everywhere: where time is short, no part is left out whole. */
static void
walk(void (*cases)(bool (*)(const struct race_script *, void *), void *), unsigned first)
{
	for (all.pass = 0; all.pass < PASSES && time(NULL) < all.until; all.pass++) {
		all.index = first;
		cases(each, NULL);
	}
	run_batch();
}

static unsigned
environment(const char *name, unsigned otherwise)
{
	const char *value = getenv(name);

	return value == NULL ? otherwise : (unsigned)strtoul(value, NULL, 10);
}

static unsigned
run_chances(unsigned seed, unsigned n)
{
	unsigned before = all.ran;
	struct race_script s;

	all.seeds = true;
	for (unsigned i = 0; i < n; i++) {
		race_by_chance(seed + i, &s);
		if (!take(&s, seed + i))
			break;
	}
	run_batch();
	all.seeds = false;
	return all.ran - before;
}

static int
run_all(void)
{
	unsigned chances = environment("RACE_CASES", 2000), seed = environment("RACE_SEED", 1);
	unsigned seconds = environment("RACE_SECONDS", 60);

	all.until = time(NULL) + seconds * 6 / 10;
	walk(race_cases, 0);
	all.until += seconds * 2 / 10;
	chances = run_chances(seed, chances);
	all.until += seconds * 2 / 10;
	walk(race_triples, all.index);
	printf("%u orderings: %u of the systematic, %u by chance; %u failed, in %u ways\n", all.ran,
	    all.ran - chances, chances, all.failed, all.n_kinds);
	return all.failed > 0;
}

static int
run_kills(void)
{
	const char *which = getenv("RACE_KILLS");

	all.until = time(NULL) + LONGEST_S;
	race_kills(which != NULL && strcmp(which, "all") == 0, take_next, NULL);
	run_batch();
	printf("%u points; %u kills, %u failed, in %u ways\n", all.index, all.ran, all.failed,
	    all.n_kinds);
	return all.index == 0 ? SKIPPED : all.failed > 0;
}

/* --- one ----------------------------------------------------------------------------------------*/

static int
run_one(const struct race_script *s)
{
	char text[1024];

	race_script_write(s, text, sizeof(text));
	printf("race --script '%s'\n", text);
	if (run_apart(s, 1, true, false) == 1) {
		printf("all is well\n");
		return 0;
	}
	printf("FAILED: %s\n", shared->failure);
	return 1;
}

static bool
is_wanted(const struct race_script *s, void *arg)
{
	struct race_script *wanted = arg;

	*wanted = *s;
	return all.index++ != all.wanted;
}

/* The bench makes files: in memory, in a directory of our own that does not outlive us. */
static char own[32];
static pid_t owner;

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
remove_files(void)
{
	if (getpid() == owner)
		nftw(own, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
make_files_vanish(void)
{
	snprintf(own, sizeof(own), "/dev/shm/race-XXXXXX");
	if (mkdtemp(own) == NULL)
		return;
	owner = getpid();
	setenv("TMPDIR", own, 1);
	atexit(remove_files);
}

int
main(int argc, char **argv)
{
	struct race_script s;

	shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	log_level_set(LOG_LEVEL_FATAL);
	make_files_vanish();
	if (argc == 1)
		return run_all();
	if (argc == 2 && strcmp(argv[1], "--kills") == 0)
		return run_kills();
	if (argc != 3) {
		fprintf(stderr, "usage: race [--script TEXT | --seed N | --case N | --kills]\n");
		return 2;
	}
	if (strcmp(argv[1], "--script") == 0) {
		if (!race_script_read(argv[2], &s))
			return 2;
	} else if (strcmp(argv[1], "--seed") == 0) {
		race_by_chance((unsigned)strtoul(argv[2], NULL, 10), &s);
	} else {
		all.wanted = (unsigned)strtoul(argv[2], NULL, 10);
		race_cases(is_wanted, &s);
		if (all.index <= all.wanted)
			race_triples(is_wanted, &s);
	}
	return run_one(&s);
}
