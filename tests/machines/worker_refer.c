#include "worker_refer.h"

#include <stdio.h>
#include <string.h>

void
refer_begin(void)
{
	rig_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
}

void
refers(struct phone *p, const char *to, const char *more)
{
	char lines[512];

	snprintf(lines, sizeof(lines), "Refer-To: <sip:%s@example.com>\r\n%s", to, more);
	says(p, "REFER", lines, "");
}

/* A NOTIFY comes that says this, and is answered. */
const char *
is_notified(struct phone *p, const char *status, const char *state)
{
	const char *text = hears(p, "NOTIFY");

	cr_expect_str_eq(header(text, "Content-Type"), "message/sipfrag;version=2.0");
	cr_expect_eq(strncmp(body_of(text), status, strlen(status)), 0, "%s in\n%s", status, text);
	cr_expect_eq(strncmp(header(text, "Subscription-State"), state, strlen(state)), 0,
	    "%s in\n%s", state, text);
	replies(p, "NOTIFY", 200, "", "");
	return text;
}

/* p is accepted with his wish, and hears that it is tried. */
void
transfers(struct phone *p, const char *to)
{
	refers(p, to, "");
	hears(p, "202 REFER");
	TRYING(p);
}

void
rings(struct phone *p)
{
	cr_expect_str_eq(body_of(hears(p, "INVITE")), "", "no offer: it makes one");
	replies(p, "INVITE", 180, "", "");
}

/* c answers with an offer, a takes it. */
void
are_joined(struct phone *a, struct phone *c)
{
	replies(c, "INVITE", 200, "", SDP_C);
	hears_nothing(c);
	expect_has(hears(a, "INVITE"), "m=audio 4006");
	replies(a, "INVITE", 200, "", SDP_A);
	expect_has(hears(c, "ACK"), "m=audio 4000");
	expect_lacks(hears(a, "ACK"), "m=audio");
}

void
says_bye(struct phone *p)
{
	says(p, "BYE", "", "");
	hears(p, "200 BYE");
}

void
waits(struct phone *p)
{
	for (unsigned ms = 0; !has_mail(p) && ms < 60000; ms += 10)
		rig_wait_ms(10);
}

void
is_released(struct phone *p)
{
	hears(p, "BYE");
	replies(p, "BYE", 200, "", "");
}

void
expect_segment(unsigned n, const char *disposition, const char *payer, const char *bill_ms)
{
	char name[64];

	snprintf(name, sizeof(name), "segment.%u.disposition", n);
	cr_expect_str_eq(rig_cdr(name), disposition, "segment %u: %s", n, rig_cdr(name));
	snprintf(name, sizeof(name), "segment.%u.payer_number", n);
	cr_expect_str_eq(rig_cdr(name), payer, "segment %u: %s", n, rig_cdr(name));
	snprintf(name, sizeof(name), "segment.%u.bill_ms", n);
	cr_expect_str_eq(rig_cdr(name), bill_ms, "segment %u: %s", n, rig_cdr(name));
}

void
attended_begin(unsigned workers)
{
	rig_new(workers);
	phones_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	phone_at("bob", "192.0.2.22");
	bob2->worker = carol->worker = workers - 1;
}

void
refers_to_bob2(const char *more)
{
	char lines[1024];

	snprintf(lines, sizeof(lines),
	    "Refer-To: <sip:carol@example.com?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>\r\n%s",
	    bob2->call_id, bob2->remote_tag, bob2->local_tag, more);
	says(bob, "REFER", lines, "");
}

void
bob2_is_bobs(void)
{
	rig_bind("bob", bob2->contact, bob2->host, 1, 0);
}

void
both_talk(void)
{
	talk(alice, bob);
	bob2_is_bobs();
	rig_wait_ms(1000);
	talk(bob2, carol);
	rig_wait_ms(1000);
}

void
transfer_is_tried(void)
{
	refers_to_bob2("");
	hears(bob, "202 REFER");
	TRYING(bob);
	rig_wait_ms(1);
}

void
offers_pass(struct phone *from, struct phone *to)
{
	says(from, "INVITE", "", SDP("192.0.2.9", "4444", ""));
	hears(from, "100");
	rig_wait_ms(1);
	expect_has(hears(to, "INVITE"), "m=audio 4444");
	replies(to, "INVITE", 200, "", SDP("192.0.2.9", "5555", ""));
	hears(to, "ACK");
	rig_wait_ms(1);
	expect_has(hears(from, "200 INVITE"), "m=audio 5555");
	acks(from, "");
}

void
hangs_up_across(struct phone *p, struct phone *other)
{
	says_bye(p);
	rig_wait_ms(1);
	is_released(other);
}

void
across_begin(void)
{
	rig_new(2);
	phones_begin();
	phone_new("carol", "192.0.2.3");
	phone_new("dave", "192.0.2.4");
	dave->worker = 1;
}

void
dials_across(struct phone *p, const char *number, const char *sdp)
{
	dials(p, number, "", sdp);
	hears(p, "100");
	rig_wait_ms(1);
}

void
dies_of_a_note(unsigned worker, unsigned from)
{
	cr_assert_not_null(ring_peek(&rig->w[worker]->child.in[rig->w[from]->child.proc]));
	rig->apart = false;
	rig_restart(worker);
	rig_wait_ms(1);
}

void
two_dial(const char *number)
{
	rig->apart = true;
	dials(dave, number, "", SDP_D);
	dials(carol, number, "", SDP_C);
	hears(dave, "100");
	hears(carol, "100");
}

void
is_passed_over(struct phone *p)
{
	expect_has(header(hears(p, "CANCEL"), "Reason"), "Call completed elsewhere");
	replies(p, "CANCEL", 200, "", "");
	replies(p, "INVITE", 487, "", "");
	hears(p, "ACK");
}

/* --- call completion ----------------------------------------------------------------------------*/

void
finds_busy(struct phone *p, const char *number)
{
	dials(p, number, "", SDP_A);
	hears(p, "100");
	hears(p, "486");
	rig_wait_ms(10);
}

void
asks(struct phone *p, const char *code, const char *shown)
{
	dials(p, code, "", SDP_A);
	hears(p, "100");
	expect_has(header(hears(p, "200 INVITE"), "P-Asserted-Identity"), shown);
	acks(p, "");
	rig_wait_ms(1100);
	is_released(p);
}

void
is_refused(struct phone *p, const char *code, const char *why)
{
	dials(p, code, "", SDP_A);
	hears(p, "100");
	expect_has(hears(p, "403"), why);
}
