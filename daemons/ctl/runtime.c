/*
 * What is asked of the running exchange. Its control process answers in rows, whose columns are its
 * own to choose; here they are only printed.
 */
#include <string.h>

#include "ctl/ctl.h"

/* Rows, if the answer has any. */
static int
list(struct ctl *c, const char *command, json_t *args)
{
	json_t *reply, *rows;
	int status = control_ask(c, command, args, &reply);

	if (status != CTL_DONE)
		return status;
	rows = json_incref(json_object_get(reply, "rows"));
	json_decref(reply);
	return json_is_array(rows) ? rows_print(c, rows) : CTL_DONE;
}

/* The first row's columns, one a line. */
static int
show(struct ctl *c, const char *command, json_t *args)
{
	json_t *reply, *rows, *row;
	int status = control_ask(c, command, args, &reply);

	if (status != CTL_DONE)
		return status;
	rows = json_object_get(reply, "rows");
	row = json_array_get(rows, 0);
	if (json_array_size(rows) == 1 && json_is_object(row))
		status = row_print(c, json_incref(row));
	else if (json_is_array(rows))
		status = rows_print(c, json_incref(rows));
	json_decref(reply);
	return status;
}

/* Done, or not; there is nothing to print. */
static int
order(struct ctl *c, const char *command, json_t *args)
{
	json_t *reply;
	int status = control_ask(c, command, args, &reply);

	if (status == CTL_DONE)
		json_decref(reply);
	return status;
}

int
runtime_calls(struct ctl *c, int n, char **words)
{
	(void)n;
	(void)words;
	return list(c, "calls", NULL);
}

int
runtime_completions(struct ctl *c, int n, char **words)
{
	(void)n;
	(void)words;
	return list(c, "completions", NULL);
}

int
runtime_explain(struct ctl *c, int n, char **words)
{
	(void)n;
	return list(c, "explain",
	    json_pack("{s:s, s:s, s:s*, s:s*}", "from", words[0], "to", words[1], "at", c->at,
		"priority", c->priority));
}

int
runtime_call_hangup(struct ctl *c, int n, char **words)
{
	(void)n;
	return order(c, "call_hangup", json_pack("{s:s}", "id", words[0]));
}

int
runtime_registrations(struct ctl *c, int n, char **words)
{
	return list(c, "registrations", n == 0 ? NULL : json_pack("{s:s}", "user", words[0]));
}

int
runtime_status(struct ctl *c, int n, char **words)
{
	(void)n;
	(void)words;
	return show(c, "status", NULL);
}

int
runtime_ps(struct ctl *c, int n, char **words)
{
	static const char *const columns[] = { "role", "number", "pid" };
	json_t *reply, *row;
	size_t i;
	int status;

	(void)n;
	(void)words;
	if (c->json)
		return list(c, "ps", NULL);
	status = control_ask(c, "ps", NULL, &reply);
	if (status != CTL_DONE)
		return status;
	json_array_foreach(json_object_get(reply, "rows"), i, row)
	{
		for (size_t k = 0; k < 3; k++) {
			json_t *cell = json_object_get(row, columns[k]);

			if (json_is_string(cell))
				text_put(stdout, json_string_value(cell));
			else
				printf("%" JSON_INTEGER_FORMAT, json_integer_value(cell));
			putchar(k < 2 ? ' ' : '\n');
		}
	}
	json_decref(reply);
	return CTL_DONE;
}

int
runtime_reload(struct ctl *c, int n, char **words)
{
	(void)n;
	(void)words;
	return order(c, "reload", NULL);
}

int
runtime_upgrade(struct ctl *c, int n, char **words)
{
	(void)n;
	(void)words;
	return order(c, "upgrade", NULL);
}

int
runtime_stop(struct ctl *c, int n, char **words)
{
	(void)n;
	(void)words;
	return order(c, "stop", NULL);
}

int
runtime_metrics(struct ctl *c, int n, char **words)
{
	json_t *reply;
	const char *text;
	int status = control_ask(c, "metrics", NULL, &reply);

	(void)n;
	(void)words;
	if (status != CTL_DONE)
		return status;
	text = json_string_value(json_object_get(reply, "text"));
	fputs(text == NULL ? "" : text, stdout);
	json_decref(reply);
	return CTL_DONE;
}
