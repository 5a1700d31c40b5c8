/* The digest gate: THREATS.md A3 to A8, FLOWS.md S1-01 and 1.12 (10). */
#include "model/challenge.h"

#include <stdio.h>

#include "sip_message.h"

struct rig {
	struct directory directory;
	struct nonces_region *nonces;
	struct clock clock;
	struct challenge c;
	char *mem;
};

static void
add(struct rig *r, const char *user, const char *password, enum digest_algorithm least,
    bool disabled)
{
	struct dir_subscriber s = { .id = 5, .tenant = 1, .disabled = disabled };
	const struct dir_subscriber_text text = { .user = span_str(user) };

	s.min_algorithm = (uint8_t)least;
	s.ha1.has = 7;
	digest_ha1(DIGEST_MD5, text.user, SPAN("pbx.test"), span_str(password), s.ha1.md5);
	digest_ha1(DIGEST_SHA256, text.user, SPAN("pbx.test"), span_str(password), s.ha1.sha256);
	digest_ha1(
	    DIGEST_SHA512_256, text.user, SPAN("pbx.test"), span_str(password), s.ha1.sha512_256);
	cr_assert_eq(directory_put_subscriber(&r->directory, &s, &text), ERR_NONE);
}

static struct rig *
rig_new(void)
{
	const struct dir_tenant tenant = { .tenant = 1, .name = "t", .realm = "pbx.test" };
	struct rig *r = calloc(1, sizeof(*r));
	size_t size = directory_bytes(100);

	r->mem = calloc(1, size);
	r->nonces = calloc(1, nonces_bytes(64));
	nonces_init(r->nonces, 64, 300);
	cr_assert_eq(directory_own(&r->directory, r->mem, size, 100), ERR_NONE);
	cr_assert_eq(directory_put_tenant(&r->directory, &tenant), ERR_NONE);
	clock_read(&r->clock);
	r->c = (struct challenge){ &r->directory, r->nonces, &r->clock, { 1, 2 } };
	add(r, "bob", "secret", DIGEST_MD5, false);
	add(r, "off", "secret", DIGEST_MD5, true);
	add(r, "strong", "secret", DIGEST_SHA256, false);
	return r;
}

static void
rig_drop(struct rig *r)
{
	records_close(&r->directory.records);
	free(r->mem);
	free(r->nonces);
	free(r);
}

static struct message
request(const char *lines)
{
	char text[4096];

	snprintf(text, sizeof(text),
	    "REGISTER sip:pbx.test SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
	    "From: <sip:a@pbx.test>;tag=1\r\nTo: <sip:a@pbx.test>\r\n"
	    "Call-ID: c\r\nCSeq: 1 REGISTER\r\n%sContent-Length: 0\r\n\r\n",
	    lines);
	return message_of(span_str(text));
}

/* A client's side: the nonce out of a challenge, and an answer to it. */
static void
take_nonce(struct rig *r, char nonce_r[65])
{
	char text[4096];
	struct buf b = buf_on(text, sizeof(text));
	const char *at;

	challenge_put(&r->c, &b, SIP_H_WWW_AUTHENTICATE, SPAN("pbx.test"), false);
	cr_assert(buf_ok(&b));
	text[b.len] = '\0';
	at = strstr(text, "nonce=\"");
	cr_assert_not_null(at);
	memcpy(nonce_r, at + 7, 64);
	nonce_r[64] = '\0';
}

static void
hex_digest(enum digest_algorithm a, const char *text, char *hex_r)
{
	uint8_t hash[32];
	struct span first, rest = span_cut(span_str(text), ':', &first), second;
	struct buf b = buf_on(hex_r, 64);

	/* digest_ha1 joins three texts by ':'. */
	rest = span_cut(rest, ':', &second);
	digest_ha1(a, first, second, rest, hash);
	buf_hex(&b, hash, digest_size(a));
	hex_r[b.len] = '\0';
}

struct answer {
	const char *user, *password;
	enum digest_algorithm algorithm;
	unsigned nc;
	const char *uri;
};

/* A2 has two parts only: written as "REGISTER:sip:pbx.test", which is three by ':'. */
static struct message
answer(const struct answer *a, const char *nonce)
{
	static const char *const names[] = { "MD5", "SHA-256", "SHA-512-256" };
	char text[1024], ha1[65], ha2[65], response[65];

	snprintf(text, sizeof(text), "%s:pbx.test:%s", a->user, a->password);
	hex_digest(a->algorithm, text, ha1);
	snprintf(text, sizeof(text), "REGISTER:%s", a->uri);
	hex_digest(a->algorithm, text, ha2);
	snprintf(text, sizeof(text), "%s:%s:%08x:cn:auth:%s", ha1, nonce, a->nc, ha2);
	hex_digest(a->algorithm, text, response);
	snprintf(text, sizeof(text),
	    "Authorization: Digest username=\"%s\", realm=\"pbx.test\", nonce=\"%s\", uri=\"%s\", "
	    "response=\"%s\", algorithm=%s, cnonce=\"cn\", qop=auth, nc=%08x\r\n",
	    a->user, nonce, a->uri, response, names[a->algorithm], a->nc);
	return request(text);
}

static struct challenge_user user; /* of the last try */

static enum challenge_verdict
try(struct rig *r, const struct answer *a, const char *nonce)
{
	struct message x = answer(a, nonce);
	enum challenge_verdict v;

	cr_assert_eq(x.verdict.status, 0, "%s", x.verdict.reason);
	v = challenge_check(&r->c, x.m, SIP_H_AUTHORIZATION, 1, &user);
	cr_expect_eq(user.subscriber != NULL, v == CHALLENGE_GOOD || v == CHALLENGE_USED);
	cr_expect_eq(user.fault == NULL, v == CHALLENGE_GOOD);
	if (v == CHALLENGE_GOOD)
		expect_span(dir_text(user.subscriber, user.subscriber->user), a->user);
	message_done(&x);
	return v;
}

static const struct answer right = { "bob", "secret", DIGEST_SHA256, 1, "sip:pbx.test" };

Test(challenge, right_answers)
{
	struct rig *r = rig_new();
	char nonce[65];

	for (unsigned a = 0; a < DIGEST_N; a++) {
		struct answer x = right;

		x.algorithm = (enum digest_algorithm)a;
		take_nonce(r, nonce);
		cr_expect_eq(try(r, &x, nonce), CHALLENGE_GOOD);
		x.nc = 2;
		cr_expect_eq(try(r, &x, nonce), CHALLENGE_GOOD);
	}
	rig_drop(r);
}

Test(challenge, wrong_answers)
{
	static const struct answer wrong[] = {
		{ "bob", "Secret", DIGEST_SHA256, 1, "sip:pbx.test" },
		{ "nobody", "secret", DIGEST_SHA256, 1, "sip:pbx.test" },
		{ "off", "secret", DIGEST_SHA256, 1, "sip:pbx.test" },
		{ "strong", "secret", DIGEST_MD5, 1, "sip:pbx.test" },
		{ "bob", "secret", DIGEST_SHA256, 1, "sip:other.test" },
	};
	static const char *const faults[] = {
		"wrong password",
		"no such subscriber",
		"subscriber disabled",
		"digest algorithm not allowed",
		"digest for another address",
	};
	struct rig *r = rig_new();
	char nonce[65];

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		take_nonce(r, nonce);
		cr_expect_eq(try(r, &wrong[i], nonce), CHALLENGE_WRONG, "%u", i);
		cr_expect_str_eq(user.fault, faults[i]);
	}
	rig_drop(r);
}

Test(challenge, replay_is_stale)
{
	struct rig *r = rig_new();
	struct answer later = right;
	char nonce[65];

	take_nonce(r, nonce);
	cr_expect_eq(try(r, &right, nonce), CHALLENGE_GOOD);
	cr_expect_eq(try(r, &right, nonce), CHALLENGE_USED);
	cr_expect_str_eq(user.fault, "nonce used before");
	take_nonce(r, nonce);
	later.nc = 2; /* its first use is unknown to us */
	cr_expect_eq(try(r, &later, nonce), CHALLENGE_STALE);
	rig_drop(r);
}

/* "stale" says that the password was right: only who knows it is told so. */
Test(challenge, stale_only_when_right)
{
	struct rig *r = rig_new();
	struct answer wrong = right;
	char nonce[65], forged[65];

	wrong.password = "guess";
	take_nonce(r, nonce);
	memcpy(forged, nonce, sizeof(forged));
	forged[63] = forged[63] == '0' ? '1' : '0';
	cr_expect_eq(try(r, &right, forged), CHALLENGE_STALE);
	cr_expect_str_eq(user.fault, "nonce not ours");
	cr_expect_eq(try(r, &wrong, forged), CHALLENGE_WRONG);
	clock_move(&r->clock, 301 * NS_PER_S);
	cr_expect_eq(try(r, &right, nonce), CHALLENGE_STALE);
	cr_expect_str_eq(user.fault, "nonce too old");
	cr_expect_eq(try(r, &wrong, nonce), CHALLENGE_WRONG);
	rig_drop(r);
}

Test(challenge, none_and_malformed)
{
	static const struct {
		const char *lines;
		enum challenge_verdict verdict;
	} rows[] = {
		{ "", CHALLENGE_NONE },
		{ "Authorization: NoOneKnowsThisScheme a=b\r\n", CHALLENGE_NONE },
		{ "Authorization: Digest username=\"bob\", realm=\"other\", nonce=\"x\", "
		  "uri=\"sip:pbx.test\", response=\"00\"\r\n",
		    CHALLENGE_NONE },
		{ "Proxy-Authorization: Digest broken\r\n", CHALLENGE_NONE },
		{ "Authorization: Digest username=\"bob\", realm\r\n", CHALLENGE_MALFORMED },
		{ "Authorization: Digest username=\"bob\", username=\"bob\"\r\n",
		    CHALLENGE_MALFORMED },
	};
	struct rig *r = rig_new();

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct message x = request(rows[i].lines);

		cr_expect_eq(challenge_check(&r->c, x.m, SIP_H_AUTHORIZATION, 1, &user),
		    rows[i].verdict, "%s", rows[i].lines);
		cr_expect_null(user.subscriber);
		cr_expect_eq(user.fault == NULL, rows[i].verdict == CHALLENGE_NONE);
		message_done(&x);
	}
	rig_drop(r);
}

Test(challenge, response)
{
	struct rig *r = rig_new();
	char one[4096], two[4096];
	struct buf a = buf_on(one, sizeof(one) - 1), b = buf_on(two, sizeof(two) - 1);
	struct message x = request("");

	challenge_put_response(&r->c, &a, x.m, 401, SPAN("pbx.test"), true);
	challenge_put_response(&r->c, &b, x.m, 407, SPAN("pbx.test"), false);
	cr_assert(buf_ok(&a) && buf_ok(&b));
	one[a.len] = two[b.len] = '\0';
	cr_expect(strncmp(one, "SIP/2.0 401 Unauthorized\r\n", 26) == 0);
	cr_expect(strstr(one, "\r\nWWW-Authenticate: Digest ") != NULL);
	cr_expect(strstr(one, "stale=true") != NULL || strstr(one, "stale=TRUE") != NULL);
	cr_expect(strstr(two, "\r\nProxy-Authenticate: Digest ") != NULL);
	cr_expect(strstr(two, "stale") == NULL);
	/* 8.2.7: the same tag for each copy of a request. */
	cr_expect(strncmp(strstr(strstr(one, "\r\nTo:"), ";tag="),
		      strstr(strstr(two, "\r\nTo:"), ";tag="), 21) == 0);
	message_done(&x);
	rig_drop(r);
}
