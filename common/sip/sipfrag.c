/* message/sipfrag: a status line. */
#include "sip/sipfrag.h"

#include "sip/build.h"

void
sip_put_sipfrag(struct buf *b, unsigned status, struct span phrase)
{
	buf_lit(b, "SIP/2.0 ");
	buf_u64(b, status);
	buf_char(b, ' ');
	sip_put_text(b, phrase.len > 0 ? phrase : span_str(sip_reason(status)));
	buf_lit(b, "\r\n");
}

enum err
sip_sipfrag_parse(struct span body, unsigned *status_r, struct span *phrase_r)
{
	struct span line, version, number;
	uint32_t status;

	span_cut(body, '\n', &line);
	if (!span_word(&line, &version) || !span_word(&line, &number) || number.len != 3 ||
	    span_u32(number, 999, &status) != ERR_NONE)
		return ERR_SYNTAX;
	if (!span_ieq(version, SPAN("SIP/2.0")))
		return span_ieq(span_first(version, 4), SPAN("SIP/")) ? ERR_VERSION : ERR_SYNTAX;
	if (status < 100 || status > 699)
		return ERR_RANGE;
	*status_r = status;
	*phrase_r = span_trim(line);
	return ERR_NONE;
}
