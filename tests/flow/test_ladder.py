"""tandemctl call show: the ladder of a call that is up, and of one that has ended."""
import json
import os
import re
import signal

import pytest

from calls import Building, exchange, sdp, wait_until

building, office = exchange()


def show(office, call_id):
    return json.loads(office.ctl("call", "show", call_id, "--json"))


def lines(office, call_id):
    """The drawing: its arrows, [(seconds, the rest of the line)], and what stands above them."""
    above, arrows = [], []
    for line in office.ctl("call", "show", call_id).splitlines():
        arrow = re.fullmatch(r" *(\d+\.\d{3})(  .*)", line)
        if arrow:
            arrows.append((float(arrow[1]), arrow[2]))
        elif not arrows:
            above.append(line)
    return arrows, above[above.index("", len(above) - 4) + 1:]


def words(arrows):
    """Which way they go, and what they say."""
    return ["%s %s" % ("<" if "<" in text else ">", re.sub(r"[-|<> ]+", " ", text).strip())
            for _, text in arrows]


def said(entries, leg=None):
    """Entries in short: "1<INVITE+"."""
    return ["%d%s%s%s" % (e["leg"], ">" if e["sent"] else "<", e.get("status", e["method"]),
                          "+" if e.get("sdp") else "")
            for e in entries if leg in (None, e["leg"])]


UP = ["1<INVITE+", "1>100", "2>INVITE+", "2<180", "1>180", "2<200+", "2>ACK", "1>200+", "1<ACK"]


def test_a_call_that_is_up_and_then_is_over(office):
    alice, bob = office.phones(2)
    a, b = office.up(alice, bob)
    row, = wait_until(office.calls_now)
    now = wait_until(lambda: (s := show(office, row["id"]))["ladder"][-1]["method"] == "ACK" and s)
    assert (now["state"], now["from"], now["to"]) == ("up", alice.name, bob.name)
    assert said(now["ladder"]) == UP
    assert sorted((leg["leg_no"], leg["party"], leg["remote_address"]) for leg in now["legs"]) == [
        (1, alice.name, alice.sent_by), (2, bob.name, bob.sent_by)]
    assert all("end_at" not in leg for leg in now["legs"])
    drawn, (names, places) = lines(office, row["id"])
    assert names.split() == [alice.name, "tandem", bob.name]
    assert places.split() == ["s", alice.sent_by, bob.sent_by]
    assert words(drawn) == ["> INVITE (sdp)", "< 100 Trying", "> INVITE (sdp)", "< 180 Ringing",
                            "< 180 Ringing", "< 200 OK (sdp)", "> ACK", "< 200 OK (sdp)", "> ACK"]
    assert max(len(line) for line in office.ctl("call", "show", row["id"]).splitlines()) < 80
    office.hang_up(alice, bob)
    r = office.record(a)
    assert r.call["call_id"] == row["id"]
    over = show(office, row["id"])
    assert over["state"] == "ended" and len(over["segments"]) == 1
    assert said(over["ladder"]) == UP + ["1<BYE", "1>200", "2>BYE", "2<200"]
    assert over["ladder"][:len(UP)] == now["ladder"]
    assert over["ladder"] == r.call["ladder"]
    assert [leg["party"] for leg in over["legs"]] == [alice.name, bob.name]
    out = office.ctl("call", "show", row["id"])
    assert out.startswith("the call has ended; its record:\n")
    assert words(lines(office, row["id"])[0])[-4:] == ["> BYE", "< 200 OK (BYE)", "> BYE", "< 200 OK (BYE)"]


def test_three_legs(office):
    alice, one = office.phones(2)
    other = office.phone(user=one.name)
    a = alice.invite(one.name, sdp=sdp())
    for phone in (one, other):
        phone.expect("INVITE")
        phone.reply(180)
    alice.expect(180)
    other.reply(200, sdp=sdp())
    other.expect("ACK")
    alice.expect(200)
    a.ack()
    one.expect("CANCEL")
    one.call.reply(200, to="CANCEL")
    one.call.reply(487, to="INVITE")
    one.expect("ACK")
    row, = office.calls_now()
    office.hang_up(other, alice)
    office.record(a)
    entries = show(office, row["id"])["ladder"]
    leg = {e["leg"] for e in entries if e["method"] == "CANCEL"}.pop()
    assert said(entries, leg) == ["%d%s" % (leg, w) for w in (
        ">INVITE+", "<180", ">CANCEL", "<200", "<487", ">ACK")]
    out = office.ctl("call", "show", row["id"])
    drawn, heads = lines(office, row["id"])
    assert heads[0].split() == [alice.name, "tandem", one.name, one.name]
    assert max(len(text) for text in out.splitlines()[-len(drawn) - 2:]) <= 80
    assert all(text.count("|") >= 3 for _, text in drawn)


def test_five_parties(office):
    """It is as wide as it must be, and nobody's port is cut off."""
    alice, one = office.phones(2)
    phones = [one] + [office.phone(user=one.name) for _ in range(3)]
    a = alice.invite(one.name, sdp=sdp())
    for phone in phones:
        phone.expect("INVITE")
        phone.reply(486)
        phone.expect("ACK")
    alice.expect(486)
    r = office.record(a)
    drawn, (names, hosts, ports) = lines(office, r.call["call_id"])
    assert names.split() == [alice.name, "tandem"] + 4 * [one.name]
    assert hosts.split() == ["s"] + 5 * ["127.0.0.1"]
    assert sorted(ports.split()) == sorted(":" + p.sent_by.split(":")[1] for p in [alice] + phones)
    assert words(drawn).count("< 486") == 5


def test_refused_before_anybody_was_called(office):
    alice = office.phone()
    a = alice.invite("nobody-of-this-name", sdp=sdp())
    alice.expect(404)
    r = office.record(a)
    assert said(show(office, r.call["call_id"])["ladder"]) == ["1<INVITE+", "1>100", "1>404"]
    drawn, (names, _) = lines(office, r.call["call_id"])
    assert names.split() == [alice.name, "tandem"]
    assert words(drawn) == ["> INVITE (sdp)", "< 100 Trying", "< 404 Not Found"]


# --- workers that die or stand still ------------------------------------------------------------------

@pytest.fixture
def fragile(cluster, template, tmp_path):
    b = Building(cluster, template, tmp_path, users=12)
    b.may_die = True
    try:
        yield b.start()
    finally:
        b.close()


def test_after_a_kill(fragile):
    """What was said before stays said."""
    alice, bob = fragile.phones(2)
    a, b = fragile.up(alice, bob)
    row, = wait_until(fragile.calls_now)
    wait_until(lambda: said(show(fragile, row["id"])["ladder"]) == UP)
    for name in ("worker 0", "worker 1"):
        pid = fragile.x.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: fragile.x.pid_of(name) not in (None, pid))
    wait_until(lambda: said(show(fragile, row["id"]).get("ladder", [])) == UP)
    b.bye()
    alice.expect("BYE")
    alice.reply(200)
    bob.expect(200)
    r = fragile.record(a)
    assert said(show(fragile, row["id"])["ladder"]) == UP + ["2<BYE", "2>200", "1>BYE", "1<200"]
    assert r.call["ladder"][-1]["ms"] > r.call["ladder"][0]["ms"]


def show_without(office, names, call):
    """A call while these processes stand still; None when that took so long that they were replaced."""
    pids = [wait_until(lambda n=n: office.x.pid_of(n)) for n in names]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        return show(office, call)
    finally:
        try:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return None


def test_a_worker_that_does_not_answer(fragile):
    """What its view says is shown all the same."""
    alice, bob = fragile.phones(2)
    fragile.up(alice, bob)
    row, = wait_until(fragile.calls_now)
    shown = wait_until(lambda: show_without(fragile, ("worker 0", "worker 1"), row["id"]), 20)
    assert shown["state"] == "up" and "ladder" not in shown
    fragile.hang_up(alice, bob)
