/* What else may be a name: contacts, redirections, transfers, next hops of dialogs, and where a MESSAGE goes
 * (FLOWS.md S3-13). The bench plays the resolver. */
#include <string.h>

#include "worker_places.h"
#include "worker_refer.h"
#include "worker_texts.h"

TestSuite(worker_names, .init = places_begin, .fini = places_end);

/* --- contacts -----------------------------------------------------------------------------------*/

static void
bind_name(void)
{
	rig_forget_bindings();
	rig_bind("bob", "sip:bob@phone.test", "", 1000, 0);
}

Test(worker_names, S3_14_a_contact_by_name)
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
Test(worker_names, A13_a_contact_whose_name_leads_to_a_gateway)
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

Test(worker_names, A11_a_contact_whose_name_leads_to_us)
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
Test(worker_names, S3_13_the_next_hop_of_a_dialog_by_name)
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

Test(worker_names, S3_13_a_next_hop_that_is_not_in_dns_is_reached_as_it_came)
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
Test(worker_names, A11_a_next_hop_that_is_our_domain_is_not_asked_for)
{
	strcpy(first->contact, "sip:gw@example.com");
	calls("udp/203.0.113.1:5060");
	takes_call(first);
	resolver_hears_nothing();
	hangs_up(alice, first);
	rig_ends_empty(1);
}

/* The attempt for somebody who is transferred (BILLING.md R11). */
Test(worker_names, R11_a_transfer_to_a_gateway_by_name)
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

Test(worker_names, R11_a_transfer_to_a_name_that_is_not_there)
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

Test(worker_names, S4_14_a_message_to_a_gateway_by_name)
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

Test(worker_names, S4_14_a_message_when_the_name_is_known)
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

Test(worker_names, S4_14_a_message_to_a_name_that_is_not_there)
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
Test(worker_names, F1_a_worker_dies_while_the_name_for_a_message_is_looked_up)
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
