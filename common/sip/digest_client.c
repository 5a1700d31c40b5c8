/* Answers to challenges. See digest_client.h. */
#include "sip/digest_client.h"

#include <string.h>

#include <openssl/crypto.h>

#include "sip/build.h"
#include "sip/chars.h"

enum { HASH_HEX = 64 };

/* --- what is read -------------------------------------------------------------------------------*/

static bool
keep(struct digest_text *t, struct span s)
{
	if (s.len > DIGEST_TEXT_MAX || (s.len > 0 && memchr(s.p, '\0', s.len) != NULL))
		return false;
	t->len = (uint8_t)s.len;
	if (s.len > 0)
		memcpy(t->text, s.p, s.len);
	return true;
}

static struct span
text_of(const struct digest_text *t)
{
	return span_of(t->text, t->len);
}

static bool
has_word(struct span list, struct span word)
{
	struct span one;

	while (list.len > 0) {
		list = span_cut(list, ',', &one);
		if (span_ieq(span_trim(one), word))
			return true;
	}
	return false;
}

/* False: it cannot be answered. What is not known is passed by. */
static bool
take_param(struct digest_challenge *c, struct span name, struct span value)
{
	enum digest_algorithm algorithm;

	if (span_ieq(name, SPAN("realm")))
		return keep(&c->realm, value);
	if (span_ieq(name, SPAN("nonce")))
		return value.len > 0 && keep(&c->nonce, value);
	if (span_ieq(name, SPAN("opaque"))) {
		c->has_opaque = true;
		return keep(&c->opaque, value);
	}
	if (span_ieq(name, SPAN("stale")))
		c->stale = span_ieq(value, SPAN("true"));
	if (span_ieq(name, SPAN("qop"))) {
		c->qop = has_word(value, SPAN("auth"));
		return c->qop;
	}
	if (span_ieq(name, SPAN("algorithm"))) {
		if (digest_algorithm_of(value, &algorithm) != ERR_NONE)
			return false;
		c->algorithm = (uint8_t)algorithm;
	}
	return true;
}

static bool
read_challenge(struct span line, struct digest_challenge *c)
{
	const char *end = line.p + line.len;
	const char *p = line.len == 0 ? end : sip_skip(line.p, end, SIP_C_TOKEN);
	struct span name, value;

	*c = (struct digest_challenge){ .algorithm = DIGEST_MD5 };
	if (!span_ieq(span_of(line.p, (size_t)(p - line.p)), SPAN("Digest")))
		return false;
	while (digest_param_cut(&p, end, &name, &value)) {
		if (!take_param(c, name, value))
			return false;
		if (p == end)
			return c->nonce.len > 0;
		if (*p++ != ',')
			return false;
	}
	return false;
}

enum err
digest_challenge_read(
    const struct sip_msg *m, enum sip_header_id header, struct digest_challenge *c_r)
{
	const struct sip_header *h = sip_headers(m);

	for (unsigned i = 0; i < m->n_headers; i++)
		if (h[i].id == header && read_challenge(sip_span(m, h[i].value), c_r))
			return ERR_NONE;
	return ERR_ABSENT;
}

bool
digest_same_realm(const struct digest_challenge *a, const struct digest_challenge *b)
{
	return span_eq(text_of(&a->realm), text_of(&b->realm));
}

bool
digest_has_realm(const struct digest_challenge *c, struct span realm)
{
	return span_eq(text_of(&c->realm), realm);
}

bool
digest_same_nonce(const struct digest_challenge *a, const struct digest_challenge *b)
{
	return span_eq(text_of(&a->nonce), text_of(&b->nonce));
}

/* --- what is written ----------------------------------------------------------------------------*/

static void
put_quoted(struct buf *b, const char *name, struct span value)
{
	buf_str(b, name);
	buf_lit(b, "=\"");
	buf_put(b, value);
	buf_char(b, '"');
}

static struct span
hash_hex(enum digest_algorithm a, const struct span *parts, size_t n, char *to)
{
	uint8_t hash[HASH_HEX / 2];
	struct buf b = buf_on(to, HASH_HEX);

	digest_hash(a, parts, n, hash);
	buf_hex(&b, hash, digest_size(a));
	OPENSSL_cleanse(hash, sizeof(hash));
	return buf_span(&b);
}

static void
put_nc(struct buf *b, uint32_t nc)
{
	uint8_t bytes[4] = { (uint8_t)(nc >> 24), (uint8_t)(nc >> 16), (uint8_t)(nc >> 8),
		(uint8_t)nc };

	buf_hex(b, bytes, sizeof(bytes));
}

void
digest_put_credentials(struct buf *b, enum sip_header_id header, const struct digest_challenge *c,
    const struct digest_use *use)
{
	enum digest_algorithm a = (enum digest_algorithm)c->algorithm;
	char ha1_hex[HASH_HEX], ha2_hex[HASH_HEX], hex[HASH_HEX], nc_text[8];
	struct buf nc = buf_on(nc_text, sizeof(nc_text));
	const struct span a1[] = { use->username, text_of(&c->realm), use->password };
	const struct span a2[] = { use->method, use->uri };
	struct span ha1 = hash_hex(a, a1, 3, ha1_hex), ha2 = hash_hex(a, a2, 2, ha2_hex), response;

	put_nc(&nc, use->nc);
	const struct span with[] = { ha1, text_of(&c->nonce), buf_span(&nc), use->cnonce,
		SPAN("auth"), ha2 };
	const struct span without[] = { ha1, text_of(&c->nonce), ha2 };
	response = c->qop ? hash_hex(a, with, 6, hex) : hash_hex(a, without, 3, hex);
	OPENSSL_cleanse(ha1_hex, sizeof(ha1_hex));
	buf_put(b, sip_header_name(header));
	put_quoted(b, ": Digest username", use->username);
	put_quoted(b, ", realm", text_of(&c->realm));
	put_quoted(b, ", nonce", text_of(&c->nonce));
	put_quoted(b, ", uri", use->uri);
	put_quoted(b, ", response", response);
	buf_lit(b, ", algorithm=");
	buf_put(b, digest_algorithm_name(a));
	if (c->has_opaque)
		put_quoted(b, ", opaque", text_of(&c->opaque));
	if (c->qop) {
		put_quoted(b, ", cnonce", use->cnonce);
		buf_lit(b, ", qop=auth, nc=");
		buf_put(b, buf_span(&nc));
	}
	buf_lit(b, "\r\n");
}
