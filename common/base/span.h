/*
 * A span is a slice of text that someone else owns: a pointer and a length, not NUL-terminated.
 * Text from the network is sliced, never copied. A span lives as long as the bytes it points to,
 * which is at most one event.
 */
#ifndef TANDEM_BASE_SPAN_H
#define TANDEM_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct span {
	const char *p;
	size_t len;
};

#define SPAN(lit)  ((struct span){ "" lit, sizeof(lit) - 1 })
#define SPAN_NONE  ((struct span){ NULL, 0 })
/* For printf: printf("%.*s", SPAN_F(s)) */
#define SPAN_F(s)  (int)(s).len, (s).p

/* The smallest stand here: a call takes them some ten thousand times, and most with a length that the
 * compiler knows. */
static inline struct span
span_of(const void *p, size_t len)
{
	return (struct span){ p, len };
}

static inline struct span
span_str(const char *s)                                   /* NULL gives SPAN_NONE */
{
	return s == NULL ? SPAN_NONE : span_of(s, strlen(s));
}

static inline bool
span_eq(struct span a, struct span b)                     /* byte for byte */
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline struct span
span_from(struct span s, size_t n)                        /* without the first n bytes, or empty */
{
	if (n > s.len)
		n = s.len;
	return n == 0 ? s : span_of(s.p + n, s.len - n);
}

static inline struct span
span_first(struct span s, size_t n)                       /* at most the first n bytes */
{
	return span_of(s.p, n < s.len ? n : s.len);
}

bool span_ieq(struct span a, struct span b);              /* ASCII letters without case */
bool span_starts(struct span s, struct span prefix);
struct span span_trim(struct span s);                     /* without SP, HTAB, CR, LF around it */
/* Cuts at the first c: *head_r is what stands before it, the result what stands after. When there
 * is no c, *head_r is all and the result is SPAN_NONE (p == NULL). */
struct span span_cut(struct span s, char c, struct span *head_r);
/* Cuts off the first word, as SP, HTAB, CR and LF part them; false when there is none. */
bool span_word(struct span *rest, struct span *word_r);
ptrdiff_t span_index(struct span s, char c);              /* -1 when absent */
/* Decimal digits only, the whole span, at most max: ERR_SYNTAX, ERR_RANGE. */
enum err span_u32(struct span s, uint32_t max, uint32_t *value_r);
/* Copies as a C string, cut to fit; false when it was cut. */
bool span_cstr(struct span s, char *to, size_t cap);
int span_cmp(struct span a, struct span b);

#endif
