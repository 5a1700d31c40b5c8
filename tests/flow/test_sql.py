"""The schema: what is told, what is refused, who may do what; the views, the audit, the listings of
tandemctl made of them."""
import csv
import io
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from exchange import REPO, wait_until


def test_changes_are_told(ctl):
    ctl("subscriber", "add", "alice", "--password", "x", "number=1001")
    ctl("gateway", "add", "g", "host=h")
    assert ctl.told("update tandem.subscriber_service set dnd = true") == ["subscriber:1"]
    assert ctl.told("update tandem.subscriber set username = 'al'") == \
        ["subscriber_gone:1:alice", "subscriber:1", "did:1:1001"]
    assert ctl.told("update tandem.subscriber set number = '1002'") == \
        ["subscriber:1", "did:1:1001", "did:1:1002"]
    assert ctl.told("insert into tandem.did values (1, '+49', 'subscriber', 1)") == ["did:1:+49"]
    assert ctl.told("update tandem.did set number = '+50'") == ["did:1:+49", "did:1:+50"]
    assert ctl.told("insert into tandem.route (tenant_id, name, prefix, gateway_id) "
                    "values (1, 'r', '00', 1)") == ["route:1:00"]
    assert ctl.told("update tandem.route set prefix = '0'") == ["route:1:00", "route:1:0"]
    assert ctl.told("update tandem.gateway set port = 5") == ["gateway:1"]
    assert ctl.told("update tandem.tenant set suspended = true") == ["tenant:1"]
    assert ctl.told("update tandem.domain set domain = 'z.test' where domain = 'alt.test'") == \
        ["domain:z.test", "domain:alt.test"]
    assert set(ctl.told("delete from tandem.subscriber")) == \
        {"subscriber_gone:1:al", "did:1:1002", "did:1:+50"}


@pytest.mark.parametrize("statement", [
    "insert into tandem.subscriber (tenant_id, username, ha1_md5) values (1, 'x', '\\x00')",
    "insert into tandem.subscriber (tenant_id, username) values (1, e'a\\nb')",
    "insert into tandem.subscriber (tenant_id, username) values (9, 'x')",
    "insert into tandem.reg_delegate values (1, 1, 1)",
    "insert into tandem.did values (1, '5', 'group', 1)",
    "insert into tandem.did values (1, '5', 'subscriber', null)",
    "insert into tandem.did values (1, '201', 'redirect', null, null, 'sip:x@y')",
    "insert into tandem.domain values ('UPPER.test', 1)",
    "insert into tandem.domain values ('-bad.test', 1)",
    "insert into tandem.feature_code values (1, 'both', '72', 'cfu.set')",
    "insert into tandem.route (tenant_id, name, gateway_id) values (2, 'r', 1)",
    "update tandem.subscriber set tenant_id = 2",
    "update tandem.subscriber_service set cfu = '201'",
    "update tandem.subscriber_service set cfb = '112'",
    "update tandem.subscriber_service set cfnr = 'tel:911'",
    "update tandem.subscriber_service set cfnrc = 'sip:1@acme.test'",
    "update tandem.subscriber_service set cfu = '+'",
])
def test_constraints_refuse(ctl, statement):
    ctl("subscriber", "add", "201", "--password", "x")
    ctl("gateway", "add", "g", "host=h")
    ctl("tenant", "add", "acme", "domain=acme.test")
    ctl.sql("update tandem.tenant set tenant_id = 2 where name = 'acme'; ")
    ctl.sql_refused(statement)


@pytest.mark.parametrize("act, number, seconds, status, phrase", [
    ("cfu.set", "'202'", "null", 200, "cfu 202"),
    ("cfu.set", "null", "null", 403, "cfu: no number has been set"),
    ("cfu.set", "'201'", "null", 403, "cfu: a subscriber's calls cannot be forwarded to itself (201)"),
    ("cfall.set", "'112'", "null", 403, "cfu: calls cannot be forwarded to an emergency number (112)"),
    ("cfnr.set", "'202'", "20", 200, "cfnr 202"),
    ("cfcond.query", "null", "null", 200, "cfb off, cfnr off, cfnrc off"),
    ("cw.clear", "null", "null", 200, "call_waiting off"),
    ("all.clear", "null", "null", 200, "cfu off, cfb off, cfnr off, cfnrc off"),
    ("redial", "null", "null", 404, "No such service"),
    ("block.set", "'a*b'", "null", 403, "block: not a number or a name (a*b)"),
])
def test_a_service_code_is_done_or_refused(ctl, act, number, seconds, status, phrase):
    ctl("subscriber", "add", "201", "--password", "x")
    assert ctl.sql("select * from tandem.feature_act(1, '%s', %s, %s)" % (act, number, seconds)) == \
        [[str(status), phrase]]


def test_a_forward_is_switched_on_again_without_its_number(ctl):
    ctl("subscriber", "add", "201", "--password", "x")
    act = "select phrase from tandem.feature_act(1, '%s', %s, null)"
    for what, number, said in (("cfu.set", "'202'", "cfu 202"), ("cfu.clear", "null", "cfu off"),
                               ("cfu.set", "null", "cfu 202"), ("cfu.erase", "null", "cfu off"),
                               ("cfu.set", "null", "cfu: no number has been set")):
        assert ctl.sql(act % (what, number)) == [[said]]


CDR = ("insert into tandem.cdr (cdr_id, call_id, seq, tenant_id, payer_kind, payer_account_id, "
       "start_at, answer_at, end_at, duration_ms, bill_ms, disposition, redirect_count) values "
       "(gen_random_uuid(), '%s', %d, 1, 'nobody', 0, %s)")
CALL = "00000000-0000-7000-8000-0000000000%02d"


@pytest.mark.parametrize("rest", [
    "'2026-01-01', '2025-12-31', '2026-01-02', 9, 0, 'answered', 0",
    "'2026-01-01', '2026-01-03', '2026-01-02', 9, 0, 'answered', 0",
    "'2026-01-01', null, '2026-01-02', 9, 1, 'busy', 0",
    "'2026-01-01', '2026-01-01', '2026-01-02', 9, 10, 'answered', 0",
    "'2026-01-01', null, null, 0, 0, 'busy', 21",
    "'2026-01-01', null, null, 0, 0, 'engaged', 0",
])
def test_segments_that_cannot_be(ctl, rest):
    ctl.sql_refused(CDR % (CALL % 1, 0, rest))


def test_segments_of_any_month_come_in_once(ctl):
    def exported():
        return ctl.sql("select export_seq, tableoid::regclass from tandem.cdr order by 1")

    plain = "now(), null, now(), 0, 0, 'busy', 0"
    old = "'1999-06-15', null, '1999-06-15', 0, 0, 'busy', 0"
    ctl.sql(CDR % (CALL % 1, 0, old))
    ctl.sql("begin; %s; rollback; %s" % (CDR % (CALL % 2, 0, plain), CDR % (CALL % 3, 0, plain)))
    ctl.sql("insert into tandem.cdr select * from tandem.cdr on conflict do nothing")
    ctl.sql(CDR % (CALL % 4, 0, plain))
    assert [row[0] for row in exported()] == ["1", "2", "3"]
    assert exported()[0][1] == "tandem.cdr_default"
    assert ctl.sql("select tandem.cdr_partitions(0, '1999-06-30')") == [["1"]]
    assert exported()[0] == ["1", "tandem.cdr_1999_06"]
    assert ctl.sql("select tandem.cdr_partitions(0, '1999-06-30')") == [["0"]]


def test_every_field_of_a_call_record_has_its_column(ctl):
    tables = {"CALL": "call", "SEGMENT": "cdr", "LEG": "cdr_leg", "MESSAGE": "message"}
    columns = {tuple(r) for r in ctl.sql("select table_name, column_name from "
                                         "information_schema.columns where table_schema = 'tandem'")}
    for line in (REPO / "common/model/cdr.def").read_text().splitlines():
        if line.startswith("CDR("):
            part, _, column, _ = (w.strip() for w in line[4:].rstrip(")").split(","))
            assert (tables[part], column) in columns
    assert ctl.sql("select disposition, in_ip from jsonb_populate_recordset(null::tandem.cdr, "
                   "'[{\"disposition\": \"noanswer\", \"in_ip\": \"192.0.2.1\"}]')") == \
        [["noanswer", "192.0.2.1"]]


def test_C42_one_list_of_emergency_numbers(ctl):
    """The worker's and the database's are the same."""
    text = (REPO / "daemons/worker/features/emergency.c").read_text()
    text = text[text.index("numbers[] = {"):]
    numbers = sorted(re.findall(r'"(\d+)"', text[:text.index("};")]))
    assert len(numbers) > 5 and numbers == sorted(r[0] for r in ctl.sql(
        "select n from (select lpad(i::text, 3, '0') as n from generate_series(0, 999) i) x"
        " where tandem.is_emergency(n)"))


@pytest.mark.parametrize("words", [
    "subscriber add 144 --password x", "group add g number=144", "group add g number=600 overflow=144",
    "number add 144 park=60", "subscriber set 201 number=144", "subscriber set 201 cfu=144",
    "subscriber set 201 cfs=sip:144@pbx.test", "subscriber set 201 follow_me_numbers=144",
    "subscriber set 201 hotline=144", "tenant set default voicemail=144",
])
def test_C42_emergency_numbers_of_a_country_are_nobodys(ctl, words):
    """Nor does anything lead there; elsewhere it is a number like others, and becomes no other while it is
    somebody's, or something leads there."""
    ctl("subscriber", "add", "201", "--password", "x")
    ctl("tenant", "set", "default", "country=AT")
    assert "144 is an emergency number of the tenant's country" in ctl.refused(*words.split())
    ctl("tenant", "set", "default", "country=DE")
    ctl(*words.split())
    assert "the emergency number 144 is " in ctl.refused("tenant", "set", "default", "country=AT")
    ctl.sql_refused("insert into tandem.emergency_number values ('DE', '144')")


def test_C5_C42_rules_by_sql(ctl):
    """A wrong rule is refused with one line; an emergency number of the country is nobody's here either."""
    ctl("subscriber", "add", "201", "--password", "x")
    insert = "insert into tandem.forward_rule (tenant_id, subscriber_id, position, destination, %s) values (1, 1, %s)"
    for columns, values, says in (("days", "1, '4711', '{}'", "an empty list is no condition"),
                                  ("days", "1, '4711', '{sat,null}'", "an empty list is no condition"),
                                  ("days", "9, '4711', '{sat}'", "there are eight at most"),
                                  ("days", "1, '201', '{sat}'", "cannot be forwarded to itself"),
                                  ("from_time", "1, '4711', '18:00'", "has a beginning and an end"),
                                  ("from_time, to_time", "1, '4711', '18:00:01', '19:00'", "not a time of the day"),
                                  ("to_date", "1, '4711', 'infinity'", "not a range of dates"),
                                  ("to_date", "1, '4711', '1969-12-31'", "not a range of dates"),
                                  ("callers", "1, '4711', '{a b}'", "not a number or a name (a b)"),
                                  ("callers", "1, '4711', array_fill('1234567890'::text, '{20}')", "more than 128")):
        assert "cfs_rules: " in ctl.sql_refused(insert % (columns, values))
        assert says in ctl.sql_refused(insert % (columns, values))
    assert ctl.told(insert % ("from_time, to_time", "1, '144', '22:00', '24:00'")) == ["rules:1", "subscriber:1"]
    assert ctl.sql("select tandem.forward_rules_of(1)") == [["22:00-24:00 to=144"]]
    assert "144 is where somebody's calls are sent" in ctl.refused("tenant", "set", "default", "country=AT")
    ctl("subscriber", "set", "201", "cfs_rules=")
    ctl("tenant", "set", "default", "country=AT")
    assert "144 is an emergency number" in ctl.refused("subscriber", "set", "201", "cfs_rules=sat to=144")
    assert ctl.sql("select tandem.zone_changes('Nowhere/AtAll')") == [["0"]]


def test_C42_a_hotline_and_a_country_at_once(ctl):
    """Who sets the country waits for who has just set a hotline, and then sees it."""
    ctl("subscriber", "add", "201", "--password", "x")
    other = subprocess.Popen(
        [str(ctl.cluster.bin / "psql"), "-XqAt", "-d", ctl.cluster.dsn(ctl.database, "postgres")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    other.stdin.write("begin; update tandem.subscriber_service set hotline = '144'; select 'set';\n")
    other.stdin.flush()
    assert other.stdout.readline() == "set\n"
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(ctl.sql_refused, "update tandem.tenant set country = 'AT'")
        wait_until(lambda: late.done() or ctl.sql(
            "select 1 from pg_stat_activity where datname = current_database()"
            " and wait_event = 'advisory'"), 5)
        other.communicate("commit;\n", timeout=5)
        assert "the emergency number 144 is what somebody's phone calls" in late.result(5)


def test_C42_somebodys_number_becomes_no_emergency_number(ctl):
    ctl("subscriber", "add", "144", "--password", "x")
    for words, why in (("country=AT", "the emergency number 144 is somebody's"), ("country=Austria", "two capital letters")):
        assert why in ctl.refused("tenant", "set", "default", words)
    ctl("tenant", "set", "default", "country=DE")
    ctl.sql_refused("insert into tandem.emergency_number values ('DE', '144')")
    ctl.sql("insert into tandem.emergency_number values ('DE', '145')")


def test_a_log_in_that_the_database_refuses_is_no_fault(ctl):
    ctl("subscriber", "add", "201", "--password", "x")
    ctl("group", "add", "g", "number=600", "members=201")
    ctl.sql("update tandem.hunt_group_member set logged_in = false;"
            "alter table tandem.hunt_group_member add constraint stays_out check (not logged_in)")
    (status, phrase), = ctl.sql("select * from tandem.feature_act(1, 'group.login', null, null)")
    assert status == "403" and "stays_out" in phrase


def test_the_users_of_one_tenant_leave_room_to_others(ctl):
    """C36: as many numbers as are then still free; what stands is changed and taken away as ever."""
    for user in ("201", "202"):
        ctl("subscriber", "add", user, "--password", "x")
    ctl("tenant", "add", "acme", "domain=acme.test")
    ctl("subscriber", "add", "301@acme.test", "--password", "x")
    act = "select status, phrase from tandem.feature_within(%d, '%s', '%s', null, 6)"
    for who, what, number, status in ((1, "speed.set", "1*4711", 200), (2, "speed.set", "2*4711", 200),
                                      (1, "block.set", "4711", 200), (1, "block.set", "4712", 403),
                                      (1, "speed.set", "3*4711", 403), (2, "speed.set", "2*4712", 200),
                                      (3, "speed.set", "1*4711", 200), (3, "speed.set", "2*4711", 403),
                                      (1, "cfu.set", "4711", 200), (1, "speed.query", "3*", 200),
                                      (2, "speed.clear", "2", 200), (1, "speed.set", "3*4711", 403),
                                      (3, "speed.clear", "1", 200), (1, "speed.set", "3*4711", 200)):
        (found, phrase), = ctl.sql(act % (who, what, number))
        assert found == str(status) and (status == 200 or phrase == "no room for another number"), (what, number)
    assert ctl.sql("select count(*) from tandem.speed_dial") == [["2"]]


def test_roles(ctl):
    ctl.sql("alter role tandem_rw login; alter role billing_ro login")
    ctl("subscriber", "add", "201", "--password", "x")
    ctl.sql(CDR % (CALL % 1, 0, "now(), null, now(), 0, 0, 'busy', 0"), "tandem_rw")
    ctl.sql("update tandem.subscriber_service set dnd = true; select tandem.cdr_partitions()", "tandem_rw")
    ctl.sql("select tandem.callers_set(subscriber_id, 'block', '123') from tandem.subscriber", "tandem_rw")
    for text in ("create table tandem.x ()", "drop table tandem.cdr", "delete from tandem.cdr",
                 "update tandem.cdr set bill_ms = 0", "update tandem.subscriber set ha1_md5 = null",
                 "select tandem.grant_roles()"):
        assert "permission denied" in ctl.sql_refused(text, "tandem_rw") or "owner" in \
            ctl.sql_refused(text, "tandem_rw")
    views = [r[0] for r in ctl.sql("select table_name from information_schema.views "
                                   "where table_schema = 'tandem' and table_name <> 'v_countable'")]
    assert len(views) == 15
    for view in views:
        ctl.sql('select * from tandem."%s"' % view, "billing_ro")
    for table in ("cdr", "subscriber", "v_countable"):
        assert "permission denied" in ctl.sql_refused("select * from tandem." + table, "billing_ro")


# --- records -----------------------------------------------------------------------------------------

@pytest.fixture
def forwarded(ctl):
    """Alice calls Bob, who forwards to the world; and a call that nobody took."""
    for user, number in (("alice", "1001"), ("bob", "1002")):
        ctl("subscriber", "add", user, "--password", "x", "number=" + number)
    ctl("gateway", "add", "carrier", "host=192.0.2.9")
    ctl.sql("insert into tandem.call values ('%s', 1, '2026-11-21 10:00', '2026-11-21 12:00', 'internal', "
            "'alice', 'bob', 'n', 0, null, true)" % (CALL % 1))
    ctl.sql("""insert into tandem.cdr (cdr_id, call_id, seq, parent_seq, segment_kind, tenant_id,
        payer_kind, payer_account_id, calling_number, calling_name, called_number, redirecting_number,
        out_trunk_id, start_at, answer_at, end_at, duration_ms, bill_ms, disposition) values
        (gen_random_uuid(), '{0}', 0, null, 'direct', 1, 'subscriber', 1, '1001', '=1+1', '1002', null,
        null, '2026-11-21 10:00', '2026-11-21 10:00:10', '2026-11-21 12:00', 7200000, 7190000, 'answered'),
        (gen_random_uuid(), '{0}', 1, 0, 'forward', 1, 'subscriber', 2, '1001', '=1+1', '+49301', '1002',
        1, '2026-11-21 10:00', '2026-11-21 10:00:10', '2026-11-21 12:00', 7200000, 7190000, 'answered'),
        (gen_random_uuid(), '{1}', 0, null, 'direct', 1, 'subscriber', 1, '1001', null, '1002', null,
        null, '2026-11-21 10:30', null, '2026-11-21 10:31', 60000, 0, 'noanswer')""".format(
            CALL % 1, CALL % 2))
    ctl.sql("insert into tandem.cdr_leg (call_id, seq, leg_no, direction, kind, answer_at) values "
            "('%s', 1, 0, 'out', 'trunk', now())" % (CALL % 1))
    return ctl


def test_cdr_listing(forwarded):
    rows = forwarded.rows("cdr")
    assert [(r["seq"], r["disposition"]) for r in rows] == \
        [(0, "answered"), (1, "answered"), (0, "noanswer")]
    assert rows[1]["start_at"] == "2026-11-21T10:00:00.000Z" and rows[1]["bill_ms"] == 7190000
    assert list(rows[0])[:19] == (
        "call_id seq segment_kind payer_number calling_number dialed_digits called_number "
        "connected_number start_at ring_at answer_at end_at duration_ms bill_ms disposition sip_code "
        "q850_cause released_by end_reason").split()
    assert len(forwarded.rows("cdr", "--since", "2026-11-21 10:15")) == 1
    assert len(forwarded.rows("cdr", "--until", "2026-11-21 10:15")) == 2
    assert len(forwarded.rows("cdr", "--user", "bob")) == 3
    assert len(forwarded.rows("cdr", "--user", "+49301")) == 1
    assert "no subscriber's name or number" in forwarded.run("cdr", "--user", "nobody").stderr
    assert '"soon" is not a time' in forwarded.refused("cdr", "--since", "soon")
    assert "table, csv or json" in forwarded.refused("cdr", "--format", "xml", status=2)


def test_D3_csv_is_rfc_4180_and_holds_no_formula(forwarded):
    forwarded.sql("update tandem.cdr set reason_text = '@x, \"y\"' where seq = 1")
    text = forwarded("cdr", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 3 and rows[1]["reason_text"] == "'@x, \"y\""
    assert rows[1]["called_number"] == "+49301" and rows[0]["answer_at"] == "2026-11-21T10:00:10.000Z"
    view = forwarded.sql("select calling_name, called_number, reason_text from tandem.v_cdr_csv "
                         "where seq = 1")
    assert view == [["'=1+1", "+49301", "'@x, \"y\""]]


def test_M_11_views(forwarded):
    sql = forwarded.sql
    assert sql("select caller, called, result, talked, segments from tandem.v_calls") == \
        [["1001", "1002", "answered", "01:59:50", "2"]]
    assert sql("select username, caller, disposition from tandem.v_missed_calls") == \
        [["bob", "1001", "noanswer"]]
    assert sql("select payer_account_id, attempts, answered, asr, minutes from tandem.v_daily_account "
               "order by 1") == [["1", "2", "1", "50.00", "119.833"], ["2", "1", "1", "100.00", "119.833"]]
    assert sql("select trunk, direction, answered from tandem.v_daily_trunk") == [["carrier", "out", "1"]]
    assert sql("select to_char(hour at time zone 'UTC', 'HH24'), peak_channels, peak_calls from "
               "tandem.v_hourly_concurrency where trunk_id is null order by 1") == \
        [["10", "2", "1"], ["11", "1", "1"]]
    assert sql("select count(*) from tandem.v_unrated") == [["2"]]
    assert sql("select jsonb_array_length(segments), segments -> 1 -> 'legs' -> 0 ->> 'kind' "
               "from tandem.v_call_legs") == [["2", "trunk"]]
    assert sql("select src, dst, billsec, disposition from tandem.v_cdr_asterisk where sequence = 1") == \
        [["1001", "+49301", "7190", "ANSWERED"]]
    assert sql("select domain_name, billsec, hangup_cause from tandem.v_cdr_fusionpbx "
               "where hangup_cause <> 'NORMAL_CLEARING'") == [["pbx.test", "0", "NO_ANSWER"]]


def test_audit(forwarded):
    assert forwarded("audit") == "no findings\n" and forwarded.rows("audit") == []
    broken = {
        1: "insert into tandem.call (call_id, tenant_id, setup_at, end_at, closed) "
           "values ('%s', 1, now(), now(), true)" % (CALL % 9),
        2: "update tandem.cdr set payer_account_id = 0 where disposition = 'noanswer'",
        4: "update tandem.cdr set disposition = 'failed' where call_id = '%s' and seq = 0" % (CALL % 1),
        5: "update tandem.cdr set bill_ms = bill_ms - 60 where call_id = '%s' and seq = 0" % (CALL % 1),
        6: "delete from tandem.cdr_leg",
        7: "insert into tandem.call (call_id, tenant_id, setup_at) values ('%s', 1, now() - interval "
           "'2 days')" % (CALL % 8),
        9: "update tandem.cdr set payer_account_id = 1 where seq = 1",
        10: "update tandem.cdr set export_seq = 7 where export_seq = 3",
    }
    again = CDR % (CALL % 7, 5, "'2026-11-21 10:00', '2026-11-21 10:00:10', '2026-11-21 10:00:20', 20000, "
                   "10000, 'answered', 0")
    twice = "update tandem.cdr set in_sip_call_id = 'x', called_number = '1', seq = 5 where seq in (0, 5)" \
            " and start_at = '2026-11-21 10:00'"
    for rule, statement in broken.items():
        found = forwarded.sql("begin; %s; select distinct rule from tandem.v_billing_audit; rollback"
                              % statement)
        assert found == [[str(rule)]]
    assert ["8"] in forwarded.sql("begin; %s; %s; select rule from tandem.v_billing_audit; rollback"
                                  % (again, twice))
    assert ["3"] in forwarded.sql("begin; %s; update tandem.cdr set call_id = '%s', parent_seq = null; "
                                  "select rule from tandem.v_billing_audit; rollback" % (again, CALL % 1))
    forwarded.sql(broken[9])
    done = forwarded.run("audit")
    assert done.returncode == 1 and "forwarded, and not paid" in done.stdout
    assert done.stderr == "tandemctl: 1 finding\n"
