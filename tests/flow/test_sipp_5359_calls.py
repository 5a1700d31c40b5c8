"""The services of RFC 5359 that the exchange does for its users: forwarding, find-me, screening, park, pickup and
automatic redial, with sipp as every phone; each test is named by its section. Hold and transfer, which phones
ask for: test_sipp_5359.py."""
from calls import exchange
from exchange import wait_until
from sipp_ladder import Ladder, Sipp
from test_sipp_5359 import ACTIVE, OVER, started

building, office = exchange()


def ladders(office, n):
    return [Ladder(office.user()) for _ in range(n)]


def is_set(office, user, *settings):
    """And in force: a number that is made after it is known."""
    office.ctl("subscriber", "set", user, *settings)
    number = "98" + user
    office.ctl("number", "add", number, "redirect=sip:x@y.test")
    wait_until(lambda: "302" in office.ctl("explain", user, number, check=False)[1], 5)


def play(office, directory, caller, *called):
    """They are there, the caller calls, and all went as written."""
    running = []
    try:
        for ladder in called:
            running.append(started(office, directory, ladder))
        running.append(Sipp(directory, caller, office.server))
        for sipp in reversed(running):
            sipp.done()
    finally:
        for sipp in running:
            sipp.__exit__()


def rows(office, n, **columns):
    """The closed segments of the one call that has one with these columns, in order."""
    def closed():
        found = office.sql("select * from tandem.cdr where call_id in (select call_id from tandem.cdr where %s)"
                           " order by seq" % " and ".join("%s = '%s'" % c for c in columns.items()))
        return found if len(found) == n and all(r["disposition"] for r in found) else None
    return wait_until(closed, 5)


def forwarded(office, alice, bob, carol, reason):
    first, second = rows(office, 2, calling_number=alice.user)
    assert (first["disposition"], second["disposition"]) == ("answered", "answered")
    assert (first["called_number"], second["called_number"]) == (bob.user, carol.user)
    assert (second["redirecting_number"], second["redirect_reason"]) == (bob.user, reason)
    assert (first["payer_number"], second["payer_number"]) == (alice.user, bob.user)


def test_RFC5359_2_7_call_forwarding_unconditional(office, tmp_path):
    alice, bob, carol = ladders(office, 3)
    is_set(office, bob.user, "cfu=" + carol.user)
    carol.answers(Diversion="%s@.*reason=unconditional" % bob.user).is_hung_up_on()
    alice.calls(bob.user).talks().hangs_up()
    play(office, tmp_path, alice, carol)
    forwarded(office, alice, bob, carol, "unconditional")


def test_RFC5359_2_8_call_forwarding_busy(office, tmp_path):
    alice, bob, carol = ladders(office, 3)
    is_set(office, bob.user, "cfb=" + carol.user)
    bob.called().reply(486, new=True).expect("ACK")
    carol.answers(Diversion="%s@.*reason=user-busy" % bob.user).is_hung_up_on()
    alice.calls(bob.user).talks().hangs_up()
    play(office, tmp_path, alice, bob, carol)
    forwarded(office, alice, bob, carol, "busy")


def test_RFC5359_2_9_call_forwarding_no_answer(office, tmp_path):
    alice, bob, carol = ladders(office, 3)
    is_set(office, bob.user, "cfnr=" + carol.user, "cfnr_timeout=1")
    bob.called().reply(180, new=True).expect("CANCEL").reply(200, new=True, to="cancel")
    bob.reply(487, new=True, to="invite").expect("ACK")
    carol.answers(Diversion="%s@.*reason=no-answer" % bob.user).is_hung_up_on()
    alice.calls(bob.user).talks().hangs_up()
    play(office, tmp_path, alice, bob, carol)
    forwarded(office, alice, bob, carol, "no_answer")


def test_RFC5359_2_12_find_me(office, tmp_path):
    """bob is not at his desk, nor at the first of the places where he may be, but at the second."""
    alice, bob, carol, dave = ladders(office, 4)
    is_set(office, bob.user, "follow_me=sequential", "follow_me_numbers=20/%s,40/%s" % (carol.user, dave.user))
    bob.called().reply(486, new=True).expect("ACK")
    carol.called().reply(480, new=True).expect("ACK")
    dave.answers().is_hung_up_on()
    alice.calls(bob.user).talks().hangs_up()
    play(office, tmp_path, alice, bob, carol, dave)
    answered = [r for r in rows(office, 3, calling_number=alice.user) if r["disposition"] == "answered"]
    assert answered[-1]["connected_number"] == dave.user and answered[-1]["payer_number"] == bob.user


def test_RFC5359_2_13_incoming_call_screening(office, tmp_path):
    """alice is on bob's list and does not come through; carol does."""
    alice, bob, carol = ladders(office, 3)
    is_set(office, bob.user, "block=" + alice.user)
    alice.calls(bob.user).hears(603).ack_refusal()
    bob.answers().is_hung_up_on()
    carol.calls(bob.user).talks().hangs_up()
    with started(office, tmp_path, bob) as b, Sipp(tmp_path, alice, office.server) as a:
        a.done()
        with Sipp(tmp_path, carol, office.server) as c:
            c.done()
        b.done()
    (r,) = rows(office, 1, calling_number=alice.user)
    assert (r["disposition"], r["sip_code"], r["bill_ms"]) == ("rejected", 603, 0)


def test_RFC5359_2_14_outgoing_call_screening(office, tmp_path):
    """alice may not call abroad; nobody is rung."""
    (alice,) = ladders(office, 1)
    is_set(office, alice.user, "barring=international")
    alice.calls("0044123456").hears(403).ack_refusal()
    play(office, tmp_path, alice)
    (r,) = rows(office, 1, calling_number=alice.user)
    assert (r["disposition"], r["sip_code"], r["bill_ms"]) == ("barred", 403, 0)


def test_RFC5359_2_15_call_park(office, tmp_path):
    """bob refers alice to an orbit, where she is held; carol takes her from there."""
    alice, bob, carol = ladders(office, 3)
    office.ctl("number", "add", "705", "park=60")
    bob.answers().says("up").is_told().request("REFER", bob.contact, "Refer-To: <sip:705@pbx.test>").hears(202)
    bob.expect("NOTIFY", **ACTIVE).reply(200).expect("NOTIFY", **OVER).reply(200).is_hung_up_on()
    alice.calls(bob.user).talks().says("up")
    alice.expect("INVITE").reply(200, sdp=dict(version=2)).expect("ACK", body="a=inactive").says("parked")
    alice.expect("INVITE", body="m=audio").reply(200, sdp=dict(version=3)).expect("ACK").is_hung_up_on()
    carol.calls("705").talks().hangs_up()
    with started(office, tmp_path, bob) as b, started(office, tmp_path, alice, False) as a:
        a.wait("up")
        b.tell(b.wait("up")[0])
        a.wait("parked")
        b.done()
        with Sipp(tmp_path, carol, office.server) as c:
            c.done()
        a.done()
    (r,) = [r for r in rows(office, 1, calling_number=alice.user)]
    assert r["disposition"] == "answered" and r["hold_ms"] > 0


def test_RFC5359_2_16_call_pickup(office, tmp_path):
    """bob's telephone rings, and carol answers it at hers."""
    alice, bob, carol = ladders(office, 3)
    bob.called().reply(180, new=True).says("rings").expect("CANCEL", Reason="completed elsewhere")
    bob.reply(200, new=True, to="cancel").reply(487, new=True, to="invite").expect("ACK")
    alice.calls(bob.user).hears(180).hears(200, dialog=True, body="m=audio").ack().is_hung_up_on()
    carol.calls("**" + bob.user).hears(200, dialog=True, body="m=audio").ack().says("talks").hangs_up()
    with started(office, tmp_path, bob) as b, Sipp(tmp_path, alice, office.server) as a:
        b.wait("rings")
        with Sipp(tmp_path, carol, office.server) as c:
            for sipp in (c, b, a):
                sipp.done()
    (r,) = rows(office, 1, calling_number=alice.user)
    assert (r["disposition"], r["connected_number"], r["connected_reason"]) == ("answered", carol.user, "pickup")


def test_RFC5359_2_17_automatic_redial(office, tmp_path):
    """bob talks with carol; alice has herself told when that is over, and calls him then."""
    alice, bob, carol = ladders(office, 3)
    watch, again = Ladder(alice.user), Ladder(bob.user)
    event = ["Event: dialog", "Accept: application/dialog-info+xml", "Expires: 600"]
    watch.target = "sip:%s@pbx.test" % bob.user
    watch.remote = "<%s>" % watch.target
    watch.request("SUBSCRIBE", watch.contact, *event).challenged(401, "SUBSCRIBE")
    watch.request("SUBSCRIBE", watch.contact, *event, watch.credentials()).hears(200, dialog=True)
    watch.expect("NOTIFY", body="<state>confirmed</state>").reply(200).says("busy")
    watch.expect("NOTIFY", body="<state>terminated</state>").reply(200)
    bob.answers().says("up").is_told().hangs_up()
    carol.calls(bob.user).talks().is_hung_up_on()
    again.answers().is_hung_up_on()
    alice.calls(bob.user).talks().hangs_up()
    with started(office, tmp_path, bob) as b, Sipp(tmp_path, carol, office.server) as c:
        up = b.wait("up")[0]
        with Sipp(tmp_path, watch, office.server) as w:
            w.wait("busy")
            b.tell(up)
            b.done()
            c.done()
            w.done()
    play(office, tmp_path, alice, again)
    (r,) = rows(office, 1, calling_number=alice.user)
    assert (r["disposition"], r["called_number"]) == ("answered", bob.user)
