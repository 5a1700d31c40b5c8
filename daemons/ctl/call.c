/*
 * call show: what a call is, its decisions and its ladder. One that goes on is asked of the exchange; one that it does
 * not have (any more) may have its record in the database.
 */
#include <string.h>

#include "base/span.h"
#include "ctl/ctl.h"
#include "model/uuid.h"

static bool
is_id(const char *text)
{
	uint8_t id[16];

	return uuid_read(span_str(text), id) == ERR_NONE;
}

/* Feature, of whom, why: some of it was dialled, or said by a phone. */
static void
decisions_print(const json_t *decisions)
{
	json_t *d;
	size_t i;

	if (json_array_size(decisions) > 0)
		printf("\ndecisions, in their order\n");
	json_array_foreach(decisions, i, d)
	{
		const char *of = json_string_value(json_object_get(d, "of"));
		const char *reason = json_string_value(json_object_get(d, "reason"));

		printf("    ");
		text_put(stdout, json_string_value(json_object_get(d, "feature")));
		printf(of == NULL || of[0] == '\0' ? "" : " (");
		text_put(stdout, of == NULL ? "" : of);
		printf(of == NULL || of[0] == '\0' ? ": " : "): ");
		text_put(stdout, reason == NULL ? "" : reason);
		putchar('\n');
	}
}

/* The decisions, the ladder, and the calls that were joined with this one (attended transfer). */
static void
said_print(const json_t *call)
{
	const char *into = json_string_value(json_object_get(call, "merged_into"));
	json_t *other;
	size_t i;

	decisions_print(json_object_get(call, "decisions"));
	ladder_print(json_object_get(call, "legs"), json_object_get(call, "ladder"));
	if (into != NULL)
		printf("\nit was joined to call %s\n", into);
	json_array_foreach(json_object_get(call, "merged"), i, other)
	    printf("\ncall %s was joined to it\n", json_string_value(other));
}

/* --- a call that has ended ----------------------------------------------------------------------*/

/* Takes the references; there is one segment at least. */
static int
ended_print(const struct ctl *c, const char *id, json_t *segments, json_t *said)
{
	json_t *segment;
	size_t i;

	if (c->json) {
		json_t *all =
		    json_pack("{s:s, s:s, s:O}", "id", id, "state", "ended", "segments", segments);

		json_object_update(all, said);
		row_print(c, all);
	} else {
		printf("the call has ended; its record%s:\n",
		    json_array_size(segments) > 1 ? "s" : "");
		json_array_foreach(segments, i, segment)
		{
			putchar('\n');
			row_print(c, json_incref(segment));
		}
		said_print(said);
	}
	json_decref(segments);
	json_decref(said);
	return CTL_DONE;
}

/* The exchange does not have it: `reply` is how it says so, which is all there is when this is no id, or the database
 * is not known. */
static int
ended_show(struct ctl *c, const char *id, json_t *reply)
{
	json_t *segments = NULL, *said = NULL;
	int status;

	if (!is_id(id) || (c->known & NEED_DATABASE) == 0)
		return control_refuse(c, reply);
	snprintf(c->where, sizeof(c->where), "the call does not go on, and its record: ");
	status = cdr_of_call(c, id, &segments, &said);
	c->where[0] = '\0';
	if (status == CTL_DONE && json_array_size(segments) > 0) {
		json_decref(reply);
		return ended_print(c, id, segments, said);
	}
	json_decref(segments);
	json_decref(said);
	json_decref(reply);
	if (status == CTL_DONE)
		return ctl_refuse(c,
		    "there is no such call: none that goes on has this id, and no record "
		    "(one that has just ended has it in a moment)");
	return status;
}

/* --- a call that goes on ------------------------------------------------------------------------*/

/* Its row without what is drawn. */
static int
up_print(const struct ctl *c, json_t *call)
{
	json_t *row = json_copy(call);

	if (c->json)
		return row_print(c, row);
	json_object_del(row, "legs");
	json_object_del(row, "ladder");
	json_object_del(row, "decisions");
	json_object_del(row, "merged_into");
	puts("the call goes on; so far:\n");
	row_print(c, row);
	said_print(call);
	return CTL_DONE;
}

int
call_show(struct ctl *c, int n, char **words)
{
	json_t *reply = NULL, *row;
	int status = control_try(c, "call_show", json_pack("{s:s}", "id", words[0]), &reply);

	(void)n;
	if (status == CTL_REFUSED && reply != NULL)
		return ended_show(c, words[0], reply);
	if (status != CTL_DONE)
		return status;
	row = json_array_get(json_object_get(reply, "rows"), 0);
	if (json_is_object(row))
		status = up_print(c, row);
	json_decref(reply);
	return status;
}
