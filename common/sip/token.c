/* Tokens: 8 bytes of handle and 7 bytes of keyed check over kind and handle, in base32. */
#include "sip/token.h"

#include <endian.h>
#include <string.h>

/* 120 bits as three groups of 40, each of them eight digits. */
enum { GROUPS = 3, GROUP_BITS = 40, CHECK_BITS = 56 };

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static uint64_t
low_bits(uint64_t w, unsigned n)
{
	return w & ((1ull << n) - 1);
}

static uint64_t
check_of(const struct hash_key *key, enum token_kind kind, handle h)
{
	uint8_t text[1 + sizeof(h)] = { (uint8_t)kind };
	const uint64_t bytes = htobe64(h);

	memcpy(text + 1, &bytes, sizeof(bytes));
	return low_bits(hash_bytes(key, text, sizeof(text)), CHECK_BITS);
}

static int
digit_of(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

void
token_put(struct buf *b, const struct hash_key *key, enum token_kind kind, handle h)
{
	const uint64_t check = check_of(key, kind, h);
	const uint64_t groups[GROUPS] = { h >> 24, low_bits(h, 24) << 16 | check >> GROUP_BITS,
		low_bits(check, GROUP_BITS) };
	char text[TOKEN_LEN];

	for (unsigned i = 0; i < GROUPS; i++)
		for (unsigned k = 0; k < 8; k++)
			text[8 * i + k] = digits[groups[i] >> (35 - 5 * k) & 31];
	buf_put(b, span_of(text, sizeof(text)));
}

enum err
token_read(const struct hash_key *key, enum token_kind kind, struct span text, handle *h_r)
{
	uint64_t groups[GROUPS] = { 0 }, check;
	handle h;

	if (text.len < TOKEN_LEN)
		return ERR_SYNTAX;
	for (unsigned i = 0; i < TOKEN_LEN; i++) {
		int digit = digit_of(text.p[i]);

		if (digit < 0)
			return ERR_SYNTAX;
		groups[i / 8] = groups[i / 8] << 5 | (unsigned)digit;
	}
	h = groups[0] << 24 | groups[1] >> 16;
	check = low_bits(groups[1], 16) << GROUP_BITS | groups[2];
	if (check != check_of(key, kind, h))
		return ERR_DENIED;
	*h_r = h;
	return ERR_NONE;
}
