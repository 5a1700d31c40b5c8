"""Calls by sipp, which shares nothing with us: it calls as a gateway that is known by its address,
and answers as a registered phone. Its scenarios are in sipp/."""
import pathlib
import subprocess

import pytest

from calls import exchange
from exchange import free_port, wait_until

building, office = exchange()
SCENARIOS = pathlib.Path(__file__).parent / "sipp"
HOST = "127.0.0.31"


@pytest.fixture
def gateway(office):
    office.ctl("gateway", "add", "sipp", "host=" + HOST)
    here = office.phone(register=False, host=HOST)
    wait_until(lambda: here.request("OPTIONS", to="nobody", auth=False).status != 407)   # in force
    yield
    office.ctl("gateway", "del", "sipp")


def sipp(directory, scenario, host, port, *more):
    return subprocess.Popen(
        ["sipp", "-sf", str(SCENARIOS / (scenario + ".xml")), "-i", host, "-p", str(port), "-nostdin",
         "-timeout", "20s", "-timeout_error", *more], cwd=directory, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(office, directory, caller, called, n, *more):
    """n calls from one scenario to the other; both must have gone as they say. The rows."""
    port = free_port()
    bob = office.phone(register=False)
    bob.register(contact="<sip:%s@127.0.0.1:%d>" % (bob.name, port))
    uas = sipp(directory, called, "127.0.0.1", port, "-m", str(n))
    uac = sipp(directory, caller, HOST, free_port(host=HOST), "-s", bob.name, "-m", str(n), "-r", "50",
               *more, "%s:%d" % office.server)
    try:
        for process in (uac, uas):
            out, _ = process.communicate(timeout=30)
            assert process.returncode == 0, out[-2500:]
    finally:
        for process in (uac, uas):
            process.kill()
            process.wait()
    return wait_until(lambda: rows_of(office, bob.name, n), 5)


def rows_of(office, called, n):
    rows = office.sql("select * from tandem.cdr where called_number = '%s' and disposition is not null"
                      % called)
    return rows if len(rows) >= n else None


def test_S1_03_basic_calls(office, gateway, tmp_path):
    rows = run(office, tmp_path, "caller", "called", 50, "-d", "200")
    assert len(rows) == 50
    assert {(r["disposition"], r["sip_code"], r["released_by"], r["payer_kind"]) for r in rows} == {
        ("answered", 200, "caller", "trunk_customer")}
    assert all(200 <= r["bill_ms"] < 1000 for r in rows)


def test_S1_07_busy(office, gateway, tmp_path):
    rows = run(office, tmp_path, "caller_busy", "called_busy", 20)
    assert {(r["disposition"], r["sip_code"], r["bill_ms"]) for r in rows} == {("busy", 486, 0)}
    assert len(rows) == 20


def test_S1_08_cancelled(office, gateway, tmp_path):
    rows = run(office, tmp_path, "caller_cancel", "called_cancel", 20)
    assert {(r["disposition"], r["sip_code"], r["released_by"]) for r in rows} == {
        ("cancelled", 487, "caller")}
    assert len(rows) == 20
