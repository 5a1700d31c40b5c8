/* The registrar's region, divided. See registrar_shape.h. */
#include "model/registrar_shape.h"

#include "ipc/process.h"
#include "ipc/shm.h"
#include "model/location.h"
#include "model/watched.h"
#include "sip/txn.h"

/* A REGISTER as a record takes 1.5 to 3 KiB, its answer less than the rest of the block: 12,000 of
 * them in 32 s are a registration of 24,000 phones a minute. */
enum { TXNS = 12288 };

static size_t
page_up(size_t n)
{
	return (n + 4095) & ~(size_t)4095;
}

void
registrar_shape(const struct settings *s, struct registrar_shape *shape_r)
{
	struct registrar_shape *x = shape_r;

	*x = (struct registrar_shape){ .bindings = s->limits.bindings,
		.txns = TXNS + s->limits.subscriptions,
		.txns_reserve = s->limits.subscriptions,
		.subscriptions = s->limits.subscriptions,
		.publications = s->limits.subscriptions };
	/* A subscription's dialog is 0.5 to 1 KiB, its NOTIFY 1 to 4. */
	x->blocks[HEAP_SMALL] = TXNS / 4 + 2 * x->subscriptions;
	x->blocks[HEAP_SMALL + 1] = TXNS / 2;
	x->blocks[HEAP_SMALL + 2] = TXNS / 2 + x->subscriptions;
	x->blocks[HEAP_SMALL + 3] = 256 + x->subscriptions / 16;
	x->blocks[HEAP_SMALL + 4] = 16;
	x->locations_at = PROCESS_HEAD;
	x->locations_size = locations_bytes(x->bindings);
	x->head_at = page_up(x->locations_at + x->locations_size);
	x->watched_at = x->head_at + sizeof(struct registrar_head);
	x->txns_at = x->watched_at + sizeof(struct watched);
	x->subscriptions_at = page_up(x->txns_at + x->txns * sizeof(struct txn));
	x->publications_at =
	    page_up(x->subscriptions_at + (size_t)x->subscriptions * REGISTRAR_SUBSCRIPTION_BYTES);
	x->heap_at =
	    page_up(x->publications_at + (size_t)x->publications * REGISTRAR_PUBLICATION_BYTES);
	x->size = page_up(x->heap_at + heap_bytes(x->blocks));
}

uint64_t
registrar_layout(void)
{
	uint64_t l = SHM_LAYOUT;

	l = shm_layout(l, sizeof(struct process));
	l = shm_layout(l, sizeof(struct binding));
	l = shm_layout(l, sizeof(struct location));
	l = shm_layout(l, sizeof(struct registrar_head));
	l = shm_layout(l, sizeof(struct watched));
	l = shm_layout(l, REGISTRAR_SUBSCRIPTION_BYTES);
	l = shm_layout(l, REGISTRAR_PUBLICATION_BYTES);
	l = shm_layout(l, HEAP_CLASSES);
	return shm_layout(l, sizeof(struct txn));
}
