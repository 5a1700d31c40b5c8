"""3xx: phones that send a call on, redirect servers, numbers that lead elsewhere (FLOWS.md S0-11, S0-16,
S0-17, S2-18, S2-19, S2-22, S2-26, S4-04; BILLING.md R9, R29)."""
import pytest

from calls import exchange, sdp, wait_until
from sip_text import uri_of

building, office = exchange(allow_foreign=False)


def segments(office, call, n):
    """The n closed segments of a call, in their order; the audit finds nothing wrong with them."""
    rows = wait_until(lambda: [r for r in office.rows_of(call.call_id) if r["disposition"]], 2)
    assert len(rows) == n, rows
    office.unrecorded.add(call.call_id)
    rows.sort(key=lambda r: r["seq"])
    office.ctl("audit")
    assert office.sql("select * from tandem.v_billing_audit where call_id = '%s'" % rows[0]["call_id"]) == []
    return rows


def send_on(phone, *contacts, status=302):
    phone.expect("INVITE")
    phone.reply(status, contact=list(contacts) or None)
    phone.expect("ACK")


def test_R9_deflection(office):
    alice, bob, carol = office.phones(3)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    send_on(bob, "<sip:%s@pbx.test>" % carol.name)
    invite = carol.expect("INVITE")
    assert uri_of(invite["From"]) == alice.aor
    carol.reply(180)
    alice.expect(180)
    carol.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    carol.expect("ACK")
    office.hang_up(alice, carol)
    first, second = segments(office, call, 2)
    assert (first["segment_kind"], second["segment_kind"]) == ("direct", "deflection")
    assert [r["payer_account_id"] for r in (first, second)] == [
        office.subscriber_id(alice.name), office.subscriber_id(bob.name)]
    assert [r["disposition"] for r in (first, second)] == ["answered", "answered"]
    assert first["called_number"] == bob.name and first["connected_number"] == carol.name
    assert second["called_number"] == carol.name and second["calling_number"] == alice.name
    assert second["redirecting_number"] == second["original_called_number"] == bob.name
    assert (second["redirect_reason"], second["redirect_count"]) == ("deflection", 1)
    assert second["parent_seq"] == first["seq"]
    assert all(first[k] == second[k] for k in ("answer_at", "end_at", "bill_ms", "call_id"))
    legs = office.sql("select seq, sip_code from tandem.cdr_leg where call_id = '%s' order by leg_no"
                      % first["call_id"])
    assert [(leg["seq"], leg["sip_code"]) for leg in legs] == [(1, 200), (1, 302), (2, 200)]
    assert [m.status for m in alice.seen if m.call is call and m.status != 407] == [100, 180, 200, 200]


def test_S2_26_three_at_once(office):
    """Three contacts of one user, whose INVITEs have one Call-ID and the next CSeq (S2-27, S4-04)."""
    alice, bob = office.phones(2)
    others = [office.phone(user=bob.name, register=False) for _ in range(3)]
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    send_on(bob, *[o.contact for o in others])
    first = bob.seen[-2]
    assert first.method == "INVITE"
    for other in others:
        m = other.expect("INVITE")
        assert [m[h] for h in ("Call-ID", "From", "To")] == [first[h] for h in ("Call-ID", "From", "To")]
        assert (first.cseq, m.cseq) == (1, 2) and m.branch != first.branch
    for other in others[:2]:
        other.reply(486)
        other.expect("ACK")
    others[2].reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    others[2].expect("ACK")
    office.hang_up(alice, others[2])
    r = office.record(call, disposition="answered")
    assert [leg["sip_code"] for leg in r.branches] == [302, 486, 486, 200]


def test_loop(office):
    alice, bob, carol = office.phones(3)
    call = alice.invite(bob.name, sdp=sdp())
    send_on(bob, "<sip:%s@pbx.test>" % carol.name)
    send_on(carol, "<sip:%s@pbx.test>" % bob.name, status=301)
    alice.expect(482)
    assert [r["disposition"] for r in segments(office, call, 3)] == ["failed"] * 3


@pytest.fixture
def trunk(office):
    """A redirect server that is the gateway for 00, and another exchange."""
    server, other = (office.phone(register=False, host=h) for h in ("127.0.0.2", "127.0.0.3"))
    office.ctl("gateway", "add", "upstream", "host=127.0.0.2", "port=%d" % server.link.local[1])
    office.ctl("route", "add", "abroad", "gateway=upstream", "prefix=00")
    yield server, other
    office.ctl("route", "del", "abroad")
    office.ctl("gateway", "del", "upstream")


def in_force(server, phone, number):
    """The call that first reaches the gateway, once the directory has the route."""
    def tries():
        call = phone.invite(number, sdp=sdp(port=40000))
        try:
            phone.take(lambda m: m.call is call and m.status == 404, 0.3)
        except AssertionError:
            return call
        return None
    return wait_until(tries, 5)


def reaches(office, phone, number, status):
    """Until the directory has a change: the first INVITE is refused with another status."""
    def tries():
        call = phone.invite(number, sdp=sdp())
        m = phone.take(lambda m: m.call is call and m.status != 100)
        return m if m.status == status else None
    return wait_until(tries, 5)


def test_S0_17_redirect_server(office, trunk):
    """The caller sees 100, 180 and 200 alone; one segment, over the gateway."""
    server, other = trunk
    alice = office.phone()
    call = in_force(server, alice, "0049301")
    send_on(server, "<sip:0049301@%s>" % other.sent_by)
    invite = other.expect("INVITE")
    assert invite.cseq == 2 and uri_of(invite["To"]).startswith("sip:0049301@")
    other.reply(180)
    alice.expect(180)
    other.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    other.expect("ACK")
    office.hang_up(alice, other)
    r = office.record(call, disposition="answered", segment_kind="direct")
    assert r.cdr["out_trunk_id"] is not None and [leg["sip_code"] for leg in r.branches] == [302, 200]


def test_S0_11_S2_22_R29_number_that_leads_elsewhere(office):
    """R29; S0-16, S2-22: the caller calls the contact himself, directly."""
    alice, bob = office.phones(2)
    office.ctl("number", "add", "3999", "redirect=<%s>;q=0.7;expires=60 sip:help@other.test" % bob.aor)
    m = reaches(office, alice, "3999", 302)
    assert m.values("Contact") == ["<%s>;q=0.7;expires=60" % bob.aor, "<sip:help@other.test>"]
    bob.silence(0.05)
    r = office.record(m.call, disposition="redirected", sip_code=302, bill_ms=0)
    assert r.branches == []
    # S4-04: the same Call-ID and From tag, the next CSeq, no To tag: a call, not the old one again
    call = m.call
    call.remote = "<sip:3999@pbx.test>"
    call.request("INVITE", uri="sip:%s@pbx.test" % bob.name, sdp=sdp(port=40000))
    call.again_with(alice.take(lambda m: m.call is call and m.status == 407))
    bob.expect("INVITE")
    bob.reply(486)
    alice.expect(486)
    bob.expect("ACK")
    rows = wait_until(lambda: len(office.rows_of(call.call_id)) == 2 and office.rows_of(call.call_id), 2)
    assert sorted(r["disposition"] for r in rows) == ["busy", "redirected"]
    office.unrecorded.add(call.call_id)
    office.ctl("number", "del", "3999")
