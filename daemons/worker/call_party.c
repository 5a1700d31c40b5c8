/* The parties of a call: one for each leg that it has, or had, and who talks with whom (call.h). */
#include "worker/worker.h"

struct party *
party_at(struct worker *w, uint32_t offset)
{
	return offset == 0 ? NULL : heap_at(&w->heap, offset);
}

struct party *
party_of_leg(struct worker *w, struct call *c, handle leg)
{
	struct party *p = party_at(w, c->parties);

	while (p != NULL && p->leg != leg)
		p = party_at(w, p->next);
	return p;
}

struct party *
party_new(struct worker *w, struct call *c, enum party_role role, handle leg)
{
	struct party *p = arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), sizeof(*p));

	if (p == NULL)
		return NULL;
	p->role = (uint8_t)role;
	p->side = role == PARTY_CALLER ? SIDE_A : SIDE_B;
	p->leg = leg;
	p->number = ++c->n_parties;
	p->start_ms = call_wall_ms(w, c);
	p->next = c->parties;
	c->parties = heap_offset(&w->heap, p);
	return p;
}

struct party *
party_waiting(struct worker *w, const struct call *c)
{
	return party_at(w, c->attempt.waiting != 0 ? c->attempt.waiting : c->caller);
}

struct party *
party_peer(struct worker *w, const struct party *p)
{
	return party_at(w, p->peer);
}

void
party_pair(struct worker *w, struct party *p, struct party *q)
{
	p->peer = heap_offset(&w->heap, q);
	q->peer = heap_offset(&w->heap, p);
}

void
party_part(struct worker *w, struct call *c, struct party *p)
{
	struct party *peer = party_peer(w, p);

	p->peer = 0;
	if (peer == NULL)
		return;
	peer->peer = 0;
	if (!peer->gone)
		requests_lost(w, c, peer);
}
