"""FLOWS.md S4-09 and what belongs to it: a user with several phones."""
from calls import exchange, sdp, wait_until
from sip_text import param, word

building, office = exchange()


def ring_three(office):
    """A caller and three phones of one user, all ringing; the call, and each phone's side of it."""
    alice, one = office.phones(2)
    phones = [one] + [office.phone(user=one.name) for _ in range(2)]
    call = alice.invite(one.name, sdp=sdp(port=40000))
    for phone in phones:
        phone.expect("INVITE")
        phone.reply(180)
    alice.expect(180)
    return alice, call, phones


def lose(phone):
    """A phone that is told that the call was completed elsewhere."""
    cancel = phone.expect("CANCEL")
    assert cancel["Reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
    phone.call.reply(200, to="CANCEL")
    phone.call.reply(487, to="INVITE")
    phone.expect("ACK")


def test_S4_09_all_ring_first_wins(office):
    alice, call, phones = ring_three(office)
    first, second, third = phones
    branches = {p.call.requests[0].branch for p in phones}
    assert len(branches) == 3
    assert len({p.call.requests[0]["Call-ID"] for p in phones}) == 1    # 1.12 (1)
    assert len({p.call.requests[0]["From"] for p in phones}) == 1
    assert len({p.call.requests[0]["Contact"] for p in phones}) == 3
    second.reply(200, sdp=sdp(port=50002))
    second.expect("ACK")
    answer = alice.expect(200)
    assert "m=audio 50002" in answer.sdp
    call.ack()
    lose(first)
    lose(third)
    alice.silence(0.05)
    office.hang_up(alice, second)
    r = office.record(call, disposition="answered", sip_code=200)       # R4: one segment, 1+3 legs
    assert len(r.branches) == 3
    assert sorted(leg["cancelled_elsewhere"] for leg in r.branches) == [False, True, True]
    assert sorted(leg["sip_code"] for leg in r.branches) == [200, 487, 487]


def test_S4_09_second_answer(office):
    """Two answer at once: the later one gets ACK and BYE."""
    alice, call, (first, second, third) = ring_three(office)
    first.reply(200, sdp=sdp(port=50001))
    third.reply(200, sdp=sdp(port=50003))
    first.expect("ACK")
    assert "m=audio 50001" in alice.expect(200).sdp
    call.ack()
    third.take(lambda m: m.method == "ACK")
    third.take(lambda m: m.method == "BYE")
    third.call.reply(200, to="BYE")
    third.inbox.clear()             # the CANCEL that crossed it
    lose(second)
    office.hang_up(alice, first)
    r = office.record(call, disposition="answered")
    assert len(r.branches) == 3 and len(office.rows_of(call.call_id)) == 1


def refuse(phone, status, **more):
    phone.call.reply(status, to="INVITE", **more)
    phone.expect("ACK")


def test_S4_09_all_fail_best_response(office):
    """RFC 3261 16.7: the lowest class, and in it what tells the caller what to change."""
    for statuses, best in (((500, 486, 503), 486), ((404, 484, 486), 484), ((486, 503, 500), 486)):
        alice, call, phones = ring_three(office)
        for phone, status in zip(phones, statuses):
            refuse(phone, status)
        alice.expect(best)
        r = office.record(call, sip_code=best, bill_ms=0)
        assert sorted(leg["sip_code"] for leg in r.branches) == sorted(statuses)


def test_S4_09_6xx_before_all(office):
    alice, call, phones = ring_three(office)
    refuse(phones[0], 486)
    refuse(phones[1], 600, reason="Busy Everywhere")
    phones[2].expect("CANCEL")
    phones[2].call.reply(200, to="CANCEL")
    refuse(phones[2], 487)
    alice.expect(600)
    office.record(call, disposition="busy", sip_code=600)


def test_S4_09_S2_26_one_answers_when_others_refuse(office):
    """S2-26: refusals are ACKed and swallowed."""
    alice, call, phones = ring_three(office)
    refuse(phones[0], 486)
    refuse(phones[1], 404)
    alice.silence(0.05)
    phones[2].call.reply(200, sdp=sdp())
    phones[2].expect("ACK")
    alice.expect(200)
    call.ack()
    office.hang_up(alice, phones[2])


def test_S4_09_caller_gives_up(office):
    alice, call, phones = ring_three(office)
    call.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    for phone in phones:
        phone.expect("CANCEL")
        phone.call.reply(200, to="CANCEL")
        refuse(phone, 487)
    r = office.record(call, disposition="cancelled")
    assert [leg["cancelled_elsewhere"] for leg in r.branches] == [False] * 3


def test_S2_27_registered_twice(office):
    """A device with two contacts gets the call twice and says 482 to the second; that is no refusal."""
    alice, bob = office.phones(2)
    again = office.phone(user=bob.name)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    again.expect("INVITE")
    again.reply(482)
    again.expect("ACK")
    alice.expect(180)
    refuse(bob, 486)
    alice.expect(486)
    office.record(call, disposition="busy")


def test_S0_10_by_q(office):
    """In the order of q, equal q together."""
    alice, bob = office.phones(2)
    bob.unregister()
    bob.register(contact=bob.contact + ";q=0.9", fresh=True)
    second, third = [office.phone(user=bob.name, register=False) for _ in range(2)]
    second.register(contact=second.contact + ";q=0.5")
    third.register(contact=third.contact + ";q=0.5")
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    second.silence(0.1)
    third.silence(0)
    bob.reply(180)
    alice.expect(180)
    refuse(bob, 480)
    for phone in (second, third):
        phone.expect("INVITE")
        phone.reply(180)
    alice.silence(0.05)             # the caller has heard 180
    third.reply(200, sdp=sdp())
    third.expect("ACK")
    alice.expect(200)
    call.ack()
    lose(second)
    office.hang_up(alice, third)
    r = office.record(call, disposition="answered")
    assert len(r.branches) == 3


def test_S0_05_expires_in_the_contact(office):
    """The expires inside the brackets is how long that contact rings; the others go on."""
    alice, bob = office.phones(2)
    other = office.phone(user=bob.name, register=False)
    other.register(contact="<%s;expires=1>;expires=600" % other.contact_uri)
    call = alice.invite(bob.name, sdp=sdp())
    for phone in (bob, other):
        phone.expect("INVITE")
        phone.reply(180)
    alice.expect(180)
    other.expect("CANCEL", timeout=3)
    other.call.reply(200, to="CANCEL")
    refuse(other, 487)
    alice.silence(0.05)
    bob.reply(200, sdp=sdp())
    bob.expect("ACK")
    alice.expect(200)
    call.ack()
    office.hang_up(alice, bob)


def test_S3_04b_media_do_not_mix(office):
    """183 with media from one, 200 from another: A gets the 200's."""
    alice, bob = office.phones(2)
    other = office.phone(user=bob.name)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    other.expect("INVITE")
    bob.reply(183, sdp=sdp(port=50001))
    other.reply(180)
    other.reply(200, sdp=sdp(port=50002))
    other.expect("ACK")
    answer = alice.take(lambda m: m.status == 200)
    assert "m=audio 50002" in answer.sdp
    call.ack()
    lose(bob)
    alice.inbox.clear()
    office.hang_up(alice, other)


def test_S4_06b_branch_and_method_alone(office):
    """A response is known by its branch and method; Call-ID and tags may be garbled."""
    alice, call, phones = ring_three(office)
    request = phones[0].call.requests[0]
    m = phones[0].response(request, 486)
    m.headers = [(n, "garbled-" + word() if n == "Call-ID" else v) for n, v in m.headers]
    phones[0].send(m)
    phones[0].checks = False
    phones[0].silence(0.05, but=("ACK",))
    refuse(phones[1], 486)
    refuse(phones[2], 486)
    alice.expect(486)


def test_a_fork_further_on(office):
    """A downstream proxy forks: two 200 with different tags on one branch; the second is ended."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    invite = bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    bob.reply(200, sdp=sdp(port=50001))
    bob.expect("ACK")
    alice.expect(200)
    call.ack()
    bob.checks = False
    bob.send(bob.response(invite, 200, sdp=sdp(port=50009), tag="another" + word()))
    ack, bye = bob.expect("ACK"), bob.expect("BYE")
    assert ack.tag("To") == bye.tag("To") and ack.tag("To").startswith("another")
    bob.send(bob.response(bye, 200))
    bob.call = bob.calls[invite["Call-ID"]]
    bob.call.requests = []
    alice.silence(0.05)
    assert param(bob.call.local, "tag") != ack.tag("To")
    alice.bye()
    bye = bob.expect("BYE")
    assert bye.tag("To") == param(bob.call.local, "tag")
    bob.reply(200)
    alice.expect(200)
    wait_until(lambda: not office.calls_now())
