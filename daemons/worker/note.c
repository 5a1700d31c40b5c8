/*
 * Events and commands between legs and calls. Within one worker an event waits in a queue and a
 * command is a call; between workers both are the same flat record in a ring.
 */
#include "worker/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { BACKLOG_BYTES = 4 << 20 };

static const char *const names[N_NOTES] = { "none", "progress", "answer", "told", "acked",
	"pracked", "offer", "offer answered", "offer refused", "offer cancelled", "request",
	"response", "replace", "replaced", "failed", "cancelled", "released", "gone", "quiet",
	"dial", "do progress", "do answer", "do refuse", "do ack", "do offer", "do offer answer",
	"do offer refuse", "do offer cancel", "do request", "do response", "do release",
	"do notify" };

const char *
note_name(enum note_what what)
{
	return what < N_NOTES ? names[what] : "?";
}

/* --- the flat form ------------------------------------------------------------------------------*/

struct flat {
	uint16_t what, status, flags, method;
	handle leg, call;
	uint64_t ref;
	uint32_t cseq, max_forwards, ring_s, retransmissions, loop, tenant, cause, capable;
	struct sip_flow flow;
	struct session_end session;
	uint32_t len[N_TEXTS + N_TEXTS % 2];
};

/* It stands in shared memory (leg_held.c): what changes here is another layout. */
_Static_assert((int)N_NOTES == WORKER_NOTE_KINDS && (int)N_TEXTS == WORKER_NOTE_TEXTS &&
		   sizeof(struct flat) == WORKER_NOTE_BYTES,
    "model/worker_shape.h says how a note is laid out");

enum err
note_pack(const struct note *n, void *to, size_t cap, size_t *len_r)
{
	struct flat f = { .what = n->what,
		.status = n->status,
		.flags = n->flags,
		.method = n->method,
		.ref = n->ref,
		.leg = n->leg,
		.call = n->call,
		.cseq = n->cseq,
		.max_forwards = n->max_forwards,
		.ring_s = n->ring_s,
		.retransmissions = n->retransmissions,
		.loop = n->loop,
		.tenant = n->tenant,
		.cause = n->cause,
		.capable = n->capable,
		.flow = n->flow,
		.session = n->session };
	size_t at = sizeof(f);

	for (unsigned i = 0; i < N_TEXTS; i++)
		f.len[i] = (uint32_t)n->text[i].len;
	if (cap < sizeof(f))
		return ERR_FULL;
	memcpy(to, &f, sizeof(f));
	for (unsigned i = 0; i < N_TEXTS; i++) {
		if (n->text[i].len > cap - at)
			return ERR_FULL;
		if (n->text[i].len > 0)
			memcpy((char *)to + at, n->text[i].p, n->text[i].len);
		at += n->text[i].len;
	}
	*len_r = at;
	return ERR_NONE;
}

enum err
note_unpack(const void *from, size_t len, struct note *n_r)
{
	struct flat f;
	size_t at = sizeof(f);

	if (len < sizeof(f))
		return ERR_SYNTAX;
	memcpy(&f, from, sizeof(f));
	if (f.what == NOTE_NONE || f.what >= N_NOTES)
		return ERR_SYNTAX;
	*n_r = (struct note){ .what = f.what,
		.status = f.status,
		.flags = f.flags,
		.method = f.method,
		.ref = f.ref,
		.leg = f.leg,
		.call = f.call,
		.cseq = f.cseq,
		.max_forwards = f.max_forwards,
		.ring_s = f.ring_s,
		.retransmissions = f.retransmissions,
		.loop = f.loop,
		.tenant = f.tenant,
		.cause = f.cause,
		.capable = f.capable,
		.flow = f.flow,
		.session = f.session };
	for (unsigned i = 0; i < N_TEXTS; i++) {
		if (f.len[i] > len - at)
			return ERR_SYNTAX;
		n_r->text[i] =
		    f.len[i] == 0 ? SPAN_NONE : span_of((const char *)from + at, f.len[i]);
		at += f.len[i];
	}
	return at == len ? ERR_NONE : ERR_SYNTAX;
}

/* --- across workers -----------------------------------------------------------------------------*/

size_t
note_bytes(const struct note *n)
{
	size_t len = sizeof(struct flat);

	for (unsigned i = 0; i < N_TEXTS; i++)
		len += n->text[i].len;
	return len;
}

static bool
send_note(struct worker *w, const struct note *n)
{
	unsigned proc = handle_proc(n->call);
	struct ring *out = child_out(&w->child, proc_role(proc), proc_index(proc));
	size_t len = note_bytes(n);
	struct wire_note *r;

	r = out == NULL ? NULL : ring_reserve(out, WIRE_NOTE, (uint32_t)(sizeof(*r) + len));
	if (r == NULL)
		return false;
	r->call = n->call;
	r->leg = n->leg;
	r->what = n->what;
	note_pack(n, r->data, len, &len);
	r->len = (uint32_t)len;
	ring_commit(out, (uint32_t)(sizeof(*r) + len));
	w->noted = true;
	return true;
}

void
note_publish(struct worker *w)
{
	for (unsigned i = 0; w->noted && i < w->settings->processes.workers; i++) {
		struct ring *out = child_out(&w->child, ROLE_WORKER, i);

		if (out != NULL)
			ring_publish(out);
	}
	w->noted = false;
}

/* The ring is full: it waits here, behind what waits already. Were it lost with this process, or for
 * want of memory, the calls find out by themselves (call_audit). */
static void
put_back(struct worker *w, const struct note *n)
{
	size_t len = note_bytes(n);
	struct note_waiting *one =
	    w->backlog_bytes + len > BACKLOG_BYTES ? NULL : malloc(sizeof(*one) + len);

	if (one == NULL) {
		log_error("note lost: no room to the other worker",
		    LOG_STR("note", note_name(n->what)),
		    LOG_U64("worker", proc_index(handle_proc(n->call))));
		return;
	}
	one->next = NULL;
	one->len = len;
	note_pack(n, one->flat, len, &len);
	*w->backlog_end = one;
	w->backlog_end = &one->next;
	w->backlog_bytes += len;
}

void
note_flush(struct worker *w)
{
	struct note_waiting *one;
	struct note n;

	while ((one = w->backlog) != NULL) {
		must(note_unpack(one->flat, one->len, &n) == ERR_NONE);
		if (!send_note(w, &n))
			return; /* in order, whoever it is for */
		w->backlog = one->next;
		w->backlog_bytes -= one->len;
		free(one);
	}
	w->backlog_end = &w->backlog;
}

/* Legs live with their call: none is commanded from elsewhere. */
static bool
is_whole(const struct wire_note *r, uint32_t len, struct note *n_r)
{
	return len >= sizeof(*r) && r->len == len - sizeof(*r) &&
	       note_unpack(r->data, r->len, n_r) == ERR_NONE && n_r->what < CMD_DIAL;
}

bool
note_received(struct worker *w, const struct wire_note *r, uint32_t len)
{
	struct note n;

	if (!is_whole(r, len, &n))
		return false;
	call_on_note(w, &n);
	return true;
}

void
note_lost(struct worker *w, const struct wire_note *r, uint32_t len)
{
	struct note n, end = { .what = CMD_RELEASE };
	struct call *c;

	if (!is_whole(r, len, &n))
		return;
	if (n.what == EV_REPLACE) { /* only who asked: a call that it began to change is marked */
		replace_lost(w, &n);
		return;
	}
	if (n.what == EV_REPLACED) {
		replace_lost(w, &n);
	} else if (handle_kind(n.leg) == KIND_CALL) {
		end.leg = n.leg;
		end.call = n.call;
		bridge_command(w, &end);
	}
	c = call_at(w, n.call);
	if (c != NULL)
		call_lost(w, c);
}

/* --- within ours --------------------------------------------------------------------------------*/

void
note_up(struct worker *w, const struct note *n)
{
	if (n->call == 0)
		return; /* the call has let go of this leg: nobody listens */
	if (handle_proc(n->call) != w->child.proc) {
		if (w->backlog != NULL || !send_note(w, n))
			put_back(w, n);
		return;
	}
	/* Each input moves at most a few legs, each of which says at most a few words. */
	must(w->notes_n < NOTES_MAX);
	w->notes[(w->notes_first + w->notes_n++) % NOTES_MAX] = *n;
}

void
note_down(struct worker *w, const struct note *n)
{
	if (handle_kind(n->leg) == KIND_CALL)
		bridge_command(w, n);
	else
		leg_command(w, n);
}
