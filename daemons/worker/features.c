/*
 * The features, in the order in which they act: this list is the reviewed specification of their
 * interaction (SERVICES.md). A feature is one file and one line here, with the reason for its place.
 */
#include "worker/worker.h"

static const struct feature *const features[] = {
	&feature_suspended, /* first: a suspended tenant's subscribers do nothing at all */
	&feature_dnd,	    /* terminating 7: before busy, whose reasons it does not need */
};

struct feature_refusal
features_originate(struct worker *w, struct call *c, const struct origin *o)
{
	struct feature_refusal no = { 0 };

	for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]) && no.status == 0; i++)
		if (features[i]->originate != NULL)
			no = features[i]->originate(w, c, o);
	return no;
}

struct feature_refusal
features_terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	struct feature_refusal no = { 0 };

	for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]) && no.status == 0; i++)
		if (features[i]->terminate != NULL)
			no = features[i]->terminate(w, c, called);
	return no;
}
