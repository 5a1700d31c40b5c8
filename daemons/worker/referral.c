/*
 * A REFER outside any dialog (RFC 3515, RFC 5359 2.18): a subscriber's other device, or a colleague's, has his
 * phone call somebody. It passes to that phone, and the NOTIFYs of its subscription pass back, as a MESSAGE
 * does (message_relay.c).
 *
 *     controller              tandem                   phone
 *       | REFER ---------------->|--- REFER ------------->|
 *       |<------------------ 202 |<------------------ 202 |
 *       |<--------------- NOTIFY |<--------------- NOTIFY | 100 Trying
 *       | 200 ------------------>|--- 200 --------------->|
 *       |                        |<--------------- INVITE | a call like any other of that phone
 *       |<--------------- NOTIFY |<--------------- NOTIFY | how it went
 *
 * Nothing is kept of it. Call-ID and tags are the same on both sides, and the Contact that the phone is given of
 * the controller names both, with a keyed check over the pair, as it was proven (the controller by his credentials,
 * the phone by having been sent the REFER), the dialog and an end. So it survives a kill, and what it lets through
 * is that phone's word to that controller of how the call goes: Event refer, message/sipfrag, nothing else. There is
 * no such check for the other direction: the Contacts that the controller is given are good for no request. A
 * SUBSCRIBE that would prolong or end it is not relayed (481).
 *
 * Allowed to the user himself and in his pickup group: whom a phone calls its user pays for. What it calls is
 * judged when it does.
 */
#include "worker/worker.h"

#include <openssl/crypto.h>

#include "sip/build.h"
#include "sip/event.h"
#include "sip/fields.h"
#include "sip/refer.h"

enum {
	CONTACT_ROOM = 2048,	  /* two users, one of them in hex, and a name of ours */
	NOTIFIED_S = 3600,	  /* so long after the REFER its NOTIFYs pass */
	NOTIFIED_BODY_MAX = 4096, /* a status line, and what else of the answer the phone repeats */
	CHECK_LEN = 16,
};

struct pair {			       /* of one REFER, as it was proven */
	uint32_t tenant, until_s;      /* wall clock */
	struct span controller, phone; /* users: who asked, who was asked */
	struct span call_id, tag;      /* tag: the controller's */
};

/* --- the Contact of who is on the other side ----------------------------------------------------*/

/* With its length before it: no other parts make the same text. */
static void
put_part(struct buf *b, struct span part)
{
	buf_u64(b, part.len);
	buf_char(b, ':');
	buf_put(b, part);
}

/* False: there was no room for it. */
static bool
put_check(struct worker *w, struct buf *b, const struct pair *x)
{
	struct buf all =
	    scratch_buf(w, 128 + x->controller.len + x->phone.len + x->call_id.len + x->tag.len);
	uint64_t check;

	buf_lit(&all, "NOTIFY of the phone to the controller ");
	buf_u64(&all, x->tenant);
	buf_char(&all, ' ');
	buf_u64(&all, x->until_s);
	put_part(&all, x->controller);
	put_part(&all, x->phone);
	put_part(&all, x->call_id);
	put_part(&all, x->tag);
	check = hash_span(&w->key, buf_span(&all));
	buf_hex(b, &check, sizeof(check));
	return buf_ok(&all);
}

static void
put_pair(struct worker *w, struct buf *b, const struct pair *x)
{
	buf_lit(b, ";referral=");
	buf_u64(b, x->tenant);
	buf_char(b, '-');
	buf_u64(b, x->until_s);
	buf_char(b, '-');
	buf_hex(b, x->phone.p, x->phone.len);
	buf_char(b, '-');
	if (!put_check(w, b, x))
		b->overrun = true;
}

/* Up to what may follow as a parameter of the URI. */
static void
put_contact(struct worker *w, struct buf *b, struct span user, const struct sip_flow *toward)
{
	buf_lit(b, "Contact: <sip:");
	sip_put_user(b, user);
	buf_char(b, '@');
	flow_put_host(w, b, toward);
	if (toward->transport != SIP_T_UDP) {
		buf_lit(b, ";transport=");
		buf_put(b, sip_transport_param(toward->transport));
	}
}

static uint32_t
wall_s(const struct worker *w)
{
	return (uint32_t)(w->child.clock.wall_ms / 1000);
}

struct span
referral_headers(
    struct worker *w, const struct sip_msg *m, const struct relay *r, const struct sip_flow *toward)
{
	struct span through = kept_span(&w->heap, r->headers);
	struct buf b = scratch_buf(w, through.len + CONTACT_ROOM);
	struct pair x = { .tenant = r->tenant,
		.until_s = wall_s(w) + NOTIFIED_S,
		.controller = kept_span(&w->heap, r->from_user),
		.phone = kept_span(&w->heap, r->to_user),
		.call_id = sip_span(m, m->call_id),
		.tag = sip_span(m, m->from_tag) };

	buf_put(&b, through);
	put_contact(w, &b, x.controller, toward);
	if (m->method == SIP_REFER)
		put_pair(w, &b, &x);
	buf_lit(&b, ">\r\n");
	return buf_ok(&b) ? buf_span(&b) : through;
}

static bool
read_bytes(struct span hex, struct buf *b)
{
	static const struct span digits = { "0123456789abcdef", 16 };

	if (hex.len % 2 != 0)
		return false;
	for (size_t i = 0; i < hex.len; i += 2) {
		ptrdiff_t high = span_index(digits, hex.p[i]);
		ptrdiff_t low = span_index(digits, hex.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		buf_char(b, (char)(high * 16 + low));
	}
	return buf_ok(b);
}

/* Whom the Request-URI is for, and who was told it, when it is such a Contact in its own dialog. */
static bool
read_contact(struct worker *w, const struct sip_msg *m, struct pair *x_r)
{
	struct buf user = scratch_buf(w, 256), phone = scratch_buf(w, 256);
	struct buf good = scratch_buf(w, 32);
	struct span value, tenant, until, by, check;
	struct sip_uri uri;

	if (sip_uri_parse(sip_span(m, m->uri), &uri) != ERR_NONE ||
	    !sip_param(uri.params, SPAN("referral"), &value) || !sip_uri_user(&uri, &user))
		return false;
	check = span_cut(span_cut(span_cut(value, '-', &tenant), '-', &until), '-', &by);
	if (span_u32(tenant, UINT32_MAX, &x_r->tenant) != ERR_NONE ||
	    span_u32(until, UINT32_MAX, &x_r->until_s) != ERR_NONE || !read_bytes(by, &phone))
		return false;
	x_r->controller = buf_span(&user);
	x_r->phone = buf_span(&phone);
	x_r->call_id = sip_span(m, m->call_id);
	x_r->tag = sip_span(m, m->to_tag);
	return put_check(w, &good, x_r) && good.len == CHECK_LEN && check.len == CHECK_LEN &&
	       CRYPTO_memcmp(check.p, good.p, CHECK_LEN) == 0 && wall_s(w) <= x_r->until_s;
}

/* --- where to -----------------------------------------------------------------------------------*/

/* The sender itself: by how it came, or, where that is another connection by now, by what both call its contact. */
static bool
is_sender(const struct sip_msg *m, const struct location *loc, const struct binding *b)
{
	struct sip_uri one, other;

	return flow_is_same(&b->flow, &m->flow) ||
	       (sip_uri_parse(sip_span(m, m->contact_uri), &one) == ERR_NONE &&
		   sip_uri_parse(loc_text(loc, b->contact), &other) == ERR_NONE &&
		   sip_uri_equal(&one, &other));
}

/* Not to who sends it; a REFER to one phone, the first of those with the best q: two would call. */
bool
referral_goes_to(const struct sip_msg *m, const struct location *loc, const struct binding *b)
{
	const struct binding *first = NULL;

	for (unsigned i = 0; i < loc->n; i++) {
		const struct binding *x = &loc->bindings[i];

		if (is_sender(m, loc, x))
			continue;
		if (m->method != SIP_REFER && x == b)
			return true;
		if (first == NULL || x->q > first->q)
			first = x;
	}
	return m->method == SIP_REFER && first == b;
}

/* --- the REFER ----------------------------------------------------------------------------------*/

/* Of what a Refer-To can carry only a Replaces passes (THREATS.md D2); the referrer is who he is known to be. */
static unsigned
write_refer(struct worker *w, struct message_sending *in)
{
	const struct sip_msg *m = in->m;
	struct buf text = scratch_buf(w, SIP_REPLACES_MAX), b = scratch_buf(w, MESSAGE_HEADERS);
	struct sip_refer_to to;
	enum err e = sip_refer_to_parse(sip_header_get(m, SIP_H_REFER_TO), &text, &to);

	if (e != ERR_NONE)
		return e == ERR_DENIED ? 403 : 400;
	sip_put_refer_to(&b, &to.uri, to.has_replaces ? &to.replaces : NULL);
	sip_put_referred_by(&b, in->from.uri);
	sip_put_copy(&b, m, SIP_H_REFER_SUB);
	in->headers = buf_span(&b);
	return buf_ok(&b) ? 0 : 513;
}

static unsigned
refusal(struct worker *w, const struct message_sending *in)
{
	const struct dir_subscriber *by = in->o->subscriber, *to = in->to;

	if (in->o->kind != ORIGIN_SUBSCRIBER || to == NULL)
		return 403;
	if (to->id != by->id &&
	    !pickup_same_group(w, in->o->tenant, dir_text(by, by->user), dir_text(to, to->user)))
		return 403;
	return in->m->contact_uri.len == 0 || in->m->from_tag.len == 0 ||
		       !sip_has(in->m, SIP_H_REFER_TO)
		   ? 400
		   : 0;
}

void
referral_request(struct worker *w, const struct sip_msg *m)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	struct message_sending in = { .m = m, .o = o };
	struct route_result to;

	if (!auth_request(w, m, o))
		return;
	to = message_decide(w, &in, rec);
	if (to.status == 0)
		to.status = refusal(w, &in);
	if (to.status == 0 && !message_from(w, m, o, &in.from))
		to.status = 513;
	if (to.status == 0)
		to.status = write_refer(w, &in);
	if (to.status != 0)
		answer_request(w, m, to.status, to.reason, to.headers);
	else
		message_relay(w, &in);
}

/* With the phone's own tag, which its NOTIFYs bear. (After a kill between the two the answer has another, and
 * the controller hears nothing of what comes of it.) */
void
referral_taken(struct worker *w, struct txn *t, const struct sip_msg *response)
{
	const struct sip_msg *m = txn_request(&w->txns, t);
	const struct relay *r = relay_of(w, t);
	struct buf b = buf_on(w->text, OUT_TEXT);

	sip_put_response_as(&b, m, response->status, sip_span(response, response->reason),
	    sip_span(response, response->to_tag));
	put_contact(w, &b, kept_span(&w->heap, r->to_user), &t->flow);
	buf_lit(&b, ">\r\n");
	sip_put_copy(&b, response, SIP_H_REFER_SUB);
	sip_put_body(&b, SPAN_NONE, SPAN_NONE);
	if (buf_ok(&b))
		txn_respond(&w->txns, t, response->status, buf_span(&b));
	else
		answer_txn(w, t, 500, NULL, SPAN_NONE, SPAN_NONE);
}

/* --- the NOTIFYs --------------------------------------------------------------------------------*/

bool
referral_is_notified(struct worker *w, const struct sip_msg *m)
{
	struct pair x;

	return m->method == SIP_NOTIFY && read_contact(w, m, &x);
}

/* Phones obey other events of their registrar (check-sync, message-summary): those are not a phone's to send. */
static unsigned
check_text(const struct sip_msg *m, struct span *lines_r)
{
	struct sip_subscription_state state;
	struct sip_event event;

	*lines_r = SPAN_NONE;
	if (sip_event_parse(sip_header_get(m, SIP_H_EVENT), &event) != ERR_NONE ||
	    !span_eq(event.package, SPAN("refer"))) {
		*lines_r = SPAN("Allow-Events: refer\r\n");
		return 489;
	}
	if (sip_subscription_state_parse(sip_header_get(m, SIP_H_SUBSCRIPTION_STATE), &state) !=
	    ERR_NONE)
		return 400;
	if (!sip_type_is(sip_span(m, m->content_type), SPAN("message/sipfrag"))) {
		*lines_r = SPAN("Accept: message/sipfrag\r\n");
		return 415;
	}
	return m->body.len > NOTIFIED_BODY_MAX ? 413 : 0;
}

/* Does it come from where he is registered? A phone may have another port by now, or another connection. */
static bool
is_his_place(struct worker *w, uint32_t tenant, struct span user, const struct sip_flow *flow)
{
	struct loc_buf *buf = scratch_take(w, sizeof(*buf));
	const struct location *loc = buf == NULL ? NULL
						 : locations_find(&w->locations, tenant, user,
						       child_steady_ms(&w->child), buf);

	for (unsigned i = 0; loc != NULL && i < loc->n; i++)
		if (netaddr_eq_ip(&loc->bindings[i].flow.peer, &flow->peer))
			return true;
	return false;
}

/* Both are who they were when the REFER passed, and may still do what it was for. */
static unsigned
check_users(struct worker *w, const struct message_sending *in, const struct pair *x)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *tenant =
	    rec == NULL ? NULL : directory_tenant(&w->directory, x->tenant, rec);

	if (in->to == NULL || in->o->subscriber == NULL)
		return 481;
	if ((tenant != NULL && tenant->suspended) || in->o->subscriber->disabled ||
	    !is_his_place(w, x->tenant, x->phone, &in->m->flow))
		return 403;
	return in->to->disabled ? 480 : 0;
}

/* The sender is the phone of the pair, whatever its From says. */
static unsigned
write_notify(struct worker *w, struct message_sending *in)
{
	const struct sip_msg *m = in->m;
	struct buf b = scratch_buf(w, MESSAGE_HEADERS);

	sip_put_copy(&b, m, SIP_H_EVENT);
	sip_put_copy(&b, m, SIP_H_SUBSCRIPTION_STATE);
	in->headers = buf_span(&b);
	return buf_ok(&b) && message_from(w, m, in->o, &in->from) ? 0 : 513;
}

void
referral_notify(struct worker *w, const struct sip_msg *m)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	struct message_sending in = { .m = m, .o = o };
	struct span lines = SPAN_NONE;
	unsigned status;
	struct pair x;

	if (o == NULL || rec == NULL) {
		answer_stateless(w, m, 503, NULL, SPAN("Retry-After: 5\r\n"));
		return;
	}
	if (m->from_tag.len == 0 || m->to_tag.len == 0 || !read_contact(w, m, &x)) {
		answer_stateless(w, m, 481, NULL, SPAN_NONE); /* it lives in dialogs only */
		return;
	}
	o->kind = ORIGIN_SUBSCRIBER;
	o->tenant = x.tenant;
	o->account = 0; /* nobody is asked for credentials: he was told where to send it */
	o->subscriber = directory_subscriber(&w->directory, x.tenant, x.phone, &o->record);
	in.to = directory_subscriber(&w->directory, x.tenant, x.controller, rec);
	status = check_users(w, &in, &x);
	if (status == 0)
		status = check_text(m, &lines);
	if (status == 0)
		status = write_notify(w, &in);
	if (status != 0)
		answer_stateless(w, m, status, NULL, lines);
	else
		message_relay(w, &in);
}
