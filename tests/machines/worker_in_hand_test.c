/* What a worker had in hand when it died, and what it had written that had not left (THREATS.md F2, F3). */
#include "worker_phone.h"

TestSuite(worker_in_hand, .init = rig_begin, .fini = rig_end);

static void
rings(void)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
}

/* Nobody repeats what came over a connection: the caller hears how his call ended, and it has its record. */
Test(worker_in_hand, F2_in_hand_over_tcp)
{
	rig->tcp = true;
	rig->in_hand = 1;
	dials(alice, "bob", "", SDP_A);
	rig->in_hand = 0;
	hears(alice, "100");
	hears(alice, "500");
	hears_nothing(bob);
	rig_ends_clean("failed 500 41 system system_failure", 0);
	cr_expect_str_eq(rig_cdr("segment.1.in_sip_call_id"), alice->call_id);
	cr_expect_str_eq(rig_cdr("segment.1.dialed_digits"), "bob");
	cr_expect_str_eq(rig_cdr("segment.1.calling_number"), "1001");
}

/* A datagram is repeated, and handled then; what killed twice is not. */
Test(worker_in_hand, F3_in_hand_over_udp)
{
	rig->in_hand = 1;
	dials(alice, "bob", "", SDP_A);
	hears_nothing(alice);
	rig->in_hand = 2;
	dials_again(alice, "bob", "", SDP_A);
	rig->in_hand = 0;
	hears(alice, "100");
	hears(alice, "500");
	rig->in_hand = 3;
	dials(alice, "bob", "", SDP_A);
	rig->in_hand = 0;
	hears_nothing(alice);
	hears_nothing(bob);
	rig_ends_clean("failed 500 41 system system_failure", 0);
}

Test(worker_in_hand, F3_in_hand_of_a_gateway_and_of_a_stranger)
{
	struct phone *gw = phone_at("gw", "203.0.113.7"), *eve = phone_at("eve", "203.0.113.66");

	rig_gateway(7, gw->host, true);
	rig->tcp = true;
	rig->in_hand = 1;
	dials(eve, "bob", "", SDP_A);
	hears(eve, "407");
	dials(gw, "1002", "", SDP_A);
	rig->in_hand = 0;
	hears(gw, "100");
	hears(gw, "500");
	rig_ends_clean("failed 500 41 system system_failure", 0);
	cr_expect_str_eq(rig_cdr("segment.1.in_trunk_id"), "7");
}

/* The INVITE that she sent last, as it stands in the ring. */
static void
is_found_again(void)
{
	sends(alice,
	    "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=%s\r\nMax-Forwards: 70\r\n"
	    "From: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u INVITE\r\n"
	    "Contact: <%s>\r\nContent-Length: 0\r\n\r\n",
	    alice->invite_uri, alice->host, alice->invite_branch, alice->local, alice->local_tag,
	    alice->remote, alice->call_id, alice->invite_cseq, alice->contact);
}

/* Killed again and again while it says so: one answer, one record. */
Test(worker_in_hand, F2_in_hand_and_killed_again)
{
	for (unsigned n = 1; n < 3; n++) {
		rig->tcp = true;
		rig->in_hand = 1;
		rig->die_at = n;
		rig->die_before = true;
		dials(alice, "bob", "", SDP_A);
		rig->in_hand = 2;
		is_found_again();
		rig->in_hand = 0;
		hears(alice, n == 1 ? "500" : "100");
		if (n > 1)
			hears(alice, "500");
		rig_ends_clean("failed 500 41 system system_failure", 0);
		rig_end();
		rig_begin();
	}
}

/* What was written may not have left, and no timer repeats it on a connection. */
Test(worker_in_hand, F2_said_again_over_tcp)
{
	rig->tcp = true;
	alice->does_not_ack = true;
	dials(alice, "nobody", "", SDP_A);
	hears(alice, "100");
	hears(alice, "404");
	hears_nothing(alice);
	rig_restart(0);
	hears(alice, "404");
	hears_nothing(alice);
	rig_ends_empty(1);
}

/* A call that is over does not make a phone ring: its INVITE had perhaps not left. */
Test(worker_in_hand, F2_marked_is_not_said_again_over_tcp)
{
	for (unsigned marked = 0; marked < 2; marked++) {
		dials(alice, "bob", "", SDP_A);
		hears(alice, "100");
		hears(bob, "INVITE");
		for (struct txn *t = pool_next(&rig->w[0]->txn_pool, NULL); t != NULL;
		     t = pool_next(&rig->w[0]->txn_pool, t))
			t->reliable = t->reliable || t->kind == TXN_ICT; /* as over a connection */
		((struct call *)pool_next(&rig->w[0]->calls, NULL))->marked = marked == 1;
		rig_restart(0);
		if (marked == 0)
			hears(bob, "INVITE");
		hears_nothing(bob);
		phones_serve(70000);
		rig_end();
		rig_begin();
	}
}

/* Her CANCEL is not repeated: nobody goes on ringing. */
Test(worker_in_hand, F2_cancel_in_hand_over_tcp)
{
	rings();
	rig->tcp = true;
	rig->in_hand = 1;
	cancels(alice, "");
	rig->in_hand = 0;
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	phones_serve(2000);
	rig_ends_clean("noanswer 480 18 system system_failure", 0);
}

/* What is in a dialog is only told; a BYE ends the call, whatever became of it. */
Test(worker_in_hand, F2_in_dialog_in_hand_over_tcp)
{
	talk(alice, bob);
	rig->tcp = true;
	rig->in_hand = 1;
	says(alice, "INFO", "", "");
	hears(alice, "500 INFO");
	says(alice, "BYE", "", "");
	rig->in_hand = 0;
	phones_serve(2000);
	rig_ends_clean("answered 200 16 system system_failure", 0);
}
