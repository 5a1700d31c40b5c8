/*
 * Lists of callers, message by message, in the order in which they act, and which of them wins where two
 * meet (SERVICES.md C5, C17, C18, C19; terminating 1, 3, 4, 6).
 */
#include "worker_phone.h"

#define carol (rig->phones[2])
#define dave  (rig->phones[3])
#define trunk (rig->phones[4])

enum { BOB = 77 };
#define FROM(number) "P-Asserted-Identity: <sip:" number "@203.0.113.7>\r\n"

static void
begin(void)
{
	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	phone_at("trunk", "203.0.113.7");
	rig_gateway(7, "203.0.113.7", true);
}

TestSuite(worker_screen, .init = begin, .fini = rig_end);

/* Bob anew. */
static void
bob_has(struct dir_subscriber s, const char *cfs, const char *cfu)
{
	struct dir_subscriber_text text = { .user = SPAN("bob"),
		.number = SPAN("1002"),
		.cfs = span_str(cfs),
		.cfu = span_str(cfu) };

	s.id = BOB;
	s.tenant = 1;
	s.call_waiting = 1;
	s.trust = DIR_TRUST_BINDING;
	digest_ha1(DIGEST_MD5, SPAN("bob"), SPAN("example.com"), SPAN("secret"), s.ha1.md5);
	s.ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
lists(enum dir_list list, const char *caller)
{
	cr_assert_eq(directory_put_listed(&rig->directory, BOB, list, span_str(caller)), ERR_NONE);
}

static void
bob_lists(enum dir_list list, const char *caller)
{
	bob_has((struct dir_subscriber){ .lists = (uint8_t)(1u << list) }, "", "");
	lists(list, caller);
}

static void
is_refused(struct phone *caller, const char *more, const char *status)
{
	dials(caller, "bob", more, SDP_A);
	hears(caller, "100");
	hears(caller, status);
	hears_nothing(bob);
	hears_nothing(carol);
}

/* What the phone hears, which then is busy. */
static const char *
rings(struct phone *caller, struct phone *called, const char *more)
{
	const char *m;

	dials(caller, "bob", more, SDP_A);
	hears(caller, "100");
	m = hears(called, "INVITE");
	replies(called, "INVITE", 486, "", "");
	hears(called, "ACK");
	hears(caller, "486");
	return m;
}

/* --- the block list -----------------------------------------------------------------------------*/

Test(worker_screen, C17_R2_blocked)
{
	bob_lists(DIR_LIST_BLOCK, "1001");
	is_refused(alice, "", "603");
	rings(carol, bob, "");
	rig_ends_empty(2);
}

Test(worker_screen, C17_by_name)
{
	bob_lists(DIR_LIST_BLOCK, "alice");
	is_refused(alice, "", "603");
	rig_ends_clean("rejected 603 21 system normal", 0);
}

/* Who hides is found too, and bob is not told who it was. */
Test(worker_screen, C17_C12_hidden_and_blocked)
{
	bob_lists(DIR_LIST_BLOCK, "1001");
	is_refused(alice, "Privacy: id\r\n", "603");
	rings(carol, bob, "Privacy: id\r\n");
	rig_ends_empty(2);
}

Test(worker_screen, C17_anonymous)
{
	bob_lists(DIR_LIST_BLOCK, "anonymous");
	is_refused(alice, "Privacy: id\r\n", "603");
	rings(alice, bob, "");
	rig_ends_empty(2);
}

/* A number's beginning; + is 00, and may be left out. */
Test(worker_screen, C17_numbers_from_outside)
{
	bob_lists(DIR_LIST_BLOCK, "0044*");
	lists(DIR_LIST_BLOCK, "+49301234");
	is_refused(trunk, FROM("+442079460000"), "603");
	is_refused(trunk, FROM("0049301234"), "603");
	is_refused(trunk, FROM("49301234"), "603");
	is_refused(trunk, FROM("+49301234"), "603");
	rings(trunk, bob, FROM("+493012345"));
	rig_ends_empty(5);
}

/* A list that is off, or empty. */
Test(worker_screen, C17_off)
{
	bob_has((struct dir_subscriber){ 0 }, "", "");
	lists(DIR_LIST_BLOCK, "1001");
	rings(alice, bob, "");
	rig_ends_empty(1);
}

/* block x acr: both reject, the list is asked first. */
Test(worker_screen, C17_C16_block_before_acr)
{
	bob_has((struct dir_subscriber){ .lists = 1 << DIR_LIST_BLOCK, .acr = 1 }, "", "");
	lists(DIR_LIST_BLOCK, "1001");
	is_refused(alice, "Privacy: id\r\n", "603");
	is_refused(carol, "Privacy: id\r\n", "433");
	rig_ends_empty(2);
}

/* block x cfu: who is blocked is not sent on either. */
Test(worker_screen, C17_C1_block_before_forwarding)
{
	bob_has((struct dir_subscriber){ .lists = 1 << DIR_LIST_BLOCK }, "", "carol");
	lists(DIR_LIST_BLOCK, "1001");
	is_refused(alice, "", "603");
	rings(dave, carol, "");
	rig_ends_empty(2);
}

/* Terminating 1: those who are called in distress call back. */
Test(worker_screen, C42_an_emergency_number_calls_back)
{
	bob_has(
	    (struct dir_subscriber){
		.lists = 1 << DIR_LIST_BLOCK, .dnd = 1, .barring = BAR_INCOMING },
	    "", "carol");
	lists(DIR_LIST_BLOCK, "*");
	rings(trunk, bob, FROM("112"));
	rig_ends_empty(1);
}

/* --- selective acceptance -----------------------------------------------------------------------*/

Test(worker_screen, C18_accepted_alone)
{
	bob_lists(DIR_LIST_ACCEPT, "1001");
	rings(alice, bob, "");
	is_refused(carol, "", "603");
	/* Hidden he is not known, or the ring would say who it is. */
	is_refused(alice, "Privacy: id\r\n", "603");
	rig_ends_empty(3);
}

/* block x accept: block is asked first. */
Test(worker_screen, C17_C18_in_both)
{
	bob_has(
	    (struct dir_subscriber){ .lists = 1 << DIR_LIST_BLOCK | 1 << DIR_LIST_ACCEPT }, "", "");
	lists(DIR_LIST_BLOCK, "1001");
	lists(DIR_LIST_ACCEPT, "1001");
	lists(DIR_LIST_ACCEPT, "anonymous");
	is_refused(alice, "", "603");
	rings(carol, bob, "Privacy: id\r\n");
	rig_ends_empty(2);
}

/* --- selective forwarding -----------------------------------------------------------------------*/

Test(worker_screen, C5_R6_sent_on)
{
	bob_has((struct dir_subscriber){ .lists = 1 << DIR_LIST_FORWARD }, "carol", "");
	lists(DIR_LIST_FORWARD, "1001");
	expect_has(header(rings(alice, carol, ""), "Diversion"), "reason=unconditional");
	cr_expect_str_eq(rig_cdr("segment.2.segment_kind"), "forward");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
	rings(dave, bob, "");
	rig_ends_empty(2);
}

/* cfs x cfu, cfs x dnd */
Test(worker_screen, C5_C1_C9_before_cfu_and_dnd)
{
	bob_has(
	    (struct dir_subscriber){ .lists = 1 << DIR_LIST_FORWARD, .dnd = 1 }, "carol", "dave");
	lists(DIR_LIST_FORWARD, "1001");
	rings(alice, carol, "");
	rig_ends_empty(1);
}

/* To oneself, by SQL: harmless. */
Test(worker_screen, C5_to_oneself)
{
	bob_has((struct dir_subscriber){ .lists = 1 << DIR_LIST_FORWARD }, "bob", "");
	lists(DIR_LIST_FORWARD, "1001");
	is_refused(alice, "", "482");
	rig_ends_empty(1);
}

/* --- priority -----------------------------------------------------------------------------------*/

Test(worker_screen, C19_sounds_otherwise)
{
	bob_lists(DIR_LIST_PRIORITY, "1001");
	cr_expect_str_eq(header(rings(alice, bob, ""), "Alert-Info"), "<urn:alert:priority:high>");
	cr_expect_eq(headers(rings(carol, bob, ""), "Alert-Info"), 0);
	cr_expect_eq(headers(rings(alice, bob, "Privacy: id\r\n"), "Alert-Info"), 0);
	rig_ends_empty(3);
}

/* priority x call waiting: both are said. */
Test(worker_screen, C19_C20_and_it_waits)
{
	bob_lists(DIR_LIST_PRIORITY, "1001");
	talk(carol, bob);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	cr_expect_str_eq(header(hears(phone_at("bob", "192.0.2.2"), "INVITE"), "Alert-Info"),
	    "<urn:alert:priority:high>, <urn:alert:service:call-waiting>");
}

/* priority x cfu: whom it is sent on to has lists of his own. */
Test(worker_screen, C19_C1_not_for_whom_it_is_sent_on_to)
{
	bob_has((struct dir_subscriber){ .lists = 1 << DIR_LIST_PRIORITY }, "", "carol");
	lists(DIR_LIST_PRIORITY, "1001");
	cr_expect_eq(headers(rings(alice, carol, ""), "Alert-Info"), 0);
	rig_ends_empty(1);
}
