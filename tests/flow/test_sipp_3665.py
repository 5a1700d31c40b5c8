"""The example flows of RFC 3665 with sipp on both sides; each test is named by its section. Where the RFC has
proxies, the exchange stands."""
import pytest

from calls import exchange
from exchange import wait_until
from sipp_ladder import Ladder, Sipp

building, office = exchange()
quick_building, quick = exchange("quick", users=40, timers={"t1_ms": 20, "t2_ms": 160, "t4_ms": 200})


def registers(ladder, *headers, status=200, **more):
    """REGISTER, 401, REGISTER with credentials."""
    ladder.register(*headers, **more).challenged(401, "REGISTER")
    return ladder.register(ladder.credentials(), *headers, **more)


def play(office, directory, *ladders):
    """Phones that answer are registered first; the caller is the last."""
    *called, caller = ladders
    running = []
    try:
        for ladder in called:
            running.append(Sipp(directory, ladder, office.server))
            at_port(office, ladder.user, running[-1].port)
        running.append(Sipp(directory, caller, office.server))
        for sipp in reversed(running):
            sipp.done()
    finally:
        for sipp in running:
            sipp.__exit__()


def at_port(office, user, port, *parameters):
    phone = office.phone(user, register=False)
    phone.register(contact="<sip:%s@127.0.0.1:%d>%s" % (user, port, "".join(parameters)))


def row(office, called):
    rows = wait_until(lambda: office.sql(
        "select * from tandem.cdr where called_number = '%s' and disposition is not null" % called), 5)
    assert len(rows) == 1, rows
    return rows[0]


def bindings(office, user):
    return office.sql("select contact from tandem.binding where username = '%s'"
                      " and expires_at > now()" % user)


# --- 2: registration ------------------------------------------------------------------------------

def test_RFC3665_2_1_new_registration(office, tmp_path):
    bob = Ladder(office.user())
    registers(bob, "Expires: 7200").hears(200, Contact="expires=[0-9]+")
    play(office, tmp_path, bob)
    wait_until(lambda: len(bindings(office, bob.user)) == 1, 2)


def test_RFC3665_2_2_update_of_the_contact_list(office, tmp_path):
    bob = Ladder(office.user())
    registers(bob).hears(200)
    registers(bob, contact=["Contact: <sip:%s@127.0.0.1:5998>" % bob.user]).hears(200)
    play(office, tmp_path, bob)
    wait_until(lambda: len(bindings(office, bob.user)) == 2, 2)


def test_RFC3665_2_3_request_for_the_contact_list(office, tmp_path):
    user = office.user()
    at_port(office, user, 5999)
    bob = Ladder(user)
    registers(bob, contact=None).hears(200, Contact="127.0.0.1:5999")
    play(office, tmp_path, bob)
    assert len(bindings(office, user)) == 1


def test_RFC3665_2_4_cancellation(office, tmp_path):
    user = office.user()
    at_port(office, user, 5999)
    bob = Ladder(user)
    registers(bob, "Expires: 0", contact=["Contact: *"]).hears(200)
    play(office, tmp_path, bob)
    wait_until(lambda: not bindings(office, user), 2)


def test_RFC3665_2_5_unsuccessful_registration(office, tmp_path):
    bob = Ladder(office.user())
    bob.register().challenged(401, "REGISTER", password="wrong")
    bob.register(bob.credentials()).hears(401, WWW_Authenticate="nonce")
    play(office, tmp_path, bob)
    assert not bindings(office, bob.user)


# --- 3: sessions ----------------------------------------------------------------------------------

def test_RFC3665_3_1_3_2_3_3_successful_session(office, tmp_path):
    """F1 to F13 of 3.1; with the 407 of 3.2 and 3.3; the called side hangs up."""
    bob, alice = Ladder(office.user()), Ladder(office.user())
    bob.answers(Max_Forwards="69", Contact="127.0.0.1:%d" % office.server[1]).hangs_up()
    alice.calls(bob.user).talks().is_hung_up_on()
    play(office, tmp_path, bob, alice)
    r = row(office, bob.user)
    assert (r["disposition"], r["sip_code"], r["released_by"]) == ("answered", 200, "callee")
    assert r["calling_number"] == alice.user


def test_RFC3665_3_4_proxy_failure(office, tmp_path):
    """The first that is tried fails with 503, the second takes the call; the caller hears nothing of it."""
    user, alice = office.user(), Ladder(office.user())
    down, up = Ladder(user), Ladder(user)
    down.called().reply(503, new=True).expect("ACK")
    up.answers().is_hung_up_on()
    alice.calls(user).talks().hangs_up()
    with Sipp(tmp_path, down, office.server) as one, Sipp(tmp_path, up, office.server) as two:
        at_port(office, user, one.port, ";q=0.9")
        at_port(office, user, two.port, ";q=0.3")
        with Sipp(tmp_path, alice, office.server) as caller:
            for sipp in (caller, two, one):
                sipp.done()
    assert row(office, user)["disposition"] == "answered"


def test_RFC3665_3_5_session_through_an_alg(office, tmp_path):
    """bob is behind an ALG that wants to see each of his messages: Path when he registers (RFC 3327), Record-Route
    in his calls. It is sent them all, by its Route, under the names that bob has behind it."""
    bob, alice = Ladder(office.user()), Ladder(office.user())
    alg = "<sip:alg@[local_ip]:[local_port];lr>"
    inside = "sip:%s@10.1.2.3" % bob.user
    bob.contact = "Contact: <%s>" % inside
    bob.called(Route="<sip:alg@127.0.0.1:[0-9]+;lr>").reply(180, "Record-Route: " + alg, new=True)
    bob.reply(200, "Record-Route: " + alg, new=True, sdp=dict(at="127.0.0.9", port=9000))
    bob.expect("ACK", Route="<sip:alg@127.0.0.1:[0-9]+;lr>").expect("BYE", Route="<sip:alg@").reply(200)
    alice.calls(bob.user).hears(180, optional=True)
    alice.hears(200, dialog=True, body="127.0.0.9.*m=audio 9000").ack().hangs_up()
    (tmp_path / "calls").mkdir()
    begins = Ladder(bob.user)
    begins.contact = bob.contact
    registers(begins, "Supported: path", "Path: " + alg).hears(200)
    with Sipp(tmp_path, begins, office.server) as b:
        b.done()
    with Sipp(tmp_path / "calls", bob, office.server, b.port) as b:
        with Sipp(tmp_path, alice, office.server) as a:
            a.done()
        b.done()
        said = (b.here / "messages").read_text()
        assert all("%s %s " % (method, inside) in said for method in ("INVITE", "ACK", "BYE"))
    assert row(office, bob.user)["disposition"] == "answered"


def test_RFC3665_3_6_redirect_with_sdp_in_ack(office, tmp_path):
    """bob is redirected to carol by his phone; the offer is carol's, the answer comes in the ACK."""
    bob, carol, alice = (Ladder(office.user()) for _ in range(3))
    bob.called().reply(302, "Contact: <sip:%s@pbx.test>" % carol.user, new=True).expect("ACK")
    carol.called().reply(180, new=True).reply(200, new=True, sdp={}).expect("ACK", body="m=audio")
    carol.is_hung_up_on()
    alice.calls(bob.user, sdp=False).hears(180, optional=True)
    alice.hears(200, dialog=True, body="m=audio").ack(sdp={}).hangs_up()
    play(office, tmp_path, bob, carol, alice)
    rows = wait_until(lambda: [r for r in office.sql(
        "select * from tandem.cdr where payer_number in ('%s', '%s') and disposition is not null"
        % (alice.user, bob.user))] or None, 5)
    assert [r for r in rows if r["connected_number"] == carol.user and r["disposition"] == "answered"], rows


def test_RFC3665_3_7_reinvite(office, tmp_path):
    """The called side moves as soon as its answer is confirmed, though the caller's ACK may still be on its way:
    the new description arrives, and its answer."""
    bob, alice = Ladder(office.user()), Ladder(office.user())
    bob.answers().invite(version=2).hears(100, optional=True).hears(200, body="m=audio").ack().hangs_up()
    alice.calls(bob.user).talks().expect("INVITE", body="m=audio").reply(200, sdp={"version": 2})
    alice.expect("ACK").is_hung_up_on()
    play(office, tmp_path, bob, alice)
    assert row(office, bob.user)["released_by"] == "callee"


def test_RFC3665_3_8_no_answer(office, tmp_path):
    bob, alice = Ladder(office.user()), Ladder(office.user())
    bob.called().reply(180, new=True).expect("CANCEL").reply(200, new=True, to="cancel")
    bob.reply(487, new=True, to="invite").expect("ACK")
    alice.calls(bob.user).hears(180).cancel().hears(200).hears(487).ack_refusal()
    play(office, tmp_path, bob, alice)
    r = row(office, bob.user)
    assert (r["disposition"], r["sip_code"], r["released_by"]) == ("cancelled", 487, "caller")


@pytest.mark.parametrize("status, disposition", [(486, "busy"), (480, "noanswer")],
                         ids=["RFC3665_3_9_busy", "RFC3665_3_11_temporarily_unavailable"])
def test_RFC3665_3_9_3_11_refused(office, tmp_path, status, disposition):
    bob, alice = Ladder(office.user()), Ladder(office.user())
    bob.called().reply(180, new=True).reply(status, new=True).expect("ACK")
    alice.calls(bob.user).hears(180).hears(status).ack_refusal()
    play(office, tmp_path, bob, alice)
    r = row(office, bob.user)
    assert (r["disposition"], r["sip_code"], r["bill_ms"]) == (disposition, status, 0)


def test_RFC3665_3_10_no_response(quick, tmp_path):
    """bob's phone hears everything and says nothing; 64 times T1 is 1.3 s here."""
    bob, alice = Ladder(quick.user()), Ladder(quick.user())
    bob.called().says("called").is_told()
    alice.calls(bob.user).hears(408).ack_refusal()
    with Sipp(tmp_path, bob, quick.server) as phone:
        at_port(quick, bob.user, phone.port)
        with Sipp(tmp_path, alice, quick.server) as caller:
            caller.done()
        phone.tell(phone.wait("called")[0])
        phone.done()
    r = row(quick, bob.user)
    assert (r["disposition"], r["sip_code"], r["bill_ms"]) == ("noanswer", 408, 0)
