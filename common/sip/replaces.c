/* The Replaces header. */
#include "sip/replaces.h"

#include "sip/build.h"
#include "sip/chars.h"
#include "sip/uri.h"

static bool
is_of(struct span s, unsigned class)
{
	return s.len > 0 && sip_skip(s.p, s.p + s.len, class) == s.p + s.len;
}

static bool
take_tag(struct span value, struct span *tag_r)
{
	if (tag_r->p != NULL || value.len == 0 || value.p[0] == '"')
		return false;
	*tag_r = value;
	return true;
}

enum err
sip_replaces_parse(struct span value, struct sip_replaces *r_r)
{
	struct sip_replaces r = { .early_only = false };
	struct span rest = span_cut(value, ';', &r.call_id), name, param;

	r.call_id = span_trim(r.call_id);
	/* A comma would begin a second value: an INVITE takes the place of one dialog only (3). */
	if (!is_of(r.call_id, SIP_C_VISIBLE) || span_index(r.call_id, ',') >= 0)
		return ERR_SYNTAX;
	while (sip_param_cut(&rest, &name, &param)) {
		if (span_ieq(name, SPAN("to-tag"))) {
			if (!take_tag(param, &r.to_tag))
				return ERR_SYNTAX;
		} else if (span_ieq(name, SPAN("from-tag"))) {
			if (!take_tag(param, &r.from_tag))
				return ERR_SYNTAX;
		} else if (span_ieq(name, SPAN("early-only"))) {
			r.early_only = true;
		}
	}
	if (rest.len > 0 || r.to_tag.p == NULL || r.from_tag.p == NULL)
		return ERR_SYNTAX;
	if (r.call_id.len > SIP_CALL_ID_MAX || r.to_tag.len > SIP_TAG_MAX ||
	    r.from_tag.len > SIP_TAG_MAX)
		return ERR_RANGE;
	*r_r = r;
	return ERR_NONE;
}

/* Of a peer that knows only RFC 2543 and gives no tag. */
static bool
tag_is(struct span asked, struct span tag)
{
	return span_eq(asked, tag) || (tag.len == 0 && span_eq(asked, SPAN("0")));
}

bool
sip_replaces_is(const struct sip_replaces *r, struct span call_id, struct span local_tag,
    struct span remote_tag)
{
	return span_eq(r->call_id, call_id) && tag_is(r->to_tag, local_tag) &&
	       tag_is(r->from_tag, remote_tag);
}

static void
put_tag(struct buf *b, struct span tag)
{
	if (tag.len == 0)
		buf_char(b, '0');
	else
		sip_put_text(b, tag);
}

void
sip_put_replaces_value(struct buf *b, const struct sip_replaces *r)
{
	sip_put_text(b, r->call_id);
	buf_lit(b, ";to-tag=");
	put_tag(b, r->to_tag);
	buf_lit(b, ";from-tag=");
	put_tag(b, r->from_tag);
	if (r->early_only)
		buf_lit(b, ";early-only");
}

void
sip_put_replaces(struct buf *b, const struct sip_replaces *r)
{
	buf_lit(b, "Replaces: ");
	sip_put_replaces_value(b, r);
	buf_lit(b, "\r\n");
}
