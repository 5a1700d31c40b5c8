"""S4-13 with phones that are not ours: baresip watches another's presence and has a lamp for messages."""
import sys

import pytest

from exchange import REPO, wait_until
from office import DOMAIN, Office

sys.path.insert(0, str(REPO / "contrib"))
from phone import Phone # noqa: E402


@pytest.fixture
def office(cluster, tmp_path):
    o = Office(cluster, tmp_path, "real_watchers")
    yield o
    o.close()


def phone(office, tmp_path, user, watches=(), modules=()):
    p = Phone(tmp_path / user, user, "secret-" + user, "127.0.0.1:%d" % office.exchange.port,
              domain=DOMAIN)
    with open(tmp_path / user / "config", "a") as f:
        f.write("".join("module_app %s.so\n" % m for m in modules))
    (tmp_path / user / "contacts").write_text("".join(
        '"%s" <sip:%s@%s>;presence=p2p\n' % (w, w, DOMAIN) for w in watches))
    return p


def trace(phone, sent, words):
    """So many messages of its trace have these words in the start line or CSeq."""
    return [m for m in phone.trace if m.sent == sent and words in
            m.first + " " + m.headers.get("cseq", "")]


def said(phone):
    """All that it printed; whole only when it has ended."""
    return (phone.directory / "log").read_text()


def test_S4_13_baresip_watches_presence(office, tmp_path):
    """Bob, whom alice watches, registers and goes."""
    office.start("alice", "bob")
    alice = phone(office, tmp_path, "alice", ["bob"], ["contact", "presence"])
    bob = phone(office, tmp_path, "bob")
    with alice:
        alice.wait_registered()
        wait_until(lambda: len(trace(alice, True, "NOTIFY")) == 1, 10)
        with bob:
            bob.wait_registered()
            wait_until(lambda: len(trace(alice, True, "NOTIFY")) == 2, 10)
        wait_until(lambda: len(trace(alice, True, "NOTIFY")) == 3, 10)
    assert all(" 200" in m.first for m in trace(alice, True, "NOTIFY"))
    changes = [line for line in said(alice).splitlines() if "changed status" in line]
    assert ["Online" in line.rpartition(" to ")[2] for line in changes] == [True, False], changes


def subscribed(office, directory):
    """A phone with a lamp, that has heard of its messages. Some baresip 1.0 subscribe thousands of times a
    second from their first on, and read no answer any more: then another is started."""
    for attempt in range(5):
        alice = phone(office, directory / str(attempt), "alice", modules=["mwi"])
        with alice:
            alice.wait_registered()
            wait_until(lambda: trace(alice, True, "NOTIFY") or len(trace(alice, True, "SUBSCRIBE")) > 9, 15)
            if trace(alice, True, "NOTIFY"):
                return alice
    raise AssertionError("five phones in a row read no answers")


def test_S4_13_baresip_has_messages(office, tmp_path):
    office.start("alice", sql="insert into tandem.mailbox select tenant_id, subscriber_id, 3, 1, 1, 0"
                              " from tandem.subscriber where username = 'alice';")
    alice = subscribed(office, tmp_path)
    assert all(" 200" in m.first for m in trace(alice, True, "NOTIFY"))
    assert said(alice).count("Voice-Message: 3/1 (1/0)") > 1 # what came, and what it shows
