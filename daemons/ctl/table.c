/*
 * What is printed for people and programs: rows are arrays of objects, their columns in the order of
 * the first row's keys, whether they come from PostgreSQL or from the exchange.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "ctl/ctl.h"

/* The types of PostgreSQL that are no text in JSON; their numbers are fixed. */
enum { TYPE_BOOL = 16, TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_INT4 = 23 };

static bool
misleads(wchar_t w)
{
	return w < 0x20 || (w >= 0x7f && w < 0xa0) || (w >= 0x200e && w <= 0x200f) ||
	       (w >= 0x2028 && w <= 0x202e) || (w >= 0x2066 && w <= 0x2069) || w == 0xfeff;
}

unsigned
text_put(FILE *f, const char *s)
{
	mbstate_t state = { 0 };
	unsigned columns = 0;

	while (*s != '\0') {
		wchar_t w;
		size_t len = mbrtowc(&w, s, MB_CUR_MAX, &state);
		bool bad = len == (size_t)-1 || len == (size_t)-2;

		if (bad) {
			memset(&state, 0, sizeof(state));
			len = 1;
		}
		if (bad || misleads(w)) {
			for (size_t i = 0; f != NULL && i < len; i++)
				fprintf(f, "\\x%02x", (unsigned char)s[i]);
			columns += 4 * (unsigned)len;
		} else {
			int width = wcwidth(w);

			if (f != NULL)
				fwrite(s, 1, len, f);
			columns += width < 0 ? 1 : (unsigned)width;
		}
		s += len;
	}
	return columns;
}

static json_t *
cell_of(const PGresult *r, int row, int column)
{
	const char *text = PQgetvalue(r, row, column);

	if (PQgetisnull(r, row, column))
		return json_null();
	switch (PQftype(r, column)) {
	case TYPE_BOOL:
		return json_boolean(text[0] == 't');
	case TYPE_INT2:
	case TYPE_INT4:
	case TYPE_INT8:
		return json_integer(strtoll(text, NULL, 10));
	default:
		return json_string(text);
	}
}

json_t *
rows_of(const PGresult *r)
{
	json_t *rows = json_array();

	for (int i = 0; i < PQntuples(r); i++) {
		json_t *row = json_object();

		for (int k = 0; k < PQnfields(r); k++)
			json_object_set_new(row, PQfname(r, k), cell_of(r, i, k));
		json_array_append_new(rows, row);
	}
	return rows;
}

static void
json_print(const json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
	putchar('\n');
}

/* As people read it; the caller frees it. */
static char *
cell_text(const json_t *cell)
{
	char *text;

	if (cell == NULL || json_is_null(cell))
		return strdup("");
	if (json_is_string(cell))
		return strdup(json_string_value(cell));
	if (json_is_boolean(cell))
		return strdup(json_is_true(cell) ? "on" : "off");
	text = json_dumps(cell, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
	return text == NULL ? strdup("") : text;
}

static unsigned
cell_put(FILE *f, const json_t *cell)
{
	char *text = cell_text(cell);
	unsigned width = text_put(f, text == NULL ? "" : text);

	free(text);
	return width;
}

static void
pad(unsigned from, unsigned to)
{
	if (from < to)
		printf("%*s", (int)(to - from), "");
}

enum { COLUMNS_MAX = 64 };

static unsigned
columns_of(json_t *rows, const char *names[COLUMNS_MAX], unsigned widths[COLUMNS_MAX])
{
	const char *name;
	json_t *row, *cell;
	unsigned n = 0;
	size_t i;

	json_object_foreach(json_array_get(rows, 0), name, cell)
	{
		if (n == COLUMNS_MAX)
			break;
		names[n] = name;
		widths[n++] = text_put(NULL, name);
	}
	json_array_foreach(rows, i, row)
	{
		for (unsigned k = 0; k < n; k++) {
			unsigned width = cell_put(NULL, json_object_get(row, names[k]));

			if (width > widths[k])
				widths[k] = width;
		}
	}
	return n;
}

unsigned
table_width(void)
{
	const char *env = getenv("COLUMNS");
	long n = env == NULL ? 0 : strtol(env, NULL, 10);
	struct winsize size;

	if (n > 0 && n < 65536)
		return (unsigned)n;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		return size.ws_col;
	return 0;
}

/* Leaves the columns that fit, chosen in the order of c->fit, where they are; returns how many. */
static unsigned
columns_fit(const struct ctl *c, const char **names, unsigned *widths, unsigned n)
{
	unsigned most = table_width(), used = 0, kept = 0;
	bool keep[COLUMNS_MAX] = { false };

	if (c->fit == NULL || most == 0)
		return n;
	for (const char *const *wanted = c->fit; *wanted != NULL; wanted++) {
		for (unsigned k = 0; k < n; k++) {
			if (strcmp(names[k], *wanted) != 0 || (used > 0 && used + widths[k] > most))
				continue;
			keep[k] = true;
			used += widths[k] + 2;
		}
	}
	for (unsigned k = 0; k < n; k++) {
		if (keep[k]) {
			names[kept] = names[k];
			widths[kept++] = widths[k];
		}
	}
	return kept;
}

static void
table_print(const struct ctl *c, json_t *rows)
{
	const char *names[COLUMNS_MAX];
	unsigned widths[COLUMNS_MAX], all = columns_of(rows, names, widths), n;
	json_t *row;
	size_t i;

	n = columns_fit(c, names, widths, all);
	for (unsigned k = 0; k < n; k++) {
		unsigned width = text_put(stdout, names[k]);

		pad(width, k + 1 == n ? 0 : widths[k] + 2);
	}
	if (n > 0)
		putchar('\n');
	json_array_foreach(rows, i, row)
	{
		for (unsigned k = 0; k < n; k++) {
			unsigned width = cell_put(stdout, json_object_get(row, names[k]));

			pad(width, k + 1 == n ? 0 : widths[k] + 2);
		}
		putchar('\n');
	}
	if (n < all)
		printf(
		    "(%u more column%s not fit here)\n", all - n, all - n == 1 ? " does" : "s do");
}

int
rows_print(const struct ctl *c, json_t *rows)
{
	if (c->json)
		json_print(rows);
	else if (json_array_size(rows) == 0 && c->command->none != NULL)
		puts(c->command->none);
	else
		table_print(c, rows);
	json_decref(rows);
	return CTL_DONE;
}

int
row_print(const struct ctl *c, json_t *row)
{
	unsigned widest = 0;
	const char *name;
	json_t *cell;

	if (c->json) {
		json_print(row);
		json_decref(row);
		return CTL_DONE;
	}
	json_object_foreach(row, name, cell)
	{
		unsigned width = text_put(NULL, name);

		widest = width > widest ? width : widest;
	}
	json_object_foreach(row, name, cell)
	{
		pad(text_put(stdout, name), widest + 2);
		cell_put(stdout, cell);
		putchar('\n');
	}
	json_decref(row);
	return CTL_DONE;
}

int
result_list(struct ctl *c, PGresult *r)
{
	json_t *rows;

	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	rows = rows_of(r);
	PQclear(r);
	return rows_print(c, rows);
}

int
result_show(struct ctl *c, PGresult *r, const char *what, const char *name)
{
	json_t *rows, *row;

	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	if (PQntuples(r) == 0) {
		PQclear(r);
		return ctl_refuse(c, "no such %s: %s", what, name);
	}
	rows = rows_of(r);
	PQclear(r);
	row = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return row_print(c, row);
}
