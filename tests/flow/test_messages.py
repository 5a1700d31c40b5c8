"""MESSAGE outside any dialog: relayed, or kept for who is absent (RFC 3428; FLOWS.md S4-14, S4-14b), and
OPTIONS (S2-28)."""
import os
import re
import signal
import sys

import pytest

from exchange import REPO, wait_until
from office import DOMAIN, Office
from sip_text import word

sys.path.insert(0, str(REPO / "contrib"))
from phone import Phone # noqa: E402

PLAIN = "text/plain"
T1_MS = 100             # what waits for a silent phone waits a fifth as long


@pytest.fixture
def office(cluster, tmp_path):
    o = Office(cluster, tmp_path, "messages", timers={"t1_ms": T1_MS, "t2_ms": 400})
    try:
        yield o
        assert not re.search("runtime error|Sanitizer| panic", o.exchange.log_text())
    finally:
        if cluster.psql("postgres", "select 1").returncode != 0:
            cluster.start()
        o.close()


def text(phone, to, body="Hello", headers=(), content_type=PLAIN):
    """Sends a MESSAGE, answers the challenge; its final answer is to come."""
    call = phone.new_call(to)
    call.request("MESSAGE", body=body, content_type=content_type, headers=headers, contact=False)
    first = phone.take(lambda m: m.call is call and (m.status or 0) >= 200)
    if first.status != 407:
        phone.inbox.insert(0, first)
        return call
    old = call.sent
    call.request("MESSAGE", body=old.body, content_type=content_type, headers=headers,
                 contact=False, auth=phone.credentials(first, "MESSAGE", old.uri))
    return call


def fate(phone, call, timeout=8):
    return phone.take(lambda m: m.call is call and (m.status or 0) >= 200, timeout)


def kept(phone, to, body):
    assert fate(phone, text(phone, to, body)).status == 202


def takes(phone, status=200):
    """The next message that comes to it, answered."""
    m = phone.expect("MESSAGE", timeout=15)
    phone.reply(status, to=m)
    return m


def waiting(office, user):
    return int(office.sql("select count(*) from tandem.message where to_user = '%s' and"
                          " delivered_at is null" % user)[0][0])


def is_delivered(office, n):
    wait_until(lambda: office.sql("select count(*) from tandem.message where delivered_at is not null"
                                  " and body = '' and headers = ''") == [[str(n)]], 10)


# --- relayed ------------------------------------------------------------------------------------


def test_S4_14_from_one_to_the_other(office):
    """a to d: the Request-URI is the contact, one hop less, everything else as it was; the answer is the
    phone's, and none comes before it."""
    office.start("alice", "bob")
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.register()
    call = text(alice, "bob", "Watson, come here.", headers=[
        ("Content-Disposition", "render"), ("Subject", "lab"), ("In-Reply-To", "x@y"),
        ("Content-Language", "en"), ("Session-ID", "0" * 32), ("X-Secret", "s"),
        ("P-Asserted-Identity", "<sip:queen@%s>" % DOMAIN)])
    m = bob.expect("MESSAGE")
    sent = call.sent
    assert m.uri == bob.contact_uri
    assert m["Max-Forwards"] == "69"
    for name in ("From", "To", "Call-ID", "CSeq", "Content-Type", "Content-Disposition", "Subject",
                 "In-Reply-To", "Content-Language", "Session-ID"):
        assert m[name] == sent[name], name
    assert m.body == b"Watson, come here."
    assert len(m.values("Via")) == 1 and "%s:%d" % office.server in m["Via"]
    for name in ("Contact", "Record-Route", "X-Secret", "P-Asserted-Identity",
                 "Proxy-Authorization"):
        assert not m.has(name), name
    alice.silence(0.05)
    bob.reply(200, "Read it")
    answer = fate(alice, call)
    assert (answer.status, answer.reason) == (200, "Read it")
    assert len(answer.values("Via")) == 1 and answer.branch == sent.branch
    call.resend()
    assert fate_again(alice, answer)
    bob.silence(0.05)


def fate_again(phone, answer):
    """A retransmission gets the same answer, byte for byte."""
    def again():
        phone.silence(0.02)
        return [m for m in phone.repeats if m.status == answer.status]
    return all(m.raw == answer.raw for m in wait_until(again))


def test_S4_14b_bytes_are_counted(office):
    """e to h: a second MESSAGE needs no dialog; a ';' at the end of Via; 22 and 24 bytes."""
    office.start("alice", bob=dict(trust="address"))
    alice, bob = office.phone("alice"), office.phone("bob")
    alice.register()
    bob.register()
    for body, length in (("I'm fine. How are you?", 22), ("I\u2019m fine. How are you?", 24)):
        bob.send_raw(
            ("MESSAGE sip:alice@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport;\r\n"
             "Max-Forwards: 70\r\nFrom: <sip:bob@%s>;tag=%s\r\nTo: <sip:alice@%s>\r\nCall-ID: %s\r\n"
             "CSeq: 1101 MESSAGE\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (
                 DOMAIN, bob.sent_by, word(), DOMAIN, word(), DOMAIN, word(), length, body)).encode())
        m = alice.expect("MESSAGE", Content_Length=str(length))
        assert m.body == body.encode() and len(m.body) == length and m.cseq == 1101
        alice.reply(200)
        bob.expect(200)


def test_S4_14_all_phones_get_it(office):
    """The first 2xx is the answer; what the other says then is nobody's concern."""
    office.start("alice", "bob")
    alice, desk, cell = office.phone("alice"), office.phone("bob"), office.phone("bob")
    desk.register()
    cell.register()
    call = text(alice, "bob")
    first, second = desk.expect("MESSAGE"), cell.expect("MESSAGE")
    desk.reply(486, to=first)
    alice.silence(0.05)
    cell.reply(200, to=second)
    assert fate(alice, call).status == 200
    call = text(alice, "bob")
    first, second = desk.expect("MESSAGE"), cell.expect("MESSAGE")
    desk.reply(480, to=first)
    cell.reply(415, to=second, headers=[("Accept", "image/png")])
    answer = fate(alice, call)
    assert answer.status == 415 and answer["Accept"] == "image/png"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_S4_14_large(office, transport):
    """RFC 3428 8: more than 1300 bytes go over a connection only."""
    office.start("alice", "bob")
    alice = office.phone("alice", transport="tcp")
    bob = office.phone("bob", transport=transport)
    bob.register()
    call = text(alice, "bob", "x" * 3000)
    if transport == "udp":
        assert fate(alice, call).status == 413
        bob.silence(0.05)
        return
    assert bob.expect("MESSAGE").body == b"x" * 3000
    bob.reply(200)
    assert fate(alice, call).status == 200


def test_A2_nobody_speaks_for_another(office):
    office.start("alice", "bob", "boss")
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.register()
    alice.aor = "sip:boss@" + DOMAIN
    call = text(alice, "bob")
    m = bob.expect("MESSAGE")
    assert "boss" not in m["From"] and "<sip:alice@%s>" % DOMAIN in m["From"]
    assert m.tag("From") == call.sent.tag("From")
    bob.reply(200)
    assert fate(alice, call).status == 200


def test_S4_14_not_to_everybody(office):
    """Unknown 404, another domain 404, disabled 480; the same extension of another tenant is another."""
    office.start("alice", sql="insert into tandem.tenant (name, realm) values ('other', 'other.test');"
                 "insert into tandem.domain (domain, tenant_id) select 'other.test', tenant_id"
                 " from tandem.tenant where name = 'other';"
                 "insert into tandem.subscriber (tenant_id, username) select tenant_id, 'carol'"
                 " from tandem.tenant where name = 'other';", gone={})
    office.sql("update tandem.subscriber set disabled = true where username = 'gone'")
    alice = office.phone("alice")
    for to, status in (("nobody", 404), ("carol", 404), ("sip:carol@other.test", 404),
                       ("sip:alice@elsewhere.test", 404), ("gone", (480, 202))):
        answer = fate(alice, text(alice, to))
        assert answer.status in (status if isinstance(status, tuple) else (status,)), to
    wait_until(lambda: fate(alice, text(alice, "gone")).status == 480, 3)


def test_S4_14_silent_phone(office):
    """Never 408 (RFC 4320): kept, and when the phone takes it after all, not delivered again."""
    office.exchange.write_conf(timers={"t1_ms": 3 * T1_MS})
    office.start("alice", "bob")
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.register()
    call = text(alice, "bob", "slow")
    m = bob.expect("MESSAGE")
    assert fate(alice, call, 64 * 3 * T1_MS / 1000).status == 202
    bob.reply(200, to=m)
    is_delivered(office, 1)
    bob.register()
    bob.silence(0.3)


# --- kept ---------------------------------------------------------------------------------------


def test_S4_14_kept_and_delivered_in_order(office):
    """202; with the next registration they come, one after the other, with the Date they were sent."""
    office.start("alice", "dave")
    alice, dave = office.phone("alice"), office.phone("dave")
    alice.display = "Alice A."
    for n in range(3):
        call = text(alice, "dave", "letter %d\r\n\0\u2019" % n, headers=[("Subject", "s%d" % n)])
        assert fate(alice, call).status == 202
    wait_until(lambda: waiting(office, "dave") == 3)
    rows = office.sql("select from_user, from_uri, from_display, content_type, to_user,"
                      " expires_at - created_at from tandem.message order by message_no")
    assert rows == [["alice", "sip:alice@" + DOMAIN, "Alice A.", PLAIN, "dave", "7 days"]] * 3
    dave.register()
    for n in range(3):
        m = dave.expect("MESSAGE")
        dave.silence(0.05)                 # the next only when this one is taken
        assert m.body == ("letter %d\r\n\0\u2019" % n).encode() and m["Subject"] == "s%d" % n
        assert m["From"].startswith('"Alice A." <sip:alice@%s>;tag=' % DOMAIN)
        assert m["To"] == "<sip:dave@%s>" % DOMAIN
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", m["Date"])
        dave.reply(200, to=m)
    is_delivered(office, 3)
    dave.register()
    dave.silence(0.2)
    assert "letter" not in office.exchange.log_text()


def test_S4_14_what_is_refused_holds_nothing_up(office):
    office.start("alice", "dave")
    alice, dave = office.phone("alice"), office.phone("dave")
    kept(alice, "dave", "first")
    kept(alice, "dave", "second")
    wait_until(lambda: waiting(office, "dave") == 2)
    dave.register()
    assert takes(dave, 488).body == b"first"
    assert takes(dave).body == b"second"
    wait_until(lambda: waiting(office, "dave") == 1)
    dave.unregister()
    dave.register()
    assert takes(dave).body == b"first"
    is_delivered(office, 2)


def test_S4_14_limits(office):
    """A full box 480, a large message 413, an expired one is gone."""
    office.exchange.write_conf(messages={"per_user": 2, "max_bytes": 100, "expire_s": 60})
    office.start("alice", "dave")
    alice, dave = office.phone("alice"), office.phone("dave")
    assert fate(alice, text(alice, "dave", "x" * 101)).status == 413
    kept(alice, "dave", "one")
    assert fate(alice, text(alice, "dave", "two", headers=[("Expires", "1")])).status == 202
    answer = fate(alice, text(alice, "dave", "three"))
    assert (answer.status, answer.reason) == (480, "Too many messages wait for this user")
    wait_until(lambda: office.sql("select count(*) from tandem.message where expires_at < now()") ==
               [["1"]])
    assert office.sql("select max(expires_at - created_at) from tandem.message") == [["00:01:00"]]
    dave.register()
    assert takes(dave).body == b"one"
    dave.silence(0.3)


def test_S4_14_not_kept(office):
    office.exchange.write_conf(messages={"store": False})
    office.start("alice", "dave")
    alice = office.phone("alice")
    assert fate(alice, text(alice, "dave")).status == 480
    assert office.sql("select count(*) from tandem.message") == [["0"]]


def test_S4_14_database_away(office):
    """Kept in the journal, delivered when it is back; a store that dies meanwhile changes nothing."""
    office.start("alice", "dave")
    alice, dave = office.phone("alice"), office.phone("dave")
    office.cluster.stop("fast")
    for n in range(3):
        kept(alice, "dave", "letter %d" % n)
    dave.register()
    dave.silence(0.2)
    kill(office, "store")
    office.cluster.start()
    for n in range(3):
        assert takes(dave).body == b"letter %d" % n
    is_delivered(office, 3)
    dave.silence(0.3)


def kill(office, name):
    pid = office.exchange.pid_of(name)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: office.exchange.pid_of(name) not in (None, pid), 10)


def workers(office):
    return [n for n in ("worker 0", "worker 1") if office.exchange.pid_of(n)]


@pytest.mark.parametrize("names", [["store"], ["worker 0", "worker 1"], ["store", "worker 0", "worker 1"]])
def test_S4_14_killed_in_between(office, names):
    """After a message was promised, and as one is delivered: every one arrives, once."""
    office.start("alice", "dave")
    alice, dave = office.phone("alice"), office.phone("dave")
    for n in range(3):
        kept(alice, "dave", "letter %d" % n)
        for name in names if n == 1 else ():    # who dies too often is started later and later
            kill(office, name)
    wait_until(lambda: waiting(office, "dave") == 3)
    dave.register()
    for n in range(3):
        m = dave.take(lambda m: m.method == "MESSAGE", timeout=30)
        assert m.body == b"letter %d" % n
        for name in names if n == 1 else ():
            kill(office, name)
        dave.reply(200, to=m)
    is_delivered(office, 3)
    dave.register()
    dave.silence(0.5)
    assert len({m["Call-ID"] for m in dave.seen if m.method == "MESSAGE"}) == 3


def test_S4_14_workers_killed_while_it_is_out(office):
    office.start("alice", "bob")
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.register()
    call = text(alice, "bob")
    m = bob.expect("MESSAGE")
    for name in workers(office):
        kill(office, name)
    bob.reply(200, to=m)
    assert fate(alice, call).status == 200
    alice.silence(0.1)


# --- real phones --------------------------------------------------------------------------------


def phone(office, tmp_path, user, friend):
    """baresip sends a message to its current contact: the only one it has."""
    one = Phone(tmp_path / user, user, "secret-" + user, "127.0.0.1:%d" % office.exchange.port,
                domain=DOMAIN)
    with open(one.directory / "config", "a") as config:
        config.write("module_app contact.so\n")
    (one.directory / "contacts").write_text('"%s" <sip:%s@%s>\n' % (friend, friend, DOMAIN))
    (one.directory / "current_contact").write_text("sip:%s@%s" % (friend, DOMAIN))
    return one


def has_taken(one):
    """It has got a message, and said so."""
    wait_until(lambda: any(m.sent and " 200" in m.first and "MESSAGE" in m.headers.get("cseq", "")
                           for m in one.trace), 15)


def test_S4_14_between_two_baresips(office, tmp_path):
    """One to the other; and one that was away gets it when it is there."""
    office.start("alice", "bob")
    alice, bob = phone(office, tmp_path, "alice", "bob"), phone(office, tmp_path, "bob", "alice")
    with alice:
        alice.wait_registered()
        alice.command("message", "while you were away")
        wait_until(lambda: waiting(office, "bob") == 1, 10)
        with bob:
            bob.wait_registered()
            has_taken(bob)
            is_delivered(office, 1)
            bob.command("message", "I am back")
            has_taken(alice)
    # Its log is whole when it has ended.
    assert "\nwhile you were away" in (bob.directory / "log").read_text()
    assert "\nI am back" in (alice.directory / "log").read_text()
    assert office.sql("select count(*) from tandem.message") == [["1"]]


# --- OPTIONS ------------------------------------------------------------------------------------


def test_S2_28_options_to_the_exchange(office):
    """What it can do (RFC 3261 11.2); a repetition gets the same 200."""
    office.start("alice")
    alice = office.phone("alice")
    call = alice.new_call("sip:" + DOMAIN)
    call.request("OPTIONS", contact=False)
    answer = fate(alice, call)
    assert answer.status == 200 and answer.tag("To")
    assert {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "MESSAGE"} <= set(
        answer["Allow"].replace(" ", "").split(","))
    for name in ("Accept", "Accept-Encoding", "Accept-Language", "Supported"):
        assert answer.has(name), name
    call.resend()
    assert fate_again(alice, answer)


def test_S2_28_options_to_a_user(office):
    """As an INVITE would be answered: 200, 486 (do not disturb), 480, 404; never passed on."""
    office.start("alice", "bob", "away", busy=dict(dnd="true"))
    alice, bob = office.phone("alice"), office.phone("bob")
    bob.register()
    for to, status in (("bob", 200), ("busy", 486), ("away", 480), ("nobody", 404)):
        m = alice.request("OPTIONS", to=to, contact=False)
        assert m.status == status, to
        assert m.has("Allow")
        alice.call.resend()
        assert fate_again(alice, m)
    assert alice.request("OPTIONS", to="bob", auth=False).status == 407
    bob.silence(0.05)
