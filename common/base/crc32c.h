/* CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of the journal and the snapshot. */
#ifndef TANDEM_BASE_CRC32C_H
#define TANDEM_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of n bytes, behind those whose sum was so_far; begin with 0. */
uint32_t crc32c(uint32_t so_far, const void *p, size_t n);
/* The same without the processor's instruction; for those that have none, and for the test. */
uint32_t crc32c_by_tables(uint32_t so_far, const void *p, size_t n);

#endif
