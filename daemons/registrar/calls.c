/*
 * The calls of those who are watched. The truth stands in the workers' views of their calls
 * (model/callview.h); here is only an index of which views to look at for a user, private and made anew at
 * start.
 *
 *     a user is watched:   his bit is set (model/watched.h), and all views are looked through once
 *     his call changes:    its worker says which view, which goes into the index
 *     a document is due:   the views of the index are read; one that has him no more leaves it
 *
 * A worker whose ring to us was full counts that, and one that was killed is another process: in both
 * cases all is looked through again, and all watchers of calls get what is true now.
 */
#include "registrar/registrar.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "ipc/wire.h"

enum { TRIES = 100, VIEW_BITS = 24, STALE_MAX = 64 };

/* --- the index ---------------------------------------------------------------------------------*/

static uint32_t
place_of(unsigned worker, uint32_t view)
{
	return worker << VIEW_BITS | (view & ((1u << VIEW_BITS) - 1));
}

static void
put(struct registrar *r, uint64_t user, uint32_t place)
{
	uint32_t cursor = 0, value;

	while (table_find(&r->calls, user, &cursor, &value))
		if (value == place)
			return;
	table_put(&r->calls, user, place);
}

static enum err
read_view(const struct registrar *r, uint32_t place, struct view_copy *v_r)
{
	const struct worker_seen *w = &r->workers[place >> VIEW_BITS];
	enum err e = ERR_ABSENT;

	/* One that stays half written is of a worker that was killed; its successor writes it. */
	for (unsigned i = 0; i < TRIES && w->region != NULL; i++) {
		e = call_view_read(
		    w->region, w->size, place & ((1u << VIEW_BITS) - 1), &v_r->view, &v_r->users);
		if (e != ERR_AGAIN)
			break;
	}
	return e;
}

static void
look_through(struct registrar *r, unsigned worker)
{
	struct view_copy *v = r->views;
	enum err e;

	for (uint32_t i = 0; (e = read_view(r, place_of(worker, i), v)) != ERR_RANGE; i++) {
		if (r->workers[worker].region == NULL)
			return;
		for (unsigned k = 0; e == ERR_NONE && k < v->users.n; k++)
			if (subscriptions_of_calls(r, v->users.of[k].user))
				put(r, v->users.of[k].user, place_of(worker, i));
	}
}

/* Those who began to be watched since the last look have no entries yet. */
static void
look_if_due(struct registrar *r)
{
	if (!r->look_due)
		return;
	r->look_due = false;
	for (unsigned i = 0; i < role_most(ROLE_WORKER); i++)
		look_through(r, i);
}

void
calls_watch(struct registrar *r, uint64_t user)
{
	watched_put(r->watched, user);
	r->look_due = true;
}

void
calls_forget(struct registrar *r, uint64_t user)
{
	uint32_t cursor, value;

	for (cursor = 0; table_find(&r->calls, user, &cursor, &value); cursor = 0)
		table_remove(&r->calls, user, value);
	r->forgot = true;
}

/* --- one user's --------------------------------------------------------------------------------*/

static const struct call_view_user *
entry_of(const struct view_copy *v, uint64_t user, bool initiator)
{
	for (unsigned i = 0; i < v->users.n; i++)
		if (v->users.of[i].user == user && (v->users.of[i].initiator != 0) == initiator)
			return &v->users.of[i];
	return NULL;
}

static void
see(struct registrar *r, const struct view_copy *v, const struct call_view_user *e,
    struct seen_call *seen_r)
{
	uint8_t name[17];

	for (unsigned i = 0; i < 16; i++)
		name[i] = v->view.call_id[i];
	name[16] = e->initiator;
	*seen_r = (struct seen_call){ .id = hash_bytes(&r->challenge.key, name, sizeof(name)) | 1,
		.initiator = e->initiator != 0,
		.state = (enum call_user_state)e->state,
		.remote = call_view_text(&v->users, e->remote),
		.remote_name = call_view_text(&v->users, e->remote_name),
		.call_id = call_view_text(&v->users, e->call_id),
		.local_tag = call_view_text(&v->users, e->local_tag),
		.remote_tag = call_view_text(&v->users, e->remote_tag) };
}

static int
by_id(const void *a, const void *b)
{
	const struct seen_call *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

unsigned
calls_of(struct registrar *r, uint64_t user, struct seen_call seen_r[CALLS_SEEN])
{
	uint32_t cursor = 0, value, stale[STALE_MAX];
	unsigned n = 0, views = 0, n_stale = 0;

	look_if_due(r);
	while (table_find(&r->calls, user, &cursor, &value) && views < CALLS_SEEN) {
		struct view_copy *v = &r->views[views];
		bool there = read_view(r, value, v) == ERR_NONE;
		unsigned before = n;

		for (unsigned i = 0; there && i < 2 && n < CALLS_SEEN; i++) {
			const struct call_view_user *e = entry_of(v, user, i == 0);

			if (e != NULL)
				see(r, v, e, &seen_r[n++]);
		}
		views += n > before;
		if (n == before && n_stale < STALE_MAX)
			stale[n_stale++] = value;
	}
	while (n_stale > 0)
		table_remove(&r->calls, user, stale[--n_stale]);
	qsort(seen_r, n, sizeof(*seen_r), by_id);
	return n;
}

/* --- what workers say --------------------------------------------------------------------------*/

void
calls_changed(struct registrar *r, unsigned worker, const struct wire_call_state *w)
{
	if (!subscriptions_of_calls(r, w->user))
		return; /* another user with the same bit, or one who is watched no more */
	put(r, w->user, place_of(worker, w->view));
	subscriptions_calls_changed(r, w->user);
}

static const struct call_views *
views_of(const struct worker_seen *w)
{
	if (w->region == NULL || w->size < PROCESS_HEAD + sizeof(struct call_views))
		return NULL;
	return (const void *)((const char *)w->region + PROCESS_HEAD);
}

/* True: what this worker said may not be all. */
static bool
has_lost(const struct registrar *r, unsigned worker)
{
	struct worker_seen *w = &r->workers[worker];
	const struct process *p = w->region;
	const struct call_views *views = views_of(w);
	uint32_t generation, missed;

	if (views == NULL || !__atomic_load_n(&p->ready, __ATOMIC_ACQUIRE))
		return false;
	generation = __atomic_load_n(&p->generation, __ATOMIC_RELAXED);
	missed = __atomic_load_n(&views->missed, __ATOMIC_ACQUIRE);
	if (generation == w->generation && missed == w->missed)
		return false;
	w->generation = generation;
	w->missed = missed;
	return true;
}

/* Bits of users who are watched no more cost the workers words. */
static void
renew_bits(struct registrar *r)
{
	struct watched now = { 0 };
	struct subscription *s = NULL;

	while ((s = pool_next(&r->subscriptions, s)) != NULL)
		if (packages[s->package].calls)
			watched_put(&now, s->subject);
	watched_replace(r->watched, &now);
	r->forgot = false;
}

void
calls_check(struct registrar *r)
{
	bool lost = false;

	for (unsigned i = 0; i < role_most(ROLE_WORKER); i++)
		lost = has_lost(r, i) || lost;
	if (lost) {
		log_debug("calls are looked through");
		r->look_due = true;
		subscriptions_calls_changed(r, 0);
	}
	if (r->forgot)
		renew_bits(r);
}

void
calls_open(struct registrar *r)
{
	unsigned most = role_most(ROLE_WORKER);

	table_init(&r->calls, 64);
	r->workers = calloc(most, sizeof(*r->workers));
	r->views = calloc(CALLS_SEEN, sizeof(*r->views));
	if (r->workers == NULL || r->views == NULL)
		fatal(errno, "no memory for what is seen of calls");
	for (unsigned i = 0; i < most && r->child.given != NULL; i++) {
		struct worker_seen *w = &r->workers[i];

		w->region = child_region(&r->child, proc_of(ROLE_WORKER, i), &w->size);
	}
	r->forgot = true; /* bits of a former life */
}
