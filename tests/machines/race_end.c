/* How a run must end: both sides agree while it is quiet, and nothing is left when it is over. */
#include <stdlib.h>
#include <string.h>

#include "race.h"
#include "worker_rig.h"

/* --- while it is quiet --------------------------------------------------------------------------*/

static void
compare(const struct ua_view *a, const struct ua_view *b)
{
	if (!race_sdp_same(&a->remote, &b->local))
		race_fail("a sends to %s:%u (%s), the other listens at %s:%u (%s)", a->remote.ip,
		    a->remote.port, a->remote.way, b->local.ip, b->local.port, b->local.way);
	else if (!race_sdp_same(&a->local, &b->remote))
		race_fail("the other sends to %s:%u (%s), a listens at %s:%u (%s)", b->remote.ip,
		    b->remote.port, b->remote.way, a->local.ip, a->local.port, a->local.way);
}

void
race_check_quiet(void)
{
	struct ua_view a, v, b = { 0 };
	unsigned talks = 0;

	ua_look(race->ua[0], &a);
	for (unsigned i = 1; i < RACE_PHONES; i++) {
		ua_look(race->ua[i], &v);
		talks += v.talks;
		if (v.talks > 0)
			b = v;
		if (v.busy)
			race_fail("%c still waits for an answer", race_names[i]);
	}
	if (a.busy)
		race_fail("a still waits for an answer");
	if (a.talks != talks)
		race_fail("a talks to %u, %u talk to a", a.talks, talks);
	else if (talks == 1)
		compare(&a, &b);
}

/* --- when it is over ----------------------------------------------------------------------------*/

static long
number(const char *column)
{
	return strtol(rig_cdr(column), NULL, 10);
}

static void
check_answered(const struct referee_facts *f)
{
	const char *d = rig_cdr("segment.1.disposition");
	long billed = number("segment.1.bill_ms");

	if (!f->acked) { /* R24, unless it was over before that was known */
		if (strcmp(d, "failed") != 0 && strcmp(d, "answered") != 0)
			race_fail("never confirmed, and the record says %s", d);
		return;
	}
	if (strcmp(d, "answered") != 0 || number("segment.1.sip_code") != 200)
		race_fail("answered and confirmed, and the record says %s %ld", d,
		    number("segment.1.sip_code"));
	else if (f->ended_ms != 0 && labs(billed - (long)(f->ended_ms - f->answered_ms)) > 5)
		race_fail("talked for %ld ms, billed %ld ms", (long)(f->ended_ms - f->answered_ms),
		    billed);
}

static void
check_refused(const struct referee_facts *f)
{
	const char *d = rig_cdr("segment.1.disposition");

	if (number("segment.1.sip_code") != (long)f->final)
		race_fail("the caller heard %u, the record says %ld", f->final,
		    number("segment.1.sip_code"));
	else if (strcmp(d, "answered") == 0 || number("segment.1.bill_ms") != 0)
		race_fail("the caller heard %u, the record says %s, %ld ms", f->final, d,
		    number("segment.1.bill_ms"));
	else if ((strcmp(d, "cancelled") == 0) != (f->final == 487) ||
		 (f->final == 487) != f->cancelled)
		race_fail("final %u, cancelled %d, the record says %s", f->final, f->cancelled, d);
}

static unsigned
recorded_legs(void)
{
	unsigned n = 0;
	char name[32];

	do
		snprintf(name, sizeof(name), "leg.%u.leg_no", ++n);
	while (rig_cdr(name)[0] != '\0');
	return n - 1;
}

static void
check_record(const struct referee_facts *f)
{
	if (rig->closed != (f->invites > 0))
		race_fail("%u calls, %u records", f->invites, rig->closed);
	else if (rig->opened > 1 || rig->answered != (f->answered_ms != 0))
		race_fail("opened %u times, answered %u times", rig->opened, rig->answered);
	else if (f->invites == 0)
		return;
	else if (recorded_legs() != 1 + f->branches)
		race_fail("%u legs, %u of them in the record", 1 + f->branches, recorded_legs());
	else if (f->final >= 200 && f->final < 300)
		check_answered(f);
	else
		check_refused(f);
}

/* After a kill: what was begun is closed, twice perhaps, which the store takes for once. */
static void
check_records_after_kill(void)
{
	for (unsigned i = 0; i < rig->n_calls; i++)
		if (rig->calls[i].opened > 1 || rig->calls[i].closed < 1)
			race_fail("a call was opened %u times, closed %u times",
			    rig->calls[i].opened, rig->calls[i].closed);
}

void
race_check_end(void)
{
	struct referee_facts f;
	struct ua_view v;

	referee_facts(&f);
	for (unsigned i = 0; i < RACE_PHONES; i++) {
		ua_look(race->ua[i], &v);
		if (v.talks > 0 || v.busy)
			race_fail("%c is left in a call", race_names[i]);
	}
	rig_expect_empty();
	referee_end();
	if (race->deaths > 0)
		check_records_after_kill();
	else
		check_record(&f);
}
