/* cdr: a record is read as it was written, is never trusted, and becomes JSON that any text survives. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "model/cdr.h"

static const uint8_t call[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static struct span
a_record(struct buf *b)
{
	struct cdr_writer w;

	cdr_begin(&w, b, CDR_CLOSED);
	cdr_part(&w, CDR_P_CALL);
	cdr_uuid(&w, CDR_CALL_call_id, call);
	cdr_int(&w, CDR_CALL_tenant_id, 7);
	cdr_time(&w, CDR_CALL_setup_at, 1795255200123);
	cdr_time(&w, CDR_CALL_end_at, 0);
	cdr_part(&w, CDR_P_SEGMENT);
	cdr_int(&w, CDR_SEGMENT_seq, -3);
	cdr_text(&w, CDR_SEGMENT_calling_name, SPAN("J\"\\\x01\xff\xc3\xa9"));
	cdr_text(&w, CDR_SEGMENT_called_number, SPAN(""));
	cdr_word(&w, CDR_SEGMENT_disposition, "answered");
	cdr_bool(&w, CDR_SEGMENT_estimated, true);
	cdr_part(&w, CDR_P_LEG);
	cr_assert(cdr_end(&w));
	return buf_span(b);
}

static void
shows(enum cdr_type type, struct span bytes, const char *json)
{
	char memory[2048];
	struct buf b = buf_on(memory, sizeof(memory) - 1);

	cdr_put_json(&b, type, bytes);
	cr_assert(buf_ok(&b));
	memory[b.len] = '\0';
	cr_expect_str_eq(memory, json);
}

Test(model_cdr, round_trip)
{
	char memory[1024];
	struct buf b = buf_on(memory, sizeof(memory));
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part part;
	uint8_t n;
	struct span v;

	cr_assert_eq(cdr_open(&r, a_record(&b), &kind), ERR_NONE);
	cr_expect_eq(kind, CDR_CLOSED);
	cr_assert(cdr_next_part(&r, &part));
	cr_expect_eq(part, CDR_P_CALL);
	cr_assert(cdr_next_field(&r, &n, &v));
	cr_expect_eq(n, CDR_CALL_call_id);
	shows(CDR_T_UUID, v, "\"01020304-0506-0708-090a-0b0c0d0e0f10\"");
	cr_assert(cdr_next_field(&r, &n, &v));
	shows(CDR_T_INT, v, "7");
	cr_expect_eq(cdr_value(v), 7);
	cr_assert(cdr_next_field(&r, &n, &v));
	shows(CDR_T_TIME, v, "\"2026-11-21T10:00:00.123Z\"");
	cr_expect_not(cdr_next_field(&r, &n, &v), "a time of 0 is left out");
	cr_assert(cdr_next_part(&r, &part));
	cr_expect_eq(part, CDR_P_SEGMENT);
	cr_assert(cdr_next_field(&r, &n, &v));
	shows(CDR_T_INT, v, "-3");
	cr_assert(cdr_next_field(&r, &n, &v));
	shows(CDR_T_TEXT, v, "\"J\\\"\\\\??\xc3\xa9\"");
	cr_assert(cdr_next_field(&r, &n, &v));
	cr_expect_eq(n, CDR_SEGMENT_disposition, "an empty text is left out");
	cr_assert(cdr_next_field(&r, &n, &v));
	shows(CDR_T_BOOL, v, "true");
	cr_expect_not(cdr_next_field(&r, &n, &v));
	cr_assert(cdr_next_part(&r, &part));
	cr_expect_not(cdr_next_field(&r, &n, &v));
	cr_expect_not(cdr_next_part(&r, &part));
}

Test(model_cdr, D6_cut_text_ends_with_a_whole_character)
{
	char memory[2048], text[400];
	struct buf b = buf_on(memory, sizeof(memory));
	struct cdr_writer w;
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part part;
	uint8_t n;
	struct span v;

	memset(text, 'x', sizeof(text));
	memcpy(text + CDR_TEXT_MAX - 1, "\xc3\xa9", 2);
	cdr_begin(&w, &b, CDR_OPEN);
	cdr_part(&w, CDR_P_CALL);
	cdr_text(&w, CDR_CALL_from_number, span_of(text, sizeof(text)));
	cr_assert(cdr_end(&w));
	cr_assert_eq(cdr_open(&r, buf_span(&b), &kind), ERR_NONE);
	cr_assert(cdr_next_part(&r, &part) && cdr_next_field(&r, &n, &v));
	cr_expect_eq(v.len, CDR_TEXT_MAX - 1);
}

Test(model_cdr, no_room)
{
	for (size_t cap = 0; cap < 80; cap++) {
		char *memory = malloc(cap + 1);
		struct buf b = buf_on(memory, cap);
		struct cdr_writer w;
		cdr_begin(&w, &b, CDR_CLOSED);
		cdr_part(&w, CDR_P_CALL);
		cdr_uuid(&w, CDR_CALL_call_id, call);
		cdr_text(&w, CDR_CALL_node, SPAN("a node of some length to run over"));
		cr_expect_eq(cdr_end(&w), cap >= 6 + 5 + 19 + 3 + 33, "%zu", cap);
		free(memory);
	}
}

/* Every cut and every changed byte: an error or a record, never a read outside. */
Test(model_cdr, nothing_is_trusted)
{
	char memory[1024];
	struct buf b = buf_on(memory, sizeof(memory));
	struct span good = a_record(&b);

	for (size_t len = 0; len < good.len; len++) {
		char *copy = malloc(len + 1);
		struct cdr_reader r;
		enum cdr_kind kind;
		memcpy(copy, good.p, len);
		cr_expect_eq(cdr_open(&r, span_of(copy, len), &kind), ERR_SYNTAX);
		free(copy);
	}
	for (size_t at = 0; at < good.len; at++) {
		char *copy = malloc(good.len);
		struct cdr_reader r;
		enum cdr_kind kind;
		enum cdr_part part;
		uint8_t n;
		struct span v;
		char json[4096];
		memcpy(copy, good.p, good.len);
		copy[at] = (char)~copy[at];
		if (cdr_open(&r, span_of(copy, good.len), &kind) == ERR_NONE) {
			while (cdr_next_part(&r, &part)) {
				while (cdr_next_field(&r, &n, &v)) {
					const struct cdr_column *c = cdr_column(part, n);
					struct buf out = buf_on(json, sizeof(json));
					if (c != NULL)
						cdr_put_json(&out, c->type, v);
				}
			}
		}
		free(copy);
	}
}

Test(model_cdr, columns)
{
	static const enum cdr_part parts[] = { CDR_P_CALL, CDR_P_SEGMENT, CDR_P_LEG };
	unsigned n;

	for (unsigned p = 0; p < 3; p++) {
		const struct cdr_column *c = cdr_columns(parts[p], &n);
		cr_assert_gt(n, 0);
		for (unsigned i = 0; i < n; i++)
			cr_assert_not_null(c[i].name, "numbers have no gaps");
		cr_expect_null(cdr_column(parts[p], (uint8_t)(n + 1)));
		cr_expect_null(cdr_column(parts[p], 0));
	}
	cr_expect_str_eq(cdr_column(CDR_P_SEGMENT, CDR_SEGMENT_payer_kind)->name, "payer_kind");
	cr_expect_eq(cdr_column(CDR_P_SEGMENT, CDR_SEGMENT_payer_kind)->type, CDR_T_WORD);
	cr_expect_null(cdr_columns((enum cdr_part)9, &n));
}

Test(model_cdr, wrong_size_is_null)
{
	shows(CDR_T_INT, SPAN("abc"), "null");
	shows(CDR_T_UUID, SPAN(""), "null");
	shows(CDR_T_BOOL, SPAN("ab"), "null");
	shows(CDR_T_TIME, SPAN("1234567"), "null");
	shows(CDR_T_TEXT, SPAN("\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80\xc2\x85"), "\"???????????\"");
}
