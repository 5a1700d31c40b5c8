/* Local time by the table that a tenant's record has. */
#include "model/zone.h"

#include <stdbool.h>

enum { DAY_S = 86400, OFFSET_MAX_S = 2 * DAY_S, THURSDAY = 3 /* 1970-01-01 */ };

static bool
signed_read(struct span word, int64_t most, int64_t *v_r)
{
	bool minus = word.len > 1 && word.p[0] == '-';
	int64_t v = 0;

	if (minus)
		word = span_from(word, 1);
	for (size_t i = 0; i < word.len; i++) {
		if (word.p[i] < '0' || word.p[i] > '9')
			return false;
		v = 10 * v + (word.p[i] - '0');
		if (v > most)
			return false;
	}
	*v_r = minus ? -v : v;
	return word.len > 0;
}

/* A word, with a space behind it or at the end. */
static bool
next_number(struct span *rest, int64_t most, int64_t *v_r)
{
	struct span word;

	*rest = span_cut(*rest, ' ', &word);
	return signed_read(word, most, v_r);
}

enum err
zone_read(struct span words, struct zone *zone_r)
{
	static const int64_t at_most = INT64_C(1) << 40;
	int64_t at = 0, offset = 0, before = INT64_MIN;

	*zone_r = (struct zone){ 0 };
	if (!next_number(&words, OFFSET_MAX_S, &offset))
		return ERR_SYNTAX;
	zone_r->offset_s = (int32_t)offset;
	while (words.len > 0 && zone_r->n < ZONE_CHANGES_MAX) {
		if (!next_number(&words, at_most, &at) || at <= before ||
		    !next_number(&words, OFFSET_MAX_S, &offset)) {
			*zone_r = (struct zone){ 0 };
			return ERR_SYNTAX;
		}
		zone_r->changes[zone_r->n].at_s = before = at;
		zone_r->changes[zone_r->n++].offset_s = (int32_t)offset;
	}
	return ERR_NONE;
}

/* The record may be older than this program: n is not believed. */
static int32_t
offset_at(const struct zone *z, int64_t utc_s)
{
	int32_t offset = z->offset_s;

	for (uint32_t i = 0; i < z->n && i < ZONE_CHANGES_MAX && z->changes[i].at_s <= utc_s; i++)
		offset = z->changes[i].offset_s;
	return offset;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct local_time
zone_local(const struct zone *z, int64_t wall_ms)
{
	int64_t utc_s = floor_div(wall_ms, 1000), s = utc_s + offset_at(z, utc_s);
	int64_t day = floor_div(s, DAY_S);

	return (struct local_time){ .day = (int32_t)day,
		.minute = (uint16_t)((s - day * DAY_S) / 60),
		.weekday = (uint8_t)(((day + THURSDAY) % 7 + 7) % 7) };
}

/* --- a moment that somebody writes --------------------------------------------------------------*/

static bool
is_leap(unsigned y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static unsigned
month_days(unsigned y, unsigned m)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[m - 1] + (m == 2 && is_leap(y));
}

/* Since 1970-01-01; from that year on. */
static int64_t
day_of(unsigned y, unsigned m, unsigned d)
{
	int64_t days = d - 1;

	for (unsigned i = 1; i < m; i++)
		days += month_days(y, i);
	for (unsigned i = 1970; i < y; i++)
		days += is_leap(i) ? 366 : 365;
	return days;
}

/* So many digits at a place of the text. */
static bool
digits_at(struct span text, size_t at, size_t n, unsigned most, unsigned *v_r)
{
	unsigned v = 0;

	for (size_t i = at; i < at + n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = 10 * v + (unsigned)(text.p[i] - '0');
	}
	*v_r = v;
	return v <= most;
}

/* Of two such moments the later; of an hour that is left out, as if the clock were not set forward yet. */
static int64_t
utc_of(const struct zone *z, int64_t local_s)
{
	int64_t utc_s = local_s - z->offset_s;

	for (uint32_t i = 0; i < z->n && i < ZONE_CHANGES_MAX; i++) {
		const int64_t after_s = local_s - z->changes[i].offset_s;

		if (after_s < z->changes[i].at_s)
			break;
		utc_s = after_s;
	}
	return utc_s;
}

enum err
zone_moment(const struct zone *z, struct span text, int64_t *wall_ms_r)
{
	unsigned y, m, d, hour, minute;
	int64_t local;

	if (text.len != sizeof("2026-12-24 18:30") - 1 || text.p[4] != '-' || text.p[7] != '-' ||
	    (text.p[10] != ' ' && text.p[10] != 'T') || text.p[13] != ':' ||
	    !digits_at(text, 0, 4, 9999, &y) || !digits_at(text, 5, 2, 12, &m) ||
	    !digits_at(text, 8, 2, 31, &d) || !digits_at(text, 11, 2, 23, &hour) ||
	    !digits_at(text, 14, 2, 59, &minute))
		return ERR_SYNTAX;
	if (y < 1970 || m == 0 || d == 0 || d > month_days(y, m))
		return ERR_SYNTAX;
	local = day_of(y, m, d) * DAY_S + hour * 3600 + minute * 60;
	*wall_ms_r = utc_of(z, local) * 1000;
	return ERR_NONE;
}

const char *
zone_weekday(unsigned weekday)
{
	static const char *const names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	return names[weekday % 7];
}
