/* What *66 is about, and what is kept of it (SERVICES.md C37): the call that was dialled last and in vain, to somebody
 * here, as its caller wanted to be seen; bob is he who was meant, not who has his name later. */
#include <string.h>

#include "worker_refer.h"

enum { BOB = 4242 };

static void
put_bob(uint64_t id)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING, .tenant = 1, .id = id };
	struct dir_subscriber_text text = { .user = SPAN("bob"), .number = SPAN("1002") };

	digest_ha1(DIGEST_MD5, SPAN("bob"), SPAN("example.com"), SPAN("secret"), s.ha1.md5);
	s.ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
put_code(const char *pattern, const char *action)
{
	directory_put_code(&rig->directory, 0, span_str(pattern), span_str(action));
}

static void
begin(void)
{
	rig_new(2);
	phones_begin();
	phone_new("carol", "192.0.2.3");
	put_code("*66", "ccbs.set");
	put_code("*#37#", "ccbs.query");
	put_code("*67N", "clir.call");
	put_code("*82N", "clip.call");
	put_code("*870", "redial");
	put_bob(BOB);
}

TestSuite(worker_asked, .init = begin, .fini = rig_end);

/* She is rung when bob has hung up, and takes it. */
static void
is_called_back(void)
{
	hangs_up(bob, carol);
	waits(alice);
	rings(alice);
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
}

static void
bob_declines(void)
{
	replies(bob, "INVITE", 603, "", "");
	hears(bob, "ACK");
	is_released(alice);
}

static void
ends(void)
{
	phones_serve(2000);
	rig_wait_ms(64000);
	rig_expect_empty();
	rig_expect_all_closed();
}

/* --- which call it is about ---------------------------------------------------------------------*/

/* He was busy once, and then she talked with him. */
Test(worker_asked, not_after_a_call_that_was_answered)
{
	talk(carol, bob);
	finds_busy(alice, "bob");
	hangs_up(bob, carol);
	talk(alice, bob);
	hangs_up(alice, bob);
	is_refused(alice, "*66", "Nobody was called in vain");
	ends();
}

Test(worker_asked, not_after_it_was_completed)
{
	talk(carol, bob);
	finds_busy(alice, "bob");
	asks(alice, "*66", "completion");
	is_called_back();
	hears(bob, "INVITE");
	are_joined(alice, bob);
	hangs_up(alice, bob);
	is_refused(alice, "*66", "Nobody was called in vain");
	ends();
}

/* Whom she called is elsewhere; somebody here has the same number. */
Test(worker_asked, not_his_namesake_of_another_domain)
{
	struct phone *far = phone_at("1002", "203.0.113.7");

	rig->settings.allow_foreign = true;
	talk(carol, bob);
	finds_busy(alice, "1002");
	dials(alice, "sip:1002@203.0.113.7", "", SDP_A);
	hears(alice, "100");
	hears(far, "INVITE");
	replies(far, "INVITE", 486, "", "");
	hears(far, "ACK");
	hears(alice, "486");
	is_refused(alice, "*66", "Nobody was called in vain");
	is_refused(alice, "*870", "another domain");
	hangs_up(bob, carol);
	ends();
}

/* --- how she is seen ----------------------------------------------------------------------------*/

static void
is_seen_as(const char *number, const char *code, const char *name)
{
	const char *from;

	talk(carol, bob);
	finds_busy(alice, number);
	asks(alice, code, "completion");
	is_called_back();
	from = header(hears(bob, "INVITE"), "From");
	expect_has(from, name);
	bob_declines();
	ends();
}

Test(worker_asked, hidden_as_the_call_was)
{
	is_seen_as("*671002", "*66", "anonymous");
}

Test(worker_asked, shown_by_code)
{
	is_seen_as("*671002", "*82*66", "alice");
}

/* The latest counts, in the worker that was asked before or in another. */
static void
asks_again_at(unsigned worker)
{
	const char *from;

	talk(carol, bob);
	finds_busy(alice, "1002");
	asks(alice, "*66", "completion 1002");
	alice->worker = worker;
	rig_wait_ms(1200000);
	asks(alice, "*67*66", "completion 1002");
	asks(alice, "*%2337%23", "\"completion 1002\"");
	rig_wait_ms(1600000); /* more than 45 minutes after the first */
	asks(alice, "*%2337%23", "\"completion 1002\"");
	bob->worker = carol->worker = 0;
	hangs_up(bob, carol);
	bob->worker = worker;
	waits(alice);
	rings(alice);
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	from = header(hears(bob, "INVITE"), "From");
	expect_has(from, "anonymous");
	bob_declines();
	rig_wait_ms(60000);
	hears_nothing(alice);
	ends();
}

Test(worker_asked, again)
{
	asks_again_at(0);
}

Test(worker_asked, again_in_another_worker)
{
	asks_again_at(1);
}

/* --- whom it is for -----------------------------------------------------------------------------*/

/* The name is another's now. */
Test(worker_asked, not_who_has_his_name_later)
{
	talk(carol, bob);
	finds_busy(alice, "1002");
	asks(alice, "*66", "completion 1002");
	put_bob(BOB + 1);
	hangs_up(bob, carol);
	rig_wait_ms(3000000);
	hears_nothing(alice);
	ends();
}

/* As she is rung. A number of nobody would go to a gateway, at her cost. */
Test(worker_asked, the_number_has_gone)
{
	const uint64_t gw = 11;
	struct phone *far = phone_at("gw", "192.0.2.101");

	rig_gateway(gw, far->host, true);
	rig_route("1", 1, &gw);
	talk(carol, bob);
	finds_busy(alice, "1002");
	asks(alice, "*66", "completion 1002");
	hangs_up(bob, carol);
	waits(alice);
	rings(alice);
	directory_delete_subscriber(&rig->directory, 1, SPAN("bob"));
	directory_delete_number(&rig->directory, 1, SPAN("1002"));
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	is_released(alice);
	hears_nothing(far);
	ends();
}

/* --- our fault ----------------------------------------------------------------------------------*/

/* No room for the legs of his call, as she answers: she is rung again. */
Test(worker_asked, kept_when_we_have_no_room)
{
	static void *hogs[1024];
	unsigned n = 0;
	struct pool *p = &rig->w[0]->legs;

	talk(carol, bob);
	finds_busy(alice, "1002");
	asks(alice, "*66", "completion 1002");
	hangs_up(bob, carol);
	waits(alice);
	rings(alice);
	while (pool_has(p, TARGETS_MAX + 2, false))
		hogs[n++] = pool_take(p, false);
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears_nothing(bob);
	while (n > 0)
		pool_drop(p, hogs[--n]);
	is_released(alice);
	rig_read_store(0);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "failed");
	cr_expect_str_eq(rig_cdr("segment.1.sip_code"), "503");
	waits(alice);
	rings(alice);
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "INVITE");
	bob_declines();
	ends();
}
