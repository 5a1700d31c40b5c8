/* diversion: RFC 5806, 7044, 7544; S1-10, S1-11a, THREATS B2 (a Diversion that is half there). */
#include "sip/diversion.h"

#include "sip_message.h"

static struct message
with(const char *headers)
{
	static char text[8000];
	struct buf b = buf_on(text, sizeof(text));

	buf_lit(&b, "INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\n"
		    "t: <sip:b@c>\r\ni: 1\r\nCSeq: 1 INVITE\r\n");
	buf_str(&b, headers);
	buf_lit(&b, "\r\n");
	cr_assert(buf_ok(&b));
	return message_of(buf_span(&b));
}

static void
expect_item(const struct diversions *l, unsigned i, const char *uri, enum diversion_reason reason,
    uint32_t counter)
{
	cr_assert_gt(l->n, i);
	expect_span(l->item[i].uri, uri);
	cr_expect_eq(l->item[i].reason, reason, "item %u", i);
	cr_expect_eq(l->item[i].counter, counter, "item %u", i);
}

Test(diversion, read)
{
	struct message x =
	    with("Diversion: \"C\" <sip:c@h>;reason=no-answer;counter=2;privacy=full\r\n"
		 "Diversion: sip:b@h ; REASON = User-Busy;screen=no, "
		 "<tel:+1>;reason=\"time-of-day\";privacy=\"uri\"\r\n");
	struct diversions l;

	diversions(x.m, &l);
	cr_assert_eq(l.n, 3);
	expect_item(&l, 0, "tel:+1", DIVERSION_TIME_OF_DAY, 1);
	cr_expect_eq(l.item[0].privacy, DIVERSION_URI);
	expect_item(&l, 1, "sip:b@h", DIVERSION_USER_BUSY, 1);
	cr_expect_eq(l.item[1].privacy, DIVERSION_OFF);
	expect_item(&l, 2, "sip:c@h", DIVERSION_NO_ANSWER, 2);
	expect_span(l.item[2].display, "\"C\"");
	cr_expect_eq(l.item[2].privacy, DIVERSION_FULL);
	cr_expect_eq(diversions_count(&l), 4);
	message_done(&x);
}

Test(diversion, odd)
{
	struct message x =
	    with("Diversion:\r\nDiversion: *, <sip:b@h, \"\r\n"
		 "Diversion: <sip:b@h>;reason=gone-fishing;counter=0;privacy=some, "
		 "<sip:c@h>;counter=4294967297;reason, <sip:d@h>;counter=x, nobody\r\n");
	struct diversions l;

	diversions(x.m, &l);
	cr_assert_eq(l.n, 3);
	expect_item(&l, 0, "sip:d@h", DIVERSION_UNKNOWN, 1);
	expect_item(&l, 1, "sip:c@h", DIVERSION_UNKNOWN, DIVERSION_COUNTER_MAX);
	expect_item(&l, 2, "sip:b@h", DIVERSION_UNKNOWN, 1);
	cr_expect_eq(l.item[2].privacy, DIVERSION_FULL, "who doubts hides");
	message_done(&x);
	x = with("");
	diversions(x.m, &l);
	cr_expect_eq(l.n, 0);
	message_done(&x);
}

/* The oldest (who was called at first) and the newest stay. */
Test(diversion, too_many)
{
	char text[2000];
	struct buf b = buf_on(text, sizeof(text) - 1);
	struct message x;
	struct diversions l;

	for (unsigned i = 0; i < 15; i++)
		buf_printf(&b, "Diversion: <sip:n%u@h>;reason=user-busy\r\n", i);
	text[b.len] = '\0';
	x = with(text);
	diversions(x.m, &l);
	cr_expect_eq(l.n, DIVERSIONS_MAX);
	expect_item(&l, 0, "sip:n14@h", DIVERSION_USER_BUSY, 6);
	expect_item(&l, DIVERSIONS_MAX - 1, "sip:n0@h", DIVERSION_USER_BUSY, 1);
	cr_expect_eq(diversions_count(&l), 15);
	message_done(&x);
}

Test(diversion, history_read)
{
	struct message x = with("History-Info: <sip:b@h>;index=1, "
				"\"C\" <sip:c@h;cause=486?Privacy=history>;index=1.1;mp=1\r\n"
				"History-Info: <sip:c@192.0.2.1>;index=1.1.1;rc=1.1, "
				"<sip:d@h;cause=408>;index=1.1.2;mp=1.1\r\n");
	struct diversions l;

	diversions(x.m, &l);
	cr_assert_eq(l.n, 2);
	expect_item(&l, 0, "sip:b@h", DIVERSION_USER_BUSY, 1);
	cr_expect_eq(l.item[0].privacy, DIVERSION_OFF);
	expect_item(&l, 1, "sip:c@h;cause=486", DIVERSION_NO_ANSWER, 1);
	cr_expect_eq(l.item[1].privacy, DIVERSION_FULL);
	expect_span(l.item[1].display, "\"C\"");
	message_done(&x);
}

/* Before RFC 7544 the cause stood only in the Reason of who was left; 480 and 487 are one reason; a
 * service number that was translated (380, RFC 8119) is no diversion, nor is a contact. */
Test(diversion, history_odd)
{
	struct message x =
	    with("History-Info: <sip:b@h?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%22>;index=1, "
		 "<sip:c@h?Reason=Q.850%3Bcause%3D17>;index=1.1;mp=1, <sip:d@h>;index=1.2;mp=1.1, "
		 "<sip:e@h;cause=487>;index=1.3;np=1.2, <sip:f@h;cause=380>;index=1.4, "
		 "<sip:g@h;cause=x>;index=1.5, *, <sip:i@h, <urn:service:sos;cause=302>;index=2, "
		 "<sip:j@h;cause=302>\r\n");
	struct diversions l;

	diversions(x.m, &l);
	cr_assert_eq(l.n, 3);
	expect_item(&l, 0, "sip:b@h", DIVERSION_USER_BUSY, 1);
	expect_item(&l, 1, "sip:d@h", DIVERSION_DEFLECTION, 1);
	expect_item(&l, 2, "sip:g@h;cause=x", DIVERSION_UNCONDITIONAL, 1);
	message_done(&x);
	x = with("History-Info: <sip:b@h;cause=302>;index=1;mp=1\r\n");
	diversions(x.m, &l);
	cr_expect_eq(l.n, 0, "nobody was there before");
	message_done(&x);
	x = with("History-Info: <sip:b@h?Privacy=none>;index=1, "
		 "<sip:c@h;cause=302?Privacy=%0D>;index=2, "
		 "<sip:d@h;cause=404>;index=3\r\n");
	diversions(x.m, &l);
	cr_assert_eq(l.n, 2);
	cr_expect_eq(l.item[0].privacy, DIVERSION_OFF);
	cr_expect_eq(l.item[1].privacy, DIVERSION_FULL);
	message_done(&x);
}

Test(diversion, history_with_placeholders)
{
	struct message x =
	    with("History-Info: <sip:b@h>;index=1, <sip:unknown@unknown.invalid;cause=302>;"
		 "index=1.1, <sip:unknown@unknown.invalid;cause=404>;index=1.1.1, "
		 "<sip:c@h;cause=404>;index=1.1.1.1, <sip:d@h;cause=408>;index=1.1.1.1.1\r\n");
	struct diversions l;

	diversions(x.m, &l);
	cr_assert_eq(l.n, 2);
	expect_item(&l, 0, "sip:b@h", DIVERSION_UNCONDITIONAL, 1);
	expect_item(&l, 1, "sip:c@h;cause=404", DIVERSION_NO_ANSWER, 3);
	message_done(&x);
	x = with("History-Info: <sip:unknown@unknown.invalid>;index=1, "
		 "<sip:unknown@unknown.invalid;cause=404>"
		 ";index=1.1, <sip:c@h;cause=404>;index=1.1.1\r\n");
	diversions(x.m, &l);
	cr_assert_eq(l.n, 1);
	expect_item(&l, 0, "sip:unknown@unknown.invalid", DIVERSION_UNKNOWN, 2);
	message_done(&x);
}

Test(diversion, history_too_long)
{
	char text[6000];
	struct buf b = buf_on(text, sizeof(text) - 1);
	struct message x;
	struct diversions l;

	buf_lit(&b, "History-Info: <sip:n0@h>;index=1\r\n");
	for (unsigned i = 1; i < 60; i++)
		buf_printf(&b, "History-Info: <sip:n%u@h;cause=302>;index=1.%u;mp=1.%u\r\n", i, i,
		    i == 59 ? 1 : i - 1);
	text[b.len] = '\0';
	x = with(text);
	diversions(x.m, &l);
	cr_expect_eq(l.n, DIVERSIONS_MAX);
	expect_item(&l, 0, "sip:n0@h", DIVERSION_UNCONDITIONAL, 1);
	expect_item(&l, DIVERSIONS_MAX - 1, "sip:n58@h;cause=302", DIVERSION_UNCONDITIONAL, 1);
	cr_expect_eq(diversions_count(&l), 59);
	message_done(&x);
}

/* The one that knows more counts. */
Test(diversion, both_headers)
{
	struct message x = with("Diversion: <sip:d@h>\r\nHistory-Info: <sip:b@h>;index=1, "
				"<sip:c@h;cause=302>;index=1.1;mp=1\r\n");
	struct diversions l;

	diversions(x.m, &l);
	cr_assert_eq(l.n, 1);
	expect_item(&l, 0, "sip:b@h", DIVERSION_UNCONDITIONAL, 1);
	message_done(&x);
	x = with("Diversion: <sip:d@h>;counter=2\r\nHistory-Info: <sip:b@h>;index=1, "
		 "<sip:c@h;cause=302>;index=1.1;mp=1\r\n");
	diversions(x.m, &l);
	expect_item(&l, 0, "sip:d@h", DIVERSION_UNKNOWN, 2);
	message_done(&x);
}

Test(diversion, written)
{
	struct diversions l = { 0 };
	char text[1000];
	struct buf b = buf_on(text, sizeof(text));

	sip_put_diversion(&b, &l);
	sip_put_history(&b, &l, SPAN("sip:d@h"));
	expect_span(buf_span(&b), "");
	cr_expect(
	    diversions_add(&l, SPAN("sip:b@h;user=phone"), DIVERSION_USER_BUSY, DIVERSION_OFF));
	cr_expect(
	    diversions_add(&l, SPAN("sip:c@h;cause=486?x=y"), DIVERSION_AWAY, DIVERSION_NAME));
	l.item[0].display = SPAN("B \"b\"");
	l.item[1].counter = 3;
	sip_put_diversion(&b, &l);
	expect_span(buf_span(&b),
	    "Diversion: <sip:c@h>;reason=away;counter=3;privacy=name\r\n"
	    "Diversion: \"B \\\"b\\\"\" "
	    "<sip:b@h;user=phone>;reason=user-busy;counter=1;privacy=off\r\n");
	b.len = 0;
	sip_put_history(&b, &l, SPAN("sip:d@h;cause=1;transport=tcp"));
	expect_span(buf_span(&b),
	    "History-Info: <sip:b@h;user=phone>;index=1, "
	    "<sip:unknown@unknown.invalid;cause=486>;index=1.1;mp=1, "
	    "<sip:unknown@unknown.invalid;cause=404>;index=1.1.1;mp=1.1, "
	    "<sip:c@h;cause=404?Privacy=history>;index=1.1.1.1;mp=1.1.1, "
	    "<sip:d@h;transport=tcp;cause=404>;index=1.1.1.1.1;mp=1.1.1.1\r\n");
	cr_expect(buf_ok(&b));
}

Test(diversion, written_with_care)
{
	struct diversions l = { 0 };
	char text[1000];
	struct buf b = buf_on(text, sizeof(text));

	diversions_add(&l, SPAN("tel:+1"), DIVERSION_UNAVAILABLE, DIVERSION_OFF);
	diversions_add(&l, SPAN("tel:+2"), DIVERSION_FOLLOW_ME, DIVERSION_FULL);
	diversions_add(&l, SPAN("rubbish"), DIVERSION_DEFLECTION, DIVERSION_OFF);
	sip_put_history(&b, &l, SPAN("sip:d@h"));
	cr_assert(buf_ok(&b));
	expect_span(buf_span(&b),
	    "History-Info: <tel:+1>;index=1, "
	    "<sip:unknown@unknown.invalid;cause=503?Privacy=history>;index=1.1;mp=1, "
	    "<sip:unknown@unknown.invalid;cause=404>;index=1.1.1;mp=1.1, "
	    "<sip:d@h;cause=480>;index=1.1.1.1;mp=1.1.1\r\n");
	l.n = 0;
	diversions_add(&l, SPAN("sip:b\r\nX: y"), DIVERSION_AWAY, DIVERSION_OFF);
	sip_put_diversion(&b, &l);
	cr_expect_not(buf_ok(&b));
}

/* Nobody makes us write without end. */
Test(diversion, bounded)
{
	struct diversions l = { 0 };
	char text[4000];
	struct buf b = buf_on(text, sizeof(text));

	while (diversions_add(&l, SPAN("sip:b@h"), DIVERSION_USER_BUSY, DIVERSION_OFF))
		l.item[l.n - 1].counter = DIVERSION_COUNTER_MAX;
	cr_expect_eq(l.n, DIVERSIONS_MAX);
	sip_put_history(&b, &l, SPAN("sip:d@h"));
	cr_expect(buf_ok(&b));
}
