"""The services of RFC 5359 that a call needs from us, with sipp as every phone; each test is named by its section.

What two dialogs of one phone know of each other, the test tells them, as their user's keys would.
"""
from calls import exchange
from exchange import wait_until
from sipp_ladder import Ladder, Sipp

building, office = exchange()
ACTIVE = dict(Event="refer", Subscription_State="active")
OVER = dict(Event="refer", Subscription_State="terminated", body="SIP/2.0 200")


def started(office, directory, ladder, registered=True, **how):
    sipp = Sipp(directory, ladder, office.server, **how)
    if registered:
        phone = office.phone(ladder.user, register=False)
        phone.register(contact="<sip:%s@127.0.0.1:%d>" % (ladder.user, sipp.port))
    return sipp


def both_up(caller, called):
    """The called side goes on when both know of the answer."""
    caller.wait("up")
    called.tell(called.wait("up")[0])


def reoffers(ladder, direction, answer, version):
    ladder.invite(direction=direction, version=version).hears(100, optional=True)
    return ladder.hears(200, body="a=" + answer).ack()


def is_reoffered(ladder, offer, answer, version):
    ladder.expect("INVITE", body="a=" + offer).reply(200, sdp=dict(direction=answer, version=version))
    return ladder.expect("ACK")


def records(office, *users, n=1):
    def rows():
        found = office.sql("select * from tandem.cdr where calling_number in (%s) and disposition is not null"
                           " order by call_id, seq" % ", ".join("'%s'" % u for u in users))
        return found if len(found) >= n else None
    found = wait_until(rows, 5)
    assert len(found) == n, found
    return found


def test_RFC5359_2_1_call_hold(office, tmp_path):
    bob, alice = Ladder(office.user()), Ladder(office.user())
    bob.answers().says("up").is_told()
    reoffers(bob, "sendonly", "recvonly", 2)
    reoffers(bob, "sendrecv", "sendrecv", 3).hangs_up()
    alice.calls(bob.user).talks().says("up")
    is_reoffered(alice, "sendonly", "recvonly", 2)
    is_reoffered(alice, "sendrecv", "sendrecv", 3).is_hung_up_on()
    with started(office, tmp_path, bob) as b, started(office, tmp_path, alice, False) as a:
        both_up(a, b)
        a.done()
        b.done()
    (r,) = records(office, alice.user)
    assert r["disposition"] == "answered" and 0 <= r["hold_ms"] <= r["bill_ms"]


def test_RFC5359_2_2_consultation_hold(office, tmp_path):
    """bob holds alice, asks carol, and comes back; alice's call knows nothing of carol's."""
    alice, carol = Ladder(office.user()), Ladder(office.user())
    bob = Ladder(office.user())
    asks = Ladder(bob.user)
    bob.answers().says("up").is_told()
    reoffers(bob, "sendonly", "recvonly", 2).says("held").is_told()
    reoffers(bob, "sendrecv", "sendrecv", 3).hangs_up()
    alice.calls(bob.user).talks().says("up")
    is_reoffered(alice, "sendonly", "recvonly", 2)
    is_reoffered(alice, "sendrecv", "sendrecv", 3).is_hung_up_on()
    asks.calls(carol.user).talks().hangs_up()
    carol.answers().is_hung_up_on()
    with started(office, tmp_path, bob) as b, started(office, tmp_path, carol) as c, \
            started(office, tmp_path, alice, False) as a:
        both_up(a, b)
        held = b.wait("held")[0]
        with started(office, tmp_path, asks, False) as second:
            second.done()
        b.tell(held)
        for sipp in (a, b, c):
            sipp.done()
    one, two = records(office, alice.user, bob.user, n=2)
    assert (one["called_number"], two["called_number"]) == (bob.user, carol.user)
    assert one["hold_ms"] > 0 and not two["hold_ms"]


def test_RFC5359_2_4_unattended_transfer(office, tmp_path):
    """REFER, and what bob hears of it; carol is offered by nobody and asked for her offer."""
    alice, bob, carol = (Ladder(office.user()) for _ in range(3))
    bob.answers().says("up").is_told().request("REFER", bob.contact, "Refer-To: <sip:%s@pbx.test>" % carol.user,
                          "Referred-By: <sip:%s@pbx.test>" % bob.user).hears(202)
    bob.expect("NOTIFY", body="SIP/2.0 100", **ACTIVE).reply(200)
    bob.expect("NOTIFY", **OVER).reply(200).is_hung_up_on()
    alice.calls(bob.user).talks().says("up")
    is_reoffered(alice, "sendrecv", "sendrecv", 2).is_hung_up_on()
    carol.called(Referred_By=bob.user).reply(200, new=True, sdp={}).expect("ACK", body="m=audio")
    carol.says("talks").is_told().hangs_up()
    with started(office, tmp_path, bob) as b, started(office, tmp_path, carol) as c, \
            started(office, tmp_path, alice, False) as a:
        both_up(a, b)
        b.done()
        c.tell(c.wait("talks")[0])
        a.done()
        c.done()
    one, two = records(office, alice.user, n=1) + office.sql(
        "select * from tandem.cdr where payer_number = '%s'" % bob.user)
    assert (one["connected_number"], two["segment_kind"]) == (bob.user, "transfer_blind")
    assert two["connected_number"] == carol.user and two["parent_seq"] == one["seq"]


def test_RFC5359_2_5_attended_transfer(office, tmp_path):
    """bob holds alice, asks carol, and joins the two: REFER with Replaces."""
    alice, bob, carol = (Ladder(office.user()) for _ in range(3))
    asks = Ladder(bob.user)
    bob.answers().says("up").is_told()
    reoffers(bob, "sendonly", "recvonly", 2).says("held").is_told()
    bob.request("REFER", bob.contact, "Refer-To: [$told]").hears(202)
    bob.expect("NOTIFY", **ACTIVE).reply(200).expect("NOTIFY", **OVER).reply(200).is_hung_up_on()
    asks.calls(carol.user).talks().says("asked").is_hung_up_on()
    alice.calls(bob.user).talks().says("up")
    is_reoffered(alice, "sendonly", "recvonly", 2)
    alice.expect("INVITE").reply(200, sdp=dict(version=3)).expect("ACK").says("joined").is_told().hangs_up()
    carol.answers().expect("INVITE").reply(200, sdp=dict(version=2)).expect("ACK").is_hung_up_on()
    with started(office, tmp_path, bob) as b, started(office, tmp_path, carol) as c, \
            started(office, tmp_path, alice, False) as a:
        both_up(a, b)
        held = b.wait("held")[0]
        with started(office, tmp_path, asks, False) as second:
            call_id, ours, theirs = second.wait("asked")
            b.tell(held, "<sip:%s@pbx.test?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>" % (
                carol.user, call_id.replace("@", "%40"), theirs, ours))
            second.done()
        b.done()
        a.tell(a.wait("joined")[0])
        a.done()
        c.done()
    kinds = wait_until(lambda: office.sql(
        "select segment_kind, released_by from tandem.cdr where payer_number = '%s' and disposition is not null"
        " and segment_kind <> 'direct'" % bob.user), 5)
    assert [k["segment_kind"] for k in kinds] == ["transfer_consult"], kinds
