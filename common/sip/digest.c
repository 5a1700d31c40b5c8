/*
 * Digest authentication. What comes from the network is bounded before anything is computed, and
 * compared in constant time.
 *
 * A nonce is 64 hex digits: 8 bytes of time (ms), 8 random bytes, 16 bytes of HMAC-SHA256 over both
 * and the realm. HMAC cut to 128 bits rather than SipHash: 64 bits of MAC would be guessed at by
 * whoever can send requests for months, and putting two SipHashes together would be cryptography of
 * our own.
 */
#include "sip/digest.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/rand.h"
#include "sip/addr.h"
#include "sip/chars.h"
#include "sip/uri.h"

enum { PARAMS_MAX = 32, VALUE_MAX = 256, HASH_MAX = 32 };
enum { NONCE_HEAD = 16, NONCE_MAC = 16, NONCE_BYTES = NONCE_HEAD + NONCE_MAC };

static const struct span algorithm_names[DIGEST_N] = { [DIGEST_MD5] = { "MD5", 3 },
	[DIGEST_SHA256] = { "SHA-256", 7 },
	[DIGEST_SHA512_256] = { "SHA-512-256", 11 } };

struct span
digest_algorithm_name(enum digest_algorithm a)
{
	return algorithm_names[a];
}

size_t
digest_size(enum digest_algorithm a)
{
	return a == DIGEST_MD5 ? 16 : 32;
}

static const EVP_MD *
md_of(enum digest_algorithm a)
{
	switch (a) {
	case DIGEST_SHA256:
		return EVP_sha256();
	case DIGEST_SHA512_256:
		return EVP_sha512_256();
	case DIGEST_MD5:
	case DIGEST_N:
		break;
	}
	return EVP_md5();
}

void
digest_hash(enum digest_algorithm a, const struct span *parts, size_t n, uint8_t *hash_r)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestInit_ex(ctx, md_of(a), NULL) == 1;

	for (size_t i = 0; good && i < n; i++)
		good = (i == 0 || EVP_DigestUpdate(ctx, ":", 1) == 1) &&
		       (parts[i].len == 0 || EVP_DigestUpdate(ctx, parts[i].p, parts[i].len) == 1);
	good = good && EVP_DigestFinal_ex(ctx, hash_r, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (!good)
		fatal(0, "OpenSSL does not compute %s", algorithm_names[a].p);
}

void
digest_ha1(enum digest_algorithm a, struct span username, struct span realm, struct span password,
    uint8_t *ha1_r)
{
	const struct span parts[] = { username, realm, password };

	digest_hash(a, parts, 3, ha1_r);
}

/* --- credentials --------------------------------------------------------------------------------*/

enum param {
	P_USERNAME,
	P_REALM,
	P_NONCE,
	P_URI,
	P_RESPONSE,
	P_ALGORITHM,
	P_CNONCE,
	P_OPAQUE,
	P_QOP,
	P_NC,
	N_PARAMS
};

static const struct {
	const char *name;
	size_t max;
} known[N_PARAMS] = {
	[P_USERNAME] = { "username", VALUE_MAX },
	[P_REALM] = { "realm", VALUE_MAX },
	[P_NONCE] = { "nonce", VALUE_MAX },
	[P_URI] = { "uri", SIP_URI_MAX },
	[P_RESPONSE] = { "response", 2 * HASH_MAX },
	[P_ALGORITHM] = { "algorithm", 32 },
	[P_CNONCE] = { "cnonce", VALUE_MAX },
	[P_OPAQUE] = { "opaque", VALUE_MAX },
	[P_QOP] = { "qop", 32 },
	[P_NC] = { "nc", 8 },
};

bool
digest_param_cut(const char **at, const char *end, struct span *name_r, struct span *value_r)
{
	const char *p = sip_skip(*at, end, SIP_C_SPACE), *q = sip_skip(p, end, SIP_C_TOKEN);

	*name_r = span_of(p, (size_t)(q - p));
	p = sip_skip(q, end, SIP_C_SPACE);
	if (name_r->len == 0 || p == end || *p != '=')
		return false;
	p = sip_skip(p + 1, end, SIP_C_SPACE);
	if (p < end && *p == '"') {
		q = sip_skip_quoted(p, end);
		if (q == NULL)
			return false;
		*value_r = span_of(p + 1, (size_t)(q - p) - 2);
	} else {
		q = sip_skip(p, end, SIP_C_TOKEN);
		*value_r = span_of(p, (size_t)(q - p));
		if (q == p)
			return false;
	}
	*at = sip_skip(q, end, SIP_C_SPACE);
	return true;
}

static enum err
take_param(struct span *values, struct span name, struct span value)
{
	for (unsigned i = 0; i < N_PARAMS; i++) {
		if (!span_ieq(name, span_str(known[i].name)))
			continue;
		if (value.len > known[i].max || memchr(value.p, '\0', value.len) != NULL)
			return ERR_SYNTAX;
		values[i] = value;
	}
	return ERR_NONE;
}

/* All parameters; none may stand twice, whether we know it or not. */
static enum err
read_params(struct span text, struct span *values)
{
	struct span names[PARAMS_MAX], value;
	const char *p = text.p, *end = text.p + text.len;
	unsigned n = 0;

	for (;;) {
		if (n == PARAMS_MAX || !digest_param_cut(&p, end, &names[n], &value))
			return ERR_SYNTAX;
		for (unsigned i = 0; i < n; i++)
			if (span_ieq(names[i], names[n]))
				return ERR_SYNTAX;
		if (take_param(values, names[n++], value) != ERR_NONE)
			return ERR_SYNTAX;
		if (p == end)
			return ERR_NONE;
		if (*p++ != ',')
			return ERR_SYNTAX;
	}
}

static enum err
read_nc(struct span text, uint32_t *nc_r)
{
	uint32_t nc = 0;

	if (text.len != 8)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (!sip_char_is(text.p[i], SIP_C_HEX))
			return ERR_SYNTAX;
		nc = nc << 4 | (c <= '9' ? c - 48u : (c | 32u) - 87u);
	}
	*nc_r = nc;
	return ERR_NONE;
}

enum err
digest_algorithm_of(struct span name, enum digest_algorithm *a_r)
{
	*a_r = DIGEST_MD5;
	if (name.p == NULL)
		return ERR_NONE;
	for (unsigned a = 0; a < DIGEST_N; a++) {
		if (span_ieq(name, algorithm_names[a])) {
			*a_r = (enum digest_algorithm)a;
			return ERR_NONE;
		}
	}
	return ERR_ABSENT;
}

/* One header line; ERR_ABSENT: another scheme or realm, or an algorithm that we never offer. */
static enum err
read_credentials(struct span line, struct span realm, struct digest_credentials *c_r)
{
	struct span values[N_PARAMS] = { SPAN_NONE }, scheme;
	const char *end = line.p + line.len;
	const char *p = line.len == 0 ? end : sip_skip(line.p, end, SIP_C_TOKEN);
	enum err e;

	scheme = span_of(line.p, (size_t)(p - line.p));
	if (!span_ieq(scheme, SPAN("Digest")))
		return ERR_ABSENT;
	if (p == end || !sip_char_is(*p, SIP_C_SPACE))
		return ERR_SYNTAX;
	if ((e = read_params(span_from(line, scheme.len), values)) != ERR_NONE)
		return e;
	for (unsigned i = P_USERNAME; i <= P_RESPONSE; i++)
		if (values[i].p == NULL)
			return ERR_SYNTAX;
	if (values[P_QOP].p != NULL && (values[P_NC].p == NULL || values[P_CNONCE].p == NULL))
		return ERR_SYNTAX;
	*c_r = (struct digest_credentials){ .username = values[P_USERNAME],
		.realm = values[P_REALM],
		.nonce = values[P_NONCE],
		.uri = values[P_URI],
		.response = values[P_RESPONSE],
		.cnonce = values[P_CNONCE],
		.opaque = values[P_OPAQUE],
		.nc_text = values[P_NC],
		.has_qop = span_ieq(values[P_QOP], SPAN("auth")) };
	if (values[P_NC].p != NULL && (e = read_nc(values[P_NC], &c_r->nc)) != ERR_NONE)
		return e;
	if (!span_eq(c_r->realm, realm))
		return ERR_ABSENT;
	return digest_algorithm_of(values[P_ALGORITHM], &c_r->algorithm);
}

enum err
digest_find(const struct sip_msg *m, enum sip_header_id header, struct span realm,
    struct digest_credentials *c_r)
{
	const struct sip_header *h = sip_headers(m);

	/* One line, one set of credentials: the commas are inside (RFC 3261 7.3.1). */
	for (unsigned i = 0; i < m->n_headers; i++) {
		enum err e;

		if (h[i].id != header)
			continue;
		e = read_credentials(sip_span(m, h[i].value), realm, c_r);
		if (e != ERR_ABSENT)
			return e;
	}
	return ERR_ABSENT;
}

/* --- nonces -------------------------------------------------------------------------------------*/

static void
put_be64(uint8_t *to, uint64_t n)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = n >> (56 - 8 * i) & 0xff;
}

static uint64_t
get_be64(const uint8_t *from)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < 8; i++)
		n = n << 8 | from[i];
	return n;
}

/* The word in front keeps this use of the key apart from all others. */
/* HMAC-SHA-256 with this key, ready for a text. Fetched and keyed once: OpenSSL takes longer for that than
 * for the sum. */
static EVP_MAC_CTX *
keyed_mac(const struct hash_key *key)
{
	static EVP_MAC_CTX *mac;
	static struct hash_key last;
	char name[] = "SHA256";
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", name, 0),
		OSSL_PARAM_construct_end() };
	bool same = mac != NULL && memcmp(&last, key, sizeof(last)) == 0;
	EVP_MAC *hmac;

	if (mac == NULL && (hmac = EVP_MAC_fetch(NULL, "HMAC", NULL)) != NULL) {
		mac = EVP_MAC_CTX_new(hmac);
		EVP_MAC_free(hmac);
	}
	last = *key;
	if (mac == NULL || EVP_MAC_init(mac, same ? NULL : (const uint8_t *)key,
			       same ? 0 : sizeof(*key), same ? NULL : params) != 1)
		fatal(0, "OpenSSL does not compute HMAC");
	return mac;
}

static void
nonce_mac(const struct hash_key *key, const uint8_t *head, struct span realm, uint8_t *mac_r)
{
	uint8_t bytes[EVP_MAX_MD_SIZE], text[5 + NONCE_HEAD + VALUE_MAX] = "nonce";
	EVP_MAC_CTX *mac = keyed_mac(key);
	size_t len, n = realm.len > VALUE_MAX ? VALUE_MAX : realm.len;

	memcpy(text + 5, head, NONCE_HEAD);
	if (n > 0)
		memcpy(text + 5 + NONCE_HEAD, realm.p, n);
	if (EVP_MAC_update(mac, text, 5 + NONCE_HEAD + n) != 1 ||
	    EVP_MAC_final(mac, bytes, &len, sizeof(bytes)) != 1)
		fatal(0, "OpenSSL does not compute HMAC");
	memcpy(mac_r, bytes, NONCE_MAC);
}

void
digest_nonce_put(struct buf *b, const struct hash_key *key, struct span realm, int64_t wall_ms)
{
	uint8_t nonce[NONCE_BYTES];

	put_be64(nonce, (uint64_t)wall_ms);
	put_be64(nonce + 8, rand_u64());
	nonce_mac(key, nonce, realm, nonce + NONCE_HEAD);
	buf_hex(b, nonce, sizeof(nonce));
}

static bool
read_nonce(struct span text, uint8_t *nonce_r)
{
	if (text.len != 2 * NONCE_BYTES)
		return false;
	for (size_t i = 0; i < NONCE_BYTES; i++) {
		unsigned byte = 0;

		for (size_t k = 0; k < 2; k++) {
			char c = text.p[2 * i + k];

			/* Lower case only: a nonce has one spelling, its uses are counted. */
			if (c >= '0' && c <= '9')
				byte = byte << 4 | (unsigned)(c - '0');
			else if (c >= 'a' && c <= 'f')
				byte = byte << 4 | (unsigned)(c - 'a' + 10);
			else
				return false;
		}
		nonce_r[i] = (uint8_t)byte;
	}
	return true;
}

enum digest_nonce
digest_nonce_check(const struct hash_key *key, struct span nonce, struct span realm,
    int64_t wall_ms, uint32_t lifetime_s, uint64_t *id_r)
{
	uint8_t bytes[NONCE_BYTES], mac[NONCE_MAC];
	int64_t made_ms;

	if (!read_nonce(nonce, bytes))
		return DIGEST_NONCE_BAD;
	nonce_mac(key, bytes, realm, mac);
	if (CRYPTO_memcmp(mac, bytes + NONCE_HEAD, NONCE_MAC) != 0)
		return DIGEST_NONCE_BAD;
	*id_r = get_be64(bytes + 8);
	made_ms = (int64_t)get_be64(bytes);
	/* From the future: the clock was set back. */
	if (made_ms > wall_ms || wall_ms - made_ms > (int64_t)lifetime_s * 1000)
		return DIGEST_NONCE_STALE;
	return DIGEST_NONCE_GOOD;
}

/* --- the response -------------------------------------------------------------------------------*/

static uint16_t
port_of(const struct sip_uri *uri)
{
	if (uri->port != 0)
		return uri->port;
	return uri->scheme == SIP_S_SIPS || sip_uri_transport(uri) == SIP_T_TLS ? 5061 : 5060;
}

bool
digest_names(const struct digest_credentials *c, struct span request_uri)
{
	struct sip_uri a, b;

	if (span_eq(c->uri, request_uri))
		return true;
	if (sip_uri_parse(c->uri, &a) != ERR_NONE || sip_uri_parse(request_uri, &b) != ERR_NONE)
		return false;
	if (a.scheme != SIP_S_TEL) {
		a.port = port_of(&a);
		b.port = port_of(&b);
		a.params = b.params = a.headers = b.headers = SPAN_NONE;
	}
	return sip_uri_equal(&a, &b);
}

static const uint8_t *
ha1_of(const struct digest_ha1 *ha1, enum digest_algorithm a)
{
	switch (a) {
	case DIGEST_SHA256:
		return ha1->sha256;
	case DIGEST_SHA512_256:
		return ha1->sha512_256;
	case DIGEST_MD5:
	case DIGEST_N:
		break;
	}
	return ha1->md5;
}

static struct span
hex_of(const uint8_t *hash, size_t n, char *to)
{
	struct buf b = buf_on(to, 2 * HASH_MAX);

	buf_hex(&b, hash, n);
	return buf_span(&b);
}

/* Some phones write it in upper case. */
static void
lower(struct span s, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++)
		to[i] = s.p[i] >= 'A' && s.p[i] <= 'F' ? (char)(s.p[i] | 0x20) : s.p[i];
}

bool
digest_response_right(const struct digest_credentials *c, struct span method,
    struct span request_uri, const struct digest_ha1 *ha1)
{
	char ha1_hex[2 * HASH_MAX], ha2_hex[2 * HASH_MAX], right_hex[2 * HASH_MAX];
	char given[2 * HASH_MAX];
	uint8_t hash[HASH_MAX];
	size_t size = digest_size(c->algorithm);
	const struct span a2[] = { method, c->uri };
	bool good;

	/* All is computed before anything is judged. */
	digest_hash(c->algorithm, a2, 2, hash);
	const struct span parts[] = { hex_of(ha1_of(ha1, c->algorithm), size, ha1_hex), c->nonce,
		c->nc_text, c->cnonce, SPAN("auth"), hex_of(hash, size, ha2_hex) };
	digest_hash(c->algorithm, parts, 6, hash);
	hex_of(hash, size, right_hex);
	if (c->response.len != 2 * size)
		return false;
	lower(c->response, 2 * size, given);
	good = CRYPTO_memcmp(given, right_hex, 2 * size) == 0;
	OPENSSL_cleanse(right_hex, sizeof(right_hex));
	OPENSSL_cleanse(ha1_hex, sizeof(ha1_hex));
	good = good & c->has_qop & ((ha1->has >> c->algorithm & 1) == 1);
	return good && digest_names(c, request_uri);
}

void
digest_put_challenge(
    struct buf *b, enum sip_header_id header, struct span realm, struct span nonce, unsigned flags)
{
	unsigned end = flags & DIGEST_NO_SHA512 ? DIGEST_SHA256 + 1u : DIGEST_N;

	if (flags & DIGEST_ONLY_MD5)
		end = DIGEST_MD5 + 1u;
	for (unsigned a = end; a-- > 0;) {
		buf_put(b, sip_header_name(header));
		buf_lit(b, ": Digest realm=");
		sip_put_quoted(b, realm);
		buf_lit(b, ", nonce=");
		sip_put_quoted(b, nonce);
		buf_lit(b, ", algorithm=");
		buf_put(b, algorithm_names[a]);
		buf_lit(b, ", qop=\"auth\"");
		if (flags & DIGEST_STALE)
			buf_lit(b, ", stale=true");
		buf_lit(b, "\r\n");
	}
}
