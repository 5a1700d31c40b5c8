/*
 * Who sent a call on, to whom it was meant at first, and why: one list, which two headers can say.
 * Diversion (RFC 5806) is what trunks know, newest first; History-Info (RFC 7044) is the standard's,
 * oldest first, with the cause in the URI that was the target (RFC 4458). RFC 7544 says how the one
 * becomes the other:
 *
 *     list                         Diversion                             History-Info
 *     B, user-busy                 <sip:C>;reason=no-answer;counter=1    <sip:B>;index=1
 *     C, no-answer, private        ;privacy=full                        <sip:C;cause=486?Privacy=history>
 *     (now it rings at D)          <sip:B>;reason=user-busy;counter=1    ;index=1.1;mp=1
 *                                                                        <sip:D;cause=408>
 *                                                                        ;index=1.1.1;mp=1.1
 *
 * To whom each of them sent it is the next one in the list, and for the last the Request-URI. Whether a
 * list is believed is the caller's business (THREATS A2), and so is what an untrusted peer may see.
 */
#ifndef TANDEM_SIP_DIVERSION_H
#define TANDEM_SIP_DIVERSION_H

#include "sip/addr.h"
#include "sip/msg.h"

enum { DIVERSIONS_MAX = 10, DIVERSION_COUNTER_MAX = 99 };

/* id, the word of RFC 5806, the cause of RFC 4458 and 7544 (5, 6): of several reasons with one cause, the
 * first is what the cause means. */
#define DIVERSION_REASONS(X)                                                                       \
	X(UNKNOWN, "unknown", 404) X(UNCONDITIONAL, "unconditional", 302)                          \
	X(USER_BUSY, "user-busy", 486) X(NO_ANSWER, "no-answer", 408)                              \
	X(DEFLECTION, "deflection", 480) X(UNAVAILABLE, "unavailable", 503)                        \
	X(TIME_OF_DAY, "time-of-day", 404) X(DO_NOT_DISTURB, "do-not-disturb", 404)                \
	X(FOLLOW_ME, "follow-me", 404) X(OUT_OF_SERVICE, "out-of-service", 404) X(AWAY, "away", 404)
enum diversion_reason {
#define X(id, text, cause) DIVERSION_##id,
	DIVERSION_REASONS(X)
#undef X
	DIVERSION_N_REASONS
};

enum diversion_privacy { DIVERSION_OFF, DIVERSION_NAME, DIVERSION_URI, DIVERSION_FULL };

struct diversion {
	struct span uri;         /* of who sent it on, as written */
	struct span display;     /* as written; p == NULL: none */
	enum diversion_reason reason;
	enum diversion_privacy privacy;
	uint32_t counter;        /* this one and those before it that are not in the list: 1 .. 99 */
};

struct diversions {              /* oldest first; its text is the message's, or the caller's */
	unsigned n;
	struct diversion item[DIVERSIONS_MAX];
};

/* What the message says, in either header. When both do, the one that knows more: some element on the
 * way knew only that one; the same number: History-Info. Malformed entries are passed over; of too many,
 * the oldest and the newest are kept, and the counters tell of the others. */
void diversions(const struct sip_msg *m, struct diversions *list_r);
void diversions_of_diversion(const struct sip_msg *m, struct diversions *list_r);
void diversions_of_history(const struct sip_msg *m, struct diversions *list_r);
/* How often it was sent on in all: what a limit is compared with. */
unsigned diversions_count(const struct diversions *list);
/* One more at the end, counter 1; false when there is no room, which is a loop. */
bool diversions_add(struct diversions *list, struct span uri, enum diversion_reason reason,
    enum diversion_privacy privacy);

/* Header lines, newest first; nothing for an empty list. */
void sip_put_diversion(struct buf *b, const struct diversions *list);
/* One header line, oldest first, the target (the Request-URI) at its end; nothing for an empty list. A
 * URI that cannot be read is written as unknown@unknown.invalid, which also stands for those that only a
 * counter tells of (RFC 7544 5). */
void sip_put_history(struct buf *b, const struct diversions *list, struct span target);

#endif
