/*
 * Call pickup (SERVICES.md C29, RFC 5359 2.11): a colleague's phone rings, and one answers it at his own.
 *
 *     A         tandem           B                    D
 *     |INVITE B--->|INVITE------>|                    |
 *     |<--------180|<---------180|                    |
 *     |            |<-----------------------INVITE **B|   or *8
 *     |<--------200|CANCEL------>|  Reason: 200       |   A talks with D, and is told so
 *     |            |200-------------------------------->|
 *
 * **EXT: the call that rings at this extension of his tenant. *8: one that rings at a member of his pickup
 * group; whoever is in none is refused, 403. Of several the one that rings longest. Nobody rings, or
 * another was faster: 403. In whatever worker the call is; what passes between the two: call_pickup.c.
 *
 * Settings: tandem.subscriber_service.pickup_group. State: none; it is a call joined to another.
 */
#include "worker/worker.h"

static struct feature_verdict
ask(struct worker *w, struct call *c, struct span user, uint64_t hash, enum call_who_as as)
{
	handle other = callstate_find(w, hash, as);

	code_is_free(w, c);
	if (other == 0)
		return (struct feature_verdict){ .status = 403, .reason = PICKUP_NOBODY };
	pickup_ask(w, c, other, user);
	return (struct feature_verdict){ .taken = true };
}

struct feature_verdict
pickup_directed(struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s =
	    rec == NULL ? NULL : route_subscriber(w, c->tenant, a->number, rec);
	struct span user;

	(void)o;
	if (s == NULL && rec != NULL && route_group(w, c->tenant, a->number, rec) != NULL)
		return (struct feature_verdict){ .status = 404,
			.reason = "That is a group: name the member who rings" };
	if (s == NULL)
		return (struct feature_verdict){ .status = 404, .reason = "No such extension" };
	user = dir_text(s, s->user);
	return ask(w, c, user, call_user_hash(&w->key, c->tenant, user), CALL_WHO_RUNG);
}

struct feature_verdict
pickup_group(struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	struct span group = dir_text(o->subscriber, o->subscriber->pickup_group);

	(void)a;
	if (group.len == 0)
		return (struct feature_verdict){ .status = 403, .reason = "In no pickup group" };
	return ask(w, c, SPAN_NONE, call_group_hash(&w->key, c->tenant, group), CALL_WHO_GROUP);
}
