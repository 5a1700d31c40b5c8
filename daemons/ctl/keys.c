/*
 * KEY=VALUE on the command line and in imported columns. A table of keys holds for each the
 * statement that sets it, so that a wrong value is known by its key; what is right and what is wrong
 * is decided in the database alone.
 */
#include <string.h>

#include "ctl/ctl.h"

static const struct {
	const char *word, *value;
} flags[] = {
	{ "on", "true" },
	{ "off", "false" },
	{ "yes", "true" },
	{ "no", "false" },
	{ "true", "true" },
	{ "false", "false" },
	{ "", "" },
};

static const char *
flag_of(const char *word)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(word, flags[i].word) == 0)
			return flags[i].value;
	}
	return NULL;
}

/* "ring-all" is ring_all in the database. */
static void
underscores(const char *word, char *to, size_t cap)
{
	snprintf(to, cap, "%s", word);
	for (; *to != '\0'; to++) {
		if (*to == '-')
			*to = '_';
	}
}

static int
known(struct ctl *c, const struct key *keys, const char *name)
{
	char list[512];
	size_t len = 0;

	for (; keys->name != NULL && len < sizeof(list); keys++)
		len += (size_t)snprintf(
		    list + len, sizeof(list) - len, "%s%s", len == 0 ? "" : ", ", keys->name);
	return ctl_refuse(c, "no such key: %s (there are %s)", name, list);
}

int
key_set(struct ctl *c, const struct key *keys, const char *id, const char *name, const char *value)
{
	const struct key *k = keys;
	const char *given = value;
	char word[64];
	PGresult *r;

	while (k->name != NULL && strcmp(k->name, name) != 0)
		k++;
	if (k->name == NULL)
		return known(c, keys, name);
	if (k->kind == KEY_OWN)
		return k->apply(c, id, value);
	if (k->kind == KEY_FLAG) {
		value = flag_of(value);
		if (value == NULL)
			return ctl_refuse(c, "%s: \"%s\" is not on or off", name, given);
	} else if (k->kind == KEY_WORD) {
		underscores(value, word, sizeof(word));
		value = word;
	}
	r = db_run(c, k->sql, 2, id, value);
	if (!db_good(r))
		return db_refuse(c, r, name, given, k->hint);
	PQclear(r);
	return CTL_DONE;
}

int
keys_set(struct ctl *c, const struct key *keys, const char *id, int n, char **words)
{
	int status = CTL_DONE;

	for (int i = 0; i < n && status == CTL_DONE; i++) {
		char name[64];
		size_t len = strcspn(words[i], "=");

		if (words[i][len] != '=' || len >= sizeof(name))
			return ctl_usage(c, "not KEY=VALUE: %s", words[i]);
		snprintf(name, sizeof(name), "%.*s", (int)len, words[i]);
		status = key_set(c, keys, id, name, words[i] + len + 1);
	}
	return status;
}

const char *
words_value(int n, char **words, const char *name)
{
	const char *value = NULL;
	size_t len = strlen(name);

	for (int i = 0; i < n; i++) {
		if (strncmp(words[i], name, len) == 0 && words[i][len] == '=')
			value = words[i] + len + 1;
	}
	return value;
}
