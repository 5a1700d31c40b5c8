/*
 * Stateless answers: what cannot be parsed, and what nobody has room for. Once each, never
 * repeated, never to an ACK; the answer to a datagram goes to the address it came from (THREATS
 * C2). The To tag is a keyed hash of the request, so that a retransmission gets the same (RFC 3261
 * 8.2.7); and it tells whose an ACK is.
 */
#include "front/front.h"

#include "sip/build.h"
#include "sip/via.h"

enum { TAG_BYTES = 8, STREAM_TEXT = 16 << 10 };

static void
put_tag(struct buf *b, const struct hash_key *key, const struct sip_msg *m)
{
	const struct sip_slice parts[] = { m->via, m->call_id, m->from_tag };
	uint64_t hash = m->cseq;
	struct hash_key k = *key;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		k.k0 ^= hash;
		hash = hash_span(&k, sip_span(m, parts[i]));
	}
	buf_hex(b, &hash, sizeof(hash));
}

void
refuse(struct front *f, const struct sip_msg *m, unsigned status, const char *reason,
    struct span headers)
{
	static char stream_text[STREAM_TEXT];
	char tag[2 * TAG_BYTES];
	struct buf t = buf_on(tag, sizeof(tag)), b;
	struct conn *c = NULL;

	if (!m->request || m->method == SIP_ACK)
		return;
	put_tag(&t, &f->dispatch.key, m);
	if (m->flow.transport == SIP_T_UDP) {
		struct sip_flow to = sip_response_flow(m);

		b = send_begin(f);
		sip_put_refusal(&b, m, status, reason, buf_span(&t), headers);
		send_end(f, &b, &to);
		return;
	}
	b = buf_on(stream_text, sizeof(stream_text));
	sip_put_refusal(&b, m, status, reason, buf_span(&t), headers);
	c = conn_find(f, m->flow.conn);
	if (c == NULL || !buf_ok(&b)) {
		front_count(f, COUNT_SEND_FAILED);
		return;
	}
	conn_send(c, buf_span(&b), NULL);
	front_count(f, COUNT_SENT);
}

/* It has the request's own Via, Call-ID, From and CSeq number (RFC 3261 17.1.1.3). */
bool
refuse_acked(const struct front *f, const struct sip_msg *ack)
{
	char tag[2 * TAG_BYTES];
	struct buf b = buf_on(tag, sizeof(tag));

	if (ack->method != SIP_ACK || ack->to_tag.len != sizeof(tag))
		return false;
	put_tag(&b, &f->dispatch.key, ack);
	return span_eq(sip_span(ack, ack->to_tag), buf_span(&b));
}

void
refuse_busy(struct front *f, const struct sip_msg *m)
{
	char text[32];
	struct buf b = buf_on(text, sizeof(text));

	front_count(f, COUNT_SHED);
	/* Spread over some seconds, so that those who are sent away do not come back together; the
	 * same for each retransmission. */
	buf_lit(&b, "Retry-After: ");
	buf_u64(&b, 3 + hash_span(&f->dispatch.key, sip_span(m, m->call_id)) % 8);
	buf_lit(&b, "\r\n");
	refuse(f, m, 503, NULL, buf_span(&b));
}
