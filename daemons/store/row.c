/* A row of PostgreSQL, column by column. */
#include "store/row.h"

#include <stdlib.h>

#include <libpq-fe.h>

struct span
row_text(struct row *r)
{
	int c = r->column++;

	if (PQgetisnull(r->res, r->n, c))
		return SPAN_NONE;
	return span_of(PQgetvalue(r->res, r->n, c), (size_t)PQgetlength(r->res, r->n, c));
}

uint64_t
row_number(struct row *r, uint64_t most)
{
	struct span s = row_text(r);
	uint64_t v = s.p == NULL ? 0 : strtoull(s.p, NULL, 10);

	return v < most ? v : most;
}

uint8_t
row_flag(struct row *r, bool otherwise)
{
	struct span s = row_text(r);

	return s.p == NULL ? otherwise : *s.p == 't';
}

uint8_t
row_word(struct row *r, const char *const *words)
{
	struct span s = row_text(r);

	for (uint8_t i = 0; words[i] != NULL; i++) {
		if (span_eq(s, span_str(words[i])))
			return i;
	}
	return 0;
}

uint8_t
row_bits(struct row *r, const char *const *words)
{
	struct span s = row_text(r), one;
	uint8_t bits = 0;

	if (s.len < 2)
		return 0;
	s = span_of(s.p + 1, s.len - 2); /* {a,b} */
	while (s.p != NULL) {
		s = span_cut(s, ',', &one);
		for (unsigned i = 0; words[i] != NULL; i++)
			bits |= (uint8_t)(span_eq(one, span_str(words[i])) << i);
	}
	return bits;
}

void
row_digest(struct row *r, uint8_t *to, size_t size, enum digest_algorithm a, struct digest_ha1 *ha1)
{
	struct span s = row_text(r);

	if (s.len != 2 * size)
		return;
	for (size_t i = 0; i < size; i++) {
		char hex[3] = { s.p[2 * i], s.p[2 * i + 1], '\0' };
		to[i] = (uint8_t)strtoul(hex, NULL, 16);
	}
	ha1->has |= (uint8_t)(1 << a);
}
