/*
 * drill: a fire drill on the running exchange. Processes that keep nothing to themselves are killed with -9,
 * one after another, and it is told how soon each was there again and what was up before and after. Calls
 * and registrations stay: that is the promise it tries. The kernel lets only root and the exchange's own
 * user do it.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/ctl.h"

enum { WAIT_MS = 10, GIVE_UP_MS = 10000, MUST_MS = 1000 };

/* With `all` workers and fronts too: a call in the hand of a worker may end, connections of a front do. */
static bool
is_drilled(const char *role, bool all)
{
	static const char *const harmless[] = { "store", "registrar", "resolver", "control" };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (strcmp(role, harmless[i]) == 0)
			return true;
	return all && (strcmp(role, "worker") == 0 || strcmp(role, "front") == 0);
}

static const char *
text_in(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text == NULL ? "" : text;
}

static json_int_t
number_in(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static json_int_t
fact(const json_t *rows, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(text_in(row, "fact"), name) == 0)
			return number_in(row, "value");
	}
	return 0;
}

/* What must stay: "calls_SUFFIX" and "registrations_SUFFIX" of the result. */
static int
look(struct ctl *c, json_t *result, const char *calls, const char *registrations)
{
	json_t *reply, *rows;
	int status = control_ask(c, "status", NULL, &reply);

	if (status != CTL_DONE)
		return status;
	rows = json_object_get(reply, "rows");
	json_object_set_new(result, calls, json_integer(fact(rows, "calls")));
	json_object_set_new(result, registrations, json_integer(fact(rows, "registrations")));
	json_decref(reply);
	return CTL_DONE;
}

static bool
is_back(const json_t *rows, const json_t *was)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(text_in(row, "role"), text_in(was, "role")) == 0 &&
		    number_in(row, "number") == number_in(was, "number"))
			return number_in(row, "pid") != number_in(was, "pid") &&
			       strcmp(text_in(row, "state"), "running") == 0;
	}
	return false;
}

static uint64_t
now_ms(void)
{
	struct clock now;

	clock_read(&now);
	return now.mono_ns / NS_PER_MS;
}

/* Its pid just now: what ps said before the last kill may be another's by now. 0: it does not run. */
static int
pid_now(struct ctl *c, const json_t *of, pid_t *pid_r)
{
	const json_t *row;
	json_t *reply;
	size_t i;
	int status = control_ask(c, "ps", NULL, &reply);

	*pid_r = 0;
	if (status != CTL_DONE)
		return status;
	json_array_foreach(json_object_get(reply, "rows"), i, row)
	{
		if (strcmp(text_in(row, "role"), text_in(of, "role")) == 0 &&
		    number_in(row, "number") == number_in(of, "number") &&
		    strcmp(text_in(row, "state"), "running") == 0)
			*pid_r = (pid_t)number_in(row, "pid");
	}
	json_decref(reply);
	return CTL_DONE;
}

/* Milliseconds until its successor is ready, GIVE_UP_MS if it is not. */
static int
await(struct ctl *c, const json_t *was, uint64_t *ms_r)
{
	const struct timespec pause = { .tv_nsec = WAIT_MS * (long)NS_PER_MS };
	uint64_t began = now_ms();
	bool back = false;

	for (*ms_r = 0; !back && *ms_r < GIVE_UP_MS; *ms_r = now_ms() - began) {
		json_t *reply;
		int status = control_ask(c, "ps", NULL, &reply);

		if (status != CTL_DONE)
			return status;
		back = is_back(json_object_get(reply, "rows"), was);
		json_decref(reply);
		if (!back)
			nanosleep(&pause, NULL);
	}
	return CTL_DONE;
}

static int
drill_one(struct ctl *c, const json_t *was, json_t *result, bool *slow)
{
	uint64_t ms;
	pid_t pid;
	int status = look(c, result, "calls_before", "registrations_before");

	if (status == CTL_DONE)
		status = pid_now(c, was, &pid);
	if (status != CTL_DONE)
		return status;
	if (pid <= 1 || pid != number_in(was, "pid"))
		return ctl_refuse(c, "%s %d does not run as it did: nothing is killed",
		    text_in(was, "role"), (int)number_in(was, "number"));
	if (kill(pid, SIGKILL) != 0)
		return ctl_refuse(c, "%s %d cannot be killed: %s", text_in(was, "role"),
		    (int)number_in(was, "number"), strerror(errno));
	status = await(c, was, &ms);
	if (status == CTL_DONE)
		status = look(c, result, "calls_after", "registrations_after");
	json_object_set_new(result, "back_ms", json_integer((json_int_t)ms));
	*slow = *slow || ms > MUST_MS;
	return status;
}

int
drill(struct ctl *c, int n, char **words)
{
	json_t *reply, *row, *results = json_array();
	bool all = n == 1 && strcmp(words[0], "all") == 0, slow = false;
	size_t i;
	int status;

	if (n == 1 && !all) {
		json_decref(results);
		return ctl_usage(c, "drill takes no argument, or all");
	}
	status = control_ask(c, "ps", NULL, &reply);
	json_array_foreach(status == CTL_DONE ? json_object_get(reply, "rows") : NULL, i, row)
	{
		json_t *result;

		if (!is_drilled(text_in(row, "role"), all) || status != CTL_DONE)
			continue;
		result = json_pack(
		    "{s:s, s:I}", "role", text_in(row, "role"), "number", number_in(row, "number"));
		status = drill_one(c, row, result, &slow);
		json_array_append_new(results, result);
	}
	json_decref(reply);
	if (status != CTL_DONE) {
		json_decref(results);
		return status;
	}
	status = rows_print(c, results);
	return slow ? ctl_refuse(c, "not all were there again within a second") : status;
}
