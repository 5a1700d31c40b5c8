/* Segments: the chargeable stretches of a call, each with one payer (BILLING.md 5.1, 5.3). */
#include "worker/worker.h"

struct segment *
segment_at(struct worker *w, uint32_t offset)
{
	return offset == 0 ? NULL : heap_at(&w->heap, offset);
}

struct segment *
segment_first(struct worker *w, const struct call *c)
{
	return segment_at(w, c->segments);
}

struct segment *
segment_of(struct worker *w, const struct call *c, const struct party *p)
{
	return segment_at(w, p->segment != 0 ? p->segment : c->segments);
}

/* The wall clock says when a call begins; what follows is that and the time since, so that setting the clock
 * moves nothing in a call (THREATS.md F14). */
int64_t
call_wall_ms(struct worker *w, const struct call *c)
{
	const struct segment *first = segment_first(w, c);

	/* Of the first for all: what happens to several at once has one time (BILLING.md R6). */
	if (first == NULL)
		return w->child.clock.wall_ms;
	return first->start_ms + (int64_t)((worker_now(w) - first->start_ns) / NS_PER_MS);
}

struct segment *
segment_new(struct worker *w, struct call *c, enum segment_kind kind, struct party *from)
{
	uint32_t *last = &c->segments;
	struct segment *s = NULL;

	if (c->n_segments < SEGMENTS_MAX)
		s = arena_take(&w->heap, &c->arena, pool_handle(&w->calls, c), sizeof(*s));

	if (s == NULL)
		return NULL;
	s->seq = ++c->n_segments;
	s->kind = (uint8_t)kind;
	s->start_ms = call_wall_ms(w, c);
	s->start_ns = worker_now(w);
	s->from = heap_offset(&w->heap, from);
	while (*last != 0)
		last = &segment_at(w, *last)->next;
	*last = heap_offset(&w->heap, s);
	return s;
}

void
segment_open(struct worker *w, struct call *c, const struct origin *o)
{
	struct segment *s = segment_new(w, c, SEGMENT_DIRECT, party_at(w, c->caller));

	must(s != NULL); /* call_new saw to it */
	s->dialed = s->called = code_without_pin(w, c, c->dialled);
	s->calling_number = c->number.len > 0 ? c->number : c->user;
	s->calling_name = c->name;
	s->anonymous = caller_is_hidden(c);
	s->payer_account = c->account;
	if (o->kind == ORIGIN_GATEWAY) {
		s->payer = PAYER_TRUNK;
		s->in_trunk = o->account;
		s->payer_number = call_keep(w, c, dir_text(o->gateway, o->gateway->name));
	} else {
		s->payer = PAYER_SUBSCRIBER;
		s->payer_number = s->calling_number;
	}
}

struct segment *
segment_before(struct worker *w, const struct call *c, const struct segment *s)
{
	struct segment *from = s->redirects == 0 ? NULL : segment_first(w, c);

	while (from != NULL && from->seq != s->parent)
		from = segment_at(w, from->next);
	return from;
}

static struct segment *
onward(struct worker *w, struct call *c, struct segment *parent, enum segment_kind kind,
    struct span dialled)
{
	struct segment *s = segment_new(w, c, kind, party_at(w, parent->from));

	if (s == NULL)
		return NULL;
	s->parent = parent->seq;
	s->dialed = s->called = code_without_pin(w, c, call_keep(w, c, dialled));
	s->calling_number = parent->calling_number;
	s->calling_name = parent->calling_name;
	s->anonymous = parent->anonymous;
	s->original = parent->redirects > 0 ? parent->original : parent->called;
	s->redirects = parent->redirects + 1;
	return s;
}

struct segment *
segment_onward(struct worker *w, struct call *c, struct segment *parent, enum segment_kind kind,
    const struct dir_subscriber *by, struct span dialled)
{
	struct segment *s = onward(w, c, parent, kind, dialled);

	if (s == NULL)
		return NULL;
	s->payer = PAYER_SUBSCRIBER;
	s->payer_account = by->id;
	s->hides = by->clir;
	s->payer_number = s->redirecting =
	    call_keep(w, c, dir_text(by, by->number.len > 0 ? by->number : by->user));
	return s;
}

struct segment *
segment_overflow(struct worker *w, struct call *c, struct segment *parent,
    const struct dir_group *g, struct span dialled)
{
	struct segment *s = onward(w, c, parent, SEGMENT_FORWARD, dialled);

	if (s == NULL)
		return NULL;
	s->payer = PAYER_TENANT;
	s->payer_account = g->tenant;
	s->payer_number = s->redirecting = call_keep(w, c, dir_text(g, g->number));
	s->redirect_reason = REDIRECT_GROUP;
	return s;
}

void
segment_ringing(struct worker *w, struct call *c, struct segment *s)
{
	for (; s != NULL && s->ring_ms == 0; s = segment_before(w, c, s)) {
		s->ring_ms = call_wall_ms(w, c);
		s->ring_ns = worker_now(w);
	}
}

/* As he is called when he calls himself. */
static struct kept
member_number(struct worker *w, struct call *c, const struct party *by)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s = rec == NULL
					     ? NULL
					     : directory_subscriber(&w->directory, c->tenant,
						   kept_span(&w->heap, by->user), rec);

	return s == NULL || s->number.len == 0 ? by->user : call_keep(w, c, dir_text(s, s->number));
}

static struct kept
connected_number(struct worker *w, struct call *c, const struct segment *s, const struct party *by)
{
	struct buf user = scratch_buf(w, 256);
	struct sip_uri uri;

	if (party_is_bridge(by)) /* who took the call, or its other side */
		return by->user.len > 0 ? by->user : s->called;
	if (by->kind != TARGET_GATEWAY && s->group != 0)
		return member_number(w, c, by);
	if (by->kind != TARGET_GATEWAY)
		return s->called; /* a contact of the one who was called */
	if (sip_uri_parse(kept_span(&w->heap, by->uri), &uri) == ERR_NONE)
		sip_uri_user(&uri, &user);
	return call_keep(w, c, buf_span(&user));
}

static void
answered(struct worker *w, const struct call *c, struct segment *s, const struct party *by)
{
	s->by = heap_offset(&w->heap, by);
	s->answer_ms = call_wall_ms(w, c);
	s->answer_ns = worker_now(w);
}

/* The answer is the 200 that goes to the caller now (FLOWS.md 1.12 (8)); it answers all that led to it
 * (BILLING.md R6). */
void
segment_answered(struct worker *w, struct call *c, struct segment *s, struct party *by)
{
	const struct target *t = target_at(w, by->target);
	struct kept connected = connected_number(w, c, s, by);

	answered(w, c, s, by);
	s->routed = s->connected = connected;
	if (by->kind == TARGET_GATEWAY)
		s->out_trunk = t->gateway;
	while ((s = segment_before(w, c, s)) != NULL && s->answer_ns == 0) {
		answered(w, c, s, by);
		s->connected = connected;
		s->routed = s->called;
	}
}

/* What a segment came to that did not lead to the answer. */
static unsigned
outcome(struct worker *w, const struct call *c, const struct segment *s)
{
	for (const struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next))
		if (segment_of(w, c, p) == s && p->status >= 300 && !p->elsewhere)
			return p->status; /* the latest */
	return 487;
}

void
segments_lost(struct worker *w, struct call *c)
{
	for (struct segment *s = segment_first(w, c); s != NULL; s = segment_at(w, s->next)) {
		unsigned status = s->answer_ns != 0 ? 200 : outcome(w, c, s);

		if (s->answer_ns == 0)
			segment_close(w, c, s, status, status == 487 ? BY_SYSTEM : BY_CALLEE);
	}
}

static void
segment_hold(struct worker *w, struct segment *s, bool held)
{
	uint64_t now = worker_now(w);

	if (held && s->held_since_ns == 0) {
		s->held_since_ns = now;
	} else if (!held && s->held_since_ns != 0) {
		s->hold_ns += now - s->held_since_ns;
		s->held_since_ns = 0;
	}
}

void
segments_hold(struct worker *w, struct call *c, bool held)
{
	for (struct segment *s = segment_first(w, c); s != NULL; s = segment_at(w, s->next))
		if (s->answer_ns != 0 && s->end_ns == 0)
			segment_hold(w, s, held);
}

/* --- how it ended -------------------------------------------------------------------------------*/

/* R24: the caller never confirmed the answer. A lost ACK later in the call takes nothing back. */
static bool
never_confirmed(struct worker *w, const struct segment *s)
{
	return s->end_reason == END_NO_ACK && (s->kind == SEGMENT_DIRECT || s->redirects > 0) &&
	       !party_at(w, s->from)->acked;
}

/* Does the carrier that answered charge all the same? Then who pays for its segment does, and those whose
 * calls were sent on to it. */
static bool
is_charged(struct worker *w, const struct segment *s)
{
	const struct party *by = party_at(w, s->by);
	struct dir_buf *rec =
	    by != NULL && by->kind == TARGET_GATEWAY ? scratch_take(w, sizeof(*rec)) : NULL;
	const struct dir_gateway *g =
	    rec == NULL ? NULL : directory_gateway(&w->directory, by->account, rec);

	return g != NULL && g->bill_unacked;
}

static enum disposition
disposition(const struct segment *s, enum released_by by)
{
	switch (s->status) {
	case 200:
		return D_ANSWERED;
	case 302:
		return D_REDIRECTED;
	case 486:
	case 600:
		return D_BUSY;
	case 487:
		return D_CANCELLED;
	case 403:
		return by == BY_SYSTEM ? D_BARRED : D_REJECTED;
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
	} causes[] = { { 200, 16 }, { 302, 23 }, { 400, 41 }, { 403, 21 }, { 404, 1 }, { 405, 63 },
		{ 406, 79 }, { 408, 19 }, { 410, 22 }, { 413, 127 }, { 414, 127 }, { 415, 79 },
		{ 416, 127 }, { 420, 127 }, { 480, 18 }, { 482, 25 }, { 483, 25 }, { 484, 28 },
		{ 485, 1 }, { 486, 17 }, { 487, 16 }, { 488, 88 }, { 500, 41 }, { 501, 79 },
		{ 502, 38 }, { 503, 41 }, { 504, 102 }, { 505, 127 }, { 513, 127 }, { 600, 17 },
		{ 603, 21 }, { 604, 1 }, { 606, 88 } };

	for (unsigned i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].status == status)
			return causes[i].cause;
	return status >= 500 ? 41 : 127;
}

/* What the network behind a peer says is nearer the truth than what we make of the code (RFC 6432). Of what was
 * answered those alone can say it who talk: not who left it to others, or was to come and never did. */
static unsigned
cause_given(struct worker *w, const struct call *c, const struct segment *s)
{
	uint32_t own = heap_offset(&w->heap, s), first = heap_offset(&w->heap, segment_first(w, c));

	for (struct party *p = party_at(w, c->parties); p != NULL; p = party_at(w, p->next)) {
		bool caller = heap_offset(&w->heap, p) == c->caller;
		bool its = (p->segment != 0 ? p->segment : first) == own;

		if (p->cause == 0 || (s->answer_ns != 0 && p->peer == 0))
			continue;
		if (s->answer_ns != 0 ? caller || its : !caller && its && p->status == s->status)
			return p->cause;
	}
	return 0;
}

void
segment_close(
    struct worker *w, struct call *c, struct segment *s, unsigned status, enum released_by by)
{
	unsigned cause;

	if (s->end_ns != 0)
		return;
	s->end_ms = call_wall_ms(w, c);
	s->end_ns = worker_now(w);
	segment_hold(w, s, false);
	s->status = (uint16_t)status;
	cause = cause_given(w, c, s);
	s->q850 = (uint16_t)(cause != 0 ? cause : q850_of_status(status));
	s->released_by = (uint8_t)by;
	s->disposition = (uint8_t)disposition(s, by);
	if (never_confirmed(w, s) && !is_charged(w, s)) {
		s->disposition = D_FAILED;
		s->answer_ms = 0;
		s->answer_ns = 0;
		s->status = 408;
		s->q850 = 102;
	}
}

void
segments_close(struct worker *w, struct call *c)
{
	for (struct segment *s = segment_first(w, c); s != NULL; s = segment_at(w, s->next)) {
		unsigned status = c->final == 200 && s->answer_ns == 0 ? 487 : c->final;

		if (s->end_ns == 0)
			s->end_reason = c->end_reason;
		segment_close(w, c, s, status, c->released_by);
	}
}
