/* capability: feature parameters of a Contact (RFC 3840). */
#include "sip/capability.h"
#include "sip_message.h"

static uint32_t
said_by(const char *contact)
{
	char text[600];
	struct buf b = buf_on(text, sizeof(text));
	struct message x;
	uint32_t set;

	buf_lit(&b, "INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>;tag=1\r\n"
		    "To: <sip:b@c>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n");
	buf_str(&b, contact);
	buf_lit(&b, "\r\n");
	x = message_of(buf_span(&b));
	set = sip_capabilities(x.m);
	message_done(&x);
	return set;
}

#define BIT(id) (1u << SIP_CAP_##id)

Test(sip_capability, read)
{
	cr_expect_eq(said_by("Contact: <sip:a@h>;isfocus\r\n"), BIT(ISFOCUS));
	cr_expect_eq(
	    said_by("m: <sip:a@h;isfocus>;audio;Video=\"true\"\r\n"), BIT(AUDIO) | BIT(VIDEO));
	cr_expect_eq(said_by("Contact: <sip:m@h>;automata;+sip.byeless;+sip.rendering=\"no\"\r\n"),
	    BIT(AUTOMATA) | BIT(BYELESS) | BIT(NO_RENDERING));
	cr_expect_eq(said_by("Contact: sip:a@h;isfocus\r\n"), BIT(ISFOCUS));
}

/* What it is not, what it shows, what we do not pass on, a second Contact's, none at all. */
Test(sip_capability, not_said)
{
	cr_expect_eq(said_by("Contact: <sip:a@h>;audio=\"FALSE\"\r\n"), 0);
	cr_expect_eq(said_by("Contact: <sip:a@h>;+sip.rendering=\"yes\"\r\n"), 0);
	cr_expect_eq(said_by("Contact: <sip:a@h>;expires=60;mobility=\"fixed\";q=0.5\r\n"), 0);
	cr_expect_eq(said_by("Contact: <sip:a@h>, <sip:a@i>;isfocus\r\n"), 0);
	cr_expect_eq(said_by("Contact: *\r\n"), 0);
	cr_expect_eq(said_by(""), 0);
}

/* What is written is read as what it was. */
Test(sip_capability, written)
{
	for (uint32_t set = 0; set < 1u << SIP_N_CAPABILITIES; set++) {
		char text[300];
		struct buf b = buf_on(text, sizeof(text) - 1);

		buf_lit(&b, "Contact: <sip:a@h>");
		sip_put_capabilities(&b, set);
		buf_lit(&b, "\r\n");
		cr_assert(buf_ok(&b));
		text[b.len] = '\0';
		cr_assert_eq(said_by(text), set, "%s", text);
	}
}
