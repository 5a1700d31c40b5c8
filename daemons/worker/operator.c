/* What the operator asks about a call, which he names by its id (tandemctl, through control). */
#include "worker/worker.h"

#include <string.h>

/* NULL: it is none of ours. */
static struct call *
call_of_id(struct worker *w, const uint8_t id[16])
{
	struct call *c = pool_next(&w->calls, NULL);

	while (c != NULL && memcmp(c->call_id, id, 16) != 0)
		c = pool_next(&w->calls, c);
	return c;
}

static void
hangup(struct worker *w, const struct wire_hangup *h)
{
	struct ring *out = child_out(&w->child, ROLE_CONTROL, 0);
	struct call *c = call_of_id(w, h->call_id);
	struct wire_hangup *answer;

	if (c != NULL && c->state == CALL_ENDING)
		c = NULL; /* over but for its record */
	if (c != NULL)
		call_hangup(w, c);
	worker_drain(w);
	answer = out == NULL ? NULL : ring_reserve(out, WIRE_HANGUP_DONE, sizeof(*answer));
	if (answer == NULL)
		return;
	*answer = *h;
	answer->found = c != NULL;
	ring_commit(out, sizeof(*answer));
}

static void
show(struct worker *w, const struct wire_show *s)
{
	struct ring *out = child_out(&w->child, ROLE_CONTROL, 0);
	struct call *c = call_of_id(w, s->call_id);
	struct wire_shown *answer;
	struct buf b;

	answer =
	    out == NULL ? NULL : ring_reserve(out, WIRE_SHOWN, sizeof(*answer) + CDR_RECORD_MAX);
	if (answer == NULL)
		return; /* whoever asked is told what is known without it */
	b = buf_on(answer->data, CDR_RECORD_MAX);
	if (c != NULL)
		cdr_write(w, c, CDR_INTERIM, &b);
	*answer = (struct wire_shown){ .ticket = s->ticket, .len = (uint32_t)b.len };
	ring_commit(out, (uint32_t)(sizeof(*answer) + b.len));
}

static void
explain_call(struct worker *w, const struct wire_explain *x)
{
	struct ring *out = child_out(&w->child, ROLE_CONTROL, 0);
	struct explain_asked asked = { span_of(x->from, strnlen(x->from, sizeof(x->from))),
		span_of(x->to, strnlen(x->to, sizeof(x->to))),
		span_of(x->at, strnlen(x->at, sizeof(x->at))),
		span_of(x->priority, strnlen(x->priority, sizeof(x->priority))) };
	struct wire_explained *answer;
	struct buf b;
	bool done;

	answer =
	    out == NULL ? NULL : ring_reserve(out, WIRE_EXPLAINED, sizeof(*answer) + EXPLAIN_MAX);
	if (answer == NULL)
		return; /* whoever asked hears that nobody answers */
	b = buf_on(answer->data, EXPLAIN_MAX);
	done = explain_asked(w, &asked, &b);
	*answer = (struct wire_explained){
		.ticket = x->ticket, .len = (uint32_t)b.len, .refused = !done
	};
	ring_commit(out, (uint32_t)(sizeof(*answer) + b.len));
	worker_drain(w);
}

void
operator_asks(struct worker *w, unsigned type, const void *payload)
{
	if (type == WIRE_HANGUP)
		hangup(w, payload);
	else if (type == WIRE_SHOW)
		show(w, payload);
	else
		explain_call(w, payload);
}
