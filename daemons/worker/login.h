/* Gateways that ask who calls: digest toward trunks (login.c). Part of worker.h. */
#ifndef TANDEM_WORKER_LOGIN_H
#define TANDEM_WORKER_LOGIN_H

#include <stdbool.h>

#include "base/buf.h"
#include "sip/digest_client.h"
#include "sip/txn.h"

struct leg;
struct worker;

struct login { /* the last challenge of a gateway; login.c */
	uint32_t gateway, header; /* header: enum sip_header_id of the answer */
	uint32_t nc;              /* how often its nonce was used */
	struct digest_challenge challenge;
};
enum { LOGINS = 32 };

/* Is m a challenge to this request of ours that can be answered? Then it is to be sent again. */
bool login_follows(
    struct worker *w, const struct leg *l, const struct txn *t, const struct sip_msg *m);
/* Did its peer ask for credentials before? */
bool login_known(struct worker *w, const struct leg *l);
/* Credentials for a request that is being written: b has its start line. Nothing where none were asked for. */
void login_put(struct worker *w, struct buf *b, const struct leg *l, enum sip_method method);

#endif
