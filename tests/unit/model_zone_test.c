/* zone, hours: local time by a table of changes, in zones east and west of UTC, at both changes of the year; what
 * lies within hours, over midnight too; and a moment that somebody writes. */
#include <criterion/criterion.h>

#include "model/hours.h"

static const char berlin[] =
    "3600 1774746000 7200 1792890000 3600"; /* 29 Mar, 25 Oct 2026 01:00 UTC */
static const char new_york[] =
    "-18000 1772953200 -14400 1793512800 -18000"; /* 8 Mar 07:00, 1 Nov 06:00 */
static const char sydney[] =
    "39600 1775318400 36000 1791043200 39600"; /* 4 Apr 16:00, 3 Oct 16:00 */

static struct zone
zone_of(const char *words)
{
	struct zone z;

	cr_assert_eq(zone_read(span_str(words), &z), ERR_NONE, "%s", words);
	return z;
}

/* That many seconds since 1970 are that time there. */
static void
is(const char *words, int64_t utc_s, const char *weekday, unsigned hour, unsigned minute)
{
	struct zone z = zone_of(words);
	struct local_time t = zone_local(&z, utc_s * 1000 + 999);

	cr_expect_str_eq(zone_weekday(t.weekday), weekday, "%s %ld", words, (long)utc_s);
	cr_expect_eq(t.minute, hour * 60 + minute, "%s %ld: %u:%02u", words, (long)utc_s,
	    t.minute / 60, t.minute % 60);
}

Test(model_zone, summer_time_begins_and_ends)
{
	is(berlin, 1774746000 - 1, "sun", 1, 59);
	is(berlin, 1774746000, "sun", 3, 0);
	is(berlin, 1792890000 - 1, "sun", 2, 59);
	is(berlin, 1792890000, "sun", 2, 0);
	is(berlin, 1893456000, "tue", 1, 0); /* beyond what is known: as from the last change on */
}

Test(model_zone, west_of_UTC)
{
	is(new_york, 1772953200 - 1, "sun", 1, 59);
	is(new_york, 1772953200, "sun", 3, 0);
	is(new_york, 1793512800 - 1, "sun", 1, 59);
	is(new_york, 1793512800, "sun", 1, 0);
	is(new_york, 1772928000, "sat", 19, 0); /* the day before UTC's */
}

Test(model_zone, in_the_south_summer_ends_in_April)
{
	is(sydney, 1775318400 - 1, "sun", 2, 59);
	is(sydney, 1775318400, "sun", 2, 0);
	is(sydney, 1791043200, "sun", 3, 0);
	is("20700", 1774746000, "sun", 6, 45); /* Kathmandu */
	is("0", -1, "wed", 23, 59);
	is("-3600", 0, "wed", 23, 0);
}

Test(model_zone, days_by_the_local_calendar)
{
	struct zone z = zone_of(berlin);

	cr_expect_eq(zone_local(&z, (20811 * INT64_C(86400) - 3601) * 1000).day, 20810);
	cr_expect_eq(zone_local(&z, (20811 * INT64_C(86400) - 3600) * 1000).day, 20811);
	z = zone_of(new_york);
	cr_expect_eq(zone_local(&z, 0).day, -1);
}

Test(model_zone, what_is_no_table)
{
	static const char *const wrong[] = { "", "x", "-", "3600 ", "3600 5", "3600 5 x",
		"3600 5 0 5 0", "3600 5 0 4 0", "999999999999999999999", "3600 5 200000",
		"3600  5 0" };
	struct zone z;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		enum err e = zone_read(span_str(wrong[i]), &z);
		cr_expect(e == ERR_SYNTAX || i == 3, "\"%s\"", wrong[i]);
		cr_expect_eq(z.n, 0);
		cr_expect_eq(z.offset_s, i == 3 ? 3600 : 0);
	}
	cr_expect_eq(zone_read(SPAN("0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9"), &z), ERR_NONE);
	cr_expect_eq(z.n, ZONE_CHANGES_MAX);
	z.n = UINT32_MAX; /* a record that another program wrote */
	cr_expect_eq(zone_local(&z, 60000).minute, 1);
}

/* --- a moment that somebody writes --------------------------------------------------------------*/

static void
moment(const char *words, const char *text, int64_t utc_s)
{
	struct zone z = zone_of(words);
	int64_t ms = 0;

	cr_expect_eq(zone_moment(&z, span_str(text), &ms), ERR_NONE, "%s", text);
	cr_expect_eq(ms, utc_s * 1000, "%s: %ld", text, (long)(ms / 1000));
}

Test(model_zone, moments)
{
	moment("0", "1970-01-01 00:00", 0);
	moment("0", "2000-02-29T12:00", 951825600);
	moment(berlin, "2026-03-29 01:59", 1774746000 - 60);
	moment(berlin, "2026-03-29 02:30", 1774746000 + 1800); /* left out: 03:30 */
	moment(berlin, "2026-03-29 03:00", 1774746000);
	moment(berlin, "2026-10-25 01:30", 1792890000 - 5400);
	moment(berlin, "2026-10-25 02:30", 1792890000 + 1800); /* the second of them */
	moment(new_york, "2026-03-08 02:30", 1772953200 + 1800);
	moment(new_york, "2026-11-01 01:30", 1793512800 + 1800);
	moment(new_york, "2026-07-01 12:00", 1782921600);
}

Test(model_zone, what_is_no_moment)
{
	static const char *const wrong[] = { "", "now", "2026-12-24", "2026-12-24 18:30:00",
		"2026-13-24 18:30", "2026-02-29 18:30", "2026-12-00 18:30", "2026-12-24 24:00",
		"2026-12-24 18:60", "1969-12-24 18:30", "2026-12-24x18:30", "2026-1a-24 18:30" };
	struct zone z = { 0 };
	int64_t ms;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(zone_moment(&z, span_str(wrong[i]), &ms), ERR_SYNTAX, "%s", wrong[i]);
}

/* --- hours --------------------------------------------------------------------------------------*/

enum { MON = 1, FRI = 1 << 4, SAT = 1 << 5, SUN = 1 << 6 };

/* day 4 is Monday, 5 January 1970. */
static bool
holds(struct hours h, int32_t day, unsigned hour, unsigned minute)
{
	struct local_time t = { .day = day,
		.minute = (uint16_t)(hour * 60 + minute),
		.weekday = (uint8_t)((day + 3) % 7) };

	if (h.to_day == 0)
		h.to_day = HOURS_ANY_DAY;
	return hours_hold(&h, &t);
}

Test(model_hours, of_a_day)
{
	struct hours h = { .days = MON | FRI, .from_min = 9 * 60, .to_min = 17 * 60 };

	cr_expect_not(holds(h, 4, 8, 59));
	cr_expect(holds(h, 4, 9, 0));
	cr_expect(holds(h, 4, 16, 59));
	cr_expect_not(holds(h, 4, 17, 0));
	cr_expect_not(holds(h, 5, 12, 0), "tuesday");
	cr_expect(holds(h, 8, 12, 0), "friday");
	h.to_min = 24 * 60;
	cr_expect(holds(h, 4, 23, 59));
}

Test(model_hours, over_midnight_is_of_the_day_on_which_it_begins)
{
	struct hours h = { .days = FRI, .from_min = 22 * 60, .to_min = 6 * 60 };

	cr_expect(holds(h, 8, 22, 0));
	cr_expect(holds(h, 9, 0, 0), "saturday morning");
	cr_expect(holds(h, 9, 5, 59));
	cr_expect_not(holds(h, 9, 6, 0));
	cr_expect_not(holds(h, 9, 22, 0));
	cr_expect_not(holds(h, 8, 5, 0), "friday morning is thursday's");
	h.days = SUN;
	cr_expect(holds(h, 11, 1, 0), "and monday morning sunday's");
	h = (struct hours){ .from_min = 22 * 60, .to_min = 6 * 60, .from_day = 8, .to_day = 8 };
	cr_expect(holds(h, 9, 1, 0));
	cr_expect_not(holds(h, 8, 1, 0));
}

Test(model_hours, whole_days_and_dates)
{
	struct hours h = { .days = SAT | SUN };

	cr_expect(holds(h, 9, 0, 0) && holds(h, 10, 23, 59));
	cr_expect_not(holds(h, 11, 0, 0));
	h = (struct hours){ .from_day = 9, .to_day = 10 };
	cr_expect_not(holds(h, 8, 23, 59));
	cr_expect(holds(h, 9, 0, 0) && holds(h, 10, 23, 59));
	cr_expect_not(holds(h, 11, 0, 0));
	cr_expect(holds((struct hours){ .from_day = 9 }, 99999, 0, 0), "without an end");
	cr_expect_not(holds((struct hours){ 0 }, -1, 0, 0));
}
