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

struct loop *loop_new(void);
void loop_drop(struct loop *l);
enum err loop_add(struct loop *l, struct loop_watch *w, uint32_t events);
enum err loop_change(struct loop *l, struct loop_watch *w, uint32_t events);
/* Safe inside a callback: no further callback of this turn reaches w. */
void loop_remove(struct loop *l, struct loop_watch *w);
/* Waits at most timeout_ns (0: no wait, UINT64_MAX: for ever) and calls what is ready. */
void loop_turn(struct loop *l, uint64_t timeout_ns);

#endif
