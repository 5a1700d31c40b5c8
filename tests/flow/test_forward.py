"""Call forwarding as phones and readers of SQL see it: always, busy, no answer, not reachable, chains, loops, from
a trunk, and who pays (FLOWS.md S1-10, S1-11, S1-11a; SERVICES.md C1 to C4; BILLING.md R6, R7, R8, R10, R19)."""
import pytest

from calls import exchange, sdp, wait_until
from test_redirect import segments

building, office = exchange()


def is_set(office, phone, alice=None, **settings):
    """Until it is in force: explain says so, from alice's side when she is known."""
    office.ctl("subscriber", "set", phone.name, *("%s=%s" % s for s in settings.items()))
    numbers = [v for k, v in settings.items() if k in ("cfu", "cfb", "cfnr", "cfnrc")]
    if alice is not None:
        wait_until(lambda: all("goes on to %s\n" % n in office.ctl("explain", alice.name, phone.name)
                               for n in numbers), 4)


def answers(office, caller, call, phone, rings=True):
    """He answers, they talk, the caller hangs up. What the caller heard."""
    phone.expect("INVITE")
    if rings:
        phone.reply(180)
        caller.expect(180)
    phone.reply(200, sdp=sdp(port=50000))
    caller.expect(200)
    call.ack()
    phone.expect("ACK")
    office.hang_up(caller, phone)
    return [m.status for m in caller.seen if m.call is call and m.status != 407]


def lets_ring(phone, caller):
    phone.expect("INVITE")
    phone.reply(180)
    caller.expect(180)
    phone.expect("CANCEL", 4)
    phone.reply(200, to="CANCEL")
    phone.reply(487, to="INVITE")
    phone.expect("ACK")


def paid(office, rows, *payers):
    """Each his own; one answer and one end."""
    assert [r["payer_account_id"] for r in rows] == [office.subscriber_id(p.name) for p in payers]
    assert {r["payer_kind"] for r in rows} == {"subscriber"}
    assert len({(r["call_id"], r["answer_at"], r["end_at"], r["bill_ms"]) for r in rows}) == 1
    assert [r["redirect_count"] for r in rows] == list(range(len(rows)))
    assert [r["parent_seq"] for r in rows] == [None] + [r["seq"] for r in rows[:-1]]
    assert [r["segment_kind"] for r in rows] == ["direct"] + ["forward"] * (len(rows) - 1)


def sent_on(office, alice, call, bob, carol, reason):
    """R6: alice pays to bob, whose number her record keeps; bob pays to carol."""
    first, second = rows = segments(office, call, 2)
    paid(office, rows, alice, bob)
    assert {r["disposition"] for r in rows} == {"answered"}
    assert (first["called_number"], first["connected_number"]) == (bob.name, carol.name)
    assert (second["called_number"], second["calling_number"]) == (carol.name, alice.name)
    assert second["redirecting_number"] == second["original_called_number"] == bob.name
    assert second["redirect_reason"] == reason


def test_C1_R6_always(office):
    alice, bob, carol = office.phones(3)
    is_set(office, bob, alice, cfu=carol.name)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    assert answers(office, alice, call, carol) == [100, 180, 200, 200]
    sent_on(office, alice, call, bob, carol, "unconditional")
    invite = next(m for m in carol.seen if m.method == "INVITE")
    assert "reason=unconditional;counter=1" in invite["Diversion"] and bob.name in invite["Diversion"]


def test_C2_S1_10_R6_busy(office):
    """She never sees his 486."""
    alice, bob, carol = office.phones(3)
    is_set(office, bob, alice, cfb=carol.name)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    assert answers(office, alice, call, carol) == [100, 180, 200, 200]
    sent_on(office, alice, call, bob, carol, "busy")


def test_C3_S1_11_R6_nobody_answers(office):
    alice, bob, carol = office.phones(3)
    is_set(office, bob, alice, cfnr=carol.name, cfnr_timeout=1)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    lets_ring(bob, alice)
    answers(office, alice, call, carol, rings=False)
    sent_on(office, alice, call, bob, carol, "no_answer")


def test_C4_R6_not_reachable(office):
    alice, carol = office.phones(2)
    bob = office.phone(register=False)
    is_set(office, bob, alice, cfnrc=carol.name)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    assert answers(office, alice, call, carol) == [100, 180, 200, 200]
    sent_on(office, alice, call, bob, carol, "unreachable")


def test_R7_a_chain(office):
    """alice to bob, who is always elsewhere, to carol, who is busy, to dave: three payers."""
    alice, bob, carol, dave = office.phones(4)
    is_set(office, carol, alice, cfb=dave.name)
    is_set(office, bob, alice, cfu=carol.name)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    carol.expect("INVITE")
    carol.reply(486)
    carol.expect("ACK")
    answers(office, alice, call, dave)
    rows = segments(office, call, 3)
    paid(office, rows, alice, bob, carol)
    assert [r["called_number"] for r in rows] == [p.name for p in (bob, carol, dave)]
    assert [r["redirecting_number"] for r in rows] == [None, bob.name, carol.name]
    assert [r["original_called_number"] for r in rows] == [None, bob.name, bob.name]


def test_R8_whom_it_reaches_is_busy(office):
    """Both cost nothing, and the caller hears carol's word."""
    alice, bob, carol = office.phones(3)
    is_set(office, bob, alice, cfu=carol.name)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    carol.expect("INVITE")
    carol.reply(486)
    carol.expect("ACK")
    alice.expect(486)
    rows = segments(office, call, 2)
    paid(office, rows, alice, bob)
    assert [(r["disposition"], r["sip_code"], r["bill_ms"], r["answer_at"]) for r in rows] == [
        ("busy", 486, 0, None)] * 2


def test_S1_11a_a_loop(office):
    """bob to carol to bob: nobody is rung twice, and all that was begun is closed."""
    alice, bob, carol = office.phones(3)
    is_set(office, bob, alice, cfu=carol.name)
    is_set(office, carol, alice, cfb=bob.name)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    carol.expect("INVITE")
    carol.reply(486)
    carol.expect("ACK")
    alice.expect(482)
    rows = segments(office, call, 3)
    assert [r["bill_ms"] for r in rows] == [0, 0, 0] and all(r["end_at"] for r in rows)
    assert not [m for m in bob.seen if m.method == "INVITE"]


def test_S1_11a_five_times_at_most(office):
    alice, *chain = office.phones(8)
    for one, other in zip(chain, chain[1:]):
        office.ctl("subscriber", "set", one.name, "cfu=" + other.name)
    wait_until(lambda: "goes on to " + chain[-1].name in office.ctl("explain", alice.name, chain[-2].name), 4)
    call = alice.invite(chain[0].name, sdp=sdp(port=40000))
    alice.expect(482)
    assert len(segments(office, call, 6)) == 6
    assert not [m for p in chain for m in p.seen if m.method == "INVITE"]


@pytest.fixture
def trunks(office):
    """A gateway that calls, and one to 0049."""
    pair = []
    for name, host in (("caller", "127.0.0.3"), ("carrier", "127.0.0.4")):
        pair.append(office.phone(register=False, host=host, user="0301234"))
        office.ctl("gateway", "add", name, "host=" + host, "port=%d" % pair[-1].link.local[1])
    office.ctl("route", "add", "carrier", "gateway=carrier", "prefix=0049")
    yield pair
    office.ctl("route", "del", "carrier")
    for name in ("caller", "carrier"):
        office.ctl("gateway", "del", name)


def test_R10_from_a_trunk_to_a_mobile(office, trunks):
    """Who calls from outside pays to bob, and bob pays to the outside."""
    caller, carrier = trunks
    bob = office.phone()
    is_set(office, bob, cfu="0049170")
    wait_until(lambda: "to 0049170" in office.ctl("explain", caller.sent_by, bob.name, check=False)[1], 4)
    call = caller.invite(bob.name, sdp=sdp(port=40000), auth=False)
    assert carrier.expect("INVITE").uri.startswith("sip:0049170@127.0.0.4")
    carrier.reply(200, sdp=sdp(port=50000))
    caller.expect(200)
    call.ack()
    carrier.expect("ACK")
    office.hang_up(caller, carrier)
    first, second = segments(office, call, 2)
    assert (first["payer_kind"], first["payer_number"]) == ("trunk_customer", "caller")
    assert (second["payer_kind"], second["payer_account_id"]) == ("subscriber", office.subscriber_id(bob.name))
    assert first["in_trunk_id"] and second["out_trunk_id"] and second["redirecting_number"] == bob.name
    assert all(first[k] == second[k] for k in ("answer_at", "end_at", "call_id"))


@pytest.fixture
def voicemail(office, trunks):
    """The system behind the tenant's voicemail, 0049800, which is there for this test alone."""
    office.ctl("tenant", "set", "default", "voicemail=0049800")
    yield trunks[1]
    office.ctl("tenant", "set", "default", "voicemail=")


def test_R19_to_the_voicemail(office, voicemail):
    """Alice pays to bob, who may not call outside; nobody pays for what goes on to the voicemail."""
    alice, bob = office.phones(2)
    is_set(office, bob, alice, cfnrc="0049800", barring="outgoing")
    bob.unregister()
    wait_until(lambda: "the tenant's voicemail" in office.ctl("explain", alice.name, bob.name), 4)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    assert bob.name in voicemail.expect("INVITE")["Diversion"]
    voicemail.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    voicemail.expect("ACK")
    office.hang_up(alice, voicemail)
    first, second = segments(office, call, 2)
    assert (first["payer_kind"], first["payer_account_id"]) == ("subscriber", office.subscriber_id(alice.name))
    assert (second["payer_kind"], second["payer_account_id"], second["payer_number"]) == ("nobody", 0, None)
    assert (second["segment_kind"], second["redirecting_number"], second["called_number"]) == (
        "voicemail", bob.name, "0049800")
    assert {r["connected_reason"] for r in (first, second)} == {"voicemail"}
    assert all(first[k] == second[k] for k in ("answer_at", "end_at", "call_id", "disposition"))


def test_R1_the_voicemail_is_called_by_code(office, voicemail):
    """As if its number had been dialled: who calls pays. Where there is none the code is refused."""
    alice = office.phone()
    wait_until(lambda: "the tenant's voicemail" in office.ctl("explain", alice.name, "*97", check=False)[1], 4)
    call = alice.invite("*97", sdp=sdp())
    assert voicemail.expect("INVITE").uri.startswith("sip:0049800@")
    voicemail.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    voicemail.expect("ACK")
    office.hang_up(alice, voicemail)
    office.record(call, segment_kind="direct", dialed_digits="*97", called_number="0049800",
                  disposition="answered", payer_kind="subscriber")
    office.ctl("tenant", "set", "default", "voicemail=")
    wait_until(lambda: "no voicemail" in office.ctl("explain", alice.name, "*97", check=False)[1], 4)


@pytest.mark.parametrize("number, why", [("112", "number"), ("voice", "number")])
def test_a_voicemail_that_cannot_be(office, number, why):
    status, _, said = office.ctl("tenant", "set", "default", "voicemail=" + number, check=False)
    assert status != 0 and why in said and said.count("\n") == 1
