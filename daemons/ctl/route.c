/* Routes: which numbers go to which gateway, and how they are written there. */
#include "ctl/ctl.h"

static const struct key keys[] = {
	{ "prefix", "how the number begins; empty is every number, the longest that fits wins",
	    KEY_TEXT, "the beginning of a number", "$2" },
	{ "gateway", "where the call goes", KEY_TEXT, "the name of a gateway",
	    "(select g.gateway_id from tandem.gateway g "
	    "where g.tenant_id = t.tenant_id and g.name = $2)",
	    .column = "gateway_id" },
	{ "priority", "among routes that fit the lowest is tried first, 0 to 65535 (default 100)",
	    KEY_TEXT, "a number, 0 to 65535", KEY_OR("int", "100") },
	{ "strip", "how many digits are taken off, 0 to 32", KEY_TEXT,
	    "a number of digits, 0 to 32", KEY_OR("int", "0") },
	{ "add", "digits put in front after that, perhaps with +", KEY_TEXT,
	    "digits, 22 at most, perhaps with + in front", "$2" },
	{ .name = NULL },
};

#define FROM                                                                                       \
	"from tandem.route r join tandem.tenant t using (tenant_id) "                              \
	"join tandem.gateway g using (gateway_id) "

const struct object route_object = {
	.word = "route",
	.table = "tandem.route",
	.id = "route_id",
	.a_name = "a name of at most 47 bytes without spaces or @",
	.needs = "gateway",
	.needs_column = "gateway_id",
	.keys = keys,
	.add = "insert into tandem.route (name, tenant_id, gateway_id) values ($1, $2, "
	       "(select gateway_id from tandem.gateway where tenant_id = $2 and name = $3)) "
	       "returning route_id",
	.find = "select route_id from tandem.route where name = $1 and tenant_id = $2",
	.show = "select r.name, t.name as tenant, r.prefix, g.name as gateway, r.priority, "
		"r.strip, r.add " FROM "where r.name = $1 and r.tenant_id = $2",
	.del = "delete from tandem.route where route_id = $1",
	.list = "select r.name, t.realm as domain, r.prefix, g.name as gateway, r.priority, "
		"r.strip, r.add " FROM "order by t.name, r.prefix, r.priority, r.name",
};
