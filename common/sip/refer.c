/* Refer-To, Referred-By, Refer-Sub. */
#include "sip/refer.h"

#include "sip/build.h"

/* A URI with '?' must stand in <> (20); some phones forget it. Then all of it is the URI. */
static enum err
read_addr(struct span value, struct sip_addr *a)
{
	if (span_index(value, '<') < 0 && span_index(value, '"') < 0 &&
	    span_index(value, '?') >= 0) {
		*a = (struct sip_addr){ .uri = span_trim(value) };
		return ERR_NONE;
	}
	return sip_addr_parse(value, a) == ERR_NONE && !a->star ? ERR_NONE : ERR_SYNTAX;
}

/* Also where a missing <> makes it the header's. */
static bool
is_invite(struct span params)
{
	struct span method;

	return !sip_param(params, SPAN("method"), &method) ||
	       span_eq(method, sip_method_name(SIP_INVITE));
}

static enum err
read_replaces(struct span headers, struct buf *text, struct sip_refer_to *to)
{
	const size_t from = text->len;

	switch (sip_uri_header(headers, SPAN("Replaces"), text)) {
	case ERR_NONE:
		to->has_replaces = true;
		return sip_replaces_parse(span_from(buf_span(text), from), &to->replaces);
	case ERR_ABSENT:
		return ERR_NONE;
	case ERR_FULL:
		return ERR_RANGE;
	default:
		return ERR_SYNTAX;
	}
}

enum err
sip_refer_to_parse(struct span value, struct buf *text, struct sip_refer_to *to_r)
{
	struct sip_refer_to to = { .has_replaces = false };
	struct sip_addr a;
	enum err e;

	if (read_addr(value, &a) != ERR_NONE || sip_uri_parse(a.uri, &to.uri) != ERR_NONE)
		return ERR_SYNTAX;
	if (to.uri.scheme == SIP_S_OTHER || !is_invite(to.uri.params) || !is_invite(a.params))
		return ERR_DENIED;
	to.display = a.display;
	if ((e = read_replaces(to.uri.headers, text, &to)) != ERR_NONE)
		return e;
	*to_r = to;
	return ERR_NONE;
}

void
sip_put_refer_to(struct buf *b, const struct sip_uri *uri, const struct sip_replaces *replaces)
{
	char text[SIP_REPLACES_MAX];
	struct buf value = buf_on(text, sizeof(text));

	buf_lit(b, "Refer-To: <");
	sip_put_request_uri(b, uri);
	if (replaces != NULL) {
		sip_put_replaces_value(&value, replaces);
		if (!buf_ok(&value))
			b->overrun = true;
		buf_char(b, '?');
		sip_put_uri_header(b, SPAN("Replaces"), buf_span(&value));
		buf_char(b, '&');
		sip_put_uri_header(b, SPAN("Require"), SPAN("replaces"));
	}
	buf_lit(b, ">\r\n");
}

enum err
sip_referred_by_parse(struct span value, struct sip_referred_by *by_r)
{
	struct sip_uri uri;

	*by_r = (struct sip_referred_by){ .cid = SPAN_NONE };
	if (sip_addr_parse(value, &by_r->addr) != ERR_NONE || by_r->addr.star ||
	    sip_uri_parse(by_r->addr.uri, &uri) != ERR_NONE)
		return ERR_SYNTAX;
	sip_param(by_r->addr.params, SPAN("cid"), &by_r->cid);
	return ERR_NONE;
}

void
sip_put_referred_by(struct buf *b, struct span uri)
{
	buf_lit(b, "Referred-By: <");
	sip_put_text(b, uri);
	buf_lit(b, ">\r\n");
}

enum err
sip_refer_sub_parse(struct span value, bool *wanted_r)
{
	span_cut(value, ';', &value);
	value = span_trim(value);
	if (span_ieq(value, SPAN("true")))
		*wanted_r = true;
	else if (span_ieq(value, SPAN("false")))
		*wanted_r = false;
	else
		return ERR_SYNTAX;
	return ERR_NONE;
}

void
sip_put_refer_sub(struct buf *b, bool wanted)
{
	if (wanted)
		buf_lit(b, "Refer-Sub: true\r\n");
	else
		buf_lit(b, "Refer-Sub: false\r\n");
}
