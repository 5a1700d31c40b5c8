/* The files of the journal in the spool directory: journal-N, and the mark, which names the place up
 * to which the database has everything. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"

enum { MARK_BYTES = 20 };

enum err
segments_find(int dir, uint64_t *first_r, uint64_t *last_r)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t first = UINT64_MAX, last = 0;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	while ((entry = readdir(d)) != NULL) {
		char *end;
		if (strncmp(entry->d_name, "journal-", 8) != 0)
			continue;
		uint64_t seq = strtoull(entry->d_name + 8, &end, 10);
		if (seq == 0 || *end != '\0')
			continue;
		first = seq < first ? seq : first;
		last = seq > last ? seq : last;
	}
	closedir(d);
	*first_r = first;
	*last_r = last;
	return last == 0 ? ERR_ABSENT : ERR_NONE;
}

static bool
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		p += put;
		n -= (size_t)put;
	}
	return true;
}

int
segment_make(int dir, uint64_t seq, uint64_t identity)
{
	char name[32], head[SEGMENT_HEAD];

	segment_name(name, seq);
	segment_head_put(head, seq, identity);
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write_all(fd, head, sizeof(head)) && fdatasync(fd) == 0 && fsync(dir) == 0)
		return fd;
	int why = errno;
	unlinkat(dir, name, 0);
	close(fd);
	errno = why;
	return -1;
}

bool
segment_remove(int dir, uint64_t seq)
{
	char name[32];

	segment_name(name, seq);
	return unlinkat(dir, name, 0) == 0 || errno == ENOENT;
}

bool
spool_replace(int dir, const char *name, struct span bytes, bool sync)
{
	char beside[64];
	bool good;

	snprintf(beside, sizeof(beside), "%s.new", name);
	int fd = openat(dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = write_all(fd, bytes.p, bytes.len) && (!sync || fdatasync(fd) == 0);
	int why = errno;
	close(fd);
	if (good && renameat(dir, beside, dir, name) == 0)
		return !sync || fsync(dir) == 0;
	if (good)
		why = errno;
	unlinkat(dir, beside, 0);
	errno = why;
	return false;
}

struct journal_pos
mark_read(int dir)
{
	struct journal_pos mark = { 0, 0 };
	char raw[MARK_BYTES + 1];
	uint32_t crc;
	int fd = openat(dir, "mark", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return mark;
	ssize_t got = read(fd, raw, sizeof(raw));
	close(fd);
	if (got != MARK_BYTES)
		return mark;
	memcpy(&crc, raw + 16, 4);
	if (crc != crc32c(0, raw, 16))
		return mark;
	memcpy(&mark.seq, raw, 8);
	memcpy(&mark.at, raw + 8, 8);
	return mark;
}

/* Not synced: an older mark only means that some rows are offered to the database once more. */
bool
mark_write(int dir, struct journal_pos mark)
{
	char raw[MARK_BYTES];

	memcpy(raw, &mark.seq, 8);
	memcpy(raw + 8, &mark.at, 8);
	uint32_t crc = crc32c(0, raw, 16);
	memcpy(raw + 16, &crc, 4);
	return spool_replace(dir, "mark", span_of(raw, sizeof(raw)), false);
}
