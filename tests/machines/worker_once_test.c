/*
 * Codes before a number, for one call (SERVICES.md C12, C13, C20): who calls is hidden or shown, and nobody
 * knocks; with what else acts on the same call.
 */
#include "worker_phone.h"

#define carol (rig->phones[2])
#define trunk (rig->phones[3])

static void
code(const char *pattern, const char *action)
{
	cr_assert_eq(
	    directory_put_code(&rig->directory, 0, span_str(pattern), span_str(action)), ERR_NONE);
}

static void
begin(void)
{
	static const uint64_t gateway = 7;

	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_at("trunk", "203.0.113.7");
	rig_gateway(7, "203.0.113.7", true);
	rig_route("", 1, &gateway);
	code("*67N", "clir.call");
	code("#31#N", "clir.call");
	code("*82N", "clip.call");
	code("*31#N", "clip.call");
	code("*70N", "cw.off.call");
	code("*67*N#", "cfb.set");
}

TestSuite(worker_once, .init = begin, .fini = rig_end);

static void
always_hidden(const char *user, const char *number)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING, .clir = 1 };

	rig_subscriber_put(&s, user, number);
}

static void
rejects_anonymous(const char *user, const char *number)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING, .acr = 1 };

	rig_subscriber_put(&s, user, number);
}

/* What bob hears, who then is busy. */
static const char *
reaches_bob(const char *dialled, const char *more)
{
	const char *m;

	dials(alice, dialled, more, SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	return m;
}

Test(worker_once, C12_hidden)
{
	const char *m = reaches_bob("*671002", "");

	expect_has(header(m, "From"), "anonymous@anonymous.invalid");
	expect_lacks(m, "alice");
	expect_lacks(m, "*67");
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "restricted");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "*671002");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1002");
}

/* Also one whose phone says the contrary; # may come as %23. */
Test(worker_once, C12_hidden_by_etsi)
{
	expect_has(header(reaches_bob("%2331%231002", "Privacy: none\r\n"), "From"),
	    "anonymous@anonymous.invalid");
}

Test(worker_once, C12_shown)
{
	always_hidden("alice", "1001");
	expect_has(header(reaches_bob("*821002", ""), "From"), "alice@example.com");
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "allowed");
}

/* clip x the phone's own wish: what was dialled is said last. */
Test(worker_once, C12_shown_by_etsi)
{
	expect_has(
	    header(reaches_bob("*31%231002", "Privacy: id\r\n"), "From"), "alice@example.com");
}

/* clir x acr */
Test(worker_once, C12_C16_hidden_is_rejected)
{
	rejects_anonymous("bob", "1002");
	dials(alice, "*671002", "", SDP_A);
	hears(alice, "100");
	hears(alice, "433");
	hears_nothing(bob);
	rig_ends_clean("failed 433 127 system normal", 0);
}

/* clir x emergency: he is shown all the same, and it is an emergency call. */
Test(worker_once, C13_C42_R22_emergency)
{
	const char *m;

	dials(alice, "*67112", "", SDP_A);
	hears(alice, "100");
	m = hears(trunk, "INVITE");
	expect_has(m, "INVITE sip:112@");
	expect_has(header(m, "From"), "alice@example.com");
	replies(trunk, "INVITE", 486, "", "");
	hears(trunk, "ACK");
	hears(alice, "486");
	cr_expect_str_eq(rig_cdr("segment.1.call_class"), "emergency");
}

/* While this call of hers lasts nobody else rings her. */
Test(worker_once, C20_nobody_knocks)
{
	dials(alice, "*701002", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	dials(carol, "alice", "", SDP_A);
	hears(carol, "100");
	hears(carol, "486");
	hears_nothing(alice);
	hangs_up(alice, bob);
	talk(alice, bob); /* the next one is as always */
	dials(carol, "bob", "", SDP_A);
	hears(carol, "100");
	expect_has(
	    header(hears(phone_at("bob", "192.0.2.2"), "INVITE"), "Alert-Info"), "call-waiting");
}

/* She cancelled it for herself: whom she talks with is still knocked at. */
Test(worker_once, C20_the_other_is_knocked_at)
{
	dials(alice, "*701002", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	dials(carol, "bob", "", SDP_A);
	hears(carol, "100");
	expect_has(header(hears(bob, "INVITE"), "Alert-Info"), "call-waiting");
}

Test(worker_once, C12_C20_both)
{
	expect_has(header(reaches_bob("*70*671002", ""), "From"), "anonymous@anonymous.invalid");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "*70*671002");
}

static void
is_refused(const char *dialled, const char *status)
{
	dials(alice, dialled, "", SDP_A);
	hears(alice, "100");
	hears(alice, status);
	hears_nothing(bob);
	hears_nothing(trunk);
}

/* No number, not a number, the same again. */
Test(worker_once, a_code_without_its_number)
{
	is_refused("*67", "484");
	is_refused("*70", "484");
	is_refused("*67bob", "484");
	is_refused("*67*671002", "404");
	is_refused("*70*69", "404");
	rig_ends_empty(5);
}

/* A call from outside has no codes. */
Test(worker_once, not_for_gateways)
{
	dials(trunk, "*671002", "", SDP_A);
	hears(trunk, "100");
	hears(trunk, "404");
	hears_nothing(bob);
	rig_ends_empty(1);
}

/* C40: the database is away; and no record says what the PIN was. */
Test(worker_once, C40_a_pin_is_in_no_record)
{
	static const char *const codes[][2] = { { "*33*1234%23", "*33*PIN#" },
		{ "**03**1234*5678*5678%23", "**03**PIN#" } };

	code("*33*N#", "bar.outgoing.set");
	code("**03**N*N*N#", "pin.set");
	for (unsigned i = 0; i < 2; i++) {
		dials(alice, codes[i][0], "", SDP_A);
		hears(alice, "100");
		rig_wait_ms(5200);
		hears(alice, "503");
		cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), codes[i][1]);
		cr_expect_str_eq(rig_cdr("call.to_number"), codes[i][1]);
	}
	/* Nor when it is mistyped. */
	is_refused("**03**1234*5678%23", "404");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "**03**PIN#");
	cr_expect_str_eq(rig_cdr("call.to_number"), "**03**PIN#");
	is_refused("*33*1234", "484");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "*33*PIN#");
	is_refused("*67*67*33*1234%23", "484");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "*67*67*33*PIN#");
}

/* What has no PIN is there as it was dialled, though a part of it looks like a code with one. */
Test(worker_once, C40_no_pin_no_hiding)
{
	static const char *const codes[][2] = { { "*61*33**20%23", "*61*33**20#" },
		{ "*51*33*1003%23", "*51*33*1003#" }, { "*6733", "*6733" },
		{ "*67*61*33**20%23", "*67*61*33**20#" }, { "*67*33*1234%23", "*67*33*PIN#" },
		{ "**33*1234%23", "**33*PIN#" }, { "*%2333%23", "*#33#" } };

	code("*33*N#", "bar.outgoing.set");
	code("*#33#", "bar.outgoing.query");
	code("*61*N**T#", "cfnr.set");
	code("*51*N*N#", "speed.set");
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		dials(alice, codes[i][0], "", "this is no session description\r\n");
		hears(alice, "100");
		hears(alice, "488");
		cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), codes[i][1]);
	}
}

/* A phone that sends its callers on to a code: the reasons do not say it either. */
Test(worker_once, C40_a_pin_is_in_no_reason)
{
	code("*33*N#", "bar.outgoing.set");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 302, "Contact: <sip:*33*1234%23@example.com>\r\n", "");
	hears(bob, "ACK");
	hears(alice, "404");
	rig_ends_empty(1);
	expect_has(rig->cdr, "sends it on to *33*PIN#");
	expect_lacks(rig->cdr, "1234");
}

/* Nor when the call is refused before anybody asks whether it is a code, or that is no code there. */
Test(worker_once, C40_a_pin_is_in_no_record_of_a_call_that_was_refused)
{
	struct dir_tenant suspended = {
		.tenant = 1, .suspended = 1, .name = "office", .realm = "example.com"
	};

	code("*33*N#", "bar.outgoing.set");
	dials(alice, "*33*1234%23", "", "this is no session description\r\n");
	hears(alice, "100");
	hears(alice, "488");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "*33*PIN#");
	cr_expect_str_eq(rig_cdr("call.to_number"), "*33*PIN#");
	talk(alice, bob);
	says(bob, "REFER", "Refer-To: <sip:*33*1234%23@example.com>\r\nRefer-Sub: false\r\n", "");
	hears(bob, "202 REFER");
	hangs_up(alice, bob);
	rig_read_store(0);
	cr_expect_str_eq(rig_cdr("segment.2.dialed_digits"), "*33*PIN#");
	cr_assert_eq(directory_put_tenant(&rig->directory, &suspended), ERR_NONE);
	is_refused("*33*1234%23", "403");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "*33*PIN#");
	expect_lacks(rig->cdr, "1234");
}

/* What is longer than a code is none, however many stars it has: it costs no more than another wrong
 * number, and what of it could be a PIN is in no record. */
Test(worker_once, C40_more_than_a_code)
{
	char stars[101], text[160];

	code("*33*N#", "bar.outgoing.set");
	memset(stars, '*', 100);
	stars[100] = '\0';
	is_refused(stars, "404");
	stars[64] = '\0';
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), stars);
	snprintf(text, sizeof(text), "%s*33*1234%%23", stars);
	is_refused(text, "404");
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), stars);
	expect_lacks(rig->cdr, "1234");
	dials(trunk, text, "", SDP_A);
	hears(trunk, "100");
	hears(trunk, "404");
	talk(alice, bob);
	snprintf(
	    text, sizeof(text), "Refer-To: <sip:%s@example.com>\r\nRefer-Sub: false\r\n", stars);
	says(bob, "REFER", text, "");
	hears(bob, "202 REFER");
	hangs_up(alice, bob);
}
