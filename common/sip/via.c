/* Via (RFC 3261 20.42, 18.2; RFC 3581). */
#include "sip/chars.h"
#include "sip/uri.h"
#include "sip/via.h"

static struct span
between(const char *p, const char *end)
{
	return span_of(p, (size_t)(end - p));
}

/* The byte behind this word, a slash and the spaces around it; NULL: something else. */
static const char *
skip_word_slash(const char *p, const char *end, struct span word)
{
	if (!span_ieq(span_first(between(p, end), word.len), word))
		return NULL;
	p = sip_skip(p + word.len, end, SIP_C_SPACE);
	return p < end && *p == '/' ? sip_skip(p + 1, end, SIP_C_SPACE) : NULL;
}

/* "SIP/2.0/UDP", spaces allowed around the slashes, and the space behind it. Whether we speak the
 * version is the start line's matter: a message of another one must be answered 505. */
static const char *
read_protocol(const char *p, const char *end, struct sip_via *v)
{
	const char *q;
	struct span version;

	p = skip_word_slash(p, end, SPAN("SIP"));
	if (p == NULL)
		return NULL;
	version = between(p, sip_skip(p, end, SIP_C_TOKEN));
	p = version.len > 0 ? skip_word_slash(p, end, version) : NULL;
	if (p == NULL)
		return NULL;
	q = sip_skip(p, end, SIP_C_TOKEN);
	v->transport_text = between(p, q);
	v->transport = sip_transport_of(v->transport_text);
	p = sip_skip(q, end, SIP_C_SPACE);
	return v->transport_text.len > 0 && p > q ? p : NULL;
}

static const char *
read_sent_by(const char *p, const char *end, struct sip_via *v)
{
	const char *q;
	uint32_t port;

	if (p < end && *p == '[') {
		q = sip_skip(p + 1, end, SIP_C_IPV6);
		if (q == p + 1 || q == end || *q != ']')
			return NULL;
		q++;
	} else {
		q = sip_skip(p, end, SIP_C_HOST);
		if (q == p)
			return NULL;
	}
	v->host = between(p, q);
	p = sip_skip(q, end, SIP_C_SPACE);
	if (p == end || *p != ':')
		return p;
	p = sip_skip(p + 1, end, SIP_C_SPACE);
	q = sip_skip(p, end, SIP_C_DIGIT);
	if (span_u32(between(p, q), UINT16_MAX, &port) != ERR_NONE || port == 0)
		return NULL;
	v->port = (uint16_t)port;
	return sip_skip(q, end, SIP_C_SPACE);
}

static bool
read_param(struct span name, struct span value, struct sip_via *v)
{
	uint32_t n;

	if (span_ieq(name, SPAN("branch"))) {
		v->branch = value;
	} else if (span_ieq(name, SPAN("rport"))) {
		v->has_rport = true;
		if (value.len > 0 && span_u32(value, UINT16_MAX, &n) != ERR_NONE)
			return false;
		v->rport = value.len > 0 ? (uint16_t)n : 0;
	} else if (span_ieq(name, SPAN("received"))) {
		v->received = value;
	} else if (span_ieq(name, SPAN("maddr"))) {
		v->maddr = value;
	} else if (span_ieq(name, SPAN("ttl"))) {
		if (span_u32(value, UINT8_MAX, &n) != ERR_NONE)
			return false;
		v->ttl = (uint8_t)n;
	}
	return true;
}

enum err
sip_via_parse(struct span value, struct sip_via *via_r)
{
	const char *p, *end;
	struct span rest, name, param;

	*via_r = (struct sip_via){ .transport = SIP_T_NONE };
	value = span_trim(value);
	if (value.len == 0)
		return ERR_SYNTAX;
	end = value.p + value.len;
	p = read_protocol(value.p, end, via_r);
	if (p != NULL)
		p = read_sent_by(p, end, via_r);
	if (p == NULL || (p < end && *p != ';'))
		return ERR_SYNTAX;
	if (p == end)
		return ERR_NONE;
	rest = via_r->params = between(p + 1, end);
	while (sip_param_cut(&rest, &name, &param))
		if (!read_param(name, param, via_r))
			return ERR_SYNTAX;
	return rest.len == 0 ? ERR_NONE : ERR_SYNTAX;
}

/* Without brackets also for IPv6, as 25.1 has it (RFC 5118 4.5). */
static void
put_received(struct buf *b, const struct netaddr *a)
{
	char text[64];
	struct buf t = buf_on(text, sizeof(text));
	struct span ip;

	netaddr_put_ip(&t, a);
	ip = buf_span(&t);
	if (ip.len > 2 && ip.p[0] == '[')
		ip = span_of(ip.p + 1, ip.len - 2);
	buf_lit(b, ";received=");
	buf_put(b, ip);
}

/* The top value with what we know better than its sender: a received or rport value that came with
 * it is not believed. */
static void
put_top_via(struct buf *b, const struct sip_msg *request)
{
	const struct netaddr *peer = &request->flow.peer;
	const struct span value = sip_span(request, request->via);
	struct span rest, name, param;
	struct netaddr sent_by;
	struct sip_via v;

	if (peer->family == 0 || sip_via_parse(value, &v) != ERR_NONE) {
		buf_put(b, value);
		return;
	}
	buf_put(b, between(value.p, v.host.p + v.host.len));
	if (v.port != 0) {
		buf_char(b, ':');
		buf_u64(b, v.port);
	}
	rest = v.params;
	while (sip_param_cut(&rest, &name, &param)) {
		if (span_ieq(name, SPAN("received")))
			continue;
		buf_char(b, ';');
		buf_put(b, name);
		if (span_ieq(name, SPAN("rport"))) {
			buf_char(b, '=');
			buf_u64(b, peer->port);
		} else if (param.len > 0) {
			buf_char(b, '=');
			buf_put(b, param);
		}
	}
	if (v.has_rport || netaddr_ip(v.host, &sent_by) != ERR_NONE ||
	    !netaddr_eq_ip(&sent_by, peer))
		put_received(b, peer);
}

void
sip_put_vias(struct buf *b, const struct sip_msg *request)
{
	const struct sip_header *h = sip_headers(request);
	const struct span top = sip_span(request, request->via);
	bool first = true;

	for (unsigned i = 0; i < request->n_headers; i++) {
		struct span value = sip_span(request, h[i].value);

		if (h[i].id != SIP_H_VIA || value.len == 0)
			continue;
		buf_lit(b, "Via: ");
		/* The top value begins its line, but for empty elements before it. */
		if (first && top.p >= value.p && top.p + top.len <= value.p + value.len) {
			put_top_via(b, request);
			value = between(top.p + top.len, value.p + value.len);
		}
		first = false;
		buf_put(b, value);
		buf_lit(b, "\r\n");
	}
}

struct sip_flow
sip_response_flow(const struct sip_msg *request)
{
	struct sip_flow f = request->flow;

	/* Always to where the packet came from, never to maddr or the host of the Via: nobody can aim
	 * our answers at a third. Only the port is the sender's word, and without rport. */
	if (f.transport == SIP_T_UDP && !request->via_rport)
		f.peer.port = request->via_port != 0 ? request->via_port : 5060;
	return f;
}
