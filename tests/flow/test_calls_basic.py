"""FLOWS.md 1.3: the basic call and its release."""
import re
import socket
import time

from calls import exchange, rings_first, sdp, wait_until
from sip_text import param, params_of, word

building, office = exchange()


def test_S1_03_basic_call(office):
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp(port=40000))
    alice.expect("100")
    invite = bob.expect("INVITE")
    assert "m=audio 40000" in invite.sdp
    bob.reply(100)
    bob.reply(180)
    alice.expect(180)
    bob.reply(200, sdp=sdp(port=50000))
    bob.expect("ACK")           # at once: 1.12 (2)
    answer = alice.expect(200)
    assert "m=audio 50000" in answer.sdp
    alice.ack()
    alice.bye()
    bob.expect("BYE")
    bob.reply(200)
    alice.expect(200)
    r = office.record(call, disposition="answered", sip_code=200, q850_cause=16,
                      released_by="caller", end_reason="normal", segment_kind="direct",
                      dialed_digits=bob.name, called_number=bob.name, connected_number=bob.name)
    assert r.cdr["ring_at"] and r.cdr["answer_at"]
    assert r.call["direction"] == "internal"
    assert len(r.branches) == 1


def test_S0_12_delayed_offer(office):
    """The offer is in the 200, the answer in the ACK; both cross the exchange."""
    alice, bob = office.phones(2)
    alice.invite(bob.name)
    invite = bob.expect("INVITE")
    assert invite.body == b"" and not invite.has("Content-Type")
    bob.reply(180)
    alice.expect(180)
    bob.reply(200, sdp=sdp(port=50000, codecs=("0 PCMU/8000", "8 PCMA/8000")))
    offer = alice.expect(200)
    assert "m=audio 50000 RTP/AVP 0 8" in offer.sdp
    bob.silence(0.1)            # its ACK waits for the answer
    alice.ack(sdp=sdp(port=40000, codecs=("8 PCMA/8000",)))
    ack = bob.expect("ACK")
    assert "m=audio 40000 RTP/AVP 8" in ack.sdp
    office.hang_up(alice, bob)


def test_S2_20_no_ringing(office):
    """B answers at once: A gets 100 and 200, no ringing is invented."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(200, sdp=sdp())
    alice.expect("100")
    alice.expect(200)
    alice.ack()
    bob.expect("ACK")
    office.hang_up(alice, bob)
    r = office.record(call, disposition="answered", ring_at=None)
    assert r.cdr["bill_ms"] >= 0


def test_S1_15_auto_answer(office):
    """As S2-20, with the headers of an Asterisk."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(200, sdp=sdp(), headers=[
        ("User-Agent", "Asterisk PBX"), ("Allow", "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER"),
        ("Supported", "replaces, precondition")])
    answer = alice.expect(200)
    assert "precondition" not in answer.get("Supported", "")    # B's, not ours
    alice.ack()
    bob.expect("ACK")
    office.hang_up(bob, alice)
    office.record(call, disposition="answered", released_by="callee", user_agent_b="Asterisk PBX")


def test_S3_12_trying_copies(office):
    """100 has To, From, Call-ID, CSeq and Via of the INVITE, byte for byte (but received, rport)."""
    alice, bob = office.phones(2)
    alice.display = "Älice  \\\"A\\\"; <x>"
    call = alice.invite(bob.name, sdp=sdp())
    trying = alice.expect("100")
    invite = alice.asked[trying.branch, "INVITE"]
    for name in ("From", "To", "Call-ID", "CSeq"):
        assert trying.all(name) == invite.all(name)
    assert param(trying["Via"], "branch") == param(invite["Via"], "branch")
    bob.expect("INVITE")
    call.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    wait_until(lambda: not office.calls_now())


def ask_raw(office, phone, via, method="OPTIONS", uri=None):
    """A request with a Via of our own; its branch."""
    branch = "z9hG4bK" + word()
    phone.checks = False
    phone.send_raw(
        "%s %s SIP/2.0\nVia: %s;branch=%s\nMax-Forwards: 70\nFrom: <sip:x@pbx.test>;tag=%s\n"
        "To: <sip:pbx.test>\nCall-ID: %s\nCSeq: 1 %s\nContact: %s\nContent-Length: 0\n\n" % (
            method, uri or "sip:127.0.0.1:%d" % office.x.port, via, branch, word(), word(), method,
            phone.contact))
    return branch


def test_S3_15_responses_go_back_along_via(office):
    """To where the packet came from, and to its port if rport asks for that; never to maddr: the
    Via cannot aim our answers at a third (THREATS.md C2)."""
    here, there = office.phone(register=False), office.phone(register=False)
    port = here.link.local[1]
    ask_raw(office, here, "SIP/2.0/UDP 192.0.2.7:9;rport")
    m = here.expect(200)
    assert params_of(m["Via"])["received"] == "127.0.0.1"
    assert params_of(m["Via"])["rport"] == str(port)
    ask_raw(office, here, "SIP/2.0/UDP 192.0.2.7:%d;maddr=192.0.2.8" % port)
    here.expect(200)
    ask_raw(office, here, "SIP/2.0/UDP 127.0.0.1:%d" % there.link.local[1])
    there.checks = False
    there.expect(200)           # no rport: the port that Via names
    here.silence(0.05)


def test_S3_15_response_for_somebody_else(office):
    """A response whose top Via is not ours is dropped, also in the middle of a call."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    invite = bob.expect("INVITE")
    for via in ("SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK" + word(),
                "SIP/2.0/UDP 192.0.2.9:5060;branch=%sx" % invite.branch,
                "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK", "SIP/2.0/UDP 192.0.2.9:5060"):
        m = bob.response(invite, 200, sdp=sdp())
        m.headers = [("Via", via) if n == "Via" else (n, v) for n, v in m.headers]
        bob.send(m)
    alice.silence(0.1)
    bob.silence(0)
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    office.record(call, disposition="busy")


def test_S3_16_no_media_in_ringing(office):
    """180 without SDP stays so: the phone makes its own ringback."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    ringing = alice.expect(180)
    assert ringing.body == b"" and not ringing.has("Content-Type")
    bob.reply(183, sdp=sdp(port=50002))     # and 183 with it keeps it
    assert "m=audio 50002" in alice.expect(183).sdp
    call.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.expect("CANCEL")
    bob.reply(200)
    bob.reply(487, to="INVITE")


def test_S3_17_offer_and_answer(office):
    """Codecs pass as they are offered and answered."""
    alice, bob = office.phones(2)
    codecs = ("0 PCMU/8000", "8 PCMA/8000", "18 G729/8000", "101 telephone-event/8000")
    alice.invite(bob.name, sdp=sdp(codecs=codecs))
    offer = bob.expect("INVITE").sdp
    assert "RTP/AVP 0 8 18 101" in offer and "a=rtpmap:101 telephone-event/8000" in offer
    bob.reply(200, sdp=sdp(codecs=codecs[1:2]))
    answer = alice.expect(200).sdp
    assert re.search("m=audio [0-9]+ RTP/AVP 8\r", answer)
    alice.ack()
    bob.expect("ACK")
    office.hang_up(alice, bob)


def test_S3_18_answer_headers(office):
    alice, bob = office.phones(2)
    alice.invite(bob.name, sdp=sdp(), headers=[("Record-Route", "<sip:edge.test:5070;lr>")])
    bob.expect("INVITE")
    bob.reply(180)
    ringing = alice.expect(180)
    bob.reply(200, sdp=sdp())
    answer = alice.expect(200)
    invite = alice.asked[answer.branch, "INVITE"]
    assert answer["From"] == invite["From"] and answer["CSeq"] == invite["CSeq"]
    assert answer["Call-ID"] == invite["Call-ID"] and not invite.tag("To")
    assert answer.tag("To") == ringing.tag("To")
    assert answer["Content-Type"] == "application/sdp"
    assert answer.contact.split(";")[0].endswith("@127.0.0.1:%d" % office.x.port)
    assert bob.name not in answer.contact
    assert "INVITE" in answer["Allow"] and "BYE" in answer["Allow"]
    a = alice.call
    a.routes = []               # the edge is not really there
    alice.ack()
    bob.expect("ACK")
    bob.bye()
    bob.expect(200)             # P answers at once; its own BYE goes to the edge


def test_S2_21_nothing_bypasses_us(office):
    """A UA that honours Contact sends ACK, BYE and re-INVITE to P, on both legs."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    for call in (a, b):
        assert call.target.split(";")[0].endswith("@127.0.0.1:%d" % office.x.port)
    b.reinvite(sdp=sdp(port=50004))
    alice.expect("INVITE")
    alice.reply(200, sdp=sdp())
    alice.expect("ACK")
    bob.expect(200)
    b.ack()
    office.hang_up(b.ua, alice)


def test_S3_19_an_ack_is_never_answered(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    alice.resend = None
    a.ack()                                             # again, a new branch
    a.request("ACK", cseq=77)                           # of no INVITE
    a.request("ACK", cseq=1, to="<sip:x@pbx.test>;tag=nobody")
    alice.checks = False
    ask_raw(office, alice, "SIP/2.0/UDP %s" % alice.sent_by, method="ACK")
    alice.send_raw("ACK sip:x@pbx.test SIP/2.0\nVia: SIP/2.0/UDP %s\nCSeq: 1 ACK\n\n" % alice.sent_by)
    alice.send_raw("ACK sip:x y SIP/2.0\n\n")
    alice.silence(0.15)
    bob.silence(0)
    office.hang_up(alice, bob)


class Rtp:
    """A socket that sends a few packets and counts what it gets."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.3)
        self.port = self.sock.getsockname()[1]

    def send(self, description, payload):
        port = int(re.search("m=audio ([0-9]+)", description)[1])
        host = re.search("c=IN IP4 (.*?)\r", description)[1]
        self.sock.sendto(b"\x80\x00\x00\x01" + bytes(8) + payload, (host, port))

    def got(self):
        return self.sock.recv(2048)[12:]


def test_S0_23_direct_call(office):
    """F1-F6: Bob ends the call; media both ways within 300 ms of the ACK."""
    alice, bob = office.phones(2)
    rtp_a, rtp_b = Rtp(), Rtp()
    call = alice.invite(bob.name, sdp=sdp(port=rtp_a.port))
    offer = bob.expect("INVITE").sdp                    # F1
    bob.reply(180)
    alice.expect(180)                                   # F2
    bob.reply(200, sdp=sdp(port=rtp_b.port))
    answer = alice.expect(200).sdp                      # F3
    alice.ack()
    bob.expect("ACK")                                   # F4
    rtp_a.send(answer, b"from alice")
    rtp_b.send(offer, b"from bob")
    assert rtp_b.got() == b"from alice" and rtp_a.got() == b"from bob"
    bob.bye()
    alice.expect("BYE")                                 # F5
    alice.reply(200)
    bob.expect(200)                                     # F6
    office.record(call, disposition="answered", released_by="callee")


def test_S0_24_each_side_counts_for_itself(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    bob.bye(cseq=1)             # after CSeq 1 INVITE in the other direction
    assert bob.expect(200)["CSeq"] == "1 BYE"
    bye = alice.expect("BYE")
    assert bye.cseq >= 1
    alice.reply(200)


def test_S0_25_tags(office):
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    invite = bob.expect("INVITE")
    b = bob.call
    assert invite.tag("To") is None and invite.tag("From")
    bob.reply(180)
    tag = alice.expect(180).tag("To")
    bob.reply(200, sdp=sdp())
    assert alice.expect(200).tag("To") == tag
    alice.ack()
    assert bob.expect("ACK").tag("To")
    # A BYE with a wrong tag, on either leg, is for nothing of ours.
    for call in (a, b):
        right = call.remote
        wrong = re.sub("tag=.*", "tag=wrong", right)
        call.bye(to=wrong)
        call.expect(481)
    other = alice.new_call(bob.name, call_id=a.call_id)
    local = a.local
    a.local = re.sub("tag=.*", "tag=wrong", local)
    alice.calls[a.call_id] = a
    a.bye()
    a.expect(481)
    a.local = local
    assert other is not a
    bob.silence(0)
    bye = b.bye()
    assert bye.tag("From") == param(b.local, "tag") and bye.tag("To") == invite.tag("From")
    bob.expect(200)
    got = alice.expect("BYE")
    assert got.tag("From") == tag and got.tag("To") == param(a.local, "tag")
    alice.reply(200)


def test_S0_26_received(office):
    """Added when the packet came from elsewhere than Via says, be it a name or an address."""
    here = office.phone(register=False)
    port = here.link.local[1]
    for sent_by, received in (("phone.example.com:%d" % port, "127.0.0.1"),
                              ("192.0.2.44:%d" % port, "127.0.0.1"), ("127.0.0.1:%d" % port, None)):
        ask_raw(office, here, "SIP/2.0/UDP " + sent_by)
        got = params_of(here.expect(200)["Via"])
        assert got.get("received") == received and "rport" not in got
    ask_raw(office, here, "SIP/2.0/UDP 127.0.0.1:%d;rport" % port)
    assert params_of(here.expect(200)["Via"])["rport"] == str(port)


def test_S0_27_ack_of_an_answer(office):
    """A new branch, the INVITE's number (INV-6; the phone checks the rest)."""
    alice, bob = office.phones(2)
    alice.invite(bob.name, sdp=sdp())
    invite = bob.expect("INVITE")
    bob.reply(200, sdp=sdp())
    ack = bob.expect("ACK")
    assert ack.branch != invite.branch and ack.cseq == invite.cseq and ack.cseq_method == "ACK"
    assert ack.uri == bob.contact_uri and ack.tag("To") == param(bob.call.local, "tag")
    alice.expect(200)
    alice.ack()
    office.hang_up(alice, bob)


def test_S0_29_damaged_sdp(office):
    """o= and s= run together, as printed: 400, 488 or untouched; nobody dies."""
    alice, bob = office.phones(2)
    body = ("v=0\r\no=alice 2890844526 2890844526 IN IP4 host.test s=-\r\nc=IN IP4 127.0.0.1\r\n"
            "t=0 0\r\nm=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n")
    for text in (body, body.replace("\r\n", ""), body[:40], body.replace("o=", "o"), "v=0\r\n",
                 body.replace("49170", "99999999999999999999"), "\0" * 30):
        call = alice.invite(bob.name, body=text, content_type="application/sdp")
        invite = rings_first(alice, call, bob)
        if invite is None:
            assert alice.take(lambda m: m.call is call and (m.status or 0) >= 300).status in (400, 488)
            continue
        assert invite.body
        bob.reply(486)
        bob.expect("ACK")
        alice.expect(486)
    a, b = office.up(alice, bob)    # all is well
    office.hang_up(a.ua, b.ua)


def test_S1_05_callee_hangs_up(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    before = time.time()
    bob.bye()
    bob.expect(200)             # at once: A has not answered yet
    alice.expect("BYE")
    # The record does not wait for A's answer.
    r = office.record(a, disposition="answered", released_by="callee", end_reason="normal",
                      sip_code=200, q850_cause=16)
    end = office.sql("select extract(epoch from end_at) as t from tandem.cdr where cdr_id = '%s'"
                     % r.cdr["cdr_id"])[0]["t"]
    assert abs(float(end) - before) < 0.2
    alice.reply(200)


def test_S0_13_caller_hangs_up(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    alice.bye()
    alice.expect(200)
    bob.expect("BYE")
    bob.reply(200)
    office.record(a, disposition="answered", released_by="caller")


def test_S0_13_both_at_once(office):
    """BYE crosses BYE: each is answered, one record, the counters go down once."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    calls = office.metric("tandem_calls_answered_total")
    a.bye()
    b.bye()
    assert alice.take(lambda m: m.cseq_method == "BYE" and m.status).status in (200, 481)
    assert bob.take(lambda m: m.cseq_method == "BYE" and m.status).status in (200, 481)
    for phone in (alice, bob):
        phone.silence(0.05, but=("BYE",))
        for m in phone.inbox:
            if m.method == "BYE":
                phone.send(phone.response(m, 481))
    r = office.record(a, disposition="answered")
    assert r.cdr["released_by"] in ("caller", "callee")
    assert office.metric("tandem_calls_answered_total") == calls
    wait_until(lambda: office.metric("tandem_calls") == 0)


def test_S4_03_bye_of_the_caller(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    bye = a.bye()
    answer = alice.expect(200)
    assert bye.cseq == a.invite_sent.cseq + 1
    for name in ("CSeq", "Call-ID", "From", "To"):
        assert answer[name] == bye[name]
    at_bob = bob.expect("BYE")
    assert at_bob.cseq == 2     # P's own count on that leg
    bob.reply(200)


def test_S3_21_ack_after_bye(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    office.hang_up(alice, bob)
    a.ack()
    b.request("ACK", cseq=1)
    alice.silence(0.1)
    bob.silence(0)


def test_S0_07_six_steps(office):
    """Locate, choose media, willingness, set-up, modification, termination: all in one."""
    alice, bob = office.phone(), office.phone(register=False)
    bob.register()                                              # locate
    call = alice.invite(bob.name, sdp=sdp(codecs=("0 PCMU/8000", "8 PCMA/8000")))
    bob.expect("INVITE")
    bob.reply(180)                                              # willing
    alice.expect(180)
    bob.reply(200, sdp=sdp(codecs=("0 PCMU/8000",)))            # media
    alice.expect(200)
    alice.ack()
    bob.expect("ACK")                                           # set up
    call.reinvite(sdp=sdp(codecs=("8 PCMA/8000",), version=2))  # modified
    bob.expect("INVITE")
    bob.reply(200, sdp=sdp(codecs=("8 PCMA/8000",)))
    bob.expect("ACK")
    alice.expect(200)
    call.ack()
    office.hang_up(alice, bob)                                  # terminated
    bob.unregister()
    office.record(call, disposition="answered", released_by="caller", sip_code=200)
    again = alice.invite(bob.name, sdp=sdp())
    alice.expect(480)
    office.record(again, disposition="unreachable", sip_code=480, bill_ms=0)


def test_S1_17_the_record_is_there(office):
    """Within two seconds of the BYE; record() waits no longer."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    office.hang_up(alice, bob)
    at = time.monotonic()
    office.record(a, disposition="answered")
    assert time.monotonic() - at < 2
