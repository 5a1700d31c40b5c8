/* Hunt groups: a number, and the subscribers that it rings. */
#include "ctl/ctl.h"

#include <string.h>

#define NAME(of) "split_part(trim(" of "), ':', 1)"

/* The first of the list who is no subscriber. */
static const char unknown_sql[] =
    "select " NAME("u") " from unnest(string_to_array($2, ',')) u "
			"where not exists (select from tandem.subscriber s join tandem.hunt_group "
			"g using (tenant_id) "
			"where g.hunt_group_id = $1 and s.username = " NAME("u") ") limit 1";

static const char leave_sql[] =
    "delete from tandem.hunt_group_member m where m.hunt_group_id = $1 "
    "and not exists (select from tandem.subscriber s where s.subscriber_id = m.subscriber_id "
    "and s.username in (select " NAME("u") " from unnest(string_to_array($2, ',')) u))";

static const char join_sql[] =
    "insert into tandem.hunt_group_member (tenant_id, hunt_group_id, subscriber_id, position, "
    "weight) select s.tenant_id, g.hunt_group_id, s.subscriber_id, row_number() over (order by "
    "min(u.place)), coalesce(max(nullif(split_part(trim(u.name), ':', 2), ''))::int, 1) "
    "from tandem.hunt_group g join tandem.subscriber s using (tenant_id) "
    "join unnest(string_to_array($2, ',')) with ordinality u (name, place) "
    "on s.username = " NAME(
	"u.name") " where g.hunt_group_id = $1 "
		  "group by s.tenant_id, g.hunt_group_id, s.subscriber_id "
		  "on conflict (tenant_id, hunt_group_id, subscriber_id) "
		  "do update set position = excluded.position, weight = case when excluded.weight "
		  "> 1 "
		  "or $2 like '%:%' then excluded.weight else hunt_group_member.weight end";

static const char log_sql[] =
    "update tandem.hunt_group_member m set logged_in = $3 from tandem.subscriber s "
    "where m.hunt_group_id = $1 and s.subscriber_id = m.subscriber_id and s.username = $2 "
    "returning 1";

/* The whole list, in its order; log-ins of those who stay are kept, and weights when none is named. */
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
		return db_refuse(c, r, "members", value,
		    "a list of subscribers, each perhaps with :WEIGHT, 1 to 1000");
	PQclear(r);
	return CTL_DONE;
}

static int
log_member(struct ctl *c, const char *id, const char *key, const char *value)
{
	const char *in = strcmp(key, "login") == 0 ? "true" : "false";
	PGresult *r = db_run(c, log_sql, 3, id, value, in);
	int status = CTL_DONE;

	if (!db_good(r))
		return db_refuse(c, r, key, value, "a member of the group");
	if (PQntuples(r) == 0)
		status = ctl_refuse(c, "%s: no such member: %s", key, value);
	PQclear(r);
	return status;
}

static int
login_put(struct ctl *c, const char *id, const char *value)
{
	return log_member(c, id, "login", value);
}

static int
logout_put(struct ctl *c, const char *id, const char *value)
{
	return log_member(c, id, "logout", value);
}

static const struct key keys[] = {
	{ "number", "what is dialled to reach the group", KEY_TEXT,
	    "a telephone number, or it is an emergency number", "$2" },
	{ "mode", "who rings: ring-all (default), linear, circular, longest-idle or weighted",
	    KEY_WORD, "ring-all, linear, circular, longest-idle or weighted",
	    KEY_OR("tandem.mode", "'ring_all'") },
	{ "members", "users who are rung, comma between, in their order; USER:WEIGHT for weighted",
	    KEY_OWN, .apply = members_put },
	{ "login", "a member who takes calls of the group from now on", KEY_OWN,
	    .apply = login_put },
	{ "logout", "a member who takes none until he logs in again", KEY_OWN,
	    .apply = logout_put },
	{ "features", "what members' own forwards do: ignore (default) or follow", KEY_WORD,
	    "ignore or follow", KEY_OR("tandem.member_features", "'ignore'") },
	{ "ring_s", "seconds each member rings, 1 to 600 (default 20)", KEY_TEXT,
	    "a number of seconds, 1 to 600", KEY_OR("int", "20") },
	{ "overflow", "number or SIP URI where a call goes that nobody took", KEY_TEXT,
	    "a number or a SIP URI, and not the group's own", KEY_NULL },
	{ "overflow_s", "seconds after which it goes there, 1 to 3600", KEY_TEXT,
	    "a number of seconds, 1 to 3600", KEY_NULL "::int" },
	{ .name = NULL },
};

#define MEMBERS                                                                                    \
	"(select string_agg(s.username || case when m.weight = 1 then '' else ':' || m.weight "    \
	"end, "                                                                                    \
	"',' order by m.position) "                                                                \
	"from tandem.hunt_group_member m join tandem.subscriber s using (subscriber_id) "          \
	"where m.hunt_group_id = g.hunt_group_id) as members"
#define LOGGED_OUT                                                                                 \
	"(select string_agg(s.username, ',' order by m.position) "                                 \
	"from tandem.hunt_group_member m join tandem.subscriber s using (subscriber_id) "          \
	"where m.hunt_group_id = g.hunt_group_id and not m.logged_in) as logged_out"

const struct object group_object = {
	.word = "group",
	.table = "tandem.hunt_group",
	.id = "hunt_group_id",
	.a_name = "a name without spaces or @",
	.needs = "number",
	.needs_column = "number",
	.keys = keys,
	.add = "insert into tandem.hunt_group (name, tenant_id, number) values ($1, $2, $3) "
	       "returning hunt_group_id",
	.find = "select hunt_group_id from tandem.hunt_group where name = $1 and tenant_id = $2",
	.show = "select g.name, t.name as tenant, g.number, " WORD_SHOWN(
	    "g.mode") " as mode, " MEMBERS ", " LOGGED_OUT ", g.ring_s, "
		      "g.overflow, g.overflow_s, g.features "
		      "from tandem.hunt_group g join tandem.tenant t using (tenant_id) "
		      "where g.name = $1 and g.tenant_id = $2",
	.del = "delete from tandem.hunt_group where hunt_group_id = $1",
	.list = "select g.name, t.realm as domain, g.number, " WORD_SHOWN(
	    "g.mode") " as mode, " MEMBERS
		      " from tandem.hunt_group g join tandem.tenant t using (tenant_id) "
		      "order by t.name, g.name",
};
