"""THREATS.md 1.2 (B1 to B10): each is answered or dropped, nobody dies (calls.py looks after each test),
and the next call works."""
import random
import re
import socket
import time

import pytest

from calls import exchange, sdp, wait_until
from exchange import REPO
from odd import request, works
from sip_text import Message, param, word

building, office = exchange(users=400)
LONG = "x" * 20000


def answer(office, data, transport="udp"):
    """What a stranger gets: a status, or None."""
    stranger = office.phone(user="stranger", register=False, transport=transport)
    stranger.link.send(data(stranger))
    while True:
        got = stranger.link.receive(time.monotonic() + 0.3)
        if got is None or Message.parse(got).status != 100:
            return got and Message.parse(got).status


def answers(office, cases, statuses):
    for case in cases:
        got = answer(office, lambda p: request(p, **case))
        assert got in statuses, (got, str(case)[:200])


# --- memory safety and the parser -----------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_B1_long_tokens(office, transport):
    """CVE-2017-9372 (method in CSeq, Via without branch), CVE-2018-8828 (branch, From tag), CVE-2022-24754
    (digest), and what else can be long."""
    via = "SIP/2.0/UDP 127.0.0.1:9"
    digest = ('Digest username="%s", realm="pbx.test", nonce="%s", uri="sip:1001@pbx.test", response="%s",'
              ' algorithm=MD5, cnonce="%s", opaque="%s", qop=auth, nc=00000001')
    for case in (
            dict(CSeq="1 " + LONG, Via=via), dict(method=LONG), dict(Via=via + ";rport;branch=z9hG4bK" + LONG),
            dict(Via="SIP/2.0/UDP %s.test;rport" % LONG), dict(Via=via + ";rport;received=" + LONG),
            dict(From="<sip:x@pbx.test>;tag=" + LONG), dict(To="<sip:x@pbx.test>;tag=" + LONG),
            dict(From='"%s" <sip:x@pbx.test>;tag=1' % LONG), dict(From="<sip:%s@pbx.test>;tag=1" % LONG),
            dict(uri="sip:%s@pbx.test" % LONG), dict(uri="sip:1001@%s.test" % LONG), dict(Call_ID=LONG),
            dict(uri="sip:1001@pbx.test;" + LONG), dict(uri="sip:1001@pbx.test?a=" + LONG),
            dict(Contact="<sip:x@%s>" % LONG), dict(Subject=LONG), dict(Require=LONG), dict(Content_Type=LONG),
            dict(method="REGISTER", uri="sip:pbx.test", Contact="<sip:x@127.0.0.1>;+sip.instance=\"%s\"" % LONG),
            dict(Proxy_Authorization=digest % ((LONG[:9000],) * 5)),
            dict(Proxy_Authorization=digest % (("y" * 200,) * 5)),
            dict(Proxy_Authorization="Digest " + ", ".join("p%d=x" % i for i in range(2000))),
            dict(method="REGISTER", uri="sip:pbx.test", Authorization=digest % (("z" * 256,) * 5))):
        got = answer(office, lambda p: request(p, **case), transport)
        assert got in (None, 400, 401, 407, 414, 420, 501, 513), (got, str(case)[:100])
    works(office)


def test_B2_missing_and_half(office):
    """CVE-2017-17850 (Contact), CVE-2021-33056 (From, To, Diversion), CVE-2018-14767 (two To),
    CVE-2018-16657 and CVE-2023-27598 (Via)."""
    answers(office, [dict(Contact=None), dict(Contact=""), dict(Contact="*"), dict(From=None), dict(To=None),
                     dict(Call_ID=None), dict(CSeq=None), dict(From=""), dict(To=""), dict(CSeq=""), dict(CSeq="1"),
                     dict(CSeq="INVITE"), dict(Call_ID=""), dict(From=";tag=1"), dict(From="<>;tag=1"),
                     dict(From="<sip:>;tag=1"), dict(From="<sip:x@pbx.test>;tag="), dict(From='"'), dict(From="<"),
                     dict(To=["<sip:a@b>", "<sip:c@d>"]), dict(To="<sip:a@b>, <sip:c@d>"), dict(To="<sip:a@b"),
                     dict(Route="<"), dict(Route=""), dict(Record_Route="sip:a@b"), dict(Max_Forwards="")],
            (400, 407))
    answers(office, [dict(Via=None), dict(Via=""), dict(Via="SIP/2.0/UDP"), dict(Via="SIP/2.0/UDP ;branch=z"),
                     dict(Via="/"), dict(Via=";branch=z9hG4bKx"), dict(Via="SIP/2.0/UDP :5060")], (None,))
    answers(office, [dict(Diversion=d) for d in ("", "<", ";reason=", "<sip:>;=")] + [
        dict(Refer_To="<"), dict(Authorization=""), dict(Expires=""), dict(Content_Type="")], (400, 407))
    answers(office, [dict(Accept="")], (406,)) # no body at all is acceptable (RFC 3261 20.1)
    answers(office, [dict(method="REGISTER", uri="sip:pbx.test", Contact=c) for c in (None, "", "<", ";q=1")],
            (400, 401))
    works(office)


@pytest.mark.parametrize("change", [
    lambda m: [h for h in m.headers if h[0] != "Contact"],
    lambda m: [(n, re.sub(";tag=.*", "", v) if n == "To" else v) for n, v in m.headers],
    lambda m: m.headers + [("To", "<sip:second@pbx.test>;tag=2")],
    lambda m: [(n, "" if n == "From" else v) for n, v in m.headers],
    lambda m: [(n, ";tag=x" if n == "To" else v) for n, v in m.headers],
    lambda m: [(n, v + ", SIP/2.0/UDP two.test" if n == "Via" else v) for n, v in m.headers],
    lambda m: m.headers + [("Record-Route", "<sip:")],
    lambda m: [(n, "<sip:>" if n == "Contact" else v) for n, v in m.headers]])
def test_B2_answers_of_a_callee(office, change):
    """Half an answer ends in a call or in none, for both sides."""
    alice, bob = office.phones(2)
    bob.checks = alice.checks = False
    call = alice.invite(bob.name, sdp=sdp())
    m = bob.response(bob.expect("INVITE"), 200, sdp=sdp())
    m.headers = change(m)
    bob.send(m)
    call.cancel()           # if the answer was none
    assert alice.take(lambda m: m.cseq_method == "CANCEL").status == 200
    final = alice.take(lambda m: m.cseq_method == "INVITE" and (m.status or 0) >= 200)
    assert final.status in (200, 487, 500)
    if final.status == 200:
        call.ack()
        call.bye()
        alice.expect("BYE 200")
    else:
        wait_until(lambda: not office.calls_now())


@pytest.mark.parametrize("phrase, headers, content_type", [
    ("Bu\0sy", (), None), ("Busy", [("Warning", '399 x "\0"')], None), ("", (), None),
    ("\x1b[2J\x07", (), None), ("Busy", [("Reason", "x" * 9000)], None),
    ("Busy", (), "text/pl\0ain"), ("Busy", [("X", "y" * 50000)], None)])
def test_B2_a_refusal_always_arrives(office, phrase, headers, content_type):
    """What cannot be written to the caller is left out; the refusal is not."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(486, reason=phrase or " ", headers=headers, body=b"x" if content_type else b"",
              content_type=content_type)
    bob.expect("ACK")
    m = alice.expect(486)
    assert b"\0" not in m.raw
    office.record(call, disposition="busy", sip_code=486)


@pytest.mark.parametrize("long", [False, True])
def test_B2_an_answer_that_cannot_be_written(office, long):
    """A Content-Type with a NUL; a body of B's that does not fit beside A's Vias: A is refused and B let go."""
    alice, bob = (office.phone(transport="tcp") for _ in range(2))
    call = alice.new_call(bob.name)
    vias = [("Via", "SIP/2.0/TCP h%d.test;branch=z9hG4bK%s" % (i, "x" * 200)) for i in range(60)] * long
    call.request("INVITE", sdp=sdp(), headers=vias)
    challenge = alice.take(lambda m: m.status == 407)
    call.request("INVITE", sdp=sdp(), headers=vias, auth=alice.credentials(challenge, "INVITE", call.target))
    alice.placed.append(call)
    bob.expect("INVITE")
    bob.reply(200, body=sdp() + "a=x:" + "y" * 57000 + "\r\n" if long else sdp(),
              content_type="application/sdp" if long else "application/s\0dp")
    bob.expect("ACK")
    alice.expect(500)
    bob.expect("BYE")
    bob.reply(200)
    office.record(call, disposition="failed", bill_ms=0, answer_at=None)


def test_B3_numbers(office):
    """CVE-2006-0739 (Content-Length), CVE-2026-23457 (4294967328 is not 32), CVE-2023-28097."""
    big = ("4294967328", "4294967296", "18446744073709551648", "9" * 40, "-1", "+1", "1e3", "0x10", " 1 2")
    answers(office, [dict(Content_Length=n, body="y" * 32) for n in big] +
            [dict(CSeq=n + " INVITE") for n in big + ("2147483648",)] +
            [dict(Max_Forwards=n) for n in big + ("256",)] +
            [dict(uri="sip:1001@pbx.test:" + n.strip()) for n in big + ("0", "65536")] +
            [dict(Contact="<sip:x@127.0.0.1:%s>" % n) for n in big + ("0", "65536")], (400,))
    answers(office, [dict(Via="SIP/2.0/UDP 127.0.0.1:%s;rport" % n) for n in big + ("0", "65536")] +
            [dict(Via="SIP/2.0/UDP 127.0.0.1;ttl=%s;rport" % n) for n in ("256", "-1")], (None,))
    answers(office, [dict(Expires=n) for n in big], (407,))
    bob = office.phone()
    for n in big[:4]:                       # no wrap: what is too large is not small
        granted = bob.register(expires=n, fresh=True)
        assert 3590 <= int(param(granted["Contact"], "expires")) <= 7200, n
    works(office)


@pytest.mark.parametrize("status", ["4294967496", "200200", "2", "20", "700", "099", "-200", "0x0", "+20"])
def test_B3_status_codes(office, status):
    """One that cannot be is no answer, whatever it is modulo 2^32."""
    alice, bob = office.phones(2)
    alice.invite(bob.name, sdp=sdp())
    m = bob.response(bob.expect("INVITE"), 200, sdp=sdp())
    bob.send_raw(m.bytes().replace(b"SIP/2.0 200 ", b"SIP/2.0 %s " % status.encode()))
    bob.silence(0.03)
    assert [m.status for m in alice.inbox if m.status != 100] == []
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)


def test_B4_digest_parser(office):
    """CVE-2023-28098 (a parameter's name), CVE-2025-57767 (a realm that was never challenged)."""
    good = ('Digest username="1001", realm="pbx.test", nonce="x", uri="sip:1001@pbx.test", response="%s", '
            'qop=auth, nc=00000001, cnonce="c"' % ("0" * 32))
    odd = ["", "Digest", "Digest ", "Digest ,", "Digest =", "Digest =x", 'Digest "', 'Digest username="', "D",
           "Digest username", "Digest username=", good + ",", good + ", =", good + ', x="', good + "\\",
           good.replace("00000001", "1"), good.replace("00000001", "ffffffffff"), good.replace("0" * 32, ""),
           good.replace("0" * 32, "0" * 31), good.replace('nonce="x"', 'nonce=""'), good + ', nonce="y"',
           good.replace("pbx.test", "never.test"), good.replace("qop=auth", "qop=auth-int"),
           good.replace("qop=auth, ", ""), good + ", algorithm=MD5-sess", good + ", algorithm=\"\"",
           good.replace('"1001"', '"\\"'), good.replace('"1001"', '"a\0b"'), good.replace('"1001"', '""'),
           "Basic MTAwMTp4", "Digest" + good, "Bearer " + LONG]
    for value in odd:
        assert answer(office, lambda p: request(p, Proxy_Authorization=value)) in (400, 407), value
        assert answer(office, lambda p: request(
            p, "REGISTER", "sip:pbx.test", Authorization=value)) in (400, 401), value
    assert answer(office, lambda p: request(p, Proxy_Authorization=[odd[3]] * 200)) in (400, 407)
    works(office)


BROKEN_SDP = ["v=0\r\n", "v=0", "o=\r\n", "v=0\r\no=- 1 1 IN IP4\r\n", "\0" * 100, "m=audio\r\n", LONG,
              sdp().replace("RTP/AVP 0", "RTP/AVP"), sdp().replace("m=audio 40000", "m=audio -1"),
              sdp().replace("m=audio 40000", "m=audio 99999999999"), sdp().replace("c=IN IP4 127.0.0.1\r\n", ""),
              sdp().replace("o=- 1 1 ", "o=- 99999999999999999999999 -1 "), sdp().replace("\r\n", "\n"),
              sdp() + "m=audio 1 RTP/AVP 0\r\n" * 500, sdp() + "a=" + LONG + "\r\n", sdp()[:-20], sdp() * 20,
              sdp().replace("IP4 127.0.0.1", "IP6 ::1"), sdp().replace("rtpmap:0", "rtpmap:999999999999")]


@pytest.mark.parametrize("body", range(len(BROKEN_SDP)))
def test_B5_broken_sdp(office, body):
    """CVE-2021-26906, CVE-2021-26717, CVE-2023-27596: as offer, as answer, and as offer in a call."""
    broken = BROKEN_SDP[body]
    alice, bob = office.phones(2)
    alice.checks = bob.checks = False
    call = alice.invite(bob.name, body=broken, content_type="application/sdp")
    both = wait_until(lambda: heard(alice, lambda m: (m.status or 0) >= 300) or
                      heard(bob, lambda m: m.method == "INVITE"))
    if both.method:
        bob.expect("INVITE")
        bob.reply(488)
        bob.expect("ACK")
    assert alice.expect("4xx").status in (400, 488)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    b = bob.call
    bob.reply(200, body=broken, content_type="application/sdp")
    bob.expect("ACK")
    final = alice.take(lambda m: (m.status or 0) >= 200)
    if final.status == 200:
        call.ack()
        b.request("INVITE", body=broken, content_type="application/sdp")
        both = wait_until(lambda: heard(bob, lambda m: (m.status or 0) >= 300) or
                          heard(alice, lambda m: m.method == "INVITE"))
        if both.method:
            alice.expect("INVITE")
            alice.reply(488)
            alice.expect("ACK")
        assert bob.expect("4xx").status in (400, 488)
        call.bye()
        alice.expect("BYE 200")
    bob.expect("BYE")
    bob.reply(200)


def heard(phone, wanted):
    phone._receive(time.monotonic() + 0.01)
    return next((m for m in phone.inbox if wanted(m)), None)


MULTI = ("--b\r\nContent-Type: application/sdp\r\n\r\n" + sdp() + "\r\n--b\r\nContent-Type: multipart/mixed;"
         "boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\nx\r\n--c--\r\n--b--\r\n")


@pytest.mark.parametrize("content_type, body", [
    ("multipart/mixed;boundary=b", MULTI), ("multipart/mixed", MULTI), ("multipart/mixed;boundary=", MULTI),
    ("multipart/mixed;boundary=b", "--b"), ("multipart/mixed;boundary=b", "--b\r\n" * 3000),
    ("multipart/mixed;boundary=" + "b" * 9000, MULTI), ("multipart/mixed;boundary=\"b", "\0\r\n--b--")])
def test_B6_multipart(office, content_type, body):
    """CVE-2022-21723; a nested one is answered like any other."""
    alice, bob = office.phones(2)
    alice.invite(bob.name, body=body, content_type=content_type)
    invite = bob.expect("INVITE")
    ours = re.compile(rb"o=.*?\r\n")    # where there is a description in it, it has our origin
    assert ours.sub(b"", invite.body) == ours.sub(b"", body.encode())
    assert invite["Content-Type"] == content_type
    bob.reply(415)
    bob.expect("ACK")
    alice.expect(415)


def test_B7_messages_after_the_end(office):
    """CVE-2022-23608, CVE-2021-31878 (re-INVITE after BYE), CVE-2013-5641 (late ACK with SDP)."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    office.hang_up(alice, bob)
    for call in (a, b):
        call.ack(sdp=sdp()) if call is a else call.request("ACK", sdp=sdp(), cseq=1)
        for method in ("INVITE", "UPDATE", "BYE", "OPTIONS", "INFO"):
            call.request(method, sdp=sdp() if method in ("INVITE", "UPDATE") else None)
            call.expect(method + " 481")
    a.cancel()
    alice.expect("CANCEL 481")
    bob.call.reply_again()
    alice.silence(0.05)
    bob.silence(0)


@pytest.mark.parametrize("when", ["at once", "ringing", "answered"])
def test_B7_the_connection_goes(office, when):
    """CVE-2020-28327: the INVITE's connection ends at any point of it."""
    alice, bob = office.phone(transport="tcp"), office.phone()
    call = alice.invite(bob.name, sdp=sdp())
    if when != "at once":
        bob.expect("INVITE")
        bob.reply(180)
        alice.expect(180)
    office.present.remove(alice)
    alice.link.close()
    if when == "at once":
        bob.expect("INVITE")
    bob.reply(200 if when == "answered" else 486, sdp=sdp() if when == "answered" else None)
    bob.expect("ACK")
    if when == "answered":
        bob.bye()
        bob.expect("BYE 200")
    office.record(call)


def test_B8_counts(office):
    """CVE-2018-7284 (many Accept headers), CVE-2012-5976 (a body as long as Content-Length says)."""
    many = ["application/x-%d" % i for i in range(1500)]
    answers(office, [dict(Accept=many), dict(method="SUBSCRIBE", Accept=many), dict(Accept=", ".join(many)),
                     dict(Via=["SIP/2.0/UDP 127.0.0.1:9;rport"] + ["SIP/2.0/UDP x"] * 900),
                     dict(Route=["<sip:r%d.test;lr>" % i for i in range(900)]),
                     dict(Record_Route=["<sip:r%d.test;lr>" % i for i in range(900)]),
                     dict(Contact=["<sip:c%d@x.test>" % i for i in range(900)]),
                     dict(Require=["x%d" % i for i in range(900)]),
                     dict(Proxy_Authorization=["Digest realm=\"r%d\"" % i for i in range(900)]),
                     dict(method="REGISTER", uri="sip:pbx.test",
                          Contact=["<sip:c%d@x.test>" % i for i in range(900)])], (400, 401, 405, 406, 407, 420))
    for length in ("4294967295", "2147483647", "1000000000", "70000"):
        assert answer(office, lambda p: request(p, Content_Length=length), "tcp") in (400, 413, 513)
    bob = office.phone()
    bob.register(status=400, contact=["<sip:c%d@127.0.0.1>" % i for i in range(40)])
    works(office)


def test_B9_nothing_takes_long(office):
    """Lists of nothing, folds without end, quotes and escapes: an answer at once, each."""
    bob = office.phone()
    for case in (dict(Supported="," * 30000), dict(Subject="\r\n " * 15000 + "x"), dict(Contact=";" * 30000),
                 dict(From='"' + '\\"' * 15000 + '" <sip:x@y>;tag=1'), dict(Via="," * 30000),
                 dict(From="<sip:x@y>" + ";a" * 15000 + ";tag=1"), dict(uri="sip:" + "%41" * 9000 + "@pbx.test"),
                 dict(Route="<sip:a;lr>," * 3000), dict(To="<" * 30000), dict(Require=",".join(["a"] * 15000)),
                 dict(Proxy_Authorization="Digest " + "a=b," * 7000)):
        data = request(bob, **case)
        before = time.monotonic()
        bob.link.send(data)
        bob.link.send(request(bob, "OPTIONS", "sip:pbx.test", Call_ID="after" + word()))
        while b"Call-ID: after" not in bob.link.receive(before + 2):
            pass
        assert time.monotonic() - before < 0.25, str(case)[:60]
    bob.inbox.clear()
    works(office)


def test_B9_a_fork_loop(office):
    """RFC 5393: two phones of one user that send each INVITE on to that user again: the loop is seen."""
    alice, one = office.phones(2)
    two = office.phone(user=one.name)
    alice.invite(one.name, sdp=sdp())
    for phone in (one, two):
        invite = phone.expect("INVITE")
        again = Message("INVITE %s SIP/2.0" % one.aor, [("Via", phone.via())] + invite.headers, invite.body)
        again.headers = [(n, str(int(v) - 1) if n == "Max-Forwards" else v) for n, v in again.headers]
        phone.auto_ack = False
        phone.send(again)
        m = phone.take(lambda m: m.status == 482)
        assert m.branch == again.branch
        phone.reply(482, to=invite)
        phone.expect("ACK")
    alice.expect(482)
    one.silence(0.05, but=(482,))
    two.silence(0, but=(482,))


@pytest.mark.parametrize("seed", range(4))
def test_B10_no_message_stops_a_process(office, seed):
    """Messages of the RFCs and of a call, each changed a little: nobody dies, a call works."""
    rng = random.Random(seed)
    seeds = [p.read_bytes() for p in sorted((REPO / "tests/torture").glob("*.dat"))]
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    seeds += [m.raw for m in alice.seen + bob.seen] * 2
    seeds += [m.bytes() for m in list(alice.asked.values()) + list(bob.asked.values())] * 2
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.67", 0))
        for n in range(1500):
            data = bytearray(rng.choice(seeds))
            for _ in range(rng.randrange(1, 6)):
                at = rng.randrange(len(data) or 1)
                what = rng.randrange(4)
                if what == 0:
                    data[at:at + 1] = bytes([rng.randrange(256)])
                elif what == 1:
                    del data[at:at + rng.randrange(40)]
                elif what == 2:
                    data[at:at] = data[at:at + rng.randrange(60)] * rng.randrange(4)
                else:
                    data[at:at] = rng.choice([b"\r\n", b"\0", b";", b",", b'"', b"<", b"%00", b": ", b"\xff\xfe"])
            s.sendto(bytes(data[:60000]), office.server)
            if n % 50 == 0:
                time.sleep(0.001)           # the socket's buffer is small
    for phone in (alice, bob):
        phone.checks = False
    for row in office.calls_now():
        office.x.ask("call_hangup", id=row["id"])
    for phone in (alice, bob):
        office.unrecorded |= {c.call_id for c in phone.placed}
    works(office)
