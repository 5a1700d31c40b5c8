/* Slices of text. What is case-insensitive here is so for ASCII letters only, in every locale. */
#include "base/span.h"

#include <string.h>

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
span_ieq(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool
span_starts(struct span s, struct span prefix)
{
	return s.len >= prefix.len && span_eq(span_first(s, prefix.len), prefix);
}

struct span
span_trim(struct span s)
{
	while (s.len > 0 && blank(s.p[0]))
		s = span_from(s, 1);
	while (s.len > 0 && blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct span
span_cut(struct span s, char c, struct span *head_r)
{
	ptrdiff_t at = span_index(s, c);

	if (at < 0) {
		*head_r = s;
		return SPAN_NONE;
	}
	*head_r = span_first(s, (size_t)at);
	return span_from(s, (size_t)at + 1);
}

bool
span_word(struct span *rest, struct span *word_r)
{
	struct span s = span_trim(*rest);
	size_t n = 0;

	while (n < s.len && !blank(s.p[n]))
		n++;
	*word_r = span_first(s, n);
	*rest = span_from(s, n);
	return n > 0;
}

ptrdiff_t
span_index(struct span s, char c)
{
	const char *found = s.len == 0 ? NULL : memchr(s.p, c, s.len);

	return found == NULL ? -1 : found - s.p;
}

enum err
span_u32(struct span s, uint32_t max, uint32_t *value_r)
{
	uint64_t value = 0;

	if (s.len == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return ERR_SYNTAX;
		/* Once too large it stays too large; a later letter still makes it ERR_SYNTAX. */
		if (value <= max)
			value = value * 10 + (unsigned)(s.p[i] - '0');
	}
	if (value > max)
		return ERR_RANGE;
	*value_r = (uint32_t)value;
	return ERR_NONE;
}

bool
span_cstr(struct span s, char *to, size_t cap)
{
	size_t n;

	if (cap == 0)
		return false;
	n = s.len < cap ? s.len : cap - 1;
	if (n > 0)
		memcpy(to, s.p, n);
	to[n] = '\0';
	return n == s.len;
}

int
span_cmp(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}
