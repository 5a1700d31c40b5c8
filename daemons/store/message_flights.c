/*
 * Kept messages go to who is there again, oldest first, one at a time: the next is read when a phone
 * has taken the one before, or has refused it. When no phone answers, the rest waits for his next
 * registration.
 *
 * Whoever reads a row to deliver it writes into it until when, and who it is. So neither another node
 * nor a store that is started again meanwhile delivers it a second time; and one that was delivered is
 * not read again before the database knows of that (journal_knows_gone).
 */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"
#include "model/uuid.h"

enum { TRIES = 3, SPARE_S = 10 };
static const uint64_t rest_ns = NS_PER_S;

/* $1, $2: for whom; $3: behind this one; $4: until when it is ours; $5: who we are. */
static const char next_sql[] =
    "with first as (select * from tandem.message where tenant_id = $1::int and to_user = $2"
    " and delivered_at is null and expires_at > now() and message_no > $3::bigint"
    " order by message_no limit 1 for update),"
    " mine as (update tandem.message m set tried_until = now() + $4::interval, tried_by = $5"
    " from first f where m.tenant_id = f.tenant_id and m.id = f.id"
    " and (f.tried_until is null or f.tried_until <= now() or f.tried_by = $5)"
    " returning m.message_no)"
    " select f.message_no, m.message_no is not null,"
    " ceil(extract(epoch from f.tried_until - now()) * 1000)::bigint, f.id, f.from_uri,"
    " f.from_display, f.content_type, encode(f.headers, 'hex'), encode(f.body, 'hex')"
    " from first f left join mine m using (message_no)";

enum column { C_NO, C_MINE, C_REST, C_ID, C_URI, C_DISPLAY, C_TYPE, C_HEADERS, C_BODY };

static struct message_flight *
flight_of(struct messages *m, const struct dirty_key *key)
{
	for (unsigned i = 0; i < MESSAGE_FLIGHTS; i++) {
		struct message_flight *f = &m->flights[i];

		if (f->state != FLIGHT_FREE && f->key.len == key->len &&
		    memcmp(f->key.bytes, key->bytes, key->len) == 0)
			return f;
	}
	return NULL;
}

static void
end(struct store *s, struct message_flight *f)
{
	bool again = f->again;
	struct dirty_key key = f->key;

	*f = (struct message_flight){ .state = FLIGHT_FREE };
	if (again)
		dirty_add(&s->messages.due, span_of(key.bytes, key.len), s->child.clock.mono_ns);
}

static void
go_on(struct message_flight *f)
{
	memcpy(f->after, f->here, sizeof(f->after));
	f->state = FLIGHT_WANTED;
	f->tries = 0;
}

static void
rest(struct store *s, struct message_flight *f, uint64_t ns)
{
	f->state = FLIGHT_RESTING;
	f->until_ns = s->child.clock.mono_ns + ns;
}

/* --- a row -------------------------------------------------------------------------------------- */

static unsigned
seconds_in_flight(const struct store *s)
{
	return 64 * s->settings->timers.t1_ms / 1000 + SPARE_S;
}

static struct span
text(const struct pg_result *res, enum column c)
{
	return span_of(PQgetvalue(res, 0, (int)c), (size_t)PQgetlength(res, 0, (int)c));
}

/* Hexadecimal digits into a field of the record. */
static void
put_bytes(struct cdr_writer *r, uint8_t field, struct span hex)
{
	static char bytes[CDR_RECORD_MAX];
	size_t n = hex.len / 2 < sizeof(bytes) ? hex.len / 2 : sizeof(bytes);

	for (size_t i = 0; i < n; i++) {
		char digits[3] = { hex.p[2 * i], hex.p[2 * i + 1], '\0' };
		bytes[i] = (char)strtoul(digits, NULL, 16);
	}
	cdr_copy(r, field, span_of(bytes, n));
}

static bool
write_record(struct message_flight *f, const struct pg_result *res, struct buf *b)
{
	struct cdr_writer r;
	uint32_t tenant;

	memcpy(&tenant, f->key.bytes, sizeof(tenant));
	cdr_begin(&r, b, CDR_MESSAGE);
	cdr_part(&r, CDR_P_MESSAGE);
	cdr_uuid(&r, CDR_MESSAGE_id, f->id);
	cdr_int(&r, CDR_MESSAGE_tenant_id, tenant);
	cdr_text(&r, CDR_MESSAGE_to_user,
	    span_of(f->key.bytes + sizeof(tenant), f->key.len - sizeof(tenant)));
	cdr_text(&r, CDR_MESSAGE_from_uri, text(res, C_URI));
	cdr_text(&r, CDR_MESSAGE_from_display, text(res, C_DISPLAY));
	cdr_text(&r, CDR_MESSAGE_content_type, text(res, C_TYPE));
	put_bytes(&r, CDR_MESSAGE_headers, text(res, C_HEADERS));
	put_bytes(&r, CDR_MESSAGE_body, text(res, C_BODY));
	return cdr_end(&r);
}

static unsigned
worker_for(const struct store *s, const struct message_flight *f)
{
	return (unsigned)(hash_bytes(&s->messages.boxes.key, f->key.bytes, f->key.len) %
			  s->settings->processes.workers);
}

static void
send_off(struct store *s, struct message_flight *f)
{
	struct span record = buf_span(&s->messages.row);
	struct ring *out = child_out(&s->child, ROLE_WORKER, worker_for(s, f));
	uint32_t len = (uint32_t)(sizeof(struct wire_message) + record.len);
	struct wire_message *w = out == NULL ? NULL : ring_reserve(out, WIRE_MESSAGE_DUE, len);

	if (w == NULL) {
		rest(s, f, rest_ns);
		return;
	}
	*w = (struct wire_message){ .len = (uint32_t)record.len };
	memcpy(w->data, record.p, record.len);
	ring_commit(out, len);
	f->state = FLIGHT_FLYING;
	f->silent = UINT32_MAX;
	f->refused = false;
	f->until_ns = s->child.clock.mono_ns + seconds_in_flight(s) * NS_PER_S;
}

static void
none_left(struct store *s, struct message_flight *f)
{
	struct message_box *box = boxes_find(&s->messages.boxes, &f->key);

	if (box != NULL && strcmp(f->after, "0") == 0 && s->journal.pending == 0)
		boxes_forget(&s->messages.boxes, box);
	end(s, f);
}

/* Only remembered: until the COMMIT it is not ours. */
static void
on_row(void *ctx, unsigned step, struct pg_result *res)
{
	struct store *s = ctx;
	struct messages *m = &s->messages;
	struct message_flight *f = &m->flights[m->reading];

	(void)step;
	m->row.len = 0;
	m->row.overrun = false;
	m->row_is = PQntuples(res) == 0 ? ROW_NONE : ROW_OTHERS;
	if (m->row_is == ROW_NONE)
		return;
	m->row_ms = strtoll(PQgetvalue(res, 0, C_REST), NULL, 10);
	if (PQgetvalue(res, 0, C_MINE)[0] != 't')
		return;
	span_cstr(text(res, C_NO), f->here, sizeof(f->here));
	m->row_is = uuid_read(text(res, C_ID), f->id) == ERR_NONE &&
			    memcmp(f->id, f->gone, sizeof(f->id)) != 0 &&
			    write_record(f, res, &m->row)
			? ROW_MINE
			: ROW_PASSED;
}

static void
on_read(void *ctx, enum db_end ended)
{
	struct store *s = ctx;
	struct messages *m = &s->messages;
	struct message_flight *f = &m->flights[m->reading];

	if (ended != DB_DONE) {
		rest(s, f, rest_ns);
		return;
	}
	switch (m->row_is) {
	case ROW_NONE:
		none_left(s, f);
		break;
	case ROW_OTHERS:
		rest(s, f, m->row_ms > 0 ? (uint64_t)m->row_ms * NS_PER_MS : rest_ns);
		break;
	case ROW_MINE:
		send_off(s, f);
		break;
	case ROW_PASSED: /* delivered just now, or somebody has put it there by SQL, too large */
		go_on(f);
		break;
	}
}

static void
read_next(struct store *s, struct message_flight *f)
{
	struct db_job job = { .what = "read a message", .rows = on_row, .done = on_read, .ctx = s };
	char tenant_text[16], user[DIRTY_KEY + 1], until[32];
	struct db_step step = { .sql = next_sql,
		.n = 5,
		.params = { tenant_text, user, f->after, until, s->messages.life } };
	uint32_t tenant;

	memcpy(&tenant, f->key.bytes, sizeof(tenant));
	snprintf(tenant_text, sizeof(tenant_text), "%u", tenant);
	snprintf(until, sizeof(until), "%u seconds", seconds_in_flight(s) + SPARE_S / 2);
	span_cstr(span_of(f->key.bytes + sizeof(tenant), f->key.len - sizeof(tenant)), user,
	    sizeof(user));
	f->state = FLIGHT_READING;
	s->messages.reading = (unsigned)(f - s->messages.flights);
	db_run(&s->db, &job, &step, 1);
}

/* --- what the phones say ------------------------------------------------------------------------ */

/* The phone is not there, or cannot just now: another day (RFC 3261 21.4, 21.5). */
static bool
is_absence(unsigned status)
{
	return status == 408 || status == 430 || status == 480 || status == 500 || status == 503;
}

static void
delivered(struct store *s, struct message_flight *f)
{
	struct message_box *box = boxes_find(&s->messages.boxes, &f->key);

	memcpy(f->gone, f->id, sizeof(f->gone));
	if (box != NULL && box->waiting > 0)
		box->waiting--;
	if (f->state == FLIGHT_FLYING)
		go_on(f);
}

static void
failed(struct store *s, struct message_flight *f, const struct wire_message_fate *fate)
{
	if (f->state != FLIGHT_FLYING)
		return;
	f->refused = f->refused || !is_absence(fate->status);
	if (f->silent == UINT32_MAX)
		f->silent = fate->of;
	if (f->silent > 0)
		f->silent--;
	if (f->silent > 0)
		return;
	if (f->refused)
		go_on(f); /* this one waits on; it does not hold up the others */
	else
		end(s, f);
}

void
flights_landed(struct store *s, const struct wire_message_fate *fate)
{
	for (unsigned i = 0; i < MESSAGE_FLIGHTS; i++) {
		struct message_flight *f = &s->messages.flights[i];

		if (f->state == FLIGHT_FREE || memcmp(f->id, fate->id, sizeof(f->id)) != 0)
			continue;
		if (fate->status < 300)
			delivered(s, f);
		else
			failed(s, f, fate);
		return;
	}
}

/* --- turns -------------------------------------------------------------------------------------- */

static void
overdue(struct store *s, struct message_flight *f)
{
	if (f->state == FLIGHT_RESTING || ++f->tries < TRIES) {
		f->state = FLIGHT_WANTED; /* its worker died with it */
		return;
	}
	log_warn("nothing is heard of a message that was to be delivered",
	    LOG_SPAN("user", span_from(span_of(f->key.bytes, f->key.len), sizeof(uint32_t))));
	end(s, f);
}

static void
take_due(struct store *s)
{
	struct messages *m = &s->messages;
	struct message_flight *f;
	struct dirty_key key;

	for (unsigned i = 0; i < MESSAGE_FLIGHTS && m->due.n > 0; i++) {
		if (m->flights[i].state != FLIGHT_FREE || !dirty_take(&m->due, &key))
			continue;
		f = flight_of(m, &key);
		if (f != NULL) {
			f->again = true;
			continue;
		}
		m->flights[i] =
		    (struct message_flight){ .state = FLIGHT_WANTED, .key = key, .after = "0" };
	}
}

void
flights_turn(struct store *s)
{
	uint64_t now = s->child.clock.mono_ns;

	for (unsigned i = 0; i < MESSAGE_FLIGHTS; i++) {
		struct message_flight *f = &s->messages.flights[i];

		if ((f->state == FLIGHT_FLYING || f->state == FLIGHT_RESTING) && now >= f->until_ns)
			overdue(s, f);
	}
	take_due(s);
}

bool
flights_start(struct store *s, uint64_t *wait_r)
{
	for (unsigned i = 0; i < MESSAGE_FLIGHTS; i++) {
		struct message_flight *f = &s->messages.flights[i];

		if (f->state == FLIGHT_WANTED && journal_knows_gone(&s->journal)) {
			read_next(s, f);
			return true;
		}
		if (f->state == FLIGHT_RESTING || f->state == FLIGHT_FLYING)
			*wait_r = f->until_ns - s->child.clock.mono_ns < *wait_r
				      ? f->until_ns - s->child.clock.mono_ns
				      : *wait_r;
	}
	return false;
}
