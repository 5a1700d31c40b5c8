/* SipHash-2-4 (Aumasson and Bernstein, 2012), a word of 8 bytes at a time. */
#include "base/hash.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void
sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

/* ASCII upper case to lower in 8 bytes at once: the top bit of a byte of `upper` tells that the byte
 * is at least 'A', not above 'Z', and not of a UTF-8 sequence. */
static inline uint64_t
lower8(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t seven = w & ones * 0x7f;
	uint64_t from_a = seven + ones * (0x80 - 'A'), beyond_z = seven + ones * (0x7f - 'Z');
	uint64_t upper = (from_a ^ beyond_z) & ~w & ones * 0x80;

	return w | upper >> 2;
}

/* The bytes behind the last whole word, the highest ones zero. */
static inline uint64_t
last_word(const char *at, size_t len)
{
	const size_t rest = len & 7;
	uint64_t word = 0;

	if (len < 8) {
		memcpy(&word, at, rest);
		return le64toh(word);
	}
	/* With bytes of the word before, which are shifted out: cheaper than a copy of some bytes. */
	memcpy(&word, at + rest - 8, 8);
	return rest == 0 ? 0 : le64toh(word) >> (64 - 8 * rest);
}

/* Always inline: two functions, of which neither asks at each word what it is to do. */
static inline __attribute__((always_inline)) uint64_t
siphash(const struct hash_key *key, const void *p, size_t len, bool lower)
{
	const char *at = p, *end = at + (len & ~(size_t)7);
	struct sip s = {
		key->k0 ^ 0x736f6d6570736575u,
		key->k1 ^ 0x646f72616e646f6du,
		key->k0 ^ 0x6c7967656e657261u,
		key->k1 ^ 0x7465646279746573u,
	};
	uint64_t word;

	for (; at != end; at += 8) {
		memcpy(&word, at, 8);
		word = le64toh(word);
		sip_word(&s, lower ? lower8(word) : word);
	}
	word = last_word(at, len);
	sip_word(&s, (lower ? lower8(word) : word) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t
hash_bytes(const struct hash_key *key, const void *p, size_t len)
{
	return siphash(key, len == 0 ? "" : p, len, false);
}

uint64_t
hash_span(const struct hash_key *key, struct span s)
{
	return hash_bytes(key, s.p, s.len);
}

uint64_t
hash_span_lower(const struct hash_key *key, struct span s)
{
	return siphash(key, s.len == 0 ? "" : s.p, s.len, true);
}
