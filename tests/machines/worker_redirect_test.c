/* 3xx of a called phone or gateway (FLOWS.md S0-17, S2-18, S2-19, S2-26, S2-27, S4-04, S0-08; BILLING.md
 * R9). */
#include <stdio.h>
#include <string.h>

#include "worker_phone.h"

#define carol (rig->phones[2])
#define dave  (rig->phones[3])

TestSuite(worker_redirect, .init = rig_begin, .fini = rig_end);

static void
and_more(void)
{
	phone_new("carol", "192.0.2.3"); /* 1003 */
	phone_new("dave", "192.0.2.4");	 /* 1004 */
}

/* alice calls bob, whose phone says this. */
static const char *
bob_says(unsigned status, const char *contacts)
{
	const char *invite;

	dials(alice, "bob", "Subject: weather\r\n", SDP_A);
	hears(alice, "100");
	invite = hears(bob, "INVITE");
	replies(bob, "INVITE", status, contacts, "");
	hears(bob, "ACK");
	return invite;
}

/* A phone that listens elsewhere than at 5060. */
static struct phone *
at_port(const char *user, const char *host, unsigned port)
{
	struct phone *p = phone_at(user, host);

	p->address.port = (uint16_t)port;
	snprintf(p->contact, sizeof(p->contact), "sip:%s@%s:%u", user, host, port);
	return p;
}

static void
answers(struct phone *p)
{
	replies(p, "INVITE", 200, "", SDP_B);
	hears(p, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
}

/* --- deflection ---------------------------------------------------------------------------------*/

/* R9: two segments, the second at the cost of the phone's owner. A hears 100, 180 and 200. */
Test(worker_redirect, deflection)
{
	const char *to_bob, *to_carol;

	and_more();
	to_bob = bob_says(302, "Contact: <sip:1003@example.com>\r\n");
	hears_nothing(alice);
	to_carol = hears(carol, "INVITE");
	cr_expect_str_neq(header(to_bob, "Call-ID"), header(to_carol, "Call-ID"));
	expect_has(header(to_carol, "From"), "sip:alice@example.com");
	expect_has(to_carol, "Subject: weather");
	replies(carol, "INVITE", 180, "", "");
	hears(alice, "180");
	answers(carol);
	rig_wait_ms(5000);
	hangs_up(alice, carol);
	rig_ends_clean("answered 200 16 caller normal", 5000);
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "direct");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "1003");
	cr_expect_str_neq(rig_cdr("segment.1.ring_at"), "");
	cr_expect_str_eq(rig_cdr("segment.1.redirect_count"), "");
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "deflection");
	cr_expect_str_eq(rig_cdr("segment.2.parent_seq"), "1");
	cr_expect_str_eq(rig_cdr("segment.2.payer_kind"), "subscriber");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.2.calling_number"), "1001");
	cr_expect_str_eq(rig_cdr("segment.2.called_number"), "1003");
	cr_expect_str_eq(rig_cdr("segment.2.original_called_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.2.redirecting_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.2.redirect_reason"), "deflection");
	cr_expect_str_eq(rig_cdr("segment.2.redirect_count"), "1");
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "answered");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "5000");
	cr_expect_str_eq(rig_cdr("segment.2.answer_at"), rig_cdr("segment.1.answer_at"));
	cr_expect_str_eq(rig_cdr("segment.2.end_at"), rig_cdr("segment.1.end_at"));
	cr_expect_str_neq(
	    rig_cdr("segment.2.payer_account_id"), rig_cdr("segment.1.payer_account_id"));
	cr_expect_str_eq(rig_cdr("leg.2.sip_code"), "302");
	cr_expect_str_eq(rig_cdr("call.direction"), "internal");
	cr_expect_str_eq(rig_cdr("call.to_number"), "bob");
}

/* R8: both come to what C comes to. tel: has no host. */
Test(worker_redirect, deflection_in_vain)
{
	and_more();
	bob_says(301, "Contact: <tel:1003>\r\n");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 486, "", "");
	hears(carol, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "busy");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "0");
}

/* R7: A to B to C to D. */
Test(worker_redirect, chain)
{
	and_more();
	bob_says(302, "Contact: <sip:1003@example.com>\r\n");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 302, "Contact: <sip:dave@example.com;user=phone>\r\n", "");
	hears(carol, "ACK");
	hears(dave, "INVITE");
	answers(dave);
	rig_wait_ms(1000);
	hangs_up(dave, alice);
	rig_ends_clean("answered 200 16 callee normal", 1000);
	cr_expect_str_eq(rig_cdr("segment.2.redirecting_number"), "1002");
	cr_expect_str_eq(rig_cdr("segment.2.connected_number"), "dave");
	cr_expect_str_eq(rig_cdr("segment.3.parent_seq"), "2");
	cr_expect_str_eq(rig_cdr("segment.3.payer_number"), "1003");
	cr_expect_str_eq(rig_cdr("segment.3.original_called_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.3.redirecting_number"), "1003");
	cr_expect_str_eq(rig_cdr("segment.3.redirect_count"), "2");
	cr_expect_str_eq(rig_cdr("segment.3.disposition"), "answered");
}

/* No URI is tried twice. */
Test(worker_redirect, loop)
{
	and_more();
	bob_says(302, "Contact: <sip:1003@example.com>\r\n");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 302, "Contact: <sip:bob@example.com>\r\n", "");
	hears(carol, "ACK");
	hears(alice, "482");
	rig_ends_clean("failed 482 25 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.3.sip_code"), "482");
	cr_expect_str_eq(rig_cdr("segment.4.seq"), "");
}

Test(worker_redirect, to_itself)
{
	bob_says(302, "Contact: <sip:bob@192.0.2.2>\r\n");
	hears(alice, "482");
	rig_ends_clean("failed 482 25 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

/* Five, and no more. */
Test(worker_redirect, too_many)
{
	char name[16], contact[64];

	bob_says(302, "Contact: <sip:u0@192.0.2.2>\r\n");
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "sip:u%u@", i);
		expect_has(hears(bob, "INVITE"), name);
		snprintf(contact, sizeof(contact), "Contact: <sip:u%u@192.0.2.2>\r\n", i + 1);
		replies(bob, "INVITE", 302, contact, "");
		hears(bob, "ACK");
	}
	hears(alice, "482");
	rig_ends_clean("failed 482 25 callee normal", 0);
	cr_expect_str_eq(rig_cdr("leg.7.sip_code"), "302");
	cr_expect_str_eq(rig_cdr("leg.8.leg_no"), "");
}

/* What the owner may not do, his phone may not either. */
Test(worker_redirect, of_a_barred_owner)
{
	struct dir_tenant suspended = { .tenant = 1, .suspended = 1, .name = "office" };
	struct dir_tenant other = { .tenant = 2, .name = "other", .realm = "other.example" };

	and_more();
	cr_assert_eq(directory_put_tenant(&rig->directory, &other), ERR_NONE);
	cr_assert_eq(directory_put_domain(&rig->directory, SPAN("other.example"), 2), ERR_NONE);
	bob_says(302, "Contact: <sip:1003@other.example>\r\n");
	hears(alice, "404");
	rig_wait_ms(1000);
	cr_expect_str_eq(rig_cdr("segment.2.sip_code"), "404");
	bob_says(302, "Contact: <sip:1003@198.51.100.77>\r\n"); /* somebody's address */
	hears(alice, "403");
	rig_wait_ms(1000);
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	strcpy(suspended.realm, "example.com");
	cr_assert_eq(directory_put_tenant(&rig->directory, &suspended), ERR_NONE);
	replies(bob, "INVITE", 302, "Contact: <sip:1003@example.com>\r\n", "");
	hears(bob, "ACK");
	hears(alice, "403");
	rig_wait_ms(1000);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "rejected");
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "barred");
	rig_ends_empty(3);
}

/* 305 and 380 are not followed, nor is what names nobody. */
Test(worker_redirect, not_followed)
{
	static const struct {
		unsigned status;
		const char *contacts;
	} cases[] = { { 302, "" }, { 305, "Contact: <sip:1003@example.com>\r\n" },
		{ 380, "Contact: <sip:1003@example.com>\r\n" }, { 302, "Contact: *\r\n" },
		{ 302, "Contact: <mailto:bob@example.com>\r\n" },
		{ 302, "Contact: <sip:1003@example.com>;expires=0\r\n" } };

	and_more();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bob_says(cases[i].status, cases[i].contacts);
		hears(alice, "480");
		rig_wait_ms(40000);
	}
	rig_ends_empty(6);
}

/* --- several ------------------------------------------------------------------------------------*/

/* S2-26, S2-27, S4-04: three at once with one Call-ID; two fail and are swallowed. One segment. */
Test(worker_redirect, S2_26_S2_27_S4_04_three_at_once)
{
	const char *first, *m;
	struct phone *at[3];

	first = bob_says(300, "Contact: <sip:a@192.0.2.2:5071>, <sip:b@192.0.2.2:5072>\r\n"
			      "Contact: <sip:c@192.0.2.2:5073?Subject=returnmycall>\r\n");
	for (unsigned i = 0; i < 3; i++) {
		at[i] = at_port("x", "192.0.2.2", 5071 + i);
		m = hears(at[i], "INVITE");
		cr_expect_str_eq(header(m, "Call-ID"), header(first, "Call-ID"));
		cr_expect_str_eq(header(m, "From"), header(first, "From"));
		cr_expect_str_eq(header(m, "To"), header(first, "To"));
		cr_expect_str_eq(header(first, "CSeq"), "1 INVITE");
		cr_expect_str_eq(header(m, "CSeq"), "2 INVITE", "S4-04");
		cr_expect_str_eq(
		    header(m, "Subject"), i == 2 ? "returnmycall" : "weather", "S0-08");
		cr_expect_str_neq(header(first, "Via"), header(m, "Via"));
	}
	replies(at[0], "INVITE", 486, "", "");
	hears(at[0], "ACK");
	replies(at[1], "INVITE", 404, "", "");
	hears(at[1], "ACK");
	hears_nothing(alice);
	answers(at[2]);
	rig_wait_ms(1000);
	hangs_up(alice, at[2]);
	rig_ends_clean("answered 200 16 caller normal", 1000);
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
	cr_expect_str_eq(rig_cdr("leg.5.sip_code"), "200");
}

/* In order of q, before the contact that was to be tried next. */
Test(worker_redirect, in_order_of_q)
{
	struct phone *late, *first, *second;

	late = phone_at("bob", "192.0.2.22");
	rig_bind("bob", late->contact, late->host, 500, 0);
	first = at_port("f", "192.0.2.2", 5071);
	second = at_port("s", "192.0.2.2", 5072);
	bob_says(302, "Contact: <sip:s@192.0.2.2:5072>;q=0.2, <sip:f@192.0.2.2:5071>;q=0.7\r\n");
	hears(first, "INVITE");
	hears_nothing(second);
	replies(first, "INVITE", 486, "", "");
	hears(first, "ACK");
	hears(second, "INVITE");
	hears_nothing(late);
	replies(second, "INVITE", 480, "", "");
	hears(second, "ACK");
	hears(late, "INVITE");
	answers(late);
	hangs_up(alice, late);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* One of two phones is deflected, the other rings on and answers: the segment that was begun is over. */
Test(worker_redirect, beside_another_phone)
{
	struct phone *other;

	and_more();
	other = phone_at("bob", "192.0.2.22");
	rig_bind("bob", other->contact, other->host, 1000, 0);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	hears(other, "INVITE");
	replies(other, "INVITE", 180, "", "");
	hears(alice, "180");
	replies(bob, "INVITE", 302, "Contact: <sip:1003@example.com>\r\n", "");
	hears(bob, "ACK");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 180, "", "");
	answers(other);
	hears(carol, "CANCEL");
	replies(carol, "CANCEL", 200, "", "");
	replies(carol, "INVITE", 487, "", "");
	hears(carol, "ACK");
	rig_wait_ms(1000);
	hangs_up(alice, other);
	rig_ends_clean("answered 200 16 caller normal", 1000);
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "bob");
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "cancelled");
	cr_expect_str_eq(rig_cdr("segment.2.bill_ms"), "0");
}

/* The caller gives up while the other one rings. */
Test(worker_redirect, caller_cancels)
{
	and_more();
	bob_says(302, "Contact: <sip:1003@example.com>\r\n");
	hears(carol, "INVITE");
	replies(carol, "INVITE", 180, "", "");
	hears(alice, "180");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(carol, "CANCEL");
	replies(carol, "CANCEL", 200, "", "");
	replies(carol, "INVITE", 487, "", "");
	hears(carol, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.2.disposition"), "cancelled");
}

/* Without room for what would be rung the call comes to its end, and nothing breaks. */
Test(worker_redirect, no_room)
{
	struct arena hoard = { 0 };
	struct heap *h = &rig->w[0]->heap;

	and_more();
	for (unsigned left = 1; left < 8; left++) {
		dials(alice, "bob", "", SDP_A);
		hears(alice, "100");
		hears(bob, "INVITE");
		for (size_t n = HEAP_TAKE_MAX; n > 900; n = n > 20000  ? 16000
							    : n > 5000 ? 4000
								       : n - 100)
			while (heap_has(h, 0, left + 1) && arena_take(h, &hoard, 1, n) != NULL)
				;
		replies(bob, "INVITE", 302, "Contact: <sip:1003@example.com>\r\n", "");
		hears(bob, "ACK");
		hears_nothing(carol);
		hears(alice, "500");
		arena_drop(h, &hoard);
		rig_wait_ms(40000);
	}
	rig_ends_empty(7);
}

/* --- gateways -----------------------------------------------------------------------------------*/

static struct phone *gw, *other_gw;

static const char *
calls_out(const char *contacts)
{
	const uint64_t ids[] = { 11 };
	const char *invite;

	gw = phone_at("gw", "192.0.2.101");
	other_gw = phone_at("gw2", "192.0.2.102");
	rig_gateway(11, gw->host, true);
	rig_route("+1", 1, ids);
	dials(alice, "+12125551234", "", SDP_A);
	hears(alice, "100");
	invite = hears(gw, "INVITE");
	replies(gw, "INVITE", 302, contacts, "");
	hears(gw, "ACK");
	return invite;
}

/* S0-17, S2-18, S2-19: a redirect server upstream; the segment stays as it is. */
Test(worker_redirect, S0_17_S2_18_S2_19_redirect_server)
{
	const char *first = calls_out("Contact: <sip:+12125551234@192.0.2.102;user=phone>\r\n"), *m;

	m = hears(other_gw, "INVITE");
	expect_has(m, "INVITE sip:+12125551234@192.0.2.102;user=phone SIP/2.0");
	cr_expect_str_eq(header(m, "Call-ID"), header(first, "Call-ID"), "S4-04");
	cr_expect_str_eq(header(m, "CSeq"), "2 INVITE", "S4-04");
	replies(other_gw, "INVITE", 180, "", "");
	hears(alice, "180");
	answers(other_gw);
	rig_wait_ms(1000);
	hangs_up(other_gw, alice);
	rig_ends_clean("answered 200 16 callee normal", 1000);
	cr_expect_str_eq(rig_cdr("segment.1.out_trunk_id"), "11");
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
	cr_expect_str_eq(rig_cdr("call.direction"), "outbound");
}

/* Another number at the same gateway; the first one's 486 is not final for the second. */
Test(worker_redirect, numbers_at_the_gateway)
{
	const char *m;

	calls_out("Contact: <sip:+13@192.0.2.101>;q=0.9, <sip:+14@192.0.2.101>;q=0.1\r\n");
	expect_has(hears(gw, "INVITE"), "INVITE sip:+13@192.0.2.101");
	replies(gw, "INVITE", 486, "", "");
	hears(gw, "ACK");
	m = hears(gw, "INVITE");
	expect_has(m, "INVITE sip:+14@192.0.2.101");
	answers(gw);
	hangs_up(alice, gw);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "+14");
}

/* S2-26, S2-27: numbers alone are at the same gateway. */
Test(worker_redirect, S2_26_S2_27_tel_from_a_gateway)
{
	calls_out("Contact: <tel:+1-212-5559876>;q=0.9, <tel:*21;phone-context=+1>, "
		  "<tel:911;phone-context=+1>;q=0.1\r\n");
	expect_has(hears(gw, "INVITE"), "INVITE sip:+12125559876@192.0.2.101");
	replies(gw, "INVITE", 404, "", "");
	hears(gw, "ACK");
	expect_has(hears(gw, "INVITE"), "INVITE sip:911@192.0.2.101");
	answers(gw);
	hangs_up(alice, gw);
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.out_trunk_id"), "11");
}

/* Not back to us, not to a gateway of another tenant. */
Test(worker_redirect, where_a_gateway_may_not_send_us)
{
	struct dir_gateway g = { .id = 12, .tenant = 2, .trusted = 1, .port = 5060 };

	cr_assert_eq(netaddr_ip(SPAN("192.0.2.102"), &g.address), ERR_NONE);
	cr_assert_eq(
	    directory_put_gateway(&rig->directory, &g,
		&(struct dir_gateway_text){ .name = SPAN("theirs"), .host = SPAN("192.0.2.102") }),
	    ERR_NONE);
	calls_out("Contact: <sip:1002@" RIG_HOST ">, <sip:+19@192.0.2.102>\r\n");
	hears_nothing(bob);
	hears(alice, "403");
	rig_ends_clean("rejected 403 21 callee normal", 0);
}

/* --- Call-IDs -----------------------------------------------------------------------------------*/

/* S2-27: fork.callid = "unique". */
Test(worker_redirect, S2_27_unique_call_ids)
{
	struct phone *two = phone_at("bob", "192.0.2.22");
	const char *i1, *i2;

	rig->settings.fork_unique = 1;
	rig_bind("bob", two->contact, two->host, 1000, 0);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	i1 = hears(bob, "INVITE");
	i2 = hears(two, "INVITE");
	cr_expect_str_neq(header(i1, "Call-ID"), header(i2, "Call-ID"));
	cr_expect_str_neq(header(i1, "From"), header(i2, "From"));
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	answers(two);
	hangs_up(alice, two);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* S2-27: one device registered twice says 482 to the second, which is no refusal. S4-04: a caller that
 * was redirected to us calls with the same Call-ID and From tag and a new CSeq: a new call. */
Test(worker_redirect, same_call_id_again)
{
	struct phone *two = phone_at("bob", "192.0.2.22");

	rig_bind("bob", two->contact, two->host, 1000, 0);
	dials(alice, "1009", "", SDP_A);
	hears(alice, "100");
	hears(alice, "404");
	dials_again(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	hears(two, "INVITE");
	replies(two, "INVITE", 482, "", "");
	hears(two, "ACK");
	hears_nothing(alice);
	answers(bob);
	hangs_up(alice, bob);
	rig_ends_empty(2);
}
