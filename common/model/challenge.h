/*
 * The digest gate, the same for all that authenticate (worker, registrar): challenges that cost us
 * no memory, and the check of what comes back against the directory.
 *
 * A request is challenged before anybody is looked up. Credentials of a user who does not exist,
 * who is disabled or whose password is another take the same path, cost the same and get the same
 * answer (THREATS.md A7, A8): a fresh challenge. How often a nonce was used is counted where all
 * daemons see it (ipc/nonces.h), after the response was found right and not before.
 */
#ifndef TANDEM_MODEL_CHALLENGE_H
#define TANDEM_MODEL_CHALLENGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ipc/nonces.h"
#include "model/directory.h"
#include "sip/digest.h"

struct challenge { /* what its daemon lends it */
	const struct directory *directory;
	struct nonces_region *nonces;
	const struct clock *clock;
	struct hash_key key; /* of the exchange: To tags */
};

enum challenge_verdict {
	CHALLENGE_GOOD,	 /* *user_r says who it is */
	CHALLENGE_NONE,	 /* no credentials for this realm: challenge */
	CHALLENGE_STALE, /* right, but the nonce is used up, too old or of a former life: challenge
	                      * with stale=true, then a phone tries again by itself */
	CHALLENGE_USED,	 /* as STALE, for no other reason than that the nonce's count was there before */
	CHALLENGE_WRONG, /* challenge again; somebody may be guessing: count it */
	CHALLENGE_MALFORMED, /* 400 */
};

struct challenge_user {
	struct span username; /* as given; in the message. Also set when it is WRONG */
	const struct dir_subscriber *subscriber; /* in `record`; GOOD and USED only, else NULL */
	const char *fault; /* in plain words, for the log and nobody else; NULL: GOOD or NONE */
	struct dir_buf record;
};

/* Realm of a tenant's challenges, copied out; false when there is no such tenant. */
bool challenge_realm(const struct challenge *c, uint32_t tenant, char realm_r[128]);

/* Who sends this? header: SIP_H_AUTHORIZATION or SIP_H_PROXY_AUTHORIZATION. Counts nothing and
 * answers nothing. */
enum challenge_verdict challenge_check(const struct challenge *c, const struct sip_msg *m,
    enum sip_header_id header, uint32_t tenant, struct challenge_user *user_r);

/* After a check: what was wrong, if anything was, to the log, folded (base/fold.h). tandemd(8) has the
 * words. */
void challenge_log(const struct challenge *c, const struct sip_msg *m, enum challenge_verdict v,
    const struct challenge_user *user);

/* How this request is challenged: flags of digest_put_challenge. */
unsigned challenge_flags(const struct sip_msg *m, bool stale);
/* The challenge itself: header lines with a new nonce, SIP_H_WWW_AUTHENTICATE or
 * SIP_H_PROXY_AUTHENTICATE. */
void challenge_put(const struct challenge *c, struct buf *b, enum sip_header_id header,
    struct span realm, unsigned flags);
/* A whole stateless 401 or 407. */
void challenge_put_response(const struct challenge *c, struct buf *b, const struct sip_msg *m,
    unsigned status, struct span realm, bool stale);

/* To tag of a stateless answer: a keyed hash of the request, so that each retransmission gets the
 * same (RFC 3261 8.2.7). */
void challenge_put_tag(struct buf *b, const struct hash_key *key, const struct sip_msg *m);

#endif
