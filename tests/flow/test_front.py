"""The real front under the real supervisor; its other ends do nothing (idle_child.c). What it does with
each message is tried without a supervisor by front_harness.c."""
import os
import re
import signal
import socket

import pytest

from exchange import BUILD, Exchange, idle_programs, wait_until

MALFORMED = ("INVITE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1;rport;branch=z9hG4bK%s\r\n"
             "From: <sip:alice@127.0.0.1>;tag=a\r\nTo: <sip:bob@127.0.0.1>\r\nCSeq: 1 INVITE\r\n"
             "Content-Length: 0\r\n\r\n")


@pytest.fixture
def exchange(tmp_path):
    libexec = idle_programs(tmp_path / "libexec", real=("front",))
    with Exchange(tmp_path, libexec=libexec, processes={"fronts": 2, "workers": 2}) as x:
        yield x


def connect(x, kind):
    s = socket.socket(socket.AF_INET, kind)
    s.settimeout(5)
    s.connect(("127.0.0.1", x.port))
    return s


def refused_by_udp(x, branch):
    with connect(x, socket.SOCK_DGRAM) as s:
        s.send((MALFORMED % ("UDP", branch)).encode())
        return s.recv(4096).decode().startswith("SIP/2.0 400 Missing Call-ID header\r\n")


def test_answers_whichever_front_gets_it(exchange):
    assert all(refused_by_udp(exchange, "n%d" % i) for i in range(20))


def test_title(exchange):
    title = re.compile(r"tandem: front \d+ \[udp tcp, \d+ flows\]$")
    wait_until(lambda: sum(bool(title.match(t)) for t in exchange.children().values()) == 2)
    with connect(exchange, socket.SOCK_STREAM) as s:
        s.sendall(b"\r\n\r\n")
        assert s.recv(10) == b"\r\n"
        wait_until(lambda: any(t.endswith("1 flows]") for t in exchange.children().values()))


def test_M_01_confined_and_unprivileged(exchange):
    status = open("/proc/%d/status" % exchange.pid_of("front 0")).read()
    sanitized = b"__asan_report" in (BUILD / "front").read_bytes() # confine.c: then there is no filter
    assert "\nSeccomp:\t%d\n" % (0 if sanitized else 2) in status
    assert "\nNoNewPrivs:\t1\n" in status
    if os.geteuid() == 0:
        assert "\nUid:\t0\t" not in status


def test_killed_front_comes_back_and_datagrams_wait_for_it(exchange):
    pids = [exchange.pid_of("front %d" % i) for i in range(2)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert all(refused_by_udp(exchange, "k%d" % i) for i in range(10))
    assert all(exchange.pid_of("front %d" % i) not in (None, *pids) for i in range(2))


def test_stops_at_once(exchange):
    with connect(exchange, socket.SOCK_STREAM) as s:
        s.sendall(b"\r\n\r\n")
        assert s.recv(10) == b"\r\n"
        assert exchange.stop() == 0
        assert s.recv(10) == b""
