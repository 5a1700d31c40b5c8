/*
 * The doorbell. A word is 1 while its owner sleeps or is about to, else 0.
 *
 *     owner                                       producer
 *     -----                                       --------
 *     for (;;) {                                  write the record
 *             while (a ring has a record)         head := ...                    (release)
 *                     handle it                   fence                          (seq_cst)   P
 *             xchg(word, 1)         (seq_cst)  S  if (word == 1)                 (relaxed)
 *             if (no ring has a record)                   if (xchg(word, 0) == 1)
 *                     FUTEX_WAIT(word, 1)                         FUTEX_WAKE(word), or
 *             xchg(word, 0)                                       write(eventfd, 1)
 *     }
 *
 * S and P are full barriers and therefore come in one order. If S is first, the producer sees the word
 * at 1 (or another producer took it to 0 after S and is about to wake). If P is first, the owner sees
 * the new head. So a record that was published never meets a sleeper whom nobody wakes. Between the
 * owner's look and its sleep the word may have gone to 0: then FUTEX_WAIT refuses to sleep, and an
 * eventfd is already readable. Without the fence both could read the old: tests/unit/ipc_bell_model.c
 * walks all interleavings with and without it.
 *
 * xchg(word, 0) makes one producer of many the one that wakes. If just that one is killed between the
 * exchange and the wake, the ring is lost: therefore nobody sleeps longer than a second (it has a
 * heartbeat to give anyway), and the supervisor kicks everybody when a process died.
 *
 * A late ring (the producer was slow, the owner has woken by other means) makes one sleep too short.
 * That is all: the owner looks at its rings whenever it wakes, whoever woke it.
 *
 * The words stand in a file that processes map at different addresses, so the futex is a shared one.
 */
#include "ipc/bell.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "ipc/shm.h"
#include "ipc/topology.h"

_Static_assert(sizeof(struct shm_head) <= BELL_LINE, "the words begin on the second line");

size_t
bells_bytes(void)
{
	return BELL_LINE + (size_t)PROC_MAX * BELL_LINE;
}

uint64_t
bells_layout(void)
{
	return shm_layout(SHM_LAYOUT, bells_bytes());
}

uint32_t *
bells_of(void *region)
{
	return (uint32_t *)((char *)region + BELL_LINE);
}

static void
wake(uint32_t *word, int eventfd)
{
	static const uint64_t one = 1;
	ssize_t n;

	if (eventfd < 0) {
		syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
		return;
	}
	/* EAGAIN: its count is full, so it is readable; nothing is lost. */
	do
		n = write(eventfd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

void
bell_ring(uint32_t *word, int eventfd)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(word, __ATOMIC_RELAXED) != 1)
		return;
	if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 1)
		wake(word, eventfd);
}

void
bell_kick(uint32_t *word, int eventfd)
{
	int saved = errno;

	__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);
	wake(word, eventfd);
	errno = saved;
}

void
bell_arm(uint32_t *word)
{
	__atomic_exchange_n(word, 1, __ATOMIC_SEQ_CST);
}

void
bell_wait(uint32_t *word, uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S) };

	syscall(SYS_futex, word, FUTEX_WAIT, 1, &ts, NULL, 0);
}

void
bell_disarm(uint32_t *word)
{
	__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);
}

void
bell_heard(int eventfd)
{
	uint64_t n;

	if (read(eventfd, &n, sizeof(n)) < 0)
		return; /* somebody's kick and somebody's ring were one */
}
