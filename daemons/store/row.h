/*
 * A row of PostgreSQL, column by column: each call takes the next. The result is its owner's, and what is
 * taken from it lives as long.
 */
#ifndef TANDEM_STORE_ROW_H
#define TANDEM_STORE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "sip/digest.h"

struct pg_result;

struct row {
	const struct pg_result *res;
	int n, column; /* column: the next to be taken */
};

/* Null: SPAN_NONE. */
struct span row_text(struct row *r);
/* Null: 0; more than `most`: that. */
uint64_t row_number(struct row *r, uint64_t most);
uint8_t row_flag(struct row *r, bool otherwise);
/* Place of a word in a list that ends with NULL; the first for a word that is not in it. */
uint8_t row_word(struct row *r, const char *const *words);
/* An array of such words: bit 1 << its place for each. */
uint8_t row_bits(struct row *r, const char *const *words);
/* A digest in hex, when it is a whole one, with its bit in ha1->has. */
void row_digest(
    struct row *r, uint8_t *to, size_t size, enum digest_algorithm a, struct digest_ha1 *ha1);

#endif
