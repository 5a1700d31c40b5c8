/* Chance that can be repeated, in the place of base/rand.c: one seed, one run. */
#include "base/rand.h"

#include "race.h"

uint64_t
rand_u64(void)
{
	return (uint64_t)race_below(1u << 22) << 44 ^ (uint64_t)race_below(1u << 22) << 22 ^
	       race_below(1u << 22);
}

uint32_t
rand_u32(void)
{
	return (uint32_t)rand_u64();
}

void
rand_bytes(void *p, size_t n)
{
	unsigned char *to = p;

	while (n-- > 0)
		*to++ = (unsigned char)race_below(256);
}

uint32_t
rand_below(uint32_t n)
{
	return race_below(n);
}
