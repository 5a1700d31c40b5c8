/*
 * Suspended tenant: its subscribers place no calls.
 *
 * Settings: tandem.tenant.suspended. Codes: none. State: none.
 */
#include "worker/worker.h"

static struct feature_verdict
originate(struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *t =
	    rec == NULL ? NULL : directory_tenant(&w->directory, o->tenant, rec);

	(void)c;
	(void)q;
	if (t != NULL && t->suspended)
		return (struct feature_verdict){ .status = 403, .reason = "Suspended" };
	return (struct feature_verdict){ 0 };
}

const struct feature feature_suspended = { .name = "suspended", .originate = originate };
