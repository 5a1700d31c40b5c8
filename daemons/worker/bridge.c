/*
 * Two calls joined to one conversation (attended transfer, pickup): each has a party that is the other
 * call. What a call commands this party is an event of the other call's bridge party; within one worker
 * it waits in the queue, between two it crosses a ring.
 *
 *     phone A -- leg -- call X -- bridge ===== bridge -- call Y -- leg -- phone C
 *
 * Each call keeps its own legs, segments and record, and ends with the other.
 */
#include "worker/worker.h"

/* Each looks now and then whether the other is still there: its last word may have been lost with its
 * worker. */
#define AUDIT_NS (30 * NS_PER_S)

struct party *
bridge_new(struct worker *w, struct call *c, enum party_side side, handle other)
{
	struct party *p = party_new(w, c, PARTY_BRIDGE, other);

	if (p == NULL)
		return NULL;
	p->side = (uint8_t)side;
	c->audit_ns = worker_now(w) + AUDIT_NS;
	return p;
}

static enum note_what
event_of_command(enum note_what what)
{
	switch (what) {
	case CMD_PROGRESS:
		return EV_PROGRESS;
	case CMD_ANSWER:
		return EV_ANSWER;
	case CMD_REFUSE:
		return EV_FAILED;
	case CMD_ACK:
		return EV_ACKED;
	case CMD_OFFER:
		return EV_OFFER;
	case CMD_OFFER_ANSWER:
		return EV_OFFER_ANSWERED;
	case CMD_OFFER_REFUSE:
		return EV_OFFER_REFUSED;
	case CMD_OFFER_CANCEL:
		return EV_OFFER_CANCELLED;
	case CMD_REQUEST:
		return EV_REQUEST;
	case CMD_RESPONSE:
		return EV_RESPONSE;
	case CMD_RELEASE:
		return EV_RELEASED;
	case NOTE_NONE:
	case EV_PROGRESS:
	case EV_ANSWER:
	case EV_TOLD:
	case EV_ACKED:
	case EV_PRACKED:
	case EV_OFFER:
	case EV_OFFER_ANSWERED:
	case EV_OFFER_REFUSED:
	case EV_OFFER_CANCELLED:
	case EV_REQUEST:
	case EV_RESPONSE:
	case EV_REPLACE:
	case EV_REPLACED:
	case EV_FAILED:
	case EV_CANCELLED:
	case EV_RELEASED:
	case EV_GONE:
	case EV_QUIET:
	case CMD_DIAL:
	case CMD_NOTIFY:
	case N_NOTES:
		break;
	}
	return NOTE_NONE;
}

void
bridge_command(struct worker *w, const struct note *n)
{
	struct note e = *n, gone = { .what = EV_GONE, .leg = n->leg, .call = n->call };

	e.what = (uint16_t)event_of_command(n->what);
	e.leg = n->call;
	e.call = n->leg;
	note_up(w, &e);
	if (n->what == CMD_RELEASE || n->what == CMD_REFUSE)
		note_up(w, &gone);
}

/* In another worker its view tells: it is there as long as the call. */
static bool
other_lives(struct worker *w, handle other)
{
	const struct call_view *v;
	size_t size;
	const char *region;
	unsigned proc = handle_proc(other), i = handle_index(other);

	if (proc == w->child.proc)
		return call_at(w, other) != NULL;
	region = child_region(&w->child, proc, &size);
	if (region == NULL || i >= w->shape.calls)
		return true; /* not to be seen now: it is looked again */
	v = (const void *)(region + w->shape.views_at + sizeof(struct call_views));
	return __atomic_load_n(&v[i].call, __ATOMIC_ACQUIRE) == other;
}

void
call_audit(void *step, const void *note)
{
	struct call_step *s = step;
	struct note lost = {
		.what = EV_RELEASED, .status = 503, .call = pool_handle(&s->w->calls, s->c)
	};

	(void)note;
	for (struct party *p = party_at(s->w, s->c->parties); p != NULL;
	     p = party_at(s->w, p->next)) {
		if (!party_is_bridge(p) || p->gone)
			continue;
		s->c->audit_ns = worker_now(s->w) + AUDIT_NS;
		lost.leg = p->leg;
		if (!other_lives(s->w, p->leg))
			note_up(s->w, &lost);
	}
}
