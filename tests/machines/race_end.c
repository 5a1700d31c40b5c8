/* How a run must end: both sides agree while it is quiet, and nothing is left when it is over. */
#include <stdlib.h>
#include <string.h>

#include "race.h"
#include "worker_rig.h"

/* --- while it is quiet --------------------------------------------------------------------------*/

static void
compare(unsigned a, unsigned b, const struct ua_view *v)
{
	const struct race_sdp *to = &v[a].remote, *at = &v[b].local;

	if (!race_sdp_same(to, at))
		race_fail("%c sends to %s:%u (%s), %c listens at %s:%u (%s)", race_names[a], to->ip,
		    to->port, to->way, race_names[b], at->ip, at->port, at->way);
}

/* Two talk with each other, or nobody does; while a transfer rings, one may wait. */
void
race_check_quiet(void)
{
	struct ua_view v[RACE_PHONES];
	unsigned talks = 0, who[2] = { 0, 0 };
	bool rings = false;

	for (unsigned i = 0; i < RACE_PHONES; i++) {
		ua_look(race->ua[i], &v[i]);
		if (v[i].talks > 0)
			who[talks > 0] = i;
		talks += v[i].talks;
		rings = rings || v[i].rings;
		if (v[i].busy)
			race_fail("%c still waits for an answer", race_names[i]);
	}
	if (talks != 0 && talks != 2 && !rings)
		race_fail("%u dialogs are up, one of them with %c", talks, race_names[who[0]]);
	if (talks != 2 || who[0] == who[1])
		return;
	compare(who[0], who[1], v);
	compare(who[1], who[0], v);
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
	else if (f->ended_ms != 0 && !f->transferred &&
		 labs(billed - (long)(f->ended_ms - f->answered_ms)) > 5)
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
	else if (rig->opened > 1 || (!f->transferred && rig->answered != (f->answered_ms != 0)))
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
