/* Dialling: the targets of a call in order of q, equal q together (FLOWS.md S0-10, S4-09). */
#include "worker/worker.h"

#include "sip/build.h"

/* With somewhere else to go, a target that says nothing at all is given up after this (S1-09a). */
enum { SILENT_S = 5 };

/* q is thousandths. */
uint32_t
target_order(const struct target *t)
{
	return t->rank * 1001u + t->q + 1;
}

static uint32_t
best_order(struct worker *w, struct call *c)
{
	uint32_t best = 0;

	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (!t->tried && t->begins_ns == 0 && target_order(t) > best)
			best = target_order(t);
	return best; /* 0: none left */
}

/* A call that waits sounds other than the first (TS 24.615, RFC 7462; FLOWS.md S1-13), and so does one
 * from somebody he wants to know by that (features/priority.c). */
static struct span
alert_toward(const struct target *t)
{
	if (!t->priority)
		return t->waits ? SPAN("Alert-Info: <urn:alert:service:call-waiting>\r\n")
				: SPAN_NONE;
	return t->waits ? SPAN("Alert-Info: <urn:alert:priority:high>, "
			       "<urn:alert:service:call-waiting>\r\n")
			: SPAN("Alert-Info: <urn:alert:priority:high>\r\n");
}

static struct span
headers_toward(struct worker *w, const struct call *c, const struct target *t)
{
	struct span through =
	    kept_span(&w->heap, t->headers.len > 0 ? t->headers : c->attempt.headers);
	struct span who = kept_span(&w->heap, c->attempt.identity);
	struct span by = forward_lines(w, c, t);
	struct span alert = alert_toward(t);
	struct buf b;

	if (t->no_clip || (!t->trusted && !peer_is_trusted(w, &t->flow.peer)))
		who = SPAN_NONE;
	if (who.len == 0 && by.len == 0 && alert.len == 0)
		return through;
	b = scratch_buf(w, through.len + alert.len + who.len + by.len);
	buf_put(&b, through);
	buf_put(&b, alert);
	buf_put(&b, who);
	buf_put(&b, by);
	return buf_span(&b);
}

/* A gateway that wished to be left alone for a while is, with the time that is left of it for the caller
 * (FLOWS.md S2-10); not by those in need. */
static bool
is_resting(struct worker *w, struct call *c, const struct target *t)
{
	uint32_t left = t->kind == TARGET_GATEWAY ? rest_left(w, &t->flow) : 0;
	struct note n = { .status = 503 };
	char line[48];
	struct buf b = buf_on(line, sizeof(line));

	if (left == 0 || emergency_is(w, c->tenant, kept_span(&w->heap, c->dialled)))
		return false;
	sip_put_header_u32(&b, SPAN("Retry-After"), left);
	n.text[T_HEADERS] = buf_span(&b);
	attempt_keep_best(w, c, &n);
	return true;
}

/* Who is there. Where a gateway redirected to, it is not itself (THREATS.md A9). */
static uint64_t
gateway_at(struct worker *w, const struct target *t)
{
	bool is_there =
	    t->kind == TARGET_GATEWAY &&
	    (!t->elsewhere || directory_gateway_is_at(&w->directory, t->gateway, &t->flow.peer));

	return is_there ? t->gateway : 0;
}

bool
branch_dial(struct worker *w, struct call *c, struct target *t)
{
	struct heap *h = &w->heap;
	struct attempt *a = &c->attempt;
	struct family *f = family_of(w, t);
	struct party *p = is_resting(w, c, t) ? NULL : party_new(w, c, PARTY_BRANCH, 0);
	struct note n = { .what = CMD_DIAL,
		.call = pool_handle(&w->calls, c),
		.flow = t->flow,
		.max_forwards = c->max_forwards,
		.ring_s = t->ring_s,
		.gateway = gateway_at(w, t),
		.cseq = 1u + t->depth,
		.flags = t->no_100rel ? NOTE_NO_100REL : 0,
		.loop = c->loop };
	size_t used = w->scratch_used;

	if (p == NULL)
		return false;
	n.session = party_at(w, a->waiting)->session;
	n.capable = party_at(w, a->waiting)->capable;
	n.text[T_TARGET] = kept_span(h, t->uri);
	n.text[T_ROUTES] = kept_span(h, t->routes);
	n.text[T_FROM] = t->no_clip ? ANONYMOUS : kept_span(h, a->from);
	n.text[T_TO] = kept_span(h, a->to);
	n.text[T_CALL_ID] = kept_span(h, f->call_id);
	n.text[T_TAG] = kept_span(h, f->tag);
	n.text[T_HEADERS] = headers_toward(w, c, t);
	n.text[T_CONTENT_TYPE] = kept_span(h, a->offer_type);
	n.text[T_BODY] = kept_span(h, a->offer);
	p->kind = t->kind;
	p->round = a->round;
	p->beside = t->begins_ns != 0;
	p->target = heap_offset(h, t);
	p->segment = t->segment;
	p->uri = t->uri;
	p->account = t->kind == TARGET_GATEWAY ? t->gateway : t->account;
	p->user = t->user;
	p->flow = t->flow;
	p->sip_call_id = f->call_id;
	group_rung(w, c, t);
	again_rung(w, c, t);
	p->leg = leg_dial(w, &n);
	w->scratch_used =
	    used; /* it has been sent: sixteen large offers do not fit beside one another */
	if (p->leg == 0) {
		p->gone = 1;
		p->status = 503;
		p->end_ms = p->start_ms;
		return false;
	}
	if (f->tag.len == 0)
		f->tag = call_keep(w, c, kept_span(h, leg_at(w, p->leg)->dialog.local_tag));
	return true;
}

static unsigned
count_of(struct worker *w, struct call *c, uint32_t order)
{
	unsigned n = 0;

	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		n += !t->tried && t->begins_ns == 0 && target_order(t) == order;
	return n;
}

/* Without an offer of ours a reliable provisional response may bear one, which somebody must answer:
 * it is asked for only of one target, on behalf of a caller who can (RFC 3262 5). */
static bool
is_offer_welcome(struct worker *w, struct call *c, uint32_t order, bool beside)
{
	return c->attempt.offer.len > 0 ||
	       (c->attempt.reliable && !beside && count_of(w, c, order) == 1);
}

static bool
dial_best(struct worker *w, struct call *c, bool beside)
{
	unsigned dialled = 0;
	uint32_t order;

	while (dialled == 0 && (order = best_order(w, c)) > 0) {
		bool no_100rel = !is_offer_welcome(w, c, order, beside);

		c->attempt.round += !beside;
		for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
		     t = target_at(w, t->next)) {
			if (t->tried || t->begins_ns != 0 || target_order(t) != order)
				continue;
			t->tried = 1;
			t->no_100rel = no_100rel;
			dialled += target_dial(w, c, t);
		}
	}
	return dialled > 0;
}

bool
call_dial_next(struct worker *w, struct call *c)
{
	bool dialled = dial_best(w, c, false);

	dialled |= later_begin_due(w, c);
	c->attempt.round_until_ns = 0;
	if (!dialled)
		return later_begin_next(w, c);
	if (best_order(w, c) > 0 || c->attempt.silent)
		c->attempt.round_until_ns = worker_now(w) + SILENT_S * NS_PER_S;
	return true;
}

bool
call_dial_also(struct worker *w, struct call *c)
{
	uint64_t until = worker_now(w) + SILENT_S * NS_PER_S;

	if (!dial_best(w, c, true))
		return false;
	/* Those who ring already keep the time they have. */
	if (best_order(w, c) == 0)
		c->attempt.round_until_ns = 0;
	else if (c->attempt.round_until_ns < until)
		c->attempt.round_until_ns = until;
	return true;
}
