"""FLOWS.md 1.1. The phones of all tests of calls check INV-1, 2, 5, 6, 8 and 9 of every message they
get (calls.py); here each invariant has a call of its own, and those that need a clock or a count."""
import os
import re
import signal
import time

import pytest

from calls import exchange, sdp, wait_until
from sip_text import param, word

GAUGES = ("tandem_calls", "tandem_legs", "tandem_transactions", "tandem_heap_bytes")

building, office = exchange()
quick_building, quick = exchange("quick", users=40, timers={"t1_ms": 20, "t2_ms": 160, "t4_ms": 200})


def test_INV_1_S3_05_each_leg_is_its_own(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    invite = next(m for m in bob.seen if m.method == "INVITE")
    assert invite["Call-ID"] != a.call_id
    assert invite.tag("From") not in (param(a.local, "tag"), param(a.remote, "tag"))
    assert alice.contact_uri not in invite.raw.decode()
    assert invite.cseq == 1 and a.invite_sent.cseq == 2
    assert "127.0.0.1" not in invite["Call-ID"] and len(invite["Call-ID"]) >= 32    # S3-05
    assert a.target.split("@")[0] != b.target.split("@")[0]
    office.hang_up(alice, bob)


def test_INV_2_vias(office):
    """One Via toward B, whatever A sent; in the responses to A the whole stack, in its order."""
    alice, bob = office.phones(2)
    a = alice.new_call(bob.name)
    more = [("Via", "SIP/2.0/TCP p2.test:5070;branch=z9hG4bKp2, SIP/2.0/UDP p1.test;branch=z9hG4bKp1"),
            ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKp0;received=192.0.2.2")]
    a.request("INVITE", sdp=sdp(), headers=more)
    challenge = alice.take(lambda m: m.status == 407)
    a.request("INVITE", sdp=sdp(), headers=more, auth=alice.credentials(challenge, "INVITE", a.target))
    alice.placed.append(a)
    invite = bob.expect("INVITE")
    assert len(invite.values("Via")) == 1
    bob.reply(486)
    bob.expect("ACK")
    refusal = alice.expect(486)
    assert refusal.values("Via")[1:] == [v.strip() for _, line in more for v in line.split(",")]
    assert param(refusal["Via"], "rport") == str(alice.link.local[1])


def without_max_forwards(send):
    return lambda data: send(re.sub(b"Max-Forwards: .*?\r\n", b"", data))


@pytest.mark.parametrize("given, passed", [(70, "69"), (1, "0"), (None, "70"), (5, "4")])
def test_INV_3_max_forwards(office, given, passed):
    alice, bob = office.phones(2)
    a = alice.new_call(bob.name)
    a.request("INVITE", sdp=sdp())
    challenge = alice.take(lambda m: m.status == 407)
    alice.link.send = without_max_forwards(alice.link.send) if given is None else alice.link.send
    a.request("INVITE", sdp=sdp(), max_forwards=given,
              auth=alice.credentials(challenge, "INVITE", a.target))
    alice.placed.append(a)
    assert bob.expect("INVITE")["Max-Forwards"] == passed
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)


def test_INV_3_no_more_hops(office):
    alice, bob = office.phones(2)
    a = alice.new_call(bob.name)
    a.request("INVITE", sdp=sdp(), max_forwards=0)
    alice.expect(483)
    bob.silence(0.05)
    office.no_record(a)


def test_INV_4_trying_within_200_ms(office):
    alice, bob = office.phones(2)
    for _ in range(5):
        a = alice.invite(bob.name, sdp=sdp())
        sent = time.monotonic()
        assert alice.expect("100").at - sent < 0.2
        bob.expect("INVITE")
        bob.reply(486)
        bob.expect("ACK")
        alice.expect(486)
        assert a


def test_INV_4_without_the_database(office):
    """100 is there within 200 ms when PostgreSQL is frozen; so is the call."""
    alice, bob = office.phones(2)
    pid = office.cluster.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        before = time.monotonic()
        a = alice.invite(bob.name, sdp=sdp())
        alice.expect("100")
        assert time.monotonic() - before < 0.4      # challenge and all
        bob.expect("INVITE")
        bob.reply(200, sdp=sdp())
        bob.expect("ACK")
        alice.expect(200)
        a.ack()
        office.hang_up(alice, bob)
    finally:
        os.kill(pid, signal.SIGCONT)
    office.record(a, disposition="answered")


def test_INV_5_one_to_tag(office):
    """180, 183, 182 and 200, some of them with other tags of B's: A sees one."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    invite = bob.expect("INVITE")
    tags = set()
    for status, tag in ((180, "one"), (183, "two"), (182, "one")):
        bob.send(bob.response(invite, status, tag=tag + word()))
        tags.add(alice.expect(status).tag("To"))
    bob.reply(200, sdp=sdp())
    tags.add(alice.expect(200).tag("To"))
    assert len(tags) == 1
    a.ack()
    bob.expect("ACK")
    office.hang_up(alice, bob)


def test_INV_6_ack_of_a_refusal_again(office):
    """B's refusal comes again: it is ACKed again, the same way; A's lost ACK likewise."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(486)
    first = bob.expect("ACK")
    bob.call.reply_again()
    bob.silence(0.05)
    again = [m for m in bob.repeats if m.method == "ACK"]
    assert [m.raw for m in again] == [first.raw]
    alice.expect(486)
    assert a


def test_INV_6_refusal_is_repeated_until_ack(quick):
    """Timer G: A does not ACK the refusal, so it comes again; once ACKed it stops."""
    alice, bob = quick.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    alice.auto_ack = False
    bob.reply(486)
    refusal = alice.expect(486)
    alice.silence(0.2)
    assert len(alice.repeats) >= 2 and {m.raw for m in alice.repeats if m.status == 486} == {refusal.raw}
    alice._ack_refusal(refusal)
    n = len(alice.repeats)
    alice.silence(0.3)
    assert len(alice.repeats) <= n + 1
    assert a


def test_INV_7_answer_is_repeated(quick):
    """The 200 comes again at T1, 2*T1, ... up to T2; the ACK ends that."""
    alice, bob = quick.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(200, sdp=sdp())
    answer = alice.expect(200)
    alice.silence(0.5)
    times = [answer.at] + [m.at for m in alice.repeats if m.status == 200]
    assert {m.raw for m in alice.repeats if m.status == 200} == {answer.raw}
    gaps = [y - x for x, y in zip(times, times[1:])]
    for gap, right in zip(gaps, (0.02, 0.04, 0.08, 0.16, 0.16)):
        assert right - 0.01 < gap < right + 0.06, gaps
    assert len(gaps) >= 4, gaps
    a.ack()
    n = len(alice.repeats)
    alice.silence(0.3)
    assert len(alice.repeats) <= n + 1
    bob.expect("ACK")
    quick.hang_up(alice, bob)
    quick.record(a, disposition="answered")


def test_INV_7_R24_no_ack(quick):
    """No ACK in 64*T1: BYE on both legs, nothing to pay."""
    alice, bob = quick.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(200, sdp=sdp())
    bob.expect("ACK")
    alice.expect(200)
    alice.expect("BYE", timeout=3)
    alice.reply(200)
    bob.expect("BYE")
    bob.reply(200)
    quick.record(a, disposition="failed", end_reason="no_ack", bill_ms=0, answer_at=None)


@pytest.fixture
def carrier(quick):
    """A gateway to 0049 that charges for a call from its answer on."""
    phone = quick.phone(register=False, host="127.0.0.7", user="0301234")
    quick.ctl("gateway", "add", "carrier", "host=127.0.0.7", "port=%d" % phone.link.local[1], "bill_unacked=on")
    quick.ctl("route", "add", "carrier", "gateway=carrier", "prefix=0049")
    yield phone
    quick.ctl("route", "del", "carrier")
    quick.ctl("gateway", "del", "carrier")


def never_confirms(office, alice, number, carrier):
    """alice calls, it is answered, and no ACK of hers ever comes."""
    call = alice.invite(number, sdp=sdp())
    carrier.expect("INVITE")
    carrier.reply(200, sdp=sdp())
    carrier.expect("ACK")
    alice.expect(200)
    alice.expect("BYE", timeout=3)
    alice.reply(200)
    carrier.expect("BYE")
    carrier.reply(200)
    return call


def test_INV_7_R24_a_carrier_that_charges(quick, carrier):
    """Then such a call is billed from its 200 to its end, also by who sent it on (R6)."""
    alice, bob = quick.phones(2)
    quick.ctl("subscriber", "set", bob.name, "cfu=0049170")
    wait_until(lambda: "carrier" in quick.ctl("explain", alice.name, bob.name), 4)
    call = never_confirms(quick, alice, bob.name, carrier)
    alice.placed.remove(call)       # it has two
    rows = wait_until(lambda: sorted((r for r in quick.rows_of(call.call_id) if r["disposition"]), key=lambda r: r["seq"]))
    assert [(r["disposition"], r["end_reason"], r["sip_code"], r["payer_number"]) for r in rows] == [
        ("answered", "no_ack", 200, alice.name), ("answered", "no_ack", 200, bob.name)]
    assert all(1270 <= r["bill_ms"] < 2000 and r["answer_at"] and r["end_at"] for r in rows), rows
    assert quick.sql("select * from tandem.v_billing_audit where call_id = '%s'" % rows[0]["call_id"]) == []
    quick.ctl("gateway", "set", "carrier", "bill_unacked=off")

    def costs_nothing():
        row = quick.record(never_confirms(quick, alice, "0049170", carrier)).cdr
        return row["disposition"] == "failed" and row["bill_ms"] == 0 and row["answer_at"] is None

    wait_until(costs_nothing, 6)


def test_INV_7_repeated_requests_are_absorbed(office):
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    for _ in range(3):
        alice.resend()
    bob.reply(180)
    alice.expect(180)
    alice.resend()          # the last provisional comes again
    bob.silence(0.05)
    alice.silence(0)
    assert [m.status for m in alice.repeats if m.status == 180] == [180]
    bob.reply(200, sdp=sdp())
    alice.expect(200)
    a.ack()
    bob.expect("ACK")
    bob.call.reply_again()  # its 200 again: ACKed again
    bob.call.reply_again()
    bob.take(lambda m: m.method == "ACK")
    bob.take(lambda m: m.method == "ACK")
    alice.silence(0.05)
    bob.bye()
    ok = bob.expect(200)
    bob.resend()
    bob.resend()
    bob.silence(0.05)
    assert [m.raw for m in bob.repeats if m.cseq_method == "BYE"] == [ok.raw] * 2
    alice.expect("BYE")
    alice.reply(200)
    assert len(office.rows_of(a.call_id)) <= 1
    office.record(a, disposition="answered", released_by="callee")


def test_INV_7_our_bye_is_repeated(quick):
    """A peer that has gone: its BYE is repeated, and then forgotten; the record did not wait."""
    alice, bob = quick.phones(2)
    a, b = quick.up(alice, bob)
    bob.bye()
    bob.expect(200)
    alice.expect("BYE")
    quick.record(a, disposition="answered", released_by="callee")
    alice.silence(1.4)
    assert len([m for m in alice.repeats if m.method == "BYE"]) >= 4
    assert b


def test_INV_8_origin(office):
    """One o= for a leg, its version counts what changes; the phone holds it for every description."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    lines = [re.search(r"o=(.*)\r", m.sdp)[1] for m in alice.seen + bob.seen if m.body]
    assert len(set(lines)) == 2 and all(line.startswith("- ") for line in lines)
    for port in (50000, 50010, 50010, 50012):
        b.reinvite(sdp=sdp(port=port, version=77))
        alice.expect("INVITE")
        alice.reply(200, sdp=sdp(port=40000))
        alice.expect("ACK")
        bob.expect(200)
        b.ack()
    versions = [int(re.search(r"o=\S+ \d+ (\d+)", m.sdp)[1]) for m in alice.seen if m.body]
    assert versions == [1, 1, 2, 2, 3]
    office.hang_up(alice, bob)


def test_INV_9_bytes_not_characters(office):
    """The length is that of the bytes, with what is not ASCII too."""
    alice, bob = office.phones(2)
    body = sdp().replace("s=-", "s=Grüße an “Bob” 日本")
    a = alice.invite(bob.name, sdp=body)
    invite = bob.expect("INVITE")
    assert "s=Grüße an “Bob” 日本" in invite.sdp
    assert int(invite["Content-Length"]) == len(invite.body) > len(invite.sdp)
    a.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.reply(100)
    bob.expect("CANCEL")
    bob.reply(200, to="CANCEL")
    bob.reply(487, to="INVITE")
    bob.expect("ACK")


def test_INV_10_always_one_record(quick):
    """Answered, busy, refused by us, cancelled, without any answer: each leaves one closed call, one segment.
    (After a crash: test_restart.py.)"""
    alice, bob = quick.phones(2)
    before = {t: int(quick.sql("select count(*) n from tandem." + t)[0]["n"]) for t in ("call", "cdr")}
    a, b = quick.up(alice, bob)
    quick.hang_up(alice, bob)
    alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    alice.invite("nobody", sdp=sdp())
    alice.expect(404)
    cancelled = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    cancelled.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.expect("CANCEL")
    bob.reply(200, to="CANCEL")
    bob.reply(487, to="INVITE")
    bob.expect("ACK")
    unanswered = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    alice.expect(408)
    quick.record(cancelled, disposition="cancelled", released_by="caller")
    quick.record(unanswered, bill_ms=0, sip_code=408)
    for table, n in before.items():
        wait_until(lambda: int(quick.sql("select count(*) n from tandem." + table)[0]["n"]) == n + 5)
    assert quick.sql("select * from tandem.call where not closed") == []


def test_INV_11_nothing_stays(quick):
    """When all timers have run, no call, leg, transaction or byte of the heap is in use."""
    alice, bob = quick.phones(2)
    a, b = quick.up(alice, bob)
    quick.hang_up(bob, alice)
    for how in (486, "cancel"):
        a = alice.invite(bob.name, sdp=sdp())
        bob.expect("INVITE")
        bob.reply(180)
        alice.expect(180)
        if how == "cancel":
            a.cancel()
            alice.expect("CANCEL 200")
            alice.expect(487)
            bob.expect("CANCEL")
            bob.reply(200, to="CANCEL")
        bob.reply(487 if how == "cancel" else how, to="INVITE")
        bob.expect("ACK")
        if how != "cancel":
            alice.expect(486)
    wait_until(lambda: sum(quick.metric(n, role="worker") for n in GAUGES) == 0, 6)
