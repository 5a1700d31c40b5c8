/* How a run must end: both sides agree while it is quiet, and nothing is left when it is over. */
#include <stdlib.h>
#include <string.h>

#include "race.h"
#include "worker_rig.h"

/* --- while it is quiet --------------------------------------------------------------------------*/

struct talk {
	unsigned who;
	const struct ua_session *s;
};

/* Where each listens the other sends. */
static bool
is_pair(const struct talk *a, const struct talk *b)
{
	return race_sdp_same(&a->s->remote, &b->s->local) &&
	       race_sdp_same(&b->s->remote, &a->s->local);
}

static void
check_paired(const struct talk *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct race_sdp *to = &t[i].s->remote, *at = &t[i].s->local;
		unsigned j = 0;

		while (j < n && (j == i || !is_pair(&t[i], &t[j])))
			j++;
		if (j == n)
			race_fail("%u dialogs are up; %c sends to %s:%u (%s), listens at %s:%u "
				  "(%s), and nobody is there",
			    n, race_names[t[i].who], to->ip, to->port, to->way, at->ip, at->port,
			    at->way);
	}
}

/* Who talks talks with somebody; while a transfer rings, one may wait. */
void
race_check_quiet(void)
{
	static struct ua_view v[RACE_PHONES];
	struct talk talks[RACE_PHONES * RACE_TALKS];
	unsigned n = 0;
	bool rings = false;

	for (unsigned i = 0; i < RACE_PHONES; i++) {
		ua_look(race->ua[i], &v[i]);
		for (unsigned j = 0; j < v[i].talks; j++)
			talks[n++] = (struct talk){ i, &v[i].sessions[j] };
		rings = rings || v[i].rings;
		if (v[i].busy)
			race_fail("%c still waits for an answer", race_names[i]);
	}
	if (n == 2 || !rings)
		check_paired(talks, n);
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

/* --- several calls ------------------------------------------------------------------------------*/

static bool
is_record_of(unsigned call, const char *call_id)
{
	return strcmp(rig_cdr_of(call, "segment.1.in_sip_call_id"), call_id) == 0;
}

/* Who was replaced while he waited hears 487, and his call goes on without him (RFC 5589 7). */
static bool
is_taken_over(const struct referee_facts *f, const struct referee_call *c)
{
	return f->transferred && c->final == 487;
}

static void
check_call(const struct referee_call *c)
{
	const char *d;
	unsigned i = 0;

	while (i < rig->n_calls && !is_record_of(i, c->call_id))
		i++;
	if (i == rig->n_calls) {
		race_fail("no record of the call %s", c->call_id);
		return;
	}
	d = rig_cdr_of(i, "segment.1.disposition");
	if (c->final >= 300 &&
	    (strcmp(d, "answered") == 0 ||
		strtoul(rig_cdr_of(i, "segment.1.sip_code"), NULL, 10) != c->final))
		race_fail("%s: the caller heard %u, the record says %s %s", c->call_id, c->final, d,
		    rig_cdr_of(i, "segment.1.sip_code"));
	else if (c->final < 300 && c->acked && strcmp(d, "answered") != 0)
		race_fail("%s: answered and confirmed, and the record says %s", c->call_id, d);
}

/* Each was begun at most once, and closed once. */
static void
check_records(const struct referee_facts *f)
{
	unsigned wanted = 0;

	for (unsigned i = 0; i < f->n_calls; i++)
		wanted += f->calls[i].final != 407; /* who was not let in (1.12 (5)) */
	if (rig->n_calls != wanted)
		race_fail("%u calls, %u with a record", wanted, rig->n_calls);
	for (unsigned i = 0; i < rig->n_calls; i++)
		if (rig->calls[i].opened > 1 || rig->calls[i].closed != 1)
			race_fail("a call was opened %u times, closed %u times",
			    rig->calls[i].opened, rig->calls[i].closed);
	for (unsigned i = 0; i < f->n_calls; i++)
		if (f->calls[i].final != 407 && !is_taken_over(f, &f->calls[i]))
			check_call(&f->calls[i]);
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

static unsigned
records_of(const char *call_id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rig->n_calls; i++)
		n += is_record_of(i, call_id);
	return n;
}

/* After a kill: what was begun is closed, twice perhaps, which the store takes for once; and whoever heard
 * how his call ended has one record of it. */
static void
check_records_after_kill(const struct referee_facts *f)
{
	for (unsigned i = 0; i < rig->n_calls; i++)
		if (rig->calls[i].opened > 1 || rig->calls[i].closed < 1)
			race_fail("a call was opened %u times, closed %u times",
			    rig->calls[i].opened, rig->calls[i].closed);
	for (unsigned i = 0; i < f->n_calls; i++) {
		const struct referee_call *c = &f->calls[i];

		if (c->final != 0 && c->final != 407 && records_of(c->call_id) != 1)
			race_fail("%s: the caller heard %u, there are %u records", c->call_id,
			    c->final, records_of(c->call_id));
	}
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
		check_records_after_kill(&f);
	else if (f.n_calls > 1 || f.invites != 1)
		check_records(&f);
	else
		check_record(&f);
}
