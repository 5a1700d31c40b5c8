/* confine: what a process that reads the network can still open. By exit status, for it cannot come back. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/confine.h"

void __asan_init(void) __attribute__((weak));

enum { GOOD, SYSTEM_FILE, OTHER_FILE, WRITTEN };

static int
tried(const char *path)
{
	int fd;

	confine("test", NULL, 0);
	fd = open("/etc/passwd", O_RDONLY);
	if (fd < 0)
		return SYSTEM_FILE;
	if (open(path, O_RDONLY) >= 0 || errno != EACCES)
		return OTHER_FILE;
	return GOOD;
}

static int
status_of(int (*try)(const char *path), const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(try(path));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static int
writes(const char *path)
{
	confine("test", NULL, 0);
	return open(path, O_WRONLY) < 0 ? GOOD : WRITTEN;
}

/* Not the spool, where the directory stands with all digests, though it is the same user's (DESIGN.md's table of
 * who may reach what). */
Test(ipc_confine, M_01_only_the_systems_own_files)
{
	char path[] = "/tmp/confine_XXXXXX";
	int status, fd = mkstemp(path);

	if (__asan_init != NULL || syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0)
		cr_skip_test("no filter under ASan, no Landlock in the kernel");
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
	status = status_of(tried, path);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == GOOD, "status %x", status);
	status = status_of(writes, path);
	cr_expect(WIFSIGNALED(status), "writing is the end: %x", status);
	close(fd);
	unlink(path);
}
