/*
 * A gateway asks who calls (RFC 3261 22, FLOWS.md S2-17): its 401 or 407 is answered with the user and
 * password that the directory has for it, in the same request with another CSeq (leg_again.c,
 * message_way.c). Its last challenge is kept, and every further request to it bears credentials at once,
 * the nonce counted up; the ACK of a 2xx has those of its INVITE.
 *
 *     tandem                        gateway
 *        |  INVITE                     |
 *        |---------------------------->|
 *        |            407  nonce=N     |
 *        |<----------------------------|
 *        |  ACK                        |
 *        |  INVITE  nonce=N nc=1       |
 *        |---------------------------->|
 *        |            200              |
 *        |<----------------------------|
 *        |  BYE     nonce=N nc=2       |
 *
 * A request is tried again once; once more when its nonce was stale. A challenge stands in private memory: each
 * worker has its own, and one that was killed is asked anew. A gateway whose nonce is the same for all, for a
 * while, sees a count twice then, and gives another nonce (stale).
 *
 * Behind a gateway that is a plain proxy anybody may be in the dialog. So it is told, and believed, only
 * where it stands itself: at its address in the directory, or where we found it when we called (THREATS.md
 * A9), and for one realm: the one that the directory has for it, else that of its first challenge, for as
 * long as this process lives. Credentials are in no log, ladder or record.
 *
 * Settings: tandem.gateway.auth_user, auth_password, realm.
 */
#include "worker/worker.h"

#include "base/log.h"
#include "base/rand.h"

enum { TRIES = 2, TRIES_STALE = 3 };

static struct login *
login_of(struct worker *w, uint32_t gateway, enum sip_header_id header)
{
	for (unsigned i = 0; i < LOGINS; i++)
		if (w->logins[i].gateway == gateway && w->logins[i].header == header)
			return &w->logins[i];
	return NULL;
}

/* Its own, or the next in turn: with more gateways than that some are asked more often. */
static struct login *
login_place(struct worker *w, uint32_t gateway, enum sip_header_id header)
{
	struct login *x = login_of(w, gateway, header);

	return x != NULL ? x : &w->logins[w->next_login++ % LOGINS];
}

/* In scratch. NULL: there is nothing to tell it. */
static const struct dir_gateway *
gateway_with_login(struct worker *w, uint32_t id)
{
	struct dir_buf *rec = id == 0 ? NULL : scratch_take(w, sizeof(*rec));
	const struct dir_gateway *g =
	    rec == NULL ? NULL : directory_gateway(&w->directory, id, rec);

	return g == NULL || g->user.len == 0 ? NULL : g;
}

/* Is this address the gateway's? */
static bool
is_at(struct worker *w, const struct login_party *p, const struct netaddr *peer)
{
	return (p->home->family != 0 && netaddr_eq_ip(p->home, peer)) ||
	       directory_gateway_is_at(&w->directory, p->gateway, peer);
}

bool
login_may(struct worker *w, const struct login_party *p)
{
	return p->gateway != 0 && is_at(w, p, p->to);
}

/* Is it the realm that the directory has for it? */
static bool
is_its_realm(const struct dir_gateway *g, const struct digest_challenge *c)
{
	return g->realm.len == 0 || digest_has_realm(c, dir_text(g, g->realm));
}

/* Or else, where the directory has none, the one that it gave first, in whichever header? What stands here of a
 * realm that the directory had before counts for nothing. */
static bool
is_realm(struct worker *w, const struct dir_gateway *g, const struct digest_challenge *c)
{
	bool right = is_its_realm(g, c);

	for (unsigned i = 0; i < LOGINS && right; i++) {
		struct login *x = &w->logins[i];

		if (x->gateway != (uint32_t)g->id || digest_same_realm(&x->challenge, c))
			continue;
		if (g->realm.len > 0)
			*x = (struct login){ 0 };
		else
			right = false;
	}
	if (!right)
		log_error("a challenge in a gateway's name has another realm: not answered",
		    LOG_SPAN("gateway", dir_text(g, g->name)));
	return right;
}

/* The count of a nonce that is given again goes on. */
static void
keep_challenge(
    struct worker *w, uint32_t gateway, enum sip_header_id header, const struct digest_challenge *c)
{
	struct login *x = login_place(w, gateway, header);
	bool again = x->gateway == gateway && digest_same_nonce(&x->challenge, c);

	*x = (struct login){
		.gateway = gateway, .header = header, .nc = again ? x->nc : 0, .challenge = *c
	};
}

bool
login_known(struct worker *w, uint32_t gateway)
{
	return gateway != 0 && (login_of(w, gateway, SIP_H_AUTHORIZATION) != NULL ||
				   login_of(w, gateway, SIP_H_PROXY_AUTHORIZATION) != NULL);
}

bool
login_follows(
    struct worker *w, const struct login_party *p, uint32_t again, const struct sip_msg *m)
{
	const struct dir_gateway *g;
	enum sip_header_id asks, answers;
	struct digest_challenge c;

	if (m == NULL || (m->status != 401 && m->status != 407) || !login_may(w, p) ||
	    !is_at(w, p, &m->flow.peer))
		return false;
	g = gateway_with_login(w, p->gateway);
	asks = m->status == 401 ? SIP_H_WWW_AUTHENTICATE : SIP_H_PROXY_AUTHENTICATE;
	answers = m->status == 401 ? SIP_H_AUTHORIZATION : SIP_H_PROXY_AUTHORIZATION;
	if (g == NULL || digest_challenge_read(m, asks, &c) != ERR_NONE || !is_realm(w, g, &c))
		return false;
	if (again + 1 >= (c.stale ? TRIES_STALE : TRIES)) {
		log_error("a gateway does not take our user and password",
		    LOG_SPAN("gateway", dir_text(g, g->name)), LOG_U64("status", m->status));
		return false;
	}
	keep_challenge(w, p->gateway, answers, &c);
	return true;
}

static void
put_line(
    struct buf *b, struct login *x, const struct dir_gateway *g, const struct digest_use *request)
{
	struct digest_use use = *request;
	uint64_t random = rand_u64();
	char cnonce[2 * sizeof(random)];
	struct buf c = buf_on(cnonce, sizeof(cnonce));

	buf_hex(&c, &random, sizeof(random));
	use.username = dir_text(g, g->user);
	use.password = dir_text(g, g->secret);
	use.cnonce = buf_span(&c);
	use.nc = ++x->nc;
	digest_put_credentials(b, (enum sip_header_id)x->header, &x->challenge, &use);
}

/* The Request-URI of what b has so far: with a strict route it is not the target. */
static struct span
request_uri(const struct buf *b)
{
	struct span line = buf_span(b), method, uri;

	line = span_cut(line, ' ', &method);
	span_cut(line, ' ', &uri);
	return uri;
}

void
login_put(struct worker *w, struct buf *b, const struct login_party *p, struct span method)
{
	static const enum sip_header_id kinds[] = { SIP_H_AUTHORIZATION,
		SIP_H_PROXY_AUTHORIZATION };
	struct digest_use use = { .method = method, .uri = request_uri(b) };
	size_t used = w->scratch_used;
	const struct dir_gateway *g;

	if (!buf_ok(b) || !login_may(w, p))
		return;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct login *x = login_of(w, p->gateway, kinds[i]);

		g = x == NULL ? NULL : gateway_with_login(w, p->gateway);
		if (g != NULL && is_its_realm(g, &x->challenge))
			put_line(b, x, g, &use);
		w->scratch_used = used;
	}
}
