/*
 * Time. Timers and durations use the monotonic clock, in nanoseconds; wall time is only for what a
 * person or a CDR reads. A process reads the clock once per turn of its loop (clock_read) and
 * everything in that turn sees the same time. Tests set the clock instead of sleeping.
 */
#ifndef TANDEM_BASE_CLOCK_H
#define TANDEM_BASE_CLOCK_H

#include <stdint.h>

#include "base/buf.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

struct clock {
	uint64_t mono_ns; /* CLOCK_MONOTONIC; shared by all processes of a boot */
	int64_t wall_ms;  /* CLOCK_REALTIME, ms since 1970 UTC */
};

void clock_read(struct clock *c);
/* For tests: moves a clock that nobody reads from the kernel. */
void clock_move(struct clock *c, uint64_t ns);
/* A moment as RFC 3339 has it, in UTC, to the millisecond: 2026-11-21T10:00:00.123Z. Allocates
 * nothing and takes no lock. */
void clock_put_utc(struct buf *b, int64_t wall_ms);
/* The same as the Date header has it (RFC 3261 20.17): Sat, 21 Nov 2026 10:00:00 GMT. */
void clock_put_date(struct buf *b, int64_t wall_ms);

#endif
