/*
 * The ladder of a call, drawn: a lifeline for each party and one for the exchange, who stands between the
 * caller and all others, and an arrow for each message.
 *
 *                 1001                       tandem                       1002
 *            127.0.0.1:5070                                          127.0.0.1:5072
 *         0.000    |------- INVITE (sdp) ------>|                            |
 *         0.000    |<------- 100 Trying --------|                            |
 *         0.001    |                            |------- INVITE (sdp) ------>|
 *
 * It fits 80 columns as long as there are at most four parties.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "sip/names.h"

enum {
	PARTIES_MAX = 32,
	FIRST_AT = 17, /* column of the first lifeline */
	GAP_MOST = 28, /* between two of them */
	GAP_LEAST = 14,
	WIDTH = 80,
	HEAD_HALF = 8, /* what stands over the last one, right of it */
	LINE = FIRST_AT + PARTIES_MAX * GAP_LEAST + 64,
};

struct party {
	json_int_t leg;
	const char *name, *address;
};

struct drawing {
	struct party parties[PARTIES_MAX];
	int n, gap;
	char line[LINE];
};

/* --- who ----------------------------------------------------------------------------------------*/

static int
by_leg(const void *a, const void *b)
{
	const struct party *x = a, *y = b;

	return x->leg < y->leg ? -1 : x->leg > y->leg;
}

static void
party_add(struct drawing *d, json_int_t leg, const char *name, const char *address)
{
	for (int i = 0; i < d->n; i++)
		if (d->parties[i].leg == leg)
			return;
	if (d->n < PARTIES_MAX)
		d->parties[d->n++] = (struct party){ leg, name == NULL ? "?" : name,
			address == NULL ? "" : address };
}

/* A leg that has no row, because the record had no room for it, is there all the same. */
static void
parties_collect(struct drawing *d, const json_t *legs, const json_t *ladder)
{
	json_t *row;
	size_t i;

	json_array_foreach(legs, i, row)
	    party_add(d, json_integer_value(json_object_get(row, "leg_no")),
		json_string_value(json_object_get(row, "party")),
		json_string_value(json_object_get(row, "remote_address")));
	json_array_foreach(ladder, i, row) if (json_object_get(row, "leg") != NULL)
	    party_add(d, json_integer_value(json_object_get(row, "leg")), NULL, NULL);
	qsort(d->parties, (size_t)d->n, sizeof(d->parties[0]), by_leg);
	d->gap = (WIDTH - 1 - FIRST_AT - HEAD_HALF) / (d->n == 0 ? 1 : d->n);
	d->gap = d->gap > GAP_MOST ? GAP_MOST : d->gap < GAP_LEAST ? GAP_LEAST : d->gap;
}

/* The exchange is the second lifeline. */
static int
column_of(const struct drawing *d, int party)
{
	return FIRST_AT + (party == 0 ? 0 : party + 1) * d->gap;
}

static int
exchange_column(const struct drawing *d)
{
	return FIRST_AT + d->gap;
}

/* --- a line -------------------------------------------------------------------------------------*/

static void
line_begin(struct drawing *d, const char *left)
{
	memset(d->line, ' ', sizeof(d->line));
	memcpy(d->line, left, strlen(left));
}

static void
line_end(struct drawing *d)
{
	int len = LINE - 1;

	while (len > 0 && d->line[len - 1] == ' ')
		len--;
	d->line[len] = '\0';
	puts(d->line);
}

/* Text from the network: only what a terminal prints as one column. */
static void
put_text(struct drawing *d, int at, const char *text, int most)
{
	for (int i = 0; i < most && text[i] != '\0'; i++)
		d->line[at + i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
}

/* At most so many bytes, and no more than the column takes. */
static void
put_centred(struct drawing *d, int column, const char *text, int most)
{
	int len = (int)strnlen(text, (size_t)(most < d->gap - 1 ? most : d->gap - 1));

	put_text(d, column - len / 2, text, len);
}

static void
put_lifelines(struct drawing *d)
{
	d->line[exchange_column(d)] = '|';
	for (int i = 0; i < d->n; i++)
		d->line[column_of(d, i)] = '|';
}

/* An address that is too wide for its column has its port in a line of its own. */
static bool
is_wide(const struct drawing *d, const char *address)
{
	return (int)strlen(address) >= d->gap && strrchr(address, ':') != NULL;
}

static void
addresses_print(struct drawing *d)
{
	bool wide = false;

	line_begin(d, "        s");
	for (int i = 0; i < d->n; i++) {
		const char *address = d->parties[i].address;
		int len = (int)strlen(address);

		if (is_wide(d, address)) {
			wide = true;
			len = (int)(strrchr(address, ':') - address);
		}
		put_centred(d, column_of(d, i), address, len);
	}
	line_end(d);
	if (!wide)
		return;
	line_begin(d, "");
	for (int i = 0; i < d->n; i++) {
		const char *address = d->parties[i].address;

		if (is_wide(d, address))
			put_centred(d, column_of(d, i), strrchr(address, ':'), LINE);
	}
	line_end(d);
}

static void
heads_print(struct drawing *d)
{
	line_begin(d, "");
	put_centred(d, exchange_column(d), "tandem", LINE);
	for (int i = 0; i < d->n; i++)
		put_centred(d, column_of(d, i), d->parties[i].name, LINE);
	line_end(d);
	addresses_print(d);
}

/* --- an arrow -----------------------------------------------------------------------------------*/

/* "200 OK (BYE)"; when that is too long, "200 (BYE)". */
static void
label_make(const json_t *e, char *label, size_t size, int most)
{
	const char *method = json_string_value(json_object_get(e, "method"));
	int status = (int)json_integer_value(json_object_get(e, "status"));
	int fork = (int)json_integer_value(json_object_get(e, "fork"));
	char about[64] = "";

	method = method == NULL || method[0] == '\0' ? "?" : method;
	if (json_is_true(json_object_get(e, "sdp")))
		snprintf(about, sizeof(about), " (sdp)");
	else if (status != 0 && strcmp(method, "INVITE") != 0)
		snprintf(about, sizeof(about), " (%s)", method);
	if (fork != 0)
		snprintf(about, sizeof(about), " (fork %d)", fork);
	if (status == 0) {
		snprintf(label, size, "%s%s", method, about);
		return;
	}
	snprintf(label, size, "%d %s%s", status, sip_reason((unsigned)status), about);
	if ((int)strlen(label) > most)
		snprintf(label, size, "%d%s", status, about);
}

/* The words stand next to the party whose message it is; the line passes the parties between. */
static void
put_arrow(struct drawing *d, int party, const json_t *e)
{
	int from = exchange_column(d), to = column_of(d, party), room = d->gap - 2, at;
	int low = from < to ? from : to, high = from < to ? to : from;
	bool right = json_is_true(json_object_get(e, "sent")) == (from < to);
	char label[128];
	int len;

	label_make(e, label, sizeof(label), room);
	len = (int)strlen(label) < room ? (int)strlen(label) : room;
	for (int i = low + 1; i < high; i++)
		if (d->line[i] == ' ')
			d->line[i] = '-';
	at = (party == 0 ? low : high - d->gap) + 1 + (right ? 0 : 1);
	at += (room - len) / 2;
	put_text(d, at, label, len);
	if (len + 2 <= room) {
		d->line[at - 1] = ' ';
		d->line[at + len] = ' ';
	}
	if (right)
		d->line[high - 1] = '>';
	else
		d->line[low + 1] = '<';
}

static void
entry_print(struct drawing *d, const json_t *e)
{
	json_int_t ms = json_integer_value(json_object_get(e, "ms"));
	json_int_t leg = json_integer_value(json_object_get(e, "leg"));
	json_t *more = json_object_get(e, "more");
	char left[40];
	int party = 0;

	if (more != NULL) {
		printf("%9s  %" JSON_INTEGER_FORMAT " messages are not kept\n", "...",
		    json_integer_value(more));
		return;
	}
	while (party < d->n && d->parties[party].leg != leg)
		party++;
	if (party == d->n)
		return;
	snprintf(left, sizeof(left), "%5" JSON_INTEGER_FORMAT ".%03d", ms / 1000, (int)(ms % 1000));
	line_begin(d, left);
	put_lifelines(d);
	put_arrow(d, party, e);
	line_end(d);
}

void
ladder_print(const json_t *legs, const json_t *ladder)
{
	struct drawing d = { .n = 0 };
	json_t *e;
	size_t i;

	if (json_array_size(ladder) == 0)
		return;
	parties_collect(&d, legs, ladder);
	putchar('\n');
	heads_print(&d);
	json_array_foreach(ladder, i, e) entry_print(&d, e);
}
