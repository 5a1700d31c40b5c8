/*
 * The verbs that all objects of provisioning have: what is added, changed, shown and deleted by its
 * NAME[@DOMAIN], and listed. What the object is, it says itself (struct object); a command changes
 * all it was given, or nothing.
 */
#include <ctype.h>
#include <string.h>

#include "ctl/ctl.h"

int
name_cut(struct ctl *c, const char *arg, struct name *n_r)
{
	const char *at = strrchr(arg, '@');
	size_t len = at == NULL ? strlen(arg) : (size_t)(at - arg);

	*n_r = (struct name){ .arg = arg };
	if (len == 0 || len >= sizeof(n_r->text))
		return ctl_refuse(c, "\"%s\" is not a name", arg);
	if (at != NULL && strlen(at + 1) >= sizeof(n_r->domain))
		return ctl_refuse(c, "no such domain: %s", at + 1);
	if (at == NULL && (c->known & NEED_DOMAINS) == 0)
		return ctl_refuse(c,
		    "%s: domains cannot be read from %s; say whose it is: %s@DOMAIN", arg, c->file,
		    arg);
	snprintf(n_r->text, sizeof(n_r->text), "%.*s", (int)len, arg);
	snprintf(n_r->domain, sizeof(n_r->domain), "%s",
	    at == NULL ? c->settings->settings.domains[0] : at + 1);
	for (char *p = n_r->domain; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return CTL_DONE;
}

int
name_place(struct ctl *c, struct name *name)
{
	PGresult *r = db_run(c,
	    "select t.tenant_id, t.realm from tandem.domain d "
	    "join tandem.tenant t using (tenant_id) where d.domain = $1",
	    1, name->domain);

	if (!db_good(r))
		return db_refuse(c, r, "domain", name->domain, "text");
	if (PQntuples(r) == 0) {
		PQclear(r);
		return ctl_refuse(c,
		    strchr(name->arg, '@') == NULL
			? "domain %s is not in the database yet (tandemctl db upgrade)"
			: "no such domain: %s",
		    name->domain);
	}
	snprintf(name->tenant, sizeof(name->tenant), "%s", PQgetvalue(r, 0, 0));
	snprintf(name->realm, sizeof(name->realm), "%s", PQgetvalue(r, 0, 1));
	PQclear(r);
	return CTL_DONE;
}

int
name_find(struct ctl *c, const char *arg, struct name *n_r)
{
	int status = name_cut(c, arg, n_r);

	return status == CTL_DONE ? name_place(c, n_r) : status;
}

static int
open_name(struct ctl *c, const char *arg, struct name *n_r)
{
	int status = db_connect(c);

	if (status != CTL_DONE)
		return status;
	if (c->command->object->global) {
		*n_r = (struct name){ .arg = arg };
		return CTL_DONE;
	}
	return name_find(c, arg, n_r);
}

int
object_begin(struct ctl *c, const char *arg, struct name *n_r)
{
	int status = open_name(c, arg, n_r);

	return status == CTL_DONE ? db_do(c, "begin") : status;
}

/* How the database knows it. */
static const char *
text_of(const struct ctl *c, const struct name *name)
{
	return c->command->object->global ? name->arg : name->text;
}

/* A statement about what has this name; a value that is NULL is no parameter. */
static PGresult *
ask(struct ctl *c, const char *sql, const struct name *name, const char *value)
{
	if (c->command->object->global)
		return db_run(c, sql, value == NULL ? 1 : 2, name->arg, value);
	return db_run(c, sql, value == NULL ? 2 : 3, name->text, name->tenant, value);
}

static int
find(struct ctl *c, const struct name *name, char id_r[ID_MAX])
{
	const struct object *o = c->command->object;
	PGresult *r = ask(c, o->find, name, NULL);

	if (!db_good(r))
		return db_refuse(c, r, o->word, text_of(c, name), "text");
	if (PQntuples(r) == 0) {
		PQclear(r);
		return ctl_refuse(c, "no such %s: %s%s%s", o->word, text_of(c, name),
		    o->global ? "" : "@", name->domain);
	}
	snprintf(id_r, ID_MAX, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	return CTL_DONE;
}

int
object_change(struct ctl *c, const char *arg, struct name *n_r, char id_r[ID_MAX])
{
	int status = object_begin(c, arg, n_r);

	return status == CTL_DONE ? find(c, n_r, id_r) : status;
}

static int
refuse(const struct ctl *c, int n, char **words)
{
	const struct object *o = c->command->object;

	return o->refuse == NULL ? CTL_DONE : o->refuse(c, n, words);
}

/* Was it the value of the key that is needed, or the name? */
static int
add_refuse(struct ctl *c, PGresult *r, const struct name *name, const char *value)
{
	const struct object *o = c->command->object;
	const char *column = PQresultErrorField(r, PG_DIAG_COLUMN_NAME);
	const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);

	if (o->needs_column != NULL &&
	    ((column != NULL && strstr(column, o->needs_column) != NULL) ||
		(constraint != NULL && strstr(constraint, o->needs_column) != NULL)))
		return db_refuse(c, r, o->needs, value, key_find(o->keys, o->needs)->hint);
	return db_refuse(c, r, o->word, text_of(c, name), o->a_name);
}

int
object_add(struct ctl *c, int n, char **words)
{
	const struct object *o = c->command->object;
	const char *value = o->needs == NULL ? NULL : words_value(n - 1, words + 1, o->needs);
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	if (o->needs != NULL && value == NULL)
		return ctl_usage(c, "%s add: %s= is missing", o->word, o->needs);
	if ((status = refuse(c, n, words)) != CTL_DONE ||
	    (status = object_begin(c, words[0], &name)) != CTL_DONE)
		return status;
	r = ask(c, o->add, &name, o->needs_column == NULL ? NULL : value);
	if (!db_good(r))
		return add_refuse(c, r, &name, value);
	snprintf(id, sizeof(id), "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	status = keys_set(c, id, n - 1, words + 1);
	return status == CTL_DONE ? db_do(c, "commit") : status;
}

int
object_set(struct ctl *c, int n, char **words)
{
	struct name name;
	char id[ID_MAX];
	int status;

	if ((status = refuse(c, n, words)) != CTL_DONE ||
	    (status = object_change(c, words[0], &name, id)) != CTL_DONE ||
	    (status = keys_set(c, id, n - 1, words + 1)) != CTL_DONE)
		return status;
	return db_do(c, "commit");
}

int
object_show(struct ctl *c, int n, char **words)
{
	const struct object *o = c->command->object;
	struct name name;
	int status = open_name(c, words[0], &name);

	(void)n;
	return status == CTL_DONE ? result_show(c, ask(c, o->show, &name, NULL), o->word, words[0])
				  : status;
}

int
object_del(struct ctl *c, int n, char **words)
{
	const struct object *o = c->command->object;
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	if ((status = refuse(c, n, words)) != CTL_DONE ||
	    (status = object_change(c, words[0], &name, id)) != CTL_DONE)
		return status;
	r = db_run(c, o->del, 1, id);
	if (!db_good(r))
		return db_refuse(c, r, o->word, words[0], NULL);
	PQclear(r);
	return db_do(c, "commit");
}

/* A list may be of one domain. */
static int
domain_check(struct ctl *c, const char *domain)
{
	PGresult *r = db_run(c, "select from tandem.domain where domain = lower($1)", 1, domain);
	int status;

	if (!db_good(r))
		return db_refuse(c, r, "domain", domain, "text");
	status = PQntuples(r) == 0 ? ctl_refuse(c, "no such domain: %s", domain) : CTL_DONE;
	PQclear(r);
	return status;
}

int
object_list(struct ctl *c, int n, char **words)
{
	int status = db_connect(c);

	if (status == CTL_DONE && n > 0)
		status = domain_check(c, words[0]);
	if (status != CTL_DONE)
		return status;
	return result_list(
	    c, db_run(c, c->command->object->list, c->command->max, n == 0 ? NULL : words[0]));
}
