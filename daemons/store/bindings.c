/*
 * Bindings between the registrar's table, which is the truth, and tandem.binding, its copy. What the
 * registrar tells is only remembered by key: what is written is what stands in its table when the
 * batch is made, so that a database that was away for long costs no more than one that was not.
 *
 * A start: when the registrar's table is fresh (run_dir is), its rows are read and sent to it. With
 * every later connection the copy is put right again: rows of nobody are found and deleted
 * (COMPARE), and the whole table is written once more (WALK).
 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"

static const uint64_t gather_ns = 50 * NS_PER_MS, retry_after_ns = 500 * NS_PER_MS;

static struct ring *
to_registrar(struct store *s)
{
	return child_out(&s->child, ROLE_REGISTRAR, 0);
}

/* The registrar's table, once it has made it. */
static bool
table_there(struct store *s)
{
	struct bindings *b = &s->bindings;
	struct registrar_shape shape;
	size_t size;
	const char *mem;

	if (b->head != NULL)
		return true;
	mem = child_region(&s->child, proc_of(ROLE_REGISTRAR, 0), &size);
	registrar_shape(s->settings, &shape);
	if (mem == NULL || size < shape.size ||
	    locations_open(&b->locations, mem + shape.locations_at, shape.locations_size) !=
		ERR_NONE)
		return false;
	b->head = (const struct registrar_head *)(mem + shape.head_at);
	return true;
}

void
bindings_open(struct store *s)
{
	struct bindings *b = &s->bindings;

	*b = (struct bindings){
		.most = BINDING_BATCH, .keys = malloc(BINDING_JSON), .rows = malloc(BINDING_JSON)
	};
	if (b->keys == NULL || b->rows == NULL)
		fatal(errno, "no memory for bindings");
	dirty_init(&b->dirty);
}

void
bindings_close(struct store *s)
{
	PQclear(s->bindings.page);
	dirty_done(&s->bindings.dirty);
	free(s->bindings.keys);
	free(s->bindings.rows);
}

static void
go(struct bindings *b, enum bindings_phase phase)
{
	static const char *const names[] = { "wait", "load", "compare", "walk", "follow" };

	log_debug("bindings", LOG_STR("from", names[b->phase]), LOG_STR("to", names[phase]));
	b->phase = phase;
	b->cursor = (struct dir_cursor){ .id = "0" };
	b->walk = 0;
	b->page_asked = false;
	PQclear(b->page);
	b->page = NULL;
}

void
bindings_up(struct store *s)
{
	go(&s->bindings, BINDINGS_WAIT);
}

void
bindings_down(struct store *s)
{
	go(&s->bindings, BINDINGS_WAIT);
}

void
bindings_take(struct store *s, const struct wire_binding *w, uint32_t len)
{
	if (w->len > len - sizeof(*w) || w->key_len > w->len ||
	    dirty_add(&s->bindings.dirty, span_of(w->data, w->key_len), s->child.clock.mono_ns) !=
		ERR_NONE)
		log_warn("binding that cannot be written through", LOG_U64("key_len", w->key_len));
	else if (w->deleted == 0)
		messages_registered(s, span_of(w->data, w->key_len));
}

/* The database has wall time, the table the steady clock's (ipc/process.h): what lies between. */
static int64_t
wall_ahead_ms(const struct store *s)
{
	return s->child.clock.wall_ms - child_steady_ms(&s->child);
}

int64_t
bindings_latest(struct store *s, const struct dirty_key *key)
{
	const struct location *loc = NULL;
	int64_t latest_ms = INT64_MIN;
	struct loc_buf value;
	uint32_t tenant;

	if (table_there(s) && key->len >= sizeof(tenant)) {
		memcpy(&tenant, key->bytes, sizeof(tenant));
		loc = locations_find(&s->bindings.locations, tenant,
		    span_of(key->bytes + sizeof(tenant), key->len - sizeof(tenant)),
		    child_steady_ms(&s->child), &value);
	}
	for (unsigned i = 0; loc != NULL && i < loc->n; i++)
		if (loc->bindings[i].registered_ms > latest_ms)
			latest_ms = loc->bindings[i].registered_ms;
	return latest_ms == INT64_MIN ? latest_ms : latest_ms + wall_ahead_ms(s);
}

/* --- the load of a cold start ------------------------------------------------------------------- */

static bool
send_load(struct store *s, struct span key, struct span value)
{
	uint32_t data = (uint32_t)(key.len + value.len),
		 len = (uint32_t)sizeof(struct wire_binding) + data;
	struct ring *r = to_registrar(s);
	struct wire_binding *w = ring_reserve(r, WIRE_BINDING_LOAD, len);

	if (w == NULL)
		return false;
	*w = (struct wire_binding){ .len = data, .key_len = (uint32_t)key.len };
	memcpy(w->data, key.p, key.len);
	memcpy(w->data + key.len, value.p, value.len);
	ring_commit(r, len);
	return true;
}

static bool
send_done(struct store *s)
{
	struct ring *r = to_registrar(s);

	if (!s->bindings.load_told) {
		struct wire_none *w = ring_reserve(r, WIRE_LOAD_DONE, sizeof(*w));
		if (w == NULL)
			return false;
		w->zero = 0;
		ring_commit(r, sizeof(*w));
		s->bindings.load_told = true;
	}
	return true;
}

/* Sends what the page has, as far as there is room. */
static void
send_page(struct store *s)
{
	struct bindings *b = &s->bindings;
	char key_bytes[RECORDS_KEY_MAX];
	struct loc_buf value;

	while (b->row < PQntuples(b->page)) {
		struct buf key = buf_on(key_bytes, sizeof(key_bytes));
		int next;
		struct span v = binding_rows_read(b->page, b->row, &next, &value, &key);
		if (v.p != NULL)
			loc_shift(&value, -wall_ahead_ms(s));
		if (v.p != NULL && loc_check(&value, child_steady_ms(&s->child)) != NULL &&
		    !send_load(s, buf_span(&key), v))
			return;
		b->row = next;
	}
	if (PQntuples(b->page) == 0) {
		if (!send_done(s))
			return;
		go(b, BINDINGS_FOLLOW);
		log_info("bindings loaded from the database");
		return;
	}
	PQclear(b->page);
	b->page = NULL;
	b->page_asked = false;
}

/* --- pages -------------------------------------------------------------------------------------- */

static void
compare(struct store *s, const struct pg_result *res)
{
	struct bindings *b = &s->bindings;
	char key_bytes[RECORDS_KEY_MAX];
	struct loc_buf value;

	for (int row = 0, next; row < PQntuples(res); row = next) {
		struct buf key = buf_on(key_bytes, sizeof(key_bytes));
		binding_rows_read(res, row, &next, &value, &key);
		struct span k = buf_span(&key);
		if (locations_find(&b->locations, ((struct location *)value.words)->tenant,
			span_from(k, sizeof(uint32_t)), child_steady_ms(&s->child), &value) == NULL)
			dirty_add(&b->dirty, k, s->child.clock.mono_ns);
	}
}

static void
on_page(void *ctx, unsigned step, struct pg_result *res)
{
	struct store *s = ctx;
	struct bindings *b = &s->bindings;
	int last = PQntuples(res) - 1;

	(void)step;
	if (last >= 0) {
		span_cstr(span_str(PQgetvalue(res, last, 0)), b->cursor.id, sizeof(b->cursor.id));
		span_cstr(
		    span_str(PQgetvalue(res, last, 1)), b->cursor.name, sizeof(b->cursor.name));
	}
	if (b->phase == BINDINGS_LOAD) {
		b->page = res;
		b->row = 0;
		db_keep(&s->db);
		return;
	}
	compare(s, res);
	if (last < 0)
		go(b, BINDINGS_WALK);
	else
		b->page_asked = false;
}

static void
on_page_done(void *ctx, enum db_end end)
{
	struct store *s = ctx;

	if (end != DB_DONE) {
		s->bindings.page_asked = false;
		s->bindings.retry_ns = s->child.clock.mono_ns + retry_after_ns;
	}
}

static void
ask_page(struct store *s)
{
	struct bindings *b = &s->bindings;
	struct db_job job = {
		.what = "read bindings", .rows = on_page, .done = on_page_done, .ctx = s
	};
	struct db_step step = { .sql = binding_page_sql,
		.n = 3,
		.params = { b->cursor.id, b->cursor.name, s->settings->node } };

	b->page_asked = true;
	db_run(&s->db, &job, &step, 1);
}

/* --- writing through ---------------------------------------------------------------------------- */

static void
put_back(struct store *s)
{
	struct bindings *b = &s->bindings;

	for (unsigned i = 0; i < b->n_flight; i++)
		dirty_add(&b->dirty, span_of(b->flight[i].bytes, b->flight[i].len),
		    s->child.clock.mono_ns);
}

static void
on_written(void *ctx, enum db_end end)
{
	struct store *s = ctx;
	struct bindings *b = &s->bindings;

	switch (end) {
	case DB_DONE:
		b->most = 2 * b->most < BINDING_BATCH ? 2 * b->most : BINDING_BATCH;
		break;
	case DB_REFUSED:
		if (b->n_flight > 1) {
			b->most = b->n_flight / 2;
			put_back(s);
			break;
		}
		b->most = BINDING_BATCH;
		log_error("bindings refused by the database: not written",
		    LOG_SPAN("user", span_from(span_of(b->flight[0].bytes, b->flight[0].len), 4)));
		break;
	case DB_FAILED:
		put_back(s);
		b->retry_ns = s->child.clock.mono_ns + retry_after_ns;
		break;
	}
	b->n_flight = 0;
}

static void
close_json(struct buf *b)
{
	buf_str(b, b->len == 0 ? "[]" : "]");
	buf_char(b, '\0');
}

static void
write_batch(struct store *s)
{
	struct bindings *b = &s->bindings;
	struct buf keys = buf_on(b->keys, BINDING_JSON), rows = buf_on(b->rows, BINDING_JSON);
	struct db_job job = { .what = "write bindings", .done = on_written, .ctx = s };
	struct loc_buf value;
	struct dirty_key *k = &b->flight[0];

	while (b->n_flight < b->most && dirty_take(&b->dirty, k)) {
		struct span key = span_of(k->bytes, k->len),
			    user = span_from(key, sizeof(uint32_t));
		uint32_t tenant = 0;
		memcpy(&tenant, k->bytes, k->len < sizeof(tenant) ? k->len : sizeof(tenant));
		const struct location *loc =
		    locations_find(&b->locations, tenant, user, child_steady_ms(&s->child), &value);
		if (loc != NULL)
			loc_shift(&value, wall_ahead_ms(s));
		if (!binding_rows_put(&keys, &rows, key, loc)) {
			dirty_add(&b->dirty, key, s->child.clock.mono_ns);
			break;
		}
		k = &b->flight[++b->n_flight];
	}
	b->dirty.since_ns = s->child.clock.mono_ns;
	close_json(&keys);
	close_json(&rows);
	struct db_step steps[] = {
		{ .sql = binding_delete_sql,
		    .n = 3,
		    .params = { b->keys, b->rows, s->settings->node } },
		{ .sql = binding_insert_sql, .n = 1, .params = { b->rows } },
	};
	db_run(&s->db, &job, steps, 2);
}

/* --- turns -------------------------------------------------------------------------------------- */

static void
walk(struct store *s)
{
	struct bindings *b = &s->bindings;
	char key[RECORDS_KEY_MAX];
	struct loc_buf value;
	size_t len;

	while (b->dirty.n < 2 * BINDING_BATCH) {
		enum err e = records_next(&b->locations.records, &b->walk, key, &len, value.words,
		    sizeof(value.words), &value.len);
		if (e != ERR_NONE) {
			go(b, BINDINGS_FOLLOW);
			return;
		}
		dirty_add(&b->dirty, span_of(key, len), s->child.clock.mono_ns);
	}
}

/* What was sent to the registrar stands in its table: only then does it say who is not there. */
static bool
registrar_took_all(struct store *s)
{
	return ring_fill(to_registrar(s)) == 0;
}

void
bindings_turn(struct store *s)
{
	struct bindings *b = &s->bindings;

	switch (b->phase) {
	case BINDINGS_WAIT:
		if (s->db.state != DB_UP || to_registrar(s) == NULL || !table_there(s))
			return;
		if (!b->load_told && __atomic_load_n(&b->head->loaded, __ATOMIC_ACQUIRE) == 0)
			go(b, BINDINGS_LOAD);
		else if (send_done(s))
			go(b, BINDINGS_COMPARE);
		return;
	case BINDINGS_LOAD:
		if (b->page != NULL)
			send_page(s);
		return;
	case BINDINGS_WALK:
		walk(s);
		return;
	case BINDINGS_COMPARE:
	case BINDINGS_FOLLOW:
		return;
	}
}

bool
bindings_start(struct store *s, uint64_t *wait_r)
{
	struct bindings *b = &s->bindings;
	uint64_t now = s->child.clock.mono_ns;

	if (b->phase == BINDINGS_WAIT)
		return false;
	if (now < b->retry_ns) {
		*wait_r = b->retry_ns - now;
		return false;
	}
	if (b->phase == BINDINGS_LOAD) {
		if (b->page_asked)
			return false;
		ask_page(s);
		return true;
	}
	if (!registrar_took_all(s))
		return false;
	if (b->phase == BINDINGS_COMPARE && !b->page_asked && b->dirty.n < 2 * BINDING_BATCH) {
		ask_page(s);
		return true;
	}
	if (b->dirty.n == 0)
		return false;
	if (b->dirty.n < b->most && b->phase == BINDINGS_FOLLOW &&
	    now < b->dirty.since_ns + gather_ns) {
		*wait_r = b->dirty.since_ns + gather_ns - now;
		return false;
	}
	write_batch(s);
	return true;
}
