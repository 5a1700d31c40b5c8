/*
 * A sticky builder of text in a caller's memory. Each put is ignored once the buffer has been
 * overrun; the builder tests buf_ok() once, at the end. Nothing is allocated.
 */
#ifndef TANDEM_BASE_BUF_H
#define TANDEM_BASE_BUF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/span.h"

struct buf {
	char *p;
	size_t len, cap;
	bool overrun;
};

static inline struct buf
buf_on(void *p, size_t cap)
{
	return (struct buf){ .p = p, .cap = cap };
}

/* Room for n bytes more? Without it the buffer has been overrun. */
static inline bool
buf_room(struct buf *b, size_t n)
{
	if (n > b->cap - b->len)
		b->overrun = true;
	return !b->overrun;
}

/* Here, so that the bytes of a literal become a move or two. */
static inline void
buf_put(struct buf *b, struct span s)
{
	if (!buf_room(b, s.len) || s.len == 0)
		return;
	memcpy(b->p + b->len, s.p, s.len);
	b->len += s.len;
}

static inline void
buf_char(struct buf *b, char c)
{
	if (buf_room(b, 1))
		b->p[b->len++] = c;
}

static inline void
buf_str(struct buf *b, const char *s)
{
	buf_put(b, span_str(s));
}

void buf_u64(struct buf *b, uint64_t n);
void buf_hex(struct buf *b, const void *bytes, size_t n); /* lower case */
/* Needs one byte of room more than it puts, for printf's NUL. */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts a C literal without strlen. */
#define buf_lit(b, lit) buf_put((b), SPAN(lit))

static inline bool
buf_ok(const struct buf *b)
{
	return !b->overrun;
}

static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->p, b->len };
}

#endif
