/*
 * Subscriptions: one watcher's interest in one subscriber's state (RFC 6665 4.2). What stands in struct
 * subscription is all that a restarted registrar has (subscriptions.c).
 *
 * NOTIFYs go one after the other. None is sent within the event that calls for it: its moment (send_ns)
 * comes with the next turn's timers at the earliest, so it follows the answer to its SUBSCRIBE, and many
 * changes of one turn make one document.
 */
#include "registrar/registrar.h"

#include "base/log.h"
#include "sip/fields.h"
#include "sip/token.h"

enum { BURST = 6, RETRY_MS = 1000, LATER_MAX_S = 3600 };

struct step {
	struct registrar *r;
	struct subscription *s;
};

static uint64_t
now_of(const struct registrar *r)
{
	return r->child.clock.mono_ns;
}

/* --- the machine -------------------------------------------------------------------------------*/

/* The pace: each NOTIFY pays for its interval, and BURST of them may go at once. */
static void
pace(void *step, const void *arg)
{
	struct step *x = step;
	struct subscription *s = x->s;
	uint64_t ahead = (BURST - 1) * packages[s->package].pace_s * NS_PER_S;

	(void)arg;
	s->send_ns = s->paid_ns > now_of(x->r) + ahead ? s->paid_ns - ahead : now_of(x->r);
}

static void
at_once(void *step, const void *arg)
{
	struct step *x = step;

	(void)arg;
	x->s->send_ns = now_of(x->r);
}

/* Its time stands still: what is left is the last NOTIFY. */
static void
ending(void *step, const void *arg)
{
	struct step *x = step;

	(void)arg;
	x->s->expires_ns = 0;
}

static void
ending_at_once(void *step, const void *arg)
{
	ending(step, arg);
	at_once(step, arg);
}

static void
notify(void *step, const void *document)
{
	struct step *x = step;
	struct subscription *s = x->s;
	uint64_t now = now_of(x->r);

	if (notify_send(x->r, s, document)) {
		s->paid_ns =
		    (s->paid_ns > now ? s->paid_ns : now) + packages[s->package].pace_s * NS_PER_S;
		return;
	}
	count(x->r->child.self, COUNT_SHED, 1);
	s->notify = 0;
	s->send_ns = now + RETRY_MS * NS_PER_MS;
}

/*
 *              CHANGED           +-------+  END
 *       +------------------------|  NEW  |--------------------------+
 *       |                        +-------+                          |
 *       |   SAME                                                    |
 *       |  +--------> +-------+  END                                |
 *       |  |          | QUIET |------------------------------------>|
 *       |  |  +-------|       |<-------------+                      |
 *       v  |  v       +-------+              |                      v
 *     +---------+  SEND  +---------+ ANSWERED|                 +---------+
 *     |  PACED  |------->| SENDING |---------+            +--->| ENDING  |<--+
 *     |         |        |         |---------------------+|    |         |---+ ANSWERED: at once
 *     +---------+        +---------+  END                 |    +---------+
 *       ^  |  ^            |     ^                        |         | SEND
 *       |  |  |    CHANGED v     | SEND (again)           |         v
 *       |  |  |          +---------+                      |    +---------+
 *       |  |  +----------| BEHIND  |----------------------+    |  LAST   |<--+
 *       |  |    ANSWERED |         |  END                      |         |---+ SEND (again)
 *       |  | END         +---------+                           +---------+
 *       |  +-----------------------------> ENDING                   | ANSWERED, LATER
 *       | LATER: from SENDING and BEHIND                            v
 *       +-------------------------------------- any LOST ----> +---------+
 *                                                              |  GONE   |
 *                                                              +---------+
 *
 * SEND comes again in SENDING, BEHIND and LAST when there was no room for the NOTIFY, and when the
 * registrar was killed before it was sent.
 */
/* clang-format off */
static const struct fsm_row rows[] = {
	/*      in           on           goes to      and does */
	FSM_ROW(SUB_NEW,     SE_CHANGED,  SUB_PACED,   at_once),
	FSM_ROW(SUB_NEW,     SE_END,      SUB_ENDING,  ending_at_once),

	FSM_ROW(SUB_QUIET,   SE_CHANGED,  SUB_PACED,   pace),
	FSM_ROW(SUB_QUIET,   SE_END,      SUB_ENDING,  ending_at_once),

	FSM_ROW(SUB_PACED,   SE_CHANGED,  SUB_PACED,   NULL),
	FSM_ROW(SUB_PACED,   SE_SAME,     SUB_QUIET,   NULL),
	FSM_ROW(SUB_PACED,   SE_SEND,     SUB_SENDING, notify),
	FSM_ROW(SUB_PACED,   SE_END,      SUB_ENDING,  ending_at_once),

	FSM_ROW(SUB_SENDING, SE_CHANGED,  SUB_BEHIND,  NULL),
	FSM_ROW(SUB_SENDING, SE_SEND,     SUB_SENDING, notify),
	FSM_ROW(SUB_SENDING, SE_ANSWERED, SUB_QUIET,   NULL),
	FSM_ROW(SUB_SENDING, SE_LATER,    SUB_PACED,   pace),
	FSM_ROW(SUB_SENDING, SE_LOST,     SUB_GONE,    NULL),
	FSM_ROW(SUB_SENDING, SE_END,      SUB_ENDING,  ending),

	FSM_ROW(SUB_BEHIND,  SE_CHANGED,  SUB_BEHIND,  NULL),
	FSM_ROW(SUB_BEHIND,  SE_SEND,     SUB_SENDING, notify),
	FSM_ROW(SUB_BEHIND,  SE_ANSWERED, SUB_PACED,   pace),
	FSM_ROW(SUB_BEHIND,  SE_LATER,    SUB_PACED,   pace),
	FSM_ROW(SUB_BEHIND,  SE_LOST,     SUB_GONE,    NULL),
	FSM_ROW(SUB_BEHIND,  SE_END,      SUB_ENDING,  ending),

	FSM_ROW(SUB_ENDING,  SE_CHANGED,  SUB_ENDING,  NULL),
	FSM_ROW(SUB_ENDING,  SE_SEND,     SUB_LAST,    notify),
	FSM_ROW(SUB_ENDING,  SE_ANSWERED, SUB_ENDING,  at_once),
	FSM_ROW(SUB_ENDING,  SE_LATER,    SUB_GONE,    NULL),
	FSM_ROW(SUB_ENDING,  SE_LOST,     SUB_GONE,    NULL),

	FSM_ROW(SUB_LAST,    SE_CHANGED,  SUB_LAST,    NULL),
	FSM_ROW(SUB_LAST,    SE_SEND,     SUB_LAST,    notify),
	FSM_ROW(SUB_LAST,    SE_ANSWERED, SUB_GONE,    NULL),
	FSM_ROW(SUB_LAST,    SE_LATER,    SUB_GONE,    NULL),
	FSM_ROW(SUB_LAST,    SE_LOST,     SUB_GONE,    NULL),
};
/* clang-format on */

static const char *const states[SUB_N_STATES] = { "NEW", "QUIET", "PACED", "SENDING", "BEHIND",
	"ENDING", "LAST", "GONE" };
static const char *const events[SE_N_EVENTS] = { "CHANGED", "END", "SAME", "SEND", "ANSWERED",
	"LATER", "LOST" };

const struct fsm subscription_fsm = { "subscription", states, events, SUB_N_STATES, SE_N_EVENTS,
	rows, sizeof(rows) / sizeof(rows[0]), NULL, 1ull << SUB_GONE };

static void
arm(struct registrar *r, struct subscription *s)
{
	uint64_t first = s->expires_ns;

	if (s->send_ns != 0 && (first == 0 || s->send_ns < first))
		first = s->send_ns;
	wheel_set(r->wheel, &r->subscription_timers[pool_index(&r->subscriptions, s)], first);
}

static void
step(struct registrar *r, struct subscription *s, enum subscription_event e, const void *arg)
{
	struct step x = { r, s };

	if (!fsm_step(&subscription_fsm, &s->state, e, &x, arg, pool_handle(&r->subscriptions, s)))
		count(r->child.self, COUNT_IGNORED_EVENTS, 1);
	if (s->state == SUB_GONE)
		subscription_drop(r, s);
	else
		arm(r, s);
}

static void
end(struct registrar *r, struct subscription *s, enum subscription_reason why)
{
	if (s->state == SUB_ENDING || s->state == SUB_LAST)
		return;
	s->reason = (uint8_t)why;
	step(r, s, SE_END, NULL);
}

void
subscription_changed(struct registrar *r, struct subscription *s)
{
	step(r, s, SE_CHANGED, NULL);
}

/* --- its life ----------------------------------------------------------------------------------*/

struct dialog_memory
subscription_memory(struct registrar *r, struct subscription *s)
{
	return (struct dialog_memory){ &r->heap, &s->arena, pool_handle(&r->subscriptions, s) };
}

void
subscription_drop(struct registrar *r, struct subscription *s)
{
	wheel_set(r->wheel, &r->subscription_timers[pool_index(&r->subscriptions, s)], 0);
	subscriptions_remove(r, s);
	arena_drop(&r->heap, &s->arena);
	pool_drop(&r->subscriptions, s);
	gauge(r->child.self, COUNT_LIVE_SUBSCRIPTIONS, r->subscriptions.live);
}

void
subscription_aim(struct registrar *r, struct subscription *s, const struct sip_msg *m)
{
	s->flow = reach_dialog(r->settings, m, dialog_next_hop(&s->dialog, &r->heap));
}

static bool
keep(struct registrar *r, struct subscription *s, struct span text, struct kept *k)
{
	return arena_keep(&r->heap, &s->arena, pool_handle(&r->subscriptions, s), text, k) ==
	       ERR_NONE;
}

/* The address as the watcher wrote it, which is how he knows it again: scheme, user, host. */
static bool
keep_entity(struct registrar *r, struct subscription *s, const struct sip_msg *m)
{
	char text[2 * SIP_URI_MAX];
	struct buf b = buf_on(text, sizeof(text));
	struct sip_uri uri;

	if (sip_uri_parse(sip_span(m, m->uri), &uri) != ERR_NONE)
		return false;
	buf_str(&b, uri.scheme == SIP_S_SIPS ? "sips:" : "sip:");
	if (uri.user.len > 0) {
		buf_put(&b, uri.user);
		buf_char(&b, '@');
	}
	buf_put(&b, uri.host);
	return buf_ok(&b) && keep(r, s, buf_span(&b), &s->entity);
}

static bool
fill(struct registrar *r, struct subscription *s, const struct asking *a)
{
	struct dialog_memory mem = subscription_memory(r, s);
	const struct dir_subscriber *owner = a->owner, *watcher = a->watcher;
	char text[TOKEN_LEN];
	struct buf tag = buf_on(text, sizeof(text));

	token_put(&tag, &r->challenge.key, TOKEN_TAG, pool_handle(&r->subscriptions, s));
	if (dialog_of_request(&s->dialog, &mem, a->m, buf_span(&tag)) != ERR_NONE ||
	    !keep(r, s, dir_text(owner, owner->user), &s->user) ||
	    !keep(r, s, dir_text(watcher, watcher->user), &s->watcher_user) ||
	    !keep(r, s, a->event_id, &s->event_id) || !keep_entity(r, s, a->m))
		return false;
	s->dialog.state = DIALOG_CONFIRMED;
	s->package = (uint8_t)a->package;
	s->tenant = owner->tenant;
	s->watcher = watcher->id;
	s->subject = call_user_hash(&r->challenge.key, s->tenant, dir_text(owner, owner->user));
	subscription_aim(r, s, a->m);
	return true;
}

struct subscription *
subscription_new(struct registrar *r, const struct asking *a)
{
	struct subscription *s = pool_take(&r->subscriptions, false);

	if (s == NULL)
		return NULL;
	if (!fill(r, s, a)) {
		arena_drop(&r->heap, &s->arena);
		pool_drop(&r->subscriptions, s);
		return NULL;
	}
	subscriptions_put(r, s);
	gauge(r->child.self, COUNT_LIVE_SUBSCRIPTIONS, r->subscriptions.live);
	return s;
}

struct subscription *
subscription_of_request(struct registrar *r, const struct sip_msg *m)
{
	struct sip_uri uri;
	handle h;

	if ((sip_uri_parse(sip_span(m, m->uri), &uri) == ERR_NONE &&
		token_read(&r->challenge.key, TOKEN_CONTACT, uri.user, &h) == ERR_NONE) ||
	    token_read(&r->challenge.key, TOKEN_TAG, sip_span(m, m->to_tag), &h) == ERR_NONE)
		return pool_find(&r->subscriptions, h);
	return NULL;
}

void
subscription_grant(struct registrar *r, struct subscription *s, uint32_t expires_s)
{
	s->told = 0; /* each SUBSCRIBE is followed by the whole state (4.2.1.2) */
	if (expires_s == 0) {
		end(r, s, REASON_TIMEOUT);
		return;
	}
	s->expires_ns = now_of(r) + expires_s * NS_PER_S;
	step(r, s, SE_CHANGED, NULL);
}

/* --- time --------------------------------------------------------------------------------------*/

static bool
is_orbit(struct registrar *r, const struct subscription *s)
{
	struct dir_buf room;
	const struct dir_number *n =
	    directory_number(&r->directory, s->tenant, kept_span(&r->heap, s->user), &room);

	return n != NULL && n->kind == DIR_NUMBER_PARK;
}

/* Is he still there who is watched, and he who watches? A reason to end, or N_REASONS. */
static enum subscription_reason
is_void(struct registrar *r, const struct subscription *s)
{
	struct dir_buf room;
	const struct dir_subscriber *x;

	if (!registrar_has_directory(r))
		return N_REASONS;
	x = directory_subscriber(
	    &r->directory, s->tenant, kept_span(&r->heap, s->watcher_user), &room);
	if (x == NULL || x->disabled || x->id != s->watcher)
		return REASON_REJECTED;
	x = directory_subscriber(&r->directory, s->tenant, kept_span(&r->heap, s->user), &room);
	if (x != NULL || is_orbit(r, s))
		return N_REASONS;
	return REASON_NORESOURCE;
}

static void
its_moment(struct registrar *r, struct subscription *s)
{
	enum subscription_reason why = is_void(r, s);
	struct document d = { .facts = 1 };

	s->send_ns = 0;
	if (why != N_REASONS && s->state != SUB_ENDING && s->state != SUB_LAST) {
		end(r, s, why);
		return;
	}
	if (why == N_REASONS)
		d = notify_document(r, s);
	step(r, s, s->state == SUB_PACED && s->told == d.facts ? SE_SAME : SE_SEND, &d);
}

void
subscription_on_timer(struct registrar *r, struct subscription *s)
{
	uint64_t now = now_of(r);

	if (s->expires_ns != 0 && s->expires_ns <= now)
		end(r, s, REASON_TIMEOUT);
	else if (s->send_ns != 0 && s->send_ns <= now)
		its_moment(r, s);
	else
		arm(r, s);
}

/* --- what becomes of a NOTIFY ------------------------------------------------------------------*/

static void
on_success(struct registrar *r, struct subscription *s, const struct sip_msg *m)
{
	struct dialog_memory mem = subscription_memory(r, s);

	dialog_retarget(&s->dialog, &mem, m); /* without a Contact, or room, it stays as it is */
	step(r, s, SE_ANSWERED, NULL);
}

static void
on_failure(struct registrar *r, struct subscription *s, const struct sip_msg *m)
{
	uint32_t later_s = sip_retry_after(m);

	if (notify_is_lost(m->status)) {
		log_debug("subscription lost", LOG_U64("status", m->status),
		    LOG_SPAN("watcher", kept_span(&r->heap, s->watcher_user)));
		step(r, s, SE_LOST, NULL);
		return;
	}
	s->told = 0; /* the next change tells it, whatever it is */
	if (later_s == 0) {
		step(r, s, SE_ANSWERED, NULL);
		return;
	}
	later_s = later_s < LATER_MAX_S ? later_s : LATER_MAX_S;
	s->paid_ns = now_of(r) + (later_s + (BURST - 1) * packages[s->package].pace_s) * NS_PER_S;
	step(r, s, SE_LATER, NULL);
}

void
subscription_on_news(
    struct registrar *r, struct txn *t, enum txn_news news, const struct sip_msg *m)
{
	struct subscription *s = pool_find(&r->subscriptions, t->user);

	if (s == NULL || s->notify != pool_handle(&r->txn_pool, t))
		return;
	switch (news) {
	case TXN_SUCCESS:
		s->notify = 0;
		on_success(r, s, m);
		break;
	case TXN_FAILURE:
		s->notify = 0;
		on_failure(r, s, m);
		break;
	case TXN_TIMEOUT:
	case TXN_UNREACHABLE:
		log_debug("subscription lost: no answer",
		    LOG_SPAN("watcher", kept_span(&r->heap, s->watcher_user)));
		s->notify = 0;
		step(r, s, SE_LOST, NULL);
		break;
	case TXN_REQUEST:
	case TXN_PROVISIONAL:
	case TXN_ACKED:
	case TXN_ENDED:
		break;
	}
}
