/*
 * Call park (SERVICES.md C28, RFC 5359 2.14): a call waits in an orbit, for anyone of the tenant to take it.
 *
 *     A           tandem          B                       D
 *     |             |<--------------REFER 701              |   or B holds A and dials *59, *59701
 *     |<------INVITE|NOTIFY 200---->|                      |
 *     |200--------->|BYE----------->|                      |   A is held: inactive, no music
 *     |             |<---------------------------INVITE 701|   any phone; the lamp of 701 was lit (RFC 4235)
 *     |<------INVITE|200---------------------------------->|
 *
 * An orbit is a number of the tenant that leads to nobody (tandem.did, kind park, recall_s). *59 takes the
 * first free one, counted on from the tenant's lowest. 486: the orbit is taken; 404: it is none; 403: there
 * is no call to park. Who dials an orbit where nobody waits hears 480. After recall_s the parker is rung
 * again; if he does not answer, the call waits on.
 *
 * Two workers that park in one orbit at the very same moment do not see each other: then two calls wait
 * there, and are taken one after the other.
 *
 * Settings: tandem.did. State: struct transfer of the call that waits (call_park.c).
 */
#include "worker/worker.h"

enum { ORBIT_MAX = 15, ORBITS_MAX = 100 };

static struct feature_verdict
no(unsigned status, const char *reason)
{
	return (struct feature_verdict){ .status = status, .reason = reason };
}

bool
park_orbit(struct worker *w, const struct call *c, struct span number, struct park *park_r)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_number *n =
	    rec == NULL ? NULL : directory_number(&w->directory, c->tenant, number, rec);

	if (n == NULL || n->kind != DIR_NUMBER_PARK)
		return false;
	park_r->orbit = number;
	return span_u32(dir_text(n, n->target), 86400, &park_r->recall_s) == ERR_NONE &&
	       park_r->recall_s > 0;
}

static bool
is_taken(struct worker *w, const struct call *c, struct span orbit)
{
	return callstate_has(w, call_user_hash(&w->key, c->tenant, orbit));
}

/* The number after this one: 709, 710; in place. False: it has no successor of its length. */
static bool
count_on(char *digits, size_t n)
{
	while (n-- > 0) {
		if (digits[n] != '9') {
			digits[n]++;
			return true;
		}
		digits[n] = '0';
	}
	return false;
}

/* 0: *park_r. */
static unsigned
free_orbit(struct worker *w, const struct call *c, struct park *park_r)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *t =
	    rec == NULL ? NULL : directory_tenant(&w->directory, c->tenant, rec);
	struct span orbit = t == NULL ? SPAN_NONE : scratch_keep(w, span_str(t->orbit));
	unsigned i = 0;

	if (orbit.len == 0)
		return 404;
	while (i++ < ORBITS_MAX && park_orbit(w, c, orbit, park_r)) {
		if (!is_taken(w, c, orbit))
			return 0;
		orbit = scratch_keep(w, orbit);
		if (!count_on((char *)(uintptr_t)orbit.p, orbit.len))
			break;
	}
	return 486;
}

struct feature_verdict
park_code(struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	struct park park;
	unsigned status = 0;
	handle other;

	code_is_free(w, c);
	if (a->number.len == 0)
		status = free_orbit(w, c, &park);
	else if (!park_orbit(w, c, a->number, &park))
		status = 404;
	else if (is_taken(w, c, a->number))
		status = 486;
	if (status != 0)
		return no(status, status == 404 ? "No such orbit" : "The orbit is taken");
	other = callstate_find(w,
	    call_user_hash(&w->key, c->tenant, dir_text(o->subscriber, o->subscriber->user)),
	    CALL_WHO_IN);
	if (other == 0)
		return no(403, "There is no call to park");
	park_ask(w, c, other, &park);
	return (struct feature_verdict){ .taken = true };
}

/* An orbit is dialled. */
static struct feature_verdict
originate(struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	struct park park;
	handle other;

	if (q == NULL || o->kind != ORIGIN_SUBSCRIBER || c->state != CALL_RINGING ||
	    c->attempt.forwards > 0 || q->dialled.len == 0 || q->dialled.len > ORBIT_MAX ||
	    !park_orbit(w, c, q->dialled, &park) || route_is_ours(w, c->tenant, q).status != 0)
		return no(0, NULL);
	code_is_free(w, c);
	other = callstate_find(w, call_user_hash(&w->key, c->tenant, park.orbit), CALL_WHO_IN);
	if (other == 0)
		return no(480, PARK_NOBODY);
	pickup_ask(w, c, other, park.orbit);
	return (struct feature_verdict){ .taken = true };
}

const struct feature feature_park = { .name = "park", .originate = originate };
