/*
 * Selective call acceptance (TS 24.611): with such a list nobody else is put through.
 *
 *     A (not in B's list)  tandem     B
 *     |INVITE------------->|
 *     |<--------------- 603|
 *
 * Settings: tandem.caller_list of kind accept; without an entry, or with the list off, all are. Codes: *64
 * the list on, *64N N too, *84 the list off, *84N N no more. State: none.
 */
#include "worker/worker.h"

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	if (!(called->lists & 1u << DIR_LIST_ACCEPT) || screen_lists(w, c, called, DIR_LIST_ACCEPT))
		return (struct feature_verdict){ 0 };
	return (struct feature_verdict){ .status = 603,
		.because = "the caller is not among those accepted" };
}

const struct feature feature_accept = { .name = "accept", .terminate = terminate };
