/* Challenges, and who answered them rightly. Nothing is kept but the count of a nonce's uses. */
#include "model/challenge.h"

#include <string.h>

#include "base/fold.h"
#include "sip/build.h"

enum { TAG_TEXT = 16 };
enum { STALE_QUIET = 5 };

bool
challenge_realm(const struct challenge *c, uint32_t tenant, char realm_r[128])
{
	struct dir_buf record;
	const struct dir_tenant *t = directory_tenant(c->directory, tenant, &record);

	if (t == NULL || t->realm[0] == '\0')
		return false;
	memcpy(realm_r, t->realm, sizeof(t->realm));
	return true;
}

/* --- the check ---------------------------------------------------------------------------------*/

/* What stands in for the password of somebody who has none: nobody knows it, and it is the same
 * each time, as a real one is. */
static void
dummy_ha1(const struct nonces_region *n, struct span username, struct digest_ha1 *ha1_r)
{
	struct hash_key key = n->dummy;
	uint64_t words[4];

	for (unsigned i = 0; i < 4; i++) {
		words[i] = hash_span(&key, username);
		key.k0 ^= words[i];
	}
	memcpy(ha1_r->md5, words, sizeof(ha1_r->md5));
	memcpy(ha1_r->sha256, words, sizeof(ha1_r->sha256));
	memcpy(ha1_r->sha512_256, words, sizeof(ha1_r->sha512_256));
	ha1_r->has = 0;
}

/* May this subscriber be known by an answer of this algorithm? */
static bool
may_answer(const struct dir_subscriber *s, enum digest_algorithm a)
{
	return s != NULL && !s->disabled && a >= s->min_algorithm && (s->ha1.has >> a & 1) != 0;
}

static bool
response_right(const struct challenge *c, const struct sip_msg *m,
    const struct digest_credentials *given, const struct dir_subscriber *s)
{
	struct digest_ha1 ha1;
	bool may = may_answer(s, given->algorithm);

	dummy_ha1(c->nonces, given->username, &ha1);
	if (may)
		ha1 = s->ha1;
	return digest_response_right(
		   given, sip_span(m, m->method_text), sip_span(m, m->uri), &ha1) &&
	       may;
}

/* The nonce is judged last: "stale" means that all else was right (RFC 7616 3.3), and only then its
 * count is written down. */
static enum challenge_verdict
nonce_verdict(
    const struct challenge *c, const struct digest_credentials *given, const char **fault_r)
{
	uint64_t id;

	switch (digest_nonce_check(&c->nonces->key, given->nonce, given->realm, c->clock->wall_ms,
	    c->nonces->lifetime_s, &id)) {
	case DIGEST_NONCE_GOOD:
		break;
	case DIGEST_NONCE_STALE:
		*fault_r = "nonce too old";
		return CHALLENGE_STALE;
	case DIGEST_NONCE_BAD: /* made with a key of a former life, for all we know */
		*fault_r = "nonce not ours";
		return CHALLENGE_STALE;
	}
	/* One that was used already: a replay, or a phone whose requests overtook each other. It gets a
	 * new nonce, which only who knows the password can use. */
	switch (nonces_use(c->nonces, id, given->nc)) {
	case NONCE_GOOD:
		return CHALLENGE_GOOD;
	case NONCE_REPLAYED:
		*fault_r = "nonce used before";
		return CHALLENGE_USED;
	case NONCE_STALE:
		break;
	}
	*fault_r = "nonce used before";
	return CHALLENGE_STALE;
}

/* Why was the response wrong? The first that an administrator would mend. It takes as long for a user
 * who does not exist. */
static const char *
fault_of(
    const struct sip_msg *m, const struct digest_credentials *given, const struct dir_subscriber *s)
{
	bool names = digest_names(given, sip_span(m, m->uri));

	if (s == NULL)
		return "no such subscriber";
	if (s->disabled)
		return "subscriber disabled";
	if (!may_answer(s, given->algorithm))
		return "digest algorithm not allowed";
	if (!given->has_qop)
		return "digest without qop";
	if (!names)
		return "digest for another address";
	return "wrong password";
}

enum challenge_verdict
challenge_check(const struct challenge *c, const struct sip_msg *m, enum sip_header_id header,
    uint32_t tenant, struct challenge_user *user_r)
{
	struct digest_credentials given;
	const struct dir_subscriber *s;
	enum challenge_verdict v;
	char realm[128];
	enum err e;

	user_r->username = SPAN_NONE;
	user_r->subscriber = NULL;
	user_r->fault = NULL;
	if (!challenge_realm(c, tenant, realm))
		return CHALLENGE_NONE;
	e = digest_find(m, header, span_str(realm), &given);
	if (e == ERR_ABSENT)
		return CHALLENGE_NONE;
	if (e != ERR_NONE) {
		user_r->fault = "malformed credentials";
		return CHALLENGE_MALFORMED;
	}
	user_r->username = given.username;
	s = directory_subscriber(c->directory, tenant, given.username, &user_r->record);
	if (!response_right(c, m, &given, s)) {
		user_r->fault = fault_of(m, &given, s);
		return CHALLENGE_WRONG;
	}
	v = nonce_verdict(c, &given, &user_r->fault);
	if (v == CHALLENGE_GOOD || v == CHALLENGE_USED)
		user_r->subscriber = s;
	return v;
}

/* A nonce grows old between two registrations of a healthy phone, which then answers the next one:
 * told of only when it does not, again and again, or somebody replays what he overheard. */
void
challenge_log(const struct challenge *c, const struct sip_msg *m, enum challenge_verdict v,
    const struct challenge_user *user)
{
	if (user->fault == NULL)
		return;
	fold_warn(&(struct fold_warning){ .event = "authentication failed",
		      .reason = user->fault,
		      .source = &m->flow.peer,
		      .user = user->username,
		      .method = sip_span(m, m->method_text),
		      .quiet = v == CHALLENGE_STALE || v == CHALLENGE_USED ? STALE_QUIET : 0 },
	    c->clock->mono_ns);
}

/* --- the challenge -----------------------------------------------------------------------------*/

/*
 * Phones that give up when a challenge names an algorithm they do not know, though RFC 3261 22.4 has them
 * pass over it. They are asked for less; a subscriber's min_algorithm still holds, so whoever lies here
 * gains nothing.
 */
static const struct {
	const char *agent; /* how its User-Agent begins */
	unsigned flags;
} patience[] = {
	{ "baresip", DIGEST_ONLY_MD5 },	  /* libre 1.x: SHA-256 is ENOSYS, sip/auth.c */
	{ "Linphone", DIGEST_NO_SHA512 }, /* belle-sip 5: "unsupported algo [SHA-512-256]" */
};

unsigned
challenge_flags(const struct sip_msg *m, bool stale)
{
	struct span agent = sip_header_get(m, SIP_H_USER_AGENT);
	unsigned flags = stale ? DIGEST_STALE : 0;

	for (unsigned i = 0; i < sizeof(patience) / sizeof(patience[0]); i++) {
		if (span_starts(agent, span_str(patience[i].agent)))
			flags |= patience[i].flags;
	}
	return flags;
}

void
challenge_put(const struct challenge *c, struct buf *b, enum sip_header_id header,
    struct span realm, unsigned flags)
{
	char text[80];
	struct buf nonce = buf_on(text, sizeof(text));

	digest_nonce_put(&nonce, &c->nonces->key, realm, c->clock->wall_ms);
	digest_put_challenge(b, header, realm, buf_span(&nonce), flags);
}

void
challenge_put_response(const struct challenge *c, struct buf *b, const struct sip_msg *m,
    unsigned status, struct span realm, bool stale)
{
	enum sip_header_id header =
	    status == 407 ? SIP_H_PROXY_AUTHENTICATE : SIP_H_WWW_AUTHENTICATE;
	char text[TAG_TEXT];
	struct buf tag = buf_on(text, sizeof(text));

	challenge_put_tag(&tag, &c->key, m);
	sip_put_response(b, m, status, NULL, buf_span(&tag));
	challenge_put(c, b, header, realm, challenge_flags(m, stale));
	sip_put_body(b, SPAN_NONE, SPAN_NONE);
}

void
challenge_put_tag(struct buf *b, const struct hash_key *key, const struct sip_msg *m)
{
	const struct sip_slice parts[] = { m->via, m->call_id, m->from_tag };
	uint64_t hash = m->cseq;
	struct hash_key k = *key;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		k.k0 ^= hash;
		hash = hash_span(&k, sip_span(m, parts[i]));
	}
	buf_hex(b, &hash, sizeof(hash));
}
