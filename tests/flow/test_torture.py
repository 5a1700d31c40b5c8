"""The messages of RFC 4475 and RFC 5118 (THREATS.md 3.1, 3.2) as they are on the wire, sent to a running
exchange whose own domains they are for: its verdict, and that it serves the next one as well."""
import re
import socket
import time

import pytest

from exchange import REPO
from office import Office
from sip_text import Message, challenge_of, word

TORTURE = REPO / "tests/torture"
DOMAINS = ("pbx.test", "example.com", "example.net", "example.org", "company.com", "registrar.example.com",
           "chair-dnrc.example.com", "host.example.net")

SILENCE = 0
# What is well-formed and from a stranger is challenged; the rest is refused, or nothing may be said.
VERDICTS = {
    "wsinv": 481, "intmeth": 501, "esc01": 407, "escnull": 401, "esc02": 501, "lwsdisp": 407,
    "longreq": 400, "dblreq": 401, "semiuri": 407, "transports": 407, "mpart01": 407,
    "unreason": SILENCE, "noreason": SILENCE,
    "badinv01": SILENCE,                    # its Via cannot be read
    "clerr": 400, "ncl": 400, "scalar02": 400, "scalarlg": SILENCE, "quotbal": 400, "ltgtruri": 400,
    "lwsruri": 400, "lwsstart": 400, "trws": 400, "escruri": 407, "baddate": 407, "regbadct": 400,
    "badaspec": 400, "baddn": 400, "badvers": 505, "mismatch01": 400, "mismatch02": 400,
    "bigcode": SILENCE, "badbranch": 407, "insuf": 400, "unkscm": 416, "novelsc": 416, "unksm2": 404,
    "bext01": 420, "invut": 415, "regaut01": 401, "multi01": 400, "mcl01": 400, "bcast": SILENCE,
    "zeromf": 483, "cparam01": 401, "cparam02": 401, "regescrt": 401, "sdp01": 406, "inv2543": 400,
    # RFC 5118; [2001:db8::10] is nobody of ours
    "ipv6_good": 404, "ipv6_bad": 400, "port_ambiguous": 404, "port_unambiguous": 404,
    "via_received_param_with_delim": 481, "via_received_param_no_delim": 200, "ipv6_in_sdp": 407,
    "mult_ip_in_header": 481, "mult_ip_in_sdp": 407, "ipv4_mapped_ipv6": 407,
    "ipv6_bug_abnf_3_colons": 407,
}
CLOSED_AFTER = 10       # seconds that a message over TCP may take to become whole


@pytest.fixture(scope="module")
def office(cluster, tmp_path_factory):
    o = Office(cluster, tmp_path_factory.mktemp("torture"), "torture", domains=DOMAINS)
    try:
        yield o.start("alice", "bob")
    finally:
        o.close()


@pytest.fixture(scope="module", autouse=True)
def unfinished(office):
    """A connection with clerr in it, whose body never comes; opened first, looked at last."""
    with socket.create_connection(office.server) as s:
        s.sendall(wire("clerr"))
        yield s, time.monotonic()


def wire(name):
    return (TORTURE / (name + ".dat")).read_bytes()


def messages():
    names = sorted(p.stem for p in TORTURE.glob("*.dat"))
    assert set(names) == set(VERDICTS)
    return names


def options(office):
    return ("OPTIONS sip:127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.66;rport;branch=z9hG4bK%s\r\n"
            "From: <sip:x@y>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\n"
            "Content-Length: 0\r\n\r\n" % (office.exchange.port, word(), word())).encode()


def answers_over_udp(office, data):
    """What comes back, wherever the message's Via says its sender is (on an address of our own), up to
    the answer to an OPTIONS that follows it."""
    via = re.search(rb"^(?:v|via)\s*:\s*SIP\s*/\s*2.0\s*/\s*\w+\s+(?:\[[^]]*\]|[^\s:;,]*):(\d+)", data,
                    re.I | re.M)
    got, next_one = [], options(office)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.66", int(via[1]) if via and 1023 < int(via[1]) < 65536 else 5060))
        s.settimeout(3)
        s.sendto(data, office.server)
        s.sendto(next_one, office.server)
        call_id = re.search(rb"Call-ID: (\w+)", next_one)[1].decode()
        waits_for_next = True
        try:
            while True:
                got.append(Message.parse(s.recv(65536)))
                if got[-1].get("Call-ID") == call_id:
                    assert got.pop().status == 200
                    waits_for_next = False
                    s.settimeout(0.1)       # other workers may be slower
        except TimeoutError:
            assert not waits_for_next, "the exchange does not answer any more"
    return got


@pytest.mark.parametrize("name", messages())
def test_rfc4475_rfc5118_udp(office, name):
    got = answers_over_udp(office, wire(name))
    finals = [m for m in got if m.status != 100]
    assert [m.status for m in finals] == [VERDICTS[name]] * (VERDICTS[name] != SILENCE), finals
    for m in finals:
        check_headers(name, m)
        assert m.body == b"" and m["Content-Length"] == "0"
    assert office.exchange.ask("calls")["rows"] == []


def check_headers(name, m):
    """What must come with the status."""
    if m.status in (401, 407):
        offers = m.all("WWW-Authenticate" if m.status == 401 else "Proxy-Authenticate")
        assert {challenge_of(v)["realm"] for v in offers} == {"pbx.test"}
    if m.status == 400:
        assert m.reason not in ("", "Bad Request")      # it names the fault
    if m.status == 415:
        assert "application/sdp" in m["Accept"]
    if m.status in (405, 501):
        assert "INVITE" in m["Allow"]
    if m.status == 420:
        assert {"nothingSupportsThis", "nothingSupportsThisEither"} <= set(m.values("Unsupported"))


def read_stream(s, verdict):
    """The final statuses that come, up to the verdict and a little longer; whether we were hung up on."""
    got, statuses, closed = b"", [], False
    s.settimeout(3 if verdict else 0.1)
    try:
        while not closed:
            part = s.recv(65536)
            closed = part == b""
            got += part
            statuses = [int(x) for x in re.findall(rb"^SIP/2.0 (\d{3})", got, re.M) if x != b"100"]
            if statuses:
                s.settimeout(0.05)
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    return statuses, closed


# Over a stream: where the end of the message cannot be known, the connection is closed.
ENDS_A_STREAM = ("ncl", "mcl01", "inv2543")


@pytest.mark.parametrize("name", [n for n in messages() if n not in ("clerr", "dblreq")])
def test_rfc4475_rfc5118_tcp(office, name):
    """The same verdict over a stream."""
    data = wire(name)
    if name == "multi01":
        data += b"\r\n"             # which its Content-Length counts
    with socket.create_connection(office.server, timeout=2) as s:
        s.sendall(data)
        statuses, closed = read_stream(s, VERDICTS[name])
    assert statuses == [VERDICTS[name]] * (VERDICTS[name] != SILENCE)
    assert closed == (name in ENDS_A_STREAM)


def test_rfc4475_clerr_tcp_waits(office):
    """What has not come of a message is waited for."""
    with socket.create_connection(office.server, timeout=2) as s:
        s.sendall(wire("clerr"))
        assert read_stream(s, SILENCE) == ([], False)
    assert answers_over_udp(office, b"\r\n\r\n") == []


def test_rfc4475_dblreq_tcp(office):
    """A stream has both requests, and bytes behind them that are no message: they end it."""
    data = wire("dblreq")
    behind = data.index(b"a=rtpmap:31 LPC") + len(b"a=rtpmap:31 LP")     # where the second one's body ends
    with socket.create_connection(office.server, timeout=2) as s:
        s.sendall(data[:behind])
        got = set()
        while len(got) < 2:
            statuses, closed = read_stream(s, 401)
            assert statuses and not closed
            got |= set(statuses)
        assert got == {401, 400}        # there is an "m =" in the second one's body
        s.sendall(data[behind:])
        assert read_stream(s, 400)[1]
    assert answers_over_udp(office, b"\r\n\r\n") == []


def test_rfc4475_clerr_tcp_runs_out_of_time(office, unfinished):
    s, begun = unfinished
    s.settimeout(max(begun + CLOSED_AFTER + 3 - time.monotonic(), 0.5))
    assert s.recv(1000) == b""


def test_rfc4475_nobody_was_harmed(office):
    assert office.exchange.ask("calls")["rows"] == []
    assert sum(r["restarts"] for r in office.exchange.ask("ps")["rows"]) == 0
    assert office.phone("alice").register().status == 200
