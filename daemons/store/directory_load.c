/*
 * Keeps the directory as PostgreSQL has it. With a new connection everything is read, page by page,
 * and what is gone is deleted in the end; a page is put down while PostgreSQL makes the next one. From
 * then on the database tells what changes and only that is read again. What it tells while everything is being
 * read waits its turn. Too many changes at once, or one that is refused, and everything is read again. Once a
 * day the tenants are, whose time zones are known a year ahead.
 */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"

static const uint64_t retry_after_ns = NS_PER_S, save_every_ns = 60 * NS_PER_S,
		      zones_every_ns = 24 * 3600 * NS_PER_S;

void
directory_load_open(struct store *s)
{
	s->load =
	    (struct directory_load){ .changes = calloc(DIR_CHANGES, sizeof(struct dir_change)) };
	if (s->load.changes == NULL)
		fatal(errno, "no memory for changes of the directory");
}

static void
drop_page(struct directory_load *l)
{
	PQclear(l->page);
	l->page = NULL;
}

void
directory_load_settle(struct store *s)
{
	struct directory_load *l = &s->load;

	if (l->page != NULL)
		dir_rows(&s->directory, l->page_kind, l->page, &l->tally);
	drop_page(l);
}

void
directory_load_close(struct store *s)
{
	drop_page(&s->load);
	directory_renew_stop(&s->directory);
	free(s->load.changes);
	s->load.changes = NULL;
}

void
directory_load_up(struct store *s)
{
	struct directory_load *l = &s->load;

	l->all = true;
	l->renewing = false;
	l->n_changes = l->in_flight = 0;
}

void
directory_load_down(struct store *s)
{
	drop_page(&s->load);
	directory_renew_stop(&s->directory);
	s->load.renewing = false;
}

static void
add_change(struct directory_load *l, const struct dir_change *c)
{
	for (unsigned i = l->in_flight; i < l->n_changes; i++) {
		if (memcmp(&l->changes[i], c, sizeof(*c)) == 0)
			return;
	}
	if (l->n_changes == DIR_CHANGES) {
		/* Those in flight are finished; the rest is in "everything". */
		l->n_changes = l->in_flight;
		l->all = true;
		return;
	}
	l->changes[l->n_changes++] = *c;
}

void
directory_load_told(struct store *s, const char *payload)
{
	struct dir_change c;
	enum err e = dir_change_read(payload, &c);

	if (e == ERR_RANGE)
		log_warn("a change with too long a name", LOG_SPAN("change", span_str(payload)));
	if (e == ERR_NONE)
		add_change(&s->load, &c);
}

static void
publish_count(struct store *s)
{
	gauge(s->child.self, COUNT_LIVE_SUBSCRIBERS,
	    s->load.tally.subscribers > 0 ? (uint64_t)s->load.tally.subscribers : 0);
}

static uint32_t
count_subscribers(const struct directory *d)
{
	char key[RECORDS_KEY_MAX];
	struct dir_buf value;
	uint64_t cursor = 0;
	size_t len;
	uint32_t n = 0;

	while (records_next(&d->records, &cursor, key, &len, value.words, sizeof(value.words),
		   &value.len) == ERR_NONE)
		n += key[0] == 's';
	return n;
}

/* --- everything --------------------------------------------------------------------------------- */

static void
finished(struct store *s)
{
	struct directory_load *l = &s->load;
	unsigned gone = directory_renewed(&s->directory);

	l->renewing = false;
	l->zones_ns = s->child.clock.mono_ns;
	l->tally.subscribers = count_subscribers(&s->directory);
	directory_set_filled(&s->directory);
	publish_count(s);
	log_info("directory loaded", LOG_I64("subscribers", l->tally.subscribers),
	    LOG_U64("gone", gone),
	    LOG_U64("ms", (s->child.clock.mono_ns - l->began_ns) / NS_PER_MS));
}

static void
on_page(void *ctx, unsigned step, struct pg_result *res)
{
	struct store *s = ctx;
	struct directory_load *l = &s->load;

	(void)step;
	if (dir_last(res, &l->cursor)) { /* there may be more of them */
		l->page = res;
		l->page_kind = l->kind;
		db_keep(&s->db);
		return;
	}
	l->kind++;
	l->cursor = (struct dir_cursor){ .id = "0" };
}

static void
on_page_done(void *ctx, enum db_end end)
{
	struct store *s = ctx;
	struct directory_load *l = &s->load;

	if (end != DB_DONE) {
		directory_load_down(s);
		l->all = true;
		l->retry_ns = s->child.clock.mono_ns + retry_after_ns;
	} else if (l->kind == DIR_PAGED) {
		finished(s);
	}
}

static void
read_page(struct store *s)
{
	struct directory_load *l = &s->load;
	struct db_job job = {
		.what = "load the directory", .rows = on_page, .done = on_page_done, .ctx = s
	};

	if (!l->renewing) {
		l->renewing = true;
		l->all = false;
		l->n_changes = l->in_flight = 0;
		l->kind = DIR_TENANT;
		l->cursor = (struct dir_cursor){ .id = "0" };
		l->tally.full = false;
		l->began_ns = s->child.clock.mono_ns;
		directory_renew(&s->directory);
	}
	struct db_step step = {
		.sql = dir_page_sql(l->kind), .n = 2, .params = { l->cursor.id, l->cursor.name }
	};
	db_run(&s->db, &job, &step, 1);
	directory_load_settle(s);
}

/* --- changes ------------------------------------------------------------------------------------ */

static void
on_changed(void *ctx, unsigned step, struct pg_result *res)
{
	struct store *s = ctx;

	(void)step;
	dir_rows(&s->directory, s->load.kind, res, &s->load.tally);
}

static void
on_changes_done(void *ctx, enum db_end end)
{
	struct store *s = ctx;
	struct directory_load *l = &s->load;

	if (end != DB_DONE) {
		l->all = true;
		l->retry_ns = s->child.clock.mono_ns + retry_after_ns;
	}
	log_debug("directory changed", LOG_U64("changes", l->in_flight));
	memmove(l->changes, l->changes + l->in_flight,
	    (l->n_changes - l->in_flight) * sizeof(l->changes[0]));
	l->n_changes -= l->in_flight;
	l->in_flight = 0;
	publish_count(s);
}

static void
read_changes(struct store *s)
{
	struct directory_load *l = &s->load;
	struct db_job job = {
		.what = "read changes", .rows = on_changed, .done = on_changes_done, .ctx = s
	};
	char json[DIR_CHANGES_AT_ONCE * 512];
	struct buf b = buf_on(json, sizeof(json));

	l->kind = l->changes[0].kind;
	while (l->in_flight < l->n_changes && l->in_flight < DIR_CHANGES_AT_ONCE &&
	       l->changes[l->in_flight].kind == l->kind) {
		const struct dir_change *c = &l->changes[l->in_flight];
		buf_str(&b, l->in_flight++ == 0 ? "[{\"i\":" : ",{\"i\":");
		buf_u64(&b, c->id);
		buf_lit(&b, ",\"n\":");
		cdr_put_json(&b, CDR_T_TEXT, span_str(c->name));
		buf_char(&b, '}');
	}
	buf_char(&b, ']');
	buf_char(&b, '\0');
	must(buf_ok(&b));
	struct db_step step = { .sql = dir_change_sql(l->kind), .n = 1, .params = { json } };
	db_run(&s->db, &job, &step, 1);
}

bool
directory_load_start(struct store *s, uint64_t *wait_r)
{
	struct directory_load *l = &s->load;
	uint64_t now = s->child.clock.mono_ns;

	if (now < l->retry_ns) {
		*wait_r = l->retry_ns - now;
		return false;
	}
	if (l->renewing || l->all) {
		read_page(s);
		return true;
	}
	if (l->n_changes == 0)
		return false;
	read_changes(s);
	return true;
}

/* --- once a day --------------------------------------------------------------------------------- */

/* As if every tenant had changed. */
static void
tenants_again(struct store *s)
{
	char key[RECORDS_KEY_MAX];
	struct dir_buf value;
	uint64_t cursor = 0;
	size_t len;

	while (records_next(&s->directory.records, &cursor, key, &len, value.words,
		   sizeof(value.words), &value.len) == ERR_NONE) {
		const struct dir_tenant *t = (const struct dir_tenant *)value.words;
		struct dir_change c = { .kind = DIR_TENANT };

		if (key[0] != 't' || value.len < sizeof(*t))
			continue;
		c.id = t->tenant;
		add_change(&s->load, &c);
	}
}

static void
zones_second(struct store *s)
{
	struct directory_load *l = &s->load;
	uint64_t now = s->child.clock.mono_ns;

	if (s->db.state != DB_UP || l->renewing || l->all || now < l->zones_ns + zones_every_ns)
		return;
	l->zones_ns = now;
	tenants_again(s);
}

/* --- the copy in spool_dir ---------------------------------------------------------------------- */

void
directory_load_second(struct store *s)
{
	struct directory_load *l = &s->load;
	uint64_t now = s->child.clock.mono_ns, version = records_version(&s->directory.records);

	zones_second(s);
	if (l->renewing || !directory_filled(&s->directory) || version == l->saved_version ||
	    (l->saved_ns != 0 && now < l->saved_ns + save_every_ns))
		return;
	l->saved_ns = now;
	if (snapshot_save(&s->directory, s->child.spool))
		l->saved_version = version;
	else
		log_warn("directory not saved in spool_dir", LOG_STR("error", strerror(errno)));
}
