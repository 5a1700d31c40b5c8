/* Private to parse.c and parse_head.c: one parse under way. */
#ifndef TANDEM_SIP_PARSE_HEAD_H
#define TANDEM_SIP_PARSE_HEAD_H

#include "sip/parse.h"

struct parse {
	struct sip_msg *m;
	char *base, *p, *end;	/* the text; where we are in it; its end */
	struct verdict verdict; /* the first fault found */
	unsigned max_headers;	/* that the record has room for */
	unsigned n_vias, n_contacts;
	bool via_bad, star;
	bool has_length;
	uint32_t length; /* Content-Length */
};

static inline struct sip_slice
parse_slice(const struct parse *x, struct span s)
{
	if (s.p == NULL)
		return (struct sip_slice){ 0, 0 };
	return (struct sip_slice){ (uint16_t)(s.p - x->base), (uint16_t)s.len };
}

/* Only the first fault counts: what follows may be its consequence. */
static inline void
parse_fault(struct parse *x, uint16_t status, const char *reason)
{
	if (x->verdict.status == 0)
		x->verdict = (struct verdict){ status, reason };
}

/* Takes one header's value into the record, if it is one of those the record has a field for. */
void parse_head_field(struct parse *x, enum sip_header_id id, struct span value);
/* After the last header: what is missing, what does not fit together. */
void parse_head_check(struct parse *x);

#endif
