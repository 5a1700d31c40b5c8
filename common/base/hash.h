/*
 * SipHash-2-4: keyed, so that a stranger can neither aim at one bucket of a table nor forge a
 * token. Key: 16 random bytes of the exchange.
 */
#ifndef TANDEM_BASE_HASH_H
#define TANDEM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct hash_key {
	uint64_t k0, k1;
};

uint64_t hash_bytes(const struct hash_key *key, const void *p, size_t len);
uint64_t hash_span(const struct hash_key *key, struct span s);
/* As hash_span, over the text in ASCII lower case. */
uint64_t hash_span_lower(const struct hash_key *key, struct span s);

#endif
