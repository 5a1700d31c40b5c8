/* Gateways that ask who calls: digest toward trunks (login.c). Part of worker.h. */
#ifndef TANDEM_WORKER_LOGIN_H
#define TANDEM_WORKER_LOGIN_H

#include <stdbool.h>

#include "base/buf.h"
#include "sip/digest_client.h"
#include "sip/msg.h"

struct worker;

struct login { /* the last challenge of a gateway; login.c */
	uint32_t gateway, header; /* header: enum sip_header_id of the answer */
	uint32_t nc;              /* how often its nonce was used */
	struct digest_challenge challenge;
};
enum { LOGINS = 32 };

/* Is m (NULL: no response) this gateway's challenge to a request of ours, which can be answered? Then that is to
 * be sent again; again: as which repetition it was sent, 0 the first time. gateway 0: it is none, and nobody
 * else is ever told (THREATS.md A9). */
bool login_follows(
    struct worker *w, uint32_t gateway, uint32_t again, const struct sip_msg *m);
/* Did it ask for credentials before? */
bool login_known(struct worker *w, uint32_t gateway);
/* Credentials for a request to it that is being written: b has its start line. Nothing where none were asked
 * for. */
void login_put(struct worker *w, struct buf *b, uint32_t gateway, struct span method);

#endif
