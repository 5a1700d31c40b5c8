/* Digest: the vectors of RFC 2617 3.5 and RFC 7616 3.9.1, RFC 8760, THREATS A3 to A6, B4. */
#include "sip/digest_client.h"

#include <stdio.h>

#include "sip_message.h"

static const struct hash_key key = { 11, 22 };

static struct sip_msg *
request(const char *header)
{
	char text[4096];
	struct message x;

	snprintf(text, sizeof(text),
	    "REGISTER sip:example.com SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
	    "From: <sip:a@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\n"
	    "Call-ID: c\r\nCSeq: 1 REGISTER\r\n%s\r\nContent-Length: 0\r\n\r\n",
	    header);
	x = message_of(span_str(text));
	cr_assert_eq(x.verdict.status, 0, "%s", x.verdict.reason);
	return x.m;
}

static enum err
find(const char *header, const char *realm, struct digest_credentials *c_r)
{
	struct sip_msg *m = request(header);
	enum err e = digest_find(m, SIP_H_AUTHORIZATION, span_str(realm), c_r);

	free(m);
	return e;
}

static void
expect_hex(const uint8_t *bytes, size_t n, const char *hex)
{
	char text[128];
	struct buf b = buf_on(text, sizeof(text));

	buf_hex(&b, bytes, n);
	expect_span(buf_span(&b), hex);
}

Test(digest, ha1)
{
	uint8_t ha1[32];

	digest_ha1(
	    DIGEST_MD5, SPAN("Mufasa"), SPAN("testrealm@host.com"), SPAN("Circle Of Life"), ha1);
	expect_hex(ha1, 16, "939e7578ed9e3c518a452acee763bce9");
	cr_expect_eq(digest_size(DIGEST_MD5), 16);
	cr_expect_eq(digest_size(DIGEST_SHA256), 32);
	cr_expect_eq(digest_size(DIGEST_SHA512_256), 32);
}

struct vector {
	const char *algorithm, *user, *realm, *password, *uri, *nonce, *cnonce, *response;
	enum digest_algorithm a;
};

static const struct vector vectors[] = {
	/* RFC 2617 3.5 */
	{ "", "Mufasa", "testrealm@host.com", "Circle Of Life", "/dir/index.html",
	    "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "6629fae49393a05397450978507c4ef1",
	    DIGEST_MD5 },
	/* RFC 7616 3.9.1 */
	{ ", algorithm=MD5", "Mufasa", "http-auth@example.org", "Circle of Life", "/dir/index.html",
	    "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
	    "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec",
	    DIGEST_MD5 },
	{ ", algorithm=SHA-256", "Mufasa", "http-auth@example.org", "Circle of Life",
	    "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
	    "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	    "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", DIGEST_SHA256 },
	/* RFC 7616 3.9.2 with erratum 4897: the RFC's own value is of SHA-512 cut short. */
	{ ", algorithm=SHA-512-256", "J\xc3\xa4s\xc3\xb8n Doe", "api@example.org",
	    "Secret, or not?", "/doe.json", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
	    "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
	    "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5", DIGEST_SHA512_256 },
};

static struct digest_ha1
ha1_of(enum digest_algorithm a, const char *user, const char *realm, const char *password)
{
	struct digest_ha1 h = { .has = (uint8_t)(1 << a) };

	digest_ha1(a, span_str(user), span_str(realm), span_str(password),
	    a == DIGEST_MD5	 ? h.md5
	    : a == DIGEST_SHA256 ? h.sha256
				 : h.sha512_256);
	return h;
}

Test(digest, vectors)
{
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		struct digest_ha1 ha1 = ha1_of(v->a, v->user, v->realm, v->password);
		struct digest_credentials c;
		struct sip_msg *m;
		char header[1024];

		snprintf(header, sizeof(header),
		    "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", "
		    "uri=\"%s\", response=\"%s\", cnonce=\"%s\", nc=00000001, qop=auth%s",
		    v->user, v->realm, v->nonce, v->uri, v->response, v->cnonce, v->algorithm);
		m = request(header);
		cr_assert_eq(digest_find(m, SIP_H_AUTHORIZATION, span_str(v->realm), &c), ERR_NONE);
		cr_expect_eq(c.algorithm, v->a);
		cr_expect_eq(c.nc, 1);
		cr_expect(digest_response_right(&c, SPAN("GET"), span_str(v->uri), &ha1));
		cr_expect_not(digest_response_right(&c, SPAN("POST"), span_str(v->uri), &ha1));
		cr_expect_not(
		    digest_response_right(&c, SPAN("GET"), SPAN("/dir/other.html"), &ha1));
		ha1.has = 0;
		cr_expect_not(digest_response_right(&c, SPAN("GET"), span_str(v->uri), &ha1));
		free(m);
	}
}

static struct digest_credentials
credentials(const struct digest_ha1 *ha1, const char *method, const char *uri)
{
	static char response[65];
	struct digest_credentials c = { .username = SPAN("bob"),
		.realm = SPAN("r"),
		.nonce = SPAN("n"),
		.uri = span_str(uri),
		.cnonce = SPAN("c"),
		.nc_text = SPAN("00000001"),
		.has_qop = true,
		.algorithm = ha1->has >> 1 & 1	 ? DIGEST_SHA256
			     : ha1->has >> 2 & 1 ? DIGEST_SHA512_256
						 : DIGEST_MD5 };
	size_t size = digest_size(c.algorithm);
	const uint8_t *secret = c.algorithm == DIGEST_MD5      ? ha1->md5
				: c.algorithm == DIGEST_SHA256 ? ha1->sha256
							       : ha1->sha512_256;
	char hex[65], a2[65], joined[512];
	uint8_t hash[32];
	struct buf b = buf_on(hex, 64);

	buf_hex(&b, secret, size);
	hex[b.len] = '\0';
	/* H(method ":" uri) has two parts only; write it as three with the scheme's colon. */
	cr_assert_not_null(strchr(uri, ':'));
	digest_ha1(c.algorithm, span_str(method), span_of(uri, (size_t)(strchr(uri, ':') - uri)),
	    span_str(strchr(uri, ':') + 1), hash);
	b = buf_on(a2, 64);
	buf_hex(&b, hash, size);
	a2[b.len] = '\0';
	snprintf(joined, sizeof(joined), "00000001:c:auth:%s", a2);
	digest_ha1(c.algorithm, span_str(hex), SPAN("n"), span_str(joined), hash);
	b = buf_on(response, 64);
	buf_hex(&b, hash, size);
	c.response = buf_span(&b);
	return c;
}

/* A3: the uri of the digest and the Request-URI. */
Test(digest, uri)
{
	static const struct {
		const char *digest, *request;
		bool same;
	} row[] = {
		{ "sip:bob@example.com", "sip:bob@example.com", true },
		{ "sip:bob@EXAMPLE.com", "sip:bob@example.com", true },
		{ "sip:b%6fb@example.com", "sip:bob@example.com", true },
		{ "sip:bob@example.com", "sip:bob@example.com:5060", true },
		{ "sip:bob@example.com:5060", "sip:bob@example.com;transport=udp", true },
		{ "sip:bob@example.com", "sip:bob@example.com;user=phone", true },
		{ "sip:bob@example.com", "sip:bob@example.com:5070", false },
		{ "sip:bob@example.com", "sips:bob@example.com", false },
		{ "sip:bob@example.com", "sip:Bob@example.com", false },
		{ "sip:bob@example.com", "sip:00390900123@example.com", false },
		{ "sip:example.com", "sip:bob@example.com", false },
		{ "sip:bob@example.com", "sip:bob@example.org", false },
		{ "tel:+1-201-555-0123", "tel:+12015550123", true },
		{ "tel:+12015550123", "tel:+12015550124", false },
		{ "x:y", "x:z", false },
	};

	for (unsigned a = 0; a < DIGEST_N; a++) {
		struct digest_ha1 ha1 = ha1_of((enum digest_algorithm)a, "bob", "r", "zanzibar");

		for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
			struct digest_credentials c = credentials(&ha1, "INVITE", row[i].digest);

			cr_expect_eq(digest_response_right(
					 &c, SPAN("INVITE"), span_str(row[i].request), &ha1),
			    row[i].same, "%s, %s", row[i].digest, row[i].request);
		}
	}
}

Test(digest, response)
{
	struct digest_ha1 ha1 = ha1_of(DIGEST_MD5, "bob", "r", "zanzibar");
	struct digest_credentials c = credentials(&ha1, "INVITE", "sip:bob@example.com");
	struct span uri = SPAN("sip:bob@example.com");
	char upper[64];

	cr_expect(digest_response_right(&c, SPAN("INVITE"), uri, &ha1));
	for (size_t i = 0; i < c.response.len; i++)
		upper[i] = c.response.p[i] >= 'a' ? (char)(c.response.p[i] - 32) : c.response.p[i];
	c.response = span_of(upper, c.response.len);
	cr_expect(digest_response_right(&c, SPAN("INVITE"), uri, &ha1));
	c.has_qop = false;
	cr_expect_not(digest_response_right(&c, SPAN("INVITE"), uri, &ha1), "qop is required");
	c.has_qop = true;
	c.response.len--;
	cr_expect_not(digest_response_right(&c, SPAN("INVITE"), uri, &ha1));
	c.response = SPAN("");
	cr_expect_not(digest_response_right(&c, SPAN("INVITE"), uri, &ha1));
	c = credentials(&ha1, "INVITE", "sip:bob@example.com");
	ha1.md5[15] ^= 1;
	cr_expect_not(digest_response_right(&c, SPAN("INVITE"), uri, &ha1));
}

#define GOOD "username=\"bob\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", response=\"00\""

Test(digest, grammar)
{
	static const struct {
		const char *header;
		enum err e;
	} row[] = {
		{ "Authorization: Digest " GOOD, ERR_NONE },
		{ "Authorization: dIGEST\t" GOOD ",new-param=\"a\\\"b,\" ,qop=auth, nc = 0000000A,"
		  "cnonce=\"\"",
		    ERR_NONE },
		{ "Authorization: Digest " GOOD ", algorithm=\"SHA-256\"", ERR_NONE },
		{ "Authorization: Digest " GOOD ", algorithm=MD5-sess", ERR_ABSENT },
		{ "Authorization: Digest " GOOD ", algorithm=SHA-1", ERR_ABSENT },
		{ "Authorization: Basic Zm9vOmJhcg==", ERR_ABSENT },
		{ "Authorization: Basic Zm9vOmJhcg==\r\nAuthorization: Digest " GOOD, ERR_NONE },
		{ "Subject: none", ERR_ABSENT },
		{ "Proxy-Authorization: Digest " GOOD, ERR_ABSENT },
		{ "Authorization: Digest username=\"bob\", realm=\"other\", nonce=\"n\", "
		  "uri=\"u\", "
		  "response=\"00\"\r\nAuthorization: Digest " GOOD,
		    ERR_NONE },
		{ "Authorization: Digest", ERR_SYNTAX },
		{ "Authorization: Digest ,", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ",", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD " x", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", x", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", x=", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", =x", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", x=\"open", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", x=\"open\\\"", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", REALM=\"r\"", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", x=1, X=2", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", nc=1", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", nc=0000000g", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", nc=000000001", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", qop=auth, nc=00000001", ERR_SYNTAX },
		{ "Authorization: Digest " GOOD ", qop=auth, cnonce=\"x\"", ERR_SYNTAX },
		{ "Authorization: Digest username=\"bob\", realm=\"r\", nonce=\"n\", uri=\"sip:r\"",
		    ERR_SYNTAX },
		{ "Authorization: Digest a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,"
		  "o=1,p=1,q=1,r=1,s=1,t=1,u=1,v=1,w=1,x=1,y=1,z=1,ab=1,ac=1, " GOOD,
		    ERR_SYNTAX },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct digest_credentials c;

		cr_expect_eq(find(row[i].header, "r", &c), row[i].e, "%s", row[i].header);
	}
}

Test(digest, values)
{
	struct digest_credentials c;
	struct sip_msg *m = request("Authorization: Digest username=\"b\\\"ob\" , realm=\"r\", "
				    "nonce=\"n\", uri=\"sip:r\", response=\"00ff\", qop=\"auth\", "
				    "cnonce=\"x,y\", nc=fFffFFff, opaque=\"\"");

	cr_assert_eq(digest_find(m, SIP_H_AUTHORIZATION, SPAN("r"), &c), ERR_NONE);
	expect_span(c.username, "b\\\"ob");
	expect_span(c.cnonce, "x,y");
	expect_span(c.response, "00ff");
	cr_expect_eq(c.nc, 0xffffffff);
	cr_expect(c.has_qop);
	cr_expect_eq(c.algorithm, DIGEST_MD5);
	free(m);
	m = request("Authorization: Digest " GOOD ", qop=auth-int, nc=00000001, cnonce=\"\"");
	cr_assert_eq(digest_find(m, SIP_H_AUTHORIZATION, SPAN("r"), &c), ERR_NONE);
	cr_expect_not(c.has_qop);
	free(m);
}

Test(digest, long_values)
{
	char header[2048], name[300];
	struct digest_credentials c;

	memset(name, 'x', sizeof(name));
	for (int len = 256; len <= 257; len++) {
		snprintf(header, sizeof(header),
		    "Authorization: Digest username=\"%.*s\", realm=\"r\", nonce=\"n\", "
		    "uri=\"sip:r\", response=\"00\"",
		    len, name);
		cr_expect_eq(find(header, "r", &c), len == 256 ? ERR_NONE : ERR_SYNTAX);
	}
}

static struct span
nonce_at(char *text, int64_t wall_ms)
{
	struct buf b = buf_on(text, 128);

	digest_nonce_put(&b, &key, SPAN("r"), wall_ms);
	return buf_span(&b);
}

Test(digest, nonce)
{
	static const struct hash_key other = { 11, 23 };
	char one[128], two[128];
	struct span a = nonce_at(one, 1000000), b = nonce_at(two, 1000000);
	uint64_t id_a = 0, id_b = 0;

	cr_expect_not(span_eq(a, b), "A5: two in one millisecond differ");
	cr_expect_eq(digest_nonce_check(&key, a, SPAN("r"), 1000000, 60, &id_a), DIGEST_NONCE_GOOD);
	cr_expect_eq(digest_nonce_check(&key, b, SPAN("r"), 1060000, 60, &id_b), DIGEST_NONCE_GOOD);
	cr_expect_neq(id_a, id_b);
	cr_expect_eq(
	    digest_nonce_check(&key, a, SPAN("r"), 1060001, 60, &id_a), DIGEST_NONCE_STALE);
	cr_expect_eq(digest_nonce_check(&key, a, SPAN("r"), 999999, 60, &id_a), DIGEST_NONCE_STALE);
	cr_expect_eq(digest_nonce_check(&key, a, SPAN("s"), 1000000, 60, &id_a), DIGEST_NONCE_BAD);
	cr_expect_eq(
	    digest_nonce_check(&other, a, SPAN("r"), 1000000, 60, &id_a), DIGEST_NONCE_BAD);
	cr_expect_eq(
	    digest_nonce_check(&key, SPAN_NONE, SPAN("r"), 1, 60, &id_a), DIGEST_NONCE_BAD);
	for (size_t i = 0; i < a.len; i++) {
		char c = one[i];

		one[i] = c == '0' ? '1' : '0';
		cr_expect_eq(
		    digest_nonce_check(&key, a, SPAN("r"), 1000000, 60, &id_a), DIGEST_NONCE_BAD);
		one[i] = 'A';
		cr_expect_eq(
		    digest_nonce_check(&key, a, SPAN("r"), 1000000, 60, &id_a), DIGEST_NONCE_BAD);
		one[i] = c;
	}
}

/* RFC 8760 2.3: one header for each algorithm, the one we like best first. */
Test(digest, challenge)
{
	char text[1024];
	struct buf b = buf_on(text, sizeof(text));

	digest_put_challenge(
	    &b, SIP_H_PROXY_AUTHENTICATE, SPAN("a \"b\""), SPAN("n"), DIGEST_STALE);
	expect_span(buf_span(&b), "Proxy-Authenticate: Digest realm=\"a \\\"b\\\"\", nonce=\"n\", "
				  "algorithm=SHA-512-256, qop=\"auth\", stale=true\r\n"
				  "Proxy-Authenticate: Digest realm=\"a \\\"b\\\"\", nonce=\"n\", "
				  "algorithm=SHA-256, qop=\"auth\", stale=true\r\n"
				  "Proxy-Authenticate: Digest realm=\"a \\\"b\\\"\", nonce=\"n\", "
				  "algorithm=MD5, qop=\"auth\", stale=true\r\n");
	b = buf_on(text, sizeof(text));
	digest_put_challenge(&b, SIP_H_WWW_AUTHENTICATE, SPAN("r"), SPAN("n"), 0);
	cr_expect(span_starts(buf_span(&b), SPAN("WWW-Authenticate: Digest realm=\"r\"")));
	cr_expect_null(memmem(text, b.len, "stale", 5));
	b = buf_on(text, sizeof(text));
	digest_put_challenge(&b, SIP_H_WWW_AUTHENTICATE, SPAN("r"), SPAN("n"), DIGEST_ONLY_MD5);
	expect_span(buf_span(&b), "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
				  "algorithm=MD5, qop=\"auth\"\r\n");
	b = buf_on(text, sizeof(text));
	digest_put_challenge(&b, SIP_H_WWW_AUTHENTICATE, SPAN("r"), SPAN("n"), DIGEST_NO_SHA512);
	expect_span(buf_span(&b), "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
				  "algorithm=SHA-256, qop=\"auth\"\r\n"
				  "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
				  "algorithm=MD5, qop=\"auth\"\r\n");
}

/* --- the other side -----------------------------------------------------------------------------*/

static enum err
challenged(const char *header, struct digest_challenge *c_r)
{
	struct sip_msg *m = request(header);
	enum err e = digest_challenge_read(m, SIP_H_WWW_AUTHENTICATE, c_r);

	free(m);
	return e;
}

/* RFC 7616 3.9.1, both algorithms; RFC 2069's way is that of RFC 2617 3.2.2.1 without qop. */
Test(digest, S2_17_credentials)
{
	static const struct digest_use use = { .username = { "Mufasa", 6 },
		.password = { "Circle of Life", 14 },
		.method = { "GET", 3 },
		.uri = { "/dir/index.html", 15 },
		.nc = 1,
		.cnonce = { "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", 44 } };
	struct digest_challenge c;
	char text[1024], head[512];
	struct buf b;

	cr_assert_eq(challenged("WWW-Authenticate: Digest realm=\"http-auth@example.org\", "
				"qop=\"auth, auth-int\", algorithm=SHA-256, "
				"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
				"opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
			 &c),
	    ERR_NONE);
	b = buf_on(text, sizeof(text));
	digest_put_credentials(&b, SIP_H_PROXY_AUTHORIZATION, &c, &use);
	cr_assert(buf_ok(&b));
	cr_expect(
	    span_starts(buf_span(&b), SPAN("Proxy-Authorization: Digest username=\"Mufasa\", ")));
	snprintf(head, sizeof(head), "%.*s", SPAN_F(buf_span(&b)));
	cr_expect_not_null(strstr(
	    head, "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""));
	cr_expect_not_null(strstr(text, "qop=auth, nc=00000001\r\n"));
	cr_expect_not_null(strstr(text, "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""));
	c.algorithm = DIGEST_MD5;
	b = buf_on(text, sizeof(text));
	digest_put_credentials(&b, SIP_H_AUTHORIZATION, &c, &use);
	cr_expect_not_null(
	    memmem(text, b.len, "response=\"8ca523f5e9506fed4657c9700eebdbec\"", 43));
	c.qop = false;
	b = buf_on(text, sizeof(text));
	digest_put_credentials(&b, SIP_H_AUTHORIZATION, &c, &use);
	cr_expect_null(memmem(text, b.len, "nc=", 3));
	cr_expect_null(memmem(text, b.len, "qop", 3));
}

Test(digest, S2_17_challenges)
{
	static const struct {
		const char *header;
		bool good, qop, stale;
		enum digest_algorithm algorithm;
	} row[] = {
		{ "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"", true, false, false,
		    DIGEST_MD5 },
		{ "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",stale=TRUE,qop=auth", true,
		    true, true, DIGEST_MD5 },
		{ "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess\r\n"
		  "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256",
		    true, false, false, DIGEST_SHA512_256 },
		{ "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"", false, 0,
		    0, 0 },
		{ "WWW-Authenticate: Digest realm=\"r\"", false, 0, 0, 0 },
		{ "WWW-Authenticate: Basic realm=\"r\"", false, 0, 0, 0 },
		{ "WWW-Authenticate: Digest", false, 0, 0, 0 },
		{ "WWW-Authenticate: Digest realm=\"r\" nonce=\"n\"", false, 0, 0, 0 },
		{ "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"", false, 0, 0, 0 },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct digest_challenge c;

		cr_assert_eq(
		    challenged(row[i].header, &c) == ERR_NONE, row[i].good, "%s", row[i].header);
		if (!row[i].good)
			continue;
		cr_expect_eq(c.qop, row[i].qop);
		cr_expect_eq(c.stale, row[i].stale);
		cr_expect_eq(c.algorithm, row[i].algorithm);
	}
}
