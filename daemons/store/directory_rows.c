/*
 * How a row of PostgreSQL becomes a record of the directory: of the columns that directory_sql.c asks for.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"
#include "store/row.h"

/* --- a record ----------------------------------------------------------------------------------- */

static const char *const lists[] = { "block", "accept", "priority", "forward", NULL };

static enum err
listed(struct directory *d, uint64_t id, struct span name,
    enum err (*does)(struct directory *d, uint64_t id, enum dir_list list, struct span caller))
{
	struct span kind, caller = span_cut(name, '/', &kind);

	for (unsigned i = 0; lists[i] != NULL; i++)
		if (span_eq(kind, span_str(lists[i])) && caller.len > 0)
			return does(d, id, (enum dir_list)i, caller);
	return ERR_NONE; /* a list of a later time */
}

static enum err
speed(struct directory *d, uint64_t id, struct span place, struct span number)
{
	uint32_t n;

	return span_u32(place, DIR_SPEED_PLACES - 1, &n) == ERR_NONE
		   ? directory_put_speed(d, id, n, number)
		   : ERR_NONE;
}

static void
deleted(struct directory *d, enum dir_kind kind, uint64_t id, struct span name, struct dir_tally *t)
{
	switch (kind) {
	case DIR_TENANT:
		directory_delete_tenant(d, (uint32_t)id);
		break;
	case DIR_DOMAIN:
		directory_delete_domain(d, name);
		break;
	case DIR_GATEWAY:
		directory_delete_gateway(d, id);
		break;
	case DIR_ROUTE:
		directory_delete_route(d, (uint32_t)id, name);
		break;
	case DIR_SUBSCRIBER:
		break; /* its name is told besides: subscriber_gone */
	case DIR_SUBSCRIBER_GONE:
		directory_put_delegates(d, (uint32_t)id, name, NULL, 0);
		if (directory_delete_subscriber(d, (uint32_t)id, name) == ERR_NONE)
			t->subscribers--;
		break;
	case DIR_NUMBER:
		directory_delete_number(d, (uint32_t)id, name);
		break;
	case DIR_CODE:
		directory_delete_code(d, (uint32_t)id, name);
		break;
	case DIR_GROUP:
		directory_delete_group(d, (uint32_t)id, name);
		break;
	case DIR_CLASS:
		directory_delete_class(d, (uint32_t)id, name);
		break;
	case DIR_LISTED:
		listed(d, id, name, directory_delete_listed);
		break;
	case DIR_EMERGENCY:
		directory_delete_emergency(d, name);
		break;
	case DIR_SPEED:
		speed(d, id, name, SPAN_NONE);
		break;
	case DIR_RULES:
		directory_delete_rules(d, id);
		break;
	case DIR_KINDS:
		break;
	}
}

static enum err
put_tenant(struct directory *d, struct row *r)
{
	struct dir_tenant t = { .tenant = (uint32_t)row_number(r, UINT32_MAX) };

	span_cstr(row_text(r), t.name, sizeof(t.name));
	span_cstr(row_text(r), t.realm, sizeof(t.realm));
	t.suspended = row_flag(r, false);
	span_cstr(row_text(r), t.orbit, sizeof(t.orbit));
	span_cstr(row_text(r), t.country, sizeof(t.country));
	zone_read(row_text(r), &t.zone);
	span_cstr(row_text(r), t.voicemail, sizeof(t.voicemail));
	return directory_put_tenant(d, &t);
}

static enum err
put_delegates(struct directory *d, struct row *r, uint32_t tenant, struct span user)
{
	uint64_t ids[DIR_DELEGATES_MAX];
	struct span s = row_text(r);
	uint32_t n = 0;

	for (const char *p = s.p; p != NULL && n < DIR_DELEGATES_MAX;
	     p = *p == ',' ? p + 1 : NULL) {
		char *end;
		ids[n++] = strtoull(p, &end, 10);
		p = end;
	}
	return directory_put_delegates(d, tenant, user, ids, n);
}

static enum err
put_subscriber(struct directory *d, struct row *r, uint64_t id, struct dir_tally *t)
{
	static const char *const algorithms[] = { "md5", "sha256", "sha512_256", NULL };
	static const char *const trusts[] = { "challenge", "binding", "address", NULL };
	static const char *const policies[] = { "replace_oldest", "reject", "single", NULL };
	static const char *const follows[] = { "off", "simultaneous", "sequential", NULL };
	static const char *const notices[] = { "no", "yes", "number", NULL };
	static const char *const barrings[] = { "international", "premium", "outgoing", "incoming",
		NULL };
	struct dir_subscriber s = { .id = id };
	struct dir_subscriber_text x = { 0 };
	struct dir_buf old;

	s.tenant = (uint32_t)row_number(r, UINT32_MAX);
	x.user = row_text(r);
	row_digest(r, s.ha1.md5, sizeof(s.ha1.md5), DIGEST_MD5, &s.ha1);
	row_digest(r, s.ha1.sha256, sizeof(s.ha1.sha256), DIGEST_SHA256, &s.ha1);
	row_digest(r, s.ha1.sha512_256, sizeof(s.ha1.sha512_256), DIGEST_SHA512_256, &s.ha1);
	s.min_algorithm = row_word(r, algorithms);
	x.display_name = row_text(r);
	x.number = row_text(r);
	s.disabled = row_flag(r, false);
	x.cfu = row_text(r);
	x.cfb = row_text(r);
	x.cfnr = row_text(r);
	x.cfnrc = row_text(r);
	s.cfnr_timeout_s = (uint16_t)row_number(r, UINT16_MAX);
	s.dnd = row_flag(r, false);
	s.call_waiting = row_flag(r, true);
	s.call_limit = (uint16_t)row_number(r, UINT16_MAX);
	s.clir = row_flag(r, false);
	s.acr = row_flag(r, false);
	s.barring = row_bits(r, barrings);
	x.pickup_group = row_text(r);
	s.trust = row_word(r, trusts);
	s.max_contacts = (uint8_t)row_number(r, UINT8_MAX);
	s.contact_policy = row_word(r, policies);
	s.notify_caller = row_word(r, notices);
	s.follow_me = row_word(r, follows);
	x.follow_me_numbers = row_text(r);
	s.mailbox.new_messages = row_number(r, INT32_MAX);
	s.mailbox.old_messages = row_number(r, INT32_MAX);
	s.mailbox.urgent_new = row_number(r, INT32_MAX);
	s.mailbox.urgent_old = row_number(r, INT32_MAX);
	x.cfs = row_text(r);
	s.lists = row_bits(r, lists);
	x.hotline = row_text(r);
	s.hotline_immediate = row_flag(r, false);
	s.identity = (uint8_t)row_number(r, UINT8_MAX);
	s.rules = row_flag(r, false);
	bool is_new = directory_subscriber(d, s.tenant, x.user, &old) == NULL;
	enum err e = directory_put_subscriber(d, &s, &x);
	t->subscribers += e == ERR_NONE && is_new;
	return e != ERR_NONE ? e : put_delegates(d, r, s.tenant, x.user);
}

static enum err
put_gateway(struct directory *d, struct row *r, uint64_t id)
{
	struct dir_gateway g = { .id = id, .tenant = (uint32_t)row_number(r, UINT32_MAX) };
	struct dir_gateway_text x = { .name = row_text(r), .host = row_text(r) };

	g.port = (uint16_t)row_number(r, UINT16_MAX);
	g.transport = (uint8_t)sip_transport_of(row_text(r));
	g.trusted = row_flag(r, true);
	g.transit = row_flag(r, false);
	x.proxy = row_text(r);
	g.isup = row_flag(r, false);
	g.decline_as_busy = row_flag(r, false);
	x.user = row_text(r);
	x.secret = row_text(r);
	x.realm = row_text(r);
	g.bill_unacked = row_flag(r, false);
	/* A host that is no literal is a name: the address stays empty. */
	if (netaddr_ip(x.host, &g.address) != ERR_NONE)
		g.address = (struct netaddr){ 0 };
	g.address.port = g.address.family == 0 ? 0 : g.port;
	return directory_put_gateway(d, &g, &x);
}

/* The rows of one prefix, best first; *next_r: the row behind them. */
static enum err
put_routes(struct directory *d, struct row r, struct span prefix, int *next_r)
{
	struct dir_route route = { 0 };
	struct row key = r;
	uint32_t tenant;

	key.column = 0;
	tenant = (uint32_t)row_number(&key, UINT32_MAX);
	for (; r.n < PQntuples(r.res); r.n++) {
		struct row same = { r.res, r.n, 0 };
		if (row_number(&same, UINT32_MAX) != tenant || !span_eq(row_text(&same), prefix))
			break;
		if (route.n == DIR_ROUTES_MAX)
			continue;
		route.routes[route.n].gateway = row_number(&same, UINT64_MAX);
		route.routes[route.n].priority = (uint32_t)row_number(&same, UINT32_MAX);
		route.routes[route.n].strip = (uint16_t)row_number(&same, UINT16_MAX);
		span_cstr(row_text(&same), route.routes[route.n].add, sizeof(route.routes[0].add));
		span_cstr(
		    row_text(&same), route.routes[route.n].name, sizeof(route.routes[0].name));
		route.n++;
	}
	*next_r = r.n;
	return directory_put_route(d, tenant, prefix, &route);
}

/* The rows of one group, a member each, in their order; *next_r: the row behind them. */
static enum err
put_group(struct directory *d, struct row r, struct span name, int *next_r)
{
	static const char *const modes[] = { "ring_all", "linear", "circular", "longest_idle",
		"weighted", NULL };
	static const char *const features[] = { "ignore", "follow", NULL };
	struct row key = { r.res, r.n, 0 };
	struct dir_group_text x = { .name = name };
	struct dir_group g = { .tenant = (uint32_t)row_number(&key, UINT32_MAX) };

	g.id = (uint32_t)row_number(&r, UINT32_MAX);
	g.mode = row_word(&r, modes);
	g.follow = row_word(&r, features);
	g.ring_s = (uint16_t)row_number(&r, UINT16_MAX);
	g.overflow_s = (uint16_t)row_number(&r, UINT16_MAX);
	x.number = row_text(&r);
	x.overflow = row_text(&r);
	for (int column = r.column; r.n < PQntuples(r.res); r.n++) {
		struct row same = { r.res, r.n, 0 };
		struct span user;
		if (row_number(&same, UINT32_MAX) != g.tenant || !span_eq(row_text(&same), name))
			break;
		same.column = column;
		user = row_text(&same);
		if (user.p == NULL || g.n == DIR_MEMBERS_MAX)
			continue;
		x.members[g.n] = user;
		g.members[g.n].weight = (uint16_t)row_number(&same, UINT16_MAX);
		g.members[g.n++].logged_in = row_flag(&same, true);
	}
	*next_r = r.n;
	return directory_put_group(d, &g, &x);
}

/* The rules of one subscriber, in their order; *next_r: the row behind them. */
static enum err
put_rules(struct directory *d, struct row r, uint64_t id, int *next_r)
{
	static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };
	static const char *const priorities[] = { "normal", "non-urgent", "urgent", "emergency",
		NULL };
	struct dir_rules all = { 0 };
	struct dir_rules_text x = { 0 };

	for (; r.n < PQntuples(r.res); r.n++) {
		struct row same = { r.res, r.n, 0 };
		struct dir_rule *rule = &all.rules[all.n];
		if (row_number(&same, UINT64_MAX) != id)
			break;
		if (all.n == DIR_RULES_MAX)
			continue;
		same.column = r.column;
		rule->position = (uint8_t)row_number(&same, UINT8_MAX);
		x.to[all.n] = row_text(&same);
		x.callers[all.n++] = row_text(&same);
		rule->hours.days = row_bits(&same, days);
		rule->priorities = row_bits(&same, priorities);
		rule->timed = row_flag(&same, false);
		rule->hours.from_min = (uint16_t)row_number(&same, UINT16_MAX);
		rule->hours.to_min = (uint16_t)row_number(&same, UINT16_MAX);
		rule->hours.from_day = (uint32_t)row_number(&same, HOURS_ANY_DAY);
		rule->hours.to_day = (uint32_t)row_number(&same, HOURS_ANY_DAY);
	}
	*next_r = r.n;
	return directory_put_rules(d, id, &all, &x);
}

static enum err
put_number(struct directory *d, struct row *r, uint32_t tenant, struct span digits)
{
	static const char *const words[] = { "subscriber", "group", "redirect", "park", NULL };
	enum dir_number_kind kind = (enum dir_number_kind)row_word(r, words);

	return directory_put_number(d, tenant, digits, kind, row_text(r));
}

/* One that is switched off is there, and does nothing: or that of all tenants would act. */
static enum err
put_code(struct directory *d, struct row *r, uint32_t tenant, struct span pattern)
{
	bool enabled = row_flag(r, true);
	struct span action = row_text(r);

	return directory_put_code(d, tenant, pattern, enabled ? action : SPAN_NONE);
}

static enum err
put_row(struct directory *d, enum dir_kind kind, struct row *r, struct dir_tally *t)
{
	struct row key = { r->res, r->n, 0 };
	uint64_t id = row_number(&key, UINT64_MAX);
	struct span name = row_text(&key);

	switch (kind) {
	case DIR_TENANT:
		return put_tenant(d, r);
	case DIR_DOMAIN:
		return directory_put_domain(d, name, (uint32_t)row_number(r, UINT32_MAX));
	case DIR_GATEWAY:
		return put_gateway(d, r, id);
	case DIR_SUBSCRIBER:
		return put_subscriber(d, r, id, t);
	case DIR_NUMBER:
		return put_number(d, r, (uint32_t)id, name);
	case DIR_CODE:
		return put_code(d, r, (uint32_t)id, name);
	case DIR_CLASS:
		return directory_put_class(d, (uint32_t)id, name, row_flag(r, false));
	case DIR_LISTED:
		return listed(d, id, name, directory_put_listed);
	case DIR_EMERGENCY:
		return directory_put_emergency(d, name);
	case DIR_SPEED:
		return speed(d, id, name, row_text(r));
	case DIR_ROUTE:
	case DIR_GROUP:
	case DIR_RULES:
	case DIR_SUBSCRIBER_GONE:
	case DIR_KINDS:
		break;
	}
	return ERR_NONE;
}

void
dir_rows(struct directory *d, enum dir_kind kind, const struct pg_result *res, struct dir_tally *t)
{
	int rows = PQntuples(res), next;

	for (int i = 0; i < rows; i = next) {
		struct row r = { res, i, 0 };
		uint64_t id = row_number(&r, UINT64_MAX);
		struct span name = row_text(&r);
		enum err e = ERR_NONE;
		next = i + 1;
		if (PQgetisnull(res, i, 2))
			deleted(d, kind, id, name, t);
		else if (kind == DIR_ROUTE)
			e = put_routes(d, r, name, &next);
		else if (kind == DIR_GROUP)
			e = put_group(d, r, name, &next);
		else if (kind == DIR_RULES)
			e = put_rules(d, r, id, &next);
		else
			e = put_row(d, kind, &r, t);
		if (e != ERR_NONE && !t->full)
			log_error(
			    "the directory does not take a row: limits.subscribers may be too low",
			    LOG_STR("kind", dir_kind_name(kind)), LOG_U64("id", id),
			    LOG_SPAN("name", name), LOG_STR("error", err_name(e)));
		t->full = t->full || e == ERR_FULL;
	}
}

bool
dir_last(const struct pg_result *res, struct dir_cursor *cursor_r)
{
	struct row r = { res, PQntuples(res) - 1, 0 };

	if (r.n < 0)
		return false;
	span_cstr(row_text(&r), cursor_r->id, sizeof(cursor_r->id));
	span_cstr(row_text(&r), cursor_r->name, sizeof(cursor_r->name));
	return true;
}
