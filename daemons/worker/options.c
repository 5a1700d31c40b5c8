/* The extensions of SIP that calls know (RFC 3261 19.2), as option tags. */
#include "worker/worker.h"

#include "sip/build.h"
#include "sip/fields.h"

/* What a peer may require of us, and what we say we support; each is a file that does it. */
enum {
	KNOWN = 1 << SIP_O_100REL |    /* leg_reliable.c */
		1 << SIP_O_TIMER |     /* leg_timer.c */
		1 << SIP_O_REPLACES |  /* call_replace.c */
		1 << SIP_O_JOIN |      /* call_join.c */
		1 << SIP_O_NOREFERSUB, /* leg_refer.c */
};

static void
put_option(struct buf *b, struct span name)
{
	if (b->len > 0)
		buf_lit(b, ", ");
	buf_put(b, name);
}

static void
put_unknown(struct worker *w, struct buf *b, const struct sip_msg *m, enum sip_header_id id)
{
	struct buf strange = scratch_buf(w, 512);
	uint32_t set = sip_option_set(m, id, &strange);

	if (strange.len > 0 || !buf_ok(&strange))
		put_option(b, buf_span(&strange));
	for (enum sip_option o = 0; o < SIP_N_OPTIONS; o++)
		if (set >> o & 1 & ~(KNOWN >> o))
			put_option(b, sip_option_name(o));
}

struct span
options_unsupported(struct worker *w, const struct sip_msg *m)
{
	struct buf all = scratch_buf(w, 1024), line = scratch_buf(w, 1200);

	if (sip_has(m, SIP_H_REQUIRE))
		put_unknown(w, &all, m, SIP_H_REQUIRE);
	if (sip_has(m, SIP_H_PROXY_REQUIRE))
		put_unknown(w, &all, m, SIP_H_PROXY_REQUIRE);
	if (all.len == 0 && buf_ok(&all))
		return SPAN_NONE;
	sip_put_header(&line, sip_header_name(SIP_H_UNSUPPORTED), buf_span(&all));
	return buf_ok(&line) && buf_ok(&all) ? buf_span(&line) : SPAN("Unsupported: *\r\n");
}

void
options_put_supported(struct buf *b, uint32_t without)
{
	char text[256];
	struct buf all = buf_on(text, sizeof(text));

	for (enum sip_option o = 0; o < SIP_N_OPTIONS; o++)
		if ((KNOWN & ~without) >> o & 1)
			put_option(&all, sip_option_name(o));
	if (all.len > 0)
		sip_put_header(b, sip_header_name(SIP_H_SUPPORTED), buf_span(&all));
}
