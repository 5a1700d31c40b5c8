/*
 * Subscribers: who they are, and what services they have switched on. Their own is the password: it
 * is given or made, and kept as digests of it with the name and the realm.
 */
#include "base/buf.h"
#include "ctl/ctl.h"

#define SERVICE	    "tandem.subscriber_service"
#define DESTINATION "a number or a SIP URI"

static int
callers_put(struct ctl *c, const char *id, const char *list, const char *key, const char *value)
{
	PGresult *r = db_run(c, "select tandem.callers_set($1::bigint, $2::tandem.caller_kind, $3)",
	    3, id, list, value);

	if (!db_good(r))
		return db_refuse(c, r, key, value,
		    "a list of numbers, beginnings of numbers (0049*), users or anonymous");
	PQclear(r);
	return CTL_DONE;
}

/* [DELAY[+RING]/]NUMBER, comma between. */
static int
follow_me_put(struct ctl *c, const char *id, const char *value)
{
	PGresult *r =
	    db_run(c, "delete from tandem.follow_me_number where subscriber_id = $1", 1, id);

	if (db_good(r)) {
		PQclear(r);
		r = db_run(c,
		    "insert into tandem.follow_me_number (tenant_id, subscriber_id, position, "
		    "number, "
		    "delay_s, ring_s) select s.tenant_id, s.subscriber_id, u.place, m[3], "
		    "coalesce(m[1]::int, 0), m[2]::int from tandem.subscriber s, "
		    "unnest(string_to_array($2, ',')) with ordinality u (x, place), "
		    "regexp_match(trim(u.x), '^(?:(\\d{1,4})(?:\\+(\\d{1,4}))?/)?(.*)$') m "
		    "where s.subscriber_id = $1",
		    2, id, value);
	}
	if (!db_good(r))
		return db_refuse(c, r, "follow_me_numbers", value,
		    "a list of up to 8 numbers or SIP URIs, each perhaps as DELAY/NUMBER or "
		    "DELAY+SECONDS/NUMBER, 300 at most");
	PQclear(r);
	return CTL_DONE;
}

static int
block_put(struct ctl *c, const char *id, const char *value)
{
	return callers_put(c, id, "block", "block", value);
}

static int
accept_put(struct ctl *c, const char *id, const char *value)
{
	return callers_put(c, id, "accept", "accept", value);
}

static int
priority_put(struct ctl *c, const char *id, const char *value)
{
	return callers_put(c, id, "priority", "priority", value);
}

static int
cfs_callers_put(struct ctl *c, const char *id, const char *value)
{
	return callers_put(c, id, "forward", "cfs_callers", value);
}

static int
cfs_rules_put(struct ctl *c, const char *id, const char *value)
{
	PGresult *r = db_run(c, "select tandem.forward_rules_set($1::bigint, $2)", 2, id, value);

	if (!db_good(r))
		return db_refuse(c, r, "cfs_rules", value,
		    "a list of up to 8 rules with | between, as mon-fri 18:00-08:00 to=NUMBER");
	PQclear(r);
	return CTL_DONE;
}

static int
speed_dial_put(struct ctl *c, const char *id, const char *value)
{
	PGresult *r = db_run(c, "select tandem.speed_set($1::bigint, $2)", 2, id, value);

	if (!db_good(r))
		return db_refuse(c, r, "speed_dial", value,
		    "PLACE:NUMBER, comma between, a place of 0 to 99 each once");
	PQclear(r);
	return CTL_DONE;
}

static int
pin_put(struct ctl *c, const char *id, const char *value)
{
	PGresult *r = db_run(c, "select tandem.pin_set($1::bigint, $2)", 2, id, value);

	if (!db_good(r))
		return db_refuse(c, r, "pin", "", NULL);
	PQclear(r);
	return CTL_DONE;
}

static const struct key keys[] = {
	{ "display_name", "what the called party is shown: text", KEY_TEXT,
	    "text of 1 to 128 bytes without control characters", KEY_NULL },
	{ "number", "telephone number, shown to the called party and dialled to reach this one",
	    KEY_TEXT, "a telephone number, or it is an emergency number", KEY_NULL },
	{ "disabled", "no registration, no calls", KEY_FLAG, NULL, KEY_OR("boolean", "false") },
	{ "cfu", "forward every call to this number or SIP URI", KEY_TEXT, DESTINATION, KEY_NULL,
	    SERVICE },
	{ "cfb", "forward when busy to this number or SIP URI", KEY_TEXT, DESTINATION, KEY_NULL,
	    SERVICE },
	{ "cfnr", "forward when nobody answers to this number or SIP URI", KEY_TEXT, DESTINATION,
	    KEY_NULL, SERVICE },
	{ "cfnrc", "forward when no phone can be reached to this number or SIP URI", KEY_TEXT,
	    DESTINATION, KEY_NULL, SERVICE },
	{ "cfs", "forward the calls of cfs_callers to this number or SIP URI", KEY_TEXT,
	    DESTINATION, KEY_NULL, SERVICE },
	{ "cfs_callers",
	    "whose calls cfs forwards: numbers, 0049*, users or anonymous, comma between", KEY_OWN,
	    .apply = cfs_callers_put },
	{ "cfs_rules",
	    "[DAYS] [HH:MM-HH:MM] [DATE..DATE] [from=CALLERS] [priority=WORDS] to=NUMBER, | "
	    "between: "
	    "the first whose conditions hold forwards the call",
	    KEY_OWN, .apply = cfs_rules_put },
	{ "block", "callers who are rejected: as cfs_callers", KEY_OWN, .apply = block_put },
	{ "accept", "callers who alone are not rejected: as cfs_callers", KEY_OWN,
	    .apply = accept_put },
	{ "priority", "callers for whom the phone sounds otherwise: as cfs_callers", KEY_OWN,
	    .apply = priority_put },
	{ "lists_off", "lists that do not act: block, accept, priority, forward", KEY_TEXT,
	    "a list of block, accept, priority, forward",
	    "coalesce((select array_agg(distinct trim(b)::tandem.caller_kind) "
	    "from unnest(string_to_array($2, ',')) b), '{}')",
	    SERVICE },
	{ "cfnr_timeout", "seconds the phone rings before cfnr, 1 to 600", KEY_TEXT,
	    "a number of seconds, 1 to 600", KEY_NULL "::int", SERVICE },
	{ "notify_caller",
	    "a caller is told that the call is sent on: no (default), yes or number (and where to)",
	    KEY_WORD, "no, yes or number", KEY_OR("tandem.notify_caller", "'no'"), SERVICE },
	{ "follow_me",
	    "the numbers below ring too: off (default), simultaneous or sequential (in place of "
	    "whoever rang)",
	    KEY_WORD, "off, simultaneous or sequential", KEY_OR("tandem.follow_me", "'off'"),
	    SERVICE },
	{ "follow_me_numbers", "[DELAY[+RING]/]NUMBER, comma between: seconds after the call came",
	    KEY_OWN, .apply = follow_me_put },
	{ "dnd", "do not disturb", KEY_FLAG, NULL, KEY_OR("boolean", "false"), SERVICE },
	{ "call_waiting", "a second call rings too (default on)", KEY_FLAG, NULL,
	    KEY_OR("boolean", "true"), SERVICE },
	{ "call_limit", "calls at once, both directions, 1 to 1000; 0 is no limit (default)",
	    KEY_TEXT, "a number of calls, 0 to 1000", KEY_OR("int", "0"), SERVICE },
	{ "clir", "withhold my number", KEY_FLAG, NULL, KEY_OR("boolean", "false"), SERVICE },
	{ "clip", "the phone is shown who calls (default on)", KEY_FLAG, NULL,
	    KEY_OR("boolean", "true"), SERVICE },
	{ "colp", "when calling, show me who answered", KEY_FLAG, NULL, KEY_OR("boolean", "false"),
	    SERVICE },
	{ "colr", "do not show that I answered", KEY_FLAG, NULL, KEY_OR("boolean", "false"),
	    SERVICE },
	{ "acr", "reject callers who withhold theirs", KEY_FLAG, NULL, KEY_OR("boolean", "false"),
	    SERVICE },
	{ "barring",
	    "what may not be called or received: a list of international, premium, outgoing, "
	    "incoming",
	    KEY_TEXT, "a list of international, premium, outgoing, incoming",
	    "coalesce((select array_agg(distinct trim(b)::tandem.barring) "
	    "from unnest(string_to_array($2, ',')) b), '{}')",
	    SERVICE },
	{ "pin",
	    "4 to 8 digits with which the subscriber switches barring by code; empty: he cannot",
	    KEY_OWN, .apply = pin_put },
	{ "hotline", "the number or user that the phone calls by itself", KEY_TEXT,
	    "a number or a user's name", KEY_NULL, SERVICE },
	{ "hotline_mode",
	    "when: delayed (nothing was dialled; default) or immediate (whatever is dialled)",
	    KEY_WORD, "delayed or immediate", KEY_OR("tandem.hotline_mode", "'delayed'"), SERVICE },
	{ "speed_dial",
	    "PLACE:NUMBER, comma between: short numbers, 0 to 99, and what they stand for", KEY_OWN,
	    .apply = speed_dial_put },
	{ "pickup_group", "name of the group whose members pick up each other's calls", KEY_TEXT,
	    "a name without spaces or @", KEY_NULL, SERVICE },
	{ "trust",
	    "whose requests need no password: challenge (nobody's; default), binding or address",
	    KEY_WORD, "challenge, binding or address", KEY_OR("tandem.trust", "'challenge'"),
	    SERVICE },
	{ "max_contacts",
	    "phones that may register, 1 to 16; 0 is the configuration's number (default)",
	    KEY_TEXT, "a number of contacts, 0 to 16", KEY_OR("int", "0"), SERVICE },
	{ "contact_policy",
	    "what becomes of one phone more: replace-oldest (default), reject or single", KEY_WORD,
	    "replace-oldest, reject or single", KEY_OR("tandem.contact_policy", "'replace_oldest'"),
	    SERVICE },
	{ "min_algorithm", "the weakest digest taken: md5 (default), sha256 or sha512-256",
	    KEY_WORD, "md5, sha256 or sha512-256", KEY_OR("tandem.min_algorithm", "'md5'") },
	{ .name = NULL },
};

void
subscriber_insert_sql(struct buf *b, const char *columns, const char *values)
{
	buf_lit(b, "insert into tandem.subscriber "
		   "(tenant_id, username, ha1_md5, ha1_sha256, ha1_sha512_256");
	buf_str(b, columns);
	buf_lit(b, ") values ($1, $2, decode($3, 'hex'), decode($4, 'hex'), decode($5, 'hex')");
	buf_str(b, values);
	buf_lit(b, ") returning subscriber_id");
	buf_char(b, '\0');
	must(buf_ok(b));
}

int
subscriber_insert(struct ctl *c, const struct name *name, const char *password, char id_r[ID_MAX])
{
	char sql[512];
	struct buf b = buf_on(sql, sizeof(sql));
	struct password_ha1 ha1;
	PGresult *r;

	password_ha1(name, password, &ha1);
	subscriber_insert_sql(&b, "", "");
	r = db_run(c, sql, 5, name->tenant, name->text, ha1.md5, ha1.sha256, ha1.sha512_256);
	if (!db_good(r))
		return db_refuse(c, r, "user", name->text, subscriber_object.a_name);
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
		status = key_set(c, id, "display_name", c->name);
	return status == CTL_DONE ? keys_set(c, id, n, words) : status;
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
	if ((status = object_begin(c, words[0], &name)) != CTL_DONE ||
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
	if ((status = object_change(c, words[0], &name, id)) != CTL_DONE ||
	    (given && (status = password_put(c, id, &name, password)) != CTL_DONE) ||
	    (status = keys_put(c, id, n - 1, words + 1)) != CTL_DONE)
		return status;
	return db_do(c, "commit");
}

#define FOLLOW_ME                                                                                  \
	"(select string_agg(f.delay_s || coalesce('+' || f.ring_s, '') || '/' || f.number, ',' "   \
	"order by f.position) from tandem.follow_me_number f "                                     \
	"where f.subscriber_id = s.subscriber_id) as follow_me_numbers"
#define FROM                                                                                       \
	" from tandem.subscriber s join tandem.tenant t using (tenant_id) "                        \
	"join tandem.subscriber_service v using (tenant_id, subscriber_id) "

const struct object subscriber_object = {
	.word = "subscriber",
	.table = "tandem.subscriber",
	.id = "subscriber_id",
	.a_name = "a name of 1 to 64 bytes without spaces or @<>\"\\%:;?, "
		  "not beginning with * or #, and no emergency number",
	.keys = keys,
	.find = "select subscriber_id from tandem.subscriber "
		"where username = $1 and tenant_id = $2",
	.show =
	    "select s.username as user, t.name as tenant, t.realm, s.subscriber_id, "
	    "s.display_name, s.number, s.disabled, v.cfu, v.cfb, v.cfnr, v.cfnrc, "
	    "v.cfnr_timeout, v.notify_caller, v.follow_me, " FOLLOW_ME
	    ", v.cfs, tandem.callers_of(s.subscriber_id, 'forward') "
	    "as cfs_callers, tandem.forward_rules_of(s.subscriber_id) as cfs_rules, "
	    "tandem.callers_of(s.subscriber_id, 'block') as block, "
	    "tandem.callers_of(s.subscriber_id, 'accept') as accept, "
	    "tandem.callers_of(s.subscriber_id, 'priority') as priority, "
	    "array_to_string(v.lists_off, ',') as lists_off, v.dnd, v.call_waiting, v.call_limit, "
	    "v.clir, v.clip, v.colp, v.colr, v.acr, "
	    "array_to_string(v.barring, ',') as barring, "
	    "(select case when p.failures < 3 then 'set' else 'blocked' end from "
	    "tandem.barring_pin p "
	    "where p.subscriber_id = s.subscriber_id) as pin, "
	    "tandem.speed_of(s.subscriber_id) as speed_dial, v.hotline, v.hotline_mode, "
	    "v.pickup_group, v.trust, "
	    "v.max_contacts, " WORD_SHOWN("v.contact_policy") " as contact_policy, " WORD_SHOWN(
		"s.min_algorithm") " as min_algorithm" FROM
				   "where s.username = $1 and s.tenant_id = $2",
	.del = "delete from tandem.subscriber where subscriber_id = $1",
	.list = "select s.username as user, t.realm as domain, s.display_name, s.number, "
		"s.disabled, v.dnd, v.cfu, v.cfb, v.cfnr, v.cfnrc" FROM
		"where $1::text is null or s.tenant_id = "
		"(select d.tenant_id from tandem.domain d where d.domain = lower($1)) "
		"order by t.name, s.username",
};
