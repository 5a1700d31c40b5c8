/* Who one talks with now, after a transfer (RFC 4916, RFC 3325; C14 of SERVICES.md). */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

TestSuite(worker_connected, .init = refer_begin, .fini = rig_end);

/* Alice calls bob, who sends her on to carol; what she hears then. */
static const char *
is_sent_on(const char *supports)
{
	dials(alice, "bob", supports, SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	replies(carol, "INVITE", 200, "", SDP_C);
	return hears(alice, "INVITE");
}

static void
ends(void)
{
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(carol, "ACK");
	hears(alice, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	hangs_up(alice, carol);
	rig_ends_empty(1);
}

/* Who does not say that From may change sees the one he knows. */
Test(worker_connected, from_stays)
{
	const char *m = is_sent_on("");

	expect_has(header(m, "From"), "<sip:bob@example.com>");
	cr_expect_eq(headers(m, "P-Asserted-Identity"), 0);
	ends();
}

Test(worker_connected, from_changes)
{
	const char *m = is_sent_on("Supported: from-change\r\n");

	expect_has(header(m, "From"), "<sip:carol@example.com>;tag=");
	ends();
}

Test(worker_connected, who_is_trusted_is_told)
{
	const char *m;

	cr_assert_eq(netaddr_ip(span_str(alice->host), &rig->settings.trusted[0]), ERR_NONE);
	rig->settings.n_trusted = 1;
	m = is_sent_on("");
	expect_has(header(m, "P-Asserted-Identity"), "@example.com>");
	ends();
}

static void
begin_two(void)
{
	attended_begin(2);
}

/* The same when carol is in another call, of another worker. */
TestSuite(worker_connected_across, .init = begin_two, .fini = rig_end);

Test(worker_connected_across, from_changes)
{
	dials(alice, "bob", "Supported: from-change\r\n", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	bob2_is_bobs();
	dials(bob2, "carol", "", SDP("192.0.2.22", "4010", ""));
	hears(bob2, "100");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "Supported: from-change\r\n", SDP_C);
	hears(carol, "ACK");
	hears(bob2, "200 INVITE");
	acks(bob2, "");
	transfer_is_tried();
	expect_has(header(hears(carol, "INVITE"), "From"), "<sip:alice@example.com>;tag=");
	replies(carol, "INVITE", 200, "", SDP_C);
	rig_wait_ms(1);
	expect_has(header(hears(alice, "INVITE"), "From"), "<sip:carol@example.com>;tag=");
	replies(alice, "INVITE", 200, "", SDP_A);
	rig_wait_ms(1);
	hears(alice, "ACK");
	hears(carol, "ACK");
	ENDS(bob, "200 OK");
	is_released(bob);
	is_released(bob2);
	hangs_up_across(alice, carol);
	rig_ends_empty(2);
}

/* Who hides stays hidden. */
Test(worker_connected_across, hidden)
{
	dials(alice, "bob", "Privacy: id\r\n", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	bob2_is_bobs();
	dials(bob2, "carol", "", SDP("192.0.2.22", "4010", ""));
	hears(bob2, "100");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 200, "Supported: from-change\r\n", SDP_C);
	hears(carol, "ACK");
	hears(bob2, "200 INVITE");
	acks(bob2, "");
	transfer_is_tried();
	expect_lacks(hears(carol, "INVITE"), "sip:alice@");
	replies(carol, "INVITE", 488, "", "");
	hears(carol, "ACK");
	rig_wait_ms(1);
	ENDS(bob, "488 Not Acceptable Here");
	hangs_up(alice, bob);
	hangs_up(bob2, carol);
	rig_ends_empty(2);
}
