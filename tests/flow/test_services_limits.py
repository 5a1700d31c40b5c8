"""The call limit, barring, emergency numbers and the withheld number, as phones and readers of SQL see them
(SERVICES.md C12, C20, C40, C42; BILLING.md R2, R22)."""
import pytest

from calls import exchange, rings_first, sdp, wait_until
from test_redirect import in_force, reaches

building, office = exchange()


def is_set(office, phone, *settings):
    office.ctl("subscriber", "set", phone.name, *settings)


@pytest.fixture
def trunk(office):
    """The gateway of the emergency numbers."""
    gateway = office.phone(register=False, host="127.0.0.2")
    office.ctl("gateway", "add", "rescue", "host=127.0.0.2", "port=%d" % gateway.link.local[1])
    office.ctl("route", "add", "rescue", "gateway=rescue", "prefix=112")
    yield gateway
    office.ctl("route", "del", "rescue")
    office.ctl("gateway", "del", "rescue")


def is_busy(caller, called):
    """Does the caller hear busy without the called phone's doing?"""
    if rings_first(caller, caller.invite(called.name, sdp=sdp()), called) is None:
        caller.expect(486)
        return True
    called.reply(486)
    called.expect("ACK")
    caller.expect(486)
    return False


def test_S1_13_R2_call_waiting_off(office):
    """Whichever worker has the calls, the second caller hears busy."""
    alice, bob, carol = office.phones(3)
    a, b = office.up(alice, bob)
    is_set(office, bob, "call_waiting=off")
    wait_until(lambda: is_busy(carol, bob), 5)
    for _ in range(4):
        assert is_busy(carol, bob)
        office.record(carol.call, disposition="busy", sip_code=486, bill_ms=0)
    office.hang_up(a, b)


def test_C40_R2_barred(office):
    """A row is written, it says barred and costs nothing."""
    alice = office.phone()
    is_set(office, alice, "barring=outgoing")
    assert reaches(office, alice, "0049301", 403)
    office.record(alice.call, disposition="barred", sip_code=403, bill_ms=0)


def test_C42_C13_R22_emergency(office, trunk):
    """Barred, at the limit, withheld: it rings, who calls is shown, and it is free."""
    alice = office.phone()
    is_set(office, alice, "barring=outgoing,international,premium", "clir=on", "call_limit=1")
    call = in_force(trunk, alice, "112")
    invite = trunk.expect("INVITE")
    assert alice.name in invite["From"] and not invite.has("Privacy")
    trunk.reply(200, sdp=sdp(port=50000))
    alice.expect(200)
    call.ack()
    trunk.expect("ACK")
    office.hang_up(alice, trunk)
    row = office.record(call, disposition="answered", call_class="emergency").cdr
    assert float(row["charge"]) == 0 and row["rated_at"] and row["calling_presentation"] == "allowed"


def test_C42_R22_emergency_numbers_of_the_country(office, trunk):
    """144 is one in Austria: barred until the tenant is there, then put through and free."""
    alice = office.phone()
    office.ctl("route", "add", "rescue144", "gateway=rescue", "prefix=144")
    is_set(office, alice, "barring=outgoing")
    wait_until(lambda: "403" in office.ctl("explain", alice.name, "144"), 5)
    office.ctl("tenant", "set", "default", "country=AT")
    wait_until(lambda: "emergency number" in office.ctl("explain", alice.name, "144"), 5)
    call = alice.invite("144", sdp=sdp())
    trunk.expect("INVITE")
    trunk.reply(486)
    trunk.expect("ACK")
    alice.expect(486)
    assert float(office.record(call, call_class="emergency").cdr["charge"]) == 0
    office.ctl("tenant", "set", "default", "country=")
    office.ctl("route", "del", "rescue144")
