/*
 * Speed dial (SERVICES.md C36, GR-570): a short number that stands for a long one, and the call goes on as
 * if that had been dialled, at the cost and with the rights of who dials.
 *
 *     3, 20           what stands at his place 3, 20; unless the tenant has such a number
 *     **3, **20       the same, where no such extension's call could be picked up
 *     *03, *020       the same, whatever else there is
 *     *743number      place 3, of 2 to 9; *7520number: place 20, of 20 to 49: North America
 *     *51*3*number#   any place, 0 to 99; #51*3# takes it away, *#51*3# asks for it: ETSI
 *
 * An emergency number is never one of them, and what stands for a number is taken once: a place does not
 * lead to another place. 403: nothing stands there.
 *
 * Settings: tandem.speed_dial. State: none.
 */
#include "worker/worker.h"

#include <ctype.h>

static bool
place_of(struct span s, unsigned *place_r)
{
	if (s.len == 0 || s.len > 2)
		return false;
	*place_r = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (!isdigit((unsigned char)s.p[i]))
			return false;
		*place_r = *place_r * 10 + (unsigned)(s.p[i] - '0');
	}
	return true;
}

static bool
is_taken(struct worker *w, const struct call *c, struct span number)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));

	return rec == NULL || directory_subscriber(&w->directory, c->tenant, number, rec) != NULL ||
	       directory_number(&w->directory, c->tenant, number, rec) != NULL;
}

/* Does it mean a place, and which? */
static bool
means_place(struct worker *w, const struct call *c, struct span dialled, unsigned *place_r)
{
	struct dir_code code;
	struct code_args a;

	if (code_action(w, c, dialled, &code, &a)) {
		if (span_eq(span_str(code.action), SPAN("speed.dial")))
			return place_of(a.number, place_r);
		if (!span_eq(span_str(code.action), SPAN("pickup.directed")))
			return false;
		dialled = a.number;
	}
	return place_of(dialled, place_r) && !emergency_is(w, c->tenant, dialled) &&
	       !is_taken(w, c, dialled);
}

bool
speed_number(
    struct worker *w, const struct call *c, const struct route_query *q, struct dir_speed *speed_r)
{
	unsigned place;

	return means_place(w, c, q->dialled, &place) &&
	       route_is_ours(w, c->tenant, q).status == 0 &&
	       directory_speed(&w->directory, c->account, place, speed_r);
}

/* Not to be asked when there was a number. */
struct feature_verdict
speed_refused(struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	(void)w;
	(void)c;
	(void)o;
	(void)a;
	return (struct feature_verdict){ .status = 403, .reason = "No number stands there" };
}
