/* The process title: over argv and environ, which Linux lays out in one piece. */
#include "ipc/title.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static struct {
	char *at;
	size_t size;
} title; /* argv's memory: there is one for a process */

/* Strings in one piece from `end` on belong to the area. */
static char *
follow(char *end, char **strings)
{
	for (; *strings != NULL; strings++)
		if (*strings == end)
			end += strlen(*strings) + 1;
	return end;
}

static void
move_environment(void)
{
	size_t n = 0;
	char **copy;

	while (environ[n] != NULL)
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (copy == NULL)
		fatal(errno, "no memory for the environment");
	for (size_t i = 0; i < n; i++) {
		copy[i] = strdup(environ[i]);
		if (copy[i] == NULL)
			fatal(errno, "no memory for the environment");
	}
	environ = copy;
}

void
title_init(int argc, char **argv)
{
	char *end;

	if (argc < 1 || title.at != NULL)
		return;
	end = follow(follow(argv[0], argv), environ);
	move_environment();
	title.at = argv[0];
	title.size = (size_t)(end - argv[0]);
}

/* When the last byte of argv's area is not NUL, the kernel shows the text as far as it goes; else it
 * shows argv's area whole, in which the unused rest is NULs. Both are right in ps. */
void
title_set(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	size_t len;

	if (title.size == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	len = strnlen(text, title.size - 1);
	memcpy(title.at, text, len);
	memset(title.at + len, 0, title.size - len);
}
