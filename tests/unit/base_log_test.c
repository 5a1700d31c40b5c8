/* log: the line, the encoder, the bound and the rate, read back from stderr. */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

static int kept_stderr, file;
static char text[65536];

static void
capture(void)
{
	log_init("worker 2", LOG_LEVEL_INFO);
	kept_stderr = dup(STDERR_FILENO);
	file = memfd_create("stderr", 0);
	dup2(file, STDERR_FILENO);
}

/* What was logged since capture(), and gives stderr back. */
static char *
captured(void)
{
	ssize_t n;

	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	n = pread(file, text, sizeof(text) - 1, 0);
	close(file);
	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

/* The line behind its time. */
static const char *
captured_line(void)
{
	char *line = captured();

	cr_assert_gt(strlen(line), 25);
	cr_expect_eq(line[10], 'T');
	cr_expect_eq(line[23], 'Z');
	return line + 25;
}

Test(base_log, line)
{
	struct netaddr a = { .ip = { 192, 0, 2, 1 }, .port = 5060, .family = 4 };

	capture();
	errno = EBUSY;
	log_info("binding added", LOG_SPAN("aor", SPAN("sip:bob@example.com")),
	    LOG_U64("n", UINT64_MAX), LOG_I64("d", INT64_MIN), LOG_HEX("id", 0xabc),
	    LOG_ADDR("from", &a), LOG_STR("none", NULL));
	cr_expect_eq(errno, EBUSY);
	cr_expect_str_eq(captured_line(),
	    "worker 2 info: binding added aor=sip:bob@example.com n=18446744073709551615 "
	    "d=-9223372036854775808 id=abc from=192.0.2.1:5060 none=\"\"\n");
}

Test(base_log, no_fields)
{
	capture();
	log_error("it broke");
	cr_expect_str_eq(captured_line(), "worker 2 error: it broke\n");
}

static void
encodes(struct span value, const char *as)
{
	char expected[256];

	capture();
	log_warn("e", LOG_SPAN("v", value));
	snprintf(expected, sizeof(expected), "worker 2 warn: e v=%s\n", as);
	cr_expect_str_eq(captured_line(), expected);
}

Test(base_log, D4_encoder)
{
	encodes(SPAN("a b"), "\"a b\"");
	encodes(SPAN(""), "\"\"");
	encodes(SPAN("a\r\nb\0c\x7f\x1b[2J"), "a\\x0d\\x0ab\\x00c\\x7f\\x1b[2J");
	encodes(SPAN("a\"b\\ c"), "\"a\\x22b\\x5c c\"");
	encodes(SPAN("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80"),
	    "\"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80\"");
	encodes(SPAN("\xc3"), "\\xc3");				   /* cut off */
	encodes(SPAN("\xe2\x82"), "\\xe2\\x82");		   /* cut off */
	encodes(SPAN("\xc3(\x80"), "\\xc3(\\x80");		   /* no continuation */
	encodes(SPAN("\xc0\xaf"), "\\xc0\\xaf");		   /* overlong '/' */
	encodes(SPAN("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");	   /* overlong '/' */
	encodes(SPAN("\xed\xa0\x80"), "\\xed\\xa0\\x80");	   /* a surrogate */
	encodes(SPAN("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
	encodes(SPAN("\xc2\x9b"), "\\xc2\\x9b");		   /* CSI of C1 */
	encodes(SPAN("\xff"), "\\xff");
}

Test(base_log, long_lines_are_cut)
{
	static char big[3000];
	const char *line;
	size_t len;

	memset(big, 'x', sizeof(big));
	capture();
	log_info("big", LOG_SPAN("v", span_of(big, sizeof(big))), LOG_U64("after", 1));
	line = captured();
	len = strlen(line);
	cr_expect_eq(len, 1024);
	cr_expect_str_eq(line + len - 5, "x...\n");
}

Test(base_log, level)
{
	capture();
	log_debug("not shown");
	log_level_set(LOG_LEVEL_ERROR);
	log_warn("not shown");
	log_level_set(LOG_LEVEL_DEBUG);
	log_debug("shown");
	cr_expect_str_eq(captured_line(), "worker 2 debug: shown\n");
	cr_expect_eq(log_level_of("warn", LOG_LEVEL_INFO), LOG_LEVEL_WARN);
	cr_expect_eq(log_level_of("WARN", LOG_LEVEL_INFO), LOG_LEVEL_INFO);
	cr_expect_eq(log_level_of(NULL, LOG_LEVEL_DEBUG), LOG_LEVEL_DEBUG);
}

static unsigned
lines_of(const char *needle)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, needle)) != NULL; p++)
		n++;
	return n;
}

Test(base_log, D4_rate)
{
	struct log_class class = { 0 }, other = { 0 };

	capture();
	/* However the seconds fall: between LOG_RATE and what two seconds let through. */
	for (int i = 0; i < 500; i++)
		log_emit(LOG_LEVEL_INFO, &class, "flood", NULL, 0);
	log_emit(LOG_LEVEL_INFO, &other, "quiet", NULL, 0);
	/* As if the second were over. */
	class.second--;
	class.dropped = 450;
	log_emit(LOG_LEVEL_INFO, &class, "next", NULL, 0);
	captured();
	cr_expect_geq(lines_of(": flood\n"), LOG_RATE);
	cr_expect_leq(lines_of(": flood\n"), 2 * LOG_RATE);
	cr_expect_eq(lines_of(": quiet\n"), 1);
	cr_expect_eq(lines_of(": lines left out of=next count=450\n"), 1);
	cr_expect_eq(lines_of(": next\n"), 1);
}

/* The variable is inherited, the stream is not ours: plain lines go to stderr. */
Test(base_log, a_journal_stream_of_someone_else)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	capture();
	log_info("plain");
	cr_expect_str_eq(captured_line(), "worker 2 info: plain\n");
}

/* A journal's socket in a mount namespace of this test's own process; -1 without the right to it. */
static int
own_journal(void)
{
	struct sockaddr_un un = { AF_UNIX, "/run/systemd/journal/socket" };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/systemd", 0755) < 0 ||
	    mkdir("/run/systemd/journal", 0755) < 0 ||
	    bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

Test(base_log, journal)
{
	struct stat st;
	char stream[64], got[4096];
	int journal = own_journal();
	ssize_t n;

	if (journal < 0)
		cr_skip_test("needs a mount namespace");
	capture();
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("worker 2", LOG_LEVEL_INFO);
	log_warn("it rang", LOG_STR("call_id", "a b\nPRIORITY=0"), LOG_U64("n", 5));
	cr_expect_str_empty(captured());
	n = recv(journal, got, sizeof(got) - 1, MSG_DONTWAIT);
	cr_assert_gt(n, 0);
	got[n] = '\0';
	cr_expect_str_eq(got, "MESSAGE=it rang call_id=\"a b\\x0aPRIORITY=0\" n=5\n"
			      "PRIORITY=4\nSYSLOG_IDENTIFIER=tandem\nTANDEM_PROCESS=worker 2\n"
			      "TANDEM_CALL_ID=a b\\x0aPRIORITY=0\nTANDEM_N=5\n");
	close(journal);
}
