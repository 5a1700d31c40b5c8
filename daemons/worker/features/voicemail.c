/*
 * Voicemail (SERVICES.md C45): a system of its own, a gateway's or a subscriber's, at a number that the tenant
 * has named. A user's calls come there by his forwards; nobody pays for that part (BILLING.md R19).
 *
 *     A           tandem          B           voicemail (800)        B's setting: cfnr = 800
 *     |INVITE B--->|INVITE-------->|           |
 *     |            |CANCEL-------->|           |
 *     |            |INVITE 800, Diversion: B-->|                     whose mailbox it is
 *
 * Whoever may place calls may call it and send his calls there: no barring is asked, no limit. Who calls
 * it pays as for any number: who listens, and who was called by nobody. As a code says no number, *97 and
 * *98 stand for it: whose mailbox is asked for there, by who calls or by the number that he keys in.
 *
 * In another domain the number is a name like any other.
 *
 * Settings: tandem.tenant.voicemail. Codes: *97 *98. State: the segment's kind and payer.
 */
#include "worker/worker.h"

static struct span
without_plus(struct span number)
{
	return number.len > 0 && number.p[0] == '+' ? span_from(number, 1) : number;
}

/* Empty: it has none. */
static struct span
number_of(struct worker *w, uint32_t tenant)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *t =
	    rec == NULL ? NULL : directory_tenant(&w->directory, tenant, rec);

	return t == NULL ? SPAN_NONE : span_str(t->voicemail);
}

bool
voicemail_number(struct worker *w, const struct call *c, struct span dialled, struct span *number_r)
{
	struct dir_code code;
	struct code_args a;

	if (!code_action(w, c, dialled, &code, &a) ||
	    (!span_eq(span_str(code.action), SPAN("vm.own")) &&
		!span_eq(span_str(code.action), SPAN("vm.any"))))
		return false;
	*number_r = number_of(w, c->tenant);
	return number_r->len > 0;
}

/* Not to be asked when there is one. */
struct feature_verdict
voicemail_refused(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	(void)w;
	(void)c;
	(void)o;
	(void)a;
	return (struct feature_verdict){ .status = 403, .reason = "There is no voicemail" };
}

/* He to whom the caller was sent on there pays nothing. */
static void
deposit(struct worker *w, struct call *c)
{
	struct segment *s = segment_at(w, c->attempt.segment);

	if (s == NULL || s->redirects == 0)
		return;
	s->kind = SEGMENT_VOICEMAIL;
	s->payer = PAYER_NOBODY;
	s->payer_account = 0;
	s->payer_number = (struct kept){ 0 };
}

static struct feature_verdict
originate(struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	struct span number = number_of(w, c->tenant);

	if (q == NULL || o->kind != ORIGIN_SUBSCRIBER || number.len == 0 ||
	    !span_eq(without_plus(q->dialled), without_plus(number)) ||
	    route_is_ours(w, c->tenant, q).status != 0)
		return (struct feature_verdict){ 0 };
	deposit(w, c);
	return (struct feature_verdict){ .settled = true, .because = "the tenant's voicemail" };
}

const struct feature feature_voicemail = { .name = "voicemail", .originate = originate };
