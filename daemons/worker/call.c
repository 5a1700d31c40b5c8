/*
 * A call: ties legs, runs the features, makes the record. It knows only events and commands.
 *
 *     ROUTING --SETUP--> RINGING --ANSWER--> UP --END--> ENDING --(all legs gone, record sent)
 *        |                  |                              ^
 *        +------------------+--------------END-------------+
 *
 * While an input is handled, from the first change of a leg to the last of its call, the call is
 * marked (DESIGN.md rule 3): one that is found marked after a crash was being changed and is ended.
 */
#include "worker/worker.h"

#include "model/uuid.h"

/* clang-format off */
static const struct fsm_row rows[] = {
	FSM_ROW(CALL_ROUTING, CE_SETUP,           CALL_RINGING, call_setup),
	FSM_ROW(CALL_ROUTING, CE_RECALL,          CALL_RINGING, call_recall),
	FSM_ROW(CALL_ROUTING, CE_END,             CALL_ENDING,  call_ending),

	FSM_ROW(CALL_RINGING, CE_PROGRESS,        CALL_RINGING, call_progress),
	FSM_ROW(CALL_RINGING, CE_ANSWER,          CALL_UP,      call_answer),
	FSM_ROW(CALL_RINGING, CE_LATE_ANSWER,     CALL_RINGING, call_late_answer),
	FSM_ROW(CALL_RINGING, CE_PRACKED,         CALL_RINGING, call_pracked),
	FSM_ROW(CALL_RINGING, CE_OFFER,           CALL_RINGING, call_offer),
	FSM_ROW(CALL_RINGING, CE_OFFER_ANSWERED,  CALL_RINGING, call_offer_answered),
	FSM_ROW(CALL_RINGING, CE_OFFER_REFUSED,   CALL_RINGING, call_offer_refused),
	FSM_ROW(CALL_RINGING, CE_REQUEST,         CALL_RINGING, call_request),
	FSM_ROW(CALL_RINGING, CE_RESPONSE,        CALL_RINGING, call_response),
	FSM_ROW(CALL_RINGING, CE_REPLACE,         CALL_RINGING, call_replace_early),
	FSM_ROW(CALL_RINGING, CE_REPLACED,        CALL_RINGING, call_replaced),
	FSM_ROW(CALL_RINGING, CE_FAILED,          CALL_RINGING, call_branch_failed),
	FSM_ROW(CALL_RINGING, CE_GONE,            CALL_RINGING, call_branch_failed),
	FSM_ROW(CALL_RINGING, CE_RELEASED,        CALL_RINGING, call_branch_failed),
	FSM_ROW(CALL_RINGING, CE_CANCELLED,       CALL_RINGING, call_caller_cancelled),
	FSM_ROW(CALL_RINGING, CE_RESOLVED,        CALL_RINGING, call_resolved),
	FSM_ROW(CALL_RINGING, CE_CODE,            CALL_UP,      call_code_answered),
	FSM_ROW(CALL_RINGING, CE_CODE_REFUSED,    CALL_RINGING, call_code_refused),
	FSM_ROW(CALL_RINGING, CE_T_RING,          CALL_RINGING, call_ring_over),
	FSM_ROW(CALL_RINGING, CE_T_ROUND,         CALL_RINGING, call_round_over),
	FSM_ROW(CALL_RINGING, CE_T_SILENCE,       CALL_RINGING, call_silence_over),
	FSM_ROW(CALL_RINGING, CE_T_LATER,         CALL_RINGING, call_later),
	FSM_ROW(CALL_RINGING, CE_HANGUP,          CALL_RINGING, call_operator_hangup),
	FSM_ROW(CALL_RINGING, CE_END,             CALL_ENDING,  call_ending),

	FSM_ROW(CALL_UP,      CE_PROGRESS,        CALL_UP,      call_transfer_progress),
	FSM_ROW(CALL_UP,      CE_ANSWER,          CALL_UP,      call_transfer_answer),
	FSM_ROW(CALL_UP,      CE_TOLD,            CALL_UP,      call_told),
	FSM_ROW(CALL_UP,      CE_ACKED,           CALL_UP,      call_acked),
	FSM_ROW(CALL_UP,      CE_PRACKED,         CALL_UP,      call_pracked),
	FSM_ROW(CALL_UP,      CE_OFFER,           CALL_UP,      call_offer),
	FSM_ROW(CALL_UP,      CE_OFFER_ANSWERED,  CALL_UP,      call_offer_answered),
	FSM_ROW(CALL_UP,      CE_OFFER_REFUSED,   CALL_UP,      call_offer_refused),
	FSM_ROW(CALL_UP,      CE_OFFER_CANCELLED, CALL_UP,      call_offer_cancelled),
	FSM_ROW(CALL_UP,      CE_LATE_ANSWER,     CALL_UP,      call_late_answer),
	FSM_ROW(CALL_UP,      CE_REQUEST,         CALL_UP,      call_request),
	FSM_ROW(CALL_UP,      CE_RESPONSE,        CALL_UP,      call_response),
	FSM_ROW(CALL_UP,      CE_REPLACE,         CALL_UP,      call_replace),
	FSM_ROW(CALL_UP,      CE_REPLACED,        CALL_UP,      call_replaced),
	FSM_ROW(CALL_UP,      CE_FAILED,          CALL_UP,      call_branch_failed),
	FSM_ROW(CALL_UP,      CE_GONE,            CALL_UP,      call_branch_failed),
	FSM_ROW(CALL_UP,      CE_RELEASED,        CALL_UP,      call_released),
	FSM_ROW(CALL_UP,      CE_RESOLVED,        CALL_UP,      call_resolved),
	FSM_ROW(CALL_UP,      CE_T_RING,          CALL_UP,      call_ring_over),
	FSM_ROW(CALL_UP,      CE_T_ROUND,         CALL_UP,      call_round_over),
	FSM_ROW(CALL_UP,      CE_T_SILENCE,       CALL_UP,      call_silence_over),
	FSM_ROW(CALL_UP,      CE_T_LATER,         CALL_UP,      call_later),
	FSM_ROW(CALL_UP,      CE_CANCELLED,       CALL_UP,      call_caller_cancelled),
	FSM_ROW(CALL_UP,      CE_T_JOIN,          CALL_UP,      call_join_again),
	FSM_ROW(CALL_UP,      CE_T_AUDIT,         CALL_UP,      call_audit),
	FSM_ROW(CALL_UP,      CE_HANGUP,          CALL_UP,      call_operator_hangup),
	FSM_ROW(CALL_UP,      CE_END,             CALL_ENDING,  call_ending),

	FSM_ROW(CALL_ENDING,  CE_GONE,            CALL_ENDING,  call_gone),
	FSM_ROW(CALL_ENDING,  CE_QUIET,           CALL_ENDING,  call_gone),
	FSM_ROW(CALL_ENDING,  CE_FAILED,          CALL_ENDING,  call_gone),
	FSM_ROW(CALL_ENDING,  CE_RELEASED,        CALL_ENDING,  call_gone),
	FSM_ROW(CALL_ENDING,  CE_CANCELLED,       CALL_ENDING,  call_gone),
	FSM_ROW(CALL_ENDING,  CE_LATE_ANSWER,     CALL_ENDING,  call_late_answer),
	FSM_ROW(CALL_ENDING,  CE_REPLACE,         CALL_ENDING,  call_replace_late),
	FSM_ROW(CALL_ENDING,  CE_REPLACED,        CALL_ENDING,  call_replaced_late),
	FSM_ROW(CALL_ENDING,  CE_T_LINGER,        CALL_ENDING,  call_linger_over),
};

static const char *const states[CALL_N_STATES] = { "ROUTING", "RINGING", "UP", "ENDING" };
static const char *const events[CE_N_EVENTS] = {
	"SETUP", "RECALL", "PROGRESS", "ANSWER", "TOLD", "ACKED", "PRACKED", "OFFER", "OFFER_ANSWERED",
	"OFFER_REFUSED", "OFFER_CANCELLED", "LATE_ANSWER", "REQUEST", "RESPONSE", "REPLACE", "REPLACED", "FAILED",
	"CANCELLED", "RELEASED", "GONE", "QUIET", "RESOLVED", "CODE", "CODE_REFUSED", "T_RING", "T_ROUND", "T_SILENCE",
	"T_LATER", "T_LINGER", "T_JOIN", "T_AUDIT", "HANGUP", "END",
};
/* clang-format on */

const struct fsm call_fsm = { "call", states, events, CALL_N_STATES, CE_N_EVENTS, rows,
	sizeof(rows) / sizeof(rows[0]), NULL, 1ull << CALL_ENDING }; /* left by call_drop */

bool
call_step(struct worker *w, struct call *c, enum call_event e, struct party *p, const void *arg)
{
	struct call_step s = { w, c, p };

	if (fsm_step(&call_fsm, &c->state, e, &s, arg, pool_handle(&w->calls, c)))
		return true;
	count(w->child.self, COUNT_IGNORED_EVENTS, 1);
	return false;
}

/* --- its life -----------------------------------------------------------------------------------*/

struct call *
call_at(struct worker *w, handle h)
{
	return pool_find(&w->calls, h);
}

/* limits.calls is the exchange's: the calls of all workers are added up each time, from what each
 * says of itself, so that no counter can leak. */
static bool
is_at_limit(struct worker *w)
{
	uint64_t calls = w->calls.live;

	for (unsigned i = 0; i < w->settings->processes.workers; i++) {
		const struct process *other;
		size_t size;

		if (i == w->child.index)
			continue;
		other = child_region(&w->child, proc_of(ROLE_WORKER, i), &size);
		if (other != NULL)
			calls +=
			    __atomic_load_n(&other->counters[COUNT_LIVE_CALLS], __ATOMIC_RELAXED);
	}
	return calls >= w->settings->limits.calls;
}

/* Rule 7: it is there before anything begins. */
bool
call_has_room(struct worker *w)
{
	return pool_has(&w->legs, TARGETS_MAX + 2, false) &&
	       pool_has(&w->txn_pool, 4 * TARGETS_MAX, false) &&
	       heap_has(&w->heap, 65536 - 64, 4 * TARGETS_MAX);
}

bool
call_may_begin(struct worker *w)
{
	return !is_at_limit(w) && call_has_room(w);
}

struct call *
call_new(struct worker *w)
{
	struct call *c = call_may_begin(w) ? pool_take(&w->calls, false) : NULL;

	if (c == NULL)
		return NULL;
	uuid_v7(c->call_id, w->child.clock.wall_ms);
	count(w->child.self, COUNT_CALLS, 1);
	gauge(w->child.self, COUNT_LIVE_CALLS, w->calls.live);
	return c;
}

void
call_drop(struct worker *w, struct call *c)
{
	note_publish(w); /* its last words: nobody could say them again */
	view_clear(w, c);
	ringing_remove(w, c);
	wheel_set(w->wheel, &w->call_timers[pool_index(&w->calls, c)], 0);
	arena_drop(&w->heap, &c->arena);
	pool_drop(&w->calls, c);
	gauge(w->child.self, COUNT_LIVE_CALLS, w->calls.live);
}

struct kept
call_keep(struct worker *w, struct call *c, struct span s)
{
	struct kept k = { 0 };

	arena_keep(&w->heap, &c->arena, pool_handle(&w->calls, c), s, &k);
	return k;
}

/* --- events -------------------------------------------------------------------------------------*/

static enum call_event
event_of_note(enum note_what what)
{
	switch (what) {
	case EV_PROGRESS:
		return CE_PROGRESS;
	case EV_ANSWER:
		return CE_ANSWER;
	case EV_TOLD:
		return CE_TOLD;
	case EV_ACKED:
		return CE_ACKED;
	case EV_PRACKED:
		return CE_PRACKED;
	case EV_OFFER:
		return CE_OFFER;
	case EV_OFFER_ANSWERED:
		return CE_OFFER_ANSWERED;
	case EV_OFFER_REFUSED:
		return CE_OFFER_REFUSED;
	case EV_OFFER_CANCELLED:
		return CE_OFFER_CANCELLED;
	case EV_REQUEST:
		return CE_REQUEST;
	case EV_RESPONSE:
		return CE_RESPONSE;
	case EV_REPLACE:
		return CE_REPLACE;
	case EV_REPLACED:
		return CE_REPLACED;
	case EV_FAILED:
		return CE_FAILED;
	case EV_CANCELLED:
		return CE_CANCELLED;
	case EV_RELEASED:
		return CE_RELEASED;
	case EV_GONE:
		return CE_GONE;
	case EV_QUIET:
		return CE_QUIET;
	case NOTE_NONE:
	case CMD_DIAL:
	case CMD_PROGRESS:
	case CMD_ANSWER:
	case CMD_REFUSE:
	case CMD_ACK:
	case CMD_OFFER:
	case CMD_OFFER_ANSWER:
	case CMD_OFFER_REFUSE:
	case CMD_OFFER_CANCEL:
	case CMD_REQUEST:
	case CMD_RESPONSE:
	case CMD_RELEASE:
	case CMD_NOTIFY:
	case N_NOTES:
		break;
	}
	return CE_N_EVENTS;
}

static bool
is_last_word(enum note_what what)
{
	return what == EV_FAILED || what == EV_CANCELLED || what == EV_RELEASED || what == EV_GONE;
}

static void
keep_once(struct worker *w, struct call *c, struct kept *k, struct span s)
{
	if (k->len == 0 && s.len > 0)
		*k = call_keep(w, c, s);
}

/* What an event tells of its leg goes into the party: the leg may be gone when the record is made. */
static void
note_facts(struct worker *w, struct call *c, struct party *p, const struct note *n)
{
	keep_once(w, c, &p->sip_call_id, n->text[T_SIP_CALL_ID]);
	keep_once(w, c, &p->local_tag, n->text[T_LOCAL_TAG]);
	keep_once(w, c, &p->remote_tag, n->text[T_REMOTE_TAG]);
	keep_once(w, c, &p->user_agent, n->text[T_USER_AGENT]);
	p->retransmissions = n->retransmissions;
	p->session = n->session;
	p->capable = n->capable;
	if (n->status != 0 && p->role != PARTY_CALLER && n->what <= EV_ANSWER)
		p->status = n->status;
	if (n->what == EV_ANSWER) /* another fork's than the first that rang, perhaps */
		p->remote_tag = call_keep(w, c, n->text[T_REMOTE_TAG]);
	if (!is_last_word(n->what))
		return;
	p->gone = 1;
	p->cause = n->cause != 0 && n->cause <= 127 ? (uint8_t)n->cause : p->cause;
	keep_once(w, c, &p->reason, n->text[T_REASON]);
	if (n->status != 0 && p->status < 200)
		p->status = n->status;
	if (p->end_ms == 0)
		p->end_ms = call_wall_ms(w, c);
}

/* Nobody waits for this branch any more: another answered, the caller is gone, or the next round was
 * dialled before it answered. Until then a 2xx wins even when it crossed our CANCEL (S1-11). */
static bool
is_late(const struct call *c, const struct party *p)
{
	bool beside = p->beside && !p->passed_over && p->round >= c->attempt.first;

	return p->role == PARTY_BRANCH && (c->attempt.waiting == 0 || p->elsewhere ||
					      (p->round != c->attempt.round && !beside));
}

void
call_mark(struct worker *w, handle call)
{
	struct call *c = call_at(w, call);

	if (c == NULL || c->marked)
		return;
	must(w->n_marked < MARKS_MAX);
	w->marked[w->n_marked++] = call;
	__atomic_store_n(&c->marked, 1, __ATOMIC_RELEASE);
}

void
call_unmark_all(struct worker *w)
{
	while (w->n_marked > 0) {
		struct call *c = call_at(w, w->marked[--w->n_marked]);

		if (c != NULL)
			__atomic_store_n(&c->marked, 0, __ATOMIC_RELEASE);
	}
}

static void
marked_step(struct worker *w, struct call *c, enum call_event e, struct party *p, const void *arg)
{
	handle h = pool_handle(&w->calls, c);

	call_mark(w, h);
	call_step(w, c, e, p, arg);
	if (call_at(w, h) != c)
		return;
	call_arm(w, c);
	view_update(w, c);
}

void
call_begin(struct worker *w, struct call *c, const struct setup *s)
{
	marked_step(w, c, CE_SETUP, NULL, s);
}

void
call_on_recall(struct worker *w, struct call *c, const struct completion *x)
{
	marked_step(w, c, CE_RECALL, NULL, x);
}

/* What is between calls says nothing of a leg. */
static void
between_calls(struct worker *w, const struct note *n)
{
	struct party *p;
	struct call *c = replace_find(w, n, &p);

	if (c != NULL)
		marked_step(w, c, event_of_note(n->what), p, n);
}

void
call_on_note(struct worker *w, const struct note *n)
{
	struct call *c = call_at(w, n->call);
	struct party *p = c == NULL ? NULL : party_of_leg(w, c, n->leg);
	enum call_event e = event_of_note(n->what);

	if (n->what == EV_REPLACE || n->what == EV_REPLACED) {
		between_calls(w, n);
		return;
	}
	if (p == NULL || e == CE_N_EVENTS)
		return;
	if (e == CE_ANSWER && is_late(c, p))
		e = CE_LATE_ANSWER;
	call_mark(w, n->call);
	note_facts(w, c, p, n);
	marked_step(w, c, e, p, n);
	if (call_at(w, n->call) != c || !p->gone)
		return;
	negotiation_forget(w, c, p);
	call_arm(w, c); /* whoever waited for that is brought together now */
}

void
call_on_resolved(struct worker *w, handle call, uint32_t which, const struct resolved *r)
{
	struct call *c = call_at(w, call);
	struct target_resolved in = { .resolved = r };

	if (c == NULL || c->attempt.waiting == 0)
		return;
	in.target = target_waiting(w, c, which);
	if (in.target != NULL)
		marked_step(w, c, CE_RESOLVED, NULL, &in);
}

void
call_on_code(struct worker *w, struct call *c, const struct wire_code_done *d)
{
	marked_step(w, c, d->status == 200 ? CE_CODE : CE_CODE_REFUSED, NULL, d);
}

void
call_hangup(struct worker *w, struct call *c)
{
	marked_step(w, c, CE_HANGUP, NULL, NULL);
}

/* --- time ---------------------------------------------------------------------------------------*/

void
call_arm(struct worker *w, struct call *c)
{
	uint64_t first = 0, all[] = { c->attempt.ring_until_ns, c->attempt.round_until_ns,
		c->attempt.silent_until_ns, c->attempt.later_ns, c->linger_until_ns,
		c->negotiation.retry_ns, c->audit_ns };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] != 0 && (first == 0 || all[i] < first))
			first = all[i];
	wheel_set(w->wheel, &w->call_timers[pool_index(&w->calls, c)], first);
}

void
call_on_timer(struct worker *w, struct call *c)
{
	struct {
		uint64_t *deadline;
		enum call_event event;
	} timers[] = { { &c->attempt.ring_until_ns, CE_T_RING },
		{ &c->attempt.round_until_ns, CE_T_ROUND },
		{ &c->attempt.silent_until_ns, CE_T_SILENCE }, { &c->attempt.later_ns, CE_T_LATER },
		{ &c->linger_until_ns, CE_T_LINGER }, { &c->negotiation.retry_ns, CE_T_JOIN },
		{ &c->audit_ns, CE_T_AUDIT } };

	for (unsigned i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		if (*timers[i].deadline == 0 || *timers[i].deadline > worker_now(w))
			continue;
		*timers[i].deadline = 0;
		marked_step(w, c, timers[i].event, NULL, NULL);
		return;
	}
	call_arm(w, c);
}
