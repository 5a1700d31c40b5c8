/*
 * Kill -9 at any instruction: a child runs calls on a worker's shared memory and is killed after a
 * random time; the parent takes the memory over. Whatever the child was doing, the successor starts,
 * every call that was opened gets its closed record, and nothing stays behind.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "worker_phone.h"

#define carol (rig->phones[2])

enum { LIVES = 60, CALLS = 40, MOST_US = 25000 };

/* The child: calls of each kind, for as long as it lives. It waits for nothing, so that its clock is
 * its parent's. */
static void
live(void)
{
	for (unsigned i = 0; i < CALLS; i++) {
		if (i % 3 == 2) {
			dials(alice, "bob", "", SDP_A);
			hears(alice, "100");
			hears(bob, "INVITE");
			replies(bob, "INVITE", 180, "", "");
			hears(alice, "180");
			cancels(alice, "");
			phones_serve(0);
			continue;
		}
		if (i % 6 == 4) {
			talk(alice, bob);
			says(bob, "REFER", "Refer-To: <sip:carol@example.com>\r\n", "");
			phones_serve(0);
			hangs_up(alice, carol);
			phones_serve(0);
			continue;
		}
		if (i % 6 == 1) {
			dials(alice, "bob", "", SDP_A);
			hears(alice, "100");
			hears(bob, "INVITE");
			replies(bob, "INVITE", 302, "Contact: <sip:carol@example.com>\r\n", "");
			hears(bob, "ACK");
			hears(carol, "INVITE");
			replies(carol, "INVITE", 200, "", SDP_B);
			hears(carol, "ACK");
			hears(alice, "200 INVITE");
			acks(alice, "");
			hangs_up(alice, carol);
			continue;
		}
		talk(alice, bob);
		says(bob, "INVITE", "", SDP("192.0.2.2", "4300", ""));
		phones_serve(0);
		hangs_up(i % 2 ? bob : alice, i % 2 ? alice : bob);
		phones_serve(0);
	}
}

static void
kill_a_child(void)
{
	useconds_t when = (useconds_t)(rand_u64() % MOST_US);
	pid_t child;

	rig->store_is_stuck = true; /* its records are its successor's to read */
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		live();
		_exit(0);
	}
	usleep(when);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	rig->store_is_stuck = false;
}

static void
hang_all_up(void)
{
	struct worker *w = rig->w[0];

	while (pool_next(&w->calls, NULL) != NULL) {
		rig_operator_hangup(0);
		rig_wait_ms(2000);
	}
}

Test(worker_kill, at_any_moment, .timeout = 240)
{
	unsigned calls = 0, up = 0;

	for (unsigned i = 0; i < LIVES; i++) {
		rig_begin();
		phone_new("carol", "192.0.2.3");
		kill_a_child();
		rig_restart(0);
		rig_read_store(0);
		up += rig->w[0]->calls.live;
		hang_all_up();
		rig_wait_ms(240000);
		rig_expect_empty();
		rig_expect_all_closed();
		calls += rig->n_calls;
		rig_end();
	}
	cr_expect_gt(calls, LIVES, "the children did nothing");
	cr_log_info("%u calls, %u up when their worker was killed", calls, up);
}
