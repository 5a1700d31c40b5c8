/* Randomness from the kernel (getrandom), buffered; refilled after fork. */
#ifndef TANDEM_BASE_RAND_H
#define TANDEM_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *p, size_t n);
uint32_t rand_u32(void);
uint64_t rand_u64(void);
uint32_t rand_below(uint32_t n); /* 0 .. n-1, unbiased */

#endif
