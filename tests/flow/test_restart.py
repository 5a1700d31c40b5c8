"""Stopped, killed, started again, with calls up (THREATS.md F1, F2, F4, F7, F8; BILLING.md R26, R27): what
was up stays up, and every call has one record."""
import os
import shutil
import signal

import pytest

from calls import Building, sdp, wait_until
from exchange import wait_until as until


@pytest.fixture
def office(cluster, template, tmp_path, request):
    b = Building(cluster, template, tmp_path, users=12)
    b.may_die = True
    before = request.session.testsfailed
    try:
        b.start()
        yield b
        b.after(request.session.testsfailed > before)
    finally:
        b.close()


def up(office, alice, bob):
    """A call whose ACK has been seen: nothing of it is on its way."""
    a, b = office.up(alice, bob)
    a.request("OPTIONS", contact=False)
    alice.expect("OPTIONS 200")
    return a, b


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(office, *names):
    """kill -9 of these children; back when their successors are there."""
    pids = {name: office.x.pid_of(name) for name in names}
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    for name, pid in pids.items():
        until(lambda n=name, p=pid: office.x.pid_of(n) not in (None, p))


def workers(office):
    return [n for n in ("worker 0", "worker 1") if office.x.pid_of(n)]


def kill_all(office):
    """Everything at once, as with a power cut."""
    pids = [office.x.process.pid, *office.x.children()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    office.x.process.wait()
    until(lambda: not any(alive(pid) for pid in pids))


def start_again(office):
    office.x.start(20)
    until(office.is_open, 20)


def talk_on(office, a, b):
    """The call is there: it can be changed, and ended."""
    a.reinvite(sdp=sdp(port=40020))
    assert "m=audio 40020" in b.ua.expect("INVITE").sdp
    b.reply(200, sdp=sdp(port=50020))
    b.ua.expect("ACK")
    a.ua.expect(200)
    a.ack()
    b.bye()
    b.ua.expect(200)
    a.ua.expect("BYE")
    a.reply(200)


def test_F8_stopped_and_started_with_a_call_up(office):
    """SIGTERM, start: re-INVITE and BYE work, the record is right and covers the whole call."""
    alice, bob = office.phones(2)
    a, b = up(office, alice, bob)
    office.stop()
    start_again(office)
    assert len(office.calls_now()) == 1
    talk_on(office, a, b)
    r = office.record(a, disposition="answered", released_by="callee", end_reason="normal")
    assert r.cdr["bill_ms"] > 100


def test_F8_stopped_and_started_while_it_rings(office):
    """One is answered afterwards, one is cancelled."""
    alice, bob, carol = office.phones(3)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    c = carol.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    second = bob.call
    bob.reply(180)
    carol.expect(180)
    office.stop()
    start_again(office)
    first = [x for x in bob.calls.values() if x is not second and x.requests][0]
    first.reply(200, sdp=sdp())
    bob.expect("ACK")
    alice.expect(200)
    a.ack()
    c.cancel()
    carol.expect("CANCEL 200")
    carol.expect(487)
    bob.expect("CANCEL")
    second.reply(200, to="CANCEL")
    second.reply(487, to="INVITE")
    bob.expect("ACK")
    a.bye()
    bob.expect("BYE")
    bob.reply(200)
    alice.expect(200)
    office.record(a, disposition="answered")
    office.record(c, disposition="cancelled")


def test_F8_registrations_stay(office):
    alice, bob = office.phones(2)
    office.stop()
    start_again(office)
    a, b = up(office, alice, bob)
    office.hang_up(alice, bob)
    assert a and b


def test_F1_M_02_R26_a_worker_is_killed_with_calls_up(office):
    """In each worker: re-INVITE and BYE work within a second, one record each."""
    alice, bob = office.phones(2)
    calls = [up(office, alice, bob) for _ in range(4)]
    kill(office, *workers(office))
    for a, b in calls:
        talk_on(office, a, b)
        office.record(a, disposition="answered", end_reason="normal")


def test_F1_again_and_again(office):
    alice, bob = office.phones(2)
    a, b = up(office, alice, bob)
    for _ in range(3):
        kill(office, *workers(office))
        a.reinvite(sdp=sdp(port=40022))
        bob.expect("INVITE")
        b.reply(200, sdp=sdp(port=50022))
        bob.expect("ACK")
        alice.expect(200)
        a.ack()
    office.hang_up(alice, bob)
    office.record(a, disposition="answered")


def test_F2_a_worker_is_killed_while_it_rings(office):
    """The call goes on: the answer reaches A."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(180)
    alice.expect(180)
    kill(office, *workers(office))
    bob.reply(200, sdp=sdp())
    bob.expect("ACK")
    alice.expect(200)
    a.ack()
    office.hang_up(alice, bob)
    office.record(a, disposition="answered")


def test_F2_killed_before_the_answer_is_acknowledged(office):
    """The 200 goes on being repeated; A's ACK ends that."""
    alice, bob = office.phones(2)
    a = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(200, sdp=sdp())
    bob.expect("ACK")
    alice.expect(200)
    kill(office, *workers(office))
    until(lambda: alice.silence(0.1) or [m for m in alice.repeats if m.status == 200])
    a.ack()
    office.hang_up(alice, bob)
    office.record(a, disposition="answered")


@pytest.mark.parametrize("name", ["front 0", "registrar", "resolver", "store", "control"])
def test_F4_another_process_is_killed(office, name):
    """Calls and bindings stay; new calls are possible at once."""
    alice, bob = office.phones(2)
    a, b = up(office, alice, bob)
    kill(office, name)
    talk_on(office, a, b)
    office.record(a, seconds=10, disposition="answered")
    wait_until(office.is_open, 10)
    c, d = up(office, bob, alice)
    office.hang_up(bob, alice)
    office.record(c, seconds=10)
    assert d


def test_F4_a_worker_is_killed_and_tcp_stays(office):
    """Connections are the fronts': the phones do not notice."""
    alice, bob = office.phones(2, transport="tcp")
    a, b = up(office, alice, bob)
    kill(office, *workers(office))
    talk_on(office, a, b)
    office.record(a, disposition="answered")


def test_F7_everything_is_killed(office):
    """kill -9 of all, started again: run_dir is still there, and so is the call."""
    alice, bob = office.phones(2)
    a, b = up(office, alice, bob)
    kill_all(office)
    start_again(office)
    assert len(office.calls_now()) == 1
    talk_on(office, a, b)
    office.record(a, disposition="answered", end_reason="normal")


def test_F7_R27_power_cut(office):
    """run_dir is gone too: the call is closed in the tables, marked as reconstructed; bindings come
    back from the database."""
    alice, bob = office.phones(2)
    a, b = up(office, alice, bob)
    until(lambda: office.sql("select count(*) n from tandem.binding")[0]["n"] == 2)
    until(lambda: spooled(office), 3)
    kill_all(office)
    killed = office.sql("select now() at")[0]["at"]
    shutil.rmtree(office.x.run_dir)
    office.x.run_dir.mkdir()
    start_again(office)
    rows = until(lambda: office.rows_of(a.call_id), 5)
    assert len(rows) == 1
    assert (rows[0]["record_type"], rows[0]["end_reason"], rows[0]["estimated"]) == (
        "system_closed", "system_failure", True)
    assert rows[0]["answer_at"] <= rows[0]["end_at"] <= killed
    assert office.sql("select * from tandem.call where not closed") == []
    alice.placed.clear()
    a.bye()
    alice.expect(481)
    c, d = up(office, alice, bob)
    office.hang_up(alice, bob)
    assert b and d


def spooled(office):
    """The call's open record has reached the journal."""
    return any(f.stat().st_size > 200 for f in office.x.spool_dir.rglob("*") if f.is_file())


def test_A4_replay_after_a_restart(office):
    """Credentials that were used are used, whoever has died since."""
    alice, bob = office.phones(2)
    call = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    bob.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    auth = ("Proxy-Authorization", call.invite_sent["Proxy-Authorization"])
    for again in (lambda: kill(office, *workers(office)),
                  lambda: (office.stop(), start_again(office)),
                  lambda: (kill_all(office), start_again(office))):
        again()
        stolen = alice.new_call(bob.name)
        stolen.request("INVITE", sdp=sdp(), auth=auth)
        assert alice.take(lambda m: m.call is stolen and (m.status or 0) > 100).status == 407
        bob.silence(0.05)


def test_F8_upgraded_in_place_with_a_call_up(office):
    """tandemctl upgrade: new processes, the same sockets, the same calls; ringing ones too."""
    alice, bob = office.phones(2)
    a, b = up(office, alice, bob)
    c = bob.invite(alice.name, sdp=sdp())
    alice.expect("INVITE")
    d = alice.call
    d.reply(180)
    bob.expect(180)
    before = office.x.children()
    office.ctl("upgrade")
    office.x.wait_told("READY=1")
    until(lambda: not set(before) & set(office.x.children()), 10)
    until(office.is_open, 10)
    assert len(office.calls_now()) == 2
    d.reply(200, to="INVITE", sdp=sdp())
    alice.expect("ACK")
    bob.expect(200)
    c.ack()
    talk_on(office, a, b)
    c.bye()
    alice.expect("BYE")
    d.reply(200)
    bob.expect(200)
    office.record(a, disposition="answered", end_reason="normal")
    office.record(c, disposition="answered", end_reason="normal")


def test_F9_reload_with_a_call_up(office):
    """Timers change, calls go on; a wrong file changes nothing and says why."""
    alice, bob = office.phones(2)
    a, b = up(office, alice, bob)
    office.x.write_conf(timers={"t1_ms": 100})
    office.ctl("reload")
    office.x.write_conf(timers={"t1_ms": -1})
    status, _, err = office.ctl("reload", check=False)
    assert status == 1 and "t1_ms" in err
    talk_on(office, a, b)
    office.record(a, disposition="answered")
    c = alice.invite(bob.name, sdp=sdp())
    bob.expect("INVITE")
    d = bob.call
    bob.silence(0.5)            # repeated at 100 and 300 ms now
    assert len(bob.repeats) >= 2
    d.reply(486)
    bob.expect("ACK")
    alice.expect(486)
    assert c


@pytest.mark.parametrize("moment", range(6))
def test_F2_killed_at_any_moment(office, moment):
    """Both workers are killed as a message reaches them, at each step of a call. Phones repeat what is
    not answered, as phones do; nobody is told two things, and there is one record."""
    alice, bob = office.phones(2)

    def step(now):
        if now == moment:
            for name in workers(office):
                os.kill(office.x.pid_of(name), signal.SIGKILL)

    a = alice.new_call(bob.name)
    alice.placed.append(a)
    a.request("INVITE", sdp=sdp())
    a.again_with(persist(a, alice, lambda m: m.status == 407))
    step(0)
    invite = persist(a, bob, lambda m: m.method == "INVITE")
    b = invite.call
    b.reply(180)
    step(1)
    ok = b.reply(200, sdp=sdp(), to=invite)
    step(2)
    got = persist(b, bob, lambda m: m.method in ("ACK", "CANCEL", "BYE"),
                  lambda: bob.send(ok, back=invite))
    m = persist(a, alice, lambda m: m.call is a and (m.status or 0) >= 200, lambda: None)
    if m.status >= 300:             # it was in hand when the worker died: it was ended
        assert m.status in (408, 480, 500, 503), m
        end_quietly(bob)
        return
    assert got.method == "ACK"
    a.ack()
    step(3)
    alice.silence(0.6, but=(180, 200))  # the 200 may come again, if the ACK went down with the worker
    a.ack()
    a.bye()
    step(4)
    persist(a, alice, lambda m: m.status and m.cseq_method == "BYE")
    step(5)
    bye = persist(a, bob, lambda m: m.method == "BYE", lambda: None)
    bob.send(bob.response(bye, 200))
    until(lambda: not office.calls_now())


def persist(call, phone, wanted, again=None):
    """What is wanted, repeating the last request, or `again`, until it comes."""
    for _ in range(12):
        try:
            return phone.take(wanted, timeout=0.4)
        except AssertionError:
            (again or call.resend)()
    raise AssertionError(phone.story("it never came"))


def end_quietly(phone):
    """A phone whose call was ended by the exchange: BYE, or CANCEL, or both."""
    phone.silence(0.3, but=("BYE", "CANCEL", "ACK"))
    for m in [m for m in phone.inbox if m.method in ("BYE", "CANCEL")]:
        phone.send(phone.response(m, 200))
    phone.inbox.clear()
