/* The table of chars.h, and the two readers that need more than a class. */
#include <stddef.h>

#include "sip/chars.h"

/* Everything visible may stand in the widest classes; these names add what is special. */
#define BASE   (SIP_C_VISIBLE | SIP_C_QUOTED)
#define WIDE   (BASE | SIP_C_URI | SIP_C_NAME | SIP_C_VALUE)
#define TOKEN  (WIDE | SIP_C_TOKEN | SIP_C_DISPLAY)
#define UNRES  (SIP_C_USER | SIP_C_PASSWORD | SIP_C_PARAM | SIP_C_HEADERS)
#define MARK   (TOKEN | UNRES)
#define ALNUM  (MARK | SIP_C_HOST)
#define HEXDIG (ALNUM | SIP_C_HEX | SIP_C_IPV6)

/* clang-format off */
const uint16_t sip_chars[256] = {
	['\t'] = SIP_C_SPACE | SIP_C_QUOTED | SIP_C_DISPLAY,
	[' ']  = SIP_C_SPACE | SIP_C_QUOTED | SIP_C_DISPLAY,
	['!']  = MARK,
	['"']  = SIP_C_VISIBLE,
	['#']  = WIDE | SIP_C_USER,
	['$']  = WIDE | UNRES,
	['%']  = TOKEN,
	['&']  = WIDE | UNRES,
	['\''] = MARK,
	['(']  = WIDE | UNRES,
	[')']  = WIDE | UNRES,
	['*']  = MARK,
	['+']  = MARK,
	[',']  = BASE | SIP_C_URI | SIP_C_USER | SIP_C_PASSWORD,
	['-']  = ALNUM,
	['.']  = ALNUM | SIP_C_IPV6,
	['/']  = WIDE | SIP_C_USER | SIP_C_PARAM | SIP_C_HEADERS,
	['0' ... '9'] = HEXDIG | SIP_C_DIGIT,
	[':']  = WIDE | SIP_C_IPV6 | SIP_C_PARAM | SIP_C_HEADERS,
	[';']  = BASE | SIP_C_URI | SIP_C_USER | SIP_C_PARAM,
	['<']  = BASE,
	['=']  = BASE | SIP_C_URI | SIP_C_VALUE | UNRES,
	['>']  = BASE,
	['?']  = WIDE | SIP_C_USER | SIP_C_HEADERS,
	['@']  = WIDE,
	['A' ... 'F'] = HEXDIG,
	['G' ... 'Z'] = ALNUM,
	['[']  = WIDE | SIP_C_PARAM | SIP_C_HEADERS,
	['\\'] = SIP_C_VISIBLE | SIP_C_URI,
	[']']  = WIDE | SIP_C_PARAM | SIP_C_HEADERS,
	['^']  = WIDE,
	['_']  = ALNUM,
	['`']  = TOKEN,
	['a' ... 'f'] = HEXDIG,
	['g' ... 'z'] = ALNUM,
	['{']  = WIDE,
	['|']  = WIDE,
	['}']  = WIDE,
	['~']  = MARK,
	[0x80 ... 0xff] = SIP_C_QUOTED | SIP_C_DISPLAY,
};
/* clang-format on */

const char *
sip_skip_escaped(const char *p, const char *end, unsigned class)
{
	for (;;) {
		p = sip_skip(p, end, class);
		if (end - p < 3 || *p != '%' || !sip_char_is(p[1], SIP_C_HEX) ||
		    !sip_char_is(p[2], SIP_C_HEX))
			return p;
		p += 3;
	}
}

/* quoted-pair may carry any byte but CR and LF, NUL too (RFC 4475 3.1.1.2). */
const char *
sip_skip_quoted(const char *p, const char *end)
{
	for (p++;; p += 2) {
		p = sip_skip(p, end, SIP_C_QUOTED);
		if (p == end)
			return NULL;
		if (*p == '"')
			return p + 1;
		if (*p != '\\' || end - p < 2 || p[1] == '\r' || p[1] == '\n')
			return NULL;
	}
}
