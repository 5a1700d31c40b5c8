/*
 * Barring, emergency numbers and the withheld number, message by message, and which of them wins where two
 * meet (SERVICES.md C12, C13, C40, C42; BILLING.md R2, R22).
 */
#include <stdio.h>
#include <string.h>

#include "worker_phone.h"

#define carol (rig->phones[2])
#define trunk (rig->phones[3])

static void
begin(void)
{
	static const uint64_t gateway = 7;

	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_at("trunk", "203.0.113.7");
	rig_gateway(7, "203.0.113.7", true);
	rig_route("", 1, &gateway);
	rig_route("+", 1, &gateway);
}

TestSuite(worker_barring, .init = begin, .fini = rig_end);

struct wishes {
	const char *number, *cfu, *cfb;
	unsigned barring, limit, clir, acr;
};

/* The subscriber anew. */
static void
wishes(const char *user, struct wishes x)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING,
		.tenant = 1,
		.call_waiting = 1,
		.barring = (uint8_t)x.barring,
		.call_limit = (uint16_t)x.limit,
		.clir = (uint8_t)x.clir,
		.acr = (uint8_t)x.acr };
	struct dir_subscriber_text text = { .user = span_str(user),
		.number = span_str(x.number == NULL ? "" : x.number),
		.cfu = span_str(x.cfu == NULL ? "" : x.cfu),
		.cfb = span_str(x.cfb == NULL ? "" : x.cfb) };
	static uint64_t ids = 3000;

	s.id = ++ids;
	digest_ha1(DIGEST_MD5, span_str(user), SPAN("example.com"), SPAN("secret"), s.ha1.md5);
	s.ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
suspend(void)
{
	struct dir_tenant t = {
		.tenant = 1, .suspended = 1, .name = "office", .realm = "example.com"
	};

	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
}

static void
is_refused(const char *number)
{
	dials(alice, number, "", SDP_A);
	hears(alice, "100");
	hears(alice, "403");
	hears_nothing(trunk);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "barred", "%s", number);
	cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0");
}

/* What the gateway hears, which then is busy. */
static const char *
goes_out(struct phone *caller, const char *number, const char *more)
{
	const char *m;

	dials(caller, number, more, SDP_A);
	hears(caller, "100");
	m = hears(trunk, "INVITE");
	replies(trunk, "INVITE", 486, "", "");
	hears(trunk, "ACK");
	hears(caller, "486");
	return m;
}

/* --- barring ------------------------------------------------------------------------------------*/

Test(worker_barring, C40_R2_outgoing)
{
	wishes("alice", (struct wishes){ .barring = BAR_OUTGOING });
	is_refused("5551234");
	is_refused("+49301234");
	talk(alice, bob); /* inside he may */
	hangs_up(alice, bob);
	rig_ends_empty(3);
}

Test(worker_barring, C40_international)
{
	wishes("alice", (struct wishes){ .number = "+49301234", .barring = BAR_INTERNATIONAL });
	is_refused("+442079460000");
	is_refused("00442079460000");
	goes_out(alice, "+4940123", "");
	goes_out(alice, "004940123", "");
	goes_out(alice, "040123", "");
	rig_ends_empty(5);
}

Test(worker_barring, C40_international_from_north_america)
{
	wishes("alice", (struct wishes){ .number = "+12125550100", .barring = BAR_INTERNATIONAL });
	is_refused("01149301234");
	is_refused("+49301234");
	goes_out(alice, "+13105550100", "");
	goes_out(alice, "13105550100", "");
	rig_ends_empty(4);
}

/* Whose own number says no country: every + is another one. */
Test(worker_barring, C40_international_without_a_country)
{
	wishes("alice", (struct wishes){ .number = "1001", .barring = BAR_INTERNATIONAL });
	is_refused("+4940123");
	goes_out(alice, "040123", "");
	rig_ends_empty(2);
}

Test(worker_barring, C40_premium)
{
	static const char *const prefixes[] = { "49900", "1900" };

	wishes("alice", (struct wishes){ .number = "+49301234", .barring = BAR_PREMIUM });
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(
		    directory_put_class(&rig->directory, 0, span_str(prefixes[i]), true), ERR_NONE);
	/* A tenant's own row, and one that is longer. */
	cr_assert_eq(directory_put_class(&rig->directory, 1, SPAN("49902"), true), ERR_NONE);
	cr_assert_eq(directory_put_class(&rig->directory, 1, SPAN("499007"), false), ERR_NONE);
	is_refused("0902123456");
	goes_out(alice, "0900723456", "");
	is_refused("0900123456");
	is_refused("+49900123456");
	is_refused("+19005550100");
	goes_out(alice, "0901123456", "");
	goes_out(alice, "+12125550100", "");
	rig_ends_empty(7);
}

/* Incoming x cfu: who is barred is not sent on either. */
Test(worker_barring, C40_incoming_before_forwarding)
{
	wishes("bob", (struct wishes){ .barring = BAR_INCOMING, .cfu = "carol" });
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(alice, "403");
	hears_nothing(bob);
	hears_nothing(carol);
	rig_ends_clean("barred 403 21 system normal", 0);
}

/* What he may not call, he may not send calls to. */
Test(worker_barring, C40_forward_to_a_barred_number)
{
	wishes("bob",
	    (struct wishes){
		.number = "+49301234", .barring = BAR_INTERNATIONAL, .cfu = "+442079460000" });
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(alice, "403");
	hears_nothing(trunk);
	rig_ends_clean("barred 403 21 system normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "barred");
}

/* --- emergency ----------------------------------------------------------------------------------*/

/* Emergency x suspended, barring, limit and clir: none of them acts. */
Test(worker_barring, C42_C13_R22_nothing_stands_in_the_way)
{
	const char *m;

	wishes("alice", (struct wishes){ .number = "+49301234",
			    .barring = BAR_OUTGOING | BAR_INTERNATIONAL | BAR_PREMIUM,
			    .limit = 1,
			    .clir = 1 });
	talk(bob, alice);
	suspend();
	m = goes_out(phone_at("alice", "192.0.2.1"), "112", "Privacy: id\r\n");
	expect_has(header(m, "From"), "alice@example.com");
	expect_has(header(m, "P-Asserted-Identity"), "+49301234");
	cr_expect_eq(headers(m, "Privacy"), 0);
	cr_expect_str_eq(rig_cdr("segment.1.call_class"), "emergency");
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "allowed");
}

Test(worker_barring, C42_answered)
{
	wishes("alice", (struct wishes){ .barring = BAR_OUTGOING });
	suspend();
	dials(alice, "911", "", SDP_A);
	hears(alice, "100");
	hears(trunk, "INVITE");
	replies(trunk, "INVITE", 200, "", SDP_B);
	hears(trunk, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(5000);
	hangs_up(alice, trunk);
	rig_ends_clean("answered 200 16 caller normal", 5000);
	cr_expect_str_eq(rig_cdr("segment.1.call_class"), "emergency");
}

/* In somebody else's domain it is a name like any other: suspension acts, and he stays hidden. */
Test(worker_barring, C42_an_emergency_number_elsewhere_is_none)
{
	struct phone *own = phone_at("own", "192.0.2.9");
	const char *m;

	rig->settings.allow_foreign = true;
	wishes("alice", (struct wishes){ .clir = 1 });
	dials(alice, "sip:112@192.0.2.9", "", SDP_A);
	hears(alice, "100");
	m = hears(own, "INVITE");
	expect_has(header(m, "From"), "anonymous.invalid");
	replies(own, "INVITE", 486, "", "");
	hears(own, "ACK");
	hears(alice, "486");
	cr_expect_str_eq(rig_cdr("segment.1.call_class"), "");
	suspend();
	is_refused("sip:112@192.0.2.9");
	hears_nothing(own);
	expect_has(header(goes_out(alice, "112", ""), "From"), "alice@example.com");
	rig_ends_empty(3);
}

Test(worker_barring, C42_no_forward_to_one_elsewhere)
{
	rig->settings.allow_foreign = true;
	wishes("bob", (struct wishes){ .cfu = "sip:112@192.0.2.9" });
	is_refused("bob");
	rig_ends_empty(1);
}

/* Emergency x forward: whose call it is did not dial it. */
Test(worker_barring, C42_no_forward_to_an_emergency_number)
{
	wishes("bob", (struct wishes){ .cfu = "112" });
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(alice, "403");
	hears_nothing(trunk);
	rig_ends_clean("barred 403 21 system normal", 0);
}

/* --- the withheld number ------------------------------------------------------------------------*/

Test(worker_barring, C12_always_withheld)
{
	const char *m;

	wishes("alice", (struct wishes){ .number = "1001", .clir = 1 });
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	expect_has(header(m, "From"), "<sip:anonymous@anonymous.invalid>");
	expect_lacks(m, "alice");
	expect_lacks(m, "1001");
	cr_expect_eq(headers(m, "P-Asserted-Identity"), 0);
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "restricted");
	cr_expect_str_eq(rig_cdr("segment.1.calling_number"), "1001");
}

/* A gateway that is trusted is told, and told to keep it. */
Test(worker_barring, C12_withheld_toward_a_gateway)
{
	const char *m;

	wishes("alice", (struct wishes){ .number = "1001", .clir = 1 });
	m = goes_out(alice, "5551234", "");
	expect_has(header(m, "From"), "anonymous@anonymous.invalid");
	expect_has(header(m, "P-Asserted-Identity"), "<sip:1001@example.com>");
	cr_expect_str_eq(header(m, "Privacy"), "id");
	rig_ends_empty(1);
}

Test(worker_barring, C12_shown_for_one_call)
{
	wishes("alice", (struct wishes){ .number = "1001", .clir = 1 });
	dials(alice, "bob", "Privacy: none\r\n", SDP_A);
	hears(alice, "100");
	expect_has(header(hears(bob, "INVITE"), "From"), "alice@example.com");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "allowed");
}

/* clir x acr: withheld always is withheld. */
Test(worker_barring, C12_C16_rejected_as_anonymous)
{
	wishes("alice", (struct wishes){ .number = "1001", .clir = 1 });
	wishes("bob", (struct wishes){ .acr = 1 });
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(alice, "433");
	hears_nothing(bob);
	rig_ends_clean("failed 433 127 system normal", 0);
}
