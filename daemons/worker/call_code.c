/*
 * A call that is a service code: nobody is called, the store is asked to put a setting into force, and
 * only when it has the caller hears that it is done (SERVICES.md, BILLING.md R28).
 *
 *     A                 worker            store
 *     |INVITE *21*1003#-->|                 |
 *     |                   |CODE------------>|
 *     |                   |<-------CODE_DONE|   in force from here on
 *     |<--------------200 |                 |   P-Asserted-Identity: "cfu 1003", what a phone shows
 *     |ACK--------------->|                 |
 *     |<--------------BYE |                 |   after a second
 *
 * Its streams are taken, and silent. Refused: 403 with the reason; 503: it cannot be known or done now.
 */
#include "worker/worker.h"

#include <string.h>

#include "sip/fields.h"
#include "sip/identity.h"

enum { CODE_WAIT_S = 5, CODE_SHOWN_S = 1 };

void
code_is_free(struct worker *w, struct call *c)
{
	struct segment *s = segment_first(w, c);

	s->kind = SEGMENT_FEATURE_CODE;
	s->payer = PAYER_NOBODY;
	s->payer_account = 0;
	s->payer_number = (struct kept){ 0 };
}

bool
code_ask(struct worker *w, struct call *c, struct span action, struct span number, uint32_t seconds)
{
	struct ring *out = child_out(&w->child, ROLE_STORE, 0);
	struct wire_code *x =
	    out == NULL || c->dry ? NULL : ring_reserve(out, WIRE_CODE, sizeof(*x));

	code_is_free(w, c);
	if (x == NULL)
		return c->dry;
	*x = (struct wire_code){ .call = pool_handle(&w->calls, c),
		.subscriber = c->account,
		.at_ns = worker_now(w),
		.seconds = seconds };
	if (!span_cstr(action, x->action, sizeof(x->action)) ||
	    !span_cstr(number, x->number, sizeof(x->number)))
		return false;
	ring_commit(out, sizeof(*x));
	ring_publish(out);
	c->code = CODE_ASKED;
	c->attempt.ring_until_ns = worker_now(w) + CODE_WAIT_S * NS_PER_S;
	return true;
}

void
code_confirm(struct call_step *s, struct span shown)
{
	struct wire_code_done d = { .status = 200 };

	span_cstr(span_first(shown, sizeof(d.phrase) - 1), d.phrase, sizeof(d.phrase));
	cdr_send(s->w, s->c, CDR_OPEN);
	s->c->code = CODE_ASKED;
	call_step(s->w, s->c, CE_CODE, NULL, &d);
}

void
code_done(struct worker *w, const struct wire_code_done *d)
{
	struct call *c = call_at(w, d->call);

	if (c != NULL && c->code == CODE_ASKED && c->state == CALL_RINGING)
		call_on_code(w, c, d);
	worker_drain(w);
}

/* --- the answer ---------------------------------------------------------------------------------*/

/* What the other side is called now is what phones show. */
static struct span
shown(struct worker *w, struct call *c, const char *phrase)
{
	struct buf uri = scratch_buf(w, 512), b = scratch_buf(w, 1024);

	buf_lit(&uri, "sip:");
	sip_put_user(&uri, kept_span(&w->heap, c->dialled));
	buf_char(&uri, '@');
	buf_put(&uri, caller_realm(w, c));
	if (!buf_ok(&uri))
		return SPAN_NONE;
	sip_put_identity(&b, SIP_H_P_ASSERTED_IDENTITY, span_str(phrase), buf_span(&uri));
	return buf_ok(&b) ? buf_span(&b) : SPAN_NONE;
}

void
call_code_answered(void *step, const void *done)
{
	struct call_step *s = step;
	const struct wire_code_done *d = done;
	struct worker *w = s->w;
	struct call *c = s->c;
	struct party *caller = party_at(w, c->caller);
	struct segment *g = segment_first(w, c);
	struct note n = party_note(c, w, CMD_ANSWER, caller);

	c->code = CODE_DONE;
	c->attempt.waiting = 0;
	c->attempt.ring_until_ns = worker_now(w) + CODE_SHOWN_S * NS_PER_S;
	c->final = caller->status = 200;
	caller->answer_ms = g->answer_ms = call_wall_ms(w, c);
	g->answer_ns = worker_now(w);
	n.text[T_CONTENT_TYPE] = SPAN("application/sdp");
	n.text[T_BODY] = body_silence(w, kept_span(&w->heap, c->attempt.offer_type),
	    kept_span(&w->heap, c->attempt.offer), &caller->flow.local);
	n.text[T_HEADERS] = shown(w, c, d->phrase);
	count(w->child.self, COUNT_CALLS_ANSWERED, 1);
	note_down(w, &n);
}

void
call_code_refused(void *step, const void *done)
{
	struct call_step *s = step;
	const struct wire_code_done *d = done;

	s->c->code = CODE_DONE;
	call_because(s->c, BY_SYSTEM, END_NORMAL);
	call_refuse(s->w, s->c, d->status >= 400 && d->status < 700 ? d->status : 500,
	    span_of(d->phrase, strnlen(d->phrase, sizeof(d->phrase))), SPAN_NONE);
}

bool
code_over(struct call_step *s)
{
	if (s->c->code == CODE_NONE)
		return false;
	call_because(s->c, BY_SYSTEM, END_NORMAL);
	if (s->c->state == CALL_UP)
		call_end(s->w, s->c);
	else
		call_refuse(s->w, s->c, 503, SPAN("Settings cannot be changed now"), SPAN_NONE);
	return true;
}
