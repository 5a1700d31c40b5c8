/* Builds an answer in the client's buffer, row by row: a listing may be long, a tree of it too large. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"

enum { FIRST_BYTES = 4096, OUT_MAX = 256 << 20, BEAT_ROWS = 512 };

static void
put(struct client *c, const char *text, size_t len)
{
	size_t cap = c->out_cap == 0 ? FIRST_BYTES : c->out_cap;
	char *more;

	while (cap - c->out_len < len && cap < OUT_MAX)
		cap *= 2;
	more = cap == c->out_cap || c->out_failed ? c->out : realloc(c->out, cap);
	if (c->out_failed || more == NULL || cap - c->out_len < len) {
		c->out_failed = true;
		return;
	}
	c->out = more;
	c->out_cap = cap;
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
}

/* Text from the network may be no UTF-8: then there is no value, and the row is left out. */
static void
put_json(struct client *c, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	if (text == NULL)
		c->out_failed = true;
	else
		put(c, text, strlen(text));
	free(text);
	json_decref(value);
}

void
reply_rows(struct client *c)
{
	static const char begin[] = "{\"ok\":true,\"rows\":[";

	c->control->rows = 0;
	put(c, begin, sizeof(begin) - 1);
}

void
reply_row(struct client *c, json_t *row)
{
	if (row == NULL)
		return;
	if (c->control->rows++ > 0)
		put(c, ",", 1);
	put_json(c, row);
	/* A long listing must not look like a standstill. */
	if (c->control->rows % BEAT_ROWS == 0)
		(void)child_turn(&c->control->child);
}

void
reply_rows_end(struct client *c)
{
	put(c, "]}\n", 3);
	client_answered(c);
}

void
reply_text(struct client *c, const char *text, size_t len)
{
	put_json(c, json_pack("{s:b, s:s%}", "ok", 1, "text", text, len));
	put(c, "\n", 1);
	client_answered(c);
}

void
reply_error(struct client *c, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put_json(c, json_pack("{s:b, s:s}", "ok", 0, "error", text));
	put(c, "\n", 1);
	client_answered(c);
}
