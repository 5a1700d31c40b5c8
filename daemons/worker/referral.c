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
 * Nothing is kept of it. Call-ID and tags are the same on both sides, and the Contact that each is given of
 * the other names its user, with a keyed check over him and the Call-ID: what comes there from the one goes to
 * where the other is registered. So it survives a kill, and nobody else can send there. A SUBSCRIBE that would
 * prolong or end it is not relayed (481).
 *
 * Allowed to the user himself and in his pickup group: whom a phone calls its user pays for. What it calls is
 * judged when it does.
 */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/refer.h"

/* --- the Contact of who is on the other side ----------------------------------------------------*/

static void
put_check(struct worker *w, struct buf *b, uint32_t tenant, struct span user, struct span call_id)
{
	struct buf all = scratch_buf(w, 32 + user.len + call_id.len);
	uint64_t check;

	buf_u64(&all, tenant);
	buf_char(&all, ' ');
	buf_put(&all, user);
	buf_char(&all, ' ');
	buf_put(&all, call_id);
	check = hash_span(&w->key, buf_span(&all));
	buf_hex(b, &check, sizeof(check));
}

static void
put_contact(struct worker *w, struct buf *b, uint32_t tenant, struct span user, struct span call_id,
    const struct sip_flow *toward)
{
	buf_lit(b, "Contact: <sip:");
	sip_put_user(b, user);
	buf_char(b, '@');
	flow_put_host(w, b, toward);
	if (toward->transport != SIP_T_UDP) {
		buf_lit(b, ";transport=");
		buf_put(b, sip_transport_param(toward->transport));
	}
	buf_lit(b, ";referral=");
	buf_u64(b, tenant);
	buf_char(b, '-');
	put_check(w, b, tenant, user, call_id);
	buf_lit(b, ">\r\n");
}

/* Whom the Request-URI is for, when it is such a Contact. */
static bool
read_contact(struct worker *w, const struct sip_msg *m, uint32_t *tenant_r, struct span *user_r)
{
	struct buf user = scratch_buf(w, 256), good = scratch_buf(w, 32);
	struct span value, tenant, check;
	struct sip_uri uri;

	if (sip_uri_parse(sip_span(m, m->uri), &uri) != ERR_NONE ||
	    !sip_param(uri.params, SPAN("referral"), &value) || !sip_uri_user(&uri, &user))
		return false;
	check = span_cut(value, '-', &tenant);
	if (span_u32(tenant, UINT32_MAX, tenant_r) != ERR_NONE)
		return false;
	*user_r = buf_span(&user);
	put_check(w, &good, *tenant_r, *user_r, sip_span(m, m->call_id));
	return span_eq(check, buf_span(&good));
}

/* --- where to -----------------------------------------------------------------------------------*/

/* Not to who sends it; a REFER to one phone, the first of those with the best q: two would call. */
bool
referral_goes_to(const struct sip_msg *m, const struct location *loc, const struct binding *b)
{
	const struct binding *first = NULL;

	for (unsigned i = 0; i < loc->n; i++) {
		const struct binding *x = &loc->bindings[i];

		if (flow_is_same(&x->flow, &m->flow))
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
	struct span user = dir_text(in->o->subscriber, in->o->subscriber->user);
	struct sip_refer_to to;
	enum err e = sip_refer_to_parse(sip_header_get(m, SIP_H_REFER_TO), &text, &to);

	if (e != ERR_NONE)
		return e == ERR_DENIED ? 403 : 400;
	sip_put_refer_to(&b, &to.uri, to.has_replaces ? &to.replaces : NULL);
	sip_put_referred_by(&b, in->from.uri);
	sip_put_copy(&b, m, SIP_H_REFER_SUB);
	put_contact(w, &b, in->o->tenant, user, sip_span(m, m->call_id), &m->flow);
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
	return in->m->contact_uri.len == 0 || !sip_has(in->m, SIP_H_REFER_TO) ? 400 : 0;
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
	put_contact(
	    w, &b, r->tenant, kept_span(&w->heap, r->to_user), sip_span(m, m->call_id), &t->flow);
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
	struct span user;
	uint32_t tenant;

	return m->method == SIP_NOTIFY && read_contact(w, m, &tenant, &user);
}

static bool
write_notify(struct worker *w, struct message_sending *in)
{
	const struct sip_msg *m = in->m;
	struct buf user = scratch_buf(w, 256), b = scratch_buf(w, MESSAGE_HEADERS);
	struct sip_uri from;

	if (sip_uri_parse(sip_span(m, m->from_uri), &from) != ERR_NONE ||
	    !sip_uri_user(&from, &user))
		return false;
	sip_put_copy(&b, m, SIP_H_EVENT);
	sip_put_copy(&b, m, SIP_H_SUBSCRIPTION_STATE);
	put_contact(w, &b, in->o->tenant, buf_span(&user), sip_span(m, m->call_id), &m->flow);
	in->headers = buf_span(&b);
	in->from.value = sip_span(m, m->from);
	return buf_ok(&b);
}

void
referral_notify(struct worker *w, const struct sip_msg *m)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	struct message_sending in = { .m = m, .o = o };
	struct span user;

	if (o == NULL || rec == NULL) {
		answer_stateless(w, m, 503, NULL, SPAN("Retry-After: 5\r\n"));
		return;
	}
	o->kind = ORIGIN_SUBSCRIBER;
	o->account = 0; /* nobody is asked who he is: he was told where to send it */
	if (read_contact(w, m, &o->tenant, &user))
		in.to = directory_subscriber(&w->directory, o->tenant, user, rec);
	if (in.to == NULL)
		answer_stateless(w, m, 481, NULL, SPAN_NONE); /* it lives in dialogs only */
	else if (!write_notify(w, &in))
		answer_stateless(w, m, 513, NULL, SPAN_NONE);
	else
		message_relay(w, &in);
}
