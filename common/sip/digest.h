/*
 * Digest authentication (RFC 3261 22, RFC 7616, RFC 8760): challenges, and the check of
 * credentials against stored HA1. Stateless: a nonce carries its time, 64 random bits and a keyed
 * MAC over both and the realm; only the count of its uses is kept elsewhere (ipc/nonces.h).
 */
#ifndef TANDEM_SIP_DIGEST_H
#define TANDEM_SIP_DIGEST_H

#include "base/hash.h"
#include "sip/msg.h"

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA256, DIGEST_SHA512_256, DIGEST_N };

struct digest_ha1 {            /* what the directory stores for a subscriber */
	uint8_t md5[16], sha256[32], sha512_256[32];
	uint8_t has;               /* bits 1 << DIGEST_x */
};

/* One Authorization value, sliced, quotes removed; backslashes stay, for the digest is over the text
 * as it was quoted (RFC 7616 3.3, unq). */
struct digest_credentials {
	struct span username, realm, nonce, uri, response, cnonce, opaque;
	enum digest_algorithm algorithm;
	uint32_t nc;
	struct span nc_text;
	bool has_qop;              /* qop=auth */
};

/* H(username ":" realm ":" password); at most 32 bytes to ha1_r. */
void digest_ha1(enum digest_algorithm a, struct span username, struct span realm,
    struct span password, uint8_t *ha1_r);
size_t digest_size(enum digest_algorithm a);
/* The hash of the parts joined by ':'. */
void digest_hash(enum digest_algorithm a, const struct span *parts, size_t n, uint8_t *hash_r);
struct span digest_algorithm_name(enum digest_algorithm a);
/* Not said is MD5; ERR_ABSENT: none of ours. */
enum err digest_algorithm_of(struct span name, enum digest_algorithm *a_r);
/* The next name=value off *at: a token or "quoted", white space allowed around '=' (RFC 3261 25.1,
 * auth-param). False: there is none. */
bool digest_param_cut(const char **at, const char *end, struct span *name_r, struct span *value_r);

/* Finds the credentials for this realm among the values of the header (SIP_H_AUTHORIZATION or
 * SIP_H_PROXY_AUTHORIZATION), the first if there are several. ERR_ABSENT: none for us, or with an
 * algorithm we do not offer; ERR_SYNTAX: malformed (RFC 7616 3.4: 400). */
enum err digest_find(const struct sip_msg *m, enum sip_header_id header, struct span realm,
    struct digest_credentials *c_r);

enum digest_nonce { DIGEST_NONCE_GOOD, DIGEST_NONCE_STALE, DIGEST_NONCE_BAD };
void digest_nonce_put(struct buf *b, const struct hash_key *key, struct span realm, int64_t wall_ms);
/* *id_r: 64 bits that name this nonce, for the count of its uses. */
enum digest_nonce digest_nonce_check(const struct hash_key *key, struct span nonce,
    struct span realm, int64_t wall_ms, uint32_t lifetime_s, uint64_t *id_r);

/* Does the digest's uri name the same as the Request-URI? Otherwise sniffed credentials would serve to
 * call any number: same scheme, user and host; a default port that one side left out and URI parameters
 * are tolerated. */
bool digest_names(const struct digest_credentials *c, struct span request_uri);
/* Is the response right for this request, whose URI it must name? qop=auth is required. Constant time;
 * call it with a dummy HA1 for unknown users so that they cost the same. */
bool digest_response_right(const struct digest_credentials *c, struct span method,
    struct span request_uri, const struct digest_ha1 *ha1);
enum { DIGEST_STALE = 1, DIGEST_ONLY_MD5 = 2, DIGEST_NO_SHA512 = 4 }; /* flags */
/* Challenge header lines, SIP_H_WWW_AUTHENTICATE or SIP_H_PROXY_AUTHENTICATE, strongest algorithm
 * first (RFC 8760 2.3), one nonce. The others: for those who take a list amiss. */
void digest_put_challenge(struct buf *b, enum sip_header_id header, struct span realm,
    struct span nonce, unsigned flags);

#endif
