/* The sizes and layouts of the regions. */
#include "model/regions.h"

#include "ipc/process.h"
#include "ipc/shm.h"
#include "model/directory.h"
#include "model/plans.h"
#include "model/registrar_shape.h"
#include "model/worker_shape.h"

static size_t
page_up(size_t n)
{
	return (n + 4095) & ~(size_t)4095;
}

size_t
region_bytes(enum role role, const struct settings *s)
{
	struct registrar_shape registrar;
	struct worker_shape shape;

	switch (role) {
	case ROLE_STORE:
		return page_up(PROCESS_HEAD + directory_bytes(s->limits.subscribers));
	case ROLE_REGISTRAR:
		registrar_shape(s, &registrar);
		return registrar.size;
	case ROLE_CONTROL:
		return PROCESS_HEAD + CONTROL_BYTES;
	case ROLE_FRONT:
		return PROCESS_HEAD + FRONT_BYTES;
	case ROLE_RESOLVER:
		return page_up(PROCESS_HEAD + plans_bytes());
	case ROLE_WORKER:
		worker_shape(s, &shape);
		return shape.size;
	case ROLE_SUPERVISOR:
	case N_ROLES:
		return 0;
	}
	panic("role %d", (int)role);
}

uint64_t
region_layout(enum role role)
{
	uint64_t l = shm_layout(shm_layout(SHM_LAYOUT, sizeof(struct process)), role);

	switch (role) {
	case ROLE_STORE:
		return directory_layout(l);
	case ROLE_REGISTRAR:
		return registrar_layout();
	case ROLE_WORKER:
		return worker_layout();
	case ROLE_RESOLVER:
		return shm_layout(l, sizeof(struct plan_kept));
	case ROLE_FRONT:
	case ROLE_CONTROL:
	case ROLE_SUPERVISOR:
	case N_ROLES:
		return l;
	}
	panic("role %d", (int)role);
}

size_t
exchange_bytes(void)
{
	return page_up(sizeof(struct exchange) + 2 * sizeof(struct settings));
}

uint64_t
exchange_layout(void)
{
	return shm_layout(shm_layout(SHM_LAYOUT, sizeof(struct exchange)), sizeof(struct settings));
}
