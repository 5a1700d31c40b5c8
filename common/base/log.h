/*
 * The log: one line an event, to stderr, or to the journal with its fields when systemd gave us one.
 *
 *     log_info("binding added", LOG_SPAN("aor", aor), LOG_U64("expires_s", n));
 *
 * prints
 *
 *     2026-11-21T10:00:00.123Z registrar info: binding added aor=sip:bob@example.com expires_s=3600
 *
 * Values go through one encoder (control bytes, DEL and invalid UTF-8 as \xNN, spaces make quotes),
 * a line is bounded at 1 KiB, and a message class (its call site) is limited to LOG_RATE a second with
 * a count of what was left out. Secrets are never a field: there is no way to log a header whole.
 */
#ifndef TANDEM_BASE_LOG_H
#define TANDEM_BASE_LOG_H

#include <stdint.h>

#include "base/netaddr.h"
#include "base/span.h"

enum log_level { LOG_LEVEL_FATAL, LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum { LOG_RATE = 50 };

struct log_field {
	enum { LOG_F_NONE, LOG_F_SPAN, LOG_F_STR, LOG_F_U64, LOG_F_I64, LOG_F_HEX, LOG_F_ADDR } type;
	const char *name;
	union {
		struct span span;
		const char *str;
		uint64_t u64;
		int64_t i64;
		const struct netaddr *addr;
	};
};

#define LOG_SPAN(n, v) { .type = LOG_F_SPAN, .name = n, .span = (v) }
#define LOG_STR(n, v)  { .type = LOG_F_STR, .name = n, .str = (v) }
#define LOG_U64(n, v)  { .type = LOG_F_U64, .name = n, .u64 = (v) }
#define LOG_I64(n, v)  { .type = LOG_F_I64, .name = n, .i64 = (v) }
#define LOG_HEX(n, v)  { .type = LOG_F_HEX, .name = n, .u64 = (v) }
#define LOG_ADDR(n, v) { .type = LOG_F_ADDR, .name = n, .addr = (v) }

struct log_class {           /* one per call site, for the rate limit */
	uint64_t second;
	uint32_t count, dropped;
};

/* Who we are in each line ("worker 2"), and what is let through. */
void log_init(const char *who, enum log_level level);
void log_level_set(enum log_level level);
enum log_level log_level_of(const char *word, enum log_level otherwise);
void log_emit(enum log_level level, struct log_class *class, const char *event,
    const struct log_field *fields, unsigned n);
extern enum log_level log_threshold; /* the one word read at every call site; set by log_init */

#define log_at(level, event, ...)                                                                  \
	do {                                                                                       \
		if ((level) <= log_threshold) {                                                    \
			static struct log_class class_;                                            \
			const struct log_field f_[] = { { .type = LOG_F_NONE }, ##__VA_ARGS__ };   \
			log_emit(level, &class_, event, f_ + 1,                                    \
			    (unsigned)(sizeof(f_) / sizeof(f_[0])) - 1);                           \
		}                                                                                  \
	} while (0)
#define log_error(event, ...) log_at(LOG_LEVEL_ERROR, event, ##__VA_ARGS__)
#define log_warn(event, ...)  log_at(LOG_LEVEL_WARN, event, ##__VA_ARGS__)
#define log_info(event, ...)  log_at(LOG_LEVEL_INFO, event, ##__VA_ARGS__)
#define log_debug(event, ...) log_at(LOG_LEVEL_DEBUG, event, ##__VA_ARGS__)

#endif
