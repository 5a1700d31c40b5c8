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

struct moment {
	int64_t year;
	unsigned month, day, weekday, second, ms; /* weekday 0: Sunday; second: of the day */
};

/* gmtime_r reads TZ and takes a lock, which the log must not; this is the usual count of days in
 * eras of 400 years that begin on 1 March. */
static struct moment
moment_of(int64_t wall_ms)
{
	const int64_t day_ms = 86400000;
	int64_t days = wall_ms / day_ms, ms = wall_ms % day_ms, era;
	unsigned of_era, year_of_era, of_year, month;
	struct moment m;

	if (ms < 0) {
		ms += day_ms;
		days--;
	}
	m.weekday = (unsigned)((days % 7 + 11) % 7); /* 1970 began on a Thursday */
	days += 719468;				     /* from 1 March of year 0 to 1970 */
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = (unsigned)(days - era * 146097);
	year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * of_year + 2) / 153;
	m.day = of_year - (153 * month + 2) / 5 + 1;
	m.month = month < 10 ? month + 3 : month - 9;
	m.year = era * 400 + year_of_era + (m.month <= 2);
	m.second = (unsigned)(ms / 1000);
	m.ms = (unsigned)(ms % 1000);
	return m;
}

static void
put_year(struct buf *b, int64_t year, char after)
{
	if (year >= 0 && year <= 9999)
		put_digits(b, (unsigned)year, 4, after);
	else
		buf_printf(b, "%lld%c", (long long)year, after);
}

static void
put_clock(struct buf *b, unsigned second, char after)
{
	put_digits(b, second / 3600, 2, ':');
	put_digits(b, second / 60 % 60, 2, ':');
	put_digits(b, second % 60, 2, after);
}

void
clock_put_utc(struct buf *b, int64_t wall_ms)
{
	struct moment m = moment_of(wall_ms);

	put_year(b, m.year, '-');
	put_digits(b, m.month, 2, '-');
	put_digits(b, m.day, 2, 'T');
	put_clock(b, m.second, '.');
	put_digits(b, m.ms, 3, 'Z');
}

void
clock_put_date(struct buf *b, int64_t wall_ms)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct moment m = moment_of(wall_ms);

	buf_put(b, span_of(days + 3 * (size_t)m.weekday, 3));
	buf_lit(b, ", ");
	put_digits(b, m.day, 2, ' ');
	buf_put(b, span_of(months + 3 * (size_t)(m.month - 1), 3));
	buf_char(b, ' ');
	put_year(b, m.year, ' ');
	put_clock(b, m.second, ' ');
	buf_lit(b, "GMT");
}
