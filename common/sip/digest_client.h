/*
 * Digest authentication from the other side (RFC 3261 22.2, RFC 7616, RFC 8760): somebody challenges us,
 * and we answer with a user name and a password. Pure: whoever keeps a challenge counts its uses.
 */
#ifndef TANDEM_SIP_DIGEST_CLIENT_H
#define TANDEM_SIP_DIGEST_CLIENT_H

#include "sip/digest.h"

enum { DIGEST_TEXT_MAX = 255 };

struct digest_text {
	uint8_t len;
	char text[DIGEST_TEXT_MAX];    /* as it was quoted: backslashes stay */
};

struct digest_challenge {              /* copied: it outlives its message */
	struct digest_text realm, nonce, opaque;
	uint8_t algorithm;             /* enum digest_algorithm */
	bool qop;                      /* qop=auth is offered; else as RFC 2069 */
	bool stale;                    /* the nonce alone was wrong */
	bool has_opaque;
};

/* The first challenge in these headers (SIP_H_WWW_AUTHENTICATE or SIP_H_PROXY_AUTHENTICATE) that can be
 * answered: the sender has put the best first (RFC 8760 2.4). ERR_ABSENT: none. */
enum err digest_challenge_read(const struct sip_msg *m, enum sip_header_id header,
    struct digest_challenge *c_r);
bool digest_same_realm(const struct digest_challenge *a, const struct digest_challenge *b);
bool digest_has_realm(const struct digest_challenge *c, struct span realm);
bool digest_same_nonce(const struct digest_challenge *a, const struct digest_challenge *b);

struct digest_use {                    /* of a challenge, for one request */
	struct span username, password, method, uri;
	uint32_t nc;                   /* from 1: how often its nonce was used */
	struct span cnonce;
};
/* The whole header line: SIP_H_AUTHORIZATION or SIP_H_PROXY_AUTHORIZATION. */
void digest_put_credentials(struct buf *b, enum sip_header_id header,
    const struct digest_challenge *c, const struct digest_use *use);

#endif
