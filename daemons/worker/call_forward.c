/*
 * A call is sent on by a subscriber it was for, before his phones ring or after they were rung in vain
 * (TS 24.604, RFC 5359 2.6 to 2.8; FLOWS.md S1-10, S1-11, S1-11a).
 *
 *     A        tandem         B          C          B's setting: cfb = C
 *     |INVITE--->|            |          |
 *     |          |INVITE----->|          |
 *     |          |<-------486 |          |          A never sees it
 *     |          |ACK-------->|          |
 *     |<------181|            |          |          where B wishes her to know
 *     |          |INVITE Diversion: B--->|          from A, at B's cost (BILLING.md R6 to R8, R10)
 *     |<------180|<-------------------180|
 *
 * It goes on as B's own call: what is not allowed to him ends it. C's settings act again. FORWARDS_MAX
 * times at most, what others did before us counted; nobody is rung twice on the way: 482.
 *
 * Which setting acts, features/forward.c says; what was sent on by whom, the segments.
 */
#include "worker/worker.h"

#include "sip/diversion.h"

enum { FORWARDS_MAX = 5, NUMBER_MAX = 256 };

#define TOO_OFTEN "it was sent on as often as may be: 482"

/* --- the way so far -----------------------------------------------------------------------------*/

bool
call_was_for(struct worker *w, const struct call *c, const struct dir_subscriber *s)
{
	uint32_t at = c->attempt.segment != 0 ? c->attempt.segment : c->segments;
	const struct segment *g = segment_at(w, at);

	while (g != NULL && g->called_account != s->id)
		g = segment_before(w, c, g);
	return g != NULL;
}

static enum diversion_reason
reason_of(enum redirect_reason why)
{
	switch (why) {
	case REDIRECT_DEFLECTION:
		return DIVERSION_DEFLECTION;
	case REDIRECT_UNCONDITIONAL:
		return DIVERSION_UNCONDITIONAL;
	case REDIRECT_BUSY:
		return DIVERSION_USER_BUSY;
	case REDIRECT_NO_ANSWER:
		return DIVERSION_NO_ANSWER;
	case REDIRECT_UNREACHABLE:
		return DIVERSION_UNAVAILABLE;
	case REDIRECT_GROUP:
	case REDIRECT_NONE:
		break;
	}
	return DIVERSION_UNKNOWN;
}

static bool
is_behind(struct worker *w, const struct call *c, const struct segment *s, const struct segment *of)
{
	while (of != NULL && of != s)
		of = segment_before(w, c, of);
	return of == s;
}

static struct span
number_uri(struct worker *w, const struct call *c, struct kept number)
{
	struct buf uri = scratch_buf(w, NUMBER_MAX + 160);

	buf_lit(&uri, "sip:");
	sip_put_user(&uri, kept_span(&w->heap, number));
	buf_char(&uri, '@');
	buf_put(&uri, caller_realm(w, c));
	scratch_end(w, &uri);
	return buf_ok(&uri) ? buf_span(&uri) : SPAN_NONE;
}

/* Who sent it on. One whose number is withheld is named to those alone who are trusted to keep it, as a
 * caller is (SERVICES.md C12, RFC 5806 7.2). */
static bool
add_sender(struct worker *w, const struct call *c, struct diversions *list, const struct segment *s,
    bool trusted)
{
	bool named = trusted || !s->hides;

	return diversions_add(list,
	    named ? number_uri(w, c, s->redirecting) : SPAN("sip:anonymous@anonymous.invalid"),
	    reason_of(s->redirect_reason), s->hides ? DIVERSION_FULL : DIVERSION_OFF);
}

/* Oldest first: a segment's parent always stands before it. In scratch; NULL: nobody sent it on. */
static struct diversions *
way_to(struct worker *w, const struct call *c, const struct segment *last, bool trusted)
{
	struct diversions *list = scratch_take(w, sizeof(*list));

	if (list == NULL || last == NULL || last->redirects == 0)
		return NULL;
	list->n = 0;
	for (struct segment *s = segment_first(w, c); s != NULL; s = segment_at(w, s->next))
		if (s->redirects > 0 && is_behind(w, c, s, last))
			add_sender(w, c, list, s, trusted);
	return list;
}

struct span
forward_lines(struct worker *w, const struct call *c, const struct target *t)
{
	struct span target = kept_span(&w->heap, t->uri);
	bool trusted = t->trusted || peer_is_trusted(w, &t->flow.peer);
	struct diversions *list = way_to(w, c, segment_at(w, t->segment), trusted);
	struct buf b = scratch_buf(w, 4096);

	if (list == NULL)
		return SPAN_NONE;
	sip_put_diversion(&b, list);
	sip_put_history(&b, list, target);
	if (!buf_ok(&b))
		return SPAN_NONE;
	scratch_end(w, &b);
	return buf_span(&b);
}

/* --- on -----------------------------------------------------------------------------------------*/

static bool
query_of(struct worker *w, const struct call *c, struct span number, struct route_query *q)
{
	struct buf text = scratch_buf(w, NUMBER_MAX + 160), user = scratch_buf(w, NUMBER_MAX);
	struct sip_uri uri;

	if (sip_uri_parse(number, &uri) != ERR_NONE || uri.scheme == SIP_S_OTHER) {
		buf_lit(&text, "sip:");
		sip_put_user(&text, number);
		buf_char(&text, '@');
		buf_put(&text, caller_realm(w, c));
		number = buf_span(&text);
		if (!buf_ok(&text) || sip_uri_parse(number, &uri) != ERR_NONE)
			return false;
	}
	*q = (struct route_query){ .uri = number,
		.local = &party_at(w, c->attempt.waiting)->flow.local };
	if (!sip_uri_user(&uri, &user))
		return false;
	q->dialled = buf_span(&user);
	return q->dialled.len > 0;
}

void
forward_tell(struct worker *w, struct call *c, const struct dir_subscriber *by)
{
	struct party *waits = party_waiting(w, c);
	struct note n = party_note(c, w, CMD_PROGRESS, waits);
	const struct segment *s = segment_at(w, c->attempt.segment);
	struct diversions *list = way_to(w, c, s, peer_is_trusted(w, &waits->flow.peer));
	struct buf b = scratch_buf(w, 4096);

	if (by->notify_caller == DIR_NOTIFY_NO || c->state != CALL_RINGING || c->dry ||
	    party_is_bridge(waits))
		return;
	n.status = c->attempt.progress = 181;
	if (by->notify_caller == DIR_NOTIFY_NUMBER && list != NULL) {
		sip_put_history(
		    &b, list, number_uri(w, c, s->dialed)); /* never a phone's address */
		n.text[T_HEADERS] = buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
	}
	note_down(w, &n);
}

static unsigned
route_on(struct worker *w, struct call *c, const struct origin *o, const struct route_query *q)
{
	struct feature_verdict no = features_originate(w, c, o, q);
	struct route_result to;

	if (no.status != 0)
		return no.status;
	if (!family_begin(w, c))
		return 503;
	to = route_call(w, c, q, o);
	return to.status;
}

unsigned
call_forward(struct worker *w, struct call *c, const struct dir_subscriber *by, struct span number,
    enum redirect_reason why)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct attempt *a = &c->attempt;
	uint32_t before = a->segment;
	struct route_query q;
	struct segment *s;
	unsigned status;

	if (o == NULL || !query_of(w, c, number, &q))
		return 404;
	if (a->forwards >= FORWARDS_MAX) {
		decision_words(w, c, "forward", dir_text(by, by->user), TOO_OFTEN);
		return 482;
	}
	a->forwards++;
	*o = (struct origin){ .kind = ORIGIN_SUBSCRIBER, .tenant = c->tenant, .account = by->id };
	o->subscriber = directory_subscriber(
	    &w->directory, c->tenant, scratch_keep(w, dir_text(by, by->user)), &o->record);
	s = o->subscriber == NULL
		? NULL
		: segment_onward(w, c, segment_at(w, before != 0 ? before : c->segments),
		      SEGMENT_FORWARD, o->subscriber, q.dialled);
	if (s == NULL)
		return 503;
	s->redirect_reason = (uint8_t)why;
	a->segment = heap_offset(&w->heap, s);
	status = route_on(w, c, o, &q);
	if (status != 0)
		segment_close(w, c, s, status, BY_SYSTEM);
	return status;
}

unsigned
call_onward(struct worker *w, struct call *c, const struct dir_subscriber *by,
    const struct feature_verdict *v)
{
	unsigned status = call_forward(w, c, by, scratch_keep(w, v->forward_to), v->why);

	if (status == 0)
		forward_tell(w, c, by);
	return status;
}

static void
decide_overflow(struct worker *w, struct call *c, const struct dir_group *g, struct span number)
{
	struct buf b = scratch_buf(w, 128);

	buf_lit(&b, "nobody takes it: goes on to ");
	buf_put(&b, number);
	decision_note(w, c, "group", dir_text(g, g->name), buf_span(&b));
}

/* Nobody of the group has rights of his own here: the tenant's suspension ends it, and an
 * emergency number. */
unsigned
call_overflow(struct worker *w, struct call *c, const struct dir_group *g)
{
	struct origin *o = scratch_take(w, sizeof(*o));
	struct attempt *a = &c->attempt;
	struct segment *before = segment_at(w, a->segment != 0 ? a->segment : c->segments), *s;
	struct route_query q;
	struct feature_verdict no;
	unsigned status;

	if (o == NULL || !query_of(w, c, dir_text(g, g->overflow), &q))
		return 404;
	decide_overflow(w, c, g, q.dialled);
	if (a->forwards >= FORWARDS_MAX) {
		decision_words(w, c, "group", dir_text(g, g->name), TOO_OFTEN);
		return 482;
	}
	a->forwards++;
	a->user = (struct kept){ 0 };
	a->no_answer_s = a->silent = 0;
	if (a->call_until_ns != 0)
		a->ring_until_ns = a->call_until_ns;
	a->call_until_ns = 0;
	*o = (struct origin){ .kind = ORIGIN_SUBSCRIBER, .tenant = c->tenant };
	s = segment_overflow(w, c, before, g, q.dialled);
	if (s == NULL)
		return 503;
	a->segment = heap_offset(&w->heap, s);
	no = feature_suspended.originate(w, c, o, &q);
	if (no.status == 0) /* it may have been none when it was set */
		no = feature_emergency.originate(w, c, o, &q);
	if (no.status == 0)
		no = feature_voicemail.originate(w, c, o, &q);
	status = no.status;
	if (status == 0)
		status = family_begin(w, c) ? route_call(w, c, &q, o).status : 503;
	if (status != 0)
		segment_close(w, c, s, status, BY_SYSTEM);
	return status;
}

/* --- when the phones were rung in vain ----------------------------------------------------------*/

enum refusal_kind
refusal_kind_of(unsigned status, bool rang)
{
	switch (status) {
	case 486:
	case 600:
		return REFUSED_BUSY;
	case 408:
	case 480:
		return rang ? REFUSED_NO_ANSWER : REFUSED_UNREACHABLE;
	case 430:
	case 500: /* 503 of theirs, as the caller would hear it */
	case 503:
		return REFUSED_UNREACHABLE;
	default:
		return REFUSED_OTHERWISE;
	}
}

bool
attempt_onward(struct worker *w, struct call *c, enum refusal_kind how, unsigned *status_r)
{
	struct attempt *a = &c->attempt;
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct segment *s = segment_at(w, a->segment != 0 ? a->segment : c->segments);
	const struct dir_subscriber *by = NULL;
	struct feature_verdict v;

	if (group_segment(w, c, s) != NULL)
		return group_overflow(w, c, status_r);
	if (rec != NULL && a->user.len > 0)
		by = directory_subscriber(
		    &w->directory, c->tenant, kept_span(&w->heap, a->user), rec);
	if (by == NULL || by->disabled)
		return false;
	v = features_refused(w, c, by, how);
	if (v.forward_to.len == 0)
		return false;
	a->user = (struct kept){ 0 };
	a->no_answer_s = a->silent = 0;
	a->best = a->progress = 0;
	*status_r = call_onward(w, c, by, &v);
	return true;
}

bool
attempt_forward(struct worker *w, struct call *c)
{
	struct attempt *a = &c->attempt;
	const struct segment *s = segment_at(w, a->segment != 0 ? a->segment : c->segments);
	unsigned status;

	if (!attempt_onward(
		w, c, refusal_kind_of(a->best != 0 ? a->best : 408, s->ring_ns != 0), &status))
		return false;
	if (status == 0 && call_dial_next(w, c))
		return true;
	a->best = (uint16_t)(status != 0 ? status : 480);
	a->best_phrase = a->best_headers = (struct kept){ 0 };
	return false;
}
