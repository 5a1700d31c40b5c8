/*
 * The features, in the order in which they act: this list is the reviewed specification of their
 * interaction (SERVICES.md). A feature is one file and one line here, with the reason for its place.
 */
#include "worker/worker.h"

static const struct feature *const features[] = {
	&feature_emergency, /* before all: nothing stands in its way */
	&feature_suspended, /* a suspended tenant's subscribers do nothing at all */
	&feature_code,	    /* originating: a code is dialled, nobody is called */
	&feature_park,	    /* originating: an orbit is dialled, which is nobody's number either */
	&feature_voicemail, /* originating: who may not call outside may leave and hear messages */
	&feature_barring,   /* terminating 2; originating before the limit, which may change */
	&feature_block,	    /* 3: whom he named, before whom he did not */
	&feature_accept,    /* 4 */
	&feature_acr,	    /* terminating 5: who hides is not sent on either */
	&feature_selective, /* 6: of one caller before of all */
	&feature_forward,   /* 6: always forwarding goes before DND, which it makes pointless */
	&feature_dnd,	    /* 7: busy to everyone, which forwarding on busy hears of */
	&feature_limit,	    /* 8: and so is one who has as many calls as he wants */
	&feature_priority,  /* 10: how it rings, now that it does */
	&feature_follow_me, /* 10: beside his phones, when nothing stood in the way of these */
};
enum { N_FEATURES = sizeof(features) / sizeof(features[0]) };

static bool
is_silent(const struct feature_verdict *v)
{
	return v->status == 0 && v->forward_to.len == 0 && !v->settled && !v->taken;
}

/* --- what a verdict says, for the call's decisions ----------------------------------------------*/

static const char *
why_word(enum redirect_reason why)
{
	switch (why) {
	case REDIRECT_UNCONDITIONAL:
		return "always";
	case REDIRECT_BUSY:
		return "busy";
	case REDIRECT_NO_ANSWER:
		return "nobody answers";
	case REDIRECT_UNREACHABLE:
		return "not reachable";
	case REDIRECT_DEFLECTION:
	case REDIRECT_GROUP:
	case REDIRECT_NONE:
		break;
	}
	return "so it is set";
}

static void
note(struct worker *w, struct call *c, const struct feature *f, struct span of,
    const struct feature_verdict *v)
{
	char text[160];
	struct buf b = buf_on(text, sizeof(text));

	if (v->forward_to.len > 0) {
		buf_str(&b, v->because != NULL ? v->because : why_word(v->why));
		buf_lit(&b, ": goes on to ");
		buf_put(&b, v->forward_to);
	} else if (v->because != NULL) {
		buf_str(&b, v->because);
	} else if (v->status == 0) {
		buf_str(&b,
		    v->taken ? "it is not a call to anybody" : "the other features are not asked");
	}
	if (v->status != 0) {
		buf_str(&b, b.len > 0 ? ": " : "");
		buf_u64(&b, v->status);
		buf_char(&b, ' ');
		buf_str(&b, v->reason != NULL ? v->reason : sip_reason(v->status));
	}
	decision_note(w, c, f->name, of, buf_span(&b));
}

/* --- the features are asked ---------------------------------------------------------------------*/

static struct span
origin_name(const struct origin *o)
{
	if (o->subscriber != NULL)
		return dir_text(o->subscriber, o->subscriber->user);
	return o->gateway != NULL ? dir_text(o->gateway, o->gateway->name) : SPAN_NONE;
}

struct feature_verdict
features_originate(
    struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	struct feature_verdict v = { 0 };

	for (unsigned i = 0; i < N_FEATURES && is_silent(&v); i++) {
		if (features[i]->originate == NULL)
			continue;
		v = features[i]->originate(w, c, o, q);
		if (!is_silent(&v))
			note(w, c, features[i], origin_name(o), &v);
	}
	return v;
}

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called, bool follow)
{
	struct span user = dir_text(called, called->user);
	struct feature_verdict v = { 0 };

	for (unsigned i = 0; i < N_FEATURES && is_silent(&v); i++) {
		if (features[i]->terminate == NULL)
			continue;
		v = features[i]->terminate(w, c, called);
		if (is_silent(&v))
			continue;
		if (follow || v.forward_to.len == 0) {
			note(w, c, features[i], user, &v);
			continue;
		}
		decision_words(
		    w, c, features[i]->name, user, "the group ignores what its members set");
		v = (struct feature_verdict){ 0 };
	}
	return v;
}

struct feature_verdict
features_terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	return terminate(w, c, called, true);
}

struct feature_verdict
features_member(struct worker *w, struct call *c, const struct dir_subscriber *called, bool follow)
{
	return terminate(w, c, called, follow);
}

bool
features_ring(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	unsigned before = c->attempt.n_targets;

	for (unsigned i = 0; i < N_FEATURES; i++)
		if (features[i]->ring != NULL)
			features[i]->ring(w, c, called);
	return c->attempt.n_targets > before;
}

struct feature_verdict
features_refused(
    struct worker *w, struct call *c, const struct dir_subscriber *called, enum refusal_kind how)
{
	struct feature_verdict v = { 0 };

	for (unsigned i = 0; i < N_FEATURES && is_silent(&v); i++) {
		if (features[i]->refused == NULL)
			continue;
		v = features[i]->refused(w, c, called, how);
		if (!is_silent(&v))
			note(w, c, features[i], dir_text(called, called->user), &v);
	}
	return v;
}
