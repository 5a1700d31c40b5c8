/*
 * Tenants and their domains, and NAME@DOMAIN. The default tenant's domains are those of the
 * configuration file; all others stand only in the database. A tenant's realm is its first domain
 * when it is made; it stays while it has subscribers, whose passwords are digests made with it.
 */
#include <ctype.h>
#include <string.h>

#include "ctl/ctl.h"

int
name_find(struct ctl *c, const char *arg, struct name *n_r)
{
	const char *at = strrchr(arg, '@');
	size_t len = at == NULL ? strlen(arg) : (size_t)(at - arg);
	PGresult *r;

	if (len == 0 || len >= sizeof(n_r->text))
		return ctl_refuse(c, "\"%s\" is not a name", arg);
	if (at != NULL && strlen(at + 1) >= sizeof(n_r->domain))
		return ctl_refuse(c, "no such domain: %s", at + 1);
	snprintf(n_r->text, sizeof(n_r->text), "%.*s", (int)len, arg);
	snprintf(n_r->domain, sizeof(n_r->domain), "%s",
	    at == NULL ? c->settings->settings.domains[0] : at + 1);
	for (char *p = n_r->domain; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	r = db_run(c,
	    "select t.tenant_id, t.realm from tandem.domain d join tandem.tenant t using "
	    "(tenant_id) "
	    "where d.domain = $1",
	    1, n_r->domain);
	if (!db_good(r))
		return db_refuse(c, r, "domain", n_r->domain, "text");
	if (PQntuples(r) == 0) {
		PQclear(r);
		return ctl_refuse(c,
		    at == NULL ? "domain %s is not in the database yet (tandemctl db upgrade)"
			       : "no such domain: %s",
		    n_r->domain);
	}
	snprintf(n_r->tenant, sizeof(n_r->tenant), "%s", PQgetvalue(r, 0, 0));
	snprintf(n_r->realm, sizeof(n_r->realm), "%s", PQgetvalue(r, 0, 1));
	PQclear(r);
	return CTL_DONE;
}

int
id_find(
    struct ctl *c, const char *sql, const struct name *name, const char *what, char id_r[ID_MAX])
{
	PGresult *r = db_run(c, sql, 2, name->tenant, name->text);

	if (!db_good(r))
		return db_refuse(c, r, what, name->text, "text");
	if (PQntuples(r) == 0) {
		PQclear(r);
		return ctl_refuse(c, "no such %s: %s@%s", what, name->text, name->domain);
	}
	snprintf(id_r, ID_MAX, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	return CTL_DONE;
}

/* One domain for the tenant, at its place. */
static int
domain_put(struct ctl *c, const char *tenant, const char *domain, unsigned position)
{
	char place[16];
	PGresult *r;
	bool other;

	snprintf(place, sizeof(place), "%u", position);
	r = db_run(c,
	    "insert into tandem.domain (domain, tenant_id, position) values (lower($2), $1, $3) "
	    "on conflict (domain) do update set position = excluded.position "
	    "where domain.tenant_id = excluded.tenant_id",
	    3, tenant, domain, place);
	if (!db_good(r))
		return db_refuse(c, r, "domain", domain, "the name of a domain");
	other = strcmp(PQcmdTuples(r), "0") == 0;
	PQclear(r);
	return other ? ctl_refuse(c, "domain: \"%s\" belongs to another tenant", domain) : CTL_DONE;
}

/* A comma-separated list of all domains, the first is the realm's. */
static int
domains_put(struct ctl *c, const char *tenant, const char *list)
{
	char domain[SETTINGS_HOST];
	unsigned position = 0;
	PGresult *r;

	r = db_run(c,
	    "delete from tandem.domain where tenant_id = $1 "
	    "and domain <> all (string_to_array(lower($2), ','))",
	    2, tenant, list);
	if (!db_good(r))
		return db_refuse(c, r, "domain", list, "a list of domains");
	PQclear(r);
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");
		int status;

		if (len == 0 || len >= sizeof(domain))
			return ctl_refuse(c, "domain: \"%s\" is not a list of domains", list);
		snprintf(domain, sizeof(domain), "%.*s", (int)len, p);
		status = domain_put(c, tenant, domain, position++);
		if (status != CTL_DONE)
			return status;
		p += len;
		if (*p == '\0')
			return CTL_DONE;
	}
}

static int
realm_put(struct ctl *c, const char *tenant)
{
	PGresult *r = db_run(c,
	    "update tandem.tenant t set realm = d.domain "
	    "from (select domain from tandem.domain where tenant_id = $1 order by position limit "
	    "1) d "
	    "where t.tenant_id = $1 and t.realm <> d.domain and not exists "
	    "(select from tandem.subscriber s where s.tenant_id = t.tenant_id)",
	    1, tenant);

	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	PQclear(r);
	return CTL_DONE;
}

static int
tenant_domains(struct ctl *c, const char *id, const char *value)
{
	int status = domains_put(c, id, value);

	return status == CTL_DONE ? realm_put(c, id) : status;
}

static const struct key tenant_keys[] = {
	{ "domain", KEY_OWN, NULL, NULL, tenant_domains },
	{ "suspended", KEY_FLAG,
	    "update tandem.tenant set suspended = "
	    "coalesce(nullif($2, '')::boolean, false) where tenant_id = $1",
	    "on or off", NULL },
	{ "timezone", KEY_TEXT,
	    "update tandem.tenant set timezone = coalesce(nullif($2, ''), 'UTC') "
	    "where tenant_id = $1",
	    "a time zone, as Europe/Berlin", NULL },
	{ .name = NULL },
};

int
tenant_sync(struct ctl *c)
{
	const struct settings *s = &c->settings->settings;
	char id[ID_MAX], list[DOMAINS_MAX * SETTINGS_HOST] = "";
	size_t len = 0;
	PGresult *r;
	int status;

	for (unsigned i = 0; i < s->n_domains; i++)
		len += (size_t)snprintf(
		    list + len, sizeof(list) - len, "%s%s", i == 0 ? "" : ",", s->domains[i]);
	r = db_run(c,
	    "insert into tandem.tenant (name, realm) values ('default', $1) "
	    "on conflict (name) do update set name = excluded.name returning tenant_id",
	    1, s->domains[0]);
	if (!db_good(r))
		return db_refuse(c, r, "domains", s->domains[0], "the name of a domain");
	snprintf(id, sizeof(id), "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	status = tenant_domains(c, id, list);
	if (status != CTL_DONE)
		return status;
	r = db_run(c, "select realm from tandem.tenant where tenant_id = $1 and realm <> $2", 2, id,
	    s->domains[0]);
	if (db_good(r) && PQntuples(r) > 0)
		printf("the realm stays %s: the subscribers' passwords are digests made with it\n",
		    PQgetvalue(r, 0, 0));
	PQclear(r);
	return CTL_DONE;
}

static int
tenant_find(struct ctl *c, const char *name, char id_r[ID_MAX])
{
	PGresult *r = db_run(c, "select tenant_id from tandem.tenant where name = $1", 1, name);

	if (!db_good(r))
		return db_refuse(c, r, "tenant", name, "a name");
	if (PQntuples(r) == 0) {
		PQclear(r);
		return ctl_refuse(c, "no such tenant: %s", name);
	}
	snprintf(id_r, ID_MAX, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	return CTL_DONE;
}

int
tenant_add(struct ctl *c, int n, char **words)
{
	const char *domains = words_value(n - 1, words + 1, "domain");
	char id[ID_MAX];
	PGresult *r;
	int status;

	if (domains == NULL || *domains == '\0')
		return ctl_usage(c, "tenant add: domain= is missing");
	if ((status = db_connect(c)) != CTL_DONE || (status = db_do(c, "begin")) != CTL_DONE)
		return status;
	r = db_run(c,
	    "insert into tandem.tenant (name, realm) values ($1, lower(split_part($2, ',', 1))) "
	    "returning tenant_id",
	    2, words[0], domains);
	if (!db_good(r)) {
		const char *k = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);

		if (k != NULL && strcmp(k, "tenant_realm_check") == 0)
			return db_refuse(c, r, "domain", domains, "a list of domains");
		return db_refuse(c, r, "tenant", words[0], "a name without spaces or @");
	}
	snprintf(id, sizeof(id), "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	status = keys_set(c, tenant_keys, id, n - 1, words + 1);
	return status == CTL_DONE ? db_do(c, "commit") : status;
}

int
tenant_set(struct ctl *c, int n, char **words)
{
	char id[ID_MAX];
	int status;

	if (strcmp(words[0], "default") == 0 && words_value(n - 1, words + 1, "domain") != NULL)
		return ctl_refuse(c,
		    "the default tenant's domains stand in %s (then: tandemctl db upgrade)",
		    c->file);
	if ((status = db_connect(c)) != CTL_DONE || (status = db_do(c, "begin")) != CTL_DONE ||
	    (status = tenant_find(c, words[0], id)) != CTL_DONE ||
	    (status = keys_set(c, tenant_keys, id, n - 1, words + 1)) != CTL_DONE)
		return status;
	return db_do(c, "commit");
}

int
tenant_show(struct ctl *c, int n, char **words)
{
	int status = db_connect(c);

	(void)n;
	if (status != CTL_DONE)
		return status;
	return result_show(c,
	    db_run(c,
		"select t.name, t.tenant_id, t.realm, "
		"(select string_agg(d.domain, ',' order by d.position, d.domain) from "
		"tandem.domain d "
		"where d.tenant_id = t.tenant_id) as domain, t.suspended, t.timezone, "
		"(select count(*) from tandem.subscriber s where s.tenant_id = t.tenant_id) as "
		"subscribers "
		"from tandem.tenant t where t.name = $1",
		1, words[0]),
	    "tenant", words[0]);
}

int
tenant_del(struct ctl *c, int n, char **words)
{
	char id[ID_MAX];
	PGresult *r;
	int status;

	(void)n;
	if (strcmp(words[0], "default") == 0)
		return ctl_refuse(c, "the default tenant stays");
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = tenant_find(c, words[0], id)) != CTL_DONE)
		return status;
	r = db_run(c, "delete from tandem.tenant where tenant_id = $1", 1, id);
	if (!db_good(r))
		return db_refuse(c, r, "tenant", words[0], NULL);
	PQclear(r);
	return CTL_DONE;
}

int
tenant_list(struct ctl *c, int n, char **words)
{
	int status = db_connect(c);

	(void)n;
	(void)words;
	if (status != CTL_DONE)
		return status;
	return result_list(c, db_run(c,
				  "select t.name, t.tenant_id, "
				  "(select string_agg(d.domain, ',' order by d.position, d.domain) "
				  "from tandem.domain d "
				  "where d.tenant_id = t.tenant_id) as domain, t.suspended, "
				  "(select count(*) from tandem.subscriber s where s.tenant_id = "
				  "t.tenant_id) as subscribers "
				  "from tandem.tenant t order by t.name",
				  0));
}
