/*
 * What of PostgreSQL stands in the directory: the statement that reads a page of each kind, and the one
 * that reads the rows a change names. Both give the same columns: the key first, as it was asked for;
 * what follows is null when there is no such row. What becomes of them: directory_rows.c.
 */
#include "store/store.h"

#include <stdlib.h>

/* z: what is known of its time zone; of a page's tenants each zone is computed once. */
#define TENANT_COLUMNS                                                                             \
	"t.tenant_id, t.name, t.realm, t.suspended,"                                               \
	" (select x.number from tandem.did x where x.tenant_id = t.tenant_id"                      \
	" and x.kind = 'park' and length(x.number) < 16 order by length(x.number), x.number "      \
	"limit 1), t.country, z.changes, t.voicemail"
#define SUBSCRIBER_COLUMNS                                                                         \
	"s.tenant_id, s.username, encode(s.ha1_md5, 'hex'), encode(s.ha1_sha256, 'hex'),"          \
	" encode(s.ha1_sha512_256, 'hex'), s.min_algorithm, s.display_name, s.number, s.disabled," \
	" v.cfu, v.cfb, v.cfnr, v.cfnrc, v.cfnr_timeout, v.dnd, v.call_waiting, v.call_limit,"     \
	" v.clir, v.acr, v.barring, v.pickup_group, v.trust, v.max_contacts, v.contact_policy,"    \
	" v.notify_caller, v.follow_me,"                                                           \
	" (select string_agg(f.delay_s || ' ' || coalesce(f.ring_s, 0) || ' ' || f.number,"        \
	" chr(10) order by f.position) from tandem.follow_me_number f"                             \
	" where f.tenant_id = s.tenant_id and f.subscriber_id = s.subscriber_id),"                 \
	" m.new_messages, m.old_messages, m.urgent_new, m.urgent_old,"                             \
	" v.cfs, array(select distinct l.kind from tandem.caller_list l"                           \
	" where l.subscriber_id = s.subscriber_id and l.kind <> all (v.lists_off)),"               \
	" v.hotline, v.hotline_mode = 'immediate',"                                                \
	" (not v.clip)::int + 2 * v.colp::int + 4 * v.colr::int,"                                  \
	" 'forward' <> all (v.lists_off) and exists (select from tandem.forward_rule r"            \
	" where r.subscriber_id = s.subscriber_id),"                                               \
	" (select string_agg(x.delegate_id::text, ',') from tandem.reg_delegate x"                 \
	" where x.tenant_id = s.tenant_id and x.subscriber_id = s.subscriber_id)"
#define SUBSCRIBER_TABLES                                                                          \
	" left join tandem.subscriber_service v"                                                   \
	" on v.tenant_id = s.tenant_id and v.subscriber_id = s.subscriber_id"                      \
	" left join tandem.mailbox m"                                                              \
	" on m.tenant_id = s.tenant_id and m.subscriber_id = s.subscriber_id"
#define GATEWAY_COLUMNS                                                                            \
	"g.tenant_id, g.name, g.host, g.port, g.transport, g.trusted, g.transit, "                 \
	"g.outbound_proxy,"                                                                        \
	" g.isup, g.decline_as_busy, g.auth_user, g.auth_password, g.realm, g.bill_unacked"
#define ROUTE_COLUMNS "r.gateway_id, r.priority, r.strip, r.add, r.name"
/* A number means one thing inside its tenant: the constraints see to that. */
#define NUMBERS                                                                                    \
	"(select tenant_id, number, 'subscriber' as kind, username as target"                      \
	" from tandem.subscriber where number is not null"                                         \
	" union all select tenant_id, number, 'group', name from tandem.hunt_group"                \
	" union all select d.tenant_id, d.number, d.kind::text,"                                   \
	" coalesce(ds.username, dg.name, d.redirect, d.recall_s::text) from tandem.did d"          \
	" left join tandem.subscriber ds on ds.tenant_id = d.tenant_id"                            \
	" and ds.subscriber_id = d.subscriber_id"                                                  \
	" left join tandem.hunt_group dg on dg.tenant_id = d.tenant_id"                            \
	" and dg.hunt_group_id = d.hunt_group_id) n"
/* A row for each member, whose tenant and name come first; one without a member for an empty group. */
#define GROUP_COLUMNS                                                                              \
	"g.hunt_group_id, g.mode, g.features, g.ring_s, g.overflow_s, g.number, g.overflow,"       \
	" u.username, m.weight, m.logged_in"
#define GROUP_TABLES                                                                               \
	" left join tandem.hunt_group_member m"                                                    \
	" on m.tenant_id = g.tenant_id and m.hunt_group_id = g.hunt_group_id"                      \
	" left join tandem.subscriber u"                                                           \
	" on u.tenant_id = m.tenant_id and u.subscriber_id = m.subscriber_id"
/* A row for each rule, in their order. Dates as days since 1970, times as minutes. */
#define RULE_COLUMNS                                                                               \
	"r.position, r.destination, array_to_string(r.callers, ','), r.days, r.priority,"          \
	" num_nonnulls(r.days, r.from_time, r.from_date, r.to_date) > 0,"                          \
	" coalesce(extract(epoch from r.from_time)::int / 60, 0),"                                 \
	" coalesce(extract(epoch from r.to_time)::int / 60, 0),"                                   \
	" coalesce(r.from_date - date '1970-01-01', 0),"                                           \
	" coalesce(r.to_date - date '1970-01-01', 2147483647)"
#define PAGE	" limit 4000"
#define CHANGED " from jsonb_to_recordset($1::jsonb) k(i bigint, n text) left join "

static const struct {
	const char *name, *page, *changed;
} kinds[DIR_KINDS] = {
	[DIR_TENANT] = { "tenant",
	    "select t.tenant_id, '', " TENANT_COLUMNS
	    " from tandem.tenant t join (select x.timezone, tandem.zone_changes(x.timezone) as "
	    "changes"
	    " from tandem.tenant x group by 1) z on z.timezone = t.timezone"
	    " where t.tenant_id > $1::int and $2::text is not null order by 1" PAGE,
	    "select k.i, '', " TENANT_COLUMNS CHANGED "tandem.tenant t on t.tenant_id = k.i"
	    " left join lateral (select tandem.zone_changes(t.timezone) as changes) z on true" },
	[DIR_DOMAIN] = { "domain",
	    "select 0, d.domain, d.tenant_id from tandem.domain d"
	    " where d.domain > $2 and $1::int = 0 order by 2" PAGE,
	    "select 0, k.n, d.tenant_id" CHANGED "tandem.domain d on d.domain = k.n" },
	[DIR_GATEWAY] = { "gateway",
	    "select g.gateway_id, '', " GATEWAY_COLUMNS " from tandem.gateway g"
	    " where g.gateway_id > $1::int and $2::text is not null order by 1" PAGE,
	    "select k.i, '', " GATEWAY_COLUMNS CHANGED "tandem.gateway g on g.gateway_id = k.i" },
	[DIR_ROUTE] = { "route",
	    "with page as (select distinct tenant_id, prefix from tandem.route"
	    " where (tenant_id, prefix) > ($1::int, $2) order by 1, 2" PAGE ")"
	    " select r.tenant_id, r.prefix, " ROUTE_COLUMNS
	    " from page join tandem.route r using (tenant_id, prefix)"
	    " order by r.tenant_id, r.prefix, r.priority, r.route_id",
	    "select k.i, k.n, " ROUTE_COLUMNS CHANGED
	    "tandem.route r on r.tenant_id = k.i and r.prefix = k.n"
	    " order by k.i, k.n, r.priority, r.route_id" },
	[DIR_SUBSCRIBER] = { "subscriber",
	    "select s.subscriber_id, '', " SUBSCRIBER_COLUMNS
	    " from tandem.subscriber s" SUBSCRIBER_TABLES
	    " where s.subscriber_id > $1::bigint and $2::text is not null order by 1" PAGE,
	    "select k.i, '', " SUBSCRIBER_COLUMNS CHANGED
	    "tandem.subscriber s on s.subscriber_id = k.i" SUBSCRIBER_TABLES },
	[DIR_NUMBER] = { "did",
	    "select n.tenant_id, n.number, n.kind, n.target from " NUMBERS
	    " where (n.tenant_id, n.number) > ($1::int, $2) order by 1, 2" PAGE,
	    "select k.i, k.n, n.kind, n.target" CHANGED NUMBERS
	    " on n.tenant_id = k.i and n.number = k.n" },
	[DIR_GROUP] = { "group",
	    "with page as (select tenant_id, name from tandem.hunt_group"
	    " where (tenant_id, name) > ($1::int, $2) order by 1, 2" PAGE ")"
	    " select g.tenant_id, g.name, " GROUP_COLUMNS
	    " from page join tandem.hunt_group g using (tenant_id, name)" GROUP_TABLES
	    " order by g.tenant_id, g.name, m.position",
	    "select k.i, k.n, " GROUP_COLUMNS CHANGED
	    "tandem.hunt_group g on g.tenant_id = k.i and g.name = k.n" GROUP_TABLES
	    " order by k.i, k.n, m.position" },
	[DIR_CODE] = { "code",
	    "select distinct on (c.tenant_id, c.pattern) c.tenant_id, c.pattern, c.enabled, "
	    "c.action"
	    " from tandem.feature_code c where (c.tenant_id, c.pattern) > ($1::int, $2)"
	    " order by 1, 2, 3 desc" PAGE,
	    "select k.i, k.n, c.enabled, c.action" CHANGED
	    "tandem.feature_code c on c.tenant_id = k.i and c.pattern = k.n order by 1, 2, 3" },
	[DIR_CLASS] = { "class",
	    "select c.tenant_id, c.prefix, c.class = 'premium' from tandem.number_class c"
	    " where (c.tenant_id, c.prefix) > ($1::int, $2) order by 1, 2" PAGE,
	    "select k.i, k.n, c.class = 'premium'" CHANGED
	    "tandem.number_class c on c.tenant_id = k.i and c.prefix = k.n" },
	[DIR_LISTED] = { "listed",
	    "select l.subscriber_id, l.kind || '/' || l.caller, 1 from tandem.caller_list l"
	    " where l.subscriber_id >= $1::bigint"
	    " and (l.subscriber_id, l.kind || '/' || l.caller) > ($1::bigint, $2)"
	    " order by 1, 2" PAGE,
	    "select k.i, k.n, l.subscriber_id" CHANGED
	    "tandem.caller_list l on l.subscriber_id = k.i and l.kind || '/' || l.caller = k.n" },
	[DIR_EMERGENCY] = { "emergency",
	    "select 0, e.country || e.number, 1 from tandem.emergency_number e"
	    " where e.country || e.number > $2 and $1::int = 0 order by 2" PAGE,
	    "select k.i, k.n, e.number" CHANGED
	    "tandem.emergency_number e on e.country || e.number = k.n" },
	[DIR_SPEED] = { "speed",
	    "select x.subscriber_id, x.place::text, x.number from tandem.speed_dial x"
	    " where (x.subscriber_id, x.place::text) > ($1::bigint, $2) order by 1, 2" PAGE,
	    "select k.i, k.n, x.number" CHANGED
	    "tandem.speed_dial x on x.subscriber_id = k.i and x.place::text = k.n" },
	[DIR_RULES] = { "rules",
	    "with page as (select distinct subscriber_id from tandem.forward_rule"
	    " where subscriber_id > $1::bigint and $2::text is not null order by 1" PAGE ")"
	    " select r.subscriber_id, '', " RULE_COLUMNS
	    " from page join tandem.forward_rule r using (subscriber_id)"
	    " order by r.subscriber_id, r.position",
	    "select k.i, '', " RULE_COLUMNS CHANGED
	    "tandem.forward_rule r on r.subscriber_id = k.i order by k.i, r.position" },
	[DIR_SUBSCRIBER_GONE] = { "subscriber_gone", NULL,
	    "select k.i, k.n, " SUBSCRIBER_COLUMNS CHANGED
	    "tandem.subscriber s on s.tenant_id = k.i and s.username = k.n" SUBSCRIBER_TABLES },
};

const char *
dir_page_sql(enum dir_kind kind)
{
	return kinds[kind].page;
}

const char *
dir_change_sql(enum dir_kind kind)
{
	return kinds[kind].changed;
}

const char *
dir_kind_name(enum dir_kind kind)
{
	return kinds[kind].name;
}

const char *
dir_groups_sql(void)
{
	return "select g.tenant_id, g.name, " GROUP_COLUMNS
	       " from tandem.hunt_group_member k join tandem.hunt_group g"
	       " on g.tenant_id = k.tenant_id and g.hunt_group_id = k.hunt_group_id" GROUP_TABLES
	       " where k.subscriber_id = $1::bigint order by g.tenant_id, g.name, m.position";
}

enum err
dir_change_read(const char *payload, struct dir_change *c_r)
{
	struct span word, rest = span_cut(span_str(payload), ':', &word);
	struct span name = SPAN_NONE;
	char *end;
	unsigned k = 0;

	while (k < DIR_KINDS && !span_eq(word, span_str(kinds[k].name)))
		k++;
	if (k == DIR_KINDS || rest.p == NULL)
		return ERR_ABSENT;
	*c_r = (struct dir_change){ .kind = (enum dir_kind)k };
	if (c_r->kind == DIR_DOMAIN) {
		name = rest;
	} else {
		c_r->id = strtoull(rest.p, &end, 10);
		if (end == rest.p || (*end != '\0' && *end != ':'))
			return ERR_ABSENT;
		if (*end == ':')
			name = span_str(end + 1);
	}
	return span_cstr(name, c_r->name, sizeof(c_r->name)) ? ERR_NONE : ERR_RANGE;
}
