/*
 * Subscribers: who they are, and what services they have switched on. A command changes all it was
 * given, or nothing.
 */
#include <string.h>

#include "ctl/ctl.h"

static const char id_sql[] =
    "select subscriber_id from tandem.subscriber where tenant_id = $1 and username = $2";

#define SERVICE(column)	   "update tandem.subscriber_service set " column " where subscriber_id = $1"
#define SUBSCRIBER(column) "update tandem.subscriber set " column " where subscriber_id = $1"
#define DESTINATION	   "a number or a SIP URI"

const struct key subscriber_keys[] = {
	{ "display_name", KEY_TEXT, SUBSCRIBER("display_name = nullif($2, '')"),
	    "text of 1 to 128 bytes without control characters", NULL },
	{ "number", KEY_TEXT, SUBSCRIBER("number = nullif($2, '')"),
	    "a telephone number, or it is an emergency number", NULL },
	{ "disabled", KEY_FLAG, SUBSCRIBER("disabled = coalesce(nullif($2, '')::boolean, false)"),
	    "on or off", NULL },
	{ "cfu", KEY_TEXT, SERVICE("cfu = nullif($2, '')"), DESTINATION, NULL },
	{ "cfb", KEY_TEXT, SERVICE("cfb = nullif($2, '')"), DESTINATION, NULL },
	{ "cfnr", KEY_TEXT, SERVICE("cfnr = nullif($2, '')"), DESTINATION, NULL },
	{ "cfnrc", KEY_TEXT, SERVICE("cfnrc = nullif($2, '')"), DESTINATION, NULL },
	{ "cfnr_timeout", KEY_TEXT, SERVICE("cfnr_timeout = nullif($2, '')::int"),
	    "a number of seconds, 1 to 600", NULL },
	{ "dnd", KEY_FLAG, SERVICE("dnd = coalesce(nullif($2, '')::boolean, false)"), "on or off",
	    NULL },
	{ "call_waiting", KEY_FLAG,
	    SERVICE("call_waiting = coalesce(nullif($2, '')::boolean, true)"), "on or off", NULL },
	{ "call_limit", KEY_TEXT, SERVICE("call_limit = coalesce(nullif($2, '')::int, 0)"),
	    "a number of calls, 0 to 1000", NULL },
	{ "clir", KEY_FLAG, SERVICE("clir = coalesce(nullif($2, '')::boolean, false)"), "on or off",
	    NULL },
	{ "acr", KEY_FLAG, SERVICE("acr = coalesce(nullif($2, '')::boolean, false)"), "on or off",
	    NULL },
	{ "barring", KEY_TEXT,
	    SERVICE("barring = coalesce((select array_agg(distinct trim(b)::tandem.barring) "
		    "from unnest(string_to_array($2, ',')) b), '{}')"),
	    "a list of international, premium, outgoing, incoming", NULL },
	{ "pickup_group", KEY_TEXT, SERVICE("pickup_group = nullif($2, '')"),
	    "a name without spaces or @", NULL },
	{ "trust", KEY_WORD, SERVICE("trust = coalesce(nullif($2, '')::tandem.trust, 'challenge')"),
	    "challenge, binding or address", NULL },
	{ "max_contacts", KEY_TEXT, SERVICE("max_contacts = coalesce(nullif($2, '')::int, 0)"),
	    "a number of contacts, 0 to 16", NULL },
	{ "contact_policy", KEY_WORD,
	    SERVICE("contact_policy = coalesce(nullif($2, '')::tandem.contact_policy, "
		    "'replace_oldest')"),
	    "replace-oldest, reject or single", NULL },
	{ "min_algorithm", KEY_WORD,
	    SUBSCRIBER("min_algorithm = coalesce(nullif($2, '')::tandem.min_algorithm, 'md5')"),
	    "md5, sha256 or sha512-256", NULL },
	{ .name = NULL },
};

int
subscriber_insert(struct ctl *c, const struct name *name, const char *password, char id_r[ID_MAX])
{
	struct password_ha1 ha1;
	PGresult *r;

	password_ha1(name, password, &ha1);
	r = db_run(c,
	    "insert into tandem.subscriber (tenant_id, username, ha1_md5, ha1_sha256, "
	    "ha1_sha512_256) values ($1, $2, decode($3, 'hex'), decode($4, 'hex'), decode($5, "
	    "'hex')) "
	    "returning subscriber_id",
	    5, name->tenant, name->text, ha1.md5, ha1.sha256, ha1.sha512_256);
	if (!db_good(r))
		return db_refuse(c, r, "user", name->text,
		    "a name of 1 to 64 bytes without spaces or @<>\"\\%:;?, "
		    "not beginning with * or #, and no emergency number");
	snprintf(id_r, ID_MAX, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	return CTL_DONE;
}

static int
password_put(struct ctl *c, const char *id, const struct name *name, const char *password)
{
	struct password_ha1 ha1;
	PGresult *r;

	password_ha1(name, password, &ha1);
	r = db_run(c,
	    "update tandem.subscriber set ha1_md5 = decode($2, 'hex'), "
	    "ha1_sha256 = decode($3, 'hex'), ha1_sha512_256 = decode($4, 'hex') "
	    "where subscriber_id = $1",
	    4, id, ha1.md5, ha1.sha256, ha1.sha512_256);
	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	PQclear(r);
	return CTL_DONE;
}

static int
keys_put(struct ctl *c, const char *id, int n, char **words)
{
	int status = CTL_DONE;

	if (c->name != NULL)
		status = key_set(c, subscriber_keys, id, "display_name", c->name);
	return status == CTL_DONE ? keys_set(c, subscriber_keys, id, n, words) : status;
}

int
subscriber_add(struct ctl *c, int n, char **words)
{
	char password[PASSWORD_MAX + 1], id[ID_MAX];
	struct name name;
	bool given;
	int status;

	if ((status = password_given(c, password, &given)) != CTL_DONE)
		return status;
	if (!given)
		password_make(password);
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = db_do(c, "begin")) != CTL_DONE ||
	    (status = subscriber_insert(c, &name, password, id)) != CTL_DONE ||
	    (status = keys_put(c, id, n - 1, words + 1)) != CTL_DONE ||
	    (status = db_do(c, "commit")) != CTL_DONE)
		return status;
	if (c->json && given)
		return row_print(
		    c, json_pack("{s:s, s:s}", "user", name.text, "domain", name.domain));
	if (c->json)
		return row_print(c, json_pack("{s:s, s:s, s:s}", "user", name.text, "domain",
					name.domain, "password", password));
	if (!given)
		printf("password: %s\n", password);
	return CTL_DONE;
}

int
subscriber_set(struct ctl *c, int n, char **words)
{
	char password[PASSWORD_MAX + 1], id[ID_MAX];
	struct name name;
	bool given;
	int status;

	if ((status = password_given(c, password, &given)) != CTL_DONE)
		return status;
	if (n == 1 && c->given == 0)
		return ctl_usage(c, "subscriber set: nothing to set");
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = db_do(c, "begin")) != CTL_DONE ||
	    (status = id_find(c, id_sql, &name, "subscriber", id)) != CTL_DONE ||
	    (given && (status = password_put(c, id, &name, password)) != CTL_DONE) ||
	    (status = keys_put(c, id, n - 1, words + 1)) != CTL_DONE)
		return status;
	return db_do(c, "commit");
}

int
subscriber_show(struct ctl *c, int n, char **words)
{
	struct name name;
	int status;

	(void)n;
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE)
		return status;
	return result_show(c,
	    db_run(c,
		"select s.username as user, t.name as tenant, t.realm, "
		"s.subscriber_id, s.display_name, s.number, s.disabled, v.cfu, v.cfb, v.cfnr, "
		"v.cfnrc, "
		"v.cfnr_timeout, v.dnd, v.call_waiting, v.call_limit, v.clir, v.acr, "
		"array_to_string(v.barring, ',') as barring, v.pickup_group, v.trust, "
		"v.max_contacts, "
		"v.contact_policy, s.min_algorithm "
		"from tandem.subscriber s join tandem.tenant t using (tenant_id) "
		"join tandem.subscriber_service v using (tenant_id, subscriber_id) "
		"where s.tenant_id = $1 and s.username = $2",
		2, name.tenant, name.text),
	    "subscriber", words[0]);
}

int
subscriber_del(struct ctl *c, int n, char **words)
{
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	(void)n;
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = id_find(c, id_sql, &name, "subscriber", id)) != CTL_DONE)
		return status;
	r = db_run(c, "delete from tandem.subscriber where subscriber_id = $1", 1, id);
	if (!db_good(r))
		return db_refuse(c, r, "subscriber", words[0], NULL);
	PQclear(r);
	return CTL_DONE;
}

int
subscriber_list(struct ctl *c, int n, char **words)
{
	int status = db_connect(c);

	if (status != CTL_DONE)
		return status;
	return result_list(
	    c, db_run(c,
		   "select s.username as user, t.realm as domain, s.display_name, "
		   "s.number, s.disabled, v.dnd, v.cfu, v.cfb, v.cfnr, v.cfnrc "
		   "from tandem.subscriber s join tandem.tenant t using (tenant_id) "
		   "join tandem.subscriber_service v using (tenant_id, subscriber_id) "
		   "where $1::text is null or s.tenant_id = "
		   "(select d.tenant_id from tandem.domain d where d.domain = lower($1)) "
		   "order by t.name, s.username",
		   1, n == 0 ? NULL : words[0]));
}
