"""THREATS.md A12, FLOWS.md S3-13: a gateway by name over TLS proves the name that was asked for (RFC 5922), not the
one that DNS led to."""
import os
import subprocess
import tempfile

import pytest

from calls import Building, sdp
from dns import Dns
from exchange import free_port
from test_tls_threats import Gateway

GOOD, WRONG = "127.0.0.35", "127.0.0.36"


def certificate(directory, name):
    """A self-signed one for a domain; it is its own authority."""
    cert, key = directory / (name + ".pem"), directory / (name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=" + name, "-keyout", str(key), "-out",
                    str(cert), "-addext", "subjectAltName=DNS:" + name], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def building(cluster, template, tmp_path_factory):
    directory = tmp_path_factory.mktemp("dns-tls")
    ours = certificate(directory, "pbx.test")
    good, target = certificate(directory, "good.test"), certificate(directory, "target.test")
    port, tls = free_port(), free_port()
    dns = Dns(directory)
    before = os.environ.get("SSL_CERT_FILE")
    roots = tempfile.NamedTemporaryFile(prefix="roots-")    # which a front without rights can read
    roots.write(good[0].read_bytes() + target[0].read_bytes())
    roots.flush()
    os.chmod(roots.name, 0o644)
    os.environ["SSL_CERT_FILE"] = roots.name
    b = Building(cluster, template, directory, dns={"servers": [dns.address]}, listen=[
        {"transport": "udp", "address": "127.0.0.1", "port": port},
        {"transport": "tls", "address": "127.0.0.1", "port": tls, "certificate": str(ours[0]),
         "private_key": str(ours[1])}])
    b.server = ("127.0.0.1", port)
    b.gateways = {"good.test": Gateway(GOOD, good), "wrong.test": Gateway(WRONG, target)}
    dns.zone("host-record=inner.test," + GOOD, "host-record=target.test," + WRONG,
             "srv-host=_sips._tcp.good.test,inner.test,%d" % b.gateways["good.test"].port,
             "srv-host=_sips._tcp.wrong.test,target.test,%d" % b.gateways["wrong.test"].port)
    try:
        for n, name in enumerate(b.gateways):
            b.ctl("gateway", "add", name, "host=" + name, "transport=tls")
            b.ctl("route", "add", name, "prefix=4%d" % n, "gateway=" + name)
        yield b.start()
    finally:
        b.close()
        for g in b.gateways.values():
            g.close()
        dns.close()
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
    call = alice.invite("4%d5551234" % list(office.gateways).index(name), sdp=sdp())
    m = alice.take(lambda m: m.call is call and (m.status or 0) >= 200, timeout=6)
    office.record(call, bill_ms=0)
    return m.status


def test_A12_the_name_that_was_asked_for(office):
    assert calls(office, "good.test") == 486
    g = office.gateways["good.test"]
    assert g.read.startswith(b"INVITE sip:405551234@good.test;transport=tls")
    assert b"\nACK sip:405551234@good.test" in g.read
    assert calls(office, "good.test") == 486
    assert g.connections == 1               # the same connection, for the same identity


def test_A12_not_the_name_that_dns_led_to(office):
    """A certificate that is good for the SRV record's target is none for the gateway's name."""
    assert calls(office, "wrong.test") in (408, 480, 500, 503)
    assert b"SIP/2.0" not in office.gateways["wrong.test"].read
    assert office.gateways["wrong.test"].connections >= 1
