"""FLOWS.md 1.4: calls that do not come about, and those given up."""
import pytest

from calls import exchange, sdp, wait_until
from sip_text import word

building, office = exchange()
# Timer B and the like in seconds, not in half minutes: 64*T1 is 1.28 s.
quick_building, quick = exchange("quick", users=40, timers={"t1_ms": 20, "t2_ms": 160, "t4_ms": 200,
                                                              "ring_s": 2})


def ring(alice, bob, **more):
    """alice calls bob, who rings; both sides of the call."""
    a = alice.invite(bob.name, sdp=sdp(), **more)
    bob.expect("INVITE")
    b = bob.call
    b.reply(180)
    alice.expect(180)
    return a, b


def cancelled(alice, bob, a, b):
    """alice's CANCEL, all the way: 200 and 487 to her at once, CANCEL, 200, 487 and ACK at bob's."""
    a.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    cancel = bob.expect("CANCEL")
    b.reply(200, to="CANCEL")
    b.reply(487, to="INVITE")
    bob.expect("ACK")
    return cancel


def test_S1_07_busy(office):
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(486, "Besetzt", headers=[("Retry-After", "30"), ("Warning", '399 bob "on the phone"'),
                                       ("Reason", 'Q.850;cause=17;text="User busy"')])
    bob.expect("ACK")           # at once; the phone checks INV-6
    m = alice.expect(486)
    assert m.reason == "Besetzt" and m["Retry-After"] == "30"
    assert m["Warning"] == '399 bob "on the phone"' and "cause=17" in m["Reason"]
    r = office.record(call, disposition="busy", sip_code=486, q850_cause=17, bill_ms=0,
                      answer_at=None, released_by="callee", end_reason="normal")
    assert r.branches[0]["sip_code"] == 486


@pytest.mark.parametrize("rings", [False, True])
def test_S3_17b_not_willing(office, rings):
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    if rings:
        bob.reply(180)
        alice.expect(180)
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    r = office.record(call, disposition="busy")
    assert bool(r.cdr["ring_at"]) == rings


def test_S1_08_M_06_caller_gives_up(office):
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    a.cancel(headers=[("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
    ok = alice.expect("CANCEL 200")
    refusal = alice.expect(487)
    assert ok.tag("To") == refusal.tag("To")
    cancel, invite = bob.expect("CANCEL"), b.requests[0]
    for name in ("Via", "Call-ID", "From", "To"):
        assert cancel.all(name) == invite.all(name)
    assert cancel.uri == invite.uri and cancel["CSeq"] == "%d CANCEL" % invite.cseq
    assert cancel.body == b"" and cancel["Reason"].startswith("SIP;cause=200")
    b.reply(487, to="INVITE")
    b.reply(200, to="CANCEL")
    bob.expect("ACK")
    r = office.record(a, disposition="cancelled", sip_code=487, released_by="caller", bill_ms=0,
                      answer_at=None)
    assert r.cdr["ring_at"] and r.branches[0]["sip_code"] == 487


def test_S1_08a_a_cancel_before_anything_was_sent(office):
    """The CANCEL overtakes the INVITE's challenge: nothing is at B's, and the CANCEL finds nothing."""
    alice, bob = office.phones(2)
    call = alice.new_call(bob.name)
    call.request("INVITE", sdp=sdp())
    call.cancel()
    got = [alice.take(lambda m: m.status).status for _ in range(2)]
    assert 407 in got and 481 in got
    bob.silence(0.1)
    office.no_record(call)


def test_S1_08a_b_cancel_before_the_first_response(office):
    """It is held until B says something."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    b = bob.call
    a.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.silence(0.1, but=("INVITE",))
    b.reply(100)
    bob.expect("CANCEL")
    b.reply(200, to="CANCEL")
    b.reply(487, to="INVITE")
    bob.expect("ACK")
    office.record(a, disposition="cancelled", sip_code=487)


def test_S1_08a_b_and_then_comes_200(office):
    """Held, and B's first word is 200: ACK and BYE, nothing to pay."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    a.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.reply(200, sdp=sdp())
    bob.expect("ACK")
    bob.expect("BYE")
    bob.reply(200)
    office.record(a, disposition="cancelled", bill_ms=0, answer_at=None)


def test_S1_08a_c_cancel_crosses_200(office):
    """A gets 487, B gets ACK and BYE, nothing to pay."""
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    a.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    b.reply(200, sdp=sdp(), to="INVITE")    # sent before the CANCEL was seen
    bob.expect("CANCEL")
    b.reply(200, to="CANCEL")
    got = [bob.take(lambda m: m.method) for _ in range(2)]
    assert [m.method for m in got] == ["ACK", "BYE"]
    b.reply(200, to="BYE")
    r = office.record(a, disposition="cancelled", sip_code=487, bill_ms=0, answer_at=None,
                      released_by="caller")
    assert r.branches[0]["sip_code"] == 200     # R23: its leg shows that it had answered


def test_S1_08a_d_cancel_after_200(office):
    """The CANCEL is answered and changes nothing."""
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    b.reply(200, sdp=sdp())
    alice.expect(200)
    a.cancel()
    alice.expect("CANCEL 200")
    a.ack()
    bob.expect("ACK")
    alice.silence(0.05)
    bob.silence(0)
    office.hang_up(alice, bob)
    office.record(a, disposition="answered", sip_code=200)


def test_S1_08a_e_cancel_of_nothing(office):
    alice, bob = office.phones(2)
    call = alice.new_call(bob.name)
    call.cseq = 1
    call.request("CANCEL")
    alice.expect(481)
    a, b = ring(alice, bob)
    call = alice.new_call(bob.name, call_id=a.call_id)
    call.request("CANCEL", cseq=a.invite_sent.cseq)     # another branch: another transaction
    alice.expect("CANCEL 481")
    bob.silence(0.05)
    alice.calls[a.call_id] = a
    cancelled(alice, bob, a, b)


def test_S1_08a_f_cancel_again(office):
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    cancel = a.cancel()
    first = alice.expect("CANCEL 200")
    alice.expect(487)
    bob.expect("CANCEL")
    alice.send(cancel)
    alice.silence(0.05)
    assert [m.raw for m in alice.repeats if m.cseq_method == "CANCEL"] == [first.raw]
    b.reply(200, to="CANCEL")
    b.reply(487, to="INVITE")
    bob.expect("ACK")


def test_S1_08a_second_cancel_reaches_nobody(office):
    """And one with another branch, after the first, finds no transaction."""
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    cancelled(alice, bob, a, b)
    a.cancel()
    bob.silence(0.05)


def test_S1_09_callee_gives_up(office):
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    b.reply(408)
    bob.expect("ACK")
    alice.expect(408)
    r = office.record(a, disposition="noanswer", sip_code=408, bill_ms=0)
    assert r.cdr["q850_cause"] in (19, 102)


def test_S1_09_480_after_ringing(office):
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    b.reply(480)
    bob.expect("ACK")
    alice.expect(480)
    office.record(a, disposition="noanswer", sip_code=480)


def test_S1_09a_silence(quick):
    """B says nothing: the INVITE is repeated at T1, 2*T1, ... until timer B, then 408 to A."""
    alice, bob = quick.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    first = bob.expect("INVITE")
    bob.silence(1.5)                    # nothing new; what is repeated is counted
    alice.expect(408)
    times = [first.at] + [m.at for m in bob.repeats]
    assert len(times) in (6, 7), times  # at 20, 60, 140, 300, 620 ms, and 1260 if that is not too late
    gaps = [y - x for x, y in zip(times, times[1:])]
    for gap, right in zip(gaps, (0.02, 0.04, 0.08, 0.16, 0.32, 0.64)):
        assert right - 0.01 < gap < right + 0.1, gaps
    quick.record(a, disposition="noanswer", sip_code=408, bill_ms=0)


def test_S1_09a_silence_and_another_contact(office):
    """With somewhere else to go B's second contact rings after 5 s of silence."""
    alice, dead = office.phones(2)
    dead.unregister()
    dead.register(contact=dead.contact + ";q=1.0", fresh=True)
    alive = office.phone(user=dead.name, register=False)
    alive.register(contact=alive.contact + ";q=0.5")
    a = alice.invite(dead.name, sdp=sdp())
    dead.expect("INVITE")
    alive.expect("INVITE", timeout=6.5)
    alive.reply(200, sdp=sdp())
    alice.expect(200)
    a.ack()
    alive.expect("ACK")
    office.hang_up(alice, alive)
    r = office.record(a, disposition="answered")
    assert len(r.branches) == 2


def test_S2_16c_declined(office):
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    b.reply(603, "Decline")
    bob.expect("ACK")
    assert alice.expect(603).reason == "Decline"
    office.record(a, disposition="rejected", sip_code=603, q850_cause=21, released_by="callee")


def test_S2_16c_declined_for_all(office):
    """603 from one device ends the others of that user."""
    alice, bob = office.phones(2)
    other = office.phone(user=bob.name)
    a = alice.invite(bob.name, sdp=sdp())
    for phone in (bob, other):
        phone.expect("INVITE")
        phone.reply(180)
    alice.expect(180)
    bob.reply(603)
    bob.expect("ACK")
    other.expect("CANCEL")
    other.reply(200)
    other.reply(487, to="INVITE")
    other.expect("ACK")
    alice.expect(603)
    office.record(a, disposition="rejected", sip_code=603)


def test_S2_16b_too_many_hops(office):
    """483 is a failure of the way, not a busy phone."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(483)
    bob.expect("ACK")
    alice.expect(483)
    r = office.record(a, sip_code=483, disposition="failed")
    assert r.cdr["q850_cause"] != 17


@pytest.mark.parametrize("status, to_caller", [
    (404, 404), (410, 410), (487, (480, 487, 408)), (499, 499), (500, 500), (503, (500, 503)),
    (599, 599), (606, 606), (699, 699), (401, 480), (407, 480), (302, (302, 480))])
def test_S2_03_what_the_caller_hears(office, status, to_caller):
    """Code and phrase as they came, unknown ones too; a challenge and a redirection are not A's."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    more = [("Proxy-Authenticate", 'Digest realm="x", nonce="y"')] if status in (401, 407) else []
    bob.reply(status, "As I said", headers=more)
    bob.expect("ACK")
    m = alice.take(lambda m: (m.status or 0) >= 200)
    assert m.status == to_caller or m.status in (to_caller if isinstance(to_caller, tuple) else ())
    assert not m.has("Proxy-Authenticate")
    if m.status == status:
        assert m.reason == "As I said"
    assert m.status != 503 or m.has("Retry-After")
    office.record(a, sip_code=m.status, bill_ms=0)
    bob.silence(0.02)           # A9: a phone's challenge is never answered


def test_S2_03_our_own_refusals(office):
    """404 for a number that is nobody's, 480 for somebody who is not there."""
    alice, away = office.phone(), office.phone(register=False)
    for to, status, disposition in (("nobody-" + word(), 404, "failed"),
                                    (away.name, 480, "unreachable"),
                                    ("sip:x@elsewhere.test", (403, 404), "failed")):
        call = alice.invite(to, sdp=sdp())
        m = alice.take(lambda m: (m.status or 0) >= 200)
        assert m.status in (status if isinstance(status, tuple) else (status,))
        office.record(call, sip_code=m.status, bill_ms=0, released_by="system")


def test_S1_09a_ring_limit(quick):
    """timers.ring_s ends a call that nobody answers: 408 to A, CANCEL to B."""
    alice, bob = quick.phones(2)
    a, b = ring(alice, bob)
    alice.expect(408)
    bob.expect("CANCEL")
    b.reply(200, to="CANCEL")
    b.reply(487, to="INVITE")
    bob.expect("ACK")
    quick.record(a, disposition="noanswer", sip_code=408, released_by="timeout")


def test_expires_limits_ringing(office):
    """S2-10: Expires in the INVITE."""
    alice, bob = office.phones(2)
    a, b = ring(alice, bob, headers=[("Expires", "1")])
    alice.expect(408, timeout=3)
    bob.expect("CANCEL")
    b.reply(200, to="CANCEL")
    b.reply(487, to="INVITE")
    bob.expect("ACK")
    office.record(a, disposition="noanswer", sip_code=408)
    wait_until(lambda: not office.calls_now())


def test_caller_hangs_up_while_it_rings(office):
    """BYE in an early dialog, which a caller may send (RFC 3261 15.1.1): as a CANCEL."""
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    a.bye()
    alice.expect("BYE 200")
    alice.expect("INVITE 487")
    bob.expect("CANCEL")
    b.reply(200, to="CANCEL")
    b.reply(487, to="INVITE")
    bob.expect("ACK")
    office.record(a, disposition="cancelled", released_by="caller", sip_code=487)


def test_callee_may_not(office):
    """His BYE in an early dialog is for nothing; the call goes on."""
    alice, bob = office.phones(2)
    a, b = ring(alice, bob)
    b.bye()
    bob.expect("BYE 481")
    b.reply(200, to="INVITE", sdp=sdp())
    alice.expect(200)
    a.ack()
    bob.expect("ACK")
    office.hang_up(alice, bob)
    office.record(a, disposition="answered")


def test_S4_04_again_with_the_same_call_id(office):
    """A second INVITE with the same Call-ID and From tag, no To tag, CSeq + 1, is a new call."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    alice.placed.remove(a)
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    a.request("INVITE", sdp=sdp())
    a.again_with(alice.take(lambda m: m.status == 407))
    bob.expect("INVITE")
    b = bob.call
    bob.reply(200, sdp=sdp())
    alice.expect(200)
    a.ack()
    bob.expect("ACK")
    a.bye()
    bob.expect("BYE")
    b.reply(200)
    alice.expect(200)
    rows = wait_until(lambda: len(office.rows_of(a.call_id)) == 2 and office.rows_of(a.call_id))
    assert sorted(r["disposition"] for r in rows) == ["answered", "busy"]


small_building, small = exchange("small", users=8, processes={"fronts": 1, "workers": 2}, limits={
    "calls": 2, "subscribers": 20, "bindings": 20, "rate_per_source": 10000, "burst_per_source": 10000})


def test_limits_calls(small):
    """At the limit: 503 and Retry-After, those that are up are not touched; then there is room again."""
    alice, bob = small.phones(2)
    standing = [small.up(alice, bob)]
    for _ in range(3):
        a = alice.new_call(bob.name)
        a.request("INVITE", sdp=sdp())
        m = alice.take(lambda m: m.status in (407, 503))
        if m.status == 503:                     # before anybody is asked who it is
            assert m["Retry-After"]
            break
        a.again_with(m)
        bob.expect("INVITE")
        b = bob.call
        b.reply(200, sdp=sdp())
        alice.take(lambda m: m.status == 200)
        a.ack()
        bob.expect("ACK")
        alice.placed.append(a)
        standing.append((a, b))
    assert len(standing) == 2
    small.no_record(a)
    for a, b in standing:
        a.bye()
        bob.expect("BYE")
        b.reply(200)
        alice.expect(200)
        small.record(a, disposition="answered")
    a, b = small.up(alice, bob)
    small.hang_up(alice, bob)
