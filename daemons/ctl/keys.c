/*
 * KEY=VALUE on the command line and in imported columns. Each key is
 * set by a statement of its own, so that a wrong value is known by its key; what is right and what is
 * wrong is decided in the database alone.
 */
#include <string.h>

#include "base/buf.h"
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

const struct key *
key_find(const struct key *keys, const char *name)
{
	for (; keys->name != NULL; keys++) {
		if (strcmp(keys->name, name) == 0)
			return keys;
	}
	return NULL;
}

void
keys_list(const struct key *keys, char *to, size_t cap)
{
	size_t len = 0;

	for (*to = '\0'; keys->name != NULL && len < cap; keys++)
		len +=
		    (size_t)snprintf(to + len, cap - len, "%s%s", len == 0 ? "" : ", ", keys->name);
}

const char *
key_value(const struct key *k, const char *value, char word[KEY_MAX])
{
	if (k->kind == KEY_FLAG)
		return flag_of(value);
	if (k->kind != KEY_WORD)
		return value;
	/* "ring-all" is ring_all in the database. */
	snprintf(word, KEY_MAX, "%s", value);
	for (char *p = word; *p != '\0'; p++) {
		if (*p == '-')
			*p = '_';
	}
	return word;
}

static void
update_sql(const struct object *o, const struct key *k, struct buf *b)
{
	buf_lit(b, "update ");
	buf_str(b, k->table == NULL ? o->table : k->table);
	buf_lit(b, " t set ");
	buf_str(b, k->column == NULL ? k->name : k->column);
	buf_lit(b, " = ");
	buf_str(b, k->value);
	buf_lit(b, " where t.");
	buf_str(b, o->id);
	buf_lit(b, " = $1");
	buf_char(b, '\0');
	must(buf_ok(b));
}

static int
update(struct ctl *c, const struct key *k, const char *id, const char *value)
{
	char word[KEY_MAX], sql[512];
	const char *to = key_value(k, value, word);
	struct buf b = buf_on(sql, sizeof(sql));
	PGresult *r;

	if (to == NULL)
		return ctl_refuse(c, "%s: \"%s\" is not on or off", k->name, value);
	update_sql(c->command->object, k, &b);
	r = db_run(c, sql, 2, id, to);
	if (!db_good(r))
		return db_refuse(c, r, k->name, value, k->hint);
	PQclear(r);
	return CTL_DONE;
}

static int
refuse_unknown(const struct ctl *c, const struct key *keys, const char *name)
{
	struct nearest near = { .word = name };
	char list[512], meant[64];

	for (const struct key *k = keys; k->name != NULL; k++)
		nearest_try(&near, k->name);
	keys_list(keys, list, sizeof(list));
	return ctl_refuse(c, "no such key: %s%s (there are %s)", name,
	    nearest_text(&near, meant, sizeof(meant)), list);
}

int
key_set(struct ctl *c, const char *id, const char *name, const char *value)
{
	const struct key *keys = c->command->object->keys, *k = key_find(keys, name);

	return k == NULL	    ? refuse_unknown(c, keys, name)
	       : k->kind == KEY_OWN ? k->apply(c, id, value)
				    : update(c, k, id, value);
}

int
keys_set(struct ctl *c, const char *id, int n, char **words)
{
	int status = CTL_DONE;

	for (int i = 0; i < n && status == CTL_DONE; i++) {
		char name[KEY_MAX];
		size_t len = strcspn(words[i], "=");

		if (words[i][len] != '=' || len >= sizeof(name))
			return ctl_usage(c, "not KEY=VALUE: %s (tandemctl %s --help has the keys)",
			    words[i], c->command->object->word);
		snprintf(name, sizeof(name), "%.*s", (int)len, words[i]);
		status = key_set(c, id, name, words[i] + len + 1);
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
