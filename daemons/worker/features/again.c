/*
 * Call return and redial (SERVICES.md C34, C35, GR-227): a code stands for a number that the exchange
 * remembers, and the call goes on as if that had been dialled, at the cost and with the rights of who dials.
 *
 *     *69           who called last, whether the call was answered or not
 *     *870, **0#    what was dialled last, whatever came of it, hidden when it was then (*67); no code is
 *     *89           *69 is over: who called is forgotten
 *     *51           who called last is shown (the store tells it, from the records)
 *
 * Who withheld his number, or gave none that can be called, is not called back: 403, as when nobody has
 * called, or nothing was dialled, or last what is of another domain.
 *
 * Settings: none. State: recent.c, in shared memory.
 */
#include "worker/worker.h"

#include <ctype.h>

#define WITHHELD SPAN("?")

/* What a caller says of himself is dialled by who calls him back: never a code, nor a call for help; and
 * of a gateway's caller a number alone, not a name that is somebody's here. */
static bool
may_be_called(struct worker *w, const struct call *c, struct span number)
{
	size_t i = number.len > 0 && number.p[0] == '+';

	if (number.len == i || number.p[0] == '*' || number.p[0] == '#' ||
	    emergency_is(w, c->tenant, number))
		return false;
	while (c->origin == ORIGIN_GATEWAY && i < number.len && isdigit((unsigned char)number.p[i]))
		i++;
	return c->origin != ORIGIN_GATEWAY || i == number.len;
}

bool
again_number(struct worker *w, const struct call *c, struct span dialled, struct span *number_r,
    unsigned *once_r)
{
	struct dir_code code;
	struct code_args args;
	enum recent_kind kind;

	if (!code_action(w, c, dialled, &code, &args))
		return false;
	if (span_eq(span_str(code.action), SPAN("return.call")))
		kind = RECENT_CALLER;
	else if (span_eq(span_str(code.action), SPAN("redial")))
		kind = RECENT_DIALLED;
	else
		return false;
	*number_r = recent_find(w, kind, c->account);
	*once_r = recent_once(w, kind, c->account);
	return number_r->len > 0 && !span_eq(*number_r, WITHHELD);
}

/* Not to be asked when it could be called. */
struct feature_verdict
again_refused(struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	bool withheld = span_eq(recent_find(w, RECENT_CALLER, o->account), WITHHELD);

	(void)c;
	(void)a;
	return (struct feature_verdict){ .status = 403,
		.reason = withheld ? "The last caller withheld his number" : "Nobody has called" };
}

struct feature_verdict
redial_refused(struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	bool outside = recent_at(w, RECENT_DIALLED, o->account) != 0;

	(void)c;
	(void)a;
	return (struct feature_verdict){ .status = 403,
		.reason = outside ? "What was dialled last is of another domain"
				  : "Nothing has been dialled" };
}

/* A number of another domain would lead to somebody else by itself: nothing is dialled again then. */
void
again_dialled(struct worker *w, const struct call *c, const struct route_query *q)
{
	struct span s = q->dialled;

	if (c->origin != ORIGIN_SUBSCRIBER || s.len == 0 || s.p[0] == '*' || s.p[0] == '#')
		return;
	if (route_is_ours(w, c->tenant, q).status == 0)
		recent_put_once(w, RECENT_DIALLED, c->account, s, c->once);
	else
		recent_put(w, RECENT_DIALLED, c->account, SPAN_NONE);
}

void
again_rung(struct worker *w, const struct call *c, const struct target *t)
{
	struct span number = kept_span(&w->heap, c->number.len > 0 ? c->number : c->user);

	if (t->kind != TARGET_CONTACT || t->user.len == 0 ||
	    (c->recall != 0 ? recall_rings(w, c) : c->state == CALL_UP))
		return;
	recent_put(w, RECENT_CALLER, t->account,
	    caller_is_hidden(c) || !may_be_called(w, c, number) ? WITHHELD : number);
}

void
again_forget(struct worker *w, uint64_t account)
{
	recent_put(w, RECENT_CALLER, account, SPAN_NONE);
}
