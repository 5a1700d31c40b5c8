"""What an operator sees of calls and registrations, and does to them: tandemctl against a running
exchange with calls up."""
import json
import re

from calls import exchange, rings_first, sdp, wait_until
from exchange import slowness
from office import subscriber_sql

building, office = exchange()


def rows(office, *args):
    return json.loads(office.ctl(*args, "--json"))


def test_calls(office):
    """One row for each call, from its INVITE to its end."""
    alice, bob, carol = office.phones(3)
    assert rows(office, "calls") == []
    a, b = office.up(alice, bob)
    c = carol.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    carol.expect(180)
    seen = {r["from"]: r for r in rows(office, "calls")}
    assert set(seen) == {alice.name, carol.name}
    assert seen[alice.name]["state"] == "up" and seen[carol.name]["state"] == "ringing"
    assert seen[alice.name]["to"] == bob.name == seen[alice.name]["connected"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", seen[alice.name]["id"])
    lines = office.ctl("calls").splitlines()
    assert len(lines) == 3 and lines[0].split()[:4] == ["id", "state", "from", "to"]
    c.cancel()
    carol.expect("CANCEL 200")
    carol.expect(487)
    bob.expect("CANCEL")
    bob.reply(200, to="CANCEL")
    bob.reply(487, to="INVITE")
    bob.expect("ACK")
    wait_until(lambda: [r["from"] for r in rows(office, "calls")] == [alice.name])
    a.bye()
    bob.expect("BYE")
    b.reply(200)
    alice.expect(200)
    wait_until(lambda: rows(office, "calls") == [])


def test_call_show(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    call_id = rows(office, "calls")[0]["id"]
    shown = office.ctl("call", "show", call_id)
    assert alice.name in shown and bob.name in shown and "up" in shown
    row = rows(office, "call", "show", call_id)
    row = row[0] if isinstance(row, list) else row
    assert row["id"] == call_id and row["from"] == alice.name
    office.hang_up(alice, bob)
    wait_until(lambda: not office.calls_now())
    assert a and b and office.record(a).cdr["call_id"] == call_id
    ended = rows(office, "call", "show", call_id)
    assert (ended["id"], ended["state"]) == (call_id, "ended")
    assert [s["calling_number"] for s in ended["segments"]] == [alice.name]
    assert "the call has ended" in office.ctl("call", "show", call_id)
    status, out, err = office.ctl("call", "show", call_id[::-1].replace("-", "")[:32], check=False)
    assert (status, out) == (1, "") and err.count("\n") == 1


def test_C60_call_show_has_the_decisions(office):
    """C60: which feature acted on a call, and why, of one that is up and of one that is over."""
    alice, bob, carol = office.phones(3)
    office.ctl("subscriber", "set", bob.name, "dnd=on", "cfb=" + carol.name)
    wait_until(lambda: "goes on to" in office.ctl("explain", alice.name, bob.name), 4)
    a = alice.invite(bob.name, sdp=sdp())
    carol.expect("INVITE")
    carol.reply(200, sdp=sdp())
    alice.expect(200)
    a.ack()
    carol.expect("ACK")
    call_id = rows(office, "calls")[0]["id"]
    expected = [("dnd", bob.name, "do not disturb: 486 Busy Here"),
                ("forward", bob.name, "busy: goes on to " + carol.name),
                ("route", carol.name, "1 phone")]
    now = [(d["feature"], d["of"], d["reason"]) for d in rows(office, "call", "show", call_id)["decisions"]]
    assert now == expected
    lines = "\n".join("    %s (%s): %s" % d for d in expected)
    assert "decisions, in their order\n" + lines in office.ctl("call", "show", call_id)
    office.hang_up(alice, carol)
    wait_until(lambda: not office.calls_now() and len(office.rows_of(a.call_id)) == 2)
    assert lines in office.ctl("call", "show", call_id)
    assert office.sql("select decisions from tandem.call where call_id = '%s'" % call_id)[0][
        "decisions"][1]["feature"] == "forward"
    alice.placed.clear()      # of two segments: office.record is for one


def test_call_hangup(office):
    """BYE on both legs; the record says who did it."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    call_id = rows(office, "calls")[0]["id"]
    assert office.ctl("call", "hangup", call_id) == ""
    alice.expect("BYE")
    alice.reply(200)
    bob.expect("BYE")
    b.reply(200)
    office.record(a, disposition="answered", released_by="system", end_reason="admin")
    status, _, err = office.ctl("call", "hangup", call_id, check=False)
    assert status == 1 and "no such call" in err


def test_call_hangup_while_it_rings(office):
    """The caller gets 480, the called side a CANCEL."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    office.ctl("call", "hangup", rows(office, "calls")[0]["id"])
    alice.expect(480)
    bob.expect("CANCEL")
    bob.reply(200, to="CANCEL")
    bob.reply(487, to="INVITE")
    bob.expect("ACK")
    office.record(a, released_by="system", end_reason="admin", bill_ms=0)


def test_registrations(office):
    alice, bob = office.phones(2)
    second = office.phone(user=bob.name, transport="tcp")
    seen = rows(office, "registrations", bob.name)
    assert len(seen) == 2
    text = json.dumps(seen)
    assert bob.contact_uri in text and second.contact_uri in text and "tcp" in text
    assert alice.contact_uri in json.dumps(rows(office, "registrations"))
    for name in ("nobody", "nobody@nowhere.test", bob.name + "@nowhere.test"):
        status, out, err = office.ctl("registrations", name, check=False)
        assert (status, out) == (1, "") and err.count("\n") == 1
        assert err.startswith("tandemctl: no such ") and err.endswith(": %s\n" % name)
    third = office.phone(register=False)
    wait_until(lambda: office.ctl("registrations", third.name, check=False)[0] == 0, 2)
    assert office.ctl("registrations", third.name) == "no registrations\n"
    assert rows(office, "registrations", third.name) == []
    bob.unregister()
    wait_until(lambda: len(rows(office, "registrations", bob.name)) == 1)
    # And in SQL, within a second (S0-09).
    query = "select contact from tandem.binding where username = '%s'" % bob.name
    wait_until(lambda: [r["contact"] for r in office.sql(query)] == [second.contact_uri], 1)


def test_status_and_metrics(office):
    alice, bob = office.phones(2)
    before = office.metric("tandem_calls_answered_total")
    a, b = office.up(alice, bob)
    assert office.metric("tandem_calls_answered_total") == before + 1
    assert office.metric("tandem_calls") == 1
    wait_until(lambda: office.metric("tandem_bindings") >= 2, 2)    # the registrar counts once a second
    status = {r["fact"]: r["value"] for r in rows(office, "status")}
    assert status["calls"] == 1 and status["registrations"] >= 2 and status["database"] == "up"
    wait_until(lambda: any(re.match("tandem: worker [01] .1 calls", t)       # once a second, too
                           for t in office.x.children().values()), 2)
    office.hang_up(alice, bob)
    wait_until(lambda: office.metric("tandem_calls") == 0, 2)
    assert a and b


def test_ps(office):
    lines = [line.split() for line in office.ctl("ps").splitlines()]
    assert {line[0] for line in lines} == {"supervisor", "store", "registrar", "resolver", "worker",
                                           "control", "front"}
    assert all(len(line) == 3 and int(line[2]) > 1 for line in lines)


def test_M_08_a_subscriber_by_sql_and_away_again(office):
    """M-08: plain SQL, and in force within two seconds; S2-23: his bindings go with him."""
    alice = office.phone()
    office.sql.do(subscriber_sql("newcomer"))
    bob = office.phone(user="newcomer", register=False)
    wait_until(lambda: bob.register(status=None).status == 200, 2 * slowness())
    a, b = office.up(alice, bob)
    office.hang_up(alice, bob)
    office.ctl("subscriber", "del", "newcomer")

    def is_gone():
        call = alice.invite(bob.name, sdp=sdp())
        if rings_first(alice, call, bob):
            bob.reply(486)
            bob.expect("ACK")
        return alice.take(lambda m: (m.status or 0) >= 300).status == 404

    wait_until(is_gone, 3)
    assert a and b


def test_dnd_by_sql(office):
    """A row changes, and the next call finds it so."""
    alice, bob = office.phones(2)
    office.ctl("subscriber", "set", bob.name, "dnd=on")

    def is_busy():
        if rings_first(alice, alice.invite(bob.name, sdp=sdp()), bob):
            bob.reply(486, "Phone")
            bob.expect("ACK")
        m = alice.take(lambda m: (m.status or 0) >= 300)
        assert m.status == 486
        return m.reason != "Phone"

    wait_until(is_busy, 2)
