/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), eight bytes at a time by eight tables: table[k] tells what
 * a byte does to the sum when k more bytes have gone by. */
#include "store/store.h"

static uint32_t table[8][256];

static void
make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
		table[0][i] = c;
	}
	for (unsigned k = 1; k < 8; k++)
		for (uint32_t i = 0; i < 256; i++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
}

uint32_t
crc32c(uint32_t so_far, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t c = ~so_far;

	if (table[0][1] == 0)
		make_table();
	for (; n >= 8; n -= 8, b += 8) {
		c ^= b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
		c = table[7][c & 0xff] ^ table[6][c >> 8 & 0xff] ^ table[5][c >> 16 & 0xff] ^
		    table[4][c >> 24] ^ table[3][b[4]] ^ table[2][b[5]] ^ table[1][b[6]] ^
		    table[0][b[7]];
	}
	while (n-- > 0)
		c = c >> 8 ^ table[0][(c ^ *b++) & 0xff];
	return ~c;
}
