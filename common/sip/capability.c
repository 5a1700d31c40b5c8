/* Feature parameters of a Contact. */
#include "sip/capability.h"

#include "sip/addr.h"

static const struct {
	struct span name, value;
} known[SIP_N_CAPABILITIES] = {
#define X(id, name, value)                                                                         \
	[SIP_CAP_##id] = { { name, sizeof(name) - 1 }, { value, sizeof(value) - 1 } },
	SIP_CAPABILITIES(X)
#undef X
};

/* One that may stand alone may also be said to be TRUE (RFC 3840 9). */
static bool
is_said(unsigned i, struct span value)
{
	return span_ieq(value, known[i].value) ||
	       (known[i].value.len == 0 && span_ieq(value, SPAN("\"TRUE\"")));
}

uint32_t
sip_capabilities(const struct sip_msg *m)
{
	struct sip_values all = sip_values(m, SIP_H_CONTACT);
	struct span first, name, value;
	struct sip_addr a;
	uint32_t set = 0;

	if (!sip_values_next(&all, &first) || sip_addr_parse(first, &a) != ERR_NONE)
		return 0;
	while (sip_param_cut(&a.params, &name, &value))
		for (unsigned i = 0; i < SIP_N_CAPABILITIES; i++)
			if (span_ieq(name, known[i].name) && is_said(i, value))
				set |= 1u << i;
	return set;
}

void
sip_put_capabilities(struct buf *b, uint32_t set)
{
	for (unsigned i = 0; i < SIP_N_CAPABILITIES; i++) {
		if (!(set >> i & 1))
			continue;
		buf_char(b, ';');
		buf_put(b, known[i].name);
		if (known[i].value.len > 0) {
			buf_char(b, '=');
			buf_put(b, known[i].value);
		}
	}
}
