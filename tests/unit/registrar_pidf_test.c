/* What is taken of a presence document, and what is made of it. */
#include <criterion/criterion.h>
#include <string.h>

#include "registrar/registrar.h"

#define STATUS(s) "<tuple id='t'><status><basic>" s "</basic></status></tuple>"

Test(pidf, read)
{
	static const struct {
		const char *text;
		enum err e;
		bool open;
		uint32_t activities;
		const char *note;
	} rows[] = {
		{ "<presence>" STATUS("open") "</presence>", ERR_NONE, true, 0, "" },
		{ "<presence>" STATUS("closed") "</presence>", ERR_NONE, false, 0, "" },
		{ "<p:presence>" STATUS("closed") STATUS(" OPEN ") "</p:presence>", ERR_NONE, true,
		    0, "" },
		{ "<presence/>", ERR_NONE, true, 0, "" },
		{ "<presence><note>a&lt;b</note><note>c</note></presence>", ERR_NONE, true, 0,
		    "a<b" },
		{ "<presence><dm:person><r:activities><r:away/><r:vacation/><r:flying/>"
		  "</r:activities></dm:person></presence>",
		    ERR_NONE, true, 1u << ACTIVITY_AWAY | 1u << ACTIVITY_VACATION, "" },
		{ "<presence><away/><basic>closed</basic></presence>", ERR_NONE, true, 0, "" },
		{ "<absence/>", ERR_SYNTAX, false, 0, "" },
		{ "<presence>" STATUS("open"), ERR_SYNTAX, true, 0, "" },
		{ "", ERR_SYNTAX, false, 0, "" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pidf p;

		cr_expect_eq(pidf_read(span_str(rows[i].text), &p), rows[i].e, "%s", rows[i].text);
		if (rows[i].e != ERR_NONE)
			continue;
		cr_expect_eq(p.open, rows[i].open, "%s", rows[i].text);
		cr_expect_eq(p.activities, rows[i].activities, "%s", rows[i].text);
		cr_expect(span_eq(span_of(p.note, p.note_len), span_str(rows[i].note)), "%s",
		    rows[i].text);
	}
}

/* What is written is read again as the same, whatever stands in the note. */
Test(pidf, there_and_back)
{
	char text[4096];
	struct pidf p = { .activities = (1u << N_ACTIVITIES) - 1 }, q;
	static const char note[] = "</note>&<\"'\xff\x01 x";

	memcpy(p.note, note, sizeof(note) - 1);
	p.note_len = sizeof(note) - 1;
	for (unsigned i = 0; i < 2; i++) {
		struct buf b = buf_on(text, sizeof(text));

		p.open = i == 0;
		pidf_put(&b, SPAN("sip:\"<a>&@b"), &p);
		cr_assert(buf_ok(&b));
		cr_assert_eq(pidf_read(buf_span(&b), &q), ERR_NONE, "%.*s", SPAN_F(buf_span(&b)));
		cr_expect_eq(q.open, p.open);
		cr_expect_eq(q.activities, p.activities);
		cr_expect(span_eq(span_of(q.note, q.note_len), SPAN("</note>&<\"'? x")), "%.*s",
		    (int)q.note_len, q.note);
	}
}

Test(pidf, a_long_note_is_cut)
{
	char text[4096] = "<presence><note>";
	struct pidf p;

	memset(text + 16, 'x', 3000);
	strcpy(text + 3016, "</note></presence>");
	cr_assert_eq(pidf_read(span_str(text), &p), ERR_NONE);
	cr_expect_eq(p.note_len, NOTE_MAX);
}
