/* An INVITE with Replaces (RFC 3891): a phone takes another's place in a call that is up (C59), or the call
 * that rings there (BILLING.md R15). Each call in its own worker. */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

/* Bob's other phone. */
#define desk (rig->phones[4])

static void
begin(void)
{
	rig_new(2);
	phones_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	phone_at("bob", "192.0.2.22");
	desk->worker = dave->worker = 1;
}

TestSuite(worker_replaces, .init = begin, .fini = rig_end);

/* p calls the dialog that `of` has. */
static void
takes(struct phone *p, const struct phone *of, const char *more, const char *body)
{
	char lines[1024];

	snprintf(lines, sizeof(lines),
	    "Require: replaces\r\nReplaces: %s;to-tag=%s;from-tag=%s%s\r\n", of->call_id,
	    of->remote_tag, of->local_tag, more);
	dials(p, "alice", lines, body);
	hears(p, "100");
	rig_wait_ms(1);
}

static void
desk_is_bobs(void)
{
	rig_bind("bob", desk->contact, desk->host, 1, 0);
}

#define SDP_DESK SDP("192.0.2.22", "4010", "")

/* --- a call that is up --------------------------------------------------------------------------*/

Test(worker_replaces, confirmed)
{
	talk(alice, bob);
	desk_is_bobs();
	rig_wait_ms(1000);
	takes(desk, bob, "", SDP_DESK);
	expect_has(hears(alice, "INVITE"), "m=audio 4010");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	is_released(bob);
	rig_wait_ms(1);
	expect_has(hears(desk, "200 INVITE"), "m=audio 4000");
	acks(desk, "");
	rig_wait_ms(2000);
	says(alice, "INVITE", "", SDP("192.0.2.1", "4100", ""));
	hears(alice, "100");
	rig_wait_ms(1);
	expect_has(hears(desk, "INVITE"), "m=audio 4100");
	replies(desk, "INVITE", 200, "", SDP_DESK);
	hears(desk, "ACK");
	rig_wait_ms(1);
	hears(alice, "200 INVITE");
	acks(alice, "");
	says_bye(alice);
	rig_wait_ms(1);
	is_released(desk);
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("segment.1.payer_kind"), "nobody");
	cr_expect_str_neq(rig_cdr("call.merged_into"), "");
}

/* Without an offer: alice makes it, the desk phone's ACK has the answer. */
Test(worker_replaces, confirmed_without_offer)
{
	talk(alice, bob);
	desk_is_bobs();
	takes(desk, bob, "", "");
	cr_expect_str_eq(body_of(hears(alice, "INVITE")), "");
	replies(alice, "INVITE", 200, "", SDP_A);
	rig_wait_ms(1);
	expect_has(hears(desk, "200 INVITE"), "m=audio 4000");
	hears_nothing(bob);
	acks(desk, SDP_DESK);
	rig_wait_ms(1);
	expect_has(hears(alice, "ACK"), "m=audio 4010");
	is_released(bob);
	says_bye(alice);
	rig_wait_ms(1);
	is_released(desk);
	rig_ends_empty(2);
}

Test(worker_replaces, peer_refuses)
{
	talk(alice, bob);
	desk_is_bobs();
	takes(desk, bob, "", SDP_DESK);
	hears(alice, "INVITE");
	replies(alice, "INVITE", 488, "", "");
	hears(alice, "ACK");
	rig_wait_ms(1);
	hears(desk, "488");
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* The phone gives up while alice is asked: alice and bob are brought together again. */
Test(worker_replaces, cancelled)
{
	talk(alice, bob);
	desk_is_bobs();
	takes(desk, bob, "", SDP_DESK);
	hears(alice, "INVITE");
	cancels(desk, "");
	hears(desk, "200 CANCEL");
	hears(desk, "487");
	rig_wait_ms(1);
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	phones_serve(5000);
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

Test(worker_replaces, refused)
{
	char lines[512];

	talk(alice, bob);
	desk_is_bobs();
	takes(desk, bob, ";early-only", SDP_DESK);
	hears(desk, "486");
	takes(dave, bob, "", SDP_D); /* a colleague, whose call it is not */
	hears(dave, "403");
	dials(desk, "alice", "Replaces: x;to-tag=a;from-tag=b\r\n", SDP_DESK);
	hears(desk, "100");
	hears(desk, "481");
	dials(desk, "alice", "Replaces: x;to-tag=a\r\n", SDP_DESK);
	hears(desk, "100");
	hears(desk, "400");
	snprintf(lines, sizeof(lines), "Replaces: %s;to-tag=%s;from-tag=other\r\n", bob->call_id,
	    bob->remote_tag);
	dials(desk, "alice", lines, SDP_DESK);
	hears(desk, "100");
	rig_wait_ms(1);
	hears(desk, "481");
	hangs_up(alice, bob);
	rig_ends_empty(6);
}

/* Our tags, but of no leg of a worker that is there. */
Test(worker_replaces, tags_of_others)
{
	handle no[] = { handle_make(handle_owner_of(KIND_LEG, proc_of(ROLE_REGISTRAR, 0)), 1, 1),
		handle_make(handle_owner_of(KIND_LEG, proc_of(ROLE_WORKER, 7)), 1, 1),
		handle_make(handle_owner_of(KIND_CALL, proc_of(ROLE_WORKER, 1)), 1, 1) };
	char text[64], lines[256];

	desk_is_bobs();
	for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct buf b = buf_on(text, sizeof(text) - 1);

		token_put(&b, &rig->w[0]->key, TOKEN_TAG, no[i]);
		text[b.len] = '\0';
		snprintf(lines, sizeof(lines), "Replaces: x;to-tag=%s;from-tag=b\r\n", text);
		dials(desk, "alice", lines, SDP_DESK);
		hears(desk, "100");
		hears(desk, "481");
	}
	rig_ends_empty(3);
}

/* RFC 3891 3: what has ended is declined. */
Test(worker_replaces, ended)
{
	talk(alice, bob);
	desk_is_bobs();
	says_bye(alice);
	hears(bob, "BYE");
	takes(desk, bob, "", SDP_DESK);
	hears(desk, "603");
	replies(bob, "BYE", 200, "", "");
	rig_ends_empty(2);
}

/* --- a call that rings --------------------------------------------------------------------------*/

static void
bob_rings(void)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	desk_is_bobs();
}

Test(worker_replaces, early)
{
	bob_rings();
	rig_wait_ms(1000);
	takes(desk, bob, ";early-only", SDP_DESK);
	expect_has(hears(alice, "200 INVITE"), "m=audio 4010");
	acks(alice, "");
	expect_has(header(hears(bob, "CANCEL"), "Reason"), "cause=200");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_wait_ms(1);
	expect_has(hears(desk, "200 INVITE"), "m=audio 4000");
	acks(desk, "");
	rig_wait_ms(2000);
	says_bye(alice);
	rig_wait_ms(1);
	is_released(desk);
	rig_ends_empty(2);
}

/* The phone that rings answers at the same moment: who came first has it. */
Test(worker_replaces, early_and_answered)
{
	bob_rings();
	takes(desk, bob, "", SDP_DESK);
	hears(alice, "200 INVITE");
	acks(alice, "");
	hears(bob, "CANCEL");
	replies(bob, "INVITE", 200, "", SDP_B);
	replies(bob, "CANCEL", 200, "", "");
	hears(bob, "ACK");
	is_released(bob);
	hears(desk, "200 INVITE");
	acks(desk, "");
	says_bye(desk);
	rig_wait_ms(1);
	is_released(alice);
	rig_ends_empty(2);
}

/* A caller's own early dialog cannot be taken (RFC 3891 3). */
Test(worker_replaces, early_of_the_caller)
{
	dials(bob, "alice", "", SDP_B);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 180, "", "");
	hears(bob, "180");
	desk_is_bobs();
	takes(desk, bob, "", SDP_DESK);
	hears(desk, "481");
	replies(alice, "INVITE", 486, "", "");
	hears(alice, "ACK");
	hears(bob, "486");
	rig_ends_empty(2);
}

static void
in_group(const char *user, const char *number)
{
	struct dir_subscriber s = {
		.id = 900, .tenant = 1, .call_waiting = 1, .trust = DIR_TRUST_ADDRESS
	};
	struct dir_subscriber_text text = {
		.user = span_str(user), .number = span_str(number), .pickup_group = SPAN("sales")
	};

	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

/* R15: one record with the picker in it, and the picker's own, which costs nothing. */
Test(worker_replaces, early_in_a_group)
{
	in_group("bob", "1002");
	in_group("dave", "1004");
	bob_rings();
	takes(dave, bob, "", SDP_D);
	expect_has(hears(alice, "200 INVITE"), "m=audio 4008");
	acks(alice, "");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	rig_wait_ms(1);
	hears(dave, "200 INVITE");
	acks(dave, "");
	rig_wait_ms(2000);
	says_bye(dave);
	rig_wait_ms(1);
	is_released(alice);
	rig_ends_empty(2);
	expect_segment(1, "answered", "1001", "2002");
	cr_expect_str_eq(rig_cdr("segment.1.connected_number"), "dave");
	cr_expect_str_eq(rig_cdr("segment.1.connected_reason"), "pickup");
	cr_expect_str_eq(rig_cdr("segment.2.seq"), "");
}

Test(worker_replaces, early_by_a_colleague)
{
	bob_rings();
	takes(dave, bob, "", SDP_D);
	hears(dave, "403");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_empty(2);
}
