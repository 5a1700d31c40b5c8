"""S4-13 with the dialog package (RFC 4235): the lamp for another's calls."""
import os
import signal

import pytest

from calls import exchange, sdp, wait_until
from sip_text import param
from ua import UA
from watch import Watch, find, sub_state, tag

building, office = exchange(timers=dict(t1_ms=100))


@pytest.fixture
def lamp(office):
    """A watcher: lamp(whom); it is a plain UA, for what it is shown are the identifiers of others."""
    made = []

    def watch(of, ua=None, **more):
        ua = ua or UA(office.user(), office.server)
        made.append(ua)
        return Watch(ua, of, "dialog", **more)

    yield watch
    for ua in made:
        ua.close()


def calls(document):
    """(direction, state, remote identity) of each dialog; a terminated one has only its state."""
    found = []
    for d in find(document, "dialog"):
        state = find(d, "state")[0].text
        remote = find(d, "remote", "identity")
        found.append((d.get("direction"), state, remote[0].text if remote else None))
    return sorted(found, key=str)


def states(document):
    return sorted(c[1] for c in calls(document))


def ids(document):
    return [d.get("id") for d in find(document, "dialog")]


def till(watch, *wanted):
    return watch.until(lambda d: states(d) == sorted(wanted))


# --- one call -------------------------------------------------------------------------------------

def test_S4_13_a_lamp_for_the_called(office, lamp):
    """Idle, early, confirmed, terminated; version from 0, one up each time; one dialog with one id."""
    alice, bob = office.phones(2)
    w = lamp(bob.name)
    first = w.state()
    assert w.last["Content-Type"] == "application/dialog-info+xml"
    assert tag(first) == "dialog-info" and first.get("version") == "0"
    assert first.get("entity") == bob.aor and first.get("state") == "full" and calls(first) == []
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    trying = w.state()
    assert states(trying) == ["trying"] and trying.get("version") == "1"
    bob.reply(180)
    alice.expect(180)
    early = w.state()
    assert calls(early) == [("recipient", "early", alice.aor)]
    bob.reply(200, sdp=sdp())
    alice.expect(200)
    a.ack()
    bob.expect("ACK")
    confirmed = w.state()
    assert calls(confirmed) == [("recipient", "confirmed", alice.aor)]
    assert ids(trying) == ids(early) == ids(confirmed)
    dialog = find(confirmed, "dialog")[0]
    assert dialog.get("call-id") == bob.call.call_id
    assert dialog.get("local-tag") == param(bob.call.local, "tag")
    assert dialog.get("remote-tag") == param(bob.call.remote, "tag")
    assert find(dialog, "local", "identity")[0].text == bob.aor
    assert find(dialog, "remote", "target")[0].get("uri") == alice.aor
    a.bye()
    bob.expect("BYE")
    bob.reply(200)
    alice.expect(200)
    last = w.state()
    assert states(last) == ["terminated"] and ids(last) == ids(confirmed)
    assert [int(d.get("version")) for d in (confirmed, last)] == [3, 4]
    w.ua.silence(0.2)
    w.again(600)
    assert calls(w.state()) == []


def test_S4_13_a_lamp_for_the_caller(office, lamp):
    alice, bob = office.phones(2)
    w = lamp(alice.name)
    w.state()
    a, b = office.up(alice, bob)
    document = till(w, "confirmed")
    assert calls(document) == [("initiator", "confirmed", bob.aor)]
    dialog = find(document, "dialog")[0]
    assert dialog.get("call-id") == a.call_id
    assert dialog.get("local-tag") == param(a.local, "tag")
    assert dialog.get("remote-tag") == param(a.remote, "tag")
    b.bye()
    bob.expect(200)
    alice.expect("BYE")
    alice.reply(200)
    till(w, "terminated")


def test_S4_13_a_call_that_is_up_already(office, lamp):
    """The first NOTIFY has it."""
    alice, bob = office.phones(2)
    a, _ = office.up(alice, bob)
    w = lamp(bob.name)
    assert calls(w.state()) == [("recipient", "confirmed", alice.aor)]
    other = lamp(alice.name)
    assert calls(other.state()) == [("initiator", "confirmed", bob.aor)]
    a.bye()
    bob.expect("BYE")
    bob.reply(200)
    alice.expect(200)
    till(w, "terminated")
    till(other, "terminated")


@pytest.mark.parametrize("how", ["busy", "cancelled"])
def test_S4_13_a_call_in_vain(office, lamp, how):
    alice, bob = office.phones(2)
    w = lamp(bob.name)
    w.state()
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    till(w, "early")
    if how == "busy":
        bob.reply(486)
        bob.expect("ACK")
        alice.expect(486)
    else:
        a.cancel()
        alice.expect("CANCEL 200")
        alice.expect(487)
        bob.expect("CANCEL")
        bob.reply(200, to="CANCEL")
        bob.reply(487, to="INVITE")
        bob.expect("ACK")
    till(w, "terminated")


def test_S4_13_phones_that_ring_at_once_are_one_call(office, lamp):
    """Three phones of one user: one dialog; that two are cancelled when one answers ends nothing."""
    alice = office.phone()
    desk = office.phone()
    others = [office.phone(desk.name) for _ in range(2)]
    w = lamp(desk.name)
    w.state()
    a = alice.invite(desk.name, sdp=sdp())
    phones = [desk, *others]
    for phone in phones:
        phone.expect("INVITE")
        phone.reply(180)
    alice.expect(180)
    early = till(w, "early")
    assert len(ids(early)) == 1
    others[0].reply(200, sdp=sdp())
    alice.expect(200)
    a.ack()
    others[0].expect("ACK")
    for phone in (desk, others[1]):
        phone.expect("CANCEL")
        phone.reply(200, to="CANCEL")
        phone.reply(487, to="INVITE")
        phone.expect("ACK")
    seen = [d for d in (till(w, "confirmed"),)]
    w.ua.silence(0.3)
    assert ids(seen[0]) == ids(early)
    assert find(seen[0], "dialog")[0].get("local-tag") == param(others[0].call.local, "tag")
    a.bye()
    others[0].expect("BYE")
    others[0].reply(200)
    alice.expect(200)
    till(w, "terminated")


def test_S4_13_two_calls_are_two_dialogs(office, lamp):
    alice, bob, carol = office.phones(3)
    w = lamp(bob.name)
    w.state()
    a, b = office.up(alice, bob)
    till(w, "confirmed")
    c = bob.invite(carol.name, sdp=sdp())
    carol.expect("INVITE")
    carol.reply(180)
    bob.expect(180)
    document = till(w, "confirmed", "early")
    assert calls(document) == [("initiator", "early", carol.aor), ("recipient", "confirmed", alice.aor)]
    c.cancel()
    bob.expect("CANCEL 200")
    bob.expect(487)
    carol.expect("CANCEL")
    carol.reply(200, to="CANCEL")
    carol.reply(487, to="INVITE")
    carol.expect("ACK")
    till(w, "confirmed", "terminated")
    office.hang_up(a, b.ua)
    till(w, "terminated")


def test_S4_13_a_number_is_its_subscribers(office, lamp):
    """Dialled by his number, watched by his name; and the other way round."""
    alice, bob = office.phones(2)
    number = "+4930%s" % bob.name
    office.ctl("subscriber", "set", bob.name, "number=" + number)
    w = lamp(bob.name)
    w.state()
    wait_until(lambda: lamp(number, status=None).response.status == 200, 3)
    by_number = lamp(number)
    assert by_number.state().get("entity") == "sip:%s@pbx.test" % number
    a = alice.invite(number, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    till(w, "early")
    till(by_number, "early")
    a.cancel()
    alice.expect("CANCEL 200")
    alice.expect(487)
    bob.expect("CANCEL")
    bob.reply(200, to="CANCEL")
    bob.reply(487, to="INVITE")
    bob.expect("ACK")
    till(w, "terminated")


def test_S4_13_names_are_no_markup(office, lamp):
    alice, bob = office.phones(2)
    w = lamp(bob.name)
    w.state()
    alice.display = "<b>&amp;]]>"
    a, b = office.up(alice, bob)
    document = till(w, "confirmed")
    assert find(document, "dialog", "remote", "identity")[0].get("display") == "<b>&amp;]]>"
    office.hang_up(a, bob)
    till(w, "terminated")


def test_S4_13_a_hidden_caller_stays_hidden(office, lamp):
    """RFC 3323: whom the phone may not see, the lamp does not show."""
    alice, bob = office.phones(2)
    w = lamp(bob.name)
    w.state()
    a, b = office.up(alice, bob, headers=[("Privacy", "id")])
    document = till(w, "confirmed")
    assert calls(document) == [("recipient", "confirmed", "sip:anonymous@anonymous.invalid")]
    assert alice.name.encode() not in w.last.body
    office.hang_up(a, bob)
    till(w, "terminated")


def test_S4_13_two_watchers_and_one_who_left(office, lamp):
    alice, bob = office.phones(2)
    one, two, gone = lamp(bob.name), lamp(bob.name), lamp(bob.name)
    for w in (one, two, gone):
        w.state()
    assert sub_state(gone.end())[0] == "terminated"
    a, b = office.up(alice, bob)
    till(one, "confirmed")
    till(two, "confirmed")
    gone.ua.silence(0.1)
    office.hang_up(a, bob)
    till(one, "terminated")
    till(two, "terminated")


def test_S4_13_other_tenants_lamps(office, lamp):
    """Their users are not there for us."""
    office.ctl("tenant", "add", "lamps", "domain=lamps.test")
    office.ctl("subscriber", "import", "-", stdin="user,password\nstella@lamps.test,secret-stella\n")
    bob = office.phone()
    stella = UA("stella", office.server, domain="lamps.test")
    wait_until(lambda: stella.register(status=None).status == 200, 3)
    lamp(bob.aor, ua=stella, status=404)
    lamp("sip:stella@lamps.test", status=404)
    lamp("stella", status=404)


# --- many, and deaths -----------------------------------------------------------------------------

def kill(office, name):
    pid = office.x.pid_of(name)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: office.x.pid_of(name) not in (None, pid))
    office.died += 1


def test_S4_13_lamps_survive_the_registrar(office, lamp):
    """kill -9 with a call up: nothing is told twice, its end is told."""
    alice, bob = office.phones(2)
    w = lamp(bob.name)
    w.state()
    a, b = office.up(alice, bob)
    before = till(w, "confirmed")
    kill(office, "registrar")
    w.ua.silence(0.5)
    office.hang_up(a, bob)
    last = till(w, "terminated")
    assert ids(last) == ids(before)
    assert int(last.get("version")) == int(before.get("version")) + 1


def test_S4_13_what_happens_while_the_registrar_is_dead(office, lamp):
    alice, bob = office.phones(2)
    w = lamp(bob.name)
    w.state()
    a, b = office.up(alice, bob)
    till(w, "confirmed")
    pid = office.x.pid_of("registrar")
    os.kill(pid, signal.SIGSTOP)
    office.hang_up(a, bob)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: office.x.pid_of("registrar") not in (None, pid))
    office.died += 1
    till(w, "terminated")


def test_S4_13_lamps_survive_the_workers(office, lamp):
    """kill -9 of both: a call that was up is shown still, and its end."""
    alice, bob = office.phones(2)
    w = lamp(bob.name)
    w.state()
    a, b = office.up(alice, bob)
    a.request("OPTIONS", contact=False)
    alice.expect("OPTIONS 200")
    till(w, "confirmed")
    kill(office, "worker 0")
    kill(office, "worker 1")
    w.ua.silence(1.2)
    office.hang_up(a, bob)
    till(w, "terminated")
