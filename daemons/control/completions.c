/* Calls that wait to be completed, from the workers' slots (model/completion.h). */
#include "base/buf.h"
#include "control/control.h"
#include "model/completion.h"
#include "model/worker_shape.h"

static const struct completion *
slots_of(struct control *k, unsigned worker)
{
	unsigned proc = proc_of(ROLE_WORKER, worker);
	struct worker_shape shape;
	size_t size;
	const char *region =
	    process_of(k, proc) == NULL ? NULL : child_region(&k->child, proc, &size);

	worker_shape(child_settings(&k->child), &shape);
	return region == NULL || size < shape.size ? NULL
						   : (const void *)(region + shape.completions_at);
}

static void
list_one(struct control *k, struct client *c, const struct completion *x)
{
	uint64_t now = k->child.clock.mono_ns;

	if (x->until_ns <= now && x->state == COMPLETION_WAITING)
		return;
	reply_row(c, json_pack("{s:s, s:s, s:s, s:s, s:I, s:i}", "caller", x->user, "called",
			 x->called_user, "reason", completion_reason_name(x->reason), "state",
			 x->state == COMPLETION_RECALLING ? "recall" : "waits", "expires",
			 (json_int_t)(x->until_ns > now ? (x->until_ns - now) / NS_PER_S : 0),
			 "tries", x->tries));
}

void
list_completions(struct control *k, struct client *c, const json_t *args)
{
	(void)args;
	reply_rows(c);
	for (unsigned w = 0; w < role_most(ROLE_WORKER); w++) {
		const struct completion *slots = slots_of(k, w);
		struct completion x;

		for (unsigned i = 0; slots != NULL && i < COMPLETIONS; i++)
			if (completion_read(&slots[i], &x))
				list_one(k, c, &x);
	}
	reply_rows_end(c);
}
