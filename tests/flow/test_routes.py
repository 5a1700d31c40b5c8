"""A chain of proxies of which one stays on the way (FLOWS.md S0-01, S0-02, S4-08, S3-11), on real sockets.

    UA1 --- p1 --- p2 --- p3 --- tandem --- UA2
"""
import re
import socket
import threading

import pytest

from calls import exchange, sdp, wait_until
from sip_text import Message, uri_of, word
from test_redirect import in_force

building, office = exchange(registrar={"service_route": "sip:edge.test:5080"})


class Proxy(threading.Thread):
    """A proxy that passes everything on: a request to its Route, else to `onward`, in a dialog to where
    its Request-URI is; a response by its Via. stays: it writes a Record-Route. strict: without lr, and what
    comes is sent on as RFC 2543 would."""

    def __init__(self, onward, stays=False, strict=False):
        super().__init__(daemon=True)
        self.onward, self.stays, self.strict = onward, stays, strict
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.4", 0))
        self.at = self.sock.getsockname()
        self.uri = "sip:127.0.0.4:%d" % self.at[1] + ("" if strict else ";lr")
        self.seen, self.going = [], True
        self.start()

    def close(self):
        self.going = False
        self.sock.sendto(b"", self.at)
        self.join(2)
        self.sock.close()

    def run(self):
        while self.going:
            data, source = self.sock.recvfrom(65536)
            if data.strip():
                self.take(Message.parse(data), source)

    def take(self, m, source):
        self.seen.append(m)
        if m.method:
            self.send(*self.request(m, source))
        else:
            vias = m.values("Via")[1:]
            m.headers = [h for h in m.headers if h[0].lower() != "via"]
            m.headers[0:0] = [("Via", v) for v in vias]
            self.send(m, place(vias[0].split(";")[0].split()[1], vias[0]))

    def request(self, m, source):
        routes = m.values("Route")
        m.headers = [h for h in m.headers if h[0].lower() != "route"]
        if routes and uri_of(routes[0]) == self.uri:
            routes.pop(0)
        uri = m.uri
        if self.strict and uri == self.uri:
            uri = uri_of(routes.pop(0))         # the next hop, by the last route the target
        m.start = "%s %s SIP/2.0" % (m.method, uri)
        vias = m.values("Via")
        vias[0] += ";received=%s;rport=%d" % source if "received" not in vias[0] else ""
        m.headers = [h for h in m.headers if h[0].lower() != "via"]
        # RFC 3261 16.11: as a proxy without state, the same branch for what belongs together.
        branch = "z9hG4bK%d%s" % (self.at[1], re.search("branch=([^;]+)", vias[0])[1][7:])
        m.headers[0:0] = [("Via", v) for v in ["SIP/2.0/UDP 127.0.0.4:%d;branch=%s" % (self.at[1], branch)] + vias]
        if self.stays and m.method == "INVITE" and ";tag=" not in m["To"]:
            m.headers.append(("Record-Route", "<%s>" % self.uri))
        m.headers += [("Route", r) for r in routes]
        if routes:
            return m, place(uri_of(routes[0]))
        # In a dialog the target is an address; the ACK of a refusal goes as its INVITE went.
        return m, place(uri) if m.tag("To") and "@pbx.test" not in uri else self.onward

    def send(self, m, to):
        self.sock.sendto(m.bytes(), to)

    def heard(self, method):
        return [m for m in self.seen if m.method == method]


def place(text, via=""):
    """Where a URI or a Via is."""
    received, rport = re.search("received=([^;]+)", via), re.search(r"rport=(\d+)", via)
    host, port = re.match(r"([\d.]+)(?::(\d+))?", re.sub("^sips?:", "", text).rpartition("@")[2]).groups()
    return (received[1] if received else host, int(rport[1]) if rport else int(port or 5060))


def test_service_route(office):
    """RFC 3608, where the configuration says one; not to who has no binding left."""
    alice = office.phone(register=False)
    assert alice.register()["Service-Route"] == "<sip:edge.test:5080;lr>"
    assert not alice.unregister().has("Service-Route")


@pytest.fixture
def chain(office):
    made = []

    def make(last, stays=(False, False, True), strict=False):
        for stay in reversed(stays):
            made.append(Proxy(last, stay, strict and stay))
            last = made[-1].at
        return list(reversed(made))
    yield make
    for p in made:
        p.close()


def test_S0_02_through_the_third_alone(office, chain):
    """The caller is behind three proxies: our BYE goes to the third and from there to the caller."""
    p1, p2, p3 = chain(office.server)
    alice, bob = office.phone(server=p1.at, register=False), office.phone()
    alice.checks = False
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    invite = bob.expect("INVITE")
    assert not invite.has("Route") and not invite.has("Record-Route")
    bob.reply(180)
    assert alice.expect(180).values("Record-Route") == ["<%s>" % p3.uri]
    bob.reply(200, sdp=sdp(port=50000))
    answer = alice.expect(200)
    assert answer.values("Record-Route") == ["<%s>" % p3.uri]
    alice.link.peer = p3.at
    call.ack()
    bob.expect("ACK")
    assert p3.heard("ACK") and not [m for m in p1.heard("ACK") if m.tag("To") == answer.tag("To")]
    bob.call.bye()
    bob.expect(200)
    bye = alice.expect("BYE")
    assert bye.uri == alice.contact_uri
    assert [m.get("Route") for m in p3.heard("BYE")] == [None] and not p1.heard("BYE") + p2.heard("BYE")
    alice.call.reply(200)
    office.record(call, disposition="answered", released_by="callee")


@pytest.mark.parametrize("strict", [False, True])
def test_S0_02_the_mirror(office, chain, strict):
    """S3-11: a gateway behind three proxies; ACK and BYE go to the third. A strict one gets them as its
    own (12.2.1.1)."""
    alice, far = office.phone(), office.phone(register=False, host="127.0.0.5")
    far.checks = False
    p1, p2, p3 = chain(("127.0.0.5", far.link.local[1]), strict=strict)
    name = "far" + word(6).lower()
    prefix = "00%d" % (100 + strict)
    office.ctl("gateway", "add", name, "host=127.0.0.5", "port=%d" % far.link.local[1],
               "outbound_proxy=127.0.0.4:%d" % p1.at[1])
    office.ctl("route", "add", name, "gateway=" + name, "prefix=" + prefix)
    far.link.peer = p3.at
    call = in_force(far, alice, prefix + "5")
    invite = far.expect("INVITE")
    assert p1.heard("INVITE")[-1].uri == invite.uri and invite.uri.startswith("sip:%s5@127.0.0.5:" % prefix)
    assert invite.values("Record-Route") == ["<%s>" % p3.uri]
    far.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    ack = far.expect("ACK")
    assert ack.uri == far.contact_uri
    assert p3.heard("ACK") and not p1.heard("ACK") + p2.heard("ACK")
    call.bye()
    alice.expect(200)
    assert far.expect("BYE").uri == far.contact_uri
    far.reply(200)
    came = p3.heard("BYE")[-1]
    assert not p1.heard("BYE") + p2.heard("BYE") and came is not None
    office.record(call, disposition="answered")
    office.ctl("route", "del", name)
    office.ctl("gateway", "del", name)
