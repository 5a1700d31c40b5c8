/* The caller gives up, and every race that lies in it (FLOWS.md S1-08, S1-08a; R3, R23). */
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_cancel, .init = rig_begin, .fini = rig_end);

static const char *
rings(void)
{
	const char *invite;

	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	invite = hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	return invite;
}

Test(worker_cancel, while_it_rings)
{
	const char *invite = rings(), *cancel, *ok;

	cancels(alice, "Reason: SIP;cause=487;text=\"gone\"\r\n");
	ok = hears(alice, "200 CANCEL");
	cr_expect_str_eq(header(ok, "CSeq"), "11 CANCEL");
	hears(alice, "487");
	cancel = hears(bob, "CANCEL");
	cr_expect_str_eq(header(cancel, "Via"), header(invite, "Via"), "the same branch");
	cr_expect_str_eq(header(cancel, "Call-ID"), header(invite, "Call-ID"));
	cr_expect_str_eq(header(cancel, "From"), header(invite, "From"));
	cr_expect_str_eq(header(cancel, "To"), header(invite, "To"));
	cr_expect_eq(strncmp(cancel, "CANCEL sip:bob@192.0.2.2 SIP/2.0", 32), 0, "%s", cancel);
	cr_expect_eq(
	    strtoul(header(cancel, "CSeq"), NULL, 10), strtoul(header(invite, "CSeq"), NULL, 10));
	cr_expect_str_eq(header(cancel, "Reason"), "SIP;cause=487;text=\"gone\"");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("leg.2.sip_code"), "487");
}

/* "in either order" */
Test(worker_cancel, refusal_before_the_200)
{
	rings();
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	replies(bob, "CANCEL", 200, "", "");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* (b): held until the first provisional. */
Test(worker_cancel, before_the_first_provisional)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears_nothing(bob);
	replies(bob, "INVITE", 100, "", "");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* (b): the held CANCEL meets the answer. */
Test(worker_cancel, before_an_answer_without_provisional)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* (c), R23: our CANCEL crosses the 200. */
Test(worker_cancel, crosses_the_answer)
{
	rings();
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(bob, "BYE");
	replies(bob, "CANCEL", 481, "", "");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("leg.2.sip_code"), "200");
	cr_expect_str_neq(rig_cdr("leg.2.answer_at"), "");
}

/* (d): after our 200. */
Test(worker_cancel, after_the_answer)
{
	rings();
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	cancels(alice, "");
	hears(alice, "200 CANCEL");
	hears_nothing(bob);
	acks(alice, "");
	rig_wait_ms(3000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 3000);
}

/* (e) */
Test(worker_cancel, of_nothing)
{
	dials(alice, "nobody", "", SDP_A);
	hears(alice, "100");
	hears(alice, "404");
	snprintf(alice->invite_branch, sizeof(alice->invite_branch), "z9hG4bK-another");
	cancels(alice, "");
	alice->remote_tag[0] = '\0';
	hears(alice, "481 CANCEL");
	rig_ends_clean("failed 404 1 system normal", 0);
}

/* (f) */
Test(worker_cancel, again)
{
	const char *first, *second;

	rings();
	cancels(alice, "");
	first = hears(alice, "200 CANCEL");
	hears(alice, "487");
	cancels(alice, "");
	second = hears(alice, "200 CANCEL");
	cr_expect_str_eq(first, second);
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* RFC 3261 15: a caller may end his early dialog by BYE as well. */
Test(worker_cancel, by_bye)
{
	rings();
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(alice, "487");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_ends_clean("cancelled 487 16 caller normal", 0);
}

/* 15.1.1: a called side may not. */
Test(worker_cancel, bye_of_the_called_side_is_refused)
{
	rings();
	says(bob, "BYE", "", "");
	hears(bob, "481");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* His BYE crossed our 2xx, which got lost: he hears it again, and no second BYE (13.3.1.4). */
Test(worker_cancel, by_bye_across_a_lost_answer)
{
	rings();
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	says(alice, "BYE", "", "");
	hears(alice, "200 BYE");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	rig_wait_ms(500);
	hears(alice, "200 INVITE");
	alice->invite_cseq = 11;
	acks(alice, "");
	rig_ends_clean("answered 200 16 caller normal", 0);
}
