/* What can befall the call that completes another (call_recall.c): alice, who found bob busy, is rung. And which
 * of two features wins (SERVICES.md C60). */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "worker_refer.h"

enum { BOB = 4242 };

struct set { /* what bob or alice has set, once she has answered */
	struct dir_subscriber s;
	const char *cfb, *cfu;
	int list; /* of bob's, who is in it: alice; -1: none */
};

static void
put_bob(const struct set *x)
{
	struct dir_subscriber s = x->s;
	struct dir_subscriber_text text = { .user = SPAN("bob"),
		.number = SPAN("1002"),
		.cfb = span_str(x->cfb == NULL ? "" : x->cfb),
		.cfu = span_str(x->cfu == NULL ? "" : x->cfu) };

	s.trust = DIR_TRUST_BINDING;
	s.tenant = 1;
	s.id = BOB;
	digest_ha1(DIGEST_MD5, SPAN("bob"), SPAN("example.com"), SPAN("secret"), s.ha1.md5);
	s.ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
begin(void)
{
	refer_begin();
	directory_put_code(&rig->directory, 0, SPAN("*66"), SPAN("ccbs.set"));
	put_bob(&(struct set){ .list = -1 });
}

TestSuite(worker_recall, .init = begin, .fini = rig_end);

/* Bob was busy, and is free: her phones are rung. */
static void
is_called_back(const char *more)
{
	talk(carol, bob);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(alice, "486");
	dials(alice, "*66", more, SDP_A);
	hears(alice, "100");
	hears(alice, "200 INVITE");
	acks(alice, "");
	rig_wait_ms(1100);
	is_released(alice);
	hangs_up(bob, carol);
	waits(alice);
	rings(alice);
}

static void
answers(void)
{
	replies(alice, "INVITE", 200, "", SDP_A);
	expect_has(hears(alice, "ACK"), "a=inactive");
}

static void
bob_is_rung(void)
{
	rings(bob);
	rig_wait_ms(1000);
}

/* Bob has answered, and she has his offer. */
static void
are_being_joined(void)
{
	is_called_back("");
	answers();
	bob_is_rung();
	replies(bob, "INVITE", 200, "", SDP_B);
	expect_has(hears(alice, "INVITE"), "m=audio 4002");
}

static void
talk_at_last(void)
{
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(bob, "ACK");
	hears(alice, "ACK");
}

/* Of her phones the first that answers has it; the others are told. */
Test(worker_recall, two_phones)
{
	struct phone *other = phone_at("alice", "192.0.2.11");

	rig_bind("alice", other->contact, other->host, 1000, 0);
	is_called_back("");
	rings(other);
	answers();
	expect_has(header(hears(other, "CANCEL"), "Reason"), "completed elsewhere");
	replies(other, "CANCEL", 200, "", "");
	replies(other, "INVITE", 487, "", "");
	hears(other, "ACK");
	bob_is_rung();
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "INVITE");
	talk_at_last();
	hangs_up(bob, alice);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "answered");
}

/* Her answer crosses our CANCEL: it is too late. */
Test(worker_recall, answered_too_late)
{
	is_called_back("");
	waits(alice);
	hears(alice, "CANCEL");
	replies(alice, "INVITE", 200, "", SDP_A);
	replies(alice, "CANCEL", 200, "", "");
	hears(alice, "ACK");
	is_released(alice);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "cancelled");
}

/* A phone that sends it on: nobody else is rung for her. */
Test(worker_recall, it_is_not_sent_on)
{
	is_called_back("");
	replies(alice, "INVITE", 302, "Contact: <sip:dave@example.com>\r\n", "");
	hears(alice, "ACK");
	hears_nothing(dave);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

/* An answer without a description, which it was asked for: she is asked when bob has said his. */
Test(worker_recall, answered_without_an_offer)
{
	is_called_back("");
	replies(alice, "INVITE", 200, "", "");
	hears(alice, "ACK");
	bob_is_rung();
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "INVITE");
	talk_at_last();
	hangs_up(alice, bob);
	rig_ends_empty(4);
}

/* What she offers while she waits comes again later. */
Test(worker_recall, she_offers_while_she_waits)
{
	is_called_back("");
	answers();
	bob_is_rung();
	says(alice, "INVITE", "", SDP("192.0.2.1", "4100", ""));
	hears(alice, "100");
	hears(alice, "491");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(alice, "INVITE");
	talk_at_last();
	hangs_up(alice, bob);
	rig_ends_empty(4);
}

/* Both ask at once: hers is refused, ours tried again. */
Test(worker_recall, glare)
{
	are_being_joined();
	replies(alice, "INVITE", 491, "", "");
	hears(alice, "ACK");
	waits(alice);
	hears(alice, "INVITE");
	talk_at_last();
	hangs_up(alice, bob);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.disposition"), "answered");
}

/* She cannot take his offer. */
Test(worker_recall, nothing_in_common)
{
	are_being_joined();
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	hears(bob, "ACK");
	is_released(bob);
	is_released(alice);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0");
}

/* She hangs up as he answers. */
Test(worker_recall, she_hangs_up_as_he_answers)
{
	are_being_joined();
	says_bye(alice);
	hears(bob, "ACK");
	is_released(bob);
	phones_serve(2000);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0");
}

/* He hangs up before she has answered his offer. */
Test(worker_recall, he_hangs_up_at_once)
{
	are_being_joined();
	says(bob, "BYE", "", "");
	phones_serve(3000);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0");
}

/* The operator ends it at each of its stages. */
Test(worker_recall, hung_up_by_the_operator)
{
	for (unsigned stage = 0; stage < 4; stage++) {
		rig_end();
		begin();
		if (stage == 3)
			are_being_joined();
		else
			is_called_back("");
		if (stage == 1 || stage == 2)
			answers();
		if (stage == 2)
			bob_is_rung();
		rig_operator_hangup(0);
		phones_serve(3000);
		rig_ends_empty(4);
		cr_expect_str_eq(rig_cdr("segment.1.end_reason"), "admin", "stage %u", stage);
		cr_expect_str_eq(rig_cdr("segment.1.bill_ms"), "0", "stage %u", stage);
	}
}

/* Once they talk it is a call like any other: he transfers her. */
Test(worker_recall, transferred)
{
	are_being_joined();
	talk_at_last();
	transfers(bob, "carol");
	rings(carol);
	RINGING(bob);
	are_joined(alice, carol);
	ENDS(bob, "200 OK");
	is_released(bob);
	hangs_up(alice, carol);
	rig_ends_empty(4);
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "callback");
	cr_expect_str_eq(rig_cdr("segment.2.payer_number"), "1002");
}

/* An explained code asks for nothing. */
Test(worker_recall, explained)
{
	char text[EXPLAIN_MAX];
	struct buf b = buf_on(text, sizeof(text) - 1);

	talk(carol, bob);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(alice, "486");
	explain(rig->w[0], SPAN("alice"), SPAN("*66"), &b);
	worker_drain(rig->w[0]);
	text[b.len] = '\0';
	expect_has(text, "completion: busy: is called when he is free");
	hangs_up(bob, carol);
	rig_wait_ms(60000);
	hears_nothing(alice);
	rig_ends_empty(2);
}

/* --- which of two wins --------------------------------------------------------------------------*/

static const struct row {
	const char *what;
	struct set bob_;
	const char *more, *disposition, *payer; /* of the last segment */
	bool again;				/* she keeps her place */
} rows[] = {
	{ "incoming barring", { .s.barring = BAR_INCOMING, .list = -1 }, "", "barred", "1001",
	    false },
	{ "block", { .s.lists = 1 << DIR_LIST_BLOCK, .list = DIR_LIST_BLOCK }, "", "rejected",
	    "1001", false },
	{ "acr, and she hides", { .s.acr = 1, .list = -1 }, "Privacy: id\r\n", "failed", "1001",
	    false },
	{ "dnd since", { .s.dnd = 1, .list = -1 }, "", "busy", "1001", true },
	{ "dnd since, and cfb: it goes on at his cost", { .s.dnd = 1, .cfb = "dave", .list = -1 },
	    "", "busy", "1002", true },
	{ "cfu since", { .cfu = "dave", .list = -1 }, "", "busy", "1002", true },
};

ParameterizedTestParameters(worker_recall, pairs)
{
	static unsigned n[sizeof(rows) / sizeof(rows[0])];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		n[i] = i;
	return cr_make_param_array(unsigned, n, sizeof(rows) / sizeof(rows[0]));
}

/* She has been rung: what bob has set acts on her call as on any other. */
ParameterizedTest(const unsigned *i, worker_recall, pairs)
{
	const struct row *r = &rows[*i];
	bool onward = r->bob_.cfb != NULL || r->bob_.cfu != NULL;

	is_called_back(r->more);
	put_bob(&r->bob_);
	if (r->bob_.list >= 0)
		directory_put_listed(
		    &rig->directory, BOB, (enum dir_list)r->bob_.list, SPAN("alice"));
	answers();
	if (onward) {
		rings(dave);
		replies(dave, "INVITE", 486, "", "");
		hears(dave, "ACK");
	}
	hears_nothing(bob);
	is_released(alice);
	rig_read_store(0);
	expect_segment(onward ? 2 : 1, r->disposition, r->payer, "0");
	put_bob(&(struct set){ .list = -1 });
	rig_wait_ms(29000);
	hears_nothing(alice);
	rig_wait_ms(5000);
	cr_expect_eq(has_mail(alice), r->again, "%s", r->what);
	phones_serve(2000);
	while (pool_next(&rig->w[0]->calls, NULL) != NULL) {
		rig_operator_hangup(0);
		phones_serve(2000);
	}
}
