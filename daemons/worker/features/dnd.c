/*
 * Do not disturb: the subscriber is busy to everyone.
 *
 *     A        tandem        B (dnd on)
 *     |INVITE--->|
 *     |<----- 486|
 *
 * Settings: tandem.subscriber_service.dnd. State: none.
 */
#include "worker/worker.h"

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	(void)w;
	(void)c;
	return (
	    struct feature_verdict){ .status = called->dnd ? 486 : 0, .because = "do not disturb" };
}

const struct feature feature_dnd = { .name = "dnd", .terminate = terminate };
