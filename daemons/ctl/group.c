/* Hunt groups: a number, and the subscribers that it rings. */
#include <string.h>

#include "ctl/ctl.h"

static const char id_sql[] =
    "select hunt_group_id from tandem.hunt_group where tenant_id = $1 and name = $2";
static const char a_number[] = "a telephone number, or it is an emergency number";

/* The first of the list who is no subscriber. */
static const char unknown_sql[] =
    "select trim(u) from unnest(string_to_array($2, ',')) u "
    "where not exists (select from tandem.subscriber s join tandem.hunt_group g using (tenant_id) "
    "where g.hunt_group_id = $1 and s.username = trim(u)) limit 1";

static const char leave_sql[] =
    "delete from tandem.hunt_group_member m where m.hunt_group_id = $1 "
    "and not exists (select from tandem.subscriber s where s.subscriber_id = m.subscriber_id "
    "and s.username in (select trim(u) from unnest(string_to_array($2, ',')) u))";

static const char join_sql[] =
    "insert into tandem.hunt_group_member (tenant_id, hunt_group_id, subscriber_id, position) "
    "select s.tenant_id, g.hunt_group_id, s.subscriber_id, row_number() over (order by "
    "min(u.place)) "
    "from tandem.hunt_group g join tandem.subscriber s using (tenant_id) "
    "join unnest(string_to_array($2, ',')) with ordinality u (name, place) "
    "on s.username = trim(u.name) where g.hunt_group_id = $1 "
    "group by s.tenant_id, g.hunt_group_id, s.subscriber_id "
    "on conflict (tenant_id, hunt_group_id, subscriber_id) "
    "do update set position = excluded.position";

/* The whole list, in its order; weights and log-ins of those who stay are kept. */
static int
members_put(struct ctl *c, const char *id, const char *value)
{
	PGresult *r = db_run(c, unknown_sql, 2, id, value);

	if (db_good(r) && PQntuples(r) > 0) {
		int status = ctl_refuse(c, "members: no such subscriber: %s", PQgetvalue(r, 0, 0));

		PQclear(r);
		return status;
	}
	if (db_good(r)) {
		PQclear(r);
		r = db_run(c, leave_sql, 2, id, value);
	}
	if (db_good(r)) {
		PQclear(r);
		r = db_run(c, join_sql, 2, id, value);
	}
	if (!db_good(r))
		return db_refuse(c, r, "members", value, "a list of subscribers");
	PQclear(r);
	return CTL_DONE;
}

static const struct key keys[] = {
	{ "number", KEY_TEXT, "update tandem.hunt_group set number = $2 where hunt_group_id = $1",
	    a_number, NULL },
	{ "mode", KEY_WORD,
	    "update tandem.hunt_group set mode = "
	    "coalesce(nullif($2, '')::tandem.mode, 'ring_all') where hunt_group_id = $1",
	    "ring-all, linear, circular, longest-idle or weighted", NULL },
	{ "members", KEY_OWN, NULL, NULL, members_put },
	{ "ring_s", KEY_TEXT,
	    "update tandem.hunt_group set ring_s = coalesce(nullif($2, '')::int, 20) "
	    "where hunt_group_id = $1",
	    "a number of seconds, 1 to 600", NULL },
	{ "overflow", KEY_TEXT,
	    "update tandem.hunt_group set overflow = nullif($2, '') "
	    "where hunt_group_id = $1",
	    "a number or a SIP URI, and not the group's own", NULL },
	{ "overflow_s", KEY_TEXT,
	    "update tandem.hunt_group set overflow_s = nullif($2, '')::int "
	    "where hunt_group_id = $1",
	    "a number of seconds, 1 to 3600", NULL },
	{ .name = NULL },
};

int
group_add(struct ctl *c, int n, char **words)
{
	const char *number = words_value(n - 1, words + 1, "number"), *k;
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	if (number == NULL)
		return ctl_usage(c, "group add: number= is missing");
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = db_do(c, "begin")) != CTL_DONE)
		return status;
	r = db_run(c,
	    "insert into tandem.hunt_group (tenant_id, name, number) values ($1, $2, $3) "
	    "returning hunt_group_id",
	    3, name.tenant, name.text, number);
	if (!db_good(r)) {
		k = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
		if (k != NULL && strstr(k, "number") != NULL)
			return db_refuse(c, r, "number", number, a_number);
		return db_refuse(c, r, "group", name.text, "a name without spaces or @");
	}
	snprintf(id, sizeof(id), "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	status = keys_set(c, keys, id, n - 1, words + 1);
	return status == CTL_DONE ? db_do(c, "commit") : status;
}

int
group_set(struct ctl *c, int n, char **words)
{
	struct name name;
	char id[ID_MAX];
	int status;

	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = db_do(c, "begin")) != CTL_DONE ||
	    (status = id_find(c, id_sql, &name, "group", id)) != CTL_DONE ||
	    (status = keys_set(c, keys, id, n - 1, words + 1)) != CTL_DONE)
		return status;
	return db_do(c, "commit");
}

int
group_show(struct ctl *c, int n, char **words)
{
	struct name name;
	int status;

	(void)n;
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE)
		return status;
	return result_show(c,
	    db_run(c,
		"select g.name, t.name as tenant, g.number, g.mode, "
		"(select string_agg(s.username, ',' order by m.position) from "
		"tandem.hunt_group_member m "
		"join tandem.subscriber s using (subscriber_id) where m.hunt_group_id = "
		"g.hunt_group_id) "
		"as members, g.ring_s, g.overflow, g.overflow_s, g.features "
		"from tandem.hunt_group g join tandem.tenant t using (tenant_id) "
		"where g.tenant_id = $1 and g.name = $2",
		2, name.tenant, name.text),
	    "group", words[0]);
}

int
group_del(struct ctl *c, int n, char **words)
{
	struct name name;
	char id[ID_MAX];
	PGresult *r;
	int status;

	(void)n;
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = name_find(c, words[0], &name)) != CTL_DONE ||
	    (status = id_find(c, id_sql, &name, "group", id)) != CTL_DONE)
		return status;
	r = db_run(c, "delete from tandem.hunt_group where hunt_group_id = $1", 1, id);
	if (!db_good(r))
		return db_refuse(c, r, "group", words[0], NULL);
	PQclear(r);
	return CTL_DONE;
}

int
group_list(struct ctl *c, int n, char **words)
{
	int status = db_connect(c);

	(void)n;
	(void)words;
	if (status != CTL_DONE)
		return status;
	return result_list(
	    c, db_run(c,
		   "select g.name, t.realm as domain, g.number, g.mode, "
		   "(select string_agg(s.username, ',' order by m.position) from "
		   "tandem.hunt_group_member m "
		   "join tandem.subscriber s using (subscriber_id) where m.hunt_group_id = "
		   "g.hunt_group_id) "
		   "as members from tandem.hunt_group g join tandem.tenant t using (tenant_id) "
		   "order by t.name, g.name",
		   0));
}
