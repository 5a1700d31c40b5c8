/*
 * The directories, and the lock by which there is only one exchange on a run_dir. Directories belong
 * to whoever starts tandemd; only the spool is the daemons' own, for the store writes in it after it
 * dropped its privileges.
 *
 * The lock is inherited by all children: it is free only when the last of them is gone, so a new
 * supervisor never meets the children of one that was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "model/regions.h"
#include "supervisor/supervisor.h"

enum { ORPHANS_MS = 5000, ORPHANS_STEP_MS = 10 };

static int
directory_open(const char *key, const char *path, mode_t mode)
{
	int fd;

	if (mkdir(path, mode) != 0 && errno != EEXIST)
		fatal(errno, "%s: %s", key, path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fatal(errno, "%s: %s", key, path);
	return fd;
}

static void
directory_give(const struct supervisor *s, int fd, const char *path, uid_t uid)
{
	if (s->uid != 0 && fchown(fd, uid, s->gid) != 0)
		fatal(errno, "%s: cannot be given to user %s", path, s->file.settings.user);
}

void
run_dir_open(struct supervisor *s)
{
	const char *path = s->file.run_dir;
	struct statfs fs;

	s->run_fd = directory_open("run_dir", path, 0750);
	directory_give(s, s->run_fd, path, (uid_t)-1);
	if (fstatfs(s->run_fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC)
		log_warn("run_dir is not on a tmpfs: memory is written to disk now and then",
		    LOG_STR("run_dir", path));
}

void
spool_dir_open(struct supervisor *s)
{
	const char *path = s->file.spool_dir;

	s->spool_fd = directory_open("spool_dir", path, 0750);
	directory_give(s, s->spool_fd, path, s->uid);
}

static pid_t
holder(int fd)
{
	char text[24] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10);
}

/* From the beginning of the file: after an upgrade the descriptor stands behind what was written. */
static void
holder_write(int fd)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
		fatal(errno, "run_dir: the lock cannot be written");
}

static bool
is_there(pid_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

/* Has this process the title of a child? Its number may be another's by now. */
static bool
is_child(pid_t pid)
{
	static const char title[] = "tandem: ";
	char path[40], text[sizeof(title)] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n == (ssize_t)sizeof(title) - 1 && strcmp(text, title) == 0;
}

/* The children that an earlier supervisor left, each number with a space in front. */
static void
orphans(const struct supervisor *s, struct buf *b)
{
	const struct exchange *x;
	struct region r;
	enum err e;
	int fd;

	if (shm_reopen(s->run_fd, "exchange", false, &fd) != ERR_NONE)
		return;
	e = shm_map(fd, false, exchange_layout(), &r);
	close(fd);
	if (e != ERR_NONE)
		return;
	x = r.mem;
	for (unsigned proc = 1; proc < PROC_MAX; proc++) {
		pid_t pid = (pid_t)x->rows[proc].pid;

		if (is_there(pid) && is_child(pid))
			buf_printf(b, " %d", (int)pid);
	}
	shm_unmap(&r);
}

static _Noreturn void
refuse_orphans(const struct supervisor *s, pid_t supervisor)
{
	char text[1024];
	struct buf b = buf_on(text, sizeof(text) - 1);

	orphans(s, &b);
	text[buf_ok(&b) ? b.len : 0] = '\0';
	fatal(0,
	    "children of an earlier tandemd (pid %d), which is gone, still run on run_dir %s; "
	    "end them, then start again: kill -9%s",
	    (int)supervisor, s->file.run_dir, text[0] == '\0' ? " PID ..." : text);
}

/* A supervisor that was killed leaves children that end by themselves: they are waited for. */
void
run_dir_lock(struct supervisor *s)
{
	const struct timespec step = { .tv_nsec = ORPHANS_STEP_MS * 1000000l };
	pid_t pid;

	s->lock_fd = upgrade_kept("lock");
	if (s->lock_fd < 0)
		s->lock_fd = openat(s->run_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->lock_fd < 0)
		fatal(errno, "run_dir: lock");
	for (int ms = 0; flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0; ms += ORPHANS_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			fatal(errno, "run_dir: lock");
		pid = holder(s->lock_fd);
		if (is_there(pid))
			fatal(0,
			    "an exchange runs already with run_dir %s (tandemd, pid %d); "
			    "what to do with it: tandemctl -c %s reload | upgrade | stop",
			    s->file.run_dir, (int)pid, s->config_path);
		if (ms >= ORPHANS_MS)
			refuse_orphans(s, pid);
		nanosleep(&step, NULL);
	}
	holder_write(s->lock_fd);
}
