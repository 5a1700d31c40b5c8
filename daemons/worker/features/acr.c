/*
 * Anonymous call rejection (TS 24.611, RFC 5079): who hides his number is not put through.
 *
 *     A (hidden)  tandem     B (acr on)
 *     |INVITE--->|
 *     |<----- 433|
 *
 * Settings: tandem.subscriber_service.acr. Codes: *77 *87, *99# #99#. State: none.
 */
#include "worker/worker.h"

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	(void)w;
	if (!called->acr || !caller_is_hidden(c))
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .status = 433, .because = "the caller hides" };
}

const struct feature feature_acr = { .name = "acr", .terminate = terminate };
