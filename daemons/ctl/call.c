/*
 * call show: a call that is up is asked of the exchange. One that it does not have (any more) may have
 * its segments in the database.
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

/* Takes the reference of the segments, of which there is one at least. */
static int
ended_print(const struct ctl *c, const char *id, json_t *segments)
{
	json_t *segment;
	size_t i;

	if (c->json)
		return row_print(c,
		    json_pack("{s:s, s:s, s:o}", "id", id, "state", "ended", "segments", segments));
	printf("the call has ended; its record%s:\n", json_array_size(segments) > 1 ? "s" : "");
	json_array_foreach(segments, i, segment)
	{
		putchar('\n');
		row_print(c, json_incref(segment));
	}
	json_decref(segments);
	return CTL_DONE;
}

/* The exchange does not have it: `reply` is how it says so. */
static int
ended_show(struct ctl *c, const char *id, json_t *reply)
{
	json_t *segments = NULL;
	int status;

	if (!is_id(id) || (c->known & NEED_DATABASE) == 0)
		return control_refuse(c, reply);
	snprintf(c->where, sizeof(c->where), "the call is not up, and its record: ");
	status = cdr_of_call(c, id, &segments);
	c->where[0] = '\0';
	if (status == CTL_DONE && json_array_size(segments) > 0) {
		json_decref(reply);
		return ended_print(c, id, segments);
	}
	json_decref(segments);
	if (status == CTL_DONE)
		return control_refuse(c, reply);
	json_decref(reply);
	return status;
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
		status = row_print(c, json_incref(row));
	json_decref(reply);
	return status;
}
