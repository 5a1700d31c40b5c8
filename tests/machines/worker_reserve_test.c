/* Memory is bounded and says so (DESIGN.md rule 7): what is full refuses new calls with 503, what
 * stands can still be ended, and nothing crashes. */
#include <string.h>

#include "worker_phone.h"

enum { TXNS_KEPT = 4096, LEGS_KEPT = 16, CALL_TXNS = 4 * TARGETS_MAX, HOGS = 8192 };

static void
size_is(uint32_t calls, uint32_t legs, uint32_t txns)
{
	rig_size = (struct rig_size){ calls, legs, txns, { 0, 0, 0, 4096, 0, 1024, 128, 8 } };
	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
}

#define carol (rig->phones[2])
#define dave  (rig->phones[3])

TestSuite(worker_reserve, .fini = rig_end);

static void
is_shed(void)
{
	const char *m;

	dials(carol, "dave", "", SDP_A);
	m = hears(carol, "503");
	cr_expect_eq(headers(m, "Retry-After"), 1);
	hears_nothing(dave);
	carol->remote_tag[0] = '\0';
}

static void
works_again(void)
{
	rig_wait_ms(40000);
	talk(carol, dave);
	hangs_up(carol, dave);
}

Test(worker_reserve, calls_are_full)
{
	size_is(1, 64, TXNS_KEPT + 512);
	talk(alice, bob);
	is_shed();
	cr_expect_eq(rig->w[0]->child.self->counters[COUNT_SHED], 1);
	hangs_up(alice, bob);
	works_again();
	rig_ends_empty(2);
}

Test(worker_reserve, legs_are_full)
{
	size_is(8, LEGS_KEPT + TARGETS_MAX + 2 + 1, TXNS_KEPT + 512);
	talk(alice, bob);
	is_shed();
	hangs_up(bob, alice);
	works_again();
	rig_ends_empty(2);
}

Test(worker_reserve, transactions_are_full)
{
	size_is(8, 64, TXNS_KEPT + CALL_TXNS + 1);
	talk(alice, bob);
	is_shed();
	says(bob, "INVITE", "", SDP_B); /* in a dialog: from the reserve */
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	hangs_up(alice, bob);
	works_again();
	rig_ends_empty(2);
}

static struct phone *
another_of(const char *user, const char *host)
{
	struct phone *p = phone_at(user, host);

	rig_bind(user, p->contact, host, 500, 0);
	return p;
}

static void
is_refused(struct phone *p, const char *dialled)
{
	dials(p, dialled, "", SDP_A);
	cr_expect_eq(headers(hears(p, "503"), "Retry-After"), 1);
	hears_nothing(alice);
	p->remote_tag[0] = '\0';
}

static void
there_is_no_route(struct phone *p, const char *dialled)
{
	dials(p, dialled, "", SDP_A);
	hears(p, "100");
	hears(p, "404");
	p->remote_tag[0] = '\0';
}

/* THREATS.md C3: one who lets it ring everywhere; what is answered or over does not count. */
Test(worker_reserve, C3_ringing_per_subscriber)
{
	struct phone *second, *third;

	size_is(8, 64, TXNS_KEPT + 512);
	rig->settings.limits.ringing_per_subscriber = 2;
	second = another_of("carol", "192.0.2.33");
	third = another_of("carol", "192.0.2.34");
	dials(carol, "dave", "", SDP_A);
	hears(carol, "100");
	hears(dave, "INVITE");
	dials(second, "bob", "", SDP_A);
	hears(second, "100");
	hears(bob, "INVITE");
	is_refused(third, "alice");
	rig_restart(0);
	is_refused(third, "alice");
	there_is_no_route(third, "112"); /* nobody in need is refused for that */
	replies(dave, "INVITE", 200, "", SDP_B);
	hears(dave, "ACK");
	hears(carol, "200 INVITE");
	acks(carol, "");
	talk(third, alice);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(second, "486");
	hangs_up(third, alice);
	hangs_up(carol, dave);
	rig_ends_empty(4);
}

/* In need is who calls his own country's number too, and behind a code; not who calls what looks like it. */
Test(worker_reserve, C3_C42_in_need)
{
	static const char *const help[] = { "17", ("sip:17@" RIG_HOST), "*67112", "#31#17" };
	static const char *const others[] = { "*67+0123456717", "#31#0123456717",
		"sip:17@elsewhere.test" };
	struct dir_tenant t = {
		.tenant = 1, .name = "office", .realm = "example.com", .country = "FR"
	};
	struct phone *second;

	size_is(8, 64, TXNS_KEPT + 512);
	rig->settings.limits.ringing_per_subscriber = 1;
	second = another_of("carol", "192.0.2.33");
	directory_put_code(&rig->directory, 0, SPAN("*67N"), SPAN("clir.call"));
	directory_put_code(&rig->directory, 0, SPAN("#31#N"), SPAN("clir.call"));
	cr_assert_eq(directory_put_emergency(&rig->directory, SPAN("FR17")), ERR_NONE);
	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
	dials(carol, "dave", "", SDP_A);
	hears(carol, "100");
	hears(dave, "INVITE");
	for (unsigned i = 0; i < sizeof(help) / sizeof(help[0]); i++)
		there_is_no_route(second, help[i]);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		is_refused(second, others[i]);
	replies(dave, "INVITE", 486, "", "");
	hears(dave, "ACK");
	hears(carol, "486");
	rig_ends_empty(5);
}

/* --- beyond the reserve -------------------------------------------------------------------------*/

static void *hogs[HOGS];
static unsigned n_hogs;
static struct arena hoard;

/* All transactions but so many. */
static void
hog_txns(uint32_t but)
{
	struct pool *p = &rig->w[0]->txn_pool;

	for (n_hogs = 0; pool_has(p, but + 1, true); n_hogs++)
		hogs[n_hogs] = pool_take(p, true);
}

static void
give_txns_back(void)
{
	while (n_hogs > 0)
		pool_drop(&rig->w[0]->txn_pool, hogs[--n_hogs]);
}

/* All of the heap but so many blocks. */
static void
hog_heap(unsigned but)
{
	struct heap *h = &rig->w[0]->heap;

	for (size_t n = HEAP_TAKE_MAX; n > 900; n = n > 20000 ? 16000 : n > 5000 ? 4000 : n - 100)
		while (heap_has(h, 0, but + 1) && arena_take(h, &hoard, 1, n) != NULL)
			;
}

static void
give_heap_back(void)
{
	arena_drop(&rig->w[0]->heap, &hoard);
}

Test(worker_reserve, no_transaction_at_all)
{
	size_is(8, 64, TXNS_KEPT + 512);
	talk(alice, bob);
	hog_txns(0);
	is_shed();
	says(alice, "OPTIONS", "", "");
	hears(alice, "200 OPTIONS");
	says(alice, "INVITE", "", SDP_A);
	cr_expect_eq(headers(hears(alice, "503"), "Retry-After"), 1);
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	give_txns_back();
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* THREATS.md F6: what is new is refused, what is up goes on. */
Test(worker_reserve, F6_no_heap_at_all)
{
	size_is(8, 64, TXNS_KEPT + 512);
	talk(alice, bob);
	hog_heap(0);
	is_shed();
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "503");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "BYE"); /* where the caller's leg had stood */
	replies(bob, "BYE", 200, "", "");
	give_heap_back();
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* A life that runs short of something at a certain moment. What was begun ends, whatever became of
 * it, and nothing stays behind. */
enum moment { AT_RINGING, AT_TALK, AT_OFFER, N_MOMENTS };

static void
live(enum moment when, void (*hog)(unsigned but), unsigned but)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	if (when == AT_RINGING)
		hog(but);
	replies(bob, "INVITE", 180, "", "");
	phones_serve(0);
	replies(bob, "INVITE", 200, "", SDP_B);
	phones_serve(0);
	if (when == AT_TALK)
		hog(but);
	says(bob, "INVITE", "", SDP("192.0.2.2", "4300", ""));
	if (when == AT_OFFER)
		hog(but);
	phones_serve(1000);
	if (alice->target[0] != '\0')
		says(alice, "BYE", "", "");
	phones_serve(1000);
}

static void
runs_short(void (*hog)(unsigned but), void (*give_back)(void), unsigned most)
{
	for (unsigned when = 0; when < N_MOMENTS; when++) {
		for (unsigned but = 0; but <= most; but++) {
			size_is(8, 64, TXNS_KEPT + 512);
			live(when, hog, but);
			give_back();
			phones_serve(230000);
			rig_expect_empty();
			cr_expect_eq(rig->closed, 1, "%u records; %u left at moment %u",
			    rig->closed, but, when);
			if (but < most || when + 1 < N_MOMENTS)
				rig_end();
		}
	}
}

Test(worker_reserve, short_of_transactions, .timeout = 120)
{
	runs_short(hog_txns, give_txns_back, 8);
}

Test(worker_reserve, F6_short_of_heap, .timeout = 120)
{
	runs_short(hog_heap, give_heap_back, 12);
}
