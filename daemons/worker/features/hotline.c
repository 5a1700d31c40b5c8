/*
 * Hotline and warm line (fixed destination call, ETS 300 738; SERVICES.md C43): a phone that calls one number
 * by itself.
 *
 *     A (hotline=1002)          tandem             1002
 *     |INVITE sip:pbx.test------->|                  |   delayed: nothing was dialled
 *     |INVITE sip:5551234@pbx---->|                  |   immediate: whatever was
 *     |                           |INVITE----------->|   as if 1002 had been dialled
 *
 * How long after the handset is lifted a phone gives up waiting for digits is the phone's affair: it then
 * sends an INVITE that names nobody, or a number that it was given for this; with delayed a number that is
 * dialled goes its way. An emergency number and a service code always do: it is switched off by one. Another
 * domain that is called without a name is a way too. A number that has become an emergency number since it
 * was set is not called by a lifted handset.
 *
 * Settings: tandem.subscriber_service.hotline, hotline_mode. Codes: *53*N# #53# *53# *#53#. State: none.
 */
#include "worker/worker.h"

bool
hotline_acts(struct worker *w, const struct origin *o, const struct route_query *q)
{
	const struct dir_subscriber *caller = o->subscriber;
	struct span dialled = q->dialled;

	if (caller->hotline.len == 0 || emergency_is_called(w, o, q) ||
	    emergency_is(w, o->tenant, dir_text(caller, caller->hotline)))
		return false;
	if (dialled.len == 0)
		return route_is_home(w, o->tenant, q).status == 0;
	return caller->hotline_immediate && dialled.p[0] != '*' && dialled.p[0] != '#';
}
