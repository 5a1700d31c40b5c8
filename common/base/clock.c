/* The clock of a turn, and how a moment is written. */
#include "base/clock.h"

#include <time.h>

void
clock_read(struct clock *c)
{
	struct timespec mono, wall;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	c->mono_ns = (uint64_t)mono.tv_sec * NS_PER_S + (uint64_t)mono.tv_nsec;
	c->wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / (long)NS_PER_MS;
}

void
clock_move(struct clock *c, uint64_t ns)
{
	uint64_t before_ms = c->mono_ns / NS_PER_MS;

	c->mono_ns += ns;
	/* By the difference of whole milliseconds, so that many small moves add up. */
	c->wall_ms += (int64_t)(c->mono_ns / NS_PER_MS - before_ms);
}

/* A call's records have dozens of these: not by printf. */
static void
put_digits(struct buf *b, unsigned n, unsigned digits, char after)
{
	char text[5];

	text[digits] = after;
	for (unsigned i = digits; i > 0; n /= 10)
		text[--i] = (char)('0' + n % 10);
	buf_put(b, span_of(text, digits + 1));
}

/* gmtime_r reads TZ and takes a lock, which the log must not; this is the usual count of days in
 * eras of 400 years that begin on 1 March. */
void
clock_put_utc(struct buf *b, int64_t wall_ms)
{
	const int64_t day_ms = 86400000;
	int64_t days = wall_ms / day_ms, ms = wall_ms % day_ms, era, year;
	unsigned of_era, year_of_era, of_year, month, day, second;

	if (ms < 0) {
		ms += day_ms;
		days--;
	}
	days += 719468; /* from 1 March of year 0 to 1970 */
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = (unsigned)(days - era * 146097);
	year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * of_year + 2) / 153;
	day = of_year - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	year = era * 400 + year_of_era + (month <= 2);
	second = (unsigned)(ms / 1000);
	if (year >= 0 && year <= 9999)
		put_digits(b, (unsigned)year, 4, '-');
	else
		buf_printf(b, "%lld-", (long long)year);
	put_digits(b, month, 2, '-');
	put_digits(b, day, 2, 'T');
	put_digits(b, second / 3600, 2, ':');
	put_digits(b, second / 60 % 60, 2, ':');
	put_digits(b, second % 60, 2, '.');
	put_digits(b, (unsigned)(ms % 1000), 3, 'Z');
}
