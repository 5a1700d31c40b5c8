/* What was called: the segments of tandem.cdr, and the audit of the records. */
#include <string.h>

#include "ctl/ctl.h"

/* $1, $2: from when, until when; $3, $4: a user or number, and whose tenant's it is. Null: all. */
static const char list_sql[] =
    "select c.call_id, c.seq, c.segment_kind, c.payer_number, c.calling_number, c.dialed_digits, "
    "c.called_number, c.connected_number, "
    "to_char(c.start_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as start_at, "
    "to_char(c.ring_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as ring_at, "
    "to_char(c.answer_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as answer_at, "
    "to_char(c.end_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') as end_at, "
    "c.duration_ms, c.bill_ms, c.disposition, c.sip_code, c.q850_cause, c.released_by, "
    "c.end_reason, "
    "c.record_type, c.redirecting_number, c.reason_text "
    "from tandem.cdr c "
    "where ($1::timestamptz is null or c.start_at >= $1) and ($2::timestamptz is null or "
    "c.start_at < $2) "
    "and ($3::text is null or (c.tenant_id = $4::int and exists (select from ("
    "select $3::text union "
    "select s.username from tandem.subscriber s where s.tenant_id = $4::int and s.number = $3 "
    "union "
    "select s.number from tandem.subscriber s where s.tenant_id = $4::int and s.username = $3) as "
    "o (n) "
    "where o.n in (c.calling_number, c.called_number, c.connected_number, c.payer_number, "
    "c.redirecting_number)))) "
    "order by c.start_at, c.call_id, c.seq";

/* A time as PostgreSQL reads it, UTC where it names no zone. */
static int
time_check(struct ctl *c, const char *option, const char *text)
{
	PGresult *r;

	if (text == NULL)
		return CTL_DONE;
	r = db_run(c, "select $1::timestamptz", 1, text);
	if (!db_good(r))
		return db_refuse(
		    c, r, option, text, "a time, as 2026-11-21 or \"2026-11-21 10:00\"");
	PQclear(r);
	return CTL_DONE;
}

int
cdr_list(struct ctl *c, int n, char **words)
{
	const char *format = c->format == NULL ? "table" : c->format;
	struct name name = { .text = "" };
	PGresult *r;
	int status;

	(void)n;
	(void)words;
	if (strcmp(format, "json") == 0)
		c->json = true;
	else if (strcmp(format, "table") != 0 && strcmp(format, "csv") != 0)
		return ctl_usage(c, "--format: \"%s\" is not table, csv or json", format);
	if ((status = db_connect(c)) != CTL_DONE ||
	    (status = time_check(c, "--since", c->since)) != CTL_DONE ||
	    (status = time_check(c, "--until", c->until)) != CTL_DONE ||
	    (c->user != NULL && (status = name_find(c, c->user, &name)) != CTL_DONE))
		return status;
	r = db_run(c, list_sql, 4, c->since, c->until, c->user == NULL ? NULL : name.text,
	    c->user == NULL ? NULL : name.tenant);
	if (strcmp(format, "csv") != 0 || !db_good(r))
		return result_list(c, r);
	csv_print(r);
	PQclear(r);
	return CTL_DONE;
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
