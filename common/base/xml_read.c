/* A reader of XML for small documents of others (xml_read.h). */
#include "base/xml_read.h"

#include <string.h>

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What ends a name; a name of ours to compare has letters, digits, '-' and ':' only. */
static bool
ends_name(char c)
{
	return is_space(c) || c == '>' || c == '/' || c == '<' || c == '=' || c == '"' ||
	       c == '\'' || c == '&';
}

void
xml_read(struct xml_reader *x, struct span document)
{
	*x = (struct xml_reader){ .rest = document };
	if (span_starts(x->rest, SPAN("\xef\xbb\xbf")))
		x->rest = span_from(x->rest, 3);
}

/* Passes over what stands between the rest's beginning and this, itself included. */
static bool
skip_past(struct xml_reader *x, const char *what)
{
	const char *at =
	    x->rest.len == 0 ? NULL : memmem(x->rest.p, x->rest.len, what, strlen(what));

	if (at == NULL)
		return false;
	x->rest = span_from(x->rest, (size_t)(at - x->rest.p) + strlen(what));
	return true;
}

static struct span
cut_name(struct xml_reader *x)
{
	size_t n = 0;
	struct span name;

	while (n < x->rest.len && !ends_name(x->rest.p[n]))
		n++;
	name = span_first(x->rest, n);
	x->rest = span_from(x->rest, n);
	return name;
}

static struct span
local_name(struct span name)
{
	ptrdiff_t colon = span_index(name, ':');

	return colon < 0 ? name : span_from(name, (size_t)colon + 1);
}

/* The end of a tag, attributes and all; quotes may hide a '>'. */
static bool
skip_attributes(struct xml_reader *x, bool *empty_r)
{
	char quote = 0;

	*empty_r = false;
	for (size_t i = 0; i < x->rest.len; i++) {
		char c = x->rest.p[i];

		if (quote != 0) {
			if (c == '<')
				return false;
			quote = c == quote ? 0 : quote;
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '<') {
			return false;
		} else if (c == '>') {
			*empty_r = i > 0 && x->rest.p[i - 1] == '/';
			x->rest = span_from(x->rest, i + 1);
			return true;
		}
	}
	return false;
}

static enum xml_item
start_tag(struct xml_reader *x, struct span *r)
{
	struct span name;

	x->rest = span_from(x->rest, 1);
	name = cut_name(x);
	if (name.len == 0 || x->depth == XML_DEPTH_MAX || (x->depth == 0 && x->seen) ||
	    !skip_attributes(x, &x->close))
		return XML_BROKEN;
	x->open[x->depth++] = name;
	x->seen = true;
	*r = local_name(name);
	return XML_START;
}

static enum xml_item
end_tag(struct xml_reader *x, struct span *r)
{
	struct span name;

	x->rest = span_from(x->rest, 2);
	name = cut_name(x);
	while (x->rest.len > 0 && is_space(x->rest.p[0]))
		x->rest = span_from(x->rest, 1);
	if (x->depth == 0 || !span_eq(name, x->open[x->depth - 1]) ||
	    !span_starts(x->rest, SPAN(">")))
		return XML_BROKEN;
	x->rest = span_from(x->rest, 1);
	*r = local_name(x->open[--x->depth]);
	return XML_END;
}

static enum xml_item
text(struct xml_reader *x, struct span *r)
{
	ptrdiff_t n = span_index(x->rest, '<');

	*r = n < 0 ? x->rest : span_first(x->rest, (size_t)n);
	x->rest = span_from(x->rest, r->len);
	if (x->depth > 0)
		return XML_TEXT;
	/* Outside of the root there is white space only. */
	return span_trim(*r).len == 0 ? XML_TEXT : XML_BROKEN;
}

static enum xml_item
one(struct xml_reader *x, struct span *r)
{
	if (x->rest.p[0] != '<')
		return text(x, r);
	if (span_starts(x->rest, SPAN("<!--")))
		return skip_past(x, "-->") ? XML_END_OF_TEXT : XML_BROKEN;
	if (span_starts(x->rest, SPAN("<?")))
		return skip_past(x, "?>") ? XML_END_OF_TEXT : XML_BROKEN;
	if (span_starts(x->rest, SPAN("<!")))
		return XML_BROKEN; /* a DTD, or CDATA, which no one needs here */
	if (span_starts(x->rest, SPAN("</")))
		return end_tag(x, r);
	return start_tag(x, r);
}

enum xml_item
xml_next(struct xml_reader *x, struct span *r)
{
	enum xml_item item = XML_END_OF_TEXT;

	*r = SPAN_NONE;
	if (x->close) {
		x->close = false;
		*r = local_name(x->open[--x->depth]);
		return XML_END;
	}
	/* Here END_OF_TEXT means a comment, which is passed over. */
	while (x->rest.len > 0 && item == XML_END_OF_TEXT) {
		item = one(x, r);
		if (item == XML_TEXT && x->depth == 0)
			item = XML_END_OF_TEXT;
	}
	if (item == XML_END_OF_TEXT && (x->depth > 0 || !x->seen))
		item = XML_BROKEN;
	if (item == XML_BROKEN)
		x->rest = SPAN_NONE;
	return item;
}

/* --- character data -----------------------------------------------------------------------------*/

static void
put_code(struct buf *b, uint32_t c)
{
	if (c < 0x20 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
		buf_char(b, c == '\t' || c == '\n' || c == '\r' ? ' ' : '?');
	} else if (c < 0x80) {
		buf_char(b, (char)c);
	} else if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_char(b, (char)(0xf0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* name: what stands between & and ; */
static uint32_t
code_of(struct span name)
{
	static const struct {
		struct span name;
		char c;
	} entities[] = { { { "amp", 3 }, '&' }, { { "lt", 2 }, '<' }, { { "gt", 2 }, '>' },
		{ { "quot", 4 }, '"' }, { { "apos", 4 }, '\'' } };
	int base = span_starts(name, SPAN("#x")) ? 16 : 10;
	uint32_t code = 0;

	for (unsigned i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
		if (span_eq(name, entities[i].name))
			return (uint32_t)entities[i].c;
	if (!span_starts(name, SPAN("#")) || name.len > 9)
		return 0;
	for (size_t i = base == 16 ? 2 : 1; i < name.len; i++) {
		int digit = digit_of(name.p[i]);

		if (digit >= base)
			return 0;
		code = code * (uint32_t)base + (uint32_t)digit;
	}
	return code;
}

void
xml_decode(struct buf *b, struct span s)
{
	while (s.len > 0) {
		struct span name;
		struct span rest;

		if (s.p[0] != '&') {
			buf_char(b, s.p[0]);
			s = span_from(s, 1);
			continue;
		}
		rest = span_cut(span_from(s, 1), ';', &name);
		put_code(b, rest.p == NULL ? 0 : code_of(name));
		s = rest.p == NULL ? span_from(s, 1) : rest;
	}
}
