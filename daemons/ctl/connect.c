/*
 * The database: connecting, asking, and saying what it refused in the operator's words. Values go as
 * parameters, always; a statement is a literal of the program, or put together of such.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

enum { PARAMETERS_MAX = 16 };

/* libpq's messages have several lines; the first says it. */
static const char *
first_line(const char *text, char *to, size_t cap)
{
	snprintf(to, cap, "%.*s", (int)strcspn(text, "\n"), text);
	return to;
}

static void
notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

/* The server runs: what is it that it does not want? Its words may be in another language; then there
 * is no advice. */
static const char *
advice_of_server(const struct ctl *c, const char *line)
{
	bool absent = strstr(line, "does not exist") != NULL;

	if (absent && strstr(line, "database \"") != NULL)
		return c->command->run == db_init
			   ? "; as PostgreSQL's superuser: createdb NAME, then tandemctl db init"
			   : "; make it with: tandemctl db init";
	if (absent && strstr(line, "role \"") != NULL)
		return "; as PostgreSQL's superuser: createuser NAME, "
		       "or name another user in the configuration's database";
	if (strstr(line, "authentication failed") != NULL || strstr(line, "pg_hba.conf") != NULL)
		return "; the configuration's database says who asks, pg_hba.conf who may";
	return "";
}

static int
refuse_connection(const struct ctl *c)
{
	const char *advice = "";
	char line[512];

	first_line(PQerrorMessage(c->db), line, sizeof(line));
	switch (PQping(c->settings->database)) {
	case PQPING_NO_RESPONSE:
		advice = "; is PostgreSQL running? pg_lsclusters shows it";
		break;
	case PQPING_REJECT:
		advice = "; PostgreSQL is just starting or stopping, try again";
		break;
	case PQPING_NO_ATTEMPT:
		advice = "; see database in the configuration";
		break;
	case PQPING_OK:
		advice = advice_of_server(c, line);
		break;
	}
	return ctl_refuse(c, "database: %s%s", line, advice);
}

int
db_connect(struct ctl *c)
{
	const char *names[] = { "dbname", "application_name", NULL };
	const char *values[] = { c->settings->database, "tandemctl", NULL };

	if (c->db != NULL)
		return CTL_DONE;
	c->db = PQconnectdbParams(names, values, 1);
	if (PQstatus(c->db) != CONNECTION_OK)
		return refuse_connection(c);
	PQsetNoticeProcessor(c->db, notice, NULL);
	PQsetClientEncoding(c->db, "UTF8");
	return db_do(c, "set timezone to 'UTC'");
}

PGresult *
db_run(struct ctl *c, const char *sql, int n, ...)
{
	const char *values[PARAMETERS_MAX];
	va_list args;
	PGresult *r;

	must(n <= PARAMETERS_MAX);
	va_start(args, n);
	for (int i = 0; i < n; i++)
		values[i] = va_arg(args, const char *);
	va_end(args);
	r = PQexecParams(c->db, sql, n, NULL, values, NULL, NULL, 0);
	if (r == NULL)
		fatal(0, "no memory for an answer of the database");
	return r;
}

bool
db_good(const PGresult *r)
{
	return PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK;
}

int
db_do(struct ctl *c, const char *sql)
{
	PGresult *r = db_run(c, sql, 0);

	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	PQclear(r);
	return CTL_DONE;
}

static bool
ends(const char *text, const char *tail)
{
	size_t len = strlen(text), n = strlen(tail);

	return len >= n && strcmp(text + len - n, tail) == 0;
}

/* Is it a check of the column itself, or text that is not of its type? Then the hint says more than
 * the database's own words; a trigger says it in ours. */
static bool
value_wrong(const char *state, const char *constraint)
{
	return strncmp(state, "22", 2) == 0 || strcmp(state, "23502") == 0 ||
	       (strcmp(state, "23514") == 0 && ends(constraint, "_check"));
}

int
db_refuse(struct ctl *c, PGresult *r, const char *what, const char *value, const char *hint)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
	const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	char line[512];
	int status;

	constraint = constraint == NULL ? "" : constraint;
	if (state == NULL || message == NULL)
		status = ctl_refuse(
		    c, "database: %s", first_line(PQerrorMessage(c->db), line, sizeof(line)));
	else if (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)
		status = ctl_refuse(c, "the database has no schema of tandem, or an old one "
				       "(tandemctl db init, db upgrade)");
	else if (what != NULL && hint != NULL && value_wrong(state, constraint))
		status = ctl_refuse(c, "%s: \"%s\" is not %s", what, value, hint);
	else if (what != NULL && strcmp(state, "23505") == 0 &&
		 strcmp(constraint, "number_in_use") != 0)
		status = ctl_refuse(c, "%s: \"%s\" is there already", what, value);
	else if (what != NULL && strcmp(state, "23503") == 0)
		status = ctl_refuse(c, "%s: \"%s\" is in use", what, value);
	else
		status = ctl_refuse(c, "%s", message);
	PQclear(r);
	return status;
}
