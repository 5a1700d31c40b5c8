/* Calls to gateways whose addresses DNS knows (FLOWS.md S3-13, S3-11). The bench plays the resolver. */
#include <string.h>

#include "worker_places.h"

TestSuite(worker_place, .init = places_begin, .fini = places_end);

Test(worker_place, S3_13_a_gateway_by_name)
{
	const char *text;

	dials(alice, "0012345", "", SDP_A);
	hears(alice, "100");
	hears_nothing(first);
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, BOTH);
	hears_nothing(second);
	text = hears(first, "INVITE");
	expect_has(text, "INVITE sip:0012345@gw.test");
	replies(first, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(first, "INVITE", 200, "", SDP_B);
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(first, "ACK");
	hangs_up(alice, first);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_place, S3_13_what_is_known_is_not_asked_again)
{
	calls(BOTH);
	takes_call(first);
	hangs_up(alice, first);
	rig_wait_ms(40000);
	dials(alice, "0012345", "", SDP_A);
	hears(alice, "100");
	resolver_hears_nothing();
	takes_call(first);
	hangs_up(alice, first);
	rig_ends_empty(2);
}

/* RFC 3263 4.3 */
Test(worker_place, S3_13_the_next_one_after_503)
{
	calls(BOTH);
	hears(first, "INVITE");
	replies(first, "INVITE", 503, "", "");
	hears(first, "ACK");
	takes_call(second);
	hangs_up(alice, second);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_place, S3_13_the_next_one_when_the_first_is_silent)
{
	calls(BOTH);
	wait_beside(first, 4500);
	hears_nothing(second);
	rig_wait_ms(520);
	takes_call(second);
	hangs_up(alice, second);
	wait_beside(first, 40000);
	rig_ends_empty(1);
}

Test(worker_place, S3_13_the_next_one_when_the_first_cannot_be_reached)
{
	calls(BOTH);
	hears(first, "INVITE");
	rig_unreachable(first);
	takes_call(second);
	hangs_up(alice, second);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* One that says something has the call, as long as it takes. */
Test(worker_place, S3_13_one_that_says_something_keeps_it)
{
	calls(BOTH);
	hears(first, "INVITE");
	replies(first, "INVITE", 100, "", "");
	rig_wait_ms(20000);
	hears_nothing(second);
	replies(first, "INVITE", 486, "", "");
	hears(first, "ACK");
	hears(alice, "486");
	hears_nothing(second);
	rig_ends_empty(1);
}

/* A silent one that answers after all, while the next one rings, is not lost. */
Test(worker_place, S1_11_the_silent_one_answers_late)
{
	calls(BOTH);
	until_given_up(first);
	hears(second, "INVITE");
	replies(second, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(first, "INVITE", 200, "", SDP_B);
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(first, "ACK");
	hears(second, "CANCEL");
	replies(second, "CANCEL", 200, "", "");
	replies(second, "INVITE", 487, "", "");
	hears(second, "ACK");
	hangs_up(alice, first);
	rig_ends_empty(1);
}

Test(worker_place, S3_13_both_are_down)
{
	calls(BOTH);
	hears(first, "INVITE");
	replies(first, "INVITE", 503, "", "");
	hears(first, "ACK");
	hears(second, "INVITE");
	replies(second, "INVITE", 503, "", "");
	hears(second, "ACK");
	hears(alice, "500");
	rig_ends_empty(1);
}

Test(worker_place, S3_13_another_gateway_after_all_places_of_the_first)
{
	static const uint64_t gateways[] = { GW, GW2 };
	struct phone *third = phone_at("gw2", "203.0.113.3");

	rig_gateway(GW2, "203.0.113.3", true);
	rig_route("00", 2, gateways);
	calls(BOTH);
	hears(first, "INVITE");
	replies(first, "INVITE", 503, "", "");
	hears(first, "ACK");
	hears_nothing(third);
	hears(second, "INVITE");
	replies(second, "INVITE", 503, "", "");
	hears(second, "ACK");
	takes_call(third);
	hangs_up(alice, third);
	rig_ends_empty(1);
}

Test(worker_place, S3_13_no_such_name)
{
	calls("");
	hears(alice, "500");
	/* What DNS said is known for a while. */
	dials(alice, "0012345", "", SDP_A);
	hears(alice, "100");
	hears(alice, "500");
	resolver_hears_nothing();
	rig_ends_empty(2);
}

Test(worker_place, S3_13_a_name_that_is_not_there_leads_to_the_next_gateway)
{
	static const uint64_t gateways[] = { GW, GW2 };
	struct phone *third = phone_at("gw2", "203.0.113.3");

	rig_gateway(GW2, "203.0.113.3", true);
	rig_route("00", 2, gateways);
	calls("");
	takes_call(third);
	hangs_up(alice, third);
	rig_ends_empty(1);
}

/* The resolver is down: 503 and when to try again, within its time. */
Test(worker_place, F4_nobody_resolves)
{
	const char *text;

	dials(alice, "0012345", "", SDP_A);
	hears(alice, "100");
	resolver_hears("gw.test");
	rig_wait_ms(3900);
	hears_nothing(alice);
	rig_wait_ms(200);
	text = hears(alice, "503");
	expect_has(text, "Retry-After:");
	rig_ends_empty(1);
}

Test(worker_place, S1_08_cancelled_while_the_name_is_looked_up)
{
	dials(alice, "0012345", "", SDP_A);
	hears(alice, "100");
	resolver_hears("gw.test");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	resolver_says("gw.test", 60, BOTH);
	hears_nothing(first);
	rig_ends_empty(1);
}

/* A kill -9 in between: the call stays, its name is asked for again. */
Test(worker_place, F1_a_worker_dies_while_a_name_is_looked_up)
{
	dials(alice, "0012345", "", SDP_A);
	hears(alice, "100");
	resolver_hears("gw.test");
	rig_restart(0);
	resolver_attach(0);
	rig_wait_ms(600);
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, BOTH);
	takes_call(first);
	hangs_up(alice, first);
	rig_ends_empty(1);
}

Test(worker_place, F1_a_worker_dies_between_two_places)
{
	calls(BOTH);
	hears(first, "INVITE");
	rig_restart(0);
	resolver_attach(0);
	until_given_up(first);
	takes_call(second);
	hangs_up(alice, second);
	wait_beside(first, 40000);
	rig_ends_empty(1);
}

/* A redirect server that answers with a name. */
Test(worker_place, S0_17_redirected_to_a_name)
{
	struct phone *third = phone_at("gw2", "203.0.113.3");

	calls("udp/203.0.113.1:5060");
	hears(first, "INVITE");
	replies(first, "INVITE", 302, "Contact: <sip:12345@other.test>\r\n", "");
	hears(first, "ACK");
	resolver_hears("other.test");
	resolver_says("other.test", 60, "udp/203.0.113.3:5060");
	takes_call(third);
	hangs_up(alice, third);
	rig_ends_empty(1);
}
