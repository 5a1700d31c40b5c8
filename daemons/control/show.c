/*
 * What is known of one call. Its view says who talks with whom; its worker, who is asked, what was said on
 * its legs. A worker who does not answer within two seconds keeps nobody from the view.
 */
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "model/callview.h"
#include "model/cdr.h"
#include "model/uuid.h"

enum { DEADLINE_S = 2, JSON_MAX = 1 << 18 };

static bool
ask(struct control *k, unsigned worker, const struct wire_show *s)
{
	struct ring *r = child_out(&k->child, ROLE_WORKER, worker);
	void *to = r == NULL ? NULL : ring_reserve(r, WIRE_SHOW, sizeof(*s));

	if (to == NULL)
		return false;
	memcpy(to, s, sizeof(*s));
	ring_commit(r, sizeof(*s));
	return true;
}

void
show_call(struct control *k, struct client *c, const json_t *args)
{
	const char *id = argument(args, "id");
	struct wire_show s = { .ticket = ++k->tickets };
	struct call_view view;
	unsigned worker;

	if (id == NULL || uuid_read(span_str(id), s.call_id) != ERR_NONE) {
		reply_error(c, "not the id of a call");
		return;
	}
	if (!call_find(k, s.call_id, &view, &worker)) {
		reply_error(c, "there is no such call now");
		return;
	}
	c->row = call_row(k, &view);
	c->ticket = s.ticket;
	c->deadline_ns = k->child.clock.mono_ns + DEADLINE_S * NS_PER_S;
	c->state = CLIENT_SHOW;
	if (!ask(k, worker, &s))
		show_late(c);
}

static void
answer(struct client *c)
{
	json_t *row = c->row;

	c->row = NULL;
	reply_rows(c);
	reply_row(c, row);
	reply_rows_end(c);
}

void
show_late(struct client *c)
{
	answer(c);
}

/* --- the record as JSON -------------------------------------------------------------------------*/

static void
put_fields(struct buf *b, enum cdr_part part, struct cdr_reader *r)
{
	const struct cdr_column *column;
	struct span bytes;
	uint8_t field;

	buf_char(b, '{');
	while (cdr_next_field(r, &field, &bytes)) {
		column = cdr_column(part, field);
		if (column == NULL)
			continue;
		if (b->p[b->len - 1] != '{')
			buf_char(b, ',');
		buf_printf(b, "\"%s\":", column->name);
		cdr_put_json(b, column->type, bytes);
	}
	buf_char(b, '}');
}

/* {"call":{...},"legs":[{...}]} */
static json_t *
json_of(struct span record)
{
	struct buf b = buf_on(malloc(JSON_MAX), JSON_MAX);
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part part;
	bool first = true;
	json_t *all = NULL;

	if (b.p != NULL && cdr_open(&r, record, &kind) == ERR_NONE && cdr_next_part(&r, &part)) {
		buf_lit(&b, "{\"call\":");
		put_fields(&b, part, &r);
		buf_lit(&b, ",\"legs\":[");
		while (cdr_next_part(&r, &part)) {
			if (part != CDR_P_LEG)
				continue;
			if (!first)
				buf_char(&b, ',');
			put_fields(&b, part, &r);
			first = false;
		}
		buf_lit(&b, "]}");
		all = buf_ok(&b) ? json_loadb(b.p, b.len, 0, NULL) : NULL;
	}
	free(b.p);
	return all;
}

/* --- the worker's answer ------------------------------------------------------------------------*/

static struct client *
client_of(struct control *k, uint64_t ticket)
{
	for (struct client *c = k->clients; c < k->clients + CLIENTS_MAX; c++)
		if (c->state == CLIENT_SHOW && c->ticket == ticket)
			return c;
	return NULL;
}

void
show_answer(struct control *k, const struct wire_shown *s, uint32_t len)
{
	struct client *c = client_of(k, s->ticket);
	json_t *all, *call;

	if (c == NULL)
		return;
	if (s->len == 0) { /* it ended meanwhile */
		json_decref(c->row);
		c->row = NULL;
		reply_error(c, "there is no such call now");
		return;
	}
	all = s->len > len - sizeof(*s) ? NULL : json_of(span_of(s->data, s->len));
	call = json_object_get(all, "call");
	json_object_set(c->row, "legs", json_object_get(all, "legs"));
	json_object_set(c->row, "ladder", json_object_get(call, "ladder"));
	json_object_set(c->row, "decisions", json_object_get(call, "decisions"));
	json_object_set(c->row, "merged_into", json_object_get(call, "merged_into"));
	json_decref(all);
	answer(c);
}
