/* What comes out of the rings, by type. A front is exposed and not trusted: its record is copied
 * first, then checked. */
#include "worker/worker.h"

#include <string.h>

#include "base/log.h"
#include "ipc/poison.h"

/* --- a SIP message ------------------------------------------------------------------------------*/

/* From here on its call is in hand, before its transaction says or sends anything. */
static void
mark_call_of(struct worker *w, const struct txn *t)
{
	struct leg *l = leg_at(w, t->user);

	if (l != NULL)
		call_mark(w, l->call);
}

static void
response(struct worker *w, const struct sip_msg *m)
{
	struct txn *t = txn_client_find(&w->txns, m);

	if (t == NULL) {
		count(w->child.self, COUNT_UNMATCHED, 1);
		return;
	}
	mark_call_of(w, t);
	ladder_answered(w, t, m);
	/* What else belongs to it (CANCEL, ACK) goes by the connection that was made for it. */
	if (t->flow.conn == 0 && t->flow.transport == m->flow.transport)
		t->flow.conn = m->flow.conn;
	txn_client_receive(&w->txns, t, m);
}

static void
ack(struct worker *w, const struct sip_msg *m)
{
	struct txn *t = txn_server_find(&w->txns, m);
	struct leg *l;

	if (t != NULL) {
		ladder_acked(w, t, m);
		txn_server_receive(&w->txns, t, m);
		return;
	}
	l = leg_of_request(w, m);
	if (l == NULL)
		return;
	ladder_asked(w, l, m);
	leg_on_ack(w, l, m);
	/* Any other ACK is for nothing of ours; an ACK is never answered. */
}

static void
cancel(struct worker *w, const struct sip_msg *m)
{
	struct txn *invite = txn_cancelled_by(&w->txns, m), *t;
	const struct leg *l;

	if (invite == NULL) {
		answer_stateless(w, m, 481, NULL, SPAN_NONE);
		return;
	}
	mark_call_of(w, invite);
	l = leg_at(w, invite->user);
	if (l != NULL)
		ladder_asked(w, l, m);
	t = txn_server_new(&w->txns, m, true);
	if (t != NULL)
		answer_txn(w, t, 200, NULL, leg_tag_of_txn(w, invite), SPAN_NONE);
	leg_on_cancel(w, invite, m);
}

static void
request(struct worker *w, const struct sip_msg *m)
{
	struct txn *t;
	struct leg *l;

	if (m->method == SIP_ACK) {
		ack(w, m);
		return;
	}
	t = txn_server_find(&w->txns, m);
	if (t != NULL) {
		txn_server_receive(&w->txns, t, m);
		return;
	}
	if (m->method == SIP_CANCEL) {
		cancel(w, m);
		return;
	}
	if (m->to_tag.len == 0 || referral_is_notified(w, m)) {
		gate_request(w, m);
		return;
	}
	l = leg_of_request(w, m);
	if (l == NULL) {
		answer_stateless(w, m, 481, NULL, SPAN_NONE);
		return;
	}
	ladder_asked(w, l, m);
	leg_on_request(w, l, m);
}

void
inbox_message(struct worker *w, struct sip_msg *m)
{
	count(w->child.self, COUNT_RECEIVED, 1);
	large_learn(w, &m->flow);
	if (m->request)
		request(w, m);
	else
		response(w, m);
	w->asked = 0;
	worker_drain(w);
}

/* Its own copy, checked: in w->message. */
static bool
take_copy(struct worker *w, const struct ring_record *r, uint32_t len)
{
	if (len > SIP_MSG_ROOM(SIP_RAW_MAX))
		return false;
	memcpy(w->message, r->payload, len);
	return sip_msg_valid(w->message, len) &&
	       w->message->flow.listener < w->settings->n_listeners;
}

static void
sip_in(struct worker *w, const struct ring_record *r, uint32_t len)
{
	if (!take_copy(w, r, len)) {
		log_error("a front sent a record that is not valid", LOG_U64("bytes", len));
		count(w->child.self, COUNT_DROPPED_MALFORMED, 1);
		return;
	}
	if (!poison_any(&w->child) || !poison_again(&w->child, inbox_hash(w, w->message)))
		inbox_message(w, w->message);
}

/* --- the rest -----------------------------------------------------------------------------------*/

static void
flow_down(struct worker *w, const struct ring_record *r)
{
	const struct wire_flow_down *d = (const void *)r->payload;
	struct txn *t;

	t = txn_at(&w->txns, d->ticket);
	if (t != NULL)
		txn_unreachable(&w->txns, t);
	worker_drain(w);
}

static void
note(struct worker *w, const struct ring_record *r, uint32_t len)
{
	if (!note_received(w, (const void *)r->payload, len))
		log_error("a worker sent a note that is not valid", LOG_U64("bytes", len));
	worker_drain(w);
}

/* Its call ends, though not in the way of a CANCEL that is handled. */
static void
cancel_lost(struct worker *w, const struct sip_msg *m)
{
	const struct txn *invite = txn_cancelled_by(&w->txns, m);
	const struct leg *l = invite == NULL ? NULL : leg_at(w, invite->user);
	struct call *c = l == NULL ? NULL : call_at(w, l->call);
	struct txn *t;

	if (c == NULL) {
		answer_stateless(w, m, 481, NULL, SPAN_NONE);
		return;
	}
	t = txn_server_new(&w->txns, m, true);
	if (t != NULL)
		answer_txn(w, t, 200, NULL, leg_tag_of_txn(w, invite), SPAN_NONE);
	call_lost(w, c);
}

/* A request of which nothing is known is repeated, but not over a connection; and what was in hand at the last
 * death that is granted is not heard again. Its sender is told then: of an INVITE that begins a call that this has
 * failed, with its record; and a BYE or a CANCEL ends its call all the same. */
void
inbox_lost(struct worker *w, const struct sip_msg *m, unsigned deaths)
{
	struct leg *l;
	struct call *c;

	if (!m->request || m->method == SIP_ACK || deaths > POISON_DEATHS ||
	    (deaths < POISON_DEATHS && !sip_transport_reliable(m->flow.transport)) ||
	    txn_server_find(&w->txns, m) != NULL)
		return;
	if (m->method == SIP_INVITE && m->to_tag.len == 0) {
		gate_refuse(w, m);
		return;
	}
	if (m->method == SIP_CANCEL) {
		cancel_lost(w, m);
		return;
	}
	l = m->to_tag.len == 0 ? NULL : leg_of_request(w, m);
	c = l == NULL ? NULL : call_at(w, l->call);
	if (m->method == SIP_BYE && c != NULL)
		call_lost(w, c);
	answer_stateless(w, m, 500, NULL, SPAN_NONE);
}

/* At our predecessor's death. Of a SIP message the text is kept, as its sender would repeat it: without when and
 * how it came. */
static void
was_in_hand(struct worker *w, struct ring *ring, const struct ring_record *r, uint32_t len)
{
	bool sip = ring_type(ring) == WIRE_SIP_IN && take_copy(w, r, len);
	struct span text = sip ? sip_whole(w->message) : span_of(r->payload, len);
	uint64_t hash = sip ? inbox_hash(w, w->message) : poison_hash(&w->child, text);
	unsigned deaths = poison_found(&w->child, WIRE_POISON, ring_type(ring), text, hash);

	if (sip)
		inbox_lost(w, w->message, deaths);
	if (ring_type(ring) == WIRE_NOTE)
		note_lost(w, (const void *)r->payload, len);
	worker_drain(w);
}

void
inbox_record(struct worker *w, const struct ring_record *r, unsigned from)
{
	struct ring *ring = &w->child.in[from];
	uint32_t len = ring_len(ring);

	if (ring_was_in_hand(ring)) {
		was_in_hand(w, ring, r, len);
		return;
	}
	switch (ring_type(ring)) {
	case WIRE_SIP_IN:
		sip_in(w, r, len);
		break;
	case WIRE_FLOW_DOWN:
		flow_down(w, r);
		break;
	case WIRE_HANGUP:
	case WIRE_SHOW:
	case WIRE_EXPLAIN:
		operator_asks(w, ring_type(ring), r->payload);
		break;
	case WIRE_NOTE:
		note(w, r, len);
		break;
	case WIRE_RESOLVED:
		resolve_answer(w, (const void *)r->payload, len);
		break;
	case WIRE_MESSAGE_KEPT:
		message_kept(w, (const void *)r->payload);
		worker_drain(w);
		break;
	case WIRE_CODE_DONE:
		code_done(w, (const void *)r->payload);
		break;
	case WIRE_MESSAGE_DUE:
		message_due(w, (const void *)r->payload, len);
		worker_drain(w);
		break;
	case WIRE_NONE:
	case WIRE_SIP_IN_R:
	case WIRE_FLOW_DOWN_R:
	case WIRE_SIP_OUT:
	case WIRE_SIP_OUT_R:
	case WIRE_CDR:
	case WIRE_MESSAGE_KEEP:
	case WIRE_MESSAGE_DONE:
	case WIRE_CODE:
	case WIRE_BINDING:
	case WIRE_BINDING_LOAD:
	case WIRE_LOAD_DONE:
	case WIRE_CALL_STATE:
	case WIRE_POISON:
	case WIRE_POISON_R:
	case WIRE_HANGUP_DONE:
	case WIRE_SHOWN:
	case WIRE_EXPLAINED:
	case WIRE_OPERATE:
	case WIRE_RESOLVE:
	case N_WIRE:
		break; /* child_next lets none of these through to a worker */
	}
}
