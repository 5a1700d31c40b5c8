"""S4-13 with message-summary (RFC 3842): the lamp for messages that wait."""
from calls import exchange, wait_until
from watch import Watch, sub_state

building, office = exchange()


def fill(office, phone, new, old, urgent_new=0, urgent_old=0):
    office.sql.do("insert into tandem.mailbox select tenant_id, subscriber_id, %d, %d, %d, %d from"
                  " tandem.subscriber where username = '%s' on conflict (tenant_id, subscriber_id) do"
                  " update set new_messages = excluded.new_messages, old_messages ="
                  " excluded.old_messages, urgent_new = excluded.urgent_new, urgent_old ="
                  " excluded.urgent_old" % (new, old, urgent_new, urgent_old, phone.name))


def lines(text):
    return dict(line.split(": ", 1) for line in text.strip().split("\r\n"))


def test_S4_13_messages_waiting(office):
    """3842 3.5, 5.2: none, some, heard, gone; a change in the database is told within seconds."""
    bob, alice = office.phones(2)
    w = Watch(bob, bob.name, "message-summary", headers=[
        ("Accept", "application/simple-message-summary")])
    first = lines(w.state())
    assert w.last["Content-Type"] == "application/simple-message-summary"
    assert first == {"Messages-Waiting": "no", "Message-Account": bob.aor, "Voice-Message": "0/0 (0/0)"}
    fill(office, bob, 2, 8, 1, 3)
    assert lines(w.state()) == {"Messages-Waiting": "yes", "Message-Account": bob.aor,
                                "Voice-Message": "2/8 (1/3)"}
    fill(office, alice, 1, 1)
    bob.silence(1.5)
    fill(office, bob, 0, 10)
    assert lines(w.state())["Messages-Waiting"] == "no"
    office.sql.do("delete from tandem.mailbox where subscriber_id = %d" % office.subscriber_id(bob.name))
    assert lines(w.state())["Voice-Message"] == "0/0 (0/0)"
    assert sub_state(w.end())[0] == "terminated"


def test_S4_13_messages_of_another(office):
    alice, bob = office.phones(2)
    Watch(alice, bob.name, "message-summary", status=403)


def test_S4_13_messages_of_before(office):
    bob = office.phone()
    fill(office, bob, 3, 0)
    wait_until(lambda: "3/0" in Watch(bob, bob.name, "message-summary", expires=0).state(), 3)
