/*
 * What a call would do: any worker can say, since all know the same directory, and the first is asked. What
 * it says are lines, of which rows are made here.
 */
#include <string.h>

#include "base/span.h"
#include "control/control.h"

enum { DEADLINE_S = 2, CELLS = 4 };

static bool
put_argument(const json_t *args, const char *name, char *to, size_t cap)
{
	const char *s = argument(args, name);

	if (s == NULL || strlen(s) >= cap)
		return false;
	memcpy(to, s, strlen(s) + 1);
	return true;
}

/* One that may be left out, and is empty then. */
static bool
put_option(const json_t *args, const char *name, char *to, size_t cap)
{
	return argument(args, name) == NULL || put_argument(args, name, to, cap);
}

void
explain_call(struct control *k, struct client *c, const json_t *args)
{
	struct wire_explain x = { .ticket = ++k->tickets };
	struct ring *r = child_out(&k->child, ROLE_WORKER, 0);
	void *to;

	if (!put_argument(args, "from", x.from, sizeof(x.from)) ||
	    !put_argument(args, "to", x.to, sizeof(x.to))) {
		reply_error(c, "not who calls, and what he dials");
		return;
	}
	if (!put_option(args, "at", x.at, sizeof(x.at)) ||
	    !put_option(args, "priority", x.priority, sizeof(x.priority))) {
		reply_error(c, "not when he dials, and with what priority");
		return;
	}
	to = r == NULL ? NULL : ring_reserve(r, WIRE_EXPLAIN, sizeof(x));
	if (to == NULL) {
		reply_error(c, "no worker can be reached");
		return;
	}
	memcpy(to, &x, sizeof(x));
	ring_commit(r, sizeof(x));
	c->ticket = x.ticket;
	c->deadline_ns = k->child.clock.mono_ns + DEADLINE_S * NS_PER_S;
	c->state = CLIENT_EXPLAIN;
}

void
explain_late(struct client *c)
{
	reply_error(c, "the worker does not answer");
}

static json_t *
row_of(struct span line)
{
	static const char *const names[CELLS] = { "when", "what", "who", "why" };
	json_t *row = json_object();

	for (unsigned i = 0; i < CELLS; i++) {
		struct span cell;
		json_t *text;

		line = span_cut(line, '\t', &cell);
		text = json_stringn(cell.p == NULL ? "" : cell.p, cell.len);
		json_object_set_new(row, names[i], text != NULL ? text : json_string("?"));
	}
	return row;
}

void
explain_answer(struct control *k, const struct wire_explained *x, uint32_t len)
{
	struct client *c = k->clients;
	struct span rest, line;

	while (
	    c < k->clients + CLIENTS_MAX && (c->state != CLIENT_EXPLAIN || c->ticket != x->ticket))
		c++;
	if (c == k->clients + CLIENTS_MAX || x->len > len - sizeof(*x))
		return;
	if (x->refused) {
		reply_error(c, "%.*s", (int)x->len, x->data);
		return;
	}
	rest = span_of(x->data, x->len);
	reply_rows(c);
	while (rest.len > 0) {
		rest = span_cut(rest, '\n', &line);
		reply_row(c, row_of(line));
	}
	reply_rows_end(c);
}
