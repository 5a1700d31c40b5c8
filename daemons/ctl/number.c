/*
 * Numbers besides the subscribers' own and the groups': each leads to one of four. Which one a key says,
 * and the last key given counts.
 */
#include <string.h>

#include "ctl/ctl.h"

/* $1 the row, $2 the value. */
static const struct leads {
	const char *key, *sql, *hint;
} leads[] = {
	{ "subscriber",
	    "update tandem.did t set kind = 'subscriber', hunt_group_id = null, redirect = null, "
	    "recall_s = null, "
	    "subscriber_id = (select s.subscriber_id from tandem.subscriber s "
	    "where s.tenant_id = t.tenant_id and s.username = $2) where t.did_id = $1",
	    "the name of a subscriber" },
	{ "group",
	    "update tandem.did t set kind = 'group', subscriber_id = null, redirect = null, "
	    "recall_s = null, "
	    "hunt_group_id = (select g.hunt_group_id from tandem.hunt_group g "
	    "where g.tenant_id = t.tenant_id and g.name = $2) where t.did_id = $1",
	    "the name of a group" },
	{ "redirect",
	    "update tandem.did t set kind = 'redirect', subscriber_id = null, hunt_group_id = "
	    "null, "
	    "recall_s = null, redirect = $2 where t.did_id = $1",
	    "a SIP URI, or several with a space between, each perhaps <URI>;q=0.5;expires=60" },
	{ "park",
	    "update tandem.did t set kind = 'park', subscriber_id = null, hunt_group_id = null, "
	    "redirect = null, recall_s = $2::int where t.did_id = $1",
	    "seconds, 5 to 3600, until who parked a call at this number of digits is rung" },
};

static int
lead(struct ctl *c, const char *id, const struct leads *to, const char *value)
{
	PGresult *r;

	if (*value == '\0') /* it must lead somewhere */
		return ctl_refuse(c, "%s: \"\" is not %s", to->key, to->hint);
	r = db_run(c, to->sql, 2, id, value);
	if (!db_good(r))
		return db_refuse(c, r, to->key, value, to->hint);
	PQclear(r);
	return CTL_DONE;
}

static int
to_subscriber(struct ctl *c, const char *id, const char *value)
{
	return lead(c, id, &leads[0], value);
}

static int
to_group(struct ctl *c, const char *id, const char *value)
{
	return lead(c, id, &leads[1], value);
}

static int
to_redirect(struct ctl *c, const char *id, const char *value)
{
	return lead(c, id, &leads[2], value);
}

static int
to_park(struct ctl *c, const char *id, const char *value)
{
	return lead(c, id, &leads[3], value);
}

static const struct key keys[] = {
	{ "subscriber", "user whom the number reaches", KEY_OWN, .apply = to_subscriber },
	{ "group", "group that it reaches", KEY_OWN, .apply = to_group },
	{ "redirect",
	    "where callers are told to call instead (302): a SIP URI, or several with a space "
	    "between, each perhaps <URI>;q=0.5;expires=60",
	    KEY_OWN, .apply = to_redirect },
	{ "park", "calls are parked there: who parked one is rung again after so many seconds",
	    KEY_OWN, .apply = to_park },
	{ .name = NULL },
};

#define FROM                                                                                       \
	"from tandem.did d join tandem.tenant t using (tenant_id) "                                \
	"left join tandem.subscriber s using (tenant_id, subscriber_id) "                          \
	"left join tandem.hunt_group g using (tenant_id, hunt_group_id) "

const struct object number_object = {
	.word = "number",
	.table = "tandem.did",
	.id = "did_id",
	.a_name = "a telephone number, or it is an emergency number",
	.keys = keys,
	/* It leads nowhere for a moment: what it was given for follows in the same transaction. */
	.add = "insert into tandem.did (number, tenant_id, kind, redirect) "
	       "values ($1, $2, 'redirect', 'sip:nowhere.invalid') returning did_id",
	.find = "select did_id from tandem.did where number = $1 and tenant_id = $2",
	.show = "select d.number, t.name as tenant, s.username as subscriber, g.name as group, "
		"d.redirect, d.recall_s as park " FROM "where d.number = $1 and d.tenant_id = $2",
	.del = "delete from tandem.did where did_id = $1",
	.list = "select d.number, t.realm as domain, s.username as subscriber, g.name as group, "
		"d.redirect, d.recall_s as park " FROM "order by t.name, d.number",
};

int
number_add(struct ctl *c, int n, char **words)
{
	unsigned given = 0;

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		given += words_value(n - 1, words + 1, leads[i].key) != NULL;
	if (given != 1)
		return ctl_usage(
		    c, "number add: one of subscriber=, group=, redirect= and park= is needed");
	return object_add(c, n, words);
}
