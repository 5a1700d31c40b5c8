/* The leg's tables: sound, and drawn as doc/fsm/leg.dot, update.dot and refer.dot have them. What their
 * actions do, the calls show (worker_*_test.c). */
#include "txn_rig.h"
#include "worker/worker.h"

Test(leg, table)
{
	rig_check_table(&leg_fsm);
	rig_check_table(&update_fsm);
	rig_check_table(&refer_fsm);
}

/* Whatever is in flight, a leg can be told to end, and goes back to idle or waits for what must come
 * before its BYE. */
Test(leg, can_always_be_ended)
{
	for (uint8_t s = 0; s < INV_N_STATES; s++) {
		bool by_bye = fsm_find(&leg_fsm, s, LE_DO_BYE) != NULL;

		/* Told already, both. */
		if (s == INV_IN_BYE)
			continue;
		cr_expect(by_bye, "%s", leg_fsm.states[s]);
	}
	cr_expect_not_null(fsm_find(&leg_fsm, INV_OUT, LE_DO_CANCEL));
}

/* An INVITE of the peer gets an answer in every state. */
Test(leg, invite_is_answered_in_every_state)
{
	for (uint8_t s = 0; s < INV_N_STATES; s++)
		if (s != INV_IN_BYE) /* the dialog has ended for us: 481 (leg_request.c) */
			cr_expect_not_null(
			    fsm_find(&leg_fsm, s, LE_GOT_INVITE), "%s", leg_fsm.states[s]);
}
