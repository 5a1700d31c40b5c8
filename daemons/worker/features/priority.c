/*
 * Priority alert (distinctive ring; RFC 7462, GR-219): the phone sounds otherwise for those in the list.
 *
 *     A (in B's list)  tandem              B
 *     |INVITE--------->|                   |
 *     |                |INVITE------------>|  Alert-Info: <urn:alert:priority:high>
 *
 * How it sounds is the phone's affair. It refuses nothing, so it is asked when nothing else has acted. Settings:
 * tandem.caller_list of kind priority. Codes: *61 the list on, *61N N too, *81 the list off, *81N N no
 * more. State: attempt.priority.
 */
#include "worker/worker.h"

static struct feature_verdict
terminate(struct worker *w, struct call *c, const struct dir_subscriber *called)
{
	c->attempt.priority = screen_lists(w, c, called, DIR_LIST_PRIORITY);
	if (c->attempt.priority)
		decision_words(w, c, "priority", dir_text(called, called->user),
		    "the caller is in the list: it sounds otherwise");
	return (struct feature_verdict){ 0 };
}

const struct feature feature_priority = { .name = "priority", .terminate = terminate };
