/*
 * Preloaded into the processes of an exchange under test: sets their wall clock, spoils the store's disk, and
 * kills a process at its n-th step toward the outside world. The test holds the other end of the page in the
 * file that FAULT_SHIM names (shim.py); every process maps it before it gives its rights away.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct page {
	int64_t wall_offset_ns; /* added to CLOCK_REALTIME */
	uint64_t disk_errno;	/* what the store's disk says to each write; 0: it takes it */
	uint64_t die_at;	/* the step at which a process `role` dies; 0: none. Cleared then */
	uint64_t die_after;	/* 1: when that step is done, not before it */
	uint64_t steps;
	char role[24];
};

static struct page nothing, *page = &nothing;
static bool counted;

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FAULT_SHIM");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *at = fd < 0 ? MAP_FAILED
			  : mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		return;
	page = at;
	counted = strcmp(program_invocation_short_name, page->role) == 0;
}

static void
die(void)
{
	__atomic_store_n(&page->die_at, 0, __ATOMIC_SEQ_CST);
	kill(getpid(), SIGKILL);
}

/* Before a step; true: it is this process's last. */
static bool
step(void)
{
	uint64_t die_at = __atomic_load_n(&page->die_at, __ATOMIC_SEQ_CST);

	if (!counted || die_at == 0 ||
	    __atomic_add_fetch(&page->steps, 1, __ATOMIC_SEQ_CST) != die_at)
		return false;
	if (page->die_after == 0)
		die();
	return true;
}

#define STEP(last, call)                                                                           \
	({                                                                                         \
		typeof(call) result_ = (call);                                                     \
		if (last)                                                                          \
			die();                                                                     \
		result_;                                                                           \
	})

static bool
disk_refuses(void)
{
	if (!counted || page->disk_errno == 0)
		return false;
	errno = (int)page->disk_errno;
	return true;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int result = REAL(clock_gettime)(id, t);

	if (result == 0 && id == CLOCK_REALTIME)
		t->tv_sec += page->wall_offset_ns / 1000000000;
	return result;
}

int
openat(int dir, const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if ((flags & O_CREAT) == 0)
		return REAL(openat)(dir, path, flags);
	if (disk_refuses())
		return -1;
	bool last = step();
	return STEP(last, REAL(openat)(dir, path, flags, mode));
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
	/* The log goes on. */
	bool log = fd == STDERR_FILENO;

	if (!log && disk_refuses())
		return -1;
	bool last = !log && step();
	return STEP(last, REAL(write)(fd, bytes, n));
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	if (disk_refuses())
		return -1;
	bool last = step();
	return STEP(last, REAL(pwrite)(fd, bytes, n, at));
}

int
fdatasync(int fd)
{
	if (disk_refuses())
		return -1;
	bool last = step();
	return STEP(last, REAL(fdatasync)(fd));
}

int
fsync(int fd)
{
	if (disk_refuses())
		return -1;
	bool last = step();
	return STEP(last, REAL(fsync)(fd));
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	if (disk_refuses())
		return -1;
	bool last = step();
	return STEP(last, REAL(renameat)(from_dir, from, to_dir, to));
}

int
unlinkat(int dir, const char *path, int flags)
{
	bool last = step();
	return STEP(last, REAL(unlinkat)(dir, path, flags));
}

ssize_t
send(int fd, const void *bytes, size_t n, int flags)
{
	bool last = step();
	return STEP(last, REAL(send)(fd, bytes, n, flags));
}

ssize_t
recv(int fd, void *bytes, size_t n, int flags)
{
	bool last = step();
	return STEP(last, REAL(recv)(fd, bytes, n, flags));
}
