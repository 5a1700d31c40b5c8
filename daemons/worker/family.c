/*
 * A family: targets whose INVITEs share Call-ID and From tag, and with them To and CSeq, as the branches
 * of a proxy's fork do (FLOWS.md S2-27, 1.12 (1)). A device that is registered twice then answers the
 * second with 482, which is no refusal.
 *
 *     who is rung                  shares with
 *     the contacts of one user     one another; with fork.callid = "unique" nobody
 *     the gateways of a route      nobody: two of them may lead to one switch, which would take the
 *                                  second attempt for the first one that came twice
 *     whom a redirection names     the redirected one, with the next CSeq (S4-04), but for a user or
 *                                  number of ours, which is a family by itself
 */
#include "worker/worker.h"

#include "base/rand.h"

static struct family *
family_at(struct worker *w, uint32_t offset)
{
	return offset == 0 ? NULL : heap_at(&w->heap, offset);
}

struct family *
family_of(struct worker *w, const struct target *t)
{
	return family_at(w, t->family);
}

/* At least 128 random bits and no address of ours inside (FLOWS.md S3-05). */
static struct kept
make_call_id(struct worker *w, struct call *c)
{
	uint8_t bytes[20];
	char text[40];
	struct buf b = buf_on(text, sizeof(text));

	rand_bytes(bytes, sizeof(bytes));
	buf_hex(&b, bytes, sizeof(bytes));
	return call_keep(w, c, buf_span(&b));
}

bool
family_begin(struct worker *w, struct call *c)
{
	struct family *f = arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), sizeof(*f));

	if (f == NULL)
		return false;
	f->call_id = make_call_id(w, c);
	c->attempt.family = heap_offset(&w->heap, f);
	return f->call_id.len > 0;
}

/* One that nothing was added to yet serves. */
static bool
is_fresh(struct worker *w, const struct call *c)
{
	for (const struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (t->family == c->attempt.family)
			return false;
	return true;
}

bool
family_join(struct worker *w, struct call *c, struct target *t)
{
	bool alone = t->kind == TARGET_GATEWAY || w->settings->fork_unique;

	if ((c->attempt.family == 0 || (alone && !is_fresh(w, c))) && !family_begin(w, c))
		return false;
	t->family = c->attempt.family;
	return true;
}
