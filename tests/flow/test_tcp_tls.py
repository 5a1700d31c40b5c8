"""FLOWS.md S0-28, S2-14: calls over TCP and TLS, and between transports."""
import socket
import ssl
import subprocess

import pytest

from calls import Building, sdp, wait_until
from exchange import free_port
from sip_text import params_of, word


def certificate(directory):
    """A self-signed one for localhost and 127.0.0.1; the PEM file is its own authority."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=pbx.test", "-keyout", str(key), "-out",
                    str(cert), "-addext", "subjectAltName=DNS:pbx.test,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def building(cluster, template, tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    cert, key = certificate(directory)
    port, tls = free_port(), free_port()
    b = Building(cluster, template, directory, listen=[
        {"transport": "udp", "address": "127.0.0.1", "port": port},
        {"transport": "tcp", "address": "127.0.0.1", "port": port},
        {"transport": "tls", "address": "127.0.0.1", "port": tls, "certificate": str(cert),
         "private_key": str(key)}])
    b.server, b.tls, b.cert = ("127.0.0.1", port), ("127.0.0.1", tls), cert
    try:
        yield b.start()
    finally:
        b.close()


@pytest.fixture
def office(building, request):
    before = request.session.testsfailed
    yield building
    building.after(request.session.testsfailed > before)


def phone(office, transport):
    if transport != "tls":
        return office.phone(transport=transport)
    return office.phone(transport="tls", server=office.tls, authority=str(office.cert))


def whole_call(office, alice, bob):
    """S0-23's F1 to F6, with a re-INVITE; the record at the end."""
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    invite = bob.expect("INVITE")
    name = bob.link.name
    assert invite["Via"].startswith("SIP/2.0/%s " % name)
    assert ("transport=" + bob.transport in invite["Contact"].lower()) == (bob.transport != "udp")
    bob.reply(180)
    alice.expect(180)
    bob.reply(200, sdp=sdp(port=50000))
    answer = alice.expect(200)
    assert ("transport=" + alice.transport in answer["Contact"].lower()) == (alice.transport != "udp")
    call.ack()
    call.request("OPTIONS", contact=None)   # behind the ACK, on the same way: when it is answered,
    alice.expect("OPTIONS 200")             # the ACK has come, and bob may ask for a change
    bob.expect("ACK")
    b = bob.call
    b.reinvite(sdp=sdp(port=50002))
    assert "m=audio 50002" in alice.expect("INVITE").sdp
    alice.reply(200, sdp=sdp(port=40000))
    alice.expect("ACK")
    bob.expect(200)
    b.ack()
    office.hang_up(bob, alice)
    office.record(call, disposition="answered", released_by="callee")


@pytest.mark.parametrize("one", ["tcp", "tls", "udp"])
@pytest.mark.parametrize("other", ["tcp", "tls", "udp"])
def test_S2_14_call_between(office, one, other):
    whole_call(office, phone(office, one), phone(office, other))


def test_S0_28_tcp_as_printed(office):
    """F1 and F6 as they stand: TCP, Contact with ;transport=tcp, a space before ;received, and white
    space around ; and = in the headers."""
    alice, bob = phone(office, "tcp"), phone(office, "tcp")
    alice.checks = False
    call = alice.new_call(bob.name)
    call.request("INVITE", sdp=sdp())
    challenge = alice.take(lambda m: m.status == 407)
    auth = alice.credentials(challenge, "INVITE", call.target)
    branch = "z9hG4bK" + word()
    body = sdp()
    alice.send_raw(
        "INVITE %s SIP/2.0\nVia: SIP/2.0/TCP %s;branch=%s ;received=192.0.2.101\n"
        "Max-Forwards: 70\nFrom : Alice <%s>\n ; tag = 9fxced76sl\nTo: Bob <%s>\nCall-ID: %s\n"
        "CSeq: 2 INVITE\nContact: <%s>\n%s: %s\nContent-Type: application/sdp\n"
        "Content-Length: %d\n\n%s" % (
            call.target, alice.sent_by, branch, alice.aor, call.target, call.call_id,
            alice.contact_uri, *auth, len(body), body))
    invite = bob.expect("INVITE")
    assert "Alice" in invite["From"] and "9fxced76sl" not in invite["From"]
    bob.reply(180)
    assert alice.expect(180).tag("From") == "9fxced76sl"
    bob.reply(486)
    bob.expect("ACK")
    refusal = alice.expect(486)
    assert params_of(refusal["Via"])["branch"] == branch
    alice.send_raw(
        "ACK %s SIP/2.0\nVia: SIP/2.0/TCP %s;branch=%s\nMax-Forwards: 70\nFrom: <%s>;tag=9fxced76sl\n"
        "To: %s\nCall-ID: %s\nCSeq: 2 ACK\nContent-Length: 0\n\n" % (
            call.target, alice.sent_by, branch, alice.aor, refusal["To"], call.call_id))
    office.record(call, disposition="busy", sip_code=486)


def test_S2_14_answers_on_the_same_connection(office):
    """Whatever Via says."""
    alice = phone(office, "tcp")
    alice.checks = False
    alice.send_raw("OPTIONS sip:pbx.test SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.7:9;branch=z9hG4bK%s\n"
                   "From: <sip:x@y>;tag=1\nTo: <sip:pbx.test>\nCall-ID: %s\nCSeq: 1 OPTIONS\n"
                   "Content-Length: 0\n\n" % (word(), word()))
    assert params_of(alice.expect(200)["Via"])["received"] == "127.0.0.1"


def test_S2_14_no_repetition_over_tcp(office):
    """A refusal and a BYE are sent once over a stream; the 200 to an INVITE comes again (13.3.1.4)."""
    alice, bob = phone(office, "tcp"), phone(office, "tcp")
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.silence(0.7)
    assert not bob.repeats
    bob.reply(200, sdp=sdp())
    bob.expect("ACK")
    alice.expect(200)
    alice.silence(0.7)
    assert [m.status for m in alice.repeats] == [200]
    a.ack()
    alice.bye()
    alice.expect(200)
    bob.expect("BYE")
    bob.silence(0.7)
    assert not bob.repeats
    bob.reply(200)


def test_S2_14_many_in_one_packet_and_one_in_many(office):
    """Framing by Content-Length: two requests at once, and one byte by byte."""
    alice = phone(office, "tcp")
    alice.checks = False

    def options(n):
        return ("OPTIONS sip:pbx.test SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK%s\r\n"
                "From: <sip:x@y>;tag=1\r\nTo: <sip:pbx.test>\r\nCall-ID: %s\r\nCSeq: %d OPTIONS\r\n"
                "Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody" % (
                    alice.sent_by, word(), word(), n)).encode()

    alice.send(options(1) + b"\r\n\r\n" + options(2) + options(3))
    assert sorted(alice.expect(200).cseq for _ in range(3)) == [1, 2, 3]
    for byte in options(4):
        alice.link.send(bytes([byte]))
    assert alice.expect(200).cseq == 4


def test_a_callee_whose_connection_is_gone(office):
    """His phone registered over TCP and went away: the caller gets an answer, soon."""
    alice, bob = phone(office, "udp"), phone(office, "tcp")
    bob.link.close()
    office.present.remove(bob)
    wait_until(lambda: office.metric("tandem_flows", role="front") <= len(
        [p for p in office.present if p.transport != "udp"]))
    call = alice.invite(bob.name, sdp=sdp())
    m = alice.take(lambda m: (m.status or 0) >= 200)
    assert m.status in (408, 430, 480, 500, 503)
    office.record(call, bill_ms=0)


def test_connection_lost_in_a_call(office):
    """A's connection goes while the call is up: B's BYE is answered, the record is right."""
    alice, bob = phone(office, "tcp"), phone(office, "udp")
    a, b = office.up(alice, bob)
    alice.link.close()
    office.present.remove(alice)
    bob.bye()
    bob.expect(200)
    office.record(a, disposition="answered", released_by="callee")
    assert b


def test_S2_14_tls_is_verified_by_the_phone(office):
    """Version 1.2 at least, and the certificate of the configuration."""
    alice = phone(office, "tls")
    assert alice.link.sock.version() in ("TLSv1.2", "TLSv1.3")
    strict = ssl.create_default_context()       # which does not know our authority
    with pytest.raises(ssl.SSLError), socket.create_connection(office.tls) as s:
        strict.wrap_socket(s, server_hostname="pbx.test")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_S2_14_a_large_description(office, transport):
    """12 kB of it: as it came, over UDP in fragments."""
    alice, bob = phone(office, transport), phone(office, transport)
    body = sdp() + "".join("a=x-line:%d %s\r\n" % (n, "x" * 100) for n in range(100))
    a = alice.invite(bob.name, sdp=body)
    invite = bob.expect("INVITE")
    assert invite.sdp.split("\r\n")[2:] == body.split("\r\n")[2:]
    bob.reply(200, sdp=body)
    bob.expect("ACK")
    assert alice.expect(200).sdp.split("\r\n")[2:] == body.split("\r\n")[2:]
    a.ack()
    office.hang_up(alice, bob)
