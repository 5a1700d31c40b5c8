/*
 * subscriber import: many subscribers from CSV, all or nothing. The header line names the columns:
 * user (USER[@DOMAIN]) and password must be there, name is display_name, the others are keys of
 * `subscriber set`. An empty cell leaves its key alone. A refusal names line and column.
 */
#include <errno.h>
#include <string.h>

#include "ctl/ctl.h"

struct import {
	const char *file;
	struct csv csv;
	const char *columns[CSV_COLUMNS];
	unsigned n, user, password;
};

static void
where(struct ctl *c, const struct import *m, unsigned line)
{
	snprintf(c->where, sizeof(c->where), "%s:%u: ", m->file, line);
}

static bool
is_key(const char *name)
{
	for (const struct key *k = subscriber_keys; k->name != NULL; k++) {
		if (strcmp(k->name, name) == 0)
			return true;
	}
	return false;
}

static int
header(struct ctl *c, struct import *m)
{
	m->user = m->password = CSV_COLUMNS;
	m->n = m->csv.n;
	for (unsigned i = 0; i < m->n; i++) {
		const char *name = m->csv.cells[i];

		name = strcmp(name, "name") == 0 ? "display_name" : name;
		for (unsigned k = 0; k < i; k++) {
			if (strcmp(m->columns[k], name) == 0)
				return ctl_refuse(c, "%s: the column is there twice", name);
		}
		m->columns[i] = name;
		if (strcmp(name, "user") == 0)
			m->user = i;
		else if (strcmp(name, "password") == 0)
			m->password = i;
		else if (!is_key(name))
			return ctl_refuse(c, "no such column: %s", name);
	}
	if (m->user == CSV_COLUMNS || m->password == CSV_COLUMNS)
		return ctl_refuse(
		    c, "the header line names no %s", m->user == CSV_COLUMNS ? "user" : "password");
	return CTL_DONE;
}

static int
record(struct ctl *c, const struct import *m)
{
	char *const *cells = m->csv.cells;
	char id[ID_MAX];
	struct name name;
	int status;

	if (m->csv.n != m->n)
		return ctl_refuse(c, "%u columns, where the header line has %u", m->csv.n, m->n);
	if (*cells[m->user] == '\0')
		return ctl_refuse(c, "user: it is empty");
	if ((status = password_check(c, cells[m->password])) != CTL_DONE ||
	    (status = name_find(c, cells[m->user], &name)) != CTL_DONE ||
	    (status = subscriber_insert(c, &name, cells[m->password], id)) != CTL_DONE)
		return status;
	for (unsigned i = 0; i < m->n && status == CTL_DONE; i++) {
		if (i != m->user && i != m->password && *cells[i] != '\0')
			status = key_set(c, subscriber_keys, id, m->columns[i], cells[i]);
	}
	return status;
}

static int
records(struct ctl *c, struct import *m)
{
	unsigned long count = 0;
	const char *why;
	int status;

	if (!csv_next(&m->csv, &why)) {
		where(c, m, 1);
		return ctl_refuse(c, "%s", why == NULL ? "the header line is missing" : why);
	}
	where(c, m, m->csv.line);
	status = header(c, m);
	while (status == CTL_DONE && csv_next(&m->csv, &why)) {
		where(c, m, m->csv.line);
		status = record(c, m);
		count++;
	}
	if (status != CTL_DONE)
		return status;
	if (why != NULL) {
		where(c, m, m->csv.line);
		return ctl_refuse(c, "%s", why);
	}
	c->where[0] = '\0';
	status = db_do(c, "commit");
	if (status == CTL_DONE)
		printf("%lu imported\n", count);
	return status;
}

int
subscriber_import(struct ctl *c, int n, char **words)
{
	bool standard = strcmp(words[0], "-") == 0;
	struct import m = { .file = standard ? "standard input" : words[0] };
	FILE *f = standard ? stdin : fopen(words[0], "re");
	enum err e;
	int status;

	(void)n;
	if (f == NULL)
		return ctl_refuse(c, "%s: %s", words[0], strerror(errno));
	e = csv_open(&m.csv, f);
	if (!standard)
		fclose(f);
	if (e != ERR_NONE)
		return ctl_refuse(c, "%s: %s", m.file,
		    e == ERR_IO	    ? "it cannot be read"
		    : e == ERR_FULL ? "it is too large"
				    : "it holds zero bytes, and is no text");
	if ((status = db_connect(c)) == CTL_DONE && (status = db_do(c, "begin")) == CTL_DONE)
		status = records(c, &m);
	csv_done(&m.csv);
	return status;
}
