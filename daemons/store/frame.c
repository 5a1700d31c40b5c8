/*
 * Segments and frames of the journal as bytes. Reading trusts nothing: a frame counts only when its
 * checksum is right.
 */
#include "store/store.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"

enum { WINDOW = 256 << 10 };
#define SEGMENT_MAGIC 0x314c4e52554f4a54ull /* "TJOURNL1" */

static void
put_le(char *to, uint64_t v, unsigned bytes)
{
	v = htole64(v);
	memcpy(to, &v, bytes);
}

static uint64_t
get_le(const char *from, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, from, bytes);
	return le64toh(v);
}

void
segment_name(char name[32], uint64_t seq)
{
	snprintf(name, 32, "journal-%010llu", (unsigned long long)seq);
}

void
segment_head_put(char head[SEGMENT_HEAD], uint64_t seq, uint64_t identity)
{
	memset(head, 0, SEGMENT_HEAD);
	put_le(head, SEGMENT_MAGIC, 8);
	put_le(head + 8, identity, 8);
	put_le(head + 16, seq, 8);
	put_le(head + 24, crc32c(0, head, 24), 4);
}

void
frame_put(struct buf *b, int64_t wall_ms, struct span record)
{
	char head[FRAME_HEAD];
	uint32_t crc;

	put_le(head, record.len, 4);
	put_le(head + 8, (uint64_t)wall_ms, 8);
	crc = crc32c(0, head, 4);
	crc = crc32c(crc, head + 8, 8);
	put_le(head + 4, crc32c(crc, record.p, record.len), 4);
	buf_put(b, span_of(head, sizeof(head)));
	buf_put(b, record);
}

void
frames_init(struct frames *f, int dir)
{
	*f = (struct frames){ .dir = dir, .fd = -1, .window = malloc(WINDOW) };
	if (f->window == NULL)
		fatal(errno, "no memory to read the journal");
}

void
frames_done(struct frames *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->window);
	f->window = NULL;
	f->fd = -1;
}

static ssize_t
read_at(int fd, char *to, size_t n, uint64_t at)
{
	ssize_t got;

	do {
		got = pread(fd, to, n, (off_t)at);
	} while (got < 0 && errno == EINTR);
	return got;
}

static enum err
open_segment(struct frames *f, uint64_t seq)
{
	char name[32], head[SEGMENT_HEAD];

	if (f->fd >= 0)
		close(f->fd);
	f->have = 0;
	segment_name(name, seq);
	f->fd = openat(f->dir, name, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return errno == ENOENT ? ERR_ABSENT : ERR_IO;
	ssize_t got = read_at(f->fd, head, sizeof(head), 0);
	if (got == SEGMENT_HEAD && get_le(head, 8) == SEGMENT_MAGIC &&
	    get_le(head + 16, 8) == seq && get_le(head + 24, 4) == crc32c(0, head, 24)) {
		f->seq = seq;
		f->identity = get_le(head + 8, 8);
		return ERR_NONE;
	}
	close(f->fd);
	f->fd = -1;
	return got < 0 ? ERR_IO : ERR_SYNTAX;
}

enum err
frames_seek(struct frames *f, struct journal_pos pos)
{
	enum err e;

	if ((f->fd < 0 || f->seq != pos.seq) && (e = open_segment(f, pos.seq)) != ERR_NONE)
		return e;
	f->at = pos.at < SEGMENT_HEAD ? SEGMENT_HEAD : pos.at;
	return ERR_NONE;
}

/* Makes n bytes at f->at stand in the window. */
static enum err
look(struct frames *f, size_t n, const char **p_r)
{
	if (f->at < f->window_at || f->at + n > f->window_at + f->have) {
		ssize_t got = read_at(f->fd, f->window, WINDOW, f->at);
		if (got < 0)
			return ERR_IO;
		f->window_at = f->at;
		f->have = (size_t)got;
		if ((size_t)got < n)
			return ERR_ABSENT;
	}
	*p_r = f->window + (f->at - f->window_at);
	return ERR_NONE;
}

enum err
frames_next(struct frames *f, uint64_t end, struct frame *frame_r)
{
	const char *p;
	enum err e;

	if (f->at + FRAME_HEAD > end)
		return ERR_ABSENT;
	if ((e = look(f, FRAME_HEAD, &p)) != ERR_NONE)
		return e;
	uint64_t len = get_le(p, 4);
	if (len > CDR_RECORD_MAX)
		return ERR_SYNTAX;
	if (f->at + FRAME_HEAD + len > end)
		return ERR_ABSENT;
	if ((e = look(f, FRAME_HEAD + (size_t)len, &p)) != ERR_NONE)
		return e;
	uint32_t crc = crc32c(crc32c(0, p, 4), p + 8, 8);
	if (get_le(p + 4, 4) != crc32c(crc, p + FRAME_HEAD, (size_t)len))
		return ERR_SYNTAX;
	*frame_r = (struct frame){ .pos = { f->seq, f->at },
		.wall_ms = (int64_t)get_le(p + 8, 8),
		.record = span_of(p + FRAME_HEAD, (size_t)len) };
	f->at += FRAME_HEAD + len;
	return ERR_NONE;
}

uint64_t
frames_size(const struct frames *f)
{
	struct stat st;

	return fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

enum err
frames_skip(struct frames *f, uint64_t end)
{
	uint64_t from = f->at;
	struct frame frame;
	enum cdr_kind kind;
	uint8_t call_id[16];

	for (uint64_t at = from + 1; at + FRAME_HEAD < end; at++) {
		f->at = at;
		enum err e = frames_next(f, end, &frame);
		f->at = at;
		if (e == ERR_IO)
			break;
		if (e == ERR_NONE && record_call(frame.record, &kind, call_id) == ERR_NONE)
			return ERR_NONE;
	}
	f->at = from;
	return ERR_ABSENT;
}
