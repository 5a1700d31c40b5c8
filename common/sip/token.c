/* Tokens: 8 bytes of handle and 7 bytes of keyed check over kind and handle, in base32. */
#include "sip/token.h"

enum { BYTES = 15, CHECK_BITS = 56 };

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static uint64_t
check_of(const struct hash_key *key, enum token_kind kind, handle h)
{
	uint8_t text[9] = { (uint8_t)kind };

	for (unsigned i = 0; i < 8; i++)
		text[1 + i] = (uint8_t)(h >> (56 - 8 * i));
	return hash_bytes(key, text, sizeof(text)) & ((1ull << CHECK_BITS) - 1);
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
	uint8_t bytes[BYTES];
	char text[TOKEN_LEN];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(h >> (56 - 8 * i));
	for (unsigned i = 0; i < 7; i++)
		bytes[8 + i] = (uint8_t)(check >> (48 - 8 * i));
	/* Five bytes are eight digits. */
	for (unsigned i = 0; i < BYTES / 5; i++) {
		uint64_t group = 0;

		for (unsigned k = 0; k < 5; k++)
			group = group << 8 | bytes[5 * i + k];
		for (unsigned k = 0; k < 8; k++)
			text[8 * i + k] = digits[group >> (35 - 5 * k) & 31];
	}
	buf_put(b, span_of(text, sizeof(text)));
}

enum err
token_read(const struct hash_key *key, enum token_kind kind, struct span text, handle *h_r)
{
	uint8_t bytes[BYTES];
	uint64_t check = 0;
	handle h = 0;

	if (text.len < TOKEN_LEN)
		return ERR_SYNTAX;
	for (unsigned i = 0; i < BYTES / 5; i++) {
		uint64_t group = 0;

		for (unsigned k = 0; k < 8; k++) {
			int digit = digit_of(text.p[8 * i + k]);

			if (digit < 0)
				return ERR_SYNTAX;
			group = group << 5 | (unsigned)digit;
		}
		for (unsigned k = 0; k < 5; k++)
			bytes[5 * i + k] = (uint8_t)(group >> (32 - 8 * k));
	}
	for (unsigned i = 0; i < 8; i++)
		h = h << 8 | bytes[i];
	for (unsigned i = 0; i < 7; i++)
		check = check << 8 | bytes[8 + i];
	if (check != check_of(key, kind, h))
		return ERR_DENIED;
	*h_r = h;
	return ERR_NONE;
}
