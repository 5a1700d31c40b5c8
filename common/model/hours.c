/* Does a local time lie within such hours? */
#include "model/hours.h"

/* Within the times of the day; *begun_r: how many days ago these began, 0 or 1. */
static bool
time_holds(const struct hours *h, unsigned minute, int32_t *begun_r)
{
	*begun_r = 0;
	if (h->from_min == h->to_min)
		return true;
	if (h->from_min < h->to_min)
		return minute >= h->from_min && minute < h->to_min;
	*begun_r = minute < h->to_min; /* over midnight */
	return minute < h->to_min || minute >= h->from_min;
}

bool
hours_hold(const struct hours *h, const struct local_time *t)
{
	int32_t begun;

	if (!time_holds(h, t->minute, &begun))
		return false;
	const int64_t day = (int64_t)t->day - begun;
	const unsigned weekday = (t->weekday + 7u - (unsigned)begun) % 7;

	return (h->days == 0 || h->days & 1u << weekday) && day >= h->from_day && day <= h->to_day;
}
