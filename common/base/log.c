/*
 * The log. A line is built on the stack and written at once: nothing is allocated, no lock is taken,
 * so a line may be logged between fork and exec. Processes are single-threaded; so is this.
 */
#include "base/log.h"

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { LINE = 1024, FIELDS = 24, JOURNAL_TEXT = 4096 };

/* Names are literals of ours; the longest line start leaves most of LINE to the fields. */
static char who[64] = "tandem";
static bool to_journal;

enum log_level log_threshold = LOG_LEVEL_INFO;

static const struct {
	const char *word;
	int priority; /* syslog's */
} levels[] = {
	[LOG_LEVEL_FATAL] = { "fatal", 2 },
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

enum { N_LEVELS = sizeof(levels) / sizeof(levels[0]) };

/* systemd tells in JOURNAL_STREAM which device and inode it gave us as stderr. A child whose stderr
 * was redirected since still has the variable: hence the comparison (systemd.exec(5)). */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (stream == NULL || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void
log_init(const char *name, enum log_level level)
{
	span_cstr(span_str(name), who, sizeof(who));
	to_journal = stderr_is_journal();
	log_threshold = level;
}

void
log_level_set(enum log_level level)
{
	log_threshold = level;
}

enum log_level
log_level_of(const char *word, enum log_level otherwise)
{
	for (unsigned i = 0; word != NULL && i < N_LEVELS; i++)
		if (strcmp(word, levels[i].word) == 0)
			return (enum log_level)i;
	return otherwise;
}

/* The length of the UTF-8 sequence s begins with; 0 when it is invalid (overlong, a surrogate, beyond
 * U+10FFFF, cut off) or a C1 control, which a terminal would obey. */
static size_t
utf8_len(struct span s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t code = p[0] & (0x7fu >> n);

	if (p[0] < 0xc2 || p[0] > 0xf4 || s.len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < 0xa0 || (n == 3 && code < 0x800) || (n == 4 && code < 0x10000))
		return 0;
	return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : n;
}

/* The one encoder. In a value, the quote and the backslash are escaped too, so that a line can be
 * read back; a message is a literal of ours. */
static void
put_encoded(struct buf *b, struct span s, bool value)
{
	while (s.len > 0 && buf_ok(b)) {
		uint8_t c = (uint8_t)s.p[0];
		size_t n = c < 0x80 ? 1 : utf8_len(s);

		if (n == 0 || c < 0x20 || c == 0x7f || (value && (c == '"' || c == '\\'))) {
			char hex[5] = { '\\', 'x', "0123456789abcdef"[c >> 4],
				"0123456789abcdef"[c & 15] };

			buf_put(b, span_of(hex, 4));
			n = 1;
		} else {
			buf_put(b, span_first(s, n));
		}
		s = span_from(s, n);
	}
}

static void
put_text(struct buf *b, struct span s, bool quotes)
{
	quotes = quotes && (s.len == 0 || span_index(s, ' ') >= 0);
	if (quotes)
		buf_char(b, '"');
	put_encoded(b, s, true);
	if (quotes)
		buf_char(b, '"');
}

static void
put_value(struct buf *b, const struct log_field *f, bool quotes)
{
	switch (f->type) {
	case LOG_F_NONE:
		break;
	case LOG_F_SPAN:
		put_text(b, f->span, quotes);
		break;
	case LOG_F_STR:
		put_text(b, span_str(f->str), quotes);
		break;
	case LOG_F_U64:
		buf_u64(b, f->u64);
		break;
	case LOG_F_I64:
		if (f->i64 < 0)
			buf_char(b, '-');
		buf_u64(b, f->i64 < 0 ? 0 - (uint64_t)f->i64 : (uint64_t)f->i64);
		break;
	case LOG_F_HEX:
		buf_printf(b, "%llx", (unsigned long long)f->u64);
		break;
	case LOG_F_ADDR:
		netaddr_put(b, f->addr);
		break;
	}
}

static void
put_fields(struct buf *b, const struct log_field *fields, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		buf_char(b, ' ');
		buf_str(b, fields[i].name);
		buf_char(b, '=');
		put_value(b, &fields[i], true);
	}
}

static void
line_end(struct buf *b)
{
	static const struct span cut = { "...", 3 };

	/* The buffer was given 4 bytes less than its memory has. */
	b->cap += 4;
	if (b->overrun) {
		b->overrun = false;
		buf_put(b, cut);
	}
	buf_char(b, '\n');
}

static void
write_line(enum log_level level, const char *event, const struct log_field *fields, unsigned n)
{
	char text[LINE];
	struct buf b = buf_on(text, sizeof(text) - 4);
	struct clock now;
	ssize_t wrote;

	clock_read(&now);
	clock_put_utc(&b, now.wall_ms);
	buf_char(&b, ' ');
	buf_str(&b, who);
	buf_char(&b, ' ');
	buf_str(&b, levels[level].word);
	buf_lit(&b, ": ");
	put_encoded(&b, span_str(event), false);
	put_fields(&b, fields, n);
	line_end(&b);
	/* Nobody to tell when stderr does not take it. */
	do
		wrote = write(STDERR_FILENO, b.p, b.len);
	while (wrote < 0 && errno == EINTR);
}

/* One field for the journal, "TANDEM_NAME=value": cut off when there is no more room. */
static struct iovec
journal_field(struct buf *b, const struct log_field *f)
{
	size_t start = b->len;

	buf_lit(b, "TANDEM_");
	for (const char *p = f->name; *p != '\0'; p++)
		buf_char(b, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
	buf_char(b, '=');
	put_value(b, f, false);
	return (struct iovec){ b->p + start, b->len - start };
}

static bool
send_journal(enum log_level level, const char *event, const struct log_field *fields, unsigned n)
{
	char text[JOURNAL_TEXT], message[LINE];
	char priority[] = "PRIORITY=0", identifier[] = "SYSLOG_IDENTIFIER=tandem";
	struct buf b = buf_on(text, sizeof(text)), m = buf_on(message, sizeof(message));
	struct log_field process = LOG_STR("process", who);
	struct iovec iov[FIELDS + 4];
	int count = 0;

	buf_lit(&m, "MESSAGE=");
	put_encoded(&m, span_str(event), false);
	put_fields(&m, fields, n);
	priority[sizeof(priority) - 2] = (char)('0' + levels[level].priority);
	iov[count++] = (struct iovec){ m.p, m.len };
	iov[count++] = (struct iovec){ priority, sizeof(priority) - 1 };
	iov[count++] = (struct iovec){ identifier, sizeof(identifier) - 1 };
	iov[count++] = journal_field(&b, &process);
	for (unsigned i = 0; i < n && i < FIELDS && buf_ok(&b); i++) {
		iov[count] = journal_field(&b, &fields[i]);
		/* A field that was cut may lack its '=', which would spoil the whole record. */
		if (buf_ok(&b))
			count++;
	}
	return sd_journal_sendv(iov, count) == 0;
}

/* True when the class may log now; *left_out_r tells how many it could not since it last did. */
static bool
class_admits(struct log_class *class, uint32_t *left_out_r)
{
	struct clock now;

	*left_out_r = 0;
	if (class == NULL)
		return true;
	clock_read(&now);
	if (class->second != now.mono_ns / NS_PER_S) {
		class->second = now.mono_ns / NS_PER_S;
		class->count = 0;
		*left_out_r = class->dropped;
		class->dropped = 0;
	}
	if (class->count >= LOG_RATE) {
		class->dropped++;
		return false;
	}
	class->count++;
	return true;
}

static void
emit(enum log_level level, const char *event, const struct log_field *fields, unsigned n)
{
	/* sd_journal_sendv is silent, too, when there is no journal; but then systemd, which gave us
	 * its stream, holds the socket while journald restarts. */
	if (!to_journal || !send_journal(level, event, fields, n))
		write_line(level, event, fields, n);
}

void
log_emit(enum log_level level, struct log_class *class, const char *event,
    const struct log_field *fields, unsigned n)
{
	int errno_ = errno;
	uint32_t left_out;

	if (class_admits(class, &left_out)) {
		if (left_out > 0) {
			struct log_field count[] = {
				LOG_STR("of", event),
				LOG_U64("count", left_out),
			};

			emit(level, "lines left out", count, 2);
		}
		emit(level, event, fields, n);
	}
	errno = errno_;
}
