/* Gateways that ask who calls: digest toward trunks (login.c). Part of worker.h. */
#ifndef TANDEM_WORKER_LOGIN_H
#define TANDEM_WORKER_LOGIN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/netaddr.h"
#include "sip/digest_client.h"
#include "sip/msg.h"

struct worker;

struct login { /* the last challenge of a gateway; login.c */
	uint32_t gateway, header; /* header: enum sip_header_id of the answer */
	uint32_t nc;              /* how often its nonce was used */
	struct digest_challenge challenge;
};
enum { LOGINS = 128 };

struct login_party { /* whom a request of ours is for */
	uint32_t gateway;	    /* 0: none, and nobody else is ever told (THREATS.md A9) */
	const struct netaddr *home; /* where it was found, by the directory or DNS; family 0: not known */
	const struct netaddr *to;   /* where the request goes */
};
/* Does the request go to that gateway itself, so that it may bear credentials? */
bool login_may(struct worker *w, const struct login_party *p);

/* Is m (NULL: no response) this gateway's challenge to a request of ours, which can be answered? Then that is to
 * be sent again; again: as which repetition it was sent, 0 the first time. Not when it came from elsewhere than
 * the gateway, or with another realm than its first. */
bool login_follows(struct worker *w, const struct login_party *p, uint32_t again,
    const struct sip_msg *m);
/* Did it ask for credentials before? */
bool login_known(struct worker *w, uint32_t gateway);
/* Credentials for a request to it that is being written: b has its start line. Nothing where none were asked
 * for, or where it goes elsewhere. */
void login_put(struct worker *w, struct buf *b, const struct login_party *p, struct span method);

#endif
