/*
 * Lists of callers: is who calls in one of the called subscriber's (model/directory.h, dir_list)?
 *
 * A caller is looked for by his number and by his name, with and without + or 00 in front. One who hides
 * is found as "anonymous"; by what he hides only to be blocked, which tells the called side nothing.
 */
#include "worker/worker.h"

static bool
is_in(struct worker *w, const struct dir_subscriber *s, enum dir_list list, struct span caller)
{
	static const char *const fronts[] = { "", "+", "00" };
	struct span rest = caller;

	if (caller.len == 0 || caller.len > DIR_CALLER_MAX)
		return false;
	if (directory_listed(&w->directory, s->id, list, caller))
		return true;
	if (caller.p[0] == '+')
		rest = span_from(caller, 1);
	else if (caller.len > 2 && span_eq(span_first(caller, 2), SPAN("00")))
		rest = span_from(caller, 2);
	for (unsigned i = 0; i < 3; i++) {
		struct buf b = scratch_buf(w, DIR_CALLER_MAX + 2);

		buf_str(&b, fronts[i]);
		buf_put(&b, rest);
		if (directory_listed(&w->directory, s->id, list, buf_span(&b)))
			return true;
	}
	return false;
}

bool
screen_lists(
    struct worker *w, const struct call *c, const struct dir_subscriber *s, enum dir_list list)
{
	bool hidden = caller_is_hidden(c);

	if (!(s->lists & 1u << list))
		return false;
	if (hidden && directory_listed(&w->directory, s->id, list, SPAN("anonymous")))
		return true;
	if (hidden && list != DIR_LIST_BLOCK)
		return false;
	return is_in(w, s, list, kept_span(&w->heap, c->number)) ||
	       is_in(w, s, list, kept_span(&w->heap, c->user));
}
