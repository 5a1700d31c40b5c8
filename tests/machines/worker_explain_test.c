/*
 * What a call would do, without placing it: the same features and routes as a call's, in the same order,
 * and nothing is left of it (CONTRACT.md, explain).
 */
#include <string.h>

#include "worker_phone.h"

#define carol (rig->phones[2])

static void
begin(void)
{
	static const uint64_t gateway = 7;

	rig_begin();
	phone_new("carol", "192.0.2.3");
	rig_gateway(7, "203.0.113.7", true);
	rig_route("+", 1, &gateway);
}

TestSuite(worker_explain, .init = begin, .fini = rig_end);

struct wishes {
	const char *cfu, *cfb, *cfnr;
	unsigned dnd, acr, barring;
};

/* The subscriber anew. */
static void
wishes(const char *user, struct wishes x)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING,
		.call_waiting = 1,
		.dnd = (uint8_t)x.dnd,
		.barring = (uint8_t)x.barring,
		.cfnr_timeout_s = 15 };
	struct dir_subscriber_text text = { .user = span_str(user),
		.cfu = span_str(x.cfu == NULL ? "" : x.cfu),
		.cfb = span_str(x.cfb == NULL ? "" : x.cfb),
		.cfnr = span_str(x.cfnr == NULL ? "" : x.cfnr) };
	static uint64_t ids = 6000;

	s.id = ++ids;
	s.tenant = 1;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

/* What is explained; nobody hears of it, and nothing is left. */
static const char *
explained(const char *from, const char *to)
{
	static char text[EXPLAIN_MAX];
	struct buf b = buf_on(text, sizeof(text) - 1);

	explain(rig->w[0], span_str(from), span_str(to), &b);
	text[b.len] = '\0';
	worker_drain(rig->w[0]);
	rig_expect_empty();
	for (unsigned i = 0; i < rig->n_phones; i++)
		hears_nothing(rig->phones[i]);
	rig_read_store(0);
	cr_expect_eq(rig->opened + rig->closed, 0);
	return text;
}

Test(worker_explain, a_call_that_rings)
{
	cr_expect_str_eq(explained("alice", "bob"),
	    "at once\tdecision\tbob\troute: 1 phone\n"
	    "at once\trings\tbob\tround 1: sip:bob@192.0.2.2\n"
	    "at once\tpays\t1001\t1001 to bob\n");
	cr_expect_str_eq(explained("1001", "sip:bob@example.com"), explained("alice", "bob"));
}

Test(worker_explain, sent_on_at_once_and_later)
{
	wishes("bob", (struct wishes){ .dnd = 1, .cfb = "carol" });
	wishes("carol", (struct wishes){ .cfb = "+49301", .cfnr = "alice" });
	cr_expect_str_eq(explained("alice", "bob"),
	    "at once\tdecision\tbob\tdnd: do not disturb: 486 Busy Here\n"
	    "at once\tdecision\tbob\tforward: busy: goes on to carol\n"
	    "at once\tdecision\tcarol\troute: 1 phone\n"
	    "at once\trings\tcarol\tround 1: sip:carol@192.0.2.3\n"
	    "at once\tpays\t1001\t1001 to bob\n"
	    "at once\tpays\tbob\tbob to carol\n"
	    "if busy\tdecision\tcarol\tforward: busy: goes on to +49301\n"
	    "if busy\tdecision\t\troute: to gateways\n"
	    "if busy\trings\tgw7\tround 1: sip:+49301@203.0.113.7:5060;user=phone\n"
	    "if busy\tpays\tcarol\tcarol to +49301\n"
	    "after 15 s\tdecision\tcarol\tforward: nobody answers: goes on to alice\n"
	    "after 15 s\tdecision\talice\troute: 1 phone\n"
	    "after 15 s\trings\talice\tround 1: sip:alice@192.0.2.1\n"
	    "after 15 s\tpays\tcarol\tcarol to alice\n");
}

Test(worker_explain, refused)
{
	wishes("bob", (struct wishes){ .barring = BAR_OUTGOING });
	cr_expect_str_eq(explained("bob", "+49301"),
	    "at once\tdecision\tbob\tbarring: 403 Outgoing call barred\n"
	    "at once\trefused\tbob\t403 Outgoing call barred\n");
}

Test(worker_explain, from_outside)
{
	cr_expect_str_eq(explained("0301@203.0.113.7", "bob"),
	    "at once\tdecision\tbob\troute: 1 phone\n"
	    "at once\trings\tbob\tround 1: sip:bob@192.0.2.2\n"
	    "at once\tpays\tgw7\t0301 to bob\n");
	cr_expect_str_eq(explained("203.0.113.7", "nobody"),
	    "nobody has this number, and no route leads there: nobody");
}

/* Bad input: one line that says why. */
Test(worker_explain, nobody)
{
	cr_expect_str_eq(
	    explained("zoe", "bob"), "no subscriber and no gateway's address, to call from: zoe");
	cr_expect_str_eq(explained("zoe@elsewhere.example", "bob"),
	    "no subscriber and no gateway's address, to call from: zoe@elsewhere.example");
	cr_expect_str_eq(
	    explained("", "bob"), "no subscriber and no gateway's address, to call from: ");
	cr_expect_str_eq(
	    explained("alice", "4711"), "nobody has this number, and no route leads there: 4711");
	cr_expect_str_eq(explained("alice", "a b\r\nX: y"),
	    "no number or address that could be called: a b\r\nX: y");
	cr_expect_str_eq(explained("alice", "sip:bob@elsewhere.example"),
	    "at once\tdecision\telsewhere.example\troute: 404 Not a domain of ours\n"
	    "at once\trefused\talice\t404 Not a domain of ours\n");
}

/* Asked before the registrar's table is there: the worker says so, and lives. */
Test(worker_explain, just_started)
{
	rig->no_tables = true;
	rig->w[0]->locations = (struct locations){ 0 };
	cr_expect_str_eq(
	    explained("alice", "bob"), "the exchange has only just started; ask again");
	rig->no_tables = false;
	expect_has(explained("alice", "bob"), "rings");
}
