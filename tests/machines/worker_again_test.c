/* Call return and redial (SERVICES.md C34, C35): alice calls bob; he calls back, she calls again. Carol's
 * calls are the other worker's. */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

static void
begin(void)
{
	rig_new(2);
	phones_begin();
	phone_new("carol", "192.0.2.3");
	carol->worker = 1;
	directory_put_code(&rig->directory, 0, SPAN("*69"), SPAN("return.call"));
	directory_put_code(&rig->directory, 0, SPAN("*870"), SPAN("redial"));
	directory_put_code(&rig->directory, 0, SPAN("**0#"), SPAN("redial"));
}

TestSuite(worker_again, .init = begin, .fini = rig_end);

/* a calls, and gives up while it rings. */
static void
misses(struct phone *a, const char *number, const char *more, struct phone *b)
{
	dials(a, number, more, SDP_A);
	hears(a, "100");
	b->worker = a->worker; /* what it answers goes where the call is */
	hears(b, "INVITE");
	replies(b, "INVITE", 180, "", "");
	hears(a, "180");
	cancels(a, "");
	hears(a, "200 CANCEL");
	hears(a, "487");
	hears(b, "CANCEL");
	replies(b, "CANCEL", 200, "", "");
	replies(b, "INVITE", 487, "", "");
	hears(b, "ACK");
	rig_wait_ms(1000);
}

Test(worker_again, returned)
{
	is_refused(bob, "*69", "Nobody has called");
	misses(alice, "bob", "", bob);
	misses(bob, "*69", "", alice);
	rig_ends_empty(3);
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "*69");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.1.payer_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "direct");
}

/* The latest counts, whichever worker had the call; it survives their kill. */
Test(worker_again, the_latest_of_all_workers)
{
	misses(alice, "bob", "", bob);
	misses(carol, "bob", "", bob);
	rig_restart(0);
	rig_restart(1);
	bob->worker = 0;
	misses(bob, "*69", "", carol);
	carol->worker = 1;
	misses(alice, "bob", "", bob);
	bob->worker = 1;
	misses(bob, "*69", "", alice);
	rig_ends_empty(5);
}

/* Who hides is not called back, and hides who called before him. */
Test(worker_again, withheld)
{
	misses(alice, "bob", "", bob);
	misses(carol, "bob", "Privacy: id\r\n", bob);
	bob->worker = 0;
	is_refused(bob, "*69", "withheld");
	rig_ends_empty(3);
}

/* What a stranger calls himself is not dialled for him: no code, no call for help, nobody's name here. */
Test(worker_again, a_callers_name_is_no_code)
{
	static const char *const names[] = { "*72%2B19005551234", "%23%23002%23", "112", "alice" };
	struct phone *gw = phone_at("gw", "192.0.2.101");
	char line[80];

	directory_put_code(&rig->directory, 0, SPAN("*72N"), SPAN("cfu.set"));
	rig_gateway(11, gw->host, true);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(
		    line, sizeof(line), "P-Asserted-Identity: <sip:%s@example.net>\r\n", names[i]);
		misses(gw, "1002", line, bob);
		bob->worker = 0;
		is_refused(bob, "*69", "withheld");
	}
	misses(gw, "1002", "P-Asserted-Identity: <sip:1001@example.net>\r\n", bob);
	bob->worker = 0;
	misses(bob, "*69", "", alice);
	rig_ends_empty(10);
}

Test(worker_again, redialled)
{
	is_refused(alice, "*870", "Nothing has been dialled");
	misses(alice, "1002", "", bob);
	misses(alice, "*870", "", bob);
	misses(alice, "**0%23", "", bob);
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1002");
	is_refused(bob, "*870", "Nothing has been dialled"); /* each has his own */
	rig_ends_empty(5);
}

/* With what was dialled before it for that call alone; what is dialled before the code goes before that. */
Test(worker_again, redialled_hidden)
{
	directory_put_code(&rig->directory, 0, SPAN("*67N"), SPAN("clir.call"));
	misses(alice, "*671002", "", bob);
	misses(alice, "*870", "", bob);
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "restricted");
	misses(alice, "*870", "", bob); /* not by the first time alone */
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "restricted");
	misses(alice, "1002", "", bob);
	misses(alice, "*870", "", bob);
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "allowed");
	rig_ends_empty(5);
}

/* What is dialled before the code replaces of that only what contradicts it. */
Test(worker_again, redialled_hidden_with_another_code)
{
	directory_put_code(&rig->directory, 0, SPAN("*67N"), SPAN("clir.call"));
	directory_put_code(&rig->directory, 0, SPAN("*82N"), SPAN("clip.call"));
	directory_put_code(&rig->directory, 0, SPAN("*70N"), SPAN("cw.off.call"));
	misses(alice, "*671002", "", bob);
	misses(alice, "*70*870", "", bob);
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "restricted");
	misses(alice, "*82*870", "", bob);
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "allowed");
	rig_ends_empty(3);
}

/* However many call meanwhile: that somebody wants no call completed any more is not forgotten. */
Test(worker_again, what_was_cancelled_stays_so)
{
	struct worker *w = rig->w[0];

	for (uint64_t account = 1; account <= 50; account++)
		recent_put(w, RECENT_CANCELLED, account, SPAN_NONE);
	for (uint64_t account = 1; account < 8u * WORKER_RECENTS; account++) {
		if (account % WORKER_RECENTS == 1)
			rig_wait_ms(1000);
		recent_put(w, RECENT_DIALLED, account, SPAN("1002"));
	}
	for (uint64_t account = 1; account <= 50; account++)
		cr_expect_neq(recent_at(w, RECENT_CANCELLED, account), 0);
	cr_expect_eq(recent_at(w, RECENT_DIALLED, 1), 0);
}

/* Who takes a place in a call dials nobody. */
Test(worker_again, a_place_is_no_number)
{
	misses(alice, "1002", "", bob);
	dials(alice, "carol", "Replaces: none;to-tag=a;from-tag=b\r\n", SDP_A);
	hears(alice, "100");
	hears(alice, "481");
	misses(alice, "*870", "", bob);
	rig_ends_empty(3);
}
