/*
 * A queue of bytes. Most connections have nothing half received and nothing waiting to be sent, so
 * an empty queue has no memory; the bound is the caller's at each put.
 */
#include "front/front.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 4096 };

static bool
make_room(struct bytes *b, uint64_t more)
{
	uint64_t cap = b->cap == 0 ? FIRST : b->cap;
	char *p;

	if (b->at > 0 && (uint64_t)b->at + b->len + more > b->cap) {
		memmove(b->p, b->p + b->at, b->len);
		b->at = 0;
	}
	if (b->at + b->len + more <= b->cap)
		return true;
	while (cap < b->len + more)
		cap *= 2;
	p = cap > UINT32_MAX ? NULL : realloc(b->p, cap);
	if (p == NULL)
		return false;
	b->p = p;
	b->cap = (uint32_t)cap;
	return true;
}

enum err
bytes_put(struct bytes *b, struct span s, uint32_t max)
{
	if (s.len == 0)
		return ERR_NONE;
	if (s.len > max || b->len > max - s.len || !make_room(b, s.len))
		return ERR_FULL;
	memcpy(b->p + b->at + b->len, s.p, s.len);
	b->len += (uint32_t)s.len;
	return ERR_NONE;
}

void
bytes_cut(struct bytes *b, uint32_t n)
{
	must(n <= b->len);
	b->at += n;
	b->len -= n;
	if (b->len == 0)
		bytes_drop(b);
}

void
bytes_drop(struct bytes *b)
{
	free(b->p);
	*b = (struct bytes){ 0 };
}
