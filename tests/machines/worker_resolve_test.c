/* resolve: names on their way to addresses, with the resolver's part played by the bench (FLOWS.md
 * S3-13). */
#include <stdio.h>
#include <string.h>

#include "worker_resolver.h"

/* A double: what calls would hear. */
static struct {
	handle call;
	uint32_t which;
	struct resolved r;
} told[32];
static unsigned n_told;
static const char *ask_then; /* asked for by whoever is told */

static enum err
ask(const char *text, handle call, uint32_t which, struct resolved *r)
{
	struct sip_uri uri;

	cr_assert_eq(sip_uri_parse(span_str(text), &uri), ERR_NONE);
	call |= handle_make(handle_owner_of(KIND_CALL, proc_of(ROLE_WORKER, 0)), 0, 0);
	return resolve_start(rig->w[0], &uri, call, which, r);
}

/* The linker puts it in the place of the calls' own. */
void __wrap_call_on_resolved(
    struct worker *w, handle call, uint32_t which, const struct resolved *r);

void
__wrap_call_on_resolved(struct worker *w, handle call, uint32_t which, const struct resolved *r)
{
	struct resolved next;

	(void)w;
	cr_assert_lt(n_told, 32);
	told[n_told].call = call;
	told[n_told].which = which;
	told[n_told++].r = *r;
	if (ask_then != NULL)
		cr_expect_eq(ask(ask_then, call, which + 100, &next), ERR_AGAIN);
	ask_then = NULL;
}

static void
begin(void)
{
	rig_new(1);
	resolver_begin();
	n_told = 0;
}

static void
end(void)
{
	resolver_end();
	rig_end();
}

TestSuite(worker_resolve, .init = begin, .fini = end);

static void
expect_place(const struct resolved *r, unsigned i, const char *want)
{
	char text[64];
	struct buf b = buf_on(text, sizeof(text) - 1);

	cr_assert_lt(i, r->n);
	netaddr_put(&b, &r->places[i].address);
	text[b.len] = '\0';
	cr_expect_str_eq(text, want);
}

Test(worker_resolve, addresses_need_nobody)
{
	struct resolved r;

	cr_assert_eq(ask("sip:x@192.0.2.9:5070", 1, 1, &r), ERR_NONE);
	cr_assert_eq(r.n, 1);
	expect_place(&r, 0, "192.0.2.9:5070");
	cr_expect_eq(resolve_flow(rig->w[0], &r.places[0]).listener, 0);
	cr_expect_eq(ask("sip:192.0.2.9;transport=tcp", 1, 1, &r), ERR_DENIED);
	cr_expect_eq(ask("sips:gw.test", 1, 1, &r), ERR_DENIED);
	cr_expect_eq(ask("tel:+1555", 1, 1, &r), ERR_SYNTAX);
	resolver_hears_nothing();
}

Test(worker_resolve, a_name_is_asked_for_once)
{
	struct resolved r;

	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(ask("sip:gw.test", 77, i, &r), ERR_AGAIN);
	cr_assert_eq(ask("sip:GW.test;lr", 78, 5, &r), ERR_AGAIN);
	resolver_hears("gw.test");
	resolver_hears_nothing();
	resolver_says("gw.test", 60, "udp/192.0.2.5:5060 udp/192.0.2.6:5070");
	cr_assert_eq(n_told, 6);
	for (unsigned i = 0; i < 6; i++) {
		cr_expect_eq(handle_generation(told[i].call), i < 5 ? 77 : 78);
		cr_expect_eq(told[i].which, i);
		cr_expect_eq(told[i].r.status, LOCATE_FOUND);
		expect_place(&told[i].r, 0, "192.0.2.5:5060");
		expect_place(&told[i].r, 1, "192.0.2.6:5070");
	}
}

/* The time to live: no round trip within it, one after it. */
Test(worker_resolve, a_known_name_costs_nothing)
{
	struct resolved r;

	ask("sip:gw.test", 1, 1, &r);
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "udp/192.0.2.5:5060");
	rig_wait_ms(59000);
	cr_assert_eq(ask("sip:gw.test", 1, 2, &r), ERR_NONE);
	expect_place(&r, 0, "192.0.2.5:5060");
	resolver_hears_nothing();
	rig_wait_ms(2000);
	cr_assert_eq(ask("sip:gw.test", 1, 3, &r), ERR_AGAIN);
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "udp/192.0.2.7:5060");
	expect_place(&told[1].r, 0, "192.0.2.7:5060");
}

Test(worker_resolve, other_questions_are_others)
{
	struct resolved r;

	ask("sip:gw.test", 1, 1, &r);
	ask("sip:gw.test:5061", 1, 2, &r);
	ask("sip:gw.test;transport=udp", 1, 3, &r);
	resolver_hears("gw.test");
	resolver_hears("gw.test");
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "udp/192.0.2.5:5060");
	cr_assert_eq(n_told, 1);
	cr_expect_eq(told[0].which, 3);
}

Test(worker_resolve, no_such_name)
{
	struct resolved r;

	ask("sip:gw.test", 1, 1, &r);
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "");
	cr_assert_eq(n_told, 1);
	cr_expect_eq(told[0].r.status, LOCATE_NONE);
	cr_expect_eq(told[0].r.n, 0);
	cr_assert_eq(ask("sip:gw.test", 1, 2, &r), ERR_NONE);
	cr_expect_eq(r.status, LOCATE_NONE);
}

Test(worker_resolve, who_is_told_may_ask_for_more)
{
	struct resolved r;

	ask("sip:a.test", 1, 1, &r);
	ask("sip:a.test", 1, 2, &r);
	resolver_hears("a.test");
	ask_then = "sip:b.test";
	resolver_says("a.test", 60, "udp/192.0.2.5:5060");
	cr_assert_eq(n_told, 2);
	resolver_hears("b.test");
	resolver_says("b.test", 60, "udp/192.0.2.6:5060");
	cr_assert_eq(n_told, 3);
	cr_expect_eq(told[2].which, 101);
}

/* --- when nobody answers ------------------------------------------------------------------------*/

Test(worker_resolve, silence_ends_after_a_while)
{
	struct resolved r;

	ask("sip:gw.test", 1, 1, &r);
	resolver_hears("gw.test");
	rig_wait_ms(RESOLVE_MS - 100);
	cr_expect_eq(n_told, 0);
	rig_wait_ms(200);
	cr_assert_eq(n_told, 1);
	cr_expect_eq(told[0].r.status, LOCATE_FAILED);
	/* Its answer comes too late, and is nobody's. */
	resolver_says("gw.test", 0, "udp/192.0.2.5:5060");
	cr_expect_eq(n_told, 1);
	resolver_hears_nothing();
}

Test(worker_resolve, what_was_known_is_better_than_nothing)
{
	struct resolved r;

	ask("sip:gw.test", 1, 1, &r);
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "udp/192.0.2.5:5060");
	rig_wait_ms(61000);
	ask("sip:gw.test", 1, 2, &r);
	resolver_hears("gw.test");
	rig_wait_ms(RESOLVE_MS + 100);
	cr_assert_eq(n_told, 2);
	expect_place(&told[1].r, 0, "192.0.2.5:5060");
}

Test(worker_resolve, F4_a_resolver_that_died_is_asked_again)
{
	struct resolved r;

	ask("sip:gw.test", 1, 1, &r);
	resolver_dies();
	rig_wait_ms(600);
	resolver_hears("gw.test");
	rig_wait_ms(1200);
	resolver_hears_nothing(); /* once for each life of it */
	resolver_says("gw.test", 60, "udp/192.0.2.5:5060");
	cr_assert_eq(n_told, 1);
	expect_place(&told[0].r, 0, "192.0.2.5:5060");
}

/* An answer to a worker that was killed is not taken for one to its successor. */
Test(worker_resolve, F1_a_successor_begins_anew)
{
	struct resolved r;

	ask("sip:gw.test", 1, 1, &r);
	resolver_hears("gw.test");
	rig_restart(0);
	resolver_attach(0);
	ask("sip:other.test", 1, 2, &r);
	resolver_hears("other.test");
	resolver_says("gw.test", 0, "udp/192.0.2.5:5060");
	cr_expect_eq(n_told, 0);
	resolver_says("other.test", 0, "udp/192.0.2.6:5060");
	cr_assert_eq(n_told, 1);
	cr_expect_eq(told[0].which, 2);
}

/* --- bounds -------------------------------------------------------------------------------------*/

Test(worker_resolve, more_than_may_wait)
{
	struct resolved r;
	unsigned waiting = 0;

	while (waiting < 100000 && ask("sip:gw.test", 5, waiting, &r) == ERR_AGAIN)
		waiting++;
	cr_expect_lt(waiting, 100000);
	cr_expect_eq(ask("sip:gw.test", 5, 0, &r), ERR_FULL);
	cr_expect_eq(ask("sip:other.test", 5, 0, &r), ERR_FULL);
	cr_expect_eq(ask("sip:192.0.2.1", 5, 0, &r), ERR_NONE);
}

Test(worker_resolve, more_names_than_may_be_asked_for)
{
	struct resolved r;
	char uri[64];
	enum err e = ERR_AGAIN;
	unsigned i;

	for (i = 0; i < 100000 && e == ERR_AGAIN; i++) {
		snprintf(uri, sizeof(uri), "sip:h%u.test", i);
		e = ask(uri, 5, i, &r);
	}
	cr_expect_eq(e, ERR_FULL);
}

Test(worker_resolve, an_answer_that_is_not_sound)
{
	struct locate_plan bad = { .status = LOCATE_FOUND, .n = 1 };
	struct resolved r;

	ask("sip:gw.test", 1, 1, &r);
	resolver_hears("gw.test");
	resolver_sends(resolver_ticket("gw.test"), &bad, plan_bytes(&bad));
	resolver_sends(resolver_ticket("gw.test"), &bad, 3);
	bad.n = 1000;
	resolver_sends(resolver_ticket("gw.test"), &bad, sizeof(bad));
	cr_expect_eq(n_told, 0);
	resolver_says("gw.test", 60, "udp/192.0.2.5:5060");
	cr_expect_eq(n_told, 1);
}
