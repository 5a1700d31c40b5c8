/* What comes out of the rings, by type. A front is exposed and not trusted: its record is copied
 * first, then checked. */
#include "registrar/registrar.h"

#include <string.h>

#include "base/log.h"
#include "ipc/poison.h"

/* --- a SIP message -----------------------------------------------------------------------------*/

static void
request(struct registrar *r, const struct sip_msg *m)
{
	struct txn *t;

	if (m->method == SIP_ACK)
		return;
	t = txn_server_find(&r->txns, m);
	if (t != NULL)
		txn_server_receive(&r->txns, t, m);
	else if (m->method == SIP_REGISTER)
		register_request(r, m);
	else if (m->method == SIP_SUBSCRIBE)
		subscribe_request(r, m);
	else if (m->method == SIP_PUBLISH)
		publish_request(r, m);
	else if (m->method == SIP_CANCEL)
		answer_stranger(r, m, 481, NULL); /* only an INVITE can be cancelled (9.1) */
	else
		answer_stranger(r, m, 405, NULL);
}

static void
response(struct registrar *r, const struct sip_msg *m)
{
	struct txn *t = txn_client_find(&r->txns, m);

	if (t == NULL)
		count(r->child.self, COUNT_UNMATCHED, 1);
	else
		txn_client_receive(&r->txns, t, m);
}

static void
sip_in(struct registrar *r, const char *payload, uint32_t len)
{
	const struct sip_msg *m = r->message;

	if (len > SIP_MSG_ROOM(SIP_RAW_MAX))
		len = 0;
	memcpy(r->message, payload, len);
	if (!sip_msg_valid(m, len) || m->flow.listener >= r->settings->n_listeners) {
		log_error("a front sent a record that is not valid", LOG_U64("bytes", len));
		count(r->child.self, COUNT_DROPPED_MALFORMED, 1);
		return;
	}
	if (poison_any(&r->child) && poison_again(&r->child, poison_hash(&r->child, sip_whole(m))))
		return;
	count(r->child.self, COUNT_RECEIVED, 1);
	if (m->request)
		request(r, m);
	else
		response(r, m);
}

/* --- the rest ----------------------------------------------------------------------------------*/

/* A connection ended, or could not be had. An answer is lost, but its transaction keeps it in case the
 * request comes again another way; a NOTIFY's subscription ends. */
static void
flow_down(struct registrar *r, const struct wire_flow_down *d)
{
	struct txn *t = d->ticket == 0 ? NULL : txn_at(&r->txns, d->ticket);

	if (t != NULL)
		txn_unreachable(&r->txns, t);
	if (d->conn != 0)
		record_flow_down(r, d->conn);
}

static void
by_type(struct registrar *r, enum wire_type type, const char *payload, uint32_t len, unsigned from)
{
	switch (type) {
	case WIRE_SIP_IN_R:
		sip_in(r, payload, len);
		break;
	case WIRE_FLOW_DOWN_R:
		flow_down(r, (const void *)payload);
		break;
	case WIRE_BINDING_LOAD:
		record_load(r, (const void *)payload, len);
		break;
	case WIRE_LOAD_DONE:
		record_loaded(r);
		break;
	case WIRE_CALL_STATE:
		calls_changed(r, proc_index(from), (const void *)payload);
		break;
	case WIRE_NONE:
	case WIRE_SIP_IN:
	case WIRE_FLOW_DOWN:
	case WIRE_SIP_OUT:
	case WIRE_SIP_OUT_R:
	case WIRE_NOTE:
	case WIRE_CDR:
	case WIRE_MESSAGE_KEEP:
	case WIRE_MESSAGE_KEPT:
	case WIRE_MESSAGE_DUE:
	case WIRE_MESSAGE_DONE:
	case WIRE_CODE:
	case WIRE_CODE_DONE:
	case WIRE_BINDING:
	case WIRE_POISON:
	case WIRE_POISON_R:
	case WIRE_HANGUP:
	case WIRE_HANGUP_DONE:
	case WIRE_SHOW:
	case WIRE_SHOWN:
	case WIRE_EXPLAIN:
	case WIRE_EXPLAINED:
	case WIRE_OPERATE:
	case WIRE_RESOLVE:
	case WIRE_RESOLVED:
	case N_WIRE:
		break; /* child_next lets none of these through to a registrar */
	}
}

/* As its sender would repeat it: of a SIP message the text, without when and how it came. */
static struct span
text_of(struct registrar *r, const struct ring *in, const struct ring_record *record)
{
	uint32_t len = ring_len(in);

	if (ring_type(in) != WIRE_SIP_IN_R || len > SIP_MSG_ROOM(SIP_RAW_MAX))
		return span_of(record->payload, len);
	memcpy(r->message, record->payload, len);
	return sip_msg_valid(r->message, len) ? sip_whole(r->message) : SPAN_NONE;
}

void
inbox_record(struct registrar *r, const struct ring_record *record, unsigned from)
{
	struct ring *in = &r->child.in[from];

	if (ring_was_in_hand(in)) {
		struct span text = text_of(r, in, record);

		poison_found(
		    &r->child, WIRE_POISON_R, ring_type(in), text, poison_hash(&r->child, text));
		return;
	}
	by_type(r, ring_type(in), record->payload, ring_len(in), from);
}
