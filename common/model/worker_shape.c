/* The worker's region, divided. See worker_shape.h. */
#include "model/worker_shape.h"

#include "ipc/process.h"
#include "ipc/shm.h"
#include "model/callview.h"
#include "sip/txn.h"

static size_t
page_up(size_t n)
{
	return (n + 4095) & ~(size_t)4095;
}

void
worker_shape(const struct settings *s, struct worker_shape *shape_r)
{
	struct worker_shape *x = shape_r;
	uint32_t share = s->limits.calls / s->processes.workers;

	/* Calls are dealt by a hash: a worker gets more than its share now and then. */
	x->calls = share + share / 4 + 64;
	x->legs = x->calls * 2 + x->calls / 2 + 64;
	/* A call's four transactions linger 32 s after it was set up or torn down: a busy worker has
	 * far more of them than calls. */
	x->txns = x->calls * 4 + 65536;
	/* What lasts as long as its call goes into small blocks; what a transaction keeps, mostly into
	 * those of 1 KiB. */
	x->blocks[0] = x->calls * 12;
	x->blocks[1] = x->calls * 6;
	x->blocks[2] = x->calls * 4 + x->txns;
	x->blocks[HEAP_SMALL] = x->calls * 4 + x->txns * 2;
	x->blocks[HEAP_SMALL + 1] = x->calls + x->txns / 2;
	x->blocks[HEAP_SMALL + 2] = x->calls / 2 + x->txns / 4;
	x->blocks[HEAP_SMALL + 3] = x->calls / 8 + 512;
	x->blocks[HEAP_SMALL + 4] = 256;

	x->views_at = PROCESS_HEAD;
	x->groups_at = page_up(x->views_at + call_views_bytes(x->calls));
	x->recents_at = page_up(x->groups_at + WORKER_GROUP_WORDS * sizeof(struct group_word));
	x->completions_at = page_up(x->recents_at + WORKER_RECENTS * sizeof(struct recent));
	x->calls_at = page_up(x->completions_at + COMPLETIONS * sizeof(struct completion));
	x->legs_at = page_up(x->calls_at + (size_t)x->calls * WORKER_CALL_BYTES);
	x->txns_at = page_up(x->legs_at + (size_t)x->legs * WORKER_LEG_BYTES);
	x->heap_at = page_up(x->txns_at + (size_t)x->txns * sizeof(struct txn));
	x->size = page_up(x->heap_at + heap_bytes(x->blocks));
}

uint64_t
worker_layout(void)
{
	uint64_t l = SHM_LAYOUT;

	l = shm_layout(l, sizeof(struct process));
	l = shm_layout(l, sizeof(struct call_view));
	l = shm_layout(l, sizeof(struct call_view_users));
	l = shm_layout(l, sizeof(struct call_who));
	l = shm_layout(l, sizeof(struct call_who_links));
	l = shm_layout(l, sizeof(struct group_word));
	l = shm_layout(l, sizeof(struct recent));
	l = shm_layout(l, sizeof(struct completion));
	l = shm_layout(l, WORKER_CALL_BYTES);
	l = shm_layout(l, WORKER_LEG_BYTES);
	l = shm_layout(l, WORKER_NOTE_KINDS);
	l = shm_layout(l, WORKER_NOTE_TEXTS);
	l = shm_layout(l, WORKER_NOTE_BYTES);
	l = shm_layout(l, HEAP_CLASSES);
	return shm_layout(l, sizeof(struct txn));
}
