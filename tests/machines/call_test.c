/* The call's table: sound, and drawn as doc/fsm/call.dot has it. What its actions do, the calls show
 * (worker_*_test.c). */
#include "txn_rig.h"
#include "worker/worker.h"

Test(call, table)
{
	rig_check_table(&call_fsm);
}

Test(transfer, table)
{
	rig_check_table(&transfer_fsm);
}

/* A leg's last word is heard in every state in which there are legs: else its call would wait for it
 * for ever. */
Test(call, last_words_are_heard)
{
	static const uint8_t last[] = { CE_FAILED, CE_GONE, CE_RELEASED };

	for (uint8_t s = CALL_RINGING; s < CALL_N_STATES; s++)
		for (unsigned i = 0; i < sizeof(last); i++)
			cr_expect_not_null(fsm_find(&call_fsm, s, last[i]), "%s, %s",
			    call_fsm.states[s], call_fsm.events[last[i]]);
}

Test(call, can_always_be_ended)
{
	for (uint8_t s = CALL_RINGING; s < CALL_ENDING; s++) {
		cr_expect_not_null(fsm_find(&call_fsm, s, CE_HANGUP));
		cr_expect_eq(fsm_find(&call_fsm, s, CE_END)->to, CALL_ENDING);
	}
}
