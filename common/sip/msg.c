/* Reads a parsed message: the check of a record from another process, and the walks over headers. */
#include <string.h>

#include "sip/chars.h"
#include "sip/msg.h"

static bool
slice_in(const struct sip_msg *m, struct sip_slice s)
{
	return (uint32_t)s.off + s.len <= m->raw_len;
}

static bool
flow_valid(const struct sip_flow *f)
{
	const uint8_t p = f->peer.family, l = f->local.family;

	return f->transport < SIP_N_TRANSPORTS && (p == 0 || p == 4 || p == 6) &&
	       (l == 0 || l == 4 || l == 6);
}

static bool
numbers_valid(const struct sip_msg *m)
{
	bool start = m->request ? m->status == 0 && m->method_text.len > 0 && m->uri.len > 0
				: m->status >= 100 && m->status <= 699 && m->method_text.len == 0 &&
				      m->uri.len == 0;

	return m->request <= 1 && start && m->method < SIP_N_METHODS && m->cseq < 1u << 31 &&
	       m->via_transport < SIP_N_TRANSPORTS && m->via_rport <= 1 && m->max_forwards >= -1 &&
	       m->max_forwards <= 255;
}

static bool
slices_valid(const struct sip_msg *m)
{
	const struct sip_slice all[] = { m->method_text, m->uri, m->reason, m->call_id, m->from,
		m->from_uri, m->from_tag, m->to, m->to_uri, m->to_tag, m->cseq_method, m->via,
		m->via_host, m->via_branch, m->contact_uri, m->content_type, m->body };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!slice_in(m, all[i]))
			return false;
	/* Whoever reads a message counts on these. */
	return m->call_id.len > 0 && m->from_uri.len > 0 && m->to_uri.len > 0 &&
	       m->cseq_method.len > 0 && m->via.len > 0 && m->via_host.len > 0;
}

static bool
headers_valid(const struct sip_msg *m)
{
	uint64_t present[2] = { 0, 0 };

	for (unsigned i = 0; i < m->n_headers; i++) {
		const struct sip_header *h = &sip_headers(m)[i];

		if (h->id >= SIP_N_HEADERS || h->name.len == 0 || !slice_in(m, h->name) ||
		    !slice_in(m, h->value))
			return false;
		present[h->id / 64] |= 1ull << (h->id % 64);
	}
	return present[0] == m->present[0] && present[1] == m->present[1];
}

bool
sip_msg_valid(const struct sip_msg *m, size_t size)
{
	if (size < sizeof(*m) || m->size != size || m->raw_len > SIP_RAW_MAX ||
	    m->n_headers > SIP_HEADERS_MAX)
		return false;
	if (size !=
	    sizeof(*m) + ((m->raw_len + 7u) & ~7u) + m->n_headers * sizeof(struct sip_header))
		return false;
	return numbers_valid(m) && slices_valid(m) && flow_valid(&m->flow) && headers_valid(m);
}

struct span
sip_header_get(const struct sip_msg *m, enum sip_header_id id)
{
	if (!sip_has(m, id))
		return SPAN_NONE;
	for (unsigned i = 0; i < m->n_headers; i++)
		if (sip_headers(m)[i].id == id)
			return sip_span(m, sip_headers(m)[i].value);
	return SPAN_NONE;
}

struct span
sip_header_named(const struct sip_msg *m, struct span name)
{
	if (!sip_has(m, SIP_H_OTHER))
		return SPAN_NONE;
	for (unsigned i = 0; i < m->n_headers; i++) {
		const struct sip_header *h = &sip_headers(m)[i];

		if (h->id == SIP_H_OTHER && span_ieq(sip_span(m, h->name), name))
			return sip_span(m, h->value);
	}
	return SPAN_NONE;
}

struct sip_values
sip_values(const struct sip_msg *m, enum sip_header_id id)
{
	/* Nothing to walk when the header is not there. */
	return (struct sip_values){ .m = m,
		.rest = SPAN_NONE,
		.at = sip_has(m, id) ? 0 : m->n_headers,
		.id = (uint8_t)id };
}

bool
sip_values_next(struct sip_values *v, struct span *value_r)
{
	while (!sip_value_cut(&v->rest, value_r)) {
		const struct sip_header *h = sip_headers(v->m);

		while (v->at < v->m->n_headers && h[v->at].id != v->id)
			v->at++;
		if (v->at == v->m->n_headers)
			return false;
		v->rest = sip_span(v->m, h[v->at++].value);
	}
	return true;
}

/* The comma that ends the first value, or end. What is not closed runs to the end. */
static const char *
value_end(const char *p, const char *end)
{
	if (memchr(p, ',', (size_t)(end - p)) == NULL)
		return end;
	while (p < end && *p != ',') {
		if (*p == '"')
			p = sip_skip_quoted(p, end);
		else if (*p == '<')
			p = memchr(p, '>', (size_t)(end - p));
		else
			p++;
		if (p == NULL)
			return end;
	}
	return p;
}

bool
sip_value_cut(struct span *rest, struct span *value_r)
{
	while (rest->len > 0) {
		const char *end = rest->p + rest->len;
		const char *comma = value_end(rest->p, end);

		*value_r = span_trim(span_of(rest->p, (size_t)(comma - rest->p)));
		*rest = comma < end ? span_of(comma + 1, (size_t)(end - comma - 1)) : SPAN_NONE;
		if (value_r->len > 0)
			return true;
	}
	return false;
}
