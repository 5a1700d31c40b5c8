/* The call as others see it (model/callview.h), written whenever its state changes. */
#include "worker/worker.h"

#include <string.h>

static struct call_view *
view_of(struct worker *w, const struct call *c)
{
	return &w->views[pool_index(&w->calls, c)];
}

static void
put_text(struct worker *w, char to[64], struct kept k)
{
	struct span s = kept_span(&w->heap, k);

	memset(to, 0, 64);
	for (size_t i = 0; i < s.len && i < 63; i++)
		to[i] = s.p[i] >= ' ' && s.p[i] != 0x7f ? s.p[i] : '?';
}

static enum call_view_state
state_of(const struct call *c)
{
	switch ((enum call_state)c->state) {
	case CALL_ROUTING:
		return CALL_VIEW_ROUTING;
	case CALL_RINGING:
		return c->attempt.progress != 0 ? CALL_VIEW_RINGING : CALL_VIEW_ROUTING;
	case CALL_UP:
		return CALL_VIEW_UP;
	case CALL_ENDING:
	case CALL_N_STATES:
		break;
	}
	return CALL_VIEW_ENDING;
}

static struct call_views *
views_of(struct worker *w)
{
	return (struct call_views *)(void *)w->views - 1;
}

static struct call_view_users *
users_at(struct worker *w, const struct call *c)
{
	return call_view_users_at(views_of(w), pool_index(&w->calls, c));
}

/* Who is in it, counted and shown. A call between gateways has nobody, and the places for them stay
 * untouched. False: there is nobody, and was not before. */
static bool
put_users(
    struct worker *w, const struct call *c, struct call_view *v, struct call_view_users *before_r)
{
	struct call_view_users *u = users_at(w, c);
	struct call_who who;

	callstate_who(w, c, &who);
	if (who.user[0] == 0 && !v->has_users)
		return false;
	before_r->n = 0;
	if (v->has_users)
		*before_r = *u;
	/* Until all of it is written: a kill leaves something to be cleared. */
	__atomic_store_n(&v->has_users, 1, __ATOMIC_RELEASE);
	callstate_put(w, c, u);
	call_who_put(views_of(w), pool_index(&w->calls, c), &who);
	__atomic_store_n(&v->has_users, who.user[0] != 0, __ATOMIC_RELEASE);
	return true;
}

static void
mark_used(struct worker *w, const struct call_view *v)
{
	struct call_views *views = views_of(w);
	uint32_t used = (uint32_t)(v - w->views) + 1;

	if (views->used < used)
		__atomic_store_n(&views->used, used, __ATOMIC_RELEASE);
}

/* Who answered, or the last to whom the call was transferred. */
static struct kept
connected(struct worker *w, const struct call *c)
{
	struct kept last = { 0 };

	for (const struct segment *s = segment_first(w, c); s != NULL; s = segment_at(w, s->next))
		if (s->connected.len > 0)
			last = s->connected;
	return last;
}

void
view_update(struct worker *w, struct call *c)
{
	struct call_view *v = view_of(w, c);
	const struct segment *s = segment_first(w, c);
	enum call_view_state state = state_of(c);
	uint64_t signature = callstate_signature(w, c);
	/* One that was left half written is written again. */
	bool same = v->call == pool_handle(&w->calls, c) && (v->version & 1) == 0, anybody;
	struct call_view_users before;

	if (same && v->state == state && v->answer_ns == (s == NULL ? 0 : s->answer_ns) &&
	    v->signature == signature)
		return;
	call_view_begin(v);
	v->state = state;
	v->call = pool_handle(&w->calls, c);
	memcpy(v->call_id, c->call_id, sizeof(v->call_id));
	v->tenant = c->tenant;
	v->setup_wall_ms = c->setup_ms;
	v->answer_wall_ms = s == NULL ? 0 : s->answer_ms;
	v->setup_ns = s == NULL ? 0 : s->start_ns;
	v->answer_ns = s == NULL ? 0 : s->answer_ns;
	put_text(w, v->from, c->user);
	put_text(w, v->to, c->dialled);
	put_text(w, v->connected, connected(w, c));
	v->signature = signature;
	anybody = put_users(w, c, v, &before);
	call_view_end(v);
	mark_used(w, v);
	if (anybody)
		callstate_tell(w, c, &before, users_at(w, c));
}

void
view_clear(struct worker *w, const struct call *c)
{
	struct call_view *v = view_of(w, c);
	struct call_view_users before = { 0 }, none = { 0 };

	call_view_begin(v);
	v->state = CALL_VIEW_NONE;
	v->call = 0;
	if (v->has_users) {
		before = *users_at(w, c);
		call_who_put(views_of(w), pool_index(&w->calls, c), NULL);
	}
	__atomic_store_n(&v->has_users, 0, __ATOMIC_RELEASE);
	call_view_end(v);
	callstate_tell(w, c, &before, &none);
}
