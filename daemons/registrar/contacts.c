/*
 * Reads what a REGISTER asks for: its Contacts with their expiry, Path, and what else is kept with
 * a binding. Who asks and whether he may is not judged here.
 */
#include "registrar/registrar.h"

#include "sip/addr.h"
#include "sip/chars.h"
#include "sip/fields.h"

#define REFUSE(status, reason) ((struct verdict){ status, reason })
#define GOOD		       REFUSE(0, NULL)

/*
 * RFC 3261 10.3 (7): the Contact's own parameter, else the Expires header, else our default. What
 * is malformed counts as the default (10.2.1.1), not as the next best. Parameters inside <> are
 * the URI's and say nothing here (FLOWS.md S0-04).
 */
static uint32_t
expiry_asked(const struct sip_msg *m, const struct settings *s, struct span params)
{
	struct span value;
	uint32_t seconds;

	if (!sip_param(params, SPAN("expires"), &value))
		value = sip_header_get(m, SIP_H_EXPIRES);
	return sip_delta(value, &seconds) == ERR_NONE ? seconds : s->registrar.default_s;
}

/* Too short is refused (only when it is shorter than an hour, says 10.3), too long is lowered. */
static bool
expiry_granted(const struct settings *s, uint32_t *seconds)
{
	if (*seconds > 0 && *seconds < s->registrar.min_s && *seconds < 3600)
		return false;
	if (*seconds > s->registrar.max_s)
		*seconds = s->registrar.max_s;
	return true;
}

/* FLOWS.md S0-05: `Expires` of the URI limits how long this contact is rung. */
static uint32_t
ring_limit(const struct sip_uri *uri)
{
	struct span value;
	uint32_t seconds;

	return sip_param(uri->params, SPAN("expires"), &value) &&
		       sip_delta(value, &seconds) == ERR_NONE && seconds <= INT32_MAX
		   ? seconds
		   : 0;
}

/* RFC 5626 6: reg-id means something only with +sip.instance, from a UA that supports outbound. */
static void
read_outbound(struct registration *reg, struct span params, struct asked *a)
{
	struct span value;
	uint32_t id;

	if (sip_param(params, SPAN("+sip.instance"), &value) && value.len <= 256)
		a->instance = value;
	if (reg->outbound && a->instance.len > 0 && sip_param(params, SPAN("reg-id"), &value) &&
	    span_u32(value, UINT16_MAX, &id) == ERR_NONE)
		a->reg_id = (uint16_t)id;
}

static struct verdict
read_contact(const struct sip_msg *m, const struct settings *s, const struct sip_addr *addr,
    struct registration *reg)
{
	struct asked *a;

	if (reg->n == CONTACTS_MAX)
		return REFUSE(400, "Too Many Contacts");
	a = &reg->asked[reg->n++];
	*a = (struct asked){ .q = (uint16_t)sip_q(addr->params) };
	if (addr->uri.len > TEXT_LINE_MAX || sip_uri_parse(addr->uri, &a->uri) != ERR_NONE)
		return REFUSE(400, "Bad Contact");
	if (a->uri.scheme != SIP_S_SIP && a->uri.scheme != SIP_S_SIPS)
		return REFUSE(400, "Contact Is No SIP URI");
	a->expires_s = expiry_asked(m, s, addr->params);
	if (!expiry_granted(s, &a->expires_s))
		return REFUSE(423, NULL);
	a->ring_s = ring_limit(&a->uri);
	read_outbound(reg, addr->params, a);
	return GOOD;
}

static struct verdict
read_contacts(const struct sip_msg *m, const struct settings *s, struct registration *reg)
{
	struct sip_values v = sip_values(m, SIP_H_CONTACT);
	struct sip_addr addr;
	struct span value;

	while (sip_values_next(&v, &value)) {
		struct verdict verdict;

		if (sip_addr_parse(value, &addr) != ERR_NONE)
			return REFUSE(400, "Bad Contact");
		if (addr.star) {
			reg->star = true;
			continue;
		}
		verdict = read_contact(m, s, &addr, reg);
		if (verdict.status != 0)
			return verdict;
	}
	return GOOD;
}

/* 10.3 (6): "*" stands alone, with Expires: 0 (which a Contact cannot say for it). */
static struct verdict
check_star(const struct sip_msg *m, const struct registration *reg)
{
	uint32_t seconds;

	if (!reg->star)
		return GOOD;
	if (reg->n > 0)
		return REFUSE(400, "Contact * With Others");
	if (sip_delta(sip_header_get(m, SIP_H_EXPIRES), &seconds) != ERR_NONE || seconds != 0)
		return REFUSE(400, "Contact * Without Expires 0");
	return GOOD;
}

/* RFC 5626 6: one flow is registered at a time. */
static struct verdict
check_outbound(const struct registration *reg)
{
	unsigned flows = 0, added = 0;

	for (unsigned i = 0; i < reg->n; i++) {
		flows += reg->asked[i].reg_id != 0 && reg->asked[i].expires_s > 0;
		added += reg->asked[i].expires_s > 0;
	}
	return flows > 0 && added > 1 ? REFUSE(400, "One Flow At A Time") : GOOD;
}

/* RFC 3327: the Path of all its lines, in order. */
static struct verdict
read_path(const struct sip_msg *m, struct registration *reg)
{
	struct sip_values v = sip_values(m, SIP_H_PATH);
	struct buf b = buf_on(reg->path_text, sizeof(reg->path_text));
	struct sip_addr addr;
	struct span value;

	while (sip_values_next(&v, &value)) {
		if (sip_addr_parse(value, &addr) != ERR_NONE || !addr.bracketed)
			return REFUSE(400, "Bad Path");
		if (b.len > 0)
			buf_lit(&b, ", ");
		buf_put(&b, value);
	}
	reg->path = buf_span(&b);
	return buf_ok(&b) ? GOOD : REFUSE(400, "Path Too Long");
}

/* For people to read: what is no plain text is made so. */
static void
read_agent(const struct sip_msg *m, struct registration *reg)
{
	struct span s = span_first(sip_header_get(m, SIP_H_USER_AGENT), sizeof(reg->agent_text));

	for (size_t i = 0; i < s.len; i++)
		reg->agent_text[i] =
		    s.p[i] == ' ' || sip_char_is(s.p[i], SIP_C_VISIBLE) ? s.p[i] : '?';
	reg->user_agent = span_of(reg->agent_text, s.len);
}

struct verdict
contacts_read(const struct sip_msg *m, const struct settings *s, struct registration *reg_r)
{
	struct verdict v;

	reg_r->n = 0;
	reg_r->star = false;
	reg_r->call_id = sip_span(m, m->call_id);
	reg_r->cseq = m->cseq;
	reg_r->outbound = sip_option_set(m, SIP_H_SUPPORTED, NULL) >> SIP_O_OUTBOUND & 1;
	read_agent(m, reg_r);
	v = read_contacts(m, s, reg_r);
	if (v.status == 0)
		v = check_star(m, reg_r);
	if (v.status == 0)
		v = check_outbound(reg_r);
	if (v.status == 0)
		v = read_path(m, reg_r);
	return v;
}
