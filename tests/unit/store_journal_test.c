/*
 * journal: nothing that was synced is lost, whatever the end of the file looks like; what the mark has
 * passed is not offered again; a disk that takes nothing loses nothing; open calls outlive their
 * segment and, without their run_dir, are closed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/crc32c.h"
#include "ipc_temp.h"
#include "store/store.h"

enum { IDENTITY = 7, WALL = 1000000 };

static struct temp spool;
static struct journal j;

static void
make(void)
{
	spool = temp_new();
	journal_open(&j, spool.fd, IDENTITY);
}

static void
end(void)
{
	journal_close(&j);
	temp_drop(&spool);
}

TestSuite(store_journal, .init = make, .fini = end);

static void
reopen(uint64_t identity, uint64_t limit)
{
	journal_close(&j);
	journal_open(&j, spool.fd, identity);
	j.limit = limit;
}

/* A record of call n; with a segment when it says so. */
static struct span
record(char *room, size_t cap, enum cdr_kind kind, unsigned n, bool segment)
{
	struct buf b = buf_on(room, cap);
	struct cdr_writer w;
	uint8_t id[16] = { 0 };

	memcpy(id, &n, sizeof(n));
	cdr_begin(&w, &b, kind);
	cdr_part(&w, CDR_P_CALL);
	cdr_uuid(&w, CDR_CALL_call_id, id);
	cdr_int(&w, CDR_CALL_tenant_id, 1);
	cdr_time(&w, CDR_CALL_setup_at, WALL);
	if (segment) {
		cdr_part(&w, CDR_P_SEGMENT);
		cdr_int(&w, CDR_SEGMENT_seq, 1);
		cdr_time(&w, CDR_SEGMENT_start_at, WALL);
		cdr_time(&w, CDR_SEGMENT_answer_at, WALL + 500);
		cdr_int(&w, CDR_SEGMENT_bill_ms, 0);
	}
	cr_assert(cdr_end(&w));
	return buf_span(&b);
}

static enum err
add(enum cdr_kind kind, unsigned n)
{
	char room[512];

	return journal_add(&j, WALL + n, record(room, sizeof(room), kind, n, kind != CDR_OPEN));
}

static void
add_synced(unsigned from, unsigned to)
{
	for (unsigned n = from; n < to; n++)
		cr_assert_eq(add(CDR_CLOSED, n), ERR_NONE);
	cr_assert_eq(journal_sync(&j), ERR_NONE);
}

/* Reads from the mark on: calls `from` to `to` must come, in order, and nothing else. */
static struct journal_pos
expect(unsigned from, unsigned to)
{
	struct frames f;
	struct frame frame;
	struct journal_pos pos = j.mark;
	enum cdr_kind kind;
	uint8_t id[16];
	unsigned n = from;

	frames_init(&f, spool.fd);
	while (journal_read(&j, &f, &pos, &frame) == ERR_NONE) {
		unsigned is;
		if (frame.record.len == 0)
			continue;
		cr_assert_eq(record_call(frame.record, &kind, id), ERR_NONE);
		memcpy(&is, id, sizeof(is));
		cr_assert_eq(is, n, "call %u where %u should be", is, n);
		n++;
	}
	cr_expect_eq(n, to, "up to %u instead of %u", n, to);
	frames_done(&f);
	return pos;
}

static off_t
size_of(uint64_t seq)
{
	char name[32];
	struct stat st;

	segment_name(name, seq);
	return fstatat(spool.fd, name, &st, 0) == 0 ? st.st_size : -1;
}

static void
patch(uint64_t seq, off_t at, const char *bytes, size_t n)
{
	char name[32];

	segment_name(name, seq);
	int fd = openat(spool.fd, name, O_WRONLY);
	cr_assert_eq(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

static void
cut(uint64_t seq, off_t size)
{
	char name[32];

	segment_name(name, seq);
	int fd = openat(spool.fd, name, O_WRONLY);
	cr_assert_eq(ftruncate(fd, size), 0);
	close(fd);
}

Test(store_journal, crc)
{
	cr_expect_eq(crc32c(0, "123456789", 9), 0xe3069283);
	cr_expect_eq(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	cr_expect_eq(crc32c(0, "", 0), 0);
	cr_expect_eq(crc32c_by_tables(0, "123456789", 9), 0xe3069283);
}

/* A journal may be read where the processor has no instruction for it. */
Test(store_journal, crc_by_tables_is_the_same)
{
	uint8_t bytes[67];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(bytes); n++)
		cr_expect_eq(crc32c(7, bytes, n), crc32c_by_tables(7, bytes, n), "%zu bytes", n);
}

Test(store_journal, only_what_is_synced_is_read)
{
	add_synced(0, 3);
	cr_assert_eq(add(CDR_CLOSED, 3), ERR_NONE);
	expect(0, 3);
	cr_assert_eq(journal_sync(&j), ERR_NONE);
	expect(0, 4);
	cr_expect_eq(j.pending, 4);
}

Test(store_journal, replay_after_the_mark)
{
	add_synced(0, 5);
	struct journal_pos pos = expect(0, 5);
	add_synced(5, 8);
	journal_mark(&j, pos, 5, WALL);
	cr_expect_eq(j.pending, 3);
	expect(5, 8);
	reopen(IDENTITY, JOURNAL_SEGMENT);
	cr_expect_eq(j.pending, 3);
	expect(5, 8);
	add_synced(8, 9);
	expect(5, 9);
}

Test(store_journal, torn_tail_of_any_length)
{
	add_synced(0, 3);
	off_t good = size_of(1);
	add_synced(3, 4);
	off_t whole = size_of(1);

	for (off_t size = whole - 1; size >= good; size--) {
		cut(1, size);
		reopen(IDENTITY, JOURNAL_SEGMENT);
		cr_expect_eq(size_of(1), good);
		cr_expect_eq(j.pending, 3);
		add_synced(3, 4);
		cr_expect_eq(size_of(1), whole);
		expect(0, 4);
	}
}

Test(store_journal, zeros_and_rubbish_at_the_end)
{
	char rubbish[5000];

	add_synced(0, 2);
	off_t good = size_of(1);
	memset(rubbish, 0, sizeof(rubbish));
	patch(1, good, rubbish, sizeof(rubbish));
	reopen(IDENTITY, JOURNAL_SEGMENT);
	cr_expect_eq(size_of(1), good);
	memset(rubbish, 0x11, sizeof(rubbish));
	patch(1, good, rubbish, sizeof(rubbish));
	reopen(IDENTITY, JOURNAL_SEGMENT);
	cr_expect_eq(size_of(1), good);
	add_synced(2, 4);
	expect(0, 4);
}

Test(store_journal, one_bad_record_costs_one_record)
{
	add_synced(0, 1);
	off_t second = size_of(1);
	add_synced(1, 2);
	off_t third = size_of(1);
	add_synced(2, 4);
	for (off_t at = second; at < third; at++) {
		char byte, flipped;
		char name[32];
		segment_name(name, 1);
		int fd = openat(spool.fd, name, O_RDWR);
		cr_assert_eq(pread(fd, &byte, 1, at), 1);
		flipped = (char)(byte ^ 0x40);
		cr_assert_eq(pwrite(fd, &flipped, 1, at), 1);
		reopen(IDENTITY, JOURNAL_SEGMENT);
		cr_expect_eq(j.pending, 3, "byte %ld", (long)at);
		cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
		close(fd);
	}
	reopen(IDENTITY, JOURNAL_SEGMENT);
	expect(0, 4);
}

Test(store_journal, damage_while_running)
{
	add_synced(0, 3);
	patch(1, SEGMENT_HEAD + 4, "xxxx", 4);
	expect(1, 3);
}

Test(store_journal, segments_go_when_all_is_inserted)
{
	j.limit = 400;
	add_synced(0, 20);
	cr_expect_gt(j.seq, 3);
	expect(0, 20);
	struct journal_pos pos = expect(0, 20);
	journal_mark(&j, pos, 20, WALL);
	cr_expect_eq(size_of(1), -1);
	cr_expect_eq(j.oldest, j.seq);
	cr_expect_eq(j.pending, 0);
	reopen(IDENTITY, 400);
	cr_expect_eq(j.pending, 0);
	add_synced(20, 30);
	expect(20, 30);
}

Test(store_journal, without_a_mark_all_is_offered_again)
{
	j.limit = 400;
	add_synced(0, 20);
	struct journal_pos pos = expect(0, 20);
	pos.seq -= 2;
	pos.at = 0;
	journal_mark(&j, pos, 10, WALL);
	int fd = openat(spool.fd, "mark", O_WRONLY | O_TRUNC);
	cr_assert_eq(write(fd, "torn", 4), 4);
	close(fd);
	reopen(IDENTITY, 400);
	cr_expect_eq(j.mark.seq, j.oldest);
	cr_expect_gt(j.pending, 0);
	cr_expect_lt(j.pending, 20);
}

Test(store_journal, a_segment_torn_at_birth)
{
	add_synced(0, 2);
	int fd = openat(spool.fd, "journal-0000000002", O_WRONLY | O_CREAT, 0600);
	cr_assert_eq(write(fd, "TJOU", 4), 4);
	close(fd);
	reopen(IDENTITY, JOURNAL_SEGMENT);
	cr_expect_eq(j.pending, 2);
	add_synced(2, 4);
	cr_expect_eq(j.seq, 3);
	expect(0, 4);
}

static void
limit_files_to(rlim_t bytes)
{
	struct rlimit l;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &l);
	l.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &l);
}

Test(store_journal, a_full_disk_loses_nothing)
{
	struct rlimit before;
	unsigned n = 2;

	getrlimit(RLIMIT_FSIZE, &before);
	add_synced(0, 2);
	limit_files_to((rlim_t)size_of(1) + 10);
	while (add(CDR_CLOSED, n) == ERR_NONE)
		n++;
	cr_expect_gt(n, 1000, "it takes what the buffer can hold");
	cr_expect_eq(journal_sync(&j), ERR_IO);
	cr_expect(j.broken);
	expect(0, 2);
	setrlimit(RLIMIT_FSIZE, &before);
	cr_expect_eq(journal_sync(&j), ERR_NONE);
	cr_expect_not(j.broken);
	add_synced(n, n + 3);
	expect(0, n + 3);
	reopen(IDENTITY, JOURNAL_SEGMENT);
	expect(0, n + 3);
}

Test(store_journal, no_new_segment_loses_nothing)
{
	struct rlimit before;

	getrlimit(RLIMIT_FSIZE, &before);
	add_synced(0, 2);
	j.limit = (uint64_t)size_of(1);
	limit_files_to(4);
	cr_expect_eq(add(CDR_CLOSED, 2), ERR_IO);
	cr_expect_eq(size_of(2), -1, "nothing half made is left");
	setrlimit(RLIMIT_FSIZE, &before);
	add_synced(2, 3);
	expect(0, 3);
}

Test(store_journal, open_calls_outlive_their_segment)
{
	j.limit = 600;
	cr_assert_eq(add(CDR_OPEN, 100), ERR_NONE);
	cr_assert_eq(add(CDR_ANSWERED, 100), ERR_NONE);
	cr_assert_eq(add(CDR_OPEN, 101), ERR_NONE);
	add_synced(0, 20);
	cr_assert_eq(add(CDR_CLOSED, 101), ERR_NONE);
	cr_assert_eq(journal_sync(&j), ERR_NONE);
	cr_expect_eq(j.open.live, 1);
	struct journal_pos pos = { j.seq, j.synced };
	journal_mark(&j, pos, 21, WALL);
	cr_expect_eq(size_of(1), -1);
	reopen(IDENTITY, 600);
	cr_expect_eq(j.open.live, 1);
	cr_expect_eq(j.lost, 0, "its run_dir is still there");
	cr_expect_eq(j.pending, 0);
}

static int64_t
field_of(struct span rec, enum cdr_part part, uint8_t number)
{
	struct cdr_reader r;
	enum cdr_kind kind;
	enum cdr_part p;
	uint8_t n;
	struct span v;

	cr_assert_eq(cdr_open(&r, rec, &kind), ERR_NONE);
	cr_expect_eq(kind, CDR_CLOSED);
	while (cdr_next_part(&r, &p)) {
		while (cdr_next_field(&r, &n, &v)) {
			if (p == part && n == number)
				return cdr_value(v);
		}
	}
	return -1;
}

Test(store_journal, calls_of_a_lost_run_dir_are_closed)
{
	struct frames f;
	struct frame frame;

	cr_assert_eq(add(CDR_ANSWERED, 1), ERR_NONE);
	cr_assert_eq(add(CDR_OPEN, 2), ERR_NONE);
	cr_assert_eq(add(CDR_ANSWERED, 3), ERR_NONE);
	cr_assert_eq(add(CDR_CLOSED, 3), ERR_NONE);
	journal_beat(&j, WALL + 60000);
	cr_assert_eq(journal_sync(&j), ERR_NONE);
	reopen(IDENTITY + 1, JOURNAL_SEGMENT);
	cr_expect_eq(j.lost, 2);
	cr_expect_eq(j.pending, 1);
	journal_close_lost(&j, WALL + 900000);
	cr_expect_eq(j.lost, 0);
	cr_expect_eq(j.open.live, 0);
	cr_expect_eq(j.pending, 3);
	cr_assert_eq(journal_sync(&j), ERR_NONE);

	struct journal_pos pos = { j.seq, 0 };
	frames_init(&f, spool.fd);
	cr_assert_eq(journal_read(&j, &f, &pos, &frame), ERR_NONE);
	cr_expect_eq(field_of(frame.record, CDR_P_CALL, CDR_CALL_closed), 1);
	cr_expect_eq(field_of(frame.record, CDR_P_CALL, CDR_CALL_end_at), WALL + 60000);
	cr_expect_eq(field_of(frame.record, CDR_P_SEGMENT, CDR_SEGMENT_estimated), 1);
	cr_expect_eq(field_of(frame.record, CDR_P_SEGMENT, CDR_SEGMENT_duration_ms), 60000);
	cr_expect_eq(field_of(frame.record, CDR_P_SEGMENT, CDR_SEGMENT_bill_ms), 59500);
	cr_assert_eq(journal_read(&j, &f, &pos, &frame), ERR_NONE);
	cr_expect_eq(field_of(frame.record, CDR_P_SEGMENT, CDR_SEGMENT_seq), 1,
	    "a setup without segment gets one");
	cr_expect_eq(field_of(frame.record, CDR_P_SEGMENT, CDR_SEGMENT_bill_ms), 0);
	frames_done(&f);
	/* A second start finds nothing more to do. */
	reopen(IDENTITY + 1, JOURNAL_SEGMENT);
	cr_expect_eq(j.lost, 0);
	cr_expect_eq(j.pending, 3);
}

Test(store_journal, many_open_calls)
{
	for (unsigned n = 0; n < 3000; n++)
		cr_assert_eq(add(CDR_OPEN, n), ERR_NONE);
	for (unsigned n = 0; n < 3000; n += 2)
		cr_assert_eq(add(CDR_CLOSED, n), ERR_NONE);
	for (unsigned n = 5000; n < 7000; n++)
		cr_assert_eq(add(CDR_OPEN, n), ERR_NONE);
	cr_expect_eq(j.open.live, 3500);
	cr_assert_eq(journal_sync(&j), ERR_NONE);
	reopen(IDENTITY, JOURNAL_SEGMENT);
	cr_expect_eq(j.open.live, 3500);
	cr_expect_eq(j.pending, 1500);
}
