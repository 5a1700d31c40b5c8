"""What strangers can learn from the time an answer takes (THREATS.md A8), and what they can use up (1.3)."""
import statistics
import time

from calls import exchange, wait_until
from odd import request, works
from sip_text import challenge_of, word

building, office = exchange()


def test_A8_unknown_users_take_as_long(office):
    """The same look-ups and hashes for a user who exists and for one who does not."""
    stranger = office.phone(user="stranger", register=False)
    stranger.checks = False
    challenge = stranger.register(status=401, auth=False)
    nonce = challenge_of(challenge["WWW-Authenticate"])["nonce"]
    times = {"1001": [], "9999": []}
    for _ in range(400):
        for user, found in times.items():
            value = ('Digest username="%s", realm="pbx.test", nonce="%s", uri="sip:pbx.test", response="%s", '
                     'algorithm=MD5, qop=auth, nc=00000001, cnonce="c"' % (user, nonce, "0" * 32))
            data = request(stranger, "REGISTER", "sip:pbx.test", Authorization=value)
            before = time.perf_counter()
            stranger.link.send(data)
            assert b" 401 " in stranger.link.receive(time.monotonic() + 2)[:20]
            found.append(time.perf_counter() - before)
    known, unknown = (statistics.median(t) for t in times.values())
    assert abs(known - unknown) < 0.3 * max(known, unknown), (known, unknown)


def test_C1_strangers_leave_nothing(office):
    """Requests of every method from nowhere: no transaction, no call, no memory."""
    def used():
        return [office.metric(g, role=r) for g in ("tandem_calls", "tandem_legs", "tandem_transactions",
                                                   "tandem_heap_bytes") for r in ("worker", "registrar")]
    # Each process says once a second what it holds: when it has told of this registration, all before it is told.
    office.phone()
    wait_until(lambda: not office.calls_now() and office.metric("tandem_transactions", role="registrar") > 0)
    before = used()
    stranger = office.phone(user="stranger", register=False)
    sent = 0
    for n in range(60):
        for method in ("INVITE", "REGISTER", "OPTIONS", "BYE", "MESSAGE", "SUBSCRIBE", "CANCEL", "TELEPORT",
                       "NOTIFY", "INFO", "PUBLISH", "REFER", "UPDATE", "PRACK", "ACK"):
            uri = "sip:pbx.test" if method in ("REGISTER", "OPTIONS") else "sip:1001@pbx.test"
            to = "<%s>%s" % (uri, ";tag=%s" % word() if n % 3 == 0 else "")
            more = {"Require": "teleport"} if n % 5 == 0 else {}
            stranger.link.send(request(stranger, method, uri, To=to, **more))
            sent += method != "ACK"
            if method == "ACK":
                continue
            assert stranger.link.receive(time.monotonic() + 1) is not None, method
    assert sent > 800
    stranger.silence(1.1)           # so that each process has told what it holds now
    after = used()
    assert all(x <= y for x, y in zip(after, before)), (before, after)


def test_C2_a_challenge_is_sent_once(office):
    """Nobody ACKs it, and it is not repeated; it goes where the packet came from."""
    alice, bob = office.phone(user="stranger", register=False), office.phone()
    alice.auto_ack = False
    alice.checks = False
    alice.link.send(request(alice, uri=bob.aor, Via="SIP/2.0/UDP 192.0.2.9:9;maddr=192.0.2.8;rport"))
    alice.take(lambda m: m.status == 407)
    alice.silence(1.2)
    assert not alice.repeats


def test_C4_who_does_not_read(office):
    """A connection whose peer asks and never reads is closed when too much waits; others are served."""
    slow = office.phone(user="stranger", register=False, transport="tcp")
    slow.link.sock.settimeout(2)
    data = b"".join(request(slow, "OPTIONS", "sip:pbx.test", Subject="x" * 50) for _ in range(200))
    closed, asked, wait_until_answered = False, 0, time.monotonic() + 0.5
    while not closed and asked < 300 * len(data):
        try:
            n = slow.link.sock.send(data)
        except ConnectionError:
            closed = True
            break
        asked += n
        data = data[n:] + data[:n]
        if time.monotonic() > wait_until_answered:      # in the midst of it
            works(office)
            wait_until_answered = time.monotonic() + 3600
    assert closed and asked > 100000, asked
    works(office)
