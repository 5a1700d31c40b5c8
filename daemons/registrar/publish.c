/*
 * PUBLISH (RFC 3903 6): a device says how its subscriber is.
 *
 *     device               registrar           watchers
 *       | PUBLISH, a document  |                  |
 *       |--------------------->| kept for a while |
 *       | 200, SIP-ETag        |----------------->| NOTIFY
 *       |<---------------------|                  |
 *       | PUBLISH, SIP-If-Match|                  |
 *       |--------------------->| as it says: another document; the same for longer; none (Expires: 0)
 *       | 200, another SIP-ETag|                  |
 *       |<---------------------|                  |
 */
#include "registrar/registrar.h"

#include "sip/build.h"
#include "sip/fields.h"

#define REFUSE(status, reason) ((struct verdict){ status, reason })
#define GOOD		       REFUSE(0, NULL)

enum { HEADERS_MAX = 512, DEVICES_MAX = 10 };

struct publish {
	const struct sip_msg *m;
	struct publishing what;
	struct publication *old; /* named by SIP-If-Match */
	struct pidf pidf;
};

/* 6 (5): the document. */
static struct verdict
read_body(struct publish *x)
{
	struct span body = sip_span(x->m, x->m->body);

	if (body.len == 0)
		return x->old == NULL ? REFUSE(400, "Nothing Published") : GOOD;
	if (!sip_type_is(
		sip_span(x->m, x->m->content_type), span_str(packages[PACKAGE_PRESENCE].type)))
		return REFUSE(415, NULL);
	if (body.len > PUBLISH_MAX)
		return REFUSE(413, NULL);
	if (pidf_read(body, &x->pidf) != ERR_NONE)
		return REFUSE(400, "Bad Presence Document");
	x->what.pidf = &x->pidf;
	return GOOD;
}

static struct verdict
check(struct registrar *r, struct publish *x, const struct dir_subscriber *who)
{
	struct span etag = sip_header_get(x->m, SIP_H_SIP_IF_MATCH), id;
	const struct dir_subscriber *owner = x->what.owner;
	enum package_id package;
	struct verdict v;

	if (!package_of_event(sip_header_get(x->m, SIP_H_EVENT), &package, &id) ||
	    package != PACKAGE_PRESENCE)
		return REFUSE(489, NULL);
	if (owner == NULL)
		return REFUSE(404, NULL);
	if (owner->id != who->id)
		return REFUSE(403, NULL);
	if (sip_has(x->m, SIP_H_SIP_IF_MATCH)) {
		x->old = publication_find(r, span_trim(etag), owner);
		if (x->old == NULL)
			return REFUSE(412, NULL);
	}
	v = subscribe_expires(r, x->m, &x->what.expires_s);
	if (v.status == 0)
		v = read_body(x);
	if (v.status == 0 && x->old == NULL &&
	    publications_of(r, call_user_hash(&r->challenge.key, owner->tenant,
				   dir_text(owner, owner->user))) >= DEVICES_MAX)
		return REFUSE(503, "Too Many Publications");
	return v;
}

/* 6 (4), (6). What is in force now; NULL: no room. *gone_r: nothing is, as was asked. */
static struct publication *
put(struct registrar *r, struct publish *x, bool *gone_r)
{
	*gone_r = x->what.expires_s == 0;
	if (*gone_r) {
		if (x->old != NULL)
			publication_drop(r, x->old);
		return NULL;
	}
	if (x->what.pidf != NULL)
		return publication_put(r, x->old, &x->what);
	publication_refresh(r, x->old, x->what.expires_s);
	return x->old;
}

static void
publish(struct registrar *r, struct publish *x)
{
	struct txn *t = txn_server_new(&r->txns, x->m, false);
	char text[HEADERS_MAX], tag_text[32];
	struct buf b = buf_on(text, sizeof(text)), tag;
	struct publication *p;
	bool gone;

	p = t == NULL ? NULL : put(r, x, &gone);
	if (t == NULL || (p == NULL && !gone)) {
		count(r->child.self, COUNT_SHED, 1);
		if (t != NULL)
			txn_drop(&r->txns, t);
		answer_stranger(r, x->m, 503, NULL);
		return;
	}
	sip_put_header_u32(&b, sip_header_name(SIP_H_EXPIRES), x->what.expires_s);
	buf_lit(&b, "SIP-ETag: ");
	if (p != NULL)
		publication_put_etag(r, &b, p);
	else
		buf_lit(&b, "none"); /* a 200 has one in any case (11.3.1) */
	buf_lit(&b, "\r\n");
	tag = buf_on(tag_text, sizeof(tag_text));
	challenge_put_tag(&tag, &r->challenge.key, x->m);
	answer_in(r, t, 200, buf_span(&tag), buf_span(&b));
}

void
publish_request(struct registrar *r, const struct sip_msg *m)
{
	struct publish x = { .m = m };
	struct challenge_user who;
	struct dir_buf room;
	struct verdict v;

	if (!subscribe_who(r, m, &who))
		return;
	if (sip_has(m, SIP_H_REQUIRE)) {
		answer_unsupported(r, m, sip_header_get(m, SIP_H_REQUIRE));
		return;
	}
	x.what.owner = subscribe_whose(r, m, who.subscriber->tenant, &room);
	v = check(r, &x, who.subscriber);
	if (v.status == 0)
		publish(r, &x);
	else
		answer_refuse(r, m, v.status, v.reason);
}
