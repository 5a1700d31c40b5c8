/*
 * subscriber import: many subscribers from CSV, all or nothing. The header line names the columns:
 * user (USER[@DOMAIN]) and password must be there, name is display_name, the others are keys of
 * `subscriber set`. An empty cell leaves its key alone. A refusal names line and column.
 *
 * The file is read and looked through first: what is wrong in it is said before anything that only
 * the database knows. Then it goes there in batches, two statements a row, through libpq's pipeline,
 * which tells quickly that a batch is good. Of one that is not, nothing stays, and it is done again
 * as `subscriber add` does it, row by row and key by key, to hear which is at fault.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "ctl/ctl.h"

enum { BATCH = 256, SQL_MAX = 4096 };

struct row {
	unsigned line;
	struct name name;
};

/* The columns of the file that go into one table, by one prepared statement. */
struct part {
	const char *statement;
	unsigned n, columns[CSV_COLUMNS];
};

struct import {
	const char *file;
	struct csv csv;
	const char *columns[CSV_COLUMNS];
	const struct key *keys[CSV_COLUMNS]; /* NULL: user, password */
	struct part own, services;
	unsigned n, user, password;
	struct row *rows;
	char **cells; /* n to a row, in the text of csv */
	size_t n_rows, cap;
};

static void
where(struct ctl *c, const struct import *m, unsigned line)
{
	snprintf(c->where, sizeof(c->where), "%s:%u: ", m->file, line);
}

static void
part_add(struct part *p, unsigned column)
{
	p->columns[p->n++] = column;
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
		m->keys[i] = key_find(subscriber_object.keys, name);
		if (strcmp(name, "user") == 0)
			m->user = i;
		else if (strcmp(name, "password") == 0)
			m->password = i;
		else if (m->keys[i] == NULL || m->keys[i]->value == NULL)
			return ctl_refuse(c, "no such column: %s", name);
		else
			part_add(m->keys[i]->table == NULL ? &m->own : &m->services, i);
	}
	if (m->user == CSV_COLUMNS || m->password == CSV_COLUMNS)
		return ctl_refuse(
		    c, "the header line names no %s", m->user == CSV_COLUMNS ? "user" : "password");
	return CTL_DONE;
}

static void
grow(struct import *m)
{
	if (m->n_rows < m->cap)
		return;
	m->cap = m->cap * 2 + BATCH;
	m->rows = reallocarray(m->rows, m->cap, sizeof(*m->rows));
	m->cells = reallocarray(m->cells, m->cap * m->n, sizeof(*m->cells));
	if (m->rows == NULL || m->cells == NULL)
		fatal(errno, "no memory for %zu subscribers", m->cap);
}

/* Whose the row's name is: most often the same tenant's as the one before. */
static int
place(struct ctl *c, const struct import *m, struct row *row)
{
	const struct row *before = m->n_rows == 0 ? NULL : row - 1;

	if (before == NULL || strcmp(before->name.domain, row->name.domain) != 0)
		return name_place(c, &row->name);
	memcpy(row->name.tenant, before->name.tenant, sizeof(row->name.tenant));
	memcpy(row->name.realm, before->name.realm, sizeof(row->name.realm));
	return CTL_DONE;
}

static int
record(struct ctl *c, struct import *m)
{
	char *const *cells = m->csv.cells, word[KEY_MAX];
	struct row *row;
	int status;

	if (m->csv.n != m->n)
		return ctl_refuse(c, "%u columns, where the header line has %u", m->csv.n, m->n);
	if (*cells[m->user] == '\0')
		return ctl_refuse(c, "user: it is empty");
	grow(m);
	row = &m->rows[m->n_rows];
	row->line = m->csv.line;
	memcpy(m->cells + m->n_rows * m->n, cells, m->n * sizeof(*cells));
	if ((status = password_check(c, cells[m->password])) != CTL_DONE ||
	    (status = name_cut(c, cells[m->user], &row->name)) != CTL_DONE ||
	    (status = place(c, m, row)) != CTL_DONE)
		return status;
	for (unsigned i = 0; i < m->n; i++) {
		if (m->keys[i] != NULL && key_value(m->keys[i], cells[i], word) == NULL)
			return ctl_refuse(
			    c, "%s: \"%s\" is not on or off", m->columns[i], cells[i]);
	}
	m->n_rows++;
	return CTL_DONE;
}

static int
records(struct ctl *c, struct import *m)
{
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
	}
	if (status == CTL_DONE && why != NULL) {
		where(c, m, m->csv.line);
		return ctl_refuse(c, "%s", why);
	}
	c->where[0] = '\0';
	return status;
}

/* --- row by row --------------------------------------------------------------------------------*/

static int
add_each(struct ctl *c, const struct import *m, size_t from, size_t to)
{
	int status = CTL_DONE;

	for (size_t at = from; at < to && status == CTL_DONE; at++) {
		char **cells = m->cells + at * m->n, id[ID_MAX];

		where(c, m, m->rows[at].line);
		status = subscriber_insert(c, &m->rows[at].name, cells[m->password], id);
		for (unsigned i = 0; i < m->n && status == CTL_DONE; i++) {
			if (m->keys[i] != NULL && *cells[i] != '\0')
				status = key_set(c, id, m->columns[i], cells[i]);
		}
	}
	if (status == CTL_DONE)
		c->where[0] = '\0';
	return status;
}

/* --- a batch -----------------------------------------------------------------------------------*/

/* A key's value, which is $2 to the key, as the parameter that it is here. */
static void
put_value(struct buf *b, const struct key *k, unsigned parameter)
{
	const char *at = strstr(k->value, "$2");

	must(at != NULL && strstr(at + 1, "$2") == NULL);
	buf_put(b, (struct span){ k->value, (size_t)(at - k->value) });
	buf_char(b, '$');
	buf_u64(b, parameter);
	buf_str(b, at + 2);
}

static int
prepare(struct ctl *c, const char *name, const char *sql)
{
	PGresult *r = PQprepare(c->db, name, sql, 0, NULL);

	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	PQclear(r);
	return CTL_DONE;
}

/* The row of a subscriber, with those of the keys that are its columns. */
static int
prepare_own(struct ctl *c, const struct import *m)
{
	char columns[SQL_MAX], values[SQL_MAX], sql[2 * SQL_MAX];
	struct buf cols = buf_on(columns, sizeof(columns)), vals = buf_on(values, sizeof(values));
	struct buf b = buf_on(sql, sizeof(sql));

	for (unsigned i = 0; i < m->own.n; i++) {
		const struct key *k = m->keys[m->own.columns[i]];

		buf_lit(&cols, ", ");
		buf_str(&cols, k->name);
		buf_lit(&vals, ", ");
		put_value(&vals, k, 6 + i);
	}
	buf_char(&cols, '\0');
	buf_char(&vals, '\0');
	must(buf_ok(&cols) && buf_ok(&vals));
	subscriber_insert_sql(&b, columns, values);
	return prepare(c, m->own.statement, sql);
}

/* Its services, of which there is a row already. */
static int
prepare_services(struct ctl *c, const struct import *m)
{
	char sql[SQL_MAX];
	struct buf b = buf_on(sql, sizeof(sql));

	if (m->services.n == 0)
		return CTL_DONE;
	buf_lit(&b, "update tandem.subscriber_service v set ");
	for (unsigned i = 0; i < m->services.n; i++) {
		const struct key *k = m->keys[m->services.columns[i]];

		buf_str(&b, i == 0 ? "" : ", ");
		buf_str(&b, k->name);
		buf_lit(&b, " = ");
		put_value(&b, k, 3 + i);
	}
	buf_lit(&b, " from tandem.subscriber s where s.tenant_id = $1 and s.username = $2 "
		    "and v.subscriber_id = s.subscriber_id");
	buf_char(&b, '\0');
	must(buf_ok(&b));
	return prepare(c, m->services.statement, sql);
}

static bool
is_empty(const struct import *m, const struct part *p, size_t at)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (*m->cells[at * m->n + p->columns[i]] != '\0')
			return false;
	}
	return true;
}

struct values {
	const char *of[5 + CSV_COLUMNS];
	int n;
};

/* An empty cell clears what nobody has set. */
static bool
send_part(struct ctl *c, const struct import *m, const struct part *p, size_t at, struct values *v)
{
	char words[CSV_COLUMNS][KEY_MAX];

	for (unsigned i = 0; i < p->n; i++) {
		unsigned column = p->columns[i];

		v->of[v->n++] = key_value(m->keys[column], m->cells[at * m->n + column], words[i]);
	}
	return PQsendQueryPrepared(c->db, p->statement, v->n, v->of, NULL, NULL, 0) == 1;
}

static bool
send_row(struct ctl *c, const struct import *m, size_t at, unsigned *sent)
{
	const struct name *name = &m->rows[at].name;
	struct password_ha1 ha1;
	struct values own = { { name->tenant, name->text, ha1.md5, ha1.sha256, ha1.sha512_256 },
		5 };
	struct values services = { { name->tenant, name->text }, 2 };

	password_ha1(name, m->cells[at * m->n + m->password], &ha1);
	if (!send_part(c, m, &m->own, at, &own))
		return false;
	++*sent;
	if (is_empty(m, &m->services, at))
		return true;
	if (!send_part(c, m, &m->services, at, &services))
		return false;
	++*sent;
	return true;
}

/* False: something in it was refused, or the connection is lost. */
static bool
add_batch(struct ctl *c, const struct import *m, size_t from, size_t to)
{
	bool good = PQenterPipelineMode(c->db) == 1;
	unsigned sent = 0;

	for (size_t at = from; at < to && good; at++)
		good = send_row(c, m, at, &sent);
	good = PQpipelineSync(c->db) == 1 && good;
	for (unsigned i = 0; i < sent; i++) {
		PGresult *r = PQgetResult(c->db);

		good = db_good(r) && good;
		PQclear(r);
		PQclear(PQgetResult(c->db)); /* NULL, the end of the statement's */
	}
	PQclear(PQgetResult(c->db)); /* PGRES_PIPELINE_SYNC */
	return PQexitPipelineMode(c->db) == 1 && good;
}

/* Plans are made once, here and in the triggers, when the tables may be empty: they read a table from
 * end to end, or by the wrong index. After the first batch they can be made anew, and better. */
static const char no_scans[] = "set local enable_seqscan to off";
static const char again[] = "analyze tandem.subscriber, tandem.subscriber_service";

static int
add_all(struct ctl *c, const struct import *m)
{
	int status;

	if ((status = db_do(c, no_scans)) != CTL_DONE || (status = prepare_own(c, m)) != CTL_DONE ||
	    (status = prepare_services(c, m)) != CTL_DONE)
		return status;
	for (size_t at = 0; at < m->n_rows && status == CTL_DONE; at += BATCH) {
		size_t to = at + BATCH < m->n_rows ? at + BATCH : m->n_rows;

		if ((status = db_do(c, "savepoint batch")) != CTL_DONE)
			return status;
		if (!add_batch(c, m, at, to) &&
		    (status = db_do(c, "rollback to savepoint batch")) == CTL_DONE)
			status = add_each(c, m, at, to);
		if (status == CTL_DONE)
			status = db_do(c, "release savepoint batch");
		if (status == CTL_DONE && at == 0 && to < m->n_rows)
			status = db_do(c, again);
	}
	if (status == CTL_DONE && (status = db_do(c, "commit")) == CTL_DONE)
		printf("%zu imported\n", m->n_rows);
	return status;
}

int
subscriber_import(struct ctl *c, int n, char **words)
{
	bool standard = strcmp(words[0], "-") == 0;
	struct import m = { .file = standard ? "standard input" : words[0],
		.own.statement = "own",
		.services.statement = "services" };
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
	if ((status = db_connect(c)) == CTL_DONE && (status = db_do(c, "begin")) == CTL_DONE &&
	    (status = records(c, &m)) == CTL_DONE)
		status = add_all(c, &m);
	free(m.rows);
	free(m.cells);
	csv_done(&m.csv);
	return status;
}
