"""What a person does with more than one call, and ways to call (FLOWS.md S1-13, S2-16g, S0-16, S1-18, S2-17, S2-30)."""
import re

from calls import exchange, sdp

building, office = exchange()


def reoffers(phone, call, other, direction):
    """A re-INVITE of a phone arrives at the other side with the direction it has, and is answered."""
    call.reinvite(sdp=sdp(port=40000, direction=direction))
    assert "a=" + direction in other.expect("INVITE").sdp
    other.reply(200, sdp=sdp(port=50000, direction={"sendonly": "recvonly"}.get(direction, direction)))
    other.expect("ACK")
    phone.expect(200)
    call.ack()


def test_S1_13_S2_16g_M_05_call_waiting(office):
    """A and B talk, C calls A, who answers 180, holds B, talks with C, and comes back to B."""
    alice, bob, carol = office.phones(3)
    a, b = office.up(alice, bob)
    c = carol.invite(alice.name, sdp=sdp(port=41000))
    alice.expect("INVITE")
    waiting = alice.call
    waiting.reply(180)
    carol.expect(180)
    reoffers(alice, a, bob, "sendonly")
    waiting.reply(200, sdp=sdp(port=40002))
    carol.expect(200)
    c.ack()
    alice.expect("ACK")
    bob.silence(0.05)                       # his dialog is untouched while she talks to carol
    waiting.bye()
    carol.expect("BYE")
    c.reply(200)
    alice.expect("BYE 200")
    reoffers(alice, a, bob, "sendrecv")
    office.hang_up(a, bob)
    first = office.record(a, disposition="answered", called_number=bob.name, released_by="caller")
    second = office.record(c, disposition="answered", called_number=alice.name, released_by="callee")
    assert first.cdr["hold_ms"] > 0 and not second.cdr["hold_ms"]
    assert first.cdr["bill_ms"] >= second.cdr["bill_ms"]


def test_S0_16_three_ways_to_call(office):
    """To the exchange's own address, through it as outbound proxy, and by way of a redirection."""
    alice, bob, carol = office.phones(3)
    direct = "sip:%s@%s:%d" % (bob.name, *office.server)
    route = "<sip:%s:%d;lr>" % office.server
    for to, headers in ((direct, []), ("sip:%s@pbx.test" % bob.name, [("Route", route)])):
        call = alice.invite(to, sdp=sdp(), headers=headers)
        invite = bob.expect("INVITE")
        assert not invite.has("Route")
        bob.reply(200, sdp=sdp(port=50000))
        alice.expect(200)
        call.ack()
        bob.expect("ACK")
        office.hang_up(call, bob)
        office.record(call, disposition="answered", called_number=bob.name)
    carol.invite(bob.name, sdp=sdp())
    call = carol.call
    bob.expect("INVITE")
    bob.reply(302, contact="<sip:%s@pbx.test>" % alice.name)
    bob.expect("ACK")
    alice.expect("INVITE")
    alice.reply(200, sdp=sdp(port=50000))
    carol.expect(200)
    call.ack()
    alice.expect("ACK")
    office.hang_up(call, alice)
    carol.placed.remove(call)               # two segments: worker_redirect has the record


def test_S1_18_ordinary_telephone(office):
    """Dial, ring, ringback, busy: by codes, the phones make the tones; nothing is added to them."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    assert not alice.expect(180).body
    bob.reply(486)
    bob.expect("ACK")
    busy = alice.expect(486)
    assert busy["Content-Length"] == "0"
    office.record(call, disposition="busy", sip_code=486, q850_cause=17)


def test_S2_17_signed_and_sealed(office):
    """A body that is sealed for the other end, and who signs for the caller, arrive as they were."""
    alice, bob = office.phones(2)
    sealed = bytes(range(256)) * 3
    signed = "eyJhbGciOiJFUzI1NiJ9.eyJpYXQiOjF9.c2ln;info=<https://cert.test/a.pem>;alg=ES256;ppt=shaken"
    call = alice.invite(bob.name, body=sealed, content_type="application/pkcs7-mime; smime-type=enveloped-data",
                        headers=[("Content-Disposition", "session;handling=optional"), ("Identity", signed)])
    invite = bob.expect("INVITE")
    assert invite.body == sealed
    assert invite["Content-Type"].startswith("application/pkcs7-mime")
    assert invite["Identity"] == signed
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    office.record(call, disposition="busy")


def test_S2_30_any_media(office):
    """Audio, video, an application and messages, in this order; also what we know nothing of."""
    alice, bob = office.phones(2)
    media = ["m=audio 40000 RTP/AVP 8", "m=video 40002 RTP/AVP 96", "a=rtpmap:96 VP8/90000",
             "m=application 40004 UDP/BFCP *", "m=message 40006 TCP/MSRP *", "a=path:msrp://h/s;tcp",
             "m=hologram 40008 X/Y 1"]
    offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" + "".join(
        line + "\r\n" for line in media)
    call = alice.invite(bob.name, sdp=offer)
    assert re.findall(r"^[ma]=.*?(?=\r?$)", bob.expect("INVITE").sdp, re.M) == media
    answer = re.sub(r"(m=\w+) 4", r"\1 5", offer)
    bob.reply(200, sdp=answer)
    got = re.findall(r"^[ma]=.*?(?=\r?$)", alice.expect(200).sdp, re.M)
    assert got == [re.sub(r"(m=\w+) 4", r"\1 5", line) for line in media]
    call.ack()
    bob.expect("ACK")
    office.hang_up(call, bob)
