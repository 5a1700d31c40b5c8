/* The ladder of a call, packed and unpacked. See ladder.h. */
#include "model/ladder.h"

#include "sip/names.h"

static void
set(char *p, uint32_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (char)(v >> (8 * i));
}

static uint32_t
get(const char *p, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint32_t)(uint8_t)p[i] << (8 * i);
	return v;
}

void
ladder_put(struct buf *b, const struct ladder_entry *e)
{
	char raw[LADDER_ENTRY];

	set(raw, e->ms, 4);
	set(raw + 4, e->leg, 2);
	set(raw + 6, e->cseq, 2);
	set(raw + 8, e->status, 2);
	raw[10] = (char)e->method;
	raw[11] = (char)e->flags;
	buf_put(b, span_of(raw, sizeof(raw)));
}

static void
put_entry(struct buf *b, const char *p)
{
	uint32_t ms = get(p, 4), status = get(p + 8, 2), method = get(p + 10, 1);
	unsigned flags = get(p + 11, 1);

	if (flags & LADDER_MORE) {
		buf_lit(b, "{\"more\":");
		buf_u64(b, ms);
		buf_char(b, '}');
		return;
	}
	buf_lit(b, "{\"ms\":");
	buf_u64(b, ms);
	buf_lit(b, ",\"leg\":");
	buf_u64(b, get(p + 4, 2));
	if (flags >> LADDER_FORK != 0) {
		buf_lit(b, ",\"fork\":");
		buf_u64(b, flags >> LADDER_FORK);
	}
	buf_str(b, flags & LADDER_SENT ? ",\"sent\":true" : ",\"sent\":false");
	buf_lit(b, ",\"method\":\"");
	if (method > SIP_UNKNOWN && method < SIP_N_METHODS)
		buf_put(b, sip_method_name((enum sip_method)method));
	else
		buf_lit(b, "unknown");
	buf_lit(b, "\",\"cseq\":");
	buf_u64(b, get(p + 6, 2));
	if (status != 0) {
		buf_lit(b, ",\"status\":");
		buf_u64(b, status);
	}
	if (flags & LADDER_SDP)
		buf_lit(b, ",\"sdp\":true");
	buf_char(b, '}');
}

void
ladder_put_json(struct buf *b, struct span entries)
{
	if (entries.len % LADDER_ENTRY != 0) {
		buf_lit(b, "null");
		return;
	}
	buf_char(b, '[');
	for (size_t at = 0; at < entries.len; at += LADDER_ENTRY) {
		if (at > 0)
			buf_char(b, ',');
		put_entry(b, entries.p + at);
	}
	buf_char(b, ']');
}
