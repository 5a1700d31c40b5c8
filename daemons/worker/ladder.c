/* The log of a call's messages. See ladder.h. */
#include "worker/worker.h"

#include <string.h>

#include "model/ladder.h"

enum { CHUNK = 16 }; /* entries: a call that is set up and ended by two phones has 14 */

struct ladder_chunk { /* in the call's arena */
	uint32_t next;
	uint32_t pad;
	struct ladder_entry entries[CHUNK];
};

/* Where the n-th entry stands, from 0: the first ones for good, the last ones in turns. */
static unsigned
slot_of(uint32_t n)
{
	return n < LADDER_MAX ? n : LADDER_FIRST + (n - LADDER_FIRST) % LADDER_LAST;
}

static unsigned
slots_used(const struct call *c)
{
	return c->ladder.n < LADDER_MAX ? c->ladder.n : LADDER_MAX;
}

/* NULL: no room. */
static struct ladder_entry *
entry_at(struct worker *w, struct call *c, unsigned slot)
{
	uint32_t *link = &c->ladder.chunks;
	struct ladder_chunk *k;

	for (unsigned i = 0;; i++) {
		if (*link == 0) {
			k = arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), sizeof(*k));
			if (k == NULL)
				return NULL;
			*link = heap_offset(&w->heap, k);
		}
		k = heap_at(&w->heap, *link);
		if (i == slot / CHUNK)
			return &k->entries[slot % CHUNK];
		link = &k->next;
	}
}

/* Is the same message there already, but for the time? */
static bool
is_there(struct worker *w, const struct call *c, const struct ladder_entry *e)
{
	const size_t from = offsetof(struct ladder_entry, leg);
	const struct ladder_chunk *k = NULL;
	unsigned n = slots_used(c);

	for (unsigned i = 0; i < n; i++) {
		if (i % CHUNK == 0)
			k = heap_at(&w->heap, k == NULL ? c->ladder.chunks : k->next);
		if (memcmp(&k->entries[i % CHUNK].leg, &e->leg, sizeof(*e) - from) == 0)
			return true;
	}
	return false;
}

static void
note_message(struct worker *w, const struct leg *l, struct ladder_entry e)
{
	struct call *c = l == NULL ? NULL : call_at(w, l->ladder);
	struct ladder_entry *place;

	if (c == NULL)
		return;
	if (c->ladder.began_ns == 0)
		c->ladder.began_ns = worker_now(w);
	e.leg = l->number;
	e.flags |= (uint8_t)(l->fork << LADDER_FORK);
	e.ms = (uint32_t)((worker_now(w) - c->ladder.began_ns) / NS_PER_MS);
	if (is_there(w, c, &e))
		return;
	place = entry_at(w, c, slot_of(c->ladder.n));
	if (place == NULL) {
		c->ladder.lost++;
		return;
	}
	*place = e;
	__atomic_store_n(&c->ladder.n, c->ladder.n + 1, __ATOMIC_RELEASE);
}

static void
note_heard(struct worker *w, const struct leg *l, const struct sip_msg *m)
{
	bool sdp = m->body.len > 0 &&
		   body_sdp(w, sip_span(m, m->content_type), sip_span(m, m->body)).len > 0;

	note_message(w, l,
	    (struct ladder_entry){ .cseq = (uint16_t)m->cseq,
		.status = m->status,
		.method = m->method,
		.flags = sdp ? LADDER_SDP : 0 });
}

void
ladder_join(struct worker *w, struct leg *l)
{
	const struct call *c = call_at(w, l->call);

	l->ladder = l->call;
	l->number = c == NULL || c->n_parties == 0 ? 1 : c->n_parties;
}

/* --- heard --------------------------------------------------------------------------------------*/

void
ladder_asked(struct worker *w, const struct leg *l, const struct sip_msg *m)
{
	w->asked = pool_handle(&w->legs, l);
	note_heard(w, l, m);
}

void
ladder_acked(struct worker *w, const struct txn *invite, const struct sip_msg *m)
{
	note_heard(w, leg_at(w, invite->user), m);
}

void
ladder_answered(struct worker *w, const struct txn *t, const struct sip_msg *m)
{
	const struct txn *invite = t->invite == 0 ? t : txn_at(&w->txns, t->invite);
	const struct leg *l = invite == NULL ? NULL : leg_at(w, invite->user);

	if (l == NULL)
		return;
	note_heard(w, l, m);
	if (t->kind != TXN_ICT)
		return;
	if (m->status >= 300)
		ladder_asks(w, l, SIP_ACK, m->cseq, false);
	else if (m->status < 200 && t->cancelled == TXN_CANCEL_HELD)
		ladder_asks(w, l, SIP_CANCEL, m->cseq, false);
}

/* --- sent ---------------------------------------------------------------------------------------*/

void
ladder_asks(struct worker *w, const struct leg *l, enum sip_method m, uint32_t cseq, bool sdp)
{
	note_message(w, l,
	    (struct ladder_entry){ .cseq = (uint16_t)cseq,
		.method = (uint8_t)m,
		.flags = LADDER_SENT | (sdp ? LADDER_SDP : 0) });
}

void
ladder_cancels(struct worker *w, const struct leg *l, const struct txn *invite)
{
	if (invite->cancelled == TXN_CANCEL_SENT)
		ladder_asks(w, l, SIP_CANCEL, l->invite_cseq, false);
}

void
ladder_answers(
    struct worker *w, handle leg, const struct sip_msg *request, unsigned status, bool sdp)
{
	note_message(w, leg_at(w, leg != 0 ? leg : w->asked),
	    (struct ladder_entry){ .cseq = (uint16_t)request->cseq,
		.status = (uint16_t)status,
		.method = request->method,
		.flags = LADDER_SENT | (sdp ? LADDER_SDP : 0) });
}

/* --- the record ---------------------------------------------------------------------------------*/

void
ladder_put_all(struct worker *w, struct call *c, struct buf *b)
{
	struct ladder_entry more = { .flags = LADDER_MORE };
	uint32_t n = c->ladder.n;

	more.ms = c->ladder.lost + n - slots_used(c);
	for (uint32_t i = 0; i < n; i++) {
		if (i == LADDER_FIRST && n > LADDER_MAX) {
			ladder_put(b, &more);
			i = n - LADDER_LAST;
		}
		ladder_put(b, entry_at(w, c, slot_of(i)));
	}
	if (n <= LADDER_MAX && more.ms > 0)
		ladder_put(b, &more);
}
