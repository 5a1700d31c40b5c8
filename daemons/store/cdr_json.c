/* A closed record as rows: JSON objects whose names are the columns, and the SQL that takes them. */
#include "store/store.h"

#include <string.h>

#include "model/uuid.h"

static const char *const tables[] = { "call", "cdr", "cdr_leg", "message" };

/* What a segment or a leg has besides its own fields. */
struct above {
	struct span call_id;
	bool has_id;
	uint32_t seq;
};

static void
put_name(struct buf *b, const char *name)
{
	buf_char(b, '"');
	buf_str(b, name);
	buf_lit(b, "\":");
}

static void
put_field(struct buf *b, struct above *a, enum cdr_part part, uint8_t number, struct span bytes)
{
	const struct cdr_column *column = cdr_column(part, number);

	if (column == NULL)
		return; /* of a newer program */
	if (b->len > 0 && b->p[b->len - 1] != '{')
		buf_char(b, ',');
	put_name(b, column->name);
	cdr_put_json(b, column->type, bytes);
	if (part == CDR_P_SEGMENT && number == CDR_SEGMENT_seq)
		a->seq = (uint32_t)cdr_value(bytes);
	if (part == CDR_P_SEGMENT && number == CDR_SEGMENT_cdr_id)
		a->has_id = true;
}

static void
put_part(struct buf *b, struct above *a, enum cdr_part part, struct cdr_reader *r)
{
	uint8_t number;
	struct span bytes;

	a->has_id = false;
	buf_str(b, b->len == 0 ? "[{" : ",{");
	if (part != CDR_P_MESSAGE) {
		put_name(b, "call_id");
		cdr_put_json(b, CDR_T_UUID, a->call_id);
	}
	while (cdr_next_field(r, &number, &bytes)) {
		if (part != CDR_P_CALL || number != CDR_CALL_call_id)
			put_field(b, a, part, number, bytes);
	}
	if (part == CDR_P_SEGMENT && !a->has_id) {
		uint8_t id[16];
		uuid_of_segment(id, (const uint8_t *)a->call_id.p, a->seq);
		buf_char(b, ',');
		put_name(b, "cdr_id");
		cdr_put_json(b, CDR_T_UUID, span_of(id, 16));
	}
	buf_char(b, '}');
}

bool
cdr_rows_add(struct cdr_rows *rows, const struct record_about *about)
{
	struct cdr_reader r = about->parts;
	enum cdr_part part;
	size_t before[CDR_TABLES];
	struct above a = { .call_id = span_of(about->id, sizeof(about->id)) };
	bool good = true;

	for (unsigned i = 0; i < CDR_TABLES; i++)
		before[i] = rows->json[i].len;
	while (cdr_next_part(&r, &part)) {
		if (part >= CDR_P_CALL && part <= CDR_P_MESSAGE)
			put_part(&rows->json[about->kind == CDR_MESSAGE_GONE ? CDR_GONE
									     : part - CDR_P_CALL],
			    &a, part, &r);
	}
	/* One byte stays for the closing bracket, one for NUL. */
	for (unsigned i = 0; i < CDR_TABLES; i++)
		good = good && buf_ok(&rows->json[i]) && rows->json[i].len + 2 <= rows->json[i].cap;
	for (unsigned i = 0; i < CDR_TABLES && !good; i++) {
		rows->json[i].len = before[i];
		rows->json[i].overrun = false;
	}
	return good;
}

/* A column for which a record may be silent though the table wants a value. */
static const char *
otherwise(enum cdr_part part, const struct cdr_column *c)
{
	if (c->type == CDR_T_BOOL)
		return "false";
	if (part == CDR_P_LEG && strcmp(c->name, "retransmissions") == 0)
		return "0";
	return NULL;
}

void
cdr_insert_sql(struct buf *b, enum cdr_part part)
{
	unsigned n;
	const struct cdr_column *columns = cdr_columns(part, &n);
	const char *table = tables[part - CDR_P_CALL];
	const char *first = part == CDR_P_SEGMENT || part == CDR_P_LEG ? "call_id" : "";

	buf_printf(b, "insert into tandem.%s (%s", table, first);
	for (unsigned i = 0; i < n; i++)
		buf_printf(b, "%s%s", i == 0 && *first == '\0' ? "" : ", ", columns[i].name);
	buf_printf(b, ") select %s", first);
	for (unsigned i = 0; i < n; i++) {
		const char *value = otherwise(part, &columns[i]);
		buf_str(b, i == 0 && *first == '\0' ? "" : ", ");
		if (value == NULL)
			buf_str(b, columns[i].name);
		else
			buf_printf(b, "coalesce(%s, %s)", columns[i].name, value);
	}
	buf_printf(b,
	    " from jsonb_populate_recordset(null::tandem.%s, $1::jsonb)"
	    " on conflict do nothing",
	    table);
	buf_char(b, '\0');
}

const char message_gone_sql[] =
    "update tandem.message m set delivered_at = r.delivered_at, headers = '', body = ''"
    " from jsonb_populate_recordset(null::tandem.message, $1::jsonb) r"
    " where m.tenant_id = r.tenant_id and m.id = r.id and m.delivered_at is null";
