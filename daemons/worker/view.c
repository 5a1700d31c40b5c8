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

static void
put_who(struct worker *w, const struct call *c)
{
	struct call_who who;

	callstate_who(w, c, &who);
	call_who_put(views_of(w), pool_index(&w->calls, c), &who);
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
	/* One that was left half written is written again. */
	bool same = v->call == pool_handle(&w->calls, c) && (v->version & 1) == 0;
	struct call_view_users before = { 0 };

	if (same && v->state == state && v->answer_ns == (s == NULL ? 0 : s->answer_ns) &&
	    !callstate_has_changed(w, c, v))
		return;
	if (same)
		before = v->users;
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
	callstate_put(w, c, &v->users);
	put_who(w, c);
	call_view_end(v);
	mark_used(w, v);
	callstate_tell(w, c, &before, &v->users);
}

void
view_clear(struct worker *w, const struct call *c)
{
	struct call_view *v = view_of(w, c);
	struct call_view_users before = v->users;

	call_view_begin(v);
	v->state = CALL_VIEW_NONE;
	v->call = 0;
	v->users.n = 0;
	call_who_put(views_of(w), pool_index(&w->calls, c), NULL);
	call_view_end(v);
	callstate_tell(w, c, &before, &v->users);
}
