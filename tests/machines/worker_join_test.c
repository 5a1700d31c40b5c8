/* An INVITE with Join (RFC 3911, RFC 5359 2.11): dave is taken into the talk of alice and bob, at bob's phone,
 * which mixes. Their call and his are in two workers. */
#include <stdio.h>
#include <string.h>

#include "worker_refer.h"

#define MIXED SDP("192.0.2.2", "4012", "")

static struct phone line; /* what bob's phone knows of its other call */

static void
in_group(const char *user, const char *number, const char *group)
{
	struct dir_subscriber s = {
		.id = 900, .tenant = 1, .call_waiting = 1, .trust = DIR_TRUST_ADDRESS
	};
	struct dir_subscriber_text text = { .user = span_str(user),
		.number = span_str(number),
		.pickup_group = span_str(group),
		.cfb = SPAN("1003") };

	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
}

static void
begin(void)
{
	rig_new(2);
	phones_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	dave->worker = 1;
	in_group("bob", "1002", "sales");
	in_group("dave", "1004", "sales");
}

TestSuite(worker_join, .init = begin, .fini = rig_end);

static void
other_line(void)
{
	struct phone now = *bob;

	*bob = line;
	line = now;
}

/* to-tag: of who is asked. */
static void
joins(struct phone *p, const char *number, const char *more, const char *call_id,
    const char *to_tag, const char *from_tag)
{
	char lines[1024];

	snprintf(lines, sizeof(lines), "%sJoin: %s;to-tag=%s;from-tag=%s\r\n", more, call_id,
	    to_tag, from_tag);
	dials(p, number, lines, SDP_D);
	hears(p, "100");
	rig_wait_ms(1);
}

/* Whatever dave calls the dialog, bob's phone hears it called as it does itself. */
static void
is_asked(void)
{
	char name[512];
	const char *text;

	line = *bob;
	text = hears(bob, "INVITE");
	snprintf(name, sizeof(name), "%s;to-tag=%s;from-tag=%s", line.call_id, line.local_tag,
	    line.remote_tag);
	cr_expect_str_eq(header(text, "Join"), name);
	cr_expect_str_eq(header(text, "Require"), "join");
	expect_has(text, "m=audio 4008");
	bob->worker = 1;
}

static void
three_talk(void)
{
	strcpy(bob->capabilities, ";isfocus");
	replies(bob, "INVITE", 200, "", MIXED);
	hears(bob, "ACK");
	rig_wait_ms(1);
	expect_has(header(hears(dave, "200 INVITE"), "Contact"), ">;isfocus");
	acks(dave, "");
}

static void
all_end(void)
{
	says_bye(dave);
	rig_wait_ms(1);
	is_released(bob);
	other_line();
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* Named as alice has it. */
Test(worker_join, confirmed)
{
	talk(alice, bob);
	joins(
	    dave, "1002", "Require: join\r\n", alice->call_id, alice->remote_tag, alice->local_tag);
	is_asked();
	three_talk();
	other_line();
	strcpy(bob->capabilities, ";isfocus");
	says(bob, "INVITE", "", MIXED);
	hears(bob, "100");
	expect_has(header(hears(alice, "INVITE"), "Contact"), ">;isfocus");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	expect_lacks(header(hears(bob, "200 INVITE"), "Contact"), "isfocus");
	acks(bob, "");
	other_line();
	rig_wait_ms(2000);
	says_bye(dave);
	rig_wait_ms(1);
	is_released(bob);
	expect_segment(1, "answered", "1004", "2001");
	cr_expect_str_eq(rig_cdr("segment.1.segment_kind"), "direct");
	cr_expect_str_eq(rig_cdr("segment.1.called_number"), "1002");
	cr_expect_str_eq(rig_cdr("call.merged_into"), "");
	other_line();
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* As the dialog package tells it of bob; by one who takes part himself. */
Test(worker_join, named_as_his_own)
{
	talk(alice, bob);
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	is_asked();
	three_talk();
	all_end();
}

/* His phone does not want it: nobody else is called for that (bob has cfb). */
Test(worker_join, declined)
{
	talk(alice, bob);
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	is_asked();
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	rig_wait_ms(1);
	hears(dave, "486");
	other_line();
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* It does not know what that is: it does not ring as for a call of its own. */
Test(worker_join, not_known)
{
	talk(alice, bob);
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	is_asked();
	replies(bob, "INVITE", 420, "Unsupported: join\r\n", "");
	hears(bob, "ACK");
	rig_wait_ms(1);
	hears(dave, "420");
	other_line();
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* cw.off.call: who called so is not asked in that call. */
Test(worker_join, C40_who_wants_to_be_alone)
{
	cr_assert_eq(
	    directory_put_code(&rig->directory, 0, SPAN("*70N"), SPAN("cw.off.call")), ERR_NONE);
	dials(bob, "*701001", "", SDP_B);
	hears(bob, "100");
	hears(alice, "INVITE");
	replies(alice, "INVITE", 200, "", SDP_A);
	hears(alice, "ACK");
	hears(bob, "200 INVITE");
	acks(bob, "");
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	hears(dave, "486");
	hears_nothing(bob);
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* His phone calls 1003 whatever is dialled; a Join is for a call that there is. */
Test(worker_join, by_a_phone_with_hotline)
{
	struct dir_subscriber s = { .id = 901,
		.tenant = 1,
		.call_waiting = 1,
		.trust = DIR_TRUST_ADDRESS,
		.hotline_immediate = 1 };
	struct dir_subscriber_text text = { .user = SPAN("dave"),
		.number = SPAN("1004"),
		.pickup_group = SPAN("sales"),
		.hotline = SPAN("1003") };

	cr_assert_eq(directory_put_subscriber(&rig->directory, &s, &text), ERR_NONE);
	talk(alice, bob);
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	is_asked();
	three_talk();
	all_end();
}

Test(worker_join, caller_gives_up)
{
	talk(alice, bob);
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	is_asked();
	replies(bob, "INVITE", 180, "", "");
	rig_wait_ms(1);
	hears(dave, "180");
	cancels(dave, "");
	hears(dave, "200 CANCEL");
	hears(dave, "487");
	hears(bob, "CANCEL");
	replies(bob, "CANCEL", 200, "", "");
	replies(bob, "INVITE", 487, "", "");
	hears(bob, "ACK");
	other_line();
	hangs_up(alice, bob);
	rig_ends_empty(2);
}

/* Who takes no part and is not in his group; a dialog of another's; names of none. */
Test(worker_join, refused)
{
	char lines[512];

	talk(alice, bob);
	in_group("dave", "1004", "support");
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	hears(dave, "403");
	in_group("dave", "1004", "sales");
	joins(dave, "carol", "", bob->call_id, bob->local_tag, bob->remote_tag);
	hears(dave, "481");
	joins(dave, "bob", "", bob->call_id, bob->local_tag, "other");
	hears(dave, "481");
	joins(dave, "bob", "", "x", bob->local_tag, bob->remote_tag);
	hears(dave, "481");
	dials(dave, "bob", "Join: x;to-tag=a\r\n", SDP_D);
	hears(dave, "100");
	hears(dave, "400");
	snprintf(lines, sizeof(lines),
	    "Join: x;to-tag=a;from-tag=b\r\nReplaces: x;to-tag=a;from-tag=b\r\n");
	dials(dave, "bob", lines, SDP_D);
	hears(dave, "100");
	hears(dave, "400");
	hears_nothing(bob);
	hangs_up(alice, bob);
	rig_ends_empty(7);
}

/* One that rings is no talk yet; one that is over is declined (RFC 3911 4). */
Test(worker_join, early_and_ended)
{
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 180, "", "");
	hears(alice, "180");
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	hears(dave, "481");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	says_bye(alice);
	hears(bob, "BYE");
	joins(dave, "bob", "", bob->call_id, bob->local_tag, bob->remote_tag);
	hears(dave, "603");
	replies(bob, "BYE", 200, "", "");
	rig_ends_empty(3);
}

/* --- RFC 3840: what a Contact says of its user agent is said on the other leg -------------------*/

Test(worker_join, capabilities_of_the_caller)
{
	strcpy(alice->capabilities, ";audio;automata;+sip.rendering=\"no\";mobility=\"fixed\"");
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	expect_has(
	    header(hears(bob, "INVITE"), "Contact"), ">;audio;automata;+sip.rendering=\"no\"");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	expect_lacks(header(hears(alice, "200 INVITE"), "Contact"), ">;");
	acks(alice, "");
	/* It is no machine any more. */
	alice->capabilities[0] = '\0';
	says(alice, "INVITE", "", SDP_A);
	hears(alice, "100");
	expect_lacks(header(hears(bob, "INVITE"), "Contact"), ">;");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(alice, "200 INVITE");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_empty(1);
}
