/*
 * Subscriptions, what they tell and in which order: the registrar's real code (registrar_rig.h).
 */
#include <stdio.h>

#include "registrar_rig.h"
#include "txn_rig.h"

TestSuite(subscription, .init = bench_begin, .fini = bench_forget);

/* --- tests -------------------------------------------------------------------------------------*/

Test(subscription_table, S4_13_table)
{
	rig_check_table(&subscription_fsm);
}

/* Whatever is under way, it can be ended, and its watcher's silence ends it. */
Test(subscription_table, S4_13_can_always_be_ended)
{
	for (uint8_t s = SUB_QUIET; s < SUB_ENDING; s++)
		cr_expect_not_null(
		    fsm_find(&subscription_fsm, s, SE_END), "%s", subscription_fsm.states[s]);
	for (uint8_t s = SUB_SENDING; s < SUB_GONE; s++)
		cr_expect_not_null(
		    fsm_find(&subscription_fsm, s, SE_LOST), "%s", subscription_fsm.states[s]);
}

Test(subscription, S4_13_one_at_a_time_and_the_newest)
{
	const char *first;

	bench_registered(1);
	bench_subscribe(600);
	cr_expect_eq(bench.n_sent, 0, "not before the answer to its SUBSCRIBE");
	bench_wait_ms(10);
	first = bench_expect(1, 1);
	bench_registered(2);
	bench_registered(3);
	bench_wait_ms(100);
	cr_expect_null(bench_next());
	bench_answer(first, 200);
	bench_wait_ms(10);
	bench_answer(bench_expect(2, 3), 200);
	bench_registered(2);
	bench_registered(3); /* and back again: nothing is new */
	bench_wait_ms(10);
	cr_expect_null(bench_next());
	bench.s = NULL;
}

Test(subscription, S4_13_pace)
{
	unsigned told = 0;
	const char *text;

	bench_subscribe(600);
	for (unsigned i = 0; i < 600; i++) {
		bench_registered(i % 10 + 1);
		bench_wait_ms(100);
		while ((text = bench_next()) != NULL) {
			bench_answer(text, 200);
			told++;
		}
	}
	/* A minute: 6 at once, and one for each 5 s. */
	cr_expect(told >= 16 && told <= 19, "%u", told);
	bench_wait_ms(6000);
	text = bench_next();
	cr_assert_not_null(text);
	cr_expect_eq(bench_contacts_in(text), 10);
}

Test(subscription, S4_13_expiry_to_the_second)
{
	const char *text;

	bench_subscribe(100);
	bench_wait_ms(10);
	bench_answer(bench_expect(1, 0), 200);
	bench_wait_ms(99900);
	cr_expect_null(bench_next());
	bench_wait_ms(200);
	text = bench_expect(2, 0);
	cr_expect_not_null(strstr(text, "Subscription-State: terminated;reason=timeout\r\n"));
	bench_answer(text, 200);
	bench_expect_empty();
}

/* The last NOTIFY waits for the one under way. */
Test(subscription, S4_13_ends_while_a_notify_is_under_way)
{
	const char *first;

	bench_subscribe(100);
	bench_wait_ms(10);
	first = bench_expect(1, 0);
	subscription_grant(bench.r, bench.s, 0);
	bench_wait_ms(100);
	cr_expect_null(bench_next());
	bench_answer(first, 200);
	bench_wait_ms(10);
	bench_answer(bench_expect(2, 0), 200);
	bench_expect_empty();
}

Test(subscription, S4_13_silence_ends_it)
{
	bench_subscribe(3600);
	bench_wait_ms(31900);
	cr_expect_eq(bench.r->subscriptions.live, 1);
	bench_wait_ms(200);
	cr_expect_eq(bench.r->subscriptions.live, 0);
	while (bench_next() != NULL)
		;
	bench_expect_empty();
}

/* No transaction is free: it is tried again, and the end is told too. */
Test(subscription, S4_13_no_room_for_a_notify)
{
	struct sip_flow nowhere = { 0 };
	struct txn *t;

	while ((t = txn_client_new(&bench.r->txns, SIP_NOTIFY, &nowhere, 0, true)) != NULL)
		;
	bench_subscribe(3);
	bench_wait_ms(3500);
	cr_expect_eq(bench.n_sent, 0);
	cr_expect_eq(bench.s->state, SUB_LAST);
	txn_drop(&bench.r->txns, pool_next(&bench.r->txn_pool, NULL));
	bench_wait_ms(1100);
	bench_answer(bench_expect(1, 0), 200);
	cr_expect_eq(bench.r->subscriptions.live, 0);
}

Test(subscription, S4_13_the_pool_is_full)
{
	for (unsigned i = 0; i < 8; i++)
		bench_subscribe(60);
	cr_expect_eq(subscriptions_of(bench.r, 7), 8);
	cr_expect_not(pool_has(&bench.r->subscriptions, 1, true));
}

struct told { /* by the NOTIFYs so far */
	unsigned cseq, version, contacts;
};

static void
hear(struct told *x)
{
	const char *text;

	while ((text = bench_next()) != NULL) {
		unsigned cseq = bench_number_after(text, "CSeq: ");
		unsigned version = bench_number_after(text, "full\" version=\"");

		cr_expect_geq(cseq, x->cseq);
		cr_expect_geq(version, x->version);
		cr_expect(cseq != x->cseq || version == x->version, "one number, two documents");
		*x = (struct told){ cseq, version, bench_contacts_in(text) };
		bench_answer(text, 200);
	}
}

/* A second of its life, the n-th. */
static void
live(unsigned n)
{
	bench.mortal = true;
	if (setjmp(bench.death) == 0) {
		if (n < 5)
			bench_registered(n + 1);
		if (n == 30)
			subscription_grant(bench.r, bench.s, 0);
		bench_wait_ms(1000);
	} else {
		bench_restart();
	}
	bench.mortal = false;
}

/* Killed when it sends its n-th message, for each n: nothing is told twice under one number, the newest
 * state arrives, nothing is left at the end. */
Test(subscription, S4_13_killed_at_each_message)
{
	for (unsigned die_at = 0; die_at < 12; die_at++) {
		struct told told = { 0 };

		bench.die_at = die_at;
		bench_subscribe(3600);
		for (unsigned i = 0; i < 60; i++) {
			live(i);
			hear(&told);
			if (i == 29)
				cr_expect_eq(told.contacts, 5);
		}
		bench_expect_empty();
		bench_forget();
	}
}

/* --- any order ---------------------------------------------------------------------------------*/

struct watcher {
	const char *last;   /* NOTIFY not yet answered */
	unsigned under_way; /* its CSeq; 0: none */
};

/* No NOTIFY comes while another is under way, but itself again. */
static void
take_all(struct watcher *x, bool answers)
{
	const char *text;

	while ((text = bench_next()) != NULL) {
		unsigned n = bench_number_after(text, "CSeq: ");

		cr_expect(x->under_way == 0 || x->under_way == n, "%u while %u", n, x->under_way);
		x->last = text;
		x->under_way = answers ? 0 : n;
		if (answers)
			bench_answer(text, 200);
	}
}

/* A watcher that answers again has the present state soon. */
static void
catch_up(struct watcher *x, unsigned contacts)
{
	if (x->last != NULL)
		bench_answer(x->last, 200);
	x->under_way = 0;
	subscription_grant(bench.r, bench.s, 36000);
	for (unsigned i = 0; i < 40; i++) {
		bench_wait_ms(1000);
		take_all(x, true);
	}
	cr_assert_not_null(x->last);
	cr_expect_eq(bench_contacts_in(x->last), contacts, "%s", x->last);
	bench_forget();
	*x = (struct watcher){ 0 };
}

/* Changes, answers, silences, refreshes and kills. */
Test(subscription, S4_13_any_order, .timeout = 120)
{
	unsigned seed = 1, contacts = 0;
	struct watcher x = { 0 };

	bench_subscribe(36000);
	for (unsigned i = 0; i < 3000; i++) {
		seed = seed * 1103515245 + 12345;
		switch (seed >> 16 & 7) {
		case 0:
		case 1:
			bench_registered(contacts = seed >> 20 & 7);
			break;
		case 2:
			bench_restart();
			break;
		case 3:
			subscription_grant(bench.r, bench.s, 36000);
			break;
		case 4:
			if (x.last != NULL)
				bench_answer(x.last, seed >> 24 & 1 ? 200 : 500);
			x.under_way = 0;
			break;
		default:
			bench_wait_ms(300);
			break;
		}
		take_all(&x, false);
		if (i % 60 == 59)
			catch_up(&x, contacts);
	}
}
