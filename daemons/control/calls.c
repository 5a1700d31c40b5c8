/* The calls that are up or being set up, from the workers' views. */
#include <string.h>

#include "control/control.h"
#include "model/callview.h"
#include "model/uuid.h"

enum { TRIES = 100 };

/* A view that is being written is looked at again; one whose writer died in between is left out. */
static enum err
view_read(const void *region, size_t size, uint32_t i, struct call_view *v_r)
{
	enum err e = ERR_AGAIN;

	for (int t = 0; e == ERR_AGAIN && t < TRIES; t++)
		e = call_view_read(region, size, i, v_r, NULL);
	return e;
}

json_t *
call_row(const struct control *k, const struct call_view *v)
{
	uint64_t now = k->child.clock.mono_ns;
	bool up = v->answer_ns != 0 && now > v->answer_ns;
	char id[40], since[40];
	struct buf i = buf_on(id, sizeof(id) - 1), s = buf_on(since, sizeof(since) - 1);

	uuid_put(&i, v->call_id);
	clock_put_utc(&s, v->setup_wall_ms);
	id[i.len] = '\0';
	since[s.len] = '\0';
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "id", id, "state",
	    call_view_state_name((enum call_view_state)v->state), "from", v->from, "to", v->to,
	    "connected", v->connected, "since", since, "duration",
	    (json_int_t)(up ? (now - v->answer_ns) / NS_PER_S : 0));
}

typedef bool (*see_fn)(struct control *k, unsigned worker, const struct call_view *v, void *ctx);

/* Calls each view of each worker; stops when `see` says true. */
static bool
views_walk(struct control *k, see_fn see, void *ctx)
{
	for (unsigned w = 0; w < role_most(ROLE_WORKER); w++) {
		unsigned proc = proc_of(ROLE_WORKER, w);
		struct call_view v;
		size_t size;
		const void *region =
		    process_of(k, proc) == NULL ? NULL : child_region(&k->child, proc, &size);
		enum err e = region == NULL ? ERR_RANGE : ERR_NONE;

		for (uint32_t i = 0; e != ERR_RANGE; i++) {
			e = view_read(region, size, i, &v);
			if (e == ERR_NONE && see(k, w, &v, ctx))
				return true;
		}
	}
	return false;
}

static bool
list_one(struct control *k, unsigned worker, const struct call_view *v, void *ctx)
{
	(void)worker;
	reply_row(ctx, call_row(k, v));
	return false;
}

void
list_calls(struct control *k, struct client *c, const json_t *args)
{
	(void)args;
	reply_rows(c);
	views_walk(k, list_one, c);
	reply_rows_end(c);
}

struct wanted {
	const uint8_t *id;
	struct call_view *view;
	unsigned *worker;
};

static bool
is_wanted(struct control *k, unsigned worker, const struct call_view *v, void *ctx)
{
	struct wanted *w = ctx;

	(void)k;
	if (memcmp(v->call_id, w->id, 16) != 0)
		return false;
	*w->view = *v;
	*w->worker = worker;
	return true;
}

bool
call_find(struct control *k, const uint8_t id[16], struct call_view *v_r, unsigned *worker_r)
{
	return views_walk(k, is_wanted, &(struct wanted){ id, v_r, worker_r });
}
