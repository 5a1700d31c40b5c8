"""Floods from strangers (THREATS.md C4, C5): each source has its limit, good calls do not notice, and status says
what was turned away. They come from addresses that are not the loopback's, which has no limits, in a network
namespace of the test's own."""
import ctypes
import os
import random
import socket
import subprocess
import threading
import time

import pytest

from exchange import wait_until

CLONE_NEWNET = 0x40000000
LIMITS = {"limits": {"calls": 300, "subscribers": 1000, "bindings": 1000, "rate_per_source": 200,
                     "burst_per_source": 400, "connections_per_source": 50}}
SCANNER, CROWD = "10.77.0.9", "10.77.0.10"
SECONDS = 3.0


@pytest.fixture
def strangers():
    """10.77.0.0/16 is on our loopback, and nobody else's."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if os.geteuid() or libc.unshare(CLONE_NEWNET) != 0:
        pytest.skip("no network namespace can be made here")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "addr", "add", "10.77.0.1/16", "dev", "lo"], check=True)
        yield
    finally:
        assert libc.setns(home, CLONE_NEWNET) == 0
        os.close(home)


def facts(scene):
    return {row["fact"]: row["value"] for row in scene.x.ask("status")["rows"]}


def resident_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


@pytest.mark.parametrize("scene", [LIMITS], indirect=True)
def test_C5_scanner_and_malformed_storm(strangers, scene):
    """Three thousand a second: noise, halves of messages, OPTIONS and REGISTER for everybody."""
    scene.begin(stand=10, rate=20)
    before = resident_kib(scene.x.pid_of("front 0"))
    rnd = random.Random(scene.seed)
    good = ("%s sip:%d@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.9:5060;branch=z9hG4bK%d\r\n"
            "From: <sip:x@pbx.test>;tag=%d\r\nTo: <sip:x@pbx.test>\r\nCall-ID: scan-%d\r\nCSeq: 1 %s\r\n"
            "User-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((SCANNER, 0))
        end, n = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            for _ in range(30):
                n += 1
                method = rnd.choice(("OPTIONS", "REGISTER", "INVITE"))
                text = (good % (method, 1000 + n, n, n, n, method)).encode()
                kind = rnd.randrange(3)
                s.sendto(rnd.randbytes(rnd.randrange(1, 1200)) if kind == 0 else
                         text[:rnd.randrange(1, len(text))] if kind == 1 else text, scene.server)
            time.sleep(0.01)
    dropped = scene.metric("tandem_dropped_flood_total")
    assert dropped > n - (400 + 200 * SECONDS) * 2 > 0, (n, dropped)
    assert facts(scene)["dropped as a flood"] >= dropped
    assert resident_kib(scene.x.pid_of("front 0")) - before < 8192
    scene.judge()


@pytest.mark.parametrize("scene", [LIMITS], indirect=True)
def test_C4_connections_that_say_half_a_word(strangers, scene):
    """Three hundred from one address, each with the beginning of a message, a byte now and then: fifty are let in,
    and those are closed; others connect as ever."""
    scene.begin(stand=10, rate=20)
    crowd = []
    for _ in range(300):
        s = socket.socket()
        s.bind((CROWD, 0))
        s.settimeout(1)
        s.connect(scene.server)
        crowd.append(s)
    stop = threading.Event()

    def drip():
        while not stop.wait(0.3):
            for s in crowd:
                try:
                    s.send(b"I")
                except OSError:
                    pass
    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        wait_until(lambda: scene.metric("tandem_connections_refused_total") == 250)
        assert facts(scene)["connections refused"] == 250
        assert scene.metric("tandem_flows") == 50
        with socket.create_connection(scene.server, 2, source_address=("10.77.0.12", 0)) as other:
            other.sendall(b"\r\n\r\n")
            other.settimeout(2)
            assert other.recv(2) == b"\r\n", "a keep-alive is answered (RFC 5626 3.5.1)"
        wait_until(lambda: scene.metric("tandem_flows") == 0, 20)
    finally:
        stop.set()
        dripping.join()
        for s in crowd:
            s.close()
    scene.judge()
