/*
 * The journal: every record of a call is on disk before its ring has it back, and stays there until
 * the database has committed it. It promises that nothing taken is lost and that what was not
 * committed is offered again; that nothing is doubled is the keys' work in the database.
 *
 * The bytes since the last sync stay in memory: when the kernel fails to write them they are written
 * again from here, since after a failed fdatasync nobody knows what is on disk.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static void
trouble(struct journal *j, const char *what)
{
	if (!j->broken)
		log_error("journal cannot be written: records wait in shared memory",
		    LOG_STR("doing", what), LOG_STR("error", strerror(errno)),
		    LOG_U64("segment", j->seq));
	j->broken = true;
}

static bool
is_before(struct journal_pos a, struct journal_pos b)
{
	return a.seq != b.seq ? a.seq < b.seq : a.at < b.at;
}

/* --- the start ---------------------------------------------------------------------------------- */

/* Opens the newest segment for writing and cuts what does not end in a whole frame. */
static void
take_tail(struct journal *j, uint64_t good)
{
	char name[32];
	struct stat st;

	segment_name(name, j->seq);
	j->fd = openat(j->dir, name, O_RDWR | O_CLOEXEC);
	if (j->fd < 0 || fstat(j->fd, &st) != 0) {
		trouble(j, "open");
		return;
	}
	if ((uint64_t)st.st_size > good) {
		log_warn("journal ends in a torn record: cut", LOG_STR("segment", name),
		    LOG_U64("at", good), LOG_U64("bytes", (uint64_t)st.st_size - good));
		if (ftruncate(j->fd, (off_t)good) != 0)
			trouble(j, "cut");
	}
	j->synced = j->written = good;
}

struct scan {
	uint64_t identity;
	int64_t wall_ms;
	uint64_t frames;
};

static void
scan_frame(struct journal *j, struct scan *scan, const struct frame *frame)
{
	struct record_about about;

	scan->wall_ms = frame->wall_ms;
	scan->frames++;
	if (frame->record.len == 0 || record_about(frame->record, &about) != ERR_NONE)
		return;
	open_calls_saw(&j->open, &about, frame->pos, scan->identity);
	if (is_before(frame->pos, j->mark))
		return;
	j->pending += about.kind >= CDR_CLOSED;
	if (about.kind == CDR_MESSAGE_GONE)
		j->gone = frame->pos;
}

static void
damaged(const struct frames *f)
{
	log_error("journal damaged: bytes that are no record are left out",
	    LOG_U64("segment", f->seq), LOG_U64("at", f->at));
}

/* Reads a segment through; the offset behind its last whole frame, 0 when it cannot be read. */
static uint64_t
scan_segment(struct journal *j, struct scan *scan)
{
	struct frames *f = &j->frames;
	uint64_t end = frames_size(f);
	struct frame frame;
	enum err e;

	if (f->identity != scan->identity)
		open_calls_beat(&j->open, scan->identity, scan->wall_ms);
	scan->identity = f->identity;
	for (;;) {
		e = frames_next(f, end, &frame);
		if (e == ERR_NONE) {
			scan_frame(j, scan, &frame);
			continue;
		}
		uint64_t bad = f->at;
		if (e == ERR_IO || bad >= end || frames_skip(f, end) != ERR_NONE)
			break;
		log_error("journal damaged: bytes that are no record are left out",
		    LOG_U64("segment", f->seq), LOG_U64("at", bad), LOG_U64("bytes", f->at - bad));
	}
	if (e == ERR_IO)
		log_error("journal cannot be read", LOG_U64("segment", f->seq),
		    LOG_U64("at", f->at), LOG_STR("error", strerror(errno)));
	else if (f->at < end && f->seq != j->seq)
		damaged(f);
	return e == ERR_IO ? 0 : f->at;
}

static void
scan_all(struct journal *j)
{
	struct scan scan = { 0 };

	for (uint64_t seq = j->oldest; seq <= j->seq; seq++) {
		enum err e = frames_seek(&j->frames, (struct journal_pos){ seq, 0 });
		if (e != ERR_NONE) {
			log_error("segment of the journal left out", LOG_U64("segment", seq),
			    LOG_STR("error", err_name(e)));
			continue;
		}
		uint64_t good = scan_segment(j, &scan);
		if (seq == j->seq && good != 0 && j->frames.identity == j->identity)
			take_tail(j, good);
	}
	open_calls_beat(&j->open, scan.identity, scan.wall_ms);
	log_info("journal read", LOG_U64("segments", j->seq + 1 - j->oldest),
	    LOG_U64("records", scan.frames), LOG_U64("pending", j->pending),
	    LOG_U64("open_calls", j->open.live), LOG_U64("lost_calls", j->lost));
}

void
journal_open(struct journal *j, int dir, uint64_t identity)
{
	uint64_t first, last;
	char *room = malloc(JOURNAL_BUFFER);

	*j = (struct journal){
		.dir = dir, .fd = -1, .identity = identity, .limit = JOURNAL_SEGMENT
	};
	if (room == NULL)
		fatal(errno, "no memory for the journal");
	j->unsynced = buf_on(room, JOURNAL_BUFFER);
	frames_init(&j->frames, dir);
	open_calls_init(&j->open);
	j->mark = mark_read(dir);
	enum err e = segments_find(dir, &first, &last);
	if (e == ERR_IO)
		log_error("spool directory cannot be read", LOG_STR("error", strerror(errno)));
	if (e != ERR_NONE) {
		j->seq = j->mark.seq;
		j->oldest = j->seq + 1;
		return;
	}
	j->oldest = first;
	j->seq = last > j->mark.seq ? last : j->mark.seq;
	if (j->mark.seq < first)
		j->mark = (struct journal_pos){ first, SEGMENT_HEAD };
	scan_all(j);
	for (struct open_call *c = NULL; (c = open_calls_next(&j->open, c)) != NULL;)
		j->lost += c->identity != identity;
	if (j->lost > 0)
		log_warn("calls were lost with an earlier run_dir: they are closed as estimated",
		    LOG_U64("calls", j->lost));
}

void
journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	free(j->unsynced.p);
	frames_done(&j->frames);
	open_calls_done(&j->open);
}

/* --- writing ------------------------------------------------------------------------------------ */

static enum err
next_segment(struct journal *j)
{
	int fd;

	if (j->unsynced.len > 0 && journal_sync(j) != ERR_NONE)
		return ERR_IO;
	fd = segment_make(j->dir, j->seq + 1, j->identity);
	if (fd < 0) {
		trouble(j, "new segment");
		return ERR_IO;
	}
	if (j->fd >= 0)
		close(j->fd);
	j->fd = fd;
	j->seq++;
	j->synced = j->written = SEGMENT_HEAD;
	j->roll = false;
	if (j->mark.seq == 0)
		j->mark = (struct journal_pos){ j->seq, SEGMENT_HEAD };
	return ERR_NONE;
}

enum err
journal_add(struct journal *j, int64_t wall_ms, struct span record)
{
	size_t need = FRAME_HEAD + record.len;
	uint64_t end = j->synced + j->unsynced.len;
	struct record_about about;

	if (record.len > CDR_RECORD_MAX)
		return ERR_RANGE;
	if ((j->fd < 0 || j->roll || (end + need > j->limit && end > SEGMENT_HEAD)) &&
	    next_segment(j) != ERR_NONE)
		return ERR_IO;
	if (j->unsynced.len + need > j->unsynced.cap && journal_sync(j) != ERR_NONE)
		return ERR_IO;
	struct journal_pos at = { j->seq, j->synced + j->unsynced.len };
	frame_put(&j->unsynced, wall_ms, record);
	if (record.len > 0 && record_about(record, &about) == ERR_NONE) {
		open_calls_saw(&j->open, &about, at, j->identity);
		j->pending += about.kind >= CDR_CLOSED;
		if (about.kind == CDR_MESSAGE_GONE)
			j->gone = at;
	}
	return ERR_NONE;
}

enum err
journal_sync(struct journal *j)
{
	uint64_t end = j->synced + j->unsynced.len;

	if (j->unsynced.len == 0)
		return ERR_NONE;
	while (j->written < end) {
		ssize_t n = pwrite(j->fd, j->unsynced.p + (j->written - j->synced),
		    (size_t)(end - j->written), (off_t)j->written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			trouble(j, "write");
			return ERR_IO;
		}
		j->written += (uint64_t)n;
	}
	if (fdatasync(j->fd) != 0) {
		trouble(j, "sync");
		j->written = j->synced;
		return ERR_IO;
	}
	j->synced = end;
	j->unsynced.len = 0;
	if (j->broken)
		log_warn("journal can be written again", LOG_U64("segment", j->seq));
	j->broken = false;
	return ERR_NONE;
}

bool
journal_knows_gone(const struct journal *j)
{
	return is_before(j->gone, j->mark) || j->gone.seq == 0;
}

void
journal_beat(struct journal *j, int64_t wall_ms)
{
	if (j->open.live > j->lost)
		journal_add(j, wall_ms, SPAN_NONE);
}

/* --- reading ------------------------------------------------------------------------------------ */

enum err
journal_read(struct journal *j, struct frames *f, struct journal_pos *pos, struct frame *frame_r)
{
	if (pos->seq < j->oldest)
		*pos = (struct journal_pos){ j->oldest, 0 };
	for (; pos->seq <= j->seq; *pos = (struct journal_pos){ pos->seq + 1, 0 }) {
		enum err e = frames_seek(f, *pos);
		if (e == ERR_IO)
			return e;
		if (e != ERR_NONE)
			continue;
		/* A newest segment that is not ours to write to does not grow. */
		uint64_t end = pos->seq == j->seq && j->fd >= 0 ? j->synced : frames_size(f);
		e = frames_next(f, end, frame_r);
		if (e != ERR_NONE && e != ERR_IO && f->at < end) {
			damaged(f);
			if (frames_skip(f, end) == ERR_NONE)
				e = frames_next(f, end, frame_r);
		}
		if (e == ERR_NONE)
			pos->at = f->at;
		if (e == ERR_NONE || e == ERR_IO || pos->seq == j->seq)
			return e == ERR_SYNTAX ? ERR_ABSENT : e;
	}
	return ERR_ABSENT;
}

/* The latest record of a call, into b. */
static bool
latest(struct journal *j, const struct open_call *c, struct frame *frame_r)
{
	return frames_seek(&j->frames, c->at) == ERR_NONE &&
	       frames_next(&j->frames, UINT64_MAX, frame_r) == ERR_NONE;
}

void
journal_close_lost(struct journal *j, int64_t wall_ms)
{
	char room[CDR_RECORD_MAX];
	struct frame frame;
	struct open_call *c = NULL;

	while (j->lost > 0 && (c = open_calls_next(&j->open, c)) != NULL) {
		struct buf b = buf_on(room, sizeof(room));
		if (c->identity == j->identity)
			continue;
		bool known = latest(j, c, &frame) && record_close(frame.record, c->seen_ms, &b);
		if (!known)
			log_error("a lost call cannot be closed: its record is not readable",
			    LOG_U64("segment", c->at.seq), LOG_U64("at", c->at.at));
		else if (journal_add(j, wall_ms, buf_span(&b)) != ERR_NONE)
			return;
		/* Adding its closing record has forgotten it. */
		if (!known)
			open_calls_forget(&j->open, c);
		j->lost--;
	}
}

/* Writes what is still open in a segment once more, into the newest. */
static bool
carry(struct journal *j, uint64_t seq, int64_t wall_ms)
{
	struct frame frame;
	struct open_call *c = NULL;
	bool any = false;

	while ((c = open_calls_next(&j->open, c)) != NULL) {
		if (c->at.seq != seq)
			continue;
		if (c->identity != j->identity)
			return false;
		if (!latest(j, c, &frame))
			continue;
		/* A record without segments may not have moved the call's place by itself. */
		struct journal_pos before = c->at;
		if (journal_add(j, wall_ms, frame.record) != ERR_NONE)
			return false;
		if (c->at.seq == before.seq)
			c->at = (struct journal_pos){ j->seq,
				j->synced + j->unsynced.len - FRAME_HEAD - frame.record.len };
		any = true;
	}
	return !any || journal_sync(j) == ERR_NONE;
}

void
journal_mark(struct journal *j, struct journal_pos pos, uint64_t closed, int64_t wall_ms)
{
	j->pending -= closed < j->pending ? closed : j->pending;
	j->mark = pos;
	if (!mark_write(j->dir, pos))
		log_warn(
		    "mark of the journal not written: rows are offered again at the next start",
		    LOG_STR("error", strerror(errno)));
	while (j->oldest < pos.seq && carry(j, j->oldest, wall_ms) &&
	       segment_remove(j->dir, j->oldest))
		j->oldest++;
}

uint64_t
journal_bytes(const struct journal *j)
{
	uint64_t end = j->synced + j->unsynced.len;

	if (j->seq < j->mark.seq || j->mark.seq == 0)
		return 0;
	if (j->seq == j->mark.seq)
		return end > j->mark.at ? end - j->mark.at : 0;
	return (j->seq - j->mark.seq) * j->limit - j->mark.at + end;
}
