/*
 * Call completion: CCBS, CCNR, CCNL (SERVICES.md C37; TS 24.642, RFC 5359 2.17): who called somebody busy, or
 * who did not answer or was not there, is rung when that one is free, and then calls him.
 *
 *     A           tandem          B, who talks
 *     |INVITE B--->|               |
 *     |<--------486|               |
 *     |INVITE *66->|               |
 *     |<--------200|  BYE          |   P-Asserted-Identity: "completion 1002"
 *     |            |      ...      |   B hangs up, and is free for two seconds
 *     |<-----INVITE|               |   from B; Alert-Info: recall
 *     |200-------->|INVITE-------->|   at A's cost, from B's answer on; ringing A is free (BILLING.md R21)
 *     |<-----INVITE|<-----------200|
 *
 * B is free when he is registered, in no call, not in DND and sends his calls to nobody. Who was busy or away
 * is waited for until he is; who did not answer, or said that he is busy without being in a call, until he has
 * been in one or away first: then he is at his phone. Of several who wait for B the first who is free himself
 * is rung. Who does not answer the recall has lost his request, as has who asked 45 minutes ago; one who is
 * busy then, or finds B busy again, keeps it, and so does who lost the recall by our fault. Who asks for the
 * same B again begins anew. B is he who had the name then, not who has it later.
 * Not for groups, orbits and numbers outside; at most five by one caller, and for one called. The number is
 * withheld from B if it was in the call or when *66 was dialled; not if *82 was dialled before that.
 *
 * Settings: none. Codes: *66 *86, *37# #37# *#37#. State: struct completion, in shared memory (completion.c);
 * the call: call_recall.c.
 */
#include "worker/worker.h"

#include "sip/identity.h"

/* TS 24.642: he may want to call somebody first; seen once a second, these are two at least. */
enum { GUARD_S = 3, SHOWN_MAX = 200 };

/* --- is he there? -------------------------------------------------------------------------------*/

static bool
is_registered(struct worker *w, const struct dir_subscriber *s)
{
	struct loc_buf *buf = scratch_take(w, sizeof(*buf));

	return buf != NULL && locations_find(&w->locations, s->tenant, dir_text(s, s->user),
				  child_steady_ms(&w->child), buf) != NULL;
}

bool
completion_is_free(struct worker *w, uint32_t tenant, uint64_t id, struct span user)
{
	size_t used = w->scratch_used;
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s =
	    rec == NULL ? NULL : directory_subscriber(&w->directory, tenant, user, rec);
	bool is_free = s != NULL && s->id == id && !s->disabled && !s->dnd && s->cfu.len == 0 &&
		       is_registered(w, s) &&
		       !callstate_has(w, call_user_hash(&w->key, tenant, user));

	w->scratch_used = used;
	return is_free;
}

bool
completion_is_due(struct worker *w, struct completion *x)
{
	bool is_free = completion_is_free(w, x->tenant, x->called, span_str(x->called_user));

	if (!is_free) {
		x->seen = 1;
		if (x->next_ns < worker_now(w) + GUARD_S * NS_PER_S)
			x->next_ns = worker_now(w) + GUARD_S * NS_PER_S;
	} else if (!x->seen && group_idle_last(w, x->called) > x->at_ns) {
		x->seen = 1; /* a call too short to be seen */
	}
	return is_free && x->seen && worker_now(w) >= x->next_ns &&
	       completion_is_free(w, x->tenant, x->account, span_str(x->user)) &&
	       !completion_waits_behind(w, x);
}

/* --- what could be completed --------------------------------------------------------------------*/

/* Who says that he is busy, and is in no call, does not want this one now: he is rung when he has been. */
static bool
is_occupied(struct worker *w, const struct call *c)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s =
	    rec == NULL ? NULL
			: route_subscriber(w, c->tenant, kept_span(&w->heap, c->dialled), rec);

	return s != NULL && (s->dnd || callstate_count(w, c->tenant, c, dir_text(s, s->user)) > 0);
}

/* The number behind how it ended: b, busy; n, nobody answered. */
void
completion_missed(struct worker *w, const struct call *c)
{
	struct span s = kept_span(&w->heap, c->dialled);
	bool busy = c->final == 486 || c->final == 600;
	struct buf b = scratch_buf(w, COMPLETION_NUMBER);

	if (c->origin != ORIGIN_SUBSCRIBER || c->recall != 0 || s.len == 0 || s.p[0] == '*' ||
	    s.p[0] == '#' || segment_first(w, c)->kind != SEGMENT_DIRECT)
		return;
	if (!busy && c->final != 487 && c->final != 408 && c->final != 480)
		return;
	buf_char(&b, busy && is_occupied(w, c) ? 'b' : 'n');
	buf_put(&b, s);
	if (buf_ok(&b))
		recent_put(w, RECENT_MISSED, c->account, buf_span(&b));
}

static struct feature_verdict
no(const char *reason)
{
	return (struct feature_verdict){ .status = 403, .reason = reason };
}

static enum completion_reason
reason_of(struct worker *w, const struct dir_subscriber *called, bool busy)
{
	if (!is_registered(w, called))
		return COMPLETION_ABSENT;
	return busy || called->dnd ||
		       callstate_has(w,
			   call_user_hash(&w->key, called->tenant, dir_text(called, called->user)))
		   ? COMPLETION_BUSY
		   : COMPLETION_NO_ANSWER;
}

static void
decide(struct worker *w, struct call *c, const struct completion *x)
{
	char text[80];
	struct buf b = buf_on(text, sizeof(text));

	buf_str(&b, completion_reason_name(x->reason));
	buf_lit(&b, ": is called when he is free, for ");
	buf_u64(&b, COMPLETION_LASTS_S / 60);
	buf_lit(&b, " minutes");
	decision_note(w, c, "completion", span_str(x->called_user), buf_span(&b));
}

/* Withheld when it was in that call, or is in this; what is dialled before the code is the last word. */
static uint16_t
privacy_of(struct worker *w, const struct call *c, const struct origin *o)
{
	unsigned once = recent_once(w, RECENT_DIALLED, o->account) & ONCE_HIDDEN;

	return c->once & ONCE_SHOWN || once == 0 ? c->privacy
						 : (uint16_t)clir_privacy(o, c->privacy, once);
}

static const char *
keep(struct worker *w, struct call *c, const struct origin *o, struct span number, bool busy)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *called =
	    rec == NULL ? NULL : route_subscriber(w, c->tenant, number, rec);
	struct completion x = {
		.tenant = c->tenant, .account = c->account, .privacy = privacy_of(w, c, o)
	};

	if (called == NULL || emergency_is(w, c->tenant, number))
		return "Only a call to a subscriber here can be completed";
	if (called->id == c->account)
		return "That is your own number";
	x.called = called->id;
	x.reason = (uint8_t)reason_of(w, called, busy);
	x.seen = x.reason != COMPLETION_NO_ANSWER;
	if (!span_cstr(dir_text(o->subscriber, o->subscriber->user), x.user, sizeof(x.user)) ||
	    !span_cstr(dir_text(called, called->user), x.called_user, sizeof(x.called_user)) ||
	    !span_cstr(number, x.number, sizeof(x.number)))
		return "The name is too long";
	decide(w, c, &x);
	return c->dry ? NULL : completion_add(w, &x);
}

/* The call that he dialled last, when nobody answered it; busy_r: is it because he was. Empty: there is none. */
static struct span
missed_last(struct worker *w, uint64_t account, bool *busy_r)
{
	struct span number = recent_find(w, RECENT_DIALLED, account);
	struct span missed = recent_find(w, RECENT_MISSED, account);

	if (number.len == 0 || missed.len == 0 || !span_eq(span_from(missed, 1), number) ||
	    recent_at(w, RECENT_MISSED, account) < recent_at(w, RECENT_DIALLED, account))
		return SPAN_NONE;
	*busy_r = missed.p[0] == 'b';
	return number;
}

void
completion_done(struct worker *w, const struct call *c)
{
	bool busy;

	if (span_eq(missed_last(w, c->account, &busy), kept_span(&w->heap, c->dialled)))
		recent_put(w, RECENT_MISSED, c->account, SPAN_NONE);
}

/* --- the codes ----------------------------------------------------------------------------------*/

static struct feature_verdict
shows(struct worker *w, struct call *c, struct span text)
{
	code_is_free(w, c);
	return (struct feature_verdict){ .taken = true,
		.confirmed = scratch_keep(w, text),
		.because = "call completion: a service code, which calls nobody" };
}

struct feature_verdict
completion_set(struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	bool busy = false;
	struct span number = missed_last(w, o->account, &busy);
	char text[SHOWN_MAX];
	struct buf b = buf_on(text, sizeof(text));
	const char *why;

	(void)a;
	code_is_free(w, c);
	if (number.len == 0)
		return no("Nobody was called in vain");
	why = keep(w, c, o, number, busy);
	if (why != NULL)
		return no(why);
	buf_lit(&b, "completion ");
	buf_put(&b, number);
	return shows(w, c, buf_span(&b));
}

struct feature_verdict
completion_clear(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	(void)a;
	if (!c->dry)
		completions_cancel(w, o->account);
	return shows(w, c, SPAN("completion off"));
}

struct feature_verdict
completion_query(
    struct worker *w, struct call *c, const struct origin *o, const struct code_args *a)
{
	struct completion list[COMPLETIONS_EACH];
	unsigned n = completions_of(w, o->account, list, COMPLETIONS_EACH);
	char text[SHOWN_MAX + COMPLETIONS_EACH * COMPLETION_NUMBER];
	struct buf b = buf_on(text, sizeof(text));

	(void)a;
	buf_lit(&b, "completion");
	for (unsigned i = 0; i < n; i++) {
		buf_char(&b, ' ');
		buf_str(&b, list[i].number);
	}
	if (n == 0)
		buf_lit(&b, " off");
	return shows(w, c, buf_span(&b));
}
