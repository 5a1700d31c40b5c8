"""Service codes (SERVICES.md): dialled at a phone, in the database, and in force for the next call."""
import re

import pytest

from calls import Building, exchange, sdp, wait_until
from test_redirect import in_force

codes_building, codes = exchange("codes")


def service(office, phone):
    return office.sql("select v.* from tandem.subscriber_service v join tandem.subscriber s"
                      " using (tenant_id, subscriber_id) where s.username = '%s'" % phone.name)[0]


def dial(office, phone, code):
    """Dials a code that is done; what the phone shows for it."""
    call = phone.invite(code, sdp=sdp())
    answer = phone.expect(200)
    call.ack()
    phone.expect("BYE", 5)
    phone.reply(200)
    row = wait_until(lambda: [r for r in office.rows_of(call.call_id) if r["disposition"]], 5)[0]
    office.unrecorded.add(call.call_id)     # looked at here: nobody pays
    assert (row["segment_kind"], row["payer_kind"], row["bill_ms"]) == ("feature_code", "nobody", 0)
    return re.search('"(.*?)"', str(answer["P-Asserted-Identity"])).group(1)


def refused(office, phone, code, status):
    call = phone.invite(code, sdp=sdp())
    phone.expect(status)
    office.unrecorded.add(call.call_id)


@pytest.mark.parametrize("code, column, value", [
    ("*721003", "cfu", "1003"), ("*73", "cfu", None),
    ("*21*1003#", "cfu", "1003"), ("%2321%23", "cfu", None), ("*21%23", "cfu", "1003"),
    ("##21#", "cfu", None),
    ("*901003", "cfb", "1003"), ("*91", "cfb", None),
    ("*67*1003#", "cfb", "1003"), ("#67#", "cfb", None),
    ("*921003", "cfnr", "1003"), ("*93", "cfnr", None),
    ("*61*1003**20#", "cfnr_timeout", 20), ("#61#", "cfnr", None),
    ("*941003", "cfnrc", "1003"), ("*95", "cfnrc", None),
    ("*62*1003#", "cfnrc", "1003"), ("##62#", "cfnrc", None),
    ("*004*1003#", "cfb", "1003"), ("##002#", "cfb", None),
    ("*78", "dnd", True), ("*79", "dnd", False), ("*76", "dnd", True), ("#26#", "dnd", False),
    ("*77", "acr", True), ("*87", "acr", False), ("*99#", "acr", True), ("#99#", "acr", False),
    ("*31#", "clir", True), ("#31#", "clir", False),
    ("#43#", "call_waiting", False), ("*43#", "call_waiting", True),
])
def test_R28_a_code_changes_its_setting(codes, code, column, value, dialler=[]):
    codes_phone = codes.phone(dialler[0] if dialler else None)
    dialler[:] = [codes_phone.name]
    dial(codes, codes_phone, code)
    assert service(codes, codes_phone)[column] == value


def test_a_query_is_shown(codes):
    alice = codes.phone()
    dial(codes, alice, "*21*1003#")
    assert dial(codes, alice, "*#21#") == "cfu 1003"
    assert codes.x.ctl("subscriber", "show", alice.name + "@pbx.test").count("1003") == 1


@pytest.mark.parametrize("code, status", [
    ("*72", 484), ("*72*", 484), ("*21*12a#", 484), ("*61*1003**999#", 484), ("*999", 404), ("**", 484),
])
def test_a_code_that_is_none(codes, code, status):
    refused(codes, codes.phone(), code, status)


@pytest.mark.parametrize("number", ["112", None])
def test_a_forward_that_may_not_be_is_refused(codes, number):
    """To an emergency number, to oneself: nothing has changed."""
    alice = codes.phone()
    codes.sql.do("update tandem.subscriber set number = '7' || subscriber_id where username = '%s';"
                 % alice.name)
    refused(codes, alice, "*72" + (number or "7%d" % codes.subscriber_id(alice.name)), 403)
    assert service(codes, alice)["cfu"] is None


def test_S1_10_R6_a_code_is_in_force_for_the_next_call(codes):
    alice, bob, carol = codes.phones(3)
    codes.sql.do("update tandem.subscriber set number = '6001' where username = '%s';" % carol.name)
    dial(codes, bob, "*726001")
    a = alice.invite(bob.name, sdp=sdp(port=40000))
    carol.expect("INVITE")
    c = carol.call
    c.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    a.ack()
    carol.expect("ACK")
    codes.hang_up(a, c)
    rows = wait_until(lambda: (lambda r: len(r) == 2 and r)(
        [r for r in codes.rows_of(a.call_id) if r["disposition"]]), 5)
    rows.sort(key=lambda r: r["seq"])
    assert [r["segment_kind"] for r in rows] == ["direct", "forward"]
    assert [r["payer_account_id"] for r in rows] == [codes.subscriber_id(p.name) for p in (alice, bob)]
    codes.unrecorded.add(a.call_id)


def test_a_code_while_the_database_is_away(codes):
    """Refused, and nothing has changed; it is taken when the database is there again."""
    alice = codes.phone()
    before = service(codes, alice)["dnd"]
    codes.cluster.sql("alter database %s with allow_connections false" % codes.database, "postgres")
    codes.cluster.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'"
                      % codes.database, "postgres")
    call = alice.invite("*78", sdp=sdp())
    assert alice.expect(503, 8).reason == "Settings cannot be changed now"
    codes.unrecorded.add(call.call_id)
    codes.cluster.sql("alter database %s with allow_connections true" % codes.database, "postgres")
    codes.sql.open()
    assert service(codes, alice)["dnd"] == before

    def is_taken():
        call = alice.invite("*78", sdp=sdp())
        answer = alice.take(lambda m: m.call is call and (m.status or 0) >= 200, 8)
        codes.unrecorded.add(call.call_id)
        if answer.status != 200:
            return False
        call.ack()
        alice.expect("BYE", 5)
        alice.reply(200)
        return True

    wait_until(is_taken, 10)
    wait_until(lambda: service(codes, alice)["dnd"], 5)


def test_C12_a_code_before_the_number(codes):
    """Bob does not see who calls; the record says what was dialled."""
    alice, bob = codes.phones(2)
    codes.sql.do("update tandem.subscriber set number = '6002' where username = '%s';" % bob.name)
    call = in_force(bob, alice, "*676002")
    invite = bob.expect("INVITE")
    assert "anonymous.invalid" in invite["From"] and alice.name.encode() not in invite.raw
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    codes.record(call, dialed_digits="*676002", called_number="6002",
                 calling_presentation="restricted", disposition="busy")


@pytest.fixture
def full(cluster, template, tmp_path):
    """An exchange whose directory has room for four subscribers and is full of other things: groups, and
    what is read after the service codes."""
    b = Building(cluster, template, tmp_path, users=3, limits={
        "calls": 20, "subscribers": 4, "bindings": 20})
    b.sql.do("set session_replication_role = replica; insert into tandem.hunt_group (tenant_id, name, number)"
             " select tenant_id, 'g' || n, 7000000 + n from tandem.tenant, generate_series(1, 13000) n;"
             " insert into tandem.emergency_number (country, number)"
             " select 'ZZ', n from generate_series(10000, 29999) n; reset session_replication_role")
    try:
        yield b.start()
    finally:
        b.close()


def test_what_there_is_no_room_for_is_not_confirmed(full):
    """503 and the reason; it is kept, and done when there is room again."""
    alice = full.phone()
    full.x.wait_log("the directory does not take a row: limits.subscribers may be too low")
    call = alice.invite("*51*7*1002#", sdp=sdp())
    assert alice.expect(503).reason == "Kept, but there is no room to put it into force"
    row = wait_until(lambda: [r for r in full.rows_of(call.call_id) if r["disposition"]], 5)[0]
    assert (row["segment_kind"], row["payer_kind"], row["sip_code"]) == ("feature_code", "nobody", 503)
    assert '"speed_dial": "7:1002"' in full.ctl("--json", "subscriber", "show", alice.name)
    assert full.ctl("explain", alice.name, "7", check=False)[0] != 0
    full.sql.do("delete from tandem.emergency_number where country = 'ZZ' and number < '10200';"
                " delete from tandem.hunt_group where number < '7000200'")

    def is_done():
        call = alice.invite("*51*7*1002#", sdp=sdp())
        answer = alice.take(lambda m: m.call is call and (m.status or 0) >= 200)
        full.unrecorded.add(call.call_id)
        if answer.status == 200:
            call.ack()
            alice.expect("BYE", 5)
            alice.reply(200)
        return answer.status == 200

    wait_until(is_done, 5)
    assert "stands for 1002" in full.ctl("explain", alice.name, "7")
