/*
 * A copy of the directory in spool_dir, so that the exchange starts when the machine does, with or
 * without its database. It holds what the table in shared memory holds (digests of passwords too),
 * and is readable for nobody else.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"

#define SNAPSHOT_MAGIC 0x31524944444e54ull /* "TNDDIR1" */

struct snapshot_head {
	uint64_t magic, layout;
	int64_t saved_ms;
	uint64_t len;
	uint32_t crc, pad;
};
struct snapshot_record {
	uint32_t key_len, value_len;
};

/* Makes room for n bytes more. */
static bool
grow(struct buf *b, size_t n)
{
	if (b->cap - b->len >= n)
		return true;
	size_t cap = 2 * b->cap + n;
	char *p = realloc(b->p, cap);
	if (p == NULL)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

static bool
put_all(const struct directory *d, struct buf *b)
{
	char key[RECORDS_KEY_MAX];
	struct dir_buf value;
	uint64_t cursor = 0;
	size_t len;

	while (records_next(&d->records, &cursor, key, &len, value.words, sizeof(value.words),
		   &value.len) == ERR_NONE) {
		struct snapshot_record r = { (uint32_t)len, (uint32_t)value.len };
		if (!grow(b, sizeof(r) + len + value.len))
			return false;
		buf_put(b, span_of(&r, sizeof(r)));
		buf_put(b, span_of(key, len));
		buf_put(b, span_of(value.words, value.len));
	}
	return buf_ok(b);
}

bool
snapshot_save(const struct directory *d, int dir)
{
	struct snapshot_head head = { .magic = SNAPSHOT_MAGIC,
		.layout = directory_layout(SHM_LAYOUT) };
	struct buf b = { 0 };
	struct clock now;
	bool good;

	clock_read(&now);
	head.saved_ms = now.wall_ms;
	good = grow(&b, sizeof(head) + (64 << 10));
	buf_put(&b, span_of(&head, sizeof(head)));
	good = good && put_all(d, &b);
	if (good) {
		head.len = b.len - sizeof(head);
		head.crc = crc32c(0, b.p + sizeof(head), head.len);
		memcpy(b.p, &head, sizeof(head));
		good = spool_replace(dir, "directory", buf_span(&b), false);
	}
	free(b.p);
	return good;
}

static enum err
read_whole(int dir, struct buf *b)
{
	struct stat st;
	int fd = openat(dir, "directory", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd < 0)
		return ERR_ABSENT;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && grow(b, (size_t)st.st_size)) {
		while (b->len < (size_t)st.st_size &&
		       (n = read(fd, b->p + b->len, (size_t)st.st_size - b->len)) > 0)
			b->len += (size_t)n;
	}
	close(fd);
	return ERR_NONE;
}

static enum err
load_records(struct directory *d, struct span s)
{
	struct snapshot_record r;

	while (s.len >= sizeof(r)) {
		memcpy(&r, s.p, sizeof(r));
		s = span_from(s, sizeof(r));
		if ((uint64_t)r.key_len + r.value_len > s.len)
			return ERR_SYNTAX;
		struct span key = span_first(s, r.key_len);
		struct span value = span_first(span_from(s, r.key_len), r.value_len);
		enum err e = directory_restore(d, key, value);
		if (e != ERR_NONE)
			return e;
		s = span_from(s, r.key_len + r.value_len);
	}
	return ERR_NONE;
}

enum err
snapshot_load(struct directory *d, int dir, int64_t *saved_ms_r)
{
	struct snapshot_head head;
	struct buf b = { 0 };
	enum err e = read_whole(dir, &b);

	if (e == ERR_NONE && b.len < sizeof(head))
		e = ERR_SYNTAX;
	if (e != ERR_NONE)
		goto out;
	memcpy(&head, b.p, sizeof(head));
	if (head.magic != SNAPSHOT_MAGIC || head.layout != directory_layout(SHM_LAYOUT)) {
		e = ERR_VERSION;
		goto out;
	}
	struct span rest = span_from(buf_span(&b), sizeof(head));
	if (head.len != rest.len || head.crc != crc32c(0, rest.p, rest.len)) {
		e = ERR_SYNTAX;
		goto out;
	}
	*saved_ms_r = head.saved_ms;
	e = load_records(d, rest);
out:
	free(b.p);
	return e;
}
