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

static struct feature_refusal
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	(void)w;
	(void)c;
	return called->dnd ? (struct feature_refusal){ 486, NULL } : (struct feature_refusal){ 0 };
}

const struct feature feature_dnd = { "dnd", NULL, terminate };
