/* Calls that wait to be completed, from the workers' slots (model/completion.h), with their domains from the
 * store's table. */
#include "base/buf.h"
#include "control/control.h"
#include "model/completion.h"
#include "model/directory.h"
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

static bool
names_open(struct control *k, struct directory *d_r)
{
	size_t size;
	const char *region = child_region(&k->child, proc_of(ROLE_STORE, 0), &size);

	return region != NULL && size >= PROCESS_HEAD &&
	       directory_open(d_r, region + PROCESS_HEAD, size - PROCESS_HEAD) == ERR_NONE;
}

/* Both are of one tenant, in which alone their names mean somebody. names: NULL, there are none. */
static void
list_one(struct control *k, struct client *c, struct directory *names, const struct completion *x)
{
	static struct dir_buf rec; /* too large for the stack */
	const struct dir_tenant *t =
	    names == NULL ? NULL : directory_tenant(names, x->tenant, &rec);
	uint64_t now = k->child.clock.mono_ns;

	if (x->until_ns <= now && x->state == COMPLETION_WAITING)
		return;
	reply_row(c, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:i}", "caller", x->user, "called",
			 x->called_user, "domain", t == NULL ? "" : t->realm, "reason",
			 completion_reason_name(x->reason), "state",
			 x->state == COMPLETION_RECALLING ? "recall" : "waits", "expires",
			 (json_int_t)(x->until_ns > now ? (x->until_ns - now) / NS_PER_S : 0),
			 "tries", x->tries));
}

void
list_completions(struct control *k, struct client *c, const json_t *args)
{
	struct directory names;
	bool named = names_open(k, &names);

	(void)args;
	reply_rows(c);
	for (unsigned w = 0; w < role_most(ROLE_WORKER); w++) {
		const struct completion *slots = slots_of(k, w);
		struct completion x;

		for (unsigned i = 0; slots != NULL && i < COMPLETIONS; i++)
			if (completion_read(&slots[i], &x))
				list_one(k, c, named ? &names : NULL, &x);
	}
	reply_rows_end(c);
	if (named)
		records_close(&names.records);
}
