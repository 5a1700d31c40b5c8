/* A relay's table: sound, and drawn as doc/fsm/relay.dot has it. What its actions do, the messages
 * show (worker_message_test.c). */
#include "txn_rig.h"
#include "worker/worker.h"

Test(relay, table)
{
	rig_check_table(&relay_fsm);
}
