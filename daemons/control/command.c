/* From a line to what it asks for. */
#include <string.h>

#include "control/control.h"

static const struct {
	const char *name;
	command_fn run;
} commands[] = {
	{ "ps", list_ps },
	{ "status", list_status },
	{ "calls", list_calls },
	{ "call_show", show_call },
	{ "completions", list_completions },
	{ "explain", explain_call },
	{ "call_hangup", hangup_call },
	{ "registrations", list_registrations },
	{ "metrics", show_metrics },
	{ "reload", operate_reload },
	{ "stop", operate_stop },
	{ "upgrade", operate_upgrade },
};

const char *
argument(const json_t *args, const char *name)
{
	return json_string_value(json_object_get(args, name));
}

void
command_run(struct control *k, struct client *c, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *name = argument(request, "command");
	unsigned n = sizeof(commands) / sizeof(commands[0]), i = 0;

	while (name != NULL && i < n && strcmp(commands[i].name, name) != 0)
		i++;
	if (name == NULL)
		reply_error(c, "a request is one line: {\"command\": ..., \"args\": {...}}");
	else if (i == n)
		reply_error(c, "there is no such command");
	else
		commands[i].run(k, c, json_object_get(request, "args"));
	json_decref(request);
}
