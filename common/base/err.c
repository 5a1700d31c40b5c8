/* The words for errors, and the two ways a process ends itself. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fsm.h"
#include "base/log.h"

const char *
err_name(enum err e)
{
	switch (e) {
	case ERR_NONE:
		return "none";
	case ERR_SYNTAX:
		return "syntax";
	case ERR_RANGE:
		return "range";
	case ERR_FULL:
		return "full";
	case ERR_ABSENT:
		return "absent";
	case ERR_EXISTS:
		return "exists";
	case ERR_DENIED:
		return "denied";
	case ERR_AGAIN:
		return "again";
	case ERR_CLOSED:
		return "closed";
	case ERR_VERSION:
		return "version";
	case ERR_IO:
		return "io";
	}
	return "unknown";
}

void
fatal(int errno_, const char *fmt, ...)
{
	struct log_field field = LOG_STR("error", errno_ == 0 ? NULL : strerrordesc_np(errno_));
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_emit(LOG_LEVEL_FATAL, NULL, text, &field, errno_ == 0 ? 0 : 1);
	exit(1);
}

static void
log_trace(void)
{
	static char text[16384];
	struct buf b = buf_on(text, sizeof(text));
	struct span rest, line;

	fsm_trace_put(&b);
	rest = buf_span(&b);
	while (rest.len > 0) {
		struct log_field field;

		rest = span_cut(rest, '\n', &line);
		field = (struct log_field)LOG_SPAN("step", line);
		log_emit(LOG_LEVEL_FATAL, NULL, "trace", &field, 1);
	}
}

void
panic_at(const char *file, int line, const char *fmt, ...)
{
	static bool panicking;
	char text[512];
	va_list args;

	/* A bug met while reporting a bug: the core says more than we could. */
	if (panicking)
		abort();
	panicking = true;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	struct log_field fields[] = {
		LOG_STR("what", text),
		LOG_STR("file", file),
		LOG_U64("line", (uint64_t)line),
	};
	log_emit(LOG_LEVEL_FATAL, NULL, "panic", fields, sizeof(fields) / sizeof(fields[0]));
	log_trace();
	abort();
}
