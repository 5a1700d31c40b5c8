/* Reads the call records that the worker wrote into the store's ring. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_rig.h"

static void
put_part(struct buf *b, struct cdr_reader *r, enum cdr_part part, unsigned number)
{
	static const char *const names[] = { "", "call", "segment", "leg", "message" };
	const struct cdr_column *c;
	char text[16384];
	struct span bytes, value;
	uint8_t field;

	while (cdr_next_field(r, &field, &bytes)) {
		struct buf v = buf_on(text, sizeof(text));

		c = cdr_column(part, field);
		cr_assert_not_null(c);
		if (part == CDR_P_LEG && field == CDR_LEG_leg_no)
			number = (unsigned)cdr_value(bytes);
		cdr_put_json(&v, c->type, bytes);
		value = buf_span(&v);
		if (value.len >= 2 && value.p[0] == '"')
			value = span_of(value.p + 1, value.len - 2);
		buf_str(b, names[part]);
		if (part != CDR_P_CALL) {
			buf_char(b, '.');
			buf_u64(b, number);
		}
		buf_char(b, '.');
		buf_str(b, c->name);
		buf_char(b, '=');
		buf_put(b, value);
		buf_char(b, '\n');
	}
}

/* A record's first field names its call. */
static unsigned
count_call(struct cdr_reader r, enum cdr_kind kind)
{
	enum cdr_part part;
	struct span id;
	uint8_t field;
	unsigned i = 0;

	cr_assert(cdr_next_part(&r, &part) && cdr_next_field(&r, &field, &id));
	cr_assert(part == CDR_P_CALL && field == CDR_CALL_call_id && id.len == 16);
	while (i < rig->n_calls && memcmp(rig->calls[i].id, id.p, 16) != 0)
		i++;
	if (i == rig->n_calls) {
		cr_assert_lt(rig->n_calls, RIG_CALLS);
		memcpy(rig->calls[rig->n_calls++].id, id.p, 16);
	}
	rig->calls[i].opened += kind == CDR_OPEN;
	rig->calls[i].closed += kind == CDR_CLOSED;
	return i;
}

void
rig_expect_all_closed(void)
{
	for (unsigned i = 0; i < rig->n_calls; i++)
		cr_expect(rig->calls[i].opened <= 1 && rig->calls[i].closed >= 1,
		    "call %u: opened %u, closed %u", i, rig->calls[i].opened, rig->calls[i].closed);
}

static void
read_record(struct span record)
{
	struct buf b = buf_on(rig->cdr, sizeof(rig->cdr) - 1);
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part part;
	unsigned segments = 0, call;

	cr_assert_eq(cdr_open(&r, record, &kind), ERR_NONE);
	call = count_call(r, kind);
	rig->opened += kind == CDR_OPEN;
	rig->answered += kind == CDR_ANSWERED;
	rig->closed += kind == CDR_CLOSED;
	if (kind != CDR_CLOSED)
		return;
	while (cdr_next_part(&r, &part))
		put_part(&b, &r, part, part == CDR_P_SEGMENT ? ++segments : 0);
	cr_assert(buf_ok(&b));
	rig->cdr[b.len] = '\0';
	free(rig->calls[call].cdr);
	rig->calls[call].cdr = strdup(rig->cdr);
}

static void
take_message(unsigned worker, const struct wire_message *in)
{
	struct buf b = buf_on(rig->message, sizeof(rig->message) - 1);
	struct wire_message_fate *f;
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part part;
	struct span id;
	uint8_t field;

	cr_assert_eq(cdr_open(&r, span_of(in->data, in->len), &kind), ERR_NONE);
	cr_assert_eq(kind, CDR_MESSAGE);
	cr_assert(cdr_next_part(&r, &part) && part == CDR_P_MESSAGE);
	struct cdr_reader first = r;
	cr_assert(cdr_next_field(&first, &field, &id) && field == CDR_MESSAGE_id && id.len == 16);
	memcpy(rig->message_id, id.p, 16);
	put_part(&b, &r, part, 0);
	cr_assert(buf_ok(&b));
	rig->message[b.len] = '\0';
	memcpy(rig->record, in->data, in->len);
	rig->record_len = in->len;
	rig->kept++;
	if (rig->kept_status == 0)
		return;
	f = ring_reserve(&rig->from_store[worker], WIRE_MESSAGE_KEPT, sizeof(*f));
	cr_assert_not_null(f);
	*f = (struct wire_message_fate){ .relay = in->relay, .status = (uint16_t)rig->kept_status };
	ring_commit(&rig->from_store[worker], sizeof(*f));
	ring_publish(&rig->from_store[worker]);
}

static void
take_fate(const struct wire_message_fate *f)
{
	cr_expect_eq(memcmp(f->id, rig->message_id, 16), 0);
	cr_expect_eq(f->tenant, 1);
	rig->told++;
	rig->told_status = f->status;
	rig->told_of = f->of;
}

void
rig_read_store(unsigned worker)
{
	struct ring *r = &rig->store[worker];
	const struct ring_record *rec;

	while (!rig->store_is_stuck && (rec = ring_peek(r)) != NULL) {
		const struct wire_cdr *cdr = (const void *)rec->payload;

		if (ring_type(r) == WIRE_MESSAGE_KEEP) {
			take_message(worker, (const void *)rec->payload);
		} else if (ring_type(r) == WIRE_MESSAGE_DONE) {
			take_fate((const void *)rec->payload);
		} else if (ring_type(r) != WIRE_CODE && ring_type(r) != WIRE_POISON) {
			/* A code is answered by nobody; what was in hand at a death is kept. */
			cr_assert_eq(ring_type(r), WIRE_CDR);
			cr_assert_eq(ring_len(r), sizeof(*cdr) + cdr->len);
			read_record(span_of(cdr->data, cdr->len));
		}
		ring_next(r);
	}
}

void
rig_due(unsigned worker)
{
	struct ring *r = &rig->from_store[worker];
	uint32_t len = (uint32_t)sizeof(struct wire_message) + rig->record_len;
	struct wire_message *m = ring_reserve(r, WIRE_MESSAGE_DUE, len);

	cr_assert_not_null(m);
	*m = (struct wire_message){ .len = rig->record_len };
	memcpy(m->data, rig->record, rig->record_len);
	ring_commit(r, len);
	ring_publish(r);
	rig_wait_ms(0);
}

static const char *
value_of(const char *text, const char *name, char *to, size_t cap)
{
	size_t len = strlen(name);

	to[0] = '\0';
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		if (strncmp(line, name, len) != 0 || line[len] != '=')
			continue;
		span_cstr(span_of(line + len + 1, strcspn(line + len + 1, "\n")), to, cap);
		break;
	}
	return to;
}

const char *
rig_message(const char *name)
{
	static char values[4][RIG_CDR];
	static unsigned next;
	char full[64];

	snprintf(full, sizeof(full), "message.0.%s", name);
	return value_of(rig->message, full, values[next++ % 4], sizeof(values[0]));
}

static const char *
cdr_value_of(const char *cdr, const char *name)
{
	static char values[8][16384]; /* a ladder is the longest */
	static unsigned next;

	return value_of(cdr == NULL ? "" : cdr, name, values[next++ % 8], sizeof(values[0]));
}

const char *
rig_cdr(const char *name)
{
	return cdr_value_of(rig->cdr, name);
}

const char *
rig_cdr_of(unsigned call, const char *name)
{
	return cdr_value_of(rig->calls[call].cdr, name);
}
