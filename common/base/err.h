/*
 * Errors: one convention for the whole house.
 *
 * An expected failure is an enum err, 0 is good. A broken environment (no file, no memory at start,
 * a kernel that refuses) is fatal(): the process says why and exits with 1; the supervisor backs
 * off. A bug of our own is panic(): the last trace lines, then abort(). Network input can never
 * reach fatal() or panic().
 */
#ifndef TANDEM_BASE_ERR_H
#define TANDEM_BASE_ERR_H

enum err {
	ERR_NONE = 0,
	ERR_SYNTAX,   /* the text is not of the grammar */
	ERR_RANGE,    /* of the grammar, but outside what we take */
	ERR_FULL,     /* a pool, ring, table or buffer has no room */
	ERR_ABSENT,   /* there is no such thing */
	ERR_EXISTS,   /* there is one already */
	ERR_DENIED,   /* not allowed */
	ERR_AGAIN,    /* not now; will be tried again */
	ERR_CLOSED,   /* the other side is gone */
	ERR_VERSION,  /* another layout or schema than ours */
	ERR_IO,       /* the system said no; errno tells */
};

/* The word for an error, for logs. Never NULL. */
const char *err_name(enum err e);

/* Logs the message (printf style, one line) at LOG_FATAL with errno's text if errno_ is not 0, and
 * exits with status 1. For a broken environment only. */
_Noreturn void fatal(int errno_, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Our own bug: logs where and what, writes the last trace lines (fsm.h), aborts. */
_Noreturn void panic_at(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)
/* An invariant of ours; kept in release builds. */
#define must(cond) ((cond) ? (void)0 : panic("must: %s", #cond))

#endif
