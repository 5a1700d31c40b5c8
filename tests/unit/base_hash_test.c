/* hash: the reference vectors of SipHash-2-4 (key 00..0f, message 00 01 02 ...). */
#include <criterion/criterion.h>

#include "base/hash.h"

static const struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

Test(base_hash, reference_vectors)
{
	static const uint64_t vectors[] = { 0x726fdb47dd0e0e31, 0x74f839c593dc67fd,
		0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
		0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462, 0x9e0082df0ba9e4b0,
		0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7, 0x751e8fbc860ee5fb, 0x14ea5627c0843d90,
		0xf723ca908e7af2ee, 0xa129ca6149be45e5 };
	uint8_t message[64];

	for (unsigned i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		cr_expect_eq(hash_bytes(&key, message, i), vectors[i], "length %u", i);
	/* The last of the reference's 64 vectors. */
	cr_expect_eq(hash_bytes(&key, message, 63), 0x958a324ceb064572);
}

Test(base_hash, key_matters)
{
	struct hash_key other = { key.k0, key.k1 ^ 1 };

	cr_expect_neq(hash_bytes(&key, "a", 1), hash_bytes(&other, "a", 1));
}

Test(base_hash, lower_is_the_hash_of_the_lowered_text)
{
	char upper[256], lower[256];

	for (int c = 0; c < 256; c++) {
		upper[c] = (char)c;
		lower[c] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	/* Every byte at every place of a word, and in the rest behind the last word. */
	for (size_t from = 0; from < 8; from++)
		for (size_t len = 0; len + from <= 256; len += 31)
			cr_expect_eq(hash_span_lower(&key, span_of(upper + from, len)),
			    hash_span(&key, span_of(lower + from, len)), "%zu+%zu", from, len);
	for (int c = 0; c < 256; c++)
		cr_expect_eq(hash_span_lower(&key, span_of(upper + c, 1)),
		    hash_span(&key, span_of(lower + c, 1)), "byte %d", c);
	cr_expect_neq(hash_span(&key, SPAN("A")), hash_span(&key, SPAN("a")));
}

Test(base_hash, nothing)
{
	cr_expect_eq(hash_span(&key, SPAN_NONE), hash_bytes(&key, "x", 0));
	cr_expect_eq(hash_span_lower(&key, SPAN_NONE), hash_bytes(&key, "x", 0));
}
