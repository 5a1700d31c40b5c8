/* confine: what a process that reads the network can still open. By exit status, for it cannot come back. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/confine.h"

void __asan_init(void) __attribute__((weak));

enum { GOOD, SYSTEM_FILE, OTHER_FILE, WRITTEN };

static bool
has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

/* A kernel without Landlock keeps nothing from anybody, as the log says then. */
static int
reads(const char *path)
{
	int fd;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* as the supervisor does for each child */
	confine_paths("test");
	fd = open("/etc/passwd", O_RDONLY);
	if (fd < 0)
		return SYSTEM_FILE;
	fd = open(path, O_RDONLY);
	return (fd < 0 && errno == EACCES) == has_landlock() ? GOOD : OTHER_FILE;
}

static int
writes(const char *path)
{
	confine("test", NULL, 0);
	return open(path, O_WRONLY) < 0 ? GOOD : WRITTEN;
}

static int
status_of(int (*try)(const char *path))
{
	char path[] = "/tmp/confine_XXXXXX";
	int status, fd = mkstemp(path);
	pid_t pid;

	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
	pid = fork();
	if (pid == 0)
		_exit(try(path));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	close(fd);
	unlink(path);
	return status;
}

/* Not the spool, where the directory stands with all digests, though it is the same user's (DESIGN.md's table of
 * who may reach what). */
Test(ipc_confine, M_01_only_the_systems_own_files)
{
	int status = status_of(reads);

	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == GOOD, "status %x", status);
}

/* Under ASan, which needs more, there is no filter. */
Test(ipc_confine, M_01_writing_is_the_end)
{
	int status = status_of(writes);

	if (__asan_init != NULL)
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == WRITTEN, "status %x", status);
	else
		cr_expect(WIFSIGNALED(status), "status %x", status);
}
