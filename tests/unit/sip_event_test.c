/* event, sipfrag: RFC 6665, 3420; the NOTIFY of a REFER (RFC 3515). */
#include "sip/event.h"
#include "sip/sipfrag.h"
#include "sip_message.h"

Test(sip_event, read)
{
	struct sip_event e, same;

	cr_assert_eq(sip_event_parse(SPAN("refer"), &e), ERR_NONE);
	expect_span(e.package, "refer");
	cr_expect_null(e.id.p);
	cr_assert_eq(
	    sip_event_parse(SPAN(" presence.winfo ; x=\"y\" ; ID = 93809824"), &e), ERR_NONE);
	expect_span(e.package, "presence.winfo");
	expect_span(e.id, "93809824");
	cr_assert_eq(sip_event_parse(SPAN("presence.winfo;id=93809824"), &same), ERR_NONE);
	cr_expect(sip_event_is(&e, &same));
	cr_assert_eq(sip_event_parse(SPAN("presence.winfo"), &same), ERR_NONE);
	cr_expect_not(sip_event_is(&e, &same));
	cr_assert_eq(sip_event_parse(SPAN("Presence.winfo;id=93809824"), &same), ERR_NONE);
	cr_expect_not(sip_event_is(&e, &same));
}

Test(sip_event, refused)
{
	static const char *const bad[] = { "", ";id=1", "a b", "a,b", "dialog;id",
		"dialog;id=", "dialog;id=\"1\"", "dialog;id=1;id=2", "dialog;=", "dialog;x=\"",
		"a/b;id=1" };
	struct sip_event e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sip_event_parse(span_str(bad[i]), &e), ERR_SYNTAX, "%s", bad[i]);
	cr_expect_eq(sip_event_parse(SPAN_NONE, &e), ERR_SYNTAX);
}

Test(sip_event, written)
{
	char text[100];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_event(&b, SPAN("refer"), SPAN("7"));
	sip_put_event(&b, SPAN("dialog"), SPAN_NONE);
	expect_span(buf_span(&b), "Event: refer;id=7\r\nEvent: dialog\r\n");
	sip_put_event(&b, SPAN("refer"), SPAN("7\r\n"));
	cr_expect_not(buf_ok(&b));
}

Test(sip_event, subscription_state)
{
	struct sip_subscription_state s;

	cr_assert_eq(sip_subscription_state_parse(SPAN("active;expires=3600"), &s), ERR_NONE);
	cr_expect_eq(s.state, SIP_SUB_ACTIVE);
	cr_expect(s.has_expires && s.expires == 3600 && !s.has_retry_after);
	cr_assert_eq(sip_subscription_state_parse(
			 SPAN("Terminated ; Reason = NoResource;retry-after=99999999999"), &s),
	    ERR_NONE);
	cr_expect_eq(s.state, SIP_SUB_TERMINATED);
	cr_expect_eq(s.reason, SIP_SUB_NORESOURCE);
	cr_expect(s.has_retry_after && s.retry_after == UINT32_MAX && !s.has_expires);
	cr_assert_eq(sip_subscription_state_parse(SPAN("waiting;reason=bored"), &s), ERR_NONE);
	cr_expect_eq(s.state, SIP_SUB_OTHER);
	cr_expect_eq(s.reason, SIP_SUB_REASON_NONE);
	cr_assert_eq(sip_subscription_state_parse(SPAN("pending"), &s), ERR_NONE);
	cr_expect_eq(s.state, SIP_SUB_PENDING);
	cr_expect_not(s.has_expires);
}

Test(sip_event, subscription_state_refused)
{
	static const char *const bad[] = { "", ";expires=1", "active;expires=soon",
		"active;expires", "active;expires=-1", "active active", "terminated;retry-after=x",
		"active;=", "active, active" };
	struct sip_subscription_state s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(
		    sip_subscription_state_parse(span_str(bad[i]), &s), ERR_SYNTAX, "%s", bad[i]);
	cr_expect_eq(sip_subscription_state_parse(SPAN_NONE, &s), ERR_SYNTAX);
}

Test(sip_event, subscription_state_written)
{
	static const struct {
		struct sip_subscription_state state;
		const char *want;
	} row[] = {
		{ { .state = SIP_SUB_ACTIVE, .expires = 60 },
		    "Subscription-State: active;expires=60\r\n" },
		{ { .state = SIP_SUB_PENDING }, "Subscription-State: pending;expires=0\r\n" },
		{ { .state = SIP_SUB_TERMINATED, .reason = SIP_SUB_NORESOURCE, .expires = 9 },
		    "Subscription-State: terminated;reason=noresource\r\n" },
		{ { .state = SIP_SUB_TERMINATED,
		      .reason = SIP_SUB_PROBATION,
		      .has_retry_after = true,
		      .retry_after = 5 },
		    "Subscription-State: terminated;reason=probation;retry-after=5\r\n" },
	};
	char text[100];
	struct buf b = buf_on(text, sizeof(text));

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sip_subscription_state back;

		b.len = 0;
		sip_put_subscription_state(&b, &row[i].state);
		cr_assert(buf_ok(&b));
		expect_span(buf_span(&b), row[i].want);
		cr_assert_eq(
		    sip_subscription_state_parse(span_trim(span_from(buf_span(&b), 20)), &back),
		    ERR_NONE);
		cr_expect_eq(back.state, row[i].state.state);
		cr_expect_eq(back.reason, row[i].state.reason);
	}
	sip_put_subscription_state(&b, &(struct sip_subscription_state){ .expires = 1 });
	cr_expect_not(buf_ok(&b));
}

Test(sip_sipfrag, read)
{
	static const struct {
		const char *body;
		enum err e;
		unsigned status;
		const char *phrase;
	} row[] = {
		{ "SIP/2.0 100 Trying\r\n", ERR_NONE, 100, "Trying" },
		{ "SIP/2.0 200 OK", ERR_NONE, 200, "OK" },
		{ "sip/2.0  486  Busy Here \nFrom: x\n\nbody", ERR_NONE, 486, "Busy Here" },
		{ "SIP/2.0 603\r\n", ERR_NONE, 603, "" },
		{ "SIP/2.0 603 \r\n", ERR_NONE, 603, "" },
		{ "", ERR_SYNTAX, 0, NULL },
		{ "\r\nSIP/2.0 200 OK\r\n", ERR_SYNTAX, 0, NULL },
		{ "SIP/2.0\r\n 200 OK\r\n", ERR_SYNTAX, 0, NULL },
		{ "SIP/2.0 2000 OK\r\n", ERR_SYNTAX, 0, NULL },
		{ "SIP/2.0 20 OK\r\n", ERR_SYNTAX, 0, NULL },
		{ "SIP/2.0 OK\r\n", ERR_SYNTAX, 0, NULL },
		{ "INVITE sip:b@c SIP/2.0\r\n", ERR_SYNTAX, 0, NULL },
		{ "HTTP/1.1 200 OK\r\n", ERR_SYNTAX, 0, NULL },
		{ "SIP/3.0 200 OK\r\n", ERR_VERSION, 0, NULL },
		{ "SIP/2.0 099 x\r\n", ERR_RANGE, 0, NULL },
		{ "SIP/2.0 700 x\r\n", ERR_RANGE, 0, NULL },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct span phrase;
		unsigned status;

		cr_assert_eq(sip_sipfrag_parse(span_str(row[i].body), &status, &phrase), row[i].e,
		    "%s", row[i].body);
		if (row[i].e != ERR_NONE)
			continue;
		cr_expect_eq(status, row[i].status);
		expect_span(phrase, row[i].phrase);
	}
}

Test(sip_sipfrag, written)
{
	char text[100];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_sipfrag(&b, 100, SPAN_NONE);
	expect_span(buf_span(&b), "SIP/2.0 100 Trying\r\n");
	b.len = 0;
	sip_put_sipfrag(&b, 486, SPAN("Occup\xc3\xa9"));
	expect_span(buf_span(&b), "SIP/2.0 486 Occup\xc3\xa9\r\n");
	sip_put_sipfrag(&b, 486, SPAN("Busy\r\nX: y"));
	cr_expect_not(buf_ok(&b));
}
