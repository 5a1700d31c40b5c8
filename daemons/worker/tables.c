/*
 * The tables of others that a worker reads: the directory, the registrations, the plans. Each is opened
 * when its owner has made it. One that is not open reads as an empty one (ipc/records.h).
 */
#include "worker/worker.h"

#include "model/registrar_shape.h"

void
worker_open_tables(struct worker *w)
{
	struct registrar_shape shape;
	const char *mem;
	size_t size;

	registrar_shape(w->settings, &shape);
	if (w->directory.records.head == NULL) {
		mem = child_region(&w->child, proc_of(ROLE_STORE, 0), &size);
		if (mem != NULL)
			directory_open(&w->directory, mem + PROCESS_HEAD, size - PROCESS_HEAD);
	}
	if (w->locations.records.head == NULL) {
		mem = child_region(&w->child, proc_of(ROLE_REGISTRAR, 0), &size);
		if (mem != NULL && size >= shape.size)
			locations_open(
			    &w->locations, mem + shape.locations_at, shape.locations_size);
	}
	if (w->plans.records.head == NULL) {
		mem = child_region(&w->child, proc_of(ROLE_RESOLVER, 0), &size);
		if (mem != NULL)
			plans_open(&w->plans, mem + PROCESS_HEAD, size - PROCESS_HEAD);
	}
}
