/*
 * What a call would do, without placing it (tandemctl explain): it is a call like any other, heard and
 * decided by the same features, routes and groups (call_hear, call_decide, attempt_onward), and given back
 * within the event. It is `dry`: nobody is rung, the store is asked nothing, it leaves no record and is in
 * no view. Then it is asked once more what comes of it when those who ring are busy, do not answer, or
 * cannot be reached: each of these is a call of its own that ends here.
 *
 * What is answered are lines of when HT what HT who HT why LF:
 *
 *     decision   a feature, its owner: why       (decision.h)
 *     rings      a phone's user or a gateway: where, and in which round
 *     pays       the payer of a leg: from whom to whom
 *     refused    the caller: what he hears
 */
#include "worker/worker.h"

#include <string.h>

#include "model/decision.h"
#include "sip/build.h"
#include "sip/fields.h"
#include "sip/parse.h"

enum { INVITE_MAX = 2048, TEXT_MAX = 512 };

struct question {
	struct origin *origin;
	struct sip_msg *invite;
	struct span text[2]; /* from, to, as they were asked */
	struct span priority;
	int64_t at_ms; /* wall; 0: now */
	bool unknown;  /* nothing but that nobody has the number */
	struct buf *out;
};

/* --- who calls ----------------------------------------------------------------------------------*/

/* A gateway by its address, with a caller's number perhaps: 0301234@192.0.2.10. */
static bool
by_gateway(struct worker *w, const struct sip_uri *uri, struct origin *o)
{
	struct netaddr a;

	if (netaddr_ip(uri->host, &a) != ERR_NONE)
		return false;
	a.port = uri->port != 0 ? uri->port : 5060;
	o->gateway = directory_gateway_at(&w->directory, &a, &o->record);
	if (o->gateway == NULL)
		return false;
	o->kind = ORIGIN_GATEWAY;
	o->tenant = o->gateway->tenant;
	o->account = o->gateway->id;
	return true;
}

static bool
by_subscriber(struct worker *w, const struct sip_uri *uri, struct origin *o)
{
	struct buf user = scratch_buf(w, 256);

	if (domain_tenant(&w->directory, w->settings, uri->host, NULL, &o->tenant) != ERR_NONE ||
	    !sip_uri_user(uri, &user))
		return false;
	o->subscriber = route_subscriber(w, o->tenant, buf_span(&user), &o->record);
	if (o->subscriber == NULL)
		return false;
	o->kind = ORIGIN_SUBSCRIBER;
	o->account = o->subscriber->id;
	return true;
}

/* USER, USER@DOMAIN, a number, or a gateway's address. */
static bool
find_caller(struct worker *w, struct question *q)
{
	struct span s = q->text[0];
	struct buf text = scratch_buf(w, TEXT_MAX);
	struct sip_uri uri;

	*q->origin = (struct origin){ .kind = ORIGIN_SUBSCRIBER };
	buf_lit(&text, "sip:");
	buf_put(&text, s);
	if (sip_uri_parse(buf_span(&text), &uri) == ERR_NONE && by_gateway(w, &uri, q->origin))
		return true;
	if (span_index(s, '@') < 0) {
		buf_char(&text, '@');
		buf_str(&text, w->settings->domains[0]);
	}
	return buf_ok(&text) && sip_uri_parse(buf_span(&text), &uri) == ERR_NONE &&
	       by_subscriber(w, &uri, q->origin);
}

/* --- what he dials ------------------------------------------------------------------------------*/

static void
put_target(struct worker *w, struct buf *b, const struct question *q)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_tenant *t =
	    rec == NULL ? NULL : directory_tenant(&w->directory, q->origin->tenant, rec);
	struct span to = q->text[1];
	struct sip_uri uri;

	if (sip_uri_parse(to, &uri) == ERR_NONE && uri.scheme != SIP_S_OTHER) {
		buf_put(b, to);
	} else if (span_index(to, '@') >= 0) {
		buf_lit(b, "sip:");
		buf_put(b, to);
	} else {
		buf_lit(b, "sip:");
		sip_put_user(b, to);
		buf_char(b, '@');
		buf_str(b, t == NULL ? w->settings->domains[0] : t->realm);
	}
}

static void
put_caller(struct worker *w, struct buf *b, const struct question *q)
{
	struct span s = q->text[0], user;

	if (q->origin->subscriber != NULL)
		user = dir_text(q->origin->subscriber, q->origin->subscriber->user);
	else if (span_index(s, '@') < 0)
		user = SPAN("unknown");
	else
		(void)span_cut(s, '@', &user);
	buf_lit(b, "<sip:");
	sip_put_user(b, user);
	buf_char(b, '@');
	buf_str(b, w->settings->domains[0]);
	buf_char(b, '>');
}

/* The INVITE that it would be, as a front would bring it. False: that is no address. */
static bool
make_invite(struct worker *w, struct question *q)
{
	struct buf target = scratch_buf(w, TEXT_MAX), b;
	size_t room = SIP_MSG_ROOM(INVITE_MAX);
	struct sip_msg *m = scratch_take(w, room);

	put_target(w, &target, q);
	if (m == NULL || !buf_ok(&target))
		return false;
	memset(m, 0, sizeof(*m));
	b = buf_on(sip_raw(m), INVITE_MAX);
	buf_lit(&b, "INVITE ");
	buf_put(&b, buf_span(&target));
	buf_lit(&b, " SIP/2.0\r\nVia: SIP/2.0/UDP explain.invalid;branch=z9hG4bKexplain\r\n"
		    "Max-Forwards: 70\r\nFrom: ");
	put_caller(w, &b, q);
	buf_lit(&b, ";tag=explain\r\nTo: <");
	buf_put(&b, buf_span(&target));
	buf_lit(&b, ">\r\nPriority: ");
	buf_put(&b, q->priority.len > 0 ? q->priority : SPAN("normal"));
	buf_lit(&b, "\r\nCall-ID: explain\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
	if (!buf_ok(&b))
		return false;
	m->raw_len = (uint16_t)b.len;
	if (sip_parse(m, room).status != 0)
		return false;
	if (q->origin->gateway != NULL)
		m->flow.peer = q->origin->gateway->address;
	q->invite = m;
	return true;
}

/* --- what comes of it ---------------------------------------------------------------------------*/

static void
put_line(struct buf *b, const char *when, const char *what, struct span who, struct span why)
{
	buf_str(b, when);
	buf_char(b, '\t');
	buf_str(b, what);
	buf_char(b, '\t');
	buf_put(b, who);
	buf_char(b, '\t');
	buf_put(b, why);
	buf_char(b, '\n');
}

/* How far it was told. */
struct told {
	unsigned decisions, segments, targets;
};

static void
tell_decisions(struct worker *w, struct call *c, const char *when, struct told *t, struct buf *out)
{
	char text[DECISIONS_BYTES];
	struct buf all = buf_on(text, sizeof(text));
	struct span lines, part[3];
	unsigned n = 0;
	uint32_t ms;

	decisions_put(w, c, &all);
	lines = buf_span(&all);
	while (decision_cut(&lines, &ms, part)) {
		char why[DECISION_TEXT * 2];
		struct buf b = buf_on(why, sizeof(why));

		if (n++ < t->decisions)
			continue;
		buf_put(&b, part[0]);
		buf_lit(&b, ": ");
		buf_put(&b, part[2]);
		put_line(out, when, "decision", part[1], buf_span(&b));
	}
	t->decisions = n;
}

static unsigned
round_of(struct worker *w, struct call *c, const struct target *of)
{
	unsigned round = 1;
	uint32_t last = UINT32_MAX, next = 0;

	for (;; round++, last = next) {
		next = 0;
		for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
		     t = target_at(w, t->next))
			if (!t->tried && t->begins_ns == 0 && target_order(t) < last &&
			    target_order(t) > next)
				next = target_order(t);
		if (next <= target_order(of))
			return round;
	}
}

static void
tell_targets(struct worker *w, struct call *c, const char *when, struct told *told, struct buf *out)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	unsigned n = 0;

	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next)) {
		const struct dir_gateway *g = NULL;
		char why[TEXT_MAX];
		struct buf b = buf_on(why, sizeof(why));

		if (n++ < told->targets || t->tried)
			continue;
		if (t->kind == TARGET_GATEWAY && rec != NULL)
			g = directory_gateway(&w->directory, t->gateway, rec);
		buf_printf(&b, "round %u: ", round_of(w, c, t));
		buf_put(&b, kept_span(&w->heap, t->uri));
		put_line(out, when, "rings",
		    g != NULL ? dir_text(g, g->name) : kept_span(&w->heap, t->user), buf_span(&b));
	}
	told->targets = n;
}

static void
tell_payers(struct worker *w, struct call *c, const char *when, struct told *t, struct buf *out)
{
	unsigned n = 0;

	for (const struct segment *s = segment_first(w, c); s != NULL; s = segment_at(w, s->next)) {
		struct span payer = kept_span(&w->heap, s->payer_number);
		char why[TEXT_MAX];
		struct buf b = buf_on(why, sizeof(why));

		if (n++ < t->segments || s->end_ns != 0)
			continue;
		buf_put(
		    &b, kept_span(&w->heap, s->redirects > 0 ? s->redirecting : s->calling_number));
		buf_lit(&b, " to ");
		buf_put(&b, kept_span(&w->heap, s->called));
		if (s->payer == PAYER_TENANT)
			payer = SPAN("tenant");
		else if (s->payer == PAYER_NOBODY)
			payer = SPAN("nobody");
		put_line(out, when, "pays", payer, buf_span(&b));
	}
	t->segments = n;
}

/* status 0: it rings, or is a feature's. */
static void
tell(struct worker *w, struct call *c, const char *when, struct told *t,
    const struct route_result *r, struct buf *out)
{
	char why[TEXT_MAX];
	struct buf b = buf_on(why, sizeof(why));

	tell_decisions(w, c, when, t, out);
	if (r->status == 0) {
		tell_targets(w, c, when, t, out);
		tell_payers(w, c, when, t, out);
		return;
	}
	buf_u64(&b, r->status);
	buf_char(&b, ' ');
	buf_str(&b, r->reason != NULL ? r->reason : sip_reason(r->status));
	put_line(out, when, "refused", kept_span(&w->heap, c->user), buf_span(&b));
}

/* --- the calls ----------------------------------------------------------------------------------*/

/* Marked, so that one who dies of it does not try it again; recover.c drops it. */
static struct call *
dry_new(struct worker *w)
{
	struct call *c = call_has_room(w) ? pool_take(&w->calls, false) : NULL;

	if (c == NULL)
		return NULL;
	c->dry = 1;
	c->state = CALL_RINGING;
	return c;
}

enum { AT_ONCE, N_CASES = 4 };

/* Which refusal the case stands for, and how it is called; false: it does not arise in this call. */
static bool
case_of(
    struct worker *w, const struct call *c, unsigned i, enum refusal_kind *how_r, struct buf *name)
{
	static const enum refusal_kind kinds[N_CASES] = { REFUSED_OTHERWISE, REFUSED_BUSY,
		REFUSED_NO_ANSWER, REFUSED_UNREACHABLE };
	const struct attempt *a = &c->attempt;
	const struct segment *s = segment_at(w, a->segment != 0 ? a->segment : c->segments);
	bool group = group_segment(w, c, s) != NULL;

	*how_r = kinds[i];
	if (group && kinds[i] != REFUSED_NO_ANSWER)
		return false;
	if (group)
		buf_lit(name, "nobody takes it");
	else if (kinds[i] == REFUSED_BUSY)
		buf_lit(name, "if busy");
	else if (kinds[i] == REFUSED_UNREACHABLE)
		buf_lit(name, "not reachable");
	else
		buf_printf(name, "after %u s", a->no_answer_s);
	return true;
}

/* The call up to the point where it rings, then one of the cases. False: it came to its end before. */
static bool
run_case(struct worker *w, struct question *q, struct call *c, unsigned i)
{
	struct setup in = { .invite = q->invite, .origin = q->origin };
	struct told told = { 0 };
	struct route_result r;
	enum setup_end end;
	enum refusal_kind how;
	char name[32];
	struct buf when = buf_on(name, sizeof(name)), nothing = buf_on(NULL, 0);

	call_hear(w, c, &in);
	if (q->at_ms != 0)
		c->setup_ms = q->at_ms;
	r = call_decide(w, c, &in, &end);
	q->unknown = r.nobody && c->decisions.n == caller_is_hidden(c) + 1;
	if (i == AT_ONCE) {
		tell(w, c, "at once", &told, &r, q->out);
		return r.status == 0 && end == SETUP_ROUTED;
	}
	if (!case_of(w, c, i, &how, &when))
		return true;
	buf_char(&when, '\0');
	tell(w, c, "", &told, &r, &nothing); /* that was told */
	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		t->tried = 1; /* in vain */
	if (attempt_onward(w, c, how, &r.status))
		tell(w, c, name, &told, &r, q->out);
	return true;
}

static bool
run_cases(struct worker *w, struct question *q)
{
	bool rings = true;

	for (unsigned i = 0; i < N_CASES && rings; i++) {
		size_t used = w->scratch_used;
		struct call *c = dry_new(w);

		if (c == NULL)
			return false;
		rings = run_case(w, q, c, i);
		call_drop(w, c);
		w->scratch_used = used;
	}
	return true;
}

/* --- the answer ---------------------------------------------------------------------------------*/

static bool
is_plain(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '<' || s.p[i] == '>')
			return false;
	return s.len > 0;
}

/* RFC 3261 20.26. */
static bool
is_priority(struct span s)
{
	static const char *const words[] = { "non-urgent", "normal", "urgent", "emergency", "" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_ieq(s, span_str(words[i])))
			return true;
	return false;
}

/* Instead of what was said so far. */
static bool
refuse(struct question *q, const char *why, struct span what)
{
	q->out->len = 0;
	buf_str(q->out, why);
	buf_put(q->out, what);
	return false;
}

/* Of the caller's tenant; whoever is called has the same clock, or the next office's. */
static bool
find_time(struct worker *w, struct question *q, struct span at)
{
	struct dir_buf room;
	const struct dir_tenant *t;
	const struct zone utc = { 0 };

	if (at.len == 0)
		return true;
	t = directory_tenant(&w->directory, q->origin->tenant, &room);
	return zone_moment(t == NULL ? &utc : &t->zone, at, &q->at_ms) == ERR_NONE;
}

static bool
answer_question(struct worker *w, struct question *q, struct span at)
{
	if (!worker_has_tables(w))
		return refuse(q, "the exchange has only just started; ask again", SPAN_NONE);
	q->origin = scratch_take(w, sizeof(*q->origin));
	if (q->origin == NULL || !is_plain(q->text[0]) || !find_caller(w, q))
		return refuse(
		    q, "no subscriber and no gateway's address, to call from: ", q->text[0]);
	if (!find_time(w, q, at))
		return refuse(q, "no time as \"2026-12-24 18:30\": ", at);
	if (!is_priority(q->priority))
		return refuse(q, "none of non-urgent, normal, urgent, emergency: ", q->priority);
	if (!is_plain(q->text[1]) || !make_invite(w, q))
		return refuse(q, "no number or address that could be called: ", q->text[1]);
	if (!run_cases(w, q))
		return refuse(q, "the exchange is full, and cannot try", SPAN_NONE);
	if (q->unknown)
		return refuse(q, "nobody has this number, and no route leads there: ", q->text[1]);
	return true;
}

bool
explain_asked(struct worker *w, const struct explain_asked *x, struct buf *out)
{
	struct question q = { .text = { x->from, x->to }, .priority = x->priority, .out = out };

	return answer_question(w, &q, x->at);
}

bool
explain(struct worker *w, struct span from, struct span to, struct buf *out)
{
	return explain_asked(w, &(struct explain_asked){ .from = from, .to = to }, out);
}
