/* session_timer: RFC 4028. */
#include "sip/session_timer.h"

#include "sip_message.h"

#define NONE SIP_REFRESHER_NONE
#define UAC  SIP_REFRESHER_UAC
#define UAS  SIP_REFRESHER_UAS

static const struct session_limits usual = { .min_se = 90, .session_s = 1800 };
static const struct session_timer nothing;

Test(session_timer, session_expires)
{
	struct sip_session_expires se;

	cr_expect_eq(sip_session_expires(SPAN("1800 ;refresher=UAS"), &se), ERR_NONE);
	cr_expect_eq(se.seconds, 1800);
	cr_expect_eq(se.refresher, UAS);
	cr_expect_eq(sip_session_expires(SPAN("90"), &se), ERR_NONE);
	cr_expect_eq(se.refresher, NONE);
	cr_expect_eq(
	    sip_session_expires(SPAN("4000 ; x=\"a;b\" ; REFRESHER = uac"), &se), ERR_NONE);
	cr_expect_eq(se.refresher, UAC);
	cr_expect_eq(sip_session_expires(SPAN("99999999999999999999;a"), &se), ERR_NONE);
	cr_expect_eq(se.seconds, UINT32_MAX);
	cr_expect_eq(sip_session_expires(SPAN("90;refresher=me"), &se), ERR_SYNTAX);
	cr_expect_eq(sip_session_expires(SPAN("90;refresher"), &se), ERR_SYNTAX);
	cr_expect_eq(sip_session_expires(SPAN(";refresher=uac"), &se), ERR_SYNTAX);
	cr_expect_eq(sip_session_expires(SPAN("-90"), &se), ERR_SYNTAX);
	cr_expect_eq(sip_session_expires(SPAN("90 s"), &se), ERR_SYNTAX);
	cr_expect_eq(sip_session_expires(SPAN(""), &se), ERR_SYNTAX);
	cr_expect_eq(sip_session_expires(SPAN_NONE, &se), ERR_SYNTAX);
}

Test(session_timer, min_se)
{
	uint32_t n;

	cr_expect_eq(sip_min_se(SPAN("120;x=y"), &n), ERR_NONE);
	cr_expect_eq(n, 120);
	cr_expect_eq(sip_min_se(SPAN(" 4294967296 "), &n), ERR_NONE);
	cr_expect_eq(n, UINT32_MAX);
	cr_expect_eq(sip_min_se(SPAN("x"), &n), ERR_SYNTAX);
	cr_expect_eq(sip_min_se(SPAN_NONE, &n), ERR_SYNTAX);
}

static enum err
said(const char *headers, struct session_said *said_r)
{
	char text[1000];
	struct buf b = buf_on(text, sizeof(text));
	struct message x;
	enum err e;

	buf_lit(&b, "INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\n"
		    "t: <sip:b@c>\r\ni: 1\r\nCSeq: 1 INVITE\r\n");
	buf_str(&b, headers);
	buf_lit(&b, "\r\n");
	x = message_of(buf_span(&b));
	e = session_said(x.m, said_r);
	message_done(&x);
	return e;
}

Test(session_timer, what_a_message_says)
{
	struct session_said s;

	cr_expect_eq(said("", &s), ERR_NONE);
	cr_expect_not(s.timer || s.expires || s.min_se != 0);
	cr_expect_eq(
	    said("k: 100rel, Timer\r\nx: 600;refresher=uac\r\nMin-SE: 120\r\n", &s), ERR_NONE);
	cr_expect(s.timer && s.expires);
	cr_expect_eq(s.seconds, 600);
	cr_expect_eq(s.refresher, UAC);
	cr_expect_eq(s.min_se, 120);
	cr_expect_eq(said("Require: timer\r\nSession-Expires: 90\r\n", &s), ERR_NONE);
	cr_expect(s.timer);
	cr_expect_eq(
	    said("Supported: timer\r\nSession-Expires: soon\r\nMin-SE: 120\r\n", &s), ERR_SYNTAX);
	cr_expect(s.timer && !s.expires && s.min_se == 120, "the rest can be used");
	cr_expect_eq(said("Session-Expires: 100\r\nMin-SE:\r\n", &s), ERR_SYNTAX);
	cr_expect(s.expires && s.min_se == 0);
}

/* Table 2 of the RFC, each row with a timer of ours before and without. */
Test(session_timer, who_refreshes)
{
	static const struct session_timer ours = { .interval_s = 100, .ours = true };
	static const struct session_timer theirs = { .interval_s = 100 };
	static const struct {
		bool timer;
		enum sip_refresher asked;
		const struct session_timer *now;
		enum sip_refresher want;
	} row[] = {
		{ false, NONE, &nothing, UAS },
		{ false, NONE, &theirs, UAS },
		{ false, UAC, &nothing, UAS }, /* NA */
		{ false, UAS, &nothing, UAS }, /* NA */
		{ true, NONE, &nothing, UAS },
		{ true, NONE, &ours, UAS },
		{ true, NONE, &theirs, UAC },
		{ true, UAC, &nothing, UAC },
		{ true, UAC, &ours, UAC },
		{ true, UAS, &nothing, UAS },
		{ true, UAS, &theirs, UAS },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct session_said request = { .timer = row[i].timer,
			.expires = true,
			.seconds = 600,
			.refresher = row[i].asked };
		const struct session_answer a = session_uas(&request, &usual, row[i].now);

		cr_expect_eq(a.status, 0);
		cr_expect_eq(a.timer.interval_s, 600);
		cr_expect_eq(a.refresher, row[i].want, "row %zu", i);
		cr_expect_eq(a.timer.ours, row[i].want == UAS, "row %zu", i);
		cr_expect_eq(a.require, row[i].timer, "row %zu", i);
	}
}

/* 9: shorter, never longer; not below anybody's minimum; 422 only to who can follow it. */
Test(session_timer, how_long)
{
	static const struct {
		struct session_said request;
		struct session_limits limits;
		unsigned status;
		uint32_t interval;
	} row[] = {
		/* timer, expires, refresher, seconds, min_se */
		{ { true, true, NONE, 1800, 0 }, { 90, 1800 }, 0, 1800 },
		{ { true, true, NONE, 3600, 0 }, { 90, 1800 }, 0, 1800 },
		{ { true, true, NONE, 3600, 2000 }, { 90, 1800 }, 0, 2000 },
		{ { true, true, NONE, 3600, 3600 }, { 90, 1800 }, 0, 3600 },
		{ { true, true, NONE, 3600, 9999 }, { 90, 1800 }, 0, 3600 },
		{ { true, true, NONE, 90, 0 }, { 90, 1800 }, 0, 90 },
		{ { true, true, NONE, 89, 0 }, { 90, 1800 }, 422, 0 },
		{ { true, true, NONE, 0, 0 }, { 90, 1800 }, 422, 0 },
		{ { true, true, UAC, 599, 0 }, { 600, 1800 }, 422, 0 },
		{ { true, true, NONE, UINT32_MAX, 0 }, { 90, 1800 }, 0, 1800 },
		{ { true, true, NONE, UINT32_MAX, 0 }, { 90, 0 }, 0, UINT32_MAX },
		{ { true, false, NONE, 0, 0 }, { 90, 1800 }, 0, 1800 },
		{ { true, false, NONE, 0, 2400 }, { 90, 1800 }, 0, 2400 },
		{ { true, false, NONE, 0, UINT32_MAX }, { 90, 1800 }, 0, 1800 },
		{ { true, false, NONE, 0, 0 }, { 90, 0 }, 0, 0 },
		{ { false, false, NONE, 0, 0 }, { 90, 1800 }, 0, 1800 },
		{ { false, false, NONE, 0, 0 }, { 90, 0 }, 0, 0 },
		/* A proxy asked, the UAC knows nothing of it: no 422. */
		{ { false, true, NONE, 120, 0 }, { 600, 1800 }, 0, 120 },
		{ { false, true, NONE, 1, 0 }, { 90, 1800 }, 0, 90 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct session_answer a =
		    session_uas(&row[i].request, &row[i].limits, &nothing);

		cr_expect_eq(a.status, row[i].status, "row %zu", i);
		cr_expect_eq(
		    a.timer.interval_s, row[i].interval, "row %zu: %u", i, a.timer.interval_s);
		cr_expect_eq(a.min_se, row[i].limits.min_se);
	}
}

static const char *
written(const struct session_answer *a)
{
	static char text[200];
	struct buf b = buf_on(text, sizeof(text) - 1);

	session_put_answer(&b, a);
	cr_assert(buf_ok(&b));
	text[b.len] = '\0';
	return text;
}

Test(session_timer, answer_written)
{
	struct session_said request = { .timer = true, .expires = true, .seconds = 50 };
	const struct session_limits none = { .min_se = 90 };
	struct session_answer a = session_uas(&request, &usual, &nothing);

	cr_expect_str_eq(written(&a), "Min-SE: 90\r\n");
	request.seconds = 100;
	a = session_uas(&request, &usual, &nothing);
	cr_expect_str_eq(written(&a), "Session-Expires: 100;refresher=uas\r\nRequire: timer\r\n");
	request.refresher = UAC;
	a = session_uas(&request, &usual, &nothing);
	cr_expect_str_eq(written(&a), "Session-Expires: 100;refresher=uac\r\nRequire: timer\r\n");
	request.timer = false;
	a = session_uas(&request, &usual, &nothing);
	cr_expect_str_eq(written(&a), "Session-Expires: 100;refresher=uas\r\n");
	request.expires = false;
	a = session_uas(&request, &none, &nothing);
	cr_expect_str_eq(written(&a), "");
}

static const char *
asked(const struct session_ask *ask, enum sip_refresher refresher)
{
	static char text[200];
	struct buf b = buf_on(text, sizeof(text) - 1);

	session_put_ask(&b, ask, refresher);
	cr_assert(buf_ok(&b));
	text[b.len] = '\0';
	return text;
}

/* 7.3: each 422 makes it longer; not for ever, and not at anybody's word. */
Test(session_timer, asking_and_422)
{
	const struct session_limits brief = { .min_se = 90, .session_s = 90 };
	struct session_ask ask = session_ask(&brief);

	cr_expect_str_eq(asked(&ask, NONE), "Session-Expires: 90\r\n");
	cr_expect_not(session_refused(&ask, 0), "422 without Min-SE");
	cr_expect_not(session_refused(&ask, 90), "that is what we asked for");
	cr_expect_not(session_refused(&ask, SESSION_MIN_SE_MAX + 1));
	cr_expect_str_eq(asked(&ask, NONE), "Session-Expires: 90\r\n");
	cr_expect(session_refused(&ask, 200));
	cr_expect_str_eq(asked(&ask, NONE), "Session-Expires: 200\r\nMin-SE: 200\r\n");
	cr_expect_not(session_refused(&ask, 100));
	cr_expect(session_refused(&ask, 300));
	cr_expect(session_refused(&ask, SESSION_MIN_SE_MAX));
	cr_expect_not(session_refused(&ask, SESSION_MIN_SE_MAX));
	ask = session_ask(&brief);
	for (uint32_t i = 0; i < SESSION_TRIES_MAX; i++)
		cr_expect(session_refused(&ask, 91 + i));
	cr_expect_not(session_refused(&ask, 1000), "one too many");
	ask = session_ask(&(struct session_limits){ .min_se = 90 });
	cr_expect_str_eq(asked(&ask, NONE), "");
	cr_expect_not(session_refused(&ask, 100), "nothing was asked for");
	ask = session_ask(&(struct session_limits){ .min_se = 600, .session_s = 1800 });
	cr_expect_str_eq(
	    asked(&ask, UAC), "Session-Expires: 1800;refresher=uac\r\nMin-SE: 600\r\n");
}

/* 7.4: what was agreed, with the Min-SE that was heard. */
Test(session_timer, refreshing)
{
	struct session_timer t = { .interval_s = 600, .min_se = 120, .ours = true };
	struct session_ask ask = session_ask_again(&usual, &t);

	cr_expect_str_eq(asked(&ask, UAC), "Session-Expires: 600;refresher=uac\r\nMin-SE: 120\r\n");
	t.min_se = 0;
	ask = session_ask_again(&usual, &t);
	cr_expect_str_eq(asked(&ask, UAS), "Session-Expires: 600;refresher=uas\r\n");
	ask = session_ask_again(&(struct session_limits){ 700, 1800 }, &t);
	cr_expect_str_eq(asked(&ask, NONE), "Session-Expires: 600\r\n");
	ask = session_ask_again(&usual, &nothing);
	cr_expect_str_eq(asked(&ask, NONE), "Session-Expires: 1800\r\n");
	t.min_se = 601;
	ask = session_ask_again(&usual, &t);
	cr_expect_str_eq(asked(&ask, NONE), "Session-Expires: 601\r\nMin-SE: 601\r\n");
}

/* 7.2. */
Test(session_timer, after_the_2xx)
{
	static const struct {
		struct session_said response;
		uint32_t interval;
		bool ours;
	} row[] = {
		/* timer, expires, refresher, seconds, min_se */
		{ { true, true, UAC, 600, 0 }, 600, true },
		{ { true, true, UAS, 600, 0 }, 600, false },
		{ { false, true, UAS, 600, 0 }, 600, false },
		{ { true, true, NONE, 600, 0 }, 600, true },
		{ { true, false, NONE, 0, 0 }, 1800, true },
		{ { false, false, NONE, 0, 0 }, 1800, true },
		{ { true, true, UAC, 1, 0 }, 90, true },
		{ { true, true, UAS, 0, 0 }, 90, false },
		{ { true, true, UAC, UINT32_MAX, 0 }, UINT32_MAX, true },
	};
	const struct session_ask ask = session_ask(&usual), no_ask = { .seconds = 0 };
	struct session_timer t;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		t = session_uac(&row[i].response, &ask, &usual);
		cr_expect_eq(t.interval_s, row[i].interval, "row %zu", i);
		cr_expect_eq(t.ours, row[i].ours, "row %zu", i);
	}
	t = session_uac(&row[5].response, &no_ask, &usual);
	cr_expect(t.interval_s == 0 && !t.ours);
	t = session_uac(&row[1].response, &no_ask, &usual);
	cr_expect(t.interval_s == 600 && !t.ours, "the UAS may ask unasked");
}

Test(session_timer, deadlines)
{
	cr_expect_eq(session_refresh_s(1800), 900);
	cr_expect_eq(session_expire_s(1800), 1768);
	cr_expect_eq(session_refresh_s(90), 45);
	cr_expect_eq(session_expire_s(90), 60);
	cr_expect_eq(session_expire_s(96), 64);
	cr_expect_eq(session_expire_s(UINT32_MAX), UINT32_MAX - 32);
}
