/*
 * CSV as RFC 4180 has it, in and out. Read: LF will do for CRLF, quotes may hold line ends, a byte
 * order mark is skipped, empty lines are nothing. Written: a cell that begins as a formula would is
 * made text by a ' in front (THREATS.md D3); a plain number with its sign or + is no formula.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

enum { CSV_MOST = 256 << 20 };

enum err
csv_open(struct csv *csv, FILE *f)
{
	size_t len = 0, cap = 0, got;

	memset(csv, 0, sizeof(*csv));
	do {
		if (cap - len < 65536) {
			char *more = cap >= CSV_MOST ? NULL : realloc(csv->text, cap * 2 + 131072);

			if (more == NULL) {
				csv_done(csv);
				return ERR_FULL;
			}
			csv->text = more;
			cap = cap * 2 + 131072;
		}
		got = fread(csv->text + len, 1, cap - len - 1, f);
		len += got;
	} while (got > 0);
	if (ferror(f)) {
		csv_done(csv);
		return ERR_IO;
	}
	csv->text[len] = '\0';
	if (strlen(csv->text) != len) {
		csv_done(csv);
		return ERR_SYNTAX;
	}
	csv->next = csv->text + (strncmp(csv->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
	csv->next_line = 1;
	return ERR_NONE;
}

void
csv_done(struct csv *csv)
{
	free(csv->text);
	csv->text = NULL;
}

/* The cell at `from` is unquoted into its own place; returns what stands behind it. */
static char *
quoted(struct csv *csv, char *from, const char **why_r)
{
	char *to = from;

	csv->cells[csv->n++] = from++;
	for (;; from++) {
		if (*from == '\0') {
			*why_r = "a quote is not closed";
			return from;
		}
		if (*from == '\n')
			csv->next_line++;
		if (*from == '"' && *++from != '"')
			break;
		*to++ = *from;
	}
	if (*from == '\r' && from[1] == '\n')
		from++;
	if (*from != ',' && *from != '\n' && *from != '\0')
		*why_r = "text after a closing quote";
	/* The quotes left room for the end mark. */
	*to = '\0';
	return from;
}

static char *
plain(struct csv *csv, char *from, const char **why_r)
{
	size_t len = strcspn(from, ",\n");

	csv->cells[csv->n++] = from;
	if (memchr(from, '"', len) != NULL)
		*why_r = "a quote inside a cell without quotes";
	return from + len;
}

bool
csv_next(struct csv *csv, const char **why_r)
{
	char *p = csv->next, end;

	*why_r = NULL;
	csv->n = 0;
	while (*p == '\n' || (*p == '\r' && p[1] == '\n')) {
		p += *p == '\r' ? 2 : 1;
		csv->next_line++;
	}
	csv->line = csv->next_line;
	if (*p == '\0')
		return false;
	do {
		if (csv->n == CSV_COLUMNS)
			*why_r = "more columns than 64";
		else
			p = *p == '"' ? quoted(csv, p, why_r) : plain(csv, p, why_r);
		if (*why_r != NULL)
			return false;
		end = *p;
		if (end == '\n' && p > csv->text && p[-1] == '\r')
			p[-1] = '\0';
		if (end != '\0')
			*p++ = '\0';
	} while (end == ',');
	if (end == '\n')
		csv->next_line++;
	csv->next = p;
	return true;
}

static bool
formula(const char *cell)
{
	size_t sign = cell[0] == '+' || cell[0] == '-';

	if (cell[0] == '\0' || strchr("=+-@\t\r", cell[0]) == NULL)
		return false;
	return sign == 0 || cell[sign] == '\0' ||
	       cell[sign + strspn(cell + sign, "0123456789")] != '\0';
}

void
csv_put(FILE *f, const char *cell)
{
	bool guard = formula(cell), quote = strpbrk(cell, ",\"\r\n") != NULL;

	if (quote)
		fputc('"', f);
	if (guard)
		fputc('\'', f);
	for (; *cell != '\0'; cell++) {
		if (*cell == '"')
			fputc('"', f);
		fputc(*cell, f);
	}
	if (quote)
		fputc('"', f);
}

void
csv_print(const PGresult *r)
{
	for (int k = 0; k < PQnfields(r); k++) {
		csv_put(stdout, PQfname(r, k));
		fputs(k + 1 < PQnfields(r) ? "," : "\r\n", stdout);
	}
	for (int i = 0; i < PQntuples(r); i++) {
		for (int k = 0; k < PQnfields(r); k++) {
			csv_put(stdout, PQgetvalue(r, i, k));
			fputs(k + 1 < PQnfields(r) ? "," : "\r\n", stdout);
		}
	}
}
