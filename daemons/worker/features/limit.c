/*
 * Call waiting and the call limit (TS 24.615, RFC 7462; FLOWS.md S1-13): how many calls a subscriber has
 * at once, those he made and those that came.
 *
 *     C        tandem        A, talking with B       call_waiting on, call_limit not reached
 *     |INVITE--->|           |
 *     |          |INVITE---->|  Alert-Info: <urn:alert:service:call-waiting>
 *     |<---------|<------180 |
 *
 *     |INVITE--->|           |                       call_waiting off, or call_limit reached
 *     |<----- 486|           |                       busy, which forwarding on busy hears of
 *
 *     *70N: as with call_waiting off, while the call lasts that A made so (TS 24.615 cancel per call)
 *
 *     A, at his limit, dials: 403, he may not. (Not 486, as some exchanges say: nobody is busy whom he
 *     called, and his record must not say so.) A call that he sends on does not occupy him, nor does
 *     one whose place he takes (RFC 3891): both pass.
 *
 * Settings: tandem.subscriber_service.call_waiting, call_limit. Codes: *43# #43#; for one call *70N
 * #43#N. State: call.once; what he has is counted in the calls that exist (callstate.c).
 */
#include "worker/worker.h"

static struct feature_verdict
originate(struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	const struct dir_subscriber *s = o->subscriber;
	bool his_own = q != NULL && o->kind == ORIGIN_SUBSCRIBER && o->account == c->account;

	if (!his_own || s->call_limit == 0 ||
	    callstate_count(w, c->tenant, c, dir_text(s, s->user)) < s->call_limit)
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .status = 403, .reason = "Call limit reached" };
}

bool
limit_is_reached(struct worker *w, uint32_t tenant, const struct call *c,
    const struct dir_subscriber *s, unsigned *n_r)
{
	struct span user = dir_text(s, s->user);
	unsigned n = callstate_count(w, tenant, c, user);

	*n_r = n;
	return n > 0 && (!s->call_waiting || (s->call_limit != 0 && n >= s->call_limit) ||
			    callstate_alone(w, tenant, c, user));
}

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	unsigned n;

	if (limit_is_reached(w, c->tenant, c, called, &n))
		return (struct feature_verdict){ .status = 486,
			.because = "he talks, and no other call is to reach him" };
	c->attempt.waits = n > 0;
	if (n > 0)
		decision_words(w, c, "limit", dir_text(called, called->user),
		    "he talks already: this call waits");
	return (struct feature_verdict){ 0 };
}

const struct feature feature_limit = {
	.name = "limit", .originate = originate, .terminate = terminate
};
