/* topology: numbers, names, and that a front reaches nothing secret. */
#include <criterion/criterion.h>

#include "ipc/topology.h"

Test(topology, numbers_are_those_of_the_handles)
{
	cr_assert_eq(proc_of(ROLE_SUPERVISOR, 0), 0);
	cr_assert_eq(proc_of(ROLE_REGISTRAR, 0), 1);
	cr_assert_eq(proc_of(ROLE_STORE, 0), 2);
	cr_assert_eq(proc_of(ROLE_CONTROL, 0), 3);
	cr_assert_eq(proc_of(ROLE_RESOLVER, 0), 4);
	cr_assert_eq(proc_of(ROLE_FRONT, 0), 16);
	cr_assert_eq(proc_of(ROLE_FRONT, 15), 31);
	cr_assert_eq(proc_of(ROLE_WORKER, 0), 32);
	cr_assert_eq(proc_of(ROLE_WORKER, 31), 63);
}

Test(topology, each_number_names_one_process)
{
	unsigned named = 0;

	for (unsigned p = 0; p < 300; p++) {
		enum role role = proc_role(p);

		if (role == N_ROLES)
			continue;
		cr_assert_lt(p, PROC_MAX);
		cr_assert_eq(proc_of(role, proc_index(p)), p);
		named++;
	}
	cr_assert_eq(named, 5 + 16 + 32);
	cr_assert_eq(proc_role(5), N_ROLES);
	cr_assert_eq(proc_role(64), N_ROLES);
}

Test(topology, names_lead_back_to_roles)
{
	for (unsigned r = 0; r < N_ROLES; r++)
		cr_assert_eq(role_of(span_str(role_name((enum role)r))), r);
	cr_assert_eq(role_of(SPAN("worke")), N_ROLES);
	cr_assert_eq(role_of(SPAN_NONE), N_ROLES);
	cr_assert_str_eq(role_name(N_ROLES), "unknown");
	cr_assert_eq(role_most(N_ROLES), 0);
}

Test(topology, says_who_may_reach_what)
{
	cr_assert_eq(link_kib(ROLE_FRONT, ROLE_WORKER), 4096);
	cr_assert_eq(link_kib(ROLE_FRONT, ROLE_STORE), 0);
	cr_assert_eq(link_kib(N_ROLES, ROLE_STORE), 0);
	cr_assert(role_reads(ROLE_WORKER, ROLE_STORE));
	cr_assert(role_holds(ROLE_STORE, HOLD_DATABASE));
	cr_assert(role_holds(ROLE_CONTROL, HOLD_ADMIN));
	cr_assert_eq(role_bell(ROLE_WORKER), BELL_FUTEX);
	cr_assert_eq(role_bell(ROLE_FRONT), BELL_EVENTFD);
}

/* The front is exposed: it sees neither the directory, nor nonce keys, nor the database. */
Test(topology, front_reaches_nothing_secret)
{
	for (unsigned r = 0; r < N_ROLES; r++) {
		cr_assert_not(role_reads(ROLE_FRONT, (enum role)r));
		cr_assert_not(role_reads((enum role)r, N_ROLES));
	}
	cr_assert_not(role_holds(ROLE_FRONT, HOLD_NONCES));
	cr_assert_not(role_holds(ROLE_FRONT, HOLD_DATABASE));
	cr_assert_not(role_holds(ROLE_FRONT, HOLD_SPOOL));
	cr_assert_not(role_holds(ROLE_FRONT, HOLD_ADMIN));
}
