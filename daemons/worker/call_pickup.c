/*
 * A call that rings is taken by who dialled a code for it (features/pickup.c). It is asked like one whose
 * place is wanted by Replaces (call_replace.c), but by its own handle, and the one who asks says not which
 * dialog but whose phone, or that any of his group will do.
 *
 *     call Y: D dialled **B                         call X: A is rung through to B
 *        |  EV_REPLACE, NOTE_PICKUP: B                  |
 *        |--------------------------------------------->|  does B still ring? D's bridge answers in his place
 *        |  EV_REPLACED X; EV_ANSWER, A's offer         |
 *        |<---------------------------------------------|  B's phones are cancelled: answered elsewhere
 *
 * One event of X decides who has it: the first of two who pick up, of B's answer and of A's CANCEL.
 */
#include "worker/worker.h"

enum { PICKUP_WAIT_S = 5 };

void
pickup_ask(struct worker *w, struct call *c, handle other, struct span user)
{
	struct note offer = { .flags = NOTE_PICKUP }, n;

	if (c->dry)
		return;
	offer.text[T_CONTENT_TYPE] = kept_span(&w->heap, c->attempt.offer_type);
	offer.text[T_BODY] = kept_span(&w->heap, c->attempt.offer);
	n = replace_note(w, c, party_at(w, c->caller), &offer);
	n.call = other;
	n.text[T_TO] = user;
	c->attempt.ring_until_ns = worker_now(w) + PICKUP_WAIT_S * NS_PER_S;
	note_up(w, &n);
}

bool
pickup_same_group(struct worker *w, uint32_t tenant, struct span a, struct span b)
{
	struct dir_buf *one = scratch_take(w, sizeof(*one)), *two = scratch_take(w, sizeof(*two));
	const struct dir_subscriber *s, *t;

	if (one == NULL || two == NULL)
		return false;
	s = directory_subscriber(&w->directory, tenant, a, one);
	t = directory_subscriber(&w->directory, tenant, b, two);
	return s != NULL && t != NULL && s->pickup_group.len > 0 &&
	       span_eq(dir_text(s, s->pickup_group), dir_text(t, t->pickup_group));
}

static bool
is_rung(struct worker *w, const struct call *c, const struct party *p)
{
	return p->role == PARTY_BRANCH && !party_is_bridge(p) && p->leg != 0 && !p->gone &&
	       !p->elsewhere && !p->passed_over && p->status < 200 && c->attempt.waiting != 0 &&
	       leg_at(w, p->leg) != NULL;
}

struct party *
pickup_of(struct worker *w, const struct call *c, const struct note *n)
{
	struct span by = n->text[T_USER], user = n->text[T_TO];

	if (c->state == CALL_UP && n->tenant == c->tenant)
		return park_in(w, c, user);
	if (c->state != CALL_RINGING || n->tenant != c->tenant || by.len == 0 || recall_rings(w, c))
		return NULL;
	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next)) {
		struct span his = kept_span(&w->heap, p->user);

		if (!is_rung(w, c, p) || his.len == 0)
			continue;
		if (user.len > 0 ? span_eq(his, user) : pickup_same_group(w, c->tenant, by, his))
			return p;
	}
	return NULL;
}

void
pickup_note(struct worker *w, struct call *c, const struct party *rings, const struct party *comes)
{
	char text[64];
	struct buf b = buf_on(text, sizeof(text));

	buf_lit(&b, "answers for ");
	buf_put(&b, span_first(kept_span(&w->heap, rings->user), 40));
	decision_event(w, c, "pickup", kept_span(&w->heap, comes->user), buf_span(&b));
}

bool
pickup_refused(struct worker *w, struct call *c, unsigned status)
{
	struct span dialled = kept_span(&w->heap, c->dialled);

	if (c->state != CALL_RINGING || segment_first(w, c)->kind != SEGMENT_FEATURE_CODE)
		return false;
	call_because(c, BY_SYSTEM, END_NORMAL);
	if (status != 481 && status != 603)
		call_refuse(w, c, status, SPAN_NONE, SPAN_NONE);
	else if (dialled.len > 0 && dialled.p[0] != '*' && dialled.p[0] != '#')
		call_refuse(w, c, 480, SPAN(PARK_NOBODY), SPAN_NONE);
	else
		call_refuse(w, c, 403, SPAN(PICKUP_NOBODY), SPAN_NONE);
	return true;
}
