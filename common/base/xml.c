/* Escapes for XML (1.0, 2.2 and 2.4). */
#include "base/xml.h"

/* The length of the UTF-8 sequence that s begins with; 0: it is none, or of a character that XML does
 * not have (surrogates, U+FFFE, U+FFFF). */
static size_t
sequence(struct span s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	uint32_t least, code;
	size_t n;

	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		n = 2, least = 0x80, code = p[0] & 0x1fu;
	} else if ((p[0] & 0xf0) == 0xe0) {
		n = 3, least = 0x800, code = p[0] & 0xfu;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		n = 4, least = 0x10000, code = p[0] & 7u;
	} else {
		return 0;
	}
	if (s.len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3fu);
	}
	if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
	    (code & 0xfffe) == 0xfffe)
		return 0;
	return n;
}

static void
put_ascii(struct buf *b, char c)
{
	switch (c) {
	case '&':
		buf_lit(b, "&amp;");
		break;
	case '<':
		buf_lit(b, "&lt;");
		break;
	case '>':
		buf_lit(b, "&gt;");
		break;
	case '"':
		buf_lit(b, "&quot;");
		break;
	case '\'':
		buf_lit(b, "&#39;");
		break;
	case '\t':
	case '\n':
	case '\r':
		buf_char(b, ' ');
		break;
	default:
		if (c >= ' ')
			buf_char(b, c);
		break;
	}
}

void
xml_put(struct buf *b, struct span text)
{
	while (text.len > 0) {
		size_t n = 1;

		if (((uint8_t)text.p[0] & 0x80) == 0) {
			put_ascii(b, text.p[0]);
		} else if ((n = sequence(text)) > 0) {
			buf_put(b, span_first(text, n));
		} else {
			buf_char(b, '?');
			n = 1;
		}
		text = span_from(text, n);
	}
}

void
xml_put_attribute(struct buf *b, const char *name, struct span text)
{
	buf_char(b, ' ');
	buf_str(b, name);
	buf_lit(b, "=\"");
	xml_put(b, text);
	buf_char(b, '"');
}
