/*
 * Where the key's name stands as a word, outside comments and texts in quotes, what follows is read up
 * to the first ; or line end with which it makes sense. Quotes are thought to be closed at the end of
 * their line: after one that was forgotten, the next line counts again.
 */
#include "base/config_salvage.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1 << 16 }; /* of one setting */

static bool
is_name(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*';
}

static const char *
skip_quoted(const char *p)
{
	for (p++; *p != '\0' && *p != '\n' && *p != '"'; p++)
		if (*p == '\\' && p[1] != '\0' && p[1] != '\n')
			p++;
	return *p == '\0' ? p : p + 1;
}

static const char *
skip_comment(const char *p)
{
	const char *end;

	if (*p == '#' || p[1] == '/')
		return p + strcspn(p, "\n");
	end = strstr(p + 2, "*/");
	return end == NULL ? p + strlen(p) : end + 2;
}

static bool
is_comment(const char *p)
{
	return *p == '#' || (*p == '/' && (p[1] == '/' || p[1] == '*'));
}

/* The next place from p on where the word stands, or NULL. */
static const char *
word_find(const char *p, const char *word)
{
	size_t len = strlen(word);

	while (*p != '\0') {
		if (*p == '"') {
			p = skip_quoted(p);
		} else if (is_comment(p)) {
			p = skip_comment(p);
		} else if (!is_name(*p)) {
			p++;
		} else {
			size_t n = 0;

			while (is_name(p[n]))
				n++;
			if (n == len && memcmp(p, word, len) == 0)
				return p;
			p += n;
		}
	}
	return NULL;
}

/* The setting that begins here, tried with one end after the other. */
static bool
setting_read(const char *from, const struct config_key *key, void *into)
{
	char line[256], *copy = strndup(from, LONGEST);
	bool good = false;

	if (copy == NULL)
		return false;
	for (size_t n = 0; !good && copy[n] != '\0'; n++) {
		struct buf why = buf_on(line, sizeof(line));
		char next = copy[n + 1];

		if (copy[n] != ';' && next != '\n' && next != '\0')
			continue;
		copy[n + 1] = '\0';
		good = config_text("", copy, key, 1, into, &why) == ERR_NONE;
		copy[n + 1] = next;
		/* Texts in a row are one. */
		good = good && copy[n + 1 + strspn(copy + n + 1, " \t\r\n")] != '"';
	}
	free(copy);
	return good;
}

enum config_salvaged
config_salvage(const char *text, const struct config_key *key, void *into)
{
	const char *at = word_find(text, key->path);
	struct config_key one = *key;

	/* A setting that is cut too short must not pass as one that is absent. */
	one.required = true;
	config_defaults(key, 1, into);
	if (strstr(text, "@include") != NULL)
		return CONFIG_LOST;
	if (at == NULL)
		return CONFIG_ABSENT;
	if (word_find(at + strlen(key->path), key->path) != NULL || !setting_read(at, &one, into)) {
		config_defaults(key, 1, into);
		return CONFIG_LOST;
	}
	return CONFIG_FOUND;
}
