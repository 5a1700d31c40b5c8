/* The decisions of a call, packed and unpacked. See decision.h. */
#include "model/decision.h"

#include "model/cdr.h"

static void
put_plain(struct buf *b, struct span s)
{
	size_t from = b->len;

	buf_put(b, s);
	for (size_t i = from; buf_ok(b) && i < b->len; i++)
		if ((unsigned char)b->p[i] < ' ')
			b->p[i] = '?';
}

void
decision_text_put(struct buf *b, const char *feature, struct span of, struct span reason)
{
	size_t room = DECISION_TEXT;
	struct span name = span_first(span_str(feature), room / 3);

	of = span_first(of, room / 3);
	put_plain(b, name);
	buf_char(b, '\t');
	put_plain(b, of);
	buf_char(b, '\t');
	put_plain(b, span_first(reason, room - 2 - name.len - of.len));
}

void
decision_put(struct buf *b, uint32_t ms, struct span text)
{
	buf_u64(b, ms);
	buf_char(b, '\t');
	buf_put(b, text);
	buf_char(b, '\n');
}

bool
decision_cut(struct span *lines, uint32_t *ms_r, struct span part_r[3])
{
	struct span line, ms;

	if (lines->len == 0)
		return false;
	*lines = span_cut(*lines, '\n', &line);
	line = span_cut(line, '\t', &ms);
	line = span_cut(line, '\t', &part_r[0]);
	part_r[2] = span_cut(line, '\t', &part_r[1]);
	return span_u32(ms, UINT32_MAX, ms_r) == ERR_NONE && part_r[0].len > 0;
}

void
decisions_put_json(struct buf *b, struct span lines)
{
	static const char *const names[] = { ",\"feature\":", ",\"of\":", ",\"reason\":" };
	struct buf begun = *b;
	struct span part[3];
	uint32_t ms;

	buf_char(b, '[');
	while (lines.len > 0) {
		if (!decision_cut(&lines, &ms, part)) {
			*b = begun;
			buf_lit(b, "null");
			return;
		}
		if (b->len > begun.len + 1)
			buf_char(b, ',');
		buf_lit(b, "{\"ms\":");
		buf_u64(b, ms);
		for (unsigned i = 0; i < 3; i++) {
			buf_str(b, names[i]);
			cdr_put_json(b, CDR_T_TEXT, part[i]);
		}
		buf_char(b, '}');
	}
	buf_char(b, ']');
}
