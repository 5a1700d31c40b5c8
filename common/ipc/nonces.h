/*
 * The counts of nonce uses, shared by all that authenticate (THREATS.md A4): a region of words that
 * are changed by compare-and-swap alone, the one place besides the doorbells with several writers.
 *
 * A nonce may stand in any of the eight words of its cache line; it is told apart by its 32-bit check.
 * A word is given to another nonce only when the nonce in it has outlived its lifetime, so that none is
 * forgotten while it could be replayed: when no word of the line can be had, a new nonce is stale (its
 * user gets another). Lost state means "stale", never "accept".
 *
 * Write a nonce down only after its response was right: strangers must not be able to fill the table.
 */
#ifndef TANDEM_IPC_NONCES_H
#define TANDEM_IPC_NONCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "ipc/shm.h"

struct nonces_region {
	struct shm_head head;
	struct hash_key key;   /* makes and checks nonces (sip/digest.h); not in the exchange's
	                             * region because a front may read that one */
	struct hash_key dummy; /* makes the HA1 of users that do not exist */
	uint32_t mask;	       /* lines - 1 */
	uint32_t lifetime_s;   /* a nonce is refused this long after it was issued */
	_Alignas(
	    64) uint64_t words[]; /* check (32) | 4 s of its first use (12) | highest nc (20) */
};

enum { NONCES_NC_MAX = (1 << 20) - 2, NONCES_LIFETIME_MAX = 8192 };
enum nonce_use { NONCE_GOOD, NONCE_REPLAYED, NONCE_STALE };

size_t nonces_bytes(uint32_t words);
/* The supervisor: sets the table up in a fresh region of nonces_bytes(words), with new keys. In one
 * that was taken over, only lifetime_s may be changed. At most NONCES_LIFETIME_MAX. */
void nonces_init(struct nonces_region *n, uint32_t words, uint32_t lifetime_s);
/* First use must be nc 1; each further one greater than the last. A nonce whose nc is 1 and that is
 * not in the table is taken in; any other that is not in the table is stale, now and from now on, and so is
 * one that was used a million times. A phone whose second request overtakes its first is asked anew for both. */
enum nonce_use nonces_use(struct nonces_region *n, uint64_t nonce_id, uint32_t nc);
/* The same at a given monotonic second. */
enum nonce_use nonces_use_at(
    struct nonces_region *n, uint64_t nonce_id, uint32_t nc, uint64_t now_s);

#endif
