/* Options, which may stand anywhere before a `--`. */
#include <string.h>

#include "ctl/ctl.h"

#define NO_VALUE SIZE_MAX

static const struct {
	const char *name;
	size_t at; /* of the const char * its value goes to, or NO_VALUE */
	unsigned option;
	const char *value, *help;
} table[] = {
	{ "-c", offsetof(struct ctl, file), 0, NULL, NULL },
	{ "--config", offsetof(struct ctl, file), 0, NULL, NULL },
	{ "--json", NO_VALUE, OPT_JSON, "", "for programs" },
	{ "--password", offsetof(struct ctl, password), OPT_PASSWORD, "P",
	    "other users of this machine may see it" },
	{ "--password-stdin", NO_VALUE, OPT_PASSWORD, "", "the first line of standard input" },
	{ "--name", offsetof(struct ctl, name), OPT_NAME, "TEXT", "the same as display_name=TEXT" },
	{ "--since", offsetof(struct ctl, since), OPT_WHEN, "TIME",
	    "calls that began then or later: 2026-11-21, \"2026-11-21 10:00\", 10:00, today, "
	    "\"2 hours ago\"; UTC" },
	{ "--until", offsetof(struct ctl, until), OPT_WHEN, "TIME",
	    "calls that began before then" },
	{ "--user", offsetof(struct ctl, user), OPT_USER, "USER",
	    "a subscriber or a number that called, was called, forwarded or pays" },
	{ "--at", offsetof(struct ctl, at), OPT_AS, "TIME",
	    "as if it were then: \"2026-12-24 18:30\", by the clock of FROM's tenant" },
	{ "--priority", offsetof(struct ctl, priority), OPT_AS, "WORD",
	    "as if the phone had asked for it: non-urgent, normal, urgent, emergency" },
	{ "--format", offsetof(struct ctl, format), OPT_FORMAT, "FORMAT",
	    "table (as --wide), csv or json" },
	{ "--wide", NO_VALUE, OPT_WIDE, "", "every column of the records, however wide" },
};

enum { N_OPTIONS = sizeof(table) / sizeof(table[0]) };

/* One option, with its value in this word or the next; *i_r is moved to the last word of it. */
static int
option_take(struct ctl *c, int argc, char **argv, int *i_r)
{
	const char *word = argv[*i_r], *equals = strchr(word, '=');
	size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);

	for (size_t k = 0; k < N_OPTIONS; k++) {
		if (strlen(table[k].name) != len || strncmp(table[k].name, word, len) != 0)
			continue;
		c->given |= table[k].option;
		if (table[k].at == NO_VALUE) {
			if (equals != NULL)
				return ctl_usage(c, "%s takes no value", table[k].name);
			c->json = c->json || table[k].option == OPT_JSON;
			c->wide = c->wide || table[k].option == OPT_WIDE;
			c->password_stdin = c->password_stdin || table[k].option == OPT_PASSWORD;
			return CTL_DONE;
		}
		if (equals == NULL && *i_r + 1 >= argc)
			return ctl_usage(c, "%s: its value is missing", word);
		*(const char **)((char *)c + table[k].at) =
		    equals == NULL ? argv[++*i_r] : equals + 1;
		return CTL_DONE;
	}
	c->unknown = c->unknown == NULL ? word : c->unknown;
	return CTL_DONE;
}

int
options_take(struct ctl *c, int argc, char **argv, int *n_r)
{
	int n = 0, status = CTL_DONE;

	for (int i = 1; i < argc && status == CTL_DONE; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				argv[n++] = argv[i];
		} else if (argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[n++] = argv[i];
		} else {
			status = option_take(c, argc, argv, &i);
		}
	}
	*n_r = n;
	return status;
}

int
options_check(const struct ctl *c, const struct command *k)
{
	const char *verb = k->verb == NULL ? "" : k->verb, *space = k->verb == NULL ? "" : " ";
	struct nearest near = { .word = c->unknown };
	char meant[64];

	if (c->unknown != NULL) {
		for (size_t i = 0; i < N_OPTIONS; i++) {
			if ((table[i].option & k->options) != 0)
				nearest_try(&near, table[i].name);
		}
		return ctl_usage(c, "no such option: %s%s (tandemctl %s%s%s --help)", c->unknown,
		    nearest_text(&near, meant, sizeof(meant)), k->group, space, verb);
	}
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if ((table[i].option & c->given & ~k->options) != 0)
			return ctl_usage(c, "%s%s%s does not take this option: %s", k->group, space,
			    verb, table[i].name);
	}
	return CTL_DONE;
}

void
options_help(unsigned options)
{
	if (options != 0)
		puts("\nOptions:");
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if ((table[i].option & options) != 0)
			printf("  %s%s%-*s  %s\n", table[i].name,
			    *table[i].value == '\0' ? "" : " ",
			    18 - (int)strlen(table[i].name) - (*table[i].value != '\0'),
			    table[i].value, table[i].help);
	}
}
