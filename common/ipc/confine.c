/* The list of system calls that are left, and the filter made of it. */
#include "ipc/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include <seccomp.h>

#include "base/err.h"

static const int allowed[] = {
	/* sockets */
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(socket),
	SCMP_SYS(connect),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* files */
	SCMP_SYS(pread64),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(stat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	/* memory and time */
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sysinfo),
	SCMP_SYS(prlimit64),
	/* itself: the end, by its own will, too */
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

void __asan_init(void) __attribute__((weak));

static int
allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++)
		bad |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return bad;
}

/* Roots of certificates, resolv.conf: files are read, never written. */
static int
allow_reading(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
}

void
confine(const char *who, const int *further, unsigned n)
{
	scmp_filter_ctx ctx;

	if (__asan_init != NULL)
		return;
	confine_paths(who);
	ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (ctx == NULL || allow(ctx, allowed, sizeof(allowed) / sizeof(allowed[0])) != 0 ||
	    allow(ctx, further, n) != 0 || allow_reading(ctx) != 0 || seccomp_load(ctx) != 0)
		fatal(errno, "confining the %s", who);
	seccomp_release(ctx);
}
