/*
 * Closed calls and messages from the journal into the database, in batches, each one transaction;
 * the journal's mark moves after the COMMIT. A batch that is refused for its data is tried again by
 * halves, until the record that is to blame stands alone: it is put aside in the spool directory,
 * loudly, and the others go on.
 */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static const uint64_t retry_after_ns = 500 * NS_PER_MS, partitions_every_ns = 6 * 3600 * NS_PER_S;

void
cdr_insert_open(struct store *s)
{
	struct cdr_insert *in = &s->cdr;

	*in = (struct cdr_insert){ .most = CDR_BATCH };
	frames_init(&in->frames, s->child.spool);
	in->next = s->journal.mark;
	for (unsigned i = 0; i < CDR_TABLES; i++) {
		char *json = malloc(CDR_JSON);
		in->sql[i] = malloc(CDR_SQL);
		if (json == NULL || in->sql[i] == NULL)
			fatal(errno, "no memory for rows");
		in->rows.json[i] = buf_on(json, CDR_JSON);
		struct buf sql = buf_on(in->sql[i], CDR_SQL);
		if (i == CDR_GONE)
			buf_put(&sql, span_of(message_gone_sql, strlen(message_gone_sql) + 1));
		else
			cdr_insert_sql(&sql, (enum cdr_part)(CDR_P_CALL + i));
		must(buf_ok(&sql));
	}
}

void
cdr_insert_close(struct store *s)
{
	frames_done(&s->cdr.frames);
	for (unsigned i = 0; i < CDR_TABLES; i++) {
		free(s->cdr.rows.json[i].p);
		free(s->cdr.sql[i]);
	}
}

static bool
in_batch(const struct cdr_insert *in, const uint8_t id[16])
{
	for (unsigned i = 0; i < in->n; i++) {
		if (memcmp(in->ids[i], id, 16) == 0)
			return true;
	}
	return false;
}

/* The record is kept as the rows it would have been, so that somebody can mend and insert it. */
static bool
put_aside(struct store *s, struct journal_pos pos)
{
	char name[64];
	struct cdr_insert *in = &s->cdr;
	struct buf b = buf_on(malloc(CDR_TABLES * CDR_JSON), CDR_TABLES * CDR_JSON);
	static const char *const names[] = { "{\"call\":", ",\n\"cdr\":", ",\n\"cdr_leg\":",
		",\n\"message\":", ",\n\"message_gone\":" };

	if (b.p == NULL)
		return false;
	for (unsigned i = 0; i < CDR_TABLES; i++) {
		buf_str(&b, names[i]);
		buf_put(&b, buf_span(&in->rows.json[i]));
	}
	buf_lit(&b, "}\n");
	snprintf(name, sizeof(name), "rejected-%010llu-%010llu.json", (unsigned long long)pos.seq,
	    (unsigned long long)pos.at);
	bool good = buf_ok(&b) && spool_replace(s->child.spool, name, buf_span(&b), true);
	free(b.p);
	log_error(good ? "call record refused by the database: put aside"
		       : "call record refused by the database, and it cannot be put aside",
	    LOG_STR("file", name));
	return good;
}

static void
move_mark(struct store *s)
{
	struct cdr_insert *in = &s->cdr;

	journal_mark(&s->journal, in->behind, in->n, s->child.clock.wall_ms);
	in->next = in->behind;
}

static void
on_done(void *ctx, enum db_end end)
{
	struct store *s = ctx;
	struct cdr_insert *in = &s->cdr;

	switch (end) {
	case DB_DONE:
		count(s->child.self, COUNT_CDRS_STORED, in->n - in->messages);
		move_mark(s);
		messages_written(s);
		in->most = 2 * in->most < CDR_BATCH ? 2 * in->most : CDR_BATCH;
		break;
	case DB_REFUSED:
		if (in->n > 1) {
			in->most = in->n / 2;
		} else if (put_aside(s, in->next)) {
			count(s->child.self, COUNT_CDRS_REJECTED, 1);
			move_mark(s);
			in->most = CDR_BATCH;
			break;
		} else {
			in->retry_ns = s->child.clock.mono_ns + retry_after_ns;
		}
		break;
	case DB_FAILED:
		in->retry_ns = s->child.clock.mono_ns + retry_after_ns;
		break;
	}
	in->n = 0;
}

/* Fills the batch from the journal. False: there is nothing. */
static bool
gather(struct store *s)
{
	struct cdr_insert *in = &s->cdr;
	struct journal_pos pos = in->next;
	struct frame frame;
	struct record_about about;
	enum err e = ERR_NONE;

	in->n = in->messages = 0;
	for (unsigned i = 0; i < CDR_TABLES; i++)
		in->rows.json[i] = buf_on(in->rows.json[i].p, CDR_JSON);
	while (in->n < in->most && in->n < CDR_BATCH) {
		struct journal_pos before = pos;
		if ((e = journal_read(&s->journal, &in->frames, &pos, &frame)) != ERR_NONE)
			break;
		if (frame.record.len == 0 || record_about(frame.record, &about) != ERR_NONE ||
		    about.kind < CDR_CLOSED)
			continue;
		if (in_batch(in, about.id) || !cdr_rows_add(&in->rows, &about)) {
			pos = before;
			break;
		}
		memcpy(in->ids[in->n], about.id, sizeof(about.id));
		in->n++;
		in->messages += about.kind > CDR_CLOSED;
		if (about.kind == CDR_MESSAGE)
			messages_gathered(s, frame.record);
	}
	if (e == ERR_IO) {
		log_error("journal cannot be read", LOG_U64("segment", pos.seq),
		    LOG_U64("at", pos.at), LOG_STR("error", strerror(errno)));
		in->retry_ns = s->child.clock.mono_ns + retry_after_ns;
	}
	in->behind = pos;
	return in->n > 0;
}

static void
send_batch(struct store *s)
{
	struct cdr_insert *in = &s->cdr;
	struct db_step steps[CDR_TABLES];
	struct db_job job = { .what = "insert calls", .done = on_done, .ctx = s };

	for (unsigned i = 0; i < CDR_TABLES; i++) {
		struct buf *b = &in->rows.json[i];
		if (b->len == 0)
			buf_char(b, '[');
		buf_lit(b, "]");
		b->p[b->len] = '\0';
		steps[i] = (struct db_step){ .sql = in->sql[i], .n = 1, .params = { b->p } };
	}
	db_run(&s->db, &job, steps, CDR_TABLES);
}

static void
on_partitions(void *ctx, enum db_end end)
{
	struct store *s = ctx;

	if (end != DB_DONE)
		log_warn("the months to come have no partitions yet");
	s->cdr.partitions_ns = s->child.clock.mono_ns + partitions_every_ns;
}

bool
cdr_insert_start(struct store *s, uint64_t *wait_r)
{
	struct cdr_insert *in = &s->cdr;
	uint64_t now = s->child.clock.mono_ns;

	if (now >= in->partitions_ns) {
		struct db_step step = { .sql = "select tandem.cdr_partitions()" };
		struct db_job job = { .what = "make months", .done = on_partitions, .ctx = s };
		db_run(&s->db, &job, &step, 1);
		return true;
	}
	if (now < in->retry_ns) {
		*wait_r = in->retry_ns - now;
		return false;
	}
	if (!gather(s)) {
		/* Records that make no rows are passed for good. */
		if (in->behind.seq != in->next.seq)
			move_mark(s);
		in->next = in->behind;
		return false;
	}
	send_batch(s);
	return true;
}
