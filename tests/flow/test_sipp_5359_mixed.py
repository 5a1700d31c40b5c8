"""The services of RFC 5359 where one phone has two calls at once and does for both what the exchange does not:
music on hold as a third-party controller, and the two conferences of three; and the one where a phone is told to
call. sipp is every phone; each test is named by its section."""
from calls import exchange
from exchange import free_port, wait_until
from sipp_ladder import Ladder, Sipp
from test_sipp_5359 import ACTIVE, OVER, records, reoffers, started

building, office = exchange()
MACHINE = ';automata;+sip.byeless;+sip.rendering="no"'


def ladders(office, n):
    return [Ladder(office.user()) for _ in range(n)]


def test_RFC5359_2_3_music_on_hold(office, tmp_path):
    """bob holds alice, asks the music server for an offer and makes it his own to her; her answer goes to the
    server in the ACK. alice hears the server's address, and the server hers."""
    alice, bob, music = ladders(office, 3)
    asks = Ladder(bob.user)
    bob.answers().says("up").is_told()
    reoffers(bob, "sendonly", "recvonly", 2).says("held").is_told()
    bob.invite(direction="sendonly", version=3, at="127.0.0.7", port=7400).hears(100, optional=True)
    bob.hears(200, body="127.0.0.8.*m=audio 7500.*a=recvonly").ack().says("plays").is_told()
    reoffers(bob, "sendrecv", "sendrecv", 4).hangs_up()
    alice.calls(bob.user).talks().says("up")
    alice.expect("INVITE", body="a=sendonly").reply(200, sdp=dict(direction="recvonly", version=2)).expect("ACK")
    alice.expect("INVITE", body="127.0.0.7.*m=audio 7400.*a=sendonly")
    alice.reply(200, sdp=dict(direction="recvonly", version=3, at="127.0.0.8", port=7500)).expect("ACK")
    alice.expect("INVITE", body="a=sendrecv").reply(200, sdp=dict(version=4)).expect("ACK").is_hung_up_on()
    music.contact += MACHINE
    music.called().reply(200, new=True, sdp=dict(direction="sendonly", at="127.0.0.7", port=7400))
    music.expect("ACK", body="127.0.0.8.*m=audio 7500.*a=recvonly").is_hung_up_on()
    asks.calls(music.user, sdp=False).hears(180, optional=True)
    asks.hears(200, dialog=True, body="127.0.0.7.*m=audio 7400", Contact=MACHINE.replace("+", "[+]"))
    asks.says("offered").is_told().ack(sdp=dict(direction="recvonly", at="127.0.0.8", port=7500))
    asks.says("plays").is_told().hangs_up()
    with started(office, tmp_path, bob) as b, started(office, tmp_path, music) as m, \
            started(office, tmp_path, alice, False) as a:
        a.wait("up")
        up = b.wait("up")[0]
        b.tell(up)
        b.wait("held")
        with Sipp(tmp_path, asks, office.server) as third:
            asked = third.wait("offered")[0]
            b.tell(up)
            b.wait("plays")
            third.tell(asked)
            third.wait("plays")
            third.tell(asked, "over")           # else it would be the same message once more
            third.done()
        b.tell(up)
        for sipp in (a, b, m):
            sipp.done()
    one, two = records(office, alice.user, bob.user, n=2)
    assert (one["called_number"], two["called_number"]) == (bob.user, music.user)
    assert (one["payer_number"], two["payer_number"]) == (alice.user, bob.user)
    assert 0 < one["hold_ms"] <= one["bill_ms"] and two["disposition"] == "answered"


def test_RFC5359_2_10_three_way_conference_third_party_is_added(office, tmp_path):
    """bob's phone mixes: it tells alice so by isfocus, and carol when it calls her."""
    alice, bob, carol = ladders(office, 3)
    adds = Ladder(bob.user)
    bob.answers().says("up").is_told()
    bob.contact += ";isfocus"
    reoffers(bob, "sendrecv", "sendrecv", 2).says("mixes").is_told().hangs_up()
    adds.contact += ";isfocus"
    adds.calls(carol.user).talks().says("added").is_told().hangs_up()
    alice.calls(bob.user).hears(180, optional=True).hears(200, dialog=True, Contact=">$").ack().says("up")
    alice.expect("INVITE", Contact=">;isfocus$").reply(200, sdp=dict(version=2)).expect("ACK").is_hung_up_on()
    carol.answers(Contact=">;isfocus$").is_hung_up_on()
    with started(office, tmp_path, bob) as b, started(office, tmp_path, carol) as c, \
            started(office, tmp_path, alice, False) as a:
        a.wait("up")
        up = b.wait("up")[0]
        b.tell(up)
        b.wait("mixes")
        with Sipp(tmp_path, adds, office.server) as second:
            second.tell(second.wait("added")[0])
            second.done()
        b.tell(up)
        for sipp in (a, b, c):
            sipp.done()
    found = records(office, alice.user, bob.user, n=2)
    assert {(r["called_number"], r["payer_number"], r["disposition"]) for r in found} == {
        (bob.user, alice.user, "answered"), (carol.user, bob.user, "answered")}


def test_RFC5359_2_11_three_way_conference_third_party_joins(office, tmp_path):
    """carol calls bob's phone into his talk with alice: Join, in the words of that phone (RFC 3911). It answers
    her as a focus, and tells alice that it is one."""
    alice, bob, carol = ladders(office, 3)
    for user in (bob.user, carol.user):
        office.ctl("subscriber", "set", user, "pickup_group=g" + bob.user)
    joined = Ladder(bob.user)
    bob.answers().says("up").is_told()
    bob.contact += ";isfocus"
    reoffers(bob, "sendrecv", "sendrecv", 2).says("mixes").is_hung_up_on()
    joined.contact += ";isfocus"
    joined.called().reply(200, new=True, sdp={}).expect("ACK").is_hung_up_on()
    bob.or_else("Join", joined)
    alice.calls(bob.user).hears(180, optional=True).hears(200, dialog=True, Contact=">$").ack().says("up")
    alice.expect("INVITE", Contact=">;isfocus$").reply(200, sdp=dict(version=2)).expect("ACK").is_told().hangs_up()
    with started(office, tmp_path, bob, calls=2) as b, started(office, tmp_path, alice, False) as a:
        call = a.wait("up")[0]
        up, his, ours = b.wait("up")
        join = "Join: %s;to-tag=%s;from-tag=%s" % (up, his, ours)
        carol.calls(bob.user, "Require: join", join).hears(180, optional=True)
        carol.hears(200, dialog=True, body="m=audio", Contact=">;isfocus$").ack().says("joined").is_told().hangs_up()
        with Sipp(tmp_path, carol, office.server) as c:
            third = c.wait("joined")[0]
            b.tell(up)
            b.wait("mixes")
            c.tell(third)
            c.done()
        a.tell(call)
        a.done()
        b.done()
        assert join in (b.here / "messages").read_text()
    found = records(office, alice.user, carol.user, n=2)
    assert {(r["called_number"], r["payer_number"], r["segment_kind"]) for r in found} == {
        (bob.user, alice.user, "direct"), (bob.user, carol.user, "direct")}
    wait_until(lambda: not office.sql("select 1 from tandem.cdr where payer_number = '%s'" % bob.user), 1)


def test_RFC5359_2_18_click_to_dial(office, tmp_path):
    """alice's computer has her phone call bob, and hears from the phone how that goes."""
    alice, bob = ladders(office, 2)
    computer, phone = Ladder(alice.user), Ladder(alice.user)
    refer = "Refer-To: <sip:%s@pbx.test>" % bob.user
    computer.target = "sip:%s@pbx.test" % alice.user
    computer.remote = "<%s>" % computer.target
    computer.request("REFER", computer.contact, refer).challenged(407, "REFER")
    computer.request("REFER", computer.contact, refer, computer.credentials()).hears(202, dialog=True)
    computer.expect("NOTIFY", body="SIP/2.0 100", **ACTIVE).reply(200).expect("NOTIFY", **OVER).reply(200)
    phone.called("REFER", Refer_To="<sip:%s@pbx.test>" % bob.user, Referred_By=alice.user).reply(202, new=True)
    phone.notifies("active;expires=60", "100 Trying").says("referred").is_told()
    phone.notifies("terminated;reason=noresource", "200 OK")
    alice.calls(bob.user).talks().says("up").is_told().hangs_up()
    bob.answers().is_hung_up_on()
    port = free_port()
    office.phone(alice.user, register=False).register(contact="<sip:%s@127.0.0.1:%d>" % (alice.user, port))
    with started(office, tmp_path, phone) as p, started(office, tmp_path, bob) as b, \
            Sipp(tmp_path, computer, office.server, port) as c:
        told = p.wait("referred")[0]
        with Sipp(tmp_path, alice, office.server) as a:
            up = a.wait("up")[0]
            p.tell(told)
            p.done()
            c.done()
            a.tell(up)
            a.done()
        b.done()
    (r,) = records(office, alice.user)
    assert (r["called_number"], r["segment_kind"], r["disposition"]) == (bob.user, "direct", "answered")
