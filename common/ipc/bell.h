/*
 * The doorbell: one word for each process, in a region that all map writable (besides the nonce
 * counts the only words with several writers). A producer rings only for a sleeper, so that two busy
 * processes exchange messages without a system call. How it cannot lose a ring: bell.c.
 *
 * Children use it through child.h; the supervisor, which is no child, uses it as it stands.
 */
#ifndef TANDEM_IPC_BELL_H
#define TANDEM_IPC_BELL_H

#include <stddef.h>
#include <stdint.h>

enum { BELL_LINE = 64 }; /* bytes from one process's word to the next: a cache line each */

size_t bells_bytes(void); /* size of the region, with its shm_head */
uint64_t bells_layout(void);
uint32_t *bells_of(void *region); /* the word of process 0 */

static inline uint32_t *
bell_of(uint32_t *bells, unsigned proc)
{
	return bells + (size_t)proc * (BELL_LINE / sizeof(uint32_t));
}

/* Producer, after it published: wakes the owner if it sleeps. eventfd -1: it sleeps on the word. */
void bell_ring(uint32_t *word, int eventfd);
/* Wakes the owner in any case: settings changed, a process died (it may have died while ringing). Safe
 * in a signal handler. */
void bell_kick(uint32_t *word, int eventfd);

/* Owner: says that it is about to sleep; it must look at all its rings after that. */
void bell_arm(uint32_t *word);
/* Sleeps on the word while it is armed, at most ns. */
void bell_wait(uint32_t *word, uint64_t ns);
/* Awake again. */
void bell_disarm(uint32_t *word);
/* Takes what was written to the eventfd: whenever it is ready, a late ring too, or epoll stays awake. */
void bell_heard(int eventfd);

#endif
