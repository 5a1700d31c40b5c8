/* An event loop over epoll, level-triggered: descriptors and one idle deadline. */
#ifndef TANDEM_BASE_LOOP_H
#define TANDEM_BASE_LOOP_H

#include <stdint.h>

#include "base/err.h"

struct loop;

struct loop_watch {         /* owned by the caller, stays valid while added */
	int fd;
	void (*ready)(void *ctx, uint32_t events); /* EPOLLIN | EPOLLOUT | ... */
	void *ctx;
};

/* fatal() when the kernel has no descriptor or memory for us. */
struct loop *loop_new(void);
void loop_drop(struct loop *l);
/* ERR_EXISTS when the descriptor is watched already, ERR_IO when it cannot be (a plain file). */
enum err loop_add(struct loop *l, struct loop_watch *w, uint32_t events);
/* ERR_ABSENT when it is not watched. */
enum err loop_change(struct loop *l, struct loop_watch *w, uint32_t events);
/* Safe inside a callback: no further callback of this turn reaches w. Remove before
 * closing the descriptor: a duplicate of it elsewhere would keep reporting. */
void loop_remove(struct loop *l, struct loop_watch *w);
/* Waits at most timeout_ns (0: no wait, UINT64_MAX: for ever) and calls what is ready. A signal
 * ends the wait. Not to be called from a callback. */
void loop_turn(struct loop *l, uint64_t timeout_ns);

#endif
