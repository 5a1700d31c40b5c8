/*
 * SUBSCRIBE (RFC 6665 4.2.1):
 *
 *     watcher              registrar
 *       | SUBSCRIBE           |
 *       |-------------------->| who is it, in which tenant; which package; of whom; may he
 *       | 401                 | nothing is kept
 *       |<--------------------|
 *       | SUBSCRIBE, digest   |
 *       |-------------------->| a subscription
 *       | 200, NOTIFY         |
 *       |<--------------------|
 *       | SUBSCRIBE, To tag   |
 *       |-------------------->| lasts longer, or (Expires: 0) ends
 *       | 200, NOTIFY         |
 *       |<--------------------|
 *
 * Of other tenants nothing is told apart: their users, users that nobody has and domains that are not ours
 * are all 404.
 */
#include "registrar/registrar.h"

#include "base/log.h"
#include "model/domain.h"
#include "sip/build.h"
#include "sip/fields.h"

#define REFUSE(status, reason) ((struct verdict){ status, reason })
#define GOOD		       REFUSE(0, NULL)

enum { HEADERS_MAX = 2048 };

/* --- what is asked for -------------------------------------------------------------------------*/

struct verdict
subscribe_expires(const struct registrar *r, const struct sip_msg *m, uint32_t *seconds_r)
{
	const struct settings *s = r->settings;

	if (sip_delta(sip_header_get(m, SIP_H_EXPIRES), seconds_r) != ERR_NONE)
		*seconds_r = s->registrar.default_s;
	if (*seconds_r > 0 && *seconds_r < s->registrar.min_s && *seconds_r < 3600)
		return REFUSE(423, NULL);
	if (*seconds_r > s->registrar.max_s)
		*seconds_r = s->registrar.max_s;
	return GOOD;
}

/* Without an Event it is of RFC 2543's time and means nothing that we know (RFC 6665 4.4.1). */
static struct verdict
read_event(const struct sip_msg *m, struct asking *a)
{
	struct span event = sip_header_get(m, SIP_H_EVENT);

	return package_of_event(event, &a->package, &a->event_id) ? GOOD : REFUSE(489, NULL);
}

/* --- who asks, of whom -------------------------------------------------------------------------*/

/* The tenant whose realm we challenge with: the watcher's own domain says it, else the watched one's, and
 * for domains of nobody it is the first of the configuration, so that they are challenged like others. */
static uint32_t
realm_of(struct registrar *r, const struct sip_msg *m)
{
	struct span uris[2] = { sip_span(m, m->from_uri), sip_span(m, m->uri) };
	struct sip_uri uri;
	uint32_t tenant = 0;

	for (unsigned i = 0; i < 2; i++)
		if (sip_uri_parse(uris[i], &uri) == ERR_NONE &&
		    domain_tenant(&r->directory, r->settings, uri.host, &m->flow.local, &tenant) ==
			ERR_NONE)
			return tenant;
	directory_tenant_of(&r->directory, span_str(r->settings->domains[0]), &tenant);
	return tenant;
}

bool
subscribe_who(struct registrar *r, const struct sip_msg *m, struct challenge_user *who)
{
	if (!registrar_has_directory(r)) {
		answer_stranger(r, m, 503, "Starting");
		return false;
	}
	return gate_authenticate(r, m, realm_of(r, m), who);
}

/* An orbit (RFC 5359 2.14) is watched like a user who has no phones, and is nobody's own. NULL: it is
 * none. */
static const struct dir_subscriber *
orbit_of(struct registrar *r, const struct sip_uri *uri, uint32_t tenant, struct dir_buf *room)
{
	struct dir_subscriber *s = (struct dir_subscriber *)room->words;
	struct buf b = buf_on((char *)room->words + sizeof(*s), sizeof(room->words) - sizeof(*s));
	char digits[16];
	struct buf d = buf_on(digits, sizeof(digits));
	const struct dir_number *n;

	if (!sip_uri_user(uri, &d) || d.len == 0)
		return NULL;
	n = directory_number(&r->directory, tenant, buf_span(&d), room);
	if (n == NULL || n->kind != DIR_NUMBER_PARK)
		return NULL;
	*s = (struct dir_subscriber){ .tenant = tenant };
	buf_put(&b, buf_span(&d));
	s->user = (struct dir_text){ sizeof(*s), (uint16_t)d.len };
	room->len = sizeof(*s) + d.len;
	return s;
}

const struct dir_subscriber *
subscribe_whose(struct registrar *r, const struct sip_msg *m, uint32_t tenant, struct dir_buf *room)
{
	const struct dir_subscriber *s;
	struct sip_uri uri;
	uint32_t of;

	if (sip_uri_parse(sip_span(m, m->uri), &uri) != ERR_NONE ||
	    (uri.scheme != SIP_S_SIP && uri.scheme != SIP_S_SIPS) ||
	    domain_tenant(&r->directory, r->settings, uri.host, &m->flow.local, &of) != ERR_NONE ||
	    of != tenant)
		return NULL;
	s = gate_owner(r, &uri, tenant, room);
	return s != NULL ? s : orbit_of(r, &uri, tenant, room);
}

/* --- a new one ---------------------------------------------------------------------------------*/

static struct verdict
check(struct registrar *r, struct asking *a)
{
	struct verdict v = read_event(a->m, a);

	if (v.status != 0)
		return v;
	if (a->owner == NULL)
		return REFUSE(404, NULL);
	if (packages[a->package].own && a->owner->id != a->watcher->id)
		return REFUSE(403, NULL);
	if (!sip_accepts(a->m, span_str(packages[a->package].type)))
		return REFUSE(406, NULL);
	if (a->m->contact_uri.len == 0)
		return REFUSE(400, "Missing Contact");
	if (txn_is_merged(&r->txns, a->m))
		return REFUSE(482, "Merged Request");
	v = subscribe_expires(r, a->m, &a->expires_s);
	if (v.status == 0 &&
	    subscriptions_of(r, a->watcher->id) >= r->settings->limits.subscriptions_per_subscriber)
		return REFUSE(503, "Too Many Subscriptions");
	return v;
}

/* The subscription is in force before the answer goes: one whose 200 was lost with us is found by its
 * watcher's 481 to the NOTIFY. The NOTIFY itself waits for the end of this event. */
static void
grant(struct registrar *r, struct subscription *s, struct txn *t, uint32_t expires_s)
{
	const struct sip_msg *m = txn_request(&r->txns, t);
	char text[HEADERS_MAX];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_header_u32(&b, sip_header_name(SIP_H_EXPIRES), expires_s);
	notify_put_contact(r, &b, s);
	if (m->to_tag.len == 0)
		sip_put_copy(&b, m, SIP_H_RECORD_ROUTE);
	subscription_grant(r, s, expires_s);
	answer_in(r, t, buf_ok(&b) ? 200 : 500, kept_span(&r->heap, s->dialog.local_tag),
	    buf_ok(&b) ? buf_span(&b) : SPAN_NONE);
}

static void
begin(struct registrar *r, const struct asking *a)
{
	struct txn *t = txn_server_new(&r->txns, a->m, false);
	struct subscription *s = t == NULL ? NULL : subscription_new(r, a);

	if (s != NULL) {
		grant(r, s, t, a->expires_s);
		return;
	}
	count(r->child.self, COUNT_SHED, 1);
	if (t != NULL)
		txn_drop(&r->txns, t);
	answer_stranger(r, a->m, 503, NULL);
}

static void
subscribe(struct registrar *r, const struct sip_msg *m)
{
	struct asking a = { .m = m };
	struct challenge_user who;
	struct dir_buf room;
	struct verdict v;

	if (!subscribe_who(r, m, &who))
		return;
	if (sip_has(m, SIP_H_REQUIRE)) {
		answer_unsupported(r, m, sip_header_get(m, SIP_H_REQUIRE));
		return;
	}
	a.watcher = who.subscriber;
	a.owner = subscribe_whose(r, m, who.subscriber->tenant, &room);
	v = check(r, &a);
	if (v.status == 0) {
		begin(r, &a);
		return;
	}
	if (v.status == 403)
		log_warn("subscription to another refused", LOG_ADDR("source", &m->flow.peer),
		    LOG_SPAN("user", who.username),
		    LOG_SPAN("event", sip_header_get(m, SIP_H_EVENT)));
	answer_refuse(r, m, v.status, v.reason);
}

/* --- one that there is -------------------------------------------------------------------------*/

static bool
is_ending(const struct subscription *s)
{
	return s->state == SUB_NEW || s->state >= SUB_ENDING;
}

static struct verdict
check_again(struct registrar *r, struct subscription *s, struct asking *a)
{
	struct verdict v = read_event(a->m, a);
	unsigned status;

	if (v.status != 0)
		return v;
	status = dialog_check(&s->dialog, &r->heap, a->m);
	if (status != 0)
		return REFUSE(status, NULL);
	if (a->package != s->package || !span_eq(a->event_id, kept_span(&r->heap, s->event_id)))
		return REFUSE(481, NULL);
	return subscribe_expires(r, a->m, &a->expires_s);
}

/* Who names the dialog by our token is believed, as in a call: nobody else knows it. */
static void
again(struct registrar *r, const struct sip_msg *m)
{
	struct subscription *s = subscription_of_request(r, m);
	struct asking a = { .m = m };
	struct dialog_memory mem;
	struct verdict v;
	struct txn *t;

	if (s == NULL || is_ending(s)) {
		answer_stranger(r, m, 481, NULL);
		return;
	}
	v = check_again(r, s, &a);
	if (v.status != 0) {
		answer_refuse(r, m, v.status, v.reason);
		return;
	}
	t = txn_server_new(&r->txns, m, true);
	if (t == NULL) {
		answer_stranger(r, m, 503, NULL);
		return;
	}
	mem = subscription_memory(r, s);
	dialog_retarget(&s->dialog, &mem, m); /* without a Contact, or room, it stays as it is */
	subscription_aim(r, s, m);
	grant(r, s, t, a.expires_s);
}

void
subscribe_request(struct registrar *r, const struct sip_msg *m)
{
	if (m->to_tag.len == 0)
		subscribe(r, m);
	else
		again(r, m);
}
