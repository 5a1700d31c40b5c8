/* Server transactions: made of a request, told what comes again, and given the responses of their user. */
#include <string.h>

#include "sip/txn_machine.h"
#include "sip/via.h"

/* Of such a request, which is none of its yet. */
static struct txn *
server_take(struct txns *x, const struct sip_msg *request, bool important)
{
	struct txn *t;

	if (request->method == SIP_ACK || !request->request)
		return NULL;
	t = pool_take(x->pool, important);
	if (t == NULL)
		return NULL;
	t->kind = request->method == SIP_INVITE ? TXN_IST : TXN_NIST;
	t->method = request->method;
	t->flow = sip_response_flow(request);
	t->reliable = sip_transport_reliable(request->flow.transport);
	return t;
}

struct txn *
txn_server_new(struct txns *x, const struct sip_msg *request, bool important)
{
	struct txn *t = server_take(x, request, important);

	if (t == NULL)
		return NULL;
	if (!txn_keep_request(x, t, request, request->size)) {
		arena_drop(x->heap, &t->arena);
		pool_drop(x->pool, t);
		return NULL;
	}
	txn_hash(x, t);
	txn_index(x, t);
	if (t->kind == TXN_IST)
		txn_step(x, t, ist_machine.request, NULL);
	return t;
}

/* Killed before its state says that it was answered, it is one that txns_recover drops: the request comes
 * again. */
bool
txn_server_answer(struct txns *x, const struct sip_msg *request, bool important, unsigned status,
    struct span text)
{
	const bool forget = txn_hash_tells(request);
	struct txn *t;

	if (request->method == SIP_INVITE || status < 200)
		return false;
	t = forget ? server_take(x, request, important) : txn_server_new(x, request, important);
	if (t == NULL)
		return false;
	if (forget) {
		txn_hash_request(x, t, request);
		txn_index(x, t);
		/* As long as it is: there will be no other. Where there is no room it is sent once. */
		if (arena_keep(x->heap, &t->arena, pool_handle(x->pool, t), text, &t->last) ==
		    ERR_NONE)
			text = txn_last(x, t);
	}
	return txn_respond(x, t, status, text);
}

void
txn_server_receive(struct txns *x, struct txn *t, const struct sip_msg *request)
{
	const struct txn_machine *m = txn_machine_of(t);

	if (txn_is_server(t))
		txn_step(x, t, request->method == SIP_ACK ? m->ack : m->request, request);
}

bool
txn_respond(struct txns *x, struct txn *t, unsigned status, struct span text)
{
	const struct txn_machine *m = txn_machine_of(t);
	uint8_t event = txn_status_event(m, status);
	char *room;

	if (!txn_is_server(t) || fsm_find(m->fsm, t->state, event) == NULL)
		return false;
	/* Before the state: a final state never stands over a provisional text. When the heap is
	 * full it is sent all the same, once. */
	if (text.p != txn_last(x, t).p) {
		room = txn_last_room(x, t, text.len);
		if (room != NULL) {
			memcpy(room, text.p, text.len);
			txn_last_set(t, text.len);
		}
	}
	t->status = (uint16_t)status;
	return txn_step(x, t, event, &text);
}
