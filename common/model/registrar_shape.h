/*
 * How the registrar's region is divided: the supervisor sizes it, the registrar lays its tables
 * over it.
 *
 *     struct process | locations (model/location.h) | registrar_head | watched
 *     (model/watched.h) | transactions | subscriptions | publications | heap
 *
 * A transaction is made only for a REGISTER with right credentials, to repeat its answer for 32 s;
 * when they are used up it is answered all the same (daemons/registrar/answer.c). One for each
 * subscription is kept back, for its NOTIFY. Slots of subscriptions are given room here, not sizeof,
 * because their struct is the registrar's own; the registrar asserts that it fits.
 */
#ifndef TANDEM_MODEL_REGISTRAR_SHAPE_H
#define TANDEM_MODEL_REGISTRAR_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/settings.h"

struct registrar_head {
	uint64_t loaded; /* 1: bindings of the database are not wanted any more */
	uint64_t pad[7];
};

enum { REGISTRAR_SUBSCRIPTION_BYTES = 448, REGISTRAR_PUBLICATION_BYTES = 320 };

struct registrar_shape {
	uint32_t bindings, txns, txns_reserve, subscriptions, publications;
	uint32_t blocks[HEAP_CLASSES];
	size_t locations_at, locations_size, head_at, watched_at, txns_at, subscriptions_at, publications_at, heap_at, size;
};

void registrar_shape(const struct settings *s, struct registrar_shape *shape_r);
/* Changes whenever a struct in the region does. */
uint64_t registrar_layout(void);

#endif
