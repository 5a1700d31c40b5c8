/* Hold: in its directions, from either side, and its time (FLOWS.md S1-12, S2-16e). */
#include "worker_phone.h"

TestSuite(worker_hold, .init = rig_begin, .fini = rig_end);

#define SDP_HOLD     SDP("0.0.0.0", "4002", "")
#define SDP_SENDONLY SDP("192.0.2.2", "4002", "a=sendonly\r\n")
#define SDP_RECVONLY SDP("192.0.2.1", "4000", "a=recvonly\r\n")
#define SDP_INACTIVE SDP("192.0.2.2", "4002", "a=inactive\r\n")

/* S1-12, S2-16e: three ways to say hold, two to resume. */
Test(worker_hold, S1_12_S2_16e_hold_and_resume)
{
	talk(alice, bob);
	passes(bob, alice, SDP_HOLD, SDP_A, "c=IN IP4 0.0.0.0", "m=audio 4000");
	passes(bob, alice, SDP_B, SDP_A, "c=IN IP4 192.0.2.2", "m=audio 4000");
	passes(bob, alice, SDP_SENDONLY, SDP_RECVONLY, "a=sendonly", "a=recvonly");
	passes(bob, alice, SDP_B, SDP_A, "m=audio 4002", "m=audio 4000");
	passes(bob, alice, SDP_INACTIVE, SDP_A, "a=inactive", "m=audio 4000");
	passes(bob, alice, SDP_B, SDP_A, "m=audio 4002", "m=audio 4000");
	passes(alice, bob, SDP_RECVONLY, SDP_B, "a=recvonly", "m=audio 4002");
	rig_wait_ms(5000);
	hangs_up(bob, alice);
	rig_ends_clean("answered 200 16 callee normal", 5000);
}

/* The time is in the record, billing goes on; who is held answers recvonly, and holds nobody. */
Test(worker_hold, S1_12_hold_is_timed)
{
	talk(alice, bob);
	rig_wait_ms(1000);
	passes(bob, alice, SDP_SENDONLY, SDP_RECVONLY, "a=sendonly", "a=recvonly");
	rig_wait_ms(2000);
	passes(alice, bob, SDP_INACTIVE, SDP_INACTIVE, "a=inactive", "a=inactive"); /* she too */
	rig_wait_ms(3000);
	passes(bob, alice, SDP_B, SDP_INACTIVE, "m=audio 4002", "a=inactive"); /* she still does */
	rig_wait_ms(4000);
	passes(alice, bob, SDP_A, SDP_B, "m=audio 4000", "m=audio 4002");
	rig_wait_ms(5000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 15000);
	cr_expect_str_eq(rig_cdr("segment.1.hold_ms"), "9000");
}

Test(worker_hold, held_to_the_end_and_early_media)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	rig_wait_ms(1000);
	replies(bob, "INVITE", 183, "", SDP_B);
	hears(alice, "183");
	rig_wait_ms(2000);
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	passes(alice, bob, SDP_HOLD, SDP_B, "c=IN IP4 0.0.0.0", "m=audio 4002");
	rig_wait_ms(3000);
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 3000);
	cr_expect_str_eq(rig_cdr("segment.1.early_media_ms"), "2000");
	cr_expect_str_eq(rig_cdr("segment.1.ring_ms"), "3000");
	cr_expect_str_eq(rig_cdr("segment.1.hold_ms"), "3000");
}
