/*
 * The features, in the order in which they act: this list is the reviewed specification of their
 * interaction (SERVICES.md). A feature is one file and one line here, with the reason for its place.
 */
#include "worker/worker.h"

static const struct feature *const features[] = {
	&feature_emergency, /* before all: nothing stands in its way */
	&feature_suspended, /* a suspended tenant's subscribers do nothing at all */
	&feature_code,	    /* originating: a code is dialled, nobody is called */
	&feature_barring,   /* terminating 2; originating before the limit, which may change */
	&feature_acr,	    /* terminating 5: who hides is not sent on either */
	&feature_forward,   /* 6: always forwarding goes before DND, which it makes pointless */
	&feature_dnd,	    /* 7: busy to everyone, which forwarding on busy hears of */
	&feature_limit,	    /* 8: and so is one who has as many calls as he wants */
};
enum { N_FEATURES = sizeof(features) / sizeof(features[0]) };

static bool
is_silent(const struct feature_verdict *v)
{
	return v->status == 0 && v->forward_to.len == 0 && !v->settled && !v->taken;
}

struct feature_verdict
features_originate(
    struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	struct feature_verdict v = { 0 };

	for (unsigned i = 0; i < N_FEATURES && is_silent(&v); i++)
		if (features[i]->originate != NULL)
			v = features[i]->originate(w, c, o, q);
	return v;
}

struct feature_verdict
features_terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	struct feature_verdict v = { 0 };

	for (unsigned i = 0; i < N_FEATURES && is_silent(&v); i++)
		if (features[i]->terminate != NULL)
			v = features[i]->terminate(w, c, called);
	return v;
}

struct feature_verdict
features_member(struct worker *w, struct call *c, const struct dir_subscriber *called, bool follow)
{
	struct feature_verdict v = { 0 };

	for (unsigned i = 0; i < N_FEATURES && is_silent(&v); i++)
		if (features[i]->terminate != NULL && (follow || features[i] != &feature_forward))
			v = features[i]->terminate(w, c, called);
	return v;
}

struct feature_verdict
features_refused(
    struct worker *w, struct call *c, const struct dir_subscriber *called, enum refusal_kind how)
{
	struct feature_verdict v = { 0 };

	for (unsigned i = 0; i < N_FEATURES && is_silent(&v); i++)
		if (features[i]->refused != NULL)
			v = features[i]->refused(w, c, called, how);
	return v;
}
