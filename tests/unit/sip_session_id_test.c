/* session_id: RFC 7989, and 7329 before it. A, B, C are the UUIDs of three ends. */
#include "sip/session_id.h"

#include "sip_message.h"

#define A	"ab30317f1a784dc48ff824d0d3715d86"
#define B	"47755a9de7794ba387653f2099600ef2"
#define NULL_ID "00000000000000000000000000000000"

static const uint8_t random_bytes[16] = { 0xff, 1, 2, 3, 4, 5, 0xff, 7, 0xff, 9, 10, 11, 12, 13, 14,
	15 };

static const char *
toward(const struct session_end *to, const struct session_end *other)
{
	static char text[200];
	struct buf b = buf_on(text, sizeof(text) - 1);

	sip_put_session_id(&b, to, other);
	cr_assert(buf_ok(&b));
	text[b.len] = '\0';
	return text;
}

static void
heard(struct session_end *from, const char *value)
{
	struct sip_session_id id;

	if (sip_session_id_parse(span_str(value), &id) == ERR_NONE)
		session_end_heard(from, &id, random_bytes);
	else
		session_end_heard(from, NULL, random_bytes);
}

Test(sip_session_id, read)
{
	struct sip_session_id id;

	cr_assert_eq(sip_session_id_parse(SPAN(A ";remote=" NULL_ID), &id), ERR_NONE);
	cr_expect(id.has_remote && session_uuid_null(&id.remote) && !session_uuid_null(&id.local));
	cr_expect_eq(id.local.byte[0], 0xab);
	cr_expect_eq(id.local.byte[15], 0x86);
	cr_assert_eq(sip_session_id_parse(SPAN(A), &id), ERR_NONE);
	cr_expect_not(id.has_remote);
	cr_assert_eq(
	    sip_session_id_parse(SPAN("AB30317F1A784DC48FF824D0D3715D86 ; x=y ; Remote = " B), &id),
	    ERR_NONE);
	cr_expect(id.has_remote && id.local.byte[0] == 0xab && id.remote.byte[0] == 0x47);
}

Test(sip_session_id, refused)
{
	static const char *const bad[] = { "", "x", "ab30317f-1a78-4dc4-8ff8-24d0d3715d86", A "0",
		"ab30317f1a784dc48ff824d0d3715d8", "gb30317f1a784dc48ff824d0d3715d86", A ";remote",
		A ";remote=1", A ";remote=" A "0", ";remote=" A, A ", " B, "\"" A "\"" };
	struct sip_session_id id;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sip_session_id_parse(span_str(bad[i]), &id), ERR_SYNTAX, "%s", bad[i]);
	cr_expect_eq(sip_session_id_parse(SPAN_NONE, &id), ERR_SYNTAX);
}

Test(sip_session_id, made)
{
	const struct session_uuid u = session_uuid_make(random_bytes);

	cr_expect_eq(u.byte[6], 0x4f);
	cr_expect_eq(u.byte[8], 0xbf);
	cr_expect_eq(u.byte[0], 0xff);
}

/* The figure in session_id.h. */
Test(sip_session_id, from_end_to_end)
{
	struct session_end a = { 0 }, b = { 0 };

	heard(&a, A ";remote=" NULL_ID);
	cr_expect_str_eq(toward(&a, NULL), "Session-ID: " NULL_ID ";remote=" A "\r\n", "our 100");
	cr_expect_str_eq(toward(&b, &a), "Session-ID: " A ";remote=" NULL_ID "\r\n");
	heard(&b, B ";remote=" A);
	cr_expect_str_eq(toward(&a, &b), "Session-ID: " B ";remote=" A "\r\n");
	cr_expect_str_eq(toward(&b, &a), "Session-ID: " A ";remote=" B "\r\n");
}

/* 7: an end without a UUID is lent one, and keeps it until it has one of its own. */
Test(sip_session_id, lent)
{
	struct session_end a = { 0 }, b = { 0 };

	heard(&a, "");
	cr_expect(a.lent);
	cr_expect_str_eq(toward(&b, &a), "Session-ID: ff0102030405"
					 "4f07bf090a0b0c0d0e0f;remote=" NULL_ID "\r\n");
	heard(&b, NULL_ID ";remote=" A);
	cr_expect(b.lent, "the null UUID is none");
	a.uuid.byte[0] = 1;
	heard(&a, "rubbish");
	cr_expect_eq(a.uuid.byte[0], 1, "lent once");
	heard(&a, A ";remote=" B);
	cr_expect_not(a.lent);
	heard(&a, "");
	cr_expect_str_eq(toward(&b, &a) + 12 + 32, ";remote=ff01020304054f07bf090a0b0c0d0e0f\r\n");
	cr_expect_eq(a.uuid.byte[0], 0xab);
}

/* Put through: the end behind a leg becomes another. */
Test(sip_session_id, transferred)
{
	struct session_end a = { 0 }, b = { 0 };

	heard(&a, A ";remote=" NULL_ID);
	heard(&b, B ";remote=" A);
	heard(&b, NULL_ID ";remote=" A);
	cr_expect_str_eq(toward(&a, &b), "Session-ID: " B ";remote=" A "\r\n");
	heard(&b, "c0000000000000000000000000000001;remote=" A);
	cr_expect_str_eq(
	    toward(&a, &b), "Session-ID: c0000000000000000000000000000001;remote=" A "\r\n");
}

Test(sip_session_id, the_older_form)
{
	struct session_end a = { 0 }, b = { 0 };

	heard(&a, A);
	cr_expect_str_eq(toward(&b, &a), "Session-ID: " A ";remote=" NULL_ID "\r\n");
	heard(&b, B ";remote=" A);
	cr_expect_str_eq(toward(&a, &b), "Session-ID: " A "\r\n");
	cr_expect_str_eq(toward(&b, &a), "Session-ID: " A ";remote=" B "\r\n");
}

Test(sip_session_id, nobody_known)
{
	struct session_end a = { 0 }, b = { 0 };

	cr_expect_str_eq(toward(&a, &b), "");
	cr_expect_str_eq(toward(&a, NULL), "");
}
