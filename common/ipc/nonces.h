/*
 * The counts of nonce uses, shared by all that authenticate (THREATS.md A4): a region of words that
 * are changed by compare-and-swap alone, the one place besides the doorbells with several writers. A
 * nonce that is new to the table, or was displaced, is told apart by its 32-bit check: lost state
 * means "stale", never "accept".
 */
#ifndef TANDEM_IPC_NONCES_H
#define TANDEM_IPC_NONCES_H

#include <stdint.h>

#include "base/hash.h"
#include "ipc/shm.h"

struct nonces_region {
	struct shm_head head;
	struct hash_key key;        /* makes and checks nonces (sip/digest.h); not in the exchange's
	                             * region because a front may read that one */
	struct hash_key dummy;      /* makes the HA1 of users that do not exist */
	uint32_t mask, pad;
	uint64_t words[];           /* check (32) | highest nc (32) */
};

enum nonce_use { NONCE_GOOD, NONCE_REPLAYED, NONCE_STALE };
size_t nonces_bytes(uint32_t words);
/* First use must be nc 1 .. ; each further one greater than the last. issued_now: a nonce whose nc is
 * 1 and that is not in the table is taken in; any other that is not in the table is stale. */
enum nonce_use nonces_use(struct nonces_region *n, uint64_t nonce_id, uint32_t nc);

#endif
