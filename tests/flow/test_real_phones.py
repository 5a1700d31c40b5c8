"""Calls by phones that are not ours: two baresip that listen to each other.

A row of FLOWS.md that a test stands for is in its name.
"""
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from exchange import REPO, wait_until
from office import DOMAIN, Office

sys.path.insert(0, str(REPO / "contrib"))
from phone import Phone # noqa: E402

TONES = {"alice": 440, "bob": 620, "carol": 880}


@pytest.fixture
def office(cluster, tmp_path):
    o = Office(cluster, tmp_path, "real_phones")
    yield o
    o.close()


def phone(office, tmp_path, user, transport="udp"):
    return Phone(tmp_path / user, user, "secret-" + user, "127.0.0.1:%d" % office.exchange.port,
                 domain=DOMAIN, tone=TONES[user], transport=transport)


def answered(office, n=1):
    """The records of answered segments, when there are n of them."""
    def rows():
        found = office.sql("select calling_number, connected_number, disposition, sip_code, released_by,"
                           " bill_ms from tandem.cdr where disposition = 'answered'")
        return found if len(found) >= n else None
    return wait_until(rows, 10)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_S1_03_two_phones_hear_each_other(office, tmp_path, transport):
    office.start("alice", "bob")
    alice, bob = (phone(office, tmp_path, u, transport) for u in ("alice", "bob"))
    with alice, bob:
        alice.wait_registered()
        bob.wait_registered()
        alice.command("dial", "bob")
        bob.wait("CALL_INCOMING")
        alice.wait("CALL_RINGING")
        bob.command("accept")
        alice.wait("CALL_ESTABLISHED")
        bob.wait("CALL_ESTABLISHED")
        wait_until(lambda: min(alice.heard_seconds(), bob.heard_seconds()) > 1.5, 10)
        alice.command("hangup")
        bob.wait("CALL_CLOSED")
    assert alice.heard(TONES["bob"]) > 0.8
    assert bob.heard(TONES["alice"]) > 0.8
    assert alice.heard(TONES["alice"]) < 0.1
    (row,) = answered(office)
    assert row[2:5] == ["answered", "200", "caller"]
    assert int(row[5]) >= 1500


def test_a_phone_with_a_wrong_password_does_not_register(office, tmp_path):
    office.start("alice", "bob")
    wrong = Phone(tmp_path / "wrong", "alice", "guess", "127.0.0.1:%d" % office.exchange.port,
                  domain=DOMAIN)
    with wrong:
        with pytest.raises(RuntimeError):
            wrong.wait_registered(2)
    refused = [m for m in wrong.trace if not m.sent and " 401" in m.first]
    lines = [x for x in office.exchange.log_text().splitlines() if "authentication failed" in x]
    assert len(refused) > 2, "it did not try again"
    assert len(lines) == 1 and 'reason="wrong password" user=alice method=REGISTER times=1' in lines[0]


def test_S1_05_the_called_phone_hangs_up(office, tmp_path):
    office.start("alice", "bob")
    alice, bob = (phone(office, tmp_path, u) for u in ("alice", "bob"))
    with alice, bob:
        alice.wait_registered()
        bob.wait_registered()
        alice.command("dial", "bob")
        bob.wait("CALL_INCOMING")
        bob.command("accept")
        alice.wait("CALL_ESTABLISHED")
        bob.wait("CALL_ESTABLISHED")
        bob.command("hangup")
        alice.wait("CALL_CLOSED")
    (row,) = answered(office)
    assert row[4] == "callee"


def test_S1_07_the_called_phone_declines(office, tmp_path):
    office.start("alice", "bob")
    alice, bob = (phone(office, tmp_path, u) for u in ("alice", "bob"))
    with alice, bob:
        alice.wait_registered()
        bob.wait_registered()
        alice.command("dial", "bob")
        bob.wait("CALL_INCOMING")
        bob.command("hangup")
        assert alice.wait("CALL_CLOSED")["param"].startswith("486")


def test_S2_02r_a_phone_transfers(office, tmp_path):
    """bob transfers alice to carol, and the two hear each other."""
    office.start("alice", "bob", "carol")
    alice, bob, carol = (phone(office, tmp_path, u) for u in ("alice", "bob", "carol"))
    with alice, bob, carol:
        for p in (alice, bob, carol):
            p.wait_registered()
        alice.command("dial", "bob")
        bob.wait("CALL_INCOMING")
        bob.command("accept")
        alice.wait("CALL_ESTABLISHED")
        bob.wait("CALL_ESTABLISHED")
        wait_until(lambda: min(alice.heard_seconds(), bob.heard_seconds()) > 0.5, 10)
        bob.command("transfer", "sip:carol@" + DOMAIN)
        carol.wait("CALL_INCOMING")
        carol.command("accept")
        carol.wait("CALL_ESTABLISHED")
        bob.wait("CALL_CLOSED")
        was = alice.heard_seconds()
        wait_until(lambda: carol.heard_seconds() > 1.5 and alice.heard_seconds() > was + 1.5, 10)
        carol.command("hangup")
        alice.wait("CALL_CLOSED")
    assert carol.heard(TONES["alice"]) > 0.8
    assert alice.heard(TONES["carol"]) > 0.2
    first, second = sorted(answered(office, 2), key=lambda r: -int(r[5]))
    assert first[0] == "alice" and second[:2] == ["bob", "carol"]


# --- contrib/phone.py, for a person -------------------------------------------------------------------

class ByHand:
    """contrib/phone.py as alice, when she is registered. None of its processes outlives `with`."""

    def __init__(self, office, place, stdin):
        self.place, self.said = place, b""
        place.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [str(REPO / "contrib/phone.py"), "alice", "secret-alice", "127.0.0.1:%d" % office.exchange.port],
            env=dict(os.environ, TMPDIR=str(place)), stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)

    def __enter__(self):
        try:
            self.read(lambda: b"All 1 useragent registered" in self.said or b"200 OK" in self.said)
            assert len(list(self.place.glob("phone-*/accounts"))) == 1
        except BaseException:
            self.__exit__()
            raise
        return self

    def read(self, enough=lambda: False, seconds=30):
        """Until it has said enough; back with False when it and its baresip have ended before."""
        end = time.monotonic() + seconds
        while not enough():
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            assert ready, self.said
            got = os.read(self.process.stdout.fileno(), 4096)
            if not got:
                return False
            self.said += got
        return True

    def ends(self):
        """It ends, with all its processes, and nothing of it is left."""
        assert not self.read()
        assert self.process.wait(10) == 0 and list(self.place.iterdir()) == []

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass                                # as it should be
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def test_a_phone_by_hand_leaves_nothing(office, tmp_path):
    """It ends with its input, its terminal, and when it is told to; and takes what it made along."""
    office.start("alice")
    for told in (signal.SIGTERM, signal.SIGHUP, None):
        with ByHand(office, tmp_path / "tmp", subprocess.PIPE) as phone:
            if told is None:
                phone.process.stdin.close()
            else:
                phone.process.send_signal(told)
            phone.ends()
    ours, its = pty.openpty()
    with os.fdopen(ours, "rb") as terminal, os.fdopen(its, "rb") as stdin, \
            ByHand(office, tmp_path / "tmp", stdin) as phone:
        stdin.close()
        terminal.close()
        phone.ends()
