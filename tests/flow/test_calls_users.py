"""FLOWS.md 1.2 and 1.3: who calls and who is called: names, numbers, credentials."""
import pytest

from calls import exchange, rings_first, sdp, wait_until

building, office = exchange()


def test_S0_06_S2_15_four_procedures(office):
    """REGISTER, INVITE, a redirection (which is not followed out of the house: A13), OPTIONS."""
    alice, bob = office.phones(2)                               # register
    a, b = office.up(alice, bob)                                # call
    office.hang_up(a.ua, b.ua)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(302, contact="<sip:x@192.0.2.77>")                # redirect
    bob.expect("ACK")
    m = alice.expect(403)
    assert not m.has("Contact")
    office.record(call, bill_ms=0)
    m = alice.request("OPTIONS", to=bob.name)                   # capabilities
    assert m.status == 200 and "INVITE" in m["Allow"]
    bob.unregister()                                            # deregister
    alice.invite(bob.name, sdp=sdp())
    alice.expect(480)


def test_S1_02_a_call_after_deregistration(office):
    alice, bob = office.phones(2)
    bob.unregister()
    call = alice.invite(bob.name, sdp=sdp())
    alice.expect(480)
    bob.silence(0.03)
    office.record(call, disposition="unreachable", sip_code=480)


@pytest.mark.parametrize("uri", ["sip:%s@pbx.test?Subject=returnmycall&Route=%%3Csip:x.test%%3E",
                                 "sip:%s@pbx.test;user=phone", "sip:%s@pbx.test;transport=udp",
                                 "sip:%s:password@pbx.test", "sip:%s@127.0.0.1:%d"])
def test_S0_08_what_an_address_may_have(office, uri):
    """Parameters, a port, headers: the headers are of no effect and go nowhere."""
    alice, bob = office.phones(2)
    uri = uri % ((bob.name, office.x.port) if uri.count("%") == 2 else bob.name)
    alice.invite(uri, sdp=sdp())
    invite = bob.expect("INVITE")
    assert invite.uri == bob.contact_uri
    assert not invite.has("Subject") and not invite.has("Route") and "returnmycall" not in invite["To"]
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)


def test_S0_08_no_host(office):
    alice = office.phone()
    for uri in ("sip:", "sip:1001@", "sip:@pbx.test", "sip:1001@:5060"):
        call = alice.new_call("sip:x@pbx.test")
        call.request("INVITE", uri=uri, sdp=sdp())
        assert alice.take(lambda m: m.call is call and m.status).status == 400, uri


def test_S0_31_scheme_and_host_in_any_case(office):
    """A user's name is taken to the letter."""
    alice, bob = office.phones(2)
    office.sql.do("update tandem.subscriber set number = '+155512%s' where username = '%s'" % (bob.name, bob.name))
    for uri in ("SIP:%s@PBX.TEST", "Sip:+155512%s@pbx.Test;user=phone", "tel:+1-555-12%s", "sip:+1.555.12%s@pbx.test"):
        wait_until(lambda: rings(alice, bob, uri % bob.name), 2)    # the number is known soon
        bob.reply(486)
        bob.expect("ACK")
        alice.expect(486)


def rings(alice, bob, uri):
    """False: there is no such number yet."""
    return rings_first(alice, alice.invite(uri, sdp=sdp()), bob) or alice.expect(404) is None


def test_S4_02_subject(office):
    alice, bob = office.phones(2)
    subject = "Grüße, “quoted”; and more <x>"
    call = alice.new_call(bob.name)
    call.request("INVITE", sdp=sdp(), headers=[("Subject", subject), ("Priority", "urgent"),
                                               ("X-Test", "stays")])
    alice.placed.append(call)
    call.again_with(alice.take(lambda m: m.status == 407))
    invite = bob.expect("INVITE")
    assert invite["Subject"] == subject
    assert not invite.has("X-Test") and not invite.has("Proxy-Authorization")
    bob.reply(486)
    alice.expect(486)


def test_S1_14_not_without_credentials(office):
    """A challenge, then the call; the From alone gives nothing. A challenge leaves no record."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp(), auth=False)
    challenge = alice.expect(407)
    assert challenge["Proxy-Authenticate"].startswith("Digest ")
    bob.silence(0.05)
    office.no_record(call)
    assert office.rows_of(call.call_id) == []


@pytest.mark.parametrize("trust", ["binding", "address"])
def test_S1_14_trust(office, trust):
    """By SQL, within two seconds: no challenge from where the subscriber is registered."""
    alice, bob = office.phones(2)
    office.sql.do("update tandem.subscriber_service v set trust = '%s' from tandem.subscriber s where "
                  "s.subscriber_id = v.subscriber_id and s.username = '%s'" % (trust, alice.name))

    def is_trusted():
        call = alice.new_call(bob.name)
        call.request("INVITE", sdp=sdp())
        m = alice.take(lambda m: m.call is call and m.status, skip_trying=False)
        if m.status == 407:
            return False
        alice.placed.append(call)
        return True

    wait_until(is_trusted, 2)
    bob.expect("INVITE")
    bob.reply(486)
    alice.expect(486)
    stranger = office.phone(user=alice.name, register=False, host="127.0.0.1")
    call = stranger.new_call(bob.name)
    bob.expect("ACK")
    call.request("INVITE", sdp=sdp())
    if trust == "binding":
        stranger.expect(407)    # the same address, another port
    else:
        bob.expect("INVITE")
        stranger.placed.append(call)
        bob.reply(486)
        stranger.expect(486)




def test_S4_10_a_phone_of_1999(office):
    """RFC 2543: no cookie in the branch, no Max-Forwards: the whole call works."""
    alice, bob = office.phones(2)
    branches = iter(range(1, 99))
    alice.via = lambda branch=None: "SIP/2.0/UDP %s;branch=%s" % (
        alice.sent_by, branch or next(branches))
    a, b = office.up(alice, bob)
    b.reinvite(sdp=sdp(ip="0.0.0.0"))
    alice.expect("INVITE")
    alice.reply(200, sdp=sdp())
    alice.expect("ACK")
    bob.expect(200)
    b.ack()
    office.hang_up(alice, bob)
    office.record(a, disposition="answered")


def test_a_call_to_oneself(office):
    alice = office.phone()
    a = alice.invite(alice.name, sdp=sdp())
    alice.expect("INVITE")
    b = alice.call
    b.reply(200, sdp=sdp())
    alice.take(lambda m: m.method == "ACK")
    alice.take(lambda m: m.status == 200)
    a.ack()
    a.bye()
    alice.take(lambda m: m.method == "BYE")
    b.reply(200, to="BYE")
    alice.take(lambda m: m.status == 200)
    office.record(a, disposition="answered", calling_number=alice.name, called_number=alice.name)
