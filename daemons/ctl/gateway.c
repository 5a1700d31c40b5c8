/* Gateways: the other exchanges and the ways to the telephone network. */
#include "ctl/ctl.h"

static const char id_sql[] =
    "select gateway_id from tandem.gateway where tenant_id = $1 and name = $2";
static const char a_host[] = "a host name or an address";

static const struct key keys[] = {
	{ "host", KEY_TEXT, "update tandem.gateway set host = $2 where gateway_id = $1", a_host,
	    NULL },
	{ "port", KEY_TEXT,
	    "update tandem.gateway set port = nullif($2, '')::int where gateway_id = $1",
	    "a port, 1 to 65535", NULL },
	{ "transport", KEY_WORD,
	    "update tandem.gateway set transport = nullif($2, '')::tandem.transport "
	    "where gateway_id = $1",
	    "udp, tcp or tls", NULL },
	{ "trusted", KEY_FLAG,
	    "update tandem.gateway set trusted = "
	    "coalesce(nullif($2, '')::boolean, true) where gateway_id = $1",
	    "on or off", NULL },
	{ "transit", KEY_FLAG,
	    "update tandem.gateway set transit = "
	    "coalesce(nullif($2, '')::boolean, false) where gateway_id = $1",
	    "on or off", NULL },
	{ .name = NULL },
};

int
gateway_add(struct ctl *c, int n, char **words)
{
	const char *host = words_value(n - 1, words + 1, "host");
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	if (host == NULL)
		return ctl_usage(c, "gateway add: host= is missing");
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = db_do(c, "begin")) != CTL_DONE)
		return status;
	/* The name is made with a host that is right; a wrong one is then the key's fault. */
	r = db_run(c,
	    "insert into tandem.gateway (tenant_id, name, host) values ($1, $2, 'invalid') "
	    "returning gateway_id",
	    2, name.tenant, name.text);
	if (!db_good(r))
		return db_refuse(c, r, "gateway", name.text, "a name without spaces or @");
	snprintf(id, sizeof(id), "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	status = keys_set(c, keys, id, n - 1, words + 1);
	return status == CTL_DONE ? db_do(c, "commit") : status;
}

int
gateway_set(struct ctl *c, int n, char **words)
{
	struct name name;
	char id[ID_MAX];
	int status;

	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = db_do(c, "begin")) != CTL_DONE ||
	    (status = id_find(c, id_sql, &name, "gateway", id)) != CTL_DONE ||
	    (status = keys_set(c, keys, id, n - 1, words + 1)) != CTL_DONE)
		return status;
	return db_do(c, "commit");
}

int
gateway_show(struct ctl *c, int n, char **words)
{
	struct name name;
	int status;

	(void)n;
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE)
		return status;
	return result_show(c,
	    db_run(c,
		"select g.name, t.name as tenant, g.gateway_id, g.host, g.port, "
		"g.transport, g.trusted, g.transit, (select string_agg(r.name, ',' order by "
		"r.prefix, "
		"r.priority) "
		"from tandem.route r where r.gateway_id = g.gateway_id) as routes "
		"from tandem.gateway g join tandem.tenant t using (tenant_id) "
		"where g.tenant_id = $1 and g.name = $2",
		2, name.tenant, name.text),
	    "gateway", words[0]);
}

int
gateway_del(struct ctl *c, int n, char **words)
{
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	(void)n;
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = id_find(c, id_sql, &name, "gateway", id)) != CTL_DONE)
		return status;
	r = db_run(c, "delete from tandem.gateway where gateway_id = $1", 1, id);
	if (!db_good(r))
		return db_refuse(c, r, "gateway", words[0], NULL);
	PQclear(r);
	return CTL_DONE;
}

int
gateway_list(struct ctl *c, int n, char **words)
{
	int status = db_connect(c);

	(void)n;
	(void)words;
	if (status != CTL_DONE)
		return status;
	return result_list(c,
	    db_run(c,
		"select g.name, t.realm as domain, g.host, g.port, g.transport, "
		"g.trusted, g.transit from tandem.gateway g join tandem.tenant t using (tenant_id) "
		"order by t.name, g.name",
		0));
}
