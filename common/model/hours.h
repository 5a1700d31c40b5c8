/*
 * Hours: on which days, between which dates and times of the day something acts, by local time. Every
 * condition that is set must hold. Times that go over midnight belong to the day, and the date, on which they
 * begin: fri 22:00-06:00 ends on Saturday morning.
 */
#ifndef TANDEM_MODEL_HOURS_H
#define TANDEM_MODEL_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/zone.h"

struct hours {
	uint32_t from_day, to_day; /* days since 1970-01-01, both included */
	uint16_t from_min, to_min; /* minutes of the day, the last not included; equal: all day */
	uint8_t days;              /* bit 0 Monday to bit 6 Sunday; 0: any */
	uint8_t pad[3];
};
enum { HOURS_ANY_DAY = INT32_MAX }; /* to_day without an end */

bool hours_hold(const struct hours *h, const struct local_time *t);

#endif
