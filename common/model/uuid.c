/* Identifiers of calls and of their segments (RFC 9562). */
#include "model/uuid.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/rand.h"

void
uuid_v7(uint8_t uuid_r[16], int64_t wall_ms)
{
	rand_bytes(uuid_r + 6, 10);
	for (int i = 0; i < 6; i++)
		uuid_r[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
	uuid_r[6] = (uint8_t)(0x70 | (uuid_r[6] & 0x0f));
	uuid_r[8] = (uint8_t)(0x80 | (uuid_r[8] & 0x3f));
}

void
uuid_of_name(uint8_t uuid_r[16], struct span name)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	static EVP_MD *sha1; /* fetched once: OpenSSL would look for it each time */

	if (sha1 == NULL)
		sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	must(EVP_Digest(name.p, name.len, hash, NULL, sha1, NULL) == 1);
	memcpy(uuid_r, hash, 16);
	uuid_r[6] = (uint8_t)(0x50 | (uuid_r[6] & 0x0f));
	uuid_r[8] = (uint8_t)(0x80 | (uuid_r[8] & 0x3f));
}

/* The name is the number in decimal, so that uuid_generate_v5(call_id, seq::text) agrees in SQL. */
void
uuid_of_segment(uint8_t uuid_r[16], const uint8_t call[16], uint32_t seq)
{
	char name[16 + 12];
	struct buf b = buf_on(name, sizeof(name));

	buf_put(&b, span_of(call, 16));
	buf_u64(&b, seq);
	must(buf_ok(&b));
	uuid_of_name(uuid_r, buf_span(&b));
}

void
uuid_put(struct buf *b, const uint8_t uuid[16])
{
	static const uint8_t groups[] = { 4, 2, 2, 2, 6 };
	size_t at = 0;

	for (unsigned i = 0; i < 5; i++) {
		if (i > 0)
			buf_char(b, '-');
		buf_hex(b, uuid + at, groups[i]);
		at += groups[i];
	}
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum err
uuid_read(struct span text, uint8_t uuid_r[16])
{
	size_t at = 0;

	if (text.len != 36)
		return ERR_SYNTAX;
	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			if (text.p[at++] != '-')
				return ERR_SYNTAX;
		}
		int high = nibble(text.p[at]), low = nibble(text.p[at + 1]);
		if (high < 0 || low < 0)
			return ERR_SYNTAX;
		uuid_r[i] = (uint8_t)(high << 4 | low);
		at += 2;
	}
	return ERR_NONE;
}
