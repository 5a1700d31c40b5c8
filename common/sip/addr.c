/* name-addr and addr-spec (RFC 3261 20.10, 25.1). */
#include "sip/addr.h"
#include "sip/chars.h"

static struct span
between(const char *p, const char *end)
{
	return span_of(p, (size_t)(end - p));
}

/* Sets display; the result is where '<' or the bare addr-spec begins, NULL: malformed. */
static const char *
read_display(const char *p, const char *end, struct sip_addr *a)
{
	const char *q;

	if (p < end && *p == '"') {
		q = sip_skip_quoted(p, end);
		if (q == NULL)
			return NULL;
		a->display = between(p, q);
		q = sip_skip(q, end, SIP_C_SPACE);
		return q < end && *q == '<' ? q : NULL;
	}
	q = sip_skip(p, end, SIP_C_DISPLAY);
	if (q == end || *q != '<')
		return p;
	if (q > p)
		a->display = span_trim(between(p, q));
	return q;
}

/* Outside <>, what follows a ';' belongs to the header; ',' and '?' may not stand in such a URI
 * (20: "MUST be enclosed in angle brackets"). */
static const char *
read_bare(const char *p, const char *end, struct sip_addr *a)
{
	const char *q = p;

	while (q < end && *q != ';' && sip_char_is(*q, SIP_C_URI)) {
		if (*q == ',' || *q == '?')
			return NULL;
		q++;
	}
	a->uri = between(p, q);
	return q;
}

static const char *
read_bracketed(const char *p, const char *end, struct sip_addr *a)
{
	const char *q = sip_skip(++p, end, SIP_C_URI);

	if (q == end || *q != '>')
		return NULL;
	a->uri = between(p, q);
	a->bracketed = true;
	return q + 1;
}

enum err
sip_addr_parse(struct span value, struct sip_addr *addr_r)
{
	struct span rest, name, param;

	value = span_trim(value);
	*addr_r = (struct sip_addr){ .star = false };
	if (value.len == 1 && value.p[0] == '*') {
		addr_r->star = true;
		return ERR_NONE;
	}
	if (value.len == 0)
		return ERR_SYNTAX;

	const char *end = value.p + value.len;
	const char *p = read_display(value.p, end, addr_r);

	if (p == NULL)
		return ERR_SYNTAX;
	p = *p == '<' ? read_bracketed(p, end, addr_r) : read_bare(p, end, addr_r);
	if (p == NULL || addr_r->uri.len == 0)
		return ERR_SYNTAX;
	p = sip_skip(p, end, SIP_C_SPACE);
	if (p == end)
		return ERR_NONE;
	if (*p != ';')
		return ERR_SYNTAX;
	rest = addr_r->params = between(p + 1, end);
	while (sip_param_cut(&rest, &name, &param))
		;
	return rest.len == 0 ? ERR_NONE : ERR_SYNTAX;
}

void
sip_put_display_text(struct buf *b, struct span display)
{
	if (display.len < 2 || display.p[0] != '"') {
		buf_put(b, display);
		return;
	}
	for (size_t i = 1; i < display.len && display.p[i] != '"'; i++) {
		if (display.p[i] == '\\' && i + 1 < display.len)
			i++;
		buf_char(b, display.p[i]);
	}
}

void
sip_put_quoted(struct buf *b, struct span text)
{
	buf_char(b, '"');
	for (size_t i = 0; i < text.len; i++) {
		const char c = text.p[i];

		if (c == '\r' || c == '\n' || c == '\0')
			continue;
		if (c == '"' || c == '\\')
			buf_char(b, '\\');
		buf_char(b, c);
	}
	buf_char(b, '"');
}
