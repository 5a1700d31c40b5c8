/*
 * Who sends a request that is in no dialog of ours: a gateway, known by its address, or a subscriber,
 * known by his credentials (or, where the directory says so, by the way he registered). Never by the
 * mere From (FLOWS.md S1-14).
 */
#include "worker/worker.h"

#include "ipc/guess.h"

#include "sip/build.h"

static bool
is_gateway(struct worker *w, const struct sip_msg *m, struct origin *o)
{
	const struct dir_gateway *g =
	    directory_gateway_at(&w->directory, &m->flow.peer, &o->record);

	if (g == NULL || !g->trusted)
		return false;
	o->kind = ORIGIN_GATEWAY;
	o->gateway = g;
	o->tenant = g->tenant;
	o->account = g->id;
	return true;
}

/* The tenant whose realm we challenge with: the caller's own domain says it, else the called one. A
 * domain of nobody gets the default realm's challenge, like any other (THREATS.md A7). */
static uint32_t
tenant_of(struct worker *w, const struct sip_msg *m)
{
	struct span uris[3] = { sip_span(m, m->from_uri), sip_span(m, m->uri), SPAN_NONE };
	struct sip_uri uri;
	uint32_t tenant = 0;

	for (unsigned i = 0; i < 2; i++)
		if (sip_uri_parse(uris[i], &uri) == ERR_NONE &&
		    domain_tenant(&w->directory, w->settings, uri.host, &m->flow.local, &tenant) ==
			ERR_NONE)
			return tenant;
	directory_tenant_of(&w->directory, span_str(w->settings->domains[0]), &tenant);
	return tenant;
}

static void
is_subscriber(struct origin *o, const struct dir_subscriber *s)
{
	o->kind = ORIGIN_SUBSCRIBER;
	o->subscriber = s;
	o->tenant = s->tenant;
	o->account = s->id;
}

static bool
is_trusted_path(const struct binding *b, const struct sip_flow *f, unsigned trust)
{
	if (trust == DIR_TRUST_ADDRESS)
		return netaddr_eq_ip(&b->flow.peer, &f->peer);
	return b->flow.transport == f->transport && netaddr_eq(&b->flow.peer, &f->peer);
}

/* FLOWS.md S1-14: a subscriber whose directory entry says so needs no challenge from where he is
 * registered. */
static bool
is_trusted(struct worker *w, const struct sip_msg *m, uint32_t tenant, struct origin *o)
{
	struct loc_buf *buf = scratch_take(w, sizeof(*buf));
	struct buf user = scratch_buf(w, 256);
	const struct dir_subscriber *s;
	const struct location *loc;
	struct sip_uri from;

	if (buf == NULL || sip_uri_parse(sip_span(m, m->from_uri), &from) != ERR_NONE)
		return false;
	sip_uri_user(&from, &user);
	s = directory_subscriber(&w->directory, tenant, buf_span(&user), &o->record);
	if (s == NULL || s->disabled || s->trust == DIR_TRUST_CHALLENGE)
		return false;
	loc =
	    locations_find(&w->locations, tenant, buf_span(&user), child_steady_ms(&w->child), buf);
	for (unsigned i = 0; loc != NULL && i < loc->n; i++) {
		if (is_trusted_path(&loc->bindings[i], &m->flow, s->trust)) {
			is_subscriber(o, s);
			return true;
		}
	}
	return false;
}

static void
challenge(struct worker *w, const struct sip_msg *m, uint32_t tenant, bool stale)
{
	struct buf lines = scratch_buf(w, 2048);
	char realm[128];

	if (!challenge_realm(&w->challenge, tenant, realm)) {
		answer_stateless(w, m, 403, NULL, SPAN_NONE);
		return;
	}
	challenge_put(&w->challenge, &lines, SIP_H_PROXY_AUTHENTICATE, span_str(realm),
	    challenge_flags(m, stale));
	count(w->child.self, COUNT_CHALLENGED, 1);
	answer_stateless(w, m, 407, NULL, buf_span(&lines)); /* C1: nothing is kept */
}

static bool
judge(struct worker *w, const struct sip_msg *m, struct origin *o, bool again)
{
	uint32_t tenant = tenant_of(w, m);
	struct challenge_user *who = scratch_take(w, sizeof(*who));
	enum challenge_verdict v;

	if (who == NULL)
		return false;
	if (is_gateway(w, m, o) || is_trusted(w, m, tenant, o))
		return true;
	v = challenge_check(&w->challenge, m, SIP_H_PROXY_AUTHORIZATION, tenant, who);
	if (again && v == CHALLENGE_USED) {
		v = CHALLENGE_GOOD;
		who->fault = NULL;
	}
	challenge_log(&w->challenge, m, v, who);
	switch (v) {
	case CHALLENGE_GOOD:
		count(w->child.self, COUNT_AUTH_GOOD, 1);
		o->record = who->record;
		is_subscriber(o, (const void *)o->record.words);
		return true;
	case CHALLENGE_NONE:
		challenge(w, m, tenant, false);
		break;
	case CHALLENGE_STALE:
	case CHALLENGE_USED:
		challenge(w, m, tenant, true);
		break;
	case CHALLENGE_WRONG:
		if (guess_wrong(&w->child, &m->flow.peer))
			challenge(w, m, tenant, false);
		break;
	case CHALLENGE_MALFORMED:
		answer_stateless(w, m, 400, "Malformed credentials", SPAN_NONE);
		break;
	}
	return false;
}

bool
auth_request(struct worker *w, const struct sip_msg *m, struct origin *o)
{
	return judge(w, m, o, false);
}

bool
auth_again(struct worker *w, const struct sip_msg *m, struct origin *o)
{
	return judge(w, m, o, true);
}
