/*
 * Session timers (RFC 4028): Session-Expires and Min-SE, read and written, and who refreshes how
 * often. Pure: numbers in, numbers out; the clock, the re-INVITE and the BYE are the leg's. The option
 * tag is SIP_O_TIMER (fields.h). "uac" and "uas" always mean the two sides of the request that is
 * spoken of, a refresh too; `ours` in struct session_timer is what is left when it is over.
 *
 *     UAC (refresher)                           UAS
 *      |  INVITE Supported: timer                |
 *      |         Session-Expires: 50             |
 *      |---------------------------------------->|
 *      |  422 Min-SE: 90                         |
 *      |<----------------------------------------|
 *      |  INVITE Session-Expires: 90, Min-SE: 90 |
 *      |---------------------------------------->|
 *      |  200 Session-Expires: 90;refresher=uac  |
 *      |      Require: timer                     |
 *      |<----------------------------------------|
 *      |                                         |
 *   45 s: UPDATE Session-Expires: 90;refresher=uac
 *      |---------------------------------------->|  none of them until 60 s: BYE
 */
#ifndef TANDEM_SIP_SESSION_TIMER_H
#define TANDEM_SIP_SESSION_TIMER_H

#include "base/buf.h"
#include "sip/msg.h"

enum {
	SESSION_MIN_SE = 90,         /* nobody may ask for less (5); who says nothing means this */
	SESSION_MIN_SE_MAX = 86400,  /* a peer that wants more is not followed */
	SESSION_TRIES_MAX = 3,       /* 422s that one request follows */
};

enum sip_refresher { SIP_REFRESHER_NONE, SIP_REFRESHER_UAC, SIP_REFRESHER_UAS };

struct sip_session_expires {
	uint32_t seconds;
	enum sip_refresher refresher; /* NONE: not said */
};

/* Session-Expires (4). ERR_SYNTAX; what is above 2^32-1 is cut to it. */
enum err sip_session_expires(struct span value, struct sip_session_expires *se_r);
/* Min-SE (5); parameters are passed over. ERR_SYNTAX; what is above 2^32-1 is cut to it. */
enum err sip_min_se(struct span value, uint32_t *seconds_r);
void sip_put_session_expires(struct buf *b, uint32_t seconds, enum sip_refresher refresher);
void sip_put_min_se(struct buf *b, uint32_t seconds);

/* What a request or a 2xx says of session timers. */
struct session_said {
	bool timer;                   /* Supported or Require: timer */
	bool expires;                 /* there is a Session-Expires */
	enum sip_refresher refresher;
	uint32_t seconds;             /* of the Session-Expires */
	uint32_t min_se;              /* 0: none */
};
/* ERR_SYNTAX: a malformed Session-Expires or Min-SE. A request with it gets 400; in a response
 * *said_r is good all the same: as if that header were not there. */
enum err session_said(const struct sip_msg *m, struct session_said *said_r);

/* What we want: timers.min_se_s and timers.session_s. */
struct session_limits {
	uint32_t min_se;     /* at least SESSION_MIN_SE */
	uint32_t session_s;  /* at least min_se; 0: no timer of our own wish */
};

struct session_timer {                /* in a leg: what both sides agreed on; zeroed: nothing yet */
	uint32_t interval_s;          /* 0: no timer */
	uint32_t min_se;              /* the largest that was heard in this dialog; 0: none */
	bool ours;                    /* we refresh; else the peer does, and we watch */
};

/* What the UAS does with a session refresh request (9). */
struct session_answer {
	uint16_t status;              /* 0: good; 422: refuse it, with Min-SE */
	uint32_t min_se;              /* for the 422 */
	struct session_timer timer;
	enum sip_refresher refresher; /* to be written in the 2xx; NONE: no Session-Expires */
	bool require;                 /* to be written in the 2xx: Require: timer */
};
/* `now` is the leg's timer until now: when the UAC leaves it to us, who refreshes goes on to (9); at
 * first it is us, who know then whether the peer lives. Never makes the interval longer than asked for
 * (but 90 s), nor shorter than the request's Min-SE (up to SESSION_MIN_SE_MAX). */
struct session_answer session_uas(const struct session_said *request,
    const struct session_limits *limits, const struct session_timer *now);
/* Into a 2xx: Session-Expires, Require; into a 422: Min-SE. Nothing when there is no timer. */
void session_put_answer(struct buf *b, const struct session_answer *a);

/* What the UAC asks for (7.1), and again after a 422 (7.3). */
struct session_ask {
	uint32_t seconds; /* 0: nothing is asked for */
	uint32_t min_se;  /* 0: not said */
	uint8_t tries;    /* 422s so far */
};
struct session_ask session_ask(const struct session_limits *limits);
/* The same for a later request of the session: what was agreed, and the Min-SE that was heard (7.4). */
struct session_ask session_ask_again(const struct session_limits *limits,
    const struct session_timer *timer);
/* A 422 with this Min-SE came (0: none or malformed). True: ask has grown, send the request anew;
 * false: it makes no sense or is one too many, the request has failed. */
bool session_refused(struct session_ask *ask, uint32_t min_se);
/* Session-Expires and Min-SE into the request; Supported: timer is the caller's. In an INVITE that
 * begins a session, `refresher` is NONE; in a refresh, who refreshes: UAC when that is us (7.4). */
void session_put_ask(struct buf *b, const struct session_ask *ask, enum sip_refresher refresher);
/* The UAC after a 2xx (7.2). When the peer does no timers, we refresh by ourselves. */
struct session_timer session_uac(const struct session_said *response, const struct session_ask *ask,
    const struct session_limits *limits);

/* Seconds after the last 2xx: when who refreshes does (7.4, 10: half the interval), ... */
uint32_t session_refresh_s(uint32_t interval_s);
/* ... and when who sees no refresh, or no answer to his, sends BYE (10): a little before the end. */
uint32_t session_expire_s(uint32_t interval_s);

#endif
