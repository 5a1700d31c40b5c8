/*
 * The database itself: made, brought to this program's schema, and told the configuration's domains.
 * A migration is a file NNNN_name.sql of the SQL directory; each is applied once, in order, in a
 * transaction of its own, and records itself in schema_version at its end.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#ifndef TANDEM_SQLDIR
#define TANDEM_SQLDIR "/usr/local/share/tandem/sql"
#endif

static const char *
sql_dir(void)
{
	const char *dir = getenv("TANDEM_SQLDIR");

	return dir == NULL || *dir == '\0' ? TANDEM_SQLDIR : dir;
}

static int
is_migration(const struct dirent *d)
{
	const char *name = d->d_name;
	size_t len = strlen(name);

	for (int i = 0; i < 4; i++) {
		if (!isdigit((unsigned char)name[i]))
			return 0;
	}
	return name[4] == '_' && strcmp(name + len - 4, ".sql") == 0;
}

/* The caller frees it; NULL: errno tells. */
static char *
file_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t len = 0, cap = 0, got = 0;

	if (f == NULL)
		return NULL;
	do {
		char *more = realloc(text, cap += 65536);

		if (more == NULL)
			fatal(errno, "no memory for %s", path);
		text = more;
		got = fread(text + len, 1, cap - len - 1, f);
		len += got;
	} while (got > 0);
	text[len] = '\0';
	fclose(f);
	return text;
}

/* 0: there is no schema yet. */
static int
version_read(struct ctl *c, long *version_r)
{
	PGresult *r = db_run(c, "select to_regclass('tandem.schema_version') is not null", 0);
	bool there = db_good(r) && PQgetvalue(r, 0, 0)[0] == 't';

	*version_r = 0;
	if (there) {
		PQclear(r);
		r = db_run(c, "select coalesce(max(version), 0) from tandem.schema_version", 0);
	}
	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	if (there)
		*version_r = strtol(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return CTL_DONE;
}

/* Several statements in one string: the one place where that is needed, and the text is our own. */
static int
migrate_one(struct ctl *c, const char *name, long version)
{
	char path[PATH_MAX], *text;
	PGresult *r;
	long now;
	int status;

	snprintf(path, sizeof(path), "%s/%s", sql_dir(), name);
	text = file_text(path);
	if (text == NULL)
		return ctl_refuse(c, "%s: %s", path, strerror(errno));
	if ((status = db_do(c, "begin")) != CTL_DONE) {
		free(text);
		return status;
	}
	r = PQexec(c->db, text);
	free(text);
	if (r == NULL || !db_good(r)) {
		const char *why = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

		status =
		    ctl_refuse(c, "%s: %s", name, why == NULL ? "the connection is lost" : why);
		PQclear(r);
		return status;
	}
	PQclear(r);
	if ((status = version_read(c, &now)) != CTL_DONE)
		return status;
	if (now != version)
		return ctl_refuse(c, "%s did not record itself as version %ld", name, version);
	return db_do(c, "commit");
}

static int
migrate_all(struct ctl *c, struct dirent **files, int n)
{
	long now, last = n == 0 ? 0 : strtol(files[n - 1]->d_name, NULL, 10);
	int status = version_read(c, &now);

	if (status != CTL_DONE)
		return status;
	if (now > last)
		return ctl_refuse(c,
		    "the schema has version %ld, this program knows %ld: it is too old", now, last);
	for (int i = 0; i < n && status == CTL_DONE; i++) {
		long version = strtol(files[i]->d_name, NULL, 10);

		if (version <= now)
			continue;
		if (version != now + 1)
			return ctl_refuse(c, "migration %ld is missing in %s", now + 1, sql_dir());
		status = migrate_one(c, files[i]->d_name, version);
		now = version;
	}
	return status;
}

static int
migrate(struct ctl *c)
{
	struct dirent **files = NULL;
	int n, status;

	n = scandir(sql_dir(), &files, is_migration, alphasort);
	if (n <= 0) {
		free(files);
		return ctl_refuse(
		    c, "%s: %s", sql_dir(), n < 0 ? strerror(errno) : "no migrations here");
	}
	/* Two who upgrade at once take turns. */
	status = db_do(c, "select pg_advisory_lock(hashtext('tandem.schema_version'))");
	if (status == CTL_DONE)
		status = migrate_all(c, files, n);
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	return status;
}

/* What an upgrade does even when no migration is new. */
static int
refresh(struct ctl *c)
{
	int status;

	if ((status = db_do(c, "begin")) != CTL_DONE ||
	    (status = db_do(c, "select tandem.cdr_partitions()")) != CTL_DONE ||
	    (status = db_do(c, "select tandem.grant_roles()")) != CTL_DONE ||
	    (status = tenant_sync(c)) != CTL_DONE)
		return status;
	return db_do(c, "commit");
}

int
db_upgrade(struct ctl *c, int n, char **words)
{
	int status;

	if ((status = db_connect(c)) != CTL_DONE || (status = migrate(c)) != CTL_DONE ||
	    (status = refresh(c)) != CTL_DONE)
		return status;
	return db_version(c, n, words);
}

static const char *
database_name(const PQconninfoOption *options)
{
	const char *user = NULL;

	for (; options->keyword != NULL; options++) {
		if (strcmp(options->keyword, "dbname") == 0 && options->val != NULL)
			return options->val;
		if (strcmp(options->keyword, "user") == 0)
			user = options->val;
	}
	return user;
}

/* Makes the database when the server has none of this name. CTL_DONE also when it cannot be known:
 * the connection that follows says what is wrong. */
static int
create(struct ctl *c)
{
	const char *names[] = { "dbname", "dbname", NULL };
	const char *values[] = { c->settings->database, "postgres", NULL };
	PQconninfoOption *options = PQconninfoParse(c->settings->database, NULL);
	const char *name = options == NULL ? NULL : database_name(options);
	int status = CTL_DONE;
	PGresult *r;

	c->db = PQconnectdbParams(names, values, 1);
	if (name != NULL && PQstatus(c->db) == CONNECTION_OK) {
		r = db_run(c,
		    "select format('create database %I encoding ''UTF8'' template template0', "
		    "$1::text) "
		    "where not exists (select from pg_database where datname = $1)",
		    1, name);
		if (db_good(r) && PQntuples(r) == 1)
			status = db_do(c, PQgetvalue(r, 0, 0));
		PQclear(r);
	}
	PQconninfoFree(options);
	PQfinish(c->db);
	c->db = NULL;
	return status;
}

int
db_init(struct ctl *c, int n, char **words)
{
	int status = CTL_DONE;

	if (PQping(c->settings->database) == PQPING_OK) {
		PGconn *there = PQconnectdb(c->settings->database);

		if (PQstatus(there) != CONNECTION_OK)
			status = create(c);
		PQfinish(there);
	}
	return status == CTL_DONE ? db_upgrade(c, n, words) : status;
}

int
db_version(struct ctl *c, int n, char **words)
{
	int status = db_connect(c);
	long version;

	(void)n;
	(void)words;
	if (status != CTL_DONE || (status = version_read(c, &version)) != CTL_DONE)
		return status;
	if (version == 0)
		return ctl_refuse(
		    c, "the database has no schema of tandem yet (tandemctl db init)");
	printf("%ld\n", version);
	return CTL_DONE;
}
