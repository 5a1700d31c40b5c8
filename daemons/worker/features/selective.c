/*
 * Selective call forwarding (TS 24.604, RFC 3880): those in the list are sent on, always.
 *
 *     A (in B's list)  tandem     B          C          B's setting: cfs = C
 *     |INVITE--------->|
 *     |                |INVITE-------------->|          at B's cost, as with cfu
 *
 * It goes before cfu: what is said of one caller before what is said of all. Settings: tandem.caller_list
 * of kind forward, tandem.subscriber_service.cfs. Codes: *63 on, *63N to N, *83 off. State: none.
 */
#include "worker/worker.h"

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	if (called->cfs.len == 0 || !screen_lists(w, c, called, DIR_LIST_FORWARD))
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .forward_to = dir_text(called, called->cfs),
		.why = REDIRECT_UNCONDITIONAL,
		.because = "the caller is in the list" };
}

const struct feature feature_selective = { .name = "selective", .terminate = terminate };
