"""THREATS.md A12 and B11: whom we trust over TLS, and what is thrown at its port."""
import os
import random
import socket
import ssl
import subprocess
import tempfile
import threading

import pytest

from calls import Building, sdp
from exchange import free_port
from odd import works

GOOD, ANOTHER, UNKNOWN, PLAIN = ("127.0.0.%d" % n for n in (31, 32, 33, 34))


def certificate(directory, name, address):
    """A self-signed one for an address; it is its own authority."""
    cert, key = directory / (name + ".pem"), directory / (name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=" + address, "-keyout", str(key), "-out",
                    str(cert), "-addext", "subjectAltName=IP:" + address], check=True, capture_output=True)
    return cert, key


class Gateway:
    """A TLS server (no certificate: a plain one) that notes what it can read, and says 486 to an INVITE."""

    def __init__(self, address, certificate=None):
        self.sock = socket.create_server((address, 0))
        self.host, self.port = self.sock.getsockname()
        self.read, self.connections = b"", 0
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            c.settimeout(3)
            try:
                c = self.context.wrap_socket(c, server_side=True) if self.context else c
                self.answer(c)
            except OSError:
                pass
            c.close()

    def answer(self, c):
        while part := c.recv(65536):
            self.read += part
            if part.startswith(b"INVITE"):      # whole: it is short
                lines = part.split(b"\r\n\r\n")[0].split(b"\r\n")
                keep = [x for x in lines if x.split(b":")[0] in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")]
                c.sendall(b"\r\n".join([b"SIP/2.0 486 Busy Here"] + [
                    x + b";tag=g" * x.startswith(b"To:") for x in keep] + [b"Content-Length: 0", b"", b""]))

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.thread.join(5)


@pytest.fixture(scope="module")
def building(cluster, template, tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls-threats")
    ours = certificate(directory, "ours", "127.0.0.1")
    good, unknown = certificate(directory, "good", GOOD), certificate(directory, "unknown", UNKNOWN)
    port, tls = free_port(), free_port()
    before = os.environ.get("SSL_CERT_FILE")
    roots = tempfile.NamedTemporaryFile(prefix="roots-")    # which a front without rights can read
    roots.write(good[0].read_bytes())
    roots.flush()
    os.chmod(roots.name, 0o644)
    os.environ["SSL_CERT_FILE"] = roots.name
    b = Building(cluster, template, directory, listen=[
        {"transport": "udp", "address": "127.0.0.1", "port": port},
        {"transport": "tcp", "address": "127.0.0.1", "port": port},
        {"transport": "tls", "address": "127.0.0.1", "port": tls, "certificate": str(ours[0]),
         "private_key": str(ours[1])}])
    b.server, b.tls = ("127.0.0.1", port), ("127.0.0.1", tls)
    b.gateways = dict(good=Gateway(GOOD, good), another=Gateway(ANOTHER, good),
                      unknown=Gateway(UNKNOWN, unknown), plain=Gateway(PLAIN))
    try:
        for n, (name, g) in enumerate(b.gateways.items()):
            b.ctl("gateway", "add", name, "host=" + g.host, "port=%d" % g.port, "transport=tls")
            b.ctl("route", "add", name, "prefix=4%d" % n, "gateway=" + name)
        yield b.start()
    finally:
        b.close()
        for g in b.gateways.values():
            g.close()
        roots.close()
        os.environ.pop("SSL_CERT_FILE")
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before


@pytest.fixture
def office(building, request):
    before = request.session.testsfailed
    yield building
    building.after(request.session.testsfailed > before)


def calls(office, name):
    """What a call by this gateway ends with."""
    alice = office.phone()
    number = "4%d5551234" % list(office.gateways).index(name)
    call = alice.invite(number, sdp=sdp())
    m = alice.take(lambda m: (m.status or 0) >= 200, timeout=6)
    office.record(call, bill_ms=0)
    return m.status


def test_A12_a_gateway_that_proves_who_it_is(office):
    assert calls(office, "good") == 486
    g = office.gateways["good"]
    assert g.read.startswith(b"INVITE sip:405551234@%s" % GOOD.encode())
    assert calls(office, "good") == 486
    assert g.connections == 1               # the same connection, for the same identity


@pytest.mark.parametrize("name", ["another", "unknown", "plain"])
def test_A12_one_that_does_not(office, name):
    """A certificate for another address, one of nobody we know, no TLS at all: no call, and no word of it
    is told; neither by TCP."""
    assert calls(office, name) in (408, 480, 500, 503)
    assert b"SIP/2.0" not in office.gateways[name].read
    assert office.gateways[name].connections >= 1
    works(office)


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_A12_tls_below_1_2_is_refused(office):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError), socket.create_connection(office.tls) as s:
        old.wrap_socket(s)


def hello():
    """A ClientHello."""
    out = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = context.wrap_bio(ssl.MemoryBIO(), out)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def test_B11_broken_handshakes(office):
    """Plain text, noise, half and changed handshakes, and many at once: who does it right is served."""
    rng, good = random.Random(11), hello()
    thrown = [b"OPTIONS sip:pbx.test SIP/2.0\r\n\r\n", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 300,
              b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"\x80\x2e\x01\x03\x01", b"", good * 20]
    thrown += [good[:n] for n in range(1, len(good), 37)]
    thrown += [bytes(b ^ (rng.random() < 0.02) * rng.randrange(256) for b in good) for _ in range(60)]
    held = []
    for data in thrown:
        s = socket.create_connection(office.tls)
        s.settimeout(0.02)
        try:
            s.sendall(data)
            s.recv(1000)
        except OSError:
            pass
        held.append(s)
        if len(held) > 30:
            held.pop(rng.randrange(30)).close()
    phone = office.phone(transport="tls", server=office.tls)
    assert phone.registration.sent
    for s in held:
        s.close()
    works(office)
