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
 *     circular       the same, beginning behind whom this worker rang last for the group
 *     longest_idle   first whose last answered call in this worker ended first, or who had none
 *     weighted       one after the other by lot, a weight of 2 having twice the chance of 1
 *
 * Passed over: who is logged out, disabled, the caller himself, has no contact, or is refused by his own
 * features (DND, limit). His forwards are ignored; where the group follows them, what sends him on at
 * once (CFU) is rung in his place, at his cost. What he refuses, 6xx too, is his refusal alone (FLOWS.md
 * S2-16c). When nobody is left, or after overflow_s, the call goes to the overflow number at the tenant's
 * cost. CONTACTS_MAX contacts are rung at most: the others of the attempt's targets are for the overflow.
 *
 * Settings: tandem.hunt_group, hunt_group_member. State: the first segment's `group`; and in each
 * worker's region, written by it alone, a word per group (whom it rang last) and per subscriber (when he
 * was idle last). That is a memory, not a truth: two whose places meet forget each other, and the workers
 * do not know of each other's.
 */
#include "worker/worker.h"

#include "base/rand.h"

enum { CONTACTS_MAX = TARGETS_MAX - 4 };

/* --- what is remembered -------------------------------------------------------------------------*/

enum memory_kind { MEMORY_RUNG = 1, MEMORY_IDLE };

static struct group_word *
word_of(struct worker *w, enum memory_kind kind, uint64_t id, uint64_t *key_r)
{
	uint64_t mixed;

	*key_r = (uint64_t)kind << 62 ^ id;
	mixed = *key_r * 0x9e3779b97f4a7c15u;
	return &w->group_words[mixed >> 32 & (WORKER_GROUP_WORDS - 1)];
}

static void
remember(struct worker *w, enum memory_kind kind, uint64_t id, uint64_t value)
{
	uint64_t key;
	struct group_word *x = word_of(w, kind, id, &key);

	x->key = 0; /* a kill in between leaves nothing, not another's */
	x->value = value;
	x->key = key;
}

static uint64_t
remembered(struct worker *w, enum memory_kind kind, uint64_t id)
{
	uint64_t key;
	const struct group_word *x = word_of(w, kind, id, &key);

	return x->key == key ? x->value : 0;
}

void
group_rung(struct worker *w, const struct target *t)
{
	const struct segment *s = segment_at(w, t->segment);

	if (s != NULL && s->group != 0)
		remember(w, MEMORY_RUNG, s->group, t->account);
}

void
group_idle(struct worker *w, const struct party *p)
{
	if (p->answer_ms != 0 && p->kind == TARGET_CONTACT && p->user.len > 0 && p->account != 0)
		remember(w, MEMORY_IDLE, p->account, (uint64_t)child_steady_ms(&w->child));
}

/* --- in which order -----------------------------------------------------------------------------*/

struct member {
	struct span user;
	uint64_t id, idle_ms;
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
			if (m->of[i].idle_ms < m->of[first].idle_ms)
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
		turn(m, remembered(w, MEMORY_RUNG, g->id));
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
			.idle_ms = remembered(w, MEMORY_IDLE, s->id),
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

/* 0, and there are targets of his; else why he is passed over. */
static unsigned
ring_one(struct worker *w, struct call *c, const struct dir_group *g, struct span user)
{
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct dir_subscriber *s =
	    rec == NULL ? NULL : directory_subscriber(&w->directory, c->tenant, user, rec);
	struct feature_verdict v;

	if (s == NULL)
		return 480;
	v = features_member(w, c, s, g->follow);
	if (v.status != 0)
		return v.status;
	if (v.forward_to.len > 0)
		return follow(w, c, s, &v);
	return family_begin(w, c) ? route_user(w, c, user).status : 503;
}

static struct target *
last_target(struct worker *w, const struct call *c)
{
	struct target *t = target_at(w, c->attempt.targets);

	while (t != NULL && t->next != 0)
		t = target_at(w, t->next);
	return t;
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
		for (; t != NULL; t = target_at(w, t->next)) {
			t->rank = (uint16_t)(g->mode == DIR_RING_ALL ? 0 : m->n - i);
			if (g->mode == DIR_RING_ALL)
				t->q = 1000; /* all at once */
		}
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

static void
set_times(struct worker *w, struct call *c, const struct dir_group *g)
{
	struct attempt *a = &c->attempt;
	uint64_t until = worker_now(w) + g->overflow_s * NS_PER_S;

	a->user = (struct kept){ 0 };
	a->silent = 1;
	a->waits = 0; /* one of them may wait, but not this call */
	a->no_answer_s = g->ring_s;
	if (g->overflow.len == 0 || g->overflow_s == 0 || until >= a->ring_until_ns)
		return;
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
group_overflow(struct worker *w, struct call *c)
{
	struct attempt *a = &c->attempt;
	struct dir_buf *rec = scratch_take(w, sizeof(*rec));
	const struct segment *s = group_segment(w, c, present(w, c));
	const struct dir_group *g =
	    s == NULL || rec == NULL
		? NULL
		: route_group(w, c->tenant, kept_span(&w->heap, s->called), rec);
	unsigned status;

	if (g == NULL || g->id != s->group || g->overflow.len == 0)
		return false;
	a->segment = heap_offset(&w->heap, s);
	a->best = a->progress = 0;
	status = call_overflow(w, c, g);
	if (status == 0 && call_dial_next(w, c))
		return true;
	a->best = (uint16_t)(status != 0 ? status : 480);
	a->best_phrase = a->best_headers = (struct kept){ 0 };
	return false;
}
