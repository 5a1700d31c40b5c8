"""Barring that a user switches with his PIN, and the tracing of malicious calls (SERVICES.md C40, C44)."""
from calls import exchange, sdp
from test_codes import dial, refused

building, office = exchange()


def barring(office, phone):
    return office.sql("select barring from tandem.subscriber_service where subscriber_id = %d"
                      % office.subscriber_id(phone.name))[0]["barring"]


def test_C40_barring_with_a_pin(office):
    alice = office.phone()
    refused(office, alice, "*33*1234#", 403)        # she has no PIN
    office.ctl("subscriber", "set", alice.name, "pin=1234")
    assert dial(office, alice, "*33*1234#") == "barring outgoing"
    refused(office, alice, "0049301", 403)
    assert dial(office, alice, "*331*1234#") == dial(office, alice, "*#33#") == \
        "barring international,outgoing"
    assert dial(office, alice, "*35*1234#") == "barring international,outgoing,incoming"
    assert dial(office, alice, "#333*1234#") == "barring incoming"
    assert dial(office, alice, "#330*1234#") == "barring off"
    row = office.sql("select string_agg(to_jsonb(c)::text || to_jsonb(d)::text, '') as it from tandem.call c"
                     " join tandem.cdr d using (call_id) where d.payer_number = '%s'"
                     " or d.calling_number = '%s'" % (alice.name, alice.name))[0]["it"]
    assert "*33*PIN#" in row and "*33*1234" not in row


def test_C40_three_wrong_pins(office):
    """Then the right one is none any more, and the operator helps."""
    alice = office.phone()
    office.ctl("subscriber", "set", alice.name, "pin=1234")
    for _ in range(3):
        refused(office, alice, "*33*4321#", 403)
    refused(office, alice, "*33*1234#", 403)
    assert "blocked" in office.ctl("subscriber", "show", alice.name)
    assert barring(office, alice) == []
    office.ctl("subscriber", "set", alice.name, "pin=2222")
    dial(office, alice, "*33*2222#")
    assert barring(office, alice) == ["outgoing"]


def test_C40_another_pin(office):
    alice = office.phone()
    office.ctl("subscriber", "set", alice.name, "pin=1234")
    refused(office, alice, "**03**1234*5678*5679#", 403)
    refused(office, alice, "**03**1234*12*12#", 403)
    assert dial(office, alice, "**03*330*1234*5678*5678#") == "PIN changed"
    refused(office, alice, "*33*1234#", 403)
    dial(office, alice, "*33*5678#")
    assert "5678" not in office.ctl("subscriber", "show", alice.name)
    status, _, says = office.ctl("subscriber", "set", alice.name, "pin=12a4", check=False)
    assert (status, says) == (1, "tandemctl: pin: it is 4 to 8 digits\n")


def test_C44_a_malicious_call(office):
    """The number withheld is in the operator's list, once, and nowhere for bob."""
    alice, bob = office.phones(2)
    refused(office, bob, "*57", 403)                # nobody has called
    call = alice.invite(bob.name, sdp=sdp(), headers=[("Privacy", "id")])
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    record = office.record(call, disposition="busy")
    assert dial(office, bob, "*57") == dial(office, bob, "*39#") == "The last call is traced"
    rows = office.sql("select * from tandem.malicious_calls(now() - interval '1 hour')"
                      " where subscriber_id = %d" % office.subscriber_id(bob.name))
    assert [(r["calling_number"], r["call_id"]) for r in rows] == [(alice.name, record.call["call_id"])]
    events = office.sql("select kind, detail from tandem.cdr_event where call_id = '%s'"
                        " and kind::text = 'trace'" % record.call["call_id"])
    assert len(events) == 1
