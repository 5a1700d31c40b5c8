/* Workers die amid an attended transfer: both calls go on, or end with their records. */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

static void
begin_two(void)
{
	attended_begin(2);
}

TestSuite(worker_attended_kill, .init = begin_two, .fini = rig_end);

Test(worker_attended_kill, workers_die)
{
	both_talk();
	transfer_is_tried();
	rig_restart(0);
	rig_restart(1);
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	rig_restart(1);
	hears(alice, "INVITE");
	rig_restart(0);
	replies(alice, "INVITE", 200, "", SDP_A);
	rig_wait_ms(1);
	hears(alice, "ACK");
	hears(carol, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	is_released(bob2);
	rig_restart(0);
	rig_restart(1);
	offers_pass(alice, carol);
	hangs_up_across(alice, carol);
	rig_ends_empty(2);
}

static bool
lives(unsigned n, bool before)
{
	both_talk();
	rig->die_at = n;
	rig->die_before = before;
	refers_to_bob2("");
	phones_serve(5000);
	for (unsigned i = 0; i < rig->n_phones; i++)
		if (rig->phones[i]->target[0] != '\0')
			says(rig->phones[i], "BYE", "", "");
	phones_serve(240000);
	return rig->deaths > 0;
}

static void
dies_everywhere(unsigned workers, bool before)
{
	bool died = true;
	unsigned n;

	for (n = 1; died; n++) {
		attended_begin(workers);
		died = lives(n, before);
		rig_expect_empty();
		rig_expect_all_closed();
		rig_end();
	}
	cr_expect_gt(n, 8);
}

Test(worker_attended_killed, after_each_message, .timeout = 120)
{
	dies_everywhere(2, false);
}

Test(worker_attended_killed, before_each_message, .timeout = 120)
{
	dies_everywhere(2, true);
}

Test(worker_attended_killed, before_each_message_in_one, .timeout = 120)
{
	dies_everywhere(1, true);
}
