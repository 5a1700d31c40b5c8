/*
 * What Tandem writes into Via branch, tags and Contact of its own: {kind, handle} and a keyed check,
 * as 24 characters of lower-case base32. So a response and an in-dialog request say which worker and
 * which object they are for, and nobody can aim at one by guessing.
 */
#ifndef TANDEM_SIP_TOKEN_H
#define TANDEM_SIP_TOKEN_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/span.h"

enum token_kind { TOKEN_BRANCH = 1, TOKEN_CONTACT, TOKEN_TAG };
enum { TOKEN_LEN = 24 };

void token_put(struct buf *b, const struct hash_key *key, enum token_kind kind, handle h);
/* Text that begins with a token (more may follow). ERR_SYNTAX: not one of ours; ERR_DENIED: the
 * check is wrong. */
enum err token_read(const struct hash_key *key, enum token_kind kind, struct span text,
    handle *h_r);

#endif
