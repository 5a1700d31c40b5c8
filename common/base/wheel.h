/*
 * A hierarchical timer wheel, private to its process, in ticks of 4 ms. A timer's deadline also
 * stands in the shared struct it belongs to; after a restart the timers are set again from there.
 * Setting, moving and stopping a timer are O(1).
 */
#ifndef TANDEM_BASE_WHEEL_H
#define TANDEM_BASE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_TICK_NS 4000000ull

struct wheel_timer {       /* embedded or in an array beside a pool */
	struct wheel_timer *next, **prev;
	uint64_t deadline_ns;
};

struct wheel;              /* opaque */

/* fatal() without memory. wheel_drop leaves the timers themselves alone: they may be gone already. */
struct wheel *wheel_new(uint64_t now_ns);
void wheel_drop(struct wheel *w);
/* Sets or moves; never early, at most one tick late. deadline 0 stops. A timer that was never set
 * must be zeroed, and a set one must be stopped before its memory goes. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t deadline_ns);
static inline bool
wheel_is_set(const struct wheel_timer *t)
{
	return t->prev != NULL;
}
/* Runs fire for each timer that is due at now_ns (stopped before the call), in the order
 * of their ticks. fire may set, move and stop any timer; what it sets fires in a later run. It must
 * not call wheel_run. */
void wheel_run(struct wheel *w, uint64_t now_ns, void (*fire)(void *ctx, struct wheel_timer *t),
    void *ctx);
/* Nanoseconds until something can be due; UINT64_MAX when nothing is set. May be early, not late. */
uint64_t wheel_next(const struct wheel *w, uint64_t now_ns);

#endif
