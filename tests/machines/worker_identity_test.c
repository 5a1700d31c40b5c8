/* Who calls, and who may know it (FLOWS.md S2-16d; RFC 3323, 3325; THREATS.md A2); Session-ID from end to
 * end (RFC 7989). */
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_identity, .init = rig_begin, .fini = rig_end);

#define NO_NAME "\"Anonymous\" <sip:anonymous@anonymous.invalid>"

static const char *
bob_sees(const char *more)
{
	const char *m;

	dials(alice, "bob", more, SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	return m;
}

static void
bob_is_busy(void)
{
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

static void
trust(const char *host)
{
	cr_assert_eq(netaddr_ip(span_str(host), &rig->settings.trusted[0]), ERR_NONE);
	rig->settings.n_trusted = 1;
}

/* Nothing is asserted to a phone, and what the caller asserts himself is not believed. */
Test(worker_identity, A2_nobody_asserts_himself)
{
	const char *m = bob_sees("P-Asserted-Identity: <sip:boss@example.com>\r\n");

	expect_has(header(m, "From"), "<sip:alice@example.com>");
	cr_expect_eq(headers(m, "P-Asserted-Identity"), 0);
	bob_is_busy();
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "allowed");
}

/* What he would like to be called, as long as it is himself. */
Test(worker_identity, S2_16d_preferred_identity)
{
	expect_has(
	    header(bob_sees("P-Preferred-Identity: \"Al\" <sip:alice@example.com>\r\n"), "From"),
	    "\"Al\" <sip:alice@example.com>");
	bob_is_busy();
}

Test(worker_identity, preferred_identity_of_another)
{
	expect_lacks(
	    header(bob_sees("P-Preferred-Identity: \"Boss\" <sip:boss@example.com>\r\n"), "From"),
	    "Boss");
	bob_is_busy();
}

Test(worker_identity, S2_16d_privacy_id)
{
	const char *m = bob_sees("Privacy: id\r\nPriority: urgent\r\n");

	expect_has(header(m, "From"), NO_NAME);
	expect_lacks(m, "alice");
	expect_has(m, "urgent");
	bob_is_busy();
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "restricted");
	cr_expect_str_eq(rig_cdr("segment.1.calling_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.1.presented_number"), "");
}

Test(worker_identity, privacy_user_hides_what_tells)
{
	const char *m =
	    bob_sees("Privacy: user\r\nSubject: from alice\r\nOrganization: alice and sons\r\n");

	expect_has(header(m, "From"), NO_NAME);
	expect_lacks(m, "alice");
	bob_is_busy();
}

/* A peer in `trusted` is told, even what is hidden from others, and told to keep it. */
Test(worker_identity, S2_16d_trusted_called_side)
{
	const char *m;

	trust(bob->host);
	m = bob_sees("Privacy: id\r\n");
	expect_has(header(m, "From"), NO_NAME);
	expect_has(header(m, "P-Asserted-Identity"), "<sip:1001@example.com>");
	cr_expect_str_eq(header(m, "Privacy"), "id");
	bob_is_busy();
}

/* A peer in `trusted` is believed. */
Test(worker_identity, trusted_caller)
{
	trust(alice->host);
	expect_has(
	    header(bob_sees("P-Asserted-Identity: \"Carol\" <sip:3003@elsewhere.example>\r\n"),
		"From"),
	    "\"Carol\" <sip:3003@example.com>");
	bob_is_busy();
	cr_expect_str_eq(rig_cdr("segment.1.calling_number"), "3003");
}

/* RFC 3323 5: privacy that cannot be given, and nothing less will do. */
Test(worker_identity, critical)
{
	dials(alice, "bob", "Privacy: session;critical\r\n", SDP_A);
	hears(alice, "100");
	hears(alice, "500");
	rig_ends_clean("failed 500 41 system normal", 0);
}

/* A gateway's caller is whom it asserts, else whom its From names. */
Test(worker_identity, S2_16d_gateway)
{
	struct phone *trunk;

	rig_gateway(7, "203.0.113.7", true);
	trunk = phone_at("+4930123", "203.0.113.7");
	dials(trunk, "bob", "P-Asserted-Identity: <tel:+4989777>\r\nPrivacy: id\r\n", SDP_A);
	hears(trunk, "100");
	expect_has(header(hears(bob, "INVITE"), "From"), NO_NAME);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(trunk, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.calling_number"), "+4989777");
}

/* --- Session-ID ---------------------------------------------------------------------------------*/

#define NULL_ID		 "00000000000000000000000000000000"
#define ID_A		 "aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa"
#define ID_B		 "bbbbbbbbbbbb4bbb8bbbbbbbbbbbbbbb"
#define SAYS(own, other) "Session-ID: " own ";remote=" other "\r\n"

/* Each hears the other's as sender and its own as remote, in every message. */
Test(worker_identity, session_id_end_to_end)
{
	dials(alice, "bob", SAYS(ID_A, NULL_ID), SDP_A);
	hears(alice, "100");
	cr_expect_str_eq(header(hears(bob, "INVITE"), "Session-ID"), ID_A ";remote=" NULL_ID);
	replies(bob, "INVITE", 180, SAYS(ID_B, ID_A), "");
	cr_expect_str_eq(header(hears(alice, "180"), "Session-ID"), ID_B ";remote=" ID_A);
	replies(bob, "INVITE", 200, SAYS(ID_B, ID_A), SDP_B);
	cr_expect_str_eq(header(hears(bob, "ACK"), "Session-ID"), ID_A ";remote=" ID_B);
	cr_expect_str_eq(header(hears(alice, "200 INVITE"), "Session-ID"), ID_B ";remote=" ID_A);
	acks(alice, "");
	says(alice, "BYE", SAYS(ID_A, ID_B), "");
	hears(alice, "200 BYE");
	cr_expect_str_eq(header(hears(bob, "BYE"), "Session-ID"), ID_A ";remote=" ID_B);
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* One who says none is lent one. */
Test(worker_identity, session_id_is_lent)
{
	char lent[40];
	const char *m;

	dials(alice, "bob", SAYS(ID_A, NULL_ID), SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	m = header(hears(alice, "180"), "Session-ID");
	snprintf(lent, sizeof(lent), "%.32s", m);
	cr_expect_str_eq(m + 32, ";remote=" ID_A);
	cr_expect_str_neq(lent, NULL_ID);
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	cr_expect_eq(
	    strncmp(header(hears(bob, "CANCEL"), "Session-ID"), ID_A, 32), 0, "as its INVITE");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	expect_has(header(hears(bob, "ACK"), "Session-ID"), ID_A);
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* Where nobody speaks of it nothing is said; what is none is passed over. */
Test(worker_identity, no_session_id)
{
	dials(alice, "bob", "Session-ID: nonsense\r\n", SDP_A);
	hears(alice, "100");
	cr_expect_eq(headers(hears(bob, "INVITE"), "Session-ID"), 0);
	bob_is_busy();
}
