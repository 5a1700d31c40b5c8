/*
 * Tests under valgrind, sooner. What takes time there is less the run of a test than the translation of the code that it
 * runs, a second of it for one of the worker's, and a process hands its translations down to those it forks. So one
 * process is made warm: it runs all tests one after another, and nobody looks at what comes of that. Then each test runs
 * in a process that is forked from the warm one, and is judged.
 *
 * After each the program's variables are put back. Still a test in a warm process does not find everything as it was when
 * the program began: a file may be open, memory in use, a library not as it was. One that does not pass here has
 * therefore not failed: the runner runs it again in a process that is forked from where nothing has run, and that counts.
 * A test that ends the warm process takes the others' advantage away, and nothing else.
 *
 * What valgrind reports of a judged run is reported, whatever the second says; but memory that was allocated to warm the
 * process, and that nothing points to any more, is no leak (contrib/valgrind.supp), and what the warm process itself does
 * is nobody's fault (contrib/valgrind-one).
 */
#include "forking.h"

#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 8, WARM_SECONDS = 240 };

/* The program's variables, and a copy of them. */
struct image {
	struct segment {
		char *at;
		char *copy;
		size_t size;
	} segments[SEGMENTS_MAX];
	size_t n;
};

/* The first that is asked about is the program itself; what was relocated in it and then protected is no variable. */
static int
take_image(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct image *image = arg;
	ElfW(Addr) protected_end = 0, at, end;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			protected_end = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
	}
	for (size_t i = 0; i < info->dlpi_phnum && image->n < SEGMENTS_MAX; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		struct segment *s = &image->segments[image->n];

		if (h->p_type != PT_LOAD || (h->p_flags & PF_W) == 0)
			continue;
		at = h->p_vaddr;
		end = at + h->p_memsz;
		if (at < protected_end && protected_end <= end)
			at = protected_end;
		*s = (struct segment){ (char *)info->dlpi_addr + at, malloc(end - at), end - at };
		if (s->copy == NULL)
			abort();
		memcpy(s->copy, s->at, s->size);
		image->n++;
	}
	return 1;
}

static void
put_back(const struct image *image)
{
	for (size_t i = 0; i < image->n; i++)
		memcpy(image->segments[i].at, image->segments[i].copy, image->segments[i].size);
}

/*
 * Who asks for a time limit runs long, and translates for itself. contrib/valgrind.supp knows what is allocated below
 * this function by its name.
 */
static void __attribute__((noinline)) warm_up(const struct items *all)
{
	const struct criterion_test_extra_data *asked;
	struct image image = { .n = 0 };

	dl_iterate_phdr(take_image, &image);
	for (size_t i = 0; i < all->n; i++) {
		asked = all->items[i].test->data;
		if (asked->signal != 0 || asked->exit_code != 0 || asked->timeout != 0)
			continue;
		forking_perform(&all->items[i], true);
		put_back(&image);
	}
}

static void
judge_all(struct items *all)
{
	for (size_t i = 0; i < all->n; i++)
		all->items[i].passed = forking_run(&all->items[i], true) == PASSED;
}

/*
 * The warm process is killed: valgrind would report as lost what the tests that went before left. It says that it is
 * ready with the signal that its death would send.
 */
void
warm_run(struct items *all)
{
	sigset_t ended, before;
	pid_t pid;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, &before);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		/* Of a test's children, too, which would otherwise say that it is off. */
		VALGRIND_ENABLE_ERROR_REPORTING;
		warm_up(all);
		judge_all(all);
		kill(getppid(), SIGCHLD);
		for (;;)
			pause();
	} else if (pid > 0) {
		printf("[====] warm: process %d\n", pid);
		sigtimedwait(&ended, NULL, &(struct timespec){ .tv_sec = WARM_SECONDS });
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}
