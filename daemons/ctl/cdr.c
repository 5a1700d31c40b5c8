/* What was called: the segments of tandem.cdr, and the audit of the records. */
#include <string.h>

#include "ctl/ctl.h"

#define STAMP(column) "to_char(c." column ", 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as " column

#define SEGMENTS                                                                                   \
	"select c.call_id, c.seq, c.segment_kind, c.payer_number, c.calling_number, "              \
	"c.dialed_digits, c.called_number, c.connected_number, " STAMP("start_at") ", " STAMP(     \
	    "ring_at") ", " STAMP("answer_at") ", " STAMP("end_at") ", "                           \
								    "c.duration_ms, c.bill_ms, "   \
								    "c.disposition, c.sip_code, "  \
								    "c.q850_cause, "               \
								    "c.released_by, "              \
								    "c.end_reason, "               \
								    "c.record_type, "              \
								    "c.redirecting_number, "       \
								    "c.reason_text from "          \
								    "tandem.cdr c "

/* What people ask for first, in words of tandem.v_calls: a line of it fits a terminal. Who reads from a pipe gets all. */
#define BRIEF                                                                                      \
	"select to_char(c.start_at, 'YYYY-MM-DD HH24:MI:SS') as start_at, "                        \
	"c.calling_number as caller, coalesce(c.called_number, c.dialed_digits) as called, "       \
	"to_char(make_interval(secs => c.bill_ms / 1000), 'FMHH24:MI:SS') as talked, "             \
	"c.disposition as result, coalesce(c.payer_number, c.payer_kind::text) as payer, "         \
	"c.call_id from tandem.cdr c "

/* On a narrower terminal: what fits, in this order. */
static const char *const fit[] = { "start_at", "caller", "called", "result", "talked", "payer",
	"call_id", NULL };

/* $3, $4: a user or number, and whose tenant's it is. */
#define OF_USER                                                                                    \
	"c.tenant_id = $4::int and exists (select from ("                                          \
	"select $3::text union "                                                                   \
	"select s.username from tandem.subscriber s where s.tenant_id = $4::int "                  \
	"and s.number = $3 union "                                                                 \
	"select s.number from tandem.subscriber s where s.tenant_id = $4::int "                    \
	"and s.username = $3) as o (n) "                                                           \
	"where o.n in (c.calling_number, c.called_number, c.connected_number, c.payer_number, "    \
	"c.redirecting_number))"

/* $1, $2: from when, until when. Null: all. */
#define WHICH                                                                                      \
	"where ($1::timestamptz is null or c.start_at >= $1) and ($2::timestamptz is null or "     \
	"c.start_at < $2) and ($3::text is null or (" OF_USER ")) "                                \
	"order by c.start_at, c.call_id, c.seq"

/* Is there such a subscriber, or a number that any record has? $1, $2 are not used. */
static const char user_sql[] =
    "select where $1::text is null and $2::text is null and (exists ("
    "select from tandem.subscriber s where s.tenant_id = $4::int and $3 in (s.username, s.number)) "
    "or exists (select from tandem.cdr c where " OF_USER "))";

enum { TIME_MAX = 64 };

/*
 * A time as PostgreSQL reads it, UTC where it names no zone; or a time of today; or an interval, which
 * is before now whether it says "ago" or not.
 */
static int
time_read(struct ctl *c, const char *option, const char **text, char at[TIME_MAX])
{
	static const char *const forms[] = {
		"select $1::timestamptz",
		"select (current_date + $1::time)::timestamptz",
		"select now() - greatest($1::interval, -$1::interval)",
	};
	PGresult *r = NULL;

	if (*text == NULL)
		return CTL_DONE;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		PQclear(r);
		r = db_run(c, forms[i], 1, *text);
		if (db_good(r)) {
			snprintf(at, TIME_MAX, "%s", PQgetvalue(r, 0, 0));
			PQclear(r);
			*text = at;
			return CTL_DONE;
		}
	}
	return db_refuse(c, r, option, *text,
	    "a time, as 2026-11-21, \"2026-11-21 10:00\", 10:00, today or \"2 hours ago\"");
}

/* Nothing was listed: is it that there is nobody of this name? */
static int
user_check(struct ctl *c, const struct name *name)
{
	PGresult *r = db_run(c, user_sql, 4, NULL, NULL, name->text, name->tenant);
	int status = CTL_DONE;

	if (!db_good(r))
		return db_refuse(c, r, "--user", name->arg, "text");
	if (PQntuples(r) == 0)
		status = ctl_refuse(c,
		    "--user: \"%s\" is no subscriber's name or number, and no record has it",
		    name->arg);
	PQclear(r);
	return status;
}

static int
segments_find(struct ctl *c, bool brief, PGresult **r_r)
{
	char since[TIME_MAX], until[TIME_MAX];
	struct name name = { .text = "" };
	int status;

	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = time_read(c, "--since", &c->since, since)) != CTL_DONE ||
	    (status = time_read(c, "--until", &c->until, until)) != CTL_DONE ||
	    (c->user != NULL && (status = name_find(c, c->user, &name)) != CTL_DONE))
		return status;
	*r_r = db_run(c, brief ? BRIEF WHICH : SEGMENTS WHICH, 4, c->since, c->until,
	    c->user == NULL ? NULL : name.text, c->user == NULL ? NULL : name.tenant);
	if (c->user == NULL || !db_good(*r_r) || PQntuples(*r_r) > 0)
		return CTL_DONE;
	status = user_check(c, &name);
	if (status != CTL_DONE)
		PQclear(*r_r);
	return status;
}

int
cdr_list(struct ctl *c, int n, char **words)
{
	const char *format = c->format == NULL ? "table" : c->format;
	bool brief;
	PGresult *r;
	int status;

	(void)n;
	(void)words;
	if (strcmp(format, "json") == 0)
		c->json = true;
	else if (strcmp(format, "table") != 0 && strcmp(format, "csv") != 0)
		return ctl_usage(c, "--format: \"%s\" is not table, csv or json", format);
	brief = c->format == NULL && !c->json && !c->wide && table_width() > 0;
	c->fit = brief ? fit : NULL;
	status = segments_find(c, brief, &r);
	if (status != CTL_DONE)
		return status;
	if (strcmp(format, "csv") != 0 || !db_good(r))
		return result_list(c, r);
	csv_print(r);
	PQclear(r);
	return CTL_DONE;
}

/*
 * In a database that was not upgraded yet no call has a ladder. What was joined to a call was up at the
 * same time: the index is by time.
 */
static const char said_sql[] = "select (select coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(l) - "
			       "'call_id') order by l.leg_no), "
			       "'[]') from tandem.cdr_leg l where l.call_id = k.call_id), "
			       "coalesce(to_jsonb(k) -> 'ladder', '[]'), to_jsonb(k.merged_into), "
			       "(select coalesce(jsonb_agg(o.call_id), '[]') from tandem.call o "
			       "where o.merged_into = k.call_id "
			       "and o.tenant_id = k.tenant_id and o.setup_at between k.setup_at - "
			       "interval '1 day' and k.end_at), "
			       "coalesce(to_jsonb(k) -> 'decisions', '[]') "
			       "from tandem.call k where k.call_id = $1::uuid";

static json_t *
cell_json(const PGresult *r, int column)
{
	return json_loads(PQgetvalue(r, 0, column), JSON_DECODE_ANY, NULL);
}

static int
said_of_call(struct ctl *c, const char *id, json_t **said_r)
{
	static const char *const names[] = { "legs", "ladder", "merged_into", "merged",
		"decisions" };
	PGresult *r = db_run(c, said_sql, 1, id);

	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	*said_r = json_object();
	for (int i = 0; i < 5 && PQntuples(r) > 0; i++)
		if (!PQgetisnull(r, 0, i))
			json_object_set_new(*said_r, names[i], cell_json(r, i));
	PQclear(r);
	return CTL_DONE;
}

int
cdr_of_call(struct ctl *c, const char *id, json_t **rows_r, json_t **said_r)
{
	int status = db_connect(c);
	PGresult *r;

	if (status != CTL_DONE)
		return status;
	r = db_run(c, SEGMENTS "where c.call_id = $1::uuid order by c.seq, c.start_at", 1, id);
	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	*rows_r = rows_of(r);
	PQclear(r);
	return said_of_call(c, id, said_r);
}

int
audit_list(struct ctl *c, int n, char **words)
{
	int status = db_connect(c), findings;
	PGresult *r;

	(void)n;
	(void)words;
	if (status != CTL_DONE)
		return status;
	r = db_run(c,
	    "select rule, finding, tenant_id, call_id, seq, detail from tandem.v_billing_audit "
	    "order by rule, call_id, seq",
	    0);
	if (!db_good(r))
		return db_refuse(c, r, NULL, NULL, NULL);
	findings = PQntuples(r);
	status = result_list(c, r);
	if (findings > 0)
		return ctl_refuse(c, "%d finding%s", findings, findings == 1 ? "" : "s");
	return status;
}
