/*
 * A call's record: what the worker writes, the journal keeps and the store turns into rows.
 *
 *     kind (1) | version (1) | length (4) | parts; a part: part (1) | length (4) | fields; a field:
 *     number (1) | length (2) | bytes
 *
 * Kinds: OPEN at setup, ANSWERED, INTERIM, CLOSED with all segments and legs. Every record names the
 * call; a CLOSED one is complete by itself. The store reads OPEN without CLOSED after a power cut
 * (BILLING.md R27).
 *
 * A message that waits for an absent user travels in the same frame, in one part: MESSAGE is all of
 * it, MESSAGE_GONE says by its id that it has been delivered.
 */
#ifndef TANDEM_MODEL_CDR_H
#define TANDEM_MODEL_CDR_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum cdr_kind {
	CDR_OPEN = 1, CDR_ANSWERED, CDR_INTERIM, /* the call goes on */
	CDR_CLOSED,                              /* from here on: rows come of it */
	CDR_MESSAGE, CDR_MESSAGE_GONE
};
enum cdr_part { CDR_P_CALL = 1, CDR_P_SEGMENT, CDR_P_LEG, CDR_P_MESSAGE };
enum cdr_type { CDR_T_UUID, CDR_T_INT, CDR_T_TEXT, CDR_T_TIME, CDR_T_BOOL, CDR_T_WORD, CDR_T_BYTES,
	CDR_T_LADDER, CDR_T_DECISIONS };

enum cdr_field {             /* CDR_CALL_call_id ...: number of the field in its part */
#define CDR(part, number, column, type) CDR_##part##_##column = number,
#include "model/cdr.def"
#undef CDR
};

enum { CDR_RECORD_MAX = 32768, CDR_TEXT_MAX = 256 };

struct cdr_writer {
	struct buf *b;
	size_t record_at, part_at;
	size_t text_max;         /* bytes of a text; CDR_TEXT_MAX, unless the user sets less */
};
void cdr_begin(struct cdr_writer *w, struct buf *b, enum cdr_kind kind);
void cdr_part(struct cdr_writer *w, enum cdr_part part);   /* fields until the next part are its */
void cdr_int(struct cdr_writer *w, uint8_t field, int64_t v);
void cdr_bool(struct cdr_writer *w, uint8_t field, bool v);
void cdr_time(struct cdr_writer *w, uint8_t field, int64_t wall_ms); /* 0 is left out */
void cdr_text(struct cdr_writer *w, uint8_t field, struct span s);   /* empty is left out; cut at
                                                                      * text_max; control bytes
                                                                      * and bad UTF-8 become '?' */
void cdr_word(struct cdr_writer *w, uint8_t field, const char *word); /* a word of our own, plain ASCII */
void cdr_uuid(struct cdr_writer *w, uint8_t field, const uint8_t uuid[16]);
/* A field's bytes as a reader gave them. */
void cdr_copy(struct cdr_writer *w, uint8_t field, struct span bytes);
bool cdr_end(struct cdr_writer *w);                        /* false: it did not fit */

struct cdr_reader {
	struct span rest;        /* of the record */
	struct span part;        /* of the present part */
};
struct cdr_column {
	const char *name;
	enum cdr_type type;
};
/* Checks the frame; ERR_SYNTAX. */
enum err cdr_open(struct cdr_reader *r, struct span record, enum cdr_kind *kind_r);
bool cdr_next_part(struct cdr_reader *r, enum cdr_part *part_r);
bool cdr_next_field(struct cdr_reader *r, uint8_t *field_r, struct span *bytes_r);
/* NULL: a field this program does not know (skip it). */
const struct cdr_column *cdr_column(enum cdr_part part, uint8_t field);
/* The columns of a part in order of their numbers; n_r their count. For SQL. */
const struct cdr_column *cdr_columns(enum cdr_part part, unsigned *n_r);
/* The number in an INT, TIME or BOOL; 0 when its bytes are not those of a number. */
int64_t cdr_value(struct span bytes);
/* One field as a JSON value ("text", 12, true, "2026-11-21T10:00:00.123Z", "\\x0d0a"). */
void cdr_put_json(struct buf *b, enum cdr_type type, struct span bytes);

#endif
