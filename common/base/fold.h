/*
 * Warnings that repeat themselves: a phone with a wrong password tries for ever, and a log of that
 * tells nobody anything. The first of a kind is logged at once; those like it are counted, and one line
 * a minute says how many there were:
 *
 *     authentication failed source=192.0.2.7:5060 reason="wrong password" user=1001 method=REGISTER times=1
 *     authentication failed source=192.0.2.7:5061 reason="wrong password" user=1001 method=REGISTER times=14
 *
 * Alike are those of the same event, reason, address (any port) and user. A minute without any ends it:
 * the next one is a first again. tandemd(8) promises this line to programs that read the log.
 *
 * The memory is fixed, FOLD_PLACES of the process; when all are in use, the one begun longest ago makes
 * room and is told of. What then gets through is bounded by LOG_RATE, as every line is.
 */
#ifndef TANDEM_BASE_FOLD_H
#define TANDEM_BASE_FOLD_H

#include <stdint.h>

#include "base/netaddr.h"
#include "base/span.h"

enum { FOLD_PLACES = 256, FOLD_S = 60, FOLD_TEXT = 64 };

struct fold_warning {
	const char *event, *reason; /* literals: they are kept */
	const struct netaddr *source;
	struct span user, method; /* copied, at most FOLD_TEXT and 16 bytes of them */
	unsigned quiet;		  /* so many in a minute are nothing to speak of */
};

/* Logs it now, or counts it. Cannot fail. */
void fold_warn(const struct fold_warning *w, uint64_t now_ns);
/* Logs the counts whose minute is over; child_turn calls it. Cheap while nothing is due. */
void fold_turn(uint64_t now_ns);

#endif
