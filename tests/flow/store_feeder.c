/*
 * Stand-ins for the store's neighbours, told what to do by datagrams, so that its tests need no call
 * and no phone. Its role is the name it is called by; its socket is FEED_DIR/NAME (worker.0,
 * registrar.0). Answers go back to the sender.
 *
 * A worker:
 *     calls FROM TO     sends a closed record for each of these calls, as the ring has room
 *     open N            sends the setup of call N
 *     bad N             sends a closed record that no constraint lets in
 *     sent              answers how many records it sent
 *     user USER | number N | route N | domain D    answers what the directory says, or "-"
 * A registrar, whose table is in its region as the real one's is:
 *     put USER URI SECONDS | delete USER      changes the table and tells the store
 *     has USER          answers the contact, or "-"
 *     loaded            answers 1 once LOAD_DONE has come
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "ipc/child.h"
#include "model/cdr.h"
#include "model/directory.h"
#include "model/location.h"
#include "model/registrar_shape.h"
#include "model/uuid.h"

struct work { /* in the region, so that a feeder that is started again goes on */
	uint64_t next, to, sent;
};

static struct child c;
static struct work *work;
static struct locations locations;
static struct registrar_head *head;
static int sock = -1;

static void
open_socket(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", getenv("FEED_DIR"), name);
	unlink(a.sun_path);
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&a, sizeof(a)) != 0)
		fatal(0, "cannot listen on %s", a.sun_path);
}

/* --- worker -------------------------------------------------------------------------------------*/

static bool
send_call(uint64_t n, enum cdr_kind kind, bool bad)
{
	struct ring *out = child_out(&c, ROLE_STORE, 0);
	struct wire_cdr *r = ring_reserve(out, WIRE_CDR, sizeof(*r) + 4096);
	struct cdr_writer w;
	uint8_t id[16] = { 0 }, segment[16];

	if (r == NULL)
		return false;
	struct buf b = buf_on(r->data, 4096);
	memcpy(id, &n, sizeof(n));
	id[15] = (uint8_t)c.index;
	uuid_of_segment(segment, id, 1);
	cdr_begin(&w, &b, kind);
	cdr_part(&w, CDR_P_CALL);
	cdr_uuid(&w, CDR_CALL_call_id, id);
	cdr_int(&w, CDR_CALL_tenant_id, 1);
	cdr_time(&w, CDR_CALL_setup_at, c.clock.wall_ms - 1000);
	cdr_time(&w, CDR_CALL_end_at, kind == CDR_CLOSED ? c.clock.wall_ms : 0);
	cdr_word(&w, CDR_CALL_direction, "internal");
	cdr_bool(&w, CDR_CALL_closed, kind == CDR_CLOSED);
	cdr_part(&w, CDR_P_SEGMENT);
	cdr_uuid(&w, CDR_SEGMENT_cdr_id, segment);
	cdr_int(&w, CDR_SEGMENT_seq, 1);
	cdr_int(&w, CDR_SEGMENT_tenant_id, 1);
	cdr_word(&w, CDR_SEGMENT_payer_kind, bad ? "the milkman" : "subscriber");
	cdr_int(&w, CDR_SEGMENT_payer_account_id, 1);
	cdr_text(&w, CDR_SEGMENT_calling_name, SPAN("\"Bob\" O'Neil \\ \xc3\xa9"));
	cdr_time(&w, CDR_SEGMENT_start_at, c.clock.wall_ms - 1000);
	cdr_time(&w, CDR_SEGMENT_end_at, kind == CDR_CLOSED ? c.clock.wall_ms : 0);
	cdr_text(&w, CDR_SEGMENT_in_ip, SPAN("2001:db8::1"));
	cdr_part(&w, CDR_P_LEG);
	cdr_int(&w, CDR_LEG_seq, 1);
	cdr_int(&w, CDR_LEG_leg_no, 0);
	cdr_word(&w, CDR_LEG_direction, "in");
	if (!cdr_end(&w))
		fatal(0, "record");
	*r = (struct wire_cdr){ .len = (uint32_t)b.len };
	ring_commit(out, (uint32_t)(sizeof(*r) + b.len));
	work->sent++;
	return true;
}

/* Setting `next` and publishing is not one step: a feeder is not what these tests kill. */
static void
send_calls(void)
{
	while (work->next < work->to && send_call(work->next, CDR_CLOSED, false))
		work->next++;
}

/* From the store's region, as a worker reads it; tenant 1. */
static bool
ask_directory(const char *line, struct buf *answer)
{
	static struct directory d;
	struct dir_buf room;
	char what[16], key[128] = "";
	uint32_t tenant;
	size_t size;
	const char *mem = child_region(&c, proc_of(ROLE_STORE, 0), &size);

	if (sscanf(line, "%15s %127s", what, key) < 1 || mem == NULL)
		return false;
	if (d.head == NULL &&
	    directory_open(&d, mem + PROCESS_HEAD, size - PROCESS_HEAD) != ERR_NONE)
		return false;
	if (strcmp(what, "user") == 0) {
		const struct dir_subscriber *s = directory_subscriber(&d, 1, span_str(key), &room);
		if (s != NULL)
			buf_printf(answer,
			    "id=%llu dnd=%u limit=%u bar=%u ha1=%u name=%.*s cfu=%.*s",
			    (unsigned long long)s->id, s->dnd, s->call_limit, s->barring,
			    s->ha1.has, SPAN_F(dir_text(s, s->display_name)),
			    SPAN_F(dir_text(s, s->cfu)));
	} else if (strcmp(what, "number") == 0) {
		const struct dir_number *n = directory_number(&d, 1, span_str(key), &room);
		if (n != NULL)
			buf_printf(answer, "%u %.*s", n->kind, SPAN_F(dir_text(n, n->target)));
	} else if (strcmp(what, "route") == 0) {
		const struct dir_route *r = directory_route(&d, 1, span_str(key), &room);
		for (uint32_t i = 0; r != NULL && i < r->n; i++)
			buf_printf(answer, "%s ", r->routes[i].name);
	} else if (strcmp(what, "domain") == 0) {
		if (directory_tenant_of(&d, span_str(key), &tenant) == ERR_NONE)
			buf_u64(answer, tenant);
	} else {
		return false;
	}
	if (answer->len == 0)
		buf_char(answer, '-');
	return true;
}

static void
command_worker(const char *line, struct buf *answer)
{
	unsigned long long from, to;

	if (ask_directory(line, answer))
		return;
	if (sscanf(line, "calls %llu %llu", &from, &to) == 2) {
		work->next = from;
		work->to = to;
		send_calls();
	} else if (sscanf(line, "open %llu", &from) == 1) {
		send_call(from, CDR_OPEN, false);
	} else if (sscanf(line, "bad %llu", &from) == 1) {
		send_call(from, CDR_CLOSED, true);
	}
	buf_printf(answer, "%llu", (unsigned long long)work->sent);
}

/* --- registrar ----------------------------------------------------------------------------------*/

static void
tell_store(struct span key, bool deleted)
{
	struct ring *out = child_out(&c, ROLE_STORE, 0);
	struct wire_binding *w = ring_reserve(out, WIRE_BINDING, (uint32_t)(sizeof(*w) + key.len));

	if (w == NULL)
		fatal(0, "ring to the store is full");
	*w = (struct wire_binding){
		.len = (uint32_t)key.len, .deleted = deleted, .key_len = (uint32_t)key.len
	};
	memcpy(w->data, key.p, key.len);
	ring_commit(out, (uint32_t)(sizeof(*w) + key.len));
}

static void
put(struct span key, const char *uri, unsigned seconds)
{
	static struct loc_buf room;
	struct loc_maker m;
	struct binding b = { .expires_ms = child_steady_ms(&c) + 1000 * (int64_t)seconds,
		.registered_ms = child_steady_ms(&c),
		.cseq = 1,
		.q = 1000 };
	struct loc_binding_text t = { .contact = span_str(uri), .call_id = SPAN("abc@x") };

	b.flow.transport = SIP_T_UDP;
	netaddr_ip(SPAN("2001:db8::7"), &b.flow.peer);
	b.flow.peer.port = 5062;
	netaddr_ip(SPAN("192.0.2.9"), &b.flow.local);
	loc_begin(&m, room.words, sizeof(room.words), 1, 1);
	loc_add(&m, &b, &t);
	if (records_put(&locations.records, key, loc_end(&m)) != ERR_NONE)
		fatal(0, "location");
}

static void
command_registrar(const char *line, struct buf *answer)
{
	static struct loc_buf room;
	char user[64], uri[128], key_bytes[128];
	struct buf key = buf_on(key_bytes, sizeof(key_bytes));
	unsigned seconds;

	if (strcmp(line, "loaded") == 0) {
		buf_u64(answer, head->loaded);
	} else if (sscanf(line, "put %63s %127s %u", user, uri, &seconds) == 3) {
		loc_key(&key, 1, span_str(user));
		put(buf_span(&key), uri, seconds);
		tell_store(buf_span(&key), false);
	} else if (sscanf(line, "delete %63s", user) == 1) {
		loc_key(&key, 1, span_str(user));
		records_delete(&locations.records, buf_span(&key));
		tell_store(buf_span(&key), true);
	} else if (sscanf(line, "has %63s", user) == 1) {
		const struct location *l =
		    locations_find(&locations, 1, span_str(user), child_steady_ms(&c), &room);
		buf_put(answer, l == NULL ? SPAN("-") : loc_text(l, l->bindings[0].contact));
	}
}

static void
take_load(const struct ring *r, const struct ring_record *rec)
{
	const struct wire_binding *w = (const struct wire_binding *)rec->payload;

	if (ring_type(r) == WIRE_LOAD_DONE)
		head->loaded = 1;
	if (ring_type(r) == WIRE_BINDING_LOAD &&
	    records_put(&locations.records, span_of(w->data, w->key_len),
		span_of(w->data + w->key_len, w->len - w->key_len)) != ERR_NONE)
		fatal(0, "location");
}

/* --- both ---------------------------------------------------------------------------------------*/

static void
take_commands(void)
{
	char line[256], text[256];
	struct sockaddr_un from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(
		    sock, line, sizeof(line) - 1, 0, (struct sockaddr *)&from, &from_len)) > 0) {
		struct buf answer = buf_on(text, sizeof(text));
		line[n] = '\0';
		if (c.role == ROLE_WORKER)
			command_worker(line, &answer);
		else
			command_registrar(line, &answer);
		sendto(sock, text, answer.len, 0, (struct sockaddr *)&from, from_len);
		from_len = sizeof(from);
	}
}

int
main(int argc, char **argv)
{
	enum role role = role_of(span_str(basename(argv[0])));
	const struct ring_record *rec;
	struct registrar_shape shape;
	char name[32];
	unsigned from;

	child_start(&c, role, argc, argv);
	work = (struct work *)((char *)c.self + PROCESS_HEAD);
	if (role == ROLE_REGISTRAR) {
		registrar_shape(child_settings(&c), &shape);
		head = (struct registrar_head *)((char *)c.self + shape.head_at);
		if (locations_own(&locations, (char *)c.self + shape.locations_at,
			shape.locations_size, shape.bindings) != ERR_NONE)
			fatal(0, "locations");
	}
	snprintf(name, sizeof(name), "%s.%u", role_name(role), c.index);
	open_socket(name);
	child_ready(&c);
	while (!child_stopping(&c)) {
		child_turn(&c);
		take_commands();
		if (role == ROLE_WORKER)
			send_calls();
		while ((rec = child_next(&c, &from)) != NULL) {
			if (role == ROLE_REGISTRAR)
				take_load(&c.in[from], rec);
			ring_next(&c.in[from]);
		}
		child_flush(&c);
		child_sleep(&c, 2 * NS_PER_MS);
	}
	return 0;
}
