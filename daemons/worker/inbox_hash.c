/*
 * By what a message is known that was in hand at a death (ipc/poison.h): by its bytes, but of an INVITE that begins
 * a call without what its sender changes when he tries it again, as a challenge has him do (RFC 3261 22.2): the
 * branch, the CSeq number, the credentials. Each call has a Call-ID of its own, so no other is taken for it.
 */
#include "worker/worker.h"

#include "ipc/poison.h"

static void
add(struct hash_key *k, struct span part)
{
	k->k0 ^= hash_span(k, part);
}

/* The value without what is cut out of it: a part of it, or nothing. */
static void
add_without(
    struct hash_key *k, const struct sip_msg *m, struct sip_slice value, struct sip_slice cut)
{
	unsigned end = value.off + value.len;
	bool within = cut.len > 0 && cut.off >= value.off && cut.off + cut.len <= end;

	if (!within) {
		add(k, sip_span(m, value));
		return;
	}
	add(k, span_of(sip_raw(m) + value.off, (size_t)(cut.off - value.off)));
	add(k, span_of(sip_raw(m) + cut.off + cut.len, (size_t)(end - cut.off - cut.len)));
}

uint64_t
inbox_hash(const struct worker *w, const struct sip_msg *m)
{
	const struct sip_header *h = sip_headers(m);
	struct hash_key k = w->child.exchange->token_key;

	if (!m->request || m->method != SIP_INVITE || m->to_tag.len > 0)
		return poison_hash(&w->child, sip_whole(m));
	add(&k, sip_span(m, m->uri));
	for (unsigned i = 0; i < m->n_headers; i++) {
		if (h[i].id == SIP_H_AUTHORIZATION || h[i].id == SIP_H_PROXY_AUTHORIZATION ||
		    h[i].id == SIP_H_CSEQ)
			continue;
		add(&k, sip_span(m, h[i].name));
		add_without(&k, m, h[i].value, m->via_branch);
	}
	return hash_span(&k, sip_span(m, m->body));
}
