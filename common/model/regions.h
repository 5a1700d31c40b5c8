/*
 * How large each process's own region is and which layout it has: the supervisor makes the regions
 * without knowing the daemons. What stands where in a region is said by the header of its owner's
 * part of the model; here is only their sum.
 *
 *     store      struct process | directory (model/directory.h)
 *     registrar  model/registrar_shape.h
 *     worker     model/worker_shape.h
 *     resolver   struct process | plans (model/plans.h)
 *     front      struct process | 1 MiB of its own
 *     control    struct process | 64 KiB of its own
 */
#ifndef TANDEM_MODEL_REGIONS_H
#define TANDEM_MODEL_REGIONS_H

#include <stddef.h>
#include <stdint.h>

#include "ipc/topology.h"
#include "model/settings.h"

enum { FRONT_BYTES = 1 << 20, CONTROL_BYTES = 64 << 10 };

/* 0 for the supervisor, whose region is the exchange's. */
size_t region_bytes(enum role role, const struct settings *s);
/* Changes whenever a struct in the region does; for shm_make. */
uint64_t region_layout(enum role role);

/* The exchange's region: struct exchange and two copies of the settings. */
size_t exchange_bytes(void);
uint64_t exchange_layout(void);

#endif
