/*
 * A call to a hunt group: its members' phones are the targets (TS 24.239; SERVICES.md C31, C32).
 *
 *     A        tandem        M1         M2         linear, ring_s = 20
 *     |INVITE--->|INVITE----->|          |
 *     |<------180|<--------180|          |
 *     |          |  (20 s)    |          |
 *     |          |CANCEL----->|          |
 *     |          |INVITE---------------->|          a Call-ID of its own (FLOWS.md 1.12 (1))
 *
 *     mode           who rings
 *     ring_all       all at once
 *     linear         one after the other, in their order
 *     circular       the same, beginning behind whom the group rang last
 *     longest_idle   first whose last answered call ended first, or who had none; who is in a call, last
 *     weighted       one after the other by lot, a weight of 2 having twice the chance of 1
 *
 * Passed over: who is logged out, disabled, the caller himself, has no contact, or is refused by his own
 * features (DND, call waiting off and in a call, limit). Who talks and lets calls wait is told that this
 * one waits, as by any other call. Members' forwards are ignored; where the group follows them, what sends
 * one on (CFU; CFNRc; CFNR, when his own time is not longer than the group's) is rung in his place, at his
 * cost. CFB never acts: busy, he is passed over (SERVICES.md, steps 6 to 11). What he refuses, 6xx
 * too, is his refusal alone (FLOWS.md S2-16c). When nobody is left, or after overflow_s, the call goes to
 * the overflow number at the tenant's cost. CONTACTS_MAX contacts are rung at most: the others of the
 * attempt's targets are for the overflow.
 *
 * Settings: tandem.hunt_group, hunt_group_member. Codes: *22 *23, of one group or all that he is in.
 * State: the first segment's `group`; what the order goes by, group_memory.c.
 */
#include "worker/worker.h"

#include "base/rand.h"

enum { CONTACTS_MAX = TARGETS_MAX - 4 };

/* --- in which order -----------------------------------------------------------------------------*/

struct member {
	struct span user;
	uint64_t id, idle_ns;
	unsigned weight;
};
struct members {
	unsigned n;
	unsigned refused; /* 486: one of them is busy; else 480 */
	struct member of[DIR_MEMBERS_MAX];
};

static void
to_front(struct members *m, unsigned from, unsigned at)
{
	struct member x = m->of[from];

	for (; from > at; from--)
		m->of[from] = m->of[from - 1];
	m->of[at] = x;
}

static void
turn(struct members *m, uint64_t last)
{
	unsigned at = 0;

	while (at < m->n && m->of[at].id != last)
		at++;
	for (; at + 1 < m->n; at++)
		to_front(m, m->n - 1, 0);
}

static void
by_idleness(struct members *m)
{
	for (unsigned at = 0; at < m->n; at++) {
		unsigned first = at;
		for (unsigned i = at; i < m->n; i++)
			if (m->of[i].idle_ns < m->of[first].idle_ns)
				first = i;
		to_front(m, first, at);
	}
}

static void
by_lot(struct members *m)
{
	for (unsigned at = 0; at < m->n; at++) {
		unsigned sum = 0, i = at;
		for (unsigned k = at; k < m->n; k++)
			sum += m->of[k].weight;
		for (unsigned lot = rand_below(sum); lot >= m->of[i].weight; i++)
			lot -= m->of[i].weight;
		to_front(m, i, at);
	}
}

static const char *
mode_name(const struct dir_group *g)
{
	static const char *const names[] = { [DIR_RING_ALL] = "all at once",
		[DIR_LINEAR] = "one after the other",
		[DIR_CIRCULAR] = "in a circle",
		[DIR_LONGEST_IDLE] = "who is idle longest first",
		[DIR_WEIGHTED] = "by lot" };

	return g->mode < sizeof(names) / sizeof(names[0]) ? names[g->mode] : "";
}

static void
put_in_order(struct worker *w, const struct dir_group *g, struct members *m)
{
	switch ((enum dir_group_mode)g->mode) {
	case DIR_CIRCULAR:
		turn(m, group_last(w, g));
		break;
	case DIR_LONGEST_IDLE:
		by_idleness(m);
		break;
	case DIR_WEIGHTED:
		by_lot(m);
		break;
	case DIR_RING_ALL:
	case DIR_LINEAR:
		break;
	}
}

/* --- who rings ----------------------------------------------------------------------------------*/

static bool
is_caller(const struct call *c, const struct dir_subscriber *s)
{
	return c->origin == ORIGIN_SUBSCRIBER && c->account == s->id;
}

/* NULL: he may ring. */
static const char *
why_not(const struct call *c, const struct dir_member *x, const struct dir_subscriber *s)
{
	if (!x->logged_in)
		return "passed over: logged out";
	if (s == NULL || s->disabled)
		return "passed over: disabled";
	return is_caller(c, s) ? "passed over: he is the caller" : NULL;
}

static void
gather(struct worker *w, struct call *c, const struct dir_group *g, struct members *m)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));

	for (unsigned i = 0; rec != NULL && i < g->n; i++) {
		const struct dir_member *x = &g->members[i];
		struct span user = dir_text(g, x->user);
		const struct dir_subscriber *s =
		    !x->logged_in ? NULL
				  : directory_subscriber(&w->directory, c->tenant, user, rec);
		const char *why = why_not(c, x, s);

		if (why != NULL) {
			decision_words(w, c, "group", user, why);
			continue;
		}
		m->of[m->n++] = (struct member){ .user = user,
			.id = s->id,
			.idle_ns = group_idle_since(w, c, s),
			.weight = x->weight > 0 ? x->weight : 1 };
	}
}

/* Sends him on as he wishes, and the group goes on as before. */
static unsigned
follow(struct worker *w, struct call *c, const struct dir_subscriber *s,
    const struct feature_verdict *v)
{
	struct attempt *a = &c->attempt;
	uint32_t segment = a->segment;
	uint8_t forwards = a->forwards;
	unsigned status = call_forward(w, c, s, scratch_keep(w, v->forward_to), v->why);

	a->segment = segment;
	a->forwards = forwards;
	return status;
}

/* His phones ring no longer than he wishes before it is sent on, if the group's turn is not shorter. */
static void
limit_ringing(struct worker *w, struct call *c, const struct dir_group *g,
    const struct dir_subscriber *s, uint32_t last)
{
	struct target *t = target_at(w, last == 0 ? c->attempt.targets : target_at(w, last)->next);
	uint32_t cfnr_s =
	    s->cfnr_timeout_s != 0 ? s->cfnr_timeout_s : w->settings->timers.no_answer_s;

	if (!g->follow || s->cfnr.len == 0 || cfnr_s > g->ring_s)
		return;
	for (; t != NULL; t = target_at(w, t->next))
		if (t->ring_s == 0 || t->ring_s > cfnr_s)
			t->ring_s = cfnr_s;
}

/* 0, and there are targets of his; else why he is passed over. */
static unsigned
ring_one(struct worker *w, struct call *c, const struct dir_group *g, struct span user)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s =
	    rec == NULL ? NULL : directory_subscriber(&w->directory, c->tenant, user, rec);
	uint32_t last = targets_last(w, c);
	struct feature_verdict v;
	unsigned status;

	if (s == NULL)
		return 480;
	c->attempt.waits = c->attempt.priority = 0;
	v = features_member(w, c, s, g->follow);
	if (v.status != 0)
		return v.status;
	if (v.forward_to.len > 0)
		return follow(w, c, s, &v);
	status = family_begin(w, c) ? route_user(w, c, user).status : 503;
	if (status == 0)
		limit_ringing(w, c, g, s, last);
	if (status != 480 || !g->follow)
		return status;
	v = features_refused(w, c, s, REFUSED_UNREACHABLE);
	return v.forward_to.len > 0 ? follow(w, c, s, &v) : status;
}

static struct target *
last_target(struct worker *w, const struct call *c)
{
	struct target *t = target_at(w, c->attempt.targets);

	while (t != NULL && t->next != 0)
		t = target_at(w, t->next);
	return t;
}

/* Two members who send their calls to the same phone make it ring once. */
static bool
is_rung_already(struct worker *w, const struct call *c, const struct target *x)
{
	const struct target *t = target_at(w, c->attempt.targets);

	while (t != x && (t->kind != x->kind || t->account != x->account || t->user.len == 0 ||
			     !span_eq(kept_span(&w->heap, t->uri), kept_span(&w->heap, x->uri))))
		t = target_at(w, t->next);
	return t != x;
}

static void
in_turn(struct worker *w, struct call *c, struct target *t, uint64_t member, unsigned rank)
{
	t->member = member;
	t->rank = (uint16_t)rank;
	if (rank == 0)
		t->q = 1000; /* all at once */
	t->tried = is_rung_already(w, c, t);
}

static void
ring(struct worker *w, struct call *c, const struct dir_group *g, struct members *m)
{
	for (unsigned i = 0; i < m->n && c->attempt.n_targets < CONTACTS_MAX; i++) {
		struct target *before = last_target(w, c), *t;
		size_t used = w->scratch_used;
		unsigned status = ring_one(w, c, g, m->of[i].user);

		w->scratch_used = used;
		if (status == 486)
			m->refused = 486;
		t = target_at(w, before == NULL ? c->attempt.targets : before->next);
		for (; t != NULL; t = target_at(w, t->next))
			in_turn(w, c, t, m->of[i].id, g->mode == DIR_RING_ALL ? 0 : m->n - i);
	}
}

/* --- a call comes -------------------------------------------------------------------------------*/

static struct segment *
present(struct worker *w, const struct call *c)
{
	return segment_at(w, c->attempt.segment != 0 ? c->attempt.segment : c->segments);
}

static bool
was_for(struct worker *w, const struct call *c, const struct dir_group *g)
{
	const struct segment *s = present(w, c);

	while (s != NULL && s->group != g->id)
		s = segment_before(w, c, s);
	return s != NULL;
}

/* And is nobody's alone, whatever routing to one of its members has left. */
static void
is_for_group(struct attempt *a, const struct dir_group *g)
{
	a->user = (struct kept){ 0 };
	a->silent = 1;
	a->waits = a->priority = 0;
	a->no_answer_s = g->ring_s;
}

static void
set_times(struct worker *w, struct call *c, const struct dir_group *g)
{
	struct attempt *a = &c->attempt;
	uint64_t until = worker_now(w) + g->overflow_s * NS_PER_S;

	is_for_group(a, g);
	if (g->overflow.len == 0 || g->overflow_s == 0 || until >= a->ring_until_ns)
		return;
	if (a->call_until_ns == 0) /* else that of a group which one of its members is */
		a->call_until_ns = a->ring_until_ns;
	a->ring_until_ns = until;
}

static bool
has_targets(struct worker *w, const struct call *c)
{
	for (const struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (!t->tried)
			return true;
	return false;
}

struct route_result
group_call(struct worker *w, struct call *c, const struct dir_group *g)
{
	struct members *m = scratch_take(w, sizeof(*m));

	if (m == NULL)
		return (struct route_result){ .status = 500 };
	if (was_for(w, c, g)) {
		decision_words(w, c, "group", dir_text(g, g->name), "it was for it before: 482");
		return (struct route_result){ .status = 482 };
	}
	decision_words(w, c, "group", dir_text(g, g->name), mode_name(g));
	*m = (struct members){ .refused = 480 };
	present(w, c)->group = g->id;
	gather(w, c, g, m);
	put_in_order(w, g, m);
	ring(w, c, g, m);
	set_times(w, c, g);
	if (has_targets(w, c))
		return (struct route_result){ 0 };
	if (g->overflow.len > 0)
		return (struct route_result){ .status = call_overflow(w, c, g) };
	return (struct route_result){ .status = m->refused };
}

/* --- a member does not take it ------------------------------------------------------------------*/

/* Another phone of his may still. */
static bool
has_other_phone(struct worker *w, const struct call *c, const struct party *p)
{
	for (const struct party *q = party_at(w, c->parties); q != NULL; q = party_at(w, q->next))
		if (q != p && q->role == PARTY_BRANCH && !q->gone && !q->passed_over &&
		    q->kind == TARGET_CONTACT && q->account == p->account)
			return true;
	for (const struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if ((!t->tried || t->pending) && t->kind == TARGET_CONTACT &&
		    t->account == p->account)
			return true;
	return false;
}

/* The group that he is rung for, if it does as its members say; in *rec. */
static const struct dir_group *
following(struct worker *w, const struct call *c, const struct party *p, struct dir_buf *rec)
{
	const struct segment *s = group_segment(w, c, segment_of(w, c, p));
	const struct target *t = target_at(w, p->target);
	const struct dir_group *g;

	if (s == NULL || t == NULL || p->kind != TARGET_CONTACT || t->member == 0 ||
	    t->member != p->account || p->passed_over || has_other_phone(w, c, p))
		return NULL;
	g = route_group(w, c->tenant, kept_span(&w->heap, s->called), rec);
	return g != NULL && g->id == s->group && g->follow ? g : NULL;
}

/* His other phone takes his turn. */
static bool
ring_instead(struct worker *w, struct call *c, const struct dir_group *g, const struct party *p,
    const struct feature_verdict *v, const struct dir_subscriber *s)
{
	struct attempt *a = &c->attempt;
	const struct target *his = target_at(w, p->target);
	uint32_t segment = a->segment, last = targets_last(w, c);
	unsigned status;

	a->segment = p->segment;
	status = follow(w, c, s, v);
	a->segment = segment;
	is_for_group(a, g);
	for (struct target *t = target_at(w, target_at(w, last)->next); t != NULL;
	     t = target_at(w, t->next))
		in_turn(w, c, t, his->member, his->rank);
	return status == 0 && call_dial_also(w, c);
}

bool
group_member_onward(struct worker *w, struct call *c, const struct party *p, unsigned status)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec)), *own = scratch_take(w, sizeof(*own));
	enum refusal_kind how = refusal_kind_of(status, p->ring_ms != 0);
	const struct dir_group *g = rec == NULL ? NULL : following(w, c, p, rec);
	const struct dir_subscriber *s;
	struct feature_verdict v;

	if (g == NULL || own == NULL || !call_has_room(w) ||
	    (how != REFUSED_NO_ANSWER && how != REFUSED_UNREACHABLE))
		return false;
	s = directory_subscriber(&w->directory, c->tenant, kept_span(&w->heap, p->user), own);
	if (s == NULL || s->disabled)
		return false;
	v = features_refused(w, c, s, how);
	return v.forward_to.len > 0 && ring_instead(w, c, g, p, &v, s);
}

/* --- and nobody takes it ------------------------------------------------------------------------*/

const struct segment *
group_segment(struct worker *w, const struct call *c, const struct segment *s)
{
	while (s != NULL && s->group == 0) {
		if (s->redirect_reason == REDIRECT_GROUP)
			return NULL; /* it has gone on */
		s = segment_before(w, c, s);
	}
	return s;
}

bool
group_refused(struct worker *w, struct call *c, const struct party *p)
{
	if (group_segment(w, c, segment_of(w, c, p)) == NULL)
		return false;
	for (struct target *t = target_at(w, c->attempt.targets); t != NULL;
	     t = target_at(w, t->next))
		if (t->account == p->account && t->kind == p->kind)
			t->tried = 1;
	for (struct party *q = party_at(w, c->parties); q != NULL; q = party_at(w, q->next))
		if (q != p && q->role == PARTY_BRANCH && !q->gone && q->account == p->account &&
		    q->kind == p->kind)
			party_release(w, c, q, SPAN_NONE);
	return true;
}

bool
group_time_over(struct worker *w, struct call *c)
{
	struct attempt *a = &c->attempt;

	if (a->call_until_ns == 0)
		return false;
	a->ring_until_ns = a->call_until_ns;
	a->call_until_ns = 0;
	for (struct target *t = target_at(w, a->targets); t != NULL; t = target_at(w, t->next))
		t->tried = 1;
	return true;
}

bool
group_overflow(struct worker *w, struct call *c, unsigned *status_r)
{
	struct attempt *a = &c->attempt;
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct segment *s = group_segment(w, c, present(w, c));
	const struct dir_group *g =
	    s == NULL || rec == NULL
		? NULL
		: route_group(w, c->tenant, kept_span(&w->heap, s->called), rec);

	if (g == NULL || g->id != s->group || g->overflow.len == 0)
		return false;
	a->segment = heap_offset(&w->heap, s);
	a->best = a->progress = 0;
	*status_r = call_overflow(w, c, g);
	return true;
}
