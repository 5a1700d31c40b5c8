"""FLOWS.md 1.3: changes of a call that is up."""
import pytest

from calls import exchange, sdp

building, office = exchange()


def sides(office, way):
    """A call that is up; who changes it, who is asked."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    return (a, b) if way == "caller" else (b, a)


@pytest.mark.parametrize("way", ["callee", "caller"])
def test_S1_06_reinvite(office, way):
    one, other = sides(office, way)
    one.reinvite(sdp=sdp(port=40010, version=2))
    one.ua.expect("100")
    offer = other.ua.expect("INVITE")
    assert "m=audio 40010" in offer.sdp and offer.tag("To")
    if way == "caller":
        assert offer.cseq == 2      # the second on that leg; the phone checks o= (INV-8)
    other.reply(200, sdp=sdp(port=50010, version=2))
    other.ua.expect("ACK")
    assert "m=audio 50010" in one.ua.expect(200).sdp
    one.ack()
    other.ua.silence(0.05)
    office.hang_up(one.ua, other.ua)


@pytest.mark.parametrize("way", ["callee", "caller"])
def test_S1_06_update(office, way):
    """By UPDATE: it is answered when the other side has answered, without an ACK."""
    one, other = sides(office, way)
    one.request("UPDATE", sdp=sdp(port=40010, version=2))
    offer = other.ua.take(lambda m: m.method in ("INVITE", "UPDATE"))
    assert "m=audio 40010" in offer.sdp
    other.reply(200, sdp=sdp(port=50010, version=2))
    if offer.method == "INVITE":
        other.ua.expect("ACK")
    assert "m=audio 50010" in one.ua.expect("UPDATE 200").sdp
    one.ua.silence(0.05)
    office.hang_up(one.ua, other.ua)


def test_S1_06_update_without_a_body(office):
    """It refreshes; nothing passes to the other side."""
    one, other = sides(office, "caller")
    one.request("UPDATE")
    one.ua.expect("UPDATE 200")
    other.ua.silence(0.05)
    office.hang_up(one.ua, other.ua)


def test_S1_06_reinvite_with_delayed_offer(office):
    """re-INVITE without SDP: offer in the 200, answer in the ACK."""
    one, other = sides(office, "caller")
    one.reinvite()
    asked = other.ua.expect("INVITE")
    assert asked.body == b""
    other.reply(200, sdp=sdp(port=50020, version=2))
    offer = one.ua.expect(200)
    assert "m=audio 50020" in offer.sdp
    one.ack(sdp=sdp(port=40020, version=2))
    assert "m=audio 40020" in other.ua.expect("ACK").sdp
    office.hang_up(one.ua, other.ua)


VIDEO = "m=video %d RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


def test_S0_14_codec_and_media(office):
    """PCMU to PCMA, video added, video removed (its port is 0, its line stays)."""
    one, other = sides(office, "callee")
    audio = sdp(port=40000, codecs=("8 PCMA/8000",))
    answers = sdp(port=50000, codecs=("8 PCMA/8000",))
    for offer, answer, seen in ((audio, answers, "RTP/AVP 8\r"),
                                (audio + VIDEO % 40002, answers + VIDEO % 50002, "m=video 40002"),
                                (audio + VIDEO % 0, answers + VIDEO % 0, "m=video 0")):
        one.reinvite(sdp=offer)
        assert seen in other.ua.expect("INVITE").sdp
        other.reply(200, sdp=answer)
        other.ua.expect("ACK")
        one.ua.expect(200)
        one.ack()
    office.hang_up(one.ua, other.ua)


def test_S1_12_S2_16e_hold_passes_as_it_came(office):
    """1.12 (4): 0.0.0.0, sendonly, inactive, and back without an attribute."""
    one, other = sides(office, "callee")
    for offer, answer, seen in (
            (sdp(ip="0.0.0.0", port=40000), sdp(port=50000), "c=IN IP4 0.0.0.0"),
            (sdp(port=40000, direction="sendonly"), sdp(port=50000, direction="recvonly"), "a=sendonly"),
            (sdp(port=40000, direction="inactive"), sdp(port=50000, direction="inactive"), "a=inactive"),
            (sdp(port=40000), sdp(port=50000), "m=audio 40000")):
        one.reinvite(sdp=offer)
        assert seen in other.ua.expect("INVITE").sdp
        other.reply(200, sdp=answer)
        other.ua.expect("ACK")
        one.ua.expect(200)
        one.ack()
    assert "a=sendonly" not in other.ua.seen[-1].sdp
    office.hang_up(one.ua, other.ua)


@pytest.mark.parametrize("way", ["callee", "caller"])
def test_S3_20_refused(office, way):
    """488 goes back to who asked; both dialogs stay."""
    one, other = sides(office, way)
    one.reinvite(sdp=sdp(port=40010))
    other.ua.expect("INVITE")
    other.reply(488, headers=[("Warning", '304 bob "no such codec"')])
    other.ua.expect("ACK")
    refusal = one.ua.expect(488)
    assert refusal["Warning"] == '304 bob "no such codec"'
    one.reinvite(sdp=sdp(port=40012))       # and it can be tried again
    assert "m=audio 40012" in other.ua.expect("INVITE").sdp
    other.reply(200, sdp=sdp(port=50012))
    other.ua.expect("ACK")
    one.ua.expect(200)
    one.ack()
    office.hang_up(one.ua, other.ua)


def test_S3_20_glare(office):
    """Both sides at once: 491, the call goes on, and the second try succeeds."""
    one, other = sides(office, "caller")
    one.reinvite(sdp=sdp(port=40010))
    other.reinvite(sdp=sdp(port=50010))
    other.ua.expect("INVITE")           # one's was first, so other's finds it in flight
    other.ua.expect(491)
    other.reply(491, to="INVITE")
    other.ua.expect("ACK")
    one.ua.expect(491)
    one.ua.silence(0.05)
    one.reinvite(sdp=sdp(port=40010))
    other.ua.expect("INVITE")
    other.reply(200, sdp=sdp(port=50010))
    other.ua.expect("ACK")
    one.ua.expect(200)
    one.ack()
    office.hang_up(one.ua, other.ua)


@pytest.mark.parametrize("status", [408, 481])
def test_S3_20_dialog_gone(office, status):
    """408 and 481 to a re-INVITE end the call."""
    one, other = sides(office, "caller")
    one.reinvite(sdp=sdp(port=40010))
    other.ua.expect("INVITE")
    other.reply(status)
    other.ua.expect("ACK")
    other.ua.expect("BYE")
    other.reply(status if status == 481 else 200)
    got = [one.ua.take(lambda m: m.method or m.status > 100) for _ in range(2)]
    assert {m.method or m.status for m in got} in ({status, "BYE"}, {487, "BYE"}, {481, "BYE"}), got
    one.reply(200, to="BYE")
    office.record(one, disposition="answered", released_by="network")


def test_reinvite_cancelled(office):
    """A re-INVITE given up is given up on the other side; the call goes on."""
    one, other = sides(office, "caller")
    one.reinvite(sdp=sdp(port=40010))
    other.ua.expect("INVITE")
    other.reply(100)
    one.ua.expect("100")
    one.cancel()
    one.ua.expect("CANCEL 200")
    other.ua.expect("CANCEL")
    other.reply(200, to="CANCEL")
    other.reply(487, to="INVITE")
    other.ua.expect("ACK")
    one.ua.expect(487)
    office.hang_up(one.ua, other.ua)


def test_bye_crosses_reinvite(office):
    one, other = sides(office, "caller")
    one.reinvite(sdp=sdp(port=40010))
    invite = other.ua.expect("INVITE")
    other.bye()
    other.ua.expect("BYE 200")
    one.ua.expect(487)
    one.ua.expect("BYE")
    one.reply(200)
    other.reply(487, to=invite)
    other.ua.silence(0.1, but=("ACK", "CANCEL"))
    for m in [m for m in other.ua.inbox if m.method == "CANCEL"]:
        other.reply(200, to=m)
    office.record(one, disposition="answered", released_by="callee")


def test_S2_13_requests_out_of_order(office):
    """S2-13: a number lower than the last is 500."""
    one, other = sides(office, "caller")
    one.request("UPDATE", cseq=one.cseq - 1)
    one.ua.expect("UPDATE 500")
    other.ua.silence(0.05)
    office.hang_up(one.ua, other.ua)


def test_S2_13_target_is_refreshed(office):
    """S2-13: a re-INVITE may move where the next request goes."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    moved = office.phone(user=bob.name, register=False)
    moved.calls[b.call_id] = b
    b.reinvite(sdp=sdp(), contact=moved.contact)
    alice.expect("INVITE")
    alice.reply(200, sdp=sdp())
    alice.expect("ACK")
    bob.expect(200)
    b.ack()
    a.bye()
    bye = moved.expect("BYE")
    assert bye.uri == moved.contact_uri
    moved.send(moved.response(bye, 200))
    alice.expect(200)
