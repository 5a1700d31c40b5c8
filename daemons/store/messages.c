/*
 * Messages for who is absent (RFC 3428 7): a worker hands one over, the journal takes it, the worker
 * is told when it stands on disk, and only then does the sender hear 202. Like a call's record it goes
 * to the database from the journal and may be offered twice: its id is made of what it says.
 *
 *     worker                 store                              database
 *       |-- MESSAGE_KEEP ----->|  journal, disk                     |
 *       |<----- MESSAGE_KEPT --|  (202, or 480: the box is full)    |
 *       |                      |-- insert ------------------------->|
 *       |                      |  registrar: he is there again      |
 *       |<------ MESSAGE_DUE --|<-- the oldest ---------------------|   message_flights.c
 *       |-- MESSAGE_DONE ----->|  journal, update ----------------->|
 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"
#include "base/rand.h"

static const uint64_t count_every_ns = 3600 * NS_PER_S, retry_after_ns = NS_PER_S;

static const char sweep_sql[] = "delete from tandem.message where expires_at < now() or "
				"delivered_at < now() - interval '1 day'";
static const char count_sql[] =
    "select tenant_id, to_user, count(*), (extract(epoch from min(created_at)) * 1000)::bigint"
    " from tandem.message"
    " where (tenant_id, to_user) > ($1::int, $2) and delivered_at is null and expires_at > now()"
    " group by 1, 2 order by 1, 2 limit 500";

void
messages_open(struct store *s)
{
	struct messages *m = &s->messages;
	struct buf b = buf_on(m->life, sizeof(m->life) - 1);
	uint64_t life = rand_u64();
	char *row = malloc(CDR_RECORD_MAX);

	if (row == NULL)
		fatal(errno, "no memory for messages");
	m->row = buf_on(row, CDR_RECORD_MAX);
	boxes_init(&m->boxes);
	dirty_init(&m->due);
	dirty_init(&m->written);
	buf_str(&b, s->settings->node);
	buf_char(&b, ' ');
	buf_hex(&b, &life, sizeof(life));
}

void
messages_close(struct store *s)
{
	free(s->messages.row.p);
	boxes_done(&s->messages.boxes);
	dirty_done(&s->messages.due);
	dirty_done(&s->messages.written);
}

/* --- to be kept --------------------------------------------------------------------------------- */

static void
tell_worker(struct store *s, unsigned worker, const struct wire_message_fate *f)
{
	struct ring *out = child_out(&s->child, ROLE_WORKER, worker);
	struct wire_message_fate *w =
	    out == NULL ? NULL : ring_reserve(out, WIRE_MESSAGE_KEPT, sizeof(*w));

	if (w == NULL) /* the worker gives the sender up after a while */
		return;
	*w = *f;
	ring_commit(out, sizeof(*w));
	ring_publish(out);
}

static bool
is_full(struct store *s, const struct dirty_key *key)
{
	const struct message_box *box = boxes_find(&s->messages.boxes, key);

	return box != NULL && box->waiting >= s->settings->messages.per_user;
}

bool
messages_keep(struct store *s, unsigned worker, const struct wire_message *w, uint32_t len)
{
	struct messages *m = &s->messages;
	struct span record = span_of(w->data, w->len);
	struct message_ack ack = { .worker = worker, .fate = { .relay = w->relay, .status = 202 } };
	struct message_box *box;
	struct dirty_key key;
	enum cdr_kind kind;

	if (w->len > len - sizeof(*w) || w->len > CDR_RECORD_MAX ||
	    record_call(record, &kind, ack.fate.id) != ERR_NONE ||
	    boxes_key(record, &key) != ERR_NONE) {
		count(s->child.self, COUNT_WIRE_REFUSED, 1);
		log_warn("message refused: no sound record", LOG_U64("worker", worker));
		return true;
	}
	if (is_full(s, &key)) {
		ack.fate.status = 480;
		tell_worker(s, worker, &ack.fate);
		return true;
	}
	if (m->n_acks == MESSAGE_ACKS ||
	    journal_add(&s->journal, s->child.clock.wall_ms, record) != ERR_NONE)
		return false;
	box = boxes_take(&m->boxes, &key);
	box->waiting++;
	box->touched = true;
	m->acks[m->n_acks++] = ack;
	count(s->child.self, COUNT_MESSAGES_KEPT, 1);
	return true;
}

/* A store that dies between this and the ring's room finds the record once more, and says so again. */
void
messages_synced(struct store *s)
{
	struct messages *m = &s->messages;

	for (unsigned i = 0; i < m->n_acks; i++)
		tell_worker(s, m->acks[i].worker, &m->acks[i].fate);
	m->n_acks = 0;
}

/* --- delivered ---------------------------------------------------------------------------------- */

static bool
journal_gone(struct store *s, const struct wire_message_fate *f)
{
	char room[128];
	struct buf b = buf_on(room, sizeof(room));
	struct cdr_writer r;

	cdr_begin(&r, &b, CDR_MESSAGE_GONE);
	cdr_part(&r, CDR_P_MESSAGE);
	cdr_uuid(&r, CDR_MESSAGE_id, f->id);
	cdr_int(&r, CDR_MESSAGE_tenant_id, f->tenant);
	cdr_time(&r, CDR_MESSAGE_delivered_at, s->child.clock.wall_ms);
	must(cdr_end(&r));
	return journal_add(&s->journal, s->child.clock.wall_ms, buf_span(&b)) == ERR_NONE;
}

bool
messages_done(struct store *s, const struct wire_message_fate *f)
{
	if (f->status < 300) {
		if (!journal_gone(s, f))
			return false;
		count(s->child.self, COUNT_MESSAGES_DELIVERED, 1);
	}
	flights_landed(s, f);
	return true;
}

/* --- who is there ------------------------------------------------------------------------------- */

static void
due(struct store *s, const struct dirty_key *key)
{
	dirty_add(&s->messages.due, span_of(key->bytes, key->len), s->child.clock.mono_ns);
}

void
messages_registered(struct store *s, struct span key)
{
	struct dirty_key k = { .len = (uint8_t)key.len };
	const struct message_box *box;

	if (key.len > sizeof(k.bytes))
		return;
	memcpy(k.bytes, key.p, key.len);
	box = boxes_find(&s->messages.boxes, &k);
	if (box != NULL && box->waiting > 0)
		due(s, &k);
}

static int64_t
created_ms(struct span record)
{
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part part;
	struct span bytes;
	uint8_t number;

	if (cdr_open(&r, record, &kind) == ERR_NONE && cdr_next_part(&r, &part))
		while (cdr_next_field(&r, &number, &bytes))
			if (number == CDR_MESSAGE_created_at)
				return cdr_value(bytes);
	return 0;
}

void
messages_gathered(struct store *s, struct span record)
{
	struct messages *m = &s->messages;
	int64_t ms = created_ms(record);
	struct message_box *box;
	struct dirty_key key;

	if (boxes_key(record, &key) != ERR_NONE)
		return;
	box = boxes_take(&m->boxes, &key);
	box->touched = true;
	if (box->waiting == 0)
		box->waiting = 1; /* kept in an earlier life */
	if (box->oldest_ms == 0 || ms < box->oldest_ms)
		box->oldest_ms = ms;
	dirty_add(&m->written, span_of(key.bytes, key.len), s->child.clock.mono_ns);
}

/* He may have come back before his message was there to be read. Whose phone registered before that
 * was tried already. */
void
messages_written(struct store *s)
{
	struct messages *m = &s->messages;
	struct message_box *box;
	struct dirty_key key;

	while (dirty_take(&m->written, &key)) {
		box = boxes_find(&m->boxes, &key);
		if (box == NULL)
			continue;
		if (bindings_latest(s, &key) >= box->oldest_ms)
			due(s, &key);
		box->oldest_ms = 0;
	}
}

/* --- counting ----------------------------------------------------------------------------------- */

void
messages_up(struct store *s)
{
	struct messages *m = &s->messages;

	m->count_ns = m->retry_ns = 0;
	m->counting = COUNT_NONE;
	m->page_asked = false;
}

/* What came in meanwhile is not in the count, or only perhaps. */
static void
counted(struct store *s)
{
	struct messages *m = &s->messages;
	struct message_box *box = NULL;

	while ((box = boxes_next(&m->boxes, box)) != NULL) {
		if (!box->touched || box->counted > box->waiting)
			box->waiting = box->counted;
		if (box->waiting == 0)
			boxes_forget(&m->boxes, box);
	}
	m->counting = COUNT_NONE;
	m->count_ns = s->child.clock.mono_ns + count_every_ns;
}

static void
on_count(void *ctx, unsigned step, struct pg_result *res)
{
	struct store *s = ctx;
	struct messages *m = &s->messages;
	int n = PQntuples(res);

	(void)step;
	for (int row = 0; row < n; row++) {
		struct dirty_key key;
		struct buf b = buf_on(key.bytes, sizeof(key.bytes));
		uint32_t tenant;

		if (span_u32(span_str(PQgetvalue(res, row, 0)), INT32_MAX, &tenant) != ERR_NONE)
			continue;
		loc_key(&b, tenant, span_str(PQgetvalue(res, row, 1)));
		if (!buf_ok(&b))
			continue;
		key.len = (uint8_t)b.len;
		if (span_u32(span_str(PQgetvalue(res, row, 2)), UINT32_MAX,
			&boxes_take(&m->boxes, &key)->counted) == ERR_NONE &&
		    bindings_latest(s, &key) >= strtoll(PQgetvalue(res, row, 3), NULL, 10))
			due(s, &key);
	}
	if (n == 0) {
		counted(s);
		return;
	}
	span_cstr(span_str(PQgetvalue(res, n - 1, 0)), m->cursor.id, sizeof(m->cursor.id));
	span_cstr(span_str(PQgetvalue(res, n - 1, 1)), m->cursor.name, sizeof(m->cursor.name));
}

static void
on_counted(void *ctx, enum db_end end)
{
	struct store *s = ctx;
	struct messages *m = &s->messages;

	m->page_asked = false;
	if (end != DB_DONE) {
		m->counting = COUNT_NONE;
		m->retry_ns = s->child.clock.mono_ns + retry_after_ns;
	} else if (m->counting == COUNT_SWEEP) {
		m->counting = COUNT_PAGES;
		m->cursor = (struct dir_cursor){ .id = "0" };
	}
}

static void
count_some(struct store *s)
{
	struct messages *m = &s->messages;
	struct db_job job = { .what = "count messages", .done = on_counted, .ctx = s };
	struct db_step step = { .sql = sweep_sql };
	struct message_box *box = NULL;

	if (m->counting == COUNT_NONE) {
		m->counting = COUNT_SWEEP;
		while ((box = boxes_next(&m->boxes, box)) != NULL) {
			box->counted = 0;
			box->touched = false;
		}
	}
	if (m->counting == COUNT_PAGES) {
		step = (struct db_step){
			.sql = count_sql, .n = 2, .params = { m->cursor.id, m->cursor.name }
		};
		job.rows = on_count;
	}
	m->page_asked = true;
	db_run(&s->db, &job, &step, 1);
}

/* --- turns -------------------------------------------------------------------------------------- */

void
messages_turn(struct store *s)
{
	flights_turn(s);
}

bool
messages_start(struct store *s, uint64_t *wait_r)
{
	struct messages *m = &s->messages;
	uint64_t now = s->child.clock.mono_ns;

	if (now < m->retry_ns) {
		*wait_r = m->retry_ns - now;
		return false;
	}
	if (m->counting != COUNT_NONE || now >= m->count_ns) {
		count_some(s);
		return true;
	}
	return flights_start(s, wait_r);
}
