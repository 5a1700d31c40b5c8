/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), a byte at a time: the journal is slower than this. */
#include "store/store.h"

static uint32_t table[256];

static void
make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
		table[i] = c;
	}
}

uint32_t
crc32c(uint32_t so_far, const void *p, size_t n)
{
	const uint8_t *bytes = p;
	uint32_t c = ~so_far;

	if (table[1] == 0)
		make_table();
	while (n-- > 0)
		c = c >> 8 ^ table[(c ^ *bytes++) & 0xff];
	return ~c;
}
