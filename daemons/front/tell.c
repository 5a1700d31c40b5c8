/*
 * What became of connections, for those who may have a use for it. A ring that is full loses the
 * record: the transaction then ends by its timer, and the next text for the connection finds it
 * gone.
 */
#include "front/front.h"

static void
put(struct front *f, unsigned proc, const struct wire_flow_down *d)
{
	enum wire_type type = proc_role(proc) == ROLE_REGISTRAR ? WIRE_FLOW_DOWN_R : WIRE_FLOW_DOWN;
	struct ring *r = &f->child.out[proc];
	struct wire_flow_down *record;

	if (r->data == NULL)
		return;
	record = ring_reserve(r, type, sizeof(*d));
	if (record == NULL)
		return;
	*record = *d;
	ring_commit(r, sizeof(*d));
}

void
tell_down(struct front *f, const struct conn *c)
{
	const struct wire_flow_down d = {
		.conn = c->flow.conn, .peer = c->flow.peer, .why = (uint32_t)c->why
	};

	for (unsigned i = 0; i < f->child.n_outs; i++)
		put(f, f->child.outs[i], &d);
}

void
tell_failed(
    struct front *f, unsigned proc, uint64_t ticket, const struct netaddr *peer, enum err why)
{
	const struct wire_flow_down d = { .ticket = ticket, .peer = *peer, .why = (uint32_t)why };

	put(f, proc, &d);
}
