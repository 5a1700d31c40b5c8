"""Session timers (RFC 4028) of each leg by itself, as phones see them; the clock's part is in
tests/machines/worker_session_test.c and worker_refresh_test.c."""
from calls import exchange, sdp

building, office = exchange()

CAN = [("Supported", "timer"), ("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE")]


def expires(value):
    return ("Session-Expires", value)


def rings(office, headers):
    """alice calls bob, whose phone rings."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp(), headers=headers)
    invite = bob.expect("INVITE")
    return a, bob.call, invite


def is_up(a, b, headers):
    """bob answers with these; what alice hears."""
    b.reply(200, sdp=sdp(), headers=headers)
    b.ua.expect("ACK")
    answer = a.ua.expect(200)
    a.ack()
    return answer


def test_S9_too_small_an_interval(office):
    """422 with Min-SE; the second try is as long as that, and goes on."""
    alice, bob = office.phones(2)
    first = alice.invite(bob.name, sdp=sdp(), headers=[*CAN, expires("45")])
    assert alice.expect(422)["Min-SE"] == "90"
    alice.placed.remove(first)              # no call has been: there is no record
    a = alice.invite(bob.name, sdp=sdp(), headers=[*CAN, expires("90"), ("Min-SE", "90")])
    bob.expect("INVITE")
    answer = is_up(a, bob.call, [])
    assert answer["Session-Expires"] == "90;refresher=uas" and answer["Require"] == "timer"
    office.hang_up(alice, bob)


def test_S7_3_the_called_phone_wants_more(office):
    """Its 422 is followed; the caller hears nothing of it."""
    a, b, invite = rings(office, [("Subject", "tea")])
    assert invite["Session-Expires"] == "1800" and "timer" in invite["Supported"]
    b.reply(422, headers=[("Min-SE", "2400")])
    b.ua.expect("ACK")
    again = b.ua.expect("INVITE")
    assert (again["Session-Expires"], again["Min-SE"], again["Subject"]) == ("2400", "2400", "tea")
    assert again["Call-ID"] == invite["Call-ID"] and again.cseq == invite.cseq + 1
    assert again.sdp == invite.sdp
    a.ua.silence(0.05)
    answer = is_up(a, b, [*CAN, expires("2400;refresher=uac"), ("Require", "timer")])
    assert answer["Session-Expires"] == "1800;refresher=uas"    # alice's leg is another session
    assert not answer.has("Require")                            # she does no timers
    office.hang_up(a.ua, b.ua)


def test_S7_4_each_leg_has_its_own(office):
    """What alice agrees on in her re-INVITE and UPDATE does not show on bob's leg."""
    a, b, _ = rings(office, [*CAN, expires("600;refresher=uac")])
    answer = is_up(a, b, [*CAN, expires("1800;refresher=uas"), ("Require", "timer")])
    assert answer["Session-Expires"] == "600;refresher=uac"
    a.request("UPDATE", headers=[*CAN, expires("200;refresher=uac"), ("Min-SE", "100")])
    assert a.ua.expect("UPDATE 200")["Session-Expires"] == "200;refresher=uac"
    b.ua.silence(0.05)
    a.reinvite(sdp=sdp(port=40010), headers=[*CAN, expires("300;refresher=uas")])
    offer = b.ua.expect("INVITE")
    assert offer["Session-Expires"] == "1800;refresher=uas" and not offer.has("Min-SE")
    answer = is_up(a, b, [*CAN, expires("1800;refresher=uas"), ("Require", "timer")])
    assert answer["Session-Expires"] == "300;refresher=uas"
    office.hang_up(a.ua, b.ua)
