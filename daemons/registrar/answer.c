/*
 * Answers. What a stranger is told goes out once and leaves nothing behind; who has proved who he
 * is gets a transaction, which repeats the answer when the request comes again. When there is no
 * room for one (a storm of registrations), he is answered all the same: should that answer be
 * lost, his request comes again with a used nonce and is challenged, which a phone solves by
 * itself.
 */
#include "registrar/registrar.h"

#include <time.h>

#include "sip/build.h"
#include "sip/fields.h"
#include "sip/via.h"

static struct span
tag_of(const struct registrar *r, const struct sip_msg *m, struct buf *b)
{
	if (m->to_tag.len == 0)
		challenge_put_tag(b, &r->challenge.key, m);
	return buf_span(b);
}

static void
begin(struct registrar *r, struct buf *b, const struct sip_msg *m, unsigned status,
    const char *reason)
{
	char text[32];
	struct buf tag = buf_on(text, sizeof(text));

	*b = buf_on(r->text, TEXT_BYTES);
	sip_put_response(b, m, status, reason, tag_of(r, m, &tag));
}

static void
send_stateless(struct registrar *r, const struct sip_msg *m, const struct buf *b)
{
	struct sip_flow back = sip_response_flow(m);

	if (buf_ok(b))
		outbox_put(r->outbox, &back, buf_span(b), 0);
	else
		count(r->child.self, COUNT_SEND_FAILED, 1);
}

static void
respond(struct registrar *r, const struct sip_msg *m, unsigned status, const struct buf *b)
{
	if (!buf_ok(b) || !txn_server_answer(&r->txns, m, false, status, buf_span(b)))
		send_stateless(r, m, b);
}

/* The header without which the status helps nobody. */
static void
put_refusal(struct registrar *r, struct buf *b, const struct sip_msg *m, unsigned status,
    const char *reason)
{
	begin(r, b, m, status, reason);
	if (status == 405)
		buf_lit(b, "Allow: REGISTER, SUBSCRIBE, PUBLISH\r\n");
	else if (status == 489)
		package_put_allow(b);
	else if (status == 415)
		sip_put_header(
		    b, sip_header_name(SIP_H_ACCEPT), span_str(packages[PACKAGE_PRESENCE].type));
	else if (status == 423)
		sip_put_header_u32(
		    b, sip_header_name(SIP_H_MIN_EXPIRES), r->settings->registrar.min_s);
	else if (status == 503)
		sip_put_header_u32(b, sip_header_name(SIP_H_RETRY_AFTER), RETRY_S);
	sip_put_body(b, SPAN_NONE, SPAN_NONE);
}

void
answer_stranger(struct registrar *r, const struct sip_msg *m, unsigned status, const char *reason)
{
	struct buf b;

	put_refusal(r, &b, m, status, reason);
	send_stateless(r, m, &b);
}

void
answer_unsupported(struct registrar *r, const struct sip_msg *m, struct span options)
{
	struct buf b;

	begin(r, &b, m, 420, NULL);
	sip_put_header(&b, sip_header_name(SIP_H_UNSUPPORTED), options);
	sip_put_body(&b, SPAN_NONE, SPAN_NONE);
	send_stateless(r, m, &b);
}

void
answer_challenge(struct registrar *r, const struct sip_msg *m, struct span realm, bool stale)
{
	struct buf b = buf_on(r->text, TEXT_BYTES);

	count(r->child.self, COUNT_CHALLENGED, 1);
	challenge_put_response(&r->challenge, &b, m, 401, realm, stale);
	send_stateless(r, m, &b);
}

void
answer_refuse(struct registrar *r, const struct sip_msg *m, unsigned status, const char *reason)
{
	struct buf b;

	put_refusal(r, &b, m, status, reason);
	respond(r, m, status, &b);
}

void
answer_in(
    struct registrar *r, struct txn *t, unsigned status, struct span to_tag, struct span headers)
{
	struct buf b = buf_on(r->text, TEXT_BYTES);

	sip_put_refusal(&b, txn_request(&r->txns, t), status, NULL, to_tag, headers);
	if (buf_ok(&b))
		txn_respond(&r->txns, t, status, buf_span(&b));
	else
		txn_drop(&r->txns, t); /* nothing fits beside its Vias: no timer would end it */
}

/* --- 200 ---------------------------------------------------------------------------------------*/

static void
put_date(struct buf *b, int64_t wall_ms)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	char text[64];
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	sip_put_header(b, sip_header_name(SIP_H_DATE), span_of(text, n));
}

static void
put_contact(struct buf *b, const struct bound *x, int64_t now_ms)
{
	const struct binding *binding = &x->binding;

	buf_lit(b, "Contact: <");
	buf_put(b, x->text.contact);
	buf_lit(b, ">;expires=");
	/* What is left, not less than it is: who refreshes in time must not come too late. */
	buf_u64(b, (uint64_t)(binding->expires_ms - now_ms + 999) / 1000);
	if (binding->q != 1000)
		buf_printf(b, ";q=0.%03u", binding->q);
	if (x->text.instance.len > 0) {
		buf_lit(b, ";+sip.instance=");
		buf_put(b, x->text.instance);
	}
	if (binding->reg_id != 0)
		buf_printf(b, ";reg-id=%u", binding->reg_id);
	buf_lit(b, "\r\n");
}

/* RFC 5626 6: the flow that was registered is one that we keep and use. Over UDP it would need STUN
 * for its keep-alives, which no front speaks: then it is an ordinary registration. */
static bool
is_flow(const struct sip_msg *m, const struct registration *reg)
{
	return m->flow.conn != 0 && reg->n > 0 && reg->asked[0].reg_id != 0;
}

/* RFC 3608: by which way the phone's requests shall come, where the configuration says one. */
static void
put_service_route(const struct registrar *r, struct buf *b)
{
	struct span route = span_str(r->settings->registrar.service_route), value;
	struct sip_uri uri;

	if (sip_uri_parse(route, &uri) != ERR_NONE || uri.scheme == SIP_S_OTHER)
		return;
	buf_lit(b, "Service-Route: <");
	sip_put_text(b, route);
	if (!sip_param(uri.params, SPAN("lr"), &value))
		buf_lit(b, ";lr");
	buf_lit(b, ">\r\n");
}

/* (8) All bindings, whoever made them, with the time that is left to each. */
void
answer_bindings(struct registrar *r, const struct sip_msg *m, const struct registration *reg,
    const struct bindings *b)
{
	int64_t now_ms = registrar_steady_ms(r);
	struct buf text;

	begin(r, &text, m, 200, NULL);
	for (unsigned i = 0; i < b->n; i++)
		put_contact(&text, &b->of[i], now_ms);
	/* RFC 3327 5.3: given back to a UA that says it knows what it is, kept in any case. */
	if (sip_option_set(m, SIP_H_SUPPORTED, NULL) >> SIP_O_PATH & 1)
		sip_put_copy(&text, m, SIP_H_PATH);
	if (b->n > 0)
		put_service_route(r, &text);
	put_date(&text, now_ms);
	buf_lit(&text, "Supported: path, outbound\r\n");
	if (is_flow(m, reg))
		buf_lit(&text, "Require: outbound\r\n");
	sip_put_body(&text, SPAN_NONE, SPAN_NONE);
	respond(r, m, 200, &text);
}
