/* Segments: the chargeable stretches of a call, each with one payer (BILLING.md 5.1, 5.3). */
#include "worker/worker.h"

struct segment *
segment_first(struct worker *w, struct call *c)
{
	return c->segments == 0 ? NULL : heap_at(&w->heap, c->segments);
}

void
segment_open(struct worker *w, struct call *c, const struct origin *o)
{
	struct segment *s = arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), sizeof(*s));

	must(s != NULL); /* call_new saw to it */
	s->seq = 1;
	s->kind = SEGMENT_DIRECT;
	s->start_ms = w->child.clock.wall_ms;
	s->start_ns = worker_now(w);
	s->dialed = s->called = c->dialled;
	s->calling_number = c->number.len > 0 ? c->number : c->user;
	s->calling_name = c->name;
	s->payer_account = c->account;
	if (o->kind == ORIGIN_GATEWAY) {
		s->payer = PAYER_TRUNK;
		s->in_trunk = o->account;
		s->payer_number = call_keep(w, c, dir_text(o->gateway, o->gateway->name));
	} else {
		s->payer = PAYER_SUBSCRIBER;
		s->payer_number = s->calling_number;
	}
	c->segments = heap_offset(&w->heap, s);
}

void
segment_ringing(struct worker *w, struct call *c)
{
	struct segment *s = segment_first(w, c);

	if (s->ring_ms != 0)
		return;
	s->ring_ms = w->child.clock.wall_ms;
	s->ring_ns = worker_now(w);
}

static struct kept
connected_number(struct worker *w, struct call *c, const struct party *by)
{
	struct buf user = scratch_buf(w, 256);
	struct sip_uri uri;

	if (by->kind != TARGET_GATEWAY)
		return c->dialled; /* a contact of the one who was called */
	if (sip_uri_parse(kept_span(&w->heap, by->uri), &uri) == ERR_NONE)
		sip_uri_user(&uri, &user);
	return call_keep(w, c, buf_span(&user));
}

/* The answer is the 200 that goes to the caller now (FLOWS.md 1.12 (8)). */
void
segment_answered(struct worker *w, struct call *c, const struct party *by)
{
	struct segment *s = segment_first(w, c);
	const struct target *t = target_at(w, by->target);

	s->answer_ms = w->child.clock.wall_ms;
	s->answer_ns = worker_now(w);
	s->connected = connected_number(w, c, by);
	s->routed = s->connected;
	if (by->kind == TARGET_GATEWAY)
		s->out_trunk = t->gateway;
}

/* --- how it ended -------------------------------------------------------------------------------*/

/* R24: the caller never confirmed the answer. A lost ACK later in the call takes nothing back. */
static bool
never_confirmed(struct worker *w, const struct call *c)
{
	return c->end_reason == END_NO_ACK && !party_at(w, c->caller)->acked;
}

static enum disposition
disposition(const struct call *c, const struct segment *s)
{
	if (c->final == 200)
		return D_ANSWERED;
	switch (c->final) {
	case 486:
	case 600:
		return D_BUSY;
	case 487:
		return D_CANCELLED;
	case 403:
		return c->released_by == BY_SYSTEM ? D_BARRED : D_REJECTED;
	case 603:
	case 606:
	case 607:
	case 608:
		return D_REJECTED;
	case 408:
		return D_NOANSWER;
	case 480:
		return s->ring_ns != 0 ? D_NOANSWER : D_UNREACHABLE;
	default:
		return D_FAILED;
	}
}

/* RFC 3398 8.2.6.1 and Q.850, for the codes that a call can end with. */
unsigned
q850_of_status(unsigned status)
{
	static const struct {
		uint16_t status, cause;
	} causes[] = { { 200, 16 }, { 400, 41 }, { 403, 21 }, { 404, 1 }, { 405, 63 }, { 406, 79 },
		{ 408, 19 }, { 410, 22 }, { 413, 127 }, { 414, 127 }, { 415, 79 }, { 416, 127 },
		{ 420, 127 }, { 480, 18 }, { 482, 25 }, { 483, 25 }, { 484, 28 }, { 485, 1 },
		{ 486, 17 }, { 487, 16 }, { 488, 88 }, { 500, 41 }, { 501, 79 }, { 502, 38 },
		{ 503, 41 }, { 504, 102 }, { 505, 127 }, { 513, 127 }, { 600, 17 }, { 603, 21 },
		{ 604, 1 }, { 606, 88 } };

	for (unsigned i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].status == status)
			return causes[i].cause;
	return status >= 500 ? 41 : 127;
}

void
segment_close(struct worker *w, struct call *c)
{
	struct segment *s = segment_first(w, c);

	s->end_ms = w->child.clock.wall_ms;
	s->end_ns = worker_now(w);
	s->status = c->final;
	s->q850 = (uint16_t)q850_of_status(c->final);
	s->released_by = c->released_by;
	s->end_reason = c->end_reason;
	s->disposition = (uint8_t)disposition(c, s);
	if (never_confirmed(w, c)) { /* nothing is charged */
		s->disposition = D_FAILED;
		s->answer_ms = 0;
		s->answer_ns = 0;
		s->status = 408;
		s->q850 = 102;
	}
	/* The wall clock may have been set back meanwhile: a row never ends before it began. */
	if (s->end_ms < s->start_ms)
		s->end_ms = s->start_ms;
	if (s->answer_ms != 0 && s->answer_ms > s->end_ms)
		s->answer_ms = s->end_ms;
}
