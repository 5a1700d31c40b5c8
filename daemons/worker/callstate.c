/*
 * Who is in a call, for those who watch him (model/callview.h). A subscriber has one entry for each
 * direction, made of all his phones: the phones that ring at once are one call to him, and that one of
 * them answered is what counts, not that the others were cancelled.
 *
 *     call ---> view: an entry for each subscriber
 *       |
 *       +-----> the registrar is told, if somebody watches one of them (model/watched.h)
 */
#include "worker/worker.h"

#include <string.h>

#include "model/registrar_shape.h"
#include "model/watched.h"
#include "sip/addr.h"
#include "sip/fields.h"

/* --- what is there ------------------------------------------------------------------------------*/

static enum call_user_state
state_of_caller(const struct call *c)
{
	switch ((enum call_state)c->state) {
	case CALL_ROUTING:
		return CALL_USER_TRYING;
	case CALL_RINGING:
		return c->attempt.progress > 100 ? CALL_USER_EARLY : CALL_USER_TRYING;
	case CALL_UP:
		return CALL_USER_CONFIRMED;
	case CALL_ENDING:
	case CALL_N_STATES:
		break;
	}
	return CALL_USER_NONE;
}

static enum call_user_state
state_of(const struct call *c, const struct party *p)
{
	if (p->gone || p->elsewhere || c->state == CALL_ENDING)
		return CALL_USER_NONE;
	switch ((enum party_role)p->role) {
	case PARTY_CALLER:
		return state_of_caller(c);
	case PARTY_BRANCH:
		/* One that was refused or given up waits only for the end of its leg. */
		return p->status >= 200 || p->passed_over ? CALL_USER_NONE
		       : p->ring_ms != 0		  ? CALL_USER_EARLY
							  : CALL_USER_TRYING;
	case PARTY_CALLED:
		return CALL_USER_CONFIRMED;
	case PARTY_BRIDGE:
		break;
	}
	return CALL_USER_NONE;
}

/* Its dialog's identifiers: the leg has them first, and the party when the leg is elsewhere. */
struct ids {
	struct kept call_id, local_tag, remote_tag;
};

static struct ids
ids_of(struct worker *w, const struct party *p)
{
	const struct leg *l = p->role == PARTY_BRIDGE ? NULL : leg_at(w, p->leg);

	if (l == NULL || l->dialog.remote_tag.len == 0)
		return (struct ids){ p->sip_call_id, p->local_tag, p->remote_tag };
	return (struct ids){ l->dialog.call_id, l->dialog.local_tag, l->dialog.remote_tag };
}

uint64_t
callstate_signature(struct worker *w, const struct call *c)
{
	uint64_t sum = 1469598103934665603ull;

	for (const struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next)) {
		sum = (sum ^ p->number) * 1099511628211ull;
		sum = (sum ^ state_of(c, p)) * 1099511628211ull;
		sum = (sum ^ p->peer) * 1099511628211ull;
		sum = (sum ^ ids_of(w, p).remote_tag.at) * 1099511628211ull;
	}
	sum = (sum ^ c->transfer.orbit.at) * 1099511628211ull;
	return sum + (sum == 0);
}

/* --- the entries --------------------------------------------------------------------------------*/

static struct call_view_text
put_text(struct call_view_users *u, struct span s)
{
	struct call_view_text t = { (uint16_t)u->used, (uint16_t)s.len };

	if (s.len == 0 || s.len > CALL_VIEW_TEXT - u->used)
		return (struct call_view_text){ 0, 0 };
	memcpy(u->text + u->used, s.p, s.len);
	u->used += (uint32_t)s.len;
	return t;
}

/* Whose phone is it? 0: nobody's of ours. */
static uint64_t
user_of(struct worker *w, const struct call *c, const struct party *p)
{
	struct span user = kept_span(&w->heap, p->user);

	return user.len == 0 ? 0 : call_user_hash(&w->key, c->tenant, user);
}

static struct call_view_user *
entry_of(struct call_view_users *u, uint64_t user, bool initiator)
{
	struct call_view_user *e;

	for (e = u->of; e < u->of + u->n; e++)
		if (e->user == user && e->initiator == initiator)
			return e;
	if (u->n == CALL_VIEW_USERS)
		return NULL;
	*e = (struct call_view_user){ .user = user, .initiator = initiator };
	u->n++;
	return e;
}

#define NOBODY SPAN("anonymous")

/* Behind a bridge is whom the other call named. */
static void
put_bridged(
    struct worker *w, const struct party *who, struct call_view_users *u, struct call_view_user *e)
{
	struct buf user = scratch_buf(w, 256);
	struct sip_addr a;
	struct sip_uri uri;

	if (sip_addr_parse(kept_span(&w->heap, who->address), &a) == ERR_NONE &&
	    sip_uri_parse(a.uri, &uri) == ERR_NONE)
		sip_uri_user(&uri, &user);
	e->remote = put_text(u, user.len > 0 && buf_ok(&user) ? buf_span(&user) : NOBODY);
}

/* This party, as it shows itself to whom it talks with. */
static void
put_shown(struct worker *w, const struct call *c, const struct party *who,
    struct call_view_users *u, struct call_view_user *e)
{
	const struct segment *s = segment_of(w, c, who);
	struct heap *h = &w->heap;

	if (!party_is_shown(w, c, who)) {
		e->remote = put_text(u, NOBODY);
	} else if (party_is_bridge(who)) {
		put_bridged(w, who, u, e);
	} else if (heap_offset(h, who) == c->caller) {
		e->remote = put_text(u, kept_span(h, c->user));
		e->remote_name = put_text(u, kept_span(h, c->name));
	} else if (s != NULL) {
		e->remote =
		    put_text(u, kept_span(h, s->connected.len > 0 ? s->connected : s->called));
	}
}

/* Whom he dialled, and who answered when he is told that. */
static void
put_dialled(struct worker *w, const struct call *c, const struct party *caller,
    const struct party *by, struct call_view_users *u, struct call_view_user *e)
{
	const struct segment *s = segment_first(w, c);
	bool told =
	    s != NULL && s->connected.len > 0 && by != NULL && connected_tells(w, c, caller, by);

	if (s != NULL)
		e->remote = put_text(u, kept_span(&w->heap, told ? s->connected : s->called));
}

/* The other side, as it is shown to this one, and no more than that: nobody learns by a lamp what the phone
 * itself does not say (RFC 4235 6, SERVICES.md C12). */
static void
put_remote(struct worker *w, const struct call *c, const struct party *p, struct call_view_users *u,
    struct call_view_user *e)
{
	const struct segment *first = segment_first(w, c);
	const struct target *t = target_at(w, p->target);
	const struct party *who = party_peer(w, p);
	size_t used = w->scratch_used;

	if (t != NULL && t->no_clip)
		e->remote = put_text(u, NOBODY);
	else if (recall_rings(w, c) && first != NULL)
		e->remote = put_text(u, kept_span(&w->heap, first->called));
	else if (p->role == PARTY_CALLER &&
		 (who == NULL || (first != NULL && first->by == heap_offset(&w->heap, who))))
		put_dialled(w, c, p, who, u, e);
	else
		put_shown(w, c, who != NULL ? who : party_waiting(w, c), u, e);
	w->scratch_used = used;
}

static void
put_party(struct worker *w, const struct call *c, const struct party *p, struct call_view_users *u)
{
	enum call_user_state state = state_of(c, p);
	struct ids ids = ids_of(w, p);
	struct call_view_user *e;
	uint64_t user = state == CALL_USER_NONE ? 0 : user_of(w, c, p);

	e = user == 0 ? NULL : entry_of(u, user, p->role == PARTY_CALLER);
	if (e == NULL || e->state >= state)
		return;
	e->state = (uint8_t)state;
	if (e->remote.len == 0)
		put_remote(w, c, p, u, e);
	/* Local is the phone's side. */
	e->call_id = put_text(u, kept_span(&w->heap, ids.call_id));
	e->local_tag = put_text(u, kept_span(&w->heap, ids.remote_tag));
	e->remote_tag = put_text(u, kept_span(&w->heap, ids.local_tag));
}

static uint64_t
orbit_of(struct worker *w, const struct call *c)
{
	struct span orbit = kept_span(&w->heap, c->transfer.orbit);

	return orbit.len == 0 || c->state != CALL_UP ? 0
						     : call_user_hash(&w->key, c->tenant, orbit);
}

/* The orbit in which somebody waits is like a user whose phone talks with him; there is no
 * dialog of its own to be named. */
static void
put_orbit(struct worker *w, const struct call *c, struct call_view_users *u)
{
	uint64_t orbit = orbit_of(w, c);
	struct call_view_user *e = orbit == 0 ? NULL : entry_of(u, orbit, false);

	if (e == NULL)
		return;
	e->state = CALL_USER_CONFIRMED;
	put_shown(w, c, party_at(w, c->transfer.transferee), u, e);
}

/* --- who is told --------------------------------------------------------------------------------*/

static const struct watched *
watched_of(struct worker *w)
{
	struct registrar_shape shape;
	const char *region;
	size_t size;

	if (w->watched != NULL)
		return w->watched;
	region = child_region(&w->child, proc_of(ROLE_REGISTRAR, 0), &size);
	registrar_shape(w->settings, &shape);
	if (region != NULL && size >= shape.size)
		w->watched = (const void *)(region + shape.watched_at);
	return w->watched;
}

/* Its ring may be full: then it looks through all views, once it sees the count (DESIGN.md rule 7). */
static void
tell(struct worker *w, const struct call *c, uint64_t user)
{
	struct call_views *views = (struct call_views *)(void *)w->views - 1;
	struct ring *out = child_out(&w->child, ROLE_REGISTRAR, 0);
	struct wire_call_state *r;

	r = out == NULL ? NULL : ring_reserve(out, WIRE_CALL_STATE, sizeof(*r));
	if (r == NULL) {
		__atomic_store_n(&views->missed, views->missed + 1, __ATOMIC_RELEASE);
		return;
	}
	*r = (struct wire_call_state){ .user = user, .view = pool_index(&w->calls, c) };
	ring_commit(out, sizeof(*r));
}

static void
tell_all(struct worker *w, const struct call *c, const struct call_view_users *u)
{
	const struct watched *watched = u->n == 0 ? NULL : watched_of(w);

	for (unsigned i = 0; watched != NULL && i < u->n; i++)
		if (watched_has(watched, u->of[i].user))
			tell(w, c, u->of[i].user);
}

/* --- from view.c --------------------------------------------------------------------------------*/

void
callstate_put(struct worker *w, const struct call *c, struct call_view_users *u)
{
	u->n = u->used = 0;
	put_orbit(w, c, u);
	for (const struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next))
		put_party(w, c, p, u);
}

static bool
is_rung(enum call_user_state state, const struct party *p)
{
	return p->role == PARTY_BRANCH && (state == CALL_USER_TRYING || state == CALL_USER_EARLY);
}

/* Where it is in the list, or is put; `most`: there is no room. */
static unsigned
place_of(uint64_t *list, unsigned most, uint64_t one)
{
	unsigned k = 0;

	while (k < most && list[k] != one && list[k] != 0)
		k++;
	if (k < most)
		list[k] = one;
	return k;
}

void
callstate_who(struct worker *w, const struct call *c, struct call_who *who_r)
{
	uint64_t orbit = orbit_of(w, c);

	*who_r = (struct call_who){ 0 };
	if (orbit != 0)
		place_of(who_r->user, CALL_WHO_USERS, orbit);
	for (const struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next)) {
		enum call_user_state state = state_of(c, p);
		uint64_t user = state == CALL_USER_NONE ? 0 : user_of(w, c, p);
		const struct target *t = target_at(w, p->target);
		unsigned k =
		    user == 0 ? CALL_WHO_USERS : place_of(who_r->user, CALL_WHO_USERS, user);

		if (user != 0 && p->role == PARTY_CALLER && c->once & ONCE_ALONE)
			place_of(who_r->user, CALL_WHO_USERS,
			    ~user); /* one more that nobody is: see callstate_alone() */
		/* A recall is his alone who asked for it: nobody picks it up. */
		if (user == 0 || !is_rung(state, p) || recall_rings(w, c))
			continue;
		if (k < CALL_WHO_USERS)
			who_r->rung |= 1ull << k;
		if (t != NULL && t->pickup != 0)
			place_of(who_r->group, CALL_WHO_GROUPS, t->pickup);
	}
}

static const struct call_views *
views_of(struct worker *w, unsigned worker)
{
	const char *region;
	size_t size;

	if (worker == w->child.index)
		return (const struct call_views *)(const void *)w->views - 1;
	if (w->views_of[worker] == NULL) {
		region = child_region(&w->child, proc_of(ROLE_WORKER, worker), &size);
		if (region != NULL && size >= w->shape.size)
			w->views_of[worker] = (const void *)(region + w->shape.views_at);
	}
	return w->views_of[worker];
}

static unsigned
count_calls(struct worker *w, const struct call *c, uint64_t hash)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->settings->processes.workers; i++) {
		const struct call_views *views = views_of(w, i);
		bool own = i == w->child.index;

		if (views != NULL)
			n += call_who_count(
			    views, hash, own && c != NULL ? pool_index(&w->calls, c) : UINT32_MAX);
	}
	return n;
}

unsigned
callstate_count(struct worker *w, uint32_t tenant, const struct call *c, struct span user)
{
	return count_calls(w, c, call_user_hash(&w->key, tenant, user));
}

bool
callstate_alone(struct worker *w, uint32_t tenant, const struct call *c, struct span user)
{
	return count_calls(w, c, ~call_user_hash(&w->key, tenant, user)) > 0;
}

/* Of those that are wanted so, is it a better one than what was found? Then it is *v_r. */
static void
compare(
    const struct call_views *views, uint32_t i, enum call_who_as as, const struct call_view **v_r)
{
	const struct call_view *v = (const struct call_view *)(views + 1) + i, *was = *v_r;
	uint32_t state = __atomic_load_n(&v->state, __ATOMIC_ACQUIRE);
	bool rings = state == CALL_VIEW_ROUTING || state == CALL_VIEW_RINGING;
	uint64_t began_ns = __atomic_load_n(&v->setup_ns, __ATOMIC_RELAXED);

	if (as == CALL_WHO_IN ? state != CALL_VIEW_UP : !rings)
		return;
	if (was == NULL || (as == CALL_WHO_IN) == (began_ns > was->setup_ns))
		*v_r = v;
}

handle
callstate_find(struct worker *w, uint64_t hash, enum call_who_as as)
{
	const struct call_view *found = NULL;

	for (unsigned k = 0; k < w->settings->processes.workers; k++) {
		const struct call_views *views = views_of(w, k);

		for (uint32_t i = 0; views != NULL && call_who_next(views, hash, as, &i); i++)
			compare(views, i, as, &found);
	}
	return found == NULL ? 0 : __atomic_load_n(&found->call, __ATOMIC_RELAXED);
}

bool
callstate_has(struct worker *w, uint64_t hash)
{
	for (unsigned k = 0; k < w->settings->processes.workers; k++) {
		const struct call_views *views = views_of(w, k);
		uint32_t i = 0;

		if (views != NULL && call_who_next(views, hash, CALL_WHO_IN, &i))
			return true;
	}
	return false;
}

void
callstate_tell(struct worker *w, const struct call *c, const struct call_view_users *before,
    const struct call_view_users *now)
{
	struct call_view_users left = { 0 };

	tell_all(w, c, now);
	for (unsigned i = 0; i < before->n; i++) {
		unsigned k = 0;

		while (k < now->n && now->of[k].user != before->of[i].user)
			k++;
		if (k == now->n)
			left.of[left.n++] = before->of[i];
	}
	tell_all(w, c, &left);
}
