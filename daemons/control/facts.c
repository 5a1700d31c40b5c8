/* ps and status: the process table, and the counters of all. */
#include <stdio.h>
#include <string.h>

#include "control/control.h"

const char *
process_state_name(uint32_t state)
{
	switch ((enum process_state)state) {
	case PROCESS_ABSENT:
		return "absent";
	case PROCESS_STARTING:
		return "starting";
	case PROCESS_RUNNING:
		return "running";
	case PROCESS_DIED:
		return "died";
	case PROCESS_THROTTLED:
		return "throttled";
	case PROCESS_STOPPING:
		return "stopping";
	}
	return "unknown";
}

static bool
is_there(const struct control *k, unsigned proc)
{
	return proc_role(proc) != N_ROLES && k->child.exchange->rows[proc].state != PROCESS_ABSENT;
}

const struct process *
process_of(struct control *k, unsigned proc)
{
	size_t size;

	return is_there(k, proc) ? child_region(&k->child, proc, &size) : NULL;
}

uint64_t
counter_of(const struct process *p, enum counter c)
{
	return __atomic_load_n(&p->counters[c], __ATOMIC_RELAXED);
}

uint64_t
counter_sum(struct control *k, enum counter c)
{
	uint64_t sum = 0;

	for (unsigned proc = 0; proc < PROC_MAX; proc++) {
		const struct process *p = process_of(k, proc);

		sum += p == NULL ? 0 : counter_of(p, c);
	}
	return sum;
}

static uint64_t
age_s(const struct control *k, uint64_t since_ns)
{
	uint64_t now = k->child.clock.mono_ns;

	return since_ns == 0 || since_ns > now ? 0 : (now - since_ns) / NS_PER_S;
}

void
list_ps(struct control *k, struct client *c, const json_t *args)
{
	(void)args;
	reply_rows(c);
	for (unsigned proc = 0; proc < PROC_MAX; proc++) {
		const struct process_row *row = &k->child.exchange->rows[proc];

		if (!is_there(k, proc))
			continue;
		reply_row(c,
		    json_pack("{s:s, s:i, s:i, s:s, s:i, s:I}", "role", role_name(proc_role(proc)),
			"number", (int)proc_index(proc), "pid", (int)row->pid, "state",
			process_state_name(row->state), "restarts", (int)row->restarts, "uptime",
			(json_int_t)(row->pid == 0 ? 0 : age_s(k, row->started_ns))));
	}
	reply_rows_end(c);
}

static void
fact(struct client *c, const char *name, json_t *value)
{
	reply_row(c, json_pack("{s:s, s:o}", "fact", name, "value", value));
}

static void
fact_number(struct client *c, const char *name, uint64_t n)
{
	fact(c, name, json_integer((json_int_t)n));
}

static void
facts_of_process(struct control *k, struct client *c, unsigned proc)
{
	const struct process *p = process_of(k, proc);
	char name[64], text[64];

	if (p == NULL || (proc_role(proc) != ROLE_FRONT && proc_role(proc) != ROLE_WORKER &&
			     proc_role(proc) != ROLE_REGISTRAR))
		return;
	snprintf(
	    name, sizeof(name), "messages of %s %u", role_name(proc_role(proc)), proc_index(proc));
	snprintf(text, sizeof(text), "%llu in, %llu out",
	    (unsigned long long)counter_of(p, COUNT_RECEIVED),
	    (unsigned long long)counter_of(p, COUNT_SENT));
	fact(c, name, json_string(text));
}

/* Children that are not as they should be. */
static void
facts_of_trouble(struct control *k, struct client *c)
{
	for (unsigned proc = 1; proc < PROC_MAX; proc++) {
		const struct process_row *row = &k->child.exchange->rows[proc];
		char name[64];

		if (!is_there(k, proc) || row->state == PROCESS_RUNNING)
			continue;
		snprintf(name, sizeof(name), "%s %u", role_name(proc_role(proc)), proc_index(proc));
		fact(c, name, json_string(process_state_name(row->state)));
	}
}

/* What was turned away since the processes' memory was made; nothing, as a rule. */
static void
facts_of_floods(struct control *k, struct client *c)
{
	static const struct {
		const char *name;
		enum counter counter;
	} facts[] = { { "dropped as a flood", COUNT_DROPPED_FLOOD },
		{ "connections refused", COUNT_CONNECTIONS_REFUSED },
		{ "refused for want of room", COUNT_SHED } };

	for (unsigned i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		uint64_t n = counter_sum(k, facts[i].counter);

		if (n != 0)
			fact_number(c, facts[i].name, n);
	}
}

void
list_status(struct control *k, struct client *c, const json_t *args)
{
	const struct exchange *x = k->child.exchange;

	(void)args;
	reply_rows(c);
	fact(c, "version", json_string(TANDEM_VERSION));
	fact(c, "node", json_string(control_settings(k)->node));
	fact_number(c, "uptime", age_s(k, x->rows[0].started_ns));
	fact_number(c, "settings", x->settings_version);
	fact_number(c, "calls", counter_sum(k, COUNT_LIVE_CALLS));
	fact_number(c, "registrations", counter_sum(k, COUNT_LIVE_BINDINGS));
	fact_number(c, "subscriptions", counter_sum(k, COUNT_LIVE_SUBSCRIPTIONS));
	fact_number(c, "subscribers", counter_sum(k, COUNT_LIVE_SUBSCRIBERS));
	fact_number(c, "connections", counter_sum(k, COUNT_LIVE_FLOWS));
	fact_number(c, "names", counter_sum(k, COUNT_LIVE_NAMES));
	fact(c, "database", json_string(counter_sum(k, COUNT_DB_UP) != 0 ? "up" : "down"));
	if (counter_sum(k, COUNT_JOURNAL_REFUSED) != 0)
		fact(c, "journal", json_string("the disk refuses"));
	fact_number(c, "journal records", counter_sum(k, COUNT_JOURNAL_RECORDS));
	fact_number(c, "journal bytes", counter_sum(k, COUNT_JOURNAL_BYTES));
	for (unsigned proc = 1; proc < PROC_MAX; proc++)
		facts_of_process(k, c, proc);
	facts_of_trouble(k, c);
	facts_of_floods(k, c);
	facts_of_guessers(k, c);
	reply_rows_end(c);
}
