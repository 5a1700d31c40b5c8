/*
 * Where a URI leads, for the worker: addresses stand in it, names are looked up in what DNS said before
 * (model/plans.h), and what is not there is asked of the resolver, which answers by its ring. Nobody
 * waits: the call goes on when the answer is there, or after RESOLVE_MS at the latest. Part of
 * worker.h.
 *
 * What waits here is private to the process. A worker that takes over from one that died asks again
 * for its calls; a resolver that died is asked again when its successor is there.
 */
#ifndef TANDEM_WORKER_RESOLVE_H
#define TANDEM_WORKER_RESOLVE_H

#include "base/pool.h"
#include "base/wheel.h"
#include "ipc/wire.h"
#include "sip/flow.h"
#include "sip/locate.h"
#include "sip/uri.h"

struct worker;
struct resolver_wait; /* opaque: what waits */

enum { RESOLVE_MS = 4000 }; /* less than a caller waits for his 100 to become more */

struct resolved {
	enum locate_status status;
	unsigned n;
	struct locate_place places[LOCATE_PLACES]; /* in the order in which to try them now */
};

struct resolver_wait *resolve_new(struct worker *w); /* fatal() without memory */
void resolve_drop(struct resolver_wait *all);

/*
 * Where does this URI lead? `who` is a call, a leg or a relay, `which` its own word for what it asks.
 *
 *     ERR_NONE    *r_r says it
 *     ERR_AGAIN   it is being looked up: call_on_resolved() or its like will be called once, with both
 *     ERR_SYNTAX  no SIP URI, or a host that is none
 *     ERR_DENIED  we have no listener that could send there
 *     ERR_FULL    too many are waiting
 */
enum err resolve_start(struct worker *w, const struct sip_uri *uri, handle who, uint32_t which,
    struct resolved *r_r);
/* call.c, leg_place.c (and message.h): what `which` of theirs waited for. They may be gone. */
void call_on_resolved(
    struct worker *w, handle call, uint32_t which, const struct resolved *r);
void leg_on_resolved(
    struct worker *w, handle leg, uint32_t which, const struct resolved *r);
/* Is it a listener of ours? */
bool place_is_ours(struct worker *w, const struct locate_place *place);
/* Could this name be looked up and used, by its transport and ours? */
bool resolve_may(struct worker *w, const struct sip_uri *uri);
/* A place as a flow: with the listener that can send there. */
struct sip_flow resolve_flow(struct worker *w, const struct locate_place *place);

/* inbox.c: the resolver's answer, `len` bytes. */
void resolve_answer(struct worker *w, const struct wire_resolved *a, uint32_t len);
/* worker.c: a timer of ours is due; false: it is not one of ours. */
bool resolve_fire(struct worker *w, const struct wheel_timer *t);

#endif
