/*
 * Service codes: a worker asks for a change of a subscriber's settings, which is in the database and in
 * the directory before the worker hears that it is. While the database is away it is refused: kept, it
 * would come into force when nobody expects it any more.
 *
 *     worker            store                          database
 *       |-- CODE -------->|-- feature_within() ---------->|
 *       |                 |-- the row as it is now ------>|   directory; so do his groups when
 *       |                 |                               |   he logs in or out of them
 *       |<--- CODE_DONE --|                               |
 *
 * A tenant whose subscribers have put in so many numbers that others would lack the room is refused more
 * (sql/0042); when the directory takes no more all the same, that it is not in force is what is said.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/log.h"

/* The worker gives its caller up after CODE_WAIT_S (call_code.c): what comes later is not done. */
static const uint64_t too_old_ns = 3 * NS_PER_S;

/* The entries of his lists, and that the number dialled is in no other: as DIR_LISTED. */
static const char lists_sql[] =
    "select l.subscriber_id, l.kind || '/' || l.caller, 1 from tandem.caller_list l"
    " where l.subscriber_id = $1::bigint union all"
    " select $1::bigint, k || '/' || $2, null from unnest(enum_range(null::tandem.caller_kind)) k"
    " where $2 <> '' and not exists (select from tandem.caller_list l"
    " where l.subscriber_id = $1::bigint and l.kind = k and l.caller = $2)";

/* All of his speed dial: the action alone knows which place it was. As DIR_SPEED. */
static const char speed_sql[] =
    "select $1::bigint, p::text, x.number from generate_series(0, 99) p"
    " left join tandem.speed_dial x on x.subscriber_id = $1::bigint and x.place = p";

static void
tell(struct store *s, unsigned worker, const struct wire_code_done *d)
{
	struct ring *out = child_out(&s->child, ROLE_WORKER, worker);
	struct wire_code_done *w =
	    out == NULL ? NULL : ring_reserve(out, WIRE_CODE_DONE, sizeof(*w));

	if (w == NULL)
		return; /* the worker refuses it after a while */
	*w = *d;
	ring_commit(out, sizeof(*w));
	ring_publish(out);
}

static void
refuse(struct store *s, const struct code_wait *x)
{
	struct wire_code_done d = {
		.call = x->code.call, .status = 503, .phrase = "Settings cannot be changed now"
	};

	tell(s, x->worker, &d);
}

void
codes_take(struct store *s, unsigned worker, const struct wire_code *w)
{
	struct codes *c = &s->codes;
	struct code_wait x = { .worker = worker, .code = *w };

	x.code.action[sizeof(x.code.action) - 1] = '\0';
	x.code.number[sizeof(x.code.number) - 1] = '\0';
	if (s->db.state != DB_UP || c->n == CODES_MAX)
		refuse(s, &x);
	else
		c->waiting[c->n++] = x;
}

static void
first_is_over(struct codes *c)
{
	c->n--;
	memmove(&c->waiting[0], &c->waiting[1], c->n * sizeof(c->waiting[0]));
}

/* The one in flight has been told of its end before. */
void
codes_down(struct store *s)
{
	for (unsigned i = 0; i < s->codes.n; i++)
		refuse(s, &s->codes.waiting[i]);
	s->codes.n = 0;
}

/* What of the directory it may change beside his settings. */
static enum dir_kind
kind_of(const struct wire_code *w)
{
	if (strncmp(w->action, "group.", 6) == 0)
		return DIR_GROUP;
	return strncmp(w->action, "speed.", 6) == 0 ? DIR_SPEED : DIR_LISTED;
}

static void
put_rows(struct store *s, enum dir_kind kind, const struct pg_result *res)
{
	struct dir_tally *all = &s->load.tally, now = { .subscribers = all->subscribers };

	directory_load_settle(s);
	dir_rows(&s->directory, kind, res, &now);
	if (now.full && s->codes.done.status == 200)
		s->codes.done = (struct wire_code_done){ .call = s->codes.done.call,
			.status = 503,
			.phrase = "Kept, but there is no room to put it into force" };
	*all = (struct dir_tally){ now.subscribers, all->full || now.full };
}

static void
on_rows(void *ctx, unsigned step, struct pg_result *res)
{
	struct store *s = ctx;
	struct wire_code_done *d = &s->codes.done;

	if (step > 0) {
		put_rows(s, step == 1 ? DIR_SUBSCRIBER : kind_of(&s->codes.waiting[0].code), res);
	} else if (step == 0 && PQntuples(res) == 1) {
		struct span phrase = span_str(PQgetvalue(res, 0, 1));

		d->status = (uint16_t)atoi(PQgetvalue(res, 0, 0));
		span_cstr(span_first(phrase, sizeof(d->phrase) - 1), d->phrase, sizeof(d->phrase));
	}
}

static void
on_done(void *ctx, enum db_end end)
{
	struct store *s = ctx;
	struct codes *c = &s->codes;

	if (end == DB_DONE && c->done.status >= 200) {
		tell(s, c->waiting[0].worker, &c->done);
	} else { /* the directory may have what the database has not */
		refuse(s, &c->waiting[0]);
		s->load.all = true;
	}
	first_is_over(c);
}

bool
codes_start(struct store *s, uint64_t *wait_r)
{
	struct codes *c = &s->codes;
	char id[24], seconds[24], room[24], json[64];
	struct buf i = buf_on(id, sizeof(id)), t = buf_on(seconds, sizeof(seconds)),
		   r = buf_on(room, sizeof(room)), j = buf_on(json, sizeof(json));
	const struct wire_code *w = &c->waiting[0].code;
	struct db_job job = {
		.what = "do a service code", .rows = on_rows, .done = on_done, .ctx = s
	};

	(void)wait_r;
	while (c->n > 0 && w->at_ns + too_old_ns < s->child.clock.mono_ns) {
		refuse(s, &c->waiting[0]);
		first_is_over(c);
	}
	if (c->n == 0)
		return false;
	c->done = (struct wire_code_done){ .call = w->call };
	buf_u64(&i, w->subscriber);
	buf_char(&i, '\0');
	buf_u64(&t, w->seconds);
	buf_char(&t, '\0');
	buf_u64(&r, directory_entries(s->settings->limits.subscribers));
	buf_char(&r, '\0');
	buf_lit(&j, "[{\"i\":");
	buf_u64(&j, w->subscriber);
	buf_lit(&j, ",\"n\":\"\"}]");
	buf_char(&j, '\0');
	struct db_step steps[] = {
		{ .sql = "select status, phrase from tandem.feature_within($1::bigint,"
			 " $2, nullif($3, ''), nullif($4, '0')::int, $5::bigint)",
		    .n = 5,
		    .params = { id, w->action, w->number, seconds, room } },
		{ .sql = dir_change_sql(DIR_SUBSCRIBER), .n = 1, .params = { json } },
		{ .sql = lists_sql, .n = 2, .params = { id, w->number } },
	};
	if (kind_of(w) != DIR_LISTED)
		steps[2] =
		    (struct db_step){ .sql = kind_of(w) == DIR_GROUP ? dir_groups_sql() : speed_sql,
			    .n = 1,
			    .params = { id } };
	db_run(&s->db, &job, steps, 3);
	return true;
}
