/* Session timers: two header fields, and the agreement on who refreshes and how often. */
#include "sip/session_timer.h"

#include "sip/fields.h"

static const struct span refreshers[] = {
	[SIP_REFRESHER_NONE] = { NULL, 0 },
	[SIP_REFRESHER_UAC] = { "uac", 3 },
	[SIP_REFRESHER_UAS] = { "uas", 3 },
};

enum err
sip_session_expires(struct span value, struct sip_session_expires *se_r)
{
	struct span params = span_cut(value, ';', &value), refresher;
	struct sip_session_expires se = { .refresher = SIP_REFRESHER_NONE };
	enum err e = sip_delta(span_trim(value), &se.seconds);

	if (e != ERR_NONE)
		return e;
	if (sip_param(params, SPAN("refresher"), &refresher)) {
		if (span_ieq(refresher, refreshers[SIP_REFRESHER_UAC]))
			se.refresher = SIP_REFRESHER_UAC;
		else if (span_ieq(refresher, refreshers[SIP_REFRESHER_UAS]))
			se.refresher = SIP_REFRESHER_UAS;
		else
			return ERR_SYNTAX;
	}
	*se_r = se;
	return ERR_NONE;
}

enum err
sip_min_se(struct span value, uint32_t *seconds_r)
{
	span_cut(value, ';', &value);
	return sip_delta(span_trim(value), seconds_r);
}

void
sip_put_session_expires(struct buf *b, uint32_t seconds, enum sip_refresher refresher)
{
	buf_lit(b, "Session-Expires: ");
	buf_u64(b, seconds);
	if (refresher != SIP_REFRESHER_NONE) {
		buf_lit(b, ";refresher=");
		buf_put(b, refreshers[refresher]);
	}
	buf_lit(b, "\r\n");
}

void
sip_put_min_se(struct buf *b, uint32_t seconds)
{
	buf_lit(b, "Min-SE: ");
	buf_u64(b, seconds);
	buf_lit(b, "\r\n");
}

enum err
session_said(const struct sip_msg *m, struct session_said *said_r)
{
	const uint32_t tags =
	    sip_option_set(m, SIP_H_SUPPORTED, NULL) | sip_option_set(m, SIP_H_REQUIRE, NULL);
	struct sip_session_expires se;
	enum err e = ERR_NONE;
	uint32_t n;

	*said_r = (struct session_said){ .timer = tags >> SIP_O_TIMER & 1 };
	if (sip_has(m, SIP_H_SESSION_EXPIRES)) {
		if (sip_session_expires(sip_header_get(m, SIP_H_SESSION_EXPIRES), &se) ==
		    ERR_NONE) {
			said_r->expires = true;
			said_r->seconds = se.seconds;
			said_r->refresher = se.refresher;
		} else {
			e = ERR_SYNTAX;
		}
	}
	if (sip_has(m, SIP_H_MIN_SE)) {
		if (sip_min_se(sip_header_get(m, SIP_H_MIN_SE), &n) == ERR_NONE)
			said_r->min_se = n;
		else
			e = ERR_SYNTAX;
	}
	return e;
}

static uint32_t
max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/*
 * RFC 4028 table 2, beside ours. NONE is "uas or uac": ours to choose. What cannot be (NA) is taken as
 * what it must mean: who does no timers does not refresh.
 *
 *     UAC supports?  refresher parameter  refresher parameter
 *                    in request           in response
 *     N              none                 uas
 *     N              uac                  NA
 *     N              uas                  NA
 *     Y              none                 uas or uac
 *     Y              uac                  uac
 *     Y              uas                  uas
 */
/* clang-format off */
static const enum sip_refresher table2[2][3] = {
	[false] = { [SIP_REFRESHER_NONE] = SIP_REFRESHER_UAS,
	            [SIP_REFRESHER_UAC]  = SIP_REFRESHER_UAS,
	            [SIP_REFRESHER_UAS]  = SIP_REFRESHER_UAS },
	[true]  = { [SIP_REFRESHER_NONE] = SIP_REFRESHER_NONE,
	            [SIP_REFRESHER_UAC]  = SIP_REFRESHER_UAC,
	            [SIP_REFRESHER_UAS]  = SIP_REFRESHER_UAS },
};
/* clang-format on */

/* With what was heard before. Whoever wants a session not to be looked after for more than a day is not
 * heard. */
static uint32_t
heard_min_se(const struct session_said *request, uint32_t before)
{
	return max_u32(before, request->min_se <= SESSION_MIN_SE_MAX ? request->min_se : 0);
}

/* The interval for this request, which is not refused; 0: no timer. */
static uint32_t
interval_for(const struct session_said *request, const struct session_limits *limits)
{
	/* Below the request's Min-SE nobody may go, below ours we do not. */
	const uint32_t floor = max_u32(limits->min_se, heard_min_se(request, 0));
	const uint32_t wish = max_u32(limits->session_s, floor);

	if (!request->expires)
		return limits->session_s == 0 ? 0 : wish;
	if (limits->session_s != 0 && wish < request->seconds)
		return wish;
	/* Less than 90 s comes only from who does no timers (or he gets 422): it is none of 5's. */
	return max_u32(request->seconds, SESSION_MIN_SE);
}

/* A 422 is for who can do something with it; who does no timers would just fail (9). */
struct session_answer
session_uas(const struct session_said *request, const struct session_limits *limits,
    const struct session_timer *now)
{
	struct session_answer a = { .min_se = limits->min_se };

	if (request->timer && request->expires && request->seconds < limits->min_se) {
		a.status = 422;
		return a;
	}
	a.timer.interval_s = interval_for(request, limits);
	if (a.timer.interval_s == 0)
		return a;
	a.refresher = table2[request->timer][request->refresher];
	if (a.refresher == SIP_REFRESHER_NONE)
		a.refresher =
		    now->interval_s == 0 || now->ours ? SIP_REFRESHER_UAS : SIP_REFRESHER_UAC;
	a.timer.min_se = heard_min_se(request, now->min_se);
	a.timer.ours = a.refresher == SIP_REFRESHER_UAS;
	/* It must be there for a UAC that is to refresh, and should for one that is to watch (9). */
	a.require = request->timer;
	return a;
}

void
session_put_answer(struct buf *b, const struct session_answer *a)
{
	if (a->status == 422) {
		sip_put_min_se(b, a->min_se);
		return;
	}
	if (a->timer.interval_s == 0)
		return;
	sip_put_session_expires(b, a->timer.interval_s, a->refresher);
	if (a->require)
		buf_lit(b, "Require: timer\r\n");
}

/* Min-SE need not be said when it is what everybody means (7.1). */
struct session_ask
session_ask(const struct session_limits *limits)
{
	if (limits->session_s == 0)
		return (struct session_ask){ .seconds = 0 };
	return (struct session_ask){
		.seconds = limits->session_s,
		.min_se = limits->min_se > SESSION_MIN_SE ? limits->min_se : 0,
	};
}

struct session_ask
session_ask_again(const struct session_limits *limits, const struct session_timer *timer)
{
	struct session_ask ask = session_ask(limits);

	if (timer->interval_s == 0)
		return ask;
	/* Agreed with a peer who wants less than we would: he is not told now what he did not hear. */
	if (ask.min_se > timer->interval_s)
		ask.min_se = 0;
	ask.min_se = max_u32(ask.min_se, timer->min_se);
	ask.seconds = max_u32(timer->interval_s, ask.min_se);
	return ask;
}

bool
session_refused(struct session_ask *ask, uint32_t min_se)
{
	/* Who refuses what is long enough for him would do it for ever. */
	if (ask->seconds == 0 || min_se <= ask->seconds || min_se > SESSION_MIN_SE_MAX ||
	    ask->tries >= SESSION_TRIES_MAX)
		return false;
	ask->tries++;
	ask->min_se = max_u32(ask->min_se, min_se);
	ask->seconds = ask->min_se;
	return true;
}

void
session_put_ask(struct buf *b, const struct session_ask *ask, enum sip_refresher refresher)
{
	if (ask->seconds == 0)
		return;
	sip_put_session_expires(b, ask->seconds, refresher);
	if (ask->min_se != 0)
		sip_put_min_se(b, ask->min_se);
}

/* A refresher that is not said would be us: refreshing twice does no harm, refreshing never does. */
struct session_timer
session_uac(const struct session_said *response, const struct session_ask *ask,
    const struct session_limits *limits)
{
	if (!response->expires)
		return (struct session_timer){
			.interval_s = ask->seconds, .min_se = ask->min_se, .ours = ask->seconds != 0
		};
	return (struct session_timer){
		/* Nobody makes us refresh more often than we allow. */
		.interval_s = max_u32(response->seconds, max_u32(limits->min_se, SESSION_MIN_SE)),
		.min_se = ask->min_se,
		.ours = response->refresher != SIP_REFRESHER_UAS,
	};
}

uint32_t
session_refresh_s(uint32_t interval_s)
{
	return interval_s / 2;
}

uint32_t
session_expire_s(uint32_t interval_s)
{
	const uint32_t third = interval_s / 3;

	return interval_s - (third < 32 ? third : 32);
}
