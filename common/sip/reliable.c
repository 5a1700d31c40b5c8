/* Reliable provisional responses: RSeq, RAck and their order. */
#include "sip/reliable.h"

#include "sip/chars.h"
#include "sip/fields.h"

enum { CSEQ_MAX = INT32_MAX }; /* RFC 3261 8.1.1.5 */

enum err
sip_rseq_parse(struct span value, uint32_t *rseq_r)
{
	uint32_t n;
	enum err e = span_u32(span_trim(value), UINT32_MAX, &n);

	if (e != ERR_NONE)
		return e;
	if (n == 0)
		return ERR_RANGE;
	*rseq_r = n;
	return ERR_NONE;
}

static bool
is_token(struct span s)
{
	return s.len > 0 && sip_skip(s.p, s.p + s.len, SIP_C_TOKEN) == s.p + s.len;
}

enum err
sip_rack_parse(struct span value, struct sip_rack *rack_r)
{
	struct span rseq, cseq;
	struct sip_rack r;
	enum err e;

	if (!span_word(&value, &rseq) || !span_word(&value, &cseq) ||
	    !span_word(&value, &r.method) || !is_token(r.method) || span_trim(value).len > 0)
		return ERR_SYNTAX;
	if ((e = sip_rseq_parse(rseq, &r.rseq)) != ERR_NONE ||
	    (e = span_u32(cseq, CSEQ_MAX, &r.cseq)) != ERR_NONE)
		return e;
	*rack_r = r;
	return ERR_NONE;
}

void
sip_put_rseq(struct buf *b, uint32_t rseq)
{
	buf_lit(b, "RSeq: ");
	buf_u64(b, rseq);
	buf_lit(b, "\r\n");
}

void
sip_put_rack(struct buf *b, uint32_t rseq, uint32_t cseq, struct span method)
{
	buf_lit(b, "RAck: ");
	buf_u64(b, rseq);
	buf_char(b, ' ');
	buf_u64(b, cseq);
	buf_char(b, ' ');
	if (!is_token(method))
		b->overrun = true;
	buf_put(b, method);
	buf_lit(b, "\r\n");
}

bool
sip_reliable(const struct sip_msg *response, uint32_t *rseq_r)
{
	return !response->request && response->status > 100 && response->status < 200 &&
	       response->method == SIP_INVITE &&
	       sip_option_set(response, SIP_H_REQUIRE, NULL) >> SIP_O_100REL & 1 &&
	       sip_rseq_parse(sip_header_get(response, SIP_H_RSEQ), rseq_r) == ERR_NONE;
}

bool
sip_rack_is(const struct sip_rack *rack, uint32_t rseq, uint32_t cseq, struct span method)
{
	return rack->rseq == rseq && rack->cseq == cseq && span_eq(rack->method, method);
}

uint32_t
sip_rseq_first(uint32_t random)
{
	const uint32_t n = random & INT32_MAX;

	return n == 0 ? 1 : n;
}

/* The first may have any number. A number at its end does not begin anew (7.1). */
enum sip_rseq_order
sip_rseq_order(uint32_t last, uint32_t rseq)
{
	if (last == 0)
		return SIP_RSEQ_NEXT;
	if (rseq <= last)
		return SIP_RSEQ_AGAIN;
	return rseq == last + 1 ? SIP_RSEQ_NEXT : SIP_RSEQ_OUT;
}
