/*
 * A datagram of any bytes: it is parsed, checked and read in every way the house reads a message;
 * then answered, and the answer must be a message with the same fields.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sip/build.h"
#include "sip/diversion.h"
#include "sip/event.h"
#include "sip/fields.h"
#include "sip/identity.h"
#include "sip/parse.h"
#include "sip/refer.h"
#include "sip/reliable.h"
#include "sip/session_id.h"
#include "sip/session_timer.h"
#include "sip/sipfrag.h"
#include "sip/uri.h"
#include "sip/via.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sip_msg *
message_of(const void *text, size_t len, struct verdict *verdict_r)
{
	struct sip_msg *m = calloc(1, SIP_MSG_ROOM(len));

	must(m != NULL);
	m->raw_len = (uint16_t)len;
	memcpy(sip_raw(m), text, len);
	*verdict_r = sip_parse(m, SIP_MSG_ROOM(len));
	return m;
}

static void
read_addrs(const struct sip_msg *m, enum sip_header_id id)
{
	struct sip_values v = sip_values(m, id);
	struct span one, value;
	struct sip_addr a;
	struct sip_uri u;

	while (sip_values_next(&v, &one)) {
		if (sip_addr_parse(one, &a) != ERR_NONE)
			continue;
		sip_q(a.params);
		sip_param(a.params, SPAN("expires"), &value);
		if (sip_uri_parse(a.uri, &u) == ERR_NONE)
			must(sip_uri_equal(&u, &u));
	}
}

/* Whoever says what, the interval is neither nothing nor less than 90 s. */
static void
read_session_timer(const struct sip_msg *m)
{
	static const struct session_limits limits = { .min_se = 90, .session_s = 1800 };
	struct session_ask ask = session_ask(&limits);
	struct session_timer timer = { 0 };
	struct session_said said;
	struct session_answer a;

	session_said(m, &said);
	a = session_uas(&said, &limits, &timer);
	must(a.status == 422 ? said.timer && said.seconds < 90 : a.timer.interval_s >= 90);
	timer = session_uac(&said, &ask, &limits);
	must(timer.interval_s >= 90);
	must(session_expire_s(timer.interval_s) > session_refresh_s(timer.interval_s));
	if (session_refused(&ask, said.min_se))
		must(ask.seconds == said.min_se);
}

/* What is taken from a Refer-To comes back the same from the one that is written of it. */
static void
read_refer(const struct sip_msg *m)
{
	char text[SIP_REPLACES_MAX], again[SIP_REPLACES_MAX];
	static char out[4 * SIP_RAW_MAX];
	struct buf t = buf_on(text, sizeof(text)), a = buf_on(again, sizeof(again));
	struct buf b = buf_on(out, sizeof(out));
	struct sip_refer_to to, back;
	struct sip_referred_by by;
	struct span line;
	bool wanted;

	sip_referred_by_parse(sip_header_get(m, SIP_H_REFERRED_BY), &by);
	sip_refer_sub_parse(sip_header_get(m, SIP_H_REFER_SUB), &wanted);
	if (sip_refer_to_parse(sip_header_get(m, SIP_H_REFER_TO), &t, &to) != ERR_NONE)
		return;
	sip_put_refer_to(&b, &to.uri, to.has_replaces ? &to.replaces : NULL);
	must(buf_ok(&b));
	line = span_from(buf_span(&b), sizeof("Refer-To: ") - 1);
	must(sip_refer_to_parse(line, &a, &back) == ERR_NONE);
	must(back.has_replaces == to.has_replaces);
	if (to.has_replaces)
		must(sip_replaces_is(&back.replaces, to.replaces.call_id, to.replaces.to_tag,
			 to.replaces.from_tag) &&
		     back.replaces.early_only == to.replaces.early_only);
}

static void
read_events(const struct sip_msg *m)
{
	struct sip_subscription_state state;
	struct sip_replaces replaces;
	struct sip_event event;
	struct span phrase;
	unsigned status;

	for (unsigned id = 0; id < SIP_N_HEADERS; id++) {
		const struct span value = sip_header_get(m, id);

		if (sip_event_parse(value, &event) == ERR_NONE)
			must(event.package.len > 0 && sip_event_is(&event, &event));
		sip_subscription_state_parse(value, &state);
		if (sip_replaces_parse(value, &replaces) == ERR_NONE)
			must(replaces.to_tag.len > 0 && replaces.from_tag.len > 0);
	}
	if (sip_sipfrag_parse(sip_span(m, m->body), &status, &phrase) == ERR_NONE)
		must(status >= 100 && status < 700);
}

/* What is written reads as what it was made from. */
static void
read_privacy(const struct sip_msg *m)
{
	const uint32_t set = sip_privacy(m) & ~(1u << SIP_PRIVACY_OTHER);
	char text[128];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_privacy(&b, set);
	must(buf_ok(&b) && (b.len == 0) == (set == 0));
	if (set != 0)
		must(sip_privacy_parse(span_from(buf_span(&b), sizeof("Privacy:"))) == set);
}

static void
read_identity(const struct sip_msg *m)
{
	static const uint8_t random[16] = { 1 };
	const struct span value = sip_header_get(m, SIP_H_SESSION_ID);
	struct session_end a = { 0 }, b = { 0 };
	struct sip_remote_party party;
	struct sip_session_id said;
	struct sip_identity id;
	char text[128];
	struct buf out = buf_on(text, sizeof(text));

	read_privacy(m);
	for (unsigned h = 0; h < SIP_N_HEADERS; h++)
		if (sip_identity(m, h, &id) == ERR_NONE)
			must(id.sip.uri.len + id.tel.uri.len > 0);
	sip_remote_party(m, &party);
	session_end_heard(
	    &a, sip_session_id_parse(value, &said) == ERR_NONE ? &said : NULL, random);
	must(!session_uuid_null(&a.uuid));
	sip_put_session_id(&out, &b, &a);
	must(buf_ok(&out) && sip_session_id_parse(span_from(buf_span(&out), sizeof("Session-ID:")),
				 &said) == ERR_NONE);
	must(memcmp(&said.local, &a.uuid, sizeof(a.uuid)) == 0);
}

/* What is written as either header reads as the same list, but for what History-Info cannot say. */
static void
same_list(const struct diversions *list, bool history)
{
	static const char head[] =
	    "OPTIONS sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\n"
	    "t: <sip:b@c>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\n";
	static char text[SIP_RAW_MAX];
	struct buf b = buf_on(text, sizeof(text));
	struct verdict verdict;
	struct diversions back;
	struct sip_msg *m;

	buf_put(&b, span_of(head, sizeof(head) - 1));
	if (history)
		sip_put_history(&b, list, SPAN("sip:d@h"));
	else
		sip_put_diversion(&b, list);
	buf_lit(&b, "\r\n");
	if (!buf_ok(&b))
		return;
	m = message_of(text, b.len, &verdict);
	must(verdict.status == 0);
	diversions(m, &back);
	must(history ? back.n > 0 && back.n <= list->n : back.n == list->n);
	for (unsigned i = 0; !history && i < back.n; i++) {
		must(back.item[i].reason == list->item[i].reason);
		must(back.item[i].privacy == list->item[i].privacy);
		must(back.item[i].counter == list->item[i].counter);
	}
	free(m);
}

static void
read_diversions(const struct sip_msg *m)
{
	struct diversions list;

	diversions(m, &list);
	must(list.n <= DIVERSIONS_MAX && diversions_count(&list) >= list.n);
	if (list.n == 0)
		return;
	same_list(&list, false);
	same_list(&list, true);
}

static void
read_all(const struct sip_msg *m)
{
	struct sip_rack rack;
	struct span one;
	struct sip_via via;
	uint32_t n;

	for (unsigned id = 0; id < SIP_N_HEADERS; id++) {
		struct sip_values v = sip_values(m, id);

		while (sip_values_next(&v, &one)) {
			must(one.p >= sip_raw(m) && one.p + one.len <= sip_raw(m) + m->raw_len);
			must(one.len > 0);
			if (id == SIP_H_VIA)
				sip_via_parse(one, &via);
		}
		sip_delta(sip_header_get(m, id), &n);
		sip_option_set(m, id, NULL);
		if (sip_rack_parse(sip_header_get(m, id), &rack) == ERR_NONE)
			must(rack.rseq > 0 && rack.cseq <= INT32_MAX && rack.method.len > 0);
	}
	read_session_timer(m);
	read_refer(m);
	read_events(m);
	read_identity(m);
	read_diversions(m);
	read_addrs(m, SIP_H_CONTACT);
	read_addrs(m, SIP_H_ROUTE);
	read_addrs(m, SIP_H_RECORD_ROUTE);
	read_addrs(m, SIP_H_REFER_TO);
	sip_header_named(m, SPAN("X-Any"));
	sip_accepts(m, SPAN("application/sdp"));
	sip_method_set(m, SIP_H_ALLOW);
	sip_reason_cause(m, SPAN("Q.850"));
	sip_retry_after(m);
	if (sip_reliable(m, &n))
		must(n > 0 && !m->request);
	sip_type_is(sip_span(m, m->content_type), SPAN("application/sdp"));
}

static void
same(const struct sip_msg *a, struct sip_slice x, const struct sip_msg *b, struct sip_slice y)
{
	must(span_eq(sip_span(a, x), sip_span(b, y)));
}

/* Only what is well-formed is promised to come out well-formed. */
static void
answer(const struct sip_msg *m)
{
	static char text[SIP_RAW_MAX];
	struct buf b = buf_on(text, sizeof(text));
	struct verdict verdict;
	struct sip_msg *back;

	sip_put_response(&b, m, 486, NULL, SPAN("our-tag"));
	sip_put_body(&b, SPAN("text/plain"), SPAN("x"));
	if (!buf_ok(&b))
		return;
	back = message_of(text, b.len, &verdict);
	must(verdict.status == 0 && back->status == 486 && !back->request);
	must(sip_msg_valid(back, back->size));
	same(m, m->call_id, back, back->call_id);
	same(m, m->from, back, back->from);
	same(m, m->from_tag, back, back->from_tag);
	same(m, m->to_uri, back, back->to_uri);
	if (m->to_tag.len > 0)
		same(m, m->to_tag, back, back->to_tag);
	else
		must(span_eq(sip_span(back, back->to_tag), SPAN("our-tag")));
	same(m, m->cseq_method, back, back->cseq_method);
	same(m, m->via_branch, back, back->via_branch);
	same(m, m->via_host, back, back->via_host);
	must(m->cseq == back->cseq && m->method == back->method);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[2 * SIP_RAW_MAX];
	struct buf b = buf_on(text, sizeof(text));
	struct verdict verdict;
	struct sip_msg *m;

	if (size < 1 || size > UINT16_MAX)
		return 0;
	m = message_of(data + 1, size - 1, &verdict);
	/* The first byte tells where it came from. */
	m->flow.transport = data[0] & 1 ? SIP_T_UDP : SIP_T_TCP;
	m->flow.peer.family = data[0] & 2 ? 4 : data[0] & 4 ? 6 : 0;
	m->flow.peer.port = 5060;
	if (verdict.status == 0)
		must(sip_msg_valid(m, m->size));
	read_all(m);
	if (m->request) {
		sip_put_refusal(&b, m, 400, verdict.reason, SPAN("t"), SPAN_NONE);
		sip_response_flow(m);
		if (verdict.status == 0)
			answer(m);
	}
	free(m);
	return 0;
}
