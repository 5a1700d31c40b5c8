"""Linphone and baresip, two phones of different make, with each other: calls, hold, transfer, messages."""
import shutil

import pytest

from exchange import wait_until
from linphone import Linphone
from office import DOMAIN, Office
from phone import Phone

pytestmark = pytest.mark.skipif(shutil.which("linphonec") is None, reason="linphone-cli is not installed")
TONES = {"alice": 440, "bob": 620, "carol": 880}


@pytest.fixture
def office(cluster, tmp_path):
    o = Office(cluster, tmp_path, "linphone")
    o.start(*TONES)
    yield o
    o.close()


class Desk:
    """alice has a Linphone, the others have baresip."""

    def __init__(self, office, directory, *others):
        self.office, self.at = office, "127.0.0.1:%d" % office.exchange.port
        self.alice = Linphone(directory / "alice", "alice", "secret-alice", self.at, TONES["alice"])
        self.others = [Phone(directory / u, u, "secret-" + u, self.at, domain=DOMAIN, tone=TONES[u])
                       for u in others]

    def __enter__(self):
        self.alice.__enter__()
        self.alice.register()
        for phone in self.others:
            phone.__enter__()
            phone.wait_registered()
        wait_until(lambda: self.office.bindings("alice"), 15)
        return (self.alice, *self.others)

    def __exit__(self, *_):
        for phone in (self.alice, *self.others):
            phone.__exit__()


def calls(alice, other):
    """Linphone calls baresip; both say that they talk."""
    alice.say("call " + other.user)
    other.wait("CALL_INCOMING")
    other.command("accept")
    other.wait("CALL_ESTABLISHED")
    alice.wait("Media streams established")


def is_called(alice, other):
    """The other way round; returns Linphone's number of the call."""
    other.command("dial", "alice")
    n = alice.wait(r"incoming call from sip:%s@\S+ assigned id (\d+)" % other.user)[1]
    alice.say("answer")
    other.wait("CALL_ESTABLISHED")
    alice.wait("Media streams established")
    return n


def segments(office, n):
    """The closed segments in their order, when there are n."""
    def rows():
        found = office.sql("select segment_kind, connected_number, disposition, released_by, hold_ms from"
                           " tandem.cdr where disposition is not null order by start_at, seq")
        return found if len(found) >= n else None
    return wait_until(rows, 10)


def test_S1_16_S1_03_linphone_calls_and_hears(office, tmp_path):
    """Registers, calls, is heard, is hung up on, is no longer registered."""
    desk = Desk(office, tmp_path, "bob")
    with desk as (alice, bob):
        calls(alice, bob)
        wait_until(lambda: bob.heard_seconds() > 1.5, 10)
        bob.command("hangup")
        alice.wait("ended")
        alice.say("unregister")
        wait_until(lambda: not office.bindings("alice"), 10)
    assert bob.heard(TONES["alice"]) > 0.8
    ((kind, connected, disposition, by, _),) = segments(office, 1)
    assert (kind, connected, disposition, by) == ("direct", "bob", "answered", "callee")


def test_S1_05_linphone_is_called(office, tmp_path):
    with Desk(office, tmp_path, "bob") as (alice, bob):
        is_called(alice, bob)
        alice.say("terminate")
        bob.wait("CALL_CLOSED")
    ((_, connected, disposition, by, _),) = segments(office, 1)
    assert (connected, disposition, by) == ("alice", "answered", "callee")


def test_S1_12_hold_by_either(office, tmp_path):
    with Desk(office, tmp_path, "bob") as (alice, bob):
        calls(alice, bob)
        alice.say("pause")
        alice.wait("is now paused")
        alice.say("resume")
        alice.wait("Media streams established")
        bob.command("hold")
        alice.wait("has been paused by")
        bob.command("resume")
        alice.wait("Media streams established")
        bob.command("hangup")
        alice.wait("ended")
    ((_, _, disposition, _, hold_ms),) = segments(office, 1)
    assert disposition == "answered" and int(hold_ms) > 0


def test_S2_02r_linphone_transfers(office, tmp_path):
    """bob called, and is sent to carol."""
    with Desk(office, tmp_path, "bob", "carol") as (alice, bob, carol):
        n = is_called(alice, bob)
        alice.say("transfer %s sip:carol@%s" % (n, alice.exchange))
        carol.wait("CALL_INCOMING")
        carol.command("accept")
        carol.wait("CALL_ESTABLISHED")
        alice.wait("has been transfered")
        carol.command("hangup")
        bob.wait("CALL_CLOSED")
    one, two = segments(office, 2)
    assert one[0] == "direct" and two[:3] == ["transfer_blind", "carol", "answered"]


def test_S2_02r_linphone_transfers_attended(office, tmp_path):
    """bob is held, carol is asked, the two are joined and hear each other."""
    with Desk(office, tmp_path, "bob", "carol") as (alice, bob, carol):
        calls(alice, bob)
        alice.say("pause")
        alice.wait("is now paused")
        calls(alice, carol)
        alice.say("transfer 1 --to-call 2")
        alice.wait("has been transfered")
        was = carol.heard_seconds()
        wait_until(lambda: carol.heard_seconds() > was + 1.0, 10)
        carol.command("hangup")
        bob.wait("CALL_CLOSED")
    rows = segments(office, 2)
    assert sorted(r[0] for r in rows) == ["direct", "transfer_consult"], rows
    assert all(r[2] == "answered" for r in rows)


def test_S4_14_messages_both_ways(office, tmp_path):
    desk = Desk(office, tmp_path, "bob")
    (bob,) = desk.others
    with open(bob.directory / "config", "a") as config:
        config.write("module_app contact.so\n")
    (bob.directory / "contacts").write_text('"alice" <sip:alice@%s>\n' % DOMAIN)
    (bob.directory / "current_contact").write_text("sip:alice@" + DOMAIN)
    with desk as (alice, bob):
        alice.say('chat sip:bob@%s "hello there"' % alice.exchange)
        wait_until(lambda: any(m.sent and " 200" in m.first and "MESSAGE" in m.headers.get("cseq", "")
                               for m in bob.trace), 10)
        bob.command("message", "and back")
        alice.wait("and back")
    assert "hello there" in (bob.directory / "log").read_text()
