/* Starts one child: its manifest on descriptor 3, what the manifest names, the lock, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

enum { DESCRIPTORS_BESIDES = 4096 };

/* When memory runs out, a worker goes before a front, and the supervisor last (THREATS.md F6). */
static const int oom_score[N_ROLES] = {
	[ROLE_CONTROL] = 600,
	[ROLE_RESOLVER] = 550,
	[ROLE_WORKER] = 500,
	[ROLE_FRONT] = 300,
	[ROLE_REGISTRAR] = 200,
	[ROLE_STORE] = 200,
};

static void
path_of(const struct supervisor *s, enum role role, char *path, size_t cap)
{
	if (snprintf(path, cap, "%s/%s", s->libexec, role_name(role)) >= (int)cap)
		fatal(0, "%s is too long", s->libexec);
}

void
spawn_check(const struct supervisor *s)
{
	rlim_t want = s->file.settings.limits.connections + DESCRIPTORS_BESIDES;
	struct rlimit limit;
	char path[PATH_MAX];

	for (unsigned i = 0; i < s->n_services; i++) {
		path_of(s, s->services[i].role, path, sizeof(path));
		if (access(path, X_OK) != 0)
			fatal(errno, "%s", path);
	}
	/* Children inherit it. */
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		fatal(errno, "getrlimit");
	if (limit.rlim_max < want) {
		struct rlimit more = { want, want };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
		log_warn("fewer descriptors than limits.connections may need",
		    LOG_U64("need", want), LOG_U64("has", limit.rlim_max));
	}
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		fatal(errno, "setrlimit");
}

static int
manifest_fd(const struct manifest *m)
{
	int fd = memfd_create("manifest", MFD_CLOEXEC);

	if (fd < 0 || write(fd, m, sizeof(*m)) != (ssize_t)sizeof(*m))
		fatal(errno, "manifest");
	return fd;
}

static void
oom_set(enum role role)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", oom_score[role]);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		log_debug("oom_score_adj stays", LOG_I64("errno", errno));
	if (fd >= 0)
		close(fd);
}

/* In the child. Everything that is not made inheritable here is closed by exec. */
static _Noreturn void
become(const struct supervisor *s, const struct service *v, const struct manifest *m, int fd)
{
	char path[PATH_MAX];
	char *const argv[] = { path, NULL };
	sigset_t none;

	path_of(s, v->role, path, sizeof(path));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	oom_set(v->role);
	for (uint32_t i = 0; i < m->n; i++)
		fcntl(m->entries[i].fd, F_SETFD, 0);
	fcntl(s->lock_fd, F_SETFD, 0);
	dup2(fd, MANIFEST_FD);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	execv(path, argv);
	log_error("exec", LOG_STR("path", path), LOG_I64("errno", errno));
	_exit(127);
}

void
spawn(struct supervisor *s, struct service *v)
{
	static struct given g; /* too large for the stack */
	int fd;
	pid_t pid;

	s->exchange->rows[v->proc].generation++;
	v->started_ns = s->clock.mono_ns;
	v->start_at_ns = 0;
	v->ready = false;
	v->killed = false;
	give(s, v, &g);
	fd = manifest_fd(&g.manifest);
	pid = fork();
	if (pid == 0)
		become(s, v, &g.manifest, fd);
	close(fd);
	give_done(&g);
	if (pid < 0) {
		log_error("fork", LOG_STR("role", role_name(v->role)), LOG_I64("errno", errno));
		v->start_at_ns = s->clock.mono_ns + NS_PER_S;
		return;
	}
	v->pid = pid;
	service_row(s, v, PROCESS_STARTING);
	log_info("started", LOG_STR("role", role_name(v->role)), LOG_U64("number", v->index),
	    LOG_I64("pid", pid));
}
