/*
 * tandemctl -c FILE COMMAND: the command line. Here is the table of commands, the help that is made
 * of it, and how the words after tandemctl are told apart. Options may stand anywhere; `--` ends
 * them. Exit status: 0 done, 1 refused, 2 usage, 3 the exchange is not running.
 */
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#ifndef TANDEM_VERSION
#define TANDEM_VERSION "unversioned"
#endif

static const char default_file[] = "/etc/tandem/tandem.conf";

/* clang-format off */
/* The verbs of an object (object.c). To the name `add` takes a key that must be there. */
#define OBJECT(o, name, needs, del)                                                                \
	{ #o, "add", name " " needs " [KEY=VALUE ...]", 2, -1, 0, object_add, "", &o##_object },   \
	{ #o, "set", name " KEY=VALUE ...", 2, -1, 0, object_set, NULL, &o##_object },             \
	{ #o, "show", name, 1, 1, OPT_JSON, object_show, "", &o##_object },                        \
	{ #o, "del", name, 1, 1, 0, object_del, del, &o##_object },                                \
	{ #o, "list", "", 0, 0, OPT_JSON, object_list, "", &o##_object }

static const struct command commands[] = {
	{ "db", "init", "", 0, 0, 0, db_init, "make the database and its schema" },
	{ "db", "upgrade", "", 0, 0, 0, db_upgrade, "apply what is new in the schema" },
	{ "db", "version", "", 0, 0, 0, db_version, "version of the schema" },
	OBJECT(tenant, "NAME", "domain=D[,D...]", "with all that is its own; its calls stay"),
	{ "subscriber", "add", "USER[@DOMAIN] [KEY=VALUE ...]", 1, -1,
	    OPT_PASSWORD | OPT_NAME | OPT_JSON, subscriber_add,
	    "--password P | --password-stdin, else one is made and printed; --name TEXT",
	    &subscriber_object },
	{ "subscriber", "set", "USER[@DOMAIN] KEY=VALUE ...", 1, -1, OPT_PASSWORD | OPT_NAME,
	    subscriber_set, "KEY= clears", &subscriber_object },
	{ "subscriber", "show", "USER[@DOMAIN]", 1, 1, OPT_JSON, object_show, "",
	    &subscriber_object },
	{ "subscriber", "del", "USER[@DOMAIN]", 1, 1, 0, object_del, "", &subscriber_object },
	{ "subscriber", "list", "[DOMAIN]", 0, 1, OPT_JSON, object_list, "", &subscriber_object },
	{ "subscriber", "import", "FILE|-", 1, 1, 0, subscriber_import,
	    "CSV with a header line: user,password,name,KEY...; all or nothing",
	    &subscriber_object },
	OBJECT(group, "NAME[@DOMAIN]", "number=N", ""),
	OBJECT(gateway, "NAME[@DOMAIN]", "host=H", ""),
	OBJECT(route, "NAME[@DOMAIN]", "gateway=G", ""),
	{ "registrations", NULL, "[USER]", 0, 1, OPT_JSON, runtime_registrations, "" },
	{ "calls", NULL, "", 0, 0, OPT_JSON, runtime_calls, "calls now" },
	{ "call", "show", "ID", 1, 1, OPT_JSON, runtime_call_show, "" },
	{ "call", "hangup", "ID", 1, 1, 0, runtime_call_hangup, "" },
	{ "cdr", NULL, "", 0, 0, OPT_JSON | OPT_WHEN | OPT_USER | OPT_FORMAT, cdr_list,
	    "--since T --until T --user USER --format table|csv|json" },
	{ "audit", NULL, "", 0, 0, OPT_JSON, audit_list, "what cannot be right in the records" },
	{ "status", NULL, "", 0, 0, OPT_JSON, runtime_status, "" },
	{ "ps", NULL, "", 0, 0, OPT_JSON, runtime_ps, "role, number and pid of each process" },
	{ "reload", NULL, "", 0, 0, 0, runtime_reload, "read the configuration again" },
	{ "upgrade", NULL, "", 0, 0, 0, runtime_upgrade,
	    "take the installed programs, calls stay" },
	{ "stop", NULL, "", 0, 0, 0, runtime_stop, "" },
	{ "metrics", NULL, "", 0, 0, 0, runtime_metrics, "counters, as Prometheus reads them" },
};
/* clang-format on */
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void __attribute__((format(printf, 2, 0)))
say(const char *where, const char *fmt, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, args);
	fputs("tandemctl: ", stderr);
	text_put(stderr, where);
	text_put(stderr, line);
	fputc('\n', stderr);
}

int
ctl_refuse(const struct ctl *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c->where, fmt, args);
	va_end(args);
	return CTL_REFUSED;
}

int
ctl_usage(const struct ctl *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c->where, fmt, args);
	va_end(args);
	return CTL_USAGE;
}

static int
help(void)
{
	printf("usage: tandemctl [-c FILE] COMMAND (FILE: %s)\n\n", default_file);
	for (const struct command *k = commands; k < commands + N_COMMANDS; k++) {
		char line[128], keys[512] = "keys: ";
		const char *text = k->help;

		if (text == NULL) {
			keys_list(
			    k->object->keys, keys + strlen(keys), sizeof(keys) - strlen(keys));
			text = keys;
		}
		snprintf(line, sizeof(line), "%s%s%s%s%s%s", k->group, k->verb == NULL ? "" : " ",
		    k->verb == NULL ? "" : k->verb, *k->args == '\0' ? "" : " ", k->args,
		    (k->options & OPT_JSON) != 0 ? " [--json]" : "");
		if (*text == '\0')
			printf("  %s\n", line);
		else
			printf("  %-40s %s\n", line, text);
	}
	puts("\nExit status: 0 done, 1 refused, 2 usage, 3 the exchange is not running. "
	     "tandemctl(8)");
	return CTL_DONE;
}

static const struct {
	const char *name;
	size_t at; /* of the const char * it goes to */
	unsigned option;
} valued[] = {
	{ "-c", offsetof(struct ctl, file), 0 },
	{ "--config", offsetof(struct ctl, file), 0 },
	{ "--password", offsetof(struct ctl, password), OPT_PASSWORD },
	{ "--name", offsetof(struct ctl, name), OPT_NAME },
	{ "--since", offsetof(struct ctl, since), OPT_WHEN },
	{ "--until", offsetof(struct ctl, until), OPT_WHEN },
	{ "--user", offsetof(struct ctl, user), OPT_USER },
	{ "--format", offsetof(struct ctl, format), OPT_FORMAT },
};

/* An option with its value, in this word or the next; *i_r is moved behind it. */
static int
option_valued(struct ctl *c, int argc, char **argv, int *i_r)
{
	const char *word = argv[*i_r], *equals = strchr(word, '=');
	size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);

	for (size_t k = 0; k < sizeof(valued) / sizeof(valued[0]); k++) {
		if (strlen(valued[k].name) != len || strncmp(valued[k].name, word, len) != 0)
			continue;
		if (equals == NULL && *i_r + 1 >= argc)
			return ctl_usage(c, "%s: its value is missing", word);
		*(const char **)((char *)c + valued[k].at) =
		    equals == NULL ? argv[++*i_r] : equals + 1;
		c->given |= valued[k].option;
		return CTL_DONE;
	}
	return ctl_usage(c, "no such option: %s", word);
}

/* Takes the options out; what is left are the command's words. */
static int
options(struct ctl *c, int argc, char **argv, int *n_r)
{
	int n = 0, status = CTL_DONE;

	for (int i = 1; i < argc && status == CTL_DONE; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				argv[n++] = argv[i];
		} else if (argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[n++] = argv[i];
		} else if (strcmp(argv[i], "--json") == 0) {
			c->json = true;
			c->given |= OPT_JSON;
		} else if (strcmp(argv[i], "--password-stdin") == 0) {
			c->password_stdin = true;
			c->given |= OPT_PASSWORD;
		} else {
			status = option_valued(c, argc, argv, &i);
		}
	}
	*n_r = n;
	return status;
}

static int
command_find(const struct ctl *c, int n, char **words, const struct command **k_r)
{
	bool group = false;

	for (const struct command *k = commands; k < commands + N_COMMANDS; k++) {
		if (strcmp(k->group, words[0]) != 0)
			continue;
		group = true;
		if (k->verb == NULL || (n > 1 && strcmp(k->verb, words[1]) == 0)) {
			*k_r = k;
			return CTL_DONE;
		}
	}
	if (!group)
		return ctl_usage(c, "no such command: %s (tandemctl help lists them)", words[0]);
	if (n < 2)
		return ctl_usage(
		    c, "%s: what of it? (tandemctl help lists the commands)", words[0]);
	return ctl_usage(
	    c, "no such command: %s %s (tandemctl help lists them)", words[0], words[1]);
}

static int
command_run(struct ctl *c, int n, char **words)
{
	static struct settings_file settings;
	const struct command *k = NULL;
	int taken, status = command_find(c, n, words, &k);
	char why[512];

	if (status != CTL_DONE)
		return status;
	taken = k->verb == NULL ? 1 : 2;
	if (n - taken < k->min || (k->max >= 0 && n - taken > k->max))
		return ctl_usage(c, "usage: tandemctl %s%s%s %s", k->group,
		    k->verb == NULL ? "" : " ", k->verb == NULL ? "" : k->verb, k->args);
	if ((c->given & ~k->options) != 0)
		return ctl_usage(c, "%s%s%s does not take this option", k->group,
		    k->verb == NULL ? "" : " ", k->verb == NULL ? "" : k->verb);
	if (settings_read(c->file, &settings, why, sizeof(why)) != ERR_NONE)
		return ctl_refuse(c, "%s", why);
	c->settings = &settings;
	c->command = k;
	status = k->run(c, n - taken, words + taken);
	PQfinish(c->db);
	if (fflush(stdout) != 0 && status == CTL_DONE)
		return ctl_refuse(c, "writing the answer: %m");
	return status;
}

int
main(int argc, char **argv)
{
	struct ctl c = { .file = default_file };
	int n, status;

	/* Only which letters there are and how wide they are; all else stays as programs read it. */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		setlocale(LC_CTYPE, "");
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return help();
		if (strcmp(argv[i], "--version") == 0)
			return puts("tandemctl " TANDEM_VERSION) < 0 ? CTL_REFUSED : CTL_DONE;
		if (strcmp(argv[i], "--") == 0)
			break;
	}
	status = options(&c, argc, argv, &n);
	if (status != CTL_DONE)
		return status;
	if (n == 0)
		return ctl_usage(
		    &c, "usage: tandemctl [-c FILE] COMMAND (tandemctl help lists them)");
	if (strcmp(argv[0], "help") == 0)
		return help();
	return command_run(&c, n, argv);
}
