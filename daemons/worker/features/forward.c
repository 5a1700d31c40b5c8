/*
 * Call forwarding (TS 24.604, RFC 5359 2.6 to 2.8): who sends a call on, and when.
 *
 *     setting   acts                                        codes
 *     cfu       always, before a phone rings                *72 *73, *21*number# #21#
 *     cfb       busy: 486, 600, DND, call limit             *90 *91, *67*number# #67#
 *     cfnr      a phone rang for cfnr_timeout               *92 *93, *61*number# #61#
 *     cfnrc     not registered, or nothing comes back       *94 *95, *62*number# #62#
 *
 * Settings: tandem.subscriber_service.cfu, cfb, cfnr, cfnrc, cfnr_timeout. State: none; what was sent on
 * stands in the segments (call_forward.c).
 */
#include "worker/worker.h"

static struct feature_verdict
onward(const struct dir_subscriber *s, struct dir_text number, enum redirect_reason why)
{
	return (struct feature_verdict){ .forward_to = dir_text(s, number), .why = why };
}

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	(void)w;
	(void)c;
	return onward(called, called->cfu, REDIRECT_UNCONDITIONAL);
}

static struct feature_verdict
refused(
    struct worker *w, struct call *c, const struct dir_subscriber *called, enum refusal_kind how)
{
	(void)w;
	(void)c;
	switch (how) {
	case REFUSED_BUSY:
		return onward(called, called->cfb, REDIRECT_BUSY);
	case REFUSED_NO_ANSWER:
		return onward(called, called->cfnr, REDIRECT_NO_ANSWER);
	case REFUSED_UNREACHABLE:
		return onward(called, called->cfnrc, REDIRECT_UNREACHABLE);
	case REFUSED_OTHERWISE:
		break;
	}
	return (struct feature_verdict){ 0 };
}

const struct feature feature_forward = {
	.name = "forward", .terminate = terminate, .refused = refused
};
