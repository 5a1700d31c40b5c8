/* The sticky builder. A put that does not fit writes nothing, so what is there is always whole. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void
buf_u64(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	buf_put(b, span_of(digits + at, sizeof(digits) - at));
}

void
buf_hex(struct buf *b, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	if (n > SIZE_MAX / 2 || !buf_room(b, n * 2)) {
		b->overrun = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		b->p[b->len++] = digits[p[i] >> 4];
		b->p[b->len++] = digits[p[i] & 15];
	}
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t left = b->cap - b->len;
	va_list args;
	int n;

	if (b->overrun)
		return;
	va_start(args, fmt);
	n = vsnprintf(left == 0 ? NULL : b->p + b->len, left, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= left)
		b->overrun = true;
	else
		b->len += (size_t)n;
}
