"""What stands before every call: authentication (THREATS.md 1.1), and messages that are malformed or
odd (those of the RFCs: test_torture.py)."""
import re
import socket
import time

import pytest

from calls import Phone, exchange, sdp, wait_until
from sip_text import Message, challenge_of, digest_answer, word

building, office = exchange(users=300)

# --- what cannot be read ------------------------------------------------------------------------


def good(phone, method="OPTIONS", uri="sip:pbx.test"):
    return ("%s %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\nMax-Forwards: 70\n"
            "From: <sip:x@pbx.test>;tag=%s\nTo: <sip:pbx.test>\nCall-ID: %s\nCSeq: 1 %s\nContact: %s\n"
            "Content-Length: 0\n\n" % (method, uri, phone.sent_by, word(), word(), word(), method,
                                       phone.contact))


def answer(office, change):
    """What a good request gets after `change`; None: nothing."""
    phone = office.phone(register=False)
    phone.send_raw(change(good(phone)))
    data = phone.link.receive(time.monotonic() + 0.3)
    return data and Message.parse(data)


@pytest.mark.parametrize("header", ["From", "To", "Call-ID", "CSeq"])
def test_S2_09_missing(office, header):
    """400 with a reason that names it."""
    m = answer(office, lambda text: re.sub("(?m)^%s: .*\n" % header, "", text))
    assert m.status == 400 and header.lower() in m.reason.lower()


def test_S2_09_no_via(office):
    assert answer(office, lambda text: re.sub("(?m)^Via: .*\n", "", text)) is None


@pytest.mark.parametrize("change, status", [
    (lambda t: t.replace("Max-Forwards: 70\n", ""), 200),
    (lambda t: t.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), 400),
    (lambda t: t.replace("SIP/2.0\n", "SIP/3.0\n", 1), 505),
    (lambda t: t.replace("OPTIONS", "options"), 501),
    (lambda t: t.replace("OPTIONS", "COMET"), (405, 501)),
    (lambda t: t.replace("OPTIONS", "UNSUBSCRIBE"), (405, 501)),
    (lambda t: t.replace("CSeq: 1", "CSeq: 99999999999"), 400),
    (lambda t: t.replace("CSeq: 1", "CSeq: 2147483647"), 200),
    (lambda t: t.replace("Via:", "v:").replace("From:", "f:").replace("To:", "t:").replace(
        "Call-ID:", "i:").replace("Content-Length:", "l:"), 200),
    (lambda t: t.replace("From:", "FROM   :").replace("To:", "tO:"), 200),
    (lambda t: t.replace("From: ", "From:\n  \t "), 200),
    (lambda t: t.replace("Content-Length: 0", "Content-Length: 10"), 400),
    (lambda t: t.replace("Content-Length: 0\n\n", "Content-Length: 2\n\nabcdef"), 200),
    (lambda t: t.replace("Content-Length: 0", "Require: foo, bar\nContent-Length: 0"), 420),
    (lambda t: t.replace("To: ", "To: <sip:a@b>\nTo: "), 400),
    (lambda t: t.replace("Contact:", "Contact\x01:"), (200, 400)),
    (lambda t: t.replace("\nVia", "\n Via", 1), (400, 0)),
    (lambda t: "\n\n" + t, 200),
])
def test_S2_04_S2_09_S2_10_odd_and_malformed(office, change, status):
    m = answer(office, change)
    got = 0 if m is None else m.status
    # OPTIONS for the exchange itself; what requires something is refused all the same.
    assert got in (status if isinstance(status, tuple) else (status,)), m
    if got == 420:
        assert m["Unsupported"] == "foo, bar"


def test_garbage(office):
    """Keep-alives, noise, long lines: nothing comes back, nobody dies."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        for data in (b"\r\n\r\n", b"\0", b"x" * 60000, b"INVITE\r\n\r\n",
                     b"INVITE sip:x SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"\xff" * 3000,
                     b"OPTIONS " + b"a" * 50000 + b" SIP/2.0\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b": : :\r\n" * 1000):
            s.sendto(data, office.server)
        s.settimeout(0.2)
        try:
            assert s.recv(2000).strip() == b""      # an answer to a keep-alive at most
        except TimeoutError:
            pass
    with socket.create_connection(office.server, timeout=2) as s:
        s.sendall(b"\xff\0GARBAGE\r\n\r\n" * 100)
        s.settimeout(1)
        try:
            while s.recv(65536):
                pass                                # until it is closed
        except (TimeoutError, ConnectionError):
            pass


# --- THREATS.md 1.1 ------------------------------------------------------------------------------

METHODS = ["INVITE", "MESSAGE", "SUBSCRIBE", "REFER", "PUBLISH", "INFO", "OPTIONS", "NOTIFY", "UPDATE",
           "PRACK", "BYE", "CANCEL", "FROBNICATE", "REGISTER"]


@pytest.mark.parametrize("method", METHODS)
def test_A1_nothing_without_credentials(office, method):
    """Every method out of a dialog, known or not, toward a user: refused, and the user sees nothing."""
    alice, bob = office.phone(register=False), office.phone()
    alice.checks = False
    m = alice.request(method, to=bob.name, auth=False)
    assert m.status in (401, 403, 405, 407, 481, 489, 501), m
    bob.silence(0.03)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "CANCEL"])   # never challenged
def test_A1_nothing_with_wrong_credentials(office, method):
    alice, bob = office.phone(register=False, password="guess"), office.phone()
    alice.checks = False
    m = alice.request(method, to=bob.name)
    assert m.status in (401, 403, 405, 407, 481, 489, 501), m
    bob.silence(0.03)


def test_A2_speaks_as_somebody_else(office):
    """The digest's user is who calls; what the phone claims of itself is dropped."""
    alice, bob, carol = office.phones(3)
    call = alice.invite(bob.name, sdp=sdp(), from_uri=carol.aor, headers=[
        ("P-Asserted-Identity", "<%s>" % carol.aor), ("Diversion", "<%s>;reason=no-answer" % carol.aor),
        ("Remote-Party-ID", "<%s>;party=calling" % carol.aor), ("P-Preferred-Identity", "<tel:+1>")])
    invite = bob.expect("INVITE")
    assert carol.name not in invite.raw.decode() and alice.name in invite["From"]
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    office.record(call, calling_number=alice.name, payer_number=alice.name)


def challenged(alice, bob):
    """A call, its INVITE and the challenge it got."""
    call = alice.new_call(bob.name)
    call.request("INVITE", sdp=sdp())
    return call, alice.take(lambda m: m.call is call and m.status == 407)


def refused(alice, bob, call):
    m = alice.take(lambda m: m.call is call and (m.status or 0) > 100)
    assert m.status in (400, 401, 403, 407), m
    bob.silence(0.03)
    return m


@pytest.mark.parametrize("uri", ["sip:somebody@pbx.test", "sip:pbx.test",
                                 "sip:%s@pbx.test:5099", "SIP:%s@PBX.TEST"])
def test_A3_digest_for_another_uri(office, uri):
    """Only for the Request-URI that was digested (however its host is written)."""
    alice, bob = office.phones(2)
    uri = uri.replace("%s", bob.name)
    call, challenge = challenged(alice, bob)
    call.request("INVITE", sdp=sdp(), auth=alice.credentials(challenge, "INVITE", uri))
    if uri.lower() == call.target:
        m = alice.take(lambda m: m.call is call and m.status, skip_trying=False)
        if m.status == 100:
            alice.placed.append(call)
            bob.expect("INVITE")
            bob.reply(486)
            bob.expect("ACK")
            alice.expect(486)
        return
    refused(alice, bob, call)


def test_A3_digest_for_another_method(office):
    alice, bob = office.phones(2)
    call, challenge = challenged(alice, bob)
    call.request("INVITE", sdp=sdp(), auth=alice.credentials(challenge, "OPTIONS", call.target))
    refused(alice, bob, call)


def test_A4_replay(office):
    """The same credentials again: never, in whichever worker; a greater count is good."""
    alice, bob, thief = office.phone(), office.phone(), office.phone()
    call, challenge = challenged(alice, bob)
    auth = alice.credentials(challenge, "INVITE", call.target)
    call.request("INVITE", sdp=sdp(), auth=auth)
    alice.placed.append(call)
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    for _ in range(8):                      # Call-IDs of both workers
        for phone in (thief, alice):
            again = phone.new_call(bob.name, from_uri=alice.aor)
            again.request("INVITE", sdp=sdp(), auth=auth)
            refused(phone, bob, again)
    call = alice.new_call(bob.name)
    call.request("INVITE", sdp=sdp(), auth=alice.credentials(challenge, "INVITE", call.target))
    alice.placed.append(call)
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)


def test_A4_a_nonce_of_nobody(office):
    """Made up, or with a part changed: stale or refused, never accepted."""
    alice, bob = office.phones(2)
    call, challenge = challenged(alice, bob)
    offered = challenge_of(challenge["Proxy-Authenticate"])
    nonce = offered["nonce"]
    for wrong in ("0" * len(nonce), nonce[:-1] + ("0" if nonce[-1] != "0" else "1"), nonce + "0", "", "x"):
        offered["nonce"] = wrong
        call.request("INVITE", sdp=sdp(), auth=("Proxy-Authorization", digest_answer(
            offered, "INVITE", call.target, alice.user, alice.password)))
        refused(alice, bob, call)


def test_A4_qop_is_required(office):
    alice, bob = office.phones(2)
    call, challenge = challenged(alice, bob)
    offered = challenge_of(challenge["Proxy-Authenticate"])
    assert offered.pop("qop") == "auth"
    call.request("INVITE", sdp=sdp(), auth=("Proxy-Authorization", digest_answer(
        offered, "INVITE", call.target, alice.user, alice.password)))
    refused(alice, bob, call)


def test_A5_every_nonce_is_another(office):
    alice, bob = office.phone(register=False), office.phone(register=False)
    nonces = set()
    for _ in range(30):
        call, challenge = challenged(alice, bob)
        nonces |= {challenge_of(v)["nonce"] for v in challenge.all("Proxy-Authenticate")}
    assert len(nonces) >= 30


def test_A6_strongest_first(office):
    alice, bob = office.phone(register=False), office.phone(register=False)
    _, challenge = challenged(alice, bob)
    order = [challenge_of(v)["algorithm"] for v in challenge.all("Proxy-Authenticate")]
    assert order in (["SHA-512-256", "SHA-256", "MD5"], ["SHA-256", "MD5"]), order


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_A6_each_algorithm(office, algorithm):
    alice, bob = office.phone(algorithm=algorithm), office.phone()
    call = alice.invite(bob.name, sdp=sdp())
    assert call.invite_sent["Proxy-Authorization"].endswith(algorithm)
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)


@pytest.mark.parametrize("algorithm", ["MD5-sess", "SHA-256-sess", "SHA-1", "SHA-512", "AKAv1-MD5", "none"])
def test_A6_an_algorithm_that_was_not_offered(office, algorithm):
    alice, bob = office.phones(2)
    call, challenge = challenged(alice, bob)
    name, value = alice.credentials(challenge, "INVITE", call.target)
    call.request("INVITE", sdp=sdp(), auth=(name, value.replace("algorithm=MD5", "algorithm=" + algorithm)))
    refused(alice, bob, call)


def test_A6_not_below_the_subscribers_minimum(office):
    """min_algorithm sha256: MD5 is refused, SHA-256 is good."""
    alice, bob = office.phones(2)
    office.sql.do("update tandem.subscriber set min_algorithm = 'sha256' where username = '%s'"
                  % alice.name)

    def is_refused():
        call, challenge = challenged(alice, bob)
        call.again_with(challenge)
        m = alice.take(lambda m: m.call is call and m.status, skip_trying=False)
        if m.status == 100:
            alice.placed.append(call)
            bob.expect("INVITE")
            bob.reply(486)
            bob.expect("ACK")
            alice.expect(486)
        return m.status == 407

    wait_until(is_refused, 2)
    alice.algorithm = "SHA-256"
    assert not is_refused()


def test_A7_who_exists_is_not_told(office):
    """An unknown caller, a disabled one and a wrong password get the same answers, but for the nonce;
    so do calls to users who do not exist, before the caller is known."""
    office.sql.do("update tandem.subscriber set disabled = true where username = '%s'" % (
        gone := office.user()))

    def disabled_is_in_force():
        with Phone(gone, server=office.server, domain="pbx.test") as p:
            return p.register(status=None).status != 200

    wait_until(disabled_is_in_force, 2)
    bob = office.phone()
    shapes = set()
    for user, password in (("nobody-here", "x"), (gone, None), (office.user(), "wrong")):
        alice = office.phone(user=user, register=False, password=password)
        for to in (bob.name, "nobody-there"):
            call = alice.new_call(to)
            call.request("INVITE", sdp=sdp())
            first = alice.take(lambda m: m.status)
            call.again_with(first)
            second = alice.take(lambda m: (m.status or 0) > 100)
            for m in (first, second):
                challenge = [sorted(challenge_of(v)) for v in m.all("Proxy-Authenticate")]
                shapes.add((m.status, m.reason, tuple(n for n, _ in m.headers), str(challenge)))
            shapes.add(challenge_of(second["Proxy-Authenticate"]).get("stale", "no stale"))
    assert len(shapes) == 2, shapes     # one answer, and "no stale"
    bob.silence(0.03)


def test_A9_a_phones_challenge_is_not_answered(office):
    """Not to INVITE (S2-03), not to re-INVITE, not to BYE."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    realm = [("WWW-Authenticate", 'Digest realm="pbx.test", nonce="abc", qop="auth", algorithm=MD5')]
    a.reinvite(sdp=sdp(port=41000))
    bob.expect("INVITE")
    b.reply(401, headers=realm)
    bob.expect("ACK")
    m = alice.take(lambda m: (m.status or 0) >= 300)
    assert m.status == 488 and not m.has("WWW-Authenticate")
    alice.bye()
    alice.expect(200)
    bob.expect("BYE")
    bob.reply(401, headers=realm)
    bob.silence(0.1)
    alice.silence(0)
    assert not any(m.has("Authorization") or m.has("Proxy-Authorization") for m in bob.seen)


def test_A10_header_names_are_exact(office):
    """What is not quite Proxy-Authorization is another header."""
    alice, bob = office.phones(2)
    call, challenge = challenged(alice, bob)
    name, value = alice.credentials(challenge, "INVITE", call.target)
    for wrong in (name + "\x01", "\x0b" + name, name + "\x0b", "X" + name, name.replace("-", "_")):
        call.request("INVITE", sdp=sdp(), auth=(wrong, value))
        m = alice.take(lambda m: m.call is call and (m.status or 0) > 100)
        assert m.status in (400, 407)
    bob.silence(0.03)


def test_A10_two_of_a_kind(office):
    """Two From, To, Call-ID, CSeq, Max-Forwards or Content-Length: 400 before anything else."""
    for header in ("From: <sip:a@b>;tag=2", "To: <sip:a@b>", "Call-ID: x", "CSeq: 1 OPTIONS",
                   "Max-Forwards: 3", "Content-Length: 0"):
        m = answer(office, lambda text: text.replace("Contact:", header + "\nContact:"))
        assert m is None or m.status == 400, header


def test_A13_route_is_no_way_out(office):
    """A Route of the caller's is not followed, and a foreign domain is not called."""
    alice, bob = office.phones(2)
    elsewhere = office.phone(register=False)
    m = alice.request("INVITE", to=bob.name, auth=False, sdp=sdp(), headers=[
        ("Route", "<sip:%s;lr>" % elsewhere.sent_by)])
    assert m.status == 407
    call = alice.new_call("sip:%s@192.0.2.55:5070" % bob.name)
    alice.placed.append(call)
    call.request("INVITE", sdp=sdp(), headers=[("Route", "<sip:%s;lr>" % elsewhere.sent_by)])
    assert alice.final(call).status in (403, 404)
    elsewhere.silence(0.05)
    bob.silence(0)


@pytest.mark.parametrize("user", ["300&x", "1%27%3Bdrop%20table", "1');--", "%00", "a%0d%0aX:%20y",
                                  "$(id)", "..%2f"])
def test_A14_D1_the_user_part_is_data(office, user):
    alice = office.phone()
    call = alice.invite("sip:%s@pbx.test" % user, sdp=sdp())
    assert alice.take(lambda m: (m.status or 0) > 100).status in (404, 400)
    r = office.record(call)
    assert r.cdr["sip_code"] == 404


# --- OPTIONS --------------------------------------------------------------------------------------


def test_S2_28_options_to_us(office):
    phone = office.phone(register=False)
    phone.checks = False
    m = phone.request("OPTIONS", to="sip:pbx.test", uri="sip:pbx.test")
    assert m.status == 200 and "INVITE" in m["Allow"] and "application/sdp" in m["Accept"]
    assert m.tag("To") and not m.has("Server") or "tandem" not in m.get("Server", "").lower()


def test_S2_28_options_repeated(office):
    """The same 200 again."""
    phone = office.phone(register=False)
    first = phone.request("OPTIONS", to="sip:pbx.test", uri="sip:pbx.test")
    phone.call.resend()
    phone.silence(0.1)
    assert [m.raw for m in phone.repeats] == [first.raw]


def test_S2_28_options_to_a_user(office):
    alice, bob, away = office.phone(), office.phone(), office.phone(register=False)
    assert alice.request("OPTIONS", to=bob.name).status == 200
    assert alice.request("OPTIONS", to=away.name).status == 480
    assert alice.request("OPTIONS", to="nobody").status == 404
    bob.silence(0.02)


# --- loops ------------------------------------------------------------------------------------------


def test_S4_06_loop(office):
    """An INVITE that has been here, unchanged: 482; with another Request-URI it is a spiral."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    ours = bob.expect("INVITE")["Via"]
    for to, loops in ((bob.name, True), ("nobody", False)):
        again = alice.new_call(to)
        again.request("INVITE", sdp=sdp(), headers=[("Via", ours)])
        m = alice.take(lambda m: m.call is again and (m.status or 0) > 100)
        assert m.status == (482 if loops else 407)
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    assert call


def test_S4_06_merged(office):
    """The same request by two ways: 482 to the second."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    m = call.invite_sent
    again = Message(m.start, [(n, alice.via() if n == "Via" else v) for n, v in m.headers], m.body)
    alice.auto_ack = False
    alice.send(again)
    alice.expect(482)
    alice.auto_ack = True
    bob.silence(0.02)
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)


def test_C5_a_scanner_is_slowed_down_not_the_victim(office):
    """C5: hundreds of wrong guesses for a subscriber do not lock him out."""
    alice, bob = office.phones(2)
    guesser = office.phone(user=alice.name, register=False, password="guess")
    for _ in range(50):
        call = guesser.new_call(bob.name)
        call.request("INVITE", sdp=sdp())
        challenge = guesser.take(lambda m: m.status == 407)
        call.again_with(challenge)
    start = time.monotonic()
    office.up(alice, bob)
    assert time.monotonic() - start < 1
    office.hang_up(alice, bob)
