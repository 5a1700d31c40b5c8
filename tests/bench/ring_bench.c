/*
 * What the ring and the doorbell cost: two processes on two cores. Prints figures; nothing fails.
 *
 *     saturated     messages a second through a full ring, by size and by records a publish
 *     to and fro    half of a round trip between two that stay awake
 *     wake-up       from publish in one to the record seen by the other, who slept; with both bells
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "../unit/ipc_temp.h"
#include "base/clock.h"
#include "ipc/bell.h"

enum { WAKES = 1000, TRIPS = 200000 };

static struct temp dir;
static uint32_t *word;	      /* the consumer's bell */
static volatile uint32_t *go; /* consumer is ready */
static uint64_t *times;

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void
open_ring(bool producer, struct ring *r)
{
	if (temp_ring(&dir, producer, r) != ERR_NONE)
		_exit(1);
}

static pid_t
spawn(void (*run)(uint64_t), uint64_t arg)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		pin(1);
		run(arg);
		_exit(0);
	}
	return pid;
}

static void
fresh_ring(uint32_t kib)
{
	temp_drop(&dir);
	dir = temp_new();
	if (ring_make(dir.fd, "data", "tail", kib, 16, 32) != ERR_NONE)
		exit(1);
	*go = 0;
}

/* --- saturated --------------------------------------------------------------------------------- */

static void
drain(uint64_t n)
{
	uint64_t sum = 0;
	struct ring r;

	open_ring(false, &r);
	*go = 1;
	while (n > 0) {
		const struct ring_record *rec = ring_peek(&r);

		if (rec == NULL)
			continue;
		sum += (uint8_t)rec->payload[0];
		ring_next(&r);
		n--;
	}
	*go = 2 + (sum & 1);
}

static void
saturate(uint32_t len, unsigned batch)
{
	uint64_t n = 2000000, start;
	struct ring r;
	pid_t pid;

	fresh_ring(4096);
	open_ring(true, &r);
	pid = spawn(drain, n);
	while (*go == 0)
		continue;
	start = now_ns();
	for (uint64_t i = 0; i < n;) {
		char *at = ring_reserve(&r, WIRE_SIP_IN, len);

		if (at == NULL) {
			ring_publish(&r);
			continue;
		}
		memset(at, (int)i, len);
		ring_commit(&r, len);
		if (++i % batch == 0) {
			ring_publish(&r);
			bell_ring(word, -1);
		}
	}
	ring_publish(&r);
	waitpid(pid, NULL, 0);
	start = now_ns() - start;
	printf(
	    "saturated   %5u bytes, %2u a publish: %6.2f M messages/s, %6.1f ns each, %.2f GB/s\n",
	    len, batch, (double)n * 1e3 / (double)start, (double)start / (double)n,
	    (double)n * len / (double)start);
	ring_close(&r);
}

/* --- to and fro -------------------------------------------------------------------------------- */

static void
put_one(struct ring *r, uint64_t value)
{
	void *at = ring_reserve(r, WIRE_SIP_IN, sizeof(value));

	if (at == NULL)
		_exit(1);
	memcpy(at, &value, sizeof(value));
	ring_commit(r, sizeof(value));
	ring_publish(r);
}

static uint64_t
take_one(struct ring *r)
{
	const struct ring_record *rec;
	uint64_t value;

	while ((rec = ring_peek(r)) == NULL)
		continue;
	memcpy(&value, rec->payload, sizeof(value));
	ring_next(r);
	return value;
}

static void
open_pair(bool first, struct ring *out, struct ring *in)
{
	int fds[4];

	if (shm_reopen(dir.fd, "data", first, &fds[0]) != ERR_NONE ||
	    shm_reopen(dir.fd, "tail", !first, &fds[1]) != ERR_NONE ||
	    shm_reopen(dir.fd, "data2", !first, &fds[2]) != ERR_NONE ||
	    shm_reopen(dir.fd, "tail2", first, &fds[3]) != ERR_NONE ||
	    ring_open(first ? out : in, fds[0], fds[1], first) != ERR_NONE ||
	    ring_open(first ? in : out, fds[2], fds[3], !first) != ERR_NONE)
		_exit(1);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

static void
echo(uint64_t n)
{
	struct ring out, in;

	open_pair(false, &out, &in);
	*go = 1;
	while (n-- > 0)
		put_one(&out, take_one(&in));
}

static void
to_and_fro(void)
{
	struct ring out, in;
	uint64_t start;
	pid_t pid;

	fresh_ring(64);
	if (ring_make(dir.fd, "data2", "tail2", 64, 32, 16) != ERR_NONE)
		exit(1);
	open_pair(true, &out, &in);
	pid = spawn(echo, TRIPS);
	while (*go == 0)
		continue;
	start = now_ns();
	for (uint64_t i = 0; i < TRIPS; i++) {
		put_one(&out, i);
		take_one(&in);
	}
	start = now_ns() - start;
	waitpid(pid, NULL, 0);
	printf("to and fro  both awake: %.0f ns one way\n", (double)start / TRIPS / 2);
	ring_close(&out);
	ring_close(&in);
}

/* --- wake-up ----------------------------------------------------------------------------------- */

static void
sleep_once(const struct ring *r, int efd, int epfd)
{
	struct epoll_event ev;

	bell_arm(word);
	if (!ring_waiting(r)) {
		if (efd < 0)
			bell_wait(word, NS_PER_S);
		else if (epoll_wait(epfd, &ev, 1, 1000) > 0)
			bell_heard(efd);
	}
	bell_disarm(word);
}

static void
sleeper(uint64_t fd)
{
	int efd = (int)(int64_t)fd, epfd = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	struct ring r;

	open_ring(false, &r);
	if (efd >= 0)
		epoll_ctl(epfd, EPOLL_CTL_ADD, efd, &ev);
	*go = 1;
	for (int i = 0; i < WAKES;) {
		const struct ring_record *rec = ring_peek(&r);
		uint64_t sent;

		if (rec == NULL) {
			sleep_once(&r, efd, epfd);
			continue;
		}
		memcpy(&sent, rec->payload, sizeof(sent));
		times[i++] = now_ns() - sent;
		ring_next(&r);
	}
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Until it has armed its bell and sleeps in the kernel. */
static void
wait_asleep(pid_t pid)
{
	char path[32], text[256];
	const char *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (n < 0)
			exit(1);
		close(fd);
		text[n] = '\0';
		state = strrchr(text, ')');
	} while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0 || state == NULL || state[2] != 'S');
}

static void
wake_ups(int efd)
{
	struct ring r;
	pid_t pid;

	fresh_ring(64);
	open_ring(true, &r);
	pid = spawn(sleeper, (uint64_t)(int64_t)efd);
	while (*go == 0)
		continue;
	for (int i = 0; i < WAKES; i++) {
		wait_asleep(pid);
		put_one(&r, now_ns());
		bell_ring(word, efd);
	}
	waitpid(pid, NULL, 0);
	qsort(times, WAKES, sizeof(times[0]), by_value);
	printf("wake-up     %-7s  median %.1f us, 99%% %.1f us, longest %.1f us\n",
	    efd < 0 ? "futex" : "eventfd", (double)times[WAKES / 2] / 1e3,
	    (double)times[WAKES * 99 / 100] / 1e3, (double)times[WAKES - 1] / 1e3);
	ring_close(&r);
}

static void
bell_cost(void)
{
	uint64_t start = now_ns();

	*word = 0;
	for (int i = 0; i < 10000000; i++)
		bell_ring(word, -1);
	printf("bell        at one who is awake: %.1f ns\n", (double)(now_ns() - start) / 1e7);
}

int
main(void)
{
	char *shared = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int efd = eventfd(0, EFD_NONBLOCK);

	if (shared == MAP_FAILED || efd < 0)
		return 1;
	word = (uint32_t *)shared;
	go = (uint32_t *)(shared + 4096);
	times = (uint64_t *)(shared + 8192);
	dir = temp_new();
	alarm(120);
	setvbuf(stdout, NULL, _IOLBF, 0);
	pin(0);
	for (unsigned batch = 1; batch <= 32; batch *= 32)
		for (uint32_t len = 64; len <= 2048; len = len == 64 ? 512 : len * 4)
			saturate(len, batch);
	to_and_fro();
	wake_ups(-1);
	wake_ups(efd);
	bell_cost();
	temp_drop(&dir);
	return 0;
}
