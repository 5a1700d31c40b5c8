/*
 * Emergency numbers (RFC 6443, RFC 5031; TS 24.607 for the identity; BILLING.md R22): whoever calls one is
 * put through, whatever else is set for him or his tenant.
 *
 *     A (suspended, barred, at his limit, clir on)   tandem         gateway
 *     |INVITE 112---------------------------------->|               |
 *     |                                             |INVITE-------->|  From and identity of A, no Privacy
 *
 *     no other feature of A's is asked; who calls is shown, also to one who asked to be hidden;
 *     the way there is the tenant's route with the longest prefix, as for every number: one with the
 *     emergency number as its prefix is its own. The record is of class emergency and costs nothing.
 *
 *     When one of them calls back, through a gateway, no setting of the called one's stands in the way.
 *
 *     In another domain (sip:112@partner.example) it is a name like any other.
 *
 *     Nobody is forwarded or deflected there: whose call came so far did not dial it: 403. A call that
 *     comes from a gateway is none of ours to classify.
 *
 * The numbers are those of tandem.is_emergency(), which keeps them from being anybody's extension, and are
 * there in every country, also when no table can be read: a roaming phone dials what it knows. 933 is the
 * test number. Those of tandem.emergency_number are the tenant's country's besides.
 *
 * Settings: tandem.tenant.country, tandem.emergency_number. Codes: none. State: none.
 */
#include "worker/worker.h"

bool
emergency_is(struct worker *w, uint32_t tenant, struct span number)
{
	static const char *const numbers[] = { "112", "911", "999", "000", "110", "118", "119",
		"933" };

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (span_eq(number, span_str(numbers[i])))
			return true;
	return number.len > 0 && directory_emergency(&w->directory, tenant, number);
}

bool
emergency_is_called(struct worker *w, const struct origin *o, const struct route_query *q)
{
	return emergency_is(w, o->tenant, q->dialled) && route_is_ours(w, o->tenant, q).status == 0;
}

static bool
is_sent_on(const struct call *c, const struct origin *o)
{
	return c->state != CALL_UP && (c->attempt.forwards > 0 || o->account != c->account);
}

static struct feature_verdict
originate(struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	if (q == NULL || o->kind == ORIGIN_GATEWAY || !emergency_is(w, o->tenant, q->dialled))
		return (struct feature_verdict){ 0 };
	if (is_sent_on(c, o))
		return (struct feature_verdict){ .status = 403,
			.reason = "Not forwarded to an emergency number" };
	if (!emergency_is_called(w, o, q))
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .settled = true,
		.because = "an emergency number: nothing stands in its way" };
}

/* They call back: no setting of his keeps them from it (SERVICES.md, terminating 1). */
static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	(void)called;
	if (c->origin != ORIGIN_GATEWAY ||
	    !emergency_is(w, c->tenant, kept_span(&w->heap, c->user)))
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .settled = true,
		.because = "an emergency number calls back: nothing stands in its way" };
}

const struct feature feature_emergency = {
	.name = "emergency", .originate = originate, .terminate = terminate
};
