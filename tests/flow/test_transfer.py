"""Transfer as phones and readers of SQL see it (FLOWS.md S2-02r; BILLING.md R11 to R14)."""
from calls import exchange, sdp, wait_until

building, office = exchange()


def rows(office, call):
    """All segments of the record in which this call stands, when it is closed."""
    def found():
        got = office.sql("select c.* from tandem.cdr c join tandem.call k using (call_id) where k.closed"
                         " and c.call_id in (select call_id from tandem.cdr where in_sip_call_id = '%s')"
                         " order by c.seq" % call.call_id)
        return got or None
    return wait_until(found, 5)


def columns(segments, *names):
    return [tuple(s[n] for n in names) for s in segments]


def audit(office):
    assert office.sql("select * from tandem.v_billing_audit") == []


def notified(phone, status, state, call=None):
    """A NOTIFY of the REFER, which is answered; others that tell of progress may come before."""
    while True:
        m = phone.expect("NOTIFY", call=call)
        assert m["Content-Type"] == "message/sipfrag;version=2.0" and m["Event"].startswith("refer")
        phone.call.reply(200, to=m)
        text = m.body.decode() if isinstance(m.body, bytes) else m.body
        if text.startswith("SIP/2.0 %d " % status):
            assert m["Subscription-State"].startswith(state), m
            return m
        assert m["Subscription-State"].startswith("active"), m


def refer(call, to, headers=()):
    call.request("REFER", headers=[("Refer-To", "<sip:%s@pbx.test>" % to), *headers])
    call.expect(202)
    notified(call.ua, 100, "active", call)


def replaces(call):
    """The dialog of a call in a Refer-To of its own phone, as RFC 5589 writes it."""
    tags = call.remote.split("tag=")[1], call.local.split("tag=")[1]
    return "?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s" % (call.call_id.replace("@", "%40"), *tags)


def target_answers(transferee, target, port):
    """The target makes the offer, the transferee's new answer goes into its ACK."""
    c = target.call
    c.reply(200, sdp=sdp(port=port))
    offer = transferee.expect("INVITE")
    assert b"m=audio %d" % port in bytes(offer.body)
    transferee.call.reply(200, sdp=sdp(port=40100))
    transferee.expect("ACK")
    assert b"m=audio 40100" in bytes(target.expect("ACK").body)
    return c


def let_go(phone, call):
    phone.expect("BYE", call=call)
    call.reply(200)


def test_S2_02r_R11_blind(office):
    """A called B, who transfers A to C: both go on paying for what they began."""
    alice, bob, carol = office.phones(3)
    a, b = office.up(alice, bob)
    alice.silence(0.3)
    refer(b, carol.name)
    invite = carol.expect("INVITE")
    assert "<sip:%s@" % alice.name in invite["From"]
    assert invite["Referred-By"] == "<sip:%s@pbx.test>" % bob.name
    carol.call.reply(180)
    target_answers(alice, carol, 50100)
    notified(bob, 200, "terminated;reason=noresource", b)
    let_go(bob, b)
    alice.silence(0.3)
    office.hang_up(a, carol)
    got = rows(office, a)
    assert columns(got, "segment_kind", "parent_seq", "payer_number", "called_number", "disposition",
                   "released_by") == [
        ("direct", None, alice.name, bob.name, "answered", "caller"),
        ("transfer_blind", 1, bob.name, carol.name, "answered", "caller")]
    assert got[0]["bill_ms"] >= 600 and 300 <= got[1]["bill_ms"] < got[0]["bill_ms"]
    assert got[1]["payer_account_id"] == office.subscriber_id(bob.name)
    audit(office)


def test_S2_02r_R12_blind_by_the_caller(office):
    alice, bob, carol = office.phones(3)
    b, a = office.up(bob, alice)
    office.unrecorded.add(b.call_id) # two segments bear it
    refer(b, carol.name)
    b.bye()
    b.expect(200)
    carol.expect("INVITE")
    c = target_answers(alice, carol, 50100)
    notified(bob, 200, "terminated", b)
    office.hang_up(c, alice)
    got = rows(office, b)
    assert columns(got, "segment_kind", "payer_number", "called_number", "disposition") == [
        ("direct", bob.name, alice.name, "answered"), ("transfer_blind", bob.name, carol.name, "answered")]
    audit(office)


def test_R14_the_target_is_busy(office):
    alice, bob, carol = office.phones(3)
    a, b = office.up(alice, bob)
    refer(b, carol.name)
    carol.expect("INVITE")
    carol.call.reply(486)
    carol.expect("ACK")
    notified(bob, 486, "terminated", b)
    office.hang_up(b, alice)
    got = rows(office, a)
    assert columns(got, "segment_kind", "disposition", "sip_code", "bill_ms", "payer_number")[1] == (
        "transfer_blind", "busy", 486, 0, bob.name)
    assert got[0]["disposition"] == "answered"
    audit(office)


def test_C27_R14_the_transferor_is_called_back(office):
    alice, bob, carol = office.phones(3)
    a, b = office.up(alice, bob)
    refer(b, carol.name)
    carol.expect("INVITE")
    b.bye()
    b.expect(200)
    carol.call.reply(603)
    carol.expect("ACK")
    notified(bob, 603, "terminated", b)
    invite = bob.expect("INVITE")
    assert "<sip:%s@" % alice.name in invite["From"]
    again = target_answers(alice, bob, 50200)
    office.hang_up(again, alice)
    got = rows(office, a)
    assert columns(got, "disposition", "payer_number") == [("answered", alice.name),
                                                           ("rejected", bob.name)]
    audit(office)


def test_S2_02r_R13_attended(office):
    """Each with its own record: A's, and B's for the time from his consultation on. Call by call the
    two are in one worker or in two."""
    for n in range(4):
        alice, bob, carol = office.phones(3)
        a, b = office.up(alice, bob)
        y, c = office.up(bob, carol)
        alice.silence(0.2)
        b.request("REFER", headers=[("Refer-To", "<sip:%s@pbx.test%s>" % (carol.name, replaces(y)))])
        b.expect(202)
        assert carol.expect("INVITE", call=c).body in (b"", "")
        c.reply(200, sdp=sdp(port=50100))
        assert b"m=audio 50100" in bytes(alice.expect("INVITE").body)
        alice.call.reply(200, sdp=sdp(port=40100))
        alice.expect("ACK")
        carol.expect("ACK")
        notified(bob, 200, "terminated", b)
        let_go(bob, b)
        let_go(bob, y)
        office.hang_up(*((a, carol) if n % 2 else (c, alice)))
        one, two = rows(office, a), rows(office, y)
        assert columns(one + two, "segment_kind", "payer_number", "called_number", "disposition") == [
            ("direct", alice.name, bob.name, "answered"),
            ("transfer_consult", bob.name, carol.name, "answered")]
        joined = office.sql("select merged_into from tandem.call where call_id = '%s'" % two[0]["call_id"])
        assert joined[0]["merged_into"] == one[0]["call_id"]
        assert min(one[0]["bill_ms"], two[0]["bill_ms"]) >= 200
    audit(office)


def test_S2_02r_C25_semi_attended(office):
    """Carol still rings when bob transfers."""
    alice, bob, carol = office.phones(3)
    a, b = office.up(alice, bob)
    y = bob.invite(carol.name, sdp=sdp(port=40200))
    carol.expect("INVITE")
    c = carol.call
    c.reply(180)
    y.remote = bob.expect(180, call=y)["To"]
    b.request("REFER", headers=[("Refer-To", "<sip:%s@pbx.test%s>" % (carol.name, replaces(y)))])
    b.expect(202)
    bob.expect(487, call=y)
    c.reply(200, sdp=sdp(port=50100))
    carol.expect("ACK")
    carol.expect("INVITE", call=c)
    target_answers(alice, carol, 50100)
    notified(bob, 200, "terminated", b)
    let_go(bob, b)
    office.hang_up(a, carol)
    audit(office)


def test_C59_a_phone_takes_a_call_of_its_user(office):
    """RFC 3891: the user goes from one of his phones to the other."""
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    desk = office.phone(bob.name)
    tags = b.remote.split("tag=")[1], b.local.split("tag=")[1]
    d = desk.invite(alice.name, sdp=sdp(port=50300), headers=[
        ("Require", "replaces"), ("Replaces", "%s;to-tag=%s;from-tag=%s" % (b.call_id, *tags))])
    office.unrecorded.add(d.call_id)
    assert b"m=audio 50300" in bytes(alice.expect("INVITE").body)
    alice.call.reply(200, sdp=sdp(port=40100))
    alice.expect("ACK")
    desk.expect(200)
    d.ack()
    let_go(bob, b)
    office.hang_up(a, desk)
    assert rows(office, d)[0]["payer_kind"] == "nobody"
    audit(office)
