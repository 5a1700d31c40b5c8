/*
 * Block list (selective call rejection; TS 24.611, GR-218): who stands in it is not put through.
 *
 *     A (in B's list)  tandem     B
 *     |INVITE--------->|
 *     |<----------- 603|
 *
 * Who hides his number is found all the same. Settings: tandem.caller_list of kind block. Codes: *60 who
 * called last, *60N N, *80 the list off, *80N N no more. State: none.
 */
#include "worker/worker.h"

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	if (!screen_lists(w, c, called, DIR_LIST_BLOCK))
		return (struct feature_verdict){ 0 };
	return (
	    struct feature_verdict){ .status = 603, .because = "the caller is in the block list" };
}

const struct feature feature_block = { .name = "block", .terminate = terminate };
