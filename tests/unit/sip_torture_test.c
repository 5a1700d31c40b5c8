/*
 * The 49 torture messages of RFC 4475, one test for each, with the verdict as far as a parser decides
 * it. Where the exchange decides (404, 420, 482, 483 ...), the parser must accept and give the right
 * fields.
 */
#include "base/buf.h"
#include "sip/fields.h"
#include "sip/uri.h"
#include "sip/via.h"
#include "sip_torture.h"

static unsigned
count(const struct sip_msg *m, enum sip_header_id id)
{
	struct sip_values v = sip_values(m, id);
	struct span one;
	unsigned n = 0;

	while (sip_values_next(&v, &one))
		n++;
	return n;
}

/* --- RFC 4475 3.1.1: valid ----------------------------------------------------------------------*/
Test(rfc4475, wsinv_3_1_1_1)
{
	struct message x = accepted("wsinv");
	struct sip_values v = sip_values(x.m, SIP_H_VIA);
	struct sip_addr a;
	struct sip_via via;
	struct span one, value;

	cr_expect_eq(x.m->method, SIP_INVITE);
	expect_slice(x.m, to_tag, "1918181833n");
	expect_slice(x.m, to_uri, "sip:vivekg@chair-dnrc.example.com");
	expect_slice(x.m, from_tag, "98asjd8");
	expect_slice(x.m, from_uri, "sip:jdrosen@example.com");
	cr_expect_eq(x.m->max_forwards, 68);
	cr_expect_eq(x.m->cseq, 9);
	cr_expect_eq(x.m->body.len, 150);
	expect_slice(x.m, via_host, "192.0.2.2");
	expect_slice(x.m, via_branch, "390skdjuw");
	cr_expect_eq(count(x.m, SIP_H_VIA), 3);
	sip_values_next(&v, &one);
	sip_values_next(&v, &one);
	cr_expect_eq(sip_via_parse(one, &via), ERR_NONE);
	expect_span(via.host, "spindle.example.com");
	expect_span(via.branch, "z9hG4bK9ikj8");
	sip_values_next(&v, &one);
	cr_expect_eq(sip_via_parse(one, &via), ERR_NONE);
	expect_span(via.branch, "z9hG4bK30239");
	cr_expect(sip_has(x.m, SIP_H_SUBJECT));
	cr_expect_eq(sip_header_get(x.m, SIP_H_SUBJECT).len, 0);
	expect_span(sip_header_named(x.m, SPAN("unknownheaderwithunusualvalue")), ";;,,;;,;");
	expect_span(sip_header_named(x.m, SPAN("NewFangledHeader")),
	    "newfangled value   continued newfangled value");
	cr_expect_eq(sip_addr_parse(sip_header_get(x.m, SIP_H_CONTACT), &a), ERR_NONE);
	expect_span(a.display, "\"Quoted string \\\"\\\"\"");
	cr_expect(sip_param(a.params, SPAN("newparam"), &value));
	expect_span(value, "newvalue");
	cr_expect_eq(sip_q(a.params), 330);
	message_done(&x);
}

Test(rfc4475, intmeth_3_1_1_2)
{
	struct message x = accepted("intmeth");
	struct sip_uri uri;
	char text[600];
	struct buf b = buf_on(text, sizeof(text));

	cr_expect_eq(x.m->method, SIP_UNKNOWN);
	expect_slice(x.m, method_text, "!interesting-Method0123456789_*+`.%indeed'~");
	cr_expect_eq(sip_uri_parse(sip_span(x.m, x.m->uri), &uri), ERR_NONE);
	expect_span(uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	expect_span(uri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
	expect_slice(x.m, from_tag, "_token~1'+`*%!-.");
	expect_slice(x.m, call_id, "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
	cr_expect_eq(x.m->max_forwards, 255);
	/* The quoted NUL of To goes back in the answer. */
	sip_put_response(&b, x.m, 405, NULL, SPAN("t"));
	cr_expect(buf_ok(&b));
	message_done(&x);
}

Test(rfc4475, esc01_3_1_1_3)
{
	struct message x = accepted("esc01");
	struct sip_uri uri;
	char text[64];
	struct buf b = buf_on(text, sizeof(text));

	cr_expect_eq(sip_uri_parse(sip_span(x.m, x.m->uri), &uri), ERR_NONE);
	cr_expect_eq(uri.scheme, SIP_S_SIP);
	expect_span(uri.host, "example.net");
	cr_expect(sip_uri_user(&uri, &b));
	expect_span(buf_span(&b), "sips:user@example.com");
	message_done(&x);
}

Test(rfc4475, escnull_3_1_1_4)
{
	struct message x = accepted("escnull");
	struct sip_uri uri;
	char text[64];
	struct buf b = buf_on(text, sizeof(text));

	cr_expect_eq(x.m->method, SIP_REGISTER);
	cr_expect_eq(count(x.m, SIP_H_CONTACT), 2);
	cr_expect_eq(sip_uri_parse(sip_span(x.m, x.m->to_uri), &uri), ERR_NONE);
	cr_expect(sip_uri_user(&uri, &b));
	cr_expect(span_eq(buf_span(&b), SPAN("null-\0-null")));
	message_done(&x);
}

Test(rfc4475, esc02_3_1_1_5)
{
	struct message x = accepted("esc02");

	cr_expect_eq(x.m->method, SIP_UNKNOWN);
	cr_expect_eq(count(x.m, SIP_H_CONTACT), 2);
	expect_span(sip_header_named(x.m, SPAN("C%6Fntact")), "<sip:alias2@host2.example.com>");
	message_done(&x);
}

Test(rfc4475, lwsdisp_3_1_1_6)
{
	struct message x = accepted("lwsdisp");
	struct sip_addr a;

	cr_expect_eq(sip_addr_parse(sip_span(x.m, x.m->from), &a), ERR_NONE);
	expect_span(a.display, "caller");
	expect_slice(x.m, from_uri, "sip:caller@example.com");
	message_done(&x);
}

/* Its From tag has 155 characters: beyond our limit. */
Test(rfc4475, longreq_3_1_1_7)
{
	struct message x = torture("longreq");

	cr_expect_eq(count(x.m, SIP_H_VIA), 34);
	message_done(&x);
	refused("longreq", 400, "Malformed From header");
}

Test(rfc4475, dblreq_3_1_1_8)
{
	struct message x = accepted("dblreq");

	cr_expect_eq(x.m->method, SIP_REGISTER);
	cr_expect_eq(x.m->body.len, 0);
	cr_expect_eq(count(x.m, SIP_H_VIA), 1);
	message_done(&x);
}

Test(rfc4475, semiuri_3_1_1_9)
{
	struct message x = accepted("semiuri");
	struct sip_uri uri;
	char text[64];
	struct buf b = buf_on(text, sizeof(text));

	cr_expect_eq(sip_uri_parse(sip_span(x.m, x.m->uri), &uri), ERR_NONE);
	cr_expect(sip_uri_user(&uri, &b));
	expect_span(buf_span(&b), "user;par=u@example.net");
	cr_expect_null(uri.params.p);
	message_done(&x);
}

Test(rfc4475, transports_3_1_1_10)
{
	struct message x = accepted("transports");

	cr_expect_eq(x.m->via_transport, SIP_T_UDP);
	cr_expect_eq(count(x.m, SIP_H_VIA), 5);
	message_done(&x);
}

Test(rfc4475, mpart01_3_1_1_11)
{
	struct message x = accepted("mpart01");

	cr_expect_eq(x.m->method, SIP_MESSAGE);
	cr_expect_eq(x.m->body.len, 553);
	cr_expect(sip_type_is(sip_span(x.m, x.m->content_type), SPAN("multipart/mixed")));
	message_done(&x);
}

Test(rfc4475, unreason_3_1_1_12)
{
	struct message x = accepted("unreason");

	cr_expect_eq(x.m->request, 0);
	cr_expect_eq(x.m->status, 200);
	cr_expect_eq(x.m->method, SIP_INVITE);
	cr_expect(span_starts(sip_span(x.m, x.m->reason), SPAN("= 2**3 * 5**2 \xd0\xbd")));
	message_done(&x);
}

Test(rfc4475, noreason_3_1_1_13)
{
	struct message x = accepted("noreason");

	cr_expect_eq(x.m->status, 100);
	cr_expect_eq(x.m->reason.len, 0);
	cr_expect_neq(x.m->reason.off, 0);
	message_done(&x);
}

/* --- RFC 4475 3.1.2: invalid --------------------------------------------------------------------*/
Test(rfc4475, badinv01_3_1_2_1)
{
	refused("badinv01", VERDICT_DROP, "Malformed Via header");
}

Test(rfc4475, clerr_3_1_2_2)
{
	refused("clerr", 400, "Body shorter than Content-Length");
}

Test(rfc4475, ncl_3_1_2_3)
{
	refused("ncl", 400, "Malformed Content-Length header");
}

Test(rfc4475, scalar02_3_1_2_4)
{
	refused("scalar02", 400, "Malformed CSeq header");
}

Test(rfc4475, scalarlg_3_1_2_5)
{
	refused("scalarlg", VERDICT_DROP, "Malformed CSeq header");
}

Test(rfc4475, quotbal_3_1_2_6)
{
	refused("quotbal", 400, "Malformed To header");
}

Test(rfc4475, ltgtruri_3_1_2_7)
{
	refused("ltgtruri", 400, "Malformed Request-URI");
}

Test(rfc4475, lwsruri_3_1_2_8)
{
	refused("lwsruri", 400, "Malformed request line");
}

Test(rfc4475, lwsstart_3_1_2_9)
{
	refused("lwsstart", 400, "Malformed request line");
}

Test(rfc4475, trws_3_1_2_10)
{
	refused("trws", 400, "Malformed request line");
}

/* Its headers are never obeyed: no Route comes of them. */
Test(rfc4475, escruri_3_1_2_11)
{
	struct message x = accepted("escruri");

	cr_expect_not(sip_has(x.m, SIP_H_ROUTE));
	message_done(&x);
}

/* Nobody needs the Date. */
Test(rfc4475, baddate_3_1_2_12)
{
	struct message x = accepted("baddate");

	expect_span(sip_header_get(x.m, SIP_H_DATE), "Fri, 01 Jan 2010 16:00:00 EST");
	message_done(&x);
}

Test(rfc4475, regbadct_3_1_2_13)
{
	refused("regbadct", 400, "Malformed Contact header");
}

Test(rfc4475, badaspec_3_1_2_14)
{
	refused("badaspec", 400, "Malformed To header");
}

Test(rfc4475, baddn_3_1_2_15)
{
	refused("baddn", 400, "Malformed From header");
}

Test(rfc4475, badvers_3_1_2_16)
{
	refused("badvers", 505, "Version Not Supported");
}

Test(rfc4475, mismatch01_3_1_2_17)
{
	refused("mismatch01", 400, "CSeq method differs");
}

Test(rfc4475, mismatch02_3_1_2_18)
{
	refused("mismatch02", 400, "CSeq method differs");
}

Test(rfc4475, bigcode_3_1_2_19)
{
	refused("bigcode", VERDICT_DROP, "Malformed status line");
}

/* --- RFC 4475 3.2 to 3.4 ------------------------------------------------------------------------*/
/* Matched as RFC 2543 would: it has no branch to us. */
Test(rfc4475, badbranch_3_2_1)
{
	struct message x = accepted("badbranch");

	cr_expect_eq(x.m->via_branch.len, 0);
	message_done(&x);
}

Test(rfc4475, insuf_3_3_1)
{
	refused("insuf", 400, "Missing From header");
}

Test(rfc4475, unkscm_3_3_2)
{
	refused("unkscm", 416, "Unsupported URI Scheme");
}

Test(rfc4475, novelsc_3_3_3)
{
	refused("novelsc", 416, "Unsupported URI Scheme");
}

/* Who it is for is not the parser's question. */
Test(rfc4475, unksm2_3_3_4)
{
	struct message x = accepted("unksm2");

	expect_slice(x.m, to_uri, "isbn:2983792873");
	expect_slice(x.m, from_uri, "http://www.example.com");
	expect_slice(x.m, contact_uri, "name:John_Smith");
	message_done(&x);
}

Test(rfc4475, bext01_3_3_5)
{
	struct message x = accepted("bext01");
	char text[100];
	struct buf unknown = buf_on(text, sizeof(text));

	cr_expect_eq(sip_option_set(x.m, SIP_H_REQUIRE, &unknown), 0);
	expect_span(buf_span(&unknown), "nothingSupportsThis, nothingSupportsThisEither");
	message_done(&x);
}

Test(rfc4475, invut_3_3_6)
{
	struct message x = accepted("invut");

	expect_slice(x.m, content_type, "application/unknownformat");
	cr_expect_not(sip_type_is(sip_span(x.m, x.m->content_type), SPAN("application/sdp")));
	message_done(&x);
}

Test(rfc4475, regaut01_3_3_7)
{
	struct message x = accepted("regaut01");

	expect_span(
	    sip_header_get(x.m, SIP_H_AUTHORIZATION), "NoOneKnowsThisScheme opaque-data=here");
	message_done(&x);
}

Test(rfc4475, multi01_3_3_8)
{
	refused("multi01", 400, "Repeated CSeq header");
}

Test(rfc4475, mcl01_3_3_9)
{
	refused("mcl01", 400, "Repeated Content-Length header");
}

/* The Via says that it is not for us; nothing is ever sent to an address in a Via (via.c). */
Test(rfc4475, bcast_3_3_10)
{
	struct message x = accepted("bcast");

	expect_slice(x.m, via_host, "192.0.2.198");
	cr_expect_eq(count(x.m, SIP_H_VIA), 2);
	message_done(&x);
}

Test(rfc4475, zeromf_3_3_11)
{
	struct message x = accepted("zeromf");

	cr_expect_eq(x.m->max_forwards, 0);
	message_done(&x);
}

Test(rfc4475, cparam01_3_3_12)
{
	struct message x = accepted("cparam01");
	struct sip_addr a;

	expect_slice(x.m, contact_uri, "sip:+19725552222@gw1.example.net");
	cr_expect_eq(sip_addr_parse(sip_header_get(x.m, SIP_H_CONTACT), &a), ERR_NONE);
	expect_span(a.params, "unknownparam");
	message_done(&x);
}

Test(rfc4475, cparam02_3_3_13)
{
	struct message x = accepted("cparam02");

	expect_slice(x.m, contact_uri, "sip:+19725552222@gw1.example.net;unknownparam");
	message_done(&x);
}

Test(rfc4475, regescrt_3_3_14)
{
	struct message x = accepted("regescrt");

	expect_slice(x.m, contact_uri, "sip:user@example.com?Route=%3Csip:sip.example.com%3E");
	cr_expect_not(sip_has(x.m, SIP_H_ROUTE));
	message_done(&x);
}

Test(rfc4475, sdp01_3_3_15)
{
	struct message x = accepted("sdp01");

	cr_expect_not(sip_accepts(x.m, SPAN("application/sdp")));
	message_done(&x);
}

Test(rfc4475, inv2543_3_4_1)
{
	struct message x = accepted("inv2543");

	cr_expect_eq(x.m->via_branch.len, 0);
	cr_expect_eq(x.m->from_tag.len, 0);
	cr_expect_eq(x.m->max_forwards, -1);
	cr_expect_gt(x.m->body.len, 0);
	message_done(&x);
}
