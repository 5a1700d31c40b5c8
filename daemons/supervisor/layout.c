/*
 * May a new program take over? What this one leaves in run_dir it can only read when it lays the memory
 * out alike. It is asked before it is put in our place:
 *
 *     $ tandemd --layout
 *     9f31c0ffee5a4b17
 *
 * When its answer is another one, or none, and calls are up, the upgrade waits until none is: they would be
 * dropped with the memory (THREATS.md F8). Meanwhile everything goes on, new calls too.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "model/regions.h"
#include "supervisor/supervisor.h"

enum { PATIENCE_MS = 2000, DIGITS = 16 };

uint64_t
layout_number(void)
{
	uint64_t all = exchange_layout();

	for (unsigned role = 0; role < N_ROLES; role++)
		if (role != ROLE_SUPERVISOR)
			all = shm_layout(all, region_layout((enum role)role));
	return all;
}

static _Noreturn void
become(const char *program, int out)
{
	char *const argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t) "--layout", NULL };

	dup2(out, STDOUT_FILENO);
	execv(program, argv);
	_exit(127);
}

/* All that it says, as far as it is expected; false when it takes too long. */
static bool
read_answer(int fd, char text[DIGITS + 1])
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (len < DIGITS && poll(&p, 1, PATIENCE_MS) > 0) {
		ssize_t n = read(fd, text + len, DIGITS - len);

		if (n <= 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	return len == DIGITS;
}

/* The children have stopped, so that waiting for this one reaps no other. */
static bool
is_same(const char *program)
{
	char text[DIGITS + 1], *end;
	int ends[2], status;
	bool answered;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		become(program, ends[1]);
	close(ends[1]);
	answered = pid > 0 && read_answer(ends[0], text);
	close(ends[0]);
	if (pid > 0) {
		if (!answered)
			kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	return answered && strtoull(text, &end, 16) == layout_number() && *end == '\0';
}

static uint64_t
calls_up(const struct supervisor *s)
{
	uint64_t calls = 0;

	for (unsigned i = 0; i < s->n_services; i++) {
		const struct process *p = s->services[i].seen.mem;

		if (s->services[i].role == ROLE_WORKER && p != NULL)
			calls += __atomic_load_n(&p->counters[COUNT_LIVE_CALLS], __ATOMIC_RELAXED);
	}
	return calls;
}

bool
layout_allows(struct supervisor *s, const char *program)
{
	uint64_t calls = calls_up(s);

	s->upgrade_waits = calls > 0 && !is_same(program);
	if (s->upgrade_waits)
		log_warn("upgrade waits until no call is up: the new program lays out its memory "
			 "otherwise",
		    LOG_U64("calls", calls));
	return !s->upgrade_waits;
}

void
layout_watch(struct supervisor *s)
{
	if (s->upgrade_waits && s->phase == PHASE_RUNNING && calls_up(s) == 0)
		stop_begin(s, PHASE_UPGRADING);
}
