/* Bodies of several parts, and bodies that are no session description (FLOWS.md S2-11; RFC 5621). */
#include <string.h>

#include "worker_phone.h"

TestSuite(worker_body, .init = rig_begin, .fini = rig_end);

#define PARTS(sdp, type, other)                                                                    \
	"--b\r\nContent-Type: application/sdp\r\n\r\n" sdp "\r\n--b\r\nContent-Type: " type        \
	"\r\n\r\n" other "\r\n--b--\r\n"

/* A phone's INVITE whose body is not SDP: the rig's own says Content-Type: application/sdp. */
static void
dials_with(const char *type, const char *more, const char *body)
{
	snprintf(alice->local_tag, sizeof(alice->local_tag), "tag-alice-b");
	snprintf(alice->local, sizeof(alice->local), "<sip:alice@example.com>");
	snprintf(alice->remote, sizeof(alice->remote), "<sip:bob@example.com>");
	snprintf(alice->invite_uri, sizeof(alice->invite_uri), "sip:bob@example.com");
	alice->remote_tag[0] = '\0';
	sends(alice,
	    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-body\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=%s\r\nTo: "
	    "<sip:bob@example.com>\r\n"
	    "Call-ID: cid-alice-body\r\nCSeq: 7 INVITE\r\nContact: <%s>\r\nContent-Type: %s\r\n%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    alice->host, alice->local_tag, alice->contact, type, more, strlen(body), body);
	snprintf(alice->call_id, sizeof(alice->call_id), "cid-alice-body");
	snprintf(alice->invite_branch, sizeof(alice->invite_branch), "z9hG4bK-body");
	snprintf(alice->branch, sizeof(alice->branch), "z9hG4bK-body");
	alice->cseq = alice->invite_cseq = 7;
}

static void
bob_is_busy(void)
{
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(alice, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
}

/* A location beside the description: both arrive, the description with our origin. */
Test(worker_body, S2_11_a_parts_pass)
{
	const char *m;

	dials_with(
	    "multipart/mixed;boundary=b", "", PARTS(SDP_A, "application/pidf+xml", "<presence/>"));
	hears(alice, "100");
	m = hears(bob, "INVITE");
	expect_has(header(m, "Content-Type"), "multipart/mixed");
	expect_has(m, "<presence/>");
	expect_has(m, "m=audio 4000");
	expect_has(m, "o=- ");
	expect_lacks(m, "o=- 7 7");
	bob_is_busy();
}

/* What telephone networks say to each other is not for a phone. */
Test(worker_body, S2_11_a_isup_is_dropped_to_phones)
{
	const char *m;

	dials_with("multipart/mixed;boundary=b", "",
	    PARTS(SDP_A, "application/ISUP;version=itu-t92+", "\x01\x02"));
	hears(alice, "100");
	m = hears(bob, "INVITE");
	cr_expect_str_eq(header(m, "Content-Type"), "application/sdp");
	expect_has(m, "m=audio 4000");
	expect_lacks(m, "--b");
	bob_is_busy();
}

/* It passes between trunks that are marked so, both ways; its answer does not go to a phone. */
Test(worker_body, S2_11_a_isup_passes_to_trunks)
{
	struct phone *gw = phone_at("gw", "192.0.2.101");
	struct dir_gateway g = {
		.id = 11, .tenant = 1, .transport = SIP_T_UDP, .port = 5060, .isup = 1
	};
	static const uint64_t ids[] = { 11 };
	const char *m;

	cr_assert_eq(netaddr_ip(span_str(gw->host), &g.address), ERR_NONE);
	cr_assert_eq(
	    directory_put_gateway(&rig->directory, &g,
		&(struct dir_gateway_text){ .name = SPAN("gw"), .host = span_str(gw->host) }),
	    ERR_NONE);
	rig_route("+1", 1, ids);
	dials(alice, "+12125551234", "Content-Type: multipart/mixed;boundary=b\r\n",
	    PARTS(SDP_A, "application/ISUP;version=itu-t92+", "\x01\x02"));
	hears(alice, "100");
	m = hears(gw, "INVITE");
	expect_has(header(m, "Content-Type"), "multipart/mixed");
	expect_has(m, "application/ISUP;version=itu-t92+");
	expect_has(m, "\x01\x02");
	expect_has(m, "m=audio 4000");
	replies(gw, "INVITE", 200, "Content-Type: multipart/mixed;boundary=b\r\n",
	    PARTS(SDP_B, "application/ISUP;version=itu-t92+", "\x09"));
	hears(gw, "ACK");
	m = hears(alice, "200 INVITE");
	cr_expect_str_eq(header(m, "Content-Type"), "application/sdp");
	acks(alice, "");
	hangs_up(alice, gw);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

Test(worker_body, S2_11_b_required_and_unknown)
{
	dials_with(
	    "application/x-strange", "Content-Disposition: session;handling=required\r\n", "?");
	expect_has(hears(alice, "415"), "Accept: application/sdp");
	rig_ends_empty(0);
}

/* It passes, and is no offer: the answer comes with her ACK. */
Test(worker_body, S2_11_b_optional_and_unknown)
{
	dials_with(
	    "application/x-strange", "Content-Disposition: render;handling=optional\r\n", "?");
	hears(alice, "100");
	cr_expect_str_eq(body_of(hears(bob, "INVITE")), "?");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears_nothing(bob);
	expect_has(hears(alice, "200 INVITE"), "m=audio 4002");
	acks(alice, SDP_A);
	expect_has(hears(bob, "ACK"), "m=audio 4000");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}

/* An answer among other parts is one. */
Test(worker_body, S2_11_a_answer_in_parts)
{
	const char *m;
	char body[1024];

	snprintf(body, sizeof(body), "%s", PARTS(SDP_B, "text/plain", "hello"));
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	m = hears(bob, "INVITE");
	sends(bob,
	    "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
	    "Contact: <%s>\r\nContent-Type: multipart/mixed;boundary=b\r\nContent-Length: "
	    "%zu\r\n\r\n%s",
	    header(m, "Via"), header(m, "From"), header(m, "To"), bob->local_tag,
	    header(m, "Call-ID"), header(m, "CSeq"), bob->contact, strlen(body), body);
	hears(bob, "ACK");
	m = hears(alice, "200 INVITE");
	expect_has(m, "m=audio 4002");
	expect_has(m, "hello");
	acks(alice, "");
	hangs_up(alice, bob);
	rig_ends_clean("answered 200 16 caller normal", 0);
}
