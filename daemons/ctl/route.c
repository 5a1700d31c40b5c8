/* Routes: which numbers go to which gateway, and how they are written there. */
#include "ctl/ctl.h"

static const char id_sql[] = "select route_id from tandem.route where tenant_id = $1 and name = $2";
static const char a_gateway[] = "the name of a gateway";

static const struct key keys[] = {
	{ "prefix", KEY_TEXT, "update tandem.route set prefix = $2 where route_id = $1",
	    "the beginning of a number", NULL },
	{ "gateway", KEY_TEXT,
	    "update tandem.route r set gateway_id = (select g.gateway_id "
	    "from tandem.gateway g where g.tenant_id = r.tenant_id and g.name = $2) where "
	    "r.route_id = $1",
	    a_gateway, NULL },
	{ "priority", KEY_TEXT,
	    "update tandem.route set priority = coalesce(nullif($2, '')::int, 100) "
	    "where route_id = $1",
	    "a number, 0 to 65535", NULL },
	{ "strip", KEY_TEXT,
	    "update tandem.route set strip = coalesce(nullif($2, '')::int, 0) "
	    "where route_id = $1",
	    "a number of digits, 0 to 32", NULL },
	{ "add", KEY_TEXT, "update tandem.route set add = $2 where route_id = $1",
	    "digits, 22 at most, perhaps with + in front", NULL },
	{ .name = NULL },
};

int
route_add(struct ctl *c, int n, char **words)
{
	const char *gateway = words_value(n - 1, words + 1, "gateway");
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	if (gateway == NULL)
		return ctl_usage(c, "route add: gateway= is missing");
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = db_do(c, "begin")) != CTL_DONE)
		return status;
	r = db_run(c,
	    "insert into tandem.route (tenant_id, name, gateway_id) values ($1, $2, "
	    "(select gateway_id from tandem.gateway where tenant_id = $1 and name = $3)) "
	    "returning route_id",
	    3, name.tenant, name.text, gateway);
	if (!db_good(r)) {
		if (PQresultErrorField(r, PG_DIAG_COLUMN_NAME) != NULL)
			return db_refuse(c, r, "gateway", gateway, a_gateway);
		return db_refuse(
		    c, r, "route", name.text, "a name of at most 47 bytes without spaces or @");
	}
	snprintf(id, sizeof(id), "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	status = keys_set(c, keys, id, n - 1, words + 1);
	return status == CTL_DONE ? db_do(c, "commit") : status;
}

int
route_set(struct ctl *c, int n, char **words)
{
	struct name name;
	char id[ID_MAX];
	int status;

	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = db_do(c, "begin")) != CTL_DONE ||
	    (status = id_find(c, id_sql, &name, "route", id)) != CTL_DONE ||
	    (status = keys_set(c, keys, id, n - 1, words + 1)) != CTL_DONE)
		return status;
	return db_do(c, "commit");
}

int
route_show(struct ctl *c, int n, char **words)
{
	struct name name;
	int status;

	(void)n;
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE)
		return status;
	return result_show(c,
	    db_run(c,
		"select r.name, t.name as tenant, r.prefix, g.name as gateway, "
		"r.priority, r.strip, r.add from tandem.route r join tandem.tenant t using "
		"(tenant_id) "
		"join tandem.gateway g using (gateway_id) where r.tenant_id = $1 and r.name = $2",
		2, name.tenant, name.text),
	    "route", words[0]);
}

int
route_del(struct ctl *c, int n, char **words)
{
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	(void)n;
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = id_find(c, id_sql, &name, "route", id)) != CTL_DONE)
		return status;
	r = db_run(c, "delete from tandem.route where route_id = $1", 1, id);
	if (!db_good(r))
		return db_refuse(c, r, "route", words[0], NULL);
	PQclear(r);
	return CTL_DONE;
}

int
route_list(struct ctl *c, int n, char **words)
{
	int status = db_connect(c);

	(void)n;
	(void)words;
	if (status != CTL_DONE)
		return status;
	return result_list(c, db_run(c,
				  "select r.name, t.realm as domain, r.prefix, g.name as gateway, "
				  "r.priority, r.strip, r.add from tandem.route r join "
				  "tandem.tenant t using (tenant_id) "
				  "join tandem.gateway g using (gateway_id) order by t.name, "
				  "r.prefix, r.priority, r.name",
				  0));
}
