/*
 * RFC 3261 10.3 steps 1 to 5. What a stranger can learn here is which domains are ours: everything
 * that depends on a user is asked only when the digest was right, and then tells no more than "not
 * yours" (403) of addresses that are somebody else's or nobody's (THREATS.md A7).
 */
#include "registrar/registrar.h"

#include "base/log.h"
#include "ipc/guess.h"
#include "model/domain.h"
#include "sip/fields.h"

enum { NAME_MAX_LEN = 128 };

/* (1) Is it for a domain of ours? We relay no REGISTER. The address-of-record must be of the same
 * tenant (5); a tel URI has no domain and is of the one that is asked. */
static enum err
find_tenant(struct registrar *r, const struct sip_msg *m, struct sip_uri *to_r, uint32_t *tenant_r)
{
	struct sip_uri asked;
	uint32_t of_to;

	if (sip_uri_parse(sip_span(m, m->uri), &asked) != ERR_NONE ||
	    (asked.scheme != SIP_S_SIP && asked.scheme != SIP_S_SIPS) ||
	    domain_tenant(&r->directory, r->settings, asked.host, &m->flow.local, tenant_r) !=
		ERR_NONE)
		return ERR_ABSENT;
	if (sip_uri_parse(sip_span(m, m->to_uri), to_r) != ERR_NONE || to_r->scheme == SIP_S_OTHER)
		return ERR_ABSENT;
	if (to_r->scheme == SIP_S_TEL)
		return ERR_NONE;
	return domain_tenant(&r->directory, r->settings, to_r->host, &m->flow.local, &of_to) ==
			   ERR_NONE &&
		       of_to == *tenant_r
		   ? ERR_NONE
		   : ERR_ABSENT;
}

/* (2) Extensions that are required and that we do not do; empty: none. */
static struct span
not_supported(const struct sip_msg *m, struct buf *b)
{
	struct sip_values v = sip_values(m, SIP_H_REQUIRE);
	struct span tag;

	while (sip_values_next(&v, &tag)) {
		if (span_ieq(tag, sip_option_name(SIP_O_PATH)) ||
		    span_ieq(tag, sip_option_name(SIP_O_OUTBOUND)))
			continue;
		if (b->len > 0)
			buf_lit(b, ", ");
		buf_put(b, tag);
	}
	return buf_ok(b) ? buf_span(b) : SPAN("*");
}

/* (3) */
bool
gate_authenticate(
    struct registrar *r, const struct sip_msg *m, uint32_t tenant, struct challenge_user *who_r)
{
	enum challenge_verdict v =
	    challenge_check(&r->challenge, m, SIP_H_AUTHORIZATION, tenant, who_r);
	char realm[128];

	challenge_log(&r->challenge, m, v, who_r);
	if (v == CHALLENGE_GOOD) {
		count(r->child.self, COUNT_AUTH_GOOD, 1);
		return true;
	}
	if (v == CHALLENGE_MALFORMED) {
		answer_stranger(r, m, 400, "Bad Authorization");
		return false;
	}
	if (v == CHALLENGE_WRONG && !guess_wrong(&r->child, &m->flow.peer))
		return false;
	if (challenge_realm(&r->challenge, tenant, realm))
		answer_challenge(
		    r, m, span_str(realm), v == CHALLENGE_STALE || v == CHALLENGE_USED);
	else
		answer_stranger(r, m, 404, NULL); /* the tenant went this moment */
	return false;
}

const struct dir_subscriber *
gate_owner(struct registrar *r, const struct sip_uri *to, uint32_t tenant, struct dir_buf *owner)
{
	char name[NAME_MAX_LEN], target[NAME_MAX_LEN];
	struct buf b = buf_on(name, sizeof(name)), t = buf_on(target, sizeof(target));
	const struct dir_subscriber *s;
	const struct dir_number *n;

	if (!sip_uri_user(to, &b) || b.len == 0)
		return NULL;
	s = directory_subscriber(&r->directory, tenant, buf_span(&b), owner);
	if (s != NULL)
		return s;
	n = directory_number(&r->directory, tenant, buf_span(&b), owner);
	if (n == NULL || n->kind != DIR_NUMBER_SUBSCRIBER)
		return NULL;
	buf_put(&t, dir_text(n, n->target));
	return buf_ok(&t) ? directory_subscriber(&r->directory, tenant, buf_span(&t), owner) : NULL;
}

/* (4) Is he allowed to: it is his own, or he is named in reg_delegate (FLOWS.md S0-20). */
static bool
is_allowed(struct registrar *r, const struct dir_subscriber *owner,
    const struct challenge_user *who, struct registration *reg)
{
	if (owner == NULL || owner->disabled)
		return false;
	reg->user = dir_text(owner, owner->user);
	reg->by = SPAN_NONE;
	if (owner->id == who->subscriber->id)
		return true;
	reg->by = who->username;
	return directory_delegate(&r->directory, reg->tenant, who->subscriber->id, reg->user);
}

const struct dir_subscriber *
gate_request(struct registrar *r, const struct sip_msg *m, struct registration *reg,
    struct dir_buf *owner_room)
{
	const struct dir_subscriber *owner;
	struct challenge_user who;
	struct sip_uri to;
	struct span missing;
	char text[256];
	struct buf b = buf_on(text, sizeof(text));

	if (!registrar_has_directory(r)) {
		answer_stranger(r, m, 503, "Starting");
		return NULL;
	}
	if (find_tenant(r, m, &to, &reg->tenant) != ERR_NONE) {
		answer_stranger(r, m, 404, NULL);
		return NULL;
	}
	missing = not_supported(m, &b);
	if (missing.len > 0) {
		answer_unsupported(r, m, missing);
		return NULL;
	}
	if (!gate_authenticate(r, m, reg->tenant, &who))
		return NULL;
	owner = gate_owner(r, &to, reg->tenant, owner_room);
	if (!is_allowed(r, owner, &who, reg)) {
		log_warn("registration for another refused", LOG_ADDR("source", &m->flow.peer),
		    LOG_SPAN("user", who.username), LOG_SPAN("address", to.text));
		answer_refuse(r, m, 403, NULL);
		return NULL;
	}
	return owner;
}
