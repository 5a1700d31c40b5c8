/*
 * Tenants and their domains. The default tenant's domains are those of the
 * configuration file; all others stand only in the database. A tenant's realm is its first domain
 * when it is made; it stays while it has subscribers, whose passwords are digests made with it.
 */
#include <string.h>

#include "ctl/ctl.h"

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
refuse(const struct ctl *c, int n, char **words)
{
	const char *verb = c->command->verb, *domain = words_value(n - 1, words + 1, "domain");
	bool standard = strcmp(words[0], "default") == 0;

	if (standard && strcmp(verb, "del") == 0)
		return ctl_refuse(c, "the default tenant stays");
	if (standard && strcmp(verb, "set") == 0 && domain != NULL)
		return ctl_refuse(c,
		    "the default tenant's domains stand in %s (then: tandemctl db upgrade)",
		    c->file);
	if (strcmp(verb, "add") == 0 && *domain == '\0')
		return ctl_usage(c, "tenant add: domain= is missing");
	return CTL_DONE;
}

static const struct key keys[] = {
	{ "domain", "its domains, comma between; the first is the realm of its passwords", KEY_OWN,
	    "a list of domains", .apply = tenant_domains },
	{ "suspended", "none of its subscribers registers or calls", KEY_FLAG, NULL,
	    KEY_OR("boolean", "false") },
	{ "timezone", "its time zone, as Europe/Berlin (default UTC)", KEY_TEXT,
	    "a time zone, as Europe/Berlin", KEY_OR("text", "'UTC'") },
	{ "country", "two letters, as DE: its emergency numbers are those of this country too",
	    KEY_TEXT, "two capital letters", KEY_NULL },
	{ "voicemail",
	    "the number of its voicemail: *97 calls it, and who sends calls there pays nothing",
	    KEY_TEXT, "a number", KEY_NULL },
	{ .name = NULL },
};

#define DOMAIN                                                                                     \
	"(select string_agg(d.domain, ',' order by d.position, d.domain) "                         \
	"from tandem.domain d where d.tenant_id = t.tenant_id) as domain"
#define SUBSCRIBERS                                                                                \
	"(select count(*) from tandem.subscriber s where s.tenant_id = t.tenant_id) as "           \
	"subscribers"

const struct object tenant_object = {
	.word = "tenant",
	.table = "tandem.tenant",
	.id = "tenant_id",
	.global = true,
	.a_name = "a name without spaces or @",
	.needs = "domain",
	.needs_column = "realm",
	.keys = keys,
	.refuse = refuse,
	.add = "insert into tandem.tenant (name, realm) "
	       "values ($1, lower(split_part($2, ',', 1))) returning tenant_id",
	.find = "select tenant_id from tandem.tenant where name = $1",
	.show = "select t.name, t.tenant_id, t.realm, " DOMAIN
		", t.suspended, t.timezone, t.country, t.voicemail, " SUBSCRIBERS
		" from tandem.tenant t where t.name = $1",
	.del = "delete from tandem.tenant where tenant_id = $1",
	.list = "select t.name, t.tenant_id, " DOMAIN ", t.suspended, " SUBSCRIBERS
		" from tandem.tenant t order by t.name",
};
