/* Who calls and who answered, on the display (SERVICES.md C11, C14): alice calls bob. */
#include "worker_phone.h"

static void
sets(const char *user, const char *number, unsigned identity)
{
	struct dir_subscriber s = { .trust = DIR_TRUST_BINDING, .identity = (uint8_t)identity };

	rig_subscriber_put(&s, user, number);
}

TestSuite(worker_display, .init = rig_begin, .fini = rig_end);

/* What bob hears, then what alice does; they hang up. */
static void
call(const char **invite_r, const char **answer_r)
{
	static char invite[4096], answer[4096];

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	snprintf(invite, sizeof(invite), "%s", hears(bob, "INVITE"));
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	snprintf(answer, sizeof(answer), "%s", hears(alice, "200 INVITE"));
	acks(alice, "");
	hangs_up(alice, bob);
	*invite_r = invite;
	*answer_r = answer;
}

Test(worker_display, C14_as_it_comes)
{
	const char *invite, *answer;

	call(&invite, &answer);
	expect_has(header(invite, "From"), "alice@example.com");
	expect_lacks(answer, "P-Asserted-Identity");
}

Test(worker_display, C14_who_answered)
{
	const char *invite, *answer;

	sets("alice", "1001", DIR_COLP);
	call(&invite, &answer);
	expect_has(header(answer, "P-Asserted-Identity"), "sip:1002@example.com");
}

/* colr x colp: who does not want to be shown is not. */
Test(worker_display, C14_not_him)
{
	const char *invite, *answer;

	sets("alice", "1001", DIR_COLP);
	sets("bob", "1002", DIR_COLR);
	call(&invite, &answer);
	expect_lacks(answer, "P-Asserted-Identity");
}

Test(worker_display, C11_who_calls_is_not_shown)
{
	const char *invite, *answer;

	sets("bob", "1002", DIR_NO_CLIP);
	call(&invite, &answer);
	expect_has(header(invite, "From"), "anonymous@anonymous.invalid");
	expect_lacks(invite, "P-Asserted-Identity");
	cr_expect_str_eq(rig_cdr("segment.1.calling_presentation"), "allowed");
}

/* clip x redirection: nor at another contact of his that his phone names. */
Test(worker_display, C11_nor_at_his_other_contact)
{
	const char *invite;

	sets("bob", "1002", DIR_NO_CLIP);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 302, "Contact: <sip:desk@192.0.2.2>\r\n", "");
	hears(bob, "ACK");
	invite = hears(bob, "INVITE");
	expect_has(invite, "INVITE sip:desk@192.0.2.2");
	expect_has(header(invite, "From"), "anonymous@anonymous.invalid");
	expect_lacks(invite, "alice");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
}
