/* wire and process: who may send what; the counters. */
#include <criterion/criterion.h>

#include <string.h>

#include "ipc/process.h"
#include "ipc/wire.h"

Test(wire, each_message_has_one_way)
{
	for (unsigned t = 0; t < N_WIRE + 2; t++) {
		unsigned ways = 0;

		for (unsigned from = 0; from < N_ROLES; from++)
			for (unsigned to = 0; to < N_ROLES; to++)
				if (wire_allowed(
					(enum wire_type)t, (enum role)from, (enum role)to)) {
					ways++;
					cr_assert_gt(link_kib((enum role)from, (enum role)to), 0,
					    "%s has no ring", wire_name((enum wire_type)t));
				}
		cr_assert_eq(ways, t != WIRE_NONE && t < N_WIRE);
	}
}

Test(wire, a_front_cannot_pose_as_the_store)
{
	cr_assert(wire_allowed(WIRE_BINDING_LOAD, ROLE_STORE, ROLE_REGISTRAR));
	cr_assert_not(wire_allowed(WIRE_BINDING_LOAD, ROLE_FRONT, ROLE_REGISTRAR));
	cr_assert_not(wire_allowed(WIRE_HANGUP, ROLE_FRONT, ROLE_WORKER));
	cr_assert_not(wire_allowed(WIRE_SIP_IN, ROLE_FRONT, ROLE_REGISTRAR));
}

Test(wire, knows_the_least_length)
{
	cr_assert_eq(wire_least(WIRE_HANGUP), sizeof(struct wire_hangup));
	cr_assert_eq(wire_least(WIRE_CDR), sizeof(struct wire_cdr));
	cr_assert_eq(wire_least(N_WIRE), UINT32_MAX);
	cr_assert_str_eq(wire_name(WIRE_CDR), "CDR");
	cr_assert_str_eq(wire_name(N_WIRE), "UNKNOWN");
}

Test(process, counters_have_names_of_their_own)
{
	for (unsigned a = 0; a < N_COUNTERS; a++) {
		const struct counter_info *i = counter_info((enum counter)a);
		size_t len = strlen(i->name);

		cr_assert_gt(strlen(i->help), 0);
		cr_assert_eq(i->gauge, len < 6 || strcmp(i->name + len - 6, "_total") != 0,
		    "%s: counters end in _total", i->name);
		for (unsigned b = 0; b < a; b++)
			cr_assert_str_neq(counter_info((enum counter)b)->name, i->name);
	}
}

Test(process, counting)
{
	struct process p = { .pid = 1 };

	count(&p, COUNT_CALLS, 2);
	count(&p, COUNT_CALLS, 3);
	gauge(&p, COUNT_LIVE_CALLS, 7);
	gauge(&p, COUNT_LIVE_CALLS, 4);
	cr_assert_eq(p.counters[COUNT_CALLS], 5);
	cr_assert_eq(p.counters[COUNT_LIVE_CALLS], 4);
}
