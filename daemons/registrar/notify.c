/*
 * NOTIFY: the document of the moment in a request of the subscription's dialog (RFC 6665 4.2.2), and what
 * the answers to it mean.
 */
#include "registrar/registrar.h"

#include "base/log.h"
#include "sip/build.h"
#include "sip/token.h"

enum { VIA_MAX = 256, HOST_MAX = 192, HOPS = 70 };

static const char *const reasons[N_REASONS] = { [REASON_TIMEOUT] = "timeout",
	[REASON_REJECTED] = "rejected",
	[REASON_NORESOURCE] = "noresource" };

/* --- who we are --------------------------------------------------------------------------------*/

/* "host:port" of ours, as the watcher knows us. */
static void
put_host(struct registrar *r, struct buf *b, const struct sip_flow *f)
{
	const struct settings_listener *l = &r->settings->listeners[f->listener];
	unsigned port = l->advertise_port != 0 ? l->advertise_port : l->address.port;

	if (l->advertise_host[0] != '\0') {
		buf_str(b, l->advertise_host);
	} else {
		struct netaddr local = f->local.family != 0 ? f->local : l->address;

		netaddr_put_ip(b, &local);
	}
	buf_char(b, ':');
	buf_u64(b, port);
}

void
notify_put_contact(struct registrar *r, struct buf *b, const struct subscription *s)
{
	buf_lit(b, "Contact: <sip:");
	token_put(b, &r->challenge.key, TOKEN_CONTACT, pool_handle(&r->subscriptions, s));
	buf_char(b, '@');
	put_host(r, b, &s->flow);
	if (s->flow.transport != SIP_T_UDP) {
		buf_lit(b, ";transport=");
		buf_put(b, sip_transport_param((enum sip_transport)s->flow.transport));
	}
	buf_lit(b, ">\r\n");
}

/* --- the document ------------------------------------------------------------------------------*/

struct document
notify_document(struct registrar *r, const struct subscription *s)
{
	struct subject of = { .tenant = s->tenant,
		.version = s->version,
		.before = s->shown,
		.user = kept_span(&r->heap, s->user),
		.entity = kept_span(&r->heap, s->entity) };
	struct buf b = buf_on(r->document, DOCUMENT_BYTES);
	size_t facts = packages[s->package].put(r, &of, &b);
	struct document d = { .text = buf_span(&b), .shown = of.now };

	if (!buf_ok(&b)) {
		log_error("a document is too large", LOG_STR("event", packages[s->package].name),
		    LOG_SPAN("user", of.user));
		d.text = SPAN_NONE;
	}
	d.facts = hash_span(&r->challenge.key, span_from(d.text, facts));
	d.facts += d.facts == 0;
	return d;
}

/* --- the request -------------------------------------------------------------------------------*/

static void
put_state(struct registrar *r, struct buf *b, const struct subscription *s)
{
	uint64_t now = r->child.clock.mono_ns;

	buf_lit(b, "Subscription-State: ");
	if (s->state == SUB_LAST) {
		buf_lit(b, "terminated;reason=");
		buf_str(b, reasons[s->reason]);
	} else {
		buf_lit(b, "active;expires=");
		buf_u64(b, s->expires_ns > now ? (s->expires_ns - now) / NS_PER_S : 0);
	}
	buf_lit(b, "\r\n");
}

static void
put_event(struct registrar *r, struct buf *b, const struct subscription *s)
{
	buf_lit(b, "Event: ");
	buf_str(b, packages[s->package].name);
	if (s->event_id.len > 0) {
		buf_lit(b, ";id=");
		buf_put(b, kept_span(&r->heap, s->event_id));
	}
	buf_lit(b, "\r\n");
}

static void
put_notify(struct registrar *r, struct buf *b, const struct subscription *s, struct span via,
    struct span body)
{
	struct dialog_request request = { .method = SPAN("NOTIFY"),
		.via = via,
		.cseq = s->dialog.local_cseq,
		.max_forwards = HOPS };

	dialog_put_request(b, &s->dialog, &r->heap, &request);
	notify_put_contact(r, b, s);
	put_event(r, b, s);
	put_state(r, b, s);
	sip_put_body(b, span_str(packages[s->package].type), body);
}

bool
notify_send(struct registrar *r, struct subscription *s, const struct document *d)
{
	struct txn *t =
	    txn_client_new(&r->txns, SIP_NOTIFY, &s->flow, pool_handle(&r->subscriptions, s), true);
	char host_text[HOST_MAX], via_text[VIA_MAX];
	struct buf host = buf_on(host_text, HOST_MAX), via = buf_on(via_text, VIA_MAX);
	struct buf b = buf_on(r->text, TEXT_BYTES);

	if (t == NULL)
		return false;
	/* Before it is sent: neither number may be used twice, whoever is killed when. */
	s->dialog.local_cseq++;
	s->version++;
	s->told = d->facts;
	s->shown = d->shown;
	s->notify = pool_handle(&r->txn_pool, t);
	put_host(r, &host, &s->flow);
	txn_put_via(&via, &r->txns, t, buf_span(&host), 0);
	put_notify(r, &b, s, buf_span(&via), d->text);
	if (!buf_ok(&b) || !buf_ok(&via)) {
		log_error("a NOTIFY does not fit", LOG_SPAN("user", kept_span(&r->heap, s->user)));
		txn_drop(&r->txns, t);
		return false;
	}
	return txn_client_send(&r->txns, t, buf_span(&b)) == ERR_NONE;
}

/* --- what comes back ---------------------------------------------------------------------------*/

/* The watcher has no such subscription, dialog or method, or cannot be found. Any other refusal is of
 * this one NOTIFY. */
bool
notify_is_lost(unsigned status)
{
	static const uint16_t ends[] = { 404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489,
		501, 604 };

	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i] == status)
			return true;
	return false;
}
