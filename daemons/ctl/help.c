/* The help, made of the tables of commands, options and keys. */
#include <string.h>

#include "ctl/ctl.h"

enum { TEXT_AT = 42 };

/* A command with its words, and behind it or below what it does. */
static void
command_line(const struct command *k)
{
	char line[160];
	int len = snprintf(line, sizeof(line), "  %s%s%s%s%s%s", k->group,
	    k->verb == NULL ? "" : " ", k->verb == NULL ? "" : k->verb, *k->args == '\0' ? "" : " ",
	    k->args, (k->options & OPT_JSON) != 0 ? " [--json]" : "");

	if (*k->help == '\0')
		puts(line);
	else if (len < TEXT_AT)
		printf("%-*s%s\n", TEXT_AT, line, k->help);
	else
		printf("%s\n%*s%s\n", line, TEXT_AT, "", k->help);
}

int
help_all(void)
{
	printf("usage: tandemctl [-c FILE] COMMAND [OPTION ...]\n\n"
	       "  -c FILE   the configuration, tandem.conf(5); default %s\n"
	       "  --json    for programs\n\n",
	    default_file);
	for (const struct command *k = commands; k->group != NULL; k++)
		command_line(k);
	puts("\ntandemctl COMMAND --help says more of one: its options, the keys of its object.\n"
	     "Exit status: 0 done, 1 refused, 2 usage, 3 the exchange is not running. "
	     "tandemctl(8)");
	return CTL_DONE;
}

static void
keys_help(const struct object *o)
{
	int widest = 0;

	for (const struct key *k = o->keys; k->name != NULL; k++)
		widest = (int)strlen(k->name) > widest ? (int)strlen(k->name) : widest;
	printf("\nKeys of a %s; KEY= clears it, and gives it its default:\n", o->word);
	for (const struct key *k = o->keys; k->name != NULL; k++)
		printf("  %-*s  %s%s\n", widest, k->name, k->kind == KEY_FLAG ? "on or off: " : "",
		    k->help);
}

/* Do its words take KEY=VALUE, or a header of keys? */
static bool
takes_keys(const struct command *k)
{
	return k->object != NULL &&
	       (strstr(k->args, "KEY") != NULL || strstr(k->help, "KEY") != NULL);
}

int
help_of(const struct ctl *c, int n, char **words)
{
	const struct object *keys_of = NULL;
	const struct command *first = NULL;
	unsigned options = 0;

	for (const struct command *k = commands; k->group != NULL; k++) {
		if (!command_is(k, n, words))
			continue;
		if (first == NULL)
			puts("usage: tandemctl [-c FILE] COMMAND [OPTION ...]\n");
		first = k;
		options |= k->options;
		keys_of = takes_keys(k) ? k->object : keys_of;
		command_line(k);
	}
	if (first == NULL)
		return command_find(c, n, words, &first);
	options_help(options);
	if (keys_of != NULL)
		keys_help(keys_of);
	return CTL_DONE;
}
