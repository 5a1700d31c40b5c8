/*
 * From the parser to the ring of the message's owner, with one copy.
 *
 * When a ring is full new requests are answered 503, and so before it is quite full: the last
 * quarter is for what belongs to something that exists (responses, requests with a token of ours,
 * CANCEL and ACK). When even that is used up, or its owner is not there, such a request over UDP is dropped without an
 * answer, because its sender repeats it in half a second, while a 503 to a BYE would end the
 * dialog on one side only.
 */
#include "front/front.h"

#include <string.h>

enum { RESERVE_PART = 4 };

/* A process that died is started again and finds its ring as it was; one that is not to be, or is
 * held back because it dies at each start, takes nothing. */
static bool
is_there(const struct front *f, unsigned proc)
{
	uint32_t state = __atomic_load_n(&f->child.exchange->rows[proc].state, __ATOMIC_RELAXED);

	return f->child.out[proc].data != NULL && state != PROCESS_ABSENT &&
	       state != PROCESS_THROTTLED;
}

static bool
put(struct front *f, const struct sip_msg *m, const struct dispatched *to)
{
	struct ring *r = &f->child.out[to->proc];
	bool registrar = proc_role(to->proc) == ROLE_REGISTRAR;
	void *record;

	if (!to->ours && ring_room(r) < r->size / RESERVE_PART)
		return false;
	record = ring_reserve(r, registrar ? WIRE_SIP_IN_R : WIRE_SIP_IN, m->size);
	if (record == NULL)
		return false;
	memcpy(record, m, m->size);
	ring_commit(r, m->size);
	return true;
}

static void
mark_known(struct front *f, const struct sip_msg *m)
{
	struct conn *c = m->flow.conn == 0 ? NULL : conn_find(f, m->flow.conn);

	if (c != NULL)
		c->known = true;
}

void
deliver(struct front *f, const struct sip_msg *m, struct verdict v)
{
	struct dispatched to;

	front_count(f, COUNT_RECEIVED);
	if (v.status == VERDICT_DROP) {
		front_count(f, COUNT_DROPPED_MALFORMED);
	} else if (v.status != 0) {
		front_count(f, COUNT_REFUSED_MALFORMED);
		refuse(f, m, v.status, v.reason, SPAN_NONE);
	} else if (refuse_acked(f, m)) {
		return; /* nobody else knows of it, and who has too much to do need not hear it */
	} else if (dispatch_to(&f->dispatch, m, &to) != ERR_NONE) {
		front_count(f, COUNT_UNMATCHED);
	} else if (is_there(f, to.proc) && put(f, m, &to)) {
		mark_known(f, m);
	} else if (to.ours && m->flow.transport == SIP_T_UDP) {
		front_count(f, COUNT_SHED);
	} else {
		refuse_busy(f, m);
	}
}
