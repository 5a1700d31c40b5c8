/* What a leg writes: requests and responses in its dialog, with our Via, Contact and SDP origin. */
#include "worker/worker.h"

#include <string.h>

#include "base/rand.h"
#include "sip/build.h"
#include "sip/capability.h"
#include "sip/fields.h"
#include "sip/via.h"

enum { VIA_MAX = 256, HOST_MAX = 192, CONTACTS_TEXT = 4096 };

/* --- who we are ---------------------------------------------------------------------------------*/

struct netaddr
flow_local(struct worker *w, const struct sip_flow *f)
{
	const struct settings_listener *s = &w->settings->listeners[f->listener];

	return f->local.family != 0 ? f->local : s->address;
}

void
flow_put_host(struct worker *w, struct buf *b, const struct sip_flow *f)
{
	const struct settings_listener *s = &w->settings->listeners[f->listener];
	struct netaddr local = flow_local(w, f);
	unsigned port = s->advertise_port != 0 ? s->advertise_port : s->address.port;

	if (s->advertise_host[0] != '\0')
		buf_str(b, s->advertise_host);
	else
		netaddr_put_ip(b, &local);
	buf_char(b, ':');
	buf_u64(b, port);
}

bool
flow_is_same(const struct sip_flow *a, const struct sip_flow *b)
{
	return a->transport == b->transport && a->conn == b->conn && netaddr_eq(&a->peer, &b->peer);
}

void
leg_put_contact(struct worker *w, struct buf *b, const struct leg *l)
{
	buf_lit(b, "Contact: <sip:");
	token_put(b, &w->key, TOKEN_CONTACT, pool_handle(&w->legs, l));
	buf_char(b, '@');
	flow_put_host(w, b, &l->flow);
	if (l->flow.transport != SIP_T_UDP) {
		buf_lit(b, ";transport=");
		buf_put(b, sip_transport_param(l->flow.transport));
	}
	buf_char(b, '>');
	sip_put_capabilities(b, l->shows);
	buf_lit(b, "\r\n");
}

/* --- requests -----------------------------------------------------------------------------------*/

static bool
bears_contact(enum sip_method m)
{
	return m == SIP_INVITE || m == SIP_UPDATE || m == SIP_REFER || m == SIP_SUBSCRIBE ||
	       m == SIP_NOTIFY;
}

/* An UPDATE of the early dialog does not (RFC 4028 7). */
static bool
refreshes(const struct leg *l, enum sip_method m)
{
	return m == SIP_INVITE || (m == SIP_UPDATE && l->dialog.state == DIALOG_CONFIRMED);
}

static struct span
name_of(const struct leg_request *r)
{
	return r->method == SIP_UNKNOWN ? r->name : sip_method_name(r->method);
}

static void
put_request(
    struct worker *w, struct buf *b, struct leg *l, struct span via, const struct leg_request *r)
{
	struct dialog_request d = {
		.method = name_of(r), .via = via, .cseq = r->cseq, .max_forwards = r->max_forwards
	};
	struct login_party p = leg_login_party(l);

	dialog_put_request(b, &l->dialog, &w->heap, &d);
	if (bears_contact(r->method)) {
		leg_put_contact(w, b, l);
		sip_put_allow(b);
		options_put_supported(b, l->no_100rel ? 1u << SIP_O_100REL : 0);
	}
	sip_put_session_id(b, &l->end, &l->other);
	if (refreshes(l, r->method))
		leg_timer_put_ask(b, l);
	login_put(w, b, &p, name_of(r));
	buf_put(b, r->headers);
	sip_put_body(b, r->content_type, r->body);
}

handle
leg_send_request(struct worker *w, struct leg *l, const struct leg_request *r)
{
	struct txn *t =
	    txn_client_new(&w->txns, r->method, &l->flow, pool_handle(&w->legs, l), true);
	char host_text[HOST_MAX], via_text[VIA_MAX];
	struct buf host = buf_on(host_text, HOST_MAX), via = buf_on(via_text, VIA_MAX);
	struct buf b = buf_on(w->text, OUT_TEXT);
	struct login_party p = leg_login_party(l);
	handle h;

	if (t == NULL)
		return 0;
	h = pool_handle(&w->txn_pool, t);
	flow_put_host(w, &host, &l->flow);
	txn_put_via(&via, &w->txns, t, buf_span(&host), l->loop);
	put_request(w, &b, l, buf_span(&via), r);
	if (!buf_ok(&b) || !buf_ok(&via)) {
		txn_drop(&w->txns, t);
		return 0;
	}
	/* Known before it is sent: whoever takes the leg up after a kill can cancel it, or wait for its
	 * end. */
	t->ref = r->method == SIP_INVITE ? leg_fork_ref(w, l) : r->ref;
	t->user_data = r->again;
	t->user_peer = r->method == SIP_INVITE && login_may(w, &p) ? l->gateway : 0;
	if (r->method == SIP_INVITE)
		l->invite = h;
	else if (r->method == SIP_UPDATE)
		l->update = h;
	else if (r->method == SIP_BYE)
		l->bye = h;
	else if (r->method == SIP_PRACK)
		l->prack = h;
	else if (r->method == SIP_NOTIFY)
		l->refer.notify = h;
	if (txn_client_send(&w->txns, t, buf_span(&b)) != ERR_NONE)
		return 0;
	ladder_asks(w, l, r->method, r->cseq, body_sdp(w, r->content_type, r->body).len > 0);
	return h;
}

void
leg_write_ack(struct worker *w, struct leg *l, const struct dialog *d, uint32_t cseq,
    struct span content_type, struct span body)
{
	char via_text[VIA_MAX];
	struct buf via = buf_on(via_text, VIA_MAX), b = buf_on(w->text, OUT_TEXT);
	struct dialog_request r = { .method = SPAN("ACK"), .cseq = cseq, .max_forwards = 70 };
	uint64_t branch[2] = { rand_u64(), rand_u64() };

	/* An ACK for a 2xx is a transaction of its own (INV-6), and no response to it can come. */
	buf_lit(&via, "SIP/2.0/");
	buf_put(&via, sip_transport_name(l->flow.transport));
	buf_char(&via, ' ');
	flow_put_host(w, &via, &l->flow);
	buf_lit(&via, ";branch=" SIP_COOKIE);
	buf_hex(&via, branch, sizeof(branch));
	r.via = buf_span(&via);
	dialog_put_request(&b, d, &w->heap, &r);
	sip_put_session_id(&b, &l->end, &l->other);
	leg_put_invites_credentials(w, &b, l);
	sip_put_body(&b, content_type, body);
	if (!buf_ok(&via) || !buf_ok(&b))
		return;
	outbox_put_host(w->outbox, &l->flow, buf_span(&b), 0, leg_peer_name(w, l));
	ladder_asks(w, l, SIP_ACK, cseq, body.len > 0);
}

/* --- responses ----------------------------------------------------------------------------------*/

static void
put_response(struct worker *w, struct buf *b, struct leg *l, const struct sip_msg *request,
    unsigned status, const struct note *n)
{
	struct span tag = kept_span(&w->heap, l->dialog.local_tag), body;
	struct span type = n->text[T_CONTENT_TYPE];

	if (n->text[T_PHRASE].len > 0)
		sip_put_response_as(b, request, status, n->text[T_PHRASE], tag);
	else
		sip_put_response(b, request, status, NULL, tag);
	if (status < 300 && bears_contact(request->method)) {
		sip_put_copy(b, request, SIP_H_RECORD_ROUTE);
		leg_put_contact(w, b, l);
		sip_put_allow(b);
		options_put_supported(b, 0);
		if (status >= 200)
			leg_timer_put_answer(w, b, l, request);
	}
	if (status == 405)
		sip_put_allow_but(b, (enum sip_method)request->method);
	sip_put_session_id(b, &l->end, &l->other);
	buf_put(b, n->text[T_HEADERS]);
	body = body_toward(w, l, &type, n->text[T_BODY]);
	sip_put_body(b, type, body);
}

bool
leg_respond(struct worker *w, struct leg *l, unsigned status, const struct note *n)
{
	return leg_respond_in(w, l, l->invite, status, n);
}

bool
leg_respond_in(struct worker *w, struct leg *l, handle txn, unsigned status, const struct note *n)
{
	struct txn *t = txn_at(&w->txns, txn);
	struct buf b = buf_on(w->text, OUT_TEXT);

	if (t == NULL || txn_request(&w->txns, t) == NULL)
		return true;
	if (status >= 200 && status < 300 && bears_contact(txn_request(&w->txns, t)->method))
		leg_timer_accepted(w, l, txn_request(&w->txns, t));
	put_response(w, &b, l, txn_request(&w->txns, t), status, n);
	if (buf_ok(&b)) {
		ladder_answers(w, pool_handle(&w->legs, l), txn_request(&w->txns, t), status,
		    note_has_sdp(w, n));
		if (!txn_respond(&w->txns, t, status, buf_span(&b)))
			count(w->child.self, COUNT_SEND_FAILED, 1);
		return true;
	}
	/* A NUL in the other side's phrase, or its body is too long beside our peer's Vias. */
	count(w->child.self, COUNT_SEND_FAILED, 1);
	if (status >= 200)
		answer_txn(w, t, status < 300 ? 500 : status, NULL,
		    kept_span(&w->heap, l->dialog.local_tag), SPAN_NONE);
	return false;
}

/* --- bodies and headers -------------------------------------------------------------------------*/

void
leg_facts(struct worker *w, const struct leg *l, struct note *n)
{
	n->leg = pool_handle(&w->legs, l);
	n->call = l->call;
	n->flow = l->flow;
	n->retransmissions = l->retransmissions;
	n->session = l->end;
	n->capable = l->capable;
	n->text[T_SIP_CALL_ID] = kept_span(&w->heap, l->dialog.call_id);
	n->text[T_LOCAL_TAG] = kept_span(&w->heap, l->dialog.local_tag);
	n->text[T_REMOTE_TAG] = kept_span(&w->heap, l->dialog.remote_tag);
	n->text[T_USER_AGENT] = kept_span(&w->heap, l->user_agent);
	if (l->call == 0 || handle_proc(l->call) != w->child.proc)
		return;
	/* The leg may be dropped before its call hears of this. */
	for (unsigned i = T_SIP_CALL_ID; i <= T_USER_AGENT; i++)
		n->text[i] = scratch_keep(w, n->text[i]);
}

/* What passes from one leg to the other (DESIGN.md: by an allow-list). Everything else is ours to
 * say on each leg, or is not said. The first TELLING ones may tell who speaks. */
enum { TELLING = 6 };
static const uint8_t through[] = { SIP_H_IDENTITY, SIP_H_SUBJECT, SIP_H_CALL_INFO,
	SIP_H_ORGANIZATION, SIP_H_IN_REPLY_TO, SIP_H_WARNING, SIP_H_PRIORITY, SIP_H_ALERT_INFO,
	SIP_H_ACCEPT_LANGUAGE, SIP_H_CONTENT_DISPOSITION, SIP_H_CONTENT_ENCODING,
	SIP_H_CONTENT_LANGUAGE, SIP_H_MIME_VERSION, SIP_H_REASON, SIP_H_INFO_PACKAGE,
	SIP_H_RECV_INFO, SIP_H_RETRY_AFTER, SIP_H_DATE };

static struct span
copy_headers(struct worker *w, const struct sip_msg *m, unsigned from)
{
	struct buf b = { 0 };

	for (unsigned i = from; i < sizeof(through); i++) {
		if (!sip_has(m, through[i]))
			continue;
		if (b.p == NULL)
			b = scratch_buf(w, 8192);
		sip_put_copy(&b, m, through[i]);
	}
	if (b.p == NULL || !buf_ok(&b))
		return SPAN_NONE; /* none, or more than we pass */
	scratch_end(w, &b);
	return buf_span(&b);
}

struct span
headers_through(struct worker *w, const struct sip_msg *m)
{
	return copy_headers(w, m, 0);
}

struct span
headers_anonymous(struct worker *w, const struct sip_msg *m)
{
	return copy_headers(w, m, TELLING);
}

struct span
contacts_named(struct worker *w, const struct sip_msg *m)
{
	struct sip_values v = sip_values(m, SIP_H_CONTACT);
	struct span value;
	struct buf b;
	size_t whole = 0;

	if (m->request || m->status < 300 || m->status > 302)
		return SPAN_NONE;
	b = scratch_buf(w, CONTACTS_TEXT);
	while (sip_values_next(&v, &value)) {
		if (whole > 0)
			buf_lit(&b, ", ");
		buf_put(&b, value);
		if (!buf_ok(&b))
			break; /* no more of them are looked at */
		whole = b.len;
	}
	b.len = whole;
	b.overrun = false;
	scratch_end(w, &b);
	return buf_span(&b);
}

struct span
reason_line(struct worker *w, const struct note *n)
{
	struct buf b;

	if (n->text[T_REASON].len == 0)
		return SPAN_NONE;
	b = scratch_buf(w, 512);
	sip_put_header(&b, sip_header_name(SIP_H_REASON), n->text[T_REASON]);
	if (!buf_ok(&b))
		return SPAN_NONE;
	scratch_end(w, &b);
	return buf_span(&b);
}

bool
leg_keep(struct worker *w, struct leg *l, struct leg_kept *k, struct span s)
{
	struct kept text = k->text;

	k->text.len = 0;
	if (s.len > k->cap) {
		if (arena_keep(&w->heap, &l->arena, pool_handle(&w->legs, l), s, &text) != ERR_NONE)
			return false;
		k->cap = (uint32_t)s.len;
	} else if (s.len > 0) {
		memcpy(heap_at(&w->heap, text.at), s.p, s.len);
	}
	text.len = (uint32_t)s.len;
	k->text = text;
	return true;
}

void
leg_rename(struct worker *w, struct leg *l, struct span from)
{
	struct kept name;

	if (from.len == 0 || !(l->supports & 1u << SIP_O_FROM_CHANGE) ||
	    span_eq(from, kept_span(&w->heap, l->dialog.local_addr)) ||
	    arena_keep(&w->heap, &l->arena, pool_handle(&w->legs, l), from, &name) != ERR_NONE)
		return;
	l->dialog.local_addr = name;
}
