/*
 * RFC 3261 10.3 (6) and (7): after any sequence of REGISTERs the bindings are those of a model of
 * a few lines, and what the database was told last serves for a cold start.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registrar/registrar.h"

enum { URIS = 6, CALLS = 3, ROUNDS = 400, STEPS = 60 };

/* Two spellings of each: the same URI by 19.1.4. */
static const char *const uris[URIS][2] = {
	{ "sip:a@192.0.2.1", "SIP:a@192.0.2.1" },
	{ "sip:a@host.test;Expires=1800", "sip:a@HOST.test" },
	{ "sip:a@192.0.2.1:5060", "sip:%61@192.0.2.1:5060" },
	{ "sip:a@192.0.2.1;transport=tcp", "sip:a@192.0.2.1;Transport=TCP" },
	{ "sips:a@192.0.2.1", "sips:a@192.0.2.1" },
	{ "sip:A@192.0.2.1", "sip:A@192.0.2.1;x=1" },
};
static const char *const call_ids[CALLS] = { "one", "two", "three" };

/* --- the model ---------------------------------------------------------------------------------*/

struct entry {
	unsigned uri, call, cseq, q;
	int64_t expires, registered;
	bool touched;
};
struct model {
	unsigned n;
	struct entry of[URIS];
};
struct ask {
	unsigned uri, spelling, seconds, q;
};
struct step {
	unsigned call, cseq, n;
	bool star;
	struct ask asks[4];
};

static void
forget(struct model *m, unsigned i)
{
	m->of[i] = m->of[--m->n];
}

static unsigned
model_ask(struct model *m, const struct step *s, const struct ask *a, int64_t now)
{
	struct entry e = { a->uri, s->call, s->cseq, a->q, now + a->seconds * 1000, now, true };
	unsigned i = 0;

	while (i < m->n && m->of[i].uri != a->uri)
		i++;
	if (i < m->n && !m->of[i].touched && m->of[i].call == s->call && s->cseq <= m->of[i].cseq)
		return 500;
	if (i < m->n)
		forget(m, i);
	if (a->seconds > 0)
		m->of[m->n++] = e;
	return 0;
}

static void
model_expire(struct model *m, int64_t now)
{
	for (unsigned i = 0; i < m->n;) {
		m->of[i].touched = false;
		if (m->of[i].expires <= now)
			forget(m, i);
		else
			i++;
	}
}

static unsigned
model_step(struct model *m, const struct step *s, const struct policy *p)
{
	struct model new = *m;
	unsigned before = m->n, status = 0;
	unsigned most = p->contacts == DIR_CONTACTS_SINGLE ? 1 : p->most;

	if (s->star) {
		for (unsigned i = 0; i < m->n; i++)
			if (m->of[i].call == s->call && s->cseq <= m->of[i].cseq)
				return 500;
		m->n = 0;
		return 0;
	}
	for (unsigned i = 0; i < s->n && status == 0; i++)
		status = model_ask(&new, s, &s->asks[i], p->now_ms);
	if (status == 0 && p->contacts == DIR_CONTACTS_REJECT && new.n > most &&new.n > before)
		status = 503;
	while (p->contacts != DIR_CONTACTS_REJECT && new.n > most) {
		unsigned oldest = 0;

		for (unsigned i = 1; i < new.n; i++)
			if (new.of[i].registered < new.of[oldest].registered)
				oldest = i;
		forget(&new, oldest);
	}
	if (status == 0)
		*m = new;
	return status;
}

/* --- the same through the real thing -----------------------------------------------------------*/

static struct registration
registration_of(const struct step *s)
{
	struct registration reg = { .tenant = 1,
		.user = SPAN("bob"),
		.call_id = span_str(call_ids[s->call]),
		.user_agent = SPAN("test"),
		.cseq = s->cseq,
		.star = s->star,
		.n = s->n };

	for (unsigned i = 0; i < s->n; i++) {
		struct asked *a = &reg.asked[i];

		cr_assert_eq(
		    sip_uri_parse(span_str(uris[s->asks[i].uri][s->asks[i].spelling]), &a->uri),
		    ERR_NONE);
		a->expires_s = s->asks[i].seconds;
		a->q = (uint16_t)s->asks[i].q;
		a->flow.transport = SIP_T_UDP;
	}
	return reg;
}

struct world {
	struct loc_buf stands, told; /* the table; the database's copy */
	struct model model;
	struct policy policy;
};

static const struct location *
location_of(struct loc_buf *b, int64_t now, struct loc_buf *copy)
{
	*copy = *b;
	return b->len == 0 ? NULL : loc_check(copy, now);
}

static unsigned
real_step(struct world *w, const struct step *s)
{
	struct registration reg = registration_of(s);
	struct loc_buf copy;
	struct bindings b;
	struct verdict v;
	struct span value;

	bindings_read(location_of(&w->stands, INT64_MIN, &copy), w->policy.now_ms, &b);
	v = bindings_apply(&reg, &w->policy, &b);
	if (v.status != 0)
		return v.status;
	value = bindings_write(&b, 1, &w->stands);
	cr_assert(b.n == 0 || value.p != NULL);
	w->stands.len = b.n == 0 ? 0 : value.len;
	if (b.tell)
		w->told = w->stands;
	return 0;
}

static unsigned
uri_index(struct span text)
{
	struct sip_uri found, known;

	cr_assert_eq(sip_uri_parse(text, &found), ERR_NONE);
	for (unsigned i = 0; i < URIS; i++) {
		cr_assert_eq(sip_uri_parse(span_str(uris[i][0]), &known), ERR_NONE);
		if (sip_uri_equal(&found, &known))
			return i;
	}
	cr_assert_fail("an unknown contact");
	return URIS;
}

static const struct entry *
model_find(const struct model *m, unsigned uri)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->of[i].uri == uri)
			return &m->of[i];
	return NULL;
}

static void
compare(struct world *w)
{
	struct loc_buf copy;
	const struct location *loc = location_of(&w->stands, w->policy.now_ms, &copy);

	cr_assert_eq(loc == NULL ? 0 : loc->n, w->model.n);
	for (unsigned i = 0; loc != NULL && i < loc->n; i++) {
		const struct binding *b = &loc->bindings[i];
		const struct entry *e = model_find(&w->model, uri_index(loc_text(loc, b->contact)));

		cr_assert_not_null(e);
		cr_assert_eq(b->expires_ms, e->expires);
		cr_assert_eq(b->cseq, e->cseq);
		cr_assert(span_eq(loc_text(loc, b->call_id), span_str(call_ids[e->call])));
		cr_assert(i == 0 || b[-1].q > b->q ||
			  (b[-1].q == b->q && b[-1].registered_ms >= b->registered_ms));
	}
}

/* A cold start now: everybody who is there is there still, with nearly all of his time. */
static void
compare_told(struct world *w)
{
	struct loc_buf copy;
	const struct location *loc = location_of(&w->told, INT64_MIN, &copy);

	for (unsigned i = 0; i < w->model.n; i++) {
		const struct entry *e = &w->model.of[i];
		int64_t life = e->expires - e->registered, allowed = life / 10;
		int64_t told = INT64_MIN;

		for (unsigned k = 0; loc != NULL && k < loc->n; k++)
			if (uri_index(loc_text(loc, loc->bindings[k].contact)) == e->uri)
				told = loc->bindings[k].expires_ms;
		allowed = allowed < 30000 ? allowed : 30000;
		cr_assert_geq(told, e->expires - allowed - 1000);
	}
}

static struct step
random_step(const struct policy *p)
{
	static const unsigned seconds[] = { 0, 60, 600, 3600 };
	bool one_by_one = p->contacts == DIR_CONTACTS_SINGLE ||
			  (p->contacts == DIR_CONTACTS_REPLACE && p->most < URIS);
	struct step s = { .call = (unsigned)rand() % CALLS,
		.cseq = (unsigned)rand() % 40,
		.star = rand() % 20 == 0 };

	/* Which of several of one age has to go is not the model's business. */
	s.n = s.star ? 0 : (unsigned)rand() % (one_by_one ? 2 : 5);
	for (unsigned i = 0; i < s.n; i++)
		s.asks[i] = (struct ask){ (unsigned)rand() % URIS, (unsigned)rand() % 2,
			seconds[rand() % 4], 250 * ((unsigned)rand() % 5) };
	return s;
}

Test(bindings, equal_a_model, .timeout = 120)
{
	struct world *w = calloc(1, sizeof(*w));

	srand(20260);
	for (unsigned round = 0; round < ROUNDS; round++) {
		memset(w, 0, sizeof(*w));
		w->policy = (struct policy){ .contacts = (enum dir_contacts)(rand() % 3),
			.most = 1 + (unsigned)rand() % 6,
			.node = SPAN("n"),
			.now_ms = 1000000000 };
		for (unsigned i = 0; i < STEPS; i++) {
			struct step s = random_step(&w->policy);

			w->policy.now_ms += 1 + rand() % (rand() % 4 == 0 ? 300000 : 9000);
			model_expire(&w->model, w->policy.now_ms);
			cr_assert_eq(real_step(w, &s), model_step(&w->model, &s, &w->policy));
			compare(w);
			compare_told(w);
		}
	}
	free(w);
}

/* --- single rules ------------------------------------------------------------------------------*/

static struct bindings *
one(struct registration *reg, const struct policy *p)
{
	struct bindings *b = calloc(1, sizeof(*b));

	cr_assert_eq(bindings_apply(reg, p, b).status, 0);
	return b;
}

static struct registration
flow_of(const char *uri, const char *call_id, unsigned reg_id)
{
	struct registration reg = { .tenant = 1, .call_id = span_str(call_id), .cseq = 1, .n = 1 };

	cr_assert_eq(sip_uri_parse(span_str(uri), &reg.asked[0].uri), ERR_NONE);
	reg.asked[0].expires_s = 600;
	reg.asked[0].instance = SPAN("\"<urn:uuid:1>\"");
	reg.asked[0].reg_id = (uint16_t)reg_id;
	return reg;
}

static const struct policy plain = { DIR_CONTACTS_REPLACE, 5, { "n", 1 }, 1000000 };

/* RFC 5626 6: instance and reg-id name the binding, not the URI. */
Test(bindings, flows_of_one_device)
{
	struct registration a = flow_of("sip:a@192.0.2.1", "x", 1);
	struct registration again = flow_of("sip:a@192.0.2.2", "y", 1);
	struct registration second = flow_of("sip:a@192.0.2.2", "z", 2);
	struct bindings *b = one(&a, &plain);

	cr_assert_eq(bindings_apply(&again, &plain, b).status, 0);
	cr_assert_eq(b->n, 1);
	cr_assert(span_eq(b->of[0].text.contact, SPAN("sip:a@192.0.2.2")));
	cr_assert_eq(bindings_apply(&second, &plain, b).status, 0);
	cr_assert_eq(b->n, 2);
	free(b);
}

/* C7: a pure refresh is told to the database only when its copy falls behind. */
Test(bindings, pure_refresh_is_not_told)
{
	struct registration reg = flow_of("sip:a@192.0.2.1", "x", 0);
	struct policy p = plain;
	struct bindings *b = one(&reg, &p);

	for (unsigned s = 1; s < 30; s++) {
		p.now_ms += 1000;
		reg.cseq++;
		b->tell = false;
		b->of[0].touched = false;
		cr_assert_eq(bindings_apply(&reg, &p, b).status, 0);
		cr_expect_not(b->tell, "after %u s", s);
	}
	p.now_ms += 1000;
	reg.cseq++;
	b->of[0].touched = false;
	cr_assert_eq(bindings_apply(&reg, &p, b).status, 0);
	cr_expect(b->tell, "30 s");
	b->tell = false;
	b->of[0].touched = false;
	reg.cseq++;
	reg.asked[0].flow.peer.port = 6000;
	cr_assert_eq(bindings_apply(&reg, &p, b).status, 0);
	cr_expect(b->tell, "from another port");
	free(b);
}

/* As many as the table takes, each as long as may be, do not fit: said so, and nothing cut. */
Test(bindings, too_large_a_value)
{
	struct registration reg = { .tenant = 1, .call_id = SPAN("x"), .cseq = 1, .n = 16 };
	struct policy p = plain;
	static char text[16][1100];
	struct loc_buf room;
	struct bindings *b;

	p.most = 16;
	for (unsigned i = 0; i < 16; i++) {
		snprintf(text[i], sizeof(text[i]), "sip:a@192.0.2.%u;x=%01000u", i, i);
		cr_assert_eq(sip_uri_parse(span_str(text[i]), &reg.asked[i].uri), ERR_NONE);
		reg.asked[i].expires_s = 600;
	}
	b = one(&reg, &p);
	cr_expect_eq(b->n, 16);
	cr_expect_null(bindings_write(b, 1, &room).p);
	free(b);
}
