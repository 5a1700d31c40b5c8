/* Several early dialogs of one INVITE, reliable responses in each (FLOWS.md S3-04b; RFC 3262, RFC 3261
 * 12.1): a proxy behind a contact forks. */
#include <stdio.h>
#include <string.h>

#include "worker_prack.h"

TestSuite(worker_branches, .init = rig_begin, .fini = rig_end);

static void
progresses_as(const char *tag, const char *lines, const char *body)
{
	snprintf(bob->local_tag, sizeof(bob->local_tag), "%s", tag);
	replies(bob, "INVITE", 183, lines, body);
}

static const char *
is_pracked(const char *tag)
{
	const char *m = hears(bob, "PRACK");

	expect_has(header(m, "To"), tag);
	replies(bob, "PRACK", 200, "", "");
	return m;
}

/* So many answer, and each is ended in its own dialog; who comes after them is not, and costs nothing. */
static unsigned
answer_and_are_ended(unsigned from, unsigned to)
{
	unsigned ended = 0;
	char tag[32];

	for (unsigned i = from; i < to; i++) {
		snprintf(tag, sizeof(tag), "branch-%u", i);
		replies_as(bob, tag, "INVITE", 200, SDP_B2);
		if (has_mail(bob))
			expect_has(header(hears(bob, "ACK"), "To"), tag);
		if (!has_mail(bob))
			continue; /* it was, before */
		expect_has(header(hears(bob, "BYE"), "To"), tag);
		replies(bob, "BYE", 200, "", "");
		ended++;
	}
	return ended;
}

Test(worker_branches, B8_a_flood_of_answers_is_bounded)
{
	talk(alice, bob);
	cr_expect_eq(answer_and_are_ended(0, 40), 16);
	cr_expect_eq(answer_and_are_ended(0, 40), 0);
	hears_nothing(alice);
	ends();
}

/* The same when the call is over, and its INVITE still known. */
Test(worker_branches, B8_and_after_the_call)
{
	talk(alice, bob);
	hangs_up(alice, bob);
	cr_expect_eq(answer_and_are_ended(0, 40), 3, "four have answered");
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* Two branches have answered the offer reliably: the caller hears the first, and gets the session of the
 * one that wins, which it gave in its 183. */
Test(worker_branches, S3_04b_each_branch_keeps_its_answer)
{
	rings_first("", SDP_A);
	progresses_as("one", REL(1), SDP_B);
	is_pracked("tag=one");
	expect_has(hears(alice, "183"), "m=audio 4002");
	progresses_as("two", REL(7), SDP_B2);
	cr_expect_str_eq(header(is_pracked("tag=two"), "RAck"), "7 1 INVITE");
	expect_lacks(hears(alice, "183"), "m=audio");
	replies(bob, "INVITE", 200, "", "");
	expect_has(header(hears(bob, "ACK"), "To"), "tag=two");
	expect_has(hears(alice, "200 INVITE"), "m=audio 4200");
	acks(alice, "");
	ends();
}

/* What the caller changes goes to the branch that has the session, whoever rings after it. */
Test(worker_branches, update_goes_to_the_branch_that_has_the_session)
{
	const char *m;

	rings_first(CAN, SDP_A);
	progresses_as("one", REL(1), SDP_B);
	is_pracked("tag=one");
	pracks(alice, hears(alice, "183"), "");
	hears(alice, "200 PRACK");
	replies_as(bob, "two", "INVITE", 180, "");
	hears(alice, "180");
	says(alice, "UPDATE", "", SDP_A2);
	m = hears(bob, "UPDATE");
	expect_has(header(m, "To"), "tag=one");
	replies(bob, "UPDATE", 200, "", SDP_B);
	hears(alice, "200 UPDATE");
	replies(bob, "INVITE", 200, "", "");
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	ends();
}

/* Two branches offer: the caller answers the first, the other gets inactive streams. It wins: the two are
 * brought together anew. */
Test(worker_branches, S3_04b_two_branches_offer)
{
	const char *m;

	rings_first(CAN, "");
	progresses_as("one", REL(1), SDP_B);
	m = hears(alice, "183");
	expect_has(m, "m=audio 4002");
	progresses_as("two", REL(7), SDP_B2);
	expect_has(is_pracked("tag=two"), "a=inactive");
	snprintf(bob->local_tag, sizeof(bob->local_tag), "one");
	pracks(alice, m, SDP_A);
	hears(alice, "200 PRACK");
	expect_has(is_pracked("tag=one"), "m=audio 4000");
	expect_lacks(hears(alice, "183"), "m=audio");
	snprintf(bob->local_tag, sizeof(bob->local_tag), "two");
	replies(bob, "INVITE", 200, "", "");
	expect_has(header(hears(bob, "ACK"), "To"), "tag=two");
	cr_expect_str_eq(body_of(hears(alice, "200 INVITE")), "");
	acks(alice, "");
	cr_expect_str_eq(body_of(hears(bob, "INVITE")), "");
	replies(bob, "INVITE", 200, "", SDP_B2);
	expect_has(hears(alice, "INVITE"), "m=audio 4200");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	expect_has(hears(bob, "ACK"), "m=audio 4000");
	ends();
}

/* Another branch answers while the caller has not yet taken the first one's offer: no PRACK is sent in a
 * dialog that it is not for. */
Test(worker_branches, S3_04b_another_answers_before_the_prack)
{
	const char *m;

	rings_first(CAN, "");
	progresses_as("one", REL(1), SDP_B);
	m = hears(alice, "183");
	snprintf(bob->local_tag, sizeof(bob->local_tag), "two");
	replies(bob, "INVITE", 200, "", SDP_B2);
	pracks(alice, m, SDP_A);
	hears(alice, "200 PRACK");
	m = hears(bob, "ACK");
	expect_has(header(m, "To"), "tag=two");
	expect_has(m, "m=audio 4000");
	hears(alice, "200 INVITE");
	acks(alice, "");
	cr_expect_str_eq(body_of(hears(bob, "INVITE")), "");
	replies(bob, "INVITE", 200, "", SDP_B2);
	expect_has(hears(alice, "INVITE"), "m=audio 4200");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "ACK");
	ends();
}

/* RFC 3311 5.2: a branch beside the one that has the session may offer later, and is not told that its
 * dialog is gone. */
Test(worker_branches, update_of_a_branch_beside)
{
	const char *m;

	rings_first(CAN, SDP_A);
	progresses_as("one", REL(1), SDP_B);
	is_pracked("tag=one");
	hears(alice, "183");
	progresses_as("two", REL(7), SDP_B2);
	is_pracked("tag=two");
	says(bob, "UPDATE", "", SDP_B);
	m = hears(bob, "500");
	cr_expect_str_neq(header(m, "Retry-After"), "");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}
