"""Services of the own telephone (SERVICES.md C28, C29, C34 to C36, C43) by code, in SQL and in the records."""
from calls import exchange, sdp, wait_until
from ua import UA

building, office = exchange(processes={"workers": 2})


def closed(office, call):
    return wait_until(lambda: [r for r in office.rows_of(call.call_id) if r["disposition"]], 5)


def merged_into(office, call):
    """The conversation that this call became part of; its only row, and nobody pays (R28)."""
    rows = closed(office, call)
    office.unrecorded.add(call.call_id)     # looked at here
    assert [(r["payer_kind"], r["bill_ms"]) for r in rows] == [("nobody", 0)]
    return office.sql("select merged_into from tandem.call where call_id = '%s'"
                      % rows[0]["call_id"])[0]["merged_into"]


def serve(office, phone, **columns):
    office.sql.do("update tandem.subscriber_service v set %s from tandem.subscriber s where"
                  " s.subscriber_id = v.subscriber_id and s.username = '%s'" % (
                      ", ".join("%s = '%s'" % c for c in columns.items()), phone.name))


def refused(office, phone, number, status):
    call = phone.invite(number, sdp=sdp())
    phone.expect(status)
    office.unrecorded.add(call.call_id)


def is_passed_over(phone):
    assert "Call completed elsewhere" in phone.expect("CANCEL")["Reason"]
    phone.reply(200)
    phone.reply(487, to="INVITE")
    phone.expect("ACK")


def rings(caller, phone):
    call = caller.invite(phone.name, sdp=sdp(port=40000))
    phone.expect("INVITE")
    phone.reply(180)
    caller.expect(180)
    return call


def gives_up(office, a, bob):
    a.cancel()
    a.expect("CANCEL 200")
    a.expect(487)
    bob.expect("CANCEL")
    bob.reply(200)
    bob.reply(487, to="INVITE")
    bob.expect("ACK")
    office.record(a, disposition="cancelled")


def picked_up(office, alice, bob, dave, code):
    """Twice, so that each worker has each of the calls once."""
    a = rings(alice, bob)
    d = dave.invite(code, sdp=sdp(port=42000))
    answer = alice.expect(200)
    assert "m=audio 42000" in answer.sdp and dave.name in answer["P-Asserted-Identity"]
    a.ack()
    is_passed_over(bob)
    assert "m=audio 40000" in dave.expect(200).sdp
    d.ack()
    office.hang_up(d, alice)
    r = office.record(a, disposition="answered", called_number=bob.name, connected_number=dave.name,
                      connected_reason="pickup", released_by="callee")
    assert r.cdr["segment_kind"] == "direct" and merged_into(office, d) == r.call["call_id"]


def test_R15_directed_pickup(office):
    alice, bob, dave = office.phones(3)
    for _ in range(4):
        picked_up(office, alice, bob, dave, "**" + bob.name)
    refused(office, dave, "**" + bob.name, 403)


def test_R15_group_pickup(office):
    alice, bob, dave, carol = office.phones(4)
    refused(office, dave, "*8", 403)
    serve(office, bob, pickup_group="sales")
    serve(office, dave, pickup_group="sales")
    serve(office, carol, pickup_group="support")
    picked_up(office, alice, bob, dave, "*8")
    a = rings(alice, bob)
    refused(office, carol, "*8", 403)
    gives_up(office, a, bob)


def test_nothing_is_picked_up_across_tenants(office):
    """The same pickup group and an extension of the same name in another tenant."""
    alice, bob = office.phones(2)
    office.ctl("tenant", "add", "acme", "domain=acme.test")
    office.ctl("subscriber", "add", "7001@acme.test", "--password", "secret-7001", "pickup_group=sales")
    serve(office, bob, pickup_group="sales")
    office.ctl("subscriber", "add", bob.name + "@acme.test", "--password", "secret-x")
    a = rings(alice, bob)
    with UA("7001", office.server, domain="acme.test") as spy:
        wait_until(lambda: spy.register(status=None).status == 200, 5)
        for code in ("*8", "**" + bob.name):
            spy.invite(code, sdp=sdp())
            spy.expect(403)
    gives_up(office, a, bob)
