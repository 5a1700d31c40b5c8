/*
 * Which transaction a message is for. Server side: RFC 3261 17.2.3, by branch, sent-by and method,
 * or by the rules of RFC 2543 when the branch has no cookie; over an index from the hash of this
 * key, the key itself compared with the request that was kept. Where that was forgotten (txn_forget)
 * or never kept (txn_server_answer) the hash alone decides: 64 bits under a secret key. Client side: by the
 * token in our own branch, without any index, but for the CANCEL, which bears the branch of its INVITE.
 */
#include "sip/txn.h"

#include "sip/token.h"
#include "sip/txn_machine.h"
#include "sip/via.h"

enum { COOKIE_LEN = sizeof(SIP_COOKIE) - 1, LOOP_DIGITS = 8 };

static bool
has_cookie(struct span branch)
{
	return branch.len > COOKIE_LEN &&
	       span_ieq(span_first(branch, COOKIE_LEN), SPAN(SIP_COOKIE));
}

/* --- hashes -------------------------------------------------------------------------------------*/

static uint64_t
hash_words(const struct hash_key *key, const uint64_t *words, size_t n)
{
	uint64_t hash = hash_bytes(key, words, n * sizeof(*words));

	return hash == 0 ? 1 : hash; /* 0 in struct txn: not in the table */
}

/* As if the request's method were `method`: an ACK or CANCEL looks for its INVITE. */
static uint64_t
key_hash(const struct txns *x, const struct sip_msg *m, enum sip_method method)
{
	const struct hash_key *k = &x->key;
	struct span branch = sip_span(m, m->via_branch);

	if (has_cookie(branch)) {
		const uint64_t words[] = { method, hash_span_lower(k, branch),
			hash_span_lower(k, sip_span(m, m->via_host)), m->via_port };

		return hash_words(k, words, 4);
	}
	const uint64_t words[] = { method, hash_span(k, sip_span(m, m->uri)),
		hash_span_lower(k, sip_span(m, m->from_tag)), hash_span(k, sip_span(m, m->call_id)),
		m->cseq, hash_span(k, sip_span(m, m->via)) };

	return hash_words(k, words, 6);
}

static uint64_t
merge_hash(const struct txns *x, const struct sip_msg *m)
{
	const struct hash_key *k = &x->key;
	const uint64_t words[] = { m->method, hash_span(k, sip_span(m, m->call_id)),
		hash_span_lower(k, sip_span(m, m->from_tag)), m->cseq };

	return hash_words(k, words, 4);
}

static uint64_t
cancel_hash(const struct txns *x, handle invite)
{
	const uint64_t words[] = { SIP_CANCEL, invite };

	return hash_words(&x->key, words, 2);
}

bool
txn_hash_tells(const struct sip_msg *m)
{
	return m->method != SIP_UNKNOWN && has_cookie(sip_span(m, m->via_branch));
}

void
txn_hash_request(const struct txns *x, struct txn *t, const struct sip_msg *request)
{
	t->hash = key_hash(x, request, request->method);
	t->merge_hash = 0;
	if (request->method != SIP_CANCEL && sip_span(request, request->to_tag).len == 0)
		t->merge_hash = merge_hash(x, request);
}

void
txn_hash(const struct txns *x, struct txn *t)
{
	bool server = t->kind == TXN_IST || t->kind == TXN_NIST;

	if (server && t->request.len == 0)
		return; /* forgotten: its hashes stand */
	t->hash = t->merge_hash = 0;
	if (server)
		txn_hash_request(x, t, txn_request(x, t));
	else if (t->invite != 0)
		t->hash = cancel_hash(x, t->invite);
}

void
txn_index(struct txns *x, const struct txn *t)
{
	if (t->hash != 0)
		table_put(&x->index, t->hash, pool_index(x->pool, t));
	if (t->merge_hash != 0)
		table_put(&x->merges, t->merge_hash, pool_index(x->pool, t));
}

void
txn_unindex(struct txns *x, const struct txn *t)
{
	if (t->hash != 0)
		table_remove(&x->index, t->hash, pool_index(x->pool, t));
	if (t->merge_hash != 0)
		table_remove(&x->merges, t->merge_hash, pool_index(x->pool, t));
}

/* --- server side --------------------------------------------------------------------------------*/

static bool
same(const struct sip_msg *a, struct sip_slice in_a, const struct sip_msg *b, struct sip_slice in_b)
{
	return span_eq(sip_span(a, in_a), sip_span(b, in_b));
}

static bool
same_word(
    const struct sip_msg *a, struct sip_slice in_a, const struct sip_msg *b, struct sip_slice in_b)
{
	return span_ieq(sip_span(a, in_a), sip_span(b, in_b));
}

static bool
same_call(const struct sip_msg *a, const struct sip_msg *b)
{
	return a->cseq == b->cseq && same(a, a->call_id, b, b->call_id) &&
	       same_word(a, a->from_tag, b, b->from_tag);
}

/* RFC 2543, as 17.2.3 has it. The To tag of an ACK is the one that we sent in the response. */
static bool
is_for_by_2543(const struct txns *x, const struct txn *t, const struct sip_msg *m)
{
	const struct sip_msg *r = txn_request(x, t);
	struct span to_tag = sip_span(r, r->to_tag);

	if (!same_call(m, r) || !same(m, m->uri, r, r->uri) || !same(m, m->via, r, r->via))
		return false;
	if (m->method == SIP_ACK && t->last.len > 0)
		to_tag = txn_text_to_tag(txn_last(x, t));
	return span_ieq(sip_span(m, m->to_tag), to_tag);
}

static bool
is_for(const struct txns *x, const struct txn *t, const struct sip_msg *m, enum sip_method method)
{
	const struct sip_msg *r;
	bool cookie = has_cookie(sip_span(m, m->via_branch));

	if (t->kind != TXN_IST && t->kind != TXN_NIST)
		return false;
	r = txn_request(x, t);
	if (r == NULL)
		return t->method == method;
	if (r->method != method || cookie != has_cookie(sip_span(r, r->via_branch)))
		return false;
	if (method == SIP_UNKNOWN && !same(m, m->method_text, r, r->method_text))
		return false;
	if (!cookie)
		return is_for_by_2543(x, t, m);
	return same_word(m, m->via_branch, r, r->via_branch) &&
	       same_word(m, m->via_host, r, r->via_host) && m->via_port == r->via_port;
}

static struct txn *
find_as(struct txns *x, const struct sip_msg *request, enum sip_method method)
{
	uint64_t hash = key_hash(x, request, method);
	uint32_t cursor = 0, index;

	while (table_find(&x->index, hash, &cursor, &index)) {
		struct txn *t = pool_at(x->pool, index);

		if (t->hash == hash && is_for(x, t, request, method))
			return t;
	}
	return NULL;
}

struct txn *
txn_server_find(struct txns *x, const struct sip_msg *request)
{
	struct txn *t;

	if (request->method != SIP_ACK)
		return find_as(x, request, request->method);
	t = find_as(x, request, SIP_INVITE);
	return t != NULL && t->state == TXN_ACCEPTED ? NULL : t;
}

struct txn *
txn_cancelled_by(struct txns *x, const struct sip_msg *cancel)
{
	return find_as(x, cancel, SIP_INVITE);
}

bool
txn_is_merged(struct txns *x, const struct sip_msg *request)
{
	uint64_t hash;
	uint32_t cursor = 0, index;

	if (request->method == SIP_ACK || request->method == SIP_CANCEL ||
	    sip_span(request, request->to_tag).len > 0)
		return false;
	hash = merge_hash(x, request);
	while (table_find(&x->merges, hash, &cursor, &index)) {
		const struct txn *t = pool_at(x->pool, index);
		const struct sip_msg *r = txn_request(x, t);

		if (t->merge_hash != hash)
			continue;
		if (r == NULL || (same_call(request, r) &&
				     same(request, request->cseq_method, r, r->cseq_method)))
			return true;
	}
	return false;
}

/* --- client side --------------------------------------------------------------------------------*/

void
txn_put_via(
    struct buf *b, const struct txns *x, const struct txn *t, struct span sent_by, uint32_t loop)
{
	const uint8_t bytes[] = { loop >> 24 & 0xff, loop >> 16 & 0xff, loop >> 8 & 0xff,
		loop & 0xff };

	buf_lit(b, "SIP/2.0/");
	buf_put(b, sip_transport_name(t->flow.transport));
	buf_char(b, ' ');
	buf_put(b, sent_by);
	buf_lit(b, ";branch=" SIP_COOKIE);
	token_put(b, &x->key, TOKEN_BRANCH, pool_handle(x->pool, t));
	buf_hex(b, bytes, sizeof(bytes));
	buf_lit(b, ";rport");
}

static bool
read_branch(const struct txns *x, struct span branch, handle *h_r)
{
	return has_cookie(branch) &&
	       token_read(&x->key, TOKEN_BRANCH, span_from(branch, COOKIE_LEN), h_r) == ERR_NONE;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
txn_branch_loop(const struct txns *x, struct span branch, uint32_t *loop_r)
{
	struct span digits = span_from(branch, COOKIE_LEN + TOKEN_LEN);
	uint32_t loop = 0;
	handle h;

	if (!read_branch(x, branch, &h) || digits.len < LOOP_DIGITS)
		return false;
	for (unsigned i = 0; i < LOOP_DIGITS; i++) {
		int digit = hex_digit(digits.p[i]);

		if (digit < 0)
			return false;
		loop = loop << 4 | (uint32_t)digit;
	}
	*loop_r = loop;
	return true;
}

/* The INVITE's transaction may be gone already, so it is not asked. */
static struct txn *
find_cancel(const struct txns *x, handle invite)
{
	uint64_t hash = cancel_hash(x, invite);
	uint32_t cursor = 0, index;

	while (table_find(&x->index, hash, &cursor, &index)) {
		struct txn *t = pool_at(x->pool, index);

		if (t->kind == TXN_NICT && t->invite == invite)
			return t;
	}
	return NULL;
}

struct txn *
txn_client_find(struct txns *x, const struct sip_msg *response)
{
	struct txn *t;
	handle h;

	/* The branch as we wrote it and no more: else it is somebody else's Via. */
	if (response->request || response->via_branch.len != COOKIE_LEN + TOKEN_LEN + LOOP_DIGITS ||
	    !read_branch(x, sip_span(response, response->via_branch), &h))
		return NULL;
	if (response->method == SIP_CANCEL)
		return find_cancel(x, h);
	t = txn_at(x, h);
	if (t == NULL || t->kind == TXN_IST || t->kind == TXN_NIST || !txn_was_sent(t))
		return NULL;
	return t->method == response->method ? t : NULL;
}
