/*
 * What is decided on a call is kept with it, in order and with its reason (SERVICES.md C60): of a running
 * call and in its record.
 */
#include <stdio.h>
#include <string.h>

#include "model/decision.h"
#include "worker_phone.h"

#define carol (rig->phones[2])

static void
begin(void)
{
	rig_begin();
	phone_new("carol", "192.0.2.3");
}

TestSuite(worker_decisions, .init = begin, .fini = rig_end);

struct wishes {
	const char *cfu, *cfb;
	unsigned dnd, acr;
};

/* The subscriber anew. */
static void
wishes(const char *user, struct wishes x)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING,
		.call_waiting = 1,
		.dnd = (uint8_t)x.dnd,
		.acr = (uint8_t)x.acr };
	struct dir_subscriber_text text = { .user = span_str(user),
		.cfu = span_str(x.cfu == NULL ? "" : x.cfu),
		.cfb = span_str(x.cfb == NULL ? "" : x.cfb) };
	static uint64_t ids = 4000;

	s.id = ++ids;
	s.tenant = 1;
	digest_ha1(DIGEST_MD5, span_str(user), SPAN("example.com"), SPAN("secret"), s.ha1.md5);
	s.ha1.has = 1 << DIGEST_MD5;
	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

/* The decisions of the last record, in short: "forward bob: always: goes on to carol | route ...". */
static const char *
decided(void)
{
	static char all[8192];
	const char *p = rig_cdr("call.decisions");
	char feature[64], of[64], reason[128];
	size_t n = 0;

	all[0] = '\0';
	while ((p = strstr(p, "\"feature\":\"")) != NULL) {
		of[0] = reason[0] = '\0';
		cr_assert_geq(sscanf(p,
				  "\"feature\":\"%63[^\"]\",\"of\":\"%63[^\"]\",\"reason\":"
				  "\"%127[^\"]\"",
				  feature, of, reason),
		    2);
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s %s: %s", n > 0 ? " | " : "",
		    feature, of, reason);
		p++;
	}
	return all;
}

static void
alice_is_refused(const char *number, const char *status)
{
	dials(alice, number, "", SDP_A);
	hears(alice, "100");
	hears(alice, status);
}

Test(worker_decisions, an_ordinary_call_has_one)
{
	talk(alice, bob);
	hangs_up(alice, bob);
	rig_ends_empty(1);
	cr_expect_str_eq(decided(), "route bob: 1 phone");
}

Test(worker_decisions, who_refuses_says_why)
{
	wishes("bob", (struct wishes){ .dnd = 1 });
	alice_is_refused("bob", "486");
	cr_expect_str_eq(decided(), "dnd bob: do not disturb: 486 Busy Here");
	wishes("bob", (struct wishes){ .acr = 1 });
	dials(alice, "bob", "Privacy: id\r\n", SDP_A);
	hears(alice, "100");
	hears(alice, "433");
	cr_expect_str_eq(decided(), "clir alice: the number is withheld | "
				    "acr bob: the caller hides: 433 Anonymity Disallowed");
	rig_ends_empty(2);
}

Test(worker_decisions, a_number_of_nobodys)
{
	alice_is_refused("5999", "404");
	cr_expect_str_eq(decided(),
	    "route 5999: nobody has this number, and no route leads there: 404 Not Found");
	alice_is_refused("sip:bob@elsewhere.example", "404");
	cr_expect_str_eq(decided(), "route elsewhere.example: 404 Not a domain of ours");
	wishes("bob", (struct wishes){ .cfu = "5998" });
	alice_is_refused("bob", "404");
	cr_expect_str_eq(decided(),
	    "forward bob: always: goes on to 5998 | "
	    "route 5998: nobody has this number, and no route leads there: 404 Not Found");
	rig_ends_empty(3);
}

Test(worker_decisions, a_chain_in_its_order)
{
	wishes("bob", (struct wishes){ .dnd = 1, .cfb = "carol" });
	wishes("carol", (struct wishes){ .cfu = "bob" });
	alice_is_refused("bob", "482");
	cr_expect_str_eq(decided(), "dnd bob: do not disturb: 486 Busy Here | "
				    "forward bob: busy: goes on to carol | "
				    "forward carol: always: goes on to bob | "
				    "route bob: it was for him before: 482");
	rig_ends_empty(1);
}

/* What was dialled ends no line and no field, and a long one is cut. */
Test(worker_decisions, text_of_others_is_text)
{
	char text[DECISION_TEXT], line[256];
	struct buf b = buf_on(text, sizeof(text)), l = buf_on(line, sizeof(line));
	struct span lines, part[3];
	uint32_t ms;

	decision_text_put(&b, "route", SPAN("a\tb\nc"),
	    SPAN("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		 "xxxx"
		 "xxxxxxxxxxxxxxxxxxxx"));
	cr_assert(buf_ok(&b));
	cr_expect_eq(b.len, DECISION_TEXT);
	decision_put(&l, 12, buf_span(&b));
	lines = buf_span(&l);
	cr_assert(decision_cut(&lines, &ms, part));
	cr_expect_eq(ms, 12);
	cr_expect(span_eq(part[1], SPAN("a?b?c")));
	cr_expect_eq(lines.len, 0);
	cr_expect_not(decision_cut(&lines, &ms, part));
}

/* A call is a bounded thing: the first are kept, and how many there were besides. */
Test(worker_decisions, there_is_a_bound)
{
	struct call *c;

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	c = pool_next(&rig->w[0]->calls, NULL);
	for (unsigned i = 0; i < DECISIONS_MAX - DECISIONS_EVENTS + 9; i++)
		decision_words(rig->w[0], c, "test", SPAN("x"), "again");
	rig_restart(0); /* they survive */
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_empty(1);
	cr_expect_not_null(strstr(rig_cdr("call.decisions"), "\"reason\":\"10 are not kept\"}]"));
}
