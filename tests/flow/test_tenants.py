"""Tenants: the same extension in two of them, and nothing crosses: calls, forwards, groups, codes, messages, lamps,
records (CONTRACT.md, SQL; FLOWS.md M-10). No call leads from one to the other, so R30 of BILLING.md does not
arise; pickup is in test_services_phone.py."""
import pytest

from calls import Phone, exchange, sdp, wait_until
from test_codes import dial
from test_redirect import segments

building, office = exchange()

OTHER = "acme.test"


@pytest.fixture
def acme(office):
    """A phone of the other tenant, with the name that one of ours has."""
    if not office.sql("select from tandem.domain where domain = '%s'" % OTHER):
        office.ctl("tenant", "add", "acme", "domain=" + OTHER)

    def phone(user):
        office.ctl("subscriber", "add", "%s@%s" % (user, OTHER), "--password", "secret-" + user)
        p = Phone(user, server=office.server, domain=OTHER, mates=office.present)
        office.present.append(p)
        wait_until(lambda: p.register(status=None).status == 200, 5)
        return p

    return phone


def talk(office, caller, called):
    """A call that is answered; its only segment."""
    call = caller.invite(called.name, sdp=sdp(port=40000))
    called.expect("INVITE")
    called.reply(200, sdp=sdp(port=50000))
    caller.expect(200)
    call.ack()
    called.expect("ACK")
    office.hang_up(caller, called)
    row, = segments(office, call, 1)
    return row


def account(office, phone):
    row, = office.sql("select subscriber_id, tenant_id from tandem.subscriber join tandem.domain using (tenant_id)"
                      " where username = '%s' and domain = '%s'" % (phone.name, phone.domain))
    return row["subscriber_id"], row["tenant_id"]


def heard_nothing(*phones):
    assert not [m for p in phones for m in p.seen if m.method in ("INVITE", "MESSAGE", "CANCEL")]


def test_M_10_the_same_extension_in_two_tenants(office, acme):
    """Each reaches his own colleague; the record is his tenant's."""
    alice, bob = office.phones(2)
    alice2, bob2 = acme(alice.name), acme(bob.name)
    for caller, called, others in ((alice, bob, (alice2, bob2)), (alice2, bob2, ())):
        row = talk(office, caller, called)
        assert (row["payer_account_id"], row["tenant_id"]) == account(office, caller)
        assert row["called_number"] == called.name
        heard_nothing(*others)
        assert office.sql("select tenant_id from tandem.call where call_id = '%s'" % row["call_id"]) == [
            {"tenant_id": row["tenant_id"]}]
    assert account(office, alice)[1] != account(office, alice2)[1]


def test_M_10_nobody_of_the_other_tenant_is_there(office, acme):
    """By his address, by a name that only he has, by explain: as if he did not exist."""
    alice = office.phone()
    zoe = acme("zoe")
    for number in ("zoe", "sip:zoe@" + OTHER):
        call = alice.invite(number, sdp=sdp())
        alice.expect(404)
        segments(office, call, 1)
        assert office.ctl("explain", alice.name, number, check=False)[0] == 1
    heard_nothing(zoe)
    assert "zoe" in office.ctl("explain", "zoe@" + OTHER, "zoe")


def test_M_10_a_forward_into_the_other_tenant(office, acme):
    """Refused where it is set."""
    alice, bob = office.phones(2)
    zoe = acme("zed")
    status, _, err = office.ctl("subscriber", "set", bob.name, "cfu=sip:zed@" + OTHER, check=False)
    assert status == 1 and err.count("\n") == 1
    talk(office, alice, bob)
    heard_nothing(zoe)


def test_M_10_a_code_is_the_diallers_own(office, acme):
    alice = office.phone()
    alice2 = acme(alice.name)
    dial(office, alice2, "*78")
    rows = office.sql("select domain, dnd from tandem.subscriber_service join tandem.subscriber using"
                      " (tenant_id, subscriber_id) join tandem.domain using (tenant_id)"
                      " where username = '%s'" % alice.name)
    assert all(r["dnd"] == (r["domain"] == OTHER) for r in rows) and OTHER in [r["domain"] for r in rows]
    talk(office, office.phone(), alice)


def test_M_10_R5_groups_of_the_same_number(office, acme):
    alice, bob = office.phones(2)
    alice2, bob2 = acme(alice.name), acme(bob.name)
    office.ctl("group", "add", "sales", "number=600", "members=" + bob.name)
    office.ctl("group", "add", "sales@" + OTHER, "number=600", "members=" + bob.name)
    for caller, member, other in ((alice, bob, bob2), (alice2, bob2, None)):
        wait_until(lambda: "rings" in office.ctl("explain", "%s@%s" % (caller.name, caller.domain), "600",
                                                 check=False)[1], 4)
        call = caller.invite("600", sdp=sdp(port=40000))
        member.expect("INVITE")
        member.reply(200, sdp=sdp(port=50000))
        caller.expect(200)
        call.ack()
        member.expect("ACK")
        office.hang_up(caller, member)
        row, = segments(office, call, 1)
        assert (row["connected_number"], row["connected_reason"]) == (member.name, "group")
        assert (row["payer_account_id"], row["tenant_id"]) == account(office, caller)
        if other:
            heard_nothing(other)


def test_M_10_messages(office, acme):
    alice, bob = office.phones(2)
    bob2, zoe = acme(bob.name), acme("zac")
    bob.checks = False          # a message passes with the sender's tag
    call = alice.new_call(bob.name)
    call.request("MESSAGE", body=b"hello", content_type="text/plain", contact=False)
    first = alice.take(lambda m: m.call is call and (m.status or 0) >= 200)
    call.again_with(first)
    bob.expect("MESSAGE")
    bob.reply(200)
    alice.take(lambda m: m.call is call and m.status == 200)
    heard_nothing(bob2, zoe)
