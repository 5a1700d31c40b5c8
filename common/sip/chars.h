/* The character classes of RFC 3261 25.1: one table that all readers of SIP text share. */
#ifndef TANDEM_SIP_CHARS_H
#define TANDEM_SIP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
enum {
	SIP_C_TOKEN    = 1 << 0,
	SIP_C_HOST     = 1 << 1,  /* hostname; '_' is tolerated */
	SIP_C_IPV6     = 1 << 2,  /* inside [] */
	SIP_C_USER     = 1 << 3,  /* but '%'; '#' is tolerated, phones dial it */
	SIP_C_PASSWORD = 1 << 4,
	SIP_C_PARAM    = 1 << 5,  /* URI parameters with their ';' and '=', but '%' */
	SIP_C_HEADERS  = 1 << 6,  /* URI headers with their '&' and '=', but '%' */
	SIP_C_URI      = 1 << 7,  /* what can stand in any URI: visible, but " < > */
	SIP_C_NAME     = 1 << 8,  /* of a header parameter, taken wide */
	SIP_C_VALUE    = 1 << 9,  /* of a header parameter, unquoted, taken wide */
	SIP_C_DISPLAY  = 1 << 10, /* display name without quotes: tokens, spaces, UTF-8 */
	SIP_C_QUOTED   = 1 << 11, /* in quotes without a backslash */
	SIP_C_VISIBLE  = 1 << 12,
	SIP_C_DIGIT    = 1 << 13,
	SIP_C_HEX      = 1 << 14,
	SIP_C_SPACE    = 1 << 15, /* SP, HTAB */
};
/* clang-format on */

extern const uint16_t sip_chars[256];

static inline bool
sip_char_is(char c, unsigned class)
{
	return sip_chars[(unsigned char)c] & class;
}

/* The first byte from p on that is not of the class, or end. */
static inline const char *
sip_skip(const char *p, const char *end, unsigned class)
{
	/* Four at a time where there are four: half the instructions, and half of parsing is this. */
	for (; end - p >= 4; p += 4) {
		if (!sip_char_is(p[0], class))
			return p;
		if (!sip_char_is(p[1], class))
			return p + 1;
		if (!sip_char_is(p[2], class))
			return p + 2;
		if (!sip_char_is(p[3], class))
			return p + 3;
	}
	while (p < end && sip_char_is(*p, class))
		p++;
	return p;
}

/* The same, with %hh as one character of the class (RFC 3261 25.1 "escaped"). */
const char *sip_skip_escaped(const char *p, const char *end, unsigned class);
/* p is at the opening quote: the byte behind the closing one, or NULL. */
const char *sip_skip_quoted(const char *p, const char *end);

#endif
