/* The header fields that every message is routed and matched by: read once, here. */
#include "sip/addr.h"
#include "sip/chars.h"
#include "sip/fields.h"
#include "sip/parse_head.h"
#include "sip/via.h"

/* A name-addr whose URI is good too; a URI of a scheme we do not know is. */
static bool
read_addr(struct span value, struct sip_addr *a)
{
	struct sip_uri uri;

	return sip_addr_parse(value, a) == ERR_NONE && !a->star && a->uri.len <= SIP_URI_MAX &&
	       sip_uri_parse(a->uri, &uri) == ERR_NONE;
}

/* From and To (20.20, 20.39). No tag is good: RFC 2543 had none. */
static bool
read_party(struct parse *x, struct span value, struct sip_slice *uri_r, struct sip_slice *tag_r)
{
	struct sip_addr a;
	struct span tag;

	if (!read_addr(value, &a))
		return false;
	*uri_r = parse_slice(x, a.uri);
	if (!sip_param(a.params, SPAN("tag"), &tag))
		return true;
	*tag_r = parse_slice(x, tag);
	return tag.len > 0 && tag.len <= SIP_TAG_MAX && tag.p[0] != '"';
}

static void
read_from(struct parse *x, struct span value)
{
	struct sip_msg *m = x->m;

	m->from = parse_slice(x, value);
	if (!read_party(x, value, &m->from_uri, &m->from_tag))
		parse_fault(x, 400, "Malformed From header");
}

static void
read_to(struct parse *x, struct span value)
{
	struct sip_msg *m = x->m;

	m->to = parse_slice(x, value);
	if (!read_party(x, value, &m->to_uri, &m->to_tag))
		parse_fault(x, 400, "Malformed To header");
}

/* word ["@" word] (20.8), taken as: visible characters. */
static void
read_call_id(struct parse *x, struct span value)
{
	const char *end = value.p + value.len;

	x->m->call_id = parse_slice(x, value);
	if (value.len == 0 || value.len > SIP_CALL_ID_MAX ||
	    sip_skip(value.p, end, SIP_C_VISIBLE) != end)
		parse_fault(x, 400, "Malformed Call-ID header");
}

/* 20.16: the number is below 2^31. */
static void
read_cseq(struct parse *x, struct span value)
{
	const char *end = value.p + value.len;
	const char *p = sip_skip(value.p, end, SIP_C_DIGIT);
	const char *method = sip_skip(p, end, SIP_C_SPACE);
	uint32_t number;

	if (span_u32(span_of(value.p, (size_t)(p - value.p)), INT32_MAX, &number) != ERR_NONE ||
	    method == p || method == end || sip_skip(method, end, SIP_C_TOKEN) != end) {
		parse_fault(x, 400, "Malformed CSeq header");
		return;
	}
	x->m->cseq = number;
	x->m->cseq_method = parse_slice(x, span_of(method, (size_t)(end - method)));
}

static void
read_top_via(struct parse *x, struct span value)
{
	struct sip_msg *m = x->m;
	struct sip_via v;

	m->via = parse_slice(x, value);
	if (sip_via_parse(value, &v) != ERR_NONE || v.branch.len > SIP_BRANCH_MAX) {
		x->via_bad = true;
		return;
	}
	m->via_host = parse_slice(x, v.host);
	m->via_port = v.port;
	m->via_transport = (uint8_t)v.transport;
	m->via_rport = v.has_rport && v.rport == 0;
	/* A branch that is nothing but the cookie names nothing: match as RFC 2543 would (RFC 4475
	 * 3.2.1). */
	if (v.branch.len > 0 && !span_ieq(v.branch, SPAN(SIP_COOKIE)))
		m->via_branch = parse_slice(x, v.branch);
}

static void
read_via(struct parse *x, struct span value)
{
	struct span one;

	while (sip_value_cut(&value, &one))
		if (x->n_vias++ == 0)
			read_top_via(x, one);
	if (x->n_vias > SIP_VIAS_MAX)
		parse_fault(x, 400, "Too many Via headers");
}

static void
read_contact(struct parse *x, struct span value)
{
	struct sip_addr a;
	struct span one;

	while (sip_value_cut(&value, &one)) {
		if (one.len == 1 && one.p[0] == '*') {
			x->star = true;
		} else if (!read_addr(one, &a)) {
			parse_fault(x, 400, "Malformed Contact header");
			return;
		}
		if (x->n_contacts++ == 0 && !x->star)
			x->m->contact_uri = parse_slice(x, a.uri);
	}
	if (x->star && x->n_contacts > 1)
		parse_fault(x, 400, "Malformed Contact header");
}

/* Route and Record-Route: name-addr only, the brackets are a must (20.30, 20.34). */
static void
read_route(struct parse *x, struct span value, const char *reason)
{
	struct sip_addr a;
	struct span one;

	while (sip_value_cut(&value, &one))
		if (!read_addr(one, &a) || !a.bracketed)
			parse_fault(x, 400, reason);
}

static void
read_content_length(struct parse *x, struct span value)
{
	if (span_u32(value, UINT32_MAX, &x->length) != ERR_NONE)
		parse_fault(x, 400, "Malformed Content-Length header");
	else
		x->has_length = true;
}

static void
read_max_forwards(struct parse *x, struct span value)
{
	uint32_t n;

	if (span_u32(value, UINT8_MAX, &n) != ERR_NONE)
		parse_fault(x, 400, "Malformed Max-Forwards header");
	else
		x->m->max_forwards = (int16_t)n;
}

static void
read_expires(struct parse *x, struct span value)
{
	uint32_t seconds;

	if (sip_delta(value, &seconds) == ERR_NONE)
		x->m->expires = seconds < UINT32_MAX ? seconds : UINT32_MAX - 1;
}

void
parse_head_field(struct parse *x, enum sip_header_id id, struct span value)
{
	switch ((int)id) {
	case SIP_H_VIA:
		read_via(x, value);
		break;
	case SIP_H_FROM:
		read_from(x, value);
		break;
	case SIP_H_TO:
		read_to(x, value);
		break;
	case SIP_H_CALL_ID:
		read_call_id(x, value);
		break;
	case SIP_H_CSEQ:
		read_cseq(x, value);
		break;
	case SIP_H_CONTACT:
		read_contact(x, value);
		break;
	case SIP_H_ROUTE:
		read_route(x, value, "Malformed Route header");
		break;
	case SIP_H_RECORD_ROUTE:
		read_route(x, value, "Malformed Record-Route header");
		break;
	case SIP_H_CONTENT_LENGTH:
		read_content_length(x, value);
		break;
	case SIP_H_CONTENT_TYPE:
		x->m->content_type = parse_slice(x, value);
		break;
	case SIP_H_MAX_FORWARDS:
		read_max_forwards(x, value);
		break;
	case SIP_H_EXPIRES:
		read_expires(x, value);
		break;
	}
}

static void
check_present(struct parse *x)
{
	static const struct {
		enum sip_header_id id;
		const char *missing;
	} mandatory[] = { { SIP_H_FROM, "Missing From header" }, { SIP_H_TO, "Missing To header" },
		{ SIP_H_CALL_ID, "Missing Call-ID header" },
		{ SIP_H_CSEQ, "Missing CSeq header" } };

	for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++)
		if (!sip_has(x->m, mandatory[i].id))
			parse_fault(x, 400, mandatory[i].missing);
}

void
parse_head_check(struct parse *x)
{
	struct sip_msg *m = x->m;
	const struct span cseq_method = sip_span(m, m->cseq_method);

	check_present(x);
	if (!m->request)
		m->method = (uint8_t)sip_method_of(cseq_method);
	else if (cseq_method.len > 0 && !span_eq(cseq_method, sip_span(m, m->method_text)))
		parse_fault(x, 400, "CSeq method differs");
	if (x->n_vias == 0)
		x->verdict = (struct verdict){ VERDICT_DROP, "Missing Via header" };
	else if (x->via_bad)
		x->verdict = (struct verdict){ VERDICT_DROP, "Malformed Via header" };
	/* Neither a response nor an ACK is ever answered. */
	else if (x->verdict.status != 0 && (!m->request || m->method == SIP_ACK))
		x->verdict.status = VERDICT_DROP;
}
