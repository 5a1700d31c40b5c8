/* A scanner of libconfig's tokens, just fine enough to tell numbers from all else. */
#include "base/config_wrap.h"

#include <limits.h>
#include <stdint.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
in_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c == '-' || c == '*';
}

/* The length of the token s begins with. */
static size_t
token_len(struct span s)
{
	size_t n = 1;

	if (span_starts(s, SPAN("/*"))) {
		for (n = 2; n < s.len && !span_starts(span_from(s, n), SPAN("*/")); n++)
			;
		return n + 2;
	}
	if (s.p[0] == '#' || span_starts(s, SPAN("//"))) {
		while (n < s.len && s.p[n] != '\n')
			n++;
	} else if (s.p[0] == '"') {
		while (n < s.len && s.p[n] != '"')
			n += s.p[n] == '\\' ? 2 : 1;
		n++;
	} else if (in_word(s.p[0]) || s.p[0] == '+') {
		/* Numbers with a fraction too: "1.5e+3" ends at the '+', which does no harm. */
		while (n < s.len && (in_word(s.p[n]) || s.p[n] == '.'))
			n++;
	}
	return n;
}

/* A number in decimal or 0x..., without L and without a fraction, that an int cannot hold. */
static bool
wraps(struct span word)
{
	bool minus = word.p[0] == '-';
	struct span s = span_from(word, word.p[0] == '-' || word.p[0] == '+' ? 1 : 0);
	bool hex = span_starts(s, SPAN("0x")) || span_starts(s, SPAN("0X"));
	uint64_t value = 0, most = (uint64_t)INT_MAX + (minus ? 1 : 0);

	for (s = span_from(s, hex ? 2 : 0); s.len > 0; s = span_from(s, 1)) {
		char c = s.p[0];
		unsigned digit;

		if (is_digit(c))
			digit = (unsigned)(c - '0');
		else if (hex && ((c | 32) >= 'a' && (c | 32) <= 'f'))
			digit = (unsigned)((c | 32) - 'a') + 10;
		else
			return false;
		if (value <= most)
			value = value * (hex ? 16 : 10) + digit;
	}
	return value > most;
}

bool
config_wrap_find(struct span text, struct span *key_r, unsigned *line_r)
{
	*key_r = SPAN_NONE;
	*line_r = 1;
	while (text.len > 0) {
		struct span token = span_first(text, token_len(text));
		char c = token.p[0];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*')
			*key_r = token;
		else if ((is_digit(c) || c == '-' || c == '+') && wraps(token))
			return true;
		for (size_t i = 0; i < token.len; i++)
			*line_r += token.p[i] == '\n';
		text = span_from(text, token.len);
	}
	return false;
}
