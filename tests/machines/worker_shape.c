/* A double of the region's shape: pools as large as a test wants them. */
#include <string.h>

#include "worker_rig.h"

struct rig_size rig_size = { 16, 64, 4096 + 512, { 512, 512, 256, 4096, 256, 1024, 128, 8 } };

static size_t
page_up(size_t n)
{
	return (n + 4095) & ~(size_t)4095;
}

void
worker_shape(const struct settings *s, struct worker_shape *x)
{
	(void)s;
	*x = (struct worker_shape){ .calls = rig_size.calls,
		.legs = rig_size.legs,
		.txns = rig_size.txns,
		.views_at = PROCESS_HEAD };
	memcpy(x->blocks, rig_size.blocks, sizeof(x->blocks));
	x->groups_at = page_up(x->views_at + call_views_bytes(x->calls));
	x->recents_at = page_up(x->groups_at + WORKER_GROUP_WORDS * sizeof(struct group_word));
	x->completions_at = page_up(x->recents_at + WORKER_RECENTS * sizeof(struct recent));
	x->calls_at = page_up(x->completions_at + COMPLETIONS * sizeof(struct completion));
	x->legs_at = page_up(x->calls_at + (size_t)x->calls * WORKER_CALL_BYTES);
	x->txns_at = page_up(x->legs_at + (size_t)x->legs * WORKER_LEG_BYTES);
	x->heap_at = page_up(x->txns_at + (size_t)x->txns * sizeof(struct txn));
	x->size = page_up(x->heap_at + heap_bytes(x->blocks));
}

void
rig_open_region(struct worker *w, unsigned other)
{
	const char *region = rig->regions[other];

	w->views_of[other] = (const void *)(region + w->shape.views_at);
	w->recents_of[other] = (const void *)(region + w->shape.recents_at);
	w->completions_of[other] = (const void *)(region + w->shape.completions_at);
}
