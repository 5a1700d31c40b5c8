/*
 * Which of two features wins where both could act on one call (SERVICES.md C60, "The order in which they
 * act"; the table in tandem-features(7)). Each pair of a side's features is set at once, and the call is
 * explained, which is decided as a call is; the earlier in the published order must be the first that
 * acts. What works together, or between two subscribers, stands row by row below.
 */
#include <criterion/parameterized.h>
#include <string.h>

#include "worker_phone.h"

#define carol (rig->phones[2])

enum { ALICE = 9001, BOB, CAROL };

static void
tenant(bool suspended)
{
	struct dir_tenant t = { .tenant = 1,
		.suspended = suspended,
		.name = "office",
		.realm = "example.com",
		.voicemail = "800" };

	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
}

static void
begin(void)
{
	static const uint64_t gateway = 7;

	rig_begin();
	phone_new("carol", "192.0.2.3");
	rig_gateway(7, "203.0.113.7", true);
	rig_route("", 1, &gateway);
	tenant(false);
	cr_assert_eq(directory_put_code(&rig->directory, 1, SPAN("*78"), SPAN("dnd.set")), 0);
	cr_assert_eq(directory_put_code(&rig->directory, 1, SPAN("*8"), SPAN("pickup.group")), 0);
	cr_assert_eq(directory_put_code(&rig->directory, 1, SPAN("*66"), SPAN("ccbs.set")), 0);
	cr_assert_eq(
	    directory_put_number(&rig->directory, 1, SPAN("701"), DIR_NUMBER_PARK, SPAN("60")), 0);
	cr_assert_eq(directory_put_speed(&rig->directory, ALICE, 3, SPAN("5551234")), 0);
	cr_assert_eq(directory_put_speed(&rig->directory, ALICE, 4, SPAN("112")), 0);
	cr_assert_eq(directory_put_speed(&rig->directory, ALICE, 5, SPAN("701")), 0);
	cr_assert_eq(directory_put_speed(&rig->directory, ALICE, 6, SPAN("carol")), 0);
	cr_assert_eq(directory_put_speed(&rig->directory, ALICE, 7, SPAN("800")), 0);
}

/* --- subscribers with what is set for them ------------------------------------------------------*/

struct who {
	struct dir_subscriber s;
	const char *cfu, *cfb, *cfs, *rule, *rings, *talks, *hotline;
	bool suspended;
	const char *dials; /* what must be dialled for the feature to act */
};

static void
put(const char *user, uint64_t id, const struct who *x)
{
	struct dir_subscriber s = x->s;
	const char *const text[] = { x->cfu, x->cfb, x->cfs, x->rings };
	struct span set[4];

	for (unsigned i = 0; i < 4; i++)
		set[i] = span_str(text[i] == NULL ? "" : text[i]);
	s.trust = DIR_TRUST_BINDING;
	s.tenant = 1;
	s.id = id;
	s.follow_me = x->rings != NULL ? DIR_FOLLOW_ME_SIMULTANEOUS : DIR_FOLLOW_ME_OFF;
	if (s.call_limit == 0 && x->talks == NULL)
		s.call_waiting = 1;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s,
			 &(struct dir_subscriber_text){ .user = span_str(user),
			     .cfu = set[0],
			     .cfb = set[1],
			     .cfs = set[2],
			     .hotline = span_str(x->hotline == NULL ? "" : x->hotline),
			     .follow_me_numbers = set[3] }),
	    ERR_NONE);
}

/* One that holds for every call. */
static void
put_rule(uint64_t id, const char *to)
{
	struct dir_rules r = { .n = 1, .rules[0] = { .position = 1, .priorities = 0xf } };
	struct dir_rules_text text = { .to[0] = span_str(to) };

	cr_assert_eq(directory_put_rules(&rig->directory, id, &r, &text), ERR_NONE);
}

static void
list(uint64_t id, enum dir_list which, const char *caller)
{
	cr_assert_eq(directory_put_listed(&rig->directory, id, which, span_str(caller)), ERR_NONE);
}

/* "dnd bob | forward bob | route carol": the decisions of the call at once, and how it is refused. */
static const char *
decided(const char *from, const char *to)
{
	static char all[EXPLAIN_MAX], text[EXPLAIN_MAX];
	struct buf b = buf_on(text, sizeof(text) - 1), short_ = buf_on(all, sizeof(all) - 1);
	struct span rest, line, when, what, who, why;

	explain(rig->w[0], span_str(from), span_str(to), &b);
	worker_drain(rig->w[0]);
	rest = buf_span(&b);
	while (rest.len > 0) {
		rest = span_cut(rest, '\n', &line);
		why = span_cut(span_cut(span_cut(line, '\t', &when), '\t', &what), '\t', &who);
		if (!span_eq(when, SPAN("at once")) ||
		    (!span_eq(what, SPAN("decision")) && !span_eq(what, SPAN("refused"))))
			continue;
		buf_str(&short_, short_.len > 0 ? " | " : "");
		if (span_eq(what, SPAN("refused"))) {
			buf_put(&short_, span_first(why, 3));
			continue;
		}
		(void)span_cut(why, ':', &why);
		buf_put(&short_, why);
		buf_char(&short_, ' ');
		buf_put(&short_, who);
	}
	all[short_.len] = '\0';
	return all;
}

/* --- pairs of one side --------------------------------------------------------------------------*/

/* In the published order. */
static const struct pair_feature {
	const char *name;
	struct who set;
	int list; /* -1: none */
	const char *listed;
} terminating[] = {
	{ "barring", { .s.barring = BAR_INCOMING }, -1, NULL },
	{ "block", { .s.lists = 1 << DIR_LIST_BLOCK }, DIR_LIST_BLOCK, "anonymous" },
	{ "accept", { .s.lists = 1 << DIR_LIST_ACCEPT }, DIR_LIST_ACCEPT, "zoe" },
	{ "acr", { .s.acr = 1 }, -1, NULL },
	{ "selective", { .s.lists = 1 << DIR_LIST_FORWARD, .cfs = "carol" }, DIR_LIST_FORWARD,
	    "anonymous" },
	{ "selective", { .s.rules = 1, .rule = "carol" }, -1, NULL },
	{ "forward", { .cfu = "carol" }, -1, NULL },
	{ "dnd", { .s.dnd = 1 }, -1, NULL },
	{ "limit", { .talks = "carol" }, -1, NULL },
	{ "priority", { .s.lists = 1 << DIR_LIST_PRIORITY }, DIR_LIST_PRIORITY, "anonymous" },
	{ "follow_me", { .rings = "0 20 carol" }, -1, NULL },
}, originating[] = {
	{ "emergency", { .dials = "112" }, -1, NULL },
	{ "suspended", { .suspended = true }, -1, NULL },
	{ "code", { .dials = "*78" }, -1, NULL },
	{ "code", { .dials = "*8" }, -1, NULL },  /* pickup */
	{ "code", { .dials = "*66" }, -1, NULL }, /* call completion */
	{ "park", { .dials = "701" }, -1, NULL },
	{ "voicemail", { .dials = "800" }, -1, NULL },
	{ "barring", { .s.barring = BAR_OUTGOING }, -1, NULL },
	{ "limit", { .s.call_limit = 1, .talks = "carol" }, -1, NULL },
};
enum {
	N_TERMINATING = sizeof(terminating) / sizeof(terminating[0]),
	N_ORIGINATING = sizeof(originating) / sizeof(originating[0])
};

static struct who
both(const struct who *x, const struct who *y)
{
	struct who z = *x;

	z.s.barring |= y->s.barring;
	z.s.lists |= y->s.lists;
	z.s.rules |= y->s.rules;
	z.s.acr |= y->s.acr;
	z.s.dnd |= y->s.dnd;
	z.s.call_limit += y->s.call_limit;
	z.suspended |= y->suspended;
	z.cfu = x->cfu != NULL ? x->cfu : y->cfu;
	z.cfs = x->cfs != NULL ? x->cfs : y->cfs;
	z.rule = x->rule != NULL ? x->rule : y->rule;
	z.rings = x->rings != NULL ? x->rings : y->rings;
	z.talks = x->talks != NULL ? x->talks : y->talks;
	z.dials = x->dials != NULL ? x->dials : y->dials;
	return z;
}

static void
expect_first(const struct pair_feature *x, const char *other, const char *said)
{
	size_t len = strlen(x->name);

	if (strncmp(said, "clir ", 5) == 0) /* alice hides, which is written down first of all */
		said = strstr(said, " | ") + 3;
	cr_expect(strncmp(said, x->name, len) == 0 && said[len] == ' ',
	    "%s before %s, but it is: %s", x->name, other, said);
}

struct pair {
	unsigned first, second;
};

static struct criterion_test_params
pairs_of(unsigned n, struct pair *pairs)
{
	size_t k = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = i + 1; j < n; j++)
			pairs[k++] = (struct pair){ i, j };
	return cr_make_param_array(struct pair, pairs, k);
}

ParameterizedTestParameters(worker_pairs, terminating_side)
{
	static struct pair pairs[N_TERMINATING * N_TERMINATING];

	return pairs_of(N_TERMINATING, pairs);
}

/* The caller hides, so that acr can act; the lists name him so. */
ParameterizedTest(struct pair *p, worker_pairs, terminating_side, .init = begin, .fini = rig_end)
{
	const struct pair_feature *x = &terminating[p->first], *y = &terminating[p->second];
	struct who z = both(&x->set, &y->set);

	if (z.talks != NULL)
		talk(carol, bob);
	put("alice", ALICE, &(struct who){ .s.clir = 1 });
	put("bob", BOB, &z);
	if (z.rule != NULL)
		put_rule(BOB, z.rule);
	if (x->list >= 0)
		list(BOB, (enum dir_list)x->list, x->listed);
	if (y->list >= 0)
		list(BOB, (enum dir_list)y->list, y->listed);
	expect_first(x, y->name, decided("alice", "bob"));
}

ParameterizedTestParameters(worker_pairs, originating_side)
{
	static struct pair pairs[N_ORIGINATING * N_ORIGINATING];

	return pairs_of(N_ORIGINATING, pairs);
}

/* Two that need different numbers never meet. */
ParameterizedTest(struct pair *p, worker_pairs, originating_side, .init = begin, .fini = rig_end)
{
	const struct pair_feature *x = &originating[p->first], *y = &originating[p->second];
	struct who z = both(&x->set, &y->set);

	if (x->set.dials != NULL && y->set.dials != NULL)
		return;
	if (z.talks != NULL)
		talk(alice, carol);
	if (z.suspended)
		tenant(true);
	put("alice", ALICE, &z);
	expect_first(x, y->name, decided("alice", z.dials != NULL ? z.dials : "5551234"));
}

/* When an emergency number calls back, none of them keeps it from him, nor sends it on; his other numbers
 * ring as well. */
ParameterizedTestParameters(worker_pairs, called_back)
{
	static unsigned all[N_TERMINATING];

	for (unsigned i = 0; i < N_TERMINATING; i++)
		all[i] = i;
	return cr_make_param_array(unsigned, all, N_TERMINATING);
}

ParameterizedTest(const unsigned *i, worker_pairs, called_back, .init = begin, .fini = rig_end)
{
	const struct pair_feature *x = &terminating[*i];
	const char *said;

	if (x->set.talks != NULL)
		talk(carol, bob);
	put("bob", BOB, &x->set);
	if (x->list >= 0)
		list(BOB, (enum dir_list)x->list,
		    strcmp(x->listed, "anonymous") == 0 ? "112" : x->listed);
	said = decided("112@203.0.113.7", "bob");
	cr_expect(strncmp(said, "emergency bob | route bob", 25) == 0, "%s: %s", x->name, said);
}

/* --- pairs that work together, or of two subscribers --------------------------------------------*/

static const struct row {
	const char *what;
	struct who alice_, bob_, carol_;
	const char *to, *decided;
} rows[] = {
	{ "do not disturb is busy to forwarding on busy", { .s.clir = 0 },
	    { .s.dnd = 1, .cfb = "carol" }, { .s.dnd = 0 }, "bob",
	    "dnd bob | forward bob | route carol" },
	{ "forwarding always goes before forwarding on busy", { .s.clir = 0 },
	    { .s.dnd = 1, .cfu = "carol", .cfb = "alice" }, { .s.dnd = 0 }, "bob",
	    "forward bob | route carol" },
	{ "of whom it reaches the settings act again", { .s.clir = 0 }, { .cfu = "carol" },
	    { .s.dnd = 1 }, "bob", "forward bob | dnd carol | 486" },
	{ "who hides is hidden from whom it reaches", { .s.clir = 1 }, { .cfu = "carol" },
	    { .s.acr = 1 }, "bob", "clir alice | forward bob | acr carol | 433" },
	{ "what he may not call he may not forward to", { .s.clir = 0 },
	    { .s.barring = BAR_OUTGOING, .cfu = "5551234" }, { .s.dnd = 0 }, "bob",
	    "forward bob | barring bob | 403" },
	{ "barring of the caller is none of the forwarder's", { .s.barring = BAR_OUTGOING },
	    { .cfu = "5551234" }, { .s.dnd = 0 }, "bob", "forward bob | route " },
	{ "nobody is forwarded to an emergency number", { .s.clir = 0 }, { .cfu = "112" },
	    { .s.dnd = 0 }, "bob", "forward bob | emergency bob | 403" },
	{ "a forwarder's code is not dialled", { .s.clir = 0 }, { .cfu = "*78" }, { .s.dnd = 0 },
	    "bob", "forward bob | route *78 | 404" },
	{ "who may not call outside may send on to the voicemail", { .s.clir = 0 },
	    { .s.barring = BAR_OUTGOING, .s.dnd = 1, .cfb = "800" }, { .s.dnd = 0 }, "bob",
	    "dnd bob | forward bob | voicemail bob | route " },
	{ "a short number may be the voicemail", { .s.barring = BAR_OUTGOING }, { .s.dnd = 0 },
	    { .s.dnd = 0 }, "7", "speed alice | voicemail alice | route " },
	{ "forwarding in a circle", { .s.clir = 0 }, { .cfu = "carol" }, { .cfu = "bob" }, "bob",
	    "forward bob | forward carol | route bob | 482" },
	{ "what a short number stands for may be barred", { .s.barring = BAR_OUTGOING },
	    { .s.dnd = 0 }, { .s.dnd = 0 }, "3", "speed alice | barring alice | 403" },
	{ "or an emergency number", { .s.barring = BAR_OUTGOING }, { .s.dnd = 0 }, { .s.dnd = 0 },
	    "4", "speed alice | emergency alice | route " },
	{ "or an orbit", { .s.barring = BAR_OUTGOING }, { .s.dnd = 0 }, { .s.dnd = 0 }, "5",
	    "speed alice | park alice | 480" },
	{ "a phone that calls by itself is barred all the same",
	    { .s.barring = BAR_OUTGOING, .s.hotline_immediate = 1, .hotline = "5550000" },
	    { .s.dnd = 0 }, { .s.dnd = 0 }, "bob", "hotline alice | barring alice | 403" },
	{ "its own number goes before short numbers",
	    { .s.hotline_immediate = 1, .hotline = "carol" }, { .s.dnd = 0 }, { .s.dnd = 0 }, "3",
	    "hotline alice | route carol" },
	{ "but not before an emergency number", { .s.hotline_immediate = 1, .hotline = "carol" },
	    { .s.dnd = 0 }, { .s.dnd = 0 }, "112", "emergency alice | route " },
	{ "whom he calls may be in do not disturb",
	    { .s.hotline_immediate = 1, .hotline = "carol" }, { .s.dnd = 0 }, { .s.dnd = 1 }, "bob",
	    "hotline alice | dnd carol | 486" },
	{ "a forwarder's hotline does not act", { .s.dnd = 0 },
	    { .s.hotline_immediate = 1, .hotline = "alice", .cfu = "carol" }, { .s.dnd = 0 }, "bob",
	    "forward bob | route carol" },
	{ "a forwarder's short numbers are not looked at", { .s.clir = 0 }, { .cfu = "3" },
	    { .s.dnd = 0 }, "bob", "forward bob | route " },
	{ "a short number is none to who is suspended", { .suspended = true }, { .s.dnd = 0 },
	    { .s.dnd = 0 }, "3", "speed alice | suspended alice | 403" },
	{ "nor to who is at his limit", { .s.call_limit = 1, .talks = "carol" }, { .s.dnd = 0 },
	    { .s.dnd = 0 }, "3", "speed alice | limit alice | 403" },
	{ "nor is the phone's own number",
	    { .suspended = true, .s.hotline_immediate = 1, .hotline = "5550000" }, { .s.dnd = 0 },
	    { .s.dnd = 0 }, "bob", "hotline alice | suspended alice | 403" },
	{ "whatever it is",
	    { .s = { .call_limit = 1, .hotline_immediate = 1 },
		.talks = "carol",
		.hotline = "5550000" },
	    { .s.dnd = 0 }, { .s.dnd = 0 }, "bob", "hotline alice | limit alice | 403" },
	{ "a code is dialled all the same", { .s.hotline_immediate = 1, .hotline = "carol" },
	    { .s.dnd = 0 }, { .s.dnd = 0 }, "*8", "code alice | 403" },
	{ "and an orbit is not", { .s.hotline_immediate = 1, .hotline = "carol" }, { .s.dnd = 0 },
	    { .s.dnd = 0 }, "701", "hotline alice | route carol" },
	{ "unless the phone calls it by itself", { .s.hotline_immediate = 1, .hotline = "701" },
	    { .s.dnd = 0 }, { .s.dnd = 0 }, "bob", "hotline alice | park alice | 480" },
	{ "a forward does not reach into an orbit", { .s.clir = 0 }, { .cfu = "701" },
	    { .s.dnd = 0 }, "bob", "forward bob | route 701 | 404" },
	{ "what a short number stands for is sent on", { .s.clir = 0 }, { .s.dnd = 0 },
	    { .cfu = "bob" }, "6", "speed alice | forward carol | route bob" },
	{ "or hears that he is not to be disturbed", { .s.clir = 0 }, { .s.dnd = 0 },
	    { .s.dnd = 1 }, "6", "speed alice | dnd carol | 486" },
	{ "emergency shows who hides", { .s.clir = 1 }, { .s.dnd = 0 }, { .s.dnd = 0 }, "112",
	    "emergency alice | route " },
};

/* Numbers, not pointers: a test is a process of its own. */
static struct criterion_test_params
numbers(unsigned n)
{
	static unsigned all[64];

	for (unsigned i = 0; i < n; i++)
		all[i] = i;
	return cr_make_param_array(unsigned, all, n);
}

ParameterizedTestParameters(worker_pairs, together)
{
	return numbers(sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(const unsigned *i, worker_pairs, together, .init = begin, .fini = rig_end)
{
	const struct row *r = &rows[*i];

	if (r->alice_.talks != NULL)
		talk(alice, carol);
	if (r->alice_.suspended)
		tenant(true);
	put("alice", ALICE, &r->alice_);
	put("bob", BOB, &r->bob_);
	put("carol", CAROL, &r->carol_);
	cr_expect_str_eq(
	    decided("alice", r->to), r->decided, "%s: %s", r->what, decided("alice", r->to));
}

/* --- members of a group -------------------------------------------------------------------------*/

static const struct member_row {
	const char *what;
	bool follow;
	struct who bob_;
	const char *decided;
} members[] = {
	{ "his forward is ignored", false, { .cfu = "carol" },
	    "group sales | forward bob | route bob" },
	{ "or followed", true, { .cfu = "carol" }, "group sales | forward bob | route carol" },
	{ "in do not disturb he is passed over", false, { .s.dnd = 1 },
	    "group sales | dnd bob | 486" },
	{ "and so when he has what he may", false, { .talks = "carol" },
	    "group sales | limit bob | 486" },
	{ "who hides does not reach who rejects that", false, { .s.acr = 1 },
	    "group sales | acr bob | 480" },
	{ "his other numbers do not ring", false, { .rings = "0 20 carol" },
	    "group sales | route bob" },
	{ "forwarding on busy of a member is ignored", false, { .s.dnd = 1, .cfb = "carol" },
	    "group sales | dnd bob | 486" },
};

ParameterizedTestParameters(worker_pairs, of_members)
{
	return numbers(sizeof(members) / sizeof(members[0]));
}

ParameterizedTest(const unsigned *i, worker_pairs, of_members, .init = begin, .fini = rig_end)
{
	const struct member_row *r = &members[*i];
	struct dir_group g = { .tenant = 1, .id = 5, .follow = r->follow, .ring_s = 20, .n = 1 };
	struct dir_group_text text = { SPAN("sales"), SPAN("600"), SPAN_NONE, { SPAN("bob") } };
	const char *said;

	g.members[0].logged_in = 1;
	g.members[0].weight = 1;
	cr_assert_eq(directory_put_group(&rig->directory, &g, &text), ERR_NONE);
	cr_assert_eq(
	    directory_put_number(&rig->directory, 1, SPAN("600"), DIR_NUMBER_GROUP, SPAN("sales")),
	    ERR_NONE);
	if (r->bob_.talks != NULL)
		talk(carol, bob);
	put("alice", ALICE, &(struct who){ .s.clir = r->bob_.s.acr });
	put("bob", BOB, &r->bob_);
	said = decided("alice", "600");
	if (strncmp(said, "clir alice | ", 13) == 0)
		said += 13;
	cr_expect_str_eq(said, r->decided, "%s: %s", r->what, said);
}
