/* Gateways: the other exchanges and the ways to the telephone network. */
#include "ctl/ctl.h"

static const struct key keys[] = {
	{ "host", "host name or address", KEY_TEXT, "a host name or an address", "$2" },
	{ "port", "port, 1 to 65535 (default: the transport's)", KEY_TEXT, "a port, 1 to 65535",
	    KEY_NULL "::int" },
	{ "transport", "udp, tcp or tls", KEY_WORD, "udp, tcp or tls",
	    KEY_NULL "::tandem.transport" },
	{ "trusted", "its calls need no password, the numbers it gives are believed (default on)",
	    KEY_FLAG, NULL, KEY_OR("boolean", "true") },
	{ "transit", "its calls to numbers that are not ours may leave by a route (default off)",
	    KEY_FLAG, NULL, KEY_OR("boolean", "false") },
	{ "outbound_proxy",
	    "where its calls are sent first: a SIP URI, or a host and perhaps a port", KEY_TEXT,
	    "a SIP URI, or a host and perhaps a port", KEY_NULL },
	{ "isup",
	    "it takes ISUP and QSIG beside the session description, SIP-I or SIP-T (default off)",
	    KEY_FLAG, NULL, KEY_OR("boolean", "false") },
	{ "decline_as_busy", "its calls that are declined (603) are busy (486) to it (default off)",
	    KEY_FLAG, NULL, KEY_OR("boolean", "false") },
	{ "bill_unacked",
	    "it charges for a call though the caller never confirmed the answer (default off)",
	    KEY_FLAG, NULL, KEY_OR("boolean", "false") },
	{ .name = "user",
	    .help = "who we are to it when it asks for a name and a password",
	    .kind = KEY_TEXT,
	    .hint = "a name without quotes, backslashes or control characters",
	    .value = KEY_NULL,
	    .column = "auth_user" },
	{ .name = "password",
	    .help = "and the password; it is not shown again",
	    .kind = KEY_TEXT,
	    .hint = "a password of up to 128 characters",
	    .value = KEY_NULL,
	    .column = "auth_password" },
	{ "realm",
	    "the only realm in which it may ask for them (default: that of its first question)",
	    KEY_TEXT, "a realm without quotes, backslashes or control characters", KEY_NULL },
	{ .name = NULL },
};

const struct object gateway_object = {
	.word = "gateway",
	.table = "tandem.gateway",
	.id = "gateway_id",
	.a_name = "a name without spaces or @",
	.needs = "host",
	.keys = keys,
	/* The name is made with a host that is right; a wrong one is then the key's fault. */
	.add = "insert into tandem.gateway (name, tenant_id, host) values ($1, $2, 'invalid') "
	       "returning gateway_id",
	.find = "select gateway_id from tandem.gateway where name = $1 and tenant_id = $2",
	.show = "select g.name, t.name as tenant, g.gateway_id, g.host, g.port, g.transport, "
		"g.trusted, g.transit, g.outbound_proxy, g.isup, g.decline_as_busy, "
		"g.bill_unacked, g.auth_user as user, case when g.auth_password is not null then "
		"'set' end as "
		"password, g.realm, "
		"(select string_agg(r.name, ',' order by r.prefix, r.priority) "
		"from tandem.route r where r.gateway_id = g.gateway_id) as routes "
		"from tandem.gateway g join tandem.tenant t using (tenant_id) "
		"where g.name = $1 and g.tenant_id = $2",
	.del = "delete from tandem.gateway where gateway_id = $1",
	.list = "select g.name, t.realm as domain, g.host, g.port, g.transport, g.trusted, "
		"g.transit from tandem.gateway g join tandem.tenant t using (tenant_id) "
		"order by t.name, g.name",
};
