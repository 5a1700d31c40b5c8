/* The smaller header fields: numbers, option tags, lists. */
#include "sip/chars.h"
#include "sip/fields.h"

static const struct span options[SIP_N_OPTIONS] = {
#define X(id, text) [SIP_O_##id] = { text, sizeof(text) - 1 },
	SIP_OPTIONS(X)
#undef X
};

struct span
sip_option_name(enum sip_option o)
{
	return (unsigned)o < SIP_N_OPTIONS ? options[o] : SPAN_NONE;
}

uint32_t
sip_option_set(const struct sip_msg *m, enum sip_header_id id, struct buf *unknown)
{
	struct sip_values v = sip_values(m, id);
	struct span tag;
	uint32_t set = 0;
	unsigned o;

	while (sip_values_next(&v, &tag)) {
		for (o = 0; o < SIP_N_OPTIONS; o++)
			if (span_ieq(options[o], tag))
				break;
		if (o < SIP_N_OPTIONS) {
			set |= 1u << o;
		} else if (unknown != NULL) {
			if (unknown->len > 0)
				buf_lit(unknown, ", ");
			buf_put(unknown, tag);
		}
	}
	return set;
}

uint32_t
sip_method_set(const struct sip_msg *m, enum sip_header_id id)
{
	struct sip_values v = sip_values(m, id);
	uint32_t set = 0;
	struct span one;

	while (sip_values_next(&v, &one))
		set |= 1u << sip_method_of(one);
	return set & ~(1u << SIP_UNKNOWN);
}

enum err
sip_delta(struct span value, uint32_t *seconds_r)
{
	enum err e = span_u32(value, UINT32_MAX, seconds_r);

	if (e == ERR_RANGE)
		*seconds_r = UINT32_MAX;
	return e == ERR_RANGE ? ERR_NONE : e;
}

/* "0" or "1" with up to three decimals (25.1 qvalue). */
unsigned
sip_q(struct span params)
{
	struct span value, whole, decimals;
	uint32_t one, fraction = 0;

	if (!sip_param(params, SPAN("q"), &value))
		return 1000;
	decimals = span_cut(value, '.', &whole);
	if (whole.len == 0 && decimals.len > 0)
		one = 0; /* ".7" is written by some */
	else if (span_u32(whole, 1, &one) != ERR_NONE)
		return 1000;
	if (decimals.len > 3 ||
	    (decimals.len > 0 && span_u32(decimals, 999, &fraction) != ERR_NONE))
		return 1000;
	for (size_t i = decimals.len; i < 3; i++)
		fraction *= 10;
	return one * 1000 + fraction > 1000 ? 1000 : one * 1000 + fraction;
}

/* Without parameters and the spaces that may stand around '/' (25.1 SLASH). */
static void
cut_type(struct span value, struct span *type_r, struct span *subtype_r)
{
	struct span media;

	span_cut(value, ';', &media);
	*subtype_r = span_trim(span_cut(media, '/', type_r));
	*type_r = span_trim(*type_r);
}

bool
sip_type_is(struct span content_type, struct span media_type)
{
	struct span type, subtype, wanted, wanted_sub;

	cut_type(content_type, &type, &subtype);
	cut_type(media_type, &wanted, &wanted_sub);
	return type.len > 0 && span_ieq(type, wanted) && span_ieq(subtype, wanted_sub);
}

bool
sip_accepts(const struct sip_msg *m, struct span media_type)
{
	struct sip_values v = sip_values(m, SIP_H_ACCEPT);
	struct span range, type, subtype, wanted, wanted_sub;

	if (!sip_has(m, SIP_H_ACCEPT))
		return true;
	cut_type(media_type, &wanted, &wanted_sub);
	while (sip_values_next(&v, &range)) {
		cut_type(range, &type, &subtype);
		if ((span_eq(type, SPAN("*")) || span_ieq(type, wanted)) &&
		    (span_eq(subtype, SPAN("*")) || span_ieq(subtype, wanted_sub)))
			return true;
	}
	return false;
}

unsigned
sip_reason_cause(const struct sip_msg *m, struct span protocol)
{
	struct sip_values v = sip_values(m, SIP_H_REASON);
	struct span value, name, params, cause;
	uint32_t n;

	while (sip_values_next(&v, &value)) {
		params = span_cut(value, ';', &name);
		if (!span_ieq(span_trim(name), protocol))
			continue;
		return sip_param(params, SPAN("cause"), &cause) &&
			       span_u32(cause, 999, &n) == ERR_NONE
			   ? n
			   : 0;
	}
	return 0;
}

/* delta-seconds, then perhaps a comment and parameters (20.33). */
uint32_t
sip_retry_after(const struct sip_msg *m)
{
	const struct span value = sip_header_get(m, SIP_H_RETRY_AFTER);
	uint32_t seconds = 0;

	if (value.len == 0)
		return 0;
	const char *end = sip_skip(value.p, value.p + value.len, SIP_C_DIGIT);

	return sip_delta(span_of(value.p, (size_t)(end - value.p)), &seconds) == ERR_NONE ? seconds
											  : 0;
}
