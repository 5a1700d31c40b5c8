/*
 * The table of commands: of it are made the help, the refusals of what is mistyped, and what is run. An
 * object's commands stand together.
 */
#include <string.h>

#include "ctl/ctl.h"

const char default_file[] = "/etc/tandem/tandem.conf";

#define DB  NEED_DATABASE
#define RUN NEED_RUN_DIR

/* clang-format off */
/* The verbs of an object (object.c). To the name `add` takes a key that must be there. */
#define OBJECT(o, name, key, del)                                                                  \
	{ #o, "add", name " " key " [KEY=VALUE ...]", 2, -1, 0, DB, object_add, "", &o##_object }, \
	{ #o, "set", name " KEY=VALUE ...", 2, -1, 0, DB, object_set, "KEY= clears",               \
	    &o##_object },                                                                         \
	{ #o, "show", name, 1, 1, OPT_JSON, DB, object_show, "", &o##_object },                    \
	{ #o, "del", name, 1, 1, 0, DB, object_del, del, &o##_object },                            \
	{ #o, "list", "", 0, 0, OPT_JSON, DB, object_list, "", &o##_object, "no " #o "s" }

const struct command commands[] = {
	{ "db", "init", "", 0, 0, 0, DB | NEED_DOMAINS, db_init,
	    "make the database and its schema" },
	{ "db", "upgrade", "", 0, 0, 0, DB | NEED_DOMAINS, db_upgrade,
	    "apply what is new in the schema" },
	{ "db", "version", "", 0, 0, 0, DB, db_version, "version of the schema" },
	OBJECT(tenant, "NAME", "domain=D[,D...]", "with all that is its own; its calls stay"),
	{ "subscriber", "add", "USER[@DOMAIN] [KEY=VALUE ...]", 1, -1,
	    OPT_PASSWORD | OPT_NAME | OPT_JSON, DB, subscriber_add,
	    "without a password one is made and printed", &subscriber_object },
	{ "subscriber", "set", "USER[@DOMAIN] KEY=VALUE ...", 1, -1, OPT_PASSWORD | OPT_NAME, DB,
	    subscriber_set, "KEY= clears", &subscriber_object },
	{ "subscriber", "show", "USER[@DOMAIN]", 1, 1, OPT_JSON, DB, object_show, "",
	    &subscriber_object },
	{ "subscriber", "del", "USER[@DOMAIN]", 1, 1, 0, DB, object_del, "", &subscriber_object },
	{ "subscriber", "list", "[DOMAIN]", 0, 1, OPT_JSON, DB, object_list, "",
	    &subscriber_object, "no subscribers" },
	{ "subscriber", "import", "FILE|-", 1, 1, 0, DB, subscriber_import,
	    "CSV with a header line: user,password,name,KEY...; all or nothing",
	    &subscriber_object },
	OBJECT(group, "NAME[@DOMAIN]", "number=N", ""),
	{ "number", "add", "NUMBER[@DOMAIN] subscriber=U|group=G|redirect=URI", 2, -1, 0, DB,
	    number_add, "a number besides the subscribers' own", &number_object },
	{ "number", "set", "NUMBER[@DOMAIN] KEY=VALUE", 2, -1, 0, DB, object_set,
	    "where it leads instead", &number_object },
	{ "number", "show", "NUMBER[@DOMAIN]", 1, 1, OPT_JSON, DB, object_show, "",
	    &number_object },
	{ "number", "del", "NUMBER[@DOMAIN]", 1, 1, 0, DB, object_del, "", &number_object },
	{ "number", "list", "", 0, 0, OPT_JSON, DB, object_list, "", &number_object,
	    "no numbers" },
	OBJECT(gateway, "NAME[@DOMAIN]", "host=H", ""),
	OBJECT(route, "NAME[@DOMAIN]", "gateway=G", ""),
	{ "registrations", NULL, "[USER]", 0, 1, OPT_JSON, RUN, runtime_registrations,
	    "which phones are registered", NULL, "no registrations" },
	{ "calls", NULL, "", 0, 0, OPT_JSON, RUN, runtime_calls, "calls now", NULL, "no calls" },
	{ "call", "show", "ID", 1, 1, OPT_JSON, RUN, call_show,
	    "a call that is up, or the records of one that has ended, with its ladder" },
	{ "call", "hangup", "ID", 1, 1, 0, RUN, runtime_call_hangup, "end both sides of a call" },
	{ "completions", NULL, "", 0, 0, OPT_JSON, RUN, runtime_completions,
	    "who is rung when whom he called is free", NULL, "nobody waits" },
	{ "explain", NULL, "FROM TO", 2, 2, OPT_JSON | OPT_AS, RUN, runtime_explain,
	    "what a call would do, and who would pay, without placing it" },
	{ "cdr", NULL, "", 0, 0, OPT_JSON | OPT_WHEN | OPT_USER | OPT_FORMAT | OPT_WIDE, DB,
	    cdr_list,
	    "what was called", NULL, "no records" },
	{ "audit", NULL, "", 0, 0, OPT_JSON, DB, audit_list, "what cannot be right in the records",
	    NULL, "no findings" },
	{ "status", NULL, "", 0, 0, OPT_JSON, RUN, runtime_status, "how the exchange is" },
	{ "ps", NULL, "", 0, 0, OPT_JSON, RUN, runtime_ps, "role, number and pid of each process" },
	{ "drill", NULL, "[all]", 0, 1, OPT_JSON, RUN, drill,
	    "kill processes and see them come back; all: workers and fronts too" },
	{ "reload", NULL, "", 0, 0, 0, NEED_WHOLE, runtime_reload,
	    "read the configuration again" },
	{ "upgrade", NULL, "", 0, 0, 0, NEED_WHOLE, runtime_upgrade,
	    "take the installed programs, calls stay" },
	{ "stop", NULL, "", 0, 0, 0, RUN, runtime_stop, "end the exchange" },
	{ "metrics", NULL, "", 0, 0, 0, RUN, runtime_metrics, "counters, as Prometheus reads them" },
	{ .group = NULL },
};
/* clang-format on */

/* Commands that the manual of a later version has. */
static const struct {
	const char *name, *instead;
} later[] = {
	{ "trace", "tandemctl call show ID has the ladder of a call" },
	{ "doctor", "tandemd -t checks the configuration, tandemctl status the exchange" },
};

bool
command_is(const struct command *k, int n, char **words)
{
	return strcmp(k->group, words[0]) == 0 &&
	       (k->verb == NULL || n < 2 || strcmp(k->verb, words[1]) == 0);
}

static int
refuse_group(const struct ctl *c, const char *word)
{
	struct nearest near = { .word = word };
	char meant[64];

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		if (strcmp(later[i].name, word) == 0)
			return ctl_refuse(
			    c, "%s is not in this version yet; %s", word, later[i].instead);
	}
	for (const struct command *k = commands; k->group != NULL; k++)
		nearest_try(&near, k->group);
	return ctl_usage(c, "no such command: %s%s (tandemctl help lists them)", word,
	    nearest_text(&near, meant, sizeof(meant)));
}

/* The verbs of a group, of which there is one at least. */
static int
refuse_verb(const struct ctl *c, const char *group, const char *verb)
{
	struct nearest near = { .word = verb == NULL ? "" : verb };
	char verbs[128] = "", meant[64];

	for (const struct command *k = commands; k->group != NULL; k++) {
		size_t len = strlen(verbs);

		if (strcmp(k->group, group) != 0)
			continue;
		snprintf(verbs + len, sizeof(verbs) - len, "%s%s", len == 0 ? "" : ", ", k->verb);
		nearest_try(&near, k->verb);
	}
	if (verb == NULL)
		return ctl_usage(
		    c, "%s: what of it? There are %s (tandemctl %s --help)", group, verbs, group);
	return ctl_usage(c, "no such command: %s %s%s (there are %s)", group, verb,
	    nearest_text(&near, meant, sizeof(meant)), verbs);
}

int
command_find(const struct ctl *c, int n, char **words, const struct command **k_r)
{
	bool group = false;

	for (const struct command *k = commands; k->group != NULL; k++) {
		group = group || strcmp(k->group, words[0]) == 0;
		if (command_is(k, n, words) && (k->verb == NULL || n > 1)) {
			*k_r = k;
			return CTL_DONE;
		}
	}
	if (!group)
		return refuse_group(c, words[0]);
	return refuse_verb(c, words[0], n < 2 ? NULL : words[1]);
}
