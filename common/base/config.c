/*
 * Reading a configuration by a table. libconfig gives a tree of settings, each with its line; two
 * passes are made over every group: what stands in the file must be in the table, then each key of
 * the table takes its value. A scope is a group being read: the root, or an element of a list.
 */
#include "base/config.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_wrap.h"

enum { NAME = 128 };

struct reader {
	const char *file;
	struct buf *why;
};

struct scope {
	struct reader *reader;
	config_setting_t *group;
	const struct config_key *keys;
	unsigned n_keys;
	char *into;
	char name[NAME]; /* what stands before the keys in errors: "listen[1]." */
};

static void
put_cut(struct buf *b, const char *s)
{
	buf_put(b, span_first(span_str(s), b->cap - b->len));
}

/* FILE:LINE: KEY: what. Control bytes (of a key in the file) cannot get in: libconfig's names are
 * letters, digits, '-', '_' and '*'. */
static void __attribute__((format(printf, 4, 5)))
complain(const struct scope *s, const config_setting_t *at, const char *key, const char *fmt, ...)
{
	const char *file = config_setting_source_file(at);
	unsigned line = config_setting_source_line(at);
	char text[256], where[32];
	va_list args;

	snprintf(where, sizeof(where), ":%u: ", line == 0 ? 1 : line);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put_cut(s->reader->why, file == NULL ? s->reader->file : file);
	put_cut(s->reader->why, where);
	put_cut(s->reader->why, s->name);
	put_cut(s->reader->why, key);
	put_cut(s->reader->why, ": ");
	put_cut(s->reader->why, text);
}

static void
store(void *at, size_t size, int64_t value)
{
	uint8_t n8 = (uint8_t)value;
	uint16_t n16 = (uint16_t)value;
	uint32_t n32 = (uint32_t)value;

	switch (size) {
	case 1:
		memcpy(at, &n8, 1);
		break;
	case 2:
		memcpy(at, &n16, 2);
		break;
	case 4:
		memcpy(at, &n32, 4);
		break;
	case 8:
		memcpy(at, &value, 8);
		break;
	default:
		panic("a number of %zu bytes", size);
	}
}

void
config_defaults(const struct config_key *keys, unsigned n_keys, void *into)
{
	for (const struct config_key *k = keys; k < keys + n_keys; k++) {
		char *at = (char *)into + k->at;

		switch (k->type) {
		case CONFIG_IS_FLAG:
		case CONFIG_IS_NUMBER:
		case CONFIG_IS_WORD:
			store(at, k->size, k->otherwise);
			break;
		case CONFIG_IS_TEXT:
			memset(at, 0, k->size);
			must(span_cstr(span_str(k->text), at, k->size));
			break;
		case CONFIG_IS_TEXTS:
		case CONFIG_IS_GROUPS:
			memset(at, 0, k->size * (size_t)k->max);
			store((char *)into + k->count_at, sizeof(uint32_t), 0);
			break;
		}
	}
}

static const struct config_key *
key_find(const struct scope *s, const char *path, bool *group_r)
{
	size_t len = strlen(path);

	*group_r = false;
	for (const struct config_key *k = s->keys; k < s->keys + s->n_keys; k++) {
		if (strncmp(k->path, path, len) != 0)
			continue;
		if (k->path[len] == '\0')
			return k;
		if (k->path[len] == '.')
			*group_r = true;
	}
	return NULL;
}

/* Everything in this group, whose own path is `path` ("" for the scope itself), is in the table. */
static enum err
all_known(const struct scope *s, config_setting_t *group, const char *path)
{
	int n = config_setting_length(group);

	for (int i = 0; i < n; i++) {
		config_setting_t *child = config_setting_get_elem(group, (unsigned)i);
		char name[NAME];
		bool is_group;
		enum err e;

		snprintf(name, sizeof(name), "%s%s%s", path, path[0] == '\0' ? "" : ".",
		    config_setting_name(child));
		if (key_find(s, name, &is_group) != NULL)
			continue;
		if (!is_group) {
			complain(s, child, name, "unknown key");
			return ERR_SYNTAX;
		}
		if (!config_setting_is_group(child)) {
			complain(s, child, name, "must be a group: { ... }");
			return ERR_SYNTAX;
		}
		e = all_known(s, child, name);
		if (e != ERR_NONE)
			return e;
	}
	return ERR_NONE;
}

static enum err
checked(const struct scope *s, const struct config_key *k, config_setting_t *at, const char *name,
    const void *value)
{
	const char *wrong = k->check == NULL ? NULL : k->check(value);

	if (wrong == NULL)
		return ERR_NONE;
	complain(s, at, name, "%s", wrong);
	return ERR_RANGE;
}

static enum err
read_flag(const struct scope *s, const struct config_key *k, config_setting_t *at)
{
	if (config_setting_type(at) != CONFIG_TYPE_BOOL) {
		complain(s, at, k->path, "must be true or false");
		return ERR_SYNTAX;
	}
	store(s->into + k->at, k->size, config_setting_get_bool(at) != 0);
	return checked(s, k, at, k->path, s->into + k->at);
}

static enum err
read_number(const struct scope *s, const struct config_key *k, config_setting_t *at)
{
	int type = config_setting_type(at);
	int64_t value;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		complain(s, at, k->path, "must be a whole number");
		return ERR_SYNTAX;
	}
	value = config_setting_get_int64(at);
	if (value < k->min || value > k->max) {
		complain(s, at, k->path, "must be from %lld to %lld", (long long)k->min,
		    (long long)k->max);
		return ERR_RANGE;
	}
	store(s->into + k->at, k->size, value);
	return checked(s, k, at, k->path, s->into + k->at);
}

/* One text, of a key or of an element of it (then `name` has its index). */
static enum err
read_text(const struct scope *s, const struct config_key *k, config_setting_t *at, const char *name,
    char *to)
{
	const char *text = config_setting_get_string(at);

	if (config_setting_type(at) != CONFIG_TYPE_STRING || text == NULL) {
		complain(s, at, name, "must be text in quotes");
		return ERR_SYNTAX;
	}
	if (!span_cstr(span_str(text), to, k->size)) {
		complain(s, at, name, "is longer than %zu bytes", k->size - 1);
		return ERR_RANGE;
	}
	return checked(s, k, at, name, to);
}

static enum err
read_word(const struct scope *s, const struct config_key *k, config_setting_t *at)
{
	const char *text = config_setting_get_string(at);
	char all[160];
	struct buf b = buf_on(all, sizeof(all) - 1);

	if (config_setting_type(at) != CONFIG_TYPE_STRING || text == NULL) {
		complain(s, at, k->path, "must be text in quotes");
		return ERR_SYNTAX;
	}
	for (int i = 0; k->words[i] != NULL; i++) {
		if (strcmp(text, k->words[i]) == 0) {
			store(s->into + k->at, k->size, i);
			return checked(s, k, at, k->path, s->into + k->at);
		}
		put_cut(&b, i == 0 ? "" : ", ");
		put_cut(&b, k->words[i]);
	}
	all[b.len] = '\0';
	complain(s, at, k->path, "must be one of: %s", all);
	return ERR_RANGE;
}

/* Counts the elements of an array or list against the table, and stores the count. */
static enum err
read_count(const struct scope *s, const struct config_key *k, config_setting_t *at, int *n_r)
{
	*n_r = config_setting_length(at);
	if (*n_r < k->min || *n_r > k->max) {
		complain(s, at, k->path, "must have from %lld to %lld elements", (long long)k->min,
		    (long long)k->max);
		return ERR_RANGE;
	}
	store(s->into + k->count_at, sizeof(uint32_t), *n_r);
	return ERR_NONE;
}

static enum err
read_texts(const struct scope *s, const struct config_key *k, config_setting_t *at)
{
	enum err e;
	int n;

	if (!config_setting_is_array(at) && !config_setting_is_list(at)) {
		complain(s, at, k->path, "must be an array of texts: [ \"...\" ]");
		return ERR_SYNTAX;
	}
	e = read_count(s, k, at, &n);
	for (int i = 0; e == ERR_NONE && i < n; i++) {
		char name[NAME];

		snprintf(name, sizeof(name), "%s[%d]", k->path, i);
		e = read_text(s, k, config_setting_get_elem(at, (unsigned)i), name,
		    s->into + k->at + (size_t)i * k->size);
	}
	return e;
}

static enum err read_scope(const struct scope *s);

static enum err
read_groups(const struct scope *s, const struct config_key *k, config_setting_t *at)
{
	enum err e;
	int n;

	/* libconfig takes "( )" and an empty array alike: nothing is nothing. */
	if (!config_setting_is_list(at) &&
	    !(config_setting_is_array(at) && config_setting_length(at) == 0)) {
		complain(s, at, k->path, "must be a list of groups: ( { ... } )");
		return ERR_SYNTAX;
	}
	e = read_count(s, k, at, &n);
	for (int i = 0; e == ERR_NONE && i < n; i++) {
		struct scope element = { s->reader, config_setting_get_elem(at, (unsigned)i),
			k->keys, k->n_keys, s->into + k->at + (size_t)i * k->size, "" };
		char name[NAME];

		snprintf(name, sizeof(name), "%s[%d]", k->path, i);
		if (!config_setting_is_group(element.group)) {
			complain(s, element.group, name, "must be a group: { ... }");
			return ERR_SYNTAX;
		}
		if (snprintf(element.name, NAME, "%s%s.", s->name, name) >= NAME)
			panic("the name of a key is longer than %d", NAME);
		e = read_scope(&element);
		if (e == ERR_NONE)
			e = checked(s, k, element.group, name, element.into);
	}
	return e;
}

static enum err
read_key(const struct scope *s, const struct config_key *k, config_setting_t *at)
{
	switch (k->type) {
	case CONFIG_IS_FLAG:
		return read_flag(s, k, at);
	case CONFIG_IS_NUMBER:
		return read_number(s, k, at);
	case CONFIG_IS_TEXT:
		return read_text(s, k, at, k->path, s->into + k->at);
	case CONFIG_IS_WORD:
		return read_word(s, k, at);
	case CONFIG_IS_TEXTS:
		return read_texts(s, k, at);
	case CONFIG_IS_GROUPS:
		return read_groups(s, k, at);
	}
	panic("%s: a key of type %d", k->path, (int)k->type);
}

static bool
is_required(const struct config_key *k)
{
	return k->required ||
	       ((k->type == CONFIG_IS_TEXTS || k->type == CONFIG_IS_GROUPS) && k->min > 0);
}

static enum err
read_scope(const struct scope *s)
{
	enum err e;

	config_defaults(s->keys, s->n_keys, s->into);
	e = all_known(s, s->group, "");
	for (const struct config_key *k = s->keys; e == ERR_NONE && k < s->keys + s->n_keys; k++) {
		config_setting_t *at = config_setting_lookup(s->group, k->path);

		if (at != NULL) {
			e = read_key(s, k, at);
		} else if (is_required(k)) {
			complain(s, s->group, k->path, "is missing");
			e = ERR_SYNTAX;
		}
	}
	return e;
}

/* What libconfig could not read. Of a file that was included it knows the name. */
static enum err
refuse(const config_t *c, const struct reader *r)
{
	const char *file = config_error_file(c);
	char where[32];

	snprintf(where, sizeof(where), ":%d: ", config_error_line(c));
	put_cut(r->why, file == NULL ? r->file : file);
	put_cut(r->why, where);
	put_cut(r->why, config_error_text(c));
	return ERR_SYNTAX;
}

static enum err
refuse_wrapped(const struct reader *r, struct span key, unsigned line)
{
	char text[NAME];

	snprintf(text, sizeof(text), ":%u: %.*s: the number needs an L behind it, or is too large",
	    line, SPAN_F(span_first(key, 40)));
	put_cut(r->why, r->file);
	put_cut(r->why, text);
	return ERR_RANGE;
}

static enum err
read_all(const char *text, const char *directory, const struct scope *root)
{
	struct scope s = *root;
	struct span key;
	unsigned line;
	config_t c;
	enum err e;

	config_init(&c);
	if (directory != NULL)
		config_set_include_dir(&c, directory);
	if (config_read_string(&c, text) != CONFIG_TRUE) {
		e = refuse(&c, s.reader);
	} else if (config_wrap_find(span_str(text), &key, &line)) {
		e = refuse_wrapped(s.reader, key, line);
	} else {
		s.group = config_root_setting(&c);
		e = read_scope(&s);
	}
	config_destroy(&c);
	return e;
}

/* Read here because libconfig's scanner ends the process when it cannot read what it could open. */
char *
config_slurp(const char *file)
{
	FILE *f = fopen(file, "re");
	size_t cap = 0;
	char *text = NULL;
	ssize_t n;

	if (f == NULL)
		return NULL;
	errno = 0;
	n = getdelim(&text, &cap, '\0', f);
	if (n > 0 && text[n - 1] == '\0')
		errno = EILSEQ; /* what stands behind a NUL must not be left out in silence */
	if (n <= 0 && errno == 0) {
		free(text);
		text = strdup("");
	} else if (errno != 0) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

enum err
config_load(
    const char *file, const struct config_key *keys, unsigned n_keys, void *into, struct buf *why)
{
	struct reader reader = { file, why };
	struct scope root = { &reader, NULL, keys, n_keys, into, "" };
	const char *slash = strrchr(file, '/');
	char *directory, *text = config_slurp(file);
	enum err e;

	if (text == NULL) {
		put_cut(why, file);
		put_cut(why, ": ");
		put_cut(why, strerror(errno));
		return ERR_IO;
	}
	directory = slash == NULL ? NULL : strndup(file, (size_t)(slash - file) + 1);
	e = read_all(text, directory, &root);
	free(directory);
	free(text);
	return e;
}

enum err
config_text(const char *name, const char *text, const struct config_key *keys, unsigned n_keys,
    void *into, struct buf *why)
{
	struct reader reader = { name, why };
	struct scope root = { &reader, NULL, keys, n_keys, into, "" };

	return read_all(text, NULL, &root);
}
