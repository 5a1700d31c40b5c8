"""Services of the own telephone (SERVICES.md C28, C29, C34 to C37, C43) by code, in SQL and in the records."""
import json

import pytest

from calls import exchange, sdp, wait_until
from ua import UA
from watch import Watch

DIALOG = "{urn:ietf:params:xml:ns:dialog-info}"

building, office = exchange(processes={"workers": 2})


def closed(office, call):
    return wait_until(lambda: [r for r in office.rows_of(call.call_id) if r["disposition"]], 5)


def merged_into(office, call):
    """The conversation that this call became part of; its only row, and nobody pays (R28)."""
    rows = closed(office, call)
    office.unrecorded.add(call.call_id)     # looked at here
    assert [(r["payer_kind"], r["bill_ms"]) for r in rows] == [("nobody", 0)]
    return office.sql("select merged_into from tandem.call where call_id = '%s'"
                      % rows[0]["call_id"])[0]["merged_into"]


def serve(office, phone, **columns):
    office.sql.do("update tandem.subscriber_service v set %s from tandem.subscriber s where"
                  " s.subscriber_id = v.subscriber_id and s.username = '%s'" % (
                      ", ".join("%s = '%s'" % c for c in columns.items()), phone.name))


def events(office, call_id):
    """What befell a call: R15, R16."""
    return [(e["kind"], e["detail"]["of"]) for e in office.sql(
        "select kind::text, detail from tandem.cdr_event where call_id = '%s' order by at, event_id" % call_id)]


def in_group(office, phone, group):
    """And in force: who is in none is refused with other words."""
    serve(office, phone, pickup_group=group)

    def is_in_force():
        call = phone.invite("*8", sdp=sdp())
        office.unrecorded.add(call.call_id)
        return "no call" in phone.expect(403).start
    wait_until(is_in_force, 5)


def refused(office, phone, number, status):
    call = phone.invite(number, sdp=sdp())
    phone.expect(status)
    office.unrecorded.add(call.call_id)


def is_passed_over(phone):
    assert "Call completed elsewhere" in phone.expect("CANCEL")["Reason"]
    phone.reply(200)
    phone.reply(487, to="INVITE")
    phone.expect("ACK")


def rings(caller, phone):
    call = caller.invite(phone.name, sdp=sdp(port=40000))
    phone.expect("INVITE")
    phone.reply(180)
    caller.expect(180)
    return call


def gives_up(office, a, bob):
    a.cancel()
    a.expect("CANCEL 200")
    a.expect(487)
    bob.expect("CANCEL")
    bob.reply(200)
    bob.reply(487, to="INVITE")
    bob.expect("ACK")
    office.record(a, disposition="cancelled")


def picked_up(office, alice, bob, dave, code):
    """Twice, so that each worker has each of the calls once."""
    a = rings(alice, bob)
    d = dave.invite(code, sdp=sdp(port=42000))
    answer = alice.expect(200)
    assert "m=audio 42000" in answer.sdp and dave.name in answer["P-Asserted-Identity"]
    a.ack()
    is_passed_over(bob)
    assert "m=audio 40000" in dave.expect(200).sdp
    d.ack()
    office.hang_up(d, alice)
    r = office.record(a, disposition="answered", called_number=bob.name, connected_number=dave.name,
                      connected_reason="pickup", released_by="callee")
    assert r.cdr["segment_kind"] == "direct" and merged_into(office, d) == r.call["call_id"]
    assert events(office, r.call["call_id"]) == [("pickup", dave.name)]


def test_R15_directed_pickup(office):
    alice, bob, dave = office.phones(3)
    for _ in range(4):
        picked_up(office, alice, bob, dave, "**" + bob.name)
    refused(office, dave, "**" + bob.name, 403)


def test_R15_group_pickup(office):
    alice, bob, dave, carol = office.phones(4)
    refused(office, dave, "*8", 403)
    for phone, group in ((bob, "sales"), (dave, "sales"), (carol, "support")):
        in_group(office, phone, group)
    picked_up(office, alice, bob, dave, "*8")
    a = rings(alice, bob)
    refused(office, carol, "*8", 403)
    gives_up(office, a, bob)


def test_nothing_is_picked_up_across_tenants(office):
    """The same pickup group and an extension of the same name in another tenant."""
    alice, bob = office.phones(2)
    office.ctl("tenant", "add", "acme", "domain=acme.test")
    office.ctl("subscriber", "add", bob.name + "@acme.test", "--password", "secret-x")
    office.ctl("subscriber", "add", "7001@acme.test", "--password", "secret-7001", "pickup_group=sales")
    in_group(office, bob, "sales")
    a = rings(alice, bob)
    with UA("7001", office.server, domain="acme.test") as spy:
        wait_until(lambda: spy.register(status=None).status == 200, 5)
        for code in ("*8", "**" + bob.name):
            spy.invite(code, sdp=sdp())
            spy.expect(403)
    gives_up(office, a, bob)


# --- park ---------------------------------------------------------------------------------------------

def orbits(office):
    if not office.sql("select from tandem.did where number = '701'"):
        office.ctl("number", "add", "701", "park=5")
        office.ctl("number", "add", "702", "park=5")


def is_held(phone):
    """It is asked for an offer, and answered with silence: there is no music."""
    assert not phone.expect("INVITE").body
    phone.reply(200, sdp=sdp(port=40000))
    assert "a=inactive" in phone.expect("ACK").sdp


def takes(alice, dave, orbit, b):
    """dave dials the orbit and has alice."""
    d = dave.invite(orbit, sdp=sdp(port=42000))
    assert "m=audio 42000" in alice.expect("INVITE").sdp
    alice.reply(200, sdp=sdp(port=40000))
    assert "m=audio 40000" in dave.expect(200).sdp
    d.ack()
    alice.expect("ACK")
    return d


def test_R16_park_by_transfer_and_the_lamp_of_the_orbit(office):
    alice, bob, dave, carol = office.phones(4)
    orbits(office)
    a, b = wait_until(lambda: office.up(alice, bob), 5)
    lamp = wait_until(lambda: Watch(carol, "701", "dialog", status=None), 5)
    assert lamp.response.status == 200 and not lamp.state().findall(DIALOG + "dialog")
    b.request("REFER", headers=[("Refer-To", "<sip:701@pbx.test>")])
    bob.expect(202)
    while b"200" not in bob.expect("NOTIFY").body:
        bob.reply(200)
    bob.reply(200)
    bob.expect("BYE")
    bob.reply(200)
    is_held(alice)
    on = lamp.until(lambda d: d.findall(DIALOG + "dialog"))
    assert on.find(DIALOG + "dialog/" + DIALOG + "state").text == "confirmed"
    d = takes(alice, dave, "701", b)
    lamp.until(lambda x: all(e.text == "terminated" for e in x.iter(DIALOG + "state")))
    lamp.end()
    office.hang_up(a, d)
    r = office.record(a, disposition="answered", called_number=bob.name, connected_number=bob.name)
    assert r.cdr["hold_ms"] > 0 and merged_into(office, d) == r.call["call_id"]
    assert events(office, r.call["call_id"]) == [("park", bob.name), ("retrieve", dave.name)]
    refused(office, dave, "701", 480)


def test_R16_park_by_code_and_recall(office):
    """The first free orbit; nobody takes the call, and the parker is rung again after five seconds."""
    alice, bob = office.phones(2)
    orbits(office)
    a, b = office.up(alice, bob)
    p = bob.invite("*59", sdp=sdp(port=43000))
    b.expect("BYE")
    b.reply(200)
    is_held(alice)
    assert "parked 701" in p.expect(200)["P-Asserted-Identity"]
    p.ack()
    p.expect("BYE", timeout=5)
    p.reply(200)
    assert not bob.expect("INVITE", timeout=9).body
    back = bob.call
    back.reply(200, sdp=sdp(port=50000))
    assert "m=audio 50000" in alice.expect("INVITE").sdp
    alice.reply(200, sdp=sdp(port=40000))
    alice.expect("ACK")
    bob.expect("ACK")
    office.hang_up(a, back)
    r = office.record(a, disposition="answered", called_number=bob.name)
    assert events(office, r.call["call_id"]) == [
        ("park", bob.name), ("recall", bob.name), ("retrieve", bob.name)]
    assert [(r["segment_kind"], r["payer_kind"]) for r in closed(office, p)] == [
        ("feature_code", "nobody")]
    office.unrecorded.add(p.call_id)
    refused(office, bob, "*59", 403)
    refused(office, bob, "*59799", 404)


@pytest.mark.parametrize("words, why", [
    (["number", "add", "112", "park=60"], "emergency"),
    (["number", "add", "+4930701", "park=60"], "digits"),
    (["number", "add", "703", "park=2"], "5 to 3600"),
])
def test_an_orbit_that_cannot_be(office, words, why):
    status, _, said = office.ctl(*words, check=False)
    assert status != 0 and why in said and said.count("\n") == 1


def test_an_orbit_is_nobodys_number(office):
    orbits(office)
    status, _, said = office.ctl("subscriber", "add", "701", "--password", "x", check=False)
    assert status != 0 and "701" in said


# --- call return, redial ------------------------------------------------------------------------------

def shown(office, phone, code):
    """What the phone shows for a code."""
    call = phone.invite(code, sdp=sdp())
    answer = phone.expect(200)
    call.ack()
    phone.expect("BYE", timeout=5)
    phone.reply(200)
    office.unrecorded.add(call.call_id)
    return answer["P-Asserted-Identity"]


def missed(office, caller, number, phone):
    call = caller.invite(number, sdp=sdp())
    phone.expect("INVITE")
    phone.reply(180)
    caller.expect(180)
    gives_up(office, call, phone)
    return call


def test_R2_call_return_and_redial(office):
    """As calls that were dialled: who dials the code pays."""
    alice, bob = office.phones(2)
    refused(office, bob, "*69", 403)
    refused(office, alice, "*870", 403)
    missed(office, alice, bob.name, bob)
    for _ in range(3):      # in each of the workers
        back = missed(office, bob, "*69", alice)
        again = missed(office, alice, "**0%23", bob)
    for call, by, to, code in ((back, bob, alice, "*69"), (again, alice, bob, "**0#")):
        row = closed(office, call)[0]
        assert (row["dialed_digits"], row["called_number"], row["segment_kind"], row["payer_kind"],
                row["payer_account_id"]) == (code, to.name, "direct", "subscriber",
                                             office.subscriber_id(by.name))
    assert alice.name in shown(office, bob, "*51")
    assert "return off" in shown(office, bob, "*89")
    refused(office, bob, "*69", 403)


def test_who_hides_is_not_called_back(office):
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp(), headers=[("Privacy", "id")])
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    gives_up(office, call, bob)
    refused(office, bob, "*69", 403)
    assert "withheld" in shown(office, bob, "*51")


# --- speed dial ---------------------------------------------------------------------------------------

def settings(office, phone):
    return office.ctl("subscriber", "show", phone.name)


@pytest.mark.parametrize("program, use, place", [
    ("*743{}", "3", "3"), ("*7520{}", "20", "20"), ("*51*7*{}%23", "*07", "7"), ("*51*8*{}%23", "**8", "8"),
])
def test_C36_speed_dial(office, program, use, place):
    """Programmed at the phone, in force for the next call; the call is as if the number had been dialled."""
    alice, bob = office.phones(2)
    refused(office, alice, "*0" + place, 403)
    assert "%s %s" % (place, bob.name) in shown(office, alice, program.format(bob.name))
    assert '%s:%s' % (place, bob.name) in settings(office, alice)
    row = closed(office, missed(office, alice, use, bob))[0]
    assert (row["dialed_digits"], row["called_number"], row["segment_kind"], row["payer_account_id"]) == (
        use, bob.name, "direct", office.subscriber_id(alice.name))
    assert "stands for " + bob.name in office.ctl("explain", alice.name, use)
    assert "%s off" % place in shown(office, alice, "%%2351*%s%%23" % place)
    refused(office, alice, "*0" + place, 403)


def test_C36_speed_dial_by_ctl_and_sql(office):
    alice, bob = office.phones(2)
    office.ctl("subscriber", "set", alice.name, "speed_dial=9:%s, 49:+4930123" % bob.name)
    assert "9:%s,49:+4930123" % bob.name in settings(office, alice)
    wait_until(lambda: "stands for" in office.ctl("explain", alice.name, "9"), 5)
    missed(office, alice, "9", bob)
    office.sql.do("delete from tandem.speed_dial where place = 9")
    wait_until(lambda: office.ctl("explain", alice.name, "9", check=False)[0] != 0, 5)


@pytest.mark.parametrize("places, why", [
    ("9", "PLACE:NUMBER"), ("100:1002", "PLACE:NUMBER"), ("9:*21%23", "PLACE:NUMBER"),
    ("9:1002,9:1003", "already"), ("9:9", "itself"),
])
def test_C36_places_that_cannot_be(office, places, why):
    alice = office.phones(1)[0]
    status, _, said = office.ctl("subscriber", "set", alice.name, "speed_dial=" + places, check=False)
    assert status != 0 and why in said and said.count("\n") == 1
    refused(office, alice, "*741" + alice.name, 403)    # North America's: 2 to 9


# --- call completion ----------------------------------------------------------------------------------

def test_R21_called_back_when_he_is_free(office):
    """Busy: *66; he hangs up, the caller is rung, and talks with him at his own cost from the answer on."""
    alice, bob, carol = office.phones(3)
    a, b = office.up(carol, bob)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    office.unrecorded.add(call.call_id)
    assert "completion " + bob.name in shown(office, alice, "*66")
    row, = json.loads(office.ctl("completions", "--json"))
    assert (row["caller"], row["called"], row["domain"], row["reason"], row["state"]) == (
        alice.name, bob.name, "pbx.test", "busy", "waits")
    assert "completion " + bob.name in shown(office, alice, "*%2337%23")
    office.hang_up(a, b)
    office.record(a, disposition="answered")
    ring = alice.expect("INVITE", timeout=8)
    assert not ring.body and bob.name in ring["From"] and "recall:callback" in ring["Alert-Info"]
    back = alice.call
    back.reply(200, sdp=sdp(port=40000))
    assert "a=inactive" in alice.expect("ACK").sdp
    invite = bob.expect("INVITE")
    assert not invite.body and alice.name in invite["From"]
    to_bob = bob.call
    to_bob.reply(200, sdp=sdp(port=50000))
    assert "m=audio 50000" in alice.expect("INVITE").sdp
    alice.reply(200, sdp=sdp(port=40000))
    assert "m=audio 40000" in bob.expect("ACK").sdp
    alice.expect("ACK")
    assert json.loads(office.ctl("completions", "--json")) == []
    office.hang_up(back, to_bob)
    r, = wait_until(lambda: [x for x in office.sql(
        "select * from tandem.cdr where segment_kind = 'callback'") if x["disposition"]], 5)
    assert (r["disposition"], r["payer_kind"], r["payer_account_id"], r["called_number"],
            r["calling_number"]) == ("answered", "subscriber", office.subscriber_id(alice.name),
                                     bob.name, alice.name)
    legs = office.sql("select party, direction from tandem.cdr_leg where call_id = '%s' order by leg_no"
                      % r["call_id"])
    assert [(x["party"], x["direction"]) for x in legs] == [(alice.name, "out"), (bob.name, "out")]
    said, = office.sql("select decisions from tandem.call where call_id = '%s'" % r["call_id"])
    assert said["decisions"][0]["feature"] == "completion"
    refused(office, carol, "*66", 403)


# --- hotline ------------------------------------------------------------------------------------------

def test_C43_hotline(office):
    """Set at the phone: it calls one number by itself, when nothing was dialled, or always; the caller pays."""
    alice, bob, carol = office.phones(3)
    assert "hotline " + bob.name in shown(office, alice, "*53*%s%%23" % bob.name)
    row = closed(office, missed(office, alice, "sip:pbx.test", bob))[0]
    assert (row["called_number"], row["segment_kind"], row["payer_account_id"]) == (
        bob.name, "direct", office.subscriber_id(alice.name))
    missed(office, alice, carol.name, carol)
    office.ctl("subscriber", "set", alice.name, "hotline_mode=immediate")
    wait_until(lambda: "the phone calls" in office.ctl("explain", alice.name, carol.name), 5)
    missed(office, alice, carol.name, bob)
    assert '"hotline": "%s"' % bob.name in office.ctl("--json", "subscriber", "show", alice.name)
    assert "hotline off" in shown(office, alice, "%2353%23")
    missed(office, alice, carol.name, carol)
    assert "hotline " + bob.name in shown(office, alice, "*53%23")      # where it led last
    assert "hotline off" in shown(office, alice, "%2353%23")


@pytest.mark.parametrize("number, why", [("112", "emergency"), ("*21", "not a number"), (None, "itself")])
def test_C43_a_hotline_that_cannot_be(office, number, why):
    alice = office.phones(1)[0]
    status, _, said = office.ctl("subscriber", "set", alice.name,
                                 "hotline=" + (number or alice.name), check=False)
    assert status != 0 and why in said and said.count("\n") == 1
    if number != "*21":
        refused(office, alice, "*53*%s%%23" % (number or alice.name), 403)


# --- who calls, who answered, on the display ----------------------------------------------------------

def answered(office, alice, bob):
    """What bob's phone showed, and what alice's does."""
    call = alice.invite(bob.name, sdp=sdp())
    invite = bob.expect("INVITE")
    bob.reply(200, sdp=sdp(port=50000))
    answer = alice.expect(200)
    call.ack()
    bob.expect("ACK")
    office.hang_up(call, bob)
    office.record(call, disposition="answered", calling_presentation="allowed")
    return invite["From"], answer.has("P-Asserted-Identity") and answer["P-Asserted-Identity"]


def test_C11_C14_who_calls_and_who_answered(office):
    """By code: the caller is told who answered, unless he does not want that; a phone shows no caller."""
    alice, bob = office.phones(2)
    assert "colp off" in shown(office, alice, "*%2376%23")
    assert not answered(office, alice, bob)[1]
    assert "colp on" in shown(office, alice, "*76%23")
    assert bob.name in answered(office, alice, bob)[1]
    assert "colr on" in shown(office, bob, "*77%23")
    assert "clip off" in shown(office, bob, "*85")
    caller, called = answered(office, alice, bob)
    assert "anonymous" in caller and not called
    office.ctl("subscriber", "set", bob.name, "clip=on", "colr=off")
    wait_until(lambda: answered(office, alice, bob)[1], 5)
