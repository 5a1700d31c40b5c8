/*
 * Who calls, as the called side may see it (FLOWS.md S2-16d; RFC 3323, 3325).
 *
 *     the caller is        named by                          believed because
 *     a subscriber         the directory                     of its credentials; its From is data
 *     a trusted peer       P-Asserted-Identity, else         the gateway is trusted, or the address stands
 *                          Remote-Party-ID, else From        in `trusted`
 *
 * Toward the called side From bears this name, or nobody's where privacy was asked for. The identity
 * itself goes in P-Asserted-Identity to those alone that are trusted to keep it.
 */
#include "worker/worker.h"

#include "sip/addr.h"
#include "sip/fields.h"
#include "sip/identity.h"

/* A name of 256 bytes with each escaped, a user of 256 as %hh, a realm of 128. */
enum { ADDRESS_MAX = 1536, SHOWN_MAX = 256 };

enum {
	HIDDEN = 1 << SIP_PRIVACY_ID | 1 << SIP_PRIVACY_USER | 1 << SIP_PRIVACY_HEADER,
	/* Media by way of somebody else, or what we do not know (RFC 3323 5). */
	UNMET = 1 << SIP_PRIVACY_SESSION | 1 << SIP_PRIVACY_OTHER,
};

struct who {
	struct span name, user, number;
};

bool
peer_is_trusted(struct worker *w, const struct netaddr *peer)
{
	for (unsigned i = 0; i < w->settings->n_trusted; i++)
		if (netaddr_eq_ip(&w->settings->trusted[i], peer))
			return true;
	return false;
}

bool
caller_is_hidden(const struct call *c)
{
	return (c->privacy & HIDDEN) != 0;
}

bool
caller_privacy_unmet(const struct call *c)
{
	return c->privacy & 1u << SIP_PRIVACY_CRITICAL && c->privacy & UNMET;
}

/* --- who he is ----------------------------------------------------------------------------------*/

static void
name_by(struct worker *w, struct call *c, const struct sip_addr *a)
{
	struct buf user = scratch_buf(w, 256), name = scratch_buf(w, SHOWN_MAX);
	struct sip_uri uri;

	sip_put_display_text(&name, a->display);
	if (sip_uri_parse(a->uri, &uri) == ERR_NONE)
		sip_uri_user(&uri, &user);
	c->user = call_keep(w, c, user.len > 0 ? buf_span(&user) : SPAN("anonymous"));
	c->name = call_keep(w, c, buf_span(&name));
}

static void
name_by_peer(struct worker *w, struct call *c, const struct sip_msg *m)
{
	struct sip_identity asserted;
	struct sip_remote_party rpid;
	struct sip_addr from = { 0 };

	if (sip_identity(m, SIP_H_P_ASSERTED_IDENTITY, &asserted) == ERR_NONE) {
		name_by(w, c, asserted.sip.uri.p != NULL ? &asserted.sip : &asserted.tel);
		return;
	}
	if (sip_remote_party(m, &rpid) == ERR_NONE) {
		name_by(w, c, &rpid.addr);
		if (rpid.privacy != SIP_RPID_OFF)
			c->privacy |= 1u << SIP_PRIVACY_ID;
		return;
	}
	(void)sip_addr_parse(sip_span(m, m->from), &from);
	name_by(w, c, &from);
}

/* What he would like to be called counts where it names nobody else (RFC 3325 9.2). */
static struct span
preferred_name(struct worker *w, const struct sip_msg *m, const struct dir_subscriber *s)
{
	struct buf user = scratch_buf(w, 256), name = scratch_buf(w, SHOWN_MAX);
	struct sip_identity preferred;
	struct sip_addr from;
	struct sip_uri uri;

	if (sip_identity(m, SIP_H_P_PREFERRED_IDENTITY, &preferred) == ERR_NONE &&
	    sip_uri_parse(preferred.sip.uri, &uri) == ERR_NONE) {
		sip_uri_user(&uri, &user);
		sip_put_display_text(&name, preferred.sip.display);
		if (name.len > 0 && (span_eq(buf_span(&user), dir_text(s, s->user)) ||
					span_eq(buf_span(&user), dir_text(s, s->number))))
			return buf_span(&name);
	}
	name.len = 0;
	if (sip_addr_parse(sip_span(m, m->from), &from) == ERR_NONE)
		sip_put_display_text(&name, from.display);
	return buf_span(&name);
}

static void
name_by_directory(
    struct worker *w, struct call *c, const struct sip_msg *m, const struct dir_subscriber *s)
{
	c->user = call_keep(w, c, dir_text(s, s->user));
	c->number = call_keep(w, c, dir_text(s, s->number));
	/* The name the directory has goes before the one that the phone claims. */
	c->name = call_keep(
	    w, c, s->display_name.len > 0 ? dir_text(s, s->display_name) : preferred_name(w, m, s));
}

/* A phone that hides itself in From asks for the same (RFC 3323 4.1). */
static bool
is_anonymous(const struct sip_msg *m)
{
	struct sip_uri uri;

	return sip_uri_parse(sip_span(m, m->from_uri), &uri) == ERR_NONE &&
	       span_ieq(uri.host, SPAN("anonymous.invalid"));
}

/* --- how he is shown ----------------------------------------------------------------------------*/

struct span
caller_realm(struct worker *w, const struct call *c)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *t =
	    rec == NULL ? NULL : directory_tenant(&w->directory, c->tenant, rec);

	return span_str(t == NULL ? w->settings->domains[0] : t->realm);
}

struct span
caller_address(struct worker *w, struct span name, struct span user, struct span realm)
{
	struct buf b = scratch_buf(w, ADDRESS_MAX);

	if (name.len > 0) {
		sip_put_quoted(&b, name);
		buf_char(&b, ' ');
	}
	buf_lit(&b, "<sip:");
	sip_put_user(&b, user);
	buf_char(&b, '@');
	buf_put(&b, realm);
	buf_char(&b, '>');
	scratch_end(w, &b);
	return buf_span(&b);
}

/* Of a subscriber with a number of his own that one, to be called back by. */
static struct kept
identity_lines(
    struct worker *w, struct call *c, const struct who *who, struct span realm, bool hidden)
{
	struct buf uri = scratch_buf(w, ADDRESS_MAX), b = scratch_buf(w, ADDRESS_MAX + 128);

	buf_lit(&uri, "sip:");
	sip_put_user(&uri, who->number.len > 0 ? who->number : who->user);
	buf_char(&uri, '@');
	buf_put(&uri, realm);
	sip_put_identity(&b, SIP_H_P_ASSERTED_IDENTITY, who->name, buf_span(&uri));
	if (hidden)
		sip_put_privacy(&b, c->privacy | 1u << SIP_PRIVACY_ID);
	return call_keep(w, c, buf_span(&b));
}

static void
put_uri_user(struct worker *w, struct buf *b, struct kept uri)
{
	struct sip_uri u;

	if (sip_uri_parse(kept_span(&w->heap, uri), &u) == ERR_NONE)
		sip_uri_user(&u, b);
}

/* The caller as his INVITE said, a subscriber as the directory has him, else the number that was
 * called. */
static struct who
who_is(struct worker *w, const struct call *c, const struct party *p)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	struct buf number = scratch_buf(w, 256);
	struct buf name = scratch_buf(w, SHOWN_MAX);
	struct who who = { .user = kept_span(&w->heap, p->user) };
	const struct dir_subscriber *s;
	struct sip_addr a;
	struct sip_uri uri;

	if (p == party_at(w, c->caller))
		return (struct who){ kept_span(&w->heap, c->name), kept_span(&w->heap, c->user),
			kept_span(&w->heap, c->number) };
	if (party_is_bridge(p) && sip_addr_parse(kept_span(&w->heap, p->address), &a) == ERR_NONE) {
		sip_put_display_text(&name, a.display);
		if (sip_uri_parse(a.uri, &uri) == ERR_NONE)
			sip_uri_user(&uri, &number);
		return (struct who){ buf_span(&name), buf_span(&number), SPAN_NONE };
	}
	if (who.user.len == 0) {
		put_uri_user(w, &number, p->uri);
		who.user = buf_span(&number);
		return who;
	}
	s = rec == NULL ? NULL : directory_subscriber(&w->directory, c->tenant, who.user, rec);
	if (s != NULL) {
		who.name = dir_text(s, s->display_name);
		who.number = dir_text(s, s->number);
	}
	return who;
}

struct span
party_address(struct worker *w, const struct call *c, const struct party *p)
{
	struct who who = who_is(w, c, p);

	return caller_address(w, who.name, who.user, caller_realm(w, c));
}

/* Behind a bridge is whom the other call named. */
bool
party_is_shown(struct worker *w, const struct call *c, const struct party *p)
{
	if (party_is_bridge(p))
		return p->address.len > 0;
	return p == party_at(w, c->caller) ? !caller_is_hidden(c) : !connected_hides(w, c, p);
}

struct span
party_shown(struct worker *w, const struct call *c, const struct party *p)
{
	return party_is_shown(w, c, p) ? party_address(w, c, p) : ANONYMOUS;
}

void
party_present(
    struct worker *w, struct call *c, const struct party *to, const struct party *p, struct note *n)
{
	struct target *t = target_at(w, to->target);
	struct who who;

	if (t != NULL && t->no_clip)
		n->text[T_FROM] = ANONYMOUS;
	if (!party_is_shown(w, c, p) || (t != NULL && t->no_clip))
		return;
	n->text[T_FROM] = party_address(w, c, p);
	if (!peer_is_trusted(w, &to->flow.peer) && (t == NULL || !t->trusted))
		return;
	who = who_is(w, c, p);
	n->text[T_HEADERS] =
	    kept_span(&w->heap, identity_lines(w, c, &who, caller_realm(w, c), false));
}

struct span
party_identity(struct worker *w, struct call *c, const struct party *p)
{
	struct span shown = party_shown(w, c, p);
	struct who who;

	if (shown.len == 0 || span_eq(shown, ANONYMOUS))
		return SPAN_NONE;
	who = who_is(w, c, p);
	return kept_span(&w->heap, identity_lines(w, c, &who, caller_realm(w, c), false));
}

static void
present(struct worker *w, struct call *c, const struct party *p, struct span realm)
{
	struct who who = who_is(w, c, p);
	bool hidden = p == party_at(w, c->caller) && caller_is_hidden(c);

	c->attempt.from =
	    call_keep(w, c, hidden ? ANONYMOUS : caller_address(w, who.name, who.user, realm));
	c->attempt.identity = identity_lines(w, c, &who, realm, hidden);
}

void
caller_present(struct worker *w, struct call *c, const struct party *p)
{
	present(w, c, p, caller_realm(w, c));
}

/* Who calls an emergency number is shown there, whatever he asked for (TS 24.607, override). */
static uint16_t
privacy_of(
    struct worker *w, const struct call *c, const struct setup *in, const struct route_query *q)
{
	const struct sip_msg *m = in->invite;
	uint32_t asked = sip_privacy(m);

	if (in->origin->kind == ORIGIN_SUBSCRIBER && emergency_is_called(w, in->origin, q))
		return 0;
	if (is_anonymous(m) && !(asked & 1u << SIP_PRIVACY_NONE))
		asked |= 1u << SIP_PRIVACY_ID;
	return (uint16_t)clir_privacy(in->origin, asked, c->once);
}

void
caller_keep(struct worker *w, struct call *c, const struct setup *in, const struct route_query *q)
{
	const struct sip_msg *m = in->invite;
	const struct origin *o = in->origin;
	struct span realm = caller_realm(w, c);

	c->privacy = privacy_of(w, c, in, q);
	if (o->kind == ORIGIN_GATEWAY ||
	    (peer_is_trusted(w, &m->flow.peer) && sip_has(m, SIP_H_P_ASSERTED_IDENTITY)))
		name_by_peer(w, c, m);
	else
		name_by_directory(w, c, m, o->subscriber);
	present(w, c, party_at(w, c->caller), realm);
	c->attempt.to = call_keep(w, c, caller_address(w, SPAN_NONE, q->dialled, realm));
}
