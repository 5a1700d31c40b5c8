/* A call's record: written by the worker, read by the store, maybe years and versions later. */
#include "model/cdr.h"

#include <endian.h>
#include <string.h>

#include "base/clock.h"
#include "model/decision.h"
#include "model/ladder.h"
#include "model/uuid.h"

enum { VERSION = 1, RECORD_HEAD = 6, PART_HEAD = 5, FIELD_HEAD = 3 };

#define SKIP(number, column, type)
#define ROW(number, column, type)	[(number)-1] = { #column, CDR_T_##type },
#define CDR(part, number, column, type) CDR_IN_##part(number, column, type)

static const struct cdr_column call_columns[] = {
#define CDR_IN_CALL    ROW
#define CDR_IN_SEGMENT SKIP
#define CDR_IN_LEG     SKIP
#define CDR_IN_MESSAGE SKIP
#include "model/cdr.def"
#undef CDR_IN_CALL
#undef CDR_IN_SEGMENT
};
static const struct cdr_column segment_columns[] = {
#define CDR_IN_CALL    SKIP
#define CDR_IN_SEGMENT ROW
#include "model/cdr.def"
#undef CDR_IN_SEGMENT
#undef CDR_IN_LEG
};
static const struct cdr_column leg_columns[] = {
#define CDR_IN_SEGMENT SKIP
#define CDR_IN_LEG     ROW
#include "model/cdr.def"
#undef CDR_IN_LEG
#undef CDR_IN_MESSAGE
};
static const struct cdr_column message_columns[] = {
#define CDR_IN_LEG     SKIP
#define CDR_IN_MESSAGE ROW
#include "model/cdr.def"
};
#undef CDR

/* Numbers are little-endian wherever the journal is read again. */
static void
put_number(char *to, uint64_t v, unsigned bytes)
{
	v = htole64(v);
	memcpy(to, &v, bytes);
}

static uint64_t
get_number(const char *from, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, from, bytes);
	return le64toh(v);
}

static void
put(struct buf *b, uint64_t v, unsigned bytes)
{
	char raw[8];

	put_number(raw, v, bytes);
	buf_put(b, span_of(raw, bytes));
}

static void
end_part(struct cdr_writer *w)
{
	if (w->part_at != 0 && buf_ok(w->b))
		put_number(w->b->p + w->part_at + 1, w->b->len - w->part_at - PART_HEAD, 4);
	w->part_at = 0;
}

void
cdr_begin(struct cdr_writer *w, struct buf *b, enum cdr_kind kind)
{
	*w = (struct cdr_writer){ .b = b, .record_at = b->len, .text_max = CDR_TEXT_MAX };
	buf_char(b, (char)kind);
	buf_char(b, VERSION);
	put(b, 0, 4);
}

void
cdr_part(struct cdr_writer *w, enum cdr_part part)
{
	end_part(w);
	w->part_at = w->b->len;
	buf_char(w->b, (char)part);
	put(w->b, 0, 4);
}

static void
field(struct cdr_writer *w, uint8_t number, struct span bytes)
{
	const char head[FIELD_HEAD] = { (char)number, (char)bytes.len, (char)(bytes.len >> 8) };

	buf_put(w->b, span_of(head, sizeof(head)));
	buf_put(w->b, bytes);
}

void
cdr_int(struct cdr_writer *w, uint8_t number, int64_t v)
{
	char raw[8];

	put_number(raw, (uint64_t)v, 8);
	field(w, number, span_of(raw, 8));
}

void
cdr_bool(struct cdr_writer *w, uint8_t number, bool v)
{
	char raw = v;

	field(w, number, span_of(&raw, 1));
}

void
cdr_time(struct cdr_writer *w, uint8_t number, int64_t wall_ms)
{
	if (wall_ms != 0)
		cdr_int(w, number, wall_ms);
}

/* Length of the character at the start of s that PostgreSQL and a terminal can take as it is
 * (RFC 3629; no control, no surrogate); 0: its first byte is none. */
static size_t
good_char(struct span s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint8_t c = (uint8_t)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	uint32_t code = n == 1 ? c : n == 0 ? 0 : c & (0x7fu >> n);

	if (n == 0 || n > s.len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((uint8_t)s.p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((uint8_t)s.p[i] & 0x3f);
	}
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return 0;
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return n;
}

/* Eight bytes at once, each a printable ASCII character that means nothing in JSON? With no top bit set,
 * the subtraction borrows from a byte only below the limit, and a byte that is 0 after the exclusive or
 * becomes 0x80 or more; a borrow that goes on into the next byte can only make the answer no. */
static bool
is_plain8(const char *p)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t w, quote, slash, rubout;

	memcpy(&w, p, sizeof(w));
	quote = w ^ ones * '"';
	slash = w ^ ones * '\\';
	rubout = w ^ ones * 0x7f;
	return ((w | (w - ones * 0x20) | (quote - ones) | (slash - ones) | (rubout - ones)) &
		   ones * 0x80) == 0;
}

/* Length of what is printable ASCII at the start of s, and means nothing in JSON: most often all. */
static size_t
plain(struct span s)
{
	size_t n = 0;

	while (s.len - n >= 8 && is_plain8(s.p + n))
		n += 8;
	/* What is left, together with some that are known already. */
	if (n > 0 && s.len - n < 8 && is_plain8(s.p + s.len - 8))
		return s.len;
	while (n < s.len && s.p[n] >= 0x20 && s.p[n] < 0x7f && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

void
cdr_text(struct cdr_writer *w, uint8_t number, struct span s)
{
	char text[CDR_TEXT_MAX];
	size_t max = w->text_max < sizeof(text) ? w->text_max : sizeof(text);
	size_t len = plain(span_first(s, max));

	if (len == s.len || len == max) { /* as it stands */
		if (len > 0)
			field(w, number, span_first(s, len));
		return;
	}
	if (len > 0)
		memcpy(text, s.p, len);
	s = span_from(s, len);
	while (s.len > 0) {
		size_t n = good_char(s);
		if (len + (n ? n : 1) > max)
			break;
		if (n == 0)
			text[len] = '?';
		else
			memcpy(text + len, s.p, n);
		len += n ? n : 1;
		s = span_from(s, n ? n : 1);
	}
	if (len > 0)
		field(w, number, span_of(text, len));
}

void
cdr_word(struct cdr_writer *w, uint8_t number, const char *word)
{
	struct span s = span_str(word);

	if (s.len > 0) /* ours: as it stands */
		field(w, number, s);
}

void
cdr_uuid(struct cdr_writer *w, uint8_t number, const uint8_t uuid[16])
{
	field(w, number, span_of(uuid, 16));
}

void
cdr_copy(struct cdr_writer *w, uint8_t number, struct span bytes)
{
	field(w, number, bytes);
}

bool
cdr_end(struct cdr_writer *w)
{
	end_part(w);
	if (!buf_ok(w->b) || w->b->len - w->record_at > CDR_RECORD_MAX)
		return false;
	put_number(w->b->p + w->record_at + 2, w->b->len - w->record_at - RECORD_HEAD, 4);
	return true;
}

enum err
cdr_open(struct cdr_reader *r, struct span record, enum cdr_kind *kind_r)
{
	struct cdr_reader check;
	enum cdr_part part;
	uint8_t number;
	struct span bytes;

	if (record.len < RECORD_HEAD || record.p[1] != VERSION)
		return ERR_SYNTAX;
	uint8_t kind = (uint8_t)record.p[0];
	if (kind < CDR_OPEN || kind > CDR_MESSAGE_GONE)
		return ERR_SYNTAX;
	if (get_number(record.p + 2, 4) != record.len - RECORD_HEAD)
		return ERR_SYNTAX;
	*r = (struct cdr_reader){ .rest = span_from(record, RECORD_HEAD) };
	check = *r;
	while (cdr_next_part(&check, &part)) {
		while (cdr_next_field(&check, &number, &bytes))
			;
		if (check.part.len > 0)
			return ERR_SYNTAX;
	}
	if (check.rest.len > 0)
		return ERR_SYNTAX;
	*kind_r = (enum cdr_kind)kind;
	return ERR_NONE;
}

bool
cdr_next_part(struct cdr_reader *r, enum cdr_part *part_r)
{
	if (r->rest.len < PART_HEAD)
		return false;
	uint64_t len = get_number(r->rest.p + 1, 4);
	if (len > r->rest.len - PART_HEAD)
		return false;
	*part_r = (enum cdr_part)(uint8_t)r->rest.p[0];
	r->part = span_of(r->rest.p + PART_HEAD, (size_t)len);
	r->rest = span_from(r->rest, PART_HEAD + (size_t)len);
	return true;
}

bool
cdr_next_field(struct cdr_reader *r, uint8_t *field_r, struct span *bytes_r)
{
	if (r->part.len < FIELD_HEAD)
		return false;
	uint64_t len = get_number(r->part.p + 1, 2);
	if (len > r->part.len - FIELD_HEAD)
		return false;
	*field_r = (uint8_t)r->part.p[0];
	*bytes_r = span_of(r->part.p + FIELD_HEAD, (size_t)len);
	r->part = span_from(r->part, FIELD_HEAD + (size_t)len);
	return true;
}

const struct cdr_column *
cdr_columns(enum cdr_part part, unsigned *n_r)
{
#define COLUMNS(array) (*n_r = sizeof(array) / sizeof((array)[0]), (array))
	switch (part) {
	case CDR_P_CALL:
		return COLUMNS(call_columns);
	case CDR_P_SEGMENT:
		return COLUMNS(segment_columns);
	case CDR_P_LEG:
		return COLUMNS(leg_columns);
	case CDR_P_MESSAGE:
		return COLUMNS(message_columns);
	}
	*n_r = 0;
	return NULL;
}

const struct cdr_column *
cdr_column(enum cdr_part part, uint8_t number)
{
	unsigned n;
	const struct cdr_column *columns = cdr_columns(part, &n);

	if (number == 0 || number > n || columns[number - 1].name == NULL)
		return NULL;
	return &columns[number - 1];
}

int64_t
cdr_value(struct span bytes)
{
	return bytes.len == 1 || bytes.len == 8 ? (int64_t)get_number(bytes.p, (unsigned)bytes.len)
						: 0;
}

static void
put_json_text(struct buf *b, struct span s)
{
	size_t n = plain(s);

	buf_char(b, '"');
	buf_put(b, span_first(s, n));
	s = span_from(s, n);
	while (s.len > 0) {
		n = good_char(s);
		if (n == 0)
			buf_char(b, '?');
		else if (*s.p == '"' || *s.p == '\\')
			buf_char(b, '\\');
		buf_put(b, span_first(s, n));
		s = span_from(s, n ? n : 1);
	}
	buf_char(b, '"');
}

static void
put_json_int(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void
cdr_put_json(struct buf *b, enum cdr_type type, struct span bytes)
{
	static const uint8_t sizes[] = {
		[CDR_T_UUID] = 16, [CDR_T_INT] = 8, [CDR_T_TIME] = 8, [CDR_T_BOOL] = 1
	};

	if (type < sizeof(sizes) && sizes[type] != 0 && bytes.len != sizes[type]) {
		buf_lit(b, "null");
		return;
	}
	switch (type) {
	case CDR_T_UUID:
		buf_char(b, '"');
		uuid_put(b, (const uint8_t *)bytes.p);
		buf_char(b, '"');
		break;
	case CDR_T_INT:
		put_json_int(b, (int64_t)get_number(bytes.p, 8));
		break;
	case CDR_T_TIME:
		buf_char(b, '"');
		clock_put_utc(b, (int64_t)get_number(bytes.p, 8));
		buf_char(b, '"');
		break;
	case CDR_T_BOOL:
		buf_str(b, bytes.p[0] ? "true" : "false");
		break;
	case CDR_T_TEXT:
	case CDR_T_WORD:
		put_json_text(b, bytes);
		break;
	case CDR_T_BYTES:
		buf_lit(b, "\"\\\\x");
		buf_hex(b, bytes.p, bytes.len);
		buf_char(b, '"');
		break;
	case CDR_T_LADDER:
		ladder_put_json(b, bytes);
		break;
	case CDR_T_DECISIONS:
		decisions_put_json(b, bytes);
		break;
	}
}
