"""What a call leaves behind (BILLING.md R1-R4, R17, R20, R23, R24), as those see it who read SQL."""
import csv
import hashlib
import io
import json
import re

import pytest

from calls import Sql, exchange, sdp, wait_until

building, office = exchange()


def ring(alice, bob):
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    b = bob.call
    b.reply(180)
    alice.expect(180)
    return a, b


def refuse(alice, bob, b, status):
    b.reply(status)
    bob.expect("ACK")
    alice.expect(status)


def test_R1_answered(office):
    """Times from the messages, durations from the monotonic clock, one payer."""
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    alice.silence(0.2)
    b.reply(200, sdp=sdp())
    bob.expect("ACK")
    alice.expect(200)
    a.ack()
    alice.silence(0.4)
    office.hang_up(alice, bob)
    r = office.record(a, disposition="answered", sip_code=200, q850_cause=16, payer_kind="subscriber",
                      payer_number=alice.name, calling_number=alice.name, dialed_digits=bob.name,
                      called_number=bob.name, connected_number=bob.name, connected_reason="called",
                      calling_presentation="allowed", in_ip="127.0.0.1", out_ip="127.0.0.1",
                      in_sip_call_id=a.call_id, out_sip_call_id=b.call_id, estimated=False,
                      parent_seq=None, redirect_count=0)
    c = r.cdr
    assert 200 <= c["ring_ms"] < 400 and 400 <= c["bill_ms"] < 700
    assert 600 <= c["duration_ms"] < 1000 and c["pdd_ms"] < 200
    assert c["ring_ms"] + c["bill_ms"] + c["pdd_ms"] - c["duration_ms"] in (-2, -1, 0, 1, 2)
    row, = office.sql("select extract(epoch from end_at - answer_at) * 1000 - bill_ms as d "
                      "from tandem.cdr where cdr_id = '%s'" % c["cdr_id"])
    assert abs(row["d"]) <= 50
    assert len(r.branches) == 1
    assert r.caller["sip_call_id"] == a.call_id and r.branches[0]["sip_call_id"] == b.call_id
    assert r.branches[0]["remote_address"] == bob.sent_by
    assert r.branches[0]["target"] == bob.contact_uri


def test_R2_what_does_not_come_about(office):
    """A row with nothing to pay for each; none for a challenge nobody answered."""
    alice, bob, away = office.phone(), office.phone(), office.phone(register=False)
    for status, disposition, q850 in ((486, "busy", 17), (603, "rejected", 21), (404, "failed", 1),
                                      (500, "failed", 41), (480, "noanswer", 18)):
        a, b = ring(alice, bob)
        refuse(alice, bob, b, status)
        r = office.record(a, disposition=disposition, sip_code=status, q850_cause=q850, bill_ms=0,
                          answer_at=None, released_by="callee", payer_number=alice.name)
        assert r.cdr["ring_at"] and r.branches[0]["sip_code"] == status
    for to, status, disposition in ((away.name, 480, "unreachable"), ("unknown", 404, "failed")):
        a = alice.invite(to, sdp=sdp())
        alice.expect(status)
        r = office.record(a, disposition=disposition, sip_code=status, bill_ms=0, ring_at=None,
                          dialed_digits=to, released_by="system")
        assert r.branches == []
    a = alice.invite(bob.name, sdp=sdp(), auth=False)
    alice.expect(407)
    office.no_record(a)


def test_R3_cancelled(office):
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    a.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.expect("CANCEL")
    b.reply(200, to="CANCEL")
    b.reply(487, to="INVITE")
    bob.expect("ACK")
    office.record(a, disposition="cancelled", sip_code=487, released_by="caller", bill_ms=0)


def test_R4_three_phones(office):
    """One segment, 1+3 legs, the losers marked."""
    alice, one = office.phones(2)
    phones = [one, office.phone(user=one.name), office.phone(user=one.name)]
    a = alice.invite(one.name, sdp=sdp())
    for phone in phones:
        phone.expect("INVITE")
        phone.reply(180)
    alice.expect(180)
    phones[1].reply(200, sdp=sdp())
    alice.expect(200)
    a.ack()
    phones[1].expect("ACK")
    for phone in (phones[0], phones[2]):
        phone.expect("CANCEL")
        phone.call.reply(200, to="CANCEL")
        phone.call.reply(487, to="INVITE")
        phone.expect("ACK")
    office.hang_up(alice, phones[1])
    r = office.record(a, disposition="answered")
    lost = {leg["remote_address"]: leg["cancelled_elsewhere"] for leg in r.branches}
    assert lost == {p.sent_by: p is not phones[1] for p in phones}
    assert [leg["leg_no"] for leg in r.legs] == [1, 2, 3, 4]


def test_R23_cancel_crosses_the_answer(office):
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    a.cancel()
    b.reply(200, sdp=sdp(), to="INVITE")
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.take(lambda m: m.method == "ACK")
    bob.take(lambda m: m.method == "BYE")
    b.reply(200, to="BYE")
    for m in [m for m in bob.inbox if m.method == "CANCEL"]:
        b.reply(200, to=m)
    r = office.record(a, disposition="cancelled", sip_code=487, bill_ms=0, answer_at=None)
    assert r.branches[0]["sip_code"] == 200


def test_R17_three_at_one_phone(office):
    """A phone that mixes three itself: one segment for each whom it called, each until that one leaves."""
    alice, bob, carol = office.phones(3)
    to_bob, b = office.up(alice, bob)
    to_carol, c = office.up(alice, carol)
    alice.silence(0.3)
    office.hang_up(c, to_carol)
    r = office.record(to_carol, disposition="answered", called_number=carol.name, payer_kind="subscriber")
    alice.silence(0.3)
    office.hang_up(b, to_bob)
    s = office.record(to_bob, disposition="answered", called_number=bob.name, payer_kind="subscriber")
    assert 300 <= r.cdr["bill_ms"] and r.cdr["bill_ms"] + 300 <= s.cdr["bill_ms"]


def test_names_and_numbers(office):
    """The subscriber's own number and name go before what his phone claims."""
    alice, bob = office.phones(2)
    number = "+4930%07d" % int(alice.name)
    office.sql.do("update tandem.subscriber set number = '%s', display_name = 'Älice \"A\"' "
                  "where username = '%s'" % (number, alice.name))
    alice.display = "Somebody Else"

    def is_in_force():
        a = alice.invite(bob.name, sdp=sdp())
        alice.placed.remove(a)
        invite = bob.expect("INVITE")
        bob.reply(486)
        bob.expect("ACK")
        alice.expect(486)
        return a if "lice" in invite["From"] else None

    a = wait_until(is_in_force, 2)
    row = wait_until(lambda: office.rows_of(a.call_id))[0]
    assert (row["calling_number"], row["calling_name"], row["payer_number"]) == (
        number, 'Älice "A"', number)
    b = bob.invite(number, sdp=sdp())       # and it can be dialled, with and without the +
    alice.expect("INVITE")
    alice.reply(486)
    alice.expect("ACK")
    bob.expect(486)
    office.record(b, dialed_digits=number)


# --- gateways --------------------------------------------------------------------------------------


@pytest.fixture
def trunks(office):
    """Two gateways for numbers that begin with 49, the first before the second."""
    one, two = [office.phone(register=False, host="127.0.0.%d" % n) for n in (21, 22)]
    trunk = (("one", one, 10), ("two", two, 20))
    statements = ["insert into tandem.gateway (tenant_id, name, host, port, auth_user, auth_password) "
                  "select tenant_id, '%s', '%s', %d, 'pbx', 's3cr3t' from tandem.domain where domain = 'pbx.test'" % (name, *phone.link.local)
                  for name, phone, _ in trunk]
    # The routes last: one whose gateway is not known yet leads nowhere.
    statements += ["insert into tandem.route (tenant_id, name, prefix, gateway_id, priority, strip, add) "
                   "select tenant_id, name, '49', gateway_id, %d, 2, '+49' from tandem.gateway "
                   "where name = '%s'" % (priority, name) for name, _, priority in trunk]
    office.sql.do("begin; %s; commit" % "; ".join(statements))
    yield one, two
    for name in ("one", "two"):
        office.ctl("route", "del", name)
        office.ctl("gateway", "del", name)


def gateway_id(office, name):
    return office.sql("select gateway_id from tandem.gateway where name = '%s'" % name)[0]["gateway_id"]


def when_routed(office, alice, to):
    """A call, once the route is in force."""
    wait_until(lambda: office.ctl("explain", alice.name, to, check=False)[0] == 0)
    return alice.invite(to, sdp=sdp())


def test_R20_the_next_trunk(office, trunks):
    """503 from the first, the second answers: one segment, two legs beside the caller's."""
    one, two = trunks
    alice = office.phone()
    a = when_routed(office, alice, "4930123456")
    invite = one.expect("INVITE")
    assert invite.uri.startswith("sip:+4930123456@127.0.0.21") and "user=phone" in invite.uri
    one.reply(503, headers=[("Retry-After", "5")])
    one.expect("ACK")
    two.expect("INVITE")
    two.reply(183, sdp=sdp(port=50000))
    assert "m=audio 50000" in alice.take(lambda m: m.status == 183).sdp
    two.reply(200, sdp=sdp(port=50000))
    two.expect("ACK")
    alice.take(lambda m: m.status == 200)
    a.ack()
    two_call = two.call
    a.bye()
    two.expect("BYE")
    two_call.reply(200)
    alice.expect("BYE 200")
    r = office.record(a, disposition="answered", out_trunk_id=gateway_id(office, "two"),
                      dialed_digits="4930123456", connected_number="+4930123456",
                      payer_number=alice.name)
    assert [leg["kind"] for leg in r.branches] == ["trunk", "trunk"]
    assert [leg["sip_code"] for leg in r.branches] == [503, 200]
    assert r.call["direction"] == "outbound"


def test_a_number_that_is_busy_is_busy(office, trunks):
    """What a gateway says of the number is final; the second is not asked."""
    one, two = trunks
    alice = office.phone()
    a = when_routed(office, alice, "4930123457")
    one.expect("INVITE")
    one.reply(486)
    one.expect("ACK")
    alice.take(lambda m: m.status == 486)
    two.silence(0.05)
    office.record(a, disposition="busy", sip_code=486)


def proves(m, password, nonce, nc):
    """The credentials of a request are right for this nonce, used for the nc-th time."""
    said = dict(re.findall(r'(\w+)="?([^",]+)"?', m["Proxy-Authorization"]))
    assert (said["username"], said["nonce"], said["nc"], said["uri"]) == ("pbx", nonce, "%08x" % nc, m.uri)
    ha1, ha2 = (hashlib.md5(x.encode()).hexdigest()
                for x in ("pbx:carrier:" + password, "%s:%s" % (m.method, m.uri)))
    right = ":".join((ha1, nonce, said["nc"], said["cnonce"], "auth", ha2))
    return said["response"] == hashlib.md5(right.encode()).hexdigest()


def test_S2_17_login(office, trunks):
    """A gateway that asks who calls is told; the password is in no record."""
    one, _ = trunks
    alice = office.phone()
    a = when_routed(office, alice, "49302")
    one.expect("INVITE")
    one.reply(407, headers=[("Proxy-Authenticate", 'Digest realm="carrier", nonce="n1", qop="auth"')])
    one.expect("ACK")
    m = one.expect("INVITE")
    assert proves(m, "s3cr3t", "n1", 1)
    one.reply(200, sdp=sdp(port=50000))
    one.expect("ACK")
    alice.take(lambda m: m.status == 200)
    a.ack()
    a.bye()
    m = one.expect("BYE")
    assert proves(m, "s3cr3t", "n1", 2)
    one.reply(200)
    alice.expect("BYE 200")
    r = office.record(a, disposition="answered", out_trunk_id=gateway_id(office, "one"))
    assert "s3cr3t" not in json.dumps([r.call, r.branches], default=str)


def test_a_slow_gateway_keeps_the_call(office, trunks):
    """100 is a word: the exchange waits for it longer than the 5 s it gives to silence."""
    one, two = trunks
    alice = office.phone()
    a = when_routed(office, alice, "4930123458")
    one.expect("INVITE")
    one.reply(100)
    two.silence(5.5)
    one.reply(180)
    alice.take(lambda m: m.status == 180)
    one.reply(486)
    one.expect("ACK")
    alice.take(lambda m: m.status == 486)


def test_S2_25_from_a_gateway(office, trunks):
    """S2-25: no challenge; the trunk pays. Nothing of ours goes out again (A13)."""
    one, two = trunks
    bob, alice = office.phone(), office.phone()
    when = when_routed(office, alice, "49301")      # the gateways are in force
    one.expect("INVITE")
    one.reply(404)
    one.expect("ACK")
    alice.take(lambda m: m.status == 404)
    a = one.new_call(bob.name, from_uri="sip:+49301234@127.0.0.21")
    a.request("INVITE", sdp=sdp())
    one.placed.append(a)
    invite = bob.expect("INVITE")
    assert "+49301234" in invite["From"]
    bob.reply(180)
    one.expect(180)
    bob.reply(200, sdp=sdp())
    bob.expect("ACK")
    one.expect(200)
    a.ack()
    office.hang_up(one, bob)
    r = office.record(a, disposition="answered", payer_kind="trunk_customer", payer_number="one",
                      in_trunk_id=gateway_id(office, "one"), calling_number="+49301234")
    assert r.call["direction"] == "inbound"
    out = one.new_call("4930999")
    one.placed.append(out)
    out.request("INVITE", sdp=sdp())
    one.take(lambda m: m.call is out and m.status == 404)
    two.silence(0.05)


# --- how it is read ----------------------------------------------------------------------------------


def test_tandemctl_cdr(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    office.hang_up(alice, bob)
    row = office.record(a).cdr
    listed = json.loads(office.ctl("cdr", "--user", alice.name, "--format", "json"))
    assert len(listed) == 1 and listed[0]["call_id"] == row["call_id"]
    for key in ("call_id", "seq", "segment_kind", "payer_number", "calling_number", "dialed_digits",
                "called_number", "connected_number", "start_at", "ring_at", "answer_at", "end_at",
                "duration_ms", "bill_ms", "disposition", "sip_code", "q850_cause", "released_by",
                "end_reason"):
        assert key in listed[0], key
        if not key.endswith("_at"):
            assert str(listed[0][key]) == str(row[key]), key
    table = list(csv.DictReader(io.StringIO(office.ctl("cdr", "--user", bob.name, "--format", "csv"))))
    assert [r["call_id"] for r in table] == [row["call_id"]]


def test_M_11_views(office):
    """BILLING.md 5.5: one row for each call, its segments and legs; missed calls."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    office.hang_up(alice, bob)
    call_id = office.record(a).cdr["call_id"]
    row = office.sql("select * from tandem.v_calls where call_id = '%s'" % call_id)[0]
    assert (row["caller"], row["called"], row["result"], row["segments"]) == (
        alice.name, bob.name, "answered", 1)
    row = office.sql("select * from tandem.v_call_legs where call_id = '%s'" % call_id)[0]
    assert len(row["segments"]) == 1 and len(row["segments"][0]["legs"]) == 2
    a, b = ring(alice, bob)
    refuse(alice, bob, b, 486)
    office.record(a)
    missed = office.sql("select * from tandem.v_missed_calls where username = '%s'" % bob.name)
    assert [m["caller"] for m in missed] == [alice.name]


def test_numbers_of_the_export(office):
    """export_seq has no gap, and the audit finds nothing."""
    rows = office.sql("select count(*) n, max(export_seq) m from tandem.cdr")[0]
    assert rows["n"] == rows["m"]
    status, out, err = office.ctl("audit", check=False)
    assert (status, err) == (0, ""), out + err


def test_S1_17_database_away(office):
    """Calls go on without PostgreSQL; the records follow within ten seconds of its return, once."""
    alice, bob = office.phones(2)
    office.cluster.stop("fast")
    office.sql.close()
    try:
        a, b = office.up(alice, bob)
        office.hang_up(alice, bob)
        wait_until(lambda: not office.calls_now())
    finally:
        office.cluster.start()
        office.sql = Sql(office.cluster, office.database)
    office.record(a, seconds=10, disposition="answered")
    assert len(office.rows_of(a.call_id)) == 1 and b
