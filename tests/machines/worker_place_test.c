/* Calls to names (FLOWS.md S3-13, S3-11): gateways, contacts and next hops whose addresses DNS knows. The
 * bench plays the resolver. */
#include <string.h>

#include "worker_refer.h"
#include "worker_resolver.h"
#include "worker_texts.h"

enum { GW = 7, GW2 = 8 };

static struct phone *first, *second; /* two addresses of one gateway */

static void
begin(void)
{
	static const uint64_t gateways[] = { GW };

	rig_begin();
	resolver_begin();
	rig_gateway(GW, "gw.test", true);
	rig_route("00", 1, gateways);
	first = phone_at("gw", "203.0.113.1");
	second = phone_at("gw", "203.0.113.2");
}

static void
end(void)
{
	resolver_end();
	rig_end();
}

TestSuite(worker_place, .init = begin, .fini = end);

#define BOTH "udp/203.0.113.1:5060 udp/203.0.113.2:5060"

/* A server that is down hears its INVITE again and again. */
static void
wait_beside(struct phone *dead, uint64_t ms)
{
	for (uint64_t t = 0; t <= ms; t += 500) {
		rig_wait_ms(t < ms ? 500 : 0);
		while (has_mail(dead))
			hears(dead, "INVITE");
	}
}

/* Until the next one is rung, and not much longer. */
static void
until_given_up(struct phone *dead)
{
	wait_beside(dead, 4500);
	rig_wait_ms(520);
	wait_beside(dead, 0);
}

static void
takes_call(struct phone *p)
{
	hears(p, "INVITE");
	replies(p, "INVITE", 200, "", SDP_B);
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(p, "ACK");
}

static void
calls(const char *places)
{
	dials(alice, "0012345", "", SDP_A);
	hears(alice, "100");
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, places);
}

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

/* --- contacts -----------------------------------------------------------------------------------*/

static void
bind_name(void)
{
	rig_forget_bindings();
	rig_bind("bob", "sip:bob@phone.test", "", 1000, 0);
}

Test(worker_place, S3_14_a_contact_by_name)
{
	const char *text;

	bind_name();
	dials(alice, "1002", "", SDP_A);
	hears(alice, "100");
	resolver_hears("phone.test");
	resolver_says("phone.test", 60, "udp/192.0.2.2:5060");
	text = hears(bob, "INVITE");
	expect_has(text, "INVITE sip:bob@phone.test");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(bob, "ACK");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* A name that DNS makes lead to a gateway, or back to us, is no contact. */
Test(worker_place, A13_a_contact_whose_name_leads_to_a_gateway)
{
	rig_gateway(GW2, "203.0.113.3", true);
	bind_name();
	dials(alice, "1002", "", SDP_A);
	hears(alice, "100");
	resolver_hears("phone.test");
	resolver_says("phone.test", 60, "udp/203.0.113.3:5060");
	hears(alice, "480");
	rig_ends_empty(1);
}

Test(worker_place, A11_a_contact_whose_name_leads_to_us)
{
	bind_name();
	dials(alice, "1002", "", SDP_A);
	hears(alice, "100");
	resolver_hears("phone.test");
	resolver_says("phone.test", 60, "udp/" RIG_HOST ":5060");
	hears(alice, "480");
	rig_ends_empty(1);
}

/* --- in a dialog --------------------------------------------------------------------------------*/

/* A peer whose Contact is a name: the way its answer came until DNS has said more. */
Test(worker_place, S3_13_the_next_hop_of_a_dialog_by_name)
{
	const char *text;

	strcpy(first->contact, "sip:gw@inner.test");
	calls("udp/203.0.113.1:5060");
	takes_call(first);
	resolver_hears("inner.test");
	resolver_says("inner.test", 60, "udp/203.0.113.9:5060");
	first->address.ip[3] = 9;
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	text = hears(first, "BYE");
	expect_has(text, "BYE sip:gw@inner.test");
	replies(first, "BYE", 200, "", "");
	rig_ends_empty(1);
}

Test(worker_place, S3_13_a_next_hop_that_is_not_in_dns_is_reached_as_it_came)
{
	strcpy(first->contact, "sip:gw@h2kd7.invalid");
	calls("udp/203.0.113.1:5060");
	takes_call(first);
	resolver_hears("h2kd7.invalid");
	resolver_says("h2kd7.invalid", 60, "");
	hangs_up(alice, first);
	rig_ends_empty(1);
}

/* A phone that writes its domain, which is ours, into its Contact. */
Test(worker_place, A11_a_next_hop_that_is_our_domain_is_not_asked_for)
{
	strcpy(first->contact, "sip:gw@example.com");
	calls("udp/203.0.113.1:5060");
	takes_call(first);
	resolver_hears_nothing();
	hangs_up(alice, first);
	rig_ends_empty(1);
}

/* The attempt for somebody who is transferred (BILLING.md R11). */
Test(worker_place, R11_a_transfer_to_a_gateway_by_name)
{
	talk(alice, bob);
	transfers(bob, "0012345");
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, BOTH);
	hears(first, "INVITE");
	replies(first, "INVITE", 503, "", "");
	hears(first, "ACK");
	rings(second);
	RINGING(bob);
	are_joined(alice, second);
	ENDS(bob, "200 OK");
	is_released(bob);
	hangs_up(alice, second);
	rig_ends_empty(1);
}

Test(worker_place, R11_a_transfer_to_a_name_that_is_not_there)
{
	talk(alice, bob);
	transfers(bob, "0012345");
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "");
	ENDS(bob, "500 Server Internal Error");
	hangs_up(alice, bob);
	rig_ends_empty(1);
}

/* --- MESSAGE ------------------------------------------------------------------------------------*/

static void
texts_out(void)
{
	texts_as(alice, "sip:0012345@example.com", "<sip:alice@example.com>", PLAIN, HELLO);
}

Test(worker_place, S4_14_a_message_to_a_gateway_by_name)
{
	texts_out();
	resolver_hears("gw.test");
	hears_nothing(alice);
	resolver_says("gw.test", 60, BOTH);
	hears(first, "MESSAGE");
	answers(first, 503, "");
	hears(second, "MESSAGE");
	answers(second, 200, "");
	hears(alice, "200");
	rig_ends_empty(0);
}

Test(worker_place, S4_14_a_message_when_the_name_is_known)
{
	texts_out();
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, BOTH);
	hears(first, "MESSAGE");
	answers(first, 200, "");
	hears(alice, "200");
	texts_out();
	resolver_hears_nothing();
	hears(first, "MESSAGE");
	answers(first, 200, "");
	hears(alice, "200");
	rig_ends_empty(0);
}

Test(worker_place, S4_14_a_message_to_a_name_that_is_not_there)
{
	static const uint64_t gateways[] = { GW, GW2 };
	struct phone *third = phone_at("gw2", "203.0.113.3");

	texts_out();
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, "");
	hears(alice, "500");
	rig_gateway(GW2, "203.0.113.3", true);
	rig_route("00", 2, gateways);
	texts_out();
	hears(third, "MESSAGE");
	answers(third, 200, "");
	hears(alice, "200");
	rig_ends_empty(0);
}

/* Nothing was sent: the sender repeats it, and it begins anew. */
Test(worker_place, F1_a_worker_dies_while_the_name_for_a_message_is_looked_up)
{
	char again[RIG_TEXT];

	texts_out();
	strcpy(again, last);
	resolver_hears("gw.test");
	rig_restart(0);
	resolver_attach(0);
	cr_assert(rig_deliver(0, again, &alice->address));
	resolver_hears("gw.test");
	resolver_says("gw.test", 60, BOTH);
	hears(first, "MESSAGE");
	answers(first, 200, "");
	hears(alice, "200");
	rig_ends_empty(0);
}
