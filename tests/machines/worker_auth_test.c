/* Who calls? Digest challenges of an INVITE (FLOWS.md S1-14; RFC 3261 22, RFC 7616). The answers are
 * computed here, without the code that checks them. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "sip/parse.h"
#include "worker_phone.h"

#define carol (rig->phones[2])

static char nonce[128];

static void
begin(void)
{
	rig_begin();
	phone_at("carol", "192.0.2.3");
	rig_subscriber("carol", "1003", DIR_TRUST_CHALLENGE);
}

TestSuite(worker_auth, .init = begin, .fini = rig_end);

static void
md5_hex(const char *text, char hex[33])
{
	unsigned char d[EVP_MAX_MD_SIZE];
	unsigned len;

	cr_assert_eq(EVP_Digest(text, strlen(text), d, &len, EVP_md5(), NULL), 1);
	for (unsigned i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", d[i]);
}

static const char *
credentials(const char *user, const char *password, const char *uri, unsigned nc)
{
	static char line[1024];
	char text[512], ha1[33], ha2[33], response[33];

	snprintf(text, sizeof(text), "%s:example.com:%s", user, password);
	md5_hex(text, ha1);
	snprintf(text, sizeof(text), "INVITE:%s", uri);
	md5_hex(text, ha2);
	snprintf(text, sizeof(text), "%s:%s:%08x:c0ffee:auth:%s", ha1, nonce, nc, ha2);
	md5_hex(text, response);
	snprintf(line, sizeof(line),
	    "Proxy-Authorization: Digest username=\"%s\", realm=\"example.com\", nonce=\"%s\", "
	    "uri=\"%s\", response=\"%s\", algorithm=MD5, qop=auth, nc=%08x, cnonce=\"c0ffee\"\r\n",
	    user, nonce, uri, response, nc);
	return line;
}

/* The challenge's nonce, kept; its text. */
static const char *
is_challenged(struct phone *p)
{
	const char *m = hears(p, "407"), *n = strstr(m, "nonce=\"");

	cr_assert_not_null(n);
	snprintf(nonce, sizeof(nonce), "%.*s", (int)strcspn(n + 7, "\""), n + 7);
	expect_has(m, "Digest realm=\"example.com\"");
	expect_has(m, "qop=\"auth\"");
	p->remote_tag[0] = '\0';
	return m;
}

static void
is_connected(void)
{
	hears(carol, "100");
	hears(bob, "INVITE");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(carol, "486");
	carol->remote_tag[0] = '\0';
}

#define BOB "sip:bob@example.com"

/* The challenge leaves nothing behind, and makes no record (R2). */
Test(worker_auth, right_password)
{
	const char *m;

	dials(carol, "bob", "", SDP_A);
	m = is_challenged(carol);
	expect_lacks(m, "stale");
	cr_expect_eq(rig->w[0]->txn_pool.live, 0, "a challenge costs no memory");
	cr_expect_eq(rig->w[0]->calls.live, 0);
	cr_expect_eq(rig->closed, 0);
	dials_again(carol, "bob", credentials("carol", "secret", BOB, 1), SDP_A);
	hears(carol, "100");
	expect_lacks(hears(bob, "INVITE"), "Proxy-Authorization");
	replies(bob, "INVITE", 200, "", SDP_B);
	hears(bob, "ACK");
	hears(carol, "200 INVITE");
	acks(carol, "");
	says(carol, "BYE", "", ""); /* not challenged */
	hears(carol, "200 BYE");
	hears(bob, "BYE");
	replies(bob, "BYE", 200, "", "");
	rig_ends_clean("answered 200 16 caller normal", 0);
	cr_expect_str_eq(rig_cdr("call.from_number"), "1003");
}

Test(worker_auth, wrong_password)
{
	dials(carol, "bob", "", SDP_A);
	is_challenged(carol);
	dials_again(carol, "bob", credentials("carol", "guess", BOB, 1), SDP_A);
	expect_lacks(is_challenged(carol), "stale=true");
	dials_again(carol, "bob", credentials("nobody", "guess", BOB, 1), SDP_A);
	expect_lacks(is_challenged(carol), "stale=true");
	hears_nothing(bob);
	rig_ends_empty(0);
}

/* An attacker who heard it: the same answer again, or for another number. */
Test(worker_auth, replayed)
{
	char heard[1024];

	dials(carol, "bob", "", SDP_A);
	is_challenged(carol);
	snprintf(heard, sizeof(heard), "%s", credentials("carol", "secret", BOB, 1));
	dials_again(carol, "bob", heard, SDP_A);
	is_connected();
	dials_again(carol, "bob", heard, SDP_A);
	expect_has(is_challenged(carol), "stale=true");
	dials_again(carol, "alice", heard, SDP_A);
	is_challenged(carol);
	hears_nothing(bob);
	rig_ends_empty(1);
}

/* One nonce, counted up. */
Test(worker_auth, nonce_used_again)
{
	dials(carol, "bob", "", SDP_A);
	is_challenged(carol);
	for (unsigned nc = 1; nc <= 3; nc++) {
		dials_again(carol, "bob", credentials("carol", "secret", BOB, nc), SDP_A);
		is_connected();
		rig_wait_ms(40000);
	}
	rig_ends_empty(3);
}

Test(worker_auth, nonce_too_old)
{
	dials(carol, "bob", "", SDP_A);
	is_challenged(carol);
	rig_wait_ms(301000);
	dials_again(carol, "bob", credentials("carol", "secret", BOB, 1), SDP_A);
	expect_has(is_challenged(carol), "stale=true");
	dials_again(carol, "bob", credentials("carol", "secret", BOB, 1), SDP_A);
	is_connected();
	rig_ends_empty(1);
}

Test(worker_auth, malformed)
{
	dials(carol, "bob",
	    "Proxy-Authorization: Digest username=\"carol\", realm=\"example.com\"\r\n", SDP_A);
	hears(carol, "400");
	rig_ends_empty(0);
}

/* The mere From is nobody's proof. */
Test(worker_auth, somebody_elses_name)
{
	struct phone *thief = phone_at("alice", "192.0.2.66");

	dials(thief, "bob", "", SDP_A);
	is_challenged(thief);
	hears_nothing(bob);
	rig_ends_empty(0);
}

/* Credentials of one, From of another: he is who has the password. */
Test(worker_auth, credentials_decide)
{
	dials(carol, "bob", "", SDP_A);
	is_challenged(carol);
	snprintf(carol->local, sizeof(carol->local), "<sip:dave@example.com>");
	dials_again(carol, "bob", credentials("carol", "secret", BOB, 1), SDP_A);
	hears(carol, "100");
	expect_has(header(hears(bob, "INVITE"), "From"), "<sip:carol@example.com>");
	replies(bob, "INVITE", 486, "", "");
	hears(bob, "ACK");
	hears(carol, "486");
	rig_ends_clean("busy 486 17 callee normal", 0);
	cr_expect_str_eq(rig_cdr("segment.1.calling_number"), "1003");
}

Test(worker_auth, disabled)
{
	struct dir_subscriber s = { .disabled = 1 };

	rig_subscriber_put(&s, "frank", "1006");
	dials(carol, "bob", "", SDP_A);
	is_challenged(carol);
	dials_again(carol, "bob", credentials("frank", "secret", BOB, 1), SDP_A);
	is_challenged(carol);
	dials(alice, "frank", "", SDP_A);
	hears(alice, "100");
	hears(alice, "480");
	rig_ends_empty(1);
}

/* Suspended: its subscribers place no calls. */
Test(worker_auth, suspended_tenant)
{
	struct dir_tenant t = {
		.tenant = 1, .name = "office", .realm = "example.com", .suspended = 1
	};

	cr_assert_eq(directory_put_tenant(&rig->directory, &t), ERR_NONE);
	dials(alice, "bob", "", SDP_A);
	hears(alice, "100");
	hears(alice, "403");
	rig_ends_clean("barred 403 21 system normal", 0);
}

/* --- what was in hand at a death ----------------------------------------------------------------*/

/* The nonce of her INVITE is counted by the process that died with it. */
static void
is_counted_and_lost(void)
{
	const char *line;

	dials(carol, "bob", "", SDP_A);
	is_challenged(carol);
	line = credentials("carol", "secret", BOB, 1);
	dials_again(carol, "bob", line, SDP_A);
	is_connected();
	rig->tcp = true;
	rig->in_hand = 1;
}

/* THREATS.md F3: told to ask again at once, she would bring down the next one with it. */
Test(worker_auth, F3_in_hand_with_a_counted_nonce)
{
	is_counted_and_lost();
	dials_again(carol, "bob", credentials("carol", "secret", BOB, 1), SDP_A);
	rig->in_hand = 0;
	hears(carol, "100");
	hears(carol, "500");
	hears_nothing(bob);
	rig_ends_empty(2);
	cr_expect_str_eq(rig_cdr("call.from_number"), "1003");
	cr_expect_str_eq(rig_cdr("segment.1.sip_code"), "500");
}

Test(worker_auth, F3_in_hand_with_a_wrong_password)
{
	is_counted_and_lost();
	dials_again(carol, "bob", credentials("carol", "guess", BOB, 1), SDP_A);
	rig->in_hand = 0;
	is_challenged(carol);
	rig_ends_empty(1);
}

/* What the gate would have refused makes no record. */
Test(worker_auth, F3_in_hand_and_not_acceptable)
{
	is_counted_and_lost();
	dials_again(carol, "bob", "Require: nonsense\r\n", SDP_A);
	hears(carol, "420");
	carol->remote_tag[0] = '\0';
	dials_again(carol, "bob", "Content-Encoding: gzip\r\n", SDP_A);
	hears(carol, "415");
	carol->remote_tag[0] = '\0';
	dials_again(carol, "bob", credentials("carol", "secret", BOB, 1), SDP_A);
	rig->in_hand = 0;
	hears(carol, "100");
	hears(carol, "500");
	rig_ends_empty(2);
}

static uint64_t
hash_of(
    const char *method, const char *branch, unsigned cseq, const char *more, const char *call_id)
{
	struct sip_msg *m = calloc(1, SIP_MSG_ROOM(RIG_TEXT));
	int n;
	uint64_t hash;

	cr_assert_not_null(m);
	n = snprintf(sip_raw(m), RIG_TEXT,
	    "%s " BOB " SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.3;branch=%s;rport\r\n"
	    "From: <sip:carol@example.com>;tag=1\r\nTo: <" BOB ">\r\nCall-ID: %s\r\n"
	    "CSeq: %u %s\r\nContact: <sip:carol@192.0.2.3>\r\n%sContent-Length: 0\r\n\r\n",
	    method, branch, call_id, cseq, method, more);
	m->raw_len = (uint16_t)n;
	cr_assert_eq(sip_parse(m, SIP_MSG_ROOM(RIG_TEXT)).status, 0);
	hash = inbox_hash(rig->w[0], m);
	free(m);
	return hash;
}

/* THREATS.md F3: tried again with new credentials it is the same poison; any other call is not. */
Test(worker_auth, F3_known_whatever_the_credentials)
{
	uint64_t first = hash_of("INVITE", "z9hG4bK1", 1, "", "a");
	const char *login = "Proxy-Authorization: Digest username=\"carol\"\r\n";

	cr_expect_eq(hash_of("INVITE", "z9hG4bK22", 2, login, "a"), first);
	cr_expect_neq(hash_of("INVITE", "z9hG4bK1", 1, "", "b"), first);
	cr_expect_neq(hash_of("INVITE", "z9hG4bK1", 1, "Subject: x\r\n", "a"), first);
	cr_expect_neq(hash_of("MESSAGE", "z9hG4bK22", 2, "", "a"),
	    hash_of("MESSAGE", "z9hG4bK1", 1, "", "a"));
}
