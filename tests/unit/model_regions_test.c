/* regions: the largest settings that are taken give regions that their owners can use. */
#include <criterion/criterion.h>

#include "ipc/process.h"
#include "model/directory.h"
#include "model/location.h"
#include "model/regions.h"
#include "model/worker_shape.h"

/* calls: of one worker; what settings.c lets pass at most. */
static struct settings
settings_of(uint32_t calls, uint32_t others)
{
	struct settings s = { .processes = { .fronts = 1, .workers = 1 } };

	s.limits.calls = calls;
	s.limits.subscribers = s.limits.bindings = others;
	return s;
}

static void
fit(const struct settings *s)
{
	struct worker_shape w;

	cr_expect_geq(
	    region_bytes(ROLE_STORE, s), PROCESS_HEAD + directory_bytes(s->limits.subscribers));
	cr_expect_geq(
	    region_bytes(ROLE_REGISTRAR, s), PROCESS_HEAD + locations_bytes(s->limits.bindings));
	worker_shape(s, &w);
	cr_expect_eq(region_bytes(ROLE_WORKER, s), w.size);
	/* A heap's offsets are 32 bits, in units of 8 bytes; a handle's index has 24 bits. */
	cr_expect_leq((w.size - w.heap_at) / 8, UINT32_MAX);
	cr_expect_lt(w.txns, 1u << 24);
	cr_expect_lt(w.legs, 1u << 24);
}

Test(model_regions, sizes)
{
	struct settings least = settings_of(1, 1), most = settings_of(800000, 10000000);

	fit(&least);
	fit(&most);
	cr_expect_gt(region_bytes(ROLE_FRONT, &least), PROCESS_HEAD);
	cr_expect_gt(region_bytes(ROLE_CONTROL, &least), PROCESS_HEAD);
	cr_expect_eq(region_bytes(ROLE_SUPERVISOR, &least), 0);
	cr_expect_geq(exchange_bytes(), sizeof(struct exchange) + 2 * sizeof(struct settings));
}

Test(model_regions, no_two_layouts_are_the_same)
{
	for (unsigned a = 0; a < N_ROLES; a++)
		for (unsigned b = a + 1; b < N_ROLES; b++)
			cr_expect_neq(region_layout((enum role)a), region_layout((enum role)b));
}
