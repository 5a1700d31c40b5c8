/*
 * tandemctl -c FILE COMMAND: from the command line to the command. Exit status: 0 done, 1 refused,
 * 2 usage, 3 the exchange is not running.
 */
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#ifndef TANDEM_VERSION
#define TANDEM_VERSION "unversioned"
#endif

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

void
ctl_note(const struct ctl *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(c->where, fmt, args);
	va_end(args);
}

static int
command_run(struct ctl *c, int n, char **words)
{
	static struct settings_file settings;
	const struct command *k = NULL;
	int taken, status = command_find(c, n, words, &k);

	if (status != CTL_DONE || (status = options_check(c, k)) != CTL_DONE)
		return status;
	taken = k->verb == NULL ? 1 : 2;
	if (n - taken < k->min || (k->max >= 0 && n - taken > k->max))
		return ctl_usage(c, "usage: tandemctl %s%s%s%s%s", k->group,
		    k->verb == NULL ? "" : " ", k->verb == NULL ? "" : k->verb,
		    *k->args == '\0' ? "" : " ", k->args);
	c->command = k;
	status = file_read(c, &settings);
	if (status == CTL_DONE)
		status = k->run(c, n - taken, words + taken);
	PQfinish(c->db);
	if (fflush(stdout) != 0 && status == CTL_DONE)
		return ctl_refuse(c, "writing the answer: %m");
	return status;
}

/* Takes --help out, wherever it stands before a `--`. */
static bool
help_asked(int *argc, char **argv)
{
	bool asked = false;
	int n = 1;

	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			while (i < *argc)
				argv[n++] = argv[i++];
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			asked = true;
		} else {
			argv[n++] = argv[i];
		}
	}
	*argc = n;
	return asked;
}

int
main(int argc, char **argv)
{
	struct ctl c = { .file = default_file };
	bool help = help_asked(&argc, argv);
	int n, status;

	/* Only which letters there are and how wide they are; all else stays as programs read it. */
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		setlocale(LC_CTYPE, "");
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return puts("tandemctl " TANDEM_VERSION) < 0 ? CTL_REFUSED : CTL_DONE;
	status = options_take(&c, argc, argv, &n);
	if (status != CTL_DONE)
		return status;
	if (n > 0 && strcmp(argv[0], "help") == 0) {
		help = true;
		argv++;
		n--;
	}
	if (help)
		return n == 0 ? help_all() : help_of(&c, n, argv);
	if (n == 0)
		return ctl_usage(
		    &c, "usage: tandemctl [-c FILE] COMMAND (tandemctl help lists them)");
	return command_run(&c, n, argv);
}
