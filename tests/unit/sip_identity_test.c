/* identity: RFC 3323, 3325, 5876, Remote-Party-ID; C11, C12, THREATS B2. */
#include "sip/identity.h"

#include "sip_message.h"

#define PAI SIP_H_P_ASSERTED_IDENTITY

static struct message
with(const char *headers)
{
	static char text[2000];
	struct buf b = buf_on(text, sizeof(text));

	buf_lit(&b, "INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\n"
		    "t: <sip:b@c>\r\ni: 1\r\nCSeq: 1 INVITE\r\n");
	buf_str(&b, headers);
	buf_lit(&b, "\r\n");
	return message_of(buf_span(&b));
}

Test(sip_identity, asserted)
{
	struct message x = with("P-Asserted-Identity: \"Fluffy\" <sip:fluffy@h;user=phone>\r\n"
				"P-Asserted-Identity: tel:+14085264000\r\n");
	struct sip_identity id;

	cr_assert_eq(sip_identity(x.m, PAI, &id), ERR_NONE);
	expect_span(id.sip.uri, "sip:fluffy@h;user=phone");
	expect_span(id.sip.display, "\"Fluffy\"");
	expect_span(id.tel.uri, "tel:+14085264000");
	cr_expect_eq(sip_identity(x.m, SIP_H_P_PREFERRED_IDENTITY, &id), ERR_ABSENT);
	message_done(&x);
}

Test(sip_identity, odd)
{
	struct message x = with("P-Preferred-Identity: <tel:+1;phone-context=x>, \"A, B\" "
				"<sips:a@h>;screen=yes, <sip:second@h>\r\n");
	struct sip_identity id;

	cr_assert_eq(sip_identity(x.m, SIP_H_P_PREFERRED_IDENTITY, &id), ERR_NONE);
	expect_span(id.sip.uri, "sips:a@h");
	expect_span(id.sip.display, "\"A, B\"");
	expect_span(id.tel.uri, "tel:+1;phone-context=x");
	message_done(&x);
	x = with("P-Asserted-Identity: <cid:1@h>, nobody, *, <sip:a@h\r\n"
		 "P-Asserted-Identity: sip:b@h\r\n");
	cr_assert_eq(sip_identity(x.m, PAI, &id), ERR_NONE);
	expect_span(id.sip.uri, "sip:b@h");
	cr_expect_null(id.tel.uri.p);
	message_done(&x);
	x = with("P-Asserted-Identity:\r\nP-Asserted-Identity: <>, \"\r\n");
	cr_expect_eq(sip_identity(x.m, PAI, &id), ERR_ABSENT);
	message_done(&x);
}

Test(sip_identity, written)
{
	char text[200];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_identity(&b, PAI, SPAN("A \"x\" \\ \r\nB"), SPAN("sip:a@h"));
	sip_put_identity(&b, SIP_H_P_PREFERRED_IDENTITY, SPAN_NONE, SPAN("tel:+1"));
	expect_span(buf_span(&b), "P-Asserted-Identity: \"A \\\"x\\\" \\\\ B\" <sip:a@h>\r\n"
				  "P-Preferred-Identity: <tel:+1>\r\n");
	sip_put_identity(&b, PAI, SPAN_NONE, SPAN("sip:a@h>\r\nX: <"));
	cr_expect_not(buf_ok(&b));
}

#define BIT(x) (1u << SIP_PRIVACY_##x)

Test(sip_identity, privacy)
{
	static const struct {
		const char *value;
		uint32_t set;
	} row[] = {
		{ "id", BIT(ID) },
		{ "none", BIT(NONE) },
		{ "user;id;critical", BIT(USER) | BIT(ID) | BIT(CRITICAL) },
		{ " User ; HEADER ;session; history ",
		    BIT(USER) | BIT(HEADER) | BIT(SESSION) | BIT(HISTORY) },
		{ "id, user", BIT(ID) | BIT(USER) },
		{ "none;id", BIT(ID) },
		{ "none;critical", BIT(NONE) | BIT(CRITICAL) },
		{ "location;critical", BIT(OTHER) | BIT(CRITICAL) },
		{ "idx", BIT(OTHER) },
		{ ";;,", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		cr_expect_eq(
		    sip_privacy_parse(span_str(row[i].value)), row[i].set, "%s", row[i].value);
	cr_expect_eq(sip_privacy_parse(SPAN_NONE), 0);
}

Test(sip_identity, privacy_of_a_message)
{
	struct message x = with("Privacy: user\r\nPrivacy: id;none\r\n");

	cr_expect_eq(sip_privacy(x.m), BIT(USER) | BIT(ID));
	message_done(&x);
	x = with("");
	cr_expect_eq(sip_privacy(x.m), 0);
	message_done(&x);
}

Test(sip_identity, privacy_written)
{
	char text[100];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_privacy(&b, 0);
	sip_put_privacy(&b, BIT(OTHER));
	expect_span(buf_span(&b), "");
	sip_put_privacy(&b, BIT(CRITICAL) | BIT(ID) | BIT(USER));
	sip_put_privacy(&b, BIT(NONE));
	expect_span(buf_span(&b), "Privacy: user;id;critical\r\nPrivacy: none\r\n");
}

Test(sip_identity, remote_party)
{
	struct message x =
	    with("Remote-Party-ID: <sip:b@h>;party=called, \"A\" <sip:a@h;x>;party=Calling;"
		 "id-type=subscriber;privacy=full;screen=yes\r\n");
	struct sip_remote_party p;

	cr_assert_eq(sip_remote_party(x.m, &p), ERR_NONE);
	expect_span(p.addr.uri, "sip:a@h;x");
	cr_expect(p.screened);
	cr_expect_eq(p.privacy, SIP_RPID_FULL);
	message_done(&x);
	x = with("Remote-Party-ID: *, <sip:a@h>;privacy=\"uri-network\";screen=no\r\n");
	cr_assert_eq(sip_remote_party(x.m, &p), ERR_NONE);
	cr_expect_eq(p.privacy, SIP_RPID_URI);
	cr_expect_not(p.screened);
	message_done(&x);
	x = with("Remote-Party-ID: <sip:a@h>;privacy=off;screen\r\n");
	cr_assert_eq(sip_remote_party(x.m, &p), ERR_NONE);
	cr_expect_eq(p.privacy, SIP_RPID_OFF);
	message_done(&x);
	x = with("Remote-Party-ID: <sip:a@h>;party=called\r\nRemote-Party-ID: \"\r\n");
	cr_expect_eq(sip_remote_party(x.m, &p), ERR_ABSENT);
	message_done(&x);
	x = with("");
	cr_expect_eq(sip_remote_party(x.m, &p), ERR_ABSENT);
	message_done(&x);
}
