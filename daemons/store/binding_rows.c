/*
 * Bindings as rows of tandem.binding and back. A connection does not outlive its front: it is written
 * for whoever reads the table, and left out when the rows are read at a cold start.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

/* $1: the addresses-of-record, $2: their bindings now, $3: this node. Bindings that another node holds
 * are its own. */
const char binding_delete_sql[] =
    "delete from tandem.binding b using jsonb_to_recordset($1::jsonb) k(t int, u text)"
    " where b.tenant_id = k.t and b.username = k.u and b.node in ('', $3) and not exists"
    " (select from jsonb_populate_recordset(null::tandem.binding, $2::jsonb) n"
    " where n.tenant_id = b.tenant_id and n.username = b.username and n.contact = b.contact"
    " and n.instance = b.instance and n.reg_id = b.reg_id)";

#define COLUMNS                                                                                    \
	"tenant_id, username, contact, call_id, cseq, q, instance, reg_id, path, user_agent, "     \
	"node,"                                                                                    \
	" registered_by, registered_at, expires_at, ring_s, transport, listener, conn, peer_ip,"   \
	" peer_port, local_ip, local_port"

const char binding_insert_sql[] =
    "insert into tandem.binding as b (" COLUMNS ") select " COLUMNS
    " from jsonb_populate_recordset(null::tandem.binding, $1::jsonb)"
    " on conflict (tenant_id, username, contact, instance, reg_id) do update set"
    " call_id = excluded.call_id, cseq = excluded.cseq, q = excluded.q, path = excluded.path,"
    " user_agent = excluded.user_agent, node = excluded.node,"
    " registered_by = excluded.registered_by, registered_at = excluded.registered_at,"
    " expires_at = excluded.expires_at, ring_s = excluded.ring_s,"
    " transport = excluded.transport, listener = excluded.listener, conn = excluded.conn,"
    " peer_ip = excluded.peer_ip, peer_port = excluded.peer_port,"
    " local_ip = excluded.local_ip, local_port = excluded.local_port"
    " where b.node in ('', excluded.node) or excluded.registered_at >= b.registered_at";

const char binding_page_sql[] =
    "with page as (select distinct tenant_id, username from tandem.binding"
    " where (tenant_id, username) > ($1::int, $2) and node in ('', $3) order by 1, 2 limit 500)"
    " select b.tenant_id, b.username, b.contact, b.call_id, b.instance, b.path, b.user_agent,"
    " b.node, b.registered_by, b.cseq, b.q, b.reg_id, b.ring_s,"
    " (extract(epoch from b.registered_at) * 1000)::bigint,"
    " (extract(epoch from b.expires_at) * 1000)::bigint, b.transport, b.listener,"
    " host(b.peer_ip), b.peer_port, host(b.local_ip), b.local_port"
    " from page join tandem.binding b using (tenant_id, username) where b.node in ('', $3)"
    " order by b.tenant_id, b.username, b.q desc, b.registered_at desc";

/* --- to rows ------------------------------------------------------------------------------------ */

static void
put_text(struct buf *b, const char *column, struct span s, bool or_null)
{
	buf_printf(b, ",\"%s\":", column);
	if (s.len == 0 && or_null)
		buf_lit(b, "null");
	else
		cdr_put_json(b, CDR_T_TEXT, s);
}

static void
put_number(struct buf *b, const char *column, int64_t v)
{
	buf_printf(b, ",\"%s\":%lld", column, (long long)v);
}

static void
put_time(struct buf *b, const char *column, int64_t wall_ms)
{
	buf_printf(b, ",\"%s\":\"", column);
	clock_put_utc(b, wall_ms);
	buf_char(b, '"');
}

/* inet wants no brackets. */
static void
put_ip(struct buf *b, const char *column, const struct netaddr *a)
{
	char text[80];
	struct buf t = buf_on(text, sizeof(text));
	struct span ip;

	if (a->family == 0) {
		put_text(b, column, SPAN_NONE, true);
		return;
	}
	netaddr_put_ip(&t, a);
	ip = buf_span(&t);
	if (ip.len > 2 && ip.p[0] == '[')
		ip = span_of(ip.p + 1, ip.len - 2);
	span_cut(ip, '%', &ip);
	put_text(b, column, ip, true);
}

static void
put_binding(struct buf *b, struct span user, const struct location *loc, const struct binding *at)
{
	enum sip_transport transport = (enum sip_transport)at->flow.transport;

	buf_str(b, b->len == 0 ? "[{" : ",{");
	buf_printf(b, "\"tenant_id\":%u", loc->tenant);
	put_text(b, "username", user, false);
	put_text(b, "contact", loc_text(loc, at->contact), false);
	put_text(b, "call_id", loc_text(loc, at->call_id), false);
	put_text(b, "instance", loc_text(loc, at->instance), false);
	put_text(b, "path", loc_text(loc, at->path), true);
	put_text(b, "user_agent", loc_text(loc, at->user_agent), true);
	put_text(b, "node", loc_text(loc, at->node), false);
	put_text(b, "registered_by", loc_text(loc, at->registered_by), true);
	put_number(b, "cseq", at->cseq);
	put_number(b, "q", at->q);
	put_number(b, "reg_id", at->reg_id);
	put_number(b, "ring_s", at->ring_s);
	put_time(b, "registered_at", at->registered_ms);
	put_time(b, "expires_at", at->expires_ms);
	put_text(b, "transport",
	    transport > SIP_T_NONE && transport < SIP_N_TRANSPORTS ? sip_transport_param(transport)
								   : SPAN("udp"),
	    false);
	put_number(b, "listener", at->flow.listener);
	put_number(b, "conn", (int64_t)at->flow.conn);
	put_ip(b, "peer_ip", &at->flow.peer);
	put_number(b, "peer_port", at->flow.peer.port);
	put_ip(b, "local_ip", &at->flow.local);
	put_number(b, "local_port", at->flow.local.port);
	buf_char(b, '}');
}

bool
binding_rows_put(struct buf *keys, struct buf *rows, struct span key, const struct location *loc)
{
	size_t keys_before = keys->len, rows_before = rows->len;
	struct span user = span_from(key, sizeof(uint32_t));
	uint32_t tenant = 0;

	memcpy(&tenant, key.p, key.len < sizeof(tenant) ? key.len : sizeof(tenant));
	buf_printf(keys, "%s{\"t\":%u,\"u\":", keys->len == 0 ? "[" : ",", tenant);
	cdr_put_json(keys, CDR_T_TEXT, user);
	buf_char(keys, '}');
	for (unsigned i = 0; loc != NULL && i < loc->n; i++)
		put_binding(rows, user, loc, &loc->bindings[i]);
	/* One byte stays for the closing bracket, one for NUL. */
	if (buf_ok(keys) && buf_ok(rows) && keys->len + 2 <= keys->cap &&
	    rows->len + 3 <= rows->cap)
		return true;
	keys->len = keys_before;
	rows->len = rows_before;
	keys->overrun = rows->overrun = false;
	return false;
}

/* --- and back ----------------------------------------------------------------------------------- */

enum column {
	C_TENANT,
	C_USER,
	C_CONTACT,
	C_CALL_ID,
	C_INSTANCE,
	C_PATH,
	C_USER_AGENT,
	C_NODE,
	C_REGISTERED_BY,
	C_CSEQ,
	C_Q,
	C_REG_ID,
	C_RING_S,
	C_REGISTERED_AT,
	C_EXPIRES_AT,
	C_TRANSPORT,
	C_LISTENER,
	C_PEER_IP,
	C_PEER_PORT,
	C_LOCAL_IP,
	C_LOCAL_PORT
};

static struct span
text(const struct pg_result *res, int row, enum column c)
{
	if (PQgetisnull(res, row, (int)c))
		return SPAN_NONE;
	return span_of(PQgetvalue(res, row, (int)c), (size_t)PQgetlength(res, row, (int)c));
}

static int64_t
number(const struct pg_result *res, int row, enum column c)
{
	return strtoll(PQgetvalue(res, row, (int)c), NULL, 10);
}

static void
read_address(
    const struct pg_result *res, int row, enum column ip, enum column port, struct netaddr *a_r)
{
	if (netaddr_ip(text(res, row, ip), a_r) != ERR_NONE)
		*a_r = (struct netaddr){ 0 };
	else
		a_r->port = (uint16_t)number(res, row, port);
}

static void
read_binding(const struct pg_result *res, int row, struct loc_maker *m)
{
	struct binding b = { .expires_ms = number(res, row, C_EXPIRES_AT),
		.registered_ms = number(res, row, C_REGISTERED_AT),
		.cseq = (uint32_t)number(res, row, C_CSEQ),
		.q = (uint16_t)number(res, row, C_Q),
		.reg_id = (uint16_t)number(res, row, C_REG_ID),
		.ring_s = (uint32_t)number(res, row, C_RING_S) };
	struct loc_binding_text t = { .contact = text(res, row, C_CONTACT),
		.path = text(res, row, C_PATH),
		.call_id = text(res, row, C_CALL_ID),
		.instance = text(res, row, C_INSTANCE),
		.user_agent = text(res, row, C_USER_AGENT),
		.node = text(res, row, C_NODE),
		.registered_by = text(res, row, C_REGISTERED_BY) };

	b.flow.transport = (uint8_t)sip_transport_of(text(res, row, C_TRANSPORT));
	b.flow.listener = (uint8_t)number(res, row, C_LISTENER);
	read_address(res, row, C_PEER_IP, C_PEER_PORT, &b.flow.peer);
	read_address(res, row, C_LOCAL_IP, C_LOCAL_PORT, &b.flow.local);
	loc_add(m, &b, &t);
}

struct span
binding_rows_read(
    const struct pg_result *res, int row, int *next_r, struct loc_buf *b, struct buf *key)
{
	uint32_t tenant = (uint32_t)number(res, row, C_TENANT);
	struct span user = text(res, row, C_USER);
	struct loc_maker m;
	int end = row + 1;

	while (end < PQntuples(res) && (uint32_t)number(res, end, C_TENANT) == tenant &&
	       span_eq(text(res, end, C_USER), user))
		end++;
	*next_r = end;
	if (end - row > LOCATION_BINDINGS_MAX)
		end = row + LOCATION_BINDINGS_MAX; /* the best come first */
	loc_key(key, tenant, user);
	loc_begin(&m, b->words, sizeof(b->words), tenant, (unsigned)(end - row));
	for (int i = row; i < end; i++)
		read_binding(res, i, &m);
	struct span value = loc_end(&m);
	b->len = value.len;
	return value;
}
