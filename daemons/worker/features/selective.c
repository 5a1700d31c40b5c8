/*
 * Selective call forwarding (TS 24.604, RFC 3880): some calls are sent on, always.
 *
 *     A (in B's list)  tandem     B          C          B's setting: cfs = C
 *     |INVITE--------->|
 *     |                |INVITE-------------->|          at B's cost, as with cfu
 *
 * Which calls: by rules, each of which says by who calls, by local time in B's tenant (days, times of the day,
 * dates) and by Priority (RFC 3261 20.26), which are meant and where they go. Of a rule all that is set must
 * hold; the first such rule sends the call on. Then those whose callers are in the list, to cfs.
 *
 * It goes before cfu: what is said of some calls before what is said of all. Settings: tandem.forward_rule,
 * tandem.caller_list of kind forward, tandem.subscriber_service.cfs. Codes, for both: *63 on, *63N the list to
 * N, *83 off. State: none.
 */
#include "worker/worker.h"

/* Of the time that it is; a call that is only explained may be asked about at another one. */
static struct local_time
time_of(struct worker *w, const struct call *c, const struct dir_subscriber *called)
{
	struct dir_buf room;
	const struct dir_tenant *t = directory_tenant(&w->directory, called->tenant, &room);
	const struct zone utc = { 0 };

	return zone_local(
	    t == NULL ? &utc : &t->zone, c->dry ? c->setup_ms : w->child.clock.wall_ms);
}

static bool
is_met(struct worker *w, const struct call *c, const struct dir_rules *all,
    const struct dir_rule *r, const struct local_time *now)
{
	struct span callers = dir_text(all, r->callers);

	return (r->priorities == 0 || r->priorities & 1u << party_at(w, c->caller)->priority) &&
	       (!r->timed || hours_hold(&r->hours, now)) &&
	       (callers.len == 0 || screen_words(w, c, callers));
}

/* "rule 2, sat 18:05"; in scratch. */
static const char *
because(struct worker *w, const struct dir_rule *r, const struct local_time *now)
{
	struct buf b = scratch_buf(w, 32);

	buf_printf(&b, "rule %u", r->position);
	if (r->timed)
		buf_printf(&b, ", %s %02u:%02u", zone_weekday(now->weekday), now->minute / 60u,
		    now->minute % 60u);
	buf_char(&b, '\0');
	return buf_ok(&b) ? buf_span(&b).p : "a rule";
}

static struct feature_verdict
by_rules(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	struct local_time now = time_of(w, c, called);
	size_t used = w->scratch_used;
	struct dir_buf room;
	const struct dir_rules *all = directory_rules(&w->directory, called->id, &room);

	for (uint32_t i = 0; all != NULL && i < all->n; i++) {
		const struct dir_rule *r = &all->rules[i];
		bool met = is_met(w, c, all, r, &now);

		w->scratch_used = used;
		if (met)
			return (struct feature_verdict){ .forward_to =
							     scratch_keep(w, dir_text(all, r->to)),
				.why = REDIRECT_UNCONDITIONAL,
				.because = because(w, r, &now) };
	}
	return (struct feature_verdict){ 0 };
}

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	struct feature_verdict v = { 0 };

	if (called->rules)
		v = by_rules(w, c, called);
	if (v.forward_to.len > 0)
		return v;
	if (called->cfs.len == 0 || !screen_lists(w, c, called, DIR_LIST_FORWARD))
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .forward_to = dir_text(called, called->cfs),
		.why = REDIRECT_UNCONDITIONAL,
		.because = "the caller is in the list" };
}

const struct feature feature_selective = { .name = "selective", .terminate = terminate };
