/*
 * Local time without the files of the C library: how far a zone is from UTC, and when that changes, stands in
 * the tenant's record of the directory. PostgreSQL knows the zones, and tells the changes of the next year
 * (tandem.zone_changes in sql/0046); the store asks it anew each day. Pure functions; nothing is allocated.
 */
#ifndef TANDEM_MODEL_ZONE_H
#define TANDEM_MODEL_ZONE_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum { ZONE_CHANGES_MAX = 8 };
struct zone {                 /* all zero: UTC */
	int32_t offset_s;     /* seconds that local time is ahead of UTC, before the first change */
	uint32_t n;
	struct {
		int64_t at_s; /* seconds since 1970 UTC; in ascending order */
		int32_t offset_s; /* from then on */
		uint32_t pad;
	} changes[ZONE_CHANGES_MAX];
};

struct local_time {
	int32_t day;          /* days since 1970-01-01, by the local calendar */
	uint16_t minute;      /* of that day */
	uint8_t weekday;      /* 0 Monday to 6 Sunday */
	uint8_t pad;
};

/* "3600 1774746000 7200 ...": the offset, then of each change when it comes, and the offset from then on. What
 * is beyond ZONE_CHANGES_MAX is left out. ERR_SYNTAX: none of that, and *zone_r is UTC. */
enum err zone_read(struct span words, struct zone *zone_r);
/* wall_ms: since 1970 UTC. Beyond the last change known, as from that on. */
struct local_time zone_local(const struct zone *z, int64_t wall_ms);
/* "2026-12-24 18:30", or with a T between: such a moment in ms since 1970 UTC. An hour that comes twice is
 * meant the second time, one that is left out the hour after it. ERR_SYNTAX: it is no moment. */
enum err zone_moment(const struct zone *z, struct span text, int64_t *wall_ms_r);
/* "mon" to "sun". */
const char *zone_weekday(unsigned weekday);

#endif
